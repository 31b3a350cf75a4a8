//! A stream is cut into the same messages however it arrives, none larger than the limit; every message is taken apart
//! without losing a byte of its text.
#![no_main]

use indelible_formats::syslog::Syslog;
use indelible_formats::syslog_frames::{Frame, Frames};
use libfuzzer_sys::fuzz_target;

const MAX: usize = 64;

fn cut(stream: &[u8], piece: usize) -> Vec<Frame> {
    let mut frames = Frames::new(MAX);
    let mut found = Vec::new();
    for piece in stream.chunks(piece) {
        frames.push(piece);
        while let Some(frame) = frames.next_frame() {
            found.push(frame);
        }
    }
    found.extend(frames.end());
    found
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, stream) = input;
    let whole = cut(stream, stream.len().max(1));
    // A line that is too large is noticed when so much has come, a last one without an end is not: compare what is whole.
    let only = |frames: Vec<Frame>| {
        frames.into_iter().filter(|frame| *frame != Frame::TooLarge).collect::<Vec<_>>()
    };
    if stream.last() == Some(&b'\n') {
        assert_eq!(only(cut(stream, usize::from(piece).max(1))), only(whole.clone()));
    }
    for frame in whole {
        if let Frame::Whole(bytes) = frame {
            let read = Syslog::read(&bytes);
            assert!(bytes.ends_with(read.message) || bytes.trim_ascii_end().ends_with(read.message));
            assert!(read.value().as_map().is_some());
        }
    }
});
