//! The one mechanism of delivery: in order, at least once, again until it is confirmed, and past what is refused for good.
//!
//! A route reads pages of messages from where it stands, hands them to its destination and moves on only when that has
//! confirmed them. A destination that cannot be reached is tried again without end, and holds up nobody but its own route.
//! One that refuses a batch gets halves of it until the message that it will not have stands alone; that one is parked
//! for a person to look at, never passed over silently. Many refusals in a row are no poison but a destination that is
//! set up wrongly: then the route waits, too.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::backoff::Backoff;

/// Refusals of one message alone before it is parked: a receiver that stumbled once may take it the next time.
pub const TRIES_ALONE: u32 = 3;
/// Messages parked one after another before the route waits instead.
pub const PARKED_IN_A_ROW: u32 = 20;

/// An event on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Position in the log of its organization: with the id, what a receiver knows repeats by.
    pub index: u64,
    /// Id of the event.
    pub id: String,
    /// Key that exchanges route by.
    pub routing_key: String,
    /// Media type of the body.
    pub content_type: &'static str,
    /// What is said of the event.
    pub body: Vec<u8>,
}

/// Why messages were not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// So many of the first messages were confirmed all the same.
    pub confirmed: usize,
    /// The destination could be asked and will not have what it was given; otherwise it could not be asked.
    pub refused: bool,
    /// What it said, without contents of messages.
    pub why: String,
    /// How long the destination wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// The destination could not be asked, or not now.
    pub fn down(why: impl Into<String>) -> Self {
        Self { confirmed: 0, refused: false, why: why.into(), retry_after: None }
    }

    /// The destination will not have this.
    pub fn refused(why: impl Into<String>) -> Self {
        Self { confirmed: 0, refused: true, why: why.into(), retry_after: None }
    }

    /// After so many were confirmed.
    pub fn after(self, confirmed: usize) -> Self {
        Self { confirmed, ..self }
    }
}

/// Where messages go. Connects when it is first needed, and anew after a fault.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Delivers messages in their order and returns when all of them are confirmed by the other side.
    async fn deliver(&mut self, messages: &[Message]) -> Result<(), Fault>;
}

/// What was read of the log.
#[derive(Debug, Default)]
pub struct Page {
    /// Messages in the order of the log; what could not be put into words has its reason.
    pub messages: Vec<Result<Message, (Message, String)>>,
    /// Where the next page begins.
    pub next: u64,
}

/// Where a route reads from and notes what became of it.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Waits until something lies at or behind a position, and reads it.
    async fn next(&self, from: u64) -> Result<Page, String>;
    /// Everything before a position is confirmed or parked; durable when this returns, if `any` of it was a message.
    async fn moved(&self, next: u64, any: bool) -> Result<(), String>;
    /// Parks a message; durable when this returns.
    async fn park(&self, message: &Message, why: &str, attempts: u32) -> Result<(), String>;
    /// Nanoseconds since 1970.
    fn now_ns(&self) -> i64;
}

/// How a route is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub position: u64,
    /// Messages confirmed since it started.
    pub delivered: u64,
    /// When one was confirmed last, nanoseconds since 1970.
    pub delivered_ns: Option<i64>,
    /// What keeps it from going on.
    pub fault: Option<String>,
    /// Tries in a row that came to nothing.
    pub tries: u32,
}

/// A message to deliver out of turn, and where to say what became of it.
pub type OutOfTurn = (Message, oneshot::Sender<Result<(), String>>);

/// A route at work.
#[derive(Debug)]
pub struct Delivery<'a, L> {
    ledger: &'a L,
    progress: &'a Mutex<Progress>,
    asked: mpsc::Receiver<OutOfTurn>,
    backoff: Backoff,
    parked_in_a_row: u32,
}

impl<'a, L: Ledger> Delivery<'a, L> {
    /// A route that notes how it is doing in `progress` and delivers out of turn what comes through `asked`.
    pub fn new(ledger: &'a L, progress: &'a Mutex<Progress>, asked: mpsc::Receiver<OutOfTurn>) -> Self {
        Self { ledger, progress, asked, backoff: Backoff::default(), parked_in_a_row: 0 }
    }

