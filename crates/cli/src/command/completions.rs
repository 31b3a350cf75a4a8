//! `indelible completions`: for shells.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::exit::Outcome;
use crate::output::print;
use crate::{Cli, Context};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible completions bash > ~/.local/share/bash-completion/completions/indelible\n  indelible completions zsh > ~/.zfunc/_indelible\n  indelible completions fish > ~/.config/fish/completions/indelible.fish"
)]
pub(crate) struct Args {
    /// Shell
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self, _context: &Context) -> Outcome {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "indelible", &mut text);
        Ok(print(&String::from_utf8_lossy(&text))?)
    }
}
