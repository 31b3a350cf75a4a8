//! Keeps events: write-ahead log, commit, trees and signed heads, segments' files, cursors, recovery and checks.
//!
//! An event is answered once it is durable and in its place, never before; everything else here can be rebuilt from
//! it. This is the only crate that writes event files, and it does so through `indelible-durable` alone. It knows
//! nothing of HTTP, of what an event means, or of who may read it; but every read names one log.
//!
//! Start at [`store::Store`]. One event's way: `queue` → `commit` (WAL, answer) → `publish` (tree, head) → `seal`
//! (segment, WAL released) → `compact` (few large segments of many small ones); back in through `recover`. The bytes are in `docs/internals/format-store.md`.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod anchor;
pub mod append;
mod backlog;
pub mod backup;
mod bytes;
mod commit;
pub mod compact;
mod core_state;
pub mod error;
mod flat;
mod folder;
pub mod fsck;
mod head_page;
mod heads;
mod leaves;
mod loaded;
pub mod log;
pub mod log_no;
mod meta;
mod new_segment;
pub mod options;
pub mod part;
pub mod producers;
mod publish;
mod queue;
pub mod read;
pub mod recover;
mod replay;
pub mod rollback;
mod seal;
mod sealed;
mod secrets;
pub mod shared;
pub mod signing;
mod snapshot;
pub mod store;
pub mod subjects;
mod wal;
mod window;
