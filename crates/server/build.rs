//! Embeds the pages of problem codes and findings, so that the server can answer with them.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a build script speaks to cargo on standard output"
)]

use std::fmt::Write;
use std::path::PathBuf;

fn main() {
    let folder =
        PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut pages: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of pages is part of the source")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    let mut table = String::from("&[\n");
    for page in &pages {
        let name = page.file_stem().expect("it has an extension").to_string_lossy();
        let path = page.canonicalize().expect("it was listed");
        writeln!(table, "    ({name:?}, include_str!({:?})),", path.display().to_string())
            .expect("a String takes all");
    }
    table.push(']');
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("pages.rs");
    std::fs::write(out, table).expect("the build folder can be written");
}
