//! The only place that opens files for writing, syncs, renames, unlinks and locks.
//!
//! Everything durable goes through [`disk::Disk`], which has three implementations: [`real::RealDisk`] on the operating
//! system, [`overlay::OverlayDisk`], which reads it and keeps every write in memory, and `sim::SimDisk` (feature `testing`), which forgets what was not synced, tears writes and injects faults.
//! Start reading at [`disk`]. This crate must never know what the bytes mean, and must never retry a failed sync.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod background;
pub mod clock;
pub mod disk;
pub mod link;
pub mod overlay;
pub mod real;
pub mod replace;
#[cfg(any(test, feature = "testing"))]
pub mod sim;
