//! Rows of reports in the columns of the products that they come from, and single columns of any event.
//!
//! A row is made of texts; guarding and quoting are [`crate::csv_out`]'s work.

use crate::{json_out, rfc3339};
use indelible_event::{Event, Field, Value};

/// Columns of Netop's log report.
pub const NETOP_COLUMNS: [&str; 14] = [
    "Source",
    "Session",
    "User Id",
    "User Name",
    "Account Id",
    "Entity Type",
    "Action",
    "Entity Id",
    "Entity Name",
    "Result Code",
    "Data",
    "Action timestamp",
    "Action date",
    "Environment",
];

/// Columns of SanerNow's event report.
pub const SANERNOW_COLUMNS: [&str; 6] = ["Job Code", "Date", "Organization", "Account", "User", "Message"];

/// A row of Netop's log report.
///
/// The result code is the one sent, else 0 for a success, 1 for a failure, empty when unknown. The timestamp has
/// 10 digits, or 13 when the time has milliseconds; the date is the same in UTC.
pub fn netop_row(event: &Event) -> [String; 14] {
    let text = |field: Field| event.text(field).unwrap_or_default().to_owned();
    let system = event.text(Field::ActorKind) == Some("system");
    let result = match (event.text(Field::ResultCode), event.text(Field::Outcome)) {
        (Some(code), _) => code,
        (None, Some("success")) => "0",
        (None, Some("failure")) => "1",
        _ => "",
    };
    let (stamp, date) = event.time(Field::OccurredAt).map_or_else(Default::default, |time| {
        let mut date = String::new();
        rfc3339::write_utc_seconds(&mut date, time);
        let millis = time.nanos / 1_000_000;
        let stamp =
            if millis == 0 { time.seconds.to_string() } else { format!("{}{millis:03}", time.seconds) };
        (stamp, date)
    });
    [
        if event.text(Field::Group) == Some("host") { "HOST".to_owned() } else { text(Field::Group) },
        text(Field::SessionId),
        if system && event.text(Field::ActorId).is_none() {
            "SYSTEM".to_owned()
        } else {
            text(Field::ActorId)
        },
        text(Field::ActorName),
        text(Field::Account),
        text(Field::Entity),
        text(Field::Action),
        column(event, "targets[0].id"),
        column(event, "targets[0].name"),
        result.to_owned(),
        netop_data(event),
        stamp,
        date,
        column(event, "data.Environment"),
    ]
}

/// Changes and parameters as one JSON object; empty when there are none.
fn netop_data(event: &Event) -> String {
    let mut out = String::new();
    if event.params().is_empty() && event.get(Field::Changes).is_none() {
        return out;
    }
    for param in event.params() {
        out.push(if out.is_empty() { '{' } else { ',' });
        json_out::string(&mut out, &param.name);
        out.push(':');
        json_out::value(&mut out, &param.value);
    }
    if let Some(changes) = event.get(Field::Changes) {
        out.push_str(if out.is_empty() { "{\"changes\":" } else { ",\"changes\":" });
        json_out::value(&mut out, changes);
    }
    out.push('}');
    out
}

/// A row of SanerNow's event report. The organization is the log's; without a message the row has `title`, the
/// catalog's title of the type. The date is RFC 3339 with the offset that was sent.
pub fn sanernow_row(event: &Event, organization: &str, title: &str) -> [String; 6] {
    let text = |field: Field| event.text(field).unwrap_or_default().to_owned();
    let user = event.text(Field::ActorName).or_else(|| event.text(Field::ActorId)).unwrap_or_default();
    [
        text(Field::Code),
        event.time(Field::OccurredAt).map(rfc3339::text).unwrap_or_default(),
        organization.to_owned(),
        text(Field::Account),
        user.to_owned(),
        event.text(Field::Message).unwrap_or(title).to_owned(),
    ]
}

