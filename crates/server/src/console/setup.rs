//! What a claim link or an invitation opens: somebody sets their passphrase and is let in.
//!
//! The token comes in the form, from the part of the address that browsers keep to themselves; it is in no address that a
//! server sees. A link is used up only once everything else about the form is right.

use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Redirect};
use indelible_console::setup::Setup;
use indelible_control::{MIN_LENGTH, NewPerson, PassphraseHash, Salt};

use super::form::Form;
use super::login::{finish, look_at, session_cookie, with_status};
use super::notice::capital;
use super::page;
use super::session::ABSOLUTE_NS;
use super::visit::Call;
use crate::api::{Answer, refused};
use crate::app::Shared;
use crate::audit::Act;
use crate::claim::{self, Claimer, claim};
use crate::people::{digest, hashing, log_of};
use crate::problem::{Code, Problem};

/// Which kind of link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Claim,
    Invitation,
}

pub(crate) async fn claim_form(call: Call) -> Answer {
    not_for_guests(&call)?;
    call.app.take_claim_request().await?;
    let mut form = blank(&call, Link::Claim);
    if !call.app.claims.is_open(call.app.clock.boot_ns()) {
        form.trouble = Some("No claim link works now. `indelible claim` makes one.".to_owned());
    }
    page(&form)
}

pub(crate) async fn invitation_form(call: Call) -> Answer {
    not_for_guests(&call)?;
    page(&blank(&call, Link::Invitation))
}

fn not_for_guests(call: &Call) -> Result<(), Problem> {
    match call.app.guest.get() {
        Some(_) => Err(Problem::new(Code::NotFound, "a demonstration has no people of its own")),
        None => Ok(()),
    }
}

fn blank(call: &Call, link: Link) -> Setup {
    let (title, action, why) = match link {
        Link::Claim => (
            "Claim this server",
            "/setup",
            "Whoever has the link becomes the owner of all organizations. It works once, for half an hour.",
        ),
        Link::Invitation => (
            "Set your passphrase",
            "/invitation",
            "Somebody has invited you. The link works once, for a week; an authenticator that you had is forgotten.",
        ),
    };
    Setup {
        frame: call.bare_frame(title),
        action: action.to_owned(),
        claims: link == Link::Claim,
        why: why.to_owned(),
        token: String::new(),
        name: String::new(),
        email: String::new(),
        min_length: MIN_LENGTH,
        trouble: None,
    }
}

pub(crate) async fn make_claim(call: Call, request: Request) -> Answer {
    answered(call, request, Link::Claim).await
}

pub(crate) async fn accept(call: Call, request: Request) -> Answer {
    answered(call, request, Link::Invitation).await
}

async fn answered(call: Call, request: Request, link: Link) -> Answer {
    not_for_guests(&call)?;
    let form = Form::read(request.into_body()).await?;
    let done = match link {
        Link::Claim => claimed(&call, &form).await,
        Link::Invitation => accepted(&call, &form).await,
    };
    match done {
        Ok(id) => let_in(&call, &id, link).await,
        Err(problem) if matches!(problem.code, Code::Internal | Code::LogUnavailable) => Err(problem),
        Err(problem) => {
            let said = |name: &str| form.get(name).trim().to_owned();
            let again = Setup {
                token: said("token"),
                name: said("name"),
                email: said("email"),
                trouble: Some(capital(&problem.detail)),
                ..blank(&call, link)
            };
            Ok(with_status(page(&again)?, &problem))
        }
    }
}

/// Makes an owner of whoever has the claim link; gives the person's id.
async fn claimed(call: &Call, form: &Form) -> Result<String, Problem> {
    look_at(call, "claim").await?;
    let app = &call.app;
    app.take_claim_request().await?;
    let token = form.get("token").trim();
    if !app.claims.fits(token, app.clock.boot_ns()) {
        return Err(claim::refused(app, &call.caller).await?);
    }
    let (name, email) = (form.get("name").trim().to_owned(), form.get("email").trim().to_owned());
    NewPerson { name: name.clone(), email: email.clone(), grants: Vec::new() }.check().map_err(refused)?;
    let passphrase = hashed(call, form, &email).await?;
    claim(app, &call.caller, token, Claimer { name, email, passphrase }).await
}

/// Takes an invitation up; gives the person's id.
async fn accepted(call: &Call, form: &Form) -> Result<String, Problem> {
    look_at(call, "invitation").await?;
    let app = &call.app;
    let token = digest(form.get("token"));
    let Some(person) = app.control.invited(&token, app.now_ms()) else {
        let why = "the link was used, is older than a week, or another was made since; ask for a new one";
        let act = Act::new("SESSION.LOGIN").by_nobody().from(&call.caller).param("method", "invitation");
        app.record_and_wait(app.system_log(), act.failed(why)).await?;
        return Err(Problem::new(Code::PermissionMissing, why));
    };
    let passphrase = hashed(call, form, &person.email).await?;
    let (worker, now_ms) = (Shared::clone(app), app.now_ms());
    let changed = crate::blocking(move || {
        worker.control.accept_invitation(&token, passphrase, now_ms).map_err(refused)
    })
    .await?;
    app.sessions.forget_person(&person.id);
    let (before, after) = (changed.before.state.word(), changed.after.state.word());
    let act =
        Act::new("PERSON.UPDATE").by_person(&changed.after).from(&call.caller).target("user", &person.id);
    let act = act.change("state", before.to_owned(), after.to_owned());
    let act = act.change("passphrase", String::new(), "set by invitation".to_owned());
    app.record_and_wait(log_of(app, &changed.after), act).await?;
    Ok(person.id)
}

/// The digest of a new passphrase that was typed twice.
pub(super) async fn hashed(call: &Call, form: &Form, email: &str) -> Result<PassphraseHash, Problem> {
    let (phrase, email) = (form.get("passphrase").to_owned(), email.to_owned());
    if phrase != form.get("again") {
        return Err(Problem::new(Code::RequestMalformed, "the two passphrases differ; type the same twice"));
    }
    let salt = Salt::new(crate::random()?);
    hashing(&call.app, move |_| PassphraseHash::new(&phrase, &email, salt).map_err(refused)).await
}

async fn let_in(call: &Call, id: &str, link: Link) -> Answer {
    let gone = || Problem::new(Code::NotFound, "the person is gone");
    let person = call.app.control.person(id).ok_or_else(gone)?;
    let method = if link == Link::Claim { "claim" } else { "invitation" };
    let begun = finish(call, &person, method).await?;
    let mut response = Redirect::to("/me").into_response();
    let cookie = session_cookie(&call.app, &begun.token, ABSOLUTE_NS / 1_000_000_000)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}
