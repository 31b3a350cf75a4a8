//! A person's own pages: what they may change about themselves, and what proves who they are.
//!
//! Whoever sits down at an open session cannot take the person over: another passphrase or authenticator needs the
//! passphrase of now. After either, this session has a new token and the person's other sessions are over.

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Redirect};
use indelible_console::me::{Enrol, Me, OpenSession, OwnKey};
use indelible_console::notice::Notice;
use indelible_console::qr::Qr;
use indelible_control::{
    Changed, Enrolment, Grant, KeySeed, MIN_LENGTH, NewKey, Person, PersonChange, RecoverySeed,
    TOTP_SECRET_BYTES, secret_of_text, secret_text, totp_address,
};
use indelible_query::Instant;

use super::attempts::Attempt;
use super::form::Form;
use super::login::{begin_session, left, log_of_principal, session_cookie, with_status};
use super::notice::capital;
use super::page;
use super::session::{ABSOLUTE_NS, Session, Subject, Which};
use super::setup::hashed;
use super::times::Zone;
use super::visit::{Call, Section, Visitor};
use crate::api::{Answer, refused};
use crate::app::Shared;
use crate::audit::Act;
use crate::people::{hashing, log_of};
use crate::problem::{Code, Problem};

/// The longest life of a person's own key: a year, after which somebody has to think of it again.
const MAX_KEY_DAYS: i64 = 366;
const DAY_MS: i64 = 86_400_000;

/// The person whose session it is.
fn own(call: &Call) -> Result<(&Person, &Visitor), Problem> {
    let visitor = call.visitor()?;
    let nobody =
        || Problem::new(Code::PermissionMissing, "this session is of an API key, which has no account");
    Ok((visitor.principal.person().ok_or_else(nobody)?, visitor))
}

pub(super) fn at(zone: &Zone, ms: i64) -> String {
    zone.second(Instant(i128::from(ms) * 1_000_000))
}

pub(crate) async fn me(call: Call) -> Answer {
    let (person, visitor) = own(&call)?;
    let (app, zone) = (&call.app, call.zone());
    let (now_ms, boot_ns) = (app.now_ms(), app.clock.boot_ns());
    let when = |ns: i64| at(&zone, now_ms - (boot_ns - ns) / 1_000_000);
    let session = |session: Session| OpenSession {
        here: session.name == visitor.session.name,
        address: session.address.to_string(),
        began: when(session.began_ns),
        seen: when(session.seen_ns),
        name: session.name,
    };
    let mine = app.control.list_keys(None).into_iter().filter(|key| {
        key.person.as_deref() == Some(&person.id)
            && key.revoked_at_ms.is_none()
            && key.expires_at_ms.is_none_or(|until| until > now_ms)
    });
    let key = |key: indelible_control::Key| OwnKey {
        id: key.id,
        label: key.label,
        created: at(&zone, key.created_at_ms),
        used: key.last_used_ms.map_or_else(|| "not since the last start".to_owned(), |used| at(&zone, used)),
        expires: key.expires_at_ms.map_or_else(|| "never".to_owned(), |until| at(&zone, until)),
    };
    let sessions = app.sessions.of_subject(&visitor.session.subject, boot_ns);
    page(&Me {
        frame: call.frame_of("Your account", Section::Me, first_org(&call).as_deref()),
        csrf: visitor.session.csrf.clone(),
        notice: call.notice(),
        name: person.name.clone(),
        email: person.email.clone(),
        roles: person.grants.iter().map(Grant::to_string).collect(),
        has_totp: person.has_totp,
        recovery_codes: person.recovery_codes,
        min_length: MIN_LENGTH,
        zone: zone.name().to_owned(),
        sessions: sessions.into_iter().map(session).collect(),
        keys: mine.map(key).collect(),
    })
}

/// An organization to go back to from pages that are of none.
pub(super) fn first_org(call: &Call) -> Option<std::sync::Arc<indelible_control::Organization>> {
    let orgs = call.visitor().ok()?.organizations(&call.app);
    let not_ours = orgs.iter().position(|org| org.id.as_str() != indelible_control::SYSTEM_ORGANIZATION);
    orgs.into_iter().nth(not_ours.unwrap_or(0))
}

pub(crate) async fn name(call: Call, request: Request) -> Answer {
    let form = Form::checked(&call, request.into_body()).await?;
    let (person, _) = own(&call)?;
    let change = PersonChange { name: Some(form.get("name").to_owned()), ..PersonChange::default() };
    let (worker, id, now_ms) = (Shared::clone(&call.app), person.id.clone(), call.app.now_ms());
    let changed =
        crate::blocking(move || worker.control.change_person(&id, &change, now_ms).map_err(refused)).await;
    let done = match changed {
        Ok(Changed { before, after }) => {
            record(&call, ("name", before.name, after.name)).await?;
            Ok(Notice::good("Your name is changed."))
        }
        Err(problem) => Err(problem),
    };
    call.lead_with("/me", done)
}

