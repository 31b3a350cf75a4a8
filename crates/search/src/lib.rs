//! Finds events: pages in an order, counts, counts by field and time, the feed, single events, everything that matches.
//!
//! Sealed events are asked by columns (`filter`: what a query comes to in one segment; `engine`: which rows of a block match;
//! `sealed`: the walk over them), what is not sealed yet one by one. Both must say what the query's own evaluation says.
//!
//! Every read takes a [`Log`], which is one organization's: there is no read across organizations. Nothing here writes,
//! and everything remembered here can be lost. It never decides who may read: the caller's rights come in as the scope and
//! as conditions of the query.
//!
//! Start reading at [`Searcher`], then `scan` (what is read) and `page` (what is shown).
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing, reason = "tests index freely"))]

mod aggregate;
mod bits;
mod budget;
mod cube;
mod cursor;
mod damage;
mod ends;
mod engine;
mod error;
mod filter;
mod find;
mod hit;
mod matches;
mod order;
mod page;
mod paths;
mod ranked;
mod records;
mod request;
mod rows;
mod scan;
mod sealed;
mod searcher;
mod tally;
mod times;
mod top;
mod zones;

pub use aggregate::{
    Bar, Extent, FacetCounts, Facets, FacetsAsked, Group, GroupOrder, Groups, GroupsAsked, Histogram,
    HistogramAsked, MAX_VALUE_BYTES,
};
pub use budget::Budget;
pub use cursor::{Cursor, CursorKey};
pub use damage::{Incomplete, Met};
pub use error::SearchError;
pub use find::{at, find};
pub use hit::{Hit, Log, Scope};
pub use matches::Matches;
pub use order::Order;
pub use records::{NO_BODY, Record, Records};
pub use request::{Request, Window};
pub use searcher::{Count, FeedPage, Page, Searcher};
pub use tally::Values;
