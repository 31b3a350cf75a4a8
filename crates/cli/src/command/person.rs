//! `indelible person`: people and their roles.

use serde_json::{Value, json};

use crate::Context;
use crate::client::{Client, Request, segment};
use crate::exit::{Failure, Outcome};
use crate::output::{Format, print, say};

const COLUMNS: [&str; 6] = ["id", "name", "email", "state", "roles", "last_login_at"];

/// People and their roles
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible person add --name 'Ann Winter' --email ann@example.org --role auditor\n  indelible person list\n  indelible person role ann@example.org --give analyst --org acme\n  indelible person disable ann@example.org"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Add(Add),
    /// List people with a role in organizations that the key may see
    #[command(after_help = "Examples:\n  indelible person list\n  indelible person list --json")]
    List,
    /// Show one
    #[command(after_help = "Examples:\n  indelible person show ann@example.org")]
    Show(Who),
    Role(Role),
    /// Keep a person out: sessions and keys of theirs end at once
    #[command(after_help = "Examples:\n  indelible person disable ann@example.org")]
    Disable(Who),
    /// Let a disabled person in again
    #[command(after_help = "Examples:\n  indelible person enable ann@example.org")]
    Enable(Who),
    /// Make a new link to set a passphrase with; standard output gets the link, once
    #[command(after_help = "Examples:\n  indelible person invite ann@example.org")]
    Invite(Who),
}

#[derive(Debug, clap::Args)]
struct Who {
    /// Id or e-mail address
    #[arg(value_name = "PERSON")]
    person: String,
}

/// Add a person; standard output gets a link to set a passphrase with, once
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible person add --name 'Ann Winter' --email ann@example.org --role auditor\n  indelible person add --name Bo --email bo@example.org --role owner --all"
)]
struct Add {
    /// What people call them
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// How they log in
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Their role in the organization
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// The role is for every organization
    #[arg(long)]
    all: bool,
}

/// Give and withdraw roles; each is an event
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible person role ann@example.org --give analyst\n  indelible person role ann@example.org --withdraw owner --all"
)]
struct Role {
    #[command(flatten)]
    who: Who,
    /// A role to give
    #[arg(long, value_name = "ROLE")]
    give: Vec<String>,
    /// A role to withdraw
    #[arg(long, value_name = "ROLE")]
    withdraw: Vec<String>,
    /// The roles are those for every organization
    #[arg(long)]
    all: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let client = Client::new(&context.target)?;
        match &self.command {
            Command::List => {
                let mut page = client.get_json("/api/v1/people")?;
                let items = page.get_mut("items").and_then(Value::as_array_mut);
                let mut items = items.map(std::mem::take).unwrap_or_default();
                if !matches!(context.asked, Some(Format::Json | Format::Ndjson)) {
                    items.iter_mut().for_each(with_roles_in_words);
                }
                Ok(context.output.rows(&COLUMNS, &items)?)
            }
            Command::Show(who) => Ok(context.output.document(&client.get_json(&who.path(&client)?)?)?),
            Command::Add(new) => new.run(&client, context),
            Command::Role(role) => role.run(&client, context),
            Command::Disable(who) => set_state(&client, (who, "disabled"), context),
            Command::Enable(who) => set_state(&client, (who, "active"), context),
            Command::Invite(who) => {
                let path = format!("{}/invitation", who.path(&client)?);
                let request = Request { method: "POST", path: &path, headers: &[], body: None };
                show_link(&client.send(&request)?.json()?, context)
            }
        }
    }
}

impl Who {
    /// The person's path; an address is looked up.
    fn path(&self, client: &Client) -> Result<String, Failure> {
        let path = |id: &str| format!("/api/v1/people/{}", segment(id));
        if !self.person.contains('@') {
            return Ok(path(&self.person));
        }
        let page = client.get_json("/api/v1/people")?;
        let people = page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text =
            |person: &Value, name: &str| person.get(name).and_then(Value::as_str).map(str::to_lowercase);
        let wanted = Some(self.person.to_lowercase());
        let found = people.iter().find(|person| text(person, "email") == wanted);
        let id = found.and_then(|person| text(person, "id"));
        id.map(|id| path(&id))
            .ok_or_else(|| Failure::failed(format!("nobody has the address {}", self.person)))
    }
}

fn with_roles_in_words(person: &mut Value) {
    let text =
        |role: &Value, name: &str| role.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let roles = person.get("roles").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let words = roles.iter().map(|role| format!("{} of {}", text(role, "role"), text(role, "organization")));
    person["roles"] = json!(words.collect::<Vec<_>>().join(", "));
}

fn organization(client: &Client, all: bool) -> String {
    if all { "all".to_owned() } else { client.org().to_owned() }
}

fn set_state(client: &Client, (who, state): (&Who, &str), context: &Context) -> Outcome {
    let changed = client.send_json("PATCH", &who.path(client)?, &json!({ "state": state }))?;
    Ok(context.output.document(&changed)?)
}

impl Add {
    fn run(&self, client: &Client, context: &Context) -> Outcome {
        let role = json!({ "role": self.role, "organization": organization(client, self.all) });
        let body = json!({ "name": self.name, "email": self.email, "roles": [role] });
        let created = client.send_json("POST", "/api/v1/people", &body)?;
        if matches!(context.asked, Some(Format::Json | Format::Ndjson)) {
            return Ok(context.output.document(&created)?);
        }
        say(&format!("person {}", created.get("id").and_then(Value::as_str).unwrap_or_default()));
        show_link(created.get("invitation").unwrap_or(&Value::Null), context)
    }
}

/// The link on standard output, everything about it beside.
fn show_link(link: &Value, context: &Context) -> Outcome {
    if matches!(context.asked, Some(Format::Json | Format::Ndjson)) {
        return Ok(context.output.document(link)?);
    }
    let text = |name: &str| link.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("url").is_empty() {
        return Err(Failure::failed("the server's answer holds no link"));
    }
    say(&format!("pass this link on; it works once, until {}", text("until")));
    Ok(print(&format!("{}\n", text("url")))?)
}

impl Role {
    fn run(&self, client: &Client, context: &Context) -> Outcome {
        if self.give.is_empty() && self.withdraw.is_empty() {
            return Err(Failure::usage("say what to change: --give or --withdraw"));
        }
        let organization = organization(client, self.all);
        let roles = |words: &[String]| {
            words.iter().map(|role| json!({ "role": role, "organization": organization })).collect::<Vec<_>>()
        };
        let body = json!({ "give": roles(&self.give), "withdraw": roles(&self.withdraw) });
        let changed = client.send_json("PATCH", &self.who.path(client)?, &body)?;
        Ok(context.output.document(&changed)?)
    }
}
