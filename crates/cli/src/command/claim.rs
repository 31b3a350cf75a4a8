//! `indelible claim`: a link that makes an owner, for whoever has the data folder.

use indelible_durable::clock::Clock;
use indelible_server::entrance;

use super::serve::NodeArgs;
use crate::Context;
use crate::exit::{Failure, Outcome};
use crate::output::{print, say};

/// Make a link that makes an owner of whoever opens it
///
/// For a node that nobody has claimed, or whose owners have lost every way in. Needs leave to write the data folder; the
/// server may run. The link works once, for half an hour, and that it was made is an event. Opened with the address of
/// somebody who is known already, it makes them an owner with a new passphrase and without authenticator.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible claim --data /var/lib/indelible\n  indelible claim --server https://audit.example.org"
)]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let config = self.node.load()?;
        let data = config.path("node.data").unwrap_or_else(|| "./indelible-data".into());
        let now_ms = Clock::system().now_ns() / 1_000_000;
        let token = indelible_server::claim::request(&data, now_ms)
            .map_err(|error| Failure::failed(format!("no claim link can be made: {error}")))?;
        let said = context.target.server.clone();
        let configured = config.text("http.public_url").map(str::to_owned);
        let scheme = if entrance::is_secure(&config, "http.listen") { "https" } else { "http" };
        let listen = || format!("{scheme}://{}", config.address("http.listen"));
        let url = said.or(configured).unwrap_or_else(listen);
        say("open this link within half an hour; it works once, with the server running");
        Ok(print(&format!("{}/setup#t={token}\n", url.trim_end_matches('/')))?)
    }
}
