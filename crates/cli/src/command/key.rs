//! `indelible key`: API keys of an organization.

use serde_json::{Value, json};

use crate::Context;
use crate::client::{Client, Request, segment};
use crate::exit::{Failure, Outcome};
use crate::output::{Format, print, say};

const COLUMNS: [&str; 8] =
    ["id", "kind", "organization", "label", "catalog", "last_used_at", "expires_at", "revoked_at"];

/// API keys
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible key list\n  export INDELIBLE_TOKEN=$(indelible key create --kind rd --label auditor)\n  indelible key revoke 01hx…"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List keys, without their secrets
    #[command(after_help = "Examples:\n  indelible key list\n  indelible key list --org acme --json")]
    List,
    Create(Create),
    /// Revoke a key; it is refused from now on
    #[command(after_help = "Examples:\n  indelible key revoke 01hx…")]
    Revoke {
        /// Id of the key
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// Create a key; standard output gets the key, once, and it is stored nowhere
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible key create --kind in --label 'door controllers' --catalog doors\n  indelible key create --kind rd --label auditor --expires 2027-01-31T00:00:00Z > auditor.key"
)]
struct Create {
    /// What it may do: `in` sends, `rd` reads, `ad` administers
    #[arg(long, value_name = "KIND", value_parser = ["in", "rd", "ad"])]
    kind: String,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    label: String,
    /// Its events use this catalog
    #[arg(long, value_name = "ID")]
    catalog: Option<String>,
    /// Its events are of this producer
    #[arg(long, value_name = "NAME")]
    producer: Option<String>,
    /// When it ends, with offset
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// For every organization; only with such a key
    #[arg(long)]
    all: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let keys = client.org_path("keys");
        match &self.command {
            Command::List => {
                let page = client.get_json(&keys)?;
                let items =
                    page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                Ok(context.output.rows(&COLUMNS, items)?)
            }
            Command::Create(new) => new.run(&client, &keys, context),
            Command::Revoke { id } => {
                let path = format!("{keys}/{}", segment(id));
                let request = Request { method: "DELETE", path: &path, headers: &[], body: None };
                Ok(context.output.document(&client.send(&request)?.json()?)?)
            }
        }
    }
}

impl Create {
    fn run(&self, client: &Client, path: &str, context: &Context) -> Outcome {
        let mut body = json!({ "kind": self.kind, "label": self.label, "all": self.all });
        let said = [("catalog", &self.catalog), ("producer", &self.producer), ("expires_at", &self.expires)];
        for (name, value) in said {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let created = client.send_json("POST", path, &body)?;
        if matches!(context.asked, Some(Format::Json | Format::Ndjson)) {
            return Ok(context.output.document(&created)?);
        }
        let text = |name: &str| created.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("token").is_empty() {
            return Err(Failure::failed("the server's answer holds no key"));
        }
        say(&format!(
            "key {} of kind {} for {}; it is shown this once",
            text("id"),
            text("kind"),
            text("organization")
        ));
        Ok(print(&format!("{}\n", text("token")))?)
    }
}
