//! A file as records, one after the other, without holding it in memory where its form allows that.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

use indelible_formats::Format;

use super::csv_rows::RowEnd;
use crate::input::MAX_WHOLE_BYTES;

/// Longest record that is sent: larger ones could not be stored anyway, and are told with their row.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 20;
/// How much of a file is looked at to tell its shape.
const HEAD_BYTES: usize = 64 * 1024;

/// A record as it stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Line of a line format, element of a list, data row of a CSV; from 1.
    pub(crate) row: u64,
    /// Its bytes, or what is wrong with it.
    pub(crate) bytes: Result<Vec<u8>, String>,
}

/// Iterates the records of a file.
pub(crate) struct Records<'a> {
    input: BufReader<Box<dyn Read + 'a>>,
    shape: Shape,
    row: u64,
}

enum Shape {
    Lines,
    /// Elements of a list, which is read whole.
    List(VecDeque<Record>),
    Csv {
        header: Vec<u8>,
        end: RowEnd,
    },
}

impl<'a> Records<'a> {
    pub(crate) fn new(input: Box<dyn Read + 'a>, format: Format) -> io::Result<Self> {
        let mut input: BufReader<Box<dyn Read + 'a>> = BufReader::with_capacity(HEAD_BYTES, input);
        if input.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            input.consume(3);
        }
        let shape = if format.needed_columns().is_empty() {
            if is_list(input.fill_buf()?, format) {
                Shape::List(elements(&mut input, format)?)
            } else {
                Shape::Lines
            }
        } else {
            let header = read_line(&mut input)?.map(Result::unwrap_or_default).unwrap_or_default();
            Shape::Csv { end: RowEnd::new(&header), header }
        };
        Ok(Self { input, shape, row: 0 })
    }

    /// What every request begins with: the header of a CSV.
    pub(crate) fn header(&self) -> &[u8] {
        match &self.shape {
            Shape::Csv { header, .. } => header,
            Shape::Lines | Shape::List(_) => b"",
        }
    }

    /// Whether a blank line may stand for a row that is left out.
    pub(crate) fn counts_blank_lines(&self) -> bool {
        !matches!(self.shape, Shape::Csv { .. })
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record>> {
        match &mut self.shape {
            Shape::List(elements) => Ok(elements.pop_front()),
            Shape::Lines => self.line(),
            Shape::Csv { .. } => self.csv_row(),
        }
    }

    fn line(&mut self) -> io::Result<Option<Record>> {
        loop {
            let Some(line) = read_line(&mut self.input)? else { return Ok(None) };
            self.row += 1;
            match line {
                Ok(line) if line.trim_ascii().is_empty() => {}
                Ok(line) => return Ok(Some(Record { row: self.row, bytes: Ok(without_end(line)) })),
                Err(why) => return Ok(Some(Record { row: self.row, bytes: Err(why) })),
            }
        }
    }

    fn csv_row(&mut self) -> io::Result<Option<Record>> {
        let Shape::Csv { end, .. } = &mut self.shape else { return Ok(None) };
        let mut row = Vec::new();
        end.begin();
        loop {
            let line = match read_line(&mut self.input)? {
                None if row.is_empty() => return Ok(None),
                None => break,
                Some(Ok(line)) if row.is_empty() && line.trim_ascii_end().is_empty() => continue,
                Some(Ok(line)) => line,
                Some(Err(why)) => {
                    self.row += 1;
                    return Ok(Some(Record { row: self.row, bytes: Err(why) }));
                }
            };
            row.extend_from_slice(&line);
            if end.ends_with(&line) {
                break;
            }
            if row.len() > MAX_RECORD_BYTES {
                self.row += 1;
                let why = "a quoted cell is not closed within a mebibyte; is a quote missing?".to_owned();
                return Ok(Some(Record { row: self.row, bytes: Err(why) }));
            }
        }
        self.row += 1;
        Ok(Some(Record { row: self.row, bytes: Ok(without_end(row)) }))
    }
}

