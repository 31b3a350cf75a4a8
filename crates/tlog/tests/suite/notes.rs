//! Keys, notes, checkpoints, cosignatures and proof files: the worked example byte for byte, the
//! rules one by one, and nothing that panics.

use indelible_tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use indelible_tlog::error::Error;
use indelible_tlog::note::{GREASE_NAME, MAX_LINES, MAX_NOTE, Note, SignatureLine};
use indelible_tlog::proof_file::{MAX_EXTRA, ProofFile};
use indelible_tlog::tree::{Hash, leaf_hash};
use indelible_tlog::vkey::{Algorithm, SignerKey, VerifierKey};
use proptest::prelude::*;

const LOG_VKEY: &str = "log.example/o/1+be0ddd38+ARl/ayPhbIUyxqvIOPrNXqeJvgx2spIDNAOb+os9No1h";
const WITNESS_VKEY: &str = "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const NOTE: &str = "\
log.example/o/1
1
tmw7UBvcGgn0mqLjR0Tu0bNyZgHV7djt2mYBNKTAvcI=

\u{2014} log.example/o/1 vg3dOBCECMnksikMXnJyrJaYhZz90oY6a6bBX+3cNR4hABxNGjgetKMLuFdbLlT2/0kZxJVSmU+GyjAqwOxuZI1mqA8=
\u{2014} witness.example/w1 qkoJ0QAAAABlU/ECTNCAeKtEgOAoCBE+DiCqoI5NnxeWvhGTEpdtlJLIoQfUS8eILV6seNKV1lgpEixcs1yTnP0dPiNskEODrPEVCw==
";
const LEAF: &str = "01000000bdfeb1a117979cfe71c4ca0000112233445576778899aabbccddeeff\
    0000000000000007000000000000002a9170e811693921409de3d97284665cbe3d83eb7e57de675ed858be5cb50337d4";

fn log_key() -> SignerKey {
    SignerKey::new("log.example/o/1", Algorithm::Ed25519, &[0x2a; 32]).unwrap()
}

fn witness_key() -> SignerKey {
    SignerKey::new("witness.example/w1", Algorithm::CosignatureV1, &[0x07; 32]).unwrap()
}

fn example_leaf() -> Vec<u8> {
    (0..LEAF.len()).step_by(2).map(|at| u8::from_str_radix(&LEAF[at..at + 2], 16).unwrap()).collect()
}

fn keys(vkeys: &[&str]) -> Vec<VerifierKey> {
    vkeys.iter().map(|vkey| vkey.parse().unwrap()).collect()
}

#[test]
fn the_worked_example_is_made_byte_for_byte() {
    assert_eq!(log_key().verifier().to_string(), LOG_VKEY);
    assert_eq!(witness_key().verifier().to_string(), WITNESS_VKEY);
    let checkpoint = Checkpoint::new("log.example/o/1", 1, leaf_hash(&example_leaf())).unwrap();
    let mut note = checkpoint.sign(&log_key()).unwrap();
    note.push(witness_key().sign_line(note.text(), 1_700_000_002)).unwrap();
    assert_eq!(note.to_string(), NOTE);
}

#[test]
fn the_worked_example_is_read_back() {
    let signed = SignedCheckpoint::open(NOTE.as_bytes(), &keys(&[LOG_VKEY])).unwrap();
    assert_eq!(signed.checkpoint.origin(), "log.example/o/1");
    assert_eq!((signed.checkpoint.size(), signed.checkpoint.root()), (1, leaf_hash(&example_leaf())));
    assert_eq!(signed.note.to_string(), NOTE);
    let witnesses = keys(&[WITNESS_VKEY]);
    let cosigned = signed.cosigned_by(&witnesses).unwrap();
    assert_eq!(cosigned.iter().map(|line| line.time).collect::<Vec<_>>(), [Some(1_700_000_002)]);
}

#[test]
fn every_changed_byte_of_a_note_is_noticed() {
    let (log, witnesses) = (keys(&[LOG_VKEY]), keys(&[WITNESS_VKEY]));
    for at in 0..NOTE.len() {
        let mut bytes = NOTE.as_bytes().to_vec();
        bytes[at] ^= 0x01;
        let opened = SignedCheckpoint::open(&bytes, &log);
        let both = opened.and_then(|signed| signed.cosigned_by(&witnesses).map(|lines| lines.len()));
        assert_ne!(both, Ok(1), "byte {at}");
    }
}

