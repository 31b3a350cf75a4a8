//! The certificate in force, and putting another in its place.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;

use crate::error::Error;
use crate::files::Files;

/// Who a server is, and whose certificates it believes. Shared by its listeners.
#[derive(Debug)]
pub struct Identity {
    files: Files,
    /// Replaced whole.
    in_force: RwLock<Arc<ServerConfig>>,
    /// Times of the files when they were looked at last, good or bad.
    seen: Mutex<Vec<Option<SystemTime>>>,
}

impl Identity {
    /// Reads the files for the first time.
    pub fn load(files: Files) -> Result<Self, Error> {
        let seen = Mutex::new(files.changed_at());
        let in_force = RwLock::new(files.load()?);
        Ok(Self { files, in_force, seen })
    }

    /// The files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Reads the files again. If any is faulty, what was in force stays; connections that are open go on either way.
    pub fn reload(&self) -> Result<(), Error> {
        // Looked at before they are read: a change in between is found by the next look.
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = self.files.changed_at();
        let next = self.files.load()?;
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// The same if a file is another than at the last look; says whether anything was read.
    pub fn reload_if_changed(&self) -> Result<bool, Error> {
        let same = *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == self.files.changed_at();
        if same { Ok(false) } else { self.reload().map(|()| true) }
    }

    pub(crate) fn in_force(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }
}
