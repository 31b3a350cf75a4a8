//! What became of the records of an import, counted by reason. Read = stored + duplicate + quarantined + skipped +
//! refused, always.

use std::collections::BTreeMap;
use std::fmt::Write;

use indelible_catalog::finding::Finding;
use serde_json::{Value, json};

/// Rows named for one reason; the count goes on.
const MAX_ROWS: usize = 5;

/// The counts of an import.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) read: u64,
    pub(crate) stored: u64,
    pub(crate) duplicate: u64,
    pub(crate) quarantined: u64,
    pub(crate) refused: u64,
    pub(crate) skipped: u64,
    pub(crate) flagged: u64,
    findings: BTreeMap<String, Reason>,
    rules: BTreeMap<String, Reason>,
    refusals: BTreeMap<String, Reason>,
}

/// One reason with how often and where.
#[derive(Debug, Default)]
struct Reason {
    count: u64,
    rows: Vec<u64>,
    hint: String,
}

impl Reason {
    fn add(&mut self, row: u64, hint: &str) {
        self.count += 1;
        if self.rows.len() < MAX_ROWS {
            self.rows.push(row);
        }
        if self.hint.is_empty() {
            hint.clone_into(&mut self.hint);
        }
    }
}

impl Tally {
    /// Counts the server's result for one record.
    pub(crate) fn result(&mut self, row: u64, result: &Value) {
        self.read += 1;
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let problem = result.get("problem").unwrap_or(&Value::Null);
        match text(result, "status").as_str() {
            "stored" => self.stored += 1,
            "duplicate" => self.duplicate += 1,
            "quarantined" => self.quarantined += 1,
            "skipped" => {
                self.skipped += 1;
                self.rules.entry(text(result, "rule")).or_default().add(row, "");
            }
            _ => {
                self.refused += 1;
                let first = problem.pointer("/errors/0/hint").and_then(Value::as_str).unwrap_or_default();
                let hint = [text(problem, "detail").as_str(), first].join("; ");
                self.refusals.entry(text(problem, "code")).or_default().add(row, hint.trim_end_matches("; "));
            }
        }
        let flags: Vec<&str> = result
            .get("flags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let errors = problem.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for flag in &flags {
            let about = errors.iter().find(|error| error.get("code").and_then(Value::as_str) == Some(flag));
            let hint = about.map(|error| text(error, "hint")).unwrap_or_default();
            self.finding(row, flag, &hint);
        }
        self.flagged += u64::from(!flags.is_empty());
    }

    fn finding(&mut self, row: u64, name: &str, hint: &str) {
        self.findings.entry(name.to_owned()).or_default().add(row, hint);
    }

    /// Counts the findings of a record that was looked at here.
    pub(crate) fn findings(&mut self, row: u64, findings: &[Finding]) {
        for finding in findings {
            self.finding(row, finding.id.as_str(), &finding.hint);
        }
    }

    /// Counts a record that is skipped by a rule.
    pub(crate) fn skip(&mut self, row: u64, rule: &str) {
        self.read += 1;
        self.skipped += 1;
        self.rules.entry(rule.to_owned()).or_default().add(row, "");
    }

    /// Counts a record that cannot be read or sent.
    pub(crate) fn refuse(&mut self, row: u64, code: &str, why: &str) {
        self.read += 1;
        self.refused += 1;
        self.refusals.entry(code.to_owned()).or_default().add(row, why);
    }

    /// One line for a progress bar.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} read, {} stored, {} duplicate, {} quarantined, {} skipped, {} refused",
            self.read, self.stored, self.duplicate, self.quarantined, self.skipped, self.refused
        )
    }

    /// The summary for people.
    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        let counts = [
            ("read", self.read, ""),
            ("stored", self.stored, ""),
            ("duplicate", self.duplicate, "in the log already, by an earlier run or another file"),
            (
                "quarantined",
                self.quarantined,
                "stored apart until somebody decides: search 'state:quarantined'",
            ),
            ("skipped", self.skipped, "no audit events, by rule"),
            ("refused", self.refused, "not stored"),
            ("flagged", self.flagged, "of those stored or quarantined: with findings"),
        ];
        for (name, count, note) in counts {
            line(&mut out, &format!("{name:<11} {count:>9}  {note}"));
        }
        for (title, reasons) in
            [("finding", &self.findings), ("rule", &self.rules), ("refused", &self.refusals)]
        {
            for (name, reason) in reasons {
                let rows: Vec<String> = reason.rows.iter().map(u64::to_string).collect();
                let more = if reason.count > reason.rows.len() as u64 { ", …" } else { "" };
                let hint = if reason.hint.is_empty() { String::new() } else { format!(": {}", reason.hint) };
                line(
                    &mut out,
                    &format!("  {title} {name} {} (rows {}{more}){hint}", reason.count, rows.join(", ")),
                );
            }
        }
        out.trim_end().to_owned()
    }

    /// The summary for programs.
    pub(crate) fn json(&self) -> Value {
        let reasons = |reasons: &BTreeMap<String, Reason>| {
            let all = reasons.iter().map(|(name, reason)| {
                (
                    name.clone(),
                    json!({ "count": reason.count, "first_rows": reason.rows, "hint": reason.hint }),
                )
            });
            Value::Object(all.collect())
        };
        json!({
            "read": self.read,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined,
            "skipped": self.skipped,
            "refused": self.refused,
            "flagged": self.flagged,
            "findings": reasons(&self.findings),
            "rules": reasons(&self.rules),
            "refusals": reasons(&self.refusals),
        })
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{}", text.trim_end()).expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_ends_in_one_count() {
        let mut tally = Tally::default();
        for (row, result) in [
            json!({ "status": "stored" }),
            json!({ "status": "stored", "flags": ["late"] }),
            json!({ "status": "duplicate" }),
            json!({ "status": "quarantined", "flags": ["code_unknown"],
                    "problem": { "errors": [{ "code": "code_unknown", "hint": "did you mean 1?" }] } }),
            json!({ "status": "skipped", "rule": "openkat/request" }),
            json!({ "status": "rejected", "problem": { "code": "request_malformed", "detail": "row 6" } }),
        ]
        .iter()
        .enumerate()
        {
            tally.result(row as u64 + 1, result);
        }
        tally.refuse(7, "event_too_large", "too large");
        let sum = tally.stored + tally.duplicate + tally.quarantined + tally.skipped + tally.refused;
        assert_eq!((tally.read, sum, tally.refused, tally.flagged), (7, 7, 2, 2));
        let table = tally.table();
        assert!(table.contains("finding code_unknown 1 (rows 4): did you mean 1?"), "{table}");
        assert!(table.contains("rule openkat/request 1 (rows 5)"), "{table}");
        assert!(table.contains("refused request_malformed 1 (rows 6): row 6"), "{table}");
    }
}