#[test]
fn a_known_key_with_a_bad_signature_refuses_the_whole_note() {
    let swapped = NOTE.replace("ABxNGjge", "ABxNGjgf");
    let error = SignedCheckpoint::open(swapped.as_bytes(), &keys(&[LOG_VKEY])).unwrap_err();
    assert_eq!(error, Error::BadSignature { name: "log.example/o/1".to_owned() });
    let both = keys(&[LOG_VKEY, WITNESS_VKEY]);
    let other_time = NOTE.replace("qkoJ0QAAAABl", "qkoJ0QAAAABm");
    assert!(matches!(SignedCheckpoint::open(other_time.as_bytes(), &both), Err(Error::BadSignature { .. })));
    assert!(SignedCheckpoint::open(other_time.as_bytes(), &keys(&[LOG_VKEY])).is_ok());
}

#[test]
fn only_the_log_itself_can_sign_its_checkpoint() {
    assert_eq!(SignedCheckpoint::open(NOTE.as_bytes(), &[]), Err(Error::Unsigned));
    assert_eq!(SignedCheckpoint::open(NOTE.as_bytes(), &keys(&[WITNESS_VKEY])), Err(Error::Unsigned));
    let other = SignerKey::new("log.example/o/2", Algorithm::Ed25519, &[0x2a; 32]).unwrap();
    let checkpoint = Checkpoint::new("log.example/o/1", 1, leaf_hash(b"")).unwrap();
    assert!(checkpoint.sign(&other).is_err());
    let note = Note::new(checkpoint.text(), vec![other.sign_line(&checkpoint.text(), 0)]).unwrap();
    let opened = SignedCheckpoint::open(note.to_string().as_bytes(), &[other.verifier().clone()]);
    assert_eq!(opened, Err(Error::Unsigned));
}

#[test]
fn lines_of_unknown_keys_are_ignored() {
    let mut note = Note::parse(NOTE.as_bytes()).unwrap();
    note.push(SignatureLine::grease(&[0xa5; 68])).unwrap();
    assert!(note.to_string().lines().last().unwrap().contains(GREASE_NAME));
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read, note);
    assert_eq!(read.verify(&keys(&[LOG_VKEY, WITNESS_VKEY])).unwrap().len(), 2);
}

#[test]
fn the_text_ends_at_the_last_empty_line() {
    let key = SignerKey::new("k", Algorithm::Ed25519, &[1; 32]).unwrap();
    let text = "first\n\n\u{2014} k AAAAAAAA\n\nlast\n";
    let note = Note::new(text.to_owned(), vec![key.sign_line(text, 0)]).unwrap();
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read.text(), text);
    assert_eq!(read.verify(&[key.verifier().clone()]).unwrap().len(), 1);
}

#[test]
fn notes_that_break_a_rule_are_refused() {
    let line = NOTE.lines().nth(4).unwrap();
    for (bytes, rule) in [
        (String::new(), "empty line"),
        ("text\n\n".to_owned(), "no signature"),
        (format!("text\n{line}\n"), "no empty line"),
        (format!("text\n\n{line}"), "cut off"),
        (format!("te\txt\n\n{line}\n"), "control characters"),
        (format!("te\rxt\n\n{line}\n"), "control characters"),
        (format!("text\n\n{line}\nmore\n"), "U+2014"),
        (format!("text\n\n-{line}\n"), "U+2014"),
        ("text\n\n\u{2014} name\n".to_owned(), "a space"),
        ("text\n\n\u{2014}  AAAAAAA=\n".to_owned(), "a name is not empty"),
        ("text\n\n\u{2014} a+b AAAAAAA=\n".to_owned(), "plus signs"),
        ("text\n\n\u{2014} a\u{2003}b AAAAAAA=\n".to_owned(), "spaces"),
        ("text\n\n\u{2014} a AAAAAAA\n".to_owned(), "base64"),
        ("text\n\n\u{2014} a AAAAAAB=\n".to_owned(), "base64"),
        ("text\n\n\u{2014} a AAAA AAA=\n".to_owned(), "base64"),
        ("text\n\n\u{2014} a AAAA\n".to_owned(), "key id"),
        ("text\n\n\u{2014} a AAAAAA==\n".to_owned(), "nothing follows"),
    ] {
        let error = Note::parse(bytes.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(rule), "{bytes:?}: {error}");
    }
    assert!(Note::parse(b"te\xffxt\n\n").is_err());
}

