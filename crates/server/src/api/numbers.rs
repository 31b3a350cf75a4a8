//! Facets, histograms and groups over HTTP: the query of search, counted instead of listed.
//!
//! Numbers are whole or refused, never a part. Like repeated searches they are recorded once for a query: whoever
//! searches and then looks at the facets of the same query leaves one event.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri};
use indelible_control::Permission;
use indelible_query::{EventQuery, FieldRef, Instant, MAX_GET_BYTES, MAX_POST_BYTES, ValueKind, Width};
use indelible_search::{
    Budget, FacetsAsked, GroupOrder, GroupsAsked, HistogramAsked, Log, Order, Request, Scope, Window,
};
use serde_json::{Map, Value, json};

use super::JsonAnswer;
use super::search::{
    Cancel, PAGE_BYTES, PAGE_TIME, as_said, lacking, permit, recorded_text, search_problem, since_now,
    wait_index, window,
};
use crate::access::Access;
use crate::app::Shared;
use crate::audit::Act;
use crate::config::nearest;
use crate::endpoints::{FACETS, GROUPS, HISTOGRAM};
use crate::http::Caller;
use crate::limits::{MAX_BARS, MAX_FACET_FIELDS, MAX_FACET_VALUES, MAX_GROUPS};
use crate::numbers_json;
use crate::problem::{Code, Problem};
use crate::query::{self, Query};
use crate::reads::Reads;
use crate::request::Params;

/// Values of a facet, parts of a bar and groups unless another number is asked for.
const DEFAULT_VALUES: usize = 10;
const DEFAULT_GROUPS: usize = 50;
/// Bars unless another number is asked for: what fits beside their labels in a terminal and on a page.
const DEFAULT_BARS: usize = 60;

/// What is to be worked out.
pub(crate) enum Work {
    Facets { asked: FacetsAsked, alternatives: bool },
    Histogram(HistogramAsked),
    Groups(GroupsAsked),
}

/// A request that has been understood.
pub(crate) struct Ready {
    scope: Scope,
    query: Query,
    text: String,
    window: Window,
    at: Option<u64>,
    work: Work,
}

macro_rules! handlers {
    ($($get:ident $post:ident $known:ident $work:ident;)*) => {$(
        pub(crate) async fn $get(
            State(app): State<Shared>,
            Path(org): Path<String>,
            uri: Uri,
            Extension(caller): Extension<Caller>,
            headers: HeaderMap,
        ) -> JsonAnswer {
            let access = app.access(&headers, &org, Permission::EventsRead)?;
            let params = Params::read(&uri, $known)?;
            answer(&app, access, &params, (&caller, MAX_GET_BYTES, $work)).await
        }

        pub(crate) async fn $post(
            State(app): State<Shared>,
            Path(org): Path<String>,
            Extension(caller): Extension<Caller>,
            headers: HeaderMap,
            body: Body,
        ) -> JsonAnswer {
            let access = app.access(&headers, &org, Permission::EventsRead)?;
            let params = Params::read_json(&headers, body, $known).await?;
            answer(&app, access, &params, (&caller, MAX_POST_BYTES, $work)).await
        }
    )*};
}

handlers! {
    facets facets_long FACETS facets_work;
    histogram histogram_long HISTOGRAM histogram_work;
    groups groups_long GROUPS groups_work;
}

/// Reads from the parameters what is to be worked out.
pub(crate) type ReadWork = fn(&Params, &Query) -> Result<Work, Problem>;

async fn answer(
    app: &Shared,
    access: Access,
    params: &Params,
    (caller, max_bytes, work): (&Caller, usize, ReadWork),
) -> JsonAnswer {
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let ready = Ready::read(&**app, (&scope, &access.limits), params, (max_bytes, work))?;
    wait_index(app, access.log, params.parsed("min_index", "an index")?).await?;
    let act = Act::new("EVENT.SEARCH").by(&access.principal).from(caller);
    let act = act.param("query", recorded_text(&ready.text, ready.window).as_str());
    let _permit = permit(app).await?;
    let started = app.clock.boot_ns();
    let (worker, cancelled) = (Shared::clone(app), Cancel::default());
    let flag = Arc::clone(&cancelled.0);
    let (answer, rows) = crate::blocking(move || ready.answer(&*worker, &flag)).await?;
    app.metrics.search_seconds.observe_ns(app.clock.boot_ns() - started);
    // What was refused was not read, and the next try is the first.
    let said = as_said(["q", "since", "until", "tz"].map(|name| params.text(name)));
    let new = app.recent_searches.is_new(access.principal.id(), access.log, &said, app.clock.now_ns());
    if new {
        app.record(access.log, act.param("rows", i64::try_from(rows).unwrap_or(i64::MAX)));
    }
    Ok(Json(Value::Object(answer)))
}

