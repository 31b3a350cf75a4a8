//! Routes at work: each is a named cursor over the log of its organization and a destination.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use indelible_catalog::routing::Template;
use indelible_connect::delivery::{Delivery, Ledger, Message, OutOfTurn, Page, Progress};
use indelible_connect::destination::Route as Settings;
use indelible_control::{Connector, ConnectorRole, OrganizationId, Parked};
use indelible_query::Compiled;
use indelible_search::{Budget, Hit, Log, Scope};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::outgoing::{self, Leaving};
use super::read;
use crate::app::{App, Shared, size};
use crate::audit::Act;
use crate::problem::{Code, Problem};
use crate::query;

/// Most parked deliveries of a route: more are no exceptions, and the route waits instead.
const MAX_PARKED: usize = 1_000;
/// Events that a route passes over without noting where it stands; so many are looked at again after a start.
const UNNOTED: u64 = 10_000;
/// Longest time of one look at the log, and what it may read.
const PAGE_TIME: Duration = Duration::from_secs(5);
const PAGE_BYTES: u64 = 4 << 30;
/// Longest wait for new events before a route looks again by itself.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// Longest wait for a delivery out of turn.
const OUT_OF_TURN: Duration = Duration::from_secs(30);
/// Newest events that a test looks at for one that the route selects.
const TEST_EVENTS: u64 = 100_000;

/// The routes that are at work, by organization and name.
#[derive(Debug, Default)]
pub(crate) struct Routes(Mutex<HashMap<(String, String), Slot>>);

#[derive(Debug)]
struct Slot {
    task: JoinHandle<()>,
    asked: mpsc::Sender<OutOfTurn>,
    progress: Arc<Lock<Progress>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a route does, ready to be done.
struct Plan {
    app: Shared,
    organization: OrganizationId,
    scope: Scope,
    name: String,
    settings: Settings,
    template: Template,
    query: Compiled,
}

/// Settings that were read and found sound.
pub(crate) fn check(app: &App, settings: &Value) -> Result<Settings, Problem> {
    let settings: Settings = read(ConnectorRole::Route, settings)?;
    let refuse = |why: String| Problem::new(Code::RequestMalformed, why);
    settings.check().map_err(refuse)?;
    Template::parse(&settings.routing_key).map_err(|why| refuse(format!("routing_key: {why}")))?;
    compiled(app, &settings)?;
    Ok(settings)
}

fn compiled(app: &App, settings: &Settings) -> Result<Compiled, Problem> {
    let filter = settings.filter.trim();
    // Read alone first, so that a fault is told where it stands in what was written.
    let alone = query::read(app, filter, None)?;
    if settings.own_events {
        return Ok(alone.compile());
    }
    let text = if filter.is_empty() {
        "-catalog:indelible".to_owned()
    } else {
        format!("({filter}) -catalog:indelible")
    };
    Ok(query::read(app, &text, None)?.compile())
}

/// The cursor of a route; requests cannot name it.
pub(crate) fn cursor(name: &str) -> String {
    format!("route:{name}")
}

impl Plan {
    fn new(app: &Shared, connector: &Connector) -> Result<Self, Problem> {
        let settings = check(app, &connector.settings)?;
        let gone = || Problem::new(Code::NotFound, "the organization of the route is gone");
        let org = app.control.org(connector.organization.as_str()).ok_or_else(gone)?;
        let log = app.log_of(&org).ok_or_else(gone)?;
        let template = Template::parse(&settings.routing_key)
            .map_err(|why| Problem::new(Code::RequestMalformed, why))?;
        Ok(Self {
            app: Shared::clone(app),
            organization: org.id.clone(),
            scope: Scope { organization: org.id.to_string(), log },
            name: connector.name.clone(),
            query: compiled(app, &settings)?,
            settings,
            template,
        })
    }

    /// Events that the route selects, from a position on, and where that ends.
    fn select(&self, from: u64, limit: usize) -> Result<(Vec<Hit>, u64), Problem> {
        let clock = &self.app.clock;
        let started = clock.boot_ns();
        let elapsed = || Duration::from_nanos(u64::try_from(clock.boot_ns() - started).unwrap_or(0));
        let cancelled = AtomicBool::new(false);
        let budget = Budget::new(&elapsed, PAGE_TIME, PAGE_BYTES, &cancelled);
        let log = Log { records: &self.app.store, scope: &self.scope };
        let page = self.app.searcher.feed(log, &self.query, (from, limit), &budget);
        let page = page.map_err(crate::api::search::search_problem)?;
        Ok((page.items, page.next))
    }

    fn leaving(&self, hit: &Hit) -> Result<Leaving, (Message, String)> {
        outgoing::leaving(&self.app, &self.scope.organization, (&self.settings, &self.template), hit)
    }

