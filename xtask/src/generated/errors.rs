//! The index of error and finding pages, from the pages themselves: name, meaning, and where the name is used.

use std::fmt::Write;

use anyhow::{Context, Result};

use crate::workspace::root;

const FOLDER: &str = "docs/errors";
const HEAD: &str = "\
# Errors and findings

Made from the pages by `cargo xtask gen`. One page for each name that the API, the command line and the catalogs use when
something is refused or looks wrong. A name means the same everywhere: in a problem document, in the result of one event, in
`flags`, in a query (`flag:late`), in lint and in drift. Names are never renamed and never reused.

A **problem** refuses a whole request, with this HTTP status. A finding at **intake** is an observation about one event:
`flag` stores the event with the name among its flags, `quarantine` stores it apart, `reject` does not store it. **Lint** is
about a catalog, **drift** about a catalog against real events.

| name | meaning | where |
|---|---|---|
";

pub(super) fn page() -> Result<String> {
    let folder = root().join(FOLDER);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("reading {FOLDER}"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".md").filter(|name| *name != "README").map(str::to_owned));
    }
    names.sort_unstable();
    let mut page = String::from(HEAD);
    for name in names {
        let text = std::fs::read_to_string(folder.join(format!("{name}.md")))?;
        let [meaning, place] = first_paragraphs(&text).with_context(|| {
            format!("{FOLDER}/{name}.md must begin with its name, its meaning and where it is used")
        })?;
        writeln!(page, "| [`{name}`]({name}.md) | {meaning} | {place} |")?;
    }
    Ok(page)
}

/// The two paragraphs behind the heading, each on one line.
fn first_paragraphs(text: &str) -> Option<[String; 2]> {
    let mut paragraphs =
        text.split("\n\n").map(|lines| lines.split_whitespace().collect::<Vec<_>>().join(" "));
    let heading = paragraphs.next()?;
    let found = [paragraphs.next()?, paragraphs.next()?];
    let whole =
        heading.starts_with("# ") && found.iter().all(|text| text.ends_with('.') && !text.starts_with('#'));
    whole.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meaning_and_place_are_the_first_two_paragraphs() {
        let page = "# late\n\nIt came\nlate.\n\nFinding at intake.\n\n## Why\n\nA spool.\n";
        assert_eq!(first_paragraphs(page).unwrap(), ["It came late.", "Finding at intake."]);
        assert_eq!(first_paragraphs("# late\n\nIt came late.\n\n## Why\n\nA spool.\n"), None);
    }
}
