//! Segments give back what was put in, and never take damage for rows.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout, reason = "tests may")]

use std::io;

use indelible_event::EventId;
use indelible_segment::error::SegmentError;
use indelible_segment::id::IdCipher;
use indelible_segment::read::Index;
use indelible_segment::row::Row;
use indelible_segment::write::{Spec, Writer};
use proptest::prelude::*;

const SEED: [u8; 32] = [9; 32];
const START_NS: u64 = 1_767_225_600_000_000_000;

#[derive(Debug, Clone)]
struct Made {
    flags: u8,
    type_tag: u32,
    after_ns: u64,
    counter: Option<u64>,
    producer: u64,
    sequence: u64,
    key: Option<u64>,
    salted: bool,
    text: Vec<u8>,
}

fn made() -> impl Strategy<Value = Made> {
    let ids = proptest::option::weighted(0.8, 0u64..2000);
    let text = proptest::collection::vec(any::<u8>(), 0..80);
    let key = proptest::option::of(any::<u64>());
    (any::<u8>(), any::<u32>(), 0u64..5_000_000_000, ids, 0u64..4, 0u64..50, key, any::<bool>(), text)
        .prop_map(|(flags, type_tag, after_ns, counter, producer, sequence, key, salted, text)| Made {
            flags,
            type_tag,
            after_ns,
            counter,
            producer,
            sequence,
            key,
            salted,
            text,
        })
}

fn cipher() -> IdCipher {
    IdCipher::new([5; 16])
}

fn salt(id: &[u8; 16]) -> [u8; 16] {
    indelible_event_salt(id)
}

/// First 16 bytes of HMAC-SHA-256(seed, id), computed apart from the code under test.
fn indelible_event_salt(id: &[u8; 16]) -> [u8; 16] {
    use sha2::{Digest, Sha256};
    let mut key = [0u8; 64];
    key[..32].copy_from_slice(&SEED);
    let inner = Sha256::new().chain_update(key.map(|b| b ^ 0x36)).chain_update(id).finalize();
    let outer = Sha256::new().chain_update(key.map(|b| b ^ 0x5c)).chain_update(inner).finalize();
    outer[..16].try_into().unwrap()
}

struct Owned {
    row: Made,
    received_ns: u64,
    id: [u8; 16],
    stored: Vec<u8>,
}

fn own(rows: &[Made]) -> Vec<Owned> {
    let mut received_ns = START_NS;
    let build = |row: &Made| {
        received_ns += row.after_ns;
        let id = match row.counter {
            Some(counter) => EventId::from_parts(received_ns / 1_000_000, cipher().seal(1, counter)).0,
            None => [row.flags; 16],
        };
        let mut stored = vec![1];
        stored.extend_from_slice(&if row.salted { salt(&id) } else { [7; 16] });
        stored.extend_from_slice(&row.text);
        Owned { row: row.clone(), received_ns, id, stored }
    };
    rows.iter().map(build).collect()
}

fn row(owned: &Owned) -> Row<'_> {
    Row {
        flags: owned.row.flags,
        type_tag: owned.row.type_tag,
        received_ns: owned.received_ns,
        id: owned.id,
        producer: owned.row.producer,
        sequence: owned.row.sequence,
        key: owned.row.key,
        content: owned.row.key.map(|key| key.wrapping_mul(3)),
        stored: &owned.stored,
    }
}

