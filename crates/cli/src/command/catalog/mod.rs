//! `indelible catalog`: what products' events are called and what they mean, all without a server.

mod compare;
mod lines;
mod lint;
mod list;
mod new;
mod sarif;
mod test;

use crate::Context;
use crate::exit::Outcome;

/// Look at, check and draft catalogs
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog list\n  indelible catalog show netop USER.LOGIN\n  indelible catalog lint openkat\n  indelible catalog explain --format openkat openkat.jsonl"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::List),
    Show(list::Show),
    Lint(lint::Lint),
    Test(test::Test),
    Explain(lines::Explain),
    Drift(lines::Drift),
    Diff(compare::Diff),
    New(new::New),
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self.command {
            Command::List(list) => list.run(context),
            Command::Show(show) => show.run(context),
            Command::Lint(lint) => lint.run(context),
            Command::Test(test) => test.run(context),
            Command::Explain(explain) => explain.run(context),
            Command::Drift(drift) => drift.run(context),
            Command::Diff(diff) => diff.run(context),
            Command::New(new) => new.run(context),
        }
    }
}
