//! Records of a file, decoded and matched here, without a server: what `view`, `import --dry-run` and the catalog
//! commands show. Nothing is stored, and what a server would decide by its own policies is not known here.

use std::path::Path;
use std::sync::Arc;

use indelible_catalog::catalog::{Catalog, Registry};
use indelible_catalog::finding::{Finding, FindingId};
use indelible_catalog::matching::{Envelope, Matched, match_raw};
use indelible_catalog::policy::{Policy, Verdict, verdict_unheard};
use indelible_catalog::resolve::SentHints;
use indelible_catalog::secrets::{Harmless, scan_event};
use indelible_event::{Event, EventId, Field, Map, Value};
use indelible_formats::{DecodeError, Format, Raw, parse_json, rfc3339};
use sha2::{Digest, Sha256};

use crate::event_of_json::event_of_json;
use crate::exit::Failure;

/// How the records of a file are written.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FormatArg {
    /// Form of the input
    #[arg(long, short = 'f', value_name = "FORMAT", value_parser = format_parser())]
    pub(crate) format: Option<Format>,
    /// Zone of times that carry none: IANA name or offset
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// strptime form of times, such as '%d-%m-%Y %H:%M:%S'
    #[arg(long, value_name = "FORM")]
    pub(crate) time_format: Option<String>,
}

fn format_parser() -> impl clap::builder::TypedValueParser<Value = Format> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
    let values = Format::ALL.map(|format| PossibleValue::new(format.name()).help(format.doc()));
    PossibleValuesParser::new(values).map(|name| name.parse().expect("one of the listed names"))
}

/// What became of one record.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An event, with its catalog if there is one, and its place in a log if it was exported from one.
    Event { event: Box<Event>, findings: Vec<Finding>, verdict: Verdict, place: Option<Place> },
    /// No audit event, by this rule.
    Skipped(String),
    /// No rule takes it.
    NoMatch(Vec<Finding>),
}

/// Where an event that was exported stands in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) organization: String,
    pub(crate) index: u64,
    pub(crate) id: EventId,
    pub(crate) received_ns: u64,
}

impl Place {
    /// The place that the JSON of an export tells.
    fn of(map: &Map) -> Option<Self> {
        let text = |name: &str| map.get(name)?.as_text();
        let received = rfc3339::parse(text("received_at")?)?;
        Some(Self {
            organization: text("organization")?.to_owned(),
            index: u64::try_from(map.get("index")?.as_int()?).ok()?,
            id: text("id")?.parse().ok()?,
            received_ns: u64::try_from(received.unix_nanos()).ok()?,
        })
    }
}

/// Reads records against catalogs.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) format: Format,
    /// Catalog that reads the records, instead of the format's own.
    pub(crate) pinned: Option<String>,
    envelope: Map,
}

impl FormatArg {
    /// The form that was said, or the one that the beginning of the input shows.
    pub(crate) fn of(&self, path: &Path, bytes: &[u8]) -> Result<Format, Failure> {
        self.format.or_else(|| guess(bytes)).ok_or_else(|| {
            let names = Format::ALL.map(Format::name).join(", ");
            let path = path.display();
            Failure::usage(format!(
                "the form of {path} cannot be told from its beginning; say --format, one of {names}"
            ))
        })
    }
}

