//! The one table of names that a query may use: what each reads, which values it takes, what it means.
//!
//! Parser, evaluation, completion and the reference page all come from here. A test holds that every field of an
//! event can be reached by some name.

use indelible_event::Field;

/// Which values a field takes, and so which operators make sense on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Text, compared without regard to case; numbers inside it compare as numbers.
    Text,
    /// An identifier: compared exactly.
    Id,
    /// A code: text whose ranges count digits, leading zeros included.
    Code,
    /// One of a closed list.
    Word(&'static [&'static str]),
    /// One of a closed list in ascending order.
    Level(&'static [&'static str]),
    /// A whole number.
    Integer,
    /// A time or range of times.
    Time,
    /// One time that bounds the search.
    Bound,
    /// An IP address, or a network in CIDR form.
    Address,
}

impl ValueKind {
    /// The kind in words, for messages and the reference page.
    pub fn title(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Id => "identifier",
            Self::Code => "code",
            Self::Word(_) => "word",
            Self::Level(_) => "level",
            Self::Integer => "number",
            Self::Time | Self::Bound => "time",
            Self::Address => "address",
        }
    }

    /// The closed list, if it has one.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Word(words) | Self::Level(words) => words,
            _ => &[],
        }
    }

    /// Whether `<`, `>` and ranges make sense.
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Text | Self::Code | Self::Level(_) | Self::Integer | Self::Time)
    }

    /// Whether wildcards make sense.
    pub fn takes_patterns(self) -> bool {
        matches!(self, Self::Text | Self::Id | Self::Code | Self::Word(_) | Self::Address)
    }
}

/// Where in an event a name looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A field: a scalar, or each item of a list.
    Field(Field),
    /// As [`Place::Field`], compared exactly.
    Exact(Field),
    /// A member of a record, or of each record of a list.
    Member(Field, &'static str),
    /// As [`Place::Member`], compared exactly.
    ExactMember(Field, &'static str),
    /// A parameter by name, or every parameter.
    Params,
    /// What the catalog does not declare, by path, or all of it.
    Data,
    /// When it occurred, or was received if it does not say.
    Occurred,
    /// When it was received.
    Received,
    /// The organization whose log it is in.
    Organization,
    /// Its position in the log.
    Index,
    /// Its identifier.
    EventId,
    /// Its number in its producer's sequence.
    Sequence,
    /// Findings, and the words `quarantined`, `imported`, `erased`.
    Findings,
}

/// A name that a query may use.
#[derive(Clone, Copy, Debug)]
pub struct QueryField {
    /// The name as it is printed.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// Which values it takes.
    pub kind: ValueKind,
    /// Where it looks; any of these places may match.
    pub places: &'static [Place],
    /// What it means, in one sentence.
    pub doc: &'static str,
    /// A query that uses it.
    pub example: &'static str,
}

impl PartialEq for QueryField {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for QueryField {}

impl QueryField {
    /// Whether names may follow (`param.host.name`).
    pub fn is_open(&self) -> bool {
        matches!(self.places, [Place::Params | Place::Data])
    }

    /// Whether an event has at most one value here.
    pub(crate) fn is_single(&self) -> bool {
        use indelible_event::Kind;
        match self.places {
            [In(field) | Exact(field)] => {
                !matches!(field.def().kind, Kind::Texts(..) | Kind::Records(..) | Kind::Free)
            }
            [Place::Organization | Place::Index | Place::EventId | Place::Received | Place::Occurred] => true,
            _ => false,
        }
    }
}

/// Every name, in the order of the reference page.
pub fn fields() -> &'static [QueryField] {
    FIELDS
}

/// The field with this name or alias, without regard to case.
pub fn field(name: &str) -> Option<&'static QueryField> {
    let named = |field: &QueryField| {
        field.name.eq_ignore_ascii_case(name)
            || field.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    };
    FIELDS.iter().find(|field| named(field))
}

/// The reference page of the names, as Markdown.
pub fn reference_page() -> String {
    let rows: String = FIELDS.iter().map(reference_row).collect();
    format!("| field | also | values | meaning | example |\n|---|---|---|---|---|\n{rows}")
}

