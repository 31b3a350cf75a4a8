//! A syslog listener over UDP, TCP or TLS.
//!
//! Syslog has no acknowledgement: what a sender may rely on is that a connection is read no faster than events become
//! durable.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use indelible_formats::MAX_RECORD_BYTES;
use indelible_formats::syslog::Syslog as Parts;
use indelible_formats::syslog_frames::{Frame, Frames};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::Sink;
use crate::destination::syslog::Transport;
use crate::settings::settings;
use crate::tls;

/// Most senders that may be connected to one source.
const MAX_CONNECTIONS: usize = 10_000;
/// Bytes read of a connection at once: each has a buffer of its own.
const READ: usize = 16 * 1024;
/// Largest datagram.
const DATAGRAM: usize = 64 * 1024;
/// Longest time that a sender may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Wait after a connection could not be accepted, such as for lack of file handles.
const PAUSE: Duration = Duration::from_millis(100);

settings! {
    /// A syslog listener for RFC 5424 and RFC 3164. Over TCP and TLS a message says its length or ends with LF (RFC 6587);
    /// over UDP each datagram is one. A connection is read no faster than events become durable. Datagrams that find no room
    /// are lost, as UDP has it, and counted as `overflow`. Sources are made by administrators of the node (`node.admin`).
    Syslog {
        /// Address and port to listen on.
        listen: String = "127.0.0.1:6514".to_owned(),
        /// `udp`, `tcp` or `tls`.
        transport: Transport = Transport::Tcp,
        /// File with our certificate and its chain in PEM, for TLS.
        cert_file: String = String::new(),
        /// File with its private key in PEM.
        key_file: String = String::new(),
        /// File with the certificates in PEM that senders need to have one of; nobody needs one when empty.
        client_ca_file: String = String::new(),
        /// Largest message in bytes; a larger one is refused as `event_too_large` and never cut.
        max_message_bytes: usize = MAX_RECORD_BYTES,
        /// Most senders at once.
        max_connections: usize = 1_000,
    }
}

impl Syslog {
    pub(super) fn check(&self) -> Result<(), String> {
        self.address()?;
        if self.max_message_bytes == 0 || self.max_message_bytes > MAX_RECORD_BYTES {
            return Err(format!("max_message_bytes must be 1 to {MAX_RECORD_BYTES}"));
        }
        if self.max_connections == 0 || self.max_connections > MAX_CONNECTIONS {
            return Err(format!("max_connections must be 1 to {MAX_CONNECTIONS}"));
        }
        Ok(())
    }

    fn address(&self) -> Result<SocketAddr, String> {
        self.listen
            .parse()
            .map_err(|_| format!("listen {:?} is no address and port such as 0.0.0.0:6514", self.listen))
    }
}

/// Where a record of a message goes, and how it is cut out.
#[derive(Clone)]
struct Receiver {
    sink: Sink,
    whole: bool,
    max_bytes: usize,
}

impl Receiver {
    /// The record of a message: itself, or what it carries.
    fn record(&self, message: Vec<u8>) -> Vec<u8> {
        if self.whole { message } else { Parts::read(&message).message.to_vec() }
    }

    fn too_large(&self) {
        self.sink.received();
        self.sink.refuse("event_too_large");
    }
}

pub(super) async fn listen(
    settings: &Syslog,
    whole: bool,
    sink: Sink,
) -> Result<(JoinSet<()>, SocketAddr), String> {
    let address = settings.address()?;
    let receiver = Receiver { sink, whole, max_bytes: settings.max_message_bytes };
    let said = |error: std::io::Error| format!("cannot listen on {address}: {error}");
    let mut listeners = JoinSet::new();
    if settings.transport == Transport::Udp {
        let socket = UdpSocket::bind(address).await.map_err(said)?;
        let bound = socket.local_addr().map_err(said)?;
        listeners.spawn(datagrams(socket, receiver));
        return Ok((listeners, bound));
    }
    let tls = match settings.transport {
        Transport::Tls => Some(TlsAcceptor::from(tls::server(
            &settings.cert_file,
            &settings.key_file,
            &settings.client_ca_file,
        )?)),
        _ => None,
    };
    let listener = TcpListener::bind(address).await.map_err(said)?;
    let bound = listener.local_addr().map_err(said)?;
    let places = Arc::new(Semaphore::new(settings.max_connections));
    listeners.spawn(connections(listener, tls, places, receiver));
    Ok((listeners, bound))
}

async fn datagrams(socket: UdpSocket, receiver: Receiver) {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(length) if length > receiver.max_bytes => receiver.too_large(),
            Ok(length) => {
                let message = buffer.get(..length).unwrap_or_default().to_vec();
                receiver.sink.put_or_lose(receiver.record(message));
            }
            Err(error) => {
                tracing::warn!(%error, "a datagram was not received");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Accepts connections; those within end with it.
async fn connections(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    receiver: Receiver,
) {
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            receiver.sink.refuse("too_many_connections");
            continue;
        };
        let (tls, receiver) = (tls.clone(), receiver.clone());
        open.spawn(async move {
            let Some(tls) = tls else { return read(stream, receiver, place).await };
            match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => read(stream, receiver, place).await,
                Ok(Err(_)) | Err(_) => receiver.sink.refuse("tls"),
            }
        });
    }
}

async fn read(mut stream: impl AsyncRead + Unpin, receiver: Receiver, _place: OwnedSemaphorePermit) {
    receiver.sink.count(|tally| tally.connections += 1);
    let mut frames = Frames::new(receiver.max_bytes);
    let mut buffer = vec![0; READ];
    loop {
        let ended = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => true,
            Ok(length) => {
                frames.push(buffer.get(..length).unwrap_or_default());
                false
            }
        };
        while let Some(frame) = frames.next_frame().or_else(|| if ended { frames.end() } else { None }) {
            match frame {
                Frame::Whole(message) => receiver.sink.put(receiver.record(message)).await,
                Frame::TooLarge => receiver.too_large(),
            }
        }
        if ended {
            break;
        }
    }
    receiver.sink.count(|tally| tally.connections -= 1);
}
