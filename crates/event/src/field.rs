//! The one table of an event's fields: names, limits, privacy classes and meaning.
//!
//! JSON of the API, query fields, the OpenAPI file, the canonical items and the reference page all come from
//! here. A field's `path` is its item path, its JSON path and its query name at once.

use std::sync::LazyLock;

use crate::Value;

/// Whose erasure removes a personal value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Who acted: `actor.id`.
    Actor,
    /// The first target: `targets[0].id`.
    Target,
    /// The person the data is about: `subjects[0].id`.
    Subject,
}

/// How a value is committed to, frozen when the event is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Committed together with all other plain values, in the item `*`.
    Plain,
    /// An item of its own: can be redacted alone.
    Separate,
    /// An item of its own, salted with the key of a person.
    Personal(Person),
    /// Never reaches the disk: replaced before hashing.
    Secret,
}

/// Who fills a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The producer, or a match rule on its behalf.
    Producer,
    /// The catalog.
    Catalog,
    /// The node that records.
    Node,
}

/// Type and limit of a member of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// Text of at most so many bytes.
    Text(usize),
    /// Any scalar or nested value of at most so many encoded bytes.
    Any(usize),
    /// A list of at most so many texts of at most so many bytes.
    Texts(usize, usize),
    /// True or false.
    Bool,
}

/// A member of a record such as a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its type and limit.
    pub kind: MemberKind,
}

/// Type and limit of a field. Limits are refused, never cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text of at most so many bytes.
    Text(usize),
    /// One of a closed list of words.
    Word(&'static [&'static str]),
    /// An integer within bounds, both inclusive.
    Int(i64, i64),
    /// A sequence number: an integer from 1 to 2^64 - 1.
    Sequence,
    /// True or false.
    Bool,
    /// A point in time.
    Time,
    /// At most so many texts of at most so many bytes.
    Texts(usize, usize),
    /// At most so many records with these members.
    Records(usize, &'static [Member]),
    /// One record with these members.
    Record(&'static [Member]),
    /// A map of anything, within the event's own limits.
    Free,
}

/// One row of the table of fields.
#[derive(Clone, Copy, Debug)]
pub struct FieldDef {
    /// The field.
    pub field: Field,
    /// Item path, JSON path and query name.
    pub path: &'static str,
    /// Type and limit.
    pub kind: Kind,
    /// Privacy class.
    pub class: Class,
    /// Who fills it.
    pub who: Who,
    /// What it means, in one sentence.
    pub doc: &'static str,
}

macro_rules! fields {
    ($($name:ident $path:literal $kind:expr, $class:expr, $who:ident, $doc:literal;)*) => {
        /// A field of an event, in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field { $(#[doc = $doc] $name,)* }

        static TABLE: &[FieldDef] = &[
            $(FieldDef { field: Field::$name, path: $path, kind: $kind, class: $class, who: Who::$who, doc: $doc },)*
        ];

        impl Field {
            /// Every field, in the order of the table.
            pub const ALL: &'static [Field] = &[$(Field::$name,)*];

            /// Its item path, JSON path and query name.
            pub const fn path(self) -> &'static str {
                match self { $(Field::$name => $path,)* }
            }
        }
    };
}

const fn text(name: &'static str, max: usize) -> Member {
    Member { name, kind: MemberKind::Text(max) }
}
const fn any(name: &'static str, max: usize) -> Member {
    Member { name, kind: MemberKind::Any(max) }
}
const fn texts(name: &'static str, items: usize, max: usize) -> Member {
    Member { name, kind: MemberKind::Texts(items, max) }
}

/// Kinds of actors, targets and other participants.
const ACTOR_KINDS: &[&str] =
    &["user", "service", "system", "role", "agent", "device", "anonymous", "unknown"];
const SEVERITIES: &[&str] = &["unknown", "info", "low", "medium", "high", "critical", "fatal"];
const SEPARATE: Class = Class::Separate;
const PLAIN: Class = Class::Plain;
const ACTOR: Class = Class::Personal(Person::Actor);
const SUBJECT: Class = Class::Personal(Person::Subject);

