//! HTTP/1.1 in the smallest form that measures a server: requests made ahead, one outstanding per connection.
//!
//! It must use as little of the machine as possible, because it runs beside the server it measures: one thread, no
//! allocation per request, answers looked at only as far as needed.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail, ensure};

/// How much is read at once: answers to single events fit, answers to batches take some rounds.
const READ_BYTES: usize = 1 << 13;

/// An answer's head and the summary at the beginning of its body fit in this.
const SUMMARY_BYTES: usize = 1 << 10;

/// A whole request as bytes: head and body.
pub fn request(host: &str, path: &str, token: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

/// What an answer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How many events were stored: the count of a batch, or 1 for a single event that was.
    pub stored: u64,
    /// Whether anything was found about the events: then they took another path than intended.
    pub flagged: bool,
}

/// A connection that sends one request at a time and never blocks.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    sent: usize,
    received: Vec<u8>,
    /// Length of head and body of the answer under way, once its head is there.
    expected: Option<usize>,
}

impl Connection {
    /// Connects, without delay of small packets.
    pub fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, sent: 0, received: Vec::with_capacity(1 << 14), expected: None })
    }

    /// The socket, to be waited on.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Forgets the last exchange, before a new request.
    pub fn begin(&mut self) {
        self.sent = 0;
        self.received.clear();
        self.expected = None;
    }

    /// Sends as much of a request as the socket takes; `true` when all of it is out.
    pub fn send(&mut self, request: &[u8]) -> Result<bool> {
        while let Some(rest) = request.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.write_some(rest) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("sending"),
            }
        }
        Ok(true)
    }

    #[expect(clippy::disallowed_methods, reason = "a short write is counted and continued")]
    fn write_some(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    /// Reads what is there; the answer once it is whole.
    pub fn receive(&mut self) -> Result<Option<Answer>> {
        loop {
            let filled = self.received.len();
            self.received.resize(filled + READ_BYTES, 0);
            let read = self.stream.read(&mut self.received[filled..]);
            self.received.truncate(filled + read.as_ref().map_or(0, |count| *count));
            match read {
                Ok(0) => bail!("the server closed the connection"),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("receiving"),
            }
            if let Some(answer) = self.whole_answer()? {
                return Ok(Some(answer));
            }
        }
    }

    fn whole_answer(&mut self) -> Result<Option<Answer>> {
        if self.expected.is_none() {
            self.expected = answer_length(&self.received)?;
        }
        match self.expected {
            Some(expected) if self.received.len() >= expected => {
                ensure!(self.received.len() == expected, "more than one answer to one request");
                Ok(Some(answer(&self.received)?))
            }
            _ => Ok(None),
        }
    }
}

/// Length of head and body, once the head is whole.
fn answer_length(received: &[u8]) -> Result<Option<usize>> {
    let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("an answer without content-length")?.trim().parse()?;
    Ok(Some(end + 4 + length))
}

fn status(received: &[u8]) -> Result<u16> {
    let digits = received.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.context("an answer without status")?.parse().context("a status that is no number")
}

/// Reads the status and, near the beginning of the body, what became of the events.
fn answer(received: &[u8]) -> Result<Answer> {
    let near = received.get(..received.len().min(SUMMARY_BYTES)).unwrap_or_default();
    let near = String::from_utf8_lossy(near);
    let single = u64::from(near.contains("\"status\":\"stored\""));
    let stored = count(&near, "\"stored\":").unwrap_or(single);
    let flagged = count(&near, "\"flagged\":").is_some_and(|count| count > 0) || near.contains("\"flags\":");
    Ok(Answer { status: status(received)?, stored, flagged })
}

fn count(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The first part of an answer, for messages.
pub fn excerpt(connection: &Connection) -> String {
    String::from_utf8_lossy(&connection.received).chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let batch = b"HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"counts\":{\"stored\": 1000}";
        assert_eq!(answer_length(batch).unwrap(), Some(batch.len()));
        assert_eq!(answer_length(&batch[..20]).unwrap(), None);
        assert_eq!(answer(batch).unwrap(), Answer { status: 200, stored: 1000, flagged: false });
        let single = b"HTTP/1.1 201 Created\r\n\r\n{\"status\":\"stored\",\"flags\":[\"late\"]}";
        assert_eq!(answer(single).unwrap(), Answer { status: 201, stored: 1, flagged: true });
        assert_eq!(answer(b"HTTP/1.1 422 Refused\r\n\r\n{}").unwrap().stored, 0);
        assert!(answer_length(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