/// A line with its end, or why it is not taken; the input stands behind it either way.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Result<Vec<u8>, String>>> {
    let mut line = Vec::new();
    let read = input.by_ref().take(MAX_RECORD_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.len() <= MAX_RECORD_BYTES {
        return Ok(Some(Ok(line)));
    }
    let mut length = line.len();
    while line.last() != Some(&b'\n') {
        line.clear();
        let more = input.by_ref().take(MAX_RECORD_BYTES as u64).read_until(b'\n', &mut line)?;
        length += more;
        if more == 0 {
            break;
        }
    }
    Ok(Some(Err(format!("the record has {length} bytes, at most {MAX_RECORD_BYTES} are sent"))))
}

fn without_end(mut line: Vec<u8>) -> Vec<u8> {
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    line
}

/// Whether the input is one JSON document, or several spread over lines.
fn is_list(head: &[u8], format: Format) -> bool {
    let head = head.trim_ascii_start();
    match head.first() {
        Some(b'[') => true,
        Some(b'{') => {
            let wrapper = match format {
                Format::Native => "\"events\"",
                Format::CloudTrail => "\"Records\"",
                _ => "",
            };
            let inner = head.get(1..).unwrap_or_default().trim_ascii_start();
            let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let spread = first.len() < head.len() && first.trim_ascii() == b"{";
            spread || (!wrapper.is_empty() && inner.starts_with(wrapper.as_bytes()))
        }
        _ => false,
    }
}

fn elements(input: &mut impl Read, format: Format) -> io::Result<VecDeque<Record>> {
    let mut bytes = Vec::new();
    input.take(MAX_WHOLE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_WHOLE_BYTES {
        let what =
            format!("one JSON list of more than {MAX_WHOLE_BYTES} bytes; make it lines, one record each");
        return Err(io::Error::other(what));
    }
    let element = |raw| match raw {
        Ok(indelible_formats::Raw { row, bytes: range, .. }) => {
            // A line end between the parts of a record is white space; inside a text JSON does not allow it.
            let one_line = bytes.get(range).unwrap_or_default().iter();
            let one_line = one_line.map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte });
            Record { row, bytes: Ok(one_line.collect()) }
        }
        Err(error) => {
            let error: indelible_formats::DecodeError = error;
            Record { row: error.row, bytes: Err(error.to_string()) }
        }
    };
    Ok(format.decode(&bytes).map(element).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: Format) -> Vec<String> {
        let mut records = Records::new(Box::new(text.as_bytes()), format).unwrap();
        let mut out = Vec::new();
        while let Some(record) = records.next().unwrap() {
            let text = record.bytes.map(|bytes| String::from_utf8(bytes).unwrap());
            out.push(format!("{} {}", record.row, text.unwrap_or_else(|why| format!("! {why}"))));
        }
        out
    }

    #[test]
    fn every_shape_gives_its_records() {
        assert_eq!(read("\u{feff}{\"a\":1}\r\n\n{\"b\":2}", Format::Match), ["1 {\"a\":1}", "3 {\"b\":2}"]);
        assert_eq!(
            read("{\"Records\": [{\"a\":\n 1},{\"b\":2}]}", Format::CloudTrail),
            ["1 {\"a\":  1}", "2 {\"b\":2}"]
        );
        assert_eq!(read("[{\"a\":1}]", Format::OpenKat), ["1 {\"a\":1}"]);
        assert_eq!(
            read("Job Code,Date\r\n\r\n1,\"x\ny\"\r\n2,z", Format::SanerNow),
            ["1 1,\"x\ny\"", "2 2,z"]
        );
        assert_eq!(read("", Format::Match), Vec::<String>::new());
    }

    #[test]
    fn an_oversized_line_is_told_and_passed() {
        let text = format!("{}\nx\n", "y".repeat(3 * MAX_RECORD_BYTES));
        let read = read(&text, Format::Match);
        assert_eq!(read.len(), 2);
        assert!(read[0].starts_with("1 ! the record has 3145729 bytes"), "{}", read[0]);
        assert_eq!(read[1], "2 x");
    }
}
