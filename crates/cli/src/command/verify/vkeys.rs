//! The public keys that a verification begins with, and where they came from: whoever gives the keys can vouch for
//! nothing but himself.

use std::path::PathBuf;

use indelible_tlog::vkey::VerifierKey;

use crate::client::Client;
use crate::command::log_key::vkeys_of;
use crate::exit::Failure;

/// Keys that the command line names.
#[derive(Debug, clap::Args)]
pub(in crate::command) struct KeyArgs {
    /// Public key of the log, from a place that is not the server; may be repeated
    #[arg(long = "vkey", value_name = "VKEY")]
    vkeys: Vec<String>,
    /// File with public keys of the log, one a line
    #[arg(long, value_name = "FILE")]
    vkey_file: Option<PathBuf>,
}

/// Keys and their origin in words.
pub(in crate::command) struct Known {
    pub(in crate::command) keys: Vec<VerifierKey>,
    pub(super) from: String,
    /// The keys come from the very server that is doubted.
    pub(super) from_server: bool,
}

impl KeyArgs {
    /// Keys from the command line; none when it names none.
    pub(in crate::command) fn said(&self) -> Result<Option<Known>, Failure> {
        let mut texts = self.vkeys.clone();
        if let Some(path) = &self.vkey_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
            texts.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        if texts.is_empty() {
            return Ok(None);
        }
        let from =
            self.vkey_file.as_ref().map_or_else(|| "--vkey".to_owned(), |path| path.display().to_string());
        Ok(Some(Known { keys: parse(&texts)?, from, from_server: false }))
    }
}

/// Keys from the server.
pub(super) fn of_server(client: &Client) -> Result<Known, Failure> {
    let log = client.get_json(&client.org_path("log"))?;
    let texts = vkeys_of(&log);
    if texts.is_empty() {
        return Err(Failure::failed("the server's answer holds no key of the log; say --vkey"));
    }
    let from = format!("the server at {}", client.base());
    Ok(Known { keys: parse(&texts)?, from, from_server: true })
}

impl Known {
    /// The origin of the keys, and what that is worth.
    pub(in crate::command) fn sentence(&self) -> String {
        if self.from_server {
            format!("key from {}: it vouches for itself, keep the key elsewhere and say --vkey", self.from)
        } else {
            format!("key from {}", self.from)
        }
    }
}

fn parse(texts: &[String]) -> Result<Vec<VerifierKey>, Failure> {
    let key = |text: &String| {
        text.parse::<VerifierKey>().map_err(|error| Failure::usage(format!("{text:?} is no vkey: {error}")))
    };
    texts.iter().map(key).collect()
}
