//! Where a reading command gets its answers: a running server, or the folder of a stopped one.
//!
//! Both answer the same resources in the same shapes, so that a command does not know which it asks.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use indelible_catalog::catalog::Registry;
use indelible_server::offline::{Offline, OfflineError};
use indelible_server::problem::Problem;
use serde_json::{Value, json};

use crate::Context;
use crate::catalogs::CatalogsArg;
use crate::client::{self, Client, Query};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::say;

/// The organization of a folder when nobody says otherwise, as of a server.
const DEFAULT_ORG: &str = "default";

/// A folder to ask instead of a server.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Offline")]
pub(crate) struct DataArg {
    /// Read the data folder of a stopped server; nothing in it changes
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    catalogs: CatalogsArg,
}

impl DataArg {
    /// The catalogs that this command knows.
    pub(crate) fn catalogs(&self) -> Result<Registry, Failure> {
        self.catalogs.registry()
    }
}

/// Who is asked.
#[derive(Debug)]
pub(crate) enum Source {
    /// A server.
    Server(Box<Client>),
    /// A folder.
    Folder(Arc<Offline>),
}

impl Source {
    /// Connects to the server, or opens the folder if one was named.
    pub(crate) fn open(context: &Context, data: &DataArg) -> Result<Self, Failure> {
        let Some(dir) = &data.data else { return Ok(Self::Server(Box::new(Client::new(&context.target)?))) };
        let registry = data.catalogs.registry()?;
        let org = context.target.org.as_deref().unwrap_or(DEFAULT_ORG);
        Offline::open(dir, org, registry).map(|offline| Self::Folder(Arc::new(offline))).map_err(|error| {
            let code = match &error {
                OfflineError::Refused(refused) => refused.code(),
                OfflineError::NoSuchLog { .. } => "not_found",
            };
            Failure::new(Exit::Failed, code, error.to_string())
        })
    }

    /// JSON of a resource below the organization.
    pub(crate) fn get(&self, resource: &str, query: &Query) -> Result<Value, Failure> {
        let answer = match self {
            Self::Server(client) => client.get_json(&client.org_query(resource, query)),
            Self::Folder(offline) => {
                offline.get(resource, &query.pairs()).map_err(|problem| refused(&problem))
            }
        }?;
        tell_lacking(&answer);
        Ok(answer)
    }

    /// Everything that a search matches, as the lines of the stream.
    pub(crate) fn stream(&self, query: &Query) -> Result<Box<dyn Read>, Failure> {
        match self {
            Self::Server(client) => {
                let answer = client.stream(&client.org_query("events", query), "application/x-ndjson")?;
                Ok(Box::new(answer.into_body().into_reader()))
            }
            Self::Folder(offline) => {
                let (asked, offline) = (query.pairs(), Arc::clone(offline));
                piped(move |write| offline.stream(&asked, write))
            }
        }
    }

    /// An evidence bundle of everything that a search matches.
    pub(crate) fn bundle(&self, query: &Query) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Server(client) => {
                let asked: serde_json::Map<String, Value> = query
                    .pairs()
                    .into_iter()
                    .map(|(name, value)| match value.parse::<u64>() {
                        Ok(size) if name == "at" => (name, json!(size)),
                        _ => (name, Value::String(value)),
                    })
                    .collect();
                client.post_for_file(&client.org_path("bundles"), &Value::Object(asked))
            }
            Self::Folder(offline) => offline.bundle(&query.pairs()).map_err(|problem| refused(&problem)),
        }
    }

    /// The answer to a statement of SQL, as the lines of the stream.
    pub(crate) fn sql(&self, statement: &str, limit: Option<usize>) -> Result<Box<dyn Read>, Failure> {
        match self {
            Self::Server(client) => {
                let mut asked = json!({ "sql": statement });
                if let Some(limit) = limit {
                    asked["limit"] = json!(limit);
                }
                let path = client.org_path("sql");
                let answer = client.stream_json(&path, &asked, "application/x-ndjson")?;
                Ok(Box::new(answer.into_body().into_reader()))
            }
            Self::Folder(offline) => {
                let (statement, offline) = (statement.to_owned(), Arc::clone(offline));
                piped(move |write| offline.sql((&statement, limit), write))
            }
        }
    }
}

/// What is written on a thread of its own, to be read here; a problem is the last line.
fn piped(
    work: impl FnOnce(&mut dyn FnMut(String) -> bool) -> Result<(), Problem> + Send + 'static,
) -> Result<Box<dyn Read>, Failure> {
    let (reader, mut writer) = io::pipe()?;
    std::thread::spawn(move || {
        let mut write = |chunk: String| writer.write_all(chunk.as_bytes()).is_ok();
        if let Err(problem) = work(&mut write) {
            write(format!("{}\n", json!({ "problem": problem.members() })));
        }
    });
    Ok(Box::new(reader))
}

/// A problem as a failure, as if a server had answered it.
fn refused(problem: &Problem) -> Failure {
    client::problem(problem.code.status(), &Value::Object(problem.members()))
}

/// What was said to be lacking in answers so far.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Fails when an answer lacked events: programs read the exit code, not what people are told.
pub(crate) fn nothing_lacked() -> Outcome {
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
        return Ok(());
    }
    let why = "the answer is incomplete: events cannot be read because their files are damaged";
    Err(Failure::new(Exit::Failed, "incomplete", why))
}

/// Says once which events answers lack because their files are damaged.
pub(crate) fn tell_lacking(answer: &Value) {
    for events in answer.get("incomplete").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| events.get(name).map(plain).unwrap_or_default();
        let line = format!(
            "incomplete: events {} to {} cannot be read, {} ({}); {}",
            text("first"),
            text("last"),
            text("what"),
            text("file"),
            text("todo")
        );
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.contains(&line) {
            say(&line);
            told.push(line);
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
