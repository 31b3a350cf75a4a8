//! `indelible source`: what takes events in by itself.

use serde_json::{Map, Value, json};

use crate::Context;
use crate::client::{Client, segment};
use crate::connector::{self, change, remove, settings};
use crate::exit::Outcome;
use crate::output::Output;

const COLUMNS: [&str; 7] = ["name", "kind", "place", "state", "last_seen", "stored", "refused"];

/// Sources: listeners that take events in by themselves
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible source add openkat --kind syslog --format openkat --zone Europe/Amsterdam --set listen=0.0.0.0:6514 --set transport=tcp\n  indelible source list\n  indelible source test openkat '{\"event_code\":\"091111\",\"timestamp\":\"2026-11-22T10:00:00\"}'\n  indelible source pause openkat"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List those of the organization
    #[command(after_help = "Examples:\n  indelible source list\n  indelible source list --json")]
    List,
    /// Show one: settings, counts, what refuses were for
    #[command(after_help = "Examples:\n  indelible source show openkat")]
    Show {
        /// Name
        name: String,
    },
    Add(Add),
    /// Stop listening, without forgetting the settings
    #[command(after_help = "Examples:\n  indelible source pause openkat")]
    Pause {
        /// Name
        name: String,
    },
    /// Listen again
    #[command(after_help = "Examples:\n  indelible source resume openkat")]
    Resume {
        /// Name
        name: String,
    },
    /// Stop listening and forget it
    #[command(after_help = "Examples:\n  indelible source remove openkat")]
    Remove {
        /// Name
        name: String,
    },
    /// Say what would become of a record; nothing is stored
    #[command(
        after_help = "Examples:\n  indelible source test openkat '<13>Nov 22 10:00:00 host kat: {\"event_code\":\"091111\"}'"
    )]
    Test {
        /// Name
        name: String,
        /// The record, as it would arrive
        record: String,
    },
}

/// Make one, or replace its settings
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible source add openkat --kind syslog --format openkat --zone UTC --set listen=127.0.0.1:6514\n  indelible source add vault --kind syslog --format minvws --quiet-after 3600 --set transport=tls --set cert_file=/etc/indelible/cert.pem --set key_file=/etc/indelible/key.pem"
)]
struct Add {
    /// Name; events name it as their producer
    name: String,
    /// Kind: syslog
    #[arg(long, value_name = "KIND")]
    kind: String,
    /// What records are: native, openkat, minvws, cloudtrail, match or syslog
    #[arg(long, value_name = "FORMAT", default_value = "match")]
    format: String,
    /// The only catalog that is used
    #[arg(long, value_name = "CATALOG", default_value = "", hide_default_value = true)]
    catalog: String,
    /// Zone of times that carry none
    #[arg(long, value_name = "ZONE", default_value = "", hide_default_value = true)]
    zone: String,
    /// Seconds of silence after which it counts as gone quiet; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    quiet_after: u64,
    /// A setting of the kind, `NAME=@FILE` from a file; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
}

impl Add {
    fn body(&self) -> Result<Value, crate::exit::Failure> {
        let mut from = Map::new();
        from.insert(self.kind.clone(), settings(&self.settings)?);
        Ok(json!({
            "from": from, "format": self.format, "catalog": self.catalog, "zone": self.zone,
            "quiet_after_s": self.quiet_after,
        }))
    }
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let path = |name: &str| client.org_path(&format!("sources/{}", segment(name)));
        let shown = match &self.command {
            Command::List => return list(&client, context.output),
            Command::Show { name } => client.get_json(&path(name))?,
            Command::Add(add) => connector::put(&client, (&path(&add.name), ""), &add.body()?)?,
            Command::Pause { name } => change(&client, &path(name), &json!({ "paused": true }))?,
            Command::Resume { name } => change(&client, &path(name), &json!({ "paused": false }))?,
            Command::Remove { name } => remove(&client, &path(name))?,
            Command::Test { name, record } => {
                client.send_json("POST", &format!("{}/test", path(name)), &json!({ "record": record }))?
            }
        };
        Ok(context.output.document(&shown)?)
    }
}

fn list(client: &Client, output: Output) -> Outcome {
    let page = client.get_json(&client.org_path("sources"))?;
    let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let rows = items.into_iter().map(|mut item| {
        let counts = item.get("counts").cloned().unwrap_or_default();
        let refused = counts.get("refused").and_then(Value::as_object);
        let refused: u64 = refused.into_iter().flat_map(Map::values).filter_map(Value::as_u64).sum();
        item["stored"] = counts.get("stored").cloned().unwrap_or_default();
        item["refused"] = refused.into();
        item
    });
    let rows: Vec<Value> = rows.collect();
    Ok(output.rows(&COLUMNS, &rows)?)
}
