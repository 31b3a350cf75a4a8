//! Which columns hold the values that a query's place looks at.

use indelible_event::Field;
use indelible_query::Place;

/// How a column's path lies to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Elsewhere.
    Not,
    /// Its values are what the place looks at.
    At,
    /// Its values are inside of what the place looks at.
    Below,
}

/// How a column's path lies to a place with names below it.
pub(crate) fn reach(place: Place, sub: &[String], path: &str) -> Reach {
    match place {
        Place::Field(field) | Place::Exact(field) => path.strip_prefix(field.path()).map_or(Reach::Not, end),
        Place::Member(field, name) | Place::ExactMember(field, name) => member(field, name, path),
        Place::Params => open("params", sub, path),
        Place::Data => open(Field::Extra.path(), sub, path),
        _ => Reach::Not,
    }
}

fn member(field: Field, name: &str, path: &str) -> Reach {
    let inside = path.strip_prefix(field.path()).map(|rest| rest.trim_start_matches("[]"));
    let named = inside.and_then(|rest| rest.strip_prefix('.')).and_then(|rest| rest.strip_prefix(name));
    named.map_or(Reach::Not, end)
}

/// What follows the path of a place.
fn end(rest: &str) -> Reach {
    match rest.trim_start_matches("[]") {
        "" => Reach::At,
        inside if inside.starts_with('.') => Reach::Below,
        _ => Reach::Not,
    }
}

/// A place with names of the sender's choice. Names may hold dots, and lists are passed through wherever they stand: a
/// column counts when its names, joined, are the joined names, which may be too many columns but never too few.
fn open(start: &str, sub: &[String], path: &str) -> Reach {
    let Some(rest) = path.strip_prefix(start) else { return Reach::Not };
    if !rest.is_empty() && !rest.starts_with(['.', '[']) {
        return Reach::Not;
    }
    if sub.is_empty() {
        return Reach::At;
    }
    let (rest, names) = (rest.replace("[]", ""), sub.join(".").replace("[]", ""));
    match rest.strip_prefix('.').and_then(|rest| rest.strip_prefix(names.as_str())) {
        Some("") => Reach::At,
        Some(inside) if inside.starts_with('.') => Reach::Below,
        _ => Reach::Not,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_place() {
        let sub = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (place, names, path, expected) in [
            (Place::Field(Field::Code), &[][..], "code", Reach::At),
            (Place::Field(Field::Code), &[], "codes", Reach::Not),
            (Place::Field(Field::ActorRoles), &[], "actor.roles[]", Reach::At),
            (Place::Field(Field::Extra), &[], "data.x", Reach::Below),
            (Place::ExactMember(Field::Targets, "id"), &[], "targets[].id", Reach::At),
            (Place::ExactMember(Field::Subjects, "id"), &[], "subjects[].id", Reach::At),
            (Place::Member(Field::Targets, "labels"), &[], "targets[].labels[]", Reach::At),
            (Place::Member(Field::Targets, "id"), &[], "targets[].idx", Reach::Not),
            (Place::Params, &[], "params.a.b[].c", Reach::At),
            (Place::Params, &["a"], "params.a", Reach::At),
            (Place::Params, &["a"], "params.a.b", Reach::Below),
            (Place::Params, &["a", "b", "c"], "params.a.b[].c", Reach::At),
            (Place::Params, &["a"], "params.ab", Reach::Not),
            (Place::Data, &["a"], "data[].a", Reach::At),
            (Place::Findings, &[], "flags[]", Reach::Not),
        ] {
            assert_eq!(reach(place, &sub(names), path), expected, "{place:?} {names:?} {path}");
        }
    }
}
