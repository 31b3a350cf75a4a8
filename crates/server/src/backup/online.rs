//! A backup of a running server: taken hold of in a moment, sent while everything goes on.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::archive::write;
use super::restore::MARK;
use super::{About, BackupError, CONTROL, sources};
use crate::app::{App, Shared};
use crate::audit::Act;
use crate::console::hex;
use crate::http::Caller;
use crate::problem::{Code, Problem};
use indelible_control::Principal;

/// Folders that hold what is being sent begin so, in the data folder.
const STAGED: &str = "backup-";
const STAGED_END: &str = ".staged";
/// Bytes sent at once.
const CHUNK: usize = 128 * 1024;
/// Chunks that wait for the client.
const WAITING: usize = 8;
/// A mark is one short line.
const MAX_MARK_BYTES: u64 = 4096;

/// Removes what a backup left that was under way when the process ended.
pub(crate) fn clean(data: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(STAGED) && name.ends_with(STAGED_END) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Files that are held for one backup; gone with it.
struct Staged {
    folder: PathBuf,
    _only: OwnedSemaphorePermit,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "what a backup held is removed at the next start");
        }
    }
}

/// Sends a backup. Its begin is an event before the first byte leaves, its end another with the digest of the file.
pub(crate) async fn download(
    app: &Shared,
    principal: &Principal,
    caller: &Caller,
) -> Result<Response, Problem> {
    let only = Arc::clone(&app.backups)
        .try_acquire_owned()
        .map_err(|_| Problem::new(Code::InProgress, "another backup is being sent: wait until it is done"))?;
    let id = hex(&crate::random::<8>()?);
    let act = |app: &App| {
        let node = crate::app::node_text(app.store.node_id());
        Act::new("BACKUP.CREATE").by(principal).from(caller).target("node", &node).target("backup", &id)
    };
    let begun = act(app).outcome("unknown").saying("a backup begins; another event tells how it ended");
    app.record_and_wait(app.system_log(), begun).await?;
    let (worker, name) = (Arc::clone(app), format!("{STAGED}{id}{STAGED_END}"));
    let staged = crate::blocking(move || stage(&worker, &name, only)).await;
    let staged = match staged {
        Ok(staged) => staged,
        Err(problem) => {
            app.record_and_wait(app.system_log(), act(app).failed(&problem.detail)).await?;
            return Err(problem);
        }
    };
    let (send, receive) = mpsc::channel(WAITING);
    let (worker, ended, runtime) = (Arc::clone(app), act(app), tokio::runtime::Handle::current());
    tokio::task::spawn_blocking(move || {
        let ended = match send_all(&worker, &staged, &send) {
            Ok((sha256, bytes)) => {
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                ended.param("bytes", bytes).param("file_sha256", sha256)
            }
            Err(error) => {
                // Ends the answer short of its end, which the client notices.
                let _gone = send.blocking_send(Err(io::Error::other("the backup broke off")));
                ended.failed(&error.to_string())
            }
        };
        let _inside = runtime.enter();
        worker.record(worker.system_log(), ended);
    });
    let body = futures_util::stream::unfold(receive, |mut receive| async move {
        receive.recv().await.map(|chunk| (chunk, receive))
    });
    Ok(([(header::CONTENT_TYPE, "application/zstd")], Body::from_stream(body)).into_response())
}

fn stage(app: &App, name: &str, only: OwnedSemaphorePermit) -> Result<Staged, Problem> {
    let folder = app.data.join(name);
    let staged = Staged { folder: folder.clone(), _only: only };
    app.store.stage_backup(&folder).map_err(|error| Problem::internal(&error))?;
    // After the events: an organization without a log gets one at the next start, a log without one would be lost.
    app.control
        .copy_to(&app.data.join(CONTROL), &folder.join(CONTROL))
        .map_err(|error| Problem::internal(&error))?;
    Ok(staged)
}

fn send_all(
    app: &App,
    staged: &Staged,
    send: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(String, u64), BackupError> {
    let catalogs = app.config.path("node.catalogs");
    let sources = sources(&staged.folder, &staged.folder.join(CONTROL), catalogs.as_deref())?;
    let about = About::of(&staged.folder, app.clock.now_ns())?;
    let mut out = Out { send, waiting: Vec::with_capacity(CHUNK), hash: Sha256::new(), bytes: 0 };
    write(&sources, about, &mut out)?;
    Ok((hex(&out.hash.finalize()), out.bytes))
}

/// Writes to the client.
struct Out<'a> {
    send: &'a mpsc::Sender<io::Result<Bytes>>,
    waiting: Vec<u8>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.waiting, Vec::with_capacity(CHUNK));
        self.hash.update(&chunk);
        self.bytes += chunk.len() as u64;
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client went away");
        self.send.blocking_send(Ok(chunk.into())).map_err(gone)
    }
}

/// Records that the folder was restored, at the first start after it.
pub(crate) async fn tell_restore(app: &Shared) -> Result<(), Problem> {
    let path = app.data.join(MARK);
    let Some(mark) = read_mark(&path) else { return Ok(()) };
    let said =
        |name: &str| mark.get(name).and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned();
    let act = Act::new("BACKUP.RESTORE")
        .target("node", &crate::app::node_text(app.store.node_id()))
        .param("file_sha256", said("file_sha256"))
        .saying(&format!("this folder was restored from a backup made at {}", said("made_at")));
    app.record_and_wait(app.system_log(), act).await?;
    std::fs::remove_file(&path).map_err(|error| Problem::internal(&error))
}

fn read_mark(path: &Path) -> Option<serde_json::Value> {
    use std::io::Read;
    let file = std::fs::File::open(path).ok()?;
    let mut text = String::new();
    file.take(MAX_MARK_BYTES).read_to_string(&mut text).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_default())
}
