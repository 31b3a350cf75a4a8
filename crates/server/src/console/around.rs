//! What holds for every page: forms only from our own pages, problems as pages, the strictest policy, compression.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http_body_util::BodyExt;
use indelible_console::Template;
use indelible_console::frame::Link;
use indelible_console::message::Message;

use super::assets::gzip;
use super::embed::Framed;
use super::visit::Call;
use crate::app::{App, Shared};
use crate::problem::{Code, Problem};

/// Nothing inline, nothing from elsewhere, no text into markup by scripts.
const RULES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'";
/// The same for what scripts may do to a page.
const TRUSTED_TYPES: &str = "require-trusted-types-for 'script'; trusted-types 'none'";
/// The policy of every page that nobody may put into a frame: all but one.
static UNFRAMED: LazyLock<HeaderValue> =
    LazyLock::new(|| HeaderValue::from_str(&policy("'none'")).expect("the rules are ASCII"));
/// Pages below this gain nothing from compression.
const MIN_COMPRESSED: usize = 1024;
/// Quick: a page is made once and read once.
const LEVEL: u32 = 4;

pub(crate) async fn around(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let refused = refuse_foreign(&app, request.method(), &headers);
    let (mut parts, body) = request.into_parts();
    // A page that fails still knows who asked, to say so in the same frame.
    let Ok(call) = Call::from_request_parts(&mut parts, &app).await;
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem_page(&call, &problem);
    }
    protect(&app, &mut response);
    compressed(response, &headers).await
}

/// Forms are taken from our own pages only, and guests only at an address of this machine: a page elsewhere whose name
/// was made to point here would otherwise read what guests may.
fn refuse_foreign(app: &App, method: &Method, headers: &HeaderMap) -> Option<Problem> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    if app.guest.get().is_some() && !is_loopback(host) {
        let detail = format!("this demonstration answers at a loopback address, not at {host:?}");
        return Some(Problem::new(Code::NotFound, detail));
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    let own = match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, named)| named == host),
        (None, None) => false,
    };
    let detail = "the form did not come from a page of this server; go back, load the page again and repeat";
    (!own).then(|| Problem::new(Code::PermissionMissing, detail))
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Whether the client takes gzip.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let taken = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    taken.unwrap_or_default().split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.all(|weight| weight != "q=0")
    })
}

/// The policy of a page that these may put into a frame.
pub(super) fn policy(framed_by: &str) -> String {
    format!("{RULES}; frame-ancestors {framed_by}; {TRUSTED_TYPES}")
}

fn protect(app: &App, response: &mut Response) {
    let framed = response.extensions_mut().remove::<Framed>();
    let headers = response.headers_mut();
    if let Some(Framed(policy)) = framed {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    } else {
        headers.insert(header::CONTENT_SECURITY_POLICY, UNFRAMED.clone());
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    let fixed = [
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.is_behind_tls() {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// A problem as a page; who has no session is led to where one gets one.
fn problem_page(call: &Call, problem: &Problem) -> Response {
    let here = call.uri.path_and_query().map_or("/", |here| here.as_str());
    if problem.code.status() == 401 {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let login = format!("/login?{}", form.append_pair("back", here).finish());
        return match call.headers.get("sec-fetch-site") {
            // A strict cookie does not come along from elsewhere. Asked for by a page of ours it does.
            Some(site) if site == "cross-site" => arrived(&login),
            _ => Redirect::to(&login).into_response(),
        };
    }
    let org = call.visitor().ok().and_then(|visitor| visitor.organizations(&call.app).into_iter().next());
    let title = problem.code.title();
    let frame = match &org {
        Some(org) => call.frame(title, super::visit::Section::Home, org),
        None => call.bare_frame(title),
    };
    let message = Message {
        frame,
        heading: sentence(title),
        detail: sentence(&problem.detail),
        code: Some(problem.code.name().to_owned()),
        request: call.caller.request.clone(),
        links: vec![Link::new("Home", "/")],
    };
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let html = message.render().unwrap_or_else(|_| title.to_owned());
    (status, Html(html)).into_response()
}

/// A page that goes on to the log-in, which knows whether there is a session.
fn arrived(login: &str) -> Response {
    let login = login.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html><html lang=\"en\"><title>Indelible</title><meta http-equiv=\"refresh\" content=\"0;url={login}\"><p><a href=\"{login}\">Go on</a></p></html>"
    );
    Html(page).into_response()
}

/// With a large letter at the beginning and a full stop at the end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

async fn compressed(response: Response, headers: &HeaderMap) -> Response {
    let is_page = |response: &Response| {
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("text/html"))
    };
    if !is_page(&response) || !takes_gzip(headers) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The body of a page is in memory already.
    let Ok(collected) = body.collect().await else { return Response::from_parts(parts, Body::empty()) };
    let bytes = collected.to_bytes();
    if bytes.len() < MIN_COMPRESSED {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding, Cookie"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(gzip(&bytes, LEVEL)))
}

/// A path of our own to go back to; anything else is the first page.
pub(crate) fn own_path(text: &str) -> String {
    let parsed = text.parse::<Uri>().ok().filter(|uri| uri.scheme().is_none() && uri.authority().is_none());
    let own = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(['\\', '\r', '\n', '\t'])
        && parsed.is_some();
    if own { text.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_gone_back_to() {
        for own in ["/", "/o/acme/explore?q=a%20b&since=-24h"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in
            ["//evil.example", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "", "/\t/x"]
        {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }

    #[test]
    fn loopback_is_told_from_names_that_look_like_it() {
        assert!(
            ["127.0.0.1:7513", "localhost:1", "[::1]:7513", "127.0.0.1", "[::1]"]
                .into_iter()
                .all(is_loopback)
        );
        let foreign =
            ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "", "10.0.0.1:80"];
        assert!(!foreign.into_iter().any(is_loopback));
    }
}
