//! Whose certificate the command line believes, and which one it shows itself.

use std::path::Path;

use indelible_tls::{Certificate as Owner, read_certificates};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::exit::Failure;

/// Settings of a connection: the authorities of a file instead of the public ones, and a certificate with its key.
pub(crate) fn settings(ca: Option<&Path>, own: Option<(&Path, &Path)>) -> Result<TlsConfig, Failure> {
    let mut settings = TlsConfig::builder();
    if let Some(path) = ca {
        settings = settings.root_certs(RootCerts::new_with_certs(&certificates(path)?));
    }
    if let Some((certificate, key)) = own {
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("cannot use the private key in {}: {error}", key.display()))
        };
        let text = std::fs::read(key).map_err(|error| unreadable(&error))?;
        let private = PrivateKey::from_pem(&text).map_err(|error| unreadable(&error))?;
        settings =
            settings.client_cert(Some(ClientCert::new_with_certs(&certificates(certificate)?, private)));
    }
    Ok(settings.build())
}

/// Whom a certificate is of, as the API takes it; the digest of the public key when its file is named.
pub(crate) fn holder(said: &str) -> Result<String, Failure> {
    if said.starts_with("sha256:") || said.starts_with("name:") {
        return Ok(said.to_owned());
    }
    let read = read_certificates(Path::new(said)).map_err(|error| Failure::usage(error.to_string()))?;
    let leaf = read.first().and_then(|der| Owner::of_der(der));
    let leaf = leaf.ok_or_else(|| Failure::usage(format!("{said} holds no certificate")))?;
    Ok(leaf.key_sha256.iter().fold("sha256:".to_owned(), |hex, byte| hex + &format!("{byte:02x}")))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let read = read_certificates(path).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(read.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}
