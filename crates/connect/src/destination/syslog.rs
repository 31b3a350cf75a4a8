//! A syslog receiver: RFC 5424 messages over UDP, TCP or TLS.

use std::time::Duration;

use async_trait::async_trait;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use super::{Clock, host_and_port};
use crate::delivery::{Destination, Fault, Message};
use crate::guard;
use crate::settings::settings;
use crate::tls;

/// Longest time for a connection, and for a batch to be taken.
const WITHIN: Duration = Duration::from_secs(15);
/// Largest datagram that every network carries whole is far smaller; this is what UDP can say at all.
const MAX_DATAGRAM: usize = 65_000;
/// Severity notice.
const NOTICE: u8 = 5;
/// Highest facility.
const MAX_FACILITY: u8 = 23;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams, which may get lost.
    Udp,
    /// A connection.
    Tcp,
    /// An encrypted connection.
    Tls,
}

impl Transport {
    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

settings! {
    /// A syslog receiver. Each event is one RFC 5424 message whose structured data `indelible@32473` holds id, position and
    /// routing key; over TCP and TLS it says its length (RFC 6587). Syslog confirms nothing: what the network took counts as
    /// delivered. When a connection turns out to be broken, the batch before it is sent again.
    Syslog {
        /// Host and port of the receiver.
        address: String = String::new(),
        /// `udp`, `tcp` or `tls`.
        transport: Transport = Transport::Tls,
        /// File with the certificates in PEM that are trusted, for TLS.
        ca_file: String = String::new(),
        /// Name in the receiver's certificate, if it is not the host's.
        server_name: String = String::new(),
        /// Facility number; 13 is log audit.
        facility: u8 = 13,
        /// Name of the program that messages name.
        app: String = "indelible".to_owned(),
        /// Whether the address may lie in this machine or its networks; needs `node.admin`.
        allow_internal: bool = false,
    }
}

impl Syslog {
    pub(super) fn check(&self) -> Result<(), String> {
        host_and_port(&self.address)?;
        let printable = !self.app.is_empty() && self.app.len() <= 48;
        if self.facility > MAX_FACILITY || !printable || !self.app.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("facility is at most {MAX_FACILITY}, app 1 to 48 visible ASCII characters"));
        }
        if self.transport == Transport::Tls { self.tls().map(|_| ()) } else { Ok(()) }
    }

    fn tls(&self) -> Result<(TlsConnector, ServerName<'static>), String> {
        let (host, _) = host_and_port(&self.address)?;
        let name = if self.server_name.is_empty() { host } else { &self.server_name };
        let server = ServerName::try_from(name.trim_matches(['[', ']']).to_owned())
            .map_err(|_| format!("{name:?} is no name of a server"))?;
        Ok((TlsConnector::from(tls::client(&self.ca_file)?), server))
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

enum Open {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>),
}

/// The receiver while it is used.
pub(super) struct Sender {
    settings: Syslog,
    clock: Clock,
    open: Option<Open>,
    /// What was written last, and may have been lost with its connection.
    unsure: Vec<u8>,
}

impl Sender {
    pub(super) fn new(settings: Syslog, clock: Clock) -> Result<Self, String> {
        settings.check()?;
        Ok(Self { settings, clock, open: None, unsure: Vec::new() })
    }

    async fn connect(&self) -> Result<Open, String> {
        let settings = &self.settings;
        let (host, port) = host_and_port(&settings.address)?;
        let addresses = guard::lookup(host, port, settings.allow_internal).await?;
        let said = |error: std::io::Error| format!("{}: {error}", settings.address);
        if settings.transport == Transport::Udp {
            let to = addresses.first().ok_or_else(|| format!("{host} has no address"))?;
            let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(from).await.map_err(said)?;
            socket.connect(to).await.map_err(said)?;
            return Ok(Open::Datagrams(socket));
        }
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(said)?;
        if settings.transport == Transport::Tcp {
            return Ok(Open::Stream(Box::new(stream)));
        }
        let (connector, server) = settings.tls()?;
        Ok(Open::Stream(Box::new(connector.connect(server, stream).await.map_err(said)?)))
    }

    fn line(&self, message: &Message) -> Vec<u8> {
        let priority = self.settings.facility * 8 + NOTICE;
        let time = timestamp((self.clock)());
        // Double quotes, backslashes and brackets are escaped in values (RFC 5424 section 6.3.3).
        let key = message.routing_key.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
        let head = format!(
            "<{priority}>1 {time} - {} - {} [indelible@32473 id=\"{}\" index=\"{}\" key=\"{key}\"] ",
            self.settings.app, message.index, message.id, message.index
        );
        [head.as_bytes(), &message.body].concat()
    }

    async fn send(&mut self, lines: Vec<Vec<u8>>) -> Result<(), Fault> {
        let said = |error: std::io::Error| Fault::down(format!("{}: {error}", self.settings.address));
        if let Some(Open::Stream(stream)) = &mut self.open
            && is_over(stream.as_mut()).await
        {
            self.open = None;
        }
        let (mut open, again) = match self.open.take() {
            Some(open) => (open, Vec::new()),
            None => (self.connect().await.map_err(Fault::down)?, std::mem::take(&mut self.unsure)),
        };
        match &mut open {
            Open::Datagrams(socket) => {
                for (at, line) in lines.iter().enumerate() {
                    if line.len() > MAX_DATAGRAM {
                        self.open = Some(open);
                        return Err(Fault::refused("it is too large for a datagram").after(at));
                    }
                    socket.send(line).await.map_err(|error| said(error).after(at))?;
                }
            }
            Open::Stream(stream) => {
                let mut bytes = Vec::new();
                for line in &lines {
                    bytes.extend_from_slice(format!("{} ", line.len()).as_bytes());
                    bytes.extend_from_slice(line);
                }
                let all = [again.as_slice(), &bytes].concat();
                let written = async {
                    stream.write_all(&all).await?;
                    stream.flush().await
                };
                if let Err(error) = written.await {
                    self.unsure = again;
                    return Err(said(error));
                }
                self.unsure = bytes;
            }
        }
        self.open = Some(open);
        Ok(())
    }
}

/// Whether the other side has closed; receivers of syslog say nothing, so that anything to be read is its end.
async fn is_over(stream: &mut dyn Stream) -> bool {
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut byte)).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

/// RFC 3339 in UTC with microseconds, the most that RFC 5424 takes.
fn timestamp(now_ns: i64) -> String {
    let (days, of_day) = (now_ns.div_euclid(86_400_000_000_000), now_ns.rem_euclid(86_400_000_000_000));
    // Days since 0000-03-01 in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let (seconds, micros) = (of_day / 1_000_000_000, of_day % 1_000_000_000 / 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let year = year + era * 400 + carry;
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[async_trait]
impl Destination for Sender {
    async fn deliver(&mut self, messages: &[Message]) -> Result<(), Fault> {
        let lines = messages.iter().map(|message| self.line(message)).collect();
        let sent = tokio::time::timeout(WITHIN, self.send(lines)).await;
        sent.unwrap_or_else(|_| Err(Fault::down(format!("{} does not take it", self.settings.address))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ns, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_795_303_327_045_000_000, "2026-11-21T23:22:07.045000Z"),
            (-1_000, "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(timestamp(ns), expected);
        }
    }
}
