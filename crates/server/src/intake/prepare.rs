//! From one record to an append, or to the reason why not. No waiting here: all of it is computing.

use std::ops::Range;
use std::sync::Arc;

use indelible_catalog::catalog::{Catalog, Registry};
use indelible_catalog::finding::{Finding, FindingId};
use indelible_catalog::matching::{Envelope, Matched, match_raw};
use indelible_catalog::policy::{Policy, Verdict};
use indelible_catalog::resolve::SentHints;
use indelible_catalog::secrets::{Harmless, Mask, scan_event};
use indelible_control::Catalogs;
use indelible_event::{Event, EventError, EventId, Field, Flag, Map, Value, type_tag};
use indelible_formats::{DecodeError, Format, MAX_RECORD_BYTES, Raw, json_line, json_out};
use indelible_store::append::Append;
use indelible_store::error::StoreError;
use indelible_store::log_no::LogNo;
use indelible_store::producers::Producer;
use indelible_store::subjects::Subject;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::answer::{Fate, Outcome};
use super::{Source, judge, native};
use crate::app::App;
use crate::limits::MAX_BATCH_EVENTS;
use crate::problem::{Code, Problem};

/// Raw forms larger than this are kept as their hash only: the event itself holds all they say.
const MAX_RAW_BYTES: usize = 120 * 1024;

/// A record after all that can be said before the commit.
#[derive(Debug)]
pub(crate) enum Prepared {
    Ready(Box<Ready>),
    Done(Outcome),
}

/// An event to append.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) append: Append,
    /// Findings that are kept as flags.
    pub(crate) flags: Vec<&'static str>,
    /// The same with place and remedy, for the sender of an event that is stored with flags.
    pub(crate) findings: Vec<serde_json::Value>,
    /// What the sender is told when the event is quarantined.
    pub(crate) quarantine: Option<Vec<serde_json::Value>>,
    /// It has no name but the one that the request's key gives it.
    pub(crate) named_by_request: bool,
}

/// What one request's records share.
struct Batch<'a> {
    app: &'a App,
    source: &'a Source,
    registry: Arc<Registry>,
    clocks: judge::Clocks,
    envelope: Map,
    last_producer: Option<Arc<Producer>>,
    /// Scratch space for canonical bytes.
    scratch: Vec<u8>,
}

/// An event read from a record, with what was noticed so far.
struct Read {
    event: Event,
    catalog: Option<Arc<Catalog>>,
    findings: Vec<Finding>,
}

/// Reads, judges and seals every record of a body.
pub(crate) fn all(app: &App, source: &Source, body: &[u8]) -> Result<Vec<Prepared>, Problem> {
    let mut out = Vec::new();
    Batch::new(app, source).body(body, &mut out)?;
    Ok(out)
}

/// Reads, judges and seals records that came one by one, each a body of its own.
pub(crate) fn each(app: &App, source: &Source, records: &[Vec<u8>]) -> Result<Vec<Prepared>, Problem> {
    let mut batch = Batch::new(app, source);
    let mut out = Vec::with_capacity(records.len());
    for record in records {
        let before = out.len();
        batch.body(record, &mut out)?;
        if out.len() == before {
            out.push(rejected(Problem::new(Code::RequestMalformed, "the record is empty")));
        }
    }
    Ok(out)
}

/// What a body is made of.
enum Part {
    /// A line of our own format, not read yet: its number and place.
    Line(u64, Range<usize>),
    /// A record of any format as a tree of values.
    Record(Result<Raw, DecodeError>),
}

/// The catalogs that this key may use in this organization.
fn enabled(app: &App, source: &Source) -> Arc<Registry> {
    let registry = app.catalogs();
    let (org, principal) = (&source.access.org, &source.access.principal);
    match (principal.catalog(), &org.catalogs) {
        (None, Catalogs::All) => registry,
        (Some(one), _) if org.catalogs.contains(one) => Arc::new(registry.select([one])),
        (Some(_), _) => Arc::new(registry.select([])),
        (None, Catalogs::Only(ids)) => Arc::new(registry.select(ids.iter().map(String::as_str))),
    }
}