    /// Delivers from a position on until it is dropped. If we die anywhere here, what was confirmed and not yet noted is
    /// delivered again, with the same ids.
    pub async fn run(&mut self, destination: &mut dyn Destination, from: u64) {
        let mut position = from;
        self.note(|progress| progress.position = position);
        loop {
            let ledger = self.ledger;
            let page = tokio::select! {
                page = ledger.next(position) => page,
                asked = self.asked.recv() => {
                    let Some(asked) = asked else { return };
                    answer(destination, asked).await;
                    continue;
                }
            };
            let moved = match page {
                Ok(page) => {
                    let (next, any) = (page.next, !page.messages.is_empty());
                    self.page(destination, page).await;
                    ledger.moved(next, any).await.map(|()| next)
                }
                Err(why) => Err(why),
            };
            match moved {
                Ok(next) => {
                    position = next;
                    self.note(|progress| progress.position = next);
                }
                Err(why) => self.wait(destination, Fault::down(why)).await,
            }
        }
    }

    /// Delivers or parks every message of a page.
    async fn page(&mut self, destination: &mut dyn Destination, page: Page) {
        let mut batch = Vec::with_capacity(page.messages.len());
        for one in page.messages {
            match one {
                Ok(message) => batch.push(message),
                Err((message, why)) => {
                    self.batch(destination, &batch).await;
                    batch.clear();
                    self.park(destination, &message, &why, 1).await;
                }
            }
        }
        self.batch(destination, &batch).await;
    }

    async fn batch(&mut self, destination: &mut dyn Destination, messages: &[Message]) {
        let mut rest = messages;
        let mut size = rest.len();
        let mut tries_alone = 0;
        while let Some(first) = rest.first() {
            let part = rest.get(..size.min(rest.len())).unwrap_or(rest);
            let fault = match destination.deliver(part).await {
                Ok(()) => {
                    self.confirmed(part.len());
                    rest = rest.get(part.len()..).unwrap_or_default();
                    (size, tries_alone) = (rest.len(), 0);
                    continue;
                }
                Err(fault) => fault,
            };
            if fault.confirmed > 0 {
                let done = fault.confirmed.min(part.len());
                self.confirmed(done);
                rest = rest.get(done..).unwrap_or_default();
                tries_alone = 0;
            }
            if !fault.refused || self.parked_in_a_row >= PARKED_IN_A_ROW {
                self.wait(destination, fault).await;
            } else if part.len() - fault.confirmed.min(part.len()) > 1 {
                size = ((part.len() - fault.confirmed) / 2).max(1);
            } else if fault.confirmed > 0 {
                size = 1;
            } else {
                tries_alone += 1;
                if tries_alone < TRIES_ALONE {
                    self.wait(destination, fault).await;
                    continue;
                }
                self.park(destination, first, &fault.why, tries_alone).await;
                rest = rest.get(1..).unwrap_or_default();
                (size, tries_alone) = (rest.len(), 0);
            }
        }
    }

    async fn park(&mut self, destination: &mut dyn Destination, message: &Message, why: &str, tries: u32) {
        while let Err(fault) = self.ledger.park(message, why, tries).await {
            self.wait(destination, Fault::down(fault)).await;
        }
        self.parked_in_a_row += 1;
        self.backoff.reset();
    }

    fn confirmed(&mut self, count: usize) {
        self.backoff.reset();
        self.parked_in_a_row = 0;
        let now = self.ledger.now_ns();
        self.note(|progress| {
            progress.delivered += count as u64;
            progress.delivered_ns = Some(now);
            progress.fault = None;
            progress.tries = 0;
        });
    }

