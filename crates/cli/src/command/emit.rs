//! `indelible emit`: send events, one from arguments or many as NDJSON.

use std::io::{BufRead, IsTerminal};

use serde_json::{Map, Value, json};

use crate::Context;
use crate::client::{Client, Request, error_line, problem};
use crate::exit::{Failure, Outcome};
use crate::output::{Notes, Pages, say};
use crate::time::now_text;

/// Events sent in one request from standard input.
const BATCH: usize = 500;
/// Most bytes of one request; the server takes 10 MiB.
const BATCH_BYTES: usize = 4 << 20;
const COLUMNS: [&str; 5] = ["status", "receipt.index", "receipt.id", "receipt.received_at", "flags"];

/// Send events
///
/// One event from arguments, or NDJSON from standard input with `-`. Prints a receipt for each: it means that the
/// event is durable and in its place in the log.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible emit --catalog openkat --code 091111 --actor 1 --message 'logged in'\n  indelible emit --catalog netop --code GUEST.CONNECT --actor 17 --target host-3 --param guest.nrc_id=42 --outcome success\n  indelible emit - < events.ndjson\n  indelible emit --catalog openkat --code 900101 --actor 1 --idempotency-key order-4711"
)]
pub(crate) struct Args {
    /// `-`: events from standard input, one JSON object a line
    #[arg(value_name = "-", value_parser = ["-"])]
    stdin: Option<String>,
    /// Catalog whose codes are used
    #[arg(long, value_name = "ID", required_unless_present = "stdin", conflicts_with = "stdin")]
    catalog: Option<String>,
    /// Code of the event type
    #[arg(long, value_name = "CODE", required_unless_present = "stdin", conflicts_with = "stdin")]
    code: Option<String>,
    /// When it happened, with offset [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Id of who acted
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// What kind of actor
    #[arg(long, value_name = "KIND")]
    actor_kind: Option<String>,
    /// Name of who acted
    #[arg(long, value_name = "NAME")]
    actor_name: Option<String>,
    /// What was acted on: ID or KIND/ID; may be repeated
    #[arg(long, value_name = "[KIND/]ID")]
    target: Vec<String>,
    /// success, failure or unknown
    #[arg(long, value_name = "WORD")]
    outcome: Option<String>,
    /// Result code as the program says it
    #[arg(long, value_name = "CODE")]
    result_code: Option<String>,
    /// The program's own sentence
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Why it was done, or why it failed
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Division of the organization
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Session it belongs to
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Address it came from
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Your own id of the event: sent again, it is stored once
    #[arg(long, value_name = "ID")]
    source_id: Option<String>,
    /// A parameter of the type: NAME=TEXT, or NAME:=JSON; may be repeated
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// Anything else: NAME=TEXT, or NAME:=JSON; may be repeated
    #[arg(long = "data", value_name = "NAME=VALUE")]
    data: Vec<String>,
    /// Makes sending the same again harmless for events without an id
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        if self.stdin.is_none() {
            let event = self.event()?;
            let key = self.idempotency_key.as_deref();
            let result = post(&client, "application/json", event.to_string().as_bytes(), key)?;
            context.output.rows(&COLUMNS, std::slice::from_ref(&result))?;
            return Ok(());
        }
        if std::io::stdin().is_terminal() {
            say("reading events from the terminal, one JSON object a line; end with Ctrl-D");
        }
        self.send_lines(&client, context)
    }

    fn event(&self) -> Result<Value, Failure> {
        let mut event = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                event.insert(name.to_owned(), json!(value));
            }
        };
        let now = now_text();
        put("catalog", self.catalog.as_deref());
        put("code", self.code.as_deref());
        put("occurred_at", Some(self.at.as_deref().unwrap_or(&now)));
        put("outcome", self.outcome.as_deref());
        put("result_code", self.result_code.as_deref());
        put("message", self.message.as_deref());
        put("reason", self.reason.as_deref());
        put("account", self.account.as_deref());
        put("source_id", self.source_id.as_deref());
        let actor = [("id", &self.actor), ("kind", &self.actor_kind), ("name", &self.actor_name)];
        let actor: Map<String, Value> = actor
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))))
            .collect();
        let targets: Vec<Value> = self.target.iter().map(|target| target_of(target)).collect();
        let groups = [
            ("actor", json!(actor)),
            ("targets", json!(targets)),
            ("session", self.session.as_ref().map_or(json!({}), |id| json!({ "id": id }))),
            ("origin", self.address.as_ref().map_or(json!({}), |address| json!({ "address": address }))),
            ("params", pairs(&self.params)?),
            ("data", pairs(&self.data)?),
        ];
        for (name, value) in groups {
            let empty =
                value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty);
            if !empty {
                event.insert(name.to_owned(), value);
            }
        }
        Ok(Value::Object(event))
    }

    fn send_lines(&self, client: &Client, context: &Context) -> Outcome {
        let mut pages = Pages::new(context.output, &COLUMNS);
        let mut lines = std::io::stdin().lock().split(b'\n');
        let (mut sent, mut refused, mut number) = (0_u64, 0_u64, 0_u64);
        let mut notes = Notes::default();
        loop {
            let batch = next_batch(&mut lines)?;
            if batch.is_empty() {
                break;
            }
            number += 1;
            let key = self.idempotency_key.as_ref().map(|key| format!("{key}-{number}"));
            let answer = post(client, "application/x-ndjson", &batch, key.as_deref())?;
            let results =
                answer.get("results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for (at, result) in (sent + 1..).zip(results).filter(|(_, result)| result["status"] == "rejected")
            {
                refused += 1;
                notes.say(&format!("event {at}: {}", why(&result["problem"])));
            }
            sent += results.len() as u64;
            pages.write(results)?;
        }
        pages.finish()?;
        notes.finish();
        say(&format!("{sent} events sent, {refused} refused"));
        if refused > 0 {
            return Err(Failure::failed(format!(
                "{refused} of {sent} events were refused; the reasons are above"
            )));
        }
        Ok(())
    }
}

