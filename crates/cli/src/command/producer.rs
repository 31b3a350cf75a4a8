//! `indelible producer`: who sends, and whether numbers are missing.

use serde_json::Value;

use crate::Context;
use crate::client::{Client, Query, segment};
use crate::exit::Outcome;
use crate::output::say;

const COLUMNS: [&str; 7] = ["name", "instance", "events", "contiguous", "highest", "gap_count", "last_seen"];

/// Producers
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible producer list\n  indelible producer show door-panel --instance p-1 --json"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List producers with their numbering and gaps
    #[command(
        after_help = "Examples:\n  indelible producer list\n  indelible producer list --json | jq '.[] | select(.gap_count > 0)'"
    )]
    List,
    /// Show one: where an instance goes on, and what is missing
    #[command(
        after_help = "Examples:\n  indelible producer show door-panel\n  indelible producer show door-panel --instance p-1"
    )]
    Show {
        /// Name
        #[arg(value_name = "NAME")]
        name: String,
        /// Only this instance
        #[arg(long, value_name = "INSTANCE")]
        instance: Option<String>,
    },
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let path = match &self.command {
            Command::List => client.org_path("producers"),
            Command::Show { name, instance } => {
                let query = Query::default().with("instance", instance.as_deref());
                client.org_query(&format!("producers/{}", segment(name)), &query)
            }
        };
        let page = client.get_json(&path)?;
        let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        context.output.rows(&COLUMNS, items)?;
        let gaps = items.iter().filter(|item| item["gap_count"].as_u64().unwrap_or(0) > 0).count();
        say(&format!("{} producers, {gaps} with missing numbers", items.len()));
        Ok(())
    }
}
