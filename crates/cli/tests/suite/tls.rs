//! TLS of its own: over curl and openssl, which nobody here wrote; certificates of senders, good and bad.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use indelible_testkit::Server;
use serde_json::Value;

use crate::service::{login, setup, wait_for, write};

/// Certificates of a lab, made by openssl.
struct Lab(PathBuf);

impl Lab {
    /// An authority named `ca` in this folder.
    fn new(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let lab = Self(dir.to_owned());
        lab.authority("ca");
        lab
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn authority(&self, name: &str) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let subject = format!("/CN={name}");
        self.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &subject,
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]);
    }

    /// A certificate `name.pem` with key `name.key`, of this authority, for these alternative names and days.
    fn issue(&self, name: &str, authority: &str, names: &str, days: &str) {
        let (key, request, certificate) =
            (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        let subject = format!("/CN={name}");
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &subject,
            "-keyout",
            &key,
            "-out",
            &request,
        ]);
        write(&self.0.join("extensions"), &format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n"));
        let (ca, ca_key) = (format!("{authority}.pem"), format!("{authority}.key"));
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            days,
            "-extfile",
            "extensions",
            "-out",
            &certificate,
        ]);
    }
}

/// A server that speaks TLS and asks for certificates of the lab's authority, with the lab.
fn secure() -> (Server, Lab) {
    let wanted = setup();
    let lab = Lab::new(&wanted.dir().join("lab"));
    lab.issue("server", "ca", "IP:127.0.0.1,DNS:localhost", "2");
    let wanted = wanted
        .variable("INDELIBLE__TLS__CERTIFICATE", lab.path("server.pem"))
        .variable("INDELIBLE__TLS__KEY", lab.path("server.key"))
        .variable("INDELIBLE__TLS__CLIENT_CA", lab.path("ca.pem"));
    (wanted.start(), lab)
}

fn curl(lab: &Lab, arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "20", "--cacert", &lab.path("ca.pem")]).args(arguments);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Sends an event with curl; gives the status, or curl's complaint.
fn send(server: &Server, lab: &Lab, more: &[&str]) -> Result<u16, String> {
    let url = format!("{}/api/v1/orgs/default/events", server.url);
    let body = login(1).to_string();
    let mut arguments =
        vec!["-o", "/dev/null", "-w", "%{http_code}", "-H", "content-type: application/json", "-d", &body];
    arguments.extend(more);
    arguments.push(&url);
    let output = curl(lab, &arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(text.parse().unwrap()) } else { Err(said(&output)) }
}

/// A command of the server's own binary, over TLS with the lab's authority.
fn tool(server: &Server, lab: &Lab, arguments: &[&str]) -> Output {
    server.tool(arguments).env("INDELIBLE_CA", lab.path("ca.pem")).output().unwrap()
}

fn made(server: &Server, lab: &Lab, arguments: &[&str]) -> Value {
    let all: Vec<&str> =
        ["--json", "key", "create", "--kind", "in"].iter().chain(arguments).copied().collect();
    let output = tool(server, lab, &all);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn https_and_nothing_else() {
    let (server, lab) = secure();
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let version = format!("{}/api/v1/version", server.url);
    let answer = curl(&lab, &["-i", &version]);
    let text = said(&answer);
    assert!(answer.status.success() && text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("strict-transport-security: max-age=31536000"), "{text}");
    let first = curl(&lab, &["-i", "--tlsv1.2", "--tls-max", "1.2", &version]);
    assert!(said(&first).starts_with("HTTP/1.1 200"), "{}", said(&first));
    let old = curl(&lab, &["--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0", &version]);
    assert!(!old.status.success(), "TLS 1.1 is refused: {}", said(&old));
    let plain = curl(&lab, &["-i", &version.replace("https://", "http://")]);
    assert!(
        said(&plain).starts_with("HTTP/1.1 400") && said(&plain).contains("https://"),
        "{}",
        said(&plain)
    );
    let stranger = Command::new("curl").args(["-sS", "--max-time", "20", &version]).output().unwrap();
    assert!(!stranger.status.success(), "an unknown authority is not believed");

    let listed = tool(&server, &lab, &["key", "list", "--json"]);
    assert!(listed.status.success(), "{}", said(&listed));
    let without = server.tool(&["key", "list"]).output().unwrap();
    assert!(!without.status.success(), "the command line believes public authorities only");

    let cookie =
        curl(&lab, &["-i", "-d", &format!("token={}", server.token), &format!("{}/login", server.url)]);
    let text = said(&cookie);
    if let Some(line) = text.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie: ")) {
        assert!(line.contains("__Host-indelible_session=") && line.contains("Secure"), "{line}");
    }
}

#[test]
fn a_renewed_certificate_is_taken_up_whole_or_not_at_all() {
    let (server, lab) = secure();
    let pid = server.pid().to_string();
    let hang_up = || assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    let served = || {
        let verbose = curl(&lab, &["-v", &format!("{}/api/v1/version", server.url)]);
        let text = said(&verbose);
        text.lines().find(|line| line.contains("subject:")).map(str::to_owned).unwrap_or(text)
    };
    assert!(served().contains("CN=server"), "{}", served());

    // Certificate and key of different pairs: nothing changes.
    lab.issue("renewed", "ca", "IP:127.0.0.1", "2");
    std::fs::copy(lab.path("renewed.pem"), lab.path("server.pem")).unwrap();
    hang_up();
    wait_for("the refusal", || {
        server.said().iter().any(|line| line.contains("certificate refused, the old one holds")).then_some(())
    });
    assert!(served().contains("CN=server"), "{}", served());

    std::fs::copy(lab.path("renewed.key"), lab.path("server.key")).unwrap();
    hang_up();
    wait_for("the new certificate", || served().contains("CN=renewed").then_some(()));
    wait_for("its event", || {
        let found = tool(&server, &lab, &["search", "code:CONFIG.UPDATE", "--org", "system", "--json"]);
        said(&found).contains("CONFIG.UPDATE").then_some(())
    });
}

