//! Beginning and ending a session, and what a browser chooses for itself.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use indelible_console::login::Login;
use indelible_console::text::LANGUAGES;
use indelible_control::{Permission, Principal, Scope};
use indelible_store::log_no::LogNo;

use super::around::own_path;
use super::page;
use super::session::{ABSOLUTE_NS, Subject, Try, same};
use super::times::Zone;
use super::visit::{Call, LANGUAGE_COOKIE, THEME_COOKIE, THEMES, ZONE_COOKIE, cookie};
use crate::api::Answer;
use crate::app::App;
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};

/// Longest form: a key, and a path to go back to.
const MAX_FORM_BYTES: usize = 16 * 1024;
/// How long a browser keeps its choice of theme and zone: a year.
const CHOICE_SECONDS: u32 = 365 * 86_400;

/// The members of a form that was sent.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    async fn read(body: Body) -> Result<Self, Problem> {
        let bytes = axum::body::to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| {
            Problem::new(Code::RequestMalformed, format!("a form has at most {MAX_FORM_BYTES} bytes"))
        })?;
        let pairs = form_urlencoded::parse(&bytes).map(|(name, value)| (name.into(), value.into()));
        Ok(Self(pairs.collect()))
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

pub(crate) async fn form(call: Call) -> Answer {
    let query = call.uri.query().unwrap_or_default();
    let back = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "back");
    let back = own_path(&back.map_or_else(String::new, |(_, back)| back.into_owned()));
    if call.visitor().is_ok() {
        return Ok(Redirect::to(&back).into_response());
    }
    page(&Login { frame: call.bare_frame("Log in"), back, trouble: None })
}

pub(crate) async fn begin(call: Call, request: Request) -> Answer {
    let form = Form::read(request.into_body()).await?;
    let back = own_path(form.get("back"));
    let refused = match enter(&call, form.get("key").trim()).await {
        Ok(cookie) => {
            let mut response = Redirect::to(&back).into_response();
            response.headers_mut().append(header::SET_COOKIE, cookie);
            return Ok(response);
        }
        Err(problem) => problem,
    };
    if refused.code == Code::Internal || refused.code == Code::LogUnavailable {
        return Err(refused);
    }
    let trouble = Some(format!("{}.", refused.detail));
    let mut response = page(&Login { frame: call.bare_frame("Log in"), back, trouble })?;
    *response.status_mut() = StatusCode::from_u16(refused.code.status()).unwrap_or(StatusCode::FORBIDDEN);
    Ok(response)
}

/// Exchanges a key for the cookie of a session.
async fn enter(call: &Call, token: &str) -> Result<HeaderValue, Problem> {
    let app = &call.app;
    let tried = app.sessions.try_from(call.caller.address, app.clock.boot_ns());
    if tried != Try::Looked {
        let why = "too many tries to log in; wait a minute";
        if tried == Try::RefusedFirst {
            fail(call, why).await?;
        }
        return Err(Problem::new(Code::RateLimited, why).retry_after(60));
    }
    let principal = match app.control.authenticate(token, app.now_ms()) {
        Ok(principal) if Permission::EventsRead.kinds().contains(&principal.kind()) => principal,
        Ok(principal) => {
            let why = format!("a key of kind {} may not read events", principal.kind());
            let act = Act::new("SESSION.LOGIN").by(&principal).from(&call.caller).param("method", "api-key");
            app.record_and_wait(log_of(app, &principal), act.failed(&why)).await?;
            return Err(Problem::new(Code::PermissionMissing, why));
        }
        Err(error) => {
            fail(call, &error.to_string()).await?;
            return Err(Problem::new(Code::PermissionMissing, error.to_string()));
        }
    };
    let subject = Subject::Key(principal.key_id().to_owned());
    let Some(begun) = app.sessions.begin(subject, app.clock.boot_ns())? else {
        return Err(Problem::new(Code::Overloaded, "too many sessions are open; try again later"));
    };
    let caller = Caller { session: Some(begun.session.name), ..call.caller.clone() };
    let act = Act::new("SESSION.LOGIN").by(&principal).from(&caller).param("method", "api-key");
    app.record_and_wait(log_of(app, &principal), act).await?;
    session_cookie(app, &begun.token, ABSOLUTE_NS / 1_000_000_000)
}

