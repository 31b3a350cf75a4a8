//! Every name that may be answered, flagged or reported has a page, and every page has a name.

use std::collections::BTreeSet;

use super::{Complaint, File};

/// How a line that defines a name looks.
#[derive(Clone, Copy)]
enum Shape {
    /// `Name "code" 422 "title";`
    BeforeStatus,
    /// `Name = "code",`
    Assigned,
    /// `Self::Name => "code",`
    Arm,
    /// `drift_finding("code", …`, an argument alone on its line, or a constant text.
    Argument,
}

/// A file whose lines define names.
struct List {
    path: &'static str,
    shape: Shape,
}

const LISTS: &[List] = &[
    List { path: "crates/server/src/problem.rs", shape: Shape::BeforeStatus },
    List { path: "crates/formats/src/error.rs", shape: Shape::Arm },
    List { path: "crates/catalog/src/finding.rs", shape: Shape::Assigned },
    List { path: "crates/catalog/src/lint/mod.rs", shape: Shape::Assigned },
    List { path: "crates/catalog/src/drift.rs", shape: Shape::Argument },
];
const FOLDER: &str = "docs/errors";

/// Compares the names in the sources with the pages in the folder.
pub(super) fn check(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut names = BTreeSet::new();
    for list in LISTS {
        let found =
            files.iter().find(|file| file.path == *list.path).map(|file| defined(&file.text, list.shape));
        match found {
            Some(found) if !found.is_empty() => names.extend(found),
            _ => complaints.push(Complaint::new(list.path, "no name was found here: has the list moved?")),
        }
    }
    let pages = pages(files);
    let no_page = names.difference(&pages).map(|name| format!("{name} has no page {FOLDER}/{name}.md"));
    let no_name =
        pages.difference(&names).map(|name| format!("page {name}.md describes nothing that exists"));
    complaints.extend(no_page.chain(no_name).map(|what| Complaint::new(FOLDER, what)));
    complaints
}

fn defined(text: &str, shape: Shape) -> BTreeSet<String> {
    text.lines().filter_map(|line| name_on(line, shape)).collect()
}

fn name_on(line: &str, shape: Shape) -> Option<String> {
    if let (Shape::Argument, Some((_, rest))) = (shape, line.split_once("drift_finding(\"")) {
        return rest.split('"').next().map(str::to_owned);
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let quoted = match (shape, words.as_slice()) {
        (Shape::BeforeStatus, [_, name, status, ..])
            if status.len() == 3 && status.parse::<u16>().is_ok() =>
        {
            *name
        }
        (Shape::Assigned, [variant, "=", name]) if variant.starts_with(char::is_uppercase) => {
            name.strip_suffix(',')?
        }
        (Shape::Arm, [variant, "=>", name]) if variant.starts_with("Self::") => name.strip_suffix(',')?,
        (Shape::Argument, [name]) if name.starts_with('"') => name.strip_suffix(',')?,
        (Shape::Argument, ["const", _, "&str", "=", name]) => name.strip_suffix(';')?,
        _ => return None,
    };
    quoted.strip_prefix('"')?.strip_suffix('"').map(str::to_owned)
}

fn pages(files: &[File]) -> BTreeSet<String> {
    let here =
        |file: &&File| file.is("md") && file.path.parent().is_some_and(|own| own.as_os_str() == FOLDER);
    let stem = |file: &File| file.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    files.iter().filter(here).filter_map(stem).filter(|name| name != "README").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_pages_must_match() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.to_owned() };
        let mut files = vec![
            file("crates/server/src/problem.rs", "codes! {\n    One \"one\" 400 \"it failed\";\n}\n"),
            file("docs/errors/README.md", ""),
            file("docs/errors/one.md", ""),
            file("docs/errors/odd.md", ""),
        ];
        for list in &LISTS[1..] {
            files.push(file(
                list.path,
                "    Two = \"two\",\n    Self::Two => \"two\",\n    drift_finding(\"two\", 1)\n",
            ));
        }
        let said: Vec<_> = check(&files).into_iter().map(|found| found.what).collect();
        assert_eq!(said, ["two has no page docs/errors/two.md", "page odd.md describes nothing that exists"]);
        assert_eq!(check(&files[..1]).len(), LISTS.len());
    }
}
