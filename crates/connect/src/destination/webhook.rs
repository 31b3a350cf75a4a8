//! A webhook: one request an event, signed as Standard Webhooks says, so that the receiver knows who sent it and that it
//! is new.

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::http::{StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::Clock;
use crate::delivery::{Destination, Fault, Message};
use crate::guard;
use crate::settings::settings;

/// What stands before a secret.
const PREFIX: &str = "whsec_";
/// Shortest and longest secret in bytes, as Standard Webhooks says.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Longest time for an answer that may be set.
const MAX_TIMEOUT_S: u64 = 60;

settings! {
    /// An HTTP address that is sent one POST request for each event, in the order of the log. The headers are those of
    /// Standard Webhooks: `webhook-id` is the event's id and the same when it is sent again, `webhook-timestamp` the time of
    /// sending, `webhook-signature` an HMAC-SHA256 over both and the body. Any status from 200 to 299 confirms the event;
    /// 400, 406, 409, 413, 415, 422 and 500 refuse it; every other answer, a redirection among them, is tried again.
    Webhook {
        /// Address, `https://` or `http://`.
        url: String = String::new(),
        /// Secret of the signature, `whsec_` and base64; made and shown once when none is given.
        secret: String = String::new(),
        /// Seconds to wait for an answer.
        timeout_s: u64 = 10,
        /// File with the certificates in PEM that are trusted instead of the usual ones.
        ca_file: String = String::new(),
        /// Whether the address may lie in this machine or its networks; needs `node.admin`.
        allow_internal: bool = false,
    }
}

/// A secret of fresh randomness.
pub(super) fn secret(random: [u8; 32]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(random))
}

impl Webhook {
    pub(super) fn check(&self) -> Result<(), String> {
        let uri: Uri =
            self.url.parse().map_err(|error| format!("url {:?} is no address: {error}", self.url))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(format!("url {:?} must begin with https:// or http:// and a host", self.url));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("url must hold no user or password".to_owned());
        }
        if self.timeout_s == 0 || self.timeout_s > MAX_TIMEOUT_S {
            return Err(format!("timeout_s must be 1 to {MAX_TIMEOUT_S}"));
        }
        if self.secret.is_empty() { Ok(()) } else { self.key().map(|_| ()) }
    }

    fn key(&self) -> Result<Vec<u8>, String> {
        let said = || {
            let (least, most) = (SECRET_BYTES.start(), SECRET_BYTES.end());
            format!("secret must be {PREFIX} and the base64 of {least} to {most} bytes")
        };
        let key = STANDARD.decode(self.secret.trim_start_matches(PREFIX)).map_err(|_| said())?;
        if SECRET_BYTES.contains(&key.len()) { Ok(key) } else { Err(said()) }
    }
}

/// Looks names up and gives only addresses that the guard permits: the connection goes to what was checked.
#[derive(Debug)]
struct Guarded {
    allow_internal: bool,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &ureq::config::Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let place = uri.scheme().zip(uri.authority());
        let place = place.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let place = place.ok_or(ureq::Error::HostNotFound)?;
        let found = place.to_socket_addrs().map_err(ureq::Error::Io)?;
        let open = guard::permitted(uri.host().unwrap_or_default(), found, self.allow_internal)
            .map_err(|why| ureq::Error::Io(std::io::Error::other(why)))?;
        let mut addresses = self.empty();
        open.into_iter().take(16).for_each(|address| addresses.push(address));
        Ok(addresses)
    }
}

/// The webhook while it is used.
pub(super) struct Poster {
    settings: Arc<Webhook>,
    key: Arc<Vec<u8>>,
    agent: ureq::Agent,
    clock: Clock,
}

