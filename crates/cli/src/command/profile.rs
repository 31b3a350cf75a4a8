//! `indelible profile`: servers that the command line knows by name.

use std::io::Read;
use std::path::PathBuf;

use indelible_control::{Profile, Profiles};
use serde_json::{Value, json};

use crate::Context;
use crate::client::profiles_file;
use crate::exit::{Failure, Outcome};
use crate::output::say;

/// Longest key that is read from standard input.
const MAX_TOKEN_BYTES: u64 = 4096;
const COLUMNS: [&str; 5] = ["name", "current", "server", "organization", "token"];

/// Profiles: servers by name, with organization and key
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible profile add work --server https://audit.example.org --org acme --token-stdin < acme.key\n  indelible profile use work\n  indelible profile list"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List profiles, without their keys
    #[command(after_help = "Examples:\n  indelible profile list")]
    List,
    /// Add or replace a profile: --server, --org, and a key from --token-stdin, --token-file or INDELIBLE_TOKEN, --ca for a certificate of your own authority
    #[command(
        after_help = "Examples:\n  indelible profile add local --server http://127.0.0.1:7513\n  indelible profile add work --server https://audit.example.org --org acme --token-stdin < acme.key"
    )]
    Add {
        /// Name
        #[arg(value_name = "NAME")]
        name: String,
        /// Read the key from standard input
        #[arg(long, conflicts_with = "token_file")]
        token_stdin: bool,
    },
    /// Make a profile the one in use
    #[command(after_help = "Examples:\n  indelible profile use work")]
    Use {
        /// Name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Remove a profile
    #[command(after_help = "Examples:\n  indelible profile remove work")]
    Remove {
        /// Name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let path = profiles_file().ok_or_else(|| {
            Failure::usage("nothing says where profiles are kept; set INDELIBLE_CONFIG or HOME")
        })?;
        let mut profiles = Profiles::read(&path).map_err(refused)?;
        match self.command {
            Command::List => return list(&profiles, context),
            Command::Add { name, token_stdin } => {
                let profile = added(context, token_stdin)?;
                profiles.profile.insert(name.clone(), profile);
                profiles.current.get_or_insert(name);
            }
            Command::Use { name } => {
                must_exist(&profiles, &name)?;
                profiles.current = Some(name);
            }
            Command::Remove { name } => {
                must_exist(&profiles, &name)?;
                profiles.profile.remove(&name);
                profiles.current = profiles.current.filter(|current| *current != name);
            }
        }
        profiles.write(&path).map_err(refused)?;
        say(&format!(
            "{} written; in use: {}",
            path.display(),
            profiles.current.as_deref().unwrap_or("none")
        ));
        Ok(())
    }
}

fn list(profiles: &Profiles, context: &Context) -> Outcome {
    let rows: Vec<Value> = profiles
        .profile
        .iter()
        .map(|(name, profile)| {
            let token = match (&profile.token, &profile.token_file) {
                (Some(_), _) => "in the file of profiles".to_owned(),
                (None, Some(file)) => file.display().to_string(),
                (None, None) => "none".to_owned(),
            };
            json!({
                "name": name, "current": profiles.current.as_ref() == Some(name), "server": profile.server,
                "organization": profile.organization, "token": token,
            })
        })
        .collect();
    Ok(context.output.rows(&COLUMNS, &rows)?)
}

fn added(context: &Context, token_stdin: bool) -> Result<Profile, Failure> {
    let target = &context.target;
    let server = target.server.clone().ok_or_else(|| Failure::usage("say --server URL"))?;
    let token = if token_stdin {
        let mut text = String::new();
        std::io::stdin().lock().take(MAX_TOKEN_BYTES).read_to_string(&mut text)?;
        Some(text.trim().to_owned())
    } else {
        std::env::var("INDELIBLE_TOKEN").ok().filter(|_| target.token_file.is_none())
    };
    if token.as_deref().is_some_and(str::is_empty) {
        return Err(Failure::usage("standard input holds no key"));
    }
    let absolute = |path: &PathBuf| std::path::absolute(path);
    let token_file = target.token_file.as_ref().map(absolute).transpose()?;
    let ca = target.ca.as_ref().map(absolute).transpose()?;
    Ok(Profile { server, organization: target.org.clone(), token, token_file, ca })
}

fn must_exist(profiles: &Profiles, name: &str) -> Outcome {
    if profiles.profile.contains_key(name) {
        return Ok(());
    }
    let known: Vec<&str> = profiles.profile.keys().map(String::as_str).collect();
    Err(Failure::usage(format!("there is no profile {name:?}; there are: {}", known.join(", "))))
}

fn refused(error: indelible_control::Error) -> Failure {
    Failure::usage(anyhow::Error::from(error).to_string())
}