const CHAIN: &[Member] =
    &[text("id", 256), text("kind", 32), text("name", 256), text("role", 128), text("org", 128)];
const OTHER: &[Member] = &[
    text("id", 256),
    text("kind", 32),
    text("name", 256),
    text("part", 64),
    text("address", 64),
    text("host", 256),
    text("org", 128),
];
const TARGET: &[Member] = &[
    text("id", 1024),
    text("kind", 128),
    text("name", 1024),
    text("part", 64),
    text("lifecycle", 32),
    texts("labels", 32, 128),
    text("query", 8192),
];
const PERSON: &[Member] = &[text("id", 256), text("id_kind", 64), text("name", 256)];
const CHANGE: &[Member] = &[text("path", 255), any("old", 4096), any("new", 4096)];
const RELATION: &[Member] = &[text("kind", 32), text("id", 128)];
const PURPOSE: &[Member] = &[
    text("code", 64),
    text("system", 255),
    text("text", 1024),
    text("activity", 128),
    texts("data_categories", 32, 128),
    texts("data_origins", 32, 128),
];
const AUTHZ: &[Member] = &[
    text("protocol", 128),
    text("relation", 128),
    text("consent", 128),
    text("checks", 4),
    Member { name: "break_glass", kind: MemberKind::Bool },
    texts("policies", 32, 255),
];
const RAW: &[Member] =
    &[text("format", 32), any("body", 128 * 1024), text("sha256", 64), texts("removed", 64, 255)];
const IMPORTED: &[Member] = &[text("importer", 64), text("file", 128), any("row", 16)];

