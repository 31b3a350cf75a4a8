//! `indelible config`: the node's settings.

use indelible_server::catalog_files;
use indelible_server::config::{Config, SETTINGS, SettingKind};
use indelible_server::entrance;
use serde_json::{Value, json};

use super::serve::NodeArgs;
use crate::Context;
use crate::catalogs::unreadable;
use crate::exit::{Failure, Outcome};
use crate::output::{print, say};

/// Settings of a node
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible config init > indelible.toml\n  indelible config check --config indelible.toml\n  indelible config show --origin"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print a settings file with every setting, commented out
    #[command(after_help = "Examples:\n  indelible config init > indelible.toml")]
    Init,
    /// Check settings without starting
    #[command(after_help = "Examples:\n  indelible config check --config /etc/indelible.toml")]
    Check {
        #[command(flatten)]
        node: NodeArgs,
    },
    /// Show the settings in force
    #[command(
        after_help = "Examples:\n  indelible config show\n  indelible config show --origin --config indelible.toml"
    )]
    Show {
        #[command(flatten)]
        node: NodeArgs,
        /// Where each was said: file and line, variable, flag or default
        #[arg(long)]
        origin: bool,
    },
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self.command {
            Command::Init => Ok(print(&file())?),
            Command::Check { node } => {
                let problems = problems(&node.load()?)?;
                for problem in &problems {
                    say(problem);
                }
                if problems.is_empty() {
                    say("the settings can be used");
                    return Ok(());
                }
                Err(Failure::new(
                    crate::exit::Exit::Usage,
                    "setting",
                    "the settings cannot be used as they are",
                ))
            }
            Command::Show { node, origin } => show(&node.load()?, origin, context),
        }
    }
}

fn show(config: &Config, origin: bool, context: &Context) -> Outcome {
    let rows: Vec<Value> = config
        .entries()
        .map(|(setting, said)| {
            let mut row = json!({ "setting": setting.key, "value": said.value });
            if origin {
                row["origin"] = json!(said.origin);
            }
            row
        })
        .collect();
    let columns: &[&str] = if origin { &["setting", "value", "origin"] } else { &["setting", "value"] };
    Ok(context.output.rows(columns, &rows)?)
}

/// What would keep a server with these settings from starting.
pub(crate) fn problems(config: &Config) -> Result<Vec<String>, Failure> {
    let mut problems = entrance::exposed(config);
    match entrance::files(config) {
        Ok(None) => {}
        Ok(Some(files)) => problems.extend(files.load().err().map(|error| error.to_string())),
        Err(why) => problems.push(why),
    }
    let loaded = catalog_files::load_all(config.path("node.catalogs").as_deref())
        .map_err(|error| unreadable(&error))?;
    problems.extend(
        loaded
            .problems
            .iter()
            .map(|problem| format!("catalog refused: {}", catalog_files::problem_line(problem))),
    );
    Ok(problems)
}

/// A settings file that says what holds anyway.
fn file() -> String {
    let mut out = String::from(
        "# Settings of an Indelible node. Every line that is commented out says what holds without it.\n# Said by flags and by INDELIBLE__SECTION__KEY too; those win. indelible config check reads this file.\n",
    );
    let mut section = "";
    for setting in SETTINGS {
        let (of, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if of != section {
            section = of;
            out.extend(["\n[", section, "]\n"]);
        }
        let bare = matches!(setting.kind, SettingKind::Bool) && !setting.default.is_empty();
        let value = if bare { setting.default.to_owned() } else { format!("\"{}\"", setting.default) };
        out.extend(["# ", setting.doc, "\n"]);
        if let SettingKind::Word(words) = setting.kind {
            out.extend(["# One of ", &words.join(", "), ".\n"]);
        }
        out.extend(["# ", name, " = ", &value, "\n"]);
    }
    out
}