#[test]
fn senders_show_certificates() {
    let (server, lab) = secure();
    lab.issue("gate", "ca", "DNS:gate.example", "2");
    lab.issue("late", "ca", "DNS:gate.example", "-1");
    lab.authority("other");
    lab.issue("foreign", "other", "DNS:gate.example", "2");
    let with = |name: &str| [lab.path(&format!("{name}.pem")), lab.path(&format!("{name}.key"))];
    let (gate, late, foreign) = (with("gate"), with("late"), with("foreign"));
    let certificate = |of: &'static str| match of {
        "gate" => ["--cert", gate[0].as_str(), "--key", gate[1].as_str()],
        "late" => ["--cert", late[0].as_str(), "--key", late[1].as_str()],
        _ => ["--cert", foreign[0].as_str(), "--key", foreign[1].as_str()],
    };
    assert_eq!(send(&server, &lab, &certificate("gate")), Ok(401), "no key is bound to it yet");

    let alone = made(&server, &lab, &["--certificate", &gate[0], "--certificate-alone", "--label", "gate"]);
    assert_eq!(send(&server, &lab, &certificate("gate")), Ok(201));
    assert!(send(&server, &lab, &certificate("late")).is_err(), "an expired certificate");
    assert!(send(&server, &lab, &certificate("foreign")).is_err(), "another authority's certificate");
    assert_eq!(send(&server, &lab, &[]), Ok(401));
    let forged = format!(
        "indelible-connection-certificate: {}",
        alone["certificate"]["holder"].as_str().unwrap().trim_start_matches("sha256:")
    );
    assert_eq!(send(&server, &lab, &["-H", &forged]), Ok(401), "what a request says about itself");
    let bearer = |made: &Value| format!("authorization: Bearer {}", made["token"].as_str().unwrap());
    assert_eq!(send(&server, &lab, &["-H", &bearer(&alone)]), Ok(401), "the key without its certificate");

    // Sent with the certificate alone: the key stands in the event, and may do no more than the key.
    let found = tool(
        &server,
        &lab,
        &["search", &format!("producer:key-{}", alone["id"].as_str().unwrap()), "--json"],
    );
    assert!(said(&found).contains("091111"), "{}", said(&found));
    let mut read = vec!["-o", "/dev/null", "-w", "%{http_code}"];
    read.extend(certificate("gate"));
    let events = format!("{}/api/v1/orgs/default/events", server.url);
    read.push(&events);
    assert_eq!(said(&curl(&lab, &read)), "403");

    // Revoked: refused in the next request.
    let revoked = tool(&server, &lab, &["key", "revoke", alone["id"].as_str().unwrap()]);
    assert!(revoked.status.success(), "{}", said(&revoked));
    assert_eq!(send(&server, &lab, &certificate("gate")), Ok(401));

    let both = made(&server, &lab, &["--certificate", "name:gate.example"]);
    let header = bearer(&both);
    assert_eq!(send(&server, &lab, &certificate("gate")), Ok(401), "the certificate without the key");
    assert_eq!(send(&server, &lab, &["-H", &header]), Ok(401), "the key without the certificate");
    let mut all = certificate("gate").to_vec();
    all.extend(["-H", &header]);
    assert_eq!(send(&server, &lab, &all), Ok(201));
    let emitted = server
        .tool(&["emit", "--catalog", "openkat", "--code", "091111", "--actor", "1"])
        .env("INDELIBLE_CA", lab.path("ca.pem"))
        .env("INDELIBLE_TOKEN", both["token"].as_str().unwrap())
        .env("INDELIBLE_CLIENT_CERTIFICATE", &gate[0])
        .env("INDELIBLE_CLIENT_KEY", &gate[1])
        .output()
        .unwrap();
    assert!(emitted.status.success(), "{}", said(&emitted));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let wanted = setup();
    let lab = Lab::new(&wanted.dir().join("lab"));
    lab.issue("server", "ca", "IP:127.0.0.1", "2");
    let with = |certificate: &str, key: &str| {
        let wanted = setup()
            .variable("INDELIBLE__TLS__CERTIFICATE", lab.path(certificate))
            .variable("INDELIBLE__TLS__KEY", lab.path(key));
        wanted.refused().1
    };
    assert!(with("none.pem", "server.key").contains("cannot read"));
    assert!(with("server.key", "server.key").contains("holds no certificate"));
    let mode = |name: &str, mode: u32| {
        let wanted = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(lab.path(name), wanted).unwrap();
    };
    mode("ca.pem", 0o600);
    assert!(with("server.pem", "ca.pem").contains("holds no private key"));
    assert!(with("server.pem", "ca.key").contains("cannot be used together"));
    mode("server.key", 0o644);
    assert!(with("server.pem", "server.key").contains("can be read by others"));
    let (code, text) = setup().variable("INDELIBLE__TLS__KEY", lab.path("server.key")).refused();
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("set tls.certificate"), "{text}");
}
