//! The publisher thread: from committed blocks to trees, level files and signed heads.
//!
//! It never holds up a commit except by being far behind. A head is durable in its slot before anybody sees it, and a
//! log never signs a root that its own blocks do not give.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use indelible_durable::disk::{Disk, FileRef};
use indelible_event::LEAF_BYTES;
use indelible_tlog::checkpoint::Checkpoint;
use indelible_tlog::note::SignatureLine;
use indelible_tlog::tree::Stack;

use crate::anchor::{Anchor, AnchorWriter};
use crate::error::{StoreError, is_full};
use crate::flat::{Flat, FlatGain};
use crate::head_page::{self, HeadPage};
use crate::log::{Head, Log};
use crate::log_no::LogNo;
use crate::shared::{Shared, call};
use crate::wal::block::BlockHash;

/// Leaves that may wait for the publisher before commits wait for it: 21 MB.
const MAX_WAITING: usize = 256 * 1024;
/// Leaves collected per log before the hashes above them are written out.
const WRITE_AT: usize = 256 * 1024;
/// How long the publisher waits before it tries again on a full disk.
const FULL_RETRY: Duration = Duration::from_millis(250);
/// At most one checkpoint per log and this long goes to the notes file: a busy log makes four a second, and a year of
/// them would be thirty gigabytes that prove nothing more.
const NOTE_EVERY_NS: u64 = 10 * 1_000_000_000;

/// What the commit thread hands over after a block.
#[derive(Debug)]
pub(crate) struct Committed {
    pub(crate) block: u64,
    pub(crate) hash: BlockHash,
    pub(crate) leaves: Vec<(LogNo, [u8; LEAF_BYTES])>,
}

/// The publisher's inbox.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<InboxState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct InboxState {
    blocks: Vec<Committed>,
    new_logs: Vec<Arc<Log>>,
    waiting: usize,
    hurry: bool,
    closing: bool,
    stopped: bool,
    /// Last block that a published head covers.
    published: u64,
}

enum Wake {
    Work { blocks: Vec<Committed>, new_logs: Vec<Arc<Log>>, hurry: bool, closing: bool },
    Stop,
}

impl Inbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, committed: Committed) {
        let mut state = self.lock();
        state.waiting += committed.leaves.len();
        state.blocks.push(committed);
        drop(state);
        self.changed.notify_all();
    }

    /// Hands over a log that was just created, or whose keys changed; its head is published at once.
    pub(crate) fn push_log(&self, log: Arc<Log>) {
        let mut state = self.lock();
        state.new_logs.push(log);
        state.hurry = true;
        drop(state);
        self.changed.notify_all();
    }

    /// Makes the publisher publish now instead of at its next tick.
    pub(crate) fn hurry(&self) {
        self.lock().hurry = true;
        self.changed.notify_all();
    }

    /// Waits while the publisher is too far behind.
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.lock();
        while state.waiting > MAX_WAITING && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until heads cover a block; false when the store stops first.
    pub(crate) fn wait_published(&self, block: u64) -> bool {
        let mut state = self.lock();
        state.hurry = true;
        self.changed.notify_all();
        while state.published < block && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.published >= block
    }

    fn set_published(&self, block: u64) {
        let mut state = self.lock();
        state.published = state.published.max(block);
        drop(state);
        self.changed.notify_all();
    }

    /// Ends the publisher at once.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Ends the publisher after it has published everything.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    fn wait(&self, timeout: Option<Duration>) -> Wake {
        let state = self.lock();
        let idle = |state: &mut InboxState| {
            state.blocks.is_empty()
                && state.new_logs.is_empty()
                && !state.hurry
                && !state.closing
                && !state.stopped
        };
        let mut state = match timeout {
            Some(timeout) => {
                self.changed
                    .wait_timeout_while(state, timeout, idle)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            None => self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
        };
        if state.stopped {
            return Wake::Stop;
        }
        state.waiting = 0;
        let wake = Wake::Work {
            blocks: std::mem::take(&mut state.blocks),
            new_logs: std::mem::take(&mut state.new_logs),
            hurry: std::mem::take(&mut state.hurry),
            closing: state.closing,
        };
        drop(state);
        self.changed.notify_all();
        wake
    }
}

