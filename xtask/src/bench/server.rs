//! A server of its own for one measurement: the release binary on a folder that is gone afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::program_in_root;
use crate::workspace::{binary, root, target};

/// A server that does not answer by then will not answer.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How the token of the first start begins.
const TOKEN_START: &str = "idl_ad_";

/// A running server; dropping it ends the process and removes its data.
pub(super) struct Server {
    child: Child,
    folder: PathBuf,
    address: String,
    token: String,
    lines: Receiver<String>,
}

impl Server {
    /// Starts a server with the sample events' catalogs and waits until it is ready.
    pub(super) fn start() -> Result<Self> {
        let folder = target().join("bench-data");
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder)?;
        let (address, admin) = (free_address()?, free_address()?);
        let mut child = program_in_root(binary("release"))
            .arg("serve")
            .env("INDELIBLE__NODE__DATA", folder.join("data"))
            .env("INDELIBLE__NODE__ANCHOR_DIR", folder.join("anchor"))
            .env("INDELIBLE__NODE__CATALOGS", root().join("bench/catalogs"))
            .env("INDELIBLE__HTTP__LISTEN", &address)
            .env("INDELIBLE__HTTP__ADMIN_LISTEN", &admin)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting indelible serve")?;
        let (sender, lines) = channel();
        forward(child.stdout.take().context("the server's output")?, sender.clone());
        forward(child.stderr.take().context("the server's messages")?, sender);
        let mut server = Self { child, folder, address, token: String::new(), lines };
        server.token = server.read_token()?;
        wait_ready(&admin)?;
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// What it printed since the last call, for messages about failures.
    pub(super) fn said(&self) -> String {
        let lines: Vec<String> = self.lines.try_iter().collect();
        lines.join("\n")
    }

    /// A first start prints one administrator's token.
    fn read_token(&self) -> Result<String> {
        let mut said = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(START_LIMIT) {
            if let Some(at) = line.find(TOKEN_START) {
                let rest = line.get(at..).unwrap_or_default();
                return Ok(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
            }
            said.push(line);
        }
        bail!("the server printed no token:\n{}", said.join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn forward(stream: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

/// An address that is free now; a race for it makes the server fail at once, with its own message.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// Asks for readiness until it is there. Each try that finds nobody listening is cheap, so no pause is needed.
#[expect(
    clippy::disallowed_methods,
    reason = "a server that never answers must not be waited for without end"
)]
fn wait_ready(admin: &str) -> Result<()> {
    let start = std::time::Instant::now();
    while start.elapsed() < START_LIMIT {
        if ready(admin).unwrap_or(false) {
            return Ok(());
        }
        thread::yield_now();
    }
    bail!("the server was not ready after {} s", START_LIMIT.as_secs())
}

fn ready(admin: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(START_LIMIT))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
