//! The program's own log on standard error. It never holds event content, query strings or tokens.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::Config;

/// Sends the program's log to standard error in the configured form.
pub fn init(config: &Config) {
    let level = config.text("telemetry.level").unwrap_or("info");
    let filter = EnvFilter::new(format!("{level},hyper=warn,h2=warn"));
    let json = match config.text("telemetry.format") {
        Some("json") => true,
        Some("text") => false,
        _ => !io::stderr().is_terminal(),
    };
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    // A second call in one process keeps the first log.
    let _started = if json {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        builder.compact().try_init()
    };
}