fields! {
    SourceId "source_id" Kind::Text(128), PLAIN, Producer, "The sender's own name for the event; an idempotency key within organization and producer.";
    Account "account" Kind::Text(128), PLAIN, Producer, "A division of the organization, such as a customer's account.";
    Catalog "catalog" Kind::Text(32), PLAIN, Producer, "The catalog whose codes the event uses.";
    CatalogVersion "catalog_version" Kind::Text(32), PLAIN, Catalog, "The catalog's version in force when the event was recorded.";
    Code "code" Kind::Text(64), PLAIN, Producer, "The event type's code, always text, unique within its catalog.";
    TypeFrom "type_from" Kind::Word(&["type", "family", "none"]), PLAIN, Catalog, "What the code matched: a type, a family of codes, or nothing.";
    Group "group" Kind::Text(64), PLAIN, Catalog, "The catalog's own division of its types.";
    Entity "entity" Kind::Text(64), PLAIN, Catalog, "The kind of object the event type is about.";
    Action "action" Kind::Text(64), PLAIN, Catalog, "What is done to the entity.";
    Crude "crude" Kind::Word(&["C", "R", "U", "D", "E"]), PLAIN, Catalog, "Create, read, update, delete or execute (NEN 7513).";
    Situation "situation" Kind::Text(64), PLAIN, Producer, "Which of the type's situations it was.";
    Routing "routing" Kind::Text(255), PLAIN, Catalog, "The routing key.";
    Severity "severity" Kind::Word(SEVERITIES), PLAIN, Catalog, "How serious the type is by itself.";
    Retention "retention" Kind::Text(64), PLAIN, Catalog, "The retention class of the type.";
    Categories "categories" Kind::Texts(16, 64), PLAIN, Catalog, "Categories of the type, such as authentication.";
    OccurredAt "occurred_at" Kind::Time, PLAIN, Producer, "When the act began, by the producer's clock.";
    EndedAt "ended_at" Kind::Time, PLAIN, Producer, "When the act ended.";
    ObservedAt "observed_at" Kind::Time, PLAIN, Producer, "When an SDK or collector saw it.";
    Outcome "outcome" Kind::Word(&["success", "failure", "unknown"]), PLAIN, Producer, "Whether the act succeeded.";
    Grade "grade" Kind::Int(0, 12), PLAIN, Producer, "Grade of a failure: 0, 4, 8 or 12 (DICOM, NEN 7513).";
    Decision "decision" Kind::Word(&["allowed", "denied"]), PLAIN, Producer, "Whether the act was permitted; denied is not the same as failed.";
    ResultCode "result_code" Kind::Text(64), PLAIN, Producer, "The product's own result code, as sent.";
    Reason "reason" Kind::Text(1024), SEPARATE, Producer, "Why it ended so, in the sender's words.";
    Message "message" Kind::Text(8192), SEPARATE, Producer, "The sender's own sentence, verbatim.";
    ActorId "actor.id" Kind::Text(256), ACTOR, Producer, "Who acted: the identifier in the product.";
    ActorKind "actor.kind" Kind::Word(ACTOR_KINDS), PLAIN, Producer, "What kind of actor it is.";
    ActorName "actor.name" Kind::Text(256), ACTOR, Producer, "The actor's log-in or display name.";
    ActorAltId "actor.alt_id" Kind::Text(256), ACTOR, Producer, "A second identifier of the actor, such as an employee number.";
    ActorEmail "actor.email" Kind::Text(320), ACTOR, Producer, "The actor's e-mail address.";
    ActorRoles "actor.roles" Kind::Texts(32, 256), PLAIN, Producer, "Roles the actor held.";
    ActorGroups "actor.groups" Kind::Texts(32, 256), PLAIN, Producer, "Groups the actor belonged to.";
    ActorOrg "actor.org" Kind::Text(128), PLAIN, Producer, "The actor's own organization.";
    ActorAuth "actor.auth" Kind::Text(64), PLAIN, Producer, "How the actor was authenticated.";
    ActorMfa "actor.mfa" Kind::Bool, PLAIN, Producer, "Whether a second factor was used.";
    ActorVia "actor.via" Kind::Text(256), PLAIN, Producer, "The program or service the actor used.";
    OnBehalfOf "on_behalf_of" Kind::Records(8, CHAIN), SEPARATE, Producer, "For whom the actor acted, nearest first, responsible person last.";
    Others "others" Kind::Records(16, OTHER), SEPARATE, Producer, "Further participants, such as the guest of a remote session.";
    Targets "targets" Kind::Records(64, TARGET), SEPARATE, Producer, "What was acted on; the first is the primary target.";
    Subjects "subjects" Kind::Records(256, PERSON), SUBJECT, Producer, "The people the data is about; each is an item of its own.";
    OriginAddress "origin.address" Kind::Text(64), ACTOR, Producer, "Network address the act came from.";
    OriginPort "origin.port" Kind::Int(0, 65_535), PLAIN, Producer, "Port the act came from.";
    OriginPublicAddress "origin.public_address" Kind::Text(64), ACTOR, Producer, "The origin's public address.";
    OriginPrivateAddress "origin.private_address" Kind::Text(64), ACTOR, Producer, "The origin's private address.";
    OriginHost "origin.host" Kind::Text(256), PLAIN, Producer, "Name of the machine the act came from.";
    OriginDevice "origin.device" Kind::Text(256), PLAIN, Producer, "Identifier of the device.";
    OriginMac "origin.mac" Kind::Text(64), ACTOR, Producer, "Hardware address of the device.";
    OriginOs "origin.os" Kind::Text(128), PLAIN, Producer, "Operating system of the device.";
    OriginApp "origin.app" Kind::Text(128), PLAIN, Producer, "Program the act came through.";
    OriginAppVersion "origin.app_version" Kind::Text(64), PLAIN, Producer, "Version of that program.";
    OriginUserAgent "origin.user_agent" Kind::Text(1024), PLAIN, Producer, "User agent as sent.";
    OriginCountry "origin.country" Kind::Text(64), PLAIN, Producer, "Country of the origin, as sent.";
    SessionId "session.id" Kind::Text(256), PLAIN, Producer, "The session the act belongs to.";
    SessionKind "session.kind" Kind::Word(&["user", "remote"]), PLAIN, Producer, "A user's session or a remote session.";
    SessionStarted "session.started" Kind::Time, PLAIN, Producer, "When the session began.";
    Changes "changes" Kind::Records(128, CHANGE), SEPARATE, Producer, "What changed: path, old and new value.";
    Extra "data" Kind::Free, SEPARATE, Producer, "Everything the catalog does not declare, by the sender's names.";
    Purpose "purpose" Kind::Record(PURPOSE), SEPARATE, Producer, "Why the data was used.";
    Authz "authz" Kind::Record(AUTHZ), SEPARATE, Producer, "On what ground the act was allowed (NEN 7513).";
    TraceId "trace.trace_id" Kind::Text(64), PLAIN, Producer, "Distributed trace.";
    SpanId "trace.span_id" Kind::Text(64), PLAIN, Producer, "Span within the trace.";
    RequestId "trace.request_id" Kind::Text(256), PLAIN, Producer, "The product's request.";
    Parent "trace.parent" Kind::Text(128), PLAIN, Producer, "The event or request that caused it.";
    Batch "trace.batch" Kind::Text(128), PLAIN, Producer, "Ties copies or parts of one act together.";
    Relates "relates" Kind::Records(16, RELATION), PLAIN, Producer, "Other events: completes, corrects, releases, stops.";
    ProducerName "producer.name" Kind::Text(128), PLAIN, Producer, "The program that sent the event.";
    ProducerInstance "producer.instance" Kind::Text(128), PLAIN, Producer, "Which running copy of the program.";
    ProducerVersion "producer.version" Kind::Text(64), PLAIN, Producer, "The program's version.";
    ProducerSeq "producer.seq" Kind::Sequence, PLAIN, Producer, "The producer's gap-free number, from 1; kept in the leaf.";
    Raw "raw" Kind::Record(RAW), ACTOR, Node, "The event as received in a foreign format, minus secrets.";
    Imported "imported" Kind::Record(IMPORTED), PLAIN, Node, "Importer, file hash and row of imported history.";
    Flags "flags" Kind::Texts(32, 64), PLAIN, Node, "Findings made when the event was recorded.";
    State "state" Kind::Word(&["accepted", "quarantined"]), PLAIN, Node, "Quarantined events are kept out of normal views.";
}

