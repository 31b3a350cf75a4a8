//! The first page of an organization: how much happens, what failed, how the log stands.

use askama::Template;

use crate::chart::Chart;
use crate::explore::Facet;
use crate::frame::Frame;
use crate::row::Row;

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "home.html")]
pub struct Home {
    /// Around it.
    pub frame: Frame,
    /// The organization.
    pub org: String,
    /// Its title.
    pub title: String,
    /// Zone of the times.
    pub zone: String,
    /// Where to begin, in a demonstration.
    pub tour: Vec<Card>,
    /// Numbers.
    pub tiles: Vec<Tile>,
    /// Events per day.
    pub chart: Chart,
    /// The newest failures.
    pub failures: Vec<Row>,
    /// All failures.
    pub failures_href: String,
    /// Who and what most.
    pub facets: Vec<Facet>,
}

/// A step of the tour.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// What is to be seen.
    pub title: String,
    /// What happened there.
    pub text: String,
    /// Where.
    pub href: String,
}

/// A number with its name.
#[derive(Clone, Debug, Default)]
pub struct Tile {
    /// The number.
    pub value: String,
    /// What it counts.
    pub label: String,
    /// Where there is more.
    pub href: String,
    /// It needs attention.
    pub bad: bool,
}
