//! What the commands that count are asked: which events, and of whom.

use crate::Context;
use crate::client::Query;
use crate::command::search::Window;
use crate::exit::{Exit, Failure, Outcome};
use crate::source::{DataArg, Source};

/// A query, the part of time, and where the events are.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// Query; everything without one
    #[arg(default_value = "", hide_default_value = true)]
    query: String,
    #[command(flatten)]
    pub(crate) window: Window,
    /// Exit with 4 when nothing matches
    #[arg(long)]
    exit_status: bool,
    #[command(flatten)]
    data: DataArg,
}

impl Asked {
    /// Who is to be asked, and what in any case.
    pub(crate) fn open(&self, context: &Context) -> Result<(Source, Query), Failure> {
        let query = self.window.add_to(Query::default().with("q", Some(&self.query)));
        Ok((Source::open(context, &self.data)?, query))
    }

    /// How the command ends when so many events matched.
    pub(crate) fn end(&self, events: u64) -> Outcome {
        if events == 0 && self.exit_status {
            return Err(Failure::new(Exit::Nothing, "nothing_found", "nothing matches"));
        }
        Ok(())
    }
}
