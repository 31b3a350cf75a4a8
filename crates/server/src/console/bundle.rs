//! Evidence bundles out of pages, and the page that checks what somebody was handed.

use axum::body::Body;
use axum::extract::Path;
use indelible_console::bundle::BundleForm;
use indelible_console::verify::Verify;
use indelible_control::Permission;

use super::form::Form;
use super::page;
use super::search::Search;
use super::visit::Call;
use crate::api::Answer;
use crate::api::bundles::file;
use crate::bundles::{self, Wanted};
use crate::problem::{Code, Problem};

/// The form for everything that a search finds.
pub(crate) fn form(search: &Search, zone: &str) -> BundleForm {
    let tz = search.tz.clone().unwrap_or_else(|| zone.to_owned());
    let at = search.at.map(|at| at.to_string()).unwrap_or_default();
    let pairs =
        [("q", &search.q), ("since", &search.since), ("until", &search.until), ("tz", &tz), ("at", &at)];
    let said = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    BundleForm {
        action: format!("/o/{}/bundle", search.org),
        hidden: said.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
        window: false,
    }
}

/// The form for a stretch of an organization's log that is still to be chosen.
pub(crate) fn of_window(org: &str, zone: &str) -> BundleForm {
    BundleForm { window: true, ..form(&Search::of(org), zone) }
}

pub(crate) async fn create(call: Call, Path(org): Path<String>, body: Body) -> Answer {
    let access = call.access(&org, Permission::EventsSurvey)?;
    let form = Form::checked(&call, body).await?;
    let said = |name: &str| form.said(name).map(str::to_owned);
    let at =
        |text: &str| text.parse().map_err(|_| Problem::new(Code::RequestMalformed, "at= must be a log size"));
    let wanted = Wanted {
        q: said("q").unwrap_or_default(),
        since: said("since"),
        until: said("until"),
        tz: said("tz"),
        at: form.said("at").map(at).transpose()?,
        purpose: said("purpose"),
        include: said("include"),
    };
    Ok(file(bundles::make(&call.app, &access, &call.caller, wanted).await?))
}

/// Open to everybody: it reads nothing here.
pub(crate) async fn verify(call: Call) -> Answer {
    page(&Verify { frame: call.bare_frame(call.text().verify_title) })
}