/// Up to so many lines.
fn next_batch(lines: &mut impl Iterator<Item = std::io::Result<Vec<u8>>>) -> Result<Vec<u8>, Failure> {
    let mut batch = Vec::new();
    let mut count = 0;
    while count < BATCH && batch.len() < BATCH_BYTES {
        let Some(line) = lines.next() else { break };
        let line = line?;
        if !line.trim_ascii().is_empty() {
            batch.extend_from_slice(&line);
            batch.push(b'\n');
            count += 1;
        }
    }
    Ok(batch)
}

/// Sends a body and returns the results. A batch of which nothing was taken is answered like any other.
fn post(client: &Client, kind: &str, body: &[u8], key: Option<&str>) -> Result<Value, Failure> {
    let path = client.org_path("events");
    let mut headers = vec![("content-type", kind)];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    let request = Request { method: "POST", path: &path, headers: &headers, body: Some(body) };
    let answer = client
        .send_patiently(&request, &mut |seconds| say(&format!("the server is busy, waiting {seconds} s")))?;
    if answer.status == 422
        && let Ok(body) = serde_json::from_slice::<Value>(&answer.body)
    {
        return if body.get("results").is_some() { Ok(body) } else { Err(problem(422, &body)) };
    }
    answer.json()
}

/// A problem in one line.
fn why(problem: &Value) -> String {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    let first = problem.get("errors").and_then(Value::as_array).and_then(|errors| errors.first());
    let said = |error: &Value| {
        error.get("hint").and_then(Value::as_str).is_some_and(|hint| text("detail").contains(hint))
    };
    let hint = first.filter(|error| !said(error)).map(|error| format!(" ({})", error_line(error)));
    format!("{}: {}{}", text("code"), text("detail"), hint.unwrap_or_default())
}

fn target_of(text: &str) -> Value {
    match text.split_once('/') {
        Some((kind, id)) if !kind.is_empty() => json!({ "kind": kind, "id": id }),
        _ => json!({ "id": text }),
    }
}

fn pairs(list: &[String]) -> Result<Value, Failure> {
    let mut map = Map::new();
    for pair in list {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| Failure::usage(format!("{pair:?} is not NAME=VALUE")))?;
        let (name, value) = match name.strip_suffix(':') {
            Some(name) => {
                let value = serde_json::from_str(value)
                    .map_err(|error| Failure::usage(format!("the value of {name:?} is no JSON: {error}")))?;
                (name, value)
            }
            None => (name, json!(value)),
        };
        map.insert(name.to_owned(), value);
    }
    Ok(Value::Object(map))
}
