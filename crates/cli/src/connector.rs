//! What sources and routes have in common on the command line: settings by name, and versions that are read before a change.

use serde_json::{Map, Value};

use crate::client::{Client, Request};
use crate::exit::Failure;

/// Settings said as `NAME=VALUE`: numbers, true and false are taken as such, and `NAME=@FILE` is what a file holds, so that
/// a secret is in no list of processes.
pub(crate) fn settings(said: &[String]) -> Result<Value, Failure> {
    let mut settings = Map::new();
    for one in said {
        let (name, text) =
            one.split_once('=').ok_or_else(|| Failure::usage(format!("--set {one:?} is not NAME=VALUE")))?;
        let value = match (text.strip_prefix('@'), serde_json::from_str(text)) {
            (Some(file), _) => {
                let read = std::fs::read_to_string(file);
                let read = read.map_err(|error| Failure::usage(format!("{file} cannot be read: {error}")))?;
                read.trim_end().into()
            }
            (None, Ok(value @ (Value::Bool(_) | Value::Number(_)))) => value,
            (None, _) => text.into(),
        };
        settings.insert(name.to_owned(), value);
    }
    Ok(Value::Object(settings))
}

/// The version of what is there, if anything is.
fn tag(client: &Client, path: &str) -> Result<Option<String>, Failure> {
    let answer = client.get(path)?;
    if answer.status == 404 {
        return Ok(None);
    }
    answer.json()?;
    Ok(answer.header("etag").map(str::to_owned))
}

/// Makes or replaces what a path names; `query` goes with it.
pub(crate) fn put(client: &Client, (path, query): (&str, &str), body: &Value) -> Result<Value, Failure> {
    let tag = tag(client, path)?;
    send(client, ("PUT", &format!("{path}{query}")), tag, Some(body))
}

/// Changes what a path names.
pub(crate) fn change(client: &Client, path: &str, body: &Value) -> Result<Value, Failure> {
    send(client, ("PATCH", path), tag(client, path)?, Some(body))
}

/// Forgets what a path names.
pub(crate) fn remove(client: &Client, path: &str) -> Result<Value, Failure> {
    send(client, ("DELETE", path), tag(client, path)?, None)
}

fn send(
    client: &Client,
    (method, path): (&'static str, &str),
    tag: Option<String>,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let text = body.map(Value::to_string);
    let mut headers = vec![("content-type", "application/json")];
    if let Some(tag) = &tag {
        headers.push(("if-match", tag));
    }
    client
        .send(&Request { method, path, headers: &headers, body: text.as_deref().map(str::as_bytes) })?
        .json()
}