/// Records what a person changed about themselves; never a secret.
async fn record(call: &Call, (path, old, new): (&str, String, String)) -> Result<(), Problem> {
    let (person, visitor) = own(call)?;
    let act = Act::new("PERSON.UPDATE").by(&visitor.principal).from(&call.caller).target("user", &person.id);
    call.app.record_and_wait(log_of(&call.app, person), act.change(path, old, new)).await
}

/// Demands the passphrase of now; wrong ones count like those of a log-in.
async fn demand_passphrase(call: &Call, form: &Form) -> Result<(), Problem> {
    let (person, _) = own(call)?;
    let app = &call.app;
    if let Attempt::Wait(seconds) =
        app.attempts.begin(&person.email, call.caller.address, app.clock.boot_ns())
    {
        let detail = format!("the passphrase was wrong too often; wait {} minutes", seconds.div_ceil(60));
        return Err(Problem::new(Code::RateLimited, detail).retry_after(seconds));
    }
    let (email, phrase) = (person.email.clone(), form.get("old").to_owned());
    let found = hashing(app, move |app| Ok(app.control.person_of_passphrase(&email, &phrase))).await?;
    if found.is_none() {
        let why = "the passphrase of now is another";
        let act = Act::new("SESSION.LOGIN").by_nobody().from(&call.caller).param("method", "passphrase");
        app.record_and_wait(log_of(app, person), act.target("user", &person.id).failed(why)).await?;
        return Err(Problem::new(Code::RequestMalformed, why));
    }
    app.attempts.succeeded(&person.email, call.caller.address);
    Ok(())
}

