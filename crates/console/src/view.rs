//! The page that others embed: events that a viewer token lets through. Its rows come from the API, fetched by its script
//! with the token of the address's fragment; the page itself holds nothing of anybody.

use askama::Template;

/// An empty frame for rows.
#[derive(Clone, Debug, Template)]
#[template(path = "view.html")]
pub struct View {
    /// Where rows come from: path of the search of the token's own organization.
    pub events: String,
}
