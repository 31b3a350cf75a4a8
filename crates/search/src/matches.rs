//! Everything that matches, in an order, one after the other: for exports and streams.

use crate::error::SearchError;
use crate::hit::Hit;
use crate::order::{Order, Start};
use crate::page::Pager;
use crate::scan::Scan;

/// Hits that are read at once: enough that blocks are seldom read twice, few enough to hold in memory.
const STEP: usize = 5000;

/// An iterator over all hits. It ends with [`SearchError::BudgetExceeded`] when time or data ran out; without an error it
/// was everything.
pub struct Matches<'a> {
    scan: Scan<'a>,
    order: Order,
    log_size: u64,
    start: Option<Start>,
    step: std::vec::IntoIter<Hit>,
    end: Option<End>,
}

/// What follows the step at hand.
enum End {
    Done,
    Failed(SearchError),
}

impl std::fmt::Debug for Matches<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matches")
            .field("order", &self.order)
            .field("log_size", &self.log_size)
            .finish_non_exhaustive()
    }
}

impl<'a> Matches<'a> {
    pub(crate) fn new(scan: Scan<'a>, order: Order, log_size: u64) -> Self {
        Self { scan, order, log_size, start: None, step: Vec::new().into_iter(), end: None }
    }

    /// Events of the log that are searched.
    pub fn log_size(&self) -> u64 {
        self.log_size
    }

    fn advance(&mut self) -> Result<(), SearchError> {
        let pager = Pager { order: self.order, backward: false, start: self.start };
        let best = loop {
            match pager.read(&self.scan, STEP) {
                Err(SearchError::Unreadable(met)) if self.scan.engine().left_out.add(&met) => {
                    self.scan.say_what_is_left_out();
                }
                other => break other?,
            }
        };
        let more = best.more;
        let mut page = pager.turn(best);
        page.items.iter_mut().try_for_each(|hit| hit.complete(self.scan.log))?;
        self.start = page.next;
        if !page.complete {
            self.end = Some(End::Failed(SearchError::BudgetExceeded));
        } else if !more {
            self.end = Some(End::Done);
        }
        self.step = page.items.into_iter();
        Ok(())
    }
}

impl Iterator for Matches<'_> {
    type Item = Result<Hit, SearchError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(hit) = self.step.next() {
                return Some(Ok(hit));
            }
            match self.end.take() {
                Some(End::Done) => {
                    self.end = Some(End::Done);
                    return None;
                }
                Some(End::Failed(error)) => {
                    self.end = Some(End::Done);
                    return Some(Err(error));
                }
                None => {
                    if let Err(error) = self.advance() {
                        self.end = Some(End::Failed(error));
                    }
                }
            }
        }
    }
}
