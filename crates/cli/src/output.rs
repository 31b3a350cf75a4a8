//! What goes to standard output: rows as table, JSON, NDJSON, CSV, TSV or Markdown. All else goes to standard error.
//!
//! Text from events may hold anything; on a terminal, control and direction characters are shown escaped.

use std::io::{self, IsTerminal, Write};

use indelible_formats::csv_out;
use serde_json::Value;

use crate::exit::Failure;

/// Form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
    /// RFC 4180; cells that a spreadsheet would take for formulas get a leading apostrophe.
    Csv,
    /// Tab-separated.
    Tsv,
    /// A Markdown table.
    Markdown,
}

/// Where rows go, in the form asked for or the one that fits: table on a terminal, NDJSON in a pipe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    terminal: bool,
}

impl Output {
    pub(crate) fn new(asked: Option<Format>) -> Self {
        let terminal = io::stdout().is_terminal();
        let fitting = if terminal { Format::Table } else { Format::Ndjson };
        Self { format: asked.unwrap_or(fitting), terminal }
    }

    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// Whether standard output is a terminal.
    pub(crate) fn is_terminal(self) -> bool {
        self.terminal
    }

    /// Writes rows: JSON forms get the whole rows, the others the named columns.
    pub(crate) fn rows(self, columns: &[&str], rows: &[Value]) -> io::Result<()> {
        let mut pages = Pages::new(self, columns);
        pages.write(rows)?;
        pages.finish()
    }

    /// Writes one document; in table form as `name  value` lines.
    pub(crate) fn document(self, document: &Value) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Ndjson => writeln!(out, "{document}")?,
            Format::Table | Format::Markdown => {
                let mut lines = Vec::new();
                flatten("", document, &mut lines);
                let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
                for (name, value) in lines {
                    writeln!(out, "{name:width$}  {}", self.shown(&value))?;
                }
            }
            Format::Json | Format::Csv | Format::Tsv => {
                writeln!(out, "{}", serde_json::to_string_pretty(document)?)?;
            }
        }
        out.flush()
    }

    /// Text as it may appear on this output.
    pub(crate) fn shown(self, text: &str) -> String {
        if self.terminal { escape(text) } else { text.to_owned() }
    }
}

/// Rows that come in pages.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    output: Output,
    columns: &'a [&'a str],
    written: usize,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(output: Output, columns: &'a [&'a str]) -> Self {
        Self { output, columns, written: 0 }
    }

    /// Writes a page.
    pub(crate) fn write(&mut self, rows: &[Value]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.output.format {
            Format::Json => self.json(&mut out, rows)?,
            Format::Ndjson => rows.iter().try_for_each(|row| writeln!(out, "{row}"))?,
            Format::Table => {
                if !rows.is_empty() {
                    writeln!(out, "{}", self.table(rows))?;
                }
            }
            Format::Markdown => self.markdown(&mut out, rows)?,
            Format::Csv | Format::Tsv => self.separated(&mut out, rows)?,
        }
        self.written += rows.len();
        out.flush()
    }

    /// Ends the rows.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.output.format {
            Format::Json if self.written == 0 => writeln!(out, "[]")?,
            Format::Json => writeln!(out, "\n]")?,
            Format::Csv | Format::Tsv if self.written == 0 => self.separated(&mut out, &[])?,
            _ => {}
        }
        out.flush()
    }

    fn json(&self, out: &mut impl Write, rows: &[Value]) -> io::Result<()> {
        for (at, row) in rows.iter().enumerate() {
            let before = if self.written + at == 0 { "[\n" } else { ",\n" };
            write!(out, "{before}{}", serde_json::to_string_pretty(row)?)?;
        }
        Ok(())
    }

    fn markdown(&self, out: &mut impl Write, rows: &[Value]) -> io::Result<()> {
        if self.written == 0 {
            writeln!(out, "| {} |\n|{}", self.columns.join(" | "), "---|".repeat(self.columns.len()))?;
        }
        for row in rows {
            let cells: Vec<_> = self.columns.iter().map(|c| cell(row, c).replace('|', "\\|")).collect();
            writeln!(out, "| {} |", cells.join(" | ").replace('\n', " "))?;
        }
        Ok(())
    }

    fn separated(&mut self, out: &mut impl Write, rows: &[Value]) -> io::Result<()> {
        let delimiter = if self.output.format == Format::Csv { ',' } else { '\t' };
        let mut writer = csv_out::Writer::new(delimiter);
        let mut text = String::new();
        if self.written == 0 {
            writer.row(&mut text, self.columns.iter().copied());
        }
        for row in rows {
            let cells: Vec<String> = self.columns.iter().map(|name| cell(row, name)).collect();
            writer.row(&mut text, cells.iter().map(String::as_str));
        }
        out.write_all(text.as_bytes())
    }

    fn table(&self, rows: &[Value]) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        if self.output.terminal {
            table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        }
        if self.written == 0 {
            table.set_header(self.columns.iter().map(|name| name.to_uppercase()));
        }
        for row in rows {
            table.add_row(self.columns.iter().map(|name| self.output.shown(&cell(row, name))));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table
    }
}

