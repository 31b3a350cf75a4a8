//! Random conditions: the events that a statement finds are those that the condition holds for, one by one.

use std::collections::BTreeSet;

use indelible_event::{Event, Field, Map, Time, Value};
use proptest::prelude::*;

use crate::log::{Memory, RECEIVED_S};
use crate::stores::Kept;

/// Values that differ in case, in accents, in what is special to patterns, in length.
const TEXTS: &[&str] = &[
    "bob", "Bob", "BOB", "bo", "b%b", "b_b", "b*b", "Ünal", "ünal", "İx", "i̇x", "", "a b", "1", "01", "x..y",
    "Σας",
];
const PATTERNS: &[&str] =
    &["b%", "%b", "b_b", "%", "_x", "%n%", "B%", "b\\%b", "", "a %", "x..%", "%ς", "_", "b*%", "%.%"];

/// What an event of a test holds.
#[derive(Clone, Debug)]
struct Row {
    actor_id: Option<&'static str>,
    actor_name: Option<&'static str>,
    code: Option<&'static str>,
    outcome: Option<&'static str>,
    grade: Option<i64>,
    mfa: Option<bool>,
    target: Option<&'static str>,
    ended: Option<i64>,
    occurred: i64,
}

impl Row {
    fn event(&self) -> Event {
        let mut event = Event::new();
        let mut set = |field, value: Option<Value>| {
            if let Some(value) = value {
                event.set(field, value);
            }
        };
        let time = |seconds| Value::Time(Time { seconds, nanos: 0, offset_minutes: None });
        set(Field::Code, self.code.map(Value::from));
        set(Field::OccurredAt, Some(time(RECEIVED_S + self.occurred)));
        set(Field::EndedAt, self.ended.map(|seconds| time(RECEIVED_S + seconds)));
        set(Field::Outcome, self.outcome.map(Value::from));
        set(Field::Grade, self.grade.map(Value::from));
        set(Field::ActorId, self.actor_id.map(Value::from));
        set(Field::ActorName, self.actor_name.map(Value::from));
        set(Field::ActorMfa, self.mfa.map(Value::from));
        let target = |id: &str| Value::Map(Map::from_pairs(vec![("id".into(), id.into())]).unwrap());
        set(Field::Targets, self.target.map(|id| Value::from(vec![target(id), target("bob")])));
        event
    }

    fn text(&self, column: &str) -> Option<&'static str> {
        match column {
            "actor_id" => self.actor_id,
            "actor_name" => self.actor_name,
            "code" => self.code,
            "outcome" => self.outcome,
            _ => self.target,
        }
    }

    fn number(&self, column: &str, index: i64) -> Option<i64> {
        match column {
            "grade" => self.grade,
            "\"index\"" => Some(index),
            "ended_at" => self.ended,
            _ => Some(self.occurred),
        }
    }
}

