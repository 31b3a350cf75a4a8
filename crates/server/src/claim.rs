//! Claiming the node: the link that makes an owner of the first person, or of one who has lost every other way in.
//!
//! A link is made at each start while nobody owns the node, and by `indelible claim` for whoever can write the data folder.
//! Its token is in memory as a digest, for half an hour, and void once used. The command leaves only the digest in the
//! folder, in a file of its owner; whoever reads it can do nothing with it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use indelible_control::PassphraseHash;
use subtle::ConstantTimeEq;

use crate::app::{App, Shared};
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};

/// How long a link can be used: long enough to type a passphrase in peace, short enough not to lie about.
pub const LASTS_NS: i64 = 30 * 60 * 1_000_000_000;
/// Where the command leaves the digest of a new token, in the data folder.
const REQUEST: &str = "claim.request";
/// A digest in hexadecimal and the time in milliseconds, with room for a line end.
const MAX_REQUEST_BYTES: u64 = 128;

/// The link that can be used now, if there is one.
#[derive(Default)]
pub(crate) struct Claims(Mutex<Option<Open>>);

struct Open {
    token_sha256: [u8; 32],
    /// By the clock that counts from boot.
    until_ns: i64,
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claims(hidden)")
    }
}

impl Claims {
    /// Opens a link; an earlier one is void.
    fn open(&self, token_sha256: [u8; 32], until_ns: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Open { token_sha256, until_ns });
    }

    /// Whether a link can be used now.
    pub(crate) fn is_open(&self, now_ns: i64) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .is_some_and(|open| now_ns < open.until_ns)
    }

    /// Whether this is the token of the link, without using it up. Compared in constant time.
    pub(crate) fn fits(&self, token: &str, now_ns: i64) -> bool {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = crate::people::digest(token);
        open.as_ref()
            .is_some_and(|open| bool::from(open.token_sha256.ct_eq(&digest)) && now_ns < open.until_ns)
    }

    /// Uses the link up, if this is its token: of many at once, one gets it.
    fn take(&self, token: &str, now_ns: i64) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = crate::people::digest(token);
        let fits = open
            .as_ref()
            .is_some_and(|open| bool::from(open.token_sha256.ct_eq(&digest)) && now_ns < open.until_ns);
        if fits {
            *open = None;
        }
        fits
    }
}

impl App {
    /// Makes a link while nobody owns the node, for a start that listens on loopback addresses only.
    pub(crate) fn offer_claim(&self) -> Result<Option<String>, Problem> {
        let local = ["http.listen", "http.admin_listen"]
            .iter()
            .all(|key| self.config.address(key).ip().is_loopback());
        if self.control.has_owner() || !local {
            return Ok(None);
        }
        let token = crate::console::hex(&crate::random::<32>()?);
        self.claims.open(crate::people::digest(&token), self.clock.boot_ns() + LASTS_NS);
        Ok(Some(format!("{}/setup#t={token}", self.public_url())))
    }

    /// Opens the link that `indelible claim` asked for, if it did, and records that it was made.
    pub(crate) async fn take_claim_request(self: &Arc<Self>) -> Result<(), Problem> {
        let path = self.data.join(REQUEST);
        let found = crate::blocking(move || Ok(read_request(&path))).await?;
        let Some((token_sha256, made_ms)) = found else { return Ok(()) };
        let age_ns = (self.now_ms() - made_ms).max(0).saturating_mul(1_000_000);
        if age_ns >= LASTS_NS {
            return Ok(());
        }
        self.record_and_wait(self.system_log(), Act::new("CLAIM.CREATE")).await?;
        self.claims.open(token_sha256, self.clock.boot_ns() + LASTS_NS - age_ns);
        Ok(())
    }
}

/// Who claims the node.
pub(crate) struct Claimer {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) passphrase: PassphraseHash,
}

/// Makes an owner of whoever has the link; gives the person's id. The link is used up even if that fails afterwards,
/// except for what the person can correct, which is looked at before.
pub(crate) async fn claim(
    app: &Shared,
    caller: &Caller,
    token: &str,
    claimer: Claimer,
) -> Result<String, Problem> {
    if !app.claims.take(token, app.clock.boot_ns()) {
        return Err(refused(app, caller).await?);
    }
    let (worker, id, now_ms) = (Arc::clone(app), crate::random()?, app.now_ms());
    let person = crate::blocking(move || {
        let Claimer { name, email, passphrase } = claimer;
        let known = worker.control.people().into_iter().any(|person| same_address(&person.email, &email));
        let made = if known {
            worker.control.restore_owner(&email, passphrase, now_ms).map(|changed| changed.after)
        } else {
            worker.control.create_owner((&name, &email), id, passphrase, now_ms)
        };
        made.map_err(crate::api::refused)
    });
    let person = person.await?;
    app.sessions.forget_person(&person.id);
    let act = Act::new("CLAIM.MAKE").by_person(&person).from(caller).target("user", &person.id);
    let act = act.change("name", String::new(), person.name.clone());
    app.record_and_wait(app.system_log(), act.change("email", String::new(), person.email.clone())).await?;
    Ok(person.id)
}

