//! Events in the forms that other systems read: CloudEvents, CEF, the MinVWS payload, Netop's row.
//!
//! What may leave is decided before: a field that was taken out of the event is absent here, too.

use std::fmt::Write;

use indelible_event::{Event, Field, Time, Value};

use crate::csv_out::Writer;
use crate::{json_out, layout, rfc3339};

/// An event and what is known of it besides.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Whose log it is in.
    pub organization: &'a str,
    /// Its position there.
    pub index: u64,
    /// Its id.
    pub id: &'a str,
    /// When it was received.
    pub received: Time,
    /// Title of its type.
    pub title: &'a str,
    /// The key it is sent under.
    pub routing_key: &'a str,
    /// Its fields.
    pub event: &'a Event,
}

impl Outgoing<'_> {
    fn text(&self, field: Field) -> &str {
        self.event.text(field).unwrap_or_default()
    }

    /// A CloudEvent 1.0 in structured mode.
    pub fn cloud_event(&self) -> String {
        let mut json = Object::new();
        json.text("specversion", "1.0");
        json.text("id", self.id);
        json.text("source", &format!("/orgs/{}", self.organization));
        json.text("type", &format!("{}.{}", self.text(Field::Catalog), self.text(Field::Code)));
        json.some("subject", &layout::column(self.event, "targets[0].id"));
        json.text("time", &rfc3339::text(self.event.time(Field::OccurredAt).unwrap_or(self.received)));
        json.some("crude", self.text(Field::Crude));
        json.some("routingkey", self.routing_key);
        // Extensions hold no integers of 64 bits.
        json.text("logindex", &self.index.to_string());
        json.text("datacontenttype", "application/json");
        let mut data = String::new();
        json_out::event(&mut data, self.event);
        json.raw("data", &data);
        json.end()
    }

    /// The payload of the MinVWS audit library, as its broker carries it.
    ///
    /// `result` is 1 for a success and 0 for a failure; it is left out when unknown.
    pub fn minvws(&self) -> String {
        let mut json = Object::new();
        json.text("routing_key", self.routing_key);
        json.text("event_code", self.text(Field::Code));
        json.some("action_code", self.text(Field::Crude));
        let time = self.event.time(Field::OccurredAt).unwrap_or(self.received);
        json.raw("timestamp", &time.seconds.to_string());
        match self.event.text(Field::Outcome) {
            Some("success") => json.raw("result", "1"),
            Some("failure") => json.raw("result", "0"),
            _ => {}
        }
        json.some("failed_reason", self.text(Field::Reason));
        json.text("source", self.event.text(Field::ProducerName).unwrap_or(self.organization));
        json.raw("user", &self.minvws_user());
        json.raw("object", &self.minvws_object());
        json.end()
    }

    fn minvws_user(&self) -> String {
        let mut user = Object::new();
        for (name, field) in
            [("user_id", Field::ActorId), ("name", Field::ActorName), ("email", Field::ActorEmail)]
        {
            user.some(name, self.text(field));
        }
        let mut roles = "[]".to_owned();
        if let Some(held) = self.event.get(Field::ActorRoles) {
            roles.clear();
            json_out::value(&mut roles, held);
        }
        user.raw("roles", &roles);
        user.some("ip", self.text(Field::OriginAddress));
        user.end()
    }

    /// What the sender said besides: parameters, then data that has no parameter of its name.
    fn minvws_object(&self) -> String {
        let mut object = Object::new();
        for param in self.event.params() {
            object.value(&param.name, &param.value);
        }
        let data = self.event.get(Field::Extra).and_then(Value::as_map);
        for (name, value) in data.into_iter().flat_map(indelible_event::Map::iter) {
            if self.event.param(name).is_none() {
                object.value(name, value);
            }
        }
        object.end()
    }

    /// Netop's fourteen columns as one CSV row without its line end.
    pub fn netop(&self) -> String {
        let mut row = String::new();
        let cells = layout::netop_row(self.event);
        Writer::default().row(&mut row, cells.iter().map(String::as_str));
        row.truncate(row.trim_end_matches(['\r', '\n']).len());
        row
    }

    /// ArcSight's Common Event Format, one line.
    pub fn cef(&self) -> String {
        let mut line = String::from("CEF:0|Indelible");
        for part in [self.text(Field::Catalog), self.text(Field::CatalogVersion), self.text(Field::Code)] {
            cef_header(&mut line, part);
        }
        cef_header(&mut line, self.title);
        let severity = match self.text(Field::Severity) {
            "fatal" | "critical" => "10",
            "high" => "8",
            "medium" => "6",
            "low" => "3",
            _ => "1",
        };
        cef_header(&mut line, severity);
        line.push('|');
        let millis = |time: Time| (time.unix_nanos() / 1_000_000).to_string();
        let occurred = self.event.time(Field::OccurredAt).map(millis).unwrap_or_default();
        let (received, index) = (millis(self.received), self.index.to_string());
        let (object, name) =
            (layout::column(self.event, "targets[0].id"), layout::column(self.event, "targets[0].name"));
        let pairs = [
            ("externalId", self.id),
            ("rt", received.as_str()),
            ("start", occurred.as_str()),
            ("outcome", self.text(Field::Outcome)),
            ("act", self.text(Field::Crude)),
            ("cat", self.routing_key),
            ("suid", self.text(Field::ActorId)),
            ("suser", self.text(Field::ActorName)),
            ("src", self.text(Field::OriginAddress)),
            ("shost", self.text(Field::OriginHost)),
            ("duid", object.as_str()),
            ("fname", name.as_str()),
            ("reason", self.text(Field::Reason)),
            ("msg", self.text(Field::Message)),
        ];
        let labelled = [
            ("cs1", "organization", self.organization),
            ("cs2", "account", self.text(Field::Account)),
            ("cs3", "session", self.text(Field::SessionId)),
            ("cn1", "index", index.as_str()),
        ];
        let mut first = true;
        let mut pair = |name: &str, value: &str| {
            if !value.is_empty() {
                line.push_str(if first { "" } else { " " });
                first = false;
                line.push_str(name);
                line.push('=');
                cef_value(&mut line, value);
            }
        };
        for (name, value) in pairs {
            pair(name, value);
        }
        for (name, label, value) in labelled.iter().filter(|(_, _, value)| !value.is_empty()) {
            pair(&format!("{name}Label"), label);
            pair(name, value);
        }
        line
    }
}

