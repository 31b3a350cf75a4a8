//! TLS of connectors: who we are to those who send, and whom we trust when sending. One provider of cryptography for all.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| format!("{file} cannot be read as certificates in PEM: {error}"))?;
    if found.is_empty() { Err(format!("{file} holds no certificate")) } else { Ok(found) }
}

fn roots(file: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| format!("{file} holds no usable certificate: {error}"))?;
    }
    Ok(roots)
}

/// For a listener: its certificate and key, and whose certificates senders need, if they need one.
pub(crate) fn server(
    cert_file: &str,
    key_file: &str,
    client_ca_file: &str,
) -> Result<Arc<ServerConfig>, String> {
    if cert_file.is_empty() || key_file.is_empty() {
        return Err("TLS needs cert_file and key_file".to_owned());
    }
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|error| format!("{key_file} cannot be read as a private key in PEM: {error}"))?;
    let said = |error: rustls::Error| format!("{cert_file} and {key_file} cannot be used: {error}");
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(said)?;
    let builder = if client_ca_file.is_empty() {
        builder.with_no_client_auth()
    } else {
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots(client_ca_file)?), provider());
        let verifier =
            verifier.build().map_err(|error| format!("{client_ca_file} cannot be used: {error}"))?;
        builder.with_client_cert_verifier(verifier)
    };
    Ok(Arc::new(builder.with_single_cert(certificates(cert_file)?, key).map_err(said)?))
}

/// For a connection out: whose certificates are trusted.
pub(crate) fn client(ca_file: &str) -> Result<Arc<ClientConfig>, String> {
    if ca_file.is_empty() {
        return Err("TLS needs ca_file: the certificates that are trusted".to_owned());
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be used: {error}"))?;
    Ok(Arc::new(builder.with_root_certificates(roots(ca_file)?).with_no_client_auth()))
}
