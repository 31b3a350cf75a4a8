//! `indelible sql`: one statement that reads the events of an organization.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Context;
use crate::client::problem;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Format, Output, Pages, say};
use crate::source::{DataArg, Source, tell_lacking};

/// Rows shown on a terminal unless a number or all are asked for: a person reads no more at once.
const TERMINAL_ROWS: usize = 1_000;
/// Rows that are written at once.
const PAGE: usize = 1_000;
/// Longest line of an answer: a row with the largest values that events hold.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// Longest text that is read from a file; the server takes less.
const MAX_STATEMENT_BYTES: u64 = 1 << 20;

/// Ask in SQL
///
/// One statement that reads: select, with, explain, show or describe. The table `events` holds the events of the
/// organization, `quarantined_events` those that were set apart; `describe events` lists the columns. A condition on
/// occurred_at is what makes a statement fast. The server, or with --data this program, must have been built with the
/// feature sql.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible sql 'describe events'\n  indelible sql \"select code, count(*) as n from events where occurred_at >= now() - interval '7 days' group by code order by n desc\"\n  indelible sql \"select occurred_at, actor_id, param(params, 'host.name') as host from events where code = '091111' order by occurred_at desc limit 20\"\n  indelible sql --file report.sql --output csv > report.csv\n  indelible sql \"explain select count(*) from events where actor_id = 'user-7'\"\n  indelible sql 'select count(*) from events' --data ./indelible-data"
)]
pub(crate) struct Args {
    /// Statement; - reads it from standard input
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    statement: Option<String>,
    /// File that holds the statement
    #[arg(long, short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// End after so many rows
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,
    /// All rows, on a terminal too
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    data: DataArg,
}

/// What the last line of an answer says.
struct End {
    rows: usize,
    complete: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let source = Source::open(context, &self.data)?;
        let statement = self.text()?;
        let people = context.output.is_terminal() && context.output.format() == Format::Table && !self.all;
        let limit = self.limit.or(people.then_some(TERMINAL_ROWS));
        let lines = BufReader::with_capacity(1 << 16, source.sql(&statement, limit)?);
        let end = write(lines, context.output)?;
        let more =
            if end.complete || self.limit.is_some() { "" } else { "; there are more, --all prints them" };
        say(&format!("{} rows{more}", end.rows));
        Ok(())
    }

    fn text(&self) -> Result<String, Failure> {
        match (&self.file, self.statement.as_deref()) {
            (Some(path), _) => read(path),
            (None, Some("-")) => {
                let mut text = String::new();
                std::io::stdin().lock().take(MAX_STATEMENT_BYTES).read_to_string(&mut text)?;
                Ok(text)
            }
            (None, statement) => Ok(statement.unwrap_or_default().to_owned()),
        }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let cannot = |error: std::io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(MAX_STATEMENT_BYTES).read_to_string(&mut text).map_err(cannot)?;
    Ok(text)
}

/// Writes the rows of an answer as they come; tables are written whole, so that their columns line up.
fn write(mut lines: impl BufRead, output: Output) -> Result<End, Failure> {
    let first = line(&mut lines)?.ok_or_else(broken_off)?;
    let columns = names(&first)?;
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut pages = Pages::new(output, &names);
    let whole = matches!(output.format(), Format::Table);
    let (mut rows, mut written) = (Vec::new(), 0);
    let complete = loop {
        match line(&mut lines)?.ok_or_else(broken_off)? {
            Value::Array(cells) => {
                rows.push(Value::Object(columns.iter().cloned().zip(cells).collect()));
                if rows.len() >= PAGE && !whole {
                    written += rows.len();
                    pages.write(&rows)?;
                    rows.clear();
                }
            }
            last => match last.get("end") {
                Some(end) => {
                    tell_lacking(end);
                    // What is damaged is not there to be printed.
                    let all = end.get("complete").and_then(Value::as_bool).unwrap_or(false);
                    break all || end.get("incomplete").is_some();
                }
                _ => return Err(failed(&last)),
            },
        }
    };
    pages.write(&rows)?;
    pages.finish()?;
    Ok(End { rows: written + rows.len(), complete })
}

fn names(first: &Value) -> Result<Vec<String>, Failure> {
    let columns = first.get("columns").and_then(Value::as_array).ok_or_else(|| failed(first))?;
    Ok(columns.iter().filter_map(|column| column.get("name")?.as_str().map(str::to_owned)).collect())
}

/// What a line says that is neither columns nor a row nor the end.
fn failed(line: &Value) -> Failure {
    let Some(refused) = line.get("problem") else { return broken_off() };
    let status = refused.get("status").and_then(Value::as_u64).unwrap_or(500);
    problem(u16::try_from(status).unwrap_or(500), refused)
}

/// The next line; `None` at the end.
fn line(lines: &mut impl BufRead) -> Result<Option<Value>, Failure> {
    let mut text = Vec::new();
    let read = lines.take(MAX_LINE_BYTES).read_until(b'\n', &mut text);
    match read {
        Ok(0) | Err(_) => Ok(None),
        Ok(_) => serde_json::from_slice(&text).map(Some).map_err(|_| broken_off()),
    }
}

fn broken_off() -> Failure {
    Failure::new(Exit::Failed, "incomplete", "the answer broke off; ask again")
}