/// Records a try with a link that cannot be used, and says so.
pub(crate) async fn refused(app: &Shared, caller: &Caller) -> Result<Problem, Problem> {
    let why = "the link was used, is older than half an hour, or is from before the last start; `indelible claim` makes another";
    let act = Act::new("CLAIM.MAKE").by_nobody().from(caller).failed(why);
    app.record_and_wait(app.system_log(), act).await?;
    Ok(Problem::new(Code::PermissionMissing, why))
}

fn same_address(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// The digest and time of a request, which is taken away: it opens one link.
fn read_request(path: &Path) -> Option<([u8; 32], i64)> {
    let mut file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let mut text = String::new();
    // A file of somebody else, or one that others may write, is no proof of anything.
    let exposed = metadata.mode() & 0o077 != 0;
    let own = metadata.uid() == folder_uid(path) && !exposed;
    let read = own && metadata.len() <= MAX_REQUEST_BYTES && file.read_to_string(&mut text).is_ok();
    if let Err(error) = std::fs::remove_file(path) {
        tracing::error!(%error, "claim.request cannot be removed and is not used");
        return None;
    }
    if !read {
        tracing::error!("claim.request is not of the owner of the data folder alone and is not used");
        return None;
    }
    let (digest, made) = text.trim().split_once(' ')?;
    Some((unhex(digest)?, made.parse().ok()?))
}

/// Whose the data folder is.
fn folder_uid(path: &Path) -> u32 {
    path.parent().and_then(|folder| std::fs::metadata(folder).ok()).map_or(u32::MAX, |folder| folder.uid())
}

/// Leaves a request for a link in a data folder and gives the link's token. For the command line: the folder's server
/// takes it up when the link is opened, running now or started within half an hour.
pub fn request(data: &Path, now_ms: i64) -> Result<String, std::io::Error> {
    use std::io::Write;
    if !data.join("control.redb").is_file() {
        let why = format!("{} is not a data folder of this program", data.display());
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, why));
    }
    let bytes = crate::random::<32>().map_err(|problem| std::io::Error::other(problem.detail))?;
    let token = crate::console::hex(&bytes);
    let (path, new): (PathBuf, PathBuf) = (data.join(REQUEST), data.join("claim.request.new"));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    let line = format!("{} {now_ms}\n", crate::console::hex(&crate::people::digest(&token)));
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    rename(&new, &path)?;
    Ok(token)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the request is no part of the record and needs no more than to be whole"
)]
fn rename(from: &Path, to: &Path) -> Result<(), std::io::Error> {
    std::fs::rename(from, to)
}

/// Thirty-two bytes in hexadecimal.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_works_once_and_for_half_an_hour() {
        let claims = Claims::default();
        assert!(!claims.take("", 0) && !claims.is_open(0));
        claims.open(crate::people::digest("one"), LASTS_NS);
        assert!(!claims.take("two", 0) && !claims.take("", 0));
        assert!(!claims.take("one", LASTS_NS), "half an hour is over");
        assert!(claims.fits("one", 0) && claims.take("one", LASTS_NS - 1));
        assert!(!claims.take("one", 0) && !claims.is_open(0), "used");
        claims.open(crate::people::digest("one"), LASTS_NS);
        claims.open(crate::people::digest("two"), LASTS_NS);
        assert!(!claims.take("one", 0), "a later link voids it");
        assert!(claims.take(" two\n", 0));
    }

    #[test]
    fn a_request_holds_no_token_and_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(request(folder.path(), 5).is_err(), "not a data folder");
        File::create(folder.path().join("control.redb")).unwrap();
        let token = request(folder.path(), 5).unwrap();
        let path = folder.path().join(REQUEST);
        assert!(!std::fs::read_to_string(&path).unwrap().contains(&token));
        assert_eq!(read_request(&path), Some((crate::people::digest(&token), 5)));
        assert_eq!(read_request(&path), None);
        request(folder.path(), 5).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&path, open).unwrap();
        assert_eq!(read_request(&path), None, "others may read it");
    }
}
