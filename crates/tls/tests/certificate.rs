//! A certificate made by openssl, which also computed what is expected here.

use std::path::PathBuf;

use indelible_tls::{Certificate, Error, Files, Identity, Validity, read_certificates};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[test]
fn a_certificate_says_its_key_its_names_and_its_time() {
    let chain = read_certificates(&data("gate.pem")).unwrap();
    let read = Certificate::of_der(&chain[0]).unwrap();
    let digest = read.key_sha256.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(digest, "eb524e52b7a021133cb279c115f6ea4bac9f5a68a296269ec753b596e1904721");
    assert_eq!(
        read.names,
        ["gate.example.org", "spiffe://example.org/gate"],
        "names are compared in lower case"
    );
    assert_eq!(Validity::of_der(&chain[0]), Some(Validity { from_s: 1_795_378_196, until_s: 2_741_458_196 }));
}

#[test]
fn what_is_no_certificate_is_none() {
    let chain = read_certificates(&data("gate.pem")).unwrap();
    for cut in 0..chain[0].len() {
        assert_eq!(Certificate::of_der(&chain[0][..cut]), None, "{cut}");
        assert_eq!(Validity::of_der(&chain[0][..cut]), None, "{cut}");
    }
}

#[test]
fn files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, nothing) = (folder.path().join("empty.pem"), folder.path().join("nothing.pem"));
    std::fs::File::create(&empty).unwrap();
    assert!(matches!(read_certificates(&nothing), Err(Error::Read { path, .. }) if path == nothing));
    assert!(matches!(read_certificates(&empty), Err(Error::Content { path, .. }) if path == empty));
    let files = Files { certificate: data("gate.pem"), key: data("gate.pem"), client_ca: None };
    let refused = Identity::load(files).unwrap_err().to_string();
    assert!(refused.contains("gate.pem"), "{refused}");
}