impl Ready {
    /// Understands a request within a scope, within limits.
    pub(crate) fn read(
        on: &dyn Reads,
        (scope, limits): (&Scope, &EventQuery),
        params: &Params,
        (max_bytes, work): (usize, ReadWork),
    ) -> Result<Self, Problem> {
        let (q, tz) = (params.text("q").unwrap_or_default(), params.text("tz"));
        let query = query::read_at(on, q, tz, (max_bytes, None))?.within(limits);
        Ok(Self {
            scope: scope.clone(),
            text: query.absolute_text(),
            window: window((params.text("since"), params.text("until")), query.clock())?,
            at: params.parsed("at", "a log size")?,
            work: work(params, &query)?,
            query,
        })
    }

    /// The members of the answer, and how many rows it has.
    pub(crate) fn answer(
        &self,
        on: &dyn Reads,
        cancelled: &AtomicBool,
    ) -> Result<(Map<String, Value>, usize), Problem> {
        let elapsed = since_now(on);
        let budget = Budget::new(&elapsed, PAGE_TIME, PAGE_BYTES, cancelled);
        let log = Log { records: on.store(), scope: &self.scope };
        let compiled = self.query.clone().compile();
        let now = Instant::from(self.query.clock().now);
        let request =
            Request { query: &compiled, window: self.window, order: Order::IndexAscending, at: self.at, now };
        let searcher = on.searcher();
        let (mut members, rows) = match &self.work {
            Work::Facets { asked, alternatives: false } => {
                let found = searcher.facets(log, &request, asked, &budget).map_err(search_problem)?;
                (numbers_json::facets(&found), found.fields.len())
            }
            Work::Facets { asked, alternatives: true } => {
                let found = self.alternatives(on, (log, &request), asked, &budget)?;
                (numbers_json::facets(&found), found.fields.len())
            }
            Work::Histogram(asked) => {
                let found = searcher.histogram(log, &request, asked, &budget).map_err(search_problem)?;
                (numbers_json::histogram(&found, asked.stack.is_some()), found.bars.len())
            }
            Work::Groups(asked) => {
                let found = searcher.groups(log, &request, asked, &budget).map_err(search_problem)?;
                let by = [Some(&asked.by), asked.and_by.as_ref()].into_iter().flatten();
                let by: Vec<String> = by.map(ToString::to_string).collect();
                (numbers_json::groups(&found, &by), found.groups.len())
            }
        };
        let (since, until) = (self.window.since, self.window.until);
        let query = json!({
            "text": self.text, "since": since.map(numbers_json::time_text), "until": until.map(numbers_json::time_text),
        });
        members.insert("query".into(), query);
        if let Some(lacking) = lacking(&budget) {
            members.insert("incomplete".into(), lacking);
        }
        Ok((members, rows))
    }

    /// Facets of which each leaves out what the query demands of its own field.
    fn alternatives(
        &self,
        on: &dyn Reads,
        (log, request): (Log<'_>, &Request<'_>),
        asked: &FacetsAsked,
        budget: &Budget<'_>,
    ) -> Result<indelible_search::Facets, Problem> {
        let mut found = on.searcher().facets(log, request, asked, budget).map_err(search_problem)?;
        // All fields count the same events, so that their numbers belong together.
        let at = Some(found.extent.log_size);
        for counts in &mut found.fields {
            let Some(wider) = self.query.without_field(&counts.field) else { continue };
            let compiled = wider.compile();
            let request = Request { query: &compiled, at, ..*request };
            let alone = FacetsAsked { fields: vec![counts.field.clone()], ..asked.clone() };
            let alone = on.searcher().facets(log, &request, &alone, budget).map_err(search_problem)?;
            *counts = alone.fields.into_iter().next().unwrap_or_else(|| counts.clone());
        }
        Ok(found)
    }
}

