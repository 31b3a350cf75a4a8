//! Every limit of the API in one list, for `GET limits` and the reference page.

use crate::body::{MAX_DECODED_BYTES, MAX_ENCODED_BYTES, MAX_RATIO};
use crate::console::{FREE_FAILURES, MAX_SESSIONS, MAX_TRIES};
use crate::people::MAX_HASHING;

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
/// Values of a facet, and of the field that bars are divided by: more are read by nobody, and an export has them all.
pub const MAX_FACET_VALUES: usize = 100;
/// Fields of one request for facets: a screen shows fewer.
pub const MAX_FACET_FIELDS: usize = 20;
/// Bars of a histogram: a screen has no more columns to show them.
pub const MAX_BARS: usize = 1_000;
/// Groups of one answer.
pub const MAX_GROUPS: usize = 1_000;
/// Offers of one completion: a list that is read while writing.
pub const MAX_OFFERS: usize = 50;
/// Newest events that a completion looks at for values: as many as are read before the next key is pressed.
pub const OFFER_EVENTS: u64 = 5_000;
/// Searches at once; each may use a core.
pub const MAX_SEARCHES: usize = 4;
/// Longest wait for another search to end: a page of many panels on a busy machine is late rather than refused.
pub const SEARCH_QUEUE_MS: u64 = 10_000;
/// SQL statements at once; each may hold its memory.
pub const MAX_STATEMENTS: usize = 2;
/// Longest time of a statement, below the patience of common proxies.
pub const MAX_SQL_SECONDS: u64 = 60;
/// Bytes that sorting, grouping and joining of one statement may hold.
pub const MAX_SQL_MEMORY: usize = 256 << 20;
/// Longest text of a statement: what the engine plans on the stack that it has.
pub const MAX_SQL_BYTES: usize = 16 * 1024;
/// Rows of a statement's answer in one piece.
pub const MAX_SQL_PAGE: usize = 10_000;
/// Rows of a statement's answer as NDJSON.
pub const MAX_SQL_ROWS: usize = 1_000_000;
/// Backups at once.
pub const MAX_BACKUPS: usize = 1;
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
    limit(
        "bundle_events",
        indelible_bundle::MAX_EVENTS,
        "events",
        "what a person can be handed; larger sets are several bundles",
    ),
    limit("bundle", indelible_bundle::MAX_BYTES, "bytes", "events and proofs are put together in memory"),
    limit("facet_values", MAX_FACET_VALUES, "values", "more are read by nobody; an export has them all"),
    limit("facet_fields", MAX_FACET_FIELDS, "fields", "a screen shows fewer"),
    limit("histogram_bars", MAX_BARS, "bars", "a screen has no more columns"),
    limit("groups", MAX_GROUPS, "groups", "larger results are an export"),
    limit("offers", MAX_OFFERS, "offers", "a list that is read while writing"),
    limit("offer_events", OFFER_EVENTS as usize, "newest events", "completion must keep up with typing"),
    limit(
        "value_memory",
        indelible_search::MAX_VALUE_BYTES,
        "bytes",
        "the different values that one request counts; four at once stay below 256 MiB",
    ),
    limit("feed_page", MAX_FEED_PAGE, "rows", "larger results are streamed as NDJSON"),
    limit("wait", MAX_WAIT_SECONDS as usize, "seconds", "below the idle limit of common proxies"),
    limit(
        "searches",
        MAX_SEARCHES,
        "at once",
        "each may use a core; more wait 2 s, then are told to come back",
    ),
    limit(
        "log_in",
        MAX_TRIES as usize,
        "tries a minute",
        "for one address; a person mistypes, a guessing program does not get far",
    ),
    limit(
        "log_in_failures",
        FREE_FAILURES as usize,
        "in a row",
        "for one person; then each further try waits, from 30 seconds up to 15 minutes, and never for ever",
    ),
    limit("passphrase", indelible_control::MAX_LENGTH, "bytes", "longer than any sentence"),
    limit("passphrases", MAX_HASHING, "at once", "each takes 19 MiB and a core; more wait 10 s"),
    limit(
        "claim",
        (crate::claim::LASTS_NS / 60_000_000_000) as usize,
        "minutes",
        "long enough to type a passphrase, short enough not to lie about",
    ),
    limit(
        "invitation",
        (indelible_control::INVITED_MS / 86_400_000) as usize,
        "days",
        "a holiday does not void it",
    ),
    limit("sessions", MAX_SESSIONS, "at once", "of the console; far more than people, far less than memory"),
    limit("viewers", indelible_control::MAX_VIEWERS, "at once", "tokens are in memory, 2 KiB each"),
    limit(
        "viewer",
        (indelible_control::MAX_VIEWER_MS / 3_600_000) as usize,
        "hours",
        "a working day; a page that stays open longer asks for another token",
    ),
    limit("backups", MAX_BACKUPS, "at once", "each holds files that would be gone otherwise"),
    limit("sql", MAX_SQL_BYTES, "bytes", "a statement is planned on a stack that is as large as it needs"),
    limit("sql_statements", MAX_STATEMENTS, "at once", "each may hold its memory; more wait 2 s"),
    limit("sql_time", MAX_SQL_SECONDS as usize, "seconds", "one statement must not hold up the others"),
    limit(
        "sql_memory",
        MAX_SQL_MEMORY,
        "bytes",
        "what a statement sorts, groups and joins is held in memory",
    ),
    limit("sql_page", MAX_SQL_PAGE, "rows", "larger results are streamed as NDJSON"),
    limit("sql_rows", MAX_SQL_ROWS, "rows", "what is larger is an export"),
    limit("streams", MAX_STREAMS, "at once", "each holds a connection"),
];