fn envelope(source: &Source) -> Map {
    let mut settings = Map::new();
    let said = [("zone", &source.zone), ("time_format", &source.time_format)];
    for (name, value) in said {
        if let Some(value) = value {
            settings.insert(name.to_owned(), Value::from(value.as_str()));
        }
    }
    let mut envelope = Map::new();
    envelope.insert("source".to_owned(), Value::Map(settings));
    envelope
}

fn rejected(problem: Problem) -> Prepared {
    Prepared::Done(Outcome { fate: Fate::Rejected(problem), flags: Vec::new(), findings: Vec::new() })
}

fn skipped(rule: String) -> Prepared {
    Prepared::Done(Outcome { fate: Fate::Skipped(rule), flags: Vec::new(), findings: Vec::new() })
}

fn undecodable(error: &DecodeError) -> Problem {
    let code = match error.code {
        indelible_formats::Code::TooLarge => Code::EventTooLarge,
        _ => Code::RequestMalformed,
    };
    let detail = format!("record {} cannot be read at byte {}: {}", error.row, error.offset, error.message);
    let pointer = error.pointer.as_str();
    Problem::new(code, detail)
        .with_errors(vec![json!({ "pointer": pointer, "code": error.code.as_str(), "hint": error.remedy })])
}

type Refused = Box<Problem>;

impl<'a> Batch<'a> {
    fn new(app: &'a App, source: &'a Source) -> Self {
        Self {
            app,
            source,
            registry: enabled(app, source),
            clocks: judge::Clocks::now(app),
            envelope: envelope(source),
            last_producer: None,
            scratch: Vec::new(),
        }
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Prepared>) -> Result<(), Problem> {
        let format = self.source.format;
        let decoder = format.decode(body);
        let lines = decoder.lines().filter(|_| format == Format::Native);
        let parts: Box<dyn Iterator<Item = Part>> = match lines {
            Some(lines) => Box::new(lines.map(|(row, range)| Part::Line(row, range))),
            None => Box::new(decoder.map(Part::Record)),
        };
        for (at, part) in parts.enumerate() {
            if at >= MAX_BATCH_EVENTS {
                return Err(Source::too_many());
            }
            let prepared = match part {
                Part::Line(row, range) => self.line(at, body, row, range),
                Part::Record(raw) => self.record(at, body, raw),
            };
            out.push(prepared.unwrap_or_else(|problem| rejected(*problem)));
        }
        Ok(())
    }

    fn line(&mut self, at: usize, body: &[u8], row: u64, range: Range<usize>) -> Result<Prepared, Refused> {
        let bytes = body.get(range.clone()).unwrap_or_default();
        let event = if bytes.len() <= MAX_RECORD_BYTES { native::read_text(bytes) } else { None };
        match event {
            Some(event) => self.native(at, event, row, bytes),
            None => self.record(at, body, json_line(body, row, range)),
        }
    }

    fn record(&mut self, at: usize, body: &[u8], raw: Result<Raw, DecodeError>) -> Result<Prepared, Refused> {
        let raw = raw.map_err(|error| Box::new(undecodable(&error)))?;
        let bytes = body.get(raw.bytes.clone()).unwrap_or_default();
        if self.source.format == Format::Native {
            let event = native::read(raw.value).map_err(|fault| Box::new(misread(fault)))?;
            return self.native(at, event, raw.row, bytes);
        }
        let row = raw.row;
        let name = self.name(at, |out| raw.value.encode(out));
        match self.foreign(raw, bytes) {
            Ok(read) => self.identified(read, &name, row, bytes),
            Err(rule) => Ok(skipped(rule)),
        }
    }

    fn native(&mut self, at: usize, event: Event, row: u64, bytes: &[u8]) -> Result<Prepared, Refused> {
        let named = self.source.idempotency_key.is_some()
            || event.get(Field::SourceId).is_some()
            || event.get(Field::ProducerSeq).is_some();
        let name = if named { self.name(at, |out| content(&event, out)) } else { Name::default() };
        let read = self.resolved(event)?;
        self.identified(read, &name, row, bytes)
    }

