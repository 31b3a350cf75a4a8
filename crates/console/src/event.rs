//! One event: what happened, what changed, every field, its neighbours, and the proof that it is in the log.

use askama::Template;

use crate::bundle::BundleForm;
use crate::frame::{Frame, Link};
use crate::row::{Row, Stamp, Value};

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "event.html")]
pub struct EventPage {
    /// Around it.
    pub frame: Frame,
    /// Zone of the times.
    pub zone: String,
    /// The search page around this event.
    pub explore: String,
    /// Who did what to what.
    pub sentence: String,
    /// When.
    pub at: Stamp,
    /// Letter of CRUDE, or nothing.
    pub crude: String,
    /// Outcome, or nothing.
    pub outcome: String,
    /// Findings.
    pub flags: Vec<String>,
    /// Position in the log.
    pub index: u64,
    /// Before and after.
    pub changes: Vec<Change>,
    /// Fields, by what they are about.
    pub groups: Vec<Group>,
    /// Neighbours in the log, this event among them.
    pub around: Vec<Row>,
    /// Other choices of neighbours.
    pub around_choices: Vec<Link>,
    /// Who looked at it, the newest first,
    pub readers: Vec<Row>,
    /// and all of them.
    pub readers_href: String,
    /// What the API answers.
    pub json: String,
    /// The form it was received in, if that was kept,
    pub raw: Option<String>,
    /// and its name.
    pub raw_format: String,
    /// Asks for the event as an evidence bundle.
    pub bundle: BundleForm,
    /// The proof; none while no checkpoint covers the event.
    pub proof: Option<Proof>,
    /// Searches for what belongs together with it.
    pub related: Vec<Link>,
    /// Where it stands.
    pub record: Vec<Fact>,
}

/// A field that changed.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Which.
    pub path: String,
    /// Before.
    pub old: Option<String>,
    /// After.
    pub new: Option<String>,
}

/// Fields that belong together.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// What they are about.
    pub title: String,
    /// What the catalog says of it.
    pub text: String,
    /// Where there is more.
    pub link: Option<Link>,
    /// The fields.
    pub facts: Vec<Fact>,
}

/// A name and a value.
#[derive(Clone, Debug, Default)]
pub struct Fact {
    /// Name.
    pub name: String,
    /// What the name means.
    pub hint: String,
    /// The value when it can be searched for,
    pub value: Option<Value>,
    /// else as text.
    pub text: String,
    /// Set in letters of one width.
    pub mono: bool,
    /// What the value means.
    pub more: String,
}

/// That the event is in the log.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// Origin of the log.
    pub origin: String,
    /// Hash of the leaf, base64.
    pub leaf_hash: String,
    /// The leaf, base64.
    pub leaf: String,
    /// What the leaf was made from, base64.
    pub items: String,
    /// Size of the checkpoint.
    pub size: u64,
    /// When it was signed, in words.
    pub signed: String,
    /// Its root, base64.
    pub root: String,
    /// Hashes from the leaf to the root, base64.
    pub path: Vec<String>,
    /// The same in one line.
    pub path_line: String,
    /// The signed checkpoint.
    pub note: String,
    /// Public key that signed it.
    pub key: String,
    /// The proof as a file.
    pub href: String,
    /// How to verify the file.
    pub command: String,
}
