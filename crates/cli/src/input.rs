//! Files as they are given: from a path or standard input, decompressed by their ending.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use crate::exit::Failure;

/// Largest input that is read into memory whole, decompressed.
pub(crate) const MAX_WHOLE_BYTES: u64 = 1 << 30;

/// An input that can be read twice: a file, or what came on standard input, kept in an unnamed file.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    if !is_standard(path) {
        return File::open(path).map_err(|error| cannot(path, &error));
    }
    let keep = || -> io::Result<File> {
        let mut kept = tempfile::tempfile()?;
        io::copy(&mut io::stdin().lock(), &mut kept)?;
        kept.rewind()?;
        Ok(kept)
    };
    keep().map_err(|error| cannot(path, &error))
}

/// Whether a path means standard input.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Undoes the compression that a name's ending says.
pub(crate) fn decompressed<'a>(path: &Path, reader: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(reader)),
        Some("zst") => Box::new(zstd::stream::read::Decoder::new(reader)?),
        _ => Box::new(reader),
    })
}

/// The whole of an input, decompressed.
pub(crate) fn read_whole(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = |reader: &mut dyn Read| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        reader.take(MAX_WHOLE_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = if is_standard(path) {
        read(&mut io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|error| cannot(path, &error))?;
        decompressed(path, file).and_then(|mut reader| read(&mut reader))
    };
    let bytes = bytes.map_err(|error| cannot(path, &error))?;
    if bytes.len() as u64 > MAX_WHOLE_BYTES {
        let message = format!("{} holds more than {MAX_WHOLE_BYTES} bytes; split it", path.display());
        return Err(Failure::usage(message));
    }
    Ok(bytes)
}

/// An input that cannot be read.
pub(crate) fn cannot(path: &Path, error: &io::Error) -> Failure {
    let name = if is_standard(path) { "standard input".to_owned() } else { path.display().to_string() };
    Failure::usage(format!("cannot read {name}: {error}"))
}
