//! One query type for everything that selects events: text ⇄ tree, actions on the tree, evaluation on one event.
//!
//! Pure: no files, sockets, randomness; the clock and the zone arrive as arguments. It never reads a store and never
//! decides who may see what: callers check the fields a query names and add their own conditions to its tree.
//!
//! Start reading at [`fields`] (the one table of names), then [`EventQuery`], [`parse`] and [`Compiled`].
#![deny(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::indexing_slicing, reason = "tests index freely"))]

mod action;
mod address;
mod ast;
mod check;
mod compile;
mod complete;
mod condition;
mod diagnostic;
mod fields;
mod fold;
mod number;
mod parse;
mod pattern;
mod print;
mod quoting;
mod scan;
mod time;
mod tree;
mod value;
mod values;
mod view;
mod width;

pub use ast::{EventQuery, FieldRef, FieldTerm, Node, Scalar, Test, TextTerm};
pub use compile::{Bounds, Compiled, Expansion};
pub use complete::{Completion, Part, spelled};
pub use condition::{Condition, FieldCondition, TextCondition};
pub use diagnostic::{Code, Diagnostic, Suggestion};
pub use fields::{Place, QueryField, ValueKind, field, fields, reference_page};
pub use parse::{Context, MAX_DEPTH, MAX_GET_BYTES, MAX_POST_BYTES, MAX_TERMS, MIN_INFIX_CHARS, parse};
pub use pattern::Pattern;
pub use time::{Clock, Instant, Interval, Precision, Stamp, TimeExpr, Unit};
pub use view::{EventView, Position};
pub use width::Width;
