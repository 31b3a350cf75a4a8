//! `indelible tail`: follow a log.

use std::time::Duration;

use serde_json::{Value, json};

use super::search::{COLUMNS, shown};
use crate::Context;
use crate::client::{Answer, Client, Query, Request, pause, segment};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Pages, say};

/// Seconds of a long poll, below the idle limit of common proxies.
const WAIT_SECONDS: u64 = 30;
/// Longest wait between attempts to reach the server again.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Follow a log
///
/// Events in the order in which they were recorded, from now on or from a position. With `--cursor` the server keeps
/// the position: a later call goes on where this one ended, and an event is never missed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible tail\n  indelible tail 'outcome:failure' -n 1000\n  indelible tail --from 0 --no-follow --output ndjson\n  indelible tail 'severity:high..' --cursor pager --output ndjson | ./page-somebody"
)]
pub(crate) struct Args {
    /// Query; everything without one
    #[arg(default_value = "", hide_default_value = true)]
    query: String,
    /// Where to begin: an index, or `end`
    #[arg(long, value_name = "INDEX|end", default_value = "end", conflicts_with = "lines")]
    from: String,
    /// Begin so many places before the end of the log
    #[arg(long, short = 'n', value_name = "N")]
    lines: Option<u64>,
    /// Go on from a named position, and move it behind what was printed
    #[arg(long, value_name = "NAME")]
    cursor: Option<String>,
    /// End at the end of the log
    #[arg(long)]
    no_follow: bool,
    /// End after so many events
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    /// Columns of table, CSV, TSV and Markdown
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    columns: Vec<String>,
}

/// A named position and the version that it was read in.
struct Cursor {
    path: String,
    tag: Option<String>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let mut cursor = self
            .cursor
            .as_ref()
            .map(|name| Cursor { path: client.org_path(&format!("cursors/{}", segment(name))), tag: None });
        let stored = match &mut cursor {
            Some(cursor) => cursor.read(&client)?,
            None => None,
        };
        let mut from = match stored {
            Some(index) => index.to_string(),
            None => self.start(&client)?,
        };
        let own: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let columns: &[&str] = if own.is_empty() { &COLUMNS } else { &own };
        let mut pages = Pages::new(context.output, columns);
        let mut left = self.max.unwrap_or(usize::MAX);
        let mut lost = false;
        while left > 0 {
            let page = match self.page(&client, &from, left) {
                Err(failure) if failure.exit == Exit::Temporary && !self.no_follow => {
                    if !lost {
                        say(&format!("{failure}; trying again"));
                    }
                    lost = true;
                    pause(MAX_PAUSE.min(Duration::from_secs(2)));
                    continue;
                }
                page => page?,
            };
            lost = false;
            let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            pages.write(&shown(context.output.format(), columns, items))?;
            left -= items.len().min(left);
            let next = page.get("next").and_then(Value::as_u64);
            let next =
                next.ok_or_else(|| Failure::failed("the server's answer does not say where to go on"))?;
            let moved = from != next.to_string();
            if let Some(cursor) = cursor.as_mut().filter(|_| moved) {
                cursor.write(&client, next)?;
            }
            from = next.to_string();
            let end = page.get("high_water").and_then(Value::as_u64).is_none_or(|high| next >= high);
            if self.no_follow && end {
                break;
            }
        }
        Ok(pages.finish()?)
    }

    /// Where to begin without a stored position; `end` becomes a number, so that nothing is missed after an error.
    fn start(&self, client: &Client) -> Result<String, Failure> {
        if self.from != "end" && self.from.parse::<u64>().is_err() {
            return Err(Failure::usage(format!("--from {:?} must be an index or `end`", self.from)));
        }
        if self.from != "end" && self.lines.is_none() {
            return Ok(self.from.clone());
        }
        let query = Query::default().with("from", Some("end")).with("limit", Some(1));
        let page = client.get_json(&client.org_query("feed", &query))?;
        let size = page.get("high_water").or_else(|| page.get("next")).and_then(Value::as_u64).unwrap_or(0);
        Ok(size.saturating_sub(self.lines.unwrap_or(0)).to_string())
    }

    fn page(&self, client: &Client, from: &str, left: usize) -> Result<Value, Failure> {
        let query = Query::default()
            .with("from", Some(from))
            .with("q", Some(&self.query).filter(|query| !query.is_empty()))
            .with("limit", Some(left.min(1_000)))
            .with("wait", (!self.no_follow).then_some(WAIT_SECONDS));
        client.get_json(&client.org_query("feed", &query))
    }
}

impl Cursor {
    fn read(&mut self, client: &Client) -> Result<Option<u64>, Failure> {
        let answer = client.get(&self.path)?;
        if answer.status == 404 && answer.header("etag").is_none() && is_missing_cursor(&answer) {
            return Ok(None);
        }
        let body = answer.json()?;
        self.tag = answer.header("etag").map(str::to_owned);
        Ok(body.get("index").and_then(Value::as_u64))
    }

    fn write(&mut self, client: &Client, index: u64) -> Outcome {
        let body = json!({ "index": index }).to_string();
        let version = match &self.tag {
            Some(tag) => ("if-match", tag.as_str()),
            None => ("if-none-match", "*"),
        };
        let headers = [("content-type", "application/json"), version];
        let request =
            Request { method: "PUT", path: &self.path, headers: &headers, body: Some(body.as_bytes()) };
        let answer = client.send_patiently(&request, &mut |_| {})?;
        if answer.status == 412 {
            let message = "somebody else moves this cursor too; give each reader a cursor of its own";
            return Err(Failure::new(Exit::Failed, "version_conflict", message));
        }
        answer.json()?;
        self.tag = answer.header("etag").map(str::to_owned);
        Ok(())
    }
}

/// Tells a cursor that does not exist yet from an organization that does not.
fn is_missing_cursor(answer: &Answer) -> bool {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body.get("detail").and_then(Value::as_str).is_some_and(|detail| detail.contains("cursor"))
}
