//! CSV (RFC 4180) with a header to maps of column name and text.
//!
//! Columns are known by name, in any order; all are kept, known or not. The delimiter is the one the header uses.
//! A row with too few or too many cells is refused, never padded.

use crate::lines::bom;
use crate::records::too_large;
use crate::{Code, DecodeError, MAX_COLUMNS, MAX_RECORD_BYTES, Raw};
use indelible_event::{Map, Value};

/// What spreadsheets and databases separate cells with, likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Iterates the rows below a header.
#[derive(Debug)]
pub struct Rows<'a> {
    text: &'a str,
    at: usize,
    delimiter: u8,
    columns: Vec<String>,
    row: u64,
    failed: Option<DecodeError>,
}

impl<'a> Rows<'a> {
    /// Rows of `bytes`; the header must hold the columns `needed`. A fault in the header is the first item.
    pub fn new(bytes: &'a [u8], needed: &[&str]) -> Self {
        let start = bom(bytes);
        let mut rows =
            Self { text: "", at: start, delimiter: b',', columns: Vec::new(), row: 0, failed: None };
        match std::str::from_utf8(bytes) {
            Ok(text) => rows.text = text,
            Err(error) => {
                rows.failed = Some(fault(
                    0,
                    error.valid_up_to(),
                    "the file is not UTF-8".to_owned(),
                    "save it as CSV UTF-8",
                ));
                return rows;
            }
        }
        if let Err(error) = rows.header(needed) {
            rows.failed = Some(error);
            rows.at = rows.text.len();
        }
        rows
    }

    /// Column names as the header has them, without white space around them.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    fn header(&mut self, needed: &[&str]) -> Result<(), DecodeError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        let bare = || line.split('"').step_by(2).flat_map(str::bytes);
        let uses = |delimiter: &u8| bare().filter(|byte| byte == delimiter).count();
        // The last of equals wins in max_by_key, hence reversed.
        self.delimiter = DELIMITERS.into_iter().rev().max_by_key(uses).unwrap_or(b',');
        let start = self.at;
        let Some(cells) = self.cells()? else {
            return Err(fault(
                0,
                start,
                "there is no header".to_owned(),
                "put the column names in the first line",
            ));
        };
        self.columns = cells.into_iter().map(|cell| cell.trim().to_owned()).collect();
        let said = |message| Err(fault(0, start, message, "correct the first line of the file"));
        if self.columns.len() > MAX_COLUMNS {
            return said(format!(
                "the header has {} columns, at most {MAX_COLUMNS} are taken",
                self.columns.len()
            ));
        }
        if let Some(at) = self.columns.iter().position(String::is_empty) {
            return said(format!("column {} has no name", at + 1));
        }
        let mut sorted: Vec<_> = self.columns.iter().collect();
        sorted.sort();
        if let Some(twice) =
            sorted.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first())
        {
            return said(format!("column {twice:?} appears twice"));
        }
        match needed.iter().find(|name| !self.columns.iter().any(|column| column == *name)) {
            Some(name) => said(format!("column {name:?} is missing, found are {}", self.columns.join(", "))),
            None => Ok(()),
        }
    }

    /// The cells of the next row that is not blank; `None` at the end.
    fn cells(&mut self) -> Result<Option<Vec<String>>, DecodeError> {
        while let Some(length) = line_end(self.text, self.at) {
            self.at += length;
        }
        if self.at >= self.text.len() {
            return Ok(None);
        }
        let mut cells = Vec::with_capacity(self.columns.len());
        loop {
            cells.push(self.cell()?);
            if self.text.as_bytes().get(self.at) == Some(&self.delimiter) {
                self.at += 1;
                continue;
            }
            self.at += line_end(self.text, self.at).unwrap_or(0);
            return Ok(Some(cells));
        }
    }

    /// One cell; leaves the position at the delimiter, line end or end of text behind it.
    fn cell(&mut self) -> Result<String, DecodeError> {
        if self.text.as_bytes().get(self.at) == Some(&b'"') {
            return self.quoted();
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let stop =
            rest.bytes().position(|byte| byte == self.delimiter || byte == b'\n').unwrap_or(rest.len());
        let mut cell = rest.get(..stop).unwrap_or_default();
        if rest.as_bytes().get(stop) != Some(&self.delimiter) {
            cell = cell.strip_suffix('\r').unwrap_or(cell);
        }
        let start = self.at;
        self.at += cell.len();
        if let Some(quote) = cell.find('"') {
            return Err(
                self.skip_row(start + quote, "a quote stands inside a cell that does not begin with one")
            );
        }
        Ok(cell.to_owned())
    }

    fn quoted(&mut self) -> Result<String, DecodeError> {
        let start = self.at;
        self.at += 1;
        let mut cell = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(quote) = rest.find('"') else {
                self.at = self.text.len();
                return Err(fault(self.row, start, "a quoted cell is never closed".to_owned(), REMEDY));
            };
            cell.push_str(rest.get(..quote).unwrap_or_default());
            self.at += quote + 1;
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    cell.push('"');
                    self.at += 1;
                }
                Some(byte) if *byte != self.delimiter && line_end(self.text, self.at).is_none() => {
                    return Err(self.skip_row(self.at, "text follows the closing quote of a cell"));
                }
                _ => return Ok(cell),
            }
        }
    }

    /// The error for the current row; goes on at the next line.
    fn skip_row(&mut self, offset: usize, message: &str) -> DecodeError {
        let rest = self.text.get(offset..).unwrap_or_default();
        self.at = offset + rest.find('\n').map_or(rest.len(), |at| at + 1);
        fault(self.row, offset, message.to_owned(), REMEDY)
    }

    fn raw(&mut self) -> Result<Option<Raw>, DecodeError> {
        self.row += 1;
        let before = self.at;
        let Some(cells) = self.cells()? else { return Ok(None) };
        let skipped = self.text.get(before..self.at).unwrap_or_default();
        let start = before + (skipped.len() - skipped.trim_start_matches(['\r', '\n']).len());
        let row = skipped.trim_matches(['\r', '\n']);
        if row.len() > MAX_RECORD_BYTES {
            return Err(too_large(self.row, start, row.len()));
        }
        if cells.len() != self.columns.len() {
            let message = format!("the row has {} cells, the header {}", cells.len(), self.columns.len());
            return Err(fault(self.row, start, message, REMEDY));
        }
        if row.contains('\0') {
            return Err(fault(self.row, start, "the row holds NUL".to_owned(), "export the file as text"));
        }
        let pairs = self.columns.iter().cloned().zip(cells.into_iter().map(Value::Text)).collect();
        let map = Map::from_pairs(pairs).expect("the header was checked for names that appear twice");
        Ok(Some(Raw { row: self.row, bytes: start..start + row.len(), value: Value::Map(map) }))
    }
}

