//! The closed lists of words that a catalog may use. A word outside its list is an error at load, so that the rest of the crate never meets one.

/// Defines an enum whose variants are written in files as fixed words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every word of the list, in its order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
            /// Every value of the list, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value that a word stands for.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }

            /// The word, as it stands in files and events.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What an act does to its object (NEN 7513).
    Crude { Create = "C", Read = "R", Update = "U", Delete = "D", Execute = "E" }
}
words! {
    /// Whether the act succeeded.
    Outcome { Success = "success", Failure = "failure", Unknown = "unknown" }
}
words! {
    /// Severity words, in rising order.
    Severity { Unknown = "unknown", Info = "info", Low = "low", Medium = "medium", High = "high", Critical = "critical", Fatal = "fatal" }
}
words! {
    /// Retention classes; organizations set their length.
    Retention { Standard = "standard", Security = "security", Access = "access", Health = "health" }
}
words! {
    /// What the sending program does when no acknowledgement comes.
    Unavailable { Deny = "deny", Spool = "spool", DropCount = "drop+count" }
}
words! {
    /// Whether events of a type carry a session.
    Session { Never = "never", Optional = "optional", Required = "required" }
}
words! {
    /// Whether a parameter's value may be empty.
    Empty { Never = "never", May = "may", Always = "always" }
}
words! {
    /// Parts of an event that a type may require.
    Required { Actor = "actor", Origin = "origin", Target = "target", Account = "account" }
}
words! {
    /// How codes are written.
    CodeKind { Digits = "digits", Pair = "pair", Text = "text" }
}
words! {
    /// How the outcome of an event is found when its type does not fix it.
    OutcomeBy { Fixed = "fixed", ResultCode = "result_code", Suffix = "suffix", Said = "said" }
}