/// A log as the publisher sees it.
#[derive(Debug)]
struct Growing {
    log: Arc<Log>,
    stack: Stack,
    gain: FlatGain,
    generation: u64,
    noted_ns: u64,
    notes_at: u64,
}

/// The publisher thread.
#[derive(Debug)]
pub(crate) struct Publisher {
    shared: Arc<Shared>,
    logs: BTreeMap<LogNo, Growing>,
    dirty: Vec<LogNo>,
    slots: [FileRef; 2],
    anchor: Option<AnchorWriter>,
    block: u64,
    hash: BlockHash,
    published_boot_ns: i64,
}

/// Where the publisher begins.
#[derive(Debug)]
pub(crate) struct PublishFrom {
    /// Every log with its tree, the generation of its newest head and the end of its notes file.
    pub(crate) logs: Vec<(Arc<Log>, Stack, u64, u64)>,
    pub(crate) slots: [FileRef; 2],
    pub(crate) anchor: Option<AnchorWriter>,
    pub(crate) block: u64,
    pub(crate) hash: BlockHash,
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>, from: PublishFrom) -> Self {
        let mut logs = BTreeMap::new();
        for (log, stack, generation, notes_at) in from.logs {
            let gain = FlatGain::default();
            logs.insert(log.no, Growing { log, stack, gain, generation, noted_ns: 0, notes_at });
        }
        let dirty = logs.keys().copied().collect();
        Self {
            shared,
            logs,
            dirty,
            slots: from.slots,
            anchor: from.anchor,
            block: from.block,
            hash: from.hash,
            published_boot_ns: 0,
        }
    }

    /// Publishes what recovery found, on the caller's thread.
    pub(crate) fn publish_first(&mut self) -> io::Result<()> {
        self.publish(false)
    }

    /// Works until it is closed, stopped, or the disk fails.
    pub(crate) fn run(mut self) {
        loop {
            let timeout = (!self.dirty.is_empty()).then(|| self.until_tick());
            let Wake::Work { blocks, new_logs, hurry, closing } = self.shared.inbox.wait(timeout) else {
                return;
            };
            let outcome = self.work(blocks, new_logs, hurry || closing, closing);
            match outcome {
                Ok(()) if closing => return self.shared.inbox.stop(),
                Ok(()) => {}
                Err(error) if is_full(&error) => {
                    tracing::warn!(
                        "stopped before the last heads were written: {error}; the next start writes them"
                    );
                    return self.shared.inbox.stop();
                }
                Err(error) => return self.shared.fail("write heads and level files", &error),
            }
        }
    }

    fn until_tick(&self) -> Duration {
        let since = self.shared.options.clock.boot_ns() - self.published_boot_ns;
        let since = Duration::from_nanos(u64::try_from(since).unwrap_or(0));
        self.shared.options.head_interval.saturating_sub(since)
    }

    fn work(
        &mut self,
        blocks: Vec<Committed>,
        new_logs: Vec<Arc<Log>>,
        hurry: bool,
        closing: bool,
    ) -> io::Result<()> {
        for log in new_logs {
            let growing = Growing {
                log: Arc::clone(&log),
                stack: Stack::new(),
                gain: FlatGain::default(),
                generation: 0,
                noted_ns: 0,
                notes_at: 0,
            };
            self.logs.entry(log.no).or_insert(growing);
            self.dirty.push(log.no);
        }
        for committed in blocks {
            (self.block, self.hash) = (committed.block, committed.hash);
            self.grow(&committed.leaves)?;
        }
        if hurry || (!self.dirty.is_empty() && self.until_tick().is_zero()) {
            return self.retry_full(|publisher| publisher.publish(closing));
        }
        Ok(())
    }

    fn grow(&mut self, leaves: &[(LogNo, [u8; LEAF_BYTES])]) -> io::Result<()> {
        let mut full = Vec::new();
        for (no, leaf) in leaves {
            let Some(growing) = self.logs.get_mut(no) else { continue };
            if growing.gain.len() == 0 {
                self.dirty.push(*no);
            }
            growing.gain.append(&mut growing.stack, leaf);
            if growing.gain.len() >= WRITE_AT && full.last() != Some(no) {
                full.push(*no);
            }
        }
        for no in full {
            self.retry_full(|publisher| publisher.write_gain(no))?;
            self.dirty.push(no);
        }
        Ok(())
    }

    fn write_gain(&mut self, no: LogNo) -> io::Result<()> {
        match self.logs.get_mut(&no) {
            Some(growing) => growing.gain.write(&self.shared.flat, no, growing.stack.size()),
            None => Ok(()),
        }
    }

    /// Repeats a step while the disk is full; every step may be done again.
    fn retry_full(&mut self, step: impl Fn(&mut Self) -> io::Result<()>) -> io::Result<()> {
        loop {
            match step(self) {
                Err(error) if is_full(&error) => {
                    tracing::warn!("heads wait for space on the disk: {error}");
                    if matches!(self.shared.inbox.pause(FULL_RETRY), Wake::Stop) {
                        return Err(error);
                    }
                }
                other => return other,
            }
        }
    }

    /// Signs and publishes a head for every log that changed.
    fn publish(&mut self, last: bool) -> io::Result<()> {
        self.dirty.sort_unstable();
        self.dirty.dedup();
        for no in self.dirty.clone() {
            self.write_gain(no)?;
        }
        let now = self.shared.now_ns();
        let mut heads = Vec::with_capacity(self.dirty.len());
        let mut used = [false; 2];
        for no in &self.dirty {
            let Some(growing) = self.logs.get(no) else { continue };
            let (head, page) =
                self.sign(growing, now).map_err(|error| io::Error::other(error.to_string()))?;
            let slot = head_page::slot(head.generation);
            if let (Some(file), Some(used)) = (self.slots.get(slot), used.get_mut(slot)) {
                file.write_all_at(&page, u64::from(no.0) * head_page::PAGE as u64)?;
                *used = true;
            }
            heads.push(head);
        }
        // Dying here: the pages may be torn; the other slot holds the head before, which nobody has seen past.
        for (file, used) in self.slots.iter().zip(used) {
            if used {
                file.sync_data()?;
            }
        }
        // Dying here: signed, unseen; the next start publishes.
        let sizes: Vec<(LogNo, u64)> = heads.iter().map(|head| (head.log, head.size)).collect();
        for head in heads {
            self.note(&head, now, last)?;
            if let Some(growing) = self.logs.get_mut(&head.log) {
                growing.generation = head.generation;
                growing.log.set_head(head);
            }
        }
        self.write_anchor(now);
        self.dirty.clear();
        self.published_boot_ns = self.shared.options.clock.boot_ns();
        self.shared.inbox.set_published(self.block);
        self.shared.notify_published();
        call(&self.shared.on_publish, &sizes);
        Ok(())
    }

    fn sign(&self, growing: &Growing, now: u64) -> Result<(Head, Vec<u8>), StoreError> {
        let log = &growing.log;
        let (size, root) = (growing.stack.size(), growing.stack.root());
        let keys = log.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let note = sign_note(&log.origin, size, root, &keys)?;
        drop(keys);
        let generation = growing.generation + 1;
        let page = HeadPage {
            generation,
            log: log.no,
            size,
            root,
            time_ns: now,
            block: self.block,
            node: self.shared.node,
            note: note.clone(),
        };
        let bytes = page.encode().ok_or_else(|| StoreError::Refused {
            what: "a signed head",
            why: format!("its note has {} bytes, a page holds {}", note.len(), head_page::MAX_NOTE),
        })?;
        let head =
            Head { log: log.no, size, root, note: note.into(), time_ns: now, block: self.block, generation };
        Ok((head, bytes))
    }

    /// Appends the checkpoint to the notes file, now and then.
    fn note(&mut self, head: &Head, now: u64, last: bool) -> io::Result<()> {
        let Some(growing) = self.logs.get_mut(&head.log) else { return Ok(()) };
        if growing.noted_ns + NOTE_EVERY_NS > now && !last {
            return Ok(());
        }
        let record = encode_note(head);
        self.shared.flat.write(head.log, Flat::Notes, growing.notes_at, &record)?;
        growing.notes_at += record.len() as u64;
        growing.noted_ns = now;
        Ok(())
    }

    /// The anchor is a second opinion; a failure to write it is reported and stops nothing.
    fn write_anchor(&mut self, now: u64) {
        let anchor = Anchor { node: self.shared.node, block: self.block, hash: self.hash, time_ns: now };
        if let Some(writer) = &mut self.anchor
            && let Err(error) = writer.write(&anchor)
        {
            tracing::warn!(
                "cannot write the anchor file: {error}; an older copy of the data may go unnoticed"
            );
        }
    }
}