/// Fields by the length of their paths: a few comparisons find one, where the whole table would take dozens.
static BY_LENGTH: LazyLock<Vec<Vec<Field>>> = LazyLock::new(|| {
    let longest = Field::ALL.iter().map(|field| field.path().len()).max().unwrap_or(0);
    let with = |length| Field::ALL.iter().copied().filter(|field| field.path().len() == length).collect();
    (0..=longest).map(with).collect()
});

impl Field {
    /// The field with this path.
    pub fn by_path(path: &str) -> Option<Field> {
        BY_LENGTH.get(path.len())?.iter().copied().find(|field| field.path() == path)
    }

    /// Its row of the table.
    pub fn def(self) -> &'static FieldDef {
        TABLE.get(self as usize).expect("the table and the enum come from one list")
    }
}

impl FieldDef {
    /// Checks type and limits of a value; the error says what was expected.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        match self.kind {
            Kind::Text(max) => check_text(value, max),
            Kind::Word(words) => match value.as_text() {
                Some(word) if words.contains(&word) => Ok(()),
                _ => Err(format!("must be one of {}", words.join(", "))),
            },
            Kind::Int(min, max) => match value.as_int() {
                Some(number) if (min..=max).contains(&number) => Ok(()),
                _ => Err(format!("must be an integer from {min} to {max}")),
            },
            Kind::Sequence => check_sequence(value),
            Kind::Bool => expect(matches!(value, Value::Bool(_)), "must be true or false"),
            Kind::Time => expect(matches!(value, Value::Time(_)), "must be a time"),
            Kind::Texts(items, max) => check_texts(value, items, max),
            Kind::Records(items, members) => {
                let list = value.as_list().ok_or("must be a list of objects")?;
                if list.len() > items {
                    return Err(format!("has {} entries, at most {items} are taken", list.len()));
                }
                list.iter().enumerate().try_for_each(|(at, record)| {
                    check_record(record, members).map_err(|why| format!("[{at}]{why}"))
                })
            }
            Kind::Record(members) => check_record(value, members),
            Kind::Free => expect(matches!(value, Value::Map(_)), "must be an object"),
        }
    }
}

