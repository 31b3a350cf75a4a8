//! What is signed and what is missing: checkpoints, producers and the gaps in their numbers.

use askama::Template;

use crate::bundle::BundleForm;
use crate::frame::Frame;

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "integrity.html")]
pub struct Integrity {
    /// Around it.
    pub frame: Frame,
    /// The organization.
    pub org: String,
    /// Zone of the times.
    pub zone: String,
    /// Origin of its log.
    pub origin: String,
    /// Committed events.
    pub size: u64,
    /// Those that no checkpoint covers yet.
    pub behind: u64,
    /// More about the log: name and text.
    pub facts: Vec<(String, String)>,
    /// State and public form of each key.
    pub keys: Vec<(String, String)>,
    /// The newest signed checkpoint.
    pub note: Option<String>,
    /// How to verify from outside,
    pub verify_url: String,
    /// and here.
    pub verify_data: String,
    /// What verifying the stored events came to when somebody last asked.
    pub checked: Option<Checked>,
    /// Asks for an evidence bundle.
    pub bundle: BundleForm,
    /// Checkpoints, newest first.
    pub checkpoints: Vec<Checkpoint>,
    /// Who sends events; those with gaps first.
    pub producers: Vec<Producer>,
    /// Gaps of all producers.
    pub gaps: usize,
}

/// What verifying came to.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// When it ended.
    pub at: String,
    /// Events recomputed.
    pub events: u64,
    /// Signed checkpoints compared.
    pub checkpoints: u64,
    /// What does not hold: place and what; empty when everything holds.
    pub faults: Vec<(String, String)>,
    /// How many more there are.
    pub more: usize,
}

/// A checkpoint in a line.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// When it was signed.
    pub signed: String,
    /// How many events it covers.
    pub size: u64,
    /// The root over them.
    pub root: String,
}

/// A producer in a line.
#[derive(Clone, Debug, Default)]
pub struct Producer {
    /// Its events.
    pub href: String,
    /// Its name.
    pub name: String,
    /// Which copy of it.
    pub instance: String,
    /// How many events it sent.
    pub events: u64,
    /// Its highest number.
    pub highest: String,
    /// When it was last seen.
    pub seen: String,
    /// Numbers that are missing, or nothing.
    pub gaps: String,
}