    fn identified(&mut self, read: Read, name: &Name, row: u64, bytes: &[u8]) -> Result<Prepared, Refused> {
        let mut read = read;
        if self.source.is_import() && read.event.text(Field::SourceId).is_none() {
            read.event.set(Field::SourceId, self.row_identity(row, bytes));
        }
        self.finish(read, name, row)
    }

    /// The name of a row that brings none: the same row of the same format is the same event, whatever file it is in;
    /// equal rows of one file are told apart by their count.
    fn row_identity(&self, row: u64, bytes: &[u8]) -> String {
        let repeats = self.source.repeats.iter();
        let nth = { repeats }.find(|(at, _)| *at == row).map_or(0, |(_, nth)| *nth);
        let mut hash = Sha256::new();
        hash.update(self.source.format.name());
        hash.update([0]);
        hash.update(bytes);
        hash.update(nth.to_be_bytes());
        hex(&hash.finalize())
    }

    /// The name that the request gives an event, and the digest of its content as `encode` writes it.
    fn name(&mut self, at: usize, encode: impl Fn(&mut Vec<u8>)) -> Name {
        let from_request = self.source.idempotency_key.as_ref().map(|key| format!("{key}#{at}"));
        self.scratch.clear();
        encode(&mut self.scratch);
        Name { from_request, content: self.app.store.digest(&[&self.scratch]) }
    }

    /// An event of our own form with what its catalog says of it.
    fn resolved(&self, mut event: Event) -> Result<Read, Refused> {
        let only = self.source.access.principal.catalog();
        if event.text(Field::Catalog).is_none()
            && let Some(only) = only
        {
            event.set(Field::Catalog, only);
        }
        let mut findings = Vec::new();
        let catalog = event.text(Field::Catalog).and_then(|id| self.registry.get(id)).cloned();
        let harmless = catalog.as_ref().map(|catalog| catalog.harmless.as_slice()).unwrap_or_default();
        let (secrets, _) = scan_event(&mut event, Harmless { names: [harmless, &[]] });
        match &catalog {
            Some(catalog) if catalog.id == "indelible" => return Err(reserved().into()),
            Some(catalog) => {
                let fingerprint = |bytes: &[u8]| self.fingerprint(bytes);
                let sent = SentHints {
                    organization: self.source.access.org.id.as_str(),
                    fingerprint: Some(&fingerprint),
                    ..SentHints::default()
                };
                catalog.resolve_into(&mut event, &sent, &mut findings);
            }
            None => findings.push(self.catalog_unknown(&event)),
        }
        findings.extend(secrets);
        Ok(Read { event, catalog, findings })
    }

    fn catalog_unknown(&self, event: &Event) -> Finding {
        match event.text(Field::Catalog) {
            Some(id) => Finding::new(
                FindingId::CatalogUnknown,
                "/catalog",
                "no catalog of this name is open to this key",
            )
            .with_value(id)
            .with_suggestions(self.registry.suggest(id)),
            None => Finding::new(FindingId::CatalogUnknown, "/catalog", "say whose codes the event uses"),
        }
    }