fn expect(holds: bool, message: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message.to_owned()) }
}

fn check_text(value: &Value, max: usize) -> Result<(), String> {
    let text = value.as_text().ok_or_else(|| format!("must be text, not {}", value.kind_name()))?;
    if text.len() > max {
        return Err(format!("has {} bytes, at most {max} are taken", text.len()));
    }
    expect(!text.contains('\0'), "must not contain NUL")
}

fn check_texts(value: &Value, items: usize, max: usize) -> Result<(), String> {
    let list = value.as_list().ok_or("must be a list of texts")?;
    if list.len() > items {
        return Err(format!("has {} entries, at most {items} are taken", list.len()));
    }
    list.iter().try_for_each(|text| check_text(text, max))
}

fn check_sequence(value: &Value) -> Result<(), String> {
    let fits = match value {
        Value::Int(number) => *number >= 1,
        Value::Decimal(text) => text.parse::<u64>().is_ok(),
        _ => false,
    };
    expect(fits, "must be a whole number from 1 to 18446744073709551615")
}

fn check_record(value: &Value, members: &[Member]) -> Result<(), String> {
    let record = value.as_map().ok_or_else(|| format!(" must be an object, not {}", value.kind_name()))?;
    for (name, value) in record.iter() {
        let member = members.iter().find(|member| member.name == name).ok_or_else(|| {
            let known: Vec<_> = members.iter().map(|member| member.name).collect();
            format!(".{name} is not known here; known are {}", known.join(", "))
        })?;
        check_member(value, member.kind).map_err(|why| format!(".{name} {why}"))?;
    }
    Ok(())
}

fn check_member(value: &Value, kind: MemberKind) -> Result<(), String> {
    match kind {
        MemberKind::Text(max) => check_text(value, max),
        MemberKind::Texts(items, max) => check_texts(value, items, max),
        MemberKind::Bool => expect(matches!(value, Value::Bool(_)), "must be true or false"),
        MemberKind::Any(max) => {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            if bytes.len() <= max { Ok(()) } else { Err(format!("is larger than {max} bytes")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_paths_and_enum_agree() {
        for (at, field) in Field::ALL.iter().enumerate() {
            let def = field.def();
            assert_eq!(def.field, *field);
            assert_eq!(*field as usize, at);
            assert_eq!(Field::by_path(def.path), Some(*field));
            assert!(crate::body::is_item_path(def.path), "{}", def.path);
            assert!(def.doc.ends_with('.'), "{}", def.path);
        }
    }

    #[test]
    fn limits_are_refused_with_what_was_expected() {
        let check = |field: Field, value: Value| field.def().check(&value);
        assert_eq!(check(Field::Crude, "C".into()), Ok(()));
        assert_eq!(check(Field::Crude, "X".into()), Err("must be one of C, R, U, D, E".into()));
        assert_eq!(
            check(Field::Code, "x".repeat(65).into()),
            Err("has 65 bytes, at most 64 are taken".into())
        );
        assert_eq!(check(Field::Code, Value::Int(5)), Err("must be text, not an integer".into()));
        assert_eq!(check(Field::Code, "a\0".into()), Err("must not contain NUL".into()));
        let target = |key: &str| {
            Value::List(vec![Value::Map(crate::Map::from_pairs(vec![(key.into(), "x".into())]).unwrap())])
        };
        assert_eq!(check(Field::Targets, target("id")), Ok(()));
        let refused = check(Field::Targets, target("idd")).unwrap_err();
        assert!(refused.starts_with("[0].idd is not known here"), "{refused}");
        assert!(check(Field::ProducerSeq, Value::Int(0)).is_err());
        assert_eq!(check(Field::ProducerSeq, Value::Decimal("18446744073709551615".into())), Ok(()));
    }
}
