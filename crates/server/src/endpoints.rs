//! The one table of endpoints: router, OpenAPI file and the table of permissions come from here.

use axum::routing::{MethodRouter, delete, get, patch, post, put};
use indelible_control::Permission;

use crate::api::{
    backup, bundles, catalogs, cursors, event, events, feed, imports, keys, log, log_keys, node, numbers,
    organizations, people, producers, query, release, routes, sources, sql, suggest, viewers, views,
};
use crate::app::Shared;

/// What a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: the answer is the same for everybody.
    Nothing,
    /// A permission in the organization of the path, or on the node where the path has none.
    Permission(Permission),
    /// The same, unless the organization is public.
    OrPublic(Permission),
    /// A session of a person, for what concerns only them.
    Session,
}

/// A parameter of the query string.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// `string`, `integer` or `boolean`.
    pub kind: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// One endpoint.
pub struct Endpoint {
    /// HTTP method.
    pub method: &'static str,
    /// Path; parameters in braces.
    pub path: &'static str,
    /// What a caller needs.
    pub need: Need,
    /// One line.
    pub summary: &'static str,
    /// Parameters of the query string.
    pub query: &'static [Parameter],
    /// Name of the schema of the request body, if it has one.
    pub request: Option<&'static str>,
    /// Statuses with the name of the answer's schema.
    pub answers: &'static [(u16, &'static str)],
    handler: fn() -> MethodRouter<Shared>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

const fn parameter(name: &'static str, kind: &'static str, doc: &'static str) -> Parameter {
    Parameter { name, kind, doc }
}

pub(crate) const SEARCH: &[Parameter] = &[
    parameter("q", "string", "Query text; the language is described in docs/guide/query.md."),
    parameter("since", "string", "Earliest occurred_at: a time or words such as -3h, yesterday."),
    parameter("until", "string", "Latest occurred_at, inclusive."),
    parameter("tz", "string", "IANA zone for times without an offset; UTC by default."),
    parameter("sort", "string", "-occurred_at (default), occurred_at, -index or index."),
    parameter("limit", "integer", "Rows a page, 1 to 1000; 100 by default."),
    parameter("cursor", "string", "Where to go on, from next_cursor or prev_cursor of an earlier answer."),
    parameter("at", "integer", "Answer from the first so many events of the log only."),
    parameter("min_index", "integer", "Wait up to 5 s until search has seen this index."),
    parameter("count", "string", "none (default) or exact."),
    parameter("fields", "string", "Comma-separated paths of the members to return."),
    parameter("include", "string", "raw: with the form that foreign events were received in."),
];
const Q: Parameter =
    parameter("q", "string", "Query text; the language is described in docs/guide/query.md.");
const SINCE: Parameter =
    parameter("since", "string", "Earliest occurred_at: a time or words such as -3h, yesterday.");
const UNTIL: Parameter = parameter("until", "string", "Latest occurred_at, inclusive.");
const ZONE: Parameter =
    parameter("tz", "string", "IANA zone of days and of times without an offset; UTC by default.");
const AT: Parameter = parameter("at", "integer", "Answer from the first so many events of the log only.");
const MIN_INDEX: Parameter =
    parameter("min_index", "integer", "Wait up to 5 s until search has seen this index.");
