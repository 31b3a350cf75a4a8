//! A server of its own for one measurement: the release binary on a folder that is gone afterwards.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{program_in_root, run};
use crate::workspace::{binary, root, target};

/// A server that does not answer by then will not answer.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Sealing and merging what came last takes a minute or two.
const SETTLE_LIMIT: Duration = Duration::from_mins(10);
/// Fewer events are not sealed until they are old.
const SMALLEST_SEAL: u64 = 1024;
/// Looks in a row, a fifth of a second apart, that find nothing left to do.
const CALM_LOOKS: u32 = 10;
/// How the token of the first start begins.
const TOKEN_START: &str = "idl_ad_";

/// A running server; dropping it ends the process and removes its data.
pub(super) struct Server {
    child: Child,
    folder: PathBuf,
    address: String,
    admin: String,
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
        let (child, lines) = spawn(&folder, &address, &admin)?;
        let mut server = Self { child, folder, address, admin, token: String::new(), lines };
        server.token = server.read_token()?;
        wait_ready(&server.admin)?;
        Ok(server)
    }

    /// Ends the process as an operator would, and starts another on the same folder; says how long it took to be ready.
    #[expect(clippy::disallowed_methods, reason = "the time of a start is what is measured")]
    pub(super) fn restart(&mut self) -> Result<Duration> {
        run(program_in_root("kill").args(["-TERM", &self.pid()]))?;
        let status = self.child.wait().context("waiting for the server's end")?;
        ensure!(status.success(), "the server ended with {status}:\n{}", self.said());
        let started = std::time::Instant::now();
        (self.child, self.lines) = spawn(&self.folder, &self.address, &self.admin)?;
        wait_ready(&self.admin)?;
        Ok(started.elapsed())
    }

    /// Waits until what came in is sealed, but for what is too little for a segment of its own, and nothing has been merged
    /// for a while: what is done after the last event costs whoever asks meanwhile.
    #[expect(
        clippy::disallowed_methods,
        reason = "a server that never seals must not be waited for without end"
    )]
    pub(super) fn wait_settled(&self) -> Result<()> {
        let start = std::time::Instant::now();
        let mut calm = 0;
        while start.elapsed() < SETTLE_LIMIT {
            let metrics = get(&self.admin, "/metrics")?;
            let value = |name: &str| -> Result<u64> {
                let line = metrics.lines().find_map(|line| line.strip_prefix(name));
                Ok(line.with_context(|| format!("the server does not say {name}"))?.trim().parse()?)
            };
            let settled = value("indelible_unsealed_events ")? < SMALLEST_SEAL
                && value("indelible_merging_segments ")? == 0;
            calm = if settled { calm + 1 } else { 0 };
            if calm == CALM_LOOKS {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(200));
        }
        bail!("events are still sealed or merged after {} s", SETTLE_LIMIT.as_secs())
    }

    /// Bytes of sealed events, with all that answers from them, for each event. Segments of many small logs are left
    /// out, as their names do not say how many events they hold.
    pub(super) fn bytes_per_sealed_event(&self) -> Result<f64> {
        let (mut bytes, mut events) = (0_u64, 0_u64);
        for log in fs::read_dir(self.folder.join("data/segments"))? {
            for file in fs::read_dir(log?.path())? {
                let file = file?;
                let name = file.file_name();
                let range = name.to_str().and_then(|name| name.split_once('.')?.0.split_once('-'));
                let (first, last) =
                    range.with_context(|| format!("{} names no range", file.path().display()))?;
                bytes += file.metadata()?.len();
                events += u64::from_str_radix(last, 16)? - u64::from_str_radix(first, 16)? + 1;
            }
        }
        ensure!(events > 0, "nothing was sealed");
        Ok(ratio(bytes, events))
    }

    /// Bytes of the data folder without the write-ahead log, for each of so many events.
    pub(super) fn folder_bytes_per_event(&self, events: u64) -> Result<f64> {
        let data = self.folder.join("data");
        Ok(ratio(bytes_below(&data)?.saturating_sub(bytes_below(&data.join("wal"))?), events))
    }

    /// The largest memory that the process had, in MiB.
    pub(super) fn peak_mib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib / 1024).context("the process has no VmHWM")
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

#[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
fn ratio(bytes: u64, events: u64) -> f64 {
    bytes as f64 / events as f64
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

fn spawn(folder: &Path, address: &str, admin: &str) -> Result<(Child, Receiver<String>)> {
    let mut child = program_in_root(binary("release"))
        .arg("serve")
        .env("INDELIBLE__NODE__DATA", folder.join("data"))
        .env("INDELIBLE__NODE__ANCHOR_DIR", folder.join("anchor"))
        .env("INDELIBLE__NODE__CATALOGS", root().join("bench/catalogs"))
        .env("INDELIBLE__HTTP__LISTEN", address)
        .env("INDELIBLE__HTTP__ADMIN_LISTEN", admin)
        // The expected answers are those of fixed times, which lie farther back every day.
        .env("INDELIBLE__INTAKE__LATE_AFTER", "36500d")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting indelible serve")?;
    let (sender, lines) = channel();
    forward(child.stdout.take().context("the server's output")?, sender.clone());
    forward(child.stderr.take().context("the server's messages")?, sender);
    Ok((child, lines))
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
    Ok(get(admin, "/readyz")?.starts_with("HTTP/1.1 200"))
}

/// The whole answer, head and body.
fn get(admin: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(START_LIMIT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
