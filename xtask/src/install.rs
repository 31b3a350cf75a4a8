//! Putting in the tools that tests need. Idempotent: what is there is left alone, so that a second run costs nothing.

use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::command::{self, on_path, program_in_root, script};
use crate::workspace::root;

/// A Debian package, and how to see that it is there.
struct Package {
    name: &'static str,
    /// A program it brings, or a file.
    proof: Proof,
    /// What needs it.
    reason: &'static str,
}

enum Proof {
    Program(&'static str),
    File(&'static str),
    /// A module of Python.
    Module(&'static str),
}

const PACKAGES: &[Package] = &[
    Package { name: "curl", proof: Proof::Program("curl"), reason: "the README's commands" },
    Package { name: "jq", proof: Proof::Program("jq"), reason: "the README's commands" },
    Package { name: "zstd", proof: Proof::Program("zstd"), reason: "compressed request bodies" },
    Package {
        name: "strace",
        proof: Proof::Program("strace"),
        reason: "the order of writes and acknowledgements",
    },
    Package {
        name: "python3",
        proof: Proof::Program("python3"),
        reason: "independent confirmation of vectors",
    },
    Package {
        name: "python3-venv",
        proof: Proof::Module("ensurepip"),
        reason: "a private folder for the Go compiler's package",
    },
    Package { name: "chromium", proof: Proof::Program("chromium"), reason: "the console in a browser" },
    Package { name: "nodejs", proof: Proof::Program("node"), reason: "what drives that browser" },
    Package { name: "npm", proof: Proof::Program("npm"), reason: "what drives that browser" },
    Package {
        name: "rsyslog",
        proof: Proof::Program("rsyslogd"),
        reason: "syslog from and to another program",
    },
    Package {
        name: "rsyslog-gnutls",
        proof: Proof::File("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so"),
        reason: "the same over TLS",
    },
    Package {
        name: "rabbitmq-server",
        proof: Proof::File("/usr/lib/rabbitmq/bin/rabbitmq-server"),
        reason: "a real broker that routes deliver to",
    },
    Package { name: "openssl", proof: Proof::Program("openssl"), reason: "certificates of tests" },
    Package {
        name: "golang-golang-x-mod-dev",
        proof: Proof::File("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog/tlog.go"),
        reason: "the verifier of Go's checksum database",
    },
];

/// Installs what is missing; fails when something is still missing afterwards.
pub(crate) fn run() -> Result<()> {
    let missing: Vec<&Package> = PACKAGES.iter().filter(|package| !package.is_there()).collect();
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
        println!("installing {}", names.join(" "));
        apt(&["update", "--quiet"])?;
        apt(&[&["install", "--quiet", "--yes", "--no-install-recommends"], names.as_slice()].concat())?;
    }
    for package in missing {
        if !package.is_there() {
            bail!("package {} is still missing, it is needed for {}", package.name, package.reason);
        }
    }
    components()?;
    node_packages()?;
    if root().join("tests/foreign/setup.sh").is_file() {
        script("bash", "tests/foreign/setup.sh", &[])?;
    }
    Ok(())
}

impl Package {
    fn is_there(&self) -> bool {
        match self.proof {
            Proof::Program(name) => on_path(name),
            Proof::File(path) => std::path::Path::new(path).is_file(),
            Proof::Module(name) => {
                let mut python = program_in_root("python3");
                python.args(["-c", &format!("import {name}")]).stderr(Stdio::null());
                python.status().is_ok_and(|status| status.success())
            }
        }
    }
}

fn apt(arguments: &[&str]) -> Result<()> {
    let mut command = if on_path("sudo") { program_in_root("sudo") } else { program_in_root("apt-get") };
    if on_path("sudo") {
        command.arg("apt-get");
    }
    command::run(command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments))
        .context("put the packages in by hand where there is no apt-get or no right to use it")
}

/// What drives a browser, in the versions that the lock file names. Nothing of it is built in.
fn node_packages() -> Result<()> {
    let changed = |path: &str| root().join(path).metadata().and_then(|file| file.modified());
    let wanted = changed("tests/console/package-lock.json").context("tests/console/package-lock.json")?;
    if changed("tests/console/node_modules/.package-lock.json").is_ok_and(|put_in| put_in >= wanted) {
        return Ok(());
    }
    let mut npm = program_in_root("npm");
    command::run(npm.args(["ci", "--no-audit", "--no-fund", "--prefix", "tests/console"]))
}

/// rustfmt and clippy come with the toolchain, but a minimal one leaves them out.
fn components() -> Result<()> {
    for (program, component) in [("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")] {
        if !on_path(program) {
            command::run(program_in_root("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}
