//! Who visits, what that visitor may do, and what the browser has chosen.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use indelible_console::frame::{Frame, Link, Visit};
use indelible_console::text::{LANGUAGES, Text};
use indelible_control::{Grant, Organization, Permission, Principal, allowed};

use super::session::{Session, Sessions, Subject};
use super::times::Zone;
use crate::access::{Access, node_access_of};
use crate::app::{App, Shared};
use crate::http::Caller;
use crate::problem::{Code, Problem};

/// Cookie of the theme, `auto` if there is none.
pub(crate) const THEME_COOKIE: &str = "indelible_theme";
/// Cookie of the zone, UTC if there is none.
pub(crate) const ZONE_COOKIE: &str = "indelible_zone";
/// Cookie of the language, the browser's own choice if there is none.
pub(crate) const LANGUAGE_COOKIE: &str = "indelible_language";
/// Themes there are.
pub(crate) const THEMES: [&str; 3] = ["auto", "light", "dark"];

/// Somebody with a session.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) principal: Principal,
    pub(crate) session: Session,
}

/// A request for a page.
pub(crate) struct Call {
    pub(crate) app: Shared,
    pub(crate) caller: Caller,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    visitor: Result<Visitor, Problem>,
    half: Option<Session>,
}

/// Which page it is, for the bar above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Home,
    Explore,
    Catalogs,
    Integrity,
    People,
    Keys,
    Connections,
    Organizations,
    Me,
}

impl FromRequestParts<Shared> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Infallible> {
        let nobody = || Caller {
            address: std::net::Ipv4Addr::UNSPECIFIED.into(),
            request: String::new(),
            session: None,
        };
        let mut caller = parts.extensions.get::<Caller>().cloned().unwrap_or_else(nobody);
        let visitor = app.visitor(&parts.headers);
        caller.session = visitor.as_ref().ok().map(|visitor| visitor.session.name.clone());
        let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
        let half = visitor.is_err().then(|| app.half(&headers)).flatten();
        Ok(Self { app: Shared::clone(app), caller, uri, headers, visitor, half })
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| {
        pair.trim().split_once('=').filter(|(known, _)| *known == name).map(|(_, value)| value)
    })
}

/// The theme that a browser has chosen.
pub(crate) fn theme(headers: &HeaderMap) -> &'static str {
    let said = cookie(headers, THEME_COOKIE);
    THEMES.into_iter().find(|theme| Some(*theme) == said).unwrap_or("auto")
}

/// The language that a browser has chosen here, else the first that it asks for and we have.
pub(crate) fn language(headers: &HeaderMap) -> &'static str {
    let known = |said: &str| LANGUAGES.into_iter().find(|language| said.eq_ignore_ascii_case(language));
    let accepted = || {
        let said = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        said.split(',').find_map(|one| known(one.trim().split([';', '-']).next().unwrap_or_default()))
    };
    cookie(headers, LANGUAGE_COOKIE).and_then(known).or_else(accepted).unwrap_or("en")
}

impl App {
    /// Whether browsers reach us over TLS, so that cookies need it.
    pub(crate) fn is_behind_tls(&self) -> bool {
        self.config.bool("http.behind_proxy")
            || self.speaks_tls()
            || self.public_url().starts_with("https://")
    }

