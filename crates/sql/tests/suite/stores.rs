//! The same statements over a real store, part of it sealed into columns: against the search's own answers, and with another
//! organization beside it whose rows nothing may show.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indelible_durable::overlay::OverlayDisk;
use indelible_event::{Event, Field, SubjectKey, Time, seal, type_tag};
use indelible_query::{Clock, Compiled, Context, EventQuery, Expansion, FieldRef, Instant, parse};
use indelible_search::{
    Budget, CursorKey, GroupOrder, GroupsAsked, Log, Order, Request, Scope, Searcher, Window,
};
use indelible_sql::{Asked, SqlError};
use indelible_store::append::Append;
use indelible_store::log_no::LogNo;
use indelible_store::options::Options;
use indelible_store::store::{LogSpec, Store};
use proptest::prelude::*;

use crate::log::{ENGINE, RECEIVED_S, run};

const ACTORS: [&str; 5] = ["ann", "Bob", "bob", "carol", "user-7"];
const OUTCOMES: [&str; 3] = ["success", "failure", "unknown"];

/// What a test knows of an event.
#[derive(Clone, Copy, Debug)]
struct Act {
    code: u8,
    actor: Option<usize>,
    outcome: Option<usize>,
    grade: Option<i64>,
    occurred: i64,
}

impl Act {
    fn event(self) -> Event {
        let mut event = Event::new();
        event.set(Field::Catalog, "test");
        event.set(Field::Code, format!("00{}", self.code));
        let occurred = Time { seconds: RECEIVED_S + self.occurred, nanos: 0, offset_minutes: Some(60) };
        event.set(Field::OccurredAt, occurred);
        if let Some(actor) = self.actor {
            event.set(Field::ActorId, ACTORS[actor]);
        }
        if let Some(outcome) = self.outcome {
            event.set(Field::Outcome, OUTCOMES[outcome]);
        }
        if let Some(grade) = self.grade {
            event.set(Field::Grade, grade);
        }
        event
    }
}

/// A store with the logs of two organizations, of which `a` is asked.
pub(crate) struct Kept {
    store: Store,
    searcher: Searcher,
    scope: Scope,
    /// Gone when the store is.
    _dir: tempfile::TempDir,
}

impl Kept {
    /// These events in `a`, the first `sealed` of them as columns; in `b` others that look alike.
    pub(crate) fn new(events: &[Event], sealed: usize) -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(OverlayDisk::default());
        let options = Options { disk, wal_file_bytes: 4 << 20, ..Options::default() };
        let (store, _) = Store::open(dir.path(), options).unwrap();
        let log = |name: &str| {
            store.create_log(&LogSpec { origin: format!("example.org/{name}"), name: name.into() }).unwrap()
        };
        let (own, other) = (log("a"), log("b"));
        let foreign = |event: &Event| {
            let mut event = event.clone();
            event.set(Field::Message, "of another organization");
            event
        };
        let foreign: Vec<Event> = events.iter().take(20).map(foreign).collect();
        append(&store, other, &foreign);
        append(&store, own, &events[..sealed]);
        if sealed > 0 {
            assert!(store.seal_now());
        }
        append(&store, own, &events[sealed..]);
        append(&store, other, &foreign);
        let searcher = Searcher::new(CursorKey::new([5; 32]), 2);
        let scope = Scope { organization: "a".into(), log: own };
        Arc::new(Self { store, searcher, scope, _dir: dir })
    }

    fn asked(self: &Arc<Self>, sql: &str) -> Asked {
        let kept = Arc::clone(self);
        Asked {
            sql: sql.to_owned(),
            rows: usize::MAX,
            log: Arc::new(move |read| {
                read(&kept.searcher, Log { records: &kept.store, scope: &kept.scope });
            }),
            scope: EventQuery::default(),
            clock: clock(),
            elapsed: Arc::new(|| Duration::ZERO),
        }
    }

    pub(crate) fn ask(self: &Arc<Self>, sql: &str) -> Result<Vec<Vec<String>>, SqlError> {
        run(&ENGINE, self.asked(sql)).map(|found| found.rows)
    }

    #[track_caller]
    pub(crate) fn lines(self: &Arc<Self>, sql: &str) -> Vec<String> {
        let rows = self.ask(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| row.join("|")).collect()
    }

    fn searched<T>(
        &self,
        query: &str,
        f: impl FnOnce(&Searcher, Log<'_>, &Request<'_>, &Budget<'_>) -> T,
    ) -> T {
        let query = parse(query, &Context::new(clock())).unwrap();
        let query = Compiled::new(&query, &clock(), &Expansion::none());
        let (window, order) = (Window::default(), Order::OccurredDescending);
        let request = Request { query: &query, window, order, at: None, now: Instant(7) };
        let never = AtomicBool::new(false);
        let budget = Budget::new(&|| Duration::ZERO, Duration::MAX, u64::MAX, &never);
        f(&self.searcher, Log { records: &self.store, scope: &self.scope }, &request, &budget)
    }
}

