//! Every error code has a page, and every page has a code.

use std::collections::BTreeSet;

use super::{Complaint, File};

/// Where a list of codes is defined, and how a line of the list looks: the code is the first quoted word on it.
struct List {
    path: &'static str,
    line_holds: &'static str,
}

const LISTS: &[List] = &[List { path: "crates/server/src/problem.rs", line_holds: "ProblemDef {" }];
const FOLDER: &str = "docs/errors";

/// Compares the codes in the sources with the pages in the folder.
pub(super) fn check(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut codes = BTreeSet::new();
    for list in LISTS {
        match files.iter().find(|file| file.path == *list.path) {
            Some(file) => codes.extend(listed(&file.text, list.line_holds)),
            None => {
                complaints.push(Complaint::new(list.path, "is the list of error codes and does not exist"));
            }
        }
    }
    if codes.is_empty() {
        complaints
            .push(Complaint::new(FOLDER, "no error code was found in the sources: has the list moved?"));
    }
    let pages = pages(files);
    let no_page = codes.difference(&pages).map(|code| format!("code {code} has no page {FOLDER}/{code}.md"));
    let no_code = pages.difference(&codes).map(|code| format!("page {code}.md describes no code"));
    complaints.extend(no_page.chain(no_code).map(|what| Complaint::new(FOLDER, what)));
    complaints
}

fn listed(text: &str, line_holds: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains(line_holds));
    lines.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

fn pages(files: &[File]) -> BTreeSet<String> {
    let pages = files
        .iter()
        .filter(|file| file.is("md") && file.path.parent().is_some_and(|own| own.as_os_str() == FOLDER));
    let stem = |file: &File| file.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    pages.filter_map(stem).filter(|name| name != "README").collect()
}
