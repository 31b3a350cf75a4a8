//! What a catalog promises against what arrives. Adds up events and the findings already made on them, so that it can be
//! rebuilt from the log at any time; it makes no finding about a single event itself.

use crate::catalog::Catalog;
use crate::finding::{Finding, FindingId};
use crate::suggest::nearest_codes;
use indelible_event::{Event, Field, Value};
use std::collections::{BTreeMap, VecDeque};

/// Rows remembered per drift finding; the count goes on.
const MAX_ROWS: usize = 100;
/// Requests remembered to notice one act logged twice: lines of one request are close together.
const MAX_REQUESTS: usize = 4096;
/// Events of one type that never fail before that is worth a question.
const MIN_CONSTANT: u64 = 1000;

/// Findings that are counted on events with a code only.
const CODED_ONLY: &[FindingId] = &[
    FindingId::ActorMissing,
    FindingId::OriginMissing,
    FindingId::OrganizationMissing,
    FindingId::TargetMissing,
];
/// Findings that drift reports, in this order.
const REPORTED: &[FindingId] = &[
    FindingId::WrongEntity,
    FindingId::CrudeDiffers,
    FindingId::OutcomeDiffers,
    FindingId::KeyDiffers,
    FindingId::GroupCode,
    FindingId::CodeNumber,
    FindingId::TypeMismatch,
    FindingId::ParamMissing,
    FindingId::ParamUndeclared,
    FindingId::ParamScopeUnknown,
    FindingId::NotEmpty,
    FindingId::SessionMissing,
    FindingId::SessionUnexpected,
    FindingId::ActorMissing,
    FindingId::TargetMissing,
    FindingId::OriginMissing,
    FindingId::OrganizationMissing,
    FindingId::SecretSuspected,
    FindingId::FieldMisspelt,
    FindingId::ReprValue,
    FindingId::TextMissing,
    FindingId::TimeMissing,
    FindingId::TimeUnreadable,
    FindingId::TimeDiffers,
    FindingId::TimeWithoutZone,
];

/// Lines read and what they were.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// Everything read.
    pub read: u64,
    /// Skipped by rule.
    pub skipped: u64,
    /// Taken by no rule.
    pub unmatched: u64,
    /// Events without a code.
    pub without_code: u64,
    /// Events with a code.
    pub coded: u64,
}

/// One way in which events and catalog differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftFinding {
    /// Name of the finding.
    pub id: &'static str,
    /// Code, or empty.
    pub subject: String,
    /// How often.
    pub count: u64,
    /// Rows, the first of them.
    pub rows: Vec<u64>,
    /// Codes that may have been meant.
    pub suggest: Vec<String>,
    /// One sentence.
    pub message: String,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftReport {
    /// Lines read.
    pub lines: Lines,
    /// Distinct codes seen.
    pub codes_seen: usize,
    /// Types of the catalog.
    pub codes_declared: usize,
    /// Differences; `never_seen` first.
    pub findings: Vec<DriftFinding>,
}

impl DriftReport {
    /// Whether anything contradicts the catalog. A type that was not seen does not: the period may have been quiet.
    pub fn has_drift(&self) -> bool {
        self.findings.iter().any(|finding| finding.id != NEVER_SEEN)
    }

    /// The findings of one name.
    pub fn of(&self, id: &str) -> Vec<&DriftFinding> {
        self.findings.iter().filter(|finding| finding.id == id).collect()
    }
}

const NEVER_SEEN: &str = "never_seen";

#[derive(Debug, Default)]
struct Tally {
    count: u64,
    failures: u64,
    rows: Vec<u64>,
}

impl Tally {
    fn add(&mut self, row: u64) {
        self.count += 1;
        if self.rows.len() < MAX_ROWS {
            self.rows.push(row);
        }
    }
}

#[derive(Debug)]
struct Act {
    request: String,
    row: u64,
    code: String,
    entity: String,
    action: String,
    target: Option<Value>,
    means: Option<String>,
}

/// Adds up a stream of events of one catalog.
#[derive(Debug)]
pub struct Drift<'c> {
    catalog: &'c Catalog,
    others: Vec<&'c Catalog>,
    lines: Lines,
    seen: BTreeMap<String, Tally>,
    entities: BTreeMap<String, String>,
    findings: BTreeMap<FindingId, Tally>,
    twice: BTreeMap<String, Tally>,
    acts: VecDeque<Act>,
}

impl<'c> Drift<'c> {
    /// A count for one catalog; the others serve suggestions.
    pub fn new(catalog: &'c Catalog, others: impl IntoIterator<Item = &'c Catalog>) -> Self {
        Self {
            catalog,
            others: others.into_iter().collect(),
            lines: Lines::default(),
            seen: BTreeMap::new(),
            entities: BTreeMap::new(),
            findings: BTreeMap::new(),
            twice: BTreeMap::new(),
            acts: VecDeque::new(),
        }
    }

    /// A line that a rule skipped.
    pub fn skip(&mut self) {
        self.lines.read += 1;
        self.lines.skipped += 1;
    }

    /// A line that no rule takes.
    pub fn no_match(&mut self) {
        self.lines.read += 1;
        self.lines.unmatched += 1;
    }

