//! `indelible delivery`: deliveries that a destination refused, and that wait for a person.

use serde_json::{Value, json};

use crate::Context;
use crate::client::{Client, Query, segment};
use crate::exit::Outcome;

const COLUMNS: [&str; 6] = ["route", "index", "event", "attempts", "parked_at", "reason"];

/// Parked deliveries of routes
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible delivery list\n  indelible delivery retry rabbit 48211\n  indelible delivery drop rabbit 48211"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List them with their reasons
    #[command(after_help = "Examples:\n  indelible delivery list\n  indelible delivery list --route rabbit")]
    List {
        /// Only those of this route
        #[arg(long, value_name = "ROUTE")]
        route: Option<String>,
    },
    /// Deliver one now
    #[command(after_help = "Examples:\n  indelible delivery retry rabbit 48211")]
    Retry {
        /// Route
        route: String,
        /// Position of the event
        index: u64,
    },
    /// Give one up; the event itself stays, and dropping is recorded
    #[command(after_help = "Examples:\n  indelible delivery drop rabbit 48211")]
    Drop {
        /// Route
        route: String,
        /// Position of the event
        index: u64,
    },
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let step = |route: &str, index: u64, word: &str| {
            let path = client.org_path(&format!("deliveries/{}/{index}", segment(route)));
            client.send_json("POST", &path, &json!({ "do": word }))
        };
        let shown = match &self.command {
            Command::List { route } => {
                let query = Query::default().with("route", route.as_ref());
                let page = client.get_json(&client.org_query("deliveries", &query))?;
                let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice);
                return Ok(context.output.rows(&COLUMNS, items.unwrap_or_default())?);
            }
            Command::Retry { route, index } => step(route, *index, "retry")?,
            Command::Drop { route, index } => step(route, *index, "drop")?,
        };
        Ok(context.output.document(&shown)?)
    }
}
