//! Syslog over a stream (RFC 6587): messages that say their length, and messages that end with LF, told apart one by one.

/// Most digits of a length: seven suffice for far more than a message may have.
const MAX_DIGITS: usize = 7;

/// What a stream holds next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Whole(Vec<u8>),
    /// A message larger than the limit, which was passed over.
    TooLarge,
}

/// Cuts a stream into messages.
#[derive(Debug)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Where the first byte that is not cut yet stands.
    at: usize,
    max_bytes: usize,
    /// What is left of a message that is passed over: so many bytes, or all up to LF.
    passing: Passing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passing {
    Nothing,
    Bytes(usize),
    Line,
}

impl Frames {
    /// Messages of at most so many bytes. No more than that and one read is ever held.
    pub fn new(max_bytes: usize) -> Self {
        Self { buffer: Vec::new(), at: 0, max_bytes, passing: Passing::Nothing }
    }

    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message that is there as a whole.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            self.pass()?;
            let rest = self.buffer.get(self.at..).filter(|rest| !rest.is_empty())?;
            let cut = match counted(rest) {
                Counted::Unknown => Cut::More,
                Counted::Yes { head, length } => self.cut_counted(head, length),
                Counted::No => self.cut_line(),
            };
            match cut {
                Cut::Frame(frame) => return Some(frame),
                Cut::Blank => {}
                Cut::More => return None,
            }
        }
    }

    /// What is left at the end of the stream: a last line without LF.
    pub fn end(&mut self) -> Option<Frame> {
        if self.passing != Passing::Nothing {
            return None;
        }
        let rest = self.buffer.get(self.at..).unwrap_or_default().trim_ascii().to_vec();
        self.at = self.buffer.len();
        (!rest.is_empty()).then_some(Frame::Whole(rest))
    }

    /// Passes over what is left of an oversized message; `None` while more has to come.
    fn pass(&mut self) -> Option<()> {
        let there = self.buffer.len() - self.at;
        match self.passing {
            Passing::Nothing => return Some(()),
            Passing::Bytes(left) if left <= there => self.at += left,
            Passing::Bytes(left) => {
                self.at += there;
                self.passing = Passing::Bytes(left - there);
                return None;
            }
            Passing::Line => {
                let end = memchr::memchr(b'\n', self.buffer.get(self.at..).unwrap_or_default());
                self.at += end.map_or(there, |end| end + 1);
                end?;
            }
        }
        self.passing = Passing::Nothing;
        Some(())
    }

    fn cut_counted(&mut self, head: usize, length: usize) -> Cut {
        if length > self.max_bytes {
            self.at += head;
            self.passing = Passing::Bytes(length);
            return Cut::Frame(Frame::TooLarge);
        }
        let start = self.at + head;
        let Some(frame) = self.buffer.get(start..start + length) else { return Cut::More };
        let frame = frame.to_vec();
        self.at = start + length;
        Cut::Frame(Frame::Whole(frame))
    }

    /// A line; blank ones and the NUL that some senders end with are passed over.
    fn cut_line(&mut self) -> Cut {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            if rest.len() <= self.max_bytes {
                return Cut::More;
            }
            self.passing = Passing::Line;
            return Cut::Frame(Frame::TooLarge);
        };
        let line = rest.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.strip_prefix(b"\0").unwrap_or(line);
        let cut = match line {
            line if line.len() > self.max_bytes => Cut::Frame(Frame::TooLarge),
            line if line.trim_ascii().is_empty() => Cut::Blank,
            line => Cut::Frame(Frame::Whole(line.to_vec())),
        };
        self.at += end + 1;
        cut
    }
}

/// What cutting gave.
enum Cut {
    Frame(Frame),
    /// A line with nothing in it.
    Blank,
    /// Too little has come.
    More,
}

enum Counted {
    /// `LENGTH SP <…`: so long with its space, so long the message.
    Yes {
        head: usize,
        length: usize,
    },
    No,
    /// Too little has come to tell.
    Unknown,
}

/// Whether a message begins with its length. A length is followed by `<`, so that a line of digits is a line.
fn counted(rest: &[u8]) -> Counted {
    let digits = rest.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > MAX_DIGITS || rest.starts_with(b"0") {
        return Counted::No;
    }
    match (rest.get(digits), rest.get(digits + 1)) {
        (None, _) | (Some(b' '), None) => Counted::Unknown,
        (Some(b' '), Some(b'<')) => {
            let text = rest.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
            match text.and_then(|text| text.parse().ok()) {
                Some(length) => Counted::Yes { head: digits + 1, length },
                None => Counted::No,
            }
        }
        _ => Counted::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of a stream that arrives in pieces of so many bytes.
    fn cut(stream: &[u8], piece: usize) -> Vec<String> {
        let mut frames = Frames::new(20);
        let mut found = Vec::new();
        for piece in stream.chunks(piece) {
            frames.push(piece);
            found.extend(std::iter::from_fn(|| frames.next_frame()));
        }
        found.extend(frames.end());
        let show = |frame| match frame {
            Frame::Whole(bytes) => String::from_utf8(bytes).unwrap(),
            Frame::TooLarge => "too large".to_owned(),
        };
        found.into_iter().map(show).collect()
    }

    #[test]
    fn a_stream_is_cut_the_same_however_it_arrives() {
        let stream = b"5 <1>ab<2>line\r\n\n6 <3>a\nb<4>zero\n\0<5>nul\n30 <6>aaaaaaaaaaaaaaaaaaaaaaaaaaa<7>after\n<8>bbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n{\"a\":1}\n12345\n12 x\n123456789 <x\n<9>last";
        let expected = [
            "<1>ab",
            "<2>line",
            "<3>a\nb",
            "<4>zero",
            "<5>nul",
            "too large",
            "<7>after",
            "too large",
            "{\"a\":1}",
            "12345",
            "12 x",
            "123456789 <x",
            "<9>last",
        ];
        for piece in 1..stream.len() {
            assert_eq!(cut(stream, piece), expected, "in pieces of {piece}");
        }
    }
}
