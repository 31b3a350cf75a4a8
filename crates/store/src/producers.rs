//! Who sends: names and numbers of producers. The numbers they give their events are kept by the commit thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;

use crate::error::StoreError;
use crate::log_no::LogNo;

/// Most producers of one log. Each costs memory for ever; a fleet of this size is one producer per desk of a city.
pub(crate) const MAX_PRODUCERS: usize = 65_536;
/// Longest name or instance, in bytes.
pub(crate) const MAX_NAME: usize = 255;

/// A program that sends to one log.
#[derive(Debug)]
pub struct Producer {
    pub(crate) log: LogNo,
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) instance: String,
    recorded: AtomicBool,
}

impl Producer {
    /// Its number, as it stands in leaves: random, given once.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of several with that name; may be empty.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// True once: for the caller that must write the number down.
    pub(crate) fn must_record(&self) -> bool {
        !self.recorded.swap(true, Ordering::Relaxed)
    }
}

/// How far a producer's numbers have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducerInfo {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Its instance.
    pub instance: String,
    /// Events stored.
    pub events: u64,
    /// Highest sequence below which none is missing; 0 when it does not number.
    pub contiguous: u64,
    /// Highest sequence seen.
    pub highest: u64,
    /// Missing stretches, first to last.
    pub gaps: Vec<(u64, u64)>,
    /// When its last event was received; nanoseconds since 1970.
    pub last_seen_ns: u64,
}

type ByName = HashMap<(LogNo, String, String), Arc<Producer>>;

/// The producers of a node by name.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    by_name: Mutex<(ByName, HashMap<LogNo, usize>)>,
}

impl Producers {
    /// Takes over a producer found in a snapshot or the WAL.
    pub(crate) fn restore(&self, log: LogNo, number: u64, name: &str, instance: &str) {
        self.insert(log, number, (name, instance), true);
    }

    /// The producer of that name, with a new random number if it is the first time.
    pub(crate) fn get(&self, log: LogNo, name: &str, instance: &str) -> Result<Arc<Producer>, StoreError> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = by_name.0.get(&(log, name.to_owned(), instance.to_owned())) {
            return Ok(Arc::clone(found));
        }
        let count = by_name.1.get(&log).copied().unwrap_or(0);
        drop(by_name);
        let refused = |why: String| StoreError::Refused { what: "a new producer", why };
        if count >= MAX_PRODUCERS {
            return Err(refused(format!(
                "the log has {MAX_PRODUCERS} producers already; let programs keep their names"
            )));
        }
        if name.is_empty() || name.len() > MAX_NAME || instance.len() > MAX_NAME {
            return Err(refused(format!(
                "its name is not empty, name and instance have at most {MAX_NAME} bytes"
            )));
        }
        let number = getrandom::u64().map_err(|error| refused(error.to_string()))?;
        Ok(self.insert(log, number, (name, instance), false))
    }

    fn insert(&self, log: LogNo, number: u64, names: (&str, &str), recorded: bool) -> Arc<Producer> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (log, names.0.to_owned(), names.1.to_owned());
        if let Some(found) = by_name.0.get(&key) {
            return Arc::clone(found);
        }
        *by_name.1.entry(log).or_default() += 1;
        let producer = Arc::new(Producer {
            log,
            // 0 stands for events without a producer.
            number: number.max(1),
            name: key.1.clone(),
            instance: key.2.clone(),
            recorded: AtomicBool::new(recorded),
        });
        by_name.0.insert(key, Arc::clone(&producer));
        producer
    }
}
