//! Tile paths, widths, byte ranges, what is served and what may be denied, and entry bundles.

use crate::flat_log::{FlatLog, counting_leaf};
use indelible_tlog::error::Error;
use indelible_tlog::tile::{Kind, Tile, parse_entries, parse_hashes, push_entry};
use indelible_tlog::tree::MAX_SIZE;
use proptest::prelude::*;

fn tile(path: &str) -> Tile {
    path.parse().unwrap()
}

#[test]
fn paths_have_one_spelling() {
    for (path, kind, number, width) in [
        ("tile/0/000", Kind::Level(0), 0, 256),
        ("tile/0/x001/x234/067", Kind::Level(0), 1_234_067, 256),
        ("tile/0/x001/000", Kind::Level(0), 1000, 256),
        ("tile/63/999.p/255", Kind::Level(63), 999, 255),
        ("tile/1/001.p/17", Kind::Level(1), 1, 17),
        ("tile/entries/x273/000.p/1", Kind::Entries, 273_000, 1),
        ("tile/0/x036/x028/x797/x018/x963/967", Kind::Level(0), MAX_SIZE / 256, 256),
    ] {
        let parsed = tile(path);
        assert_eq!((parsed.kind(), parsed.number(), parsed.width()), (kind, number, width), "{path}");
        assert_eq!(parsed.to_string(), path);
    }
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/256/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/001/234",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/0/x1/234",
        "tile/0/x001/x234/x067",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1/2",
        "tile/0/000.p/+1",
        "tile/data/000",
        "tile/8/0/000",
        "tile/entries",
        "tile/Entries/000",
        "tile/0/..",
        "tile/0/x../000",
        "tile/0/ 00",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/\u{0661}00",
    ] {
        assert!(path.parse::<Tile>().is_err(), "{path:?}");
    }
}

#[test]
fn seventy_thousand_leaves_are_cut_as_published() {
    let paths = |kind| Tile::all(kind, 70_000).map(|tile| tile.to_string()).collect::<Vec<_>>();
    let zero = paths(Kind::Level(0));
    assert_eq!((zero.len(), zero[272].as_str(), zero[273].as_str()), (274, "tile/0/272", "tile/0/273.p/112"));
    assert_eq!(paths(Kind::Level(1)), ["tile/1/000", "tile/1/001.p/17"]);
    assert_eq!(paths(Kind::Level(2)), ["tile/2/000.p/1"]);
    assert!(paths(Kind::Level(3)).is_empty() && paths(Kind::Level(63)).is_empty());
    assert_eq!(paths(Kind::Entries)[273], "tile/entries/273.p/112");
    let full = |kind| Tile::all(kind, 256).map(|tile| tile.to_string()).collect::<Vec<_>>();
    assert_eq!(
        (full(Kind::Level(0)), full(Kind::Level(1))),
        (vec!["tile/0/000".to_owned()], vec!["tile/1/000.p/1".to_owned()])
    );
    assert_eq!(Tile::all(Kind::Entries, 0).count(), 0);
}

#[test]
fn nothing_beyond_the_published_size_is_served() {
    for (path, size) in [
        ("tile/0/000.p/1", 1),
        ("tile/0/000", 256),
        ("tile/0/001.p/44", 300),
        ("tile/1/000.p/1", 256),
        ("tile/1/000", 65_536),
        ("tile/2/000.p/3", 3 * 65_536),
        ("tile/entries/001.p/44", 300),
        ("tile/7/000.p/127", 127 << 56),
    ] {
        assert_eq!(tile(path).check_served(size, 0), Ok(()), "{path} of {size}");
        assert!(tile(path).check_served(size - 1, 0).is_err(), "{path} of {}", size - 1);
        assert_eq!(tile(path).check_served(MAX_SIZE, 0), Ok(()), "a grown log still serves {path}");
    }
    assert!(tile("tile/8/000.p/1").check_served(MAX_SIZE, 0).is_err());
    assert!(tile("tile/63/000.p/1").check_served(u64::MAX, 0).is_err());
}

