//! `indelible route`: what is sent on.

use serde_json::{Map, Value, json};

use crate::Context;
use crate::client::{Client, segment};
use crate::connector::{self, change, remove, settings};
use crate::exit::{Failure, Outcome};

const COLUMNS: [&str; 8] = ["name", "kind", "place", "state", "position", "lag", "parked", "fault"];

/// Routes: what is sent on, to where and in what form
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible route add rabbit --filter 'catalog:openkat' --to amqp --encoding minvws --set address=rabbit.example.org:5672 --set user=audit --set password=@rabbit.password\n  indelible route test rabbit\n  indelible route list\n  indelible route replay rabbit --received 2026-11-22T00:00:00Z"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List those of the organization
    #[command(after_help = "Examples:\n  indelible route list")]
    List,
    /// Show one: settings, position, what keeps it
    #[command(after_help = "Examples:\n  indelible route show rabbit")]
    Show {
        /// Name
        name: String,
    },
    Add(Add),
    /// Stop sending; the position stays
    #[command(after_help = "Examples:\n  indelible route pause rabbit")]
    Pause {
        /// Name
        name: String,
    },
    /// Go on sending
    #[command(after_help = "Examples:\n  indelible route resume rabbit")]
    Resume {
        /// Name
        name: String,
    },
    /// Stop sending and forget it
    #[command(after_help = "Examples:\n  indelible route remove rabbit")]
    Remove {
        /// Name
        name: String,
    },
    Replay(Replay),
    Test(Test),
}

/// Make one, or replace its settings
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible route add siem --filter 'severity:high' --encoding cef --to syslog --set address=siem.example.org:6514 --set ca_file=/etc/ssl/siem.pem\n  indelible route add hook --to webhook --set url=https://example.org/hook --from 0\n  indelible route add copy --personal send --to file --set path=/var/log/audit.ndjson"
)]
struct Add {
    /// Name
    name: String,
    /// Query that selects what is sent; everything without
    #[arg(long, value_name = "QUERY", default_value = "", hide_default_value = true)]
    filter: String,
    /// Template of the routing key [default: {organization}.{catalog}.{key}]
    #[arg(long, value_name = "PATTERN")]
    routing_key: Option<String>,
    /// Form of the event: indelible, cloudevents, cef, minvws or netop
    #[arg(long, value_name = "FORM", default_value = "indelible")]
    encoding: String,
    /// Personal fields: withhold, pseudonym or send
    #[arg(long, value_name = "WHAT", default_value = "withhold")]
    personal: String,
    /// Paths that leave all the same, such as actor.id
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    send: Vec<String>,
    /// Paths that never leave
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    withhold: Vec<String>,
    /// Send events of this program's own catalog, too
    #[arg(long)]
    own_events: bool,
    /// Most events handed over at once
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    batch: usize,
    /// Kind of destination: file, webhook, amqp or syslog
    #[arg(long, value_name = "KIND")]
    to: String,
    /// A setting of the destination, `NAME=@FILE` from a file; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Where a new route begins: end or an index
    #[arg(long, value_name = "INDEX", default_value = "end")]
    from: String,
}

/// Send again from a position or a time on
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible route replay rabbit --index 0\n  indelible route replay rabbit --received 2026-11-22T00:00:00Z"
)]
struct Replay {
    /// Name
    name: String,
    /// First position to send
    #[arg(long, value_name = "INDEX", required_unless_present = "received")]
    index: Option<u64>,
    /// First time of receipt to send
    #[arg(long, value_name = "TIME", conflicts_with = "index")]
    received: Option<String>,
}

/// Show what would leave of one event, field by field
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible route test rabbit\n  indelible route test rabbit --index 48211 --send"
)]
struct Test {
    /// Name
    name: String,
    /// Position of the event [default: the newest that the route selects]
    #[arg(long, value_name = "INDEX")]
    index: Option<u64>,
    /// Deliver it, too
    #[arg(long)]
    send: bool,
}

impl Add {
    fn body(&self) -> Result<Value, Failure> {
        let mut to = Map::new();
        to.insert(self.to.clone(), settings(&self.settings)?);
        let mut body = json!({
            "filter": self.filter, "encoding": self.encoding, "personal": self.personal, "send": self.send,
            "withhold": self.withhold, "own_events": self.own_events, "batch": self.batch, "to": to,
        });
        if let Some(template) = &self.routing_key {
            body["routing_key"] = json!(template);
        }
        Ok(body)
    }
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        let path = |name: &str| client.org_path(&format!("routes/{}", segment(name)));
        let shown = match &self.command {
            Command::List => {
                let page = client.get_json(&client.org_path("routes"))?;
                let items = page.get("items").and_then(Value::as_array).map(Vec::as_slice);
                return Ok(context.output.rows(&COLUMNS, items.unwrap_or_default())?);
            }
            Command::Show { name } => client.get_json(&path(name))?,
            Command::Add(add) => {
                let query = format!("?from={}", segment(&add.from));
                connector::put(&client, (&path(&add.name), &query), &add.body()?)?
            }
            Command::Pause { name } => change(&client, &path(name), &json!({ "paused": true }))?,
            Command::Resume { name } => change(&client, &path(name), &json!({ "paused": false }))?,
            Command::Remove { name } => remove(&client, &path(name))?,
            Command::Replay(Replay { name, index, received }) => {
                let body = json!({ "index": index, "received": received });
                client.send_json("POST", &format!("{}/replay", path(name)), &body)?
            }
            Command::Test(Test { name, index, send }) => {
                let body = json!({ "index": index, "send": send });
                client.send_json("POST", &format!("{}/test", path(name)), &body)?
            }
        };
        Ok(context.output.document(&shown)?)
    }
}
