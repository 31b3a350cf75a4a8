//! Beginning and ending a session, and what a browser chooses for itself.
//!
//! People give their address and passphrase, then the code of their authenticator if they have one; holders of API keys
//! give the key. Whatever is wrong with address, passphrase or person, the answer and the work are the same.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use indelible_console::login::{Code as CodePage, Login};
use indelible_console::text::LANGUAGES;
use indelible_control::{Kind, Permission, Person, Principal};
use indelible_store::log_no::LogNo;

use super::around::own_path;
use super::attempts::Attempt;
use super::form::Form;
use super::notice::capital;
use super::page;
use super::session::{ABSOLUTE_NS, Begun, Subject, Try};
use super::times::Zone;
use super::visit::{Call, LANGUAGE_COOKIE, THEME_COOKIE, THEMES, ZONE_COOKIE, cookie};
use crate::api::{Answer, refused};
use crate::app::{App, Shared};
use crate::audit::{Act, proof_of};
use crate::http::Caller;
use crate::people::{hashing, log_of};
use crate::problem::{Code, Problem};

/// How long a browser keeps its choice of theme and zone: a year.
const CHOICE_SECONDS: u32 = 365 * 86_400;
/// What everybody is told whose log-in fails, whatever the reason.
const WRONG: &str = "the address and the passphrase do not belong together, or the person cannot log in";

pub(crate) async fn form(call: Call) -> Answer {
    let query = call.uri.query().unwrap_or_default();
    let back = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "back");
    let back = own_path(&back.map_or_else(String::new, |(_, back)| back.into_owned()));
    if call.visitor().is_ok() {
        return Ok(Redirect::to(&back).into_response());
    }
    page(&login_page(&call, back, "", None))
}

fn login_page(call: &Call, back: String, email: &str, trouble: Option<String>) -> Login {
    Login { frame: call.bare_frame("Log in"), back, email: email.to_owned(), with_key: false, trouble }
}

pub(crate) async fn begin(call: Call, request: Request) -> Answer {
    let form = Form::read(request.into_body()).await?;
    let back = own_path(form.get("back"));
    let entered = match form.said("key") {
        Some(key) => enter_with_key(&call, key).await,
        None => enter_with_passphrase(&call, form.get("email").trim(), form.get("passphrase")).await,
    };
    let refused = match entered {
        Ok(begun) => return let_in(&call, &begun, &back),
        Err(problem) => problem,
    };
    if refused.code == Code::Internal || refused.code == Code::LogUnavailable {
        return Err(refused);
    }
    let trouble = Some(capital(&refused.detail));
    let with_key = form.said("key").is_some();
    let response = page(&Login { with_key, ..login_page(&call, back, form.get("email").trim(), trouble) })?;
    Ok(with_status(response, &refused))
}

/// The page of a refusal with the refusal's status.
pub(crate) fn with_status(mut response: Response, problem: &Problem) -> Response {
    *response.status_mut() = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::FORBIDDEN);
    if let Some(seconds) = problem.retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Hands the cookie of a session over; who has not given a code yet is asked for it.
