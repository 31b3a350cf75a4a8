//! A local file: one message a line, durable before it counts as delivered, rotated by size.

use std::fs::{File as Opened, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::delivery::{Destination, Fault, Message};
use crate::settings::settings;

/// Most rotated files that are kept.
const MAX_KEPT: u32 = 1_000;

settings! {
    /// A file of the machine that the node runs on: one event a line. What is delivered is on disk. When the file has
    /// reached its size it becomes `PATH.1`, and what was `PATH.1` becomes `PATH.2`. Needs the permission `node.admin`.
    File {
        /// Absolute path of the file; its folder must exist.
        path: String = String::new(),
        /// Bytes after which a new file is begun.
        max_bytes: u64 = 100 << 20,
        /// Full files that are kept; older ones are deleted. 0 keeps all that was written in one file, for ever.
        keep: u32 = 0,
    }
}

impl File {
    pub(super) fn check(&self) -> Result<(), String> {
        if !Path::new(&self.path).is_absolute() {
            return Err(format!("path {:?} must be absolute", self.path));
        }
        if self.max_bytes == 0 || self.keep > MAX_KEPT {
            return Err(format!("max_bytes must be above 0, and keep at most {MAX_KEPT}"));
        }
        Ok(())
    }
}

/// The file while it is written.
#[derive(Debug)]
pub(super) struct Appender {
    settings: File,
    open: Option<Opened>,
}

impl Appender {
    pub(super) fn new(settings: File) -> Self {
        Self { settings, open: None }
    }
}

#[async_trait]
impl Destination for Appender {
    async fn deliver(&mut self, messages: &[Message]) -> Result<(), Fault> {
        let mut lines = Vec::new();
        for message in messages {
            lines.extend_from_slice(&message.body);
            lines.push(b'\n');
        }
        let (settings, open) = (self.settings.clone(), self.open.take());
        let written = tokio::task::spawn_blocking(move || append(&settings, open, &lines)).await;
        match written {
            Ok(Ok(open)) => {
                self.open = Some(open);
                Ok(())
            }
            Ok(Err(error)) => Err(Fault::down(format!("{} cannot be written: {error}", self.settings.path))),
            Err(error) => Err(Fault::down(error.to_string())),
        }
    }
}

/// Appends lines and waits until they are on disk. If we die within, the file may end in a part of a line; the next
/// opening ends that line, and the lines come again whole.
fn append(settings: &File, open: Option<Opened>, lines: &[u8]) -> std::io::Result<Opened> {
    let path = Path::new(&settings.path);
    let mut file = match open {
        // Another program may have moved it away.
        Some(file) if is_still(&file, path) => file,
        _ => whole_lines(path)?,
    };
    if settings.keep > 0 && file.metadata()?.len() >= settings.max_bytes {
        rotate(settings)?;
        file = whole_lines(path)?;
    }
    file.write_all(lines)?;
    file.sync_data()?;
    Ok(file)
}

fn is_still(file: &Opened, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = file.metadata().and_then(|own| Ok((own, std::fs::metadata(path)?)));
    same.is_ok_and(|(own, there)| (own.dev(), own.ino()) == (there.dev(), there.ino()))
}

fn whole_lines(path: &Path) -> std::io::Result<Opened> {
    let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

#[expect(clippy::disallowed_methods, reason = "the file is a copy of events, and no file of the store")]
fn rotate(settings: &File) -> std::io::Result<()> {
    let numbered = |number: u32| PathBuf::from(format!("{}.{number}", settings.path));
    for number in (1..settings.keep).rev() {
        if numbered(number).exists() {
            std::fs::rename(numbered(number), numbered(number + 1))?;
        }
    }
    std::fs::rename(&settings.path, numbered(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Message {
        Message {
            index: 0,
            id: String::new(),
            routing_key: String::new(),
            content_type: "application/json",
            body: body.as_bytes().to_vec(),
        }
    }

    #[tokio::test]
    async fn lines_stay_whole_and_files_are_rotated() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.ndjson");
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
        Opened::create(&path).unwrap().write_all(b"torn").unwrap();
        let settings = File { path: path.display().to_string(), max_bytes: 8, keep: 2 };
        settings.check().unwrap();
        let mut file = Appender::new(settings.clone());
        for body in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] {
            file.deliver(&[message(body)]).await.unwrap();
        }
        assert_eq!(read("out.ndjson"), "g\nh\ni\n");
        assert_eq!(read("out.ndjson.1"), "c\nd\ne\nf\n");
        assert_eq!(read("out.ndjson.2"), "torn\na\nb\n");
        assert_eq!(read("out.ndjson.3"), "");
        let mut nowhere = Appender::new(File { path: "/nowhere/at/all".to_owned(), ..settings });
        assert!(!nowhere.deliver(&[message("a")]).await.unwrap_err().refused);
    }
}
