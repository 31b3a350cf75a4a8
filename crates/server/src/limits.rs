//! Every limit of the API in one list, for `GET limits` and the reference page.

use crate::body::{MAX_DECODED_BYTES, MAX_ENCODED_BYTES, MAX_RATIO};

/// One limit.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Its name.
    pub name: &'static str,
    /// The largest value that is taken.
    pub value: usize,
    /// Of what.
    pub unit: &'static str,
    /// Why there is one.
    pub reason: &'static str,
}

/// Most events of one request: the request must fit one commit.
pub const MAX_BATCH_EVENTS: usize = 10_000;
/// Rows of a page of search.
pub const MAX_PAGE: usize = 1_000;
/// Rows of a page of the feed.
pub const MAX_FEED_PAGE: usize = 10_000;
/// Longest wait of a long poll, below the idle limit of common proxies.
pub const MAX_WAIT_SECONDS: u64 = 60;
/// Searches at once; each may use a core.
pub const MAX_SEARCHES: usize = 4;
/// Longest wait for another search to end.
pub const SEARCH_QUEUE_MS: u64 = 2_000;
/// Streams of server-sent events at once.
pub const MAX_STREAMS: usize = 256;

const fn limit(name: &'static str, value: usize, unit: &'static str, reason: &'static str) -> Limit {
    Limit { name, value, unit, reason }
}

/// Every limit.
pub const LIMITS: &[Limit] = &[
    limit(
        "event",
        indelible_event::MAX_EVENT_BYTES,
        "bytes",
        "many events fit one commit, and a screen can show one",
    ),
    limit("event_items", indelible_event::MAX_ITEMS, "items", "an event is a record, not a document store"),
    limit(
        "event_params",
        indelible_event::MAX_PARAMS,
        "parameters",
        "an event is a record, not a document store",
    ),
    limit("event_depth", indelible_event::MAX_DEPTH, "levels", "deeper data is an object graph"),
    limit("request_encoded", MAX_ENCODED_BYTES, "bytes", "more cannot decode to an acceptable request"),
    limit("request_decoded", MAX_DECODED_BYTES, "bytes", "a request is one commit, whole or not at all"),
    limit("request_ratio", MAX_RATIO, "times", "beyond it a compressed body is a bomb"),
    limit("request_events", MAX_BATCH_EVENTS, "events", "a request is one commit, whole or not at all"),
    limit("search_page", MAX_PAGE, "rows", "larger results are streamed as NDJSON"),
    limit("feed_page", MAX_FEED_PAGE, "rows", "larger results are streamed as NDJSON"),
    limit("wait", MAX_WAIT_SECONDS as usize, "seconds", "below the idle limit of common proxies"),
    limit(
        "searches",
        MAX_SEARCHES,
        "at once",
        "each may use a core; more wait 2 s, then are told to come back",
    ),
    limit("streams", MAX_STREAMS, "at once", "each holds a connection"),
];
