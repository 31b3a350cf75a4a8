//! Valid events of every type of the built-in catalogs, as a sender would write them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use indelible_catalog::catalog::Catalog;
use indelible_catalog::event_type::EventType;
use indelible_catalog::example::example;
use indelible_catalog::{builtin, load};
use indelible_event::{Field, Time, Value as EventValue};
use indelible_formats::json_out;
use serde_json::Value;

/// A built-in catalog.
pub fn catalog(id: &str) -> Arc<Catalog> {
    let loaded = load(&builtin());
    let found = loaded.catalogs.into_iter().find(|catalog| catalog.id == id);
    found.unwrap_or_else(|| panic!("the catalog {id} is built in"))
}

/// The `n`th valid event of a type, which happened just now.
pub fn event(catalog: &Catalog, of: &EventType, n: u32) -> Value {
    let mut event = example(catalog, of, n);
    event.set(Field::OccurredAt, EventValue::Time(now()));
    let mut text = String::new();
    json_out::event(&mut text, &event);
    serde_json::from_str(&text).expect("our own writer writes JSON")
}

/// The wall clock, in UTC.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    Time::from_unix_nanos(i64::try_from(since.as_nanos()).expect("the clock is before 2262"))
}
