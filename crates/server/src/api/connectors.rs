//! What sources and routes have in common as resources: versions, and how a change is asked for.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use indelible_control::Connector;
use serde::Deserialize;
use serde_json::Value;

use crate::problem::{Code, Problem};

/// What may be changed without sending all settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    pub(super) paused: bool,
}

/// Refuses a change of another version than the one that its sender saw.
pub(super) fn check_version(headers: &HeaderMap, connector: &Connector) -> Result<(), Problem> {
    let said = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let word = connector.role.word();
    match said.map(|tag| tag.trim_matches('"')) {
        None => Err(Problem::new(Code::PreconditionRequired, format!("send the {word}'s ETag in If-Match"))),
        Some(tag) if tag == connector.version.to_string() => Ok(()),
        Some(_) => {
            let detail = format!("the {word} changed since it was read; read it again");
            Err(Problem::new(Code::VersionConflict, detail))
        }
    }
}

/// An answer with the version that a change needs.
pub(super) fn tagged(connector: &Connector, shown: Value) -> Response {
    let mut response = Json(shown).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", connector.version)) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// Members of one object and those of another behind them.
pub(super) fn joined(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}