fn clock() -> Clock {
    Clock { now: jiff::Timestamp::from_second(RECEIVED_S).unwrap(), zone: jiff::tz::TimeZone::UTC }
}

fn append(store: &Store, log: LogNo, events: &[Event]) {
    if events.is_empty() {
        return;
    }
    let producer = store.producer(log, "test", "1").unwrap();
    let appends = events.iter().map(|event| {
        let id = store.new_event_id();
        let key = |_: &str| SubjectKey::new([7; 16], &[2; 32]);
        let sealed = seal(event, id, &store.event_salt(id), key).unwrap();
        Append {
            log,
            id,
            flags: 8,
            type_tag: type_tag("test", event.text(Field::Code).unwrap_or_default()),
            producer: Some(Arc::clone(&producer)),
            sequence: 0,
            key: None,
            content: [0; 16],
            body: sealed.body,
            stored: sealed.stored,
            subjects: Vec::new(),
        }
    });
    store.append_wait(appends.collect(), false).unwrap();
}

fn time(offset: i64) -> String {
    jiff::Timestamp::from_second(RECEIVED_S + offset).unwrap().to_string()
}

/// The same condition in SQL and as a query.
fn both() -> impl Strategy<Value = (String, String)> {
    let one = |sql: &str, query: &str| Just((sql.to_owned(), query.to_owned())).boxed();
    let whole = |sql: String, query: String| (sql, query);
    prop_oneof![
        (0_u8..4).prop_map(move |code| whole(format!("code = '00{code}'"), format!("code:00{code}"))),
        (0_u8..3).prop_map(move |code| whole(
            format!("code in ('00{code}', '003')"),
            format!("code:00{code},003")
        )),
        (0_usize..5).prop_map(move |actor| {
            whole(format!("actor_id = '{}'", ACTORS[actor]), format!("actor.id:{}", ACTORS[actor]))
        }),
        one("actor_id is null", "-actor.id:*"),
        one("actor_id like 'user-%'", "actor.id:user-*"),
        (0_usize..3).prop_map(move |outcome| {
            whole(format!("outcome = '{}'", OUTCOMES[outcome]), format!("outcome:{}", OUTCOMES[outcome]))
        }),
        (0_i64..12).prop_map(move |grade| whole(format!("grade >= {grade}"), format!("grade:{grade}.."))),
        (0_i64..300, 0_i64..900).prop_map(move |(from, long)| whole(
            format!("occurred_at between '{}' and '{}'", time(from), time(from + long)),
            format!("occurred:{}..{}", time(from), time(from + long)),
        )),
        one("true", ""),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let some = |most: usize| prop::option::weighted(0.8, 0..most);
    (0_u8..4, some(5), some(3), prop::option::of(0_i64..12), 0_i64..1000)
        .prop_map(|(code, actor, outcome, grade, occurred)| Act { code, actor, outcome, grade, occurred })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn statements_answer_what_the_search_does(
        acts in prop::collection::vec(act(), 1..60),
        times in 1_usize..60,
        cut in any::<prop::sample::Index>(),
        conditions in prop::collection::vec((both(), both()), 3),
    ) {
        let events: Vec<Event> = acts.iter().map(|act| act.event()).collect();
        let events: Vec<Event> = std::iter::repeat_n(events, times).flatten().collect();
        let kept = Kept::new(&events, cut.index(events.len() + 1));
        for ((sql, query), (also_sql, also_query)) in conditions {
            let (sql, query) = (format!("{sql} and {also_sql}"), format!("{query} {also_query}"));
            let count = kept.searched(&query, |searcher, log, request, budget| {
                searcher.count(log, request, budget).unwrap().value
            });
            let counted = kept.lines(&format!("select count(*) from events where {sql}"));
            prop_assert_eq!(&counted, &[count.to_string()], "{}", query);
            // What the engine cannot count by itself: it looks at each row.
            let seen = kept.lines(&format!("select count(*) from events where {sql} and length(id) = 36"));
            prop_assert_eq!(&seen, &counted, "{}", query);
            let groups = kept.searched(&query, |searcher, log, request, budget| {
                let by = FieldRef::named("actor.id").unwrap();
                let asked = GroupsAsked { by, and_by: None, order: GroupOrder::Count, limit: 100 };
                searcher.groups(log, request, &asked, budget).unwrap()
            });
            let mut groups: Vec<String> =
                groups.groups.iter().map(|group| format!("{}|{}", group.values[0], group.count)).collect();
            groups.sort();
            let grouped = kept.lines(&format!(
                "select actor_id, count(*) from events where {sql} and actor_id is not null group by 1 order by 1"
            ));
            prop_assert_eq!(grouped, groups, "{}", query);
            let newest = kept.searched(&query, |searcher, log, request, budget| {
                let page = searcher.page(log, request, (None, 7), budget).unwrap();
                page.items.iter().map(|hit| hit.index.to_string()).collect::<Vec<_>>()
            });
            let sql = format!("select \"index\" from events where {sql} order by occurred_at desc limit 7");
            prop_assert_eq!(kept.lines(&sql), newest, "{}", query);
        }
    }
}

#[test]
fn nothing_shows_another_organization() {
    let act = |at: i64| Act {
        code: u8::try_from(at % 4).unwrap(),
        actor: Some(0),
        outcome: None,
        grade: None,
        occurred: at,
    };
    let events: Vec<Event> = (0..50).map(|at| act(at).event()).collect();
    let kept = Kept::new(&events, 30);
    assert_eq!(kept.lines("select distinct organization from events"), ["a"]);
    for (sql, expected) in [
        ("select count(*) from events", "50"),
        ("select count(message) from events", "0"),
        ("select count(*) from events where organization = 'b'", "0"),
        ("select count(*) from events where organization = 'b' or true", "50"),
        ("select count(*) from events where organization <> 'a' or message is not null", "0"),
        ("select count(*) from quarantined_events where organization = 'b'", "0"),
        (
            "select count(*) from (select * from events union all select * from quarantined_events) where organization = 'b'",
            "0",
        ),
        ("select count(*) from events e join events f on e.organization <> f.organization", "0"),
        ("select count(*) from events where exists (select 1 from events b where b.organization = 'b')", "0"),
        ("select count(*) from information_schema.tables where table_schema <> 'information_schema'", "2"),
    ] {
        assert_eq!(kept.lines(sql), [expected], "{sql}");
    }
    for sql in ["select * from b.events", "select * from b.public.events", "select * from \"b/events\""] {
        assert!(matches!(kept.ask(sql), Err(SqlError::Invalid(_))), "{sql}");
    }
}
