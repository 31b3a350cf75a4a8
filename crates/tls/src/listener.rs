//! Taking connections: each is handed on once its handshake is done, and none waits for another's.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificate::Certificate;
use crate::identity::Identity;

/// A handshake takes two round trips; whoever needs longer holds a place that others want.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once; each holds some 40 KiB and, for a moment, a core.
const MAX_HANDSHAKES: usize = 512;
/// Connections that are ready and not taken yet.
const READY: usize = 64;
/// After the system refused to accept (too many open files), before trying again.
const PAUSE: Duration = Duration::from_millis(200);
/// First byte of a TLS connection: the record type `handshake`.
const HANDSHAKE_RECORD: u8 = 0x16;
/// As much as is read of a request that was sent without TLS, so that the answer is not lost with it.
const MAX_PLAIN_BYTES: usize = 16 * 1024;
const PLAIN_ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 67\r\n\r\nthis port speaks TLS only: write https:// instead of http:// here.\n";

/// A connection that is encrypted.
pub type Stream = TlsStream<TcpStream>;

/// A connection whose handshake is done.
#[derive(Debug)]
pub struct Accepted {
    /// What to read and write.
    pub stream: Stream,
    /// Where it comes from.
    pub address: SocketAddr,
    /// The certificate that the client showed, verified by the authorities in force.
    pub certificate: Option<Arc<Certificate>>,
}

/// A listening socket that speaks TLS and nothing else. Dropping it closes the socket and ends handshakes.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    ready: mpsc::Receiver<Accepted>,
    _accepting: JoinSet<()>,
}

impl Listener {
    /// Begins to take connections of a socket; needs a runtime.
    pub fn new(socket: TcpListener, identity: Arc<Identity>) -> io::Result<Self> {
        let address = socket.local_addr()?;
        let (sender, ready) = mpsc::channel(READY);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept_all(socket, identity, sender));
        Ok(Self { address, ready, _accepting: accepting })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next connection.
    pub async fn accept(&mut self) -> Accepted {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The accepting task ends only with the runtime.
            None => std::future::pending().await,
        }
    }
}

async fn accept_all(socket: TcpListener, identity: Arc<Identity>, ready: mpsc::Sender<Accepted>) {
    let places = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let mut handshakes = JoinSet::new();
    loop {
        while handshakes.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, address)) = socket.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (acceptor, ready) = (TlsAcceptor::from(identity.in_force()), ready.clone());
        handshakes.spawn(async move {
            // Who hangs up, is too slow or shows no good certificate was told so by TLS itself.
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, secure(acceptor, stream)).await {
                let certificate = shown(&stream).map(Arc::new);
                // Fails only when nobody takes connections any more.
                let _gone = ready.send(Accepted { stream, address, certificate }).await;
            }
            drop(place);
        });
    }
}

async fn secure(acceptor: TlsAcceptor, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE_RECORD] {
        let mut request = vec![0; MAX_PLAIN_BYTES];
        let _length = stream.read(&mut request).await?;
        stream.write_all(PLAIN_ANSWER.as_bytes()).await?;
        stream.shutdown().await?;
        return Err(io::ErrorKind::InvalidData.into());
    }
    stream.set_nodelay(true)?;
    acceptor.accept(stream).await
}

fn shown(stream: &TlsStream<TcpStream>) -> Option<Certificate> {
    let chain = stream.get_ref().1.peer_certificates()?;
    Certificate::of_der(chain.first()?)
}