fn reference_row(field: &QueryField) -> String {
    let code = |texts: &[&str]| texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" ");
    let words = field.kind.words();
    let values = if words.is_empty() { field.kind.title().to_owned() } else { code(words) };
    let more = if field.is_open() { ".…" } else { "" };
    let aliases = code(field.aliases);
    format!("| `{}{more}` | {aliases} | {values} | {} | `{}` |\n", field.name, field.doc, field.example)
}

const OUTCOMES: &[&str] = &["success", "failure", "unknown"];
const SEVERITIES: &[&str] = &["unknown", "info", "low", "medium", "high", "critical", "fatal"];
const ACTOR_KINDS: &[&str] =
    &["user", "service", "system", "role", "agent", "device", "anonymous", "unknown"];

macro_rules! table {
    ($($name:literal [$($alias:literal)*] $kind:expr, [$($place:expr),*], $doc:literal, $example:literal;)*) => {
        &[$(QueryField {
            name: $name,
            aliases: &[$($alias),*],
            kind: $kind,
            places: &[$($place),*],
            doc: $doc,
            example: $example,
        }),*]
    };
}

use Field as F;
use Place::{Exact, ExactMember, Field as In, Member};
use ValueKind::{Address, Bound, Code, Id, Integer, Level, Text, Time, Word};

