//! What may be said about an event at intake, by name, and how severe each is unless a catalog says otherwise.
//! A finding never carries a value of the event except a code or catalog name.

use crate::word::words;

words! {
    /// Name of a finding. The words are part of the API: never renamed, never reused.
    FindingId {
        /// No type of the catalog has this code.
        CodeUnknown = "code_unknown",
        /// The event names no code.
        CodeMissing = "code_missing",
        /// The code came as a number.
        CodeNumber = "code_number",
        /// The code is that of a group, not of a type.
        GroupCode = "group_code",
        /// No enabled catalog has this name.
        CatalogUnknown = "catalog_unknown",
        /// No rule takes this raw event.
        NoMatch = "no_match",
        /// The entity sent is not the declared one.
        WrongEntity = "wrong_entity",
        /// The action letter sent is not the declared one.
        CrudeDiffers = "crude_differs",
        /// The outcome sent is not the declared one.
        OutcomeDiffers = "outcome_differs",
        /// The routing key sent is not the declared one.
        KeyDiffers = "key_differs",
        /// A value is not of its declared type.
        TypeMismatch = "type_mismatch",
        /// A required parameter is missing or empty.
        ParamMissing = "param_missing",
        /// A parameter is not declared by the type.
        ParamUndeclared = "param_undeclared",
        /// A parameter's scope cannot be told.
        ParamScopeUnknown = "param_scope_unknown",
        /// A parameter that is always empty has a value.
        NotEmpty = "not_empty",
        /// The type needs a session.
        SessionMissing = "session_missing",
        /// The type never has a session.
        SessionUnexpected = "session_unexpected",
        /// Nobody is named as the actor.
        ActorMissing = "actor_missing",
        /// Nothing is named as the target.
        TargetMissing = "target_missing",
        /// No address, host or device is named.
        OriginMissing = "origin_missing",
        /// No account is named.
        OrganizationMissing = "organization_missing",
        /// The sender's text is missing.
        TextMissing = "text_missing",
        /// A field's name is misspelt.
        FieldMisspelt = "field_misspelt",
        /// A text is the printed form of a program's object.
        ReprValue = "repr_value",
        /// The time is missing.
        TimeMissing = "time_missing",
        /// The time cannot be read, or reads two ways.
        TimeUnreadable = "time_unreadable",
        /// The time names no zone.
        TimeWithoutZone = "time_without_zone",
        /// Two times of one event differ.
        TimeDiffers = "time_differs",
        /// The time is ahead of the clock.
        ClockAhead = "clock_ahead",
        /// The event arrived long after its time.
        Late = "late",
        /// Sequence numbers are missing.
        SequenceGap = "sequence_gap",
        /// A value is, or looks like, a credential; it was removed.
        SecretSuspected = "secret_suspected",
        /// A field is longer than its limit or not of its kind.
        FieldInvalid = "field_invalid",
        /// The body is encrypted.
        Encrypted = "encrypted",
    }
}

/// What is done about a finding, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Accept,
    /// The event is stored with the finding among its flags.
    Flag,
    /// The event is stored apart, until someone releases it.
    Quarantine,
    /// The event is not stored; its sender is told.
    Reject,
    /// The event is no audit event: counted, not stored. Only for a missing code.
    Skip,
}

impl Level {
    /// The words of policies.
    pub const WORDS: &'static [&'static str] = &["accept", "flag", "quarantine", "reject", "skip"];

    /// The level that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "accept" => Some(Self::Accept),
            "flag" => Some(Self::Flag),
            "quarantine" => Some(Self::Quarantine),
            "reject" => Some(Self::Reject),
            "skip" => Some(Self::Skip),
            _ => None,
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Flag => "flag",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
            Self::Skip => "skip",
        }
    }
}

impl FindingId {
    /// The level in force when no policy speaks.
    pub fn default_level(self) -> Level {
        match self {
            Self::CatalogUnknown | Self::NoMatch | Self::FieldInvalid => Level::Reject,
            Self::CodeUnknown
            | Self::CodeMissing
            | Self::TimeMissing
            | Self::TimeUnreadable
            | Self::ActorMissing
            | Self::Encrypted => Level::Quarantine,
            _ => Level::Flag,
        }
    }

    /// The levels that a catalog may give it.
    pub fn allowed(self) -> &'static [Level] {
        match self {
            Self::FieldInvalid => &[Level::Reject],
            Self::CatalogUnknown | Self::NoMatch => &[Level::Reject, Level::Quarantine],
            Self::CodeMissing => &[Level::Quarantine, Level::Reject, Level::Flag, Level::Skip],
            Self::CodeUnknown | Self::TimeMissing | Self::TimeUnreadable | Self::ActorMissing => {
                &[Level::Quarantine, Level::Reject, Level::Flag]
            }
            Self::Encrypted | Self::ClockAhead | Self::Late | Self::SequenceGap => {
                &[Level::Flag, Level::Quarantine]
            }
            _ => &[Level::Flag, Level::Quarantine, Level::Reject],
        }
    }
}

/// One observation about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name.
    pub id: FindingId,
    /// JSON pointer to the place in what was sent; empty for the whole event.
    pub pointer: String,
    /// The code or catalog name in question, at most [`MAX_VALUE_BYTES`]; otherwise kind and length.
    pub value: Option<String>,
    /// Codes that may have been meant.
    pub suggest: Vec<String>,
    /// One sentence for the sender.
    pub hint: String,
    /// Least level, whatever the policy: a time without zone cannot be accepted without a zone to read it in.
    pub level: Level,
}

/// Longest value echoed in a finding: as long as the longest code.
pub const MAX_VALUE_BYTES: usize = 64;

impl Finding {
    /// A finding at its default level.
    pub fn new(id: FindingId, pointer: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            id,
            pointer: pointer.into(),
            value: None,
            suggest: Vec::new(),
            hint: hint.into(),
            level: id.default_level(),
        }
    }

    /// The same, echoing a code or name, or its length when it is too long to be one.
    #[must_use]
    pub fn with_value(mut self, value: &str) -> Self {
        let shown = if value.len() <= MAX_VALUE_BYTES {
            value.to_owned()
        } else {
            format!("text of {} bytes", value.len())
        };
        self.value = Some(shown);
        self
    }

    /// The same with suggestions.
    #[must_use]
    pub fn with_suggestions(mut self, suggest: Vec<String>) -> Self {
        self.suggest = suggest;
        self
    }
}