impl Poster {
    pub(super) fn new(settings: Webhook, clock: Clock) -> Result<Self, String> {
        let mut tls = TlsConfig::builder();
        if !settings.ca_file.is_empty() {
            let pem = std::fs::read(&settings.ca_file)
                .map_err(|error| format!("{} cannot be read: {error}", settings.ca_file))?;
            let trusted = Certificate::from_pem(&pem)
                .map_err(|error| format!("{} is no certificate in PEM: {error}", settings.ca_file))?;
            tls = tls.root_certs(RootCerts::from([trusted]));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(settings.timeout_s)))
            .user_agent(concat!("indelible/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        let resolver = Guarded { allow_internal: settings.allow_internal };
        Ok(Self {
            key: Arc::new(settings.key()?),
            agent: ureq::Agent::with_parts(config, DefaultConnector::default(), resolver),
            settings: Arc::new(settings),
            clock,
        })
    }
}

#[async_trait]
impl Destination for Poster {
    async fn deliver(&mut self, messages: &[Message]) -> Result<(), Fault> {
        let (settings, key) = (Arc::clone(&self.settings), Arc::clone(&self.key));
        let (agent, clock, messages) = (self.agent.clone(), Arc::clone(&self.clock), messages.to_vec());
        let sent = tokio::task::spawn_blocking(move || {
            for (at, message) in messages.iter().enumerate() {
                let seconds = clock() / 1_000_000_000;
                post(&agent, &settings.url, &key, (message, seconds)).map_err(|fault| fault.after(at))?;
            }
            Ok(())
        });
        sent.await.unwrap_or_else(|error| Err(Fault::down(error.to_string())))
    }
}

/// The header of a signature over id, time and body.
fn signature(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("an HMAC takes keys of any length");
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn post(
    agent: &ureq::Agent,
    url: &str,
    key: &[u8],
    (message, seconds): (&Message, i64),
) -> Result<(), Fault> {
    let answer = agent
        .post(url)
        .header("content-type", message.content_type)
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", signature(key, &message.id, seconds, &message.body))
        .header("indelible-index", message.index.to_string())
        .send(&message.body);
    let mut answer = answer.map_err(|error| Fault::down(error.to_string()))?;
    let status = answer.status();
    if status.is_success() {
        // Read to its end, so that the connection can be used again.
        let _body = answer.body_mut().with_config().limit(64 * 1024).read_to_vec();
        return Ok(());
    }
    let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let why = format!("the receiver answered {status}");
    match status {
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_ACCEPTABLE
        | StatusCode::CONFLICT
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::INTERNAL_SERVER_ERROR => Err(Fault::refused(why)),
        _ => Err(Fault { retry_after: after.map(Duration::from_secs), ..Fault::down(why) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_specification() {
        // Example of the specification's libraries.
        let settings =
            Webhook { secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), ..Webhook::default() };
        let signed = signature(
            &settings.key().unwrap(),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let check = |url: &str, secret: &str| {
            Webhook { url: url.to_owned(), secret: secret.to_owned(), ..Webhook::default() }.check()
        };
        assert_eq!(check("https://example.org/hook", &secret([7; 32])), Ok(()));
        for (url, secret) in [
            ("ftp://example.org", ""),
            ("example.org", ""),
            ("https://u:p@example.org", ""),
            ("https://example.org", "whsec_c2hvcnQ="),
        ] {
            assert!(check(url, secret).is_err(), "{url} {secret}");
        }
    }

    #[tokio::test]
    async fn internal_addresses_are_not_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let message = Message {
            index: 0,
            id: "x".to_owned(),
            routing_key: String::new(),
            content_type: "application/json",
            body: Vec::new(),
        };
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            let url = format!("http://{host}:{port}/");
            let settings = Webhook { url, secret: secret([1; 32]), ..Webhook::default() };
            let mut poster = Poster::new(settings, Arc::new(|| 0)).unwrap();
            let fault = poster.deliver(std::slice::from_ref(&message)).await.unwrap_err();
            assert!(fault.why.contains("internal address"), "{fault:?}");
        }
        assert!(listener.accept().is_err(), "nobody connected");
    }
}