#[test]
fn notes_end_at_64_lines_and_128_kib() {
    let line = SignatureLine::grease(&[7; 68]);
    let mut note = Note::new("text\n".to_owned(), vec![line.clone(); MAX_LINES]).unwrap();
    assert!(Note::parse(note.to_string().as_bytes()).is_ok());
    assert!(matches!(note.push(line.clone()), Err(Error::TooLarge { .. })));
    assert_eq!(note.lines().len(), MAX_LINES);
    let too_many = format!("{note}{line}\n");
    assert!(matches!(Note::parse(too_many.as_bytes()), Err(Error::TooLarge { limit: MAX_LINES, .. })));
    let long = format!("{}\n\n{line}\n", "x".repeat(MAX_NOTE));
    assert!(matches!(Note::parse(long.as_bytes()), Err(Error::TooLarge { limit: MAX_NOTE, .. })));
    assert!(Note::new("x".repeat(MAX_NOTE) + "\n", vec![line]).is_err());
}

#[test]
fn vkeys_are_recomputed_when_read() {
    for vkey in [LOG_VKEY, WITNESS_VKEY] {
        assert_eq!(vkey.parse::<VerifierKey>().unwrap().to_string(), vkey);
    }
    for (vkey, rule) in [
        (LOG_VKEY.replace("be0ddd38", "be0ddd39"), "have the id be0ddd38"),
        (LOG_VKEY.replace("be0ddd38", "BE0DDD38"), "have the id"),
        (LOG_VKEY.replace("o/1", "o/2"), "have the id"),
        (LOG_VKEY.replace("o/1", "o /1"), "spaces"),
        (LOG_VKEY.replace("+ARl", "+Bhl"), "type 0x06 is not supported"),
        (LOG_VKEY.replace('=', ""), ""),
        (LOG_VKEY[..LOG_VKEY.len() - 4].to_owned(), "32 bytes"),
        ("name+00000000+".to_owned(), "missing"),
        ("name+00000000".to_owned(), "expected"),
        (format!("{}+00000000+AQ==", "n".repeat(5000)), "limit"),
        // The neutral element: a key for which one signature fits many texts.
        ("name+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(), "full order"),
    ] {
        match vkey.parse::<VerifierKey>() {
            Ok(key) => assert_eq!(key.to_string(), LOG_VKEY, "only the untouched one passes"),
            Err(error) => assert!(error.to_string().contains(rule), "{vkey}: {error}"),
        }
    }
    assert!(!format!("{:?}", log_key()).contains("2a2a") && !format!("{:?}", log_key()).contains("42, 42"));
}

#[test]
fn checkpoints_have_one_spelling() {
    let root = "tmw7UBvcGgn0mqLjR0Tu0bNyZgHV7djt2mYBNKTAvcI=";
    let good = format!("log.example\n12\n{root}\nextension one\ntwo\n");
    let parsed = Checkpoint::parse(&good).unwrap();
    assert_eq!(parsed.extensions(), ["extension one", "two"]);
    assert_eq!(parsed.text(), good);
    for bad in [
        String::new(),
        "log.example\n12\n".to_owned(),
        format!("\n12\n{root}\n"),
        format!("log.example\n012\n{root}\n"),
        format!("log.example\n+12\n{root}\n"),
        format!("log.example\n-1\n{root}\n"),
        format!("log.example\n9223372036854775808\n{root}\n"),
        format!("log.example\n0\n{root}\n"),
        format!("log.example\n12\n{root}"),
        format!("log.example\n12\n{}\n", &root[..43]),
        format!("log.example\n12\n{}\n", root.replace("cI=", "cJ=")),
        format!("log.example\n12\n{root}\n\n"),
        format!("log.example\n12\n{root}\nextension"),
    ] {
        assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
    }
    let empty = format!("log.example\n0\n{}\n", Hash::EMPTY_ROOT);
    assert_eq!(Checkpoint::parse(&empty).unwrap().size(), 0);
}

#[test]
fn a_proof_file_proves_the_example() {
    for extra in [None, Some(b"ixd1 and more".to_vec())] {
        let file =
            ProofFile { extra, index: 0, path: Vec::new(), note: Note::parse(NOTE.as_bytes()).unwrap() };
        let text = file.to_string();
        assert!(text.ends_with(&format!("index 0\n\n{NOTE}")));
        let read = ProofFile::parse(text.as_bytes()).unwrap();
        assert_eq!(read, file);
        let log = keys(&[LOG_VKEY]);
        assert_eq!(read.verify(leaf_hash(&example_leaf()), &log).unwrap().checkpoint.size(), 1);
        assert!(matches!(read.verify(leaf_hash(b"other"), &log), Err(Error::Proof { .. })));
        assert_eq!(read.verify(leaf_hash(&example_leaf()), &[]), Err(Error::Unsigned));
    }
}

#[test]
fn proof_files_that_break_a_rule_are_refused() {
    let hash = Hash::EMPTY_ROOT;
    for (text, rule) in [
        (String::new(), "cut off"),
        (format!("c2sp.org/tlog-proof@v2\nindex 0\n\n{NOTE}"), "first line"),
        (format!("c2sp.org/tlog-proof@v1\n\n{NOTE}"), "index line"),
        (format!("c2sp.org/tlog-proof@v1\nindex 01\n\n{NOTE}"), "leading zeros"),
        (format!("c2sp.org/tlog-proof@v1\nextra AA\nindex 0\n\n{NOTE}"), "base64"),
        (format!("c2sp.org/tlog-proof@v1\nindex 0\nextra AA==\n\n{NOTE}"), "base64"),
        (
            format!("c2sp.org/tlog-proof@v1\nindex 0\n{}\n{NOTE}", format!("{hash}\n").repeat(64)),
            "limit of 63",
        ),
        (format!("c2sp.org/tlog-proof@v1\nindex 0\n{hash}\n"), "cut off"),
        (format!("c2sp.org/tlog-proof@v1\nextra {}\nindex 0\n\n", "A".repeat(MAX_EXTRA * 2)), "limit"),
    ] {
        let error = ProofFile::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(rule), "{:?}: {error}", text.get(..80));
    }
}

