//! Catalogs from where they are kept: the built-in ones, and folders of the user's own.

use std::io;
use std::path::{Path, PathBuf};

use indelible_catalog::problem::Problem;
use indelible_catalog::{Loaded, Source, builtin, load};

/// Largest file that is read as part of a catalog; the catalog as a whole has the same limit.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Most folders below the user's folder.
const MAX_FOLDERS: usize = 256;

/// A folder that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the catalog folder {}", path.display())]
pub struct CatalogFilesError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The built-in catalogs and those of the user's folder. A faulty one is among the problems; the others work.
pub fn load_all(folder: Option<&Path>) -> Result<Loaded, CatalogFilesError> {
    let own = folder.map_or_else(|| Ok(Vec::new()), read_folder)?;
    let mut files = builtin();
    // A folder of the same name replaces the built-in catalog whole.
    files.retain(|file| !own.iter().any(|own| folder_of(&own.name) == folder_of(&file.name)));
    files.extend(own);
    Ok(load(&files))
}

fn folder_of(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

/// The files of every catalog folder below `folder`, or of `folder` itself if it is one.
pub fn read_folder(folder: &Path) -> Result<Vec<Source>, CatalogFilesError> {
    let error = |path: &Path| {
        let path = path.to_owned();
        move |source| CatalogFilesError { path, source }
    };
    if folder.join("catalog.toml").is_file() {
        let name = folder
            .file_name()
            .map_or_else(|| "catalog".to_owned(), |name| name.to_string_lossy().into_owned());
        return read_catalog(folder, &name).map_err(error(folder));
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(error(folder))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join("catalog.toml").is_file())
        .collect();
    folders.sort();
    let mut files = Vec::new();
    for path in folders.iter().take(MAX_FOLDERS) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        files.extend(read_catalog(path, &name).map_err(error(path))?);
    }
    Ok(files)
}

fn read_catalog(folder: &Path, name: &str) -> io::Result<Vec<Source>> {
    let mut files = Vec::new();
    for below in ["", "lang", "cases"] {
        let path = folder.join(below);
        if !path.is_dir() {
            continue;
        }
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .collect();
        entries.sort();
        for entry in entries {
            if entry.metadata()?.len() > MAX_FILE_BYTES {
                let what = format!("{} is larger than {MAX_FILE_BYTES} bytes", entry.display());
                return Err(io::Error::other(what));
            }
            let file = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let inner = if below.is_empty() { file } else { format!("{below}/{file}") };
            files.push(Source { name: format!("{name}/{inner}"), text: std::fs::read_to_string(&entry)? });
        }
    }
    Ok(files)
}

/// One line about a problem: file, line, field, what is wrong and what to do.
pub fn problem_line(problem: &Problem) -> String {
    problem.to_string()
}