fn write(logs: &[(u32, u64, &[Owned])]) -> Vec<u8> {
    let spec = Spec { node: [1; 16], blocks: (3, 9), ids: cipher(), level: 1 };
    let mut writer = Writer::new(spec);
    for (log, first, rows) in logs {
        writer.begin_log(*log, *first).unwrap();
        for owned in *rows {
            writer.push(&row(owned), |run| (run == 1).then_some(SEED)).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn reader(bytes: &[u8]) -> impl Fn(u64, &mut [u8]) -> io::Result<()> {
    move |at, buf| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let from =
            bytes.get(at..).and_then(|rest| rest.get(..buf.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(from);
        Ok(())
    }
}

fn open(bytes: &[u8]) -> Result<Index, SegmentError> {
    Index::read(bytes.len() as u64, &reader(bytes))
}

/// Compares every row of a log with what was written.
fn check(bytes: &[u8], log: u32, first: u64, rows: &[Owned]) {
    let index = open(bytes).unwrap();
    let mut next = first;
    for entry in index.blocks(log) {
        let block = index.decode(entry, &reader(bytes)).unwrap();
        for (at, found) in block.rows() {
            let owned = &rows[usize::try_from(next - first).unwrap()];
            assert_eq!(at, next);
            assert_eq!(found, Row { key: None, ..row(owned) });
            assert!((entry.received.0..=entry.received.1).contains(&owned.received_ns));
            assert_eq!(index.block(log, next), Some(entry));
            next += 1;
        }
    }
    assert_eq!(next - first, rows.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_of_several_logs_read_back(one in proptest::collection::vec(made(), 1..60), two in proptest::collection::vec(made(), 1..20)) {
        let (one, two) = (own(&one), own(&two));
        let bytes = write(&[(4, 100, &one), (7, 0, &two)]);
        check(&bytes, 4, 100, &one);
        check(&bytes, 7, 0, &two);
        let index = open(&bytes).unwrap();
        index.verify(&reader(&bytes)).unwrap();
        let keys = index.keys(&reader(&bytes)).unwrap();
        for (number, owned) in one.iter().chain(&two).enumerate() {
            let number = u32::try_from(number).unwrap();
            if let Some(key) = owned.row.key {
                prop_assert!(keys.rows(key).any(|row| row == number));
            }
            let expected = match usize::try_from(number).unwrap().checked_sub(one.len()) {
                Some(at) => (7, at as u64),
                None => (4, 100 + u64::from(number)),
            };
            prop_assert_eq!(index.row(number), Some(expected));
        }
        let numbers = index.numbers(&reader(&bytes)).unwrap();
        prop_assert!(numbers.is_sorted());
        let counted: u64 = numbers.iter().map(|entry| u64::from(entry.count)).sum();
        prop_assert_eq!(counted, one.iter().chain(&two).filter(|owned| owned.row.sequence > 0).count() as u64);
    }

    #[test]
    fn any_flipped_bit_is_seen(rows in proptest::collection::vec(made(), 1..30), places in proptest::collection::vec((any::<proptest::sample::Index>(), 0u8..8), 40)) {
        let rows = own(&rows);
        let bytes = write(&[(0, 0, &rows)]);
        for (place, bit) in places {
            let mut bad = bytes.clone();
            bad[place.index(bytes.len())] ^= 1 << bit;
            let seen = open(&bad).and_then(|index| index.verify(&reader(&bad))).is_err();
            prop_assert!(seen, "byte {} bit {bit}", place.index(bytes.len()));
        }
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..400), cut in any::<proptest::sample::Index>()) {
        prop_assert!(open(&noise).is_err());
        let bytes = write(&[(0, 0, &own(&[Made { flags: 0, type_tag: 0, after_ns: 0, counter: Some(1), producer: 0, sequence: 0, key: None, salted: true, text: vec![1; 50] }]))]);
        prop_assert!(open(&bytes[..cut.index(bytes.len())]).is_err());
    }
}

#[test]
fn blocks_end_at_1024_rows_and_made_ids_and_salts_cost_next_to_nothing() {
    let one = |counter: u64| Made {
        flags: 8,
        type_tag: 5,
        after_ns: 1_000_000,
        counter: Some(counter),
        producer: 3,
        sequence: counter + 1,
        key: None,
        salted: true,
        text: b"the same text again and again".to_vec(),
    };
    let rows: Vec<Made> = (0..5000).map(one).collect();
    let rows = own(&rows);
    let bytes = write(&[(0, 0, &rows)]);
    check(&bytes, 0, 0, &rows);
    let index = open(&bytes).unwrap();
    assert_eq!(
        index.blocks(0).iter().map(|block| block.rows).collect::<Vec<_>>(),
        [1024, 1024, 1024, 1024, 904]
    );
    assert_eq!(index.numbers(&reader(&bytes)).unwrap().len(), 1);
    assert!(bytes.len() < 5000 * 3, "{} bytes for 5,000 equal events", bytes.len());
}

#[test]
fn logs_out_of_order_are_refused() {
    let mut writer = Writer::new(Spec { node: [0; 16], blocks: (1, 1), ids: cipher(), level: 1 });
    let rows = own(&[Made {
        flags: 0,
        type_tag: 0,
        after_ns: 0,
        counter: None,
        producer: 0,
        sequence: 0,
        key: None,
        salted: false,
        text: Vec::new(),
    }]);
    assert!(matches!(writer.push(&row(&rows[0]), |_| None), Err(SegmentError::BadRows { .. })));
    writer.begin_log(2, 0).unwrap();
    writer.push(&row(&rows[0]), |_| None).unwrap();
    assert!(matches!(writer.begin_log(2, 1), Err(SegmentError::BadRows { .. })));
}
