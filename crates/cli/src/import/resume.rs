//! How far an import came, beside its file. Only a help: a batch that is sent twice is stored once.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What the state file is called: the file's name and this.
const SUFFIX: &str = ".indelible-import";

/// The state of one import.
#[derive(Debug)]
pub(crate) struct Resume {
    path: PathBuf,
    /// What the import is: file, form, server, organization. Another one begins anew.
    identity: Value,
}

impl Resume {
    pub(crate) fn new(file: &Path, identity: Value) -> Self {
        let mut name = file.as_os_str().to_owned();
        name.push(SUFFIX);
        Self { path: PathBuf::from(name), identity }
    }

    /// The last row that the server has acknowledged; 0 when nothing of this import is known.
    pub(crate) fn row(&self) -> u64 {
        let state =
            std::fs::read(&self.path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let state = state.filter(|state| state["import"] == self.identity);
        state.and_then(|state| state["row"].as_u64()).unwrap_or(0)
    }

    /// Notes the last acknowledged row. If we die here the file may be cut short, and the import begins anew.
    pub(crate) fn note(&self, row: u64) -> io::Result<()> {
        let state = json!({ "import": self.identity, "row": row });
        File::create(&self.path)?.write_all(state.to_string().as_bytes())
    }

    /// Removes the state of an import that is done.
    pub(crate) fn done(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
