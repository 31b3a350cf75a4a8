//! A search as the address of a page holds it: the address is the whole state, so that it can be kept, sent and gone
//! back to.

use axum::http::Uri;
use indelible_query::EventQuery;

use crate::api::search::Asked;
use crate::endpoints::Parameter;
use crate::problem::Problem;
use crate::request::Params;

/// The window of a search that says nothing about time.
const DEFAULT_SINCE: &str = "-24h";
/// Rows a page unless another number is said.
pub(crate) const DEFAULT_ROWS: usize = 50;
/// Numbers of rows to choose from.
pub(crate) const ROWS: [usize; 5] = [25, 50, 100, 250, 1_000];

const KNOWN: &[Parameter] = &[
    Parameter { name: "q", kind: "string", doc: "" },
    Parameter { name: "since", kind: "string", doc: "" },
    Parameter { name: "until", kind: "string", doc: "" },
    Parameter { name: "tz", kind: "string", doc: "" },
    Parameter { name: "limit", kind: "integer", doc: "" },
    Parameter { name: "at", kind: "integer", doc: "" },
    Parameter { name: "cursor", kind: "string", doc: "" },
    Parameter { name: "cols", kind: "string", doc: "" },
    Parameter { name: "add", kind: "string", doc: "" },
    Parameter { name: "layout", kind: "string", doc: "" },
    Parameter { name: "group", kind: "string", doc: "" },
];

/// What is searched, as it was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    pub(crate) org: String,
    pub(crate) q: String,
    /// Empty: from the beginning.
    pub(crate) since: String,
    /// Empty: until now.
    pub(crate) until: String,
    /// The zone, if the address says one.
    pub(crate) tz: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) at: Option<u64>,
    pub(crate) cursor: Option<String>,
    /// Columns, comma-separated; empty: those of the layout, else the usual ones.
    pub(crate) cols: String,
    /// Report of a product; empty: none.
    pub(crate) layout: String,
    /// What rows are grouped by; empty: nothing; none: as the layout has it.
    pub(crate) group: Option<String>,
}

impl Search {
    /// Everything of an organization.
    pub(crate) fn of(org: &str) -> Self {
        Self { org: org.to_owned(), ..Self::default() }
    }

    /// Reads the address of a page.
    pub(crate) fn read(org: &str, uri: &Uri) -> Result<Self, Problem> {
        let params = Params::read(uri, KNOWN)?;
        let text = |name: &str| params.text(name).map(|text| text.trim().to_owned());
        let cols = [text("cols"), text("add")].map(Option::unwrap_or_default);
        let cols: Vec<&str> = cols.iter().map(String::as_str).filter(|cols| !cols.is_empty()).collect();
        Ok(Self {
            org: org.to_owned(),
            q: text("q").unwrap_or_default(),
            since: text("since").unwrap_or_else(|| DEFAULT_SINCE.to_owned()),
            until: text("until").unwrap_or_default(),
            tz: text("tz").filter(|zone| !zone.is_empty()),
            limit: params.parsed("limit", "a number of rows")?,
            at: params.parsed("at", "a log size")?,
            cursor: text("cursor").filter(|cursor| !cursor.is_empty()),
            cols: cols.join(","),
            layout: text("layout").unwrap_or_default(),
            group: text("group"),
        })
    }

    /// What is asked of the search, with times in a zone.
    pub(crate) fn asked(&self, zone: &str) -> Asked {
        let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Asked {
            q: self.q.clone(),
            since: said(&self.since),
            until: said(&self.until),
            tz: Some(self.tz.clone().unwrap_or_else(|| zone.to_owned())),
            limit: Some(self.limit.unwrap_or(DEFAULT_ROWS)),
            cursor: self.cursor.clone(),
            at: self.at,
            ..Asked::default()
        }
    }

    /// The same with another query, from its first page.
    pub(crate) fn with(&self, query: &EventQuery) -> Self {
        self.with_text(query.to_string())
    }

    pub(crate) fn with_text(&self, q: impl Into<String>) -> Self {
        Self { q: q.into(), cursor: None, ..self.clone() }
    }

    /// The same in another window, from its first page.
    pub(crate) fn between(&self, since: impl Into<String>, until: impl Into<String>) -> Self {
        Self { since: since.into(), until: until.into(), cursor: None, ..self.clone() }
    }

    /// The page that shows it.
    pub(crate) fn href(&self) -> String {
        format!("/o/{}/explore?{}", self.org, self.parameters())
    }

    /// Everything that it finds as a file, not only a page of it.
    pub(crate) fn csv(&self) -> String {
        let whole = Self { cursor: None, limit: None, ..self.clone() };
        format!("/o/{}/explore.csv?{}", self.org, whole.parameters())
    }

    fn parameters(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.pairs());
        form.finish()
    }

    /// Names and values that say it in an address.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let pairs = [
            ("q", Some(self.q.clone())),
            ("since", Some(self.since.clone())),
            ("until", said(&self.until)),
            ("tz", self.tz.clone()),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("at", self.at.map(|at| at.to_string())),
            ("cursor", self.cursor.clone()),
            ("cols", said(&self.cols)),
            ("layout", said(&self.layout)),
            ("group", self.group.clone()),
        ];
        pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// What the form of the page keeps without showing it.
    pub(crate) fn hidden(&self) -> Vec<(String, String)> {
        let kept = ["tz", "limit", "cols", "layout", "group"];
        self.pairs().into_iter().filter(|(name, _)| kept.contains(&name.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_was_written() {
        let search = Search {
            q: "actor:\"a b&c=<d>\" -x".to_owned(),
            since: "2026-11-21T14:00:00+01:00".to_owned(),
            until: "yesterday".to_owned(),
            tz: Some("Europe/Amsterdam".to_owned()),
            limit: Some(25),
            at: Some(9),
            cursor: Some("c".to_owned()),
            cols: "time,actor".to_owned(),
            layout: "netop".to_owned(),
            group: Some(String::new()),
            ..Search::of("acme")
        };
        let read = Search::read("acme", &search.href().parse().unwrap()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{search:?}"));
        assert!(read.with_text("y").cursor.is_none() && read.between("", "").cursor.is_none());
        assert!(!search.csv().contains("cursor") && !search.csv().contains("limit"));
    }

    #[test]
    fn nothing_said_is_a_day_and_nothing_asked_is_everything() {
        let read = |text: &str| Search::read("a", &text.parse().unwrap());
        assert_eq!(read("/o/a/explore").unwrap().since, "-24h");
        assert_eq!(read("/o/a/explore?since=").unwrap().since, "");
        assert!(read("/o/a/explore?sinse=1").is_err());
    }
}
