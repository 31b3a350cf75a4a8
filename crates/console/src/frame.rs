//! What all pages share: the bar above, the theme, who is looking.

use crate::text::Text;

/// A link with its text, perhaps the chosen one of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its text.
    pub label: String,
    /// Where it goes: a path with everything in it percent-encoded.
    pub href: String,
    /// Whether it stands for what is shown now.
    pub on: bool,
}

impl Link {
    /// A link that is not the chosen one.
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into(), on: false }
    }

    /// The same, chosen or not.
    pub fn chosen(self, on: bool) -> Self {
        Self { on, ..self }
    }
}

/// Around every page.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Title of the page.
    pub title: String,
    /// The texts of the reader's language.
    pub t: &'static Text,
    /// `auto`, `light` or `dark`.
    pub theme: String,
    /// A line above everything, such as that the data is gone at the end.
    pub ribbon: Option<String>,
    /// Version of the program.
    pub version: String,
    /// Whose visit it is; nobody's before log-in.
    pub visit: Option<Visit>,
}

/// Somebody who has logged in, in an organization.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// The organization that is looked at.
    pub org: String,
    /// Those that may be looked at.
    pub orgs: Vec<Link>,
    /// The pages.
    pub pages: Vec<Link>,
    /// Short name of who is looking.
    pub who: String,
    /// The same in a sentence.
    pub subject: String,
    /// Zone that times are shown in.
    pub zone: String,
    /// Path and query of this page, to come back to.
    pub here: String,
    /// Goes with every form.
    pub csrf: String,
    /// Whether there is a session to end.
    pub may_leave: bool,
    /// Whether it is a person, who has a page of their own.
    pub has_account: bool,
}