impl Inbox {
    /// Waits without taking work.
    fn pause(&self, timeout: Duration) -> Wake {
        let state = self.lock();
        let waited =
            self.changed.wait_timeout_while(state, timeout, |state| !state.stopped && !state.closing);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.stopped || state.closing {
            return Wake::Stop;
        }
        Wake::Work { blocks: Vec::new(), new_logs: Vec::new(), hurry: false, closing: false }
    }
}

/// The checkpoint with the lines of all signing keys and one of a key that nobody has.
pub(crate) fn sign_note(
    origin: &str,
    size: u64,
    root: indelible_tlog::tree::Hash,
    keys: &crate::signing::LogKeys,
) -> Result<String, StoreError> {
    let checkpoint = Checkpoint::new(origin, size, root)?;
    let mut signers = keys.signers();
    let active = signers.next().expect("a key file always has one active key");
    let mut note = checkpoint.sign(active)?;
    let text = checkpoint.text();
    for signer in signers {
        note.push(signer.sign_line(&text, 0))?;
    }
    let mut grease = [0; 68];
    getrandom::fill(&mut grease)
        .map_err(|error| StoreError::Refused { what: "a signed head", why: error.to_string() })?;
    note.push(SignatureLine::grease(&grease))?;
    Ok(note.to_string())
}

