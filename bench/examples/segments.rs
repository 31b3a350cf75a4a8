//! Measures segments on the sample events without a server: bytes per event and column, and processor time per event.
//!
//! `cargo run --release -p indelible-bench --example segments -- [EVENTS] [ROWS PER SEGMENT]`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people at a terminal")]
#![expect(clippy::cast_precision_loss, reason = "shown with three digits")]

mod maker;

use std::time::Duration;

use indelible_segment::id::IdCipher;
use indelible_segment::read::Index;
use indelible_segment::row::Row;
use indelible_segment::write::{Spec, Writer};
use maker::{Maker, SEED, Stored};

fn row(stored: &Stored) -> Row<'_> {
    Row {
        flags: 8,
        type_tag: stored.type_tag,
        received_ns: stored.received_ns,
        id: stored.id.0,
        producer: 0x1234_5678_9abc_def0,
        sequence: 0,
        key: None,
        content: None,
        stored: &stored.body,
    }
}

/// Of this thread: other work on the machine does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap())
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (events, per_segment) = (number(2_000_000), number(131_072));
    let ids = IdCipher::new([3; 16]);
    let mut maker = Maker::new(events, ids);
    let (mut first, mut total, mut bodies) = (0u64, 0u64, 0u64);
    let (mut sealing, mut reading) = (Duration::ZERO, Duration::ZERO);
    let mut sizes: Vec<(String, u64)> = Vec::new();
    while first < events {
        let rows: Vec<Stored> = (0..per_segment).map_while(|_| maker.next()).collect();
        bodies += rows.iter().map(|row| row.body.len() as u64).sum::<u64>();
        let started = processor_time();
        let spec = Spec { node: [1; 16], blocks: (first, first + 1), ids, level: 1 };
        let mut writer = Writer::new(spec);
        writer.begin_log(0, first).unwrap();
        for stored in &rows {
            writer.push(&row(stored), |_| Some(SEED)).unwrap();
        }
        let bytes = writer.finish().unwrap();
        sealing += processor_time().saturating_sub(started);
        let started = processor_time();
        let read = |at: u64, buf: &mut [u8]| {
            let at = usize::try_from(at).unwrap();
            buf.copy_from_slice(&bytes[at..at + buf.len()]);
            Ok(())
        };
        let index = Index::read(bytes.len() as u64, &read).unwrap();
        let mut next = rows.iter();
        for entry in index.blocks(0) {
            let block = index.decode(entry, &read).unwrap();
            for (_, found) in block.rows() {
                assert_eq!(found, row(next.next().unwrap()));
            }
        }
        assert!(next.next().is_none(), "rows are missing");
        reading += processor_time().saturating_sub(started);
        for (name, size) in index.sizes(&read).unwrap() {
            match sizes.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += size,
                None => sizes.push((name, size)),
            }
        }
        total += bytes.len() as u64;
        first += rows.len() as u64;
    }
    let each = |sum: u64| sum as f64 / events as f64;
    sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    for (name, size) in &sizes {
        println!("{:8.3}  {name}", each(*size));
    }
    println!("{:8.3}  all, of {:.1} bytes of stored body", each(total), each(bodies));
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / events as f64;
    println!("seal {:.2} µs/event, read back and compare {:.2} µs/event", micros(sealing), micros(reading));
}