#[test]
fn only_full_tiles_below_the_minimum_are_denied() {
    for (path, end) in [
        ("tile/0/000", 256),
        ("tile/0/002", 768),
        ("tile/entries/001", 512),
        ("tile/1/000", 65_536),
        ("tile/2/000", 1 << 24),
    ] {
        assert!(tile(path).is_prunable(end), "{path} at {end}");
        assert!(!tile(path).is_prunable(end - 1), "{path} at {}", end - 1);
        let error = tile(path).check_served(MAX_SIZE, end).unwrap_err();
        assert!(error.to_string().contains("pruned"), "{error}");
    }
    assert!(!tile("tile/0/000.p/255").is_prunable(MAX_SIZE));
    assert!(!tile("tile/7/000").is_prunable(u64::MAX));
    assert!(!tile("tile/63/000").is_prunable(u64::MAX));
}

#[test]
fn tiles_are_slices_of_flat_files() {
    assert_eq!(tile("tile/0/003.p/5").byte_range(80), 3 * 8192..3 * 8192 + 160);
    assert_eq!(tile("tile/2/000").byte_range(80), 0..8192);
    assert_eq!(tile("tile/entries/002.p/3").byte_range(80), 2 * 256 * 82..(2 * 256 + 3) * 82);
    assert_eq!(Tile::holding(Kind::Level(0), 300, 301).unwrap().to_string(), "tile/0/001.p/45");
    assert!(Tile::holding(Kind::Level(0), 300, 300).is_err());
    let log = FlatLog::counting(600);
    let file: Vec<u8> = log.levels[0].iter().flat_map(|hash| *hash.as_bytes()).collect();
    let range = tile("tile/0/002.p/88").byte_range(8);
    assert_eq!(
        parse_hashes(&file[range.start as usize..range.end as usize], 88).unwrap(),
        log.levels[0][512..]
    );
}

#[test]
fn bundles_hold_exactly_their_width() {
    let mut bundle = Vec::new();
    let leaves: Vec<[u8; 8]> = (0..3).map(counting_leaf).collect();
    for leaf in &leaves {
        push_entry(&mut bundle, leaf).unwrap();
    }
    push_entry(&mut bundle, b"").unwrap();
    assert_eq!(bundle.len(), 3 * 10 + 2);
    let read = parse_entries(&bundle, 4).unwrap();
    assert_eq!(read, [leaves[0].as_slice(), &leaves[1], &leaves[2], b""]);
    assert!(parse_entries(&bundle, 3).is_err() && parse_entries(&bundle, 5).is_err());
    for cut in [1, 2, 9, 31] {
        assert!(parse_entries(&bundle[..cut], 4).is_err(), "cut at {cut}");
    }
    assert!(matches!(push_entry(&mut bundle, &vec![0; 65_536]), Err(Error::TooLarge { .. })));
    assert_eq!(bundle.len(), 32);
    assert!(parse_hashes(&[0; 63], 2).is_err() && parse_hashes(&[0; 64], 1).is_err());
}

proptest! {
    #[test]
    fn every_tile_survives_its_path(level in 0..=64u8, number in 0..=MAX_SIZE / 256, shift in 0..56u32, width in 1..=256u16) {
        let kind = if level == 64 { Kind::Entries } else { Kind::Level(level) };
        let tile = Tile::new(kind, number >> shift, width).unwrap();
        prop_assert_eq!(tile.to_string().parse::<Tile>(), Ok(tile));
    }

    #[test]
    fn arbitrary_paths_never_panic(
        path in "(tile/)?(entries|[0-9+x]{0,4})/[x0-9/]{0,40}(\\.p/[0-9]{0,5})?", size in any::<u64>(), minimum in any::<u64>(),
        bundle in prop::collection::vec(any::<u8>(), 0..100), width in any::<u16>(),
    ) {
        if let Ok(tile) = path.parse::<Tile>() {
            prop_assert_eq!(tile.to_string(), path);
            prop_assert!(tile.byte_range(80).start < tile.byte_range(80).end || tile.number() > 1 << 48);
            drop(tile.check_served(size, minimum));
        }
        drop((parse_entries(&bundle, width), parse_hashes(&bundle, width)));
    }
}
