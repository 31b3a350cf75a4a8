//! The commit thread: the only writer of the WAL, and the only place where an event gets its index.
//!
//! One round: take what waits, recognise repetitions, give each new event its place, write one block, sync, and only
//! then make it readable and answer. There is no artificial wait: while one sync runs, the next block's work gathers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use indelible_event::{Flag, Leaf};

use crate::append::{Append, Appended, Place};
use crate::backlog::BlockRef;
use crate::core_state::{Core, KeyUse, Tip, content_print, key_print};
use crate::error::{AppendError, StoreError};
use crate::leaves::TILE;
use crate::log::{MAX_RUN, Run};
use crate::log_no::LogNo;
use crate::publish::Committed;
use crate::queue::{Control, Work};
use crate::read::{FullRecord, read_piece};
use crate::shared::{Answer, Shared, call, refuse};
use crate::snapshot::ProducerState;
use crate::wal::block::{BlockBuilder, BlockHash, block_hash};
use crate::wal::file::{Spare, WalWriter};
use crate::wal::record::{EventRecord, Record};
use crate::window::Seen;

/// A wall clock this far ahead of the time that passed is not believed: one event stamped in 2099 would freeze a
/// log's time.
const MAX_CLOCK_JUMP_NS: i64 = 3_600 * 1_000_000_000;
/// What a sender is told to wait while the disk is full.
const FULL_RETRY_MS: u64 = 5_000;
/// Part of a WAL file that only the system's own events may use when no spare can be made: one in this many bytes.
const RESERVE_SHARE: u64 = 16;
/// And at least this many bytes: two small blocks.
const RESERVE_LEAST: u64 = 2 * crate::wal::block::PAGE as u64;

/// The commit thread.
#[derive(Debug)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
    core: Core,
    wal: WalWriter,
    builder: BlockBuilder,
    next_seq: u64,
    last_hash: BlockHash,
    clock: ClockGuard,
    /// Events of the block in the making, in the order of their records.
    framed: Vec<Framed>,
    /// The piece that the last repetition was found in; a repeated batch finds the rest there.
    piece: Option<(LogNo, Vec<FullRecord>)>,
}

#[derive(Debug, Clone, Copy)]
struct Framed {
    log: LogNo,
    index: u64,
    offset: u32,
    place: Place,
    content: u64,
}

#[derive(Debug)]
struct ClockGuard {
    wall: i64,
    boot: i64,
}

impl ClockGuard {
    /// Seconds that the wall clock jumped ahead, if it is too far to be believed.
    fn jump_s(&mut self, wall: i64, boot: i64, confirmed: bool) -> Option<i64> {
        let ahead = wall - self.wall - (boot - self.boot);
        if ahead > MAX_CLOCK_JUMP_NS && !confirmed {
            return Some(ahead / 1_000_000_000);
        }
        (self.wall, self.boot) = (wall, boot);
        None
    }
}