fn let_in(call: &Call, begun: &Begun, back: &str) -> Answer {
    let half = matches!(begun.session.subject, Subject::Half(_));
    let to = if half { code_path(back) } else { back.to_owned() };
    let mut response = Redirect::to(&to).into_response();
    let cookie = session_cookie(&call.app, &begun.token, ABSOLUTE_NS / 1_000_000_000)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

fn code_path(back: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!("/login/code?{}", query.append_pair("back", back).finish())
}

/// Counts a try from an address; one that is too many is refused and the first of them recorded.
pub(crate) async fn look_at(call: &Call, method: &'static str) -> Result<(), Problem> {
    let app = &call.app;
    let tried = app.sessions.try_from(call.caller.address, app.clock.boot_ns());
    if tried == Try::Looked {
        return Ok(());
    }
    let why = "too many tries to log in; wait a minute";
    if tried == Try::RefusedFirst {
        fail(call, method, why).await?;
    }
    Err(Problem::new(Code::RateLimited, why).retry_after(60))
}

async fn enter_with_key(call: &Call, token: &str) -> Result<Begun, Problem> {
    look_at(call, "api-key").await?;
    let app = &call.app;
    let principal = match app.control.authenticate(token, app.now_ms()) {
        Ok(principal) if Permission::EventsRead.kinds().contains(&principal.kind()) => principal,
        Ok(principal) => {
            let why = match principal.kind() {
                Kind::Person => "a person's own key is for programs; log in with the passphrase".to_owned(),
                kind => format!("a key of kind {kind} may not read events"),
            };
            let act = Act::new("SESSION.LOGIN").by(&principal).from(&call.caller).param("method", "api-key");
            app.record_and_wait(log_of_principal(app, &principal), act.failed(&why)).await?;
            return Err(Problem::new(Code::PermissionMissing, why));
        }
        Err(error) => {
            fail(call, "api-key", &error.to_string()).await?;
            return Err(Problem::new(Code::PermissionMissing, error.to_string()));
        }
    };
    let begun = begin_session(call, Subject::Key(principal.id().to_owned()))?;
    record_entry(call, &begun, &principal, "api-key").await?;
    Ok(begun)
}

async fn enter_with_passphrase(call: &Call, email: &str, passphrase: &str) -> Result<Begun, Problem> {
    look_at(call, "passphrase").await?;
    let (app, address) = (&call.app, call.caller.address);
    let attempt = app.attempts.begin(email, address, app.clock.boot_ns());
    if let Attempt::Wait(seconds) = attempt {
        return Err(wait(seconds));
    }
    let (typed, phrase) = (email.to_owned(), passphrase.to_owned());
    let person = hashing(app, move |app| Ok(app.control.person_of_passphrase(&typed, &phrase))).await?;
    let Some(person) = person else {
        let same = |person: &Person| person.email.to_lowercase() == email.to_lowercase();
        let meant = app.control.people().into_iter().find(same);
        fail_as(call, meant.as_ref(), ("passphrase", WRONG)).await?;
        if attempt == Attempt::LookedThenWait
            && let Some(person) = &meant
        {
            slowed_down(call, person).await?;
        }
        return Err(Problem::new(Code::PermissionMissing, WRONG));
    };
    if person.has_totp {
        return begin_session(call, Subject::Half(person.id));
    }
    finish(call, &person, "passphrase").await
}

fn wait(seconds: u32) -> Problem {
    let detail = format!("too many tries to log in as this person; wait {} minutes", seconds.div_ceil(60));
    Problem::new(Code::RateLimited, detail).retry_after(seconds)
}

pub(crate) async fn code_form(call: Call) -> Answer {
    let Some((_, session)) = call.half() else { return Ok(Redirect::to("/login").into_response()) };
    let query = call.uri.query().unwrap_or_default();
    let back = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "back");
    let back = own_path(&back.map_or_else(String::new, |(_, back)| back.into_owned()));
    page(&CodePage { frame: call.bare_frame("Code"), back, csrf: session.csrf.clone(), trouble: None })
}

pub(crate) async fn code(call: Call, request: Request) -> Answer {
    let form = Form::read(request.into_body()).await?;
    let Some((id, session)) = call.half() else { return Ok(Redirect::to("/login").into_response()) };
    form.check(&session.csrf)?;
    let back = own_path(form.get("back"));
    let refused = match enter_with_code(&call, id, form.get("code")).await {
        Ok(begun) => return let_in(&call, &begun, &back),
        Err(problem) if matches!(problem.code, Code::Internal | Code::LogUnavailable) => return Err(problem),
        Err(problem) => problem,
    };
    let trouble = Some(capital(&refused.detail));
    let response =
        page(&CodePage { frame: call.bare_frame("Code"), back, csrf: session.csrf.clone(), trouble })?;
    Ok(with_status(response, &refused))
}

async fn enter_with_code(call: &Call, id: &str, code: &str) -> Result<Begun, Problem> {
    look_at(call, "passphrase+totp").await?;
    let (app, now_ns) = (&call.app, call.app.clock.boot_ns());
    let gone = || Problem::new(Code::CredentialMissing, "log in again");
    let person = app.control.person(id).ok_or_else(gone)?;
    let attempt = app.attempts.begin(&person.email, call.caller.address, now_ns);
    if let Attempt::Wait(seconds) = attempt {
        return Err(wait(seconds));
    }
    let (worker, target, typed, now_ms) = (Shared::clone(app), id.to_owned(), code.to_owned(), app.now_ms());
    let taken =
        crate::blocking(move || worker.control.use_code(&target, &typed, now_ms).map_err(refused)).await?;
    if !taken {
        let why = "the code is not one of this moment, or was used before";
        fail_as(call, Some(&person), ("passphrase+totp", why)).await?;
        if attempt == Attempt::LookedThenWait {
            slowed_down(call, &person).await?;
        }
        return Err(Problem::new(Code::PermissionMissing, why));
    }
    let by_recovery = app.control.person(id).is_some_and(|now| now.recovery_codes < person.recovery_codes);
    call.end_session();
    finish(call, &person, if by_recovery { "passphrase+recovery-code" } else { "passphrase+totp" }).await
}

