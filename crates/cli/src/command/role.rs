//! `indelible role`: the roles that people may have.

use serde_json::Value;

use crate::Context;
use crate::client::Client;
use crate::exit::Outcome;

const COLUMNS: [&str; 3] = ["role", "purpose", "permissions"];

/// Roles of people
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  indelible role list")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List them, with what each may do
    #[command(after_help = "Examples:\n  indelible role list\n  indelible role list --json")]
    List,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let Command::List = self.command;
        let page = Client::new(&context.target)?.get_json("/api/v1/roles")?;
        let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(context.output.rows(&COLUMNS, items)?)
    }
}