/// Bytes that are mostly right: the example with some bytes replaced, cut or doubled.
fn damaged(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let places = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6);
    places.prop_map(move |places| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, value, action) in places {
            let at = at.index(bytes.len());
            match action {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                _ => bytes.truncate(at + 1),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_notes_never_panic_and_never_verify_changed(bytes in damaged(NOTE)) {
        if let Ok(signed) = SignedCheckpoint::open(&bytes, &keys(&[LOG_VKEY])) {
            prop_assert!(NOTE.starts_with(signed.note.text()));
            prop_assert_eq!(signed.note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,120}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            drop((Note::parse(bytes), ProofFile::parse(bytes)));
        }
        drop((Checkpoint::parse(&text), text.parse::<VerifierKey>(), text.parse::<Hash>()));
        drop(SignatureLine::parse(&text));
    }

    #[test]
    fn damaged_vkeys_never_panic_and_have_one_spelling(bytes in damaged(WITNESS_VKEY)) {
        if let Ok(key) = String::from_utf8_lossy(&bytes).parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn signed_texts_verify_and_altered_ones_do_not(
        seed in any::<[u8; 32]>(), time in any::<u64>(), size in 1..u64::MAX / 2, at in any::<prop::sample::Index>(),
    ) {
        let checkpoint = Checkpoint::new("a.example/log/1", size, leaf_hash(&seed)).unwrap();
        let key = SignerKey::new("a.example/log/1", Algorithm::Ed25519, &seed).unwrap();
        let witness = SignerKey::new("w.example", Algorithm::CosignatureV1, &seed).unwrap();
        let mut note = checkpoint.sign(&key).unwrap();
        note.push(witness.sign_line(note.text(), time)).unwrap();
        let both = [key.verifier().clone(), witness.verifier().clone()];
        let times: Vec<_> = note.verify(&both).unwrap().iter().map(|line| line.time).collect();
        prop_assert_eq!(times, [None, Some(time)]);
        let mut text = note.text().to_owned().into_bytes();
        let at = at.index(text.len() - 1);
        text[at] = if text[at] == b'x' { b'y' } else { b'x' };
        let altered = Note::new(String::from_utf8(text).unwrap(), note.lines().to_vec()).unwrap();
        let refused = matches!(altered.verify(&both), Err(Error::BadSignature { .. }));
        prop_assert!(refused);
    }
}
