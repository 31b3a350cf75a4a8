//! What became of each event of a request, and the JSON that says it.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indelible_event::{LEAF_BYTES, Time};
use indelible_formats::{json_out, rfc3339};
use indelible_store::append::Place;
use serde_json::{Map, Value, json};

use crate::problem::{Code, Problem};

/// What became of one event.
#[derive(Debug)]
pub(crate) enum Fate {
    /// In the log.
    Stored(Place),
    /// It was in the log already; this is where.
    Duplicate(Place),
    /// In the log, kept out of normal views.
    Quarantined(Place, Vec<Value>),
    /// Not stored.
    Rejected(Problem),
    /// No audit event, by this rule.
    Skipped(String),
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) stored: u64,
    pub(crate) duplicate: u64,
    pub(crate) quarantined: u64,
    pub(crate) rejected: u64,
    pub(crate) skipped: u64,
    pub(crate) flagged: u64,
}

/// One event's fate with its findings.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) fate: Fate,
    /// Findings that did not keep it from being stored.
    pub(crate) flags: Vec<&'static str>,
    /// The same with place and remedy, unless the fate has them.
    pub(crate) findings: Vec<Value>,
}

/// The fates of a request's events, in their order.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) organization: String,
    pub(crate) outcomes: Vec<Outcome>,
    /// The newest checkpoint: size and note.
    pub(crate) checkpoint: Option<(u64, String)>,
    /// Longest time until a checkpoint covers what was stored now.
    pub(crate) checkpoint_within_ms: u64,
}

impl Answer {
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for outcome in &self.outcomes {
            match outcome.fate {
                Fate::Stored(_) => counts.stored += 1,
                Fate::Duplicate(_) => counts.duplicate += 1,
                Fate::Quarantined(..) => counts.quarantined += 1,
                Fate::Rejected(_) => counts.rejected += 1,
                Fate::Skipped(_) => counts.skipped += 1,
            }
            counts.flagged += u64::from(!outcome.flags.is_empty());
        }
        counts
    }

    /// The status of a batch: refused only if nothing was taken.
    pub(crate) fn batch_status(&self) -> u16 {
        let counts = self.counts();
        if counts.rejected > 0 && counts.stored + counts.duplicate + counts.quarantined + counts.skipped == 0
        {
            422
        } else {
            200
        }
    }

    /// The JSON of a batch.
    pub(crate) fn batch(&self) -> String {
        let counts = self.counts();
        let mut out = String::with_capacity(256 + 330 * self.outcomes.len());
        push(write!(
            out,
            r#"{{"counts":{{"stored":{},"duplicate":{},"quarantined":{},"rejected":{},"skipped":{},"flagged":{}}},"checkpoint":{},"results":["#,
            counts.stored,
            counts.duplicate,
            counts.quarantined,
            counts.rejected,
            counts.skipped,
            counts.flagged,
            self.checkpoint_json()
        ));
        for (at, outcome) in self.outcomes.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            push(write!(out, r#"{comma}{{"index_in_request":{at},"#));
            self.members(&mut out, outcome);
            out.push('}');
        }
        out.push_str("]}");
        out
    }

    /// The JSON of a single event that was taken.
    pub(crate) fn single(&self, outcome: &Outcome) -> String {
        let mut out = String::with_capacity(512);
        out.push('{');
        self.members(&mut out, outcome);
        push(write!(out, r#","checkpoint":{}}}"#, self.checkpoint_json()));
        out
    }

    fn members(&self, out: &mut String, outcome: &Outcome) {
        let (status, place) = match &outcome.fate {
            Fate::Stored(place) => ("stored", Some(place)),
            Fate::Duplicate(place) => ("duplicate", Some(place)),
            Fate::Quarantined(place, _) => ("quarantined", Some(place)),
            Fate::Rejected(_) => ("rejected", None),
            Fate::Skipped(_) => ("skipped", None),
        };
        push(write!(out, r#""status":"{status}""#));
        if let Some(place) = place {
            out.push_str(r#","receipt":"#);
            self.receipt(out, place);
        }
        if !outcome.flags.is_empty() {
            push(write!(out, r#","flags":{}"#, json!(outcome.flags)));
        }
        if matches!(outcome.fate, Fate::Stored(_)) && !outcome.findings.is_empty() {
            push(write!(out, r#","findings":{}"#, json!(outcome.findings)));
        }
        match &outcome.fate {
            Fate::Quarantined(_, errors) => {
                let problem = Problem::new(Code::EventInvalid, "the event is kept, but out of normal views");
                push(write!(
                    out,
                    r#","problem":{}"#,
                    Value::Object(problem.with_errors(errors.clone()).members())
                ));
            }
            Fate::Rejected(problem) => {
                let members: Map<_, _> = problem.members();
                push(write!(out, r#","problem":{}"#, Value::Object(members)));
            }
            Fate::Skipped(rule) => push(write!(out, r#","rule":{}"#, json!(rule))),
            Fate::Stored(_) | Fate::Duplicate(_) => {}
        }
    }

    fn receipt(&self, out: &mut String, place: &Place) {
        out.push_str(r#"{"log":"#);
        json_out::string(out, &self.organization);
        push(write!(out, r#","index":{},"id":"{}","leaf_hash":""#, place.index, place.id));
        STANDARD.encode_string(leaf_hash(&place.leaf), out);
        out.push_str(r#"","received_at":""#);
        rfc3339::write(out, Time::from_unix_nanos(i64::try_from(place.received_ns).unwrap_or(i64::MAX)));
        out.push_str("\"}");
    }

    /// The checkpoint that covers every receipt, or how soon one will.
    fn checkpoint_json(&self) -> Value {
        let last = self.outcomes.iter().filter_map(|outcome| match &outcome.fate {
            Fate::Stored(place) | Fate::Duplicate(place) | Fate::Quarantined(place, _) => Some(place.index),
            Fate::Rejected(_) | Fate::Skipped(_) => None,
        });
        match (last.max(), &self.checkpoint) {
            (None, _) => Value::Null,
            (Some(last), Some((size, note))) if last < *size => json!({ "size": size, "note": note }),
            (Some(_), _) => json!({ "within_ms": self.checkpoint_within_ms }),
        }
    }
}

/// The hash of a leaf in its log's tree.
pub(crate) fn leaf_hash(leaf: &[u8; LEAF_BYTES]) -> [u8; 32] {
    *indelible_tlog::tree::leaf_hash(leaf).as_bytes()
}

fn push(written: std::fmt::Result) {
    written.expect("a String takes all");
}
