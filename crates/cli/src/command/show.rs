//! `indelible show`: one event, and its proof.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Context;
use crate::client::{Client, Query, Request, segment};
use crate::exit::{Failure, Outcome};
use crate::output::say;

/// Show one event
///
/// By its id, by its position in the log, or by the id that its sender gave it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible show 42\n  indelible show 0197a0b2-6c1e-7000-8000-3f0c2a9d1e55 --raw\n  indelible show --source-id order-4711\n  indelible show 42 --proof event.tlog-proof && indelible verify event.tlog-proof"
)]
pub(crate) struct Args {
    /// Id or index
    #[arg(required_unless_present = "source_id", value_name = "ID|INDEX")]
    event: Option<String>,
    /// Find it by the sender's own id
    #[arg(long, value_name = "ID", conflicts_with = "event")]
    source_id: Option<String>,
    /// Show the form it was received in, too
    #[arg(long)]
    raw: bool,
    /// Write its proof to a file; `-` is standard output, instead of the event
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// Items whose values the proof shows: all, none, or item paths
    #[arg(long, value_name = "ITEMS", default_value = "all", requires = "proof")]
    disclose: String,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let include = Query::default().with("include", self.raw.then_some("raw"));
        let path = match (&self.event, &self.source_id) {
            (Some(index), _) if index.bytes().all(|byte| byte.is_ascii_digit()) => {
                let path = client.org_path(&format!("log/{index}"));
                if self.raw {
                    client.org_query(&format!("events/{}", id_at(&client, &path)?), &include)
                } else {
                    path
                }
            }
            (Some(id), _) => client.org_query(&format!("events/{}", segment(id)), &include),
            (None, source_id) => {
                client.org_query("events/by-source", &include.with("source_id", source_id.as_deref()))
            }
        };
        let to_stdout = self.proof.as_deref() == Some(Path::new("-"));
        let event = client.get_json(&path)?;
        if !to_stdout {
            context.output.document(&event)?;
        }
        if let Some(file) = &self.proof {
            let id = event.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
            self.save_proof(&client, id, file)?;
        }
        Ok(())
    }

    fn save_proof(&self, client: &Client, id: &str, file: &Path) -> Outcome {
        let query = Query::default().with("disclose", Some(&self.disclose)).with("wait", Some(5));
        let path = client.org_query(&format!("events/{}/proof", segment(id)), &query);
        let headers = [("accept", "text/plain")];
        let answer = client.send(&Request { method: "GET", path: &path, headers: &headers, body: None })?;
        let text = answer.text()?;
        if file == Path::new("-") {
            return Ok(crate::output::print(text)?);
        }
        let written = std::fs::File::create(file).and_then(|mut out| out.write_all(text.as_bytes()));
        written.map_err(|error| Failure::failed(format!("cannot write {}: {error}", file.display())))?;
        say(&format!("proof written to {}; check it with: indelible verify {0}", file.display()));
        Ok(())
    }
}

fn id_at(client: &Client, path: &str) -> Result<String, Failure> {
    let event = client.get_json(path)?;
    let id = event.get("id").and_then(serde_json::Value::as_str);
    id.map(str::to_owned).ok_or_else(|| Failure::failed("the server's answer has no id"))
}
