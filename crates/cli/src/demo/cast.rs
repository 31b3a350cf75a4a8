//! Who takes part: two organizations, their people, machines and things. All invented; addresses are those set aside for
//! documentation.

use indelible_event::{Event, Field};

/// An organization of the demonstration.
#[derive(Debug)]
pub(crate) struct Organization {
    /// Its name in addresses.
    pub(crate) id: &'static str,
    /// What it is called.
    pub(crate) title: &'static str,
    pub(super) seed: u64,
    /// Which copy of the programs it runs.
    pub(super) instance: &'static str,
    /// The systems it uses, and how much.
    pub(super) systems: &'static [(&'static str, u64)],
    pub(super) people: &'static [Person],
    /// A program that never rests.
    pub(super) service: Person,
    /// Sessions of one person on a working day.
    pub(super) sessions: u64,
    /// What the program that never rests does on one day.
    pub(super) requests: i64,
    /// One of its producers loses events.
    pub(super) loses: bool,
}

/// Somebody who acts.
#[derive(Debug)]
pub(crate) struct Person {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    pub(super) kind: &'static str,
    pub(super) address: &'static str,
}

const fn person(id: &'static str, name: &'static str, email: &'static str, address: &'static str) -> Person {
    Person { id, name, email, kind: "user", address }
}

impl Person {
    /// Makes an event this person's.
    pub(super) fn signs(&self, event: &mut Event, address: Option<&str>) {
        event.set(Field::ActorId, self.id);
        event.set(Field::ActorName, self.name);
        event.set(Field::ActorKind, self.kind);
        if self.email.is_empty() {
            event.remove(Field::ActorEmail);
        } else {
            event.set(Field::ActorEmail, self.email);
        }
        event.set(Field::OriginAddress, address.unwrap_or(self.address));
    }
}

/// The catalogs of what happens.
pub(super) const SYSTEMS: [&str; 3] = ["netop", "openkat", "sanernow"];

/// Both organizations; the tour begins in the first.
pub(crate) const ORGANIZATIONS: &[Organization] = &[
    Organization {
        id: "noordwal",
        title: "Noordwal Hospital",
        seed: 7_513,
        instance: "nw-prod-1",
        systems: &[("openkat", 4), ("netop", 4), ("sanernow", 2)],
        people: NOORDWAL,
        service: Person {
            id: "svc-inventory",
            name: "svc-inventory",
            email: "",
            kind: "service",
            address: "192.0.2.250",
        },
        sessions: 9,
        requests: 480,
        loses: true,
    },
    Organization {
        id: "kestrel",
        title: "Kestrel Logistics",
        seed: 2_718,
        instance: "kl-prod-1",
        systems: &[("sanernow", 5), ("netop", 3), ("openkat", 1)],
        people: KESTREL,
        service: Person {
            id: "svc-patching",
            name: "svc-patching",
            email: "",
            kind: "service",
            address: "203.0.113.250",
        },
        sessions: 7,
        requests: 384,
        loses: false,
    },
];

const NOORDWAL: &[Person] = &[
    person("u-101", "Anneke de Wit", "a.dewit@noordwal.example", "192.0.2.11"),
    person("u-102", "Bram Kuipers", "b.kuipers@noordwal.example", "192.0.2.12"),
    person("u-103", "Chaima El Idrissi", "c.elidrissi@noordwal.example", "192.0.2.13"),
    person("u-104", "Daan Vermeer", "d.vermeer@noordwal.example", "192.0.2.14"),
    person("u-105", "Esra Yılmaz", "e.yilmaz@noordwal.example", "192.0.2.15"),
    person("u-106", "Femke Postma", "f.postma@noordwal.example", "192.0.2.16"),
    person("u-107", "Gijs van Loon", "g.vanloon@noordwal.example", "192.0.2.17"),
    person("u-108", "Hanna Sørensen", "h.sorensen@noordwal.example", "192.0.2.18"),
    person("u-109", "Ibrahim Osman", "i.osman@noordwal.example", "192.0.2.19"),
    person("u-110", "Joris Meijer", "j.meijer@noordwal.example", "192.0.2.20"),
    person("u-111", "Katarzyna Nowak", "k.nowak@noordwal.example", "192.0.2.21"),
    person("u-112", "Lotte Hendriks", "l.hendriks@noordwal.example", "192.0.2.22"),
    person("u-113", "Mehmet Kaya", "m.kaya@noordwal.example", "192.0.2.23"),
    person("u-114", "Noor Bakker", "n.bakker@noordwal.example", "192.0.2.24"),
    person("u-115", "Olga Petrova", "o.petrova@noordwal.example", "192.0.2.25"),
    person("u-116", "Pieter Smit", "p.smit@noordwal.example", "192.0.2.26"),
];