impl Output {
    /// Several lines as they may appear on this output, each with its end.
    pub(crate) fn lines(self, text: &str) -> String {
        text.lines().fold(String::with_capacity(text.len() + 8), |out, line| out + &self.shown(line) + "\n")
    }
}

/// Tells of a failure: a sentence for people, JSON for programs that asked for it.
pub(crate) fn failure(failure: &Failure, asked: Option<Format>) {
    let mut err = io::stderr().lock();
    // Nothing is left to do when standard error is gone.
    let _told = if matches!(asked, Some(Format::Json | Format::Ndjson)) {
        let docs = format!("/docs/errors/{}", failure.code);
        writeln!(
            err,
            "{}",
            serde_json::json!({ "code": failure.code, "message": failure.message, "docs": docs })
        )
    } else {
        writeln!(err, "indelible: {}", escape_lines(&failure.message))
    };
}

/// Writes a line for people to standard error.
pub(crate) fn say(line: &str) {
    let _told = writeln!(io::stderr().lock(), "{}", escape_lines(line));
}

/// Lines about single records that may be many: the first are told, the others counted.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    told: usize,
    kept_back: usize,
}

impl Notes {
    /// Most lines told: more are read by nobody.
    const MOST: usize = 20;

    pub(crate) fn say(&mut self, line: &str) {
        if self.told < Self::MOST {
            self.told += 1;
            say(line);
        } else {
            self.kept_back += 1;
        }
    }

    /// Tells how many were kept back.
    pub(crate) fn finish(&self) {
        if self.kept_back > 0 {
            say(&format!("… and {} more like these", self.kept_back));
        }
    }
}

/// Writes text to standard output as it is.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn escape_lines(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

/// Escapes what could move the cursor, hide text or reorder it.
pub(crate) fn escape(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if hidden(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
        out
    })
}

/// The value at a path such as `actor.id`, `targets[0].name` or `params.host.name`, as text of a cell.
pub(crate) fn cell(row: &Value, path: &str) -> String {
    lookup(row, path).map(text_of).unwrap_or_default()
}

/// The value at a path; a member whose own name has dots is found too, the longest name first.
pub(crate) fn lookup<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    match value {
        Value::Array(list) => {
            let path = path.strip_prefix('[').unwrap_or(path);
            let end = path.find(['.', ']']).unwrap_or(path.len());
            let rest = path.get(end..).unwrap_or_default().trim_start_matches([']', '.']);
            lookup(list.get(path.get(..end)?.parse::<usize>().ok()?)?, rest)
        }
        Value::Object(map) => map.get(path).or_else(|| {
            let mut ends: Vec<usize> = path.match_indices(['.', '[']).map(|(at, _)| at).collect();
            ends.reverse();
            ends.into_iter().find_map(|end| {
                let (name, rest) = path.split_at(end);
                lookup(map.get(name)?, rest.strip_prefix('.').unwrap_or(rest))
            })
        }),
        _ => None,
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let join = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| flatten(&join(name), value, lines)),
        Value::Array(list) if list.iter().any(|v| v.is_object() || v.is_array()) => {
            for (at, value) in list.iter().enumerate() {
                flatten(&join(&at.to_string()), value, lines);
            }
        }
        Value::Array(list) => {
            lines.push((prefix.to_owned(), list.iter().map(text_of).collect::<Vec<_>>().join(", ")));
        }
        other => lines.push((prefix.to_owned(), text_of(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_found_by_path() {
        let row = json!({ "actor": { "id": "7" }, "targets": [{ "name": "PC" }], "params": { "host.name": 1 }, "n": null });
        for (path, expected) in [
            ("actor.id", "7"),
            ("targets[0].name", "PC"),
            ("targets.0.name", "PC"),
            ("targets[1].name", ""),
            ("params.host.name", "1"),
            ("n", ""),
            ("none.x", ""),
        ] {
            assert_eq!(cell(&row, path), expected, "{path}");
        }
    }

    #[test]
    fn what_moves_the_cursor_or_hides_is_escaped() {
        assert_eq!(escape("a\u{1b}[2Jb\u{202e}c\u{200b}é"), "a\\u{1b}[2Jb\\u{202e}c\\u{200b}é");
    }
}
