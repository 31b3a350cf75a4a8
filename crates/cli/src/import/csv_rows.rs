//! Where the rows of a CSV end: at a line end outside quotes. Nothing is decoded here.

/// What separates cells, likeliest first; the header decides, as in the decoder.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Follows the quotes of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowEnd {
    delimiter: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Before the first character of a cell.
    Start,
    /// Inside a cell without quotes, or behind a fault.
    Bare,
    /// Inside quotes.
    Quoted,
    /// Behind a quote inside quotes.
    Closing,
}

impl RowEnd {
    /// For rows below this header.
    pub(crate) fn new(header: &[u8]) -> Self {
        let mut quoted = false;
        let bare: Vec<u8> = header
            .iter()
            .copied()
            .filter(|byte| {
                quoted ^= *byte == b'"';
                !quoted
            })
            .collect();
        let uses = |delimiter: &u8| bare.iter().fold(0, |uses, byte| uses + usize::from(byte == delimiter));
        let delimiter = DELIMITERS.into_iter().rev().max_by_key(uses).unwrap_or(b',');
        Self { delimiter, state: State::Start }
    }

    /// Begins a row.
    pub(crate) fn begin(&mut self) {
        self.state = State::Start;
    }

    /// Takes a further line of the row, its line end included; true when the row ends with it.
    pub(crate) fn ends_with(&mut self, line: &[u8]) -> bool {
        for byte in line {
            self.state = match (self.state, *byte) {
                (State::Quoted, b'"') => State::Closing,
                (State::Quoted, _) | (State::Start | State::Closing, b'"') => State::Quoted,
                (_, byte) if byte == self.delimiter => State::Start,
                _ => State::Bare,
            };
        }
        self.state != State::Quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> usize {
        let mut lines = text.split_inclusive('\n');
        let mut end = RowEnd::new(lines.next().unwrap().as_bytes());
        end.begin();
        lines
            .filter(|line| {
                let over = end.ends_with(line.as_bytes());
                if over {
                    end.begin();
                }
                over
            })
            .count()
    }

    #[test]
    fn quotes_hold_line_ends_only_where_a_cell_begins_with_one() {
        assert_eq!(rows("a,b\n1,2\n\"x\ny\",3\n4,\"5\"\"\n\"\n"), 3);
        assert_eq!(rows("a;b\nx\"y;1\n2;\"3\n\"\n"), 2);
        assert_eq!(rows("a,b\n\"p\"q,2\n4,5\n"), 2);
        assert_eq!(rows("a,b\n\"never closed\n1,2\n"), 0);
    }
}
