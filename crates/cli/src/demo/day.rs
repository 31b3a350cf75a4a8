//! What is usual: people log in, do their work and log out; a program works day and night.

use super::cast::{Organization, Person};
use super::chance::Chance;
use super::{Act, DAY_SECONDS, DAYS, Demo, Events};

/// What somebody does in a system: code and how often.
type Habits = &'static [(&'static str, u64)];

const OPENKAT: Habits = &[
    ("900231", 6),
    ("900232", 8),
    ("100101", 7),
    ("100201", 3),
    ("100301", 2),
    ("800051", 9),
    ("800071", 5),
    ("800021", 3),
    ("800022", 2),
    ("800023", 2),
    ("900302", 5),
    ("900307", 3),
    ("900308", 3),
    ("900310", 2),
    ("900301", 1),
    ("700001", 2),
    ("800081", 2),
    ("800082", 2),
    ("800010", 3),
    ("900211", 1),
    ("900101", 1),
    ("100503", 1),
    ("900112", 1),
];
const NETOP: Habits = &[
    ("DEVICE.CONNECT", 7),
    ("USER.UPDATE", 2),
    ("USER.ATTACH_TO_GROUP", 2),
    ("USER.DETACH_FROM_GROUP", 1),
    ("USER.CREATE", 1),
    ("USER.START_RESET_PASSWORD", 2),
    ("USER.RESET_PASSWORD", 2),
];
/// A session on a machine: what begins it and what ends it.
const REMOTE: &[(&str, &str)] = &[
    ("DEVICE.REMOTECTRL_SESSION_STARTED", "DEVICE.REMOTECTRL_SESSION_STOPPED"),
    ("DEVICE.FILETRANSFER_SESSION_STARTED", "DEVICE.FILETRANSFER_SESSION_STOPPED"),
    ("DEVICE.CHAT_SESSION_STARTED", "DEVICE.CHAT_SESSION_STOPPED"),
];
/// Times in a thousand that somebody mistypes a password.
const MISTYPED: u64 = 60;
/// Times in a thousand that somebody does something rare.
const RARE: u64 = 90;
/// Times in a thousand that somebody works at a weekend as on another day.
const WEEKEND: u64 = 60;

/// Three months of days.
pub(super) fn all(demo: &Demo, org: &Organization, out: &mut Events) {
    let mut chance = Chance::new(org.seed);
    let today = demo.now() - demo.now().rem_euclid(DAY_SECONDS);
    for back in (0..=DAYS).rev() {
        let midnight = today - back * DAY_SECONDS;
        // The first of January 1970 was a Thursday.
        let weekend = matches!((midnight / DAY_SECONDS + 3).rem_euclid(7), 5 | 6);
        for who in org.people {
            for _ in 0..org.sessions {
                if !demo.keeps(&mut chance) || (weekend && !chance.in_thousand(WEEKEND)) {
                    continue;
                }
                // Most of it in the middle of the day.
                let begin = midnight + 7 * 3_600 + chance.seconds(5 * 3_600) + chance.seconds(5 * 3_600);
                session(demo, org, (who, begin), &mut chance, out);
            }
        }
        service(demo, org, midnight, &mut chance, out);
    }
}

/// A system of an organization.
fn system(org: &Organization, chance: &mut Chance) -> &'static str {
    weighted(org.systems, chance)
}

/// Something that is often done in an organization: catalog and code.
pub(super) fn usual(org: &Organization, chance: &mut Chance) -> (&'static str, &'static str) {
    let catalog = system(org, chance);
    let code = match catalog {
        "openkat" => weighted(OPENKAT, chance),
        "netop" => weighted(NETOP, chance),
        _ => weighted(SANERNOW, chance),
    };
    (catalog, code)
}

const SANERNOW: Habits = &[("10001", 3), ("10002", 2), ("1004", 1)];

fn weighted(table: &[(&'static str, u64)], chance: &mut Chance) -> &'static str {
    let all: u64 = table.iter().map(|(_, weight)| weight).sum();
    let mut left = chance.below(all);
    for (item, weight) in table {
        if left < *weight {
            return item;
        }
        left -= weight;
    }
    table.first().map_or("", |(item, _)| item)
}

/// What begins and ends a session in a system.
fn doors(catalog: &str) -> (&'static str, &'static str) {
    match catalog {
        "openkat" => ("091111", "092222"),
        "netop" => ("USER.LOGIN", "USER.LOGOUT"),
        _ => ("10001", "10002"),
    }
}

fn session(
    demo: &Demo,
    org: &Organization,
    (who, begin): (&Person, i64),
    chance: &mut Chance,
    out: &mut Events,
) {
    let catalog = system(org, chance);
    let (login, logout) = doors(catalog);
    let id = format!("{:08x}", chance.below(1 << 32));
    let mut at = begin;
    let mut push = |act: Act<'_>, chance: &mut Chance| {
        let act = Act { session: Some(id.clone()), ..act };
        out.extend(demo.event(&act, chance).map(|event| (act.at, event)));
    };
    let own = who.email.split('@').next().map(str::to_owned);
    while chance.in_thousand(MISTYPED) {
        let code = if catalog == "openkat" { "094444" } else { login };
        push(Act { failed: true, target: own.clone(), ..Act::new(catalog, code, at, who) }, chance);
        at += 4 + chance.seconds(20);
    }
    push(Act { target: own.clone(), ..Act::new(catalog, login, at, who) }, chance);
    for _ in 0..2 + chance.below(9) {
        at += 20 + chance.seconds(400);
        if catalog == "netop" && chance.in_thousand(450) {
            let (start, stop) = *chance.pick(REMOTE);
            let machine = super::cast::thing("device", u32::try_from(chance.below(12)).unwrap_or(0));
            push(Act { target: Some(machine.clone()), ..Act::new(catalog, start, at, who) }, chance);
            at += 60 + chance.seconds(1_500);
            push(Act { target: Some(machine), ..Act::new(catalog, stop, at, who) }, chance);
            continue;
        }
        let code = work(demo, catalog, chance);
        push(Act::new(catalog, &code, at, who), chance);
    }
    if chance.in_thousand(700) {
        push(Act { target: own, ..Act::new(catalog, logout, at + 30, who) }, chance);
    }
}

/// A piece of work: mostly a habit, sometimes anything that the catalog knows.
fn work(demo: &Demo, catalog: &str, chance: &mut Chance) -> String {
    let habit = match catalog {
        "openkat" => Some(weighted(OPENKAT, chance)),
        "netop" => Some(weighted(NETOP, chance)),
        _ => None,
    };
    match habit {
        Some(code) if !chance.in_thousand(RARE) => code.to_owned(),
        _ => {
            let types = demo.types(catalog);
            // Failures are rarer than what they are failures of.
            let mut of = chance.pick(types);
            if of.base_code.is_some() && !chance.in_thousand(150) {
                let base = types.iter().find(|base| Some(&base.code) == of.base_code.as_ref());
                of = base.unwrap_or(of);
            }
            of.code.clone()
        }
    }
}

/// A program asks for the same again and again.
fn service(demo: &Demo, org: &Organization, midnight: i64, chance: &mut Chance, out: &mut Events) {
    let (catalog, code) = if org.loses { ("openkat", "100101") } else { ("sanernow", "10001") };
    for turn in 0..org.requests {
        let at = midnight + turn * (DAY_SECONDS / org.requests) + chance.seconds(40);
        if !demo.keeps(chance) {
            continue;
        }
        let act = Act::new(catalog, code, at, &org.service);
        out.extend(demo.event(&act, chance).map(|event| (at, event)));
    }
}
