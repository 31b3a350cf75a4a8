//! Links in Markdown that point into the repository: the file exists, and so does the heading after `#`.
//!
//! Links to other hosts are not followed; tests use no outside network.

use std::path::{Component, Path, PathBuf};

use super::{Complaint, File};

/// Checks every Markdown file; `exists` answers for files that are not text.
pub(super) fn check(files: &[File], exists: &dyn Fn(&Path) -> bool) -> Vec<Complaint> {
    let pages = files.iter().filter(|file| file.is("md"));
    pages.flat_map(|page| page_links(page, files, exists)).collect()
}

fn page_links(page: &File, files: &[File], exists: &dyn Fn(&Path) -> bool) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (line, target) in links(&page.text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
        let wanted = if path.is_empty() { page.path.clone() } else { resolve(&page.path, path) };
        if !exists(&wanted) && !files.iter().any(|file| file.path == wanted) {
            complaints.push(Complaint::at(page, line, format!("link to {target}: no such file")));
            continue;
        }
        let other = files.iter().find(|file| file.path == wanted);
        if !heading.is_empty()
            && other.is_some_and(|other| other.is("md") && !has_heading(&other.text, heading))
        {
            complaints.push(Complaint::at(page, line, format!("link to {target}: no such heading")));
        }
    }
    complaints
}

/// The targets of `[text](target)` outside code, with their line numbers.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, content) in prose(text) {
        let mut rest = without_code(content);
        while let Some(at) = rest.find("](") {
            let after = rest.split_off(at + 2);
            let Some(end) = after.find(')') else { break };
            let target = after.get(..end).unwrap_or_default();
            found.push((line, target.split(' ').next().unwrap_or_default().to_owned()));
            rest = after;
        }
    }
    found
}

/// Numbered lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn has_heading(text: &str, slug: &str) -> bool {
    let headings = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    headings.map(|line| slug_of(line.trim_start_matches('#'))).any(|own| own == slug)
}

/// The anchor that common renderers give a heading.
fn slug_of(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn resolve(page: &Path, target: &str) -> PathBuf {
    let mut path = page.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_broken_links_are_told() {
        let page = "# A b, c\n[ok](b.md) [ok](#a-b-c) [ok](../x/b.md#two) [out](https://a.example/x)\n`[code](no.md)`\n\
                    ```\n[code](no.md)\n```\n[bad](no.md) and [bad](b.md#three) [image](c.png)\n";
        let file = |path: &str, text: &str| File { path: path.into(), text: text.to_owned() };
        let files = [file("x/a.md", page), file("x/b.md", "## Two\n")];
        let found = check(&files, &|path| path == Path::new("x/c.png"));
        let said: Vec<_> = found.iter().map(|complaint| (complaint.line, complaint.what.as_str())).collect();
        assert_eq!(said, [(7, "link to no.md: no such file"), (7, "link to b.md#three: no such heading")]);
    }
}