const KESTREL: &[Person] = &[
    person("k-01", "Aisha Khan", "aisha.khan@kestrel.example", "203.0.113.11"),
    person("k-02", "Ben Carter", "ben.carter@kestrel.example", "203.0.113.12"),
    person("k-03", "Chloé Martin", "chloe.martin@kestrel.example", "203.0.113.13"),
    person("k-04", "Diego Torres", "diego.torres@kestrel.example", "203.0.113.14"),
    person("k-05", "Emma Lindqvist", "emma.lindqvist@kestrel.example", "203.0.113.15"),
    person("k-06", "Farid Rahimi", "farid.rahimi@kestrel.example", "203.0.113.16"),
    person("k-07", "Grace O'Neill", "grace.oneill@kestrel.example", "203.0.113.17"),
    person("k-08", "Hiro Tanaka", "hiro.tanaka@kestrel.example", "203.0.113.18"),
    person("k-09", "Ines Duarte", "ines.duarte@kestrel.example", "203.0.113.19"),
    person("k-10", "Jakub Novák", "jakub.novak@kestrel.example", "203.0.113.20"),
];

/// The program that sends the events of a catalog.
pub(super) fn producer(catalog: &str) -> &'static str {
    match catalog {
        "openkat" => "rocky",
        "netop" => "portal",
        _ => "saner-server",
    }
}

/// A thing of a kind, by a name that somebody would give it.
pub(super) fn thing(entity: &str, number: u32) -> String {
    let names: &[&str] = match entity.to_lowercase().as_str() {
        "device" | "devices" | "host" | "agent" | "asset" => &[
            "ws-radiology-04",
            "ws-radiology-07",
            "ws-pharmacy-02",
            "srv-files-01",
            "srv-pacs-02",
            "kiosk-hall-1",
            "lt-ward-3b",
            "lt-ward-5a",
            "srv-dc-01",
            "srv-mail-02",
            "ws-lab-11",
            "ws-front-desk-1",
        ],
        "dashboard" => {
            &["Perimeter", "Weekly overview", "Mail servers", "Patch state", "Web shops", "Suppliers"]
        }
        "dashboarditem" => {
            &["Open ports", "Expiring certificates", "Critical findings", "New hosts", "TLS grades"]
        }
        "katuser" | "user" | "usersession" | "session" | "organizationmember" | "totpdevice" | "mfa" => &[
            "a.dewit",
            "b.kuipers",
            "i.osman",
            "o.petrova",
            "p.smit",
            "n.bakker",
            "m.kaya",
            "ben.carter",
            "emma.lindqvist",
            "hiro.tanaka",
        ],
        "plugin" => &["nmap", "ssl-certificates", "dns-records", "webpage-analysis", "shodan", "dicom"],
        "report" | "reportrecipe" | "log_report" | "reports" => &[
            "Monthly findings",
            "NIS2 evidence",
            "Patch report",
            "Open findings",
            "Vendor access",
            "Board summary",
        ],
        "group" | "user_group" | "usergroup" | "device_group" => {
            &["Helpdesk", "Radiology", "Suppliers", "Night shift", "Administrators", "Pharmacy"]
        }
        "organization" | "account" => &["Noordwal", "Kestrel", "Mobile clinics", "Research"],
        "apikey" | "api_key" => &["reporting", "inventory sync", "backup", "siem export"],
        "ooi" | "ooiinformation" | "origin" | "declaration" | "observation" | "affirmation" | "rawdata" => &[
            "mail.noordwal.example",
            "portal.noordwal.example",
            "vpn.kestrel.example",
            "192.0.2.80",
            "www.kestrel.example",
            "ns1.noordwal.example",
        ],
        _ => &[],
    };
    match names.get(number as usize % names.len().max(1)) {
        Some(name) => (*name).to_owned(),
        None => format!("{} {number}", entity.replace('_', " ").to_lowercase()),
    }
}

/// A small number that a name always gives.
pub(super) fn digest(name: &str) -> u16 {
    name.bytes().fold(7_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(byte))) % 9_000
}
