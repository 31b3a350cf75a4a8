//! `indelible org`: organizations, each with a log of its own.

use serde_json::{Map, Value, json};

use crate::Context;
use crate::client::{Client, segment};
use crate::exit::{Failure, Outcome};

const COLUMNS: [&str; 6] = ["id", "title", "size", "public", "catalogs", "origin"];

/// Organizations
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible org list\n  indelible org create acme --title 'Acme BV'\n  indelible org set acme --policy openkat.code_unknown=reject --public true --catalogs openkat,netop"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List those that the key may see
    #[command(after_help = "Examples:\n  indelible org list\n  indelible org list --json")]
    List,
    Create(Create),
    /// Show one: log, catalogs, policies
    #[command(after_help = "Examples:\n  indelible org show acme")]
    Show {
        /// Organization [default: the one in use]
        #[arg(value_name = "ORG")]
        id: Option<String>,
    },
    Set(Set),
}

/// Create one, with a log of its own
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible org create acme --title 'Acme BV'\n  indelible org create audit --catalogs cloudtrail --public"
)]
struct Create {
    /// Name in URLs; fixed for ever
    #[arg(value_name = "ORG")]
    id: String,
    /// Title
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    title: String,
    /// Anybody may read checkpoint and tiles of its log
    #[arg(long)]
    public: bool,
    /// Catalogs that may be used; all without
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    catalogs: Option<Vec<String>>,
}

/// Change one; every change is an event with before and after
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible org set acme --policy openkat.code_unknown=reject\n  indelible org set acme --public true\n  indelible org set acme --catalogs openkat,netop"
)]
struct Set {
    /// Organization [default: the one in use]
    #[arg(value_name = "ORG")]
    id: Option<String>,
    /// What is done about a finding: CATALOG.FINDING=flag|quarantine|reject; may be repeated
    #[arg(long = "policy", value_name = "CATALOG.FINDING=ACTION")]
    policies: Vec<String>,
    /// Whether anybody may read checkpoint and tiles of its log
    #[arg(long, value_name = "true|false")]
    public: Option<bool>,
    /// Catalogs that may be used
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    catalogs: Option<Vec<String>>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let path = |id: Option<&String>| {
            format!("/api/v1/orgs/{}", segment(id.map_or(client.org(), String::as_str)))
        };
        let shown = match &self.command {
            Command::List => {
                let page = client.get_json("/api/v1/orgs")?;
                let items =
                    page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                return Ok(context.output.rows(&COLUMNS, items)?);
            }
            Command::Show { id } => client.get_json(&path(id.as_ref()))?,
            Command::Create(new) => {
                let mut body = json!({ "id": new.id, "title": new.title, "public": new.public });
                if let Some(catalogs) = &new.catalogs {
                    body["catalogs"] = json!(catalogs);
                }
                client.send_json("POST", "/api/v1/orgs", &body)?
            }
            Command::Set(set) => client.send_json("PATCH", &path(set.id.as_ref()), &set.body()?)?,
        };
        Ok(context.output.document(&shown)?)
    }
}

impl Set {
    fn body(&self) -> Result<Value, Failure> {
        let mut policy: Map<String, Value> = Map::new();
        for text in &self.policies {
            let parts = text.split_once('=').and_then(|(name, action)| Some((name.split_once('.')?, action)));
            let ((catalog, finding), action) = parts
                .ok_or_else(|| Failure::usage(format!("--policy {text:?} is not CATALOG.FINDING=ACTION")))?;
            let of_catalog = policy.entry(catalog.to_owned()).or_insert_with(|| json!({}));
            of_catalog[finding] = json!(action);
        }
        let mut body = Map::new();
        if !policy.is_empty() {
            body.insert("policy".to_owned(), Value::Object(policy));
        }
        if let Some(public) = self.public {
            body.insert("public".to_owned(), json!(public));
        }
        if let Some(catalogs) = &self.catalogs {
            body.insert("catalogs".to_owned(), json!(catalogs));
        }
        if body.is_empty() {
            return Err(Failure::usage("say what to change: --policy, --public or --catalogs"));
        }
        Ok(Value::Object(body))
    }
}
