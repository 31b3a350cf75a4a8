//! `indelible man`: manual pages.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use clap::CommandFactory;

use crate::exit::{Failure, Outcome};
use crate::output::{print, say};
use crate::{Cli, Context};

/// Write manual pages
///
/// Without a folder the page of the program itself goes to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  indelible man | man -l -\n  indelible man ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// Folder for a page of each command
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, _context: &Context) -> Outcome {
        let mut root = Cli::command();
        root.build();
        let Some(folder) = self.folder else {
            return Ok(print(&page(&root, "indelible")?)?);
        };
        std::fs::create_dir_all(&folder)?;
        let mut waiting = vec![(root, "indelible".to_owned())];
        let mut written = 0;
        while let Some((command, name)) = waiting.pop() {
            let path = folder.join(format!("{name}.1"));
            let text = page(&command, &name)?;
            let saved = File::create(&path).and_then(|mut file| file.write_all(text.as_bytes()));
            saved.map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
            written += 1;
            let below =
                command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
            waiting.extend(below.map(|sub| (sub.clone(), format!("{name}-{}", sub.get_name()))));
        }
        say(&format!("{written} pages written to {}", folder.display()));
        Ok(())
    }
}

fn page(command: &clap::Command, name: &str) -> Result<String, Failure> {
    let mut text = Vec::new();
    let command = command.clone().display_name(name.to_owned());
    clap_mangen::Man::new(command).title(name.to_uppercase()).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
