//! Every query that the guide shows can be read.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use indelible_query::{Clock, Context, parse};

const GUIDE: &str = include_str!("../../../docs/guide/query.md");
const MANUAL: [&str; 2] =
    [include_str!("../../../docs/guide/api.md"), include_str!("../../../docs/guide/write-a-catalog.md")];

/// Queries in single quotes behind a command.
fn of_commands(text: &str) -> impl Iterator<Item = &str> {
    let words = ["indelible search '", "indelible tail '", "indelible export '"];
    let command = move |line: &&str| words.iter().any(|word| line.starts_with(word));
    text.lines().filter(command).filter_map(|line| line.split('\'').nth(1))
}

/// Queries in the last column of the table of examples.
fn of_examples(text: &str) -> impl Iterator<Item = &str> {
    let section = text.split("## Examples").nth(1).unwrap();
    section.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('`').nth(1))
}

#[test]
fn the_guide_shows_valid_queries() {
    let clock = Clock { now: "2026-11-22T02:00:00Z".parse().unwrap(), zone: jiff::tz::TimeZone::UTC };
    let context = Context::new(clock);
    let first = GUIDE.split("```").nth(1).unwrap().trim();
    let commands = MANUAL.iter().chain([&GUIDE]).flat_map(|text| of_commands(text));
    let queries: Vec<&str> = of_examples(GUIDE).chain(commands).chain([first]).collect();
    assert!(queries.len() > 12, "the guide has lost its examples: {queries:?}");
    for query in queries {
        if let Err(mistakes) = parse(query, &context) {
            panic!("{query}: {}", mistakes[0]);
        }
    }
}
