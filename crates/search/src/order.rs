//! Orders of results and places within them.

use indelible_query::Instant;

/// How results are ordered. Ties of time are broken by index, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Newest act first; the default.
    OccurredDescending,
    /// Oldest act first.
    OccurredAscending,
    /// Last recorded first.
    IndexDescending,
    /// First recorded first.
    IndexAscending,
}

impl Order {
    /// The name in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OccurredDescending => "-occurred_at",
            Self::OccurredAscending => "occurred_at",
            Self::IndexDescending => "-index",
            Self::IndexAscending => "index",
        }
    }

    /// The order with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::OccurredDescending, Self::OccurredAscending, Self::IndexDescending, Self::IndexAscending]
            .into_iter()
            .find(|order| order.as_str() == name)
    }

    /// Whether later events come later.
    pub fn is_ascending(self) -> bool {
        matches!(self, Self::OccurredAscending | Self::IndexAscending)
    }

    pub(crate) fn is_by_time(self) -> bool {
        matches!(self, Self::OccurredDescending | Self::OccurredAscending)
    }
}

/// A place in an order: a time (zero in orders by index) and an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) time: Instant,
    pub(crate) index: u64,
}

/// A place as a number that grows towards what comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) time: i128,
    pub(crate) index: u64,
}

impl Rank {
    pub(crate) fn new(place: Place, ascending: bool) -> Self {
        if ascending {
            Self { time: place.time.0.saturating_neg(), index: !place.index }
        } else {
            Self { time: place.time.0, index: place.index }
        }
    }

    pub(crate) fn place(self, ascending: bool) -> Place {
        if ascending {
            Place { time: Instant(self.time.saturating_neg()), index: !self.index }
        } else {
            Place { time: Instant(self.time), index: self.index }
        }
    }
}

/// Where to begin: at a place, with or without what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) place: Place,
    pub(crate) inclusive: bool,
}

impl Start {
    /// Whether a rank of the given direction comes after the start.
    pub(crate) fn admits(&self, rank: Rank, ascending: bool) -> bool {
        let start = Rank::new(self.place, ascending);
        rank < start || (self.inclusive && rank == start)
    }
}