    /// An event with its findings; `row` names it in the result.
    pub fn event(&mut self, row: u64, event: &Event, findings: &[Finding]) {
        self.lines.read += 1;
        let code = event.text(Field::Code);
        match code {
            Some(code) => {
                self.lines.coded += 1;
                let tally = self.seen.entry(code.to_owned()).or_default();
                tally.add(row);
                tally.failures += u64::from(event.text(Field::Outcome) == Some("failure"));
                if let Some(entity) = event.text(Field::Entity) {
                    self.entities.entry(code.to_owned()).or_insert_with(|| entity.to_owned());
                }
                self.note_act(row, event, code);
            }
            None => self.lines.without_code += 1,
        }
        let mut noted: Vec<FindingId> = findings.iter().map(|finding| finding.id).collect();
        noted.sort_unstable();
        noted.dedup();
        for id in noted {
            if code.is_some() || !CODED_ONLY.contains(&id) {
                self.findings.entry(id).or_default().add(row);
            }
        }
    }

    fn note_act(&mut self, row: u64, event: &Event, code: &str) {
        let Some(request) = event.text(Field::RequestId) else { return };
        let text = |field| event.text(field).unwrap_or("").to_owned();
        let target = event.get(Field::Targets).and_then(Value::as_list).and_then(<[Value]>::first).cloned();
        let means = self.catalog.type_by_code(code).and_then(|of| of.means.clone());
        let act = Act {
            request: request.to_owned(),
            row,
            code: code.to_owned(),
            entity: text(Field::Entity),
            action: text(Field::Action),
            target,
            means,
        };
        let twins = self.acts.iter().filter(|known| is_twin(known, &act));
        for known in twins {
            let pair = if known.code == act.code {
                act.code.clone()
            } else {
                format!("{} {}", known.code, act.code)
            };
            let tally = self.twice.entry(pair).or_default();
            tally.add(known.row);
            tally.add(row);
            tally.count -= 1;
        }
        if self.acts.len() == MAX_REQUESTS {
            self.acts.pop_front();
        }
        self.acts.push_back(act);
    }

    /// The result so far.
    pub fn finish(self) -> DriftReport {
        let mut findings = self.never_seen();
        findings.extend(self.unknown());
        for id in REPORTED {
            if let Some(tally) = self.findings.get(id) {
                findings.push(drift_finding(id.as_str(), String::new(), tally, says(*id)));
            }
        }
        for (codes, tally) in &self.twice {
            findings.push(drift_finding(
                "act_twice",
                codes.clone(),
                tally,
                "one act stands in the log twice",
            ));
        }
        for (code, tally) in &self.seen {
            let open = self.catalog.type_by_code(code).is_some_and(|of| of.outcome.is_none());
            if open && tally.count >= MIN_CONSTANT && tally.failures == 0 {
                findings.push(drift_finding(
                    "outcome_constant",
                    code.clone(),
                    tally,
                    "it never fails; is its outcome sent at all?",
                ));
            }
        }
        DriftReport {
            lines: self.lines,
            codes_seen: self.seen.len(),
            codes_declared: self.catalog.types().len(),
            findings,
        }
    }

    fn never_seen(&self) -> Vec<DriftFinding> {
        let missing = self.catalog.types().iter().filter(|of| !self.seen.contains_key(&of.code));
        let finding = |of: &crate::event_type::EventType| {
            let message = if of.reachable {
                "declared, no event in the period"
            } else {
                "declared, and no program can send it"
            };
            drift_finding(NEVER_SEEN, of.code.clone(), &Tally::default(), message)
        };
        missing.map(finding).collect()
    }

    fn unknown(&self) -> Vec<DriftFinding> {
        let mut findings = Vec::new();
        for (code, tally) in &self.seen {
            let entity = self.entities.get(code).map(String::as_str);
            let parts = (entity.unwrap_or(""), code.rsplit_once('.').map_or("", |(_, action)| action));
            if self.catalog.find(code, parts.0, parts.1).is_some() {
                continue;
            }
            let mut finding =
                drift_finding(FindingId::CodeUnknown.as_str(), code.clone(), tally, "seen, not declared");
            finding.suggest = nearest_codes(self.catalog, code, entity, &self.others);
            findings.push(finding);
        }
        findings
    }
}

fn drift_finding(id: &'static str, subject: String, tally: &Tally, message: &str) -> DriftFinding {
    let mut rows = tally.rows.clone();
    rows.sort_unstable();
    rows.dedup();
    DriftFinding { id, subject, count: tally.count, rows, suggest: Vec::new(), message: message.to_owned() }
}

/// Two lines of one request that are one act: the same code on the same target, codes of which one means the other, equal codes but for
/// leading zeros, or the same act on the same target.
fn is_twin(left: &Act, right: &Act) -> bool {
    if left.request != right.request {
        return false;
    }
    let means = |one: &Act, other: &Act| one.means.as_ref() == Some(&other.code);
    let zeros = left.code.trim_start_matches('0') == right.code.trim_start_matches('0');
    let same_act = !left.action.is_empty() && left.entity == right.entity && left.action == right.action;
    means(left, right)
        || means(right, left)
        || ((zeros || same_act) && (left.target == right.target || left.code != right.code))
}

fn says(id: FindingId) -> &'static str {
    match id {
        FindingId::WrongEntity => "the entity sent is not the declared one",
        FindingId::CodeNumber => "the code came as a number",
        FindingId::TypeMismatch => "a value is not of its type",
        FindingId::ActorMissing => "nobody is named as the actor",
        FindingId::OriginMissing => "no address, host or device is named",
        FindingId::OrganizationMissing => "no account is named",
        FindingId::SecretSuspected => "a value was, or was shaped like, a credential",
        FindingId::FieldMisspelt => "a field's name is misspelt",
        FindingId::ReprValue => "a text is the printed form of a program's object",
        FindingId::TextMissing => "the event has no text",
        FindingId::TimeWithoutZone => "the time names no zone",
        _ => "events and catalog do not agree",
    }
}