    fn page(&self, from: u64) -> Result<Page, Problem> {
        let (hits, next) = self.select(from, self.settings.batch)?;
        let messages = hits.iter().map(|hit| self.leaving(hit).map(|leaving| leaving.message));
        Ok(Page { messages: messages.collect(), next })
    }
}

/// A route's side of the log.
struct Side {
    plan: Arc<Plan>,
    /// Where it is noted to stand.
    noted: Lock<u64>,
}

impl Side {
    fn noted(&self) -> u64 {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ledger for Side {
    async fn next(&self, from: u64) -> Result<Page, String> {
        let (app, log) = (&self.plan.app, self.plan.scope.log);
        loop {
            let plan = Arc::clone(&self.plan);
            let page = crate::blocking(move || plan.page(from)).await.map_err(|problem| problem.detail)?;
            if page.next > from {
                return Ok(page);
            }
            app.wait_for(&app.commits, LOOK_AGAIN, || size(&app.store, log) > from).await;
        }
    }

    async fn moved(&self, next: u64, any: bool) -> Result<(), String> {
        // Noting is a write of its own: not for every event that is passed over.
        if !any && next.saturating_sub(self.noted()) < UNNOTED {
            return Ok(());
        }
        let plan = Arc::clone(&self.plan);
        let set = move || {
            let set = plan.app.store.set_cursor(plan.scope.log, &cursor(&plan.name), next);
            set.map_err(|error| Problem::internal(&error))
        };
        crate::blocking(set).await.map_err(|problem| problem.detail)?;
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    async fn park(&self, message: &Message, why: &str, attempts: u32) -> Result<(), String> {
        let plan = Arc::clone(&self.plan);
        let parked = Parked {
            index: message.index,
            event: message.id.clone(),
            reason: why.to_owned(),
            attempts,
            at_ms: plan.app.now_ms(),
        };
        let worker = Arc::clone(&plan);
        crate::blocking(move || {
            let (control, organization) = (&worker.app.control, &worker.organization);
            let there =
                control.parked(organization, &worker.name).map_err(|error| Problem::internal(&error))?;
            if there.len() >= MAX_PARKED {
                let detail = format!("{MAX_PARKED} deliveries are parked; retry or drop them first");
                return Err(Problem::new(Code::Overloaded, detail));
            }
            control.park(organization, &worker.name, &parked).map_err(|error| Problem::internal(&error))
        })
        .await
        .map_err(|problem| problem.detail)?;
        let act = Act::new("DELIVERY.PARK")
            .target("event", &message.id)
            .param("destination", plan.name.as_str())
            .param("count", 1)
            .saying(why);
        plan.app.record(plan.scope.log, act);
        Ok(())
    }

    fn now_ns(&self) -> i64 {
        self.plan.app.clock.now_ns()
    }
}

impl Routes {
    /// Puts a route as it is configured now in place of what is at work under its name.
    pub(crate) async fn apply(&self, app: &Shared, connector: &Connector) {
        // Held over the whole change: two routes under one name would both move its cursor.
        let mut slots = self.0.lock().await;
        if let Some(mut slot) = slots.remove(&key_of(connector)) {
            slot.task.abort();
            // An error here is the abort.
            let _aborted = (&mut slot.task).await;
        }
        if connector.paused {
            return;
        }
        match start(app, connector) {
            Ok(slot) => drop(slots.insert(key_of(connector), slot)),
            Err(why) => tracing::error!(route = connector.name, why, "a route does not start"),
        }
    }

    /// Stops what is at work under a route's name.
    pub(crate) async fn stop(&self, connector: &Connector) {
        let slot = self.0.lock().await.remove(&key_of(connector));
        if let Some(mut slot) = slot {
            slot.task.abort();
            let _aborted = (&mut slot.task).await;
        }
    }

    /// How a route is doing, for people and programs.
    pub(crate) async fn state(&self, app: &App, connector: &Connector) -> Value {
        let progress = {
            let slots = self.0.lock().await;
            let slot = slots.get(&key_of(connector));
            slot.map(|slot| slot.progress.lock().unwrap_or_else(PoisonError::into_inner).clone())
        };
        let log = app.control.org(connector.organization.as_str()).and_then(|org| app.log_of(&org));
        let end = log.map_or(0, |log| size(&app.store, log));
        let position = match &progress {
            Some(progress) => progress.position,
            None => log.map_or(0, |log| position(app, log, &connector.name)),
        };
        let parked = app.control.parked(&connector.organization, &connector.name).unwrap_or_default().len();
        let state = match &progress {
            _ if connector.paused => "paused",
            None => "failed",
            Some(Progress { fault: Some(_), .. }) => "waiting",
            Some(_) => "running",
        };
        let progress = progress.unwrap_or_default();
        json!({
            "state": state, "position": position, "lag": end.saturating_sub(position),
            "delivered": progress.delivered, "last_delivered": progress.delivered_ns.map(crate::time_text),
            "fault": progress.fault, "tries": progress.tries, "parked": parked,
        })
    }

    /// Hands a message to the route's destination out of turn, and waits for what becomes of it.
    async fn deliver(&self, connector: &Connector, message: Message) -> Result<(), Problem> {
        let asked = self.0.lock().await.get(&key_of(connector)).map(|slot| slot.asked.clone());
        let rests = || Problem::new(Code::Overloaded, "the route is not at work; resume it first");
        let (told, answer) = oneshot::channel();
        let sent = asked.ok_or_else(rests)?.send((message, told)).await;
        sent.map_err(|_| rests())?;
        let answer = tokio::time::timeout(OUT_OF_TURN, answer).await;
        match answer {
            Ok(Ok(result)) => result.map_err(|why| Problem::new(Code::Overloaded, why).retry_after(5)),
            Ok(Err(_)) => Err(rests()),
            Err(_) => {
                let detail = "the destination did not answer in time; it may have got the event";
                Err(Problem::new(Code::Overloaded, detail).retry_after(5))
            }
        }
    }

    /// Stops all.
    async fn stop_all(&self) {
        self.0.lock().await.clear();
    }
}

/// Where a route is noted to stand.
pub(crate) fn position(app: &App, log: indelible_store::log_no::LogNo, name: &str) -> u64 {
    let cursors = app.store.cursors(log).unwrap_or_default();
    cursors.into_iter().find(|(known, _)| *known == cursor(name)).map_or(0, |(_, index)| index)
}

fn key_of(connector: &Connector) -> (String, String) {
    (connector.organization.to_string(), connector.name.clone())
}

fn start(app: &Shared, connector: &Connector) -> Result<Slot, String> {
    let plan = Arc::new(Plan::new(app, connector).map_err(|problem| problem.detail)?);
    let worker = Shared::clone(app);
    let to = plan.settings.check()?;
    let mut destination = to.open(Arc::new(move || worker.clock.now_ns()))?;
    let from = position(app, plan.scope.log, &plan.name);
    let (asked, asking) = mpsc::channel(1);
    let progress = Arc::new(Lock::new(Progress { position: from, ..Progress::default() }));
    let shown = Arc::clone(&progress);
    let task = tokio::spawn(async move {
        let side = Side { plan, noted: Lock::new(from) };
        Delivery::new(&side, &shown, asking).run(destination.as_mut(), from).await;
    });
    Ok(Slot { task, asked, progress })
}

/// Starts all routes, and stops them with the service.
pub(crate) async fn run(app: Shared) {
    for connector in app.control.connectors(ConnectorRole::Route, None) {
        app.routes.apply(&app, &connector).await;
    }
    let mut stopping = app.stopping.subscribe();
    // The sender lives as long as the app; an error means that both are gone.
    drop(stopping.wait_for(|stop| *stop).await);
    app.routes.stop_all().await;
}

/// What would leave of one event: the newest that the route selects, or the one at a position.
pub(crate) async fn dry_run(
    app: &Shared,
    connector: &Connector,
    index: Option<u64>,
) -> Result<Leaving, Problem> {
    let plan = Plan::new(app, connector)?;
    crate::blocking(move || {
        let end = size(&plan.app.store, plan.scope.log);
        let (mut from, stop) = match index {
            Some(index) => (index, index.saturating_add(1)),
            None => (end.saturating_sub(TEST_EVENTS), end),
        };
        let mut newest = None;
        while from < stop {
            let (hits, next) = plan.select(from, 1_000)?;
            let last = hits.into_iter().rfind(|hit| hit.index < stop);
            newest = last.or(newest);
            if next == from {
                break;
            }
            from = next;
        }
        let none = || Problem::new(Code::NotFound, "the route selects no event there");
        plan.leaving(&newest.ok_or_else(none)?).map_err(|(_, why)| Problem::new(Code::Internal, why))
    })
    .await
}

/// Delivers one event out of turn.
pub(crate) async fn deliver(app: &Shared, connector: &Connector, message: Message) -> Result<(), Problem> {
    app.routes.deliver(connector, message).await
}

/// The first position whose event was received at or after a time.
pub(crate) async fn position_at(
    app: &Shared,
    log: indelible_store::log_no::LogNo,
    (organization, time): (String, String),
) -> Result<u64, Problem> {
    let app = Shared::clone(app);
    crate::blocking(move || {
        let query = query::read(&*app, &format!("received:{time}.."), None)?.compile();
        let clock = &app.clock;
        let cancelled = AtomicBool::new(false);
        let scope = Scope { organization, log };
        let mut from = 0;
        loop {
            let started = clock.boot_ns();
            let elapsed = || Duration::from_nanos(u64::try_from(clock.boot_ns() - started).unwrap_or(0));
            let budget = Budget::new(&elapsed, PAGE_TIME, PAGE_BYTES, &cancelled);
            let log = Log { records: &app.store, scope: &scope };
            let page = app.searcher.feed(log, &query, (from, 1), &budget);
            let page = page.map_err(crate::api::search::search_problem)?;
            match page.items.first() {
                Some(hit) => return Ok(hit.index),
                None if page.next == from => return Ok(from),
                None => from = page.next,
            }
        }
    })
    .await
}
