//! The house rules that a program can check. Each rule is a function from the repository's files to complaints, so
//! that a rule can be tested on text; reading the files happens here, once.

mod dependencies;
mod errors;
mod links;
mod source;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::workspace::{files, root};

/// A file of the repository with its text; files that are not UTF-8 are left out.
pub(crate) struct File {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    fn is(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|own| own == extension)
    }

    fn is_under(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }
}

/// One broken rule: where, which, and what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Complaint {
    place: String,
    /// 0 where no single line is to blame.
    line: usize,
    what: String,
}

impl Complaint {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), line: 0, what: what.into() }
    }

    fn at(file: &File, line: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{}:{line}", file.path.display()), line, what: what.into() }
    }
}

/// Checks the whole repository and prints what is wrong and what deserves a second look.
pub(crate) fn report() -> Result<bool> {
    let files = read()?;
    for note in source::long_files(&files) {
        println!("note: {}: {}", note.place, note.what);
    }
    let complaints = check(&files);
    for complaint in &complaints {
        println!("{}: {}", complaint.place, complaint.what);
    }
    Ok(complaints.is_empty())
}

fn check(files: &[File]) -> Vec<Complaint> {
    let mut complaints = dependencies::check(files);
    complaints.extend(source::check(files));
    complaints.extend(links::check(files, &|path| root().join(path).exists()));
    complaints.extend(errors::check(files));
    complaints.sort();
    complaints
}

fn read() -> Result<Vec<File>> {
    let text =
        |path: &Path| std::fs::read(root().join(path)).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let read = |path: PathBuf| text(&path).map(|text| File { path, text });
    Ok(files()?.into_iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_keeps_its_rules() {
        let complaints = check(&read().unwrap());
        assert!(complaints.is_empty(), "run cargo xtask tidy: {complaints:#?}");
    }
}