pub(crate) fn facets_work(params: &Params, _: &Query) -> Result<Work, Problem> {
    let fields = fields(params, ("fields", MAX_FACET_FIELDS))?;
    let top = number(params, ("top", DEFAULT_VALUES, MAX_FACET_VALUES))?;
    let prefix = params.text("prefix").map(str::to_owned);
    let alternatives = params.switch("alternatives")?;
    Ok(Work::Facets { asked: FacetsAsked { fields, top, prefix }, alternatives })
}

pub(crate) fn histogram_work(params: &Params, query: &Query) -> Result<Work, Problem> {
    let width = match params.text("width") {
        None | Some("" | "auto") => None,
        Some(text) => Some(Width::parse(text).ok_or_else(|| {
            let detail = format!(
                "width={text:?} must be auto, second, minute, hour, day, week, month, quarter, year, or such as 15m, 6h, 3mo"
            );
            Problem::new(Code::RequestMalformed, detail)
        })?),
    };
    let default = if width.is_some() { MAX_BARS } else { DEFAULT_BARS };
    let stack = params.text("stack").filter(|name| !name.is_empty());
    Ok(Work::Histogram(HistogramAsked {
        width,
        bars: number(params, ("bars", default, MAX_BARS))?,
        zone: query.clock().zone.clone(),
        stack: stack.map(|name| field("stack", name)).transpose()?,
        top: number(params, ("top", DEFAULT_VALUES, MAX_FACET_VALUES))?,
    }))
}

pub(crate) fn groups_work(params: &Params, _: &Query) -> Result<Work, Problem> {
    let mut by = fields(params, ("by", 2))?.into_iter();
    let order = match params.text("sort") {
        None | Some("" | "-count") => GroupOrder::Count,
        Some("-last") => GroupOrder::Last,
        Some("first") => GroupOrder::First,
        Some(other) => {
            let detail = format!("sort={other:?} must be -count, -last or first");
            return Err(Problem::new(Code::RequestMalformed, detail));
        }
    };
    let limit = number(params, ("limit", DEFAULT_GROUPS, MAX_GROUPS))?;
    let first = by.next().ok_or_else(|| none("by"))?;
    Ok(Work::Groups(GroupsAsked { by: first, and_by: by.next(), order, limit }))
}

/// A number from 1 to a limit.
pub(super) fn number(params: &Params, (name, default, most): (&str, usize, usize)) -> Result<usize, Problem> {
    let value = params.parsed(name, "a number")?.unwrap_or(default);
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    Err(Problem::new(Code::RequestMalformed, format!("{name}={value} must be 1 to {most}")))
}

/// At least one field and at most so many, separated by commas.
fn fields(params: &Params, (name, most): (&str, usize)) -> Result<Vec<FieldRef>, Problem> {
    let names = params.text(name).unwrap_or_default().split(',').map(str::trim);
    let fields: Vec<FieldRef> =
        names.filter(|part| !part.is_empty()).map(|part| field(name, part)).collect::<Result<_, _>>()?;
    if fields.is_empty() {
        return Err(none(name));
    }
    if fields.len() > most {
        let detail = format!("{name} names {} fields, at most {most} are taken", fields.len());
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    Ok(fields)
}

fn none(name: &str) -> Problem {
    Problem::new(Code::RequestMalformed, format!("say {name}: a query field such as actor or outcome"))
}

/// A field of queries that events have values of.
fn field(parameter: &str, name: &str) -> Result<FieldRef, Problem> {
    let found = FieldRef::named(name).filter(|field| field.def.kind != ValueKind::Bound);
    found.ok_or_else(|| {
        let known = indelible_query::fields().iter().map(|field| field.name);
        let detail =
            format!("{parameter}={name:?} is no field to count by; did you mean {}?", nearest(name, known));
        Problem::new(Code::RequestMalformed, detail)
    })
}
