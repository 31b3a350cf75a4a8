//! Evidence bundles: what a search finds, with the proofs of all of it against one checkpoint.
//!
//! The same for the API, the console and a folder. A bundle holds what its reader may see and nothing else: items that the
//! reader is not shown are commitments in it. What would not fit is refused, never cut.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indelible_bundle::{
    About, Bundle, BundleError, CatalogPart, LeftOut, MANIFEST_PARAM, MAX_BYTES, MAX_EVENTS, Proven,
};
use indelible_control::Principal;
use indelible_event::{Field, PLAIN_PATH, StoredBody};
use indelible_query::{EventQuery, Instant, MAX_POST_BYTES};
use indelible_search::{Budget, Hit, Log, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Access;
use crate::api::event::make_proof;
use crate::api::log::log_problem;
use crate::api::search::{self, Asked, Ready};
use crate::app::{Shared, head, size};
use crate::audit::Act;
use crate::catalog_json;
use crate::endpoints::Parameter;
use crate::event_json;
use crate::http::Caller;
use crate::problem::{Code, Problem};
use crate::reads::Reads;
use crate::request::Params;

/// Longest time that a bundle's search may take: as many events as fit are found in seconds.
const FIND_TIME: Duration = Duration::from_mins(2);
/// Longest wait for a checkpoint that covers what is there, and for one that covers the record: one is made every half
/// second.
const CHECKPOINT_WAIT: Duration = Duration::from_secs(10);
/// Longest purpose.
const MAX_PURPOSE_BYTES: usize = 1024;
/// The item that a foreign event's received form is.
const RAW: &str = "raw";

/// What somebody wants a bundle of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wanted {
    pub(crate) q: String,
    pub(crate) since: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) tz: Option<String>,
    pub(crate) at: Option<u64>,
    pub(crate) purpose: Option<String>,
    pub(crate) include: Option<String>,
}

/// The same as parameters.
pub(crate) const BUNDLE: &[Parameter] = &[
    Parameter { name: "q", kind: "string", doc: "" },
    Parameter { name: "since", kind: "string", doc: "" },
    Parameter { name: "until", kind: "string", doc: "" },
    Parameter { name: "tz", kind: "string", doc: "" },
    Parameter { name: "at", kind: "integer", doc: "" },
    Parameter { name: "purpose", kind: "string", doc: "" },
    Parameter { name: "include", kind: "string", doc: "" },
];

impl Wanted {
    /// Reads it from parameters.
    pub(crate) fn read(params: &Params) -> Result<Self, Problem> {
        let text = |name: &str| params.text(name).map(str::to_owned).filter(|text| !text.is_empty());
        Ok(Self {
            q: text("q").unwrap_or_default(),
            since: text("since"),
            until: text("until"),
            tz: text("tz"),
            at: params.parsed("at", "a log size")?,
            purpose: text("purpose"),
            include: text("include"),
        })
    }
}

/// Who makes it, and whether that is recorded.
pub(crate) struct Maker {
    pub(crate) by: Value,
    pub(crate) recorded: bool,
}

impl Maker {
    fn of(principal: &Principal) -> Self {
        let kind = if principal.person().is_some() { "user" } else { "service" };
        let by = json!({ "id": principal.id(), "kind": kind, "name": principal.name() });
        Self { by, recorded: true }
    }
}

/// A bundle that was put together.
pub(crate) struct Composed {
    pub(crate) bundle: Bundle,
    rows: u64,
    query: String,
}

/// A finished bundle: the name of its file and its bytes.
pub(crate) async fn make(
    app: &Shared,
    access: &Access,
    caller: &Caller,
    wanted: Wanted,
) -> Result<(String, Vec<u8>), Problem> {
    let _permit = search::permit(app).await?;
    let now = size(&app.store, access.log);
    covered(app, access, now).await?;
    let scope = Scope { organization: access.org.id.to_string(), log: access.log };
    let catalog = access.principal.catalog().map(str::to_owned);
    let (worker, maker, asked) = (Shared::clone(app), Maker::of(&access.principal), wanted.clone());
    let limits = access.limits.clone();
    let composed =
        crate::blocking(move || compose(&*worker, (&scope, &limits, catalog.as_deref()), &asked, maker))
            .await?;
    let sha256 = composed.bundle.manifest_sha256();
    let act = Act::new("REPORT.CREATE").by(&access.principal).from(caller).target("bundle", &sha256);
    let act = act.param("query", composed.query.as_str()).param("format", "bundle");
    let act = act.param(MANIFEST_PARAM, sha256.as_str());
    let act = act.param("rows", i64::try_from(composed.rows).unwrap_or(i64::MAX));
    let index = app.record_at(access.log, act).await?;
    covered(app, access, index + 1).await?;
    let (worker, log) = (Shared::clone(app), access.log);
    let packed = crate::blocking(move || {
        let proof = make_proof(&worker, log, index, PLAIN_PATH)?;
        composed.bundle.packed(Some(&proof.file.to_string())).map_err(|error| bundle_problem(&error))
    });
    let name = format!("{}-evidence-{}.zip", access.org.id, &sha256[..8]);
    Ok((name, packed.await?))
}