impl Committer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        core: Core,
        wal: WalWriter,
        next_seq: u64,
        last_hash: BlockHash,
    ) -> Self {
        let clock = ClockGuard { wall: shared.options.clock.now_ns(), boot: shared.options.clock.boot_ns() };
        Self {
            shared,
            core,
            wal,
            builder: BlockBuilder::new(),
            next_seq,
            last_hash,
            clock,
            framed: Vec::new(),
            piece: None,
        }
    }

    /// Works until the queue is closed and empty, or the disk fails.
    pub(crate) fn run(mut self) {
        while let Some(batch) = self.shared.queue.take(usize::try_from(self.wal.room()).unwrap_or(usize::MAX))
        {
            if self.shared.has_failed() {
                drop(refuse_all(batch, &AppendError::OutcomeUnknown));
                continue;
            }
            let batch = self.answer_queries(batch);
            let batch = match self.admit(batch) {
                Ok(batch) if batch.is_empty() => continue,
                Ok(batch) => batch,
                Err(error) => return self.shared.fail("go on in the next WAL file", &error),
            };
            self.shared.backlog.wait_for_room();
            self.shared.inbox.wait_for_room();
            let answers = self.frame_all(batch);
            match self.write() {
                Ok(()) => {
                    for answer in answers {
                        answer.send(Ok(()));
                    }
                }
                Err(error) => return self.shared.fail_answering(answers, "make a block durable", &error),
            }
        }
    }

    fn answer_queries(&self, batch: Vec<Work>) -> Vec<Work> {
        let mut rest = Vec::with_capacity(batch.len());
        for work in batch {
            match work {
                Work::Query(query) => query(&self.core),
                other => rest.push(other),
            }
        }
        rest
    }

    /// Refuses what cannot be stored now, before anything is touched, and moves to the next file when this one is full.
    fn admit(&mut self, batch: Vec<Work>) -> io::Result<Vec<Work>> {
        let batch = self.admit_clock(batch);
        let cost: usize = batch.iter().map(|work| work.cost().0).sum();
        let fresh_room = self.wal.fresh_room();
        if cost as u64 > fresh_room {
            let too_large = |bytes: usize| AppendError::TooLarge {
                bytes: bytes as u64,
                events: 0,
                max_bytes: fresh_room,
                max_events: crate::wal::block::MAX_EVENTS as u64,
            };
            for work in batch {
                let bytes = work.cost().0;
                refuse(work, &too_large(bytes));
            }
            return Ok(Vec::new());
        }
        if cost as u64 > self.wal.room() {
            match self.shared.spares.take() {
                Spare::Ready(file) => {
                    let nonce = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
                    self.wal.roll(file, self.next_seq, nonce)?;
                }
                Spare::Full => {
                    return Ok(refuse_all(batch, &AppendError::DiskFull { retry_after_ms: FULL_RETRY_MS }));
                }
                Spare::Gone => return Ok(refuse_all(batch, &AppendError::Closing)),
            }
        }
        let reserve = (self.wal.file_bytes / RESERVE_SHARE).max(RESERVE_LEAST);
        let end = self.wal.at + crate::wal::block::disk_len(cost) as u64;
        if end + reserve > self.wal.file_bytes && !self.shared.spares.have_next() {
            let full = AppendError::DiskFull { retry_after_ms: FULL_RETRY_MS };
            return Ok(refuse_if(batch, &full, |work| !is_own(work)));
        }
        Ok(batch)
    }

    fn admit_clock(&mut self, batch: Vec<Work>) -> Vec<Work> {
        let clock = &self.shared.options.clock;
        let confirmed = self.shared.clock_confirmed.swap(false, Ordering::AcqRel);
        let jump = self.clock.jump_s(clock.now_ns(), clock.boot_ns(), confirmed);
        let ahead = jump.and_then(|ahead_s| u64::try_from(ahead_s).ok()).unwrap_or(0);
        self.shared.clock_ahead_s.store(ahead, Ordering::Release);
        match jump {
            Some(ahead_s) => {
                let error = AppendError::ClockJump { ahead_s };
                refuse_if(batch, &error, |work| matches!(work, Work::Append { .. }))
            }
            None => batch,
        }
    }

    /// Puts everything into the block. Requests that fail as a whole are answered at once.
    fn frame_all(&mut self, batch: Vec<Work>) -> Vec<Answer> {
        self.builder.clear();
        self.framed.clear();
        self.piece = None;
        let now = self.shared.now_ns();
        let mut answers = Vec::with_capacity(batch.len());
        for work in batch {
            match work {
                Work::Append { appends, atomic, reply } => match self.frame_request(&appends, atomic, now) {
                    Ok(appended) => answers.push(Answer::Append(reply, appended)),
                    Err(error) => reply(Err(error)),
                },
                Work::Control(control, reply) => {
                    self.frame_control(&control);
                    answers.push(Answer::Control(reply));
                }
                Work::Query(_) => {}
            }
        }
        answers
    }

    fn frame_control(&mut self, control: &Control) {
        self.builder.push(|out| control.encode(out));
        match control {
            Control::LogCreated(log) => {
                self.core.logs.insert(log.no, Tip::default());
            }
            Control::Cursor { log, name, index } => {
                self.core.cursors.insert((*log, name.clone()), *index);
            }
            Control::KeyChanged { .. } => {}
        }
    }

    /// One request: everything that can fail comes first, so that it is in the block whole or not at all.
    fn frame_request(
        &mut self,
        appends: &[Append],
        atomic: bool,
        now: u64,
    ) -> Result<Vec<Appended>, AppendError> {
        let mut outcomes = Vec::with_capacity(appends.len());
        for append in appends {
            match self.core.logs.get(&append.log) {
                Some(tip) if !tip.frozen => {}
                Some(_) => return Err(AppendError::Frozen(append.log)),
                None => return Err(AppendError::UnknownLog(append.log)),
            }
            outcomes.push(
                self.recognise(append).map_err(|error| AppendError::Unreadable { why: error.to_string() })?,
            );
        }
        let first = self.framed.len();
        if atomic {
            contradictions(appends, &mut outcomes);
            if outcomes.iter().any(|outcome| outcome.is_some_and(|outcome| outcome.place().is_none())) {
                return Ok(outcomes
                    .into_iter()
                    .map(|outcome| outcome.unwrap_or(Appended::NotStored))
                    .collect());
            }
        }
        for (append, outcome) in appends.iter().zip(&mut outcomes) {
            if outcome.is_none() {
                *outcome = Some(self.frame_event(append, now, first));
            }
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// What an event is if it came before this request; `None` for a new one.
    fn recognise(&mut self, append: &Append) -> Result<Option<Appended>, StoreError> {
        let content = content_print(&append.content);
        if let Some(key) = &append.key {
            let print = key_print(append.log, key);
            let used = match self.core.keys.get(print, append.log) {
                Some(used) => Some(used),
                None => self.shared.filter.find(append.log, print)?,
            };
            if let Some(used) = used {
                let same = used.content == content;
                return Ok(Some(if same {
                    Appended::Duplicate(self.place(append.log, used.index)?)
                } else {
                    Appended::KeyConflict { index: used.index }
                }));
            }
        }
        self.recognise_number(append, content)
    }

    fn recognise_number(&mut self, append: &Append, content: u64) -> Result<Option<Appended>, StoreError> {
        let Some(producer) = append.producer.as_ref().filter(|_| append.sequence > 0) else {
            return Ok(None);
        };
        let Some(tip) = self.core.producers.get(&(append.log, producer.number())) else { return Ok(None) };
        match tip.state.window.look(append.sequence) {
            Seen::New => Ok(None),
            Seen::TooManyGaps => {
                Ok(Some(Appended::TooManyGaps { missing: tip.state.window.contiguous() + 1 }))
            }
            Seen::Before => {
                let recent = tip.index_of(append.sequence);
                let index = match recent {
                    Some(index) => index,
                    None => crate::sealed::find_number(
                        &self.shared,
                        append.log,
                        producer.number(),
                        append.sequence,
                    )?,
                };
                let same = self.content(append.log, index)? == content;
                Ok(Some(if same {
                    Appended::Duplicate(self.place(append.log, index)?)
                } else {
                    Appended::SequenceConflict { sequence: append.sequence, index }
                }))
            }
        }
    }

    /// The place of an event that is durable or in the block in the making.
    fn place(&mut self, log: LogNo, index: u64) -> Result<Place, StoreError> {
        if let Some(framed) = self.in_flight(log, index) {
            return Ok(framed.place);
        }
        let bytes = self.durable(log, index)?.record.leaf;
        let leaf = Leaf::decode(&bytes)
            .map_err(|error| StoreError::Refused { what: "a stored leaf", why: error.to_string() })?;
        Ok(Place { index, received_ns: leaf.received_ns, id: leaf.id, leaf: bytes })
    }

    fn content(&mut self, log: LogNo, index: u64) -> Result<u64, StoreError> {
        if let Some(framed) = self.in_flight(log, index) {
            return Ok(framed.content);
        }
        Ok(self.durable(log, index)?.content)
    }

    fn in_flight(&self, log: LogNo, index: u64) -> Option<&Framed> {
        self.framed.iter().rev().find(|framed| framed.log == log && framed.index == index)
    }

    fn durable(&mut self, log: LogNo, index: u64) -> Result<&FullRecord, StoreError> {
        let holds = |piece: &(LogNo, Vec<FullRecord>)| {
            piece.0 == log && piece.1.iter().any(|full| full.record.index == index)
        };
        if !self.piece.as_ref().is_some_and(holds) {
            let of = self.shared.log(log)?;
            // A repeated import asks for one after the other, others for one alone: a tile is between the two.
            let first = index - index % TILE;
            self.piece = Some((log, read_piece(&self.shared, &of, index, &(first..first + TILE))?));
        }
        let piece =
            self.piece.as_ref().and_then(|(_, piece)| piece.iter().find(|full| full.record.index == index));
        piece.ok_or(StoreError::OutOfRange { what: "index", value: index, log, size: index })
    }

    /// Gives a new event its place. `first` is where the request's own events begin in the block.
    fn frame_event(&mut self, append: &Append, now: u64, first: usize) -> Appended {
        if let Some(again) = self.recognise_in_request(append, first) {
            return again;
        }
        if let Some(gaps) = self.take_number(append) {
            return gaps;
        }
        for subject in append.subjects.iter().filter(|subject| subject.must_record()) {
            let record = Record::Subject { log: subject.log, subject: subject.digest, pool: subject.pool };
            self.builder.push(|out| record.encode(out));
        }
        let tip = self.core.logs.entry(append.log).or_default();
        let index = tip.size;
        tip.size += 1;
        tip.last_received_ns = tip.last_received_ns.max(now);
        let received_ns = tip.last_received_ns;
        let number = append.producer.as_ref().map_or(0, |producer| producer.number());
        let leaf = Leaf {
            flags: append.flags,
            type_tag: append.type_tag,
            received_ns,
            id: append.id,
            producer: number,
            sequence: append.sequence,
            body: append.body,
        }
        .encode();
        let place = Place { index, received_ns, id: append.id, leaf };
        let content = content_print(&append.content);
        self.note(append, &place, content);
        let record = EventRecord {
            log: append.log,
            index,
            leaf: &leaf,
            key: append.key.unwrap_or_default(),
            content: append.content,
            stored: &append.stored,
        };
        let offset = self.builder.push(|out| Record::Event(record).encode(out));
        self.framed.push(Framed { log: append.log, index, offset, place, content });
        Appended::Stored(place)
    }

    /// An event that repeats or contradicts an earlier one of the same request.
    fn recognise_in_request(&self, append: &Append, first: usize) -> Option<Appended> {
        if self.framed.len() == first {
            return None;
        }
        let of_request =
            |index| self.framed.get(first..)?.iter().find(|f| f.log == append.log && f.index == index);
        let content = content_print(&append.content);
        if let Some(key) = &append.key
            && let Some(used) = self.core.keys.get(key_print(append.log, key), append.log)
        {
            let framed = of_request(used.index)?;
            return Some(if framed.content == content {
                Appended::Duplicate(framed.place)
            } else {
                Appended::KeyConflict { index: used.index }
            });
        }
        let producer = append.producer.as_ref().filter(|_| append.sequence > 0)?;
        let tip = self.core.producers.get(&(append.log, producer.number()))?;
        if tip.state.window.look(append.sequence) != Seen::Before {
            return None;
        }
        let framed = of_request(tip.index_of(append.sequence)?)?;
        Some(if framed.content == content {
            Appended::Duplicate(framed.place)
        } else {
            Appended::SequenceConflict { sequence: append.sequence, index: framed.index }
        })
    }

    /// Notes the sequence number down; `Some` when it cannot be taken.
    fn take_number(&mut self, append: &Append) -> Option<Appended> {
        let producer = append.producer.as_ref()?;
        if producer.must_record() {
            let (name, instance) = (producer.name.as_str(), producer.instance.as_str());
            let record = Record::Producer { log: producer.log, number: producer.number, name, instance };
            self.builder.push(|out| record.encode(out));
        }
        let tip = self.core.producers.entry((append.log, producer.number())).or_insert_with(|| {
            let (name, instance) = (producer.name.clone(), producer.instance.clone());
            crate::core_state::ProducerTip::new(ProducerState { name, instance, ..ProducerState::default() })
        });
        if append.sequence > 0 && tip.state.window.insert(append.sequence) == Seen::TooManyGaps {
            return Some(Appended::TooManyGaps { missing: tip.state.window.contiguous() + 1 });
        }
        None
    }

    /// Notes key and number of an event that has its place.
    fn note(&mut self, append: &Append, place: &Place, content: u64) {
        if let Some(key) = &append.key {
            let used = KeyUse { log: append.log, index: place.index, content };
            self.core.keys.insert(key_print(append.log, key), used);
        }
        let Some(producer) = &append.producer else { return };
        if let Some(tip) = self.core.producers.get_mut(&(append.log, producer.number())) {
            tip.state.events += 1;
            tip.state.last_seen_ns = place.received_ns;
            if append.sequence > 0 {
                let sealed = self.shared.log(append.log).map_or(0, |log| log.sealed_size());
                tip.place(append.sequence, place.index, sealed);
            }
        }
    }

    /// Makes the block durable, then readable.
    fn write(&mut self) -> io::Result<()> {
        if self.builder.is_empty() {
            return Ok(());
        }
        let (seq, time_ns) = (self.next_seq, self.shared.now_ns());
        let body_len = self.builder.body_len();
        let block = self.builder.finish(seq, self.wal.current.nonce, time_ns, self.last_hash);
        let hash = block_hash(block);
        let disk_len = block.len() as u64;
        let offset = self.wal.write(block)?;
        // Dying here: the events are durable and their senders do not know; a repetition gets the same places.
        (self.next_seq, self.last_hash) = (seq + 1, hash);
        let sizes = self.make_readable(offset, body_len);
        self.shared.backlog.push(BlockRef {
            file: Arc::clone(&self.wal.current),
            offset,
            disk_len,
            seq,
            hash,
            time_ns,
            events: self.framed.len() as u64,
            committed_boot_ns: self.shared.options.clock.boot_ns(),
        });
        let leaves = self.framed.iter().map(|framed| (framed.log, framed.place.leaf)).collect();
        self.shared.inbox.push(Committed { block: seq, hash, leaves });
        self.core.keys.age(seq, self.shared.backlog.sealed_block());
        call(&self.shared.on_commit, &sizes);
        Ok(())
    }

    fn make_readable(&self, offset: u64, body_len: usize) -> Vec<(LogNo, u64)> {
        let end = (crate::wal::block::HEADER + body_len) as u32;
        let offsets = self.framed.iter().map(|framed| (framed.log, framed.index, framed.offset));
        let mut by_log: HashMap<LogNo, Vec<Run>> = HashMap::new();
        for run in runs(&self.wal.current, offset, offsets, end, self.builder.bytes()) {
            by_log.entry(run.0).or_default().push(run.1);
        }
        let mut sizes = Vec::with_capacity(by_log.len());
        for (no, runs) in by_log {
            if let (Ok(log), Some(tip)) = (self.shared.log(no), self.core.logs.get(&no)) {
                log.commit(runs, tip.size);
                sizes.push((no, tip.size));
            }
        }
        sizes
    }
}

/// Groups a block's events into runs. `events` are (log, index, offset in the block) in the order of their records.
pub(crate) fn runs(
    file: &Arc<crate::wal::file::WalFile>,
    block_at: u64,
    events: impl Iterator<Item = (LogNo, u64, u32)>,
    end: u32,
    block: &[u8],
) -> Vec<(LogNo, Run)> {
    let mut runs: Vec<(LogNo, Run)> = Vec::new();
    for (log, index, offset) in events {
        let len = record_len(block, offset).min(end.saturating_sub(offset));
        let at = block_at + u64::from(offset);
        if let Some((last_log, run)) = runs.last_mut()
            && *last_log == log
            && run.first + run.count == index
            && run.offset + u64::from(run.len) == at
            && run.len + len <= MAX_RUN
        {
            run.count += 1;
            run.len += len;
            continue;
        }
        runs.push((log, Run { first: index, count: 1, file: Arc::clone(file), offset: at, len }));
    }
    runs
}

fn record_len(block: &[u8], offset: u32) -> u32 {
    let at = offset as usize;
    let len = block.get(at..at + 4).and_then(|bytes| bytes.first_chunk::<4>());
    len.map_or(0, |len| u32::from_be_bytes(*len).saturating_add(4))
}

/// In an atomic request, two events under one key or number must be the same event.
fn contradictions(appends: &[Append], outcomes: &mut [Option<Appended>]) {
    let mut keys: HashMap<(LogNo, [u8; 16]), [u8; 16]> = HashMap::new();
    let mut numbers: HashMap<(LogNo, u64, u64), [u8; 16]> = HashMap::new();
    for (append, outcome) in appends.iter().zip(outcomes) {
        let index = u64::MAX;
        if let Some(key) = append.key
            && *keys.entry((append.log, key)).or_insert(append.content) != append.content
        {
            *outcome = Some(Appended::KeyConflict { index });
        }
        let number = append.producer.as_ref().map_or(0, |producer| producer.number());
        if append.sequence > 0
            && *numbers.entry((append.log, number, append.sequence)).or_insert(append.content)
                != append.content
        {
            *outcome = Some(Appended::SequenceConflict { sequence: append.sequence, index });
        }
    }
}

fn refuse_all(batch: Vec<Work>, error: &AppendError) -> Vec<Work> {
    refuse_if(batch, error, |_| true)
}

fn refuse_if(batch: Vec<Work>, error: &AppendError, unwanted: impl Fn(&Work) -> bool) -> Vec<Work> {
    let mut kept = Vec::with_capacity(batch.len());
    for work in batch {
        if unwanted(&work) {
            refuse(work, error);
        } else {
            kept.push(work);
        }
    }
    kept
}

/// Whether a piece of work holds nothing but the system's own records.
fn is_own(work: &Work) -> bool {
    match work {
        Work::Append { appends, .. } => appends.iter().all(|append| append.flags & Flag::Own as u8 != 0),
        Work::Control(..) | Work::Query(_) => true,
    }
}