    /// Name of the session's cookie; with TLS the prefix binds it to this host.
    pub(crate) fn session_cookie(&self) -> &'static str {
        if self.is_behind_tls() { "__Host-indelible_session" } else { "indelible_session" }
    }

    /// The visitor of a request, with the rights that its subject has now.
    pub(crate) fn visitor(&self, headers: &HeaderMap) -> Result<Visitor, Problem> {
        self.visitor_by(headers, Sessions::of)
    }

    /// The same for something that goes on by itself, which keeps no session alive.
    pub(crate) fn silent_visitor(&self, headers: &HeaderMap) -> Result<Visitor, Problem> {
        self.visitor_by(headers, Sessions::peek)
    }

    fn visitor_by(
        &self,
        headers: &HeaderMap,
        find: impl Fn(&Sessions, &str, i64) -> Option<Session>,
    ) -> Result<Visitor, Problem> {
        let session = match (self.guest.get(), cookie(headers, self.session_cookie())) {
            (Some((key, csrf)), _) => Session::of_guest(key, csrf),
            (None, Some(token)) => {
                find(&self.sessions, token, self.clock.boot_ns()).ok_or_else(no_session)?
            }
            (None, None) => return Err(no_session()),
        };
        let principal = match &session.subject {
            Subject::Key(key) => self.control.principal(key, self.now_ms()),
            Subject::Person(id) => self.control.person_principal(id),
            Subject::Half(_) => return Err(no_session()),
        };
        let principal = principal.map_err(|error| {
            Problem::new(Code::CredentialInvalid, format!("what the session was begun with: {error}"))
        })?;
        Ok(Visitor { principal, session })
    }

    /// The session of somebody who still has to give a code.
    fn half(&self, headers: &HeaderMap) -> Option<Session> {
        let session = self.sessions.of(cookie(headers, self.session_cookie())?, self.clock.boot_ns())?;
        matches!(session.subject, Subject::Half(_)).then_some(session)
    }

    /// Lets everybody in with the rights of a key; only for a demonstration that listens on a loopback address.
    pub(crate) fn open_to_guests(&self, key_id: String) -> Result<(), Problem> {
        let csrf = super::session::hex(&crate::random::<16>()?);
        self.guest.get_or_init(|| (key_id, csrf));
        Ok(())
    }
}

fn no_session() -> Problem {
    Problem::new(Code::CredentialMissing, "log in to see this page")
}

impl Visitor {
    /// Organizations whose events the visitor may read, by name.
    pub(crate) fn organizations(&self, app: &App) -> Vec<Arc<Organization>> {
        let may_read =
            |org: &Arc<Organization>| allowed(&self.principal, Permission::EventsRead, Some(&org.id)).is_ok();
        app.control.orgs().into_iter().filter(may_read).collect()
    }

    /// Whether the visitor may do something in an organization.
    pub(crate) fn may(&self, permission: Permission, org: &Organization) -> bool {
        allowed(&self.principal, permission, Some(&org.id)).is_ok()
    }

    fn described(&self) -> String {
        if let Some(person) = self.principal.person() {
            let roles: Vec<String> = person.grants.iter().map(Grant::to_string).collect();
            let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
            return format!("{}: {roles}", person.email);
        }
        let reach = match self.principal.own_organization() {
            None => "all organizations".to_owned(),
            Some(org) => format!("organization {org}"),
        };
        let only = self.principal.catalog().map_or(String::new(), |catalog| format!(", catalog {catalog}"));
        format!("API key {} of kind {}, {reach}{only}", self.principal.id(), self.principal.kind())
    }
}

impl Call {
    /// Who it is.
    pub(crate) fn visitor(&self) -> Result<&Visitor, Problem> {
        self.visitor.as_ref().map_err(Clone::clone)
    }

    /// The person who still has to give a code, with their session.
    pub(crate) fn half(&self) -> Option<(&str, &Session)> {
        let session = self.half.as_ref()?;
        match &session.subject {
            Subject::Half(id) => Some((id, session)),
            Subject::Key(_) | Subject::Person(_) => None,
        }
    }

    /// Access to an organization, decided as for the API.
    pub(crate) fn access(&self, org: &str, needed: Permission) -> Result<Access, Problem> {
        let principal = self.visitor()?.principal.clone();
        self.app.access_of(principal, org, needed)
    }

    /// Leave to see what concerns the node as a whole, decided as for the API.
    pub(crate) fn node_access(&self, needed: Permission) -> Result<Principal, Problem> {
        node_access_of(self.visitor()?.principal.clone(), needed)
    }