/// The form of an input whose beginning is unmistakable.
pub(crate) fn guess(bytes: &[u8]) -> Option<Format> {
    let head = bytes.get(..bytes.len().min(64 * 1024)).unwrap_or_default();
    let head = String::from_utf8_lossy(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    let first = head.trim_start().lines().next().unwrap_or_default();
    let has = |words: &[&str]| words.iter().all(|word| head.contains(word));
    if first.contains("Entity Type") && first.contains("Action timestamp") {
        Some(Format::Netop)
    } else if first.contains("Job Code") && first.contains("Date") {
        Some(Format::SanerNow)
    } else if first.contains("AuditLog: ") || has(&["\"action_code\"", "\"event_code\"", "\"created_at\""]) {
        Some(Format::MinVws)
    } else if has(&["\"eventName\"", "\"eventSource\""]) {
        Some(Format::CloudTrail)
    } else if has(&["\"catalog\"", "\"code\"", "\"occurred_at\""]) {
        Some(Format::Native)
    } else if has(&["\"event_code\"", "\"logger\""]) || has(&["\"event_code\"", "\"timestamp\""]) {
        Some(Format::OpenKat)
    } else if first.starts_with(['{', '[']) {
        Some(Format::Match)
    } else {
        None
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(registry: &'a Registry, format: Format, said: &FormatArg) -> Self {
        let settings = [("zone", &said.zone), ("time_format", &said.time_format)];
        let mut source = Map::new();
        for (name, value) in settings {
            if let Some(value) = value {
                source.insert(name.to_owned(), Value::from(value.as_str()));
            }
        }
        let mut envelope = Map::new();
        envelope.insert("source".to_owned(), Value::Map(source));
        Self { registry, format, pinned: None, envelope }
    }

    /// Every record of an input with its row, or why it cannot be read.
    pub(crate) fn read<'b>(
        &'b self,
        bytes: &'b [u8],
    ) -> impl Iterator<Item = (u64, Result<Outcome, DecodeError>)> + 'b {
        self.format.decode(bytes).map(|raw| match raw {
            Ok(raw) => (raw.row, Ok(self.outcome(&raw))),
            Err(error) => (error.row, Err(error)),
        })
    }

    /// What a record becomes by match rules alone; our own event JSON has none.
    pub(crate) fn matched(&self, raw: &Raw) -> Matched {
        let mut envelope = self.envelope.clone();
        envelope.insert("row".to_owned(), Value::Int(i64::try_from(raw.row).unwrap_or(i64::MAX)));
        let values = Value::Map(envelope);
        let envelope = Envelope {
            format: Some(self.format.name()),
            organization: "local",
            values: &values,
            fingerprint: &fingerprint,
            parse_json: &|text| parse_json(text.as_bytes()).ok(),
        };
        let pinned = self.pinned.as_deref().or(self.format.catalog());
        match_raw(self.registry, &raw.value, &envelope, pinned)
    }

    fn outcome(&self, raw: &Raw) -> Outcome {
        if self.format == Format::Native {
            return self.native(&raw.value);
        }
        match self.matched(raw) {
            Matched::Event(matched) => {
                let verdict = verdict_unheard(&matched.findings, &[&matched.catalog.policy]);
                let (event, findings) = (Box::new(matched.event), matched.findings);
                Outcome::Event { event, findings, verdict, place: None }
            }
            Matched::Skip { catalog, rule } => Outcome::Skipped(format!("{catalog}/{rule}")),
            Matched::NoMatch { findings, .. } => Outcome::NoMatch(findings),
        }
    }

    fn native(&self, value: &Value) -> Outcome {
        let Value::Map(map) = value else {
            let hint = format!("an event is an object, not {}", value.kind_name());
            return Outcome::NoMatch(vec![Finding::new(FindingId::NoMatch, "", hint)]);
        };
        let mut event = event_of_json(map);
        let catalog = event.text(Field::Catalog).and_then(|id| self.registry.get(id)).cloned();
        let mut findings = Vec::new();
        // An event that was read back has been through its catalog already.
        let recorded = event.get(Field::CatalogVersion).is_some();
        if let (Some(catalog), false) = (&catalog, recorded) {
            let (secrets, _) = scan_event(&mut event, Harmless { names: [&catalog.harmless, &[]] });
            let sent =
                SentHints { organization: "local", fingerprint: Some(&fingerprint), ..SentHints::default() };
            catalog.resolve_into(&mut event, &sent, &mut findings);
            findings.extend(secrets);
        } else if catalog.is_none() {
            let finding =
                Finding::new(FindingId::CatalogUnknown, "/catalog", "no catalog of this name is loaded");
            findings.push(finding.with_value(event.text(Field::Catalog).unwrap_or_default()));
        }
        let policy = policy(catalog.as_ref());
        let verdict = verdict_unheard(&findings, &[&policy]);
        Outcome::Event { event: Box::new(event), findings, verdict, place: Place::of(map) }
    }
}

fn policy(catalog: Option<&Arc<Catalog>>) -> Policy {
    catalog.map(|catalog| catalog.policy.clone()).unwrap_or_default()
}

/// A fingerprint for looking at files: equal secrets look equal, but it is not the one that a server would store.
pub(crate) fn fingerprint(bytes: &[u8]) -> [u8; 8] {
    Sha256::digest(bytes).first_chunk().copied().unwrap_or_default()
}
