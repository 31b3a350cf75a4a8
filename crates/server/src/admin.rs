//! The admin listener: is the process alive, is it ready, what does it count.

use std::fmt::Write;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use indelible_store::compact::Merging;
use indelible_store::store::Depth;

use crate::app::{App, Shared, head, size};

/// Most organizations with a gauge of their own: more would make the exposition larger than its reader.
const MAX_ORGANIZATION_GAUGES: usize = 100;

/// The router of the admin listener.
pub(crate) fn router(app: Shared) -> axum::Router {
    axum::Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(app)
}

/// What must hold for requests to be sent here, each with whether it does.
pub(crate) fn checks(app: &App) -> Vec<(&'static str, bool)> {
    vec![
        ("the log takes events", !app.store.has_failed() && app.store.clock_ahead_s() == 0),
        ("the service is not stopping", !*app.stopping.borrow()),
        ("the own catalog is loaded", app.catalogs().get("indelible").is_some()),
    ]
}

async fn ready(State(app): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let checks = checks(&app);
    let all = checks.iter().all(|(_, holds)| *holds);
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = if all { "ready\n".to_owned() } else { "not ready\n".to_owned() };
    if !all || query.is_some_and(|query| query.split('&').any(|part| part == "verbose")) {
        for (what, holds) in checks {
            writeln!(body, "{} {what}", if holds { "ok  " } else { "FAIL" }).expect("a String takes all");
        }
    }
    (status, body).into_response()
}

async fn metrics(State(app): State<Shared>) -> Response {
    let mut gauges = Vec::new();
    let orgs = app.control.orgs();
    let logs: Vec<_> =
        orgs.iter().take(MAX_ORGANIZATION_GAUGES).filter_map(|org| Some((org, app.log_of(org)?))).collect();
    for (org, log) in &logs {
        let label = format!("organization=\"{}\"", org.id);
        gauges.push(("indelible_log_size", "Events in the log.", label, size(&app.store, *log)));
    }
    for (org, log) in &logs {
        let label = format!("organization=\"{}\"", org.id);
        let published = head(&app.store, *log).map_or(0, |head| head.size);
        let behind = size(&app.store, *log).saturating_sub(published);
        gauges.push(("indelible_checkpoint_behind", "Events not yet under a checkpoint.", label, behind));
    }
    for (org, log) in &logs {
        let label = format!("organization=\"{}\"", org.id);
        let gaps = app
            .store
            .producers(*log)
            .unwrap_or_default()
            .iter()
            .map(|producer| producer.gaps.len() as u64)
            .sum();
        gauges.push(("indelible_producer_gaps", "Gaps in the numbers of producers.", label, gaps));
    }
    gauges.extend(segments(app.store.merging(), app.store.depth()));
    let text = app.metrics.render(&gauges);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// What becomes of events after they were acknowledged.
fn segments(merging: Merging, depth: Depth) -> [(&'static str, &'static str, String, u64); 12] {
    let gauge = |name, help, value| (name, help, String::new(), value);
    [
        gauge("indelible_unsealed_events", "Events that are in no segment yet.", depth.unsealed_events),
        gauge(
            "indelible_unsealed_wal_bytes",
            "Bytes of the write-ahead log with them.",
            depth.unsealed_bytes,
        ),
        gauge(
            "indelible_queued_requests",
            "Requests that wait for their commit.",
            depth.queued_requests as u64,
        ),
        gauge(
            "indelible_queued_bytes",
            "Bytes of requests that wait for their commit.",
            depth.queued_bytes as u64,
        ),
        gauge("indelible_segments", "Segment files.", merging.segments),
        gauge("indelible_segment_bytes", "Bytes in segment files.", merging.bytes),
        gauge("indelible_merges", "Merges of segments since the start.", merging.merges),
        gauge(
            "indelible_merged_segments",
            "Segments replaced by merged ones since the start.",
            merging.replaced,
        ),
        gauge("indelible_merged_events", "Events written again by merging since the start.", merging.events),
        gauge("indelible_merging_segments", "Segments of the merge at hand.", merging.at_hand),
        gauge(
            "indelible_merging_waits",
            "1 while merging waits for space on the disk.",
            merging.waits_for_space.into(),
        ),
        gauge(
            "indelible_segments_left_alone",
            "Segments that could not be read or merged.",
            merging.left_alone,
        ),
    ]
}