/// u32 length of the note ‖ u64 time ‖ note ‖ crc32c.
fn encode_note(head: &Head) -> Vec<u8> {
    let mut out = (head.note.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(&head.time_ns.to_be_bytes());
    out.extend_from_slice(head.note.as_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
    out
}

/// The notes in a notes file, each with its offset and time, and where the valid ones end.
pub(crate) fn read_notes(bytes: &[u8]) -> (Vec<(u64, u64, String)>, u64) {
    let mut take = crate::bytes::Take(bytes);
    let mut notes = Vec::new();
    let mut end = 0u64;
    while let Some((time_ns, note)) = take_note(&mut take) {
        notes.push((end, time_ns, note));
        end = (bytes.len() - take.0.len()) as u64;
    }
    (notes, end)
}

fn take_note(take: &mut crate::bytes::Take<'_>) -> Option<(u64, String)> {
    let whole = take.0;
    let len = take.u32()? as usize;
    let time_ns = take.u64()?;
    let note = take.bytes(len)?;
    let crc = take.u32()?;
    let checked = whole.get(..12 + len)?;
    (crc == crc32c::crc32c(checked)).then_some(())?;
    Some((time_ns, String::from_utf8(note.to_vec()).ok()?))
}

/// Opens the two head files, making them in a new folder.
pub(crate) fn open_slots(disk: &dyn Disk, dir: &std::path::Path) -> io::Result<[FileRef; 2]> {
    let open = |name: &str| match disk.open(&dir.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = disk.create(&dir.join(name))?;
            disk.sync_dir(dir)?;
            Ok(file)
        }
        other => other,
    };
    Ok([open("heads.a")?, open("heads.b")?])
}
