//! Policies and the witness protocol: what is accepted, what each answer means, nothing that panics.

use std::fmt::Write as _;

use indelible_tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use indelible_tlog::error::Error;
use indelible_tlog::note::{Note, SignatureLine};
use indelible_tlog::policy::Policy;
use indelible_tlog::tree::{Hash, leaf_hash};
use indelible_tlog::vkey::{Algorithm, SignerKey, VerifierKey};
use indelible_tlog::witness::{AddCheckpoint, Answer, Judgement, MAX_ANSWER, judge, monitor_path};
use proptest::prelude::*;

use crate::vector_file::vector_file;

fn log_key() -> SignerKey {
    SignerKey::new("log.example/o/1", Algorithm::Ed25519, &[0x2a; 32]).unwrap()
}

fn witness_key(number: u8) -> SignerKey {
    SignerKey::new(&format!("witness.example/{number}"), Algorithm::CosignatureV1, &[number; 32]).unwrap()
}

/// A checkpoint of 10 leaves, cosigned by these witnesses at second 1000 + number.
fn cosigned(witnesses: &[u8]) -> Note {
    let checkpoint = Checkpoint::new("log.example/o/1", 10, leaf_hash(b"root")).unwrap();
    let mut note = checkpoint.sign(&log_key()).unwrap();
    for number in witnesses {
        note.push(witness_key(*number).sign_line(note.text(), 1000 + u64::from(*number))).unwrap();
    }
    note
}

fn signed(note: Note) -> SignedCheckpoint {
    SignedCheckpoint::from_note(note, &[log_key().verifier().clone()]).unwrap()
}

/// Five witnesses named W1 to W5, the log, and the given lines.
fn policy(lines: &str) -> String {
    let mut text = format!("# a comment\n \t\nlog {} https://log.example/\n", log_key().verifier());
    for number in 1..=5 {
        writeln!(text, "\twitness  W{number}\t{}", witness_key(number).verifier()).unwrap();
    }
    text + lines
}

#[test]
fn quorums_are_counted() {
    let two_levels = "group A 2 W1 W2 W3\ngroup B any W4 W5\ngroup AB all A B\nquorum AB\n";
    for (lines, witnesses, holds) in [
        ("quorum none\n", &[][..], true),
        ("quorum W3\n", &[3], true),
        ("quorum W3\n", &[1, 2, 4, 5], false),
        (two_levels, &[1, 3, 5], true),
        (two_levels, &[1, 2, 3], false),
        (two_levels, &[1, 4, 5], false),
        (two_levels, &[1, 2, 3, 4, 5], true),
        ("group all 5 W1 W2 W3 W4 W5\nquorum all", &[1, 2, 3, 4, 5], true),
        ("group all all W1 W2 W3 W4 W5\nquorum all", &[1, 2, 3, 4], false),
    ] {
        let policy = Policy::parse(policy(lines).as_bytes()).unwrap();
        let verdict = policy.open(cosigned(witnesses).to_string().as_bytes());
        match verdict {
            Ok(verdict) => {
                assert!(holds, "{lines:?} {witnesses:?}");
                let times: Vec<u64> = verdict.witnesses.iter().map(|(_, time)| *time).collect();
                assert_eq!(
                    times,
                    witnesses.iter().map(|number| 1000 + u64::from(*number)).collect::<Vec<_>>()
                );
            }
            Err(error) => {
                assert!(!holds, "{lines:?} {witnesses:?}");
                assert!(matches!(error, Error::Quorum { size: 10, .. }), "{error}");
            }
        }
    }
}

#[test]
fn one_witness_counts_once_and_a_bad_line_of_it_refuses() {
    let policy = Policy::parse(policy("group A 2 W1 W2\nquorum A\n").as_bytes()).unwrap();
    assert!(matches!(policy.open(cosigned(&[1, 1]).to_string().as_bytes()), Err(Error::Quorum { .. })));
    let mut forged = cosigned(&[1, 2]);
    let line = witness_key(2).sign_line("another text\n", 7);
    forged.push(line).unwrap();
    assert!(matches!(policy.open(forged.to_string().as_bytes()), Err(Error::BadSignature { .. })));
}