    /// Waits before the next try, and meanwhile does what it is asked out of turn.
    async fn wait(&mut self, destination: &mut dyn Destination, fault: Fault) {
        let wait = self.backoff.next(fault.retry_after);
        let tries = self.backoff.tries();
        self.note(|progress| {
            progress.fault = Some(fault.why);
            progress.tries = tries;
        });
        let over = tokio::time::sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return,
                Some(asked) = self.asked.recv() => answer(destination, asked).await,
            }
        }
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn answer(destination: &mut dyn Destination, (message, told): OutOfTurn) {
    let result = destination.deliver(&[message]).await.map_err(|fault| fault.why);
    // Whoever asked may have gone away.
    drop(told.send(result));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A log of numbers, and what became of them.
    struct Numbers {
        size: u64,
        position: AtomicU64,
        parked: Mutex<Vec<(u64, String)>>,
        done: tokio::sync::Notify,
    }

    fn message(index: u64) -> Message {
        let id = format!("id-{index}");
        Message { index, id, routing_key: String::new(), content_type: "text/plain", body: Vec::new() }
    }

    #[async_trait]
    impl Ledger for Numbers {
        async fn next(&self, from: u64) -> Result<Page, String> {
            if from >= self.size {
                self.done.notify_one();
                std::future::pending::<()>().await;
            }
            let next = (from + 10).min(self.size);
            let one =
                |index| if index == 33 { Err((message(33), "no words".into())) } else { Ok(message(index)) };
            Ok(Page { messages: (from..next).map(one).collect(), next })
        }

        async fn moved(&self, next: u64, _: bool) -> Result<(), String> {
            self.position.store(next, Ordering::Relaxed);
            Ok(())
        }

        async fn park(&self, message: &Message, why: &str, _: u32) -> Result<(), String> {
            self.parked.lock().unwrap().push((message.index, why.to_owned()));
            Ok(())
        }

        fn now_ns(&self) -> i64 {
            1
        }
    }

    /// Refuses some messages, and can be asked only every other time.
    struct Picky {
        poison: BTreeSet<u64>,
        calls: u64,
        taken: Arc<Mutex<Vec<u64>>>,
    }

    #[async_trait]
    impl Destination for Picky {
        async fn deliver(&mut self, messages: &[Message]) -> Result<(), Fault> {
            self.calls += 1;
            if self.calls.is_multiple_of(5) {
                // Half of it got through before the connection broke.
                let half = messages.len() / 2;
                let sound = messages.iter().take_while(|message| !self.poison.contains(&message.index));
                let through = half.min(sound.count());
                self.taken.lock().unwrap().extend(messages.iter().take(through).map(|message| message.index));
                return Err(Fault::down("gone").after(through));
            }
            if messages.iter().any(|message| self.poison.contains(&message.index)) {
                return Err(Fault::refused("poison"));
            }
            self.taken.lock().unwrap().extend(messages.iter().map(|message| message.index));
            Ok(())
        }
    }

    async fn delivered(
        size: u64,
        poison: impl IntoIterator<Item = u64>,
    ) -> (Vec<u64>, Vec<(u64, String)>, u64) {
        let numbers = Numbers {
            size,
            position: AtomicU64::new(0),
            parked: Mutex::default(),
            done: tokio::sync::Notify::new(),
        };
        let taken = Arc::new(Mutex::new(Vec::new()));
        let mut picky = Picky { poison: poison.into_iter().collect(), calls: 0, taken: Arc::clone(&taken) };
        let (_asking, asked) = mpsc::channel(1);
        let progress = Mutex::default();
        let mut delivery = Delivery::new(&numbers, &progress, asked);
        tokio::select! {
            () = delivery.run(&mut picky, 0) => unreachable!("a route goes on"),
            () = numbers.done.notified() => {}
        }
        let parked = numbers.parked.into_inner().unwrap();
        let taken = taken.lock().unwrap().clone();
        (taken, parked, numbers.position.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn everything_is_delivered_in_order_or_parked() {
        let poison = [3, 4, 17, 40, 99];
        let (taken, parked, position) = delivered(100, poison).await;
        let sound: Vec<u64> = (0..100).filter(|index| *index != 33 && !poison.contains(index)).collect();
        assert_eq!(taken, sound);
        let indexes: Vec<u64> = parked.iter().map(|(index, _)| *index).collect();
        assert_eq!(indexes, [3, 4, 17, 33, 40, 99]);
        assert_eq!((parked[0].1.as_str(), parked[3].1.as_str()), ("poison", "no words"));
        assert_eq!(position, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_destination_that_refuses_everything_is_waited_for() {
        let refused_for_an_hour = tokio::time::timeout(Duration::from_hours(1), delivered(100, 0..100)).await;
        assert!(refused_for_an_hour.is_err(), "only so many are parked, then it waits");
    }
}