/// Lets a person in who has proved who they are.
pub(crate) async fn finish(call: &Call, person: &Person, method: &'static str) -> Result<Begun, Problem> {
    let app = &call.app;
    app.attempts.succeeded(&person.email, call.caller.address);
    let (worker, id, now_ms) = (Shared::clone(app), person.id.clone(), app.now_ms());
    crate::blocking(move || worker.control.note_login(&id, now_ms).map_err(refused)).await?;
    let principal = app.control.person_principal(&person.id);
    let principal = principal.map_err(|_| Problem::new(Code::PermissionMissing, WRONG))?;
    // A session that this browser may have had before ends here.
    call.end_session();
    let begun = begin_session(call, Subject::Person(person.id.clone()))?;
    record_entry(call, &begun, &principal, method).await?;
    Ok(begun)
}

pub(super) fn begin_session(call: &Call, subject: Subject) -> Result<Begun, Problem> {
    let app = &call.app;
    let begun = app.sessions.begin(subject, call.caller.address, app.clock.boot_ns())?;
    begun.ok_or_else(|| Problem::new(Code::Overloaded, "too many sessions are open; try again later"))
}

async fn record_entry(
    call: &Call,
    begun: &Begun,
    principal: &Principal,
    method: &'static str,
) -> Result<(), Problem> {
    let caller = Caller { session: Some(begun.session.name.clone()), ..call.caller.clone() };
    let act = Act::new("SESSION.LOGIN").by(principal).from(&caller).param("method", method);
    call.app.record_and_wait(log_of_principal(&call.app, principal), act).await
}

/// Records a try by somebody unknown.
async fn fail(call: &Call, method: &'static str, why: &str) -> Result<(), Problem> {
    fail_as(call, None, (method, why)).await
}

/// Records a try by somebody who has not shown to be this person. What was typed as an address is not recorded: it may
/// be a passphrase in the wrong field.
async fn fail_as(
    call: &Call,
    meant: Option<&Person>,
    (method, why): (&'static str, &str),
) -> Result<(), Problem> {
    let act = Act::new("SESSION.LOGIN").by_nobody().from(&call.caller).param("method", method).failed(why);
    match meant {
        Some(person) => {
            call.app.record_and_wait(log_of(&call.app, person), act.target("user", &person.id)).await
        }
        None => call.app.record_and_wait(call.app.system_log(), act).await,
    }
}

/// Records that the next try has to wait.
async fn slowed_down(call: &Call, person: &Person) -> Result<(), Problem> {
    let failures = i64::from(super::FREE_FAILURES);
    let act = Act::new("SESSION.LOCK").by_nobody().from(&call.caller).target("user", &person.id);
    call.app.record_and_wait(log_of(&call.app, person), act.param("count", failures)).await
}

/// The log that a principal's coming and going is recorded in.
pub(crate) fn log_of_principal(app: &App, principal: &Principal) -> LogNo {
    let own = principal.own_organization().and_then(|org| app.control.org(org.as_str()));
    own.and_then(|org| app.log_of(&org)).unwrap_or_else(|| app.system_log())
}

pub(crate) fn session_cookie(app: &App, token: &str, seconds: i64) -> Result<HeaderValue, Problem> {
    let secure = if app.is_behind_tls() { "; Secure" } else { "" };
    let name = app.session_cookie();
    let text = format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).map_err(|error| Problem::internal(&error))
}

pub(crate) async fn end(call: Call, request: Request) -> Answer {
    Form::checked(&call, request.into_body()).await?;
    let (app, visitor) = (&call.app, call.visitor()?);
    if call.end_session() {
        let method = proof_of(&visitor.principal);
        let act =
            Act::new("SESSION.LOGOUT").by(&visitor.principal).from(&call.caller).param("method", method);
        app.record_and_wait(log_of_principal(app, &visitor.principal), act).await?;
    }
    left(app)
}

/// The answer to somebody whose session has ended.
pub(crate) fn left(app: &App) -> Answer {
    let mut response = Redirect::to("/login").into_response();
    response.headers_mut().append(header::SET_COOKIE, session_cookie(app, "", 0)?);
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}

pub(crate) async fn settings(call: Call, request: Request) -> Answer {
    let form = Form::checked(&call, request.into_body()).await?;
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

impl Call {
    /// Ends the session of this browser, if it has one.
    pub(crate) fn end_session(&self) -> bool {
        let token = cookie(&self.headers, self.app.session_cookie());
        token.and_then(|token| self.app.sessions.end(token)).is_some()
    }
}
