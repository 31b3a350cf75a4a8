//! `indelible restore`: a data folder from a backup.

use std::path::PathBuf;

use indelible_server::backup;

use super::backup::{bar, refused};
use crate::Context;
use crate::exit::Outcome;
use crate::output::say;

/// Restore a backup into a new data folder
///
/// The folder must not exist, or be empty. Everything is written beside it, checked against the backup's own list, then
/// recomputed from the events up like `indelible verify --data` does; only then does the folder get its name. A machine that
/// has seen later events than the backup holds refuses to start on it: see `indelible declare-rollback`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible restore audit-2026-11-22.tar.zst --data /var/lib/indelible\n  indelible restore audit.tar.zst --data ./indelible-data --catalogs ./catalogs"
)]
pub(crate) struct Args {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The data folder to make
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The folder to make for your own catalogs; without it they stay in the backup
    #[arg(long, value_name = "DIR")]
    catalogs: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, _context: &Context) -> Outcome {
        let bar = bar(&self.file)?;
        let progress = &mut |bytes| bar.set_position(bytes);
        let restored = backup::restore(&self.file, &self.data, self.catalogs.as_deref(), progress);
        bar.finish_and_clear();
        let manifest = restored.map_err(|error| refused(&error))?;
        let folder = self.data.display();
        say(&format!("{folder}: restored as of {}, checked from the events up", manifest.made_at));
        let catalogs = manifest.files.iter().filter(|file| file.name.starts_with("catalogs/")).count();
        if catalogs > 0 && self.catalogs.is_none() {
            say(&format!(
                "{catalogs} files of your own catalogs stayed in the backup; --catalogs DIR restores them"
            ));
        }
        say(&format!("start it with: indelible serve --data {folder}"));
        Ok(())
    }
}