/// Records a try by somebody unknown.
async fn fail(call: &Call, why: &str) -> Result<(), Problem> {
    let act = Act::new("SESSION.LOGIN").by_nobody().from(&call.caller).param("method", "api-key");
    call.app.record_and_wait(call.app.system_log(), act.failed(why)).await
}

/// The log that a principal's coming and going is recorded in.
fn log_of(app: &App, principal: &Principal) -> LogNo {
    let own = match principal.scope() {
        Scope::One(org) => app.control.org(org.as_str()).and_then(|org| app.log_of(&org)),
        Scope::All => None,
    };
    own.unwrap_or_else(|| app.system_log())
}

fn session_cookie(app: &App, token: &str, seconds: i64) -> Result<HeaderValue, Problem> {
    let secure = if app.is_behind_tls() { "; Secure" } else { "" };
    let name = app.session_cookie();
    let text = format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).map_err(|error| Problem::internal(&error))
}

/// A form of a page that somebody with a session sent.
pub(super) async fn checked_form(call: &Call, body: Body) -> Result<Form, Problem> {
    let form = Form::read(body).await?;
    let visitor = call.visitor()?;
    if !same(form.get("csrf"), &visitor.session.csrf) {
        let detail = "the form is of an earlier session; load the page again and repeat";
        return Err(Problem::new(Code::PermissionMissing, detail));
    }
    Ok(form)
}

pub(crate) async fn end(call: Call, request: Request) -> Answer {
    checked_form(&call, request.into_body()).await?;
    let (app, visitor) = (&call.app, call.visitor()?);
    let token = cookie(&call.headers, app.session_cookie());
    if token.and_then(|token| app.sessions.end(token)).is_some() {
        let act =
            Act::new("SESSION.LOGOUT").by(&visitor.principal).from(&call.caller).param("method", "api-key");
        app.record_and_wait(log_of(app, &visitor.principal), act).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    response.headers_mut().append(header::SET_COOKIE, session_cookie(app, "", 0)?);
    let all = HeaderValue::from_static("\"cache\"");
    response.headers_mut().insert("clear-site-data", all);
    Ok(response)
}

pub(crate) async fn settings(call: Call, request: Request) -> Answer {
    let form = checked_form(&call, request.into_body()).await?;
    let mut response: Response = Redirect::to(&own_path(form.get("back"))).into_response();
    let (theme, zone) = (form.get("theme"), form.get("zone").trim());
    if let Some(theme) = THEMES.into_iter().find(|known| *known == theme) {
        response.headers_mut().append(header::SET_COOKIE, choice(&call.app, THEME_COOKIE, theme)?);
    }
    if let Some(language) = LANGUAGES.into_iter().find(|known| *known == form.get("language")) {
        response.headers_mut().append(header::SET_COOKIE, choice(&call.app, LANGUAGE_COOKIE, language)?);
    }
    if !zone.is_empty() {
        let known = Zone::named(zone).ok_or_else(|| {
            let detail = format!("{zone:?} is not an IANA zone such as Europe/Amsterdam");
            Problem::new(Code::RequestMalformed, detail)
        })?;
        response.headers_mut().append(header::SET_COOKIE, choice(&call.app, ZONE_COOKIE, known.name())?);
    }
    Ok(response)
}

fn choice(app: &App, name: &str, value: &str) -> Result<HeaderValue, Problem> {
    let secure = if app.is_behind_tls() { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={CHOICE_SECONDS}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).map_err(|error| Problem::internal(&error))
}
