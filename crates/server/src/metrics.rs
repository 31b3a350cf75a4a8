//! Counters and gauges of the running service, in the Prometheus text format. Labels never hold event content.

use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];
/// Most label values of one family: what comes beyond is counted under `other`, so that no client can grow memory.
const MAX_LABELS: usize = 200;

/// A family of counters, told apart by one label.
#[derive(Debug)]
pub(crate) struct Counters {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    values: Mutex<Vec<(String, u64)>>,
}

impl Counters {
    const fn new(name: &'static str, help: &'static str, label: &'static str) -> Self {
        Self { name, help, label, values: Mutex::new(Vec::new()) }
    }

    pub(crate) fn add(&self, label: &str, count: u64) {
        if count == 0 {
            return;
        }
        let mut values = self.values.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let label = if values.len() >= MAX_LABELS && !values.iter().any(|(known, _)| known == label) {
            "other"
        } else {
            label
        };
        match values.iter_mut().find(|(known, _)| known == label) {
            Some((_, value)) => *value += count,
            None => values.push((label.to_owned(), count)),
        }
    }

    fn write(&self, out: &mut String) {
        let values = self.values.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        head(out, self.name, self.help, "counter");
        for (label, value) in values.iter() {
            line(out, self.name, &format!("{}=\"{label}\"", self.label), value);
        }
    }
}

/// A histogram of durations.
#[derive(Debug)]
pub(crate) struct Seconds {
    name: &'static str,
    help: &'static str,
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    sum_ns: AtomicU64,
}

impl Seconds {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            buckets: [const { AtomicU64::new(0) }; BUCKETS.len()],
            count: AtomicU64::new(0),
            sum_ns: AtomicU64::new(0),
        }
    }

    pub(crate) fn observe_ns(&self, nanos: i64) {
        let nanos = u64::try_from(nanos).unwrap_or(0);
        let seconds = std::time::Duration::from_nanos(nanos).as_secs_f64();
        if let Some((bucket, _)) = self.buckets.iter().zip(BUCKETS).find(|(_, bound)| seconds <= *bound) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(nanos, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String) {
        head(out, self.name, self.help, "histogram");
        let mut below = 0;
        let bucket = format!("{}_bucket", self.name);
        for (count, bound) in self.buckets.iter().zip(BUCKETS) {
            below += count.load(Ordering::Relaxed);
            line(out, &bucket, &format!("le=\"{bound}\""), &below);
        }
        let count = self.count.load(Ordering::Relaxed);
        line(out, &bucket, "le=\"+Inf\"", &count);
        line(out, &format!("{}_count", self.name), "", &count);
        let sum = std::time::Duration::from_nanos(self.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
        line(out, &format!("{}_sum", self.name), "", &sum);
    }
}

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Events by what became of them.
    pub(crate) events: Counters,
    /// Requests by status.
    pub(crate) requests: Counters,
    /// From the request's last byte to the acknowledgement.
    pub(crate) intake_seconds: Seconds,
    /// Time of searches.
    pub(crate) search_seconds: Seconds,
}

impl Metrics {
    pub(crate) const fn new() -> Self {
        Self {
            events: Counters::new("indelible_events_total", "Events received, by result.", "result"),
            requests: Counters::new("indelible_requests_total", "Requests answered, by status.", "status"),
            intake_seconds: Seconds::new(
                "indelible_commit_seconds",
                "From reading a request to its acknowledgement.",
            ),
            search_seconds: Seconds::new("indelible_search_seconds", "Time to answer a search."),
        }
    }

    /// The exposition, with gauges (name, help, label or nothing, value) read now.
    pub(crate) fn render(&self, gauges: &[(&str, &str, String, u64)]) -> String {
        let mut out = String::new();
        self.events.write(&mut out);
        self.requests.write(&mut out);
        self.intake_seconds.write(&mut out);
        self.search_seconds.write(&mut out);
        let mut last = "";
        for (name, help, label, value) in gauges {
            if last != *name {
                head(&mut out, name, help, "gauge");
                last = name;
            }
            line(&mut out, name, label, value);
        }
        out
    }
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes all");
}

fn line(out: &mut String, name: &str, labels: &str, value: &dyn std::fmt::Display) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    writeln!(out, "{name}{labels} {value}").expect("a String takes all");
}