#[test]
fn policies_that_break_a_rule_are_refused() {
    let other_name = SignerKey::new("other.example", Algorithm::CosignatureV1, &[1; 32]).unwrap();
    let log_again = SignerKey::new("other.example", Algorithm::Ed25519, &[0x2a; 32]).unwrap();
    for (lines, rule) in [
        (String::new(), "quorum line is missing"),
        ("quorum W9\n".to_owned(), "line 9: W9 is not defined above"),
        ("quorum none\nquorum none\n".to_owned(), "second quorum"),
        ("quorum A\ngroup A any W1\n".to_owned(), "not defined above"),
        ("group A any W1 A\nquorum A\n".to_owned(), "not defined above"),
        ("group A any none\nquorum A\n".to_owned(), "not defined above"),
        ("group A any W1 W1\nquorum A\n".to_owned(), "member of a group already"),
        ("group A any W1\ngroup B any W1\nquorum A\n".to_owned(), "member of a group already"),
        ("group A any\nquorum A\n".to_owned(), "as many members"),
        ("group A 0 W1\nquorum A\n".to_owned(), "as many members"),
        ("group A 3 W1 W2\nquorum A\n".to_owned(), "as many members"),
        ("group A +1 W1 W2\nquorum A\n".to_owned(), "decimal"),
        ("group W1 any W2\nquorum W1\n".to_owned(), "name W1 is taken"),
        ("group none any W2\nquorum none\n".to_owned(), "name none is taken"),
        ("unknown line\nquorum none\n".to_owned(), "expected log, witness"),
        ("quorum none # comment\n".to_owned(), "expected log, witness"),
        ("quorum none\r\n".to_owned(), "control characters"),
        (format!("witness X {}\nquorum none\n", log_key().verifier()), "type 0x04"),
        (format!("log {}\nquorum none\n", witness_key(9).verifier()), "type 0x01"),
        (format!("witness X {}\nquorum none\n", other_name.verifier()), "listed as a witness already"),
        (format!("log {}\nquorum none\n", log_again.verifier()), "listed as a log already"),
        ("log nonsense\nquorum none\n".to_owned(), "line 9: vkey"),
    ] {
        let error = Policy::parse(policy(&lines).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(rule), "{lines:?}: {error}");
    }
}

#[test]
fn names_are_bytes_and_keys_of_one_log_may_differ() {
    let rotated = SignerKey::new("log.example/o/1", Algorithm::Ed25519, &[0x2b; 32]).unwrap();
    let mut text = policy(&format!("log {}\ngroup ", rotated.verifier())).into_bytes();
    text.extend_from_slice(b"\xe2\x84\xaa\xff any W1\nquorum \xe2\x84\xaa\xff\n");
    let parsed = Policy::parse(&text).unwrap();
    assert_eq!((parsed.logs().len(), parsed.witnesses().len()), (2, 5));
    assert_eq!(parsed.logs()[0].url.as_deref(), Some(b"https://log.example/".as_slice()));
    assert!(parsed.open(cosigned(&[1]).to_string().as_bytes()).is_ok());
}

#[test]
fn at_least_32_logs_witnesses_and_groups_are_read() {
    let mut text = String::new();
    for number in 0..=99u8 {
        let log = SignerKey::new("l.example", Algorithm::Ed25519, &[number; 32]).unwrap();
        let witness = witness_key(number);
        writeln!(text, "log {}\nwitness W{number} {}", log.verifier(), witness.verifier()).unwrap();
        writeln!(text, "group G{number} any W{number}").unwrap();
    }
    assert_eq!(Policy::parse((text + "quorum G99\n").as_bytes()).unwrap().witnesses().len(), 100);
    assert!(matches!(Policy::parse(&vec![b'\n'; 1 << 21]), Err(Error::TooLarge { .. })));
}

#[test]
fn requests_are_made_byte_for_byte() {
    let hash = leaf_hash(b"beside");
    let request = AddCheckpoint { old: 4, proof: vec![hash, hash], note: cosigned(&[]) };
    let body = request.encode().unwrap();
    assert_eq!(body, format!("old 4\n{hash}\n{hash}\n\n{}", cosigned(&[])));
    assert_eq!(AddCheckpoint::parse(body.as_bytes()), Ok(request.clone()));
    let first = AddCheckpoint { old: 0, proof: Vec::new(), ..request.clone() };
    assert_eq!(first.encode().unwrap(), format!("old 0\n\n{}", cosigned(&[])));
    for (old, proof) in [(0, 1), (10, 1), (11, 0), (4, 64)] {
        let wrong = AddCheckpoint { old, proof: vec![hash; proof], ..request.clone() };
        assert!(wrong.encode().is_err(), "old {old} with {proof} hashes");
    }
    for body in ["", "old 4", "old 4\n", "old 04\n\n", "new 4\n\n", "old 4\n\n"] {
        assert!(AddCheckpoint::parse(body.as_bytes()).is_err(), "{body:?}");
    }
}

