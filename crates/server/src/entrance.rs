//! The doors of the service: which addresses it may listen on, plain or with TLS, and who came in through them.
//!
//! Keys never cross a network in clear: an address that others can reach needs a certificate of our own, or a proxy in
//! front that has one. A client's certificate counts only when our own handshake verified it; what a request says about
//! certificates by itself is thrown away.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::serve::{IncomingStream, Listener};
use indelible_tls::{Certificate, Files, Identity};
use tokio::net::{TcpListener, TcpStream};

use crate::app::App;
use crate::audit::Act;
use crate::config::Config;

/// The settings that say where the service listens.
pub(crate) const LISTENERS: [&str; 2] = ["http.listen", "http.admin_listen"];
/// Carries what the connection's certificate says from the connection to whoever asks for it. Every request loses what it
/// brought under this name before it gets its own.
pub(crate) static CERTIFICATE: HeaderName = HeaderName::from_static("indelible-connection-certificate");

/// The certificate files of the settings; `None` without TLS.
pub fn files(config: &Config) -> Result<Option<Files>, String> {
    let path = |key: &str| config.path(key);
    match (path("tls.certificate"), path("tls.key"), path("tls.client_ca")) {
        (Some(certificate), Some(key), client_ca) => Ok(Some(Files { certificate, key, client_ca })),
        (None, None, None) => Ok(None),
        (None, None, Some(_)) => Err(
            "tls.client_ca verifies clients of a server that speaks TLS: set tls.certificate and tls.key too"
                .to_owned(),
        ),
        (Some(_), None, _) => {
            Err("tls.certificate is of no use alone: set tls.key to the file of its private key".to_owned())
        }
        (None, Some(_), _) => {
            Err("tls.key is of no use alone: set tls.certificate to the file of its certificate".to_owned())
        }
    }
}

/// Addresses that would carry keys over a network in clear, a sentence each.
pub fn exposed(config: &Config) -> Vec<String> {
    let secure = config.text("tls.certificate").is_some() || config.bool("http.behind_proxy");
    let open = LISTENERS.into_iter().filter(|key| !secure && !config.address(key).ip().is_loopback());
    let sentence = |key: &str| {
        let address = config.address(key);
        format!(
            "{key} = {address} would carry API keys over the network in clear: set tls.certificate and tls.key, or put a proxy that ends TLS in front and set http.behind_proxy = true, or listen on 127.0.0.1"
        )
    };
    open.map(sentence).collect()
}

/// Whether a listener speaks TLS: the API's always when there is a certificate, the other one when others can reach it.
pub fn is_secure(config: &Config, key: &str) -> bool {
    let certificate = config.text("tls.certificate").is_some();
    certificate && (key == "http.listen" || !config.address(key).ip().is_loopback())
}

/// Where a connection comes from, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: Option<Arc<Certificate>>,
}

/// A listener without TLS.
pub(crate) struct Plain(pub(crate) TcpListener);

/// A listener with TLS.
pub(crate) struct Secure(pub(crate) indelible_tls::Listener);

impl Listener for Plain {
    type Io = TcpStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (TcpStream, Peer) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (stream, Peer { address, certificate: None })
    }

    fn local_addr(&self) -> std::io::Result<Peer> {
        Ok(Peer { address: self.0.local_addr()?, certificate: None })
    }
}

impl Listener for Secure {
    type Io = indelible_tls::Stream;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Peer) {
        let accepted = self.0.accept().await;
        (accepted.stream, Peer { address: accepted.address, certificate: accepted.certificate })
    }

    fn local_addr(&self) -> std::io::Result<Peer> {
        Ok(Peer { address: self.0.local_addr(), certificate: None })
    }
}

impl Connected<IncomingStream<'_, Plain>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Plain>) -> Self {
        stream.remote_addr().clone()
    }
}

impl Connected<IncomingStream<'_, Secure>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Secure>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A certificate as the value of [`CERTIFICATE`]: digest of its key, then its names, between spaces.
pub(crate) fn header_of(certificate: &Certificate) -> Option<HeaderValue> {
    let mut text = crate::console::hex(&certificate.key_sha256);
    // A name with a space would read as two.
    for name in certificate.names.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic())) {
        text.push(' ');
        text.push_str(name);
    }
    HeaderValue::from_str(&text).ok()
}

/// The certificate of the connection that a request came over.
pub(crate) fn shown(headers: &HeaderMap) -> Option<indelible_control::Certificate> {
    let mut parts = headers.get(&CERTIFICATE)?.to_str().ok()?.split(' ');
    let key_sha256 = crate::claim::unhex(parts.next()?)?;
    Some(indelible_control::Certificate { key_sha256, names: parts.map(str::to_owned).collect() })
}

/// Puts changed certificate files in force, or tells why not; `always` even if they look the same.
pub(crate) async fn renew(app: &Arc<App>, identity: &Arc<Identity>, always: bool) -> Option<String> {
    let worker = Arc::clone(identity);
    let read = crate::blocking(move || {
        Ok(if always { worker.reload().map(|()| true) } else { worker.reload_if_changed() })
    });
    let act = || {
        let files = identity.files();
        Act::new("CONFIG.UPDATE").target("certificate", &files.certificate.display().to_string())
    };
    match read.await {
        Ok(Ok(false)) => None,
        Ok(Ok(true)) => {
            app.record(
                app.system_log(),
                act().saying("the certificate files were read again and are in force"),
            );
            None
        }
        Ok(Err(error)) => Some(error.to_string()),
        Err(problem) => Some(problem.detail),
    }
}