const TOP: Parameter = parameter("top", "integer", "Values to name, 1 to 100; 10 by default.");
pub(crate) const FACETS: &[Parameter] = &[
    Q,
    SINCE,
    UNTIL,
    ZONE,
    AT,
    MIN_INDEX,
    parameter("fields", "string", "Query fields to count by, comma-separated, at most 20."),
    TOP,
    parameter("prefix", "string", "Name only values that begin so, without regard to case."),
    parameter(
        "alternatives",
        "boolean",
        "Leave what the query demands of a field out of this field's counts, so that its other values stay in sight.",
    ),
];
pub(crate) const HISTOGRAM: &[Parameter] = &[
    Q,
    SINCE,
    UNTIL,
    ZONE,
    AT,
    MIN_INDEX,
    parameter(
        "width",
        "string",
        "auto (default), second, minute, hour, day, week, month, quarter, year, or such as 15m, 6h, 3mo.",
    ),
    parameter("bars", "integer", "Most bars, 1 to 1000; 60 by default for auto, else 1000."),
    parameter("stack", "string", "Query field that bars are divided by, such as outcome."),
    TOP,
];
pub(crate) const GROUPS: &[Parameter] = &[
    Q,
    SINCE,
    UNTIL,
    ZONE,
    AT,
    MIN_INDEX,
    parameter("by", "string", "One or two query fields, comma-separated: session, request, actor, target, …"),
    parameter("sort", "string", "-count (default), -last or first."),
    parameter("limit", "integer", "Groups, 1 to 1000; 50 by default."),
];
pub(crate) const SUGGEST: &[Parameter] = &[
    parameter("q", "string", "Query text, finished or not."),
    parameter("position", "integer", "Byte of the text that is written at; its end by default."),
    ZONE,
    parameter("limit", "integer", "Offers, 1 to 50; 20 by default."),
];
pub(crate) const INTAKE: &[Parameter] = &[
    parameter(
        "format",
        "string",
        "native (default), openkat, minvws, netop, sanernow, cloudtrail, match or syslog.",
    ),
    parameter("atomic", "boolean", "All events or none, in one commit."),
    parameter("zone", "string", "Zone of times that carry none, for foreign formats."),
    parameter("producer", "string", "Name of the producer, for foreign formats."),
    parameter(
        "instance",
        "string",
        "Instance of the producer, for foreign formats; the file's hash for an import.",
    ),
    parameter(
        "first_row",
        "integer",
        "Row number in its file of the first record: marks the request as part of an import.",
    ),
    parameter(
        "repeats",
        "string",
        "Rows of an import that stood in the file before: row:times, comma-separated; rows count from 1 in this request.",
    ),
    parameter("time_format", "string", "strptime format of times, for CSV."),
];
pub(crate) const FEED: &[Parameter] = &[
    parameter("from", "string", "An index, or end for what comes from now on; 0 by default."),
    parameter("cursor", "string", "Name of a stored cursor to begin at."),
    parameter("q", "string", "Query text."),
    parameter("limit", "integer", "Rows a page, 1 to 10000; 1000 by default."),
    parameter("wait", "integer", "Seconds to wait for a first row, at most 60."),
];
pub(crate) const NEW_ROUTE: &[Parameter] =
    &[parameter("from", "string", "Where a new route begins: end (default) or an index.")];
pub(crate) const DELIVERIES: &[Parameter] = &[parameter("route", "string", "Only those of this route.")];
pub(crate) const PROOF: &[Parameter] = &[
    parameter(
        "disclose",
        "string",
        "Items whose values go along: all (default), none or comma-separated item paths.",
    ),
    parameter("wait", "integer", "Seconds to wait for a checkpoint that covers the event, at most 60."),
];
pub(crate) const CONSISTENCY: &[Parameter] = &[
    parameter("from", "integer", "The smaller size."),
    parameter("to", "integer", "The larger size; the newest checkpoint's by default."),
];
pub(crate) const PARSE: &[Parameter] =
    &[parameter("q", "string", "Query text."), parameter("tz", "string", "Zone for its times.")];

use Permission::{
    CatalogRead, CursorWrite, EventsRead, EventsRelease, EventsSurvey, IngestWrite, KeyAdmin, KeyRead,
    LogRead, NodeAdmin, OrgAdmin, OrgRead, PersonAdmin, PersonRead, ViewWrite, ViewerIssue,
};

macro_rules! endpoint {
    ($method:ident $path:literal, $need:expr, $summary:literal, $query:expr, $request:expr, $answers:expr, $handler:path) => {
        Endpoint {
            method: stringify!($method),
            path: $path,
            need: $need,
            summary: $summary,
            query: $query,
            request: $request,
            answers: $answers,
            handler: || $method($handler),
        }
    };
}