/// Goes on in a session with a new token; every other of the person is over.
fn renewed(call: &Call, notice: Notice) -> Answer {
    let (person, _) = own(call)?;
    call.app.sessions.forget_person(&person.id);
    let begun = begin_session(call, Subject::Person(person.id.clone()))?;
    call.app.sessions.leave_notice(&begun.token, notice);
    let mut response = Redirect::to("/me").into_response();
    let cookie = session_cookie(&call.app, &begun.token, ABSOLUTE_NS / 1_000_000_000)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(crate) async fn passphrase(call: Call, request: Request) -> Answer {
    let form = Form::checked(&call, request.into_body()).await?;
    match change_passphrase(&call, &form).await {
        Ok(()) => renewed(&call, Notice::good("Your passphrase is changed; your other sessions have ended.")),
        Err(problem) => call.lead_with("/me", Err(problem)),
    }
}

async fn change_passphrase(call: &Call, form: &Form) -> Result<(), Problem> {
    let (person, _) = own(call)?;
    demand_passphrase(call, form).await?;
    let hash = hashed(call, form, &person.email).await?;
    let (worker, id, now_ms) = (Shared::clone(&call.app), person.id.clone(), call.app.now_ms());
    crate::blocking(move || worker.control.set_passphrase(&id, hash, now_ms).map_err(refused)).await?;
    record(call, ("passphrase", "set".to_owned(), "changed".to_owned())).await
}

pub(crate) async fn totp_form(call: Call) -> Answer {
    own(&call)?;
    page(&enrol_page(&call, crate::random()?, None)?)
}

fn enrol_page(
    call: &Call,
    secret: [u8; TOTP_SECRET_BYTES],
    trouble: Option<String>,
) -> Result<Enrol, Problem> {
    let (person, visitor) = own(call)?;
    let url = call.app.public_url();
    let issuer = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
    let address = totp_address(&secret, &person.email, issuer);
    Ok(Enrol {
        frame: call.frame_of("Set up an authenticator", Section::Me, first_org(call).as_deref()),
        csrf: visitor.session.csrf.clone(),
        email: person.email.clone(),
        secret: secret_text(&secret),
        qr: Qr::of(&address),
        address,
        trouble,
    })
}

pub(crate) async fn totp(call: Call, request: Request) -> Answer {
    let form = Form::checked(&call, request.into_body()).await?;
    let unread =
        || Problem::new(Code::RequestMalformed, "the secret is not the one of the page; load it again");
    let secret = secret_of_text(form.get("secret")).ok_or_else(unread)?;
    match enrol(&call, &form, secret).await {
        Ok(codes) => {
            let text = "The authenticator is on. Keep these recovery codes where the device is not; each works once, and they are not shown again.";
            renewed(&call, Notice { codes, ..Notice::good(text) })
        }
        Err(problem) if matches!(problem.code, Code::RequestMalformed | Code::RateLimited) => {
            let again = page(&enrol_page(&call, secret, Some(capital(&problem.detail)))?)?;
            Ok(with_status(again, &problem))
        }
        Err(problem) => Err(problem),
    }
}

async fn enrol(call: &Call, form: &Form, secret: [u8; TOTP_SECRET_BYTES]) -> Result<Vec<String>, Problem> {
    let (person, _) = own(call)?;
    demand_passphrase(call, form).await?;
    let recovery = RecoverySeed::new(crate::random()?);
    let codes = recovery.codes();
    let (worker, id, now_ms) = (Shared::clone(&call.app), person.id.clone(), call.app.now_ms());
    let code = form.get("code").to_owned();
    let changed = crate::blocking(move || {
        let enrolment = Enrolment { secret, code: &code, recovery: &recovery };
        worker.control.enrol_totp(&id, &enrolment, now_ms).map_err(refused)
    })
    .await?;
    let before = if changed.before.has_totp { "on" } else { "off" };
    record(call, ("totp", before.to_owned(), "on".to_owned())).await?;
    Ok(codes)
}

pub(crate) async fn totp_off(call: Call, request: Request) -> Answer {
    let form = Form::checked(&call, request.into_body()).await?;
    match forget_totp(&call, &form).await {
        Ok(()) => renewed(&call, Notice::good("The authenticator is off; your other sessions have ended.")),
        Err(problem) => call.lead_with("/me", Err(problem)),
    }
}

async fn forget_totp(call: &Call, form: &Form) -> Result<(), Problem> {
    let (person, _) = own(call)?;
    demand_passphrase(call, form).await?;
    let (worker, id, now_ms) = (Shared::clone(&call.app), person.id.clone(), call.app.now_ms());
    crate::blocking(move || worker.control.remove_totp(&id, now_ms).map_err(refused)).await?;
    record(call, ("totp", "on".to_owned(), "off".to_owned())).await
}

pub(crate) async fn sessions(call: Call, request: Request) -> Answer {
    let form = Form::checked(&call, request.into_body()).await?;
    let (_, visitor) = own(&call)?;
    let (app, subject) = (&call.app, &visitor.session.subject);
    let all = form.get("end") == "all";
    let which = if all { Which::AllBut(None) } else { Which::Named(form.get("end")) };
    let ended = app.sessions.end_of(subject, which);
    if ended == 0 {
        return Ok(call.lead("/me", Notice::bad("the session is over already")));
    }
    let log = log_of_principal(app, &visitor.principal);
    let act = Act::new("SESSION.LOGOUT").by(&visitor.principal).from(&call.caller);
    let act = act.param("method", "ended by the person");
    let act = if all { act } else { act.target("session", form.get("end")) };
    app.record_and_wait(log, act).await?;
    if all { left(app) } else { Ok(call.lead("/me", Notice::good("The session has ended."))) }
}

pub(crate) async fn keys(call: Call, request: Request) -> Answer {
    let form = Form::checked(&call, request.into_body()).await?;
    let done = match form.said("revoke") {
        Some(id) => revoke(&call, id).await,
        None => create(&call, &form).await,
    };
    call.lead_with("/me", done)
}

async fn create(call: &Call, form: &Form) -> Result<Notice, Problem> {
    let (person, visitor) = own(call)?;
    let app = &call.app;
    let days = form.get("days").trim().parse::<i64>().ok().filter(|days| (1..=MAX_KEY_DAYS).contains(days));
    let days = days.ok_or_else(|| {
        Problem::new(Code::RequestMalformed, format!("a key of yours lasts 1 to {MAX_KEY_DAYS} days"))
    })?;
    let (now_ms, seed) = (app.now_ms(), KeySeed::new(crate::random()?));
    let mut new = NewKey::of_person(&person.id, form.get("label").trim());
    new.expires_at_ms = Some(now_ms + days * DAY_MS);
    let worker = Shared::clone(app);
    let made = crate::blocking(move || worker.control.create_key(&new, &seed, now_ms).map_err(refused));
    let (key, token) = made.await?;
    let act = Act::new("KEY.CREATE").by(&visitor.principal).from(&call.caller).target("api-key", &key.id);
    let act = act.change("kind", String::new(), key.kind.word().to_owned());
    app.record_and_wait(log_of(app, person), act.change("label", String::new(), key.label)).await?;
    Ok(Notice::good("The key is made. It is shown this once.").with_secret("Your key", token))
}

async fn revoke(call: &Call, id: &str) -> Result<Notice, Problem> {
    let (person, visitor) = own(call)?;
    let app = &call.app;
    let mine = app.control.key(id).filter(|key| key.person.as_deref() == Some(&person.id));
    let missing = || Problem::new(Code::NotFound, format!("you have no key {id:?}"));
    let key = mine.ok_or_else(missing)?;
    let (worker, now_ms, target) = (Shared::clone(app), app.now_ms(), key.id.clone());
    crate::blocking(move || worker.control.revoke_key(&target, now_ms).map_err(refused)).await?;
    let act = Act::new("KEY.REVOKE").by(&visitor.principal).from(&call.caller).target("api-key", &key.id);
    app.record_and_wait(log_of(app, person), act).await?;
    Ok(Notice::good("The key is revoked."))
}
