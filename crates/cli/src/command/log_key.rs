//! `indelible log-key`: the key that signs a log's checkpoints.

use serde_json::{Value, json};

use crate::Context;
use crate::client::Client;
use crate::exit::{Failure, Outcome};
use crate::output::{Format, print, say};

/// The key that signs a log's checkpoints
///
/// Keep its public form where the server cannot change it: every verification begins with it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible log-key show > default.vkey\n  indelible log-key announce --org acme\n  indelible log-key retire --org acme"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print its public form, a vkey; during a rotation both
    #[command(after_help = "Examples:\n  indelible log-key show\n  indelible log-key show --json")]
    Show,
    /// First step of a rotation: a new key signs too, an event says so
    #[command(after_help = "Examples:\n  indelible log-key announce")]
    Announce,
    /// Last step of a rotation: only the new key signs
    #[command(after_help = "Examples:\n  indelible log-key retire")]
    Retire,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let step =
            |step: &str| client.send_json("POST", &client.org_path("log-keys"), &json!({ "step": step }));
        let log = match self.command {
            Command::Show => client.get_json(&client.org_path("log"))?,
            Command::Announce => step("announce")?,
            Command::Retire => step("retire")?,
        };
        if matches!(context.asked, Some(Format::Json | Format::Ndjson)) {
            return Ok(context.output.document(&log)?);
        }
        let vkeys = vkeys_of(&log);
        if vkeys.is_empty() {
            return Err(Failure::failed("the server's answer holds no key"));
        }
        say(&format!("log {}", log.get("origin").and_then(Value::as_str).unwrap_or_default()));
        Ok(print(&format!("{}\n", vkeys.join("\n")))?)
    }
}

/// The public keys in a description of a log, newest last; retired ones too, for what they signed stands.
pub(crate) fn vkeys_of(log: &Value) -> Vec<String> {
    let keys = log.get("keys").and_then(Value::as_array).into_iter().flatten();
    keys.filter_map(|key| key.get("vkey").and_then(Value::as_str)).map(str::to_owned).collect()
}
