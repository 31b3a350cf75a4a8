//! `indelible backup`: one file with everything of a node, of a running server or of the folder of a stopped one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use indelible_durable::disk::Disk;
use indelible_durable::real::RealDisk;
use indelible_server::backup::{self, BackupError, Manifest};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::Context;
use crate::client::Client;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::say;
use crate::time;

const COLUMNS: [&str; 3] = ["log", "events", "root"];
/// Bytes handled at once.
const PIECE: usize = 256 * 1024;

/// Back up a node into one file, and check it
///
/// Without --data of the running server, which goes on meanwhile; with --data of the folder of a stopped one. The file holds
/// every event, every setting and every secret of the node: keep it as safe as the server itself. It is read again after it
/// was written, and gets its name only if everything in it is right.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  indelible backup --to audit-2026-11-22.tar.zst\n  indelible backup --to audit.tar.zst --data /var/lib/indelible --catalogs /etc/indelible/catalogs\n  indelible backup verify audit-2026-11-22.tar.zst"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE", required = true)]
    to: Option<PathBuf>,
    /// The data folder of a stopped server
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// With --data: the folder with your own catalogs
    #[arg(long, value_name = "DIR", requires = "data")]
    catalogs: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check a backup: every byte of it; exit 3 when it was changed or is not whole
    #[command(after_help = "Examples:\n  indelible backup verify audit-2026-11-22.tar.zst")]
    Verify {
        /// The backup
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match (&self.command, &self.to) {
            (Some(Command::Verify { file }), _) => tell(context, file, &checked(file)?),
            (None, Some(to)) => self.make(context, to),
            (None, None) => Err(Failure::usage("say --to FILE")),
        }
    }

    fn make(&self, context: &Context, to: &Path) -> Outcome {
        if to.exists() {
            return Err(Failure::usage(format!("{} exists; nothing is overwritten", to.display())));
        }
        let partial = partial(to);
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)
            .map_err(|error| Failure::usage(format!("cannot write {}: {error}", partial.display())))?;
        let mut out = BufWriter::with_capacity(PIECE, file);
        match &self.data {
            Some(data) => {
                let made = backup::of_folder(data, self.catalogs.as_deref(), time::now_ns(), &mut out);
                made.map_err(|error| refused(&error))?;
            }
            None => download(&Client::new(&context.target)?, &mut out)?,
        }
        let file = out.into_inner().map_err(|error| Failure::failed(error.to_string()))?;
        file.sync_all()?;
        let found = checked(&partial)?;
        // Until here the file has a name that nobody takes for a backup.
        RealDisk.rename(&partial, to)?;
        let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        RealDisk.sync_dir(folder)?;
        tell(context, to, &found)
    }
}

/// The name of a backup that is not whole yet.
fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

fn download(client: &Client, out: &mut dyn Write) -> Outcome {
    let answer = client.stream_json("/api/v1/backup", &json!({}), "application/zstd")?;
    let mut content = answer.into_body().into_reader();
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bytes} {bytes_per_sec}") {
        bar.set_style(style);
    }
    let mut buffer = vec![0; PIECE];
    loop {
        let got = content.read(&mut buffer).map_err(|error| {
            Failure::new(Exit::Temporary, "unreachable", format!("the backup broke off: {error}"))
        })?;
        if got == 0 {
            break;
        }
        out.write_all(buffer.get(..got).unwrap_or_default())?;
        bar.inc(got as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads a backup to its end.
fn checked(file: &Path) -> Result<(Manifest, String), Failure> {
    let bar = bar(file)?;
    let found = backup::verify(file, &mut |bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    found.map_err(|error| refused(&error))
}

/// A bar as long as a file.
pub(super) fn bar(file: &Path) -> Result<ProgressBar, Failure> {
    let length = File::open(file).and_then(|file| file.metadata());
    let length =
        length.map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
    let bar = ProgressBar::new(length.len());
    if let Ok(style) =
        ProgressStyle::with_template("{percent:>3}% {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    {
        bar.set_style(style);
    }
    Ok(bar)
}

/// Says what a backup holds.
pub(super) fn tell(context: &Context, file: &Path, (manifest, sha256): &(Manifest, String)) -> Outcome {
    let rows: Vec<Value> = manifest
        .logs
        .iter()
        .map(|log| json!({ "log": log.origin, "events": log.size, "root": log.root }))
        .collect();
    context.output.rows(&COLUMNS, &rows)?;
    say(&format!(
        "{}: node {} at {}, {} files of {} bytes, every one as it should be",
        file.display(),
        manifest.node,
        manifest.made_at,
        manifest.files.len(),
        manifest.bytes()
    ));
    say(&format!("SHA-256 of the file: {sha256}"));
    Ok(())
}

/// A backup that was changed is evidence, like a log that was.
pub(super) fn refused(error: &BackupError) -> Failure {
    let (exit, code) = match error {
        error if error.is_damage() => (Exit::Tampered, "backup_damaged"),
        BackupError::NotEmpty(_) => (Exit::Usage, "not_empty"),
        BackupError::Store(inner) => (Exit::Failed, inner.code()),
        BackupError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            (Exit::Usage, "missing")
        }
        _ => (Exit::Failed, "failed"),
    };
    Failure::new(exit, code, error.to_string())
}
