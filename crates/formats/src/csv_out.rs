//! CSV as RFC 4180 says, safe to open in a spreadsheet.
//!
//! A cell that a spreadsheet would run as a formula gets a leading apostrophe. That changes the cell, so the
//! count of such cells is kept for whoever describes the file; the exact form of an event is its JSON.

/// Writes rows and counts the cells it had to guard.
#[derive(Clone, Debug)]
pub struct Writer {
    delimiter: char,
    guarded: u64,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new(',')
    }
}

impl Writer {
    /// A writer with this delimiter: a comma, or a tab for TSV.
    pub fn new(delimiter: char) -> Self {
        Self { delimiter, guarded: 0 }
    }

    /// Appends one row with its line end (CR LF).
    pub fn row<'a>(&mut self, out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                out.push(self.delimiter);
            }
            self.cell(out, cell);
        }
        out.push_str("\r\n");
    }

    /// Cells so far that got an apostrophe.
    pub fn guarded(&self) -> u64 {
        self.guarded
    }

    fn cell(&mut self, out: &mut String, cell: &str) {
        let guard = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        self.guarded += u64::from(guard);
        let quoted =
            cell.contains([self.delimiter, '"', '\r', '\n']) || cell.starts_with(' ') || cell.ends_with(' ');
        if quoted {
            out.push('"');
        }
        if guard {
            out.push('\'');
        }
        for (at, part) in cell.split('"').enumerate() {
            if at > 0 {
                out.push_str("\"\"");
            }
            out.push_str(part);
        }
        if quoted {
            out.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_guarded_and_counted() {
        let mut writer = Writer::default();
        let mut out = String::new();
        writer.row(&mut out, ["=1+1", "+", "-2", "@x", "\ty", "\rz", "a=b", "", "é"]);
        assert_eq!(out, "'=1+1,'+,'-2,'@x,'\ty,\"'\rz\",a=b,,é\r\n");
        assert_eq!(writer.guarded(), 6);
    }

    #[test]
    fn cells_are_quoted_when_needed() {
        let mut writer = Writer::new('\t');
        let mut out = String::new();
        writer.row(&mut out, ["a\"b", "c,d", "e\tf", "g\nh", " i"]);
        assert_eq!(out, "\"a\"\"b\"\tc,d\t\"e\tf\"\t\"g\nh\"\t\" i\"\r\n");
    }
}
