//! `indelible key`: API keys of an organization.

use serde_json::{Value, json};

use crate::Context;
use crate::client::{Client, Request, segment};
use crate::exit::{Failure, Outcome};
use crate::output::{Format, print, say};
use crate::tls;

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
    Viewer(Viewer),
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
    after_help = "Examples:\n  indelible key create --kind in --label 'door controllers' --catalog doors\n  indelible key create --kind rd --label auditor --expires 2027-01-31T00:00:00Z > auditor.key\n  indelible key create --kind in --label 'gate 7' --certificate gate7.pem --certificate-alone"
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
    /// Bind it to a client certificate, for kind `in`: its file (PEM), sha256: and the digest of its public key, or
    /// name: and one of its DNS names or URIs
    #[arg(long, value_name = "FILE|sha256:…|name:…")]
    certificate: Option<String>,
    /// The certificate is enough; the key need not be sent
    #[arg(long, requires = "certificate")]
    certificate_alone: bool,
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
            Command::Viewer(new) => new.run(&client, context),
            Command::Revoke { id } => {
                let path = format!("{keys}/{}", segment(id));
                let request = Request { method: "DELETE", path: &path, headers: &[], body: None };
                Ok(context.output.document(&client.send(&request)?.json()?)?)
            }
        }
    }
}

/// Make a token that reads a part, for some minutes; standard output gets it, once
///
/// Whatever it asks, the filter is added: counts, histograms, completions, the feed, single events and proofs. It is in the
/// server's memory alone and ends with its time, a restart, or the key that made it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible key viewer --filter 'account:acme' --ttl 15m\n  indelible key viewer --filter 'actor.id:1017 catalog:openkat' --ttl 1h --frame-ancestor https://portal.example.org --url"
)]
struct Viewer {
    /// What it may see: a query over fields, without free words
    #[arg(long, value_name = "QUERY")]
    filter: String,
    /// How long it can be used, at most 12h
    #[arg(long, value_name = "TIME", default_value = "15m")]
    ttl: String,
    /// Origin whose pages may embed the page of the token; may be said several times
    #[arg(long, value_name = "ORIGIN")]
    frame_ancestor: Vec<String>,
    /// Print the address of its page, for an iframe, instead of the token
    #[arg(long)]
    url: bool,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    label: String,
}

impl Viewer {
    fn run(&self, client: &Client, context: &Context) -> Outcome {
        let ttl = indelible_server::config::duration(&self.ttl);
        let ttl =
            ttl.ok_or_else(|| Failure::usage(format!("--ttl {:?} is no time such as 15m or 1h", self.ttl)))?;
        let body = json!({ "filter": self.filter, "ttl_s": ttl.as_secs(), "label": self.label, "frame_ancestors": self.frame_ancestor });
        let made = client.send_json("POST", &client.org_path("viewer-tokens"), &body)?;
        if matches!(context.asked, Some(Format::Json | Format::Ndjson)) {
            return Ok(context.output.document(&made)?);
        }
        let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default();
        say(&format!("token {} until {}; it is shown this once", text("id"), text("expires_at")));
        Ok(print(&format!("{}\n", text(if self.url { "url" } else { "token" })))?)
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
        if let Some(said) = &self.certificate {
            body["certificate"] = json!({ "holder": tls::holder(said)?, "alone": self.certificate_alone });
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