#[derive(Clone, Debug)]
enum Condition {
    Text(&'static str, &'static str, &'static str),
    Number(&'static str, &'static str, i64),
    Between(&'static str, bool, i64, i64),
    In(&'static str, bool, Vec<&'static str>),
    Like(&'static str, bool, &'static str),
    Null(&'static str, bool),
    Mfa,
    /// Nothing that a query knows.
    Length(&'static str, i64),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

use Condition::{And, Between, In, Length, Like, Mfa, Not, Null, Number, Or, Text};

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn number(column: &str, value: i64) -> String {
    if column.ends_with("_at") {
        format!("to_timestamp_seconds({})", RECEIVED_S + value)
    } else {
        value.to_string()
    }
}

impl Condition {
    fn sql(&self) -> String {
        let not = |negated: &bool| if *negated { "not " } else { "" };
        match self {
            Text(column, op, value) => format!("{column} {op} {}", quoted(value)),
            Number(column, op, value) => format!("{column} {op} {}", number(column, *value)),
            Between(column, negated, low, high) => {
                format!(
                    "{column} {}between {} and {}",
                    not(negated),
                    number(column, *low),
                    number(column, *high)
                )
            }
            In(column, negated, values) => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                format!("{column} {}in ({})", not(negated), values.join(", "))
            }
            Like(column, negated, pattern) => format!("{column} {}like {}", not(negated), quoted(pattern)),
            Null(column, negated) => format!("{column} is {}null", not(negated)),
            Mfa => "actor_mfa".to_owned(),
            Length(column, length) => format!("character_length({column}) = {length}"),
            Not(inner) => format!("not ({})", inner.sql()),
            And(left, right) => format!("({} and {})", left.sql(), right.sql()),
            Or(left, right) => format!("({} or {})", left.sql(), right.sql()),
        }
    }

    /// By the rules of SQL: true, false or unknown.
    fn holds(&self, row: &Row, index: i64) -> Option<bool> {
        Some(match self {
            Text(column, op, value) => compared(op, row.text(column)?.cmp(value)),
            Number(column, op, value) => compared(op, row.number(column, index)?.cmp(value)),
            Between(column, negated, low, high) => {
                (*low..=*high).contains(&row.number(column, index)?) != *negated
            }
            In(column, negated, values) => values.contains(&row.text(column)?) != *negated,
            Like(column, negated, pattern) => {
                let (pattern, text) = (pattern.chars().collect::<Vec<_>>(), row.text(column)?);
                like(&pattern, &text.chars().collect::<Vec<_>>()) != *negated
            }
            Null(column, negated) => {
                let is_there = match *column {
                    "grade" | "ended_at" | "occurred_at" => row.number(column, index).is_some(),
                    "actor_mfa" => row.mfa.is_some(),
                    _ => row.text(column).is_some(),
                };
                is_there == *negated
            }
            Mfa => row.mfa?,
            Length(column, length) => i64::try_from(row.text(column)?.chars().count()) == Ok(*length),
            Not(inner) => !inner.holds(row, index)?,
            And(left, right) => match (left.holds(row, index), right.holds(row, index)) {
                (Some(false), _) | (_, Some(false)) => false,
                (left, right) => left? && right?,
            },
            Or(left, right) => match (left.holds(row, index), right.holds(row, index)) {
                (Some(true), _) | (_, Some(true)) => true,
                (left, right) => left? || right?,
            },
        })
    }
}

fn compared(op: &str, order: std::cmp::Ordering) -> bool {
    match op {
        "=" => order.is_eq(),
        "<>" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['%', rest @ ..], _) => like(rest, text) || (!text.is_empty() && like(pattern, &text[1..])),
        (['_', rest @ ..], [_, others @ ..]) => like(rest, others),
        (['\\', literal, rest @ ..] | [literal, rest @ ..], [first, others @ ..]) => {
            literal == first && like(rest, others)
        }
        _ => false,
    }
}

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(from)
}

fn row() -> impl Strategy<Value = Row> {
    let text = || prop::option::weighted(0.8, pick(TEXTS));
    let outcome = prop::option::of(pick(&["success", "failure", "unknown"]));
    let grade = prop::option::of(prop::sample::select(vec![0_i64, 4, 8, 12]));
    let (mfa, ended) = (prop::option::of(any::<bool>()), prop::option::of(0..10_i64));
    (text(), text(), text(), outcome, grade, mfa, text(), ended, 0..10_i64).prop_map(
        |(actor_id, actor_name, code, outcome, grade, mfa, target, ended, occurred)| Row {
            actor_id,
            actor_name,
            code,
            outcome,
            grade,
            mfa,
            target,
            ended,
            occurred,
        },
    )
}

fn condition() -> impl Strategy<Value = Condition> {
    let column = || pick(&["actor_id", "actor_name", "code", "target_id"]);
    let op = || pick(&["=", "<>", "<", "<=", ">", ">="]);
    let numbers = || pick(&["grade", "\"index\"", "ended_at", "occurred_at"]);
    let nullable =
        pick(&["actor_id", "target_id", "grade", "ended_at", "occurred_at", "actor_mfa", "outcome"]);
    let words = pick(&["success", "Success", "failure", "other"]);
    let leaf = prop_oneof![
        (column(), op(), pick(TEXTS)).prop_map(|(column, op, value)| Text(column, op, value)),
        (op(), words).prop_map(|(op, value)| Text("outcome", op, value)),
        (numbers(), op(), 0..10_i64).prop_map(|(column, op, value)| Number(column, op, value)),
        (numbers(), any::<bool>(), 0..6_i64, 3..10_i64)
            .prop_map(|(column, negated, low, high)| Between(column, negated, low, high)),
        (column(), any::<bool>(), prop::collection::vec(pick(TEXTS), 1..6))
            .prop_map(|(column, negated, values)| In(column, negated, values)),
        (column(), any::<bool>(), pick(PATTERNS))
            .prop_map(|(column, negated, pattern)| Like(column, negated, pattern)),
        (nullable, any::<bool>()).prop_map(|(column, negated)| Null(column, negated)),
        Just(Mfa),
        (column(), 0..4_i64).prop_map(|(column, length)| Length(column, length)),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Not(Box::new(inner))),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| And(Box::new(left), Box::new(right))),
            (inner.clone(), inner).prop_map(|(left, right)| Or(Box::new(left), Box::new(right))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn are_answered_as_one_by_one(
        rows in prop::collection::vec(row(), 1..40),
        conditions in prop::collection::vec(condition(), 4),
        cut in any::<prop::sample::Index>(),
    ) {
        let events: Vec<Event> = rows.iter().map(Row::event).collect();
        let (log, kept) = (Memory::new(&events), Kept::new(&events, cut.index(events.len() + 1)));
        for condition in conditions {
            let found = log.indexes(&condition.sql());
            let sql = format!("select \"index\" from events where {}", condition.sql());
            let in_store: BTreeSet<u64> = kept.lines(&sql).iter().map(|line| line.parse().unwrap()).collect();
            prop_assert_eq!(&in_store, &found, "in a store: {}", condition.sql());
            let holds = |(index, row): (usize, &Row)| {
                let at = i64::try_from(index).unwrap();
                (condition.holds(row, at) == Some(true)).then_some(at.unsigned_abs())
            };
            let expected = rows.iter().enumerate().filter_map(holds).collect();
            prop_assert_eq!(found, expected, "{}", condition.sql());
        }
    }
}
