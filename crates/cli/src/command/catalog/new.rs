//! A draft of a catalog from sample lines.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use indelible_catalog::draft::draft;
use indelible_event::Value;
use indelible_formats::Format;

use crate::Context;
use crate::exit::{Failure, Outcome};
use crate::input::read_whole;
use crate::output::{print, say};

/// Most lines that are looked at: more tell nothing new.
const MAX_SAMPLES: usize = 10_000;

/// Draft a catalog from sample lines
///
/// Finds codes and fields. What an act does to its object (CRUDE) is left for a person to say; `catalog lint` names the
/// types that lack it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible catalog new --from doors.ndjson --id doors --out ./my-catalogs/doors\n  INDELIBLE__NODE__CATALOGS=./my-catalogs indelible catalog new --from doors.ndjson"
)]
pub(super) struct New {
    /// Sample lines; .gz and .zst are decompressed; `-` is standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Form of the lines
    #[arg(long, short = 'f', value_name = "FORMAT", default_value = "match")]
    format: Format,
    /// Name of the catalog [default: the file's name]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Title of the catalog [default: its name]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Folder to write [default: one named like the catalog, in your catalogs' folder or here]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Your catalogs' folder
    #[arg(long, env = "INDELIBLE__NODE__CATALOGS", value_name = "DIR")]
    catalogs: Option<PathBuf>,
}

impl New {
    pub(super) fn run(&self, _context: &Context) -> Outcome {
        let id = self.id.clone().unwrap_or_else(|| id_of(&self.from));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id.len() > 32 || !id.chars().all(plain) {
            return Err(Failure::usage(format!(
                "{id:?} is no name of a catalog: 1 to 32 small letters, digits and -; say --id"
            )));
        }
        let bytes = read_whole(&self.from)?;
        let samples: Vec<Value> = self
            .format
            .decode(&bytes)
            .take(MAX_SAMPLES)
            .filter_map(Result::ok)
            .map(|raw| raw.value)
            .collect();
        if samples.is_empty() {
            return Err(Failure::usage(format!("{} holds no record that can be read", self.from.display())));
        }
        let out = self.out.clone().unwrap_or_else(|| self.catalogs.clone().unwrap_or_default().join(&id));
        std::fs::create_dir_all(&out)
            .map_err(|error| Failure::failed(format!("cannot create {}: {error}", out.display())))?;
        let title = self.title.as_deref().unwrap_or(&id);
        for file in draft(&id, title, &samples) {
            let name = file.name.rsplit('/').next().unwrap_or(&file.name);
            let path = out.join(name);
            let written = File::create_new(&path).and_then(|mut to| to.write_all(file.text.as_bytes()));
            written.map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
            print(&format!("{}\n", path.display()))?;
        }
        say(&format!(
            "drafted from {} records; fill in what is empty, then: indelible catalog lint {}",
            samples.len(),
            out.display()
        ));
        Ok(())
    }
}

/// The file's name as the name of a catalog.
fn id_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    stem.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect::<String>()
        .trim_matches('-')
        .to_owned()
}
