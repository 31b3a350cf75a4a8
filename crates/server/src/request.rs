//! Reading query strings and JSON bodies strictly: what is not known is refused with a suggestion.

use std::str::FromStr;

use axum::body::Body;
use axum::http::{HeaderMap, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::config::nearest;
use crate::endpoints::Parameter;
use crate::problem::{Code, Problem};

/// Longest query string: a query text of 8 KiB, percent-encoded, and its companions.
const MAX_QUERY_STRING_BYTES: usize = 32 * 1024;

/// The parameters of a query string.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads them; refuses a name that the endpoint does not know and one that comes twice.
    pub(crate) fn read(uri: &Uri, known: &[Parameter]) -> Result<Self, Problem> {
        let text = uri.query().unwrap_or_default();
        if text.len() > MAX_QUERY_STRING_BYTES {
            let detail = format!(
                "the query string has {} bytes, at most {MAX_QUERY_STRING_BYTES} are read; use POST",
                text.len()
            );
            return Err(Problem::new(Code::RequestMalformed, detail));
        }
        let pairs = form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into(), value.into()));
        Self::of_pairs(&pairs.collect::<Vec<(String, String)>>(), known)
    }

    /// Takes parameters that are no longer encoded.
    pub(crate) fn of_pairs(pairs: &[(String, String)], known: &[Parameter]) -> Result<Self, Problem> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs {
            if !known.iter().any(|parameter| parameter.name == name) {
                let detail = format!("there is no parameter {name:?} here{}", suggestion(name, known));
                return Err(Problem::new(Code::MemberUnknown, detail));
            }
            if params.iter().any(|(present, _)| present == name) {
                return Err(Problem::new(Code::RequestMalformed, format!("parameter {name:?} comes twice")));
            }
            params.push((name.clone(), value.clone()));
        }
        Ok(Self(params))
    }

    /// Reads them from the members of a JSON object instead, for what does not fit into a query string; a list of texts is
    /// what its members joined by commas would be.
    pub(crate) async fn read_json(
        headers: &HeaderMap,
        body: Body,
        known: &[Parameter],
    ) -> Result<Self, Problem> {
        let members: serde_json::Map<String, Value> = json(headers, body).await?;
        let mut params = Vec::with_capacity(members.len());
        for (name, value) in members {
            if !known.iter().any(|parameter| parameter.name == name) {
                let detail = format!("there is no member {name:?} here{}", suggestion(&name, known));
                return Err(Problem::new(Code::MemberUnknown, detail));
            }
            let text = match value {
                Value::Null => continue,
                Value::Array(items) => {
                    let items: Option<Vec<String>> = items.into_iter().map(scalar_text).collect();
                    items.map(|items| items.join(","))
                }
                value => scalar_text(value),
            };
            let wrong = || Problem::new(Code::RequestMalformed, format!("{name:?} must be text or a number"));
            let text = text.ok_or_else(wrong)?;
            params.push((name, text));
        }
        Ok(Self(params))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(present, _)| present == name).map(|(_, value)| value.as_str())
    }

    /// A number or word; `expected` says what would be right.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || Problem::new(Code::RequestMalformed, format!("{name}={text:?} must be {expected}"));
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// A switch: `true`, `false`, or the name alone.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true" | "") => Ok(true),
            Some(other) => {
                Err(Problem::new(Code::RequestMalformed, format!("{name}={other:?} must be true or false")))
            }
        }
    }
}

fn scalar_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn suggestion(name: &str, known: &[Parameter]) -> String {
    if known.is_empty() {
        return "; it takes none".to_owned();
    }
    format!("; did you mean {}?", nearest(name, known.iter().map(|parameter| parameter.name)))
}

/// Reads a JSON body into a type that refuses unknown members.
pub(crate) async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let bytes = crate::body::read(headers, body).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let text = error.to_string();
        let code =
            if text.starts_with("unknown field") { Code::MemberUnknown } else { Code::RequestMalformed };
        Problem::new(code, format!("the body is not what is expected here: {text}")).with_errors(vec![
            json!({"pointer": "", "code": code.name(), "line": error.line(), "column": error.column()}),
        ])
    })
}
