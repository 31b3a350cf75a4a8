//! The files that a server's identity is made of.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::certificate::{read, read_certificates};
use crate::error::Error;

/// Permissions of everybody else.
const OTHERS: u32 = 0o007;

/// Where certificate, key and the authority of clients are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// PEM: the server's certificate, then those between it and its authority.
    pub certificate: PathBuf,
    /// PEM: its private key (PKCS#8, PKCS#1 or SEC1), readable by the owner, at most by the group.
    pub key: PathBuf,
    /// PEM: authorities whose certificates clients may show; without it none is asked for.
    pub client_ca: Option<PathBuf>,
}

impl Files {
    /// Reads and checks all of them together.
    pub fn load(&self) -> Result<Arc<ServerConfig>, Error> {
        let chain = read_certificates(&self.certificate)?;
        let key = read_key(&self.key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair =
            |source| Error::Pair { certificate: self.certificate.clone(), key: self.key.clone(), source };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(pair)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(verifier(path, provider)?),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(pair)?;
        // Not HTTP/2: an answer that comes before the body was read (a refusal) makes some of its clients drop the answer.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// When each file was changed last, to notice that one was replaced.
    pub(crate) fn changed_at(&self) -> Vec<Option<std::time::SystemTime>> {
        let paths = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        paths.into_iter().flatten().map(changed).collect()
    }
}

/// Verifies what clients show; who shows nothing is let in as nobody.
fn verifier(
    path: &Path,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let content = |why: String| Error::Content { path: path.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for authority in read_certificates(path)? {
        let added = roots.add(authority);
        added.map_err(|error| content(format!("holds what is no certificate of an authority: {error}")))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| content(format!("cannot be used to verify clients: {error}")))
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let metadata = std::fs::metadata(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode });
    }
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| Error::Content {
        path: path.to_owned(),
        why: format!("holds no private key in PEM without a password: {error}"),
    })
}
