//! Refusals as RFC 9457 problem documents. Programs switch on `code`; each code has a page in `docs/errors`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $title:literal;)*) => {
        /// A reason for refusing a whole request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status it is answered with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it says in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    RequestMalformed "request_malformed" 400 "the request cannot be read";
    QueryInvalid "query_invalid" 400 "the query cannot be read";
    SqlInvalid "sql_invalid" 400 "the statement cannot be run";
    SqlNotAllowed "sql_not_allowed" 400 "the statement does more than read";
    MemberUnknown "member_unknown" 400 "a member is not known here";
    TimeWithoutZone "time_without_zone" 400 "a time lacks its offset";
    CursorInvalid "cursor_invalid" 400 "the cursor cannot be read";
    CursorMismatch "cursor_mismatch" 400 "the cursor belongs to another query or organization";
    CredentialMissing "credential_missing" 401 "no credential was sent";
    CredentialInvalid "credential_invalid" 401 "the credential is not valid";
    PermissionMissing "permission_missing" 403 "the credential does not permit this";
    NotFound "not_found" 404 "there is no such thing here";
    MethodNotAllowed "method_not_allowed" 405 "this resource does not know the method";
    FormatNotOffered "format_not_offered" 406 "the format is not offered here";
    EventIdConflict "event_id_conflict" 409 "the id was used for another event";
    SequenceConflict "sequence_conflict" 409 "the sequence number was used for another event";
    InProgress "in_progress" 409 "an equal request is still running";
    NotQuarantined "not_quarantined" 409 "the event is not quarantined";
    AlreadyExists "already_exists" 409 "the name is taken";
    VersionConflict "version_conflict" 412 "it changed since it was read";
    EventTooLarge "event_too_large" 413 "the event is too large";
    BatchTooLarge "batch_too_large" 413 "the request holds too much";
    BundleTooLarge "bundle_too_large" 413 "the bundle would hold too much";
    EncodingUnsupported "encoding_unsupported" 415 "the content type or encoding is not taken";
    EventInvalid "event_invalid" 422 "the event does not match its type";
    CodeUnknown "code_unknown" 422 "the code is not in the catalog";
    CatalogUnknown "catalog_unknown" 422 "the catalog is not loaded here";
    NoMatch "no_match" 422 "no match rule fits the event";
    SecretSuspected "secret_suspected" 422 "the event seems to hold a secret";
    IdempotencyKeyReused "idempotency_key_reused" 422 "the idempotency key was used for another request";
    PreconditionRequired "precondition_required" 428 "say which version is to change";
    RateLimited "rate_limited" 429 "too many requests";
    Internal "internal" 500 "something failed here";
    NotSupported "not_supported" 501 "this is not supported";
    LogUnavailable "log_unavailable" 503 "the log cannot take events now";
    IndexBehind "index_behind" 503 "search has not caught up";
    Overloaded "overloaded" 503 "too much work is waiting";
    BudgetExceeded "budget_exceeded" 503 "the query exceeds its budget";
}

/// Pages of codes and findings: name and Markdown.
static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// The page of a code or finding.
pub fn page(name: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == name && name != "README").map(|(_, page)| *page)
}

/// A refusal with everything its reader needs.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// What failed, on what, and what to do next.
    pub detail: String,
    /// Single findings: pointer, code, hint.
    pub errors: Vec<Value>,
    /// Seconds after which trying again makes sense.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem with a sentence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after_s: None }
    }

    /// The same with single findings.
    pub fn with_errors(mut self, errors: Vec<Value>) -> Self {
        self.errors = errors;
        self
    }

    /// The same with a time to wait.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// An internal failure: the cause goes to our log, the client learns only that it happened.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(cause), "request failed");
        Self::new(Code::Internal, "the server could not finish the request; its own log says why")
    }

    /// Its members; `type` is a path on this server, which answers it with the code's page.
    pub fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("type".into(), json!(format!("/docs/errors/{}", self.code.name())));
        members.insert("code".into(), json!(self.code.name()));
        members.insert("status".into(), json!(self.code.status()));
        members.insert("title".into(), json!(self.code.title()));
        members.insert("detail".into(), json!(self.detail));
        if !self.errors.is_empty() {
            members.insert("errors".into(), json!(self.errors));
        }
        members
    }
}

/// An error with its causes, joined for one line of a log.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Value::Object(self.members()).to_string();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.status() == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The console says the same as a page.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_catalog::finding::FindingId;

    #[test]
    fn every_code_and_finding_has_its_page() {
        let codes = Code::ALL.iter().map(|code| code.name());
        for name in codes.chain(FindingId::WORDS.iter().copied()) {
            let page = page(name).unwrap_or_else(|| panic!("docs/errors/{name}.md is missing"));
            assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        }
    }
}
