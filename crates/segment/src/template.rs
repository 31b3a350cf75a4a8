//! Shapes made ready for putting bodies together: long runs of bytes that every body of the shape has, and slots between them.

use crate::bytes::Take;
use crate::shape::{MAX_DEPTH, SlotKind, op, state, tag};

/// Bytes of the length of an item's value.
const ITEM_LENGTH: usize = 4;

/// How the bodies of one shape are put together.
#[derive(Debug, Default)]
pub(crate) struct Template {
    /// What every body has, one run after the other; lengths that depend on values are zeros.
    bytes: Vec<u8>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// So many of the bytes that every body has.
    Bytes(usize),
    /// A value. Its length stands right before it in `width` bytes, and before that and the tag the length of the `item`
    /// when it is all of the item.
    Slot { kind: SlotKind, width: usize, item: bool },
    /// The value of an item begins, whose length is known at its end.
    Open,
    /// It ends.
    Close,
}

impl Template {
    /// The template of a shape; `None` when the shape is malformed.
    pub(crate) fn of(shape: &[u8]) -> Option<Self> {
        let made = Self { bytes: vec![0; 2], steps: Vec::new() };
        let mut compiler = Compiler { take: Take(shape), made, done: 0 };
        let mut count = 0u16;
        while !compiler.take.is_empty() {
            compiler.item()?;
            count = count.checked_add(1)?;
        }
        compiler.end_run();
        let mut made = compiler.made;
        made.bytes.get_mut(..2)?.copy_from_slice(&count.to_be_bytes());
        Some(made)
    }

    /// Appends the items of a body. `fill` appends the bytes that a slot holds, without tag and length; a Boolean is its tag.
    pub(crate) fn build(
        &self,
        out: &mut Vec<u8>,
        mut fill: impl FnMut(SlotKind, &mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        let mut rest = self.bytes.as_slice();
        let mut open = 0;
        for step in &self.steps {
            match *step {
                Step::Bytes(count) => {
                    let (run, later) = rest.split_at_checked(count)?;
                    out.extend_from_slice(run);
                    rest = later;
                }
                Step::Slot { kind, width, item } => {
                    let at = out.len();
                    fill(kind, out)?;
                    let length = out.len() - at;
                    if width > 0 {
                        put_length(out, at - width, width, length)?;
                    }
                    if item {
                        put_length(out, at - width - 1 - ITEM_LENGTH, ITEM_LENGTH, 1 + width + length)?;
                    }
                }
                Step::Open => open = out.len(),
                Step::Close => {
                    let length = out.len() - open;
                    put_length(out, open - ITEM_LENGTH, ITEM_LENGTH, length)?;
                }
            }
        }
        Some(())
    }
}

fn put_length(out: &mut [u8], at: usize, width: usize, length: usize) -> Option<()> {
    let length = (length as u64).to_be_bytes();
    out.get_mut(at..at + width)?.copy_from_slice(length.get(8 - width..)?);
    Some(())
}

struct Compiler<'a> {
    take: Take<'a>,
    made: Template,
    /// Bytes that are in a step.
    done: usize,
}

impl Compiler<'_> {
    fn end_run(&mut self) {
        let count = self.made.bytes.len() - self.done;
        if count > 0 {
            self.made.steps.push(Step::Bytes(count));
            self.done = self.made.bytes.len();
        }
    }

    fn step(&mut self, step: Step) {
        self.end_run();
        self.made.steps.push(step);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.made.bytes.extend_from_slice(bytes);
    }

    fn item(&mut self) -> Option<()> {
        (self.take.u8()? == op::ITEM).then_some(())?;
        let (state, length) = (self.take.u8()?, self.take.u8()?);
        self.put(&u16::from(length).to_be_bytes());
        let path = self.take.bytes(length.into())?;
        self.put(path);
        self.put(&[state]);
        if state != state::CLEAR {
            let kind = SlotKind::of(self.take.u8()?.checked_sub(op::SLOT)?)?;
            self.step(Step::Slot { kind, width: 0, item: false });
        }
        if state == state::COMMITTED { Some(()) } else { self.whole_value() }
    }

    /// The value of an item, behind its length.
    fn whole_value(&mut self) -> Option<()> {
        let (&first, rest) = self.take.0.split_first()?;
        if matches!(first, op::LIST | op::MAP) {
            self.put(&[0; ITEM_LENGTH]);
            self.step(Step::Open);
            self.value(0)?;
            self.step(Step::Close);
            return Some(());
        }
        self.take = Take(rest);
        if first == op::NULL {
            self.put(&[0, 0, 0, 1, tag::NULL]);
            return Some(());
        }
        let kind = SlotKind::of(first.checked_sub(op::SLOT)?)?;
        let length = match kind {
            SlotKind::Bool => 1u32,
            SlotKind::Int => 1 + 8,
            SlotKind::Time => 1 + 14,
            _ => 0,
        };
        self.put(&length.to_be_bytes());
        self.slot(kind, length == 0)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.take.u8()? {
            op::NULL => self.put(&[tag::NULL]),
            op::LIST => {
                let count = self.count(tag::LIST)?;
                for _ in 0..count {
                    self.value(depth + 1)?;
                }
            }
            op::MAP => {
                let count = self.count(tag::MAP)?;
                for _ in 0..count {
                    let length = u16::try_from(self.take.varint()?).ok()?;
                    self.put(&length.to_be_bytes());
                    let key = self.take.bytes(length.into())?;
                    self.put(key);
                    self.value(depth + 1)?;
                }
            }
            byte => self.slot(SlotKind::of(byte.checked_sub(op::SLOT)?)?, false)?,
        }
        Some(())
    }

    fn count(&mut self, tag: u8) -> Option<u32> {
        let count = u32::try_from(self.take.varint()?).ok()?;
        self.put(&[tag]);
        self.put(&count.to_be_bytes());
        Some(count)
    }

    fn slot(&mut self, kind: SlotKind, item: bool) -> Option<()> {
        let (tag, width) = match kind {
            SlotKind::Bool => (None, 0),
            SlotKind::Int => (Some(tag::INT), 0),
            SlotKind::Time => (Some(tag::TIME), 0),
            SlotKind::Decimal => (Some(tag::DECIMAL), 2),
            SlotKind::Text => (Some(tag::TEXT), 4),
            SlotKind::Bytes => (Some(tag::BYTES), 4),
            SlotKind::Key | SlotKind::Hash => return None,
        };
        self.put(tag.as_slice());
        self.put([0; 4].get(..width)?);
        self.step(Step::Slot { kind, width, item });
        Some(())
    }
}
