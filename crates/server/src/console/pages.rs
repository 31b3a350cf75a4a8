//! The one table of pages: router and the table of permissions come from here.

use axum::middleware;
use axum::routing::{MethodRouter, get, post};
use indelible_control::Permission::{self, CatalogRead, EventsRead, LogRead};

use super::{around, assets, catalogs, csv, event, explore, home, integrity, live, login, timeline, views};
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
    page!(get "/login", Need::Nothing, "Where a key is exchanged for a session.", login::form),
    page!(post "/login", Need::Nothing, "Begin a session.", login::begin),
    page!(post "/ui/logout", Need::Nothing, "End the session.", login::end),
    page!(post "/ui/settings", Need::Nothing, "Choose theme and zone of this browser.", login::settings),
    page!(get "/o/{org}", may(EventsRead), "Home: events per day, newest failures, state of the log.", home::home),
    page!(get "/o/{org}/explore", may(EventsRead), "Search with facets and histogram.", explore::explore),
    page!(get "/o/{org}/explore.csv", may(EventsRead), "Everything that a search matches, as CSV.", csv::csv),
    page!(get "/o/{org}/suggest", may(EventsRead), "Completions of a query.", explore::suggest),
    page!(get "/o/{org}/live", may(EventsRead), "Events as they come.", live::live),
    page!(get "/o/{org}/live/events", may(EventsRead), "The same as a stream for the page.", live::events),
    page!(get "/o/{org}/views", may(EventsRead), "Searches that are kept.", views::list),
    page!(post "/o/{org}/views", may(EventsRead), "Keep a search.", views::create),
    page!(post "/o/{org}/views/{id}", may(EventsRead), "Rename, share or forget a view.", views::change),
    page!(get "/o/{org}/timeline", may(EventsRead), "What belongs together, in order.", timeline::timeline),
    page!(get "/o/{org}/e/{id}", may(EventsRead), "One event with its proof.", event::event),
    page!(get "/o/{org}/e/{id}/proof", may(EventsRead), "The event's proof as a file.", event::proof),
    page!(get "/o/{org}/integrity", may(LogRead), "Checkpoints, producers and their gaps.", integrity::integrity),
    page!(get "/o/{org}/{*rest}", may(EventsRead), "Says that there is no such page.", home::nothing),
    page!(get "/catalogs", may(CatalogRead), "Catalogs.", catalogs::list),
    page!(get "/catalogs/{catalog}", may(CatalogRead), "One catalog with its types.", catalogs::catalog),
    page!(get "/catalogs/{catalog}/{code}", may(CatalogRead), "One event type.", catalogs::code),
    page!(get "/assets/{hash}/{name}", Need::Nothing, "Styles and scripts.", assets::asset),
];

/// The router over the whole table.
pub(crate) fn router(app: &Shared) -> axum::Router<Shared> {
    // Forms and their pages share a path.
    let routes =
        PAGES.iter().fold(axum::Router::new(), |router, page| router.route(page.path, (page.handler)()));
    routes.layer(middleware::from_fn_with_state(Shared::clone(app), around::around))
}