/// The text of one column: a field's path (`actor.id`), a member of one (`targets[0].name`, `data.plugin`), or a
/// parameter (`params.host.nrc_id`). Empty when absent; lists and objects are JSON.
pub fn column(event: &Event, path: &str) -> String {
    if let Some(name) = path.strip_prefix("params.") {
        return event.param(name).map(|param| cell(&param.value)).unwrap_or_default();
    }
    if let Some(field) = Field::by_path(path) {
        return event.get(field).map(cell).unwrap_or_default();
    }
    // The longest path of a field wins: roles of `actor.roles[0]`, not of `actor`.
    let mut ends = path.char_indices().rev().filter(|(_, char)| matches!(char, '.' | '[')).map(|(at, _)| at);
    let found = ends.find_map(|end| {
        let (head, rest) = path.split_at(end);
        Field::by_path(head).map(|field| event.get(field).and_then(|value| inside(value, rest)))
    });
    found.flatten().map(cell).unwrap_or_default()
}

/// The value at `[0].name` or `.name`; a key with dots in it is found when nothing shorter is.
fn inside<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(rest) = path.strip_prefix('[') {
        let (index, rest) = rest.split_once(']')?;
        return inside(value.as_list()?.get(index.parse::<usize>().ok()?)?, rest);
    }
    let path = path.strip_prefix('.')?;
    let map = value.as_map()?;
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (key, rest) = path.split_at(end);
    map.get(key).and_then(|member| inside(member, rest)).or_else(|| map.get(path))
}

/// One value as the text of a cell: texts and numbers as they are, all else as JSON without quotes around it.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Time(time) => rfc3339::text(*time),
        Value::Null => String::new(),
        _ => {
            let mut out = String::new();
            json_out::value(&mut out, value);
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_json;
    use indelible_event::{Class, Param, Time};

    fn sample() -> Event {
        let mut event = Event::new();
        event.set(Field::Code, "DEVICE.FILE_SENT");
        event.set(Field::Group, "host");
        event.set(Field::Entity, "DEVICE");
        event.set(Field::Action, "FILE_SENT");
        event.set(Field::Outcome, "success");
        event.set(Field::ActorKind, "system");
        event.set(Field::ActorRoles, parse_json(br#"["a","b"]"#).unwrap());
        event.set(
            Field::OccurredAt,
            Time { seconds: 1_795_303_327, nanos: 45_000_000, offset_minutes: Some(0) },
        );
        event.set(Field::Targets, parse_json(br#"[{"id":"h1","name":"PC, 1"}]"#).unwrap());
        event.set(Field::Extra, parse_json(br#"{"Environment":"eu","a.b":{"c":[1,true]}}"#).unwrap());
        event.set_param(Param { name: "file_name".into(), class: Class::Plain, value: "C:\\x".into() });
        event
    }

    #[test]
    fn netop_rows_have_its_fourteen_columns() {
        assert_eq!(
            netop_row(&sample()),
            [
                "HOST",
                "",
                "SYSTEM",
                "",
                "",
                "DEVICE",
                "FILE_SENT",
                "h1",
                "PC, 1",
                "0",
                r#"{"file_name":"C:\\x"}"#,
                "1795303327045",
                "2026-11-21 23:22:07",
                "eu"
            ]
        );
    }

    #[test]
    fn sanernow_rows_have_its_six_columns() {
        let mut event = sample();
        event.set(Field::Code, "1004");
        event.set(Field::ActorId, "jo");
        assert_eq!(
            sanernow_row(&event, "acme", "API key details added"),
            ["1004", "2026-11-21T23:22:07.045000000Z", "acme", "", "jo", "API key details added"]
        );
    }

    #[test]
    fn columns_are_found_by_path() {
        let event = sample();
        for (path, expected) in [
            ("code", "DEVICE.FILE_SENT"),
            ("targets[0].name", "PC, 1"),
            ("targets[1].name", ""),
            ("targets[x]", ""),
            ("actor.roles[1]", "b"),
            ("params.file_name", "C:\\x"),
            ("data.Environment", "eu"),
            ("data.a.b", r#"{"c":[1,true]}"#),
            ("data.none.x", ""),
            ("nonsense", ""),
        ] {
            assert_eq!(column(&event, path), expected, "{path}");
        }
    }
}
