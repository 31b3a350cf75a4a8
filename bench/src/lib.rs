//! Sample events that are the same on every machine, and a driver that sends them as fast as a server takes them.
//!
//! Nothing here is part of the product, and nothing here uses it: the driver speaks HTTP by itself, so that what it
//! measures is the server alone. Start reading at `event.rs` for the data and at `ingest.rs` for the measurement.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_lossless,
    reason = "draws and statistics: values are far below the limits of their types"
)]

/// Appends formatted text to a `String`.
macro_rules! put {
    ($out:expr, $($text:tt)*) => {
        write!($out, $($text)*).expect("a String takes every text")
    };
}

pub mod catalogs;
pub mod event;
pub mod http;
pub mod ingest;
pub mod process;
pub mod random;
pub mod time;