const REMEDY: &str =
    "write the file as RFC 4180 says: quotes around cells with delimiters, and quotes doubled";

/// Length of the line end that begins at `at`.
fn line_end(text: &str, at: usize) -> Option<usize> {
    let rest = text.as_bytes().get(at..)?;
    if rest.starts_with(b"\n") {
        return Some(1);
    }
    rest.starts_with(b"\r\n").then_some(2)
}

fn fault(row: u64, offset: usize, message: String, remedy: &'static str) -> DecodeError {
    DecodeError { row, offset, pointer: String::new(), code: Code::Malformed, message, remedy }
}

impl Iterator for Rows<'_> {
    type Item = Result<Raw, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.failed.take() {
            Some(error) => Some(Err(error)),
            None => self.raw().transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        Rows::new(text.as_bytes(), &[])
            .map(|row| match row {
                Ok(raw) => {
                    let map = raw.value.as_map().unwrap();
                    let cells: Vec<_> =
                        map.iter().map(|(k, v)| format!("{k}={}", v.as_text().unwrap())).collect();
                    format!("{} {:?} {}", raw.row, raw.bytes, cells.join("|"))
                }
                Err(error) => format!("{} @{} {}", error.row, error.offset, error.message),
            })
            .collect()
    }

    #[test]
    fn rows_are_maps_by_column_name() {
        assert_eq!(
            read("b,a\r\n1,2\r\n\r\n\"x,\"\"y\",\"\n\"\r\n"),
            ["1 5..8 a=2|b=1", "2 12..23 a=\n|b=x,\"y"]
        );
        assert_eq!(read("\u{feff}a;\"b,,c\"\n1;2"), ["1 12..15 a=1|b,,c=2"]);
        assert_eq!(read("a\n\n"), Vec::<String>::new());
        assert_eq!(read("a,b\n,"), ["1 4..5 a=|b="]);
    }

    #[test]
    fn faults_cost_their_row_only() {
        assert_eq!(
            read("a,b\n1\n2,3\nx\"y,1\n\"p\"q,2\n4,5\n\"6,7"),
            [
                "1 @4 the row has 1 cells, the header 2",
                "2 6..9 a=2|b=3",
                "3 @11 a quote stands inside a cell that does not begin with one",
                "4 @19 text follows the closing quote of a cell",
                "5 23..26 a=4|b=5",
                "6 @27 a quoted cell is never closed",
            ]
        );
    }

    #[test]
    fn a_bad_header_is_said_once() {
        assert_eq!(read(""), ["0 @0 there is no header"]);
        assert_eq!(read("a,,b\n1,2,3"), ["0 @0 column 2 has no name"]);
        assert_eq!(read("a,b,a\n1,2,3"), ["0 @0 column \"a\" appears twice"]);
        let mut rows = Rows::new(b"a,b\n1,2", &["a", "Job Code"]);
        let error = rows.next().unwrap().unwrap_err();
        assert_eq!(error.message, "column \"Job Code\" is missing, found are a, b");
        assert!(rows.next().is_none());
        assert_eq!(read("a\n\u{0}"), ["1 @2 the row holds NUL"]);
    }
}
