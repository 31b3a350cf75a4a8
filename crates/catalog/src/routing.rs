//! Routing keys from a template. What does not depend on the event is filled in when the catalog is loaded.

use indelible_event::{Event, Field};

use crate::catalog::Catalog;
use crate::word::{Crude, Outcome};

/// Longest routing key in bytes (AMQP's limit).
pub const MAX_ROUTING_BYTES: usize = 255;
/// The template of a catalog that has none.
pub const DEFAULT_TEMPLATE: &str = "{catalog}.{entity}.{action}";
/// Names that may stand in a template.
pub const PARTS: &[&str] = &[
    "app",
    "key",
    "catalog",
    "organization",
    "account",
    "group",
    "entity",
    "action",
    "code",
    "crude",
    "outcome",
];

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    lower: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Part(&'static str),
}

/// What of a type goes into its routing key.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TypeParts<'a> {
    pub(crate) app: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) catalog: &'a str,
    pub(crate) group: &'a str,
    pub(crate) entity: &'a str,
    pub(crate) action: &'a str,
    pub(crate) code: &'a str,
    pub(crate) crude: Option<Crude>,
    pub(crate) outcome: Option<Outcome>,
}

/// What of an event goes into its routing key.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EventParts<'a> {
    pub(crate) organization: &'a str,
    pub(crate) account: &'a str,
    pub(crate) outcome: &'a str,
}

/// A routing key with the parts of its type filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Route {
    pieces: Vec<RoutePiece>,
    lower: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum RoutePiece {
    Text(String),
    Organization,
    Account,
    Outcome,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A sentence naming the parts that exist.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or("{ without }")?;
            let known = PARTS.iter().find(|part| **part == name);
            let part =
                known.ok_or_else(|| format!("{{{name}}} has no meaning; allowed: {}", PARTS.join(", ")))?;
            pieces.push(Piece::Literal(before.to_owned()));
            pieces.push(Piece::Part(part));
            rest = tail;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        Ok(Self { pieces, lower: text == DEFAULT_TEMPLATE })
    }

    /// The key of an event that is in the log, with what its catalog says of its type, if it is known.
    pub fn key_of(&self, event: &Event, catalog: Option<&Catalog>, organization: &str) -> String {
        let text = |field| event.text(field).unwrap_or_default();
        let of = catalog.and_then(|catalog| catalog.type_by_code(text(Field::Code)));
        let parts = TypeParts {
            app: catalog.map_or("", |catalog| catalog.app.as_str()),
            key: of.and_then(|of| of.key.as_deref()),
            catalog: text(Field::Catalog),
            group: text(Field::Group),
            entity: text(Field::Entity),
            action: text(Field::Action),
            code: text(Field::Code),
            crude: Crude::parse(text(Field::Crude)),
            outcome: None,
        };
        let (account, outcome) = (text(Field::Account), text(Field::Outcome));
        self.route(&parts).render(EventParts { organization, account, outcome })
    }

    /// Fills in what a type says.
    pub(crate) fn route(&self, parts: &TypeParts<'_>) -> Route {
        let mut route = Route { pieces: Vec::new(), lower: self.lower };
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => route.push(text),
                Piece::Part(name) => route.push_part(name, parts),
            }
        }
        route
    }
}

impl Route {
    fn push(&mut self, text: &str) {
        let text = if self.lower { text.to_ascii_lowercase() } else { text.to_owned() };
        match self.pieces.last_mut() {
            Some(RoutePiece::Text(last)) => last.push_str(&text),
            _ => self.pieces.push(RoutePiece::Text(text)),
        }
    }

    fn push_part(&mut self, name: &str, parts: &TypeParts<'_>) {
        match name {
            "organization" => self.pieces.push(RoutePiece::Organization),
            "account" => self.pieces.push(RoutePiece::Account),
            "outcome" => match parts.outcome {
                Some(outcome) => self.push(outcome.as_str()),
                None => self.pieces.push(RoutePiece::Outcome),
            },
            "key" => match parts.key {
                Some(key) => self.push(&clean(key)),
                None => self.push(&clean(&format!("{}_{}", parts.entity, parts.action)).to_ascii_lowercase()),
            },
            "app" => self.push(&clean(parts.app)),
            "catalog" => self.push(&clean(parts.catalog)),
            "group" => self.push(&clean(parts.group)),
            "entity" => self.push(&clean(parts.entity)),
            "action" => self.push(&clean(parts.action)),
            "code" => self.push(&clean(parts.code)),
            _ => self.push(parts.crude.map_or("", Crude::as_str)),
        }
    }

    /// The key of one event; longer ones end at the limit.
    pub(crate) fn render(&self, parts: EventParts<'_>) -> String {
        let mut key = match self.pieces.as_slice() {
            [RoutePiece::Text(text)] => text.clone(),
            pieces => pieces.iter().fold(String::new(), |mut key, piece| {
                match piece {
                    RoutePiece::Text(text) => key.push_str(text),
                    RoutePiece::Organization => key.push_str(&clean(parts.organization)),
                    RoutePiece::Account => key.push_str(&clean(parts.account)),
                    RoutePiece::Outcome => key.push_str(&clean(parts.outcome)),
                }
                key
            }),
        };
        if key.len() > MAX_ROUTING_BYTES {
            let end = (0..=MAX_ROUTING_BYTES).rev().find(|at| key.is_char_boundary(*at)).unwrap_or(0);
            key.truncate(end);
        }
        key
    }
}

/// Replaces every character that has a meaning in routing keys, or none, by `_`.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_add_levels() {
        let template = Template::parse("{app}.{key}.{account}").unwrap();
        let parts = TypeParts { app: "open.kat", key: Some("login_event"), ..TypeParts::default() };
        let route = template.route(&parts);
        assert_eq!(
            route.render(EventParts { account: "a.*#b", ..EventParts::default() }),
            "open_kat.login_event.a___b"
        );
    }

    #[test]
    fn the_default_is_lower_case_and_keys_fall_back() {
        let parts =
            TypeParts { catalog: "netop", entity: "DEVICE", action: "CREATE", ..TypeParts::default() };
        assert_eq!(
            Template::parse(DEFAULT_TEMPLATE).unwrap().route(&parts).render(EventParts::default()),
            "netop.device.create"
        );
        assert_eq!(
            Template::parse("{key}").unwrap().route(&parts).render(EventParts::default()),
            "device_create"
        );
        assert!(Template::parse("{colour}").is_err());
    }

    #[test]
    fn a_key_ends_at_its_limit() {
        let template = Template::parse("{account}").unwrap().route(&TypeParts::default());
        let account = "a".repeat(300);
        assert_eq!(
            template.render(EventParts { account: &account, ..EventParts::default() }).len(),
            MAX_ROUTING_BYTES
        );
    }
}