    fn fingerprint(&self, bytes: &[u8]) -> [u8; 8] {
        let log = self.source.access.log.0.to_be_bytes();
        let digest = self.app.store.digest(&[b"fingerprint", &log, bytes]);
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// A record of another format as an event of ours, or the rule by which it is left out.
    fn foreign(&mut self, raw: Raw, bytes: &[u8]) -> Result<Read, String> {
        let format = self.source.format;
        self.envelope.insert("row".to_owned(), Value::Int(i64::try_from(raw.row).unwrap_or(i64::MAX)));
        let values = Value::Map(std::mem::take(&mut self.envelope));
        let fingerprint = |bytes: &[u8]| self.fingerprint(bytes);
        let envelope = Envelope {
            format: Some(format.name()),
            organization: self.source.access.org.id.as_str(),
            values: &values,
            fingerprint: &fingerprint,
            parse_json: &|text| indelible_formats::parse_json(text.as_bytes()).ok(),
        };
        let pinned = self.source.access.principal.catalog().or(format.catalog());
        let matched = match_raw(&self.registry, &raw.value, &envelope, pinned);
        if let Value::Map(map) = values {
            self.envelope = map;
        }
        match matched {
            Matched::Event(matched) => {
                let mut event = matched.event;
                if self.app.config.bool("intake.keep_raw") {
                    let hidden = Hidden { masks: &matched.masks, removed: &matched.removed };
                    keep_raw(&mut event, format, bytes, raw.value, &hidden);
                }
                Ok(Read { event, catalog: Some(matched.catalog), findings: matched.findings })
            }
            Matched::Skip { catalog, rule } => Err(format!("{catalog}/{rule}")),
            Matched::NoMatch { findings, .. } => {
                let mut event = Event::new();
                let mut secrets = Map::new();
                secrets.insert("record".to_owned(), raw.value);
                event.set(Field::Extra, secrets);
                let (found, _) = scan_event(&mut event, Harmless::default());
                let findings = findings.into_iter().chain(found).collect();
                Ok(Read { event, catalog: None, findings })
            }
        }
    }

    fn finish(&mut self, read: Read, name: &Name, row: u64) -> Result<Prepared, Refused> {
        let Read { mut event, catalog, mut findings } = read;
        let imported = self.source.is_import();
        judge::clocks(&event, imported, &self.clocks, &mut findings);
        let none = Policy::new();
        let catalog_id = catalog.as_ref().map_or("", |catalog| catalog.id.as_str());
        let organization_policy = self.app.policy(&self.source.access.org, catalog_id);
        let chain = judge::Chain {
            organization: self.source.access.org.id.as_str(),
            catalog: catalog.as_deref(),
            catalog_policy: catalog.as_ref().map_or(&none, |catalog| &catalog.policy),
            organization_policy: &organization_policy,
            heard: self.source.heard && !imported,
        };
        let verdict = match chain.verdict(&findings) {
            // What still does not fit leaves the quarantined event waiting.
            Verdict::Quarantine if self.source.releases.is_some() => Verdict::Reject,
            verdict => verdict,
        };
        if let Some(quarantined) = self.source.releases {
            note_release(&mut event, quarantined);
        }
        let quarantine = match verdict {
            Verdict::Reject => return Err(Box::new(chain.refusal(&findings))),
            Verdict::Skip => {
                return Ok(skipped(format!("{catalog_id}/code_missing")));
            }
            Verdict::Quarantine => {
                event.set(Field::State, "quarantined");
                Some(chain.errors(&findings))
            }
            Verdict::Accept | Verdict::Flag => None,
        };
        let flags: Vec<&'static str> = if verdict == Verdict::Accept { Vec::new() } else { names(&findings) };
        let told = if verdict == Verdict::Flag { chain.errors(&findings) } else { Vec::new() };
        for flag in &flags {
            event.flag(flag);
        }
        if imported {
            note_import(&mut event, self.source, row);
        }
        let named_by_request = name.from_request.is_some() && event.text(Field::SourceId).is_none();
        let append = self.seal(event, name, !flags.is_empty())?;
        Ok(Prepared::Ready(Box::new(Ready { append, flags, findings: told, quarantine, named_by_request })))
    }

    fn seal(&mut self, mut event: Event, name: &Name, flagged: bool) -> Result<Append, Refused> {
        let log = self.source.access.log;
        let sequence = sequence(&event)?;
        if event.text(Field::ProducerName).is_none() {
            event.set(Field::ProducerName, self.source.producer_name());
            if let Some(instance) = &self.source.instance {
                event.set(Field::ProducerInstance, instance.as_str());
            }
        }
        let producer = self.producer(&event)?;
        let source_id = event.text(Field::SourceId).or(name.from_request.as_deref());
        let key = source_id.map(|id| self.key(producer.number(), id));
        let unmatched = matches!(event.text(Field::TypeFrom), None | Some("none"));
        let mut append = seal(self.app, log, &event)?;
        append.flags = [
            (flagged || unmatched, Flag::Unmatched),
            (self.source.is_import(), Flag::Imported),
            (sequence == 0, Flag::Unnumbered),
        ]
        .into_iter()
        .filter(|(set, _)| *set)
        .fold(0, |flags, (_, flag)| flags | flag as u8);
        if unmatched {
            append.type_tag = 0;
        }
        append.producer = Some(producer);
        append.sequence = sequence;
        append.key = key;
        append.content = name.content;
        Ok(append)
    }

    /// The event's producer; a request's events mostly have the same one.
    fn producer(&mut self, event: &Event) -> Result<Arc<Producer>, Refused> {
        let text = |field| event.text(field).unwrap_or_default();
        let (name, instance) = (text(Field::ProducerName), text(Field::ProducerInstance));
        let same = |known: &&Arc<Producer>| known.name() == name && known.instance() == instance;
        if let Some(known) = self.last_producer.as_ref().filter(same) {
            return Ok(Arc::clone(known));
        }
        let found = self.app.store.producer(self.source.access.log, name, instance);
        let found = found.map_err(|error| Box::new(store_refused(&error)))?;
        self.last_producer = Some(Arc::clone(&found));
        Ok(found)
    }

    /// The idempotency key of a name: names are unique for each producer, of imports for each format.
    fn key(&self, producer: u64, name: &str) -> [u8; 16] {
        let log = self.source.access.log.0.to_be_bytes();
        let store = &self.app.store;
        if self.source.is_import() {
            store.digest(&[b"import", &log, self.source.format.name().as_bytes(), b"/", name.as_bytes()])
        } else {
            store.digest(&[b"name", &log, &producer.to_be_bytes(), name.as_bytes()])
        }
    }
}

/// Appends what a sender said in an event: two events are the same if these bytes are.
fn content(event: &Event, out: &mut Vec<u8>) {
    let mut add = |head: &str, name: &str, value: &Value| {
        out.extend_from_slice(&((head.len() + name.len()) as u32).to_be_bytes());
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(name.as_bytes());
        value.encode(out);
    };
    for (field, value) in event.fields() {
        add("", field.path(), value);
    }
    for param in event.params() {
        add("params.", &param.name, &param.value);
    }
}

fn misread(fault: native::Fault) -> Problem {
    let code = match fault.code {
        "member_unknown" => Code::MemberUnknown,
        "time_without_zone" => Code::TimeWithoutZone,
        "request_malformed" => Code::RequestMalformed,
        _ => Code::EventInvalid,
    };
    let detail = format!("{} {}: {}", fault.pointer, fault.code, fault.hint);
    let error = json!({ "pointer": fault.pointer, "code": fault.code, "hint": fault.hint });
    Problem::new(code, detail.trim_start()).with_errors(vec![error])
}

/// What makes an event recognisable when it is sent again.
#[derive(Debug, Default)]
struct Name {
    /// Derived from the request's own key.
    from_request: Option<String>,
    /// Digest of the record, the order of its members aside.
    content: [u8; 16],
}

/// The producer's number; 0 when it does not number.
fn sequence(event: &Event) -> Result<u64, Refused> {
    let said = match event.get(Field::ProducerSeq) {
        Some(Value::Int(number)) => u64::try_from(*number).ok(),
        Some(Value::Decimal(text)) => text.parse().ok(),
        _ => return Ok(0),
    };
    said.ok_or_else(|| {
        Box::new(Problem::new(Code::EventInvalid, "producer.seq must be a whole number from 1 on"))
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Seals an event for a log, as the producer of nothing yet.
pub(crate) fn seal(app: &App, log: LogNo, event: &Event) -> Result<Append, Problem> {
    let id = app.store.new_event_id();
    let salt = app.store.event_salt(id);
    let mut subjects: Vec<Arc<Subject>> = Vec::new();
    let mut failure: Option<StoreError> = None;
    let sealed = indelible_event::seal(event, id, &salt, |person| match app.store.subject(log, person) {
        Ok(subject) => {
            let key = subject.key().clone();
            subjects.push(subject);
            key
        }
        Err(error) => {
            failure = Some(error);
            // The event is refused below; this key salts nothing that is kept.
            indelible_event::SubjectKey::new([0; 16], &[0; 32])
        }
    });
    if let Some(error) = failure {
        return Err(Problem::internal(&error));
    }
    let sealed = sealed.map_err(|error| invalid(&error))?;
    let text = |field| event.text(field).unwrap_or_default();
    Ok(Append {
        log,
        id,
        flags: 0,
        type_tag: type_tag(text(Field::Catalog), text(Field::Code)),
        producer: None,
        sequence: 0,
        key: None,
        content: [0; 16],
        body: sealed.body,
        stored: sealed.stored,
        subjects,
    })
}

fn names(findings: &[Finding]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::with_capacity(findings.len());
    for finding in findings {
        if !names.contains(&finding.id.as_str()) {
            names.push(finding.id.as_str());
        }
    }
    names
}

fn invalid(error: &EventError) -> Problem {
    let code = if error.path == "event" { Code::EventTooLarge } else { Code::EventInvalid };
    let pointer = format!("/{}", error.path.replace('.', "/"));
    Problem::new(code, error.to_string())
        .with_errors(vec![json!({ "pointer": pointer, "code": "field_invalid", "hint": error.what })])
}

fn store_refused(error: &StoreError) -> Problem {
    match error {
        StoreError::Refused { .. } => Problem::new(Code::EventInvalid, error.to_string()),
        _ => Problem::internal(error),
    }
}

fn reserved() -> Problem {
    let detail = "the catalog indelible is for this program's own events; use a catalog of your own";
    Problem::new(Code::PermissionMissing, detail)
}

/// Names the quarantined event that this one stands for; a second release of it is a duplicate or a conflict.
fn note_release(event: &mut Event, quarantined: EventId) {
    let id = quarantined.to_string();
    event.set(Field::SourceId, format!("release-{id}"));
    event.relate("releases", &id);
}

fn note_import(event: &mut Event, source: &Source, row: u64) {
    let mut imported = Map::new();
    imported.insert("importer".to_owned(), Value::from(source.format.name()));
    if let Some(file) = source.instance.as_deref().filter(|file| file.len() <= 128) {
        imported.insert("file".to_owned(), Value::from(file));
    }
    let first = source.first_row.unwrap_or(1);
    imported.insert("row".to_owned(), Value::Int(i64::try_from(first + row - 1).unwrap_or(i64::MAX)));
    event.set(Field::Imported, imported);
    event.flag("imported");
}

/// Keeps a foreign record as received; one that held secrets as JSON without them, and without its hash.
fn keep_raw(event: &mut Event, format: Format, bytes: &[u8], value: Value, matched: &Hidden<'_>) {
    let mut raw = Map::new();
    raw.insert("format".to_owned(), Value::from(format.name()));
    let body = if matched.masks.is_empty() && matched.removed.is_empty() {
        let hash = Sha256::digest(bytes);
        raw.insert("sha256".to_owned(), Value::Text(hex(&hash)));
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    } else {
        // The bytes could hold a secret in an escaped spelling; the decoded texts cannot.
        let mut masked = value;
        mask_texts(&mut masked, matched.masks);
        let removed: Vec<Value> =
            matched.removed.iter().take(64).map(|path| Value::from(path.as_str())).collect();
        raw.insert("removed".to_owned(), Value::List(removed));
        let mut text = String::new();
        json_out::value(&mut text, &masked);
        Some(text)
    };
    if let Some(body) = body.filter(|text| text.len() <= MAX_RAW_BYTES) {
        raw.insert("body".to_owned(), Value::Text(body));
    }
    event.set(Field::Raw, raw);
}

/// What a match rule took out of a record.
struct Hidden<'a> {
    masks: &'a [Mask],
    removed: &'a [String],
}

fn mask_texts(value: &mut Value, masks: &[Mask]) {
    match value {
        Value::Text(text) => {
            for mask in masks {
                if let Some(masked) = mask.apply(text) {
                    *text = masked;
                }
            }
        }
        Value::List(list) => list.iter_mut().for_each(|value| mask_texts(value, masks)),
        Value::Map(map) => map.iter_mut().for_each(|(_, value)| mask_texts(value, masks)),
        _ => {}
    }
}
