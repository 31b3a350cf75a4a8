//! Any text is a query or a list of what is wrong with it, within the text. A query printed and read again is itself, and can
//! be asked of an event.
#![no_main]

use indelible_event::{Event, EventId, EventSalt, Field, SubjectKey, seal};
use indelible_query::{Clock, Compiled, Context, EventView, Expansion, Position, parse};
use jiff::{Timestamp, tz::TimeZone};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let clock = Clock { now: Timestamp::UNIX_EPOCH, zone: TimeZone::UTC };
    let context = Context::new(clock.clone());
    match parse(text, &context) {
        Err(wrong) => {
            assert!(!wrong.is_empty());
            for diagnostic in wrong {
                assert!(diagnostic.offset + diagnostic.len <= text.len(), "{diagnostic:?}");
            }
        }
        Ok(query) => {
            let printed = query.to_string();
            match parse(&printed, &context) {
                Ok(again) => assert_eq!(again, query, "{printed}"),
                // Canonical spelling may be longer than what a request may hold.
                Err(wrong) => assert!(printed.len() > text.len(), "{printed}: {wrong:?}"),
            }
            let compiled = Compiled::new(&query, &clock, &Expansion::none());
            let mut event = Event::new();
            event.set(Field::Catalog, "openkat");
            event.set(Field::ActorId, "user00042");
            event.set(Field::Message, "User user00042 logged in from 10.1.2.3");
            let id = EventId([7; 16]);
            let key = |_: &str| SubjectKey::new([5; 16], &[6; 32]);
            let Ok(sealed) = seal(&event, id, &EventSalt::default(), key) else { return };
            let position =
                Position { organization: "example", index: 7, received_ns: 1, id, sequence: 0, imported: false };
            let view = EventView::stored(position, &sealed.stored);
            let _ = compiled.matches(&view);
        }
    }
});