/// Waits until a checkpoint covers so many events.
async fn covered(app: &Shared, access: &Access, events: u64) -> Result<(), Problem> {
    let reached = || head(&app.store, access.log).is_some_and(|head| head.size >= events);
    if app.wait_for(&app.heads, CHECKPOINT_WAIT, reached).await {
        return Ok(());
    }
    let detail = format!("no checkpoint covers {events} events yet; ask again");
    Err(Problem::new(Code::IndexBehind, detail).retry_after(1))
}

/// Puts a bundle together from what is signed now.
pub(crate) fn compose(
    on: &dyn Reads,
    (scope, limits, catalog): (&Scope, &EventQuery, Option<&str>),
    wanted: &Wanted,
    maker: Maker,
) -> Result<Composed, Problem> {
    let purpose = wanted.purpose.clone().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if purpose.as_ref().is_some_and(|text| text.len() > MAX_PURPOSE_BYTES) {
        let detail = format!("purpose has at most {MAX_PURPOSE_BYTES} bytes");
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    let head = head(on.store(), scope.log).ok_or_else(|| {
        Problem::new(Code::NotFound, "the log has no checkpoint yet; nothing can be proven")
    })?;
    let at = wanted.at.map_or(head.size, |at| at.min(head.size));
    let asked = Asked {
        q: wanted.q.clone(),
        since: wanted.since.clone(),
        until: wanted.until.clone(),
        tz: wanted.tz.clone(),
        sort: Some("index".to_owned()),
        at: Some(at),
        include: wanted.include.clone(),
        ..Asked::default()
    };
    let raw = search::includes_raw(wanted.include.as_deref())?;
    let ready = search::understand(on, (scope, limits), &asked, MAX_POST_BYTES)?;
    let mut found = found(on, &ready, raw)?;
    let hashes = on.store().inclusion_of_many(scope.log, &found.indexes, head.size).map_err(log_problem)?;
    let mut proofs = Vec::with_capacity(found.proofs.len() + 32 * hashes.len() + 32);
    indelible_bundle::write_head(&mut proofs, head.size, found.indexes.len() as u32);
    proofs.append(&mut found.proofs);
    indelible_bundle::write_hashes(&mut proofs, &hashes);
    let keys = on.store().keys(scope.log).map_err(log_problem)?;
    let log = on.store().log(scope.log).map_err(log_problem)?;
    let time = |instant: Instant| i64::try_from(instant.0).map(crate::time_text).unwrap_or_default();
    let rows = found.indexes.len() as u64;
    let about = About {
        organization: scope.organization.clone(),
        origin: log.origin,
        size: head.size,
        root: head.root.to_string(),
        checkpoint: head.note.to_string(),
        asked: wanted.q.clone(),
        query: ready.text.clone(),
        since: ready.window.since.map(time),
        until: ready.window.until.map(time),
        zone: wanted.tz.clone().filter(|zone| !zone.is_empty()).unwrap_or_else(|| "UTC".to_owned()),
        made_at: crate::time_text(on.clock().now_ns()),
        made_by: maker.by,
        purpose,
        recorded: maker.recorded,
        rows,
        first: found.indexes.first().copied().unwrap_or(0),
        last: found.indexes.last().copied().unwrap_or(0),
        left_out: found
            .left_out(catalog, !maker.recorded && on.store().size(scope.log).is_ok_and(|size| size > at)),
        keys: keys.into_iter().map(|key| key.vkey).collect(),
        catalogs: found.catalogs(on),
    };
    let page = indelible_console::verify::standalone(indelible_bundle::SLOT);
    let bundle = Bundle::new(&about, (found.lines, proofs), &page).map_err(|error| bundle_problem(&error))?;
    Ok(Composed { bundle, rows, query: search::recorded_text(&ready.text, ready.window) })
}

/// What a search found, as the parts of a bundle.
#[derive(Default)]
struct Found {
    lines: Vec<u8>,
    proofs: Vec<u8>,
    indexes: Vec<u64>,
    /// Events whose received form is kept back.
    raw: u64,
    /// Events of which something is erased.
    erased: u64,
    /// Catalogs with their events' versions.
    catalogs: BTreeMap<String, (u64, Vec<String>)>,
}

fn found(on: &dyn Reads, ready: &Ready, raw: bool) -> Result<Found, Problem> {
    let elapsed = search::since_now(on);
    let never = AtomicBool::new(false);
    let budget = Budget::new(&elapsed, FIND_TIME, u64::MAX, &never);
    let log = Log { records: on.store(), scope: &ready.scope };
    let request = ready.request();
    let matches = on.searcher().matches(log, &request, &budget).map_err(search::search_problem)?;
    let mut found = Found::default();
    for hit in matches {
        let hit = hit.map_err(search::search_problem)?;
        if found.indexes.len() == MAX_EVENTS {
            return Err(too_large(format!("more than {MAX_EVENTS} events match")));
        }
        found.add(on, ready, &hit, raw)?;
        if found.lines.len() + found.proofs.len() > MAX_BYTES {
            return Err(too_large(format!("events and proofs are larger than {MAX_BYTES} bytes")));
        }
    }
    if search::lacking(&budget).is_some() {
        let detail = "events that match cannot be read because their files are damaged; run indelible verify";
        return Err(Problem::new(Code::Internal, detail));
    }
    if found.indexes.is_empty() {
        return Err(Problem::new(Code::NotFound, "no signed event matches; a bundle needs one"));
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, on: &dyn Reads, ready: &Ready, hit: &Hit, raw: bool) -> Result<(), Problem> {
        let body = StoredBody::decode(&hit.stored).map_err(|error| Problem::internal(&error))?;
        let mut line = String::with_capacity(1024);
        search::write_event(&mut line, on, (&ready.scope.organization, raw), hit)?;
        self.lines.extend_from_slice(line.as_bytes());
        self.lines.push(b'\n');
        let keys = |id: &[u8; 16]| on.store().subject_key(id);
        let disclosure = body.disclosure(hit.leaf.id, &keys, |path| raw || path != RAW).map_err(|_| {
            Problem::new(Code::Internal, "the key of a person in an event is missing; run fsck")
        })?;
        let (index, leaf) = (hit.index, hit.leaf.encode());
        let proven = Proven { index, leaf: &leaf, disclosure: &disclosure };
        indelible_bundle::push_proof(&mut self.proofs, &proven);
        self.indexes.push(index);
        self.raw += u64::from(!raw && body.item(RAW).is_some_and(|item| item.state.value().is_some()));
        self.erased += u64::from(body.erased().next().is_some());
        let (event, _) =
            event_json::read(&hit.leaf, &hit.stored).map_err(|error| Problem::internal(&error))?;
        if let Some(id) = event.text(Field::Catalog) {
            let (count, versions) = self.catalogs.entry(id.to_owned()).or_default();
            *count += 1;
            let version = event.text(Field::CatalogVersion).unwrap_or_default().to_owned();
            if !version.is_empty() && !versions.contains(&version) {
                versions.push(version);
            }
        }
        Ok(())
    }

    /// What is not in it: for the catalog that a key is limited to, and when events came after what is signed.
    fn left_out(&self, catalog: Option<&str>, unsigned: bool) -> Vec<LeftOut> {
        let mut left = Vec::new();
        if unsigned {
            let why = "events behind the newest checkpoint of the folder are proven by nothing";
            left.push(LeftOut { what: "after_checkpoint", events: None, why: why.to_owned() });
        }
        if self.raw > 0 {
            let why = "the form in which foreign events were received was not asked for (include=raw)";
            left.push(LeftOut { what: RAW, events: Some(self.raw), why: why.to_owned() });
        }
        if self.erased > 0 {
            let why = "values of these events were erased; their commitments stand in the proofs";
            left.push(LeftOut { what: "erased", events: Some(self.erased), why: why.to_owned() });
        }
        if let Some(only) = catalog {
            let why = format!("the credential may read events of catalog {only} only");
            left.push(LeftOut { what: "role", events: None, why });
        }
        let why = "quarantined events are left out unless the query asks for them";
        left.push(LeftOut { what: "quarantined", events: None, why: why.to_owned() });
        left
    }

    fn catalogs(&self, on: &dyn Reads) -> Vec<CatalogPart> {
        let registry = on.catalogs();
        let parts = self.catalogs.iter().filter_map(|(id, (events, versions))| {
            let catalog = registry.get(id)?;
            let summary = catalog_json::summary(catalog);
            let text = |name: &str| summary[name].as_str().unwrap_or_default().to_owned();
            Some(CatalogPart {
                id: id.clone(),
                version: text("version"),
                sha256: text("sha256"),
                events: *events,
                versions_of_events: versions.clone(),
                json: serde_json::to_vec(&catalog_json::whole(catalog)).unwrap_or_default(),
            })
        });
        parts.collect()
    }
}

fn too_large(what: String) -> Problem {
    let detail = format!("{what}; narrow the query or its window, or make several bundles");
    Problem::new(Code::BundleTooLarge, detail)
}

/// A bundle that cannot be packed.
pub(crate) fn bundle_problem(error: &BundleError) -> Problem {
    Problem::internal(error)
}
