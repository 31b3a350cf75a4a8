//! What a page says once: that the form before it worked, what was wrong, or a secret that is shown this once.

/// One notice. `Debug` hides what is secret.
#[derive(Clone, Default)]
pub struct Notice {
    /// Whether it is good news.
    pub good: bool,
    /// A sentence.
    pub text: String,
    /// What the secret is, and the secret.
    pub secret: Option<(String, String)>,
    /// Recovery codes.
    pub codes: Vec<String>,
}

impl Notice {
    /// Good news.
    pub fn good(text: impl Into<String>) -> Self {
        Self { good: true, text: text.into(), ..Self::default() }
    }

    /// Something that went wrong, from the detail of a problem.
    pub fn bad(detail: &str) -> Self {
        let mut letters = detail.chars();
        let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
        Self { text: format!("{first}{}.", letters.as_str()), ..Self::default() }
    }

    /// The same with a secret that is shown this once.
    pub fn with_secret(self, what: &str, secret: String) -> Self {
        Self { secret: Some((what.to_owned(), secret)), ..self }
    }
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notice").field("text", &self.text).finish_non_exhaustive()
    }
}