#[test]
fn the_monitor_path_is_the_hash_of_the_origin() {
    let path = monitor_path("");
    assert_eq!(path, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/checkpoint");
}

fn judged(status: u16, content_type: &str, body: &str) -> Judgement {
    let answer = Answer { status, content_type, body: body.as_bytes() };
    judge(&answer, &signed(cosigned(&[])), 20, witness_key(1).verifier(), 1001)
}

#[test]
fn every_answer_has_a_meaning() {
    let line = witness_key(1).sign_line(cosigned(&[]).text(), 1301);
    let other = SignatureLine::grease(&[3; 68]);
    let accepted = judged(200, "", &format!("{other}\n{line}\n"));
    assert_eq!(accepted, Judgement::Cosigned { line: line.clone(), time: 1301 });
    let ahead = witness_key(1).sign_line(cosigned(&[]).text(), 1302);
    let elsewhere = witness_key(1).sign_line("other text\n", 1000);
    for body in [
        String::new(),
        format!("{line}"),
        format!("{other}\n"),
        format!("{ahead}\n"),
        format!("{elsewhere}\n"),
    ] {
        assert!(matches!(judged(200, "", &body), Judgement::Nonsense(_)), "{body}");
    }
    let many = format!("{line}\n").repeat(17);
    assert!(matches!(judged(200, "", &many), Judgement::Nonsense(Error::TooLarge { .. })));
    let size = "text/x.tlog.size";
    assert_eq!(judged(409, size, "20\n"), Judgement::ProveFrom(20));
    assert_eq!(judged(409, "Text/X.tlog.size; charset=utf-8", "0\n"), Judgement::ProveFrom(0));
    assert_eq!(judged(409, size, "21\n"), Judgement::LostData { theirs: 21 });
    for (kind, body) in [
        (size, "20"),
        (size, "020\n"),
        (size, "-1\n"),
        (size, "9223372036854775808\n"),
        ("text/plain", "20\n"),
    ] {
        assert!(matches!(judged(409, kind, body), Judgement::Nonsense(_)), "{kind} {body:?}");
    }
    assert_eq!(judged(422, "", ""), Judgement::Fork);
    for status in [400, 403, 404] {
        assert_eq!(judged(status, "", ""), Judgement::Configuration);
    }
    for status in [429, 500, 503, 599] {
        assert_eq!(judged(status, "", ""), Judgement::TryLater);
    }
    for status in [0, 201, 204, 302, 418, 600] {
        assert!(matches!(judged(status, "", ""), Judgement::Nonsense(_)), "{status}");
    }
    assert!(matches!(judged(422, "", &"x".repeat(MAX_ANSWER + 1)), Judgement::Nonsense(_)));
}

/// Recorded from aics-witness 0.1.0, which was sent the requests of `tests/vectors/tlog.json`.
#[test]
fn a_foreign_witness_is_understood() {
    let vkey = "w.example/1+3a150fd4+BEswBGk518OhjRBtg45bYCp3Y6qWi9kaLBjVES+eJNSs";
    let answers = [
        "\u{2014} w.example/1 OhUP1AAAAABrAlOmpplX0fbjOnnxzJEQH8y1Wbsdd9HN7h3ZZrhpS7j8a8cG1YrXpfrFGt8DiSNrOfnXfS/KfK9G1NMGCgUG4haNCA==\n",
        "\u{2014} w.example/1 OhUP1AAAAABrAlOmsXlrVDshuk/SiYzalv3eg/wi+P73NO276iqJiIuanTTFGZTT9f92liRxp/1y84BjCNyhKHQMnFuM8JqsIgx+AA==\n",
    ];
    let requests = vector_file()["requests"].clone();
    for (answer, request) in answers.iter().zip([&requests[0], &requests[2]]) {
        let sent = AddCheckpoint::parse(request["body"].as_str().unwrap().as_bytes()).unwrap();
        let answer =
            Answer { status: 200, content_type: "text/plain; charset=utf-8", body: answer.as_bytes() };
        let judgement = judge(&answer, &signed(sent.note), 2000, &vkey.parse().unwrap(), 1_795_314_600);
        assert!(matches!(judgement, Judgement::Cosigned { time: 1_795_314_598, .. }), "{judgement:?}");
    }
    assert_eq!(judged(409, "text/x.tlog.size", "257\n"), Judgement::LostData { theirs: 257 });
}

#[test]
fn a_log_key_is_no_witness() {
    let line = log_key().sign_line(cosigned(&[]).text(), 0);
    let body = format!("{line}\n");
    let answer = Answer { status: 200, content_type: "", body: body.as_bytes() };
    let judgement = judge(&answer, &signed(cosigned(&[])), 20, log_key().verifier(), 1001);
    assert!(matches!(judgement, Judgement::Nonsense(_)));
}

proptest! {
    #[test]
    fn arbitrary_policies_and_answers_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        words in prop::collection::vec("(log|witness|group|quorum|none|any|all|[0-9]{1,20}|W[0-9]|\t|\n|#|[ -~]{0,9})", 0..60),
        status in any::<u16>(), newest in any::<u64>(), now in any::<u64>(),
    ) {
        let words = words.join(" ");
        let names: Vec<VerifierKey> = vec![witness_key(1).verifier().clone()];
        for body in [bytes.as_slice(), words.as_bytes(), policy(&words).as_bytes()] {
            drop((Policy::parse(body), AddCheckpoint::parse(body)));
            for status in [status, 200, 409] {
                let answer = Answer { status, content_type: "text/x.tlog.size", body };
                judge(&answer, &signed(cosigned(&[])), newest, &names[0], now);
            }
        }
    }

    #[test]
    fn requests_survive_a_round_trip(old in 1..10u64, proof in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash::new), 0..63)) {
        let request = AddCheckpoint { old, proof, note: cosigned(&[1, 2]) };
        prop_assert_eq!(AddCheckpoint::parse(request.encode().unwrap().as_bytes()), Ok(request));
    }
}