/// Every endpoint of the API listener.
pub const ENDPOINTS: &[Endpoint] = &[
    endpoint!(post "/api/v1/orgs/{org}/events", Need::Permission(IngestWrite), "Send one event, a batch or NDJSON.", INTAKE, Some("EventIn"), &[(200, "BatchResult"), (201, "EventResult"), (422, "BatchResult")], events::send),
    endpoint!(get "/api/v1/orgs/{org}/events", Need::Permission(EventsRead), "Search, newest first.", SEARCH, None, &[(200, "SearchPage")], events::search),
    endpoint!(post "/api/v1/orgs/{org}/events/search", Need::Permission(EventsRead), "Search with a long query in the body.", &[], Some("SearchRequest"), &[(200, "SearchPage")], events::search_long),
    endpoint!(post "/api/v1/orgs/{org}/sql", Need::Permission(EventsSurvey), "One SQL statement that reads the table `events`; 501 in builds without it.", &[], Some("SqlRequest"), &[(200, "SqlAnswer")], sql::sql),
    endpoint!(get "/api/v1/orgs/{org}/events/{id}", Need::Permission(EventsRead), "One event by id, or by the sender's id with ?source_id= and the id `by-source`.", &[parameter("source_id", "string", "The sender's own id."), parameter("include", "string", "raw: with the form that a foreign event was received in.")], None, &[(200, "EventOut")], event::by_id),
    endpoint!(post "/api/v1/orgs/{org}/events/{id}/release", Need::Permission(EventsRelease), "Judge a quarantined event again, as it stands (no body) or corrected, and commit it as a new event.", &[], Some("EventIn"), &[(200, "EventResult"), (201, "EventResult")], release::release),
    endpoint!(get "/api/v1/orgs/{org}/events/{id}/proof", Need::Permission(EventsRead), "The event's tlog-proof: text, or JSON if asked for.", PROOF, None, &[(200, "Proof")], event::proof),
    endpoint!(post "/api/v1/orgs/{org}/bundles", Need::Permission(EventsSurvey), "Everything that a search finds as an evidence bundle: events, proofs, and a page that checks them.", &[], Some("BundleRequest"), &[(200, "Bundle")], bundles::create),
    endpoint!(get "/api/v1/orgs/{org}/log", Need::Permission(LogRead), "The log's name, key, size and newest checkpoint.", &[], None, &[(200, "Log")], log::about),
    endpoint!(get "/api/v1/orgs/{org}/log/{index}", Need::Permission(EventsRead), "The event at a position.", &[], None, &[(200, "EventOut")], event::by_index),
    endpoint!(get "/api/v1/orgs/{org}/consistency", Need::Permission(LogRead), "Proof that the log of one size is the beginning of the log of another.", CONSISTENCY, None, &[(200, "Consistency")], log::consistency),
    endpoint!(get "/api/v1/orgs/{org}/feed", Need::Permission(EventsRead), "Events in the order of the log: by page, long poll or server-sent events.", FEED, None, &[(200, "FeedPage")], feed::read),
    endpoint!(get "/api/v1/orgs/{org}/cursors", Need::Permission(EventsSurvey), "Named positions in the feed.", &[], None, &[(200, "Cursors")], cursors::list),
    endpoint!(get "/api/v1/orgs/{org}/cursors/{name}", Need::Permission(EventsSurvey), "One named position; its ETag is needed to move it.", &[], None, &[(200, "Cursor")], cursors::read),
    endpoint!(put "/api/v1/orgs/{org}/cursors/{name}", Need::Permission(CursorWrite), "Move a named position (If-Match), or create it (If-None-Match: *).", &[], Some("Cursor"), &[(200, "Cursor")], cursors::write),
    endpoint!(post "/api/v1/orgs/{org}/imports", Need::Permission(IngestWrite), "Record the start or the end of an import.", &[], Some("ImportStep"), &[(200, "Recorded")], imports::step),
    endpoint!(get "/api/v1/orgs/{org}/producers", Need::Permission(EventsSurvey), "Producers with their numbering and gaps.", &[], None, &[(200, "Producers")], producers::list),
    endpoint!(get "/api/v1/orgs/{org}/producers/{name}", Need::Permission(IngestWrite), "One producer's numbering: where an instance goes on.", &[parameter("instance", "string", "Only this instance.")], None, &[(200, "Producers")], producers::read),
    endpoint!(get "/api/v1/orgs/{org}/facets", Need::Permission(EventsRead), "Matches counted by the values of fields.", FACETS, None, &[(200, "Facets")], numbers::facets),
    endpoint!(post "/api/v1/orgs/{org}/facets", Need::Permission(EventsRead), "The same with a long query in the body.", &[], Some("FacetsRequest"), &[(200, "Facets")], numbers::facets_long),
    endpoint!(get "/api/v1/orgs/{org}/histogram", Need::Permission(EventsRead), "Matches by when they happened.", HISTOGRAM, None, &[(200, "Histogram")], numbers::histogram),
    endpoint!(post "/api/v1/orgs/{org}/histogram", Need::Permission(EventsRead), "The same with a long query in the body.", &[], Some("HistogramRequest"), &[(200, "Histogram")], numbers::histogram_long),
    endpoint!(get "/api/v1/orgs/{org}/groups", Need::Permission(EventsRead), "Matches grouped by one or two fields.", GROUPS, None, &[(200, "Groups")], numbers::groups),
    endpoint!(post "/api/v1/orgs/{org}/groups", Need::Permission(EventsRead), "The same with a long query in the body.", &[], Some("GroupsRequest"), &[(200, "Groups")], numbers::groups_long),
    endpoint!(get "/api/v1/orgs/{org}/suggest", Need::Permission(EventsRead), "What may be written at a place in a query: fields, then values of the catalogs, then values of the newest events.", SUGGEST, None, &[(200, "Offers")], suggest::suggest),
    endpoint!(get "/api/v1/orgs/{org}/views", Need::Permission(EventsSurvey), "Searches that are kept: the caller's own, and everybody's.", &[], None, &[(200, "Views")], views::list),
    endpoint!(post "/api/v1/orgs/{org}/views", Need::Permission(ViewWrite), "Keep a search; for everybody it needs org.admin.", &[], Some("NewView"), &[(201, "View")], views::create),
    endpoint!(get "/api/v1/orgs/{org}/views/{id}", Need::Permission(EventsSurvey), "One view; its ETag is needed to change it.", &[], None, &[(200, "View")], views::read),
    endpoint!(put "/api/v1/orgs/{org}/views/{id}", Need::Permission(ViewWrite), "Replace a view of one's own (If-Match); everybody's need org.admin.", &[], Some("NewView"), &[(200, "View")], views::update),
    endpoint!(delete "/api/v1/orgs/{org}/views/{id}", Need::Permission(ViewWrite), "Forget a view of one's own (If-Match); everybody's need org.admin.", &[], None, &[(200, "View")], views::delete),
    endpoint!(get "/api/v1/orgs/{org}/sources", Need::Permission(EventsSurvey), "What takes events in by itself, and how it is doing.", &[], None, &[(200, "Sources")], sources::list),
    endpoint!(get "/api/v1/orgs/{org}/sources/{id}", Need::Permission(EventsSurvey), "One source; its ETag is needed to change it.", &[], None, &[(200, "Source")], sources::read),
    endpoint!(put "/api/v1/orgs/{org}/sources/{id}", Need::Permission(NodeAdmin), "Make a source, or replace its settings (If-Match).", &[], Some("SourceSettings"), &[(200, "Source"), (201, "Source")], sources::write),
    endpoint!(patch "/api/v1/orgs/{org}/sources/{id}", Need::Permission(NodeAdmin), "Pause or resume a source (If-Match).", &[], Some("Pause"), &[(200, "Source")], sources::change),
    endpoint!(delete "/api/v1/orgs/{org}/sources/{id}", Need::Permission(NodeAdmin), "Stop and forget a source (If-Match).", &[], None, &[(200, "Source")], sources::delete),
    endpoint!(post "/api/v1/orgs/{org}/sources/{id}/test", Need::Permission(NodeAdmin), "What would become of a record; nothing is stored.", &[], Some("SourceTrial"), &[(200, "SourceTried")], sources::test),
    endpoint!(get "/api/v1/orgs/{org}/routes", Need::Permission(EventsSurvey), "What is sent on, and how far each route is.", &[], None, &[(200, "Routes")], routes::list),
    endpoint!(get "/api/v1/orgs/{org}/routes/{id}", Need::Permission(EventsSurvey), "One route; its ETag is needed to change it.", &[], None, &[(200, "Route")], routes::read),
    endpoint!(put "/api/v1/orgs/{org}/routes/{id}", Need::Permission(OrgAdmin), "Make a route, or replace its settings (If-Match); destinations in this machine or its networks need node.admin.", NEW_ROUTE, Some("RouteSettings"), &[(200, "Route"), (201, "Route")], routes::write),
    endpoint!(patch "/api/v1/orgs/{org}/routes/{id}", Need::Permission(OrgAdmin), "Pause or resume a route (If-Match).", &[], Some("Pause"), &[(200, "Route")], routes::change),
    endpoint!(delete "/api/v1/orgs/{org}/routes/{id}", Need::Permission(OrgAdmin), "Stop and forget a route without parked deliveries (If-Match).", &[], None, &[(200, "Route")], routes::delete),
    endpoint!(post "/api/v1/orgs/{org}/routes/{id}/replay", Need::Permission(OrgAdmin), "Send again from a position or a time on.", &[], Some("RouteReplay"), &[(200, "Route")], routes::replay),
    endpoint!(post "/api/v1/orgs/{org}/routes/{id}/test", Need::Permission(OrgAdmin), "What would leave of one event, field by field; delivers it if asked to.", &[], Some("RouteTrial"), &[(200, "RouteTried")], routes::test),
    endpoint!(get "/api/v1/orgs/{org}/deliveries", Need::Permission(EventsSurvey), "Parked deliveries with their reasons.", DELIVERIES, None, &[(200, "Deliveries")], routes::deliveries),
    endpoint!(post "/api/v1/orgs/{org}/deliveries/{id}/{index}", Need::Permission(OrgAdmin), "Retry or drop the parked delivery of a route and an event.", &[], Some("DeliveryStep"), &[(200, "Delivery")], routes::step),
    endpoint!(get "/api/v1/orgs/{org}/query/parse", Need::Permission(EventsRead), "A query's canonical text, tree and diagnostics.", PARSE, None, &[(200, "ParsedQuery")], query::parse),
    endpoint!(get "/api/v1/orgs", Need::Permission(OrgRead), "Organizations that the key may see.", &[], None, &[(200, "Organizations")], organizations::list),
    endpoint!(post "/api/v1/orgs", Need::Permission(NodeAdmin), "Create an organization.", &[], Some("NewOrganization"), &[(201, "Organization")], organizations::create),
    endpoint!(get "/api/v1/orgs/{org}", Need::Permission(OrgRead), "One organization.", &[], None, &[(200, "Organization")], organizations::read),
    endpoint!(patch "/api/v1/orgs/{org}", Need::Permission(OrgAdmin), "Change public log, catalogs or policies.", &[], Some("OrganizationChange"), &[(200, "Organization")], organizations::change),
    endpoint!(get "/api/v1/orgs/{org}/keys", Need::Permission(KeyRead), "API keys, without their secrets.", &[], None, &[(200, "Keys")], keys::list),
    endpoint!(post "/api/v1/orgs/{org}/keys", Need::Permission(KeyAdmin), "Create an API key; its secret is in this answer only.", &[], Some("NewKey"), &[(201, "CreatedKey")], keys::create),
    endpoint!(delete "/api/v1/orgs/{org}/keys/{id}", Need::Permission(KeyAdmin), "Revoke an API key.", &[], None, &[(200, "Key")], keys::revoke),
    endpoint!(post "/api/v1/orgs/{org}/viewer-tokens", Need::Permission(ViewerIssue), "A token that reads a part of what the caller may read, for some minutes, with a filter that nothing widens.", &[], Some("NewViewer"), &[(201, "CreatedViewer")], viewers::create),
    endpoint!(post "/api/v1/orgs/{org}/log-keys", Need::Permission(NodeAdmin), "A step of rotating the log's signing key: announce or retire.", &[], Some("LogKeyStep"), &[(200, "Log")], log_keys::step),
    endpoint!(post "/api/v1/backup", Need::Permission(NodeAdmin), "Everything of the node as of now, as a tar archive packed by zstd; it holds all secrets.", &[], None, &[(200, "Bytes")], backup::create),
    endpoint!(get "/api/v1/people", Need::Permission(PersonRead), "People with roles in organizations that the caller may see.", &[], None, &[(200, "People")], people::list),
    endpoint!(post "/api/v1/people", Need::Permission(PersonAdmin), "Add a person with roles; their invitation is in this answer only.", &[], Some("NewPerson"), &[(201, "InvitedPerson")], people::create),
    endpoint!(get "/api/v1/people/{id}", Need::Permission(PersonRead), "One person.", &[], None, &[(200, "Person")], people::read),
    endpoint!(patch "/api/v1/people/{id}", Need::Permission(PersonAdmin), "Rename a person, give and withdraw roles, disable or enable.", &[], Some("PersonChange"), &[(200, "Person")], people::change),
    endpoint!(delete "/api/v1/people/{id}", Need::Permission(PersonAdmin), "Disable a person; they are never deleted, so that their events keep a name.", &[], None, &[(200, "Person")], people::disable),
    endpoint!(post "/api/v1/people/{id}/invitation", Need::Permission(PersonAdmin), "A new link to set a passphrase with, once; it voids an earlier one.", &[], None, &[(201, "Invitation")], people::invite),
    endpoint!(get "/api/v1/roles", Need::Nothing, "Roles of people, with their permissions.", &[], None, &[(200, "Roles")], people::roles),
    endpoint!(get "/api/v1/catalogs", Need::Permission(CatalogRead), "Loaded catalogs, and problems of those that were refused.", &[], None, &[(200, "Catalogs")], catalogs::list),
    endpoint!(get "/api/v1/catalogs/{catalog}", Need::Permission(CatalogRead), "One catalog with its types.", &[], None, &[(200, "Catalog")], catalogs::read),
    endpoint!(get "/api/v1/catalogs/{catalog}/types/{code}", Need::Permission(CatalogRead), "One event type.", &[], None, &[(200, "EventType")], catalogs::event_type),
    endpoint!(get "/api/v1/limits", Need::Nothing, "Every limit with its reason.", &[], None, &[(200, "Limits")], node::limits),
    endpoint!(get "/api/v1/version", Need::Nothing, "The program's version.", &[], None, &[(200, "Version")], node::version),
    endpoint!(get "/api/v1/openapi.json", Need::Nothing, "This description.", &[], None, &[(200, "OpenApi")], node::openapi),
    endpoint!(get "/docs/errors/{code}", Need::Nothing, "What a problem's code means and what to do.", &[], None, &[(200, "Page")], node::error_page),
    endpoint!(get "/log/{org}/checkpoint", Need::OrPublic(LogRead), "The log's newest checkpoint (C2SP tlog-checkpoint).", &[], None, &[(200, "Text")], log::checkpoint),
    endpoint!(get "/log/{org}/tile/{*path}", Need::OrPublic(LogRead), "A tile or entry bundle (C2SP tlog-tiles).", &[], None, &[(200, "Bytes")], log::tile),
];

/// The router over the whole table.
pub(crate) fn router() -> axum::Router<Shared> {
    ENDPOINTS
        .iter()
        .fold(axum::Router::new(), |router, endpoint| router.route(endpoint.path, (endpoint.handler)()))
}
