//! Rules on the text of files: how long they are, how they begin, and what must not stand in them.
//!
//! Forbidden words are written here in two parts, so that this file does not break its own rules.

use super::{Complaint, File};

/// A file this long deserves a second look.
const NOTED_LINES: usize = 600;
/// A file this long is refused: it holds more than one thing.
const MAX_LINES: usize = 800;
/// Names that say what kind of item a file holds instead of what it is about. `types.rs` is not among them, because an
/// event type is a thing here.
const EMPTY_NAMES: &[&str] = &["common.rs", "helpers.rs", "misc.rs", "traits.rs", "utils.rs"];

/// A text that must not occur in files with one of some extensions.
struct Forbidden {
    parts: [&'static str; 2],
    extensions: &'static [&'static str],
    reason: &'static str,
}

const PROSE_AND_CODE: &[&str] = &["rs", "md", "toml", "sh", "py", "go", "yml", "yaml", "html"];

const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        parts: ["#[ign", "ore"],
        extensions: &["rs"],
        reason: "a test that is not run tells nothing: make it fast or remove it",
    },
    Forbidden { parts: ["todo", "!("], extensions: &["rs"], reason: "unfinished code does not get in" },
    Forbidden {
        parts: ["unimple", "mented!("],
        extensions: &["rs"],
        reason: "unfinished code does not get in",
    },
    Forbidden {
        parts: ["/wo", "rk/"],
        extensions: PROSE_AND_CODE,
        reason: "a path of one machine: make it relative",
    },
    Forbidden {
        parts: ["/ro", "ot/"],
        extensions: PROSE_AND_CODE,
        reason: "a path of one machine: make it relative",
    },
    Forbidden {
        parts: ["/tm", "p/"],
        extensions: &["rs", "toml", "py", "go"],
        reason: "a path of one machine: use a temporary folder",
    },
    Forbidden {
        parts: ["../sha", "red"],
        extensions: PROSE_AND_CODE,
        reason: "outside the repository: copy what is needed",
    },
    Forbidden { parts: ["crates", ".io"], extensions: PROSE_AND_CODE, reason: "names a registry's host" },
    Forbidden { parts: ["pypi", ".org"], extensions: PROSE_AND_CODE, reason: "names a registry's host" },
    Forbidden {
        parts: ["python", "hosted.org"],
        extensions: PROSE_AND_CODE,
        reason: "names a registry's host",
    },
    Forbidden { parts: ["npmjs", ".org"], extensions: PROSE_AND_CODE, reason: "names a registry's host" },
    Forbidden {
        parts: ["proxy.go", "lang.org"],
        extensions: PROSE_AND_CODE,
        reason: "names a registry's host",
    },
    Forbidden {
        parts: [" sty", "le=\""],
        extensions: &["rs", "html", "md"],
        reason: "the content security policy refuses inline styles: use a class",
    },
    Forbidden {
        parts: ["|sa", "fe"],
        extensions: &["html"],
        reason: "text of events would become markup: let the template escape it",
    },
];
const SLEEP: [&str; 2] = ["thread::sl", "eep"];

/// All rules on text.
pub(super) fn check(files: &[File]) -> Vec<Complaint> {
    let rules: [fn(&File) -> Vec<Complaint>; 5] = [size, name, head, words, sleeps];
    files.iter().flat_map(|file| rules.iter().flat_map(|rule| rule(file))).collect()
}

/// Files that are long, but not yet too long.
pub(super) fn long_files(files: &[File]) -> Vec<Complaint> {
    let long = |file: &&File| is_code(file) && (NOTED_LINES + 1..=MAX_LINES).contains(&lines(file));
    let note = |file: &File| {
        Complaint::new(
            file.path.display().to_string(),
            format!("{} lines: does it hold one thing?", lines(file)),
        )
    };
    files.iter().filter(long).map(note).collect()
}

fn is_code(file: &File) -> bool {
    ["rs", "py", "go", "sh", "js"].iter().any(|extension| file.is(extension))
}

fn lines(file: &File) -> usize {
    file.text.lines().count()
}

fn size(file: &File) -> Vec<Complaint> {
    let found = lines(file);
    if !is_code(file) || found <= MAX_LINES {
        return Vec::new();
    }
    vec![Complaint::at(file, found, format!("{found} lines, at most {MAX_LINES}: split it by what it holds"))]
}

fn name(file: &File) -> Vec<Complaint> {
    let name = file.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    if !EMPTY_NAMES.contains(&name.as_ref()) {
        return Vec::new();
    }
    vec![Complaint::at(file, 1, "a file is named after what it holds, not after a kind of item")]
}

/// Every Rust file says at its head what it is for.
fn head(file: &File) -> Vec<Complaint> {
    if !file.is("rs") || file.text.starts_with("//!") {
        return Vec::new();
    }
    vec![Complaint::at(file, 1, "begins without //!: say what it is for and what it must never do")]
}

fn words(file: &File) -> Vec<Complaint> {
    let rules = FORBIDDEN.iter().filter(|rule| rule.extensions.iter().any(|extension| file.is(extension)));
    rules.flat_map(|rule| lines_with(file, &rule.parts.concat(), rule.reason)).collect()
}

fn sleeps(file: &File) -> Vec<Complaint> {
    let is_test = file.is("rs") && file.path.components().any(|part| part.as_os_str() == "tests");
    let from = match file.text.find("#[cfg(test)]") {
        _ if is_test => 0,
        Some(at) if file.is("rs") => at,
        _ => return Vec::new(),
    };
    let first = file.text[..from].lines().count();
    let found = lines_with(file, &SLEEP.concat(), "a test waits for what it needs, not for time to pass");
    found.into_iter().filter(|complaint| complaint.line > first).collect()
}

fn lines_with(file: &File, word: &str, reason: &str) -> Vec<Complaint> {
    let hits = file.text.lines().enumerate().filter(|(_, line)| line.contains(word));
    hits.map(|(at, _)| Complaint::at(file, at + 1, format!("{word}: {reason}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let complaints = check(&[File { path: path.into(), text: text.to_owned() }]);
        complaints.into_iter().map(|complaint| complaint.place).collect()
    }

    #[test]
    fn each_forbidden_word_is_found() {
        for rule in FORBIDDEN {
            let text = format!("//! Head.\n{}\n", rule.parts.concat());
            for extension in rule.extensions {
                let path = format!("a.{extension}");
                assert_eq!(found(&path, &text), [format!("{path}:2")], "{:?}", rule.parts);
            }
        }
    }

    #[test]
    fn sleeping_is_refused_in_tests_only() {
        let sleep = SLEEP.concat();
        let text = format!("//! Head.\n{sleep}();\n#[cfg(test)]\nmod tests {{ {sleep}(); }}\n");
        assert_eq!(found("crates/a/src/b.rs", &text), ["crates/a/src/b.rs:4"]);
        assert_eq!(found("crates/a/tests/b.rs", &text), ["crates/a/tests/b.rs:2", "crates/a/tests/b.rs:4"]);
    }

    #[test]
    fn long_headless_and_badly_named_files_are_found() {
        assert_eq!(found("a.rs", &"//!\n".repeat(MAX_LINES)), [""; 0]);
        assert_eq!(found("a.rs", &"//!\n".repeat(MAX_LINES + 1)).len(), 1);
        assert_eq!(found("a.rs", "fn main() {}\n"), ["a.rs:1"]);
        assert_eq!(found("utils.rs", "//! Things.\n"), ["utils.rs:1"]);
        assert_eq!(found("data.csv", &"x\n".repeat(5_000)), [""; 0]);
    }
}
