//! `indelible version`: of the program, and of the server if asked.

use serde_json::json;

use crate::Context;
use crate::client::Client;
use crate::exit::Outcome;
use crate::output::{Format, print};

/// Print versions
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible version\n  indelible version --json\n  indelible version --of-server"
)]
pub(crate) struct Args {
    /// The server's version too
    #[arg(long)]
    of_server: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let mut version = json!({
            "name": "indelible",
            "version": env!("CARGO_PKG_VERSION"),
            "features": indelible_server::FEATURES,
        });
        if self.of_server {
            version["server"] = Client::new(&context.target)?.get_json("/api/v1/version")?;
        }
        if context.asked.is_none_or(|asked| asked == Format::Table) && !self.of_server {
            return Ok(print(&format!("indelible {}\n", env!("CARGO_PKG_VERSION")))?);
        }
        Ok(context.output.document(&version)?)
    }
}
