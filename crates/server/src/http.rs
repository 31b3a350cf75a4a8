//! What holds for every request: an id, limits on headers, security headers, counting, JSON for what goes wrong.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::entrance::{self, Peer};
use crate::problem::{Code, Problem};

static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// Longest request id that is taken over from a client.
const MAX_REQUEST_ID: usize = 64;
/// Browsers that have once reached us over TLS try nothing else for a year.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The API with everything around it.
pub(crate) fn router(app: Shared) -> axum::Router {
    crate::endpoints::router()
        .merge(crate::console::router(&app))
        .fallback(|| async {
            Problem::new(Code::NotFound, "there is no such resource; see /api/v1/openapi.json")
        })
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn_with_state(Shared::clone(&app), around))
        .with_state(app)
}

/// The router adds the header Allow to both.
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = "this resource does not know the method; see /api/v1/openapi.json";
    Problem::new(Code::MethodNotAllowed, detail).into_response()
}

/// Where a request came from; an extension of every request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) address: std::net::IpAddr,
    pub(crate) request: String,
    /// Public name of the session, for requests of the console.
    pub(crate) session: Option<String>,
}

async fn around(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|info| info.0.clone());
    let shown = peer.as_ref().and_then(|peer| entrance::header_of(peer.certificate.as_ref()?));
    // Whatever the client says under this name is a lie.
    request.headers_mut().remove(&entrance::CERTIFICATE);
    if let Some(shown) = shown {
        request.headers_mut().insert(&entrance::CERTIFICATE, shown);
    }
    let caller = Caller {
        address: peer.map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |peer| peer.address.ip()),
        request: id.clone(),
        session: None,
    };
    request.extensions_mut().insert(caller);
    let announced = announces_body(&request);
    let mut response = next.run(request).await;
    app.metrics.requests.add(response.status().as_str(), 1);
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(request_id = %id, "request answered with an internal error");
    }
    let unread = announced && may_be_unread(response.status());
    let headers = response.headers_mut();
    if unread {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(&REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    if app.speaks_tls() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response.into_response()
}

/// Whether an HTTP/1 request says that a body follows.
fn announces_body(request: &Request) -> bool {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let body = length.is_some_and(|length| length != "0")
        || request.headers().contains_key(header::TRANSFER_ENCODING);
    body && request.version() == Version::HTTP_11
}

/// Whether the answer may have been given before the body was read. Such a connection is closed; a client that is not
/// told so would send its next request into it and never get an answer.
fn may_be_unread(status: StatusCode) -> bool {
    let judged = matches!(status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY);
    (status.is_client_error() || status.is_server_error()) && !judged
}

/// The client's request id if it is a plain word, else a fresh one.
fn request_id(request: &Request) -> String {
    let plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= MAX_REQUEST_ID
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let said = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(plain);
    said.map_or_else(fresh_id, str::to_owned)
}

fn fresh_id() -> String {
    crate::random::<16>()
        .map_or_else(|_| "unknown".to_owned(), |bytes| format!("{:032x}", u128::from_be_bytes(bytes)))
}
