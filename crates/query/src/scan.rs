//! Reads the smallest pieces of a query's text: words, quoted texts, names. It knows where it is and nothing of
//! what the pieces mean.

use crate::diagnostic::{Code, Diagnostic, Suggestion};
use crate::quoting::{is_invisible, is_name_byte, quoted};

/// White space between terms. Other white space counts as invisible and belongs in quotes.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A place in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

/// A piece of a value, and whether it stood in quotes.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) quoted: bool,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Piece {
    pub(crate) fn is_absent(&self) -> bool {
        !self.quoted && self.text.is_empty()
    }

    /// The piece's place as a diagnostic.
    pub(crate) fn wrong(
        &self,
        code: Code,
        message: impl Into<String>,
        suggestions: Vec<Suggestion>,
    ) -> Diagnostic {
        let (offset, len) = (self.start, self.end - self.start);
        Diagnostic { offset, len, code, message: message.into(), suggestions }
    }
}

pub(crate) fn suggest(label: &str, replacement: impl Into<String>) -> Suggestion {
    Suggestion { label: label.to_owned(), replacement: replacement.into() }
}

pub(crate) const LEAVE_OUT: &str = "leave it out";
pub(crate) const SEARCH_TEXT: &str = "search for the text";
pub(crate) const LITERALLY: &str = "take it literally";

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    pub(crate) fn between(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or("")
    }

    pub(crate) fn skip_space(&mut self) {
        self.at += self.rest().bytes().take_while(|&b| is_space(b)).count();
    }

    /// Reads `token` if it stands here.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let here = self.rest().starts_with(token);
        if here {
            self.at += token.len();
        }
        here
    }

    /// Whether a value or quoted text may end here.
    pub(crate) fn at_end_of_value(&self) -> bool {
        self.peek().is_none_or(|b| is_space(b) || b == b',' || b == b')')
    }

    /// Length of the run of bytes before one of `stops` or white space. All stops are ASCII, so it ends on a character.
    pub(crate) fn run(&self, stops: &[u8]) -> usize {
        self.rest().bytes().take_while(|b| !is_space(*b) && !stops.contains(b)).count()
    }

    /// The end of the term that starts here: white space or a closing parenthesis that are not in quotes.
    pub(crate) fn term_end(&self) -> usize {
        let (mut open, mut quoted, mut escaped) = (0_usize, false, false);
        for (at, byte) in self.rest().bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'(' => open += 1,
                b')' if open == 0 => return self.at + at,
                b')' => open -= 1,
                b if is_space(b) => return self.at + at,
                _ => {}
            }
        }
        self.text.len()
    }

    /// Reads a name of a field; `None` when there is none.
    pub(crate) fn name(&mut self) -> Option<&'a str> {
        let length = self.rest().bytes().take_while(|&b| is_name_byte(b)).count();
        let name = self.rest().get(..length).filter(|name| !name.is_empty())?;
        self.at += length;
        Some(name)
    }

    /// Reads a quoted text; the opening quote stands here.
    pub(crate) fn quoted(&mut self) -> Result<String, Diagnostic> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.rest().chars().next() {
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(text);
                }
                '\\' if self.rest().len() > 1 => text.push(self.escape()?),
                c => {
                    self.at += c.len_utf8();
                    text.push(c);
                }
            }
        }
        let suggestions = vec![suggest("close the quotation", quoted(&text))];
        let message = "the quotation mark is not closed".to_owned();
        Err(Diagnostic { offset: start, len: self.at - start, code: Code::QuoteOpen, message, suggestions })
    }

    fn escape(&mut self) -> Result<char, Diagnostic> {
        let rest = self.rest();
        let second = rest.chars().nth(1).unwrap_or('\\');
        let plain = match second {
            '"' | '\\' => Some(second),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            _ => None,
        };
        if let Some(c) = plain {
            self.at += 2;
            return Ok(c);
        }
        let hex = rest.strip_prefix("\\u{").and_then(|rest| rest.split_once('}')).map(|(hex, _)| hex);
        let code =
            hex.filter(|hex| (1..=6).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(hex) = code
            && let Some(c) = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)
        {
            self.at += hex.len() + "\\u{}".len();
            return Ok(c);
        }
        Err(Diagnostic {
            offset: self.at,
            len: 1 + second.len_utf8(),
            code: Code::EscapeUnknown,
            message: "known after a backslash are \", \\, n, r, t and u{…} with a character's number"
                .to_owned(),
            suggestions: vec![suggest("a backslash itself", format!("\\\\{second}"))],
        })
    }

    /// Reads one end of a value: a quoted text, or a run that ends before `..`. It may be empty.
    pub(crate) fn piece(&mut self) -> Result<Piece, Diagnostic> {
        let start = self.at;
        if self.peek() == Some(b'"') {
            let text = self.quoted()?;
            return Ok(Piece { text, quoted: true, start, end: self.at });
        }
        let run = self.rest().get(..self.run(b",)(\"")).unwrap_or("");
        let text = run.split_once("..").map_or(run, |(before, _)| before);
        self.at += text.len();
        let piece = Piece { text: text.to_owned(), quoted: false, start, end: self.at };
        if let Some(hidden) = text.chars().find(|&c| is_invisible(c)) {
            return Err(piece.wrong(
                Code::CharacterInvisible,
                hidden_message(hidden),
                vec![suggest(LITERALLY, quoted(text))],
            ));
        }
        Ok(piece)
    }
}

pub(crate) fn hidden_message(c: char) -> String {
    format!(
        "holds the character U+{:04X}, which cannot be seen; write it in quotes as \\u{{{0:x}}}",
        u32::from(c)
    )
}