    /// The zone of times: the one in the address, else the browser's choice, else UTC.
    pub(crate) fn zone(&self) -> Zone {
        let query = self.uri.query().unwrap_or_default();
        let said = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "tz");
        let said = said.map(|(_, zone)| zone.into_owned()).filter(|zone| !zone.is_empty());
        let kept = || cookie(&self.headers, ZONE_COOKIE).map(str::to_owned);
        said.or_else(kept).and_then(|name| Zone::named(&name)).unwrap_or_default()
    }

    /// The texts of the reader's language.
    pub(crate) fn text(&self) -> &'static Text {
        Text::of(language(&self.headers))
    }

    /// What stands around a page without a visitor.
    pub(crate) fn bare_frame(&self, title: &str) -> Frame {
        Frame {
            title: title.to_owned(),
            t: self.text(),
            theme: theme(&self.headers).to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ribbon: self.app.guest.get().map(|_| {
                "Demonstration: invented events, open to everybody on this machine, deleted on exit"
                    .to_owned()
            }),
            visit: None,
        }
    }

    /// What stands around a page about an organization.
    pub(crate) fn frame(&self, title: &str, section: Section, org: &Organization) -> Frame {
        self.frame_of(title, section, Some(org))
    }

    /// What stands around a page, perhaps about an organization.
    pub(crate) fn frame_of(&self, title: &str, section: Section, org: Option<&Organization>) -> Frame {
        let Ok(visitor) = self.visitor() else { return self.bare_frame(title) };
        let orgs = visitor.organizations(&self.app);
        let orgs = orgs.iter().map(|other| {
            let href = match section {
                Section::Explore => format!("/o/{}/explore", other.id),
                Section::Integrity => format!("/o/{}/integrity", other.id),
                Section::Catalogs => format!("/catalogs?o={}", other.id),
                Section::People if visitor.may(Permission::PersonRead, other) => {
                    format!("/o/{}/people", other.id)
                }
                Section::Keys if visitor.may(Permission::KeyRead, other) => format!("/o/{}/keys", other.id),
                _ => format!("/o/{}", other.id),
            };
            Link::new(other.id.to_string(), href).chosen(org.is_some_and(|org| other.id == org.id))
        });
        let guest = self.app.guest.get().is_some();
        let principal = &visitor.principal;
        let who = if principal.name().is_empty() { principal.id() } else { principal.name() };
        let visit = Visit {
            org: org.map_or_else(|| "choose".to_owned(), |org| org.id.to_string()),
            orgs: orgs.collect(),
            pages: pages(visitor, section, org),
            who: if guest { "guest".to_owned() } else { who.to_owned() },
            subject: if guest { "Everybody is let in, to read.".to_owned() } else { visitor.described() },
            zone: self.zone().name().to_owned(),
            here: self.uri.path_and_query().map_or("/", |here| here.as_str()).to_owned(),
            csrf: visitor.session.csrf.clone(),
            may_leave: !guest,
            has_account: !guest && principal.person().is_some(),
        };
        Frame { visit: Some(visit), ..self.bare_frame(title) }
    }
}

/// The pages that a visitor may see, of an organization and of the node.
fn pages(visitor: &Visitor, section: Section, org: Option<&Organization>) -> Vec<Link> {
    let mut pages = Vec::new();
    if let Some(org) = org {
        let name = org.id.as_str();
        let of_org = [
            ("Home", format!("/o/{name}"), Section::Home, Permission::EventsSurvey),
            ("Explore", format!("/o/{name}/explore"), Section::Explore, Permission::EventsRead),
            ("Catalogs", format!("/catalogs?o={name}"), Section::Catalogs, Permission::CatalogRead),
            ("Integrity", format!("/o/{name}/integrity"), Section::Integrity, Permission::LogRead),
            ("People", format!("/o/{name}/people"), Section::People, Permission::PersonRead),
            ("Keys", format!("/o/{name}/keys"), Section::Keys, Permission::KeyRead),
            ("Connections", format!("/o/{name}/connections"), Section::Connections, Permission::EventsSurvey),
        ];
        let seen = of_org.into_iter().filter(|(.., needed)| visitor.may(*needed, org));
        pages.extend(seen.map(|(label, href, of, _)| Link::new(label, href).chosen(of == section)));
    }
    if allowed(&visitor.principal, Permission::NodeAdmin, None).is_ok() {
        let here = section == Section::Organizations;
        pages.push(Link::new("Organizations", "/organizations").chosen(here));
    }
    pages
}