fn cef_header(line: &mut String, part: &str) {
    line.push('|');
    for char in part.chars() {
        match char {
            '|' | '\\' => line.extend(['\\', char]),
            '\r' | '\n' => line.push(' '),
            _ => line.push(char),
        }
    }
}

fn cef_value(line: &mut String, value: &str) {
    for char in value.chars() {
        match char {
            '=' | '\\' => line.extend(['\\', char]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            _ => line.push(char),
        }
    }
}

/// A JSON object that is being written.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self("{".to_owned())
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        json_out::string(&mut self.0, name);
        self.0.push(':');
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        json_out::string(&mut self.0, text);
    }

    /// The same, unless the text is empty.
    fn some(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.text(name, text);
        }
    }

    fn value(&mut self, name: &str, value: &Value) {
        self.name(name);
        json_out::value(&mut self.0, value);
    }

    /// What is JSON already.
    fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        write!(self.0, "{json}").expect("a String takes all");
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_json;
    use indelible_event::{Class, Param};

    fn sample() -> Event {
        let mut event = Event::new();
        event.set(Field::Catalog, "openkat");
        event.set(Field::Code, "091111");
        event.set(Field::Crude, "E");
        event.set(Field::Outcome, "failure");
        event.set(Field::Reason, "a=b|c\nd");
        event.set(Field::ActorId, "7");
        event.set(Field::OriginAddress, "::1");
        event.set(Field::OccurredAt, Time { seconds: 1_609_502_400, nanos: 0, offset_minutes: Some(0) });
        event.set(Field::Targets, parse_json(br#"[{"id":"t1","name":"T"}]"#).unwrap());
        event.set(Field::Extra, parse_json(br#"{"foo":"bar","n":2}"#).unwrap());
        event.set_param(Param { name: "n".into(), class: Class::Plain, value: Value::Int(1) });
        event
    }

    fn check(form: &str, expected: &str) {
        let event = sample();
        let received = Time { seconds: 1_609_502_401, nanos: 5_000_000, offset_minutes: Some(0) };
        let outgoing = Outgoing {
            organization: "aa",
            index: 5,
            id: "0198",
            received,
            title: "Log|in",
            routing_key: "aa.openkat.login_event",
            event: &event,
        };
        let written = match form {
            "cloudevents" => outgoing.cloud_event(),
            "minvws" => outgoing.minvws(),
            "cef" => outgoing.cef(),
            _ => outgoing.netop(),
        };
        assert_eq!(written, expected);
    }

    #[test]
    fn cloud_events() {
        check(
            "cloudevents",
            r#"{"specversion":"1.0","id":"0198","source":"/orgs/aa","type":"openkat.091111","subject":"t1","time":"2021-01-01T12:00:00.000000000Z","crude":"E","routingkey":"aa.openkat.login_event","logindex":"5","datacontenttype":"application/json","data":{"catalog":"openkat","code":"091111","crude":"E","occurred_at":"2021-01-01T12:00:00.000000000Z","outcome":"failure","reason":"a=b|c\nd","actor":{"id":"7"},"targets":[{"id":"t1","name":"T"}],"origin":{"address":"::1"},"data":{"foo":"bar","n":2},"params":{"n":1}}}"#,
        );
    }

    #[test]
    fn minvws_payloads() {
        check(
            "minvws",
            r#"{"routing_key":"aa.openkat.login_event","event_code":"091111","action_code":"E","timestamp":1609502400,"result":0,"failed_reason":"a=b|c\nd","source":"aa","user":{"user_id":"7","roles":[],"ip":"::1"},"object":{"n":1,"foo":"bar"}}"#,
        );
    }

    #[test]
    fn cef_lines() {
        check(
            "cef",
            r"CEF:0|Indelible|openkat||091111|Log\|in|1|externalId=0198 rt=1609502401005 start=1609502400000 outcome=failure act=E cat=aa.openkat.login_event suid=7 src=::1 duid=t1 fname=T reason=a\=b|c\nd cs1Label=organization cs1=aa cn1Label=index cn1=5",
        );
    }

    #[test]
    fn netop_rows() {
        check("netop", ",,7,,,,,t1,T,1,\"{\"\"n\"\":1}\",1609502400,2021-01-01 12:00:00,");
    }
}