#[rustfmt::skip]
static FIELDS: &[QueryField] = table! {
    "org" ["organization"] Text, [Place::Organization], "The organization whose log the event is in; narrows what the caller may read, never widens it.", "org:acme";
    "account" [] Text, [In(F::Account)], "A division of the organization.", "account:customer-17";
    "catalog" [] Text, [In(F::Catalog)], "The catalog whose codes the event uses.", "catalog:netop";
    "catalog_version" [] Text, [In(F::CatalogVersion)], "The catalog's version when the event was recorded.", "catalog_version:1.0.0";
    "code" [] Code, [In(F::Code)], "The event type's code, leading zeros included; a range of digits counts codes of that length.", "code:090001..090003";
    "type_from" [] Word(&["type", "family", "none"]), [In(F::TypeFrom)], "What the code matched in the catalog.", "type_from:none";
    "group" ["tool"] Text, [In(F::Group)], "The catalog's own division of its types.", "group:user-management";
    "entity" [] Text, [In(F::Entity)], "The kind of object the event type is about.", "entity:KATUser";
    "action" [] Text, [In(F::Action)], "What is done to the entity.", "action:LOGIN";
    "crude" [] Word(&["C", "R", "U", "D", "E"]), [In(F::Crude)], "Create, read, update, delete or execute.", "crude:C,D";
    "situation" [] Text, [In(F::Situation)], "Which of the type's situations it was.", "situation:*";
    "routing" [] Text, [In(F::Routing)], "The routing key.", "routing:openkat.login_event";
    "severity" [] Level(SEVERITIES), [In(F::Severity)], "How serious the type is by itself.", "severity:high..";
    "retention" [] Text, [In(F::Retention)], "The retention class of the type.", "retention:security";
    "category" ["categories"] Text, [In(F::Categories)], "Categories of the type.", "category:authentication";
    "occurred" ["occurred_at"] Time, [Place::Occurred], "When the act began, by the producer's clock; when it was received if that is not known.", "occurred:2026-11-01..2026-11-21";
    "ended" ["ended_at"] Time, [In(F::EndedAt)], "When the act ended.", "ended:today";
    "observed" ["observed_at"] Time, [In(F::ObservedAt)], "When an SDK or collector saw it.", "observed:..-1h";
    "received" ["received_at"] Time, [Place::Received], "When it was recorded here.", "received:-15m..";
    "since" [] Bound, [Place::Occurred], "Occurred at or after the start of this time.", "since:yesterday";
    "until" [] Bound, [Place::Occurred], "Occurred before the end of this time.", "until:2026-11-21";
    "outcome" [] Word(OUTCOMES), [In(F::Outcome)], "Whether the act succeeded.", "outcome:failure";
    "grade" [] Integer, [In(F::Grade)], "Grade of a failure: 0, 4, 8 or 12.", "grade:>=8";
    "decision" [] Word(&["allowed", "denied"]), [In(F::Decision)], "Whether the act was permitted; denied is not the same as failed.", "decision:denied";
    "result" ["result_code"] Text, [In(F::ResultCode)], "The product's own result code.", "result:>0";
    "reason" [] Text, [In(F::Reason)], "Why it ended so, in the sender's words.", "reason:*expired*";
    "message" [] Text, [In(F::Message)], "The sender's own sentence, as a whole.", "message:\"user logged in\"";
    "actor" [] Text, [Exact(F::ActorId), In(F::ActorName), In(F::ActorEmail)], "Who acted: identifier, name or e-mail address.", "actor:bob@example.org";
    "actor.id" ["actor_id"] Id, [Exact(F::ActorId)], "The actor's identifier.", "actor.id:1017";
    "actor.kind" [] Word(ACTOR_KINDS), [In(F::ActorKind)], "What kind of actor it is.", "actor.kind:system";
    "actor.name" [] Text, [In(F::ActorName)], "The actor's log-in or display name.", "actor.name:bob";
    "actor.alt_id" [] Id, [Exact(F::ActorAltId)], "A second identifier of the actor.", "actor.alt_id:p-2231";
    "actor.email" [] Text, [In(F::ActorEmail)], "The actor's e-mail address.", "actor.email:*@example.org";
    "actor.role" ["actor.roles" "role"] Text, [In(F::ActorRoles)], "A role the actor held.", "role:admin";
    "actor.group" ["actor.groups"] Text, [In(F::ActorGroups)], "A group the actor belonged to.", "actor.group:nurses";
    "actor.org" [] Text, [In(F::ActorOrg)], "The actor's own organization.", "actor.org:supplier";
    "actor.auth" ["auth"] Text, [In(F::ActorAuth)], "How the actor was authenticated.", "auth:passkey";
    "actor.mfa" ["mfa"] Word(&["true", "false"]), [In(F::ActorMfa)], "Whether a second factor was used.", "mfa:false";
    "actor.via" ["via"] Text, [In(F::ActorVia)], "The program or service the actor used.", "via:terraform";
    "behalf" ["on_behalf_of"] Text, [ExactMember(F::OnBehalfOf, "id"), Member(F::OnBehalfOf, "name")], "For whom the actor acted: identifier or name of anyone in the chain.", "behalf:dr-jansen";
    "behalf.id" ["on_behalf_of.id"] Id, [ExactMember(F::OnBehalfOf, "id")], "Identifier of anyone in that chain.", "behalf.id:77";
    "behalf.kind" ["on_behalf_of.kind"] Text, [Member(F::OnBehalfOf, "kind")], "Kind of anyone in that chain.", "behalf.kind:user";
    "behalf.role" ["on_behalf_of.role"] Text, [Member(F::OnBehalfOf, "role")], "Role of anyone in that chain.", "behalf.role:physician";
    "other" ["others"] Text, [ExactMember(F::Others, "id"), Member(F::Others, "name")], "A further participant: identifier or name.", "other:guest-4";
    "other.part" ["others.part"] Text, [Member(F::Others, "part")], "The part a further participant played.", "other.part:guest";
    "target" ["targets"] Text, [ExactMember(F::Targets, "id"), Member(F::Targets, "name")], "What was acted on: identifier or name.", "target:dashboard-9";
    "target.id" ["targets.id"] Id, [ExactMember(F::Targets, "id")], "Identifier of a target.", "target.id:9";
    "target.kind" ["targets.kind"] Text, [Member(F::Targets, "kind")], "Kind of a target.", "target.kind:DashboardItem";
    "target.name" ["targets.name"] Text, [Member(F::Targets, "name")], "Name of a target.", "target.name:*weekly*";
    "target.part" ["targets.part"] Text, [Member(F::Targets, "part")], "Part a target played.", "target.part:source";
    "target.lifecycle" ["targets.lifecycle"] Text, [Member(F::Targets, "lifecycle")], "State of a target's life.", "target.lifecycle:archived";
    "target.label" ["targets.labels"] Text, [Member(F::Targets, "labels")], "Label of a target.", "target.label:vip";
    "target.query" ["targets.query"] Text, [Member(F::Targets, "query")], "A search as it was sent.", "target.query:*";
    "subject" ["subjects"] Text, [ExactMember(F::Subjects, "id"), Member(F::Subjects, "name")], "A person the data is about: identifier or name.", "subject:900112233";
    "subject.id" ["subjects.id"] Id, [ExactMember(F::Subjects, "id")], "Identifier of a person the data is about.", "subject.id:900112233";
    "subject.kind" ["subjects.id_kind"] Text, [Member(F::Subjects, "id_kind")], "Kind of that identifier.", "subject.kind:bsn";
    "ip" [] Address, [In(F::OriginAddress), In(F::OriginPublicAddress), In(F::OriginPrivateAddress), Member(F::Others, "address")], "Any network address in the event.", "ip:10.0.0.0/8,2001:db8::/32";
    "origin.ip" ["origin.address"] Address, [In(F::OriginAddress)], "The address the act came from.", "origin.ip:192.0.2.7";
    "origin.public_address" [] Address, [In(F::OriginPublicAddress)], "The origin's public address.", "origin.public_address:198.51.100.0/24";
    "origin.private_address" [] Address, [In(F::OriginPrivateAddress)], "The origin's private address.", "origin.private_address:10.0.0.0/8";
    "origin.port" ["port"] Integer, [In(F::OriginPort)], "The port the act came from.", "port:..1023";
    "host" [] Text, [In(F::OriginHost), Member(F::Others, "host")], "Name of the machine the act came from, or of another participant's.", "host:pc-*";
    "origin.host" [] Text, [In(F::OriginHost)], "Name of the machine the act came from.", "origin.host:pc-17";
    "device" ["origin.device"] Text, [In(F::OriginDevice), In(F::OriginMac)], "Identifier or hardware address of the device.", "device:laptop-3";
    "origin.mac" ["mac"] Text, [In(F::OriginMac)], "Hardware address of the device.", "mac:\"00:00:5e:00:53:01\"";
    "origin.os" ["os"] Text, [In(F::OriginOs)], "Operating system of the device.", "os:windows*";
    "app" ["origin.app"] Text, [In(F::OriginApp)], "Program the act came through.", "app:portal";
    "origin.app_version" ["app_version"] Text, [In(F::OriginAppVersion)], "Version of that program.", "app_version:2.1";
    "agent" ["origin.user_agent" "user_agent"] Text, [In(F::OriginUserAgent)], "User agent as sent.", "agent:curl*";
    "country" ["origin.country"] Text, [In(F::OriginCountry)], "Country of the origin, as sent.", "country:NL";
    "session" ["session.id"] Id, [Exact(F::SessionId)], "The session the act belongs to.", "session:8c1f";
    "session.kind" [] Word(&["user", "remote"]), [In(F::SessionKind)], "A user's session or a remote session.", "session.kind:remote";
    "session.started" [] Time, [In(F::SessionStarted)], "When the session began.", "session.started:today";
    "changed" ["changes" "changes.path" "changed.path"] Text, [Member(F::Changes, "path")], "A field that changed.", "changed:email";
    "changed.old" ["changes.old"] Text, [Member(F::Changes, "old")], "Its value before.", "changed.old:admin";
    "changed.new" ["changes.new"] Text, [Member(F::Changes, "new")], "Its value after.", "changed.new:admin";
    "param" ["params"] Text, [Place::Params], "A parameter that the catalog declares, by scope and name; without a name, any.", "param.guest.nrc_id:42";
    "data" ["extra"] Text, [Place::Data], "What the catalog does not declare, by the sender's names; without a name, any.", "data.request.\"odd name\":7";
    "purpose" [] Text, [Member(F::Purpose, "code"), Member(F::Purpose, "text"), Member(F::Purpose, "activity")], "Why the data was used: code, text or activity.", "purpose:TREAT";
    "purpose.category" ["purpose.data_categories"] Text, [Member(F::Purpose, "data_categories")], "Category of the data that was used.", "purpose.category:*";
    "purpose.origin" ["purpose.data_origins"] Text, [Member(F::Purpose, "data_origins")], "Where the data that was used came from.", "purpose.origin:*";
    "purpose.system" [] Text, [Member(F::Purpose, "system")], "The code system of the purpose.", "purpose.system:*";
    "authz.protocol" ["authz"] Text, [Member(F::Authz, "protocol")], "Protocol the authorisation followed.", "authz:*";
    "authz.relation" [] Text, [Member(F::Authz, "relation")], "Treatment relation it rested on.", "authz.relation:*";
    "authz.consent" [] Text, [Member(F::Authz, "consent")], "Consent it rested on.", "authz.consent:*";
    "authz.checks" [] Text, [Member(F::Authz, "checks")], "Authorisation, relation, consent, emergency: four of T and F.", "authz.checks:???T";
    "authz.policy" ["authz.policies"] Text, [Member(F::Authz, "policies")], "A policy that was applied.", "authz.policy:default";
    "break_glass" ["authz.break_glass"] Word(&["true", "false"]), [Member(F::Authz, "break_glass")], "Whether the emergency button was used.", "break_glass:true";
    "trace" ["trace.trace_id"] Id, [Exact(F::TraceId)], "Distributed trace.", "trace:4bf92f3577b34da6a3ce929d0e0e4736";
    "span" ["trace.span_id"] Id, [Exact(F::SpanId)], "Span within the trace.", "span:00f067aa0ba902b7";
    "request" ["trace.request_id"] Id, [Exact(F::RequestId)], "The product's request.", "request:7f2a";
    "parent" ["trace.parent"] Id, [Exact(F::Parent)], "The event or request that caused it.", "parent:7f2a";
    "batch" ["trace.batch"] Id, [Exact(F::Batch)], "Ties copies or parts of one act together.", "batch:b-9";
    "related" ["relates" "relates.id"] Id, [ExactMember(F::Relates, "id")], "Another event that this one completes, corrects, releases or stops.", "related:*";
    "related.kind" ["relates.kind"] Text, [Member(F::Relates, "kind")], "What it does to that event.", "related.kind:corrects";
    "producer" ["producer.name"] Text, [In(F::ProducerName)], "The program that sent the event.", "producer:portal";
    "producer.instance" ["instance"] Id, [Exact(F::ProducerInstance)], "Which running copy of the program.", "instance:node-1";
    "producer.version" [] Text, [In(F::ProducerVersion)], "The program's version.", "producer.version:1.20*";
    "seq" ["producer.seq"] Integer, [Place::Sequence, In(F::ProducerSeq)], "The producer's number of the event.", "seq:100..200";
    "source" ["raw" "raw.format"] Text, [Member(F::Raw, "format"), Member(F::Imported, "importer")], "The foreign format or importer it came in by.", "source:cloudtrail";
    "imported" ["imported.file"] Text, [Member(F::Imported, "file")], "Hash of the file that was imported.", "imported:*";
    "source_id" [] Id, [Exact(F::SourceId)], "The sender's own name for the event.", "source_id:evt-001";
    "index" [] Integer, [Place::Index], "Position in the log.", "index:0..999";
    "id" [] Id, [Place::EventId], "The event's identifier.", "id:0190163d-8694-739b-aea5-966c26f8ad91";
    "flag" ["flags"] Text, [Place::Findings], "A finding made when it was recorded, or quarantined, imported, erased.", "flag:late";
    "state" [] Word(&["accepted", "quarantined"]), [In(F::State)], "Quarantined events are kept out of normal views.", "state:quarantined";
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_event_field_has_one() {
        let mut names = HashSet::new();
        let mut read = HashSet::new();
        for field in fields() {
            for name in std::iter::once(&field.name).chain(field.aliases) {
                assert!(names.insert(*name), "{name} twice");
            }
            for place in field.places {
                match *place {
                    In(f) | Exact(f) | Member(f, _) | ExactMember(f, _) => read.insert(f),
                    Place::Occurred => read.insert(F::OccurredAt),
                    Place::Data => read.insert(F::Extra),
                    Place::Findings => read.insert(F::Flags),
                    _ => false,
                };
            }
        }
        for event_field in Field::ALL {
            assert!(read.contains(event_field), "no query name for {event_field:?}");
            // The path of a scalar field is always a name.
            if !matches!(event_field, F::Raw | F::Imported | F::Purpose | F::Authz) {
                assert!(field(event_field.path()).is_some(), "{} is no query name", event_field.path());
            }
        }
    }
}
