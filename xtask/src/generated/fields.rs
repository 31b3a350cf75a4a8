//! The reference page of an event's fields, from the one table that also makes JSON, queries and canonical items.

use std::fmt::Write;

use indelible_event::{Class, Field, Kind, Member, MemberKind, Person, Who};

const HEAD: &str = "\
# Fields of an event

Generated from `crates/event/src/field.rs` by `cargo xtask gen`. The name of a field is its path in JSON, in queries and in
canonical items. A value over its limit is refused, never cut.

**Filled by**: the *producer* (or a match rule for it), the *catalog*, or the *node* that records. **Class**: *plain* values
are committed to together; *separate* ones alone, so that one can be redacted; *personal* ones alone under the key of the
person named, whose erasure removes them; *secret* ones never reach the disk.

| field | type and limit | filled by | class | meaning |
|---|---|---|---|---|
";

/// The whole page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for field in Field::ALL {
        let def = field.def();
        let (kind, class) = (kind(def.kind), class(def.class));
        writeln!(page, "| `{}` | {kind} | {} | {class} | {} |", def.path, who(def.who), def.doc)
            .expect("a String takes every text");
    }
    page
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Producer => "producer",
        Who::Catalog => "catalog",
        Who::Node => "node",
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Plain => "plain",
        Class::Separate => "separate",
        Class::Personal(Person::Actor) => "personal, of the actor",
        Class::Personal(Person::Target) => "personal, of the first target",
        Class::Personal(Person::Subject) => "personal, of the first subject",
        Class::Secret => "secret",
    }
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text(max) => format!("text, {max} bytes"),
        Kind::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" "),
        Kind::Int(low, high) => format!("integer, {low} to {high}"),
        Kind::Sequence => "integer, 1 to 2^64 - 1, as number or text".to_owned(),
        Kind::Bool => "`true` `false`".to_owned(),
        Kind::Time => "time, RFC 3339 with zone".to_owned(),
        Kind::Texts(items, max) => format!("list of {items} texts of {max} bytes"),
        Kind::Records(items, members) => format!("list of {items} records: {}", all(members)),
        Kind::Record(members) => format!("record: {}", all(members)),
        Kind::Free => "map of anything".to_owned(),
    }
}

fn all(members: &[Member]) -> String {
    members.iter().map(member).collect::<Vec<_>>().join(", ")
}

fn member(member: &Member) -> String {
    let name = member.name;
    match member.kind {
        MemberKind::Text(max) => format!("`{name}` (text, {max})"),
        MemberKind::Any(max) => format!("`{name}` (anything, {max})"),
        MemberKind::Texts(items, max) => format!("`{name}` ({items} texts, {max})"),
        MemberKind::Bool => format!("`{name}` (`true` `false`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_row() {
        let page = page();
        assert!(Field::ALL.iter().all(|field| page.contains(&format!("| `{}` | ", field.path()))));
        assert_eq!(page.lines().count(), HEAD.lines().count() + Field::ALL.len());
    }
}
