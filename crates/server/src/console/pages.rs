//! The one table of pages: router and the table of permissions come from here.

use axum::middleware;
use axum::routing::{MethodRouter, get, post};
use indelible_control::Permission::{
    self, CatalogRead, EventsRead, EventsSurvey, KeyAdmin, KeyRead, LogRead, NodeAdmin, OrgAdmin,
    PersonAdmin, PersonRead, ViewWrite,
};

use super::{
    around, assets, bundle, catalogs, connections, csv, embed, event, explore, home, integrity, keys, live,
    login, me, organizations, people, setup, timeline, views,
};
use crate::app::Shared;
use crate::endpoints::Need;

/// One page of the console, or a form that it sends.
pub struct Page {
    /// HTTP method.
    pub method: &'static str,
    /// Path; parameters in braces.
    pub path: &'static str,
    /// What a visitor's session needs; `Nothing` is open to everybody.
    pub need: Need,
    /// One line.
    pub summary: &'static str,
    handler: fn() -> MethodRouter<Shared>,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

const fn may(permission: Permission) -> Need {
    Need::Permission(permission)
}

macro_rules! page {
    ($method:ident $path:literal, $need:expr, $summary:literal, $handler:path) => {
        Page {
            method: stringify!($method),
            path: $path,
            need: $need,
            summary: $summary,
            handler: || $method($handler),
        }
    };
}

/// Every page.
pub const PAGES: &[Page] = &[
    page!(get "/", Need::Nothing, "Leads to the first organization that the visitor may read.", home::first),
    page!(get "/login", Need::Nothing, "Where people and keys are exchanged for a session.", login::form),
    page!(post "/login", Need::Nothing, "Begin a session.", login::begin),
    page!(get "/login/code", Need::Nothing, "Where a person gives the code of their authenticator.", login::code_form),
    page!(post "/login/code", Need::Nothing, "Give it.", login::code),
    page!(get "/verify", Need::Nothing, "Checks proofs and bundles in the browser; reads nothing here.", bundle::verify),
    page!(get "/setup", Need::Nothing, "What a claim link opens.", setup::claim_form),
    page!(post "/setup", Need::Nothing, "Become the owner, with the link's token.", setup::make_claim),
    page!(get "/invitation", Need::Nothing, "What an invitation opens.", setup::invitation_form),
    page!(post "/invitation", Need::Nothing, "Set a passphrase, with the link's token.", setup::accept),
    page!(get "/me", Need::Session, "A person's own account: sessions, keys, passphrase, authenticator.", me::me),
    page!(post "/me", Need::Session, "Change one's own name.", me::name),
    page!(post "/me/passphrase", Need::Session, "Change one's own passphrase, with the one of now.", me::passphrase),
    page!(get "/me/totp", Need::Session, "Set up an authenticator.", me::totp_form),
    page!(post "/me/totp", Need::Session, "Turn it on, with a code and the passphrase.", me::totp),
    page!(post "/me/totp/off", Need::Session, "Turn it off, with the passphrase.", me::totp_off),
    page!(post "/me/sessions", Need::Session, "End sessions of one's own.", me::sessions),
    page!(post "/me/keys", Need::Session, "Create or revoke a key of one's own.", me::keys),
    page!(post "/ui/logout", Need::Nothing, "End the session.", login::end),
    page!(post "/ui/settings", Need::Nothing, "Choose theme and zone of this browser.", login::settings),
    page!(get "/o/{org}", may(EventsSurvey), "Home: events per day, newest failures, state of the log.", home::home),
    page!(get "/o/{org}/explore", may(EventsRead), "Search with facets and histogram.", explore::explore),
    page!(get "/o/{org}/explore.csv", may(EventsRead), "Everything that a search matches, as CSV.", csv::csv),
    page!(post "/o/{org}/bundle", may(EventsSurvey), "Everything that a search finds, as an evidence bundle.", bundle::create),
    page!(get "/o/{org}/suggest", may(EventsRead), "Completions of a query.", explore::suggest),
    page!(get "/o/{org}/live", may(EventsRead), "Events as they come.", live::live),
    page!(get "/o/{org}/live/events", may(EventsRead), "The same as a stream for the page.", live::events),
    page!(get "/o/{org}/views", may(EventsSurvey), "Searches that are kept.", views::list),
    page!(post "/o/{org}/views", may(ViewWrite), "Keep a search.", views::create),
    page!(post "/o/{org}/views/{id}", may(ViewWrite), "Rename, share or forget a view.", views::change),
    page!(get "/o/{org}/timeline", may(EventsRead), "What belongs together, in order.", timeline::timeline),
    page!(get "/o/{org}/e/{id}", may(EventsRead), "One event with its proof.", event::event),
    page!(get "/o/{org}/e/{id}/proof", may(EventsRead), "The event's proof as a file.", event::proof),
    page!(get "/o/{org}/integrity", may(LogRead), "Checkpoints, producers and their gaps.", integrity::integrity),
    page!(post "/o/{org}/integrity", may(LogRead), "Recompute the log from its stored events up.", integrity::verify),
    page!(get "/o/{org}/people", may(PersonRead), "People with a role in the organization.", people::list),
    page!(post "/o/{org}/people", may(PersonAdmin), "Invite a person.", people::invite),
    page!(get "/o/{org}/people/{id}", may(PersonRead), "One person.", people::one),
    page!(post "/o/{org}/people/{id}", may(PersonAdmin), "Give or withdraw a role, disable, enable, invite anew.", people::change),
    page!(get "/o/{org}/keys", may(KeyRead), "API keys of the organization.", keys::list),
    page!(post "/o/{org}/keys", may(KeyAdmin), "Create a key.", keys::create),
    page!(post "/o/{org}/keys/{id}", may(KeyAdmin), "Make a successor of a key, or revoke it.", keys::change),
    page!(get "/o/{org}/connections", may(EventsSurvey), "Sources, routes and parked deliveries.", connections::list),
    page!(post "/o/{org}/connections/{id}", may(OrgAdmin), "Pause or resume a source or route, retry or drop a delivery.", connections::change),
    page!(get "/o/{org}/{*rest}", may(EventsRead), "Says that there is no such page.", home::nothing),
    page!(get "/catalogs", may(CatalogRead), "Catalogs.", catalogs::list),
    page!(get "/catalogs/{catalog}", may(CatalogRead), "One catalog with its types.", catalogs::catalog),
    page!(get "/catalogs/{catalog}/{code}", may(CatalogRead), "One event type.", catalogs::code),
    page!(get "/organizations", may(NodeAdmin), "All organizations.", organizations::list),
    page!(post "/organizations", may(NodeAdmin), "Create an organization.", organizations::create),
    page!(get "/view/{id}", Need::Nothing, "A page to embed, for a viewer token: it holds nothing itself.", embed::view),
    page!(get "/assets/{hash}/{name}", Need::Nothing, "Styles and scripts.", assets::asset),
];

/// The router over the whole table.
pub(crate) fn router(app: &Shared) -> axum::Router<Shared> {
    // Forms and their pages share a path.
    let routes =
        PAGES.iter().fold(axum::Router::new(), |router, page| router.route(page.path, (page.handler)()));
    routes.layer(middleware::from_fn_with_state(Shared::clone(app), around::around))
}
