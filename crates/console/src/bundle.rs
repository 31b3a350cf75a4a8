//! The form that asks for an evidence bundle of what a page shows.

/// The form.
#[derive(Clone, Debug, Default)]
pub struct BundleForm {
    /// Where it is sent.
    pub action: String,
    /// The query and its window, as names and values.
    pub hidden: Vec<(String, String)>,
    /// Whether the window is asked for.
    pub window: bool,
}
