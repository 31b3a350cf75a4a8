//! Whatever a file holds, reading it as a segment ends with rows or an error: no panic, no memory without bound. Checksums
//! do not count here (`cfg(fuzzing)`), or no input would get past the first of them.
#![no_main]

use std::io;

use indelible_segment::read::Index;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let read = |at: u64, buf: &mut [u8]| -> io::Result<()> {
        let at = usize::try_from(at).map_err(io::Error::other)?;
        let end = at.checked_add(buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(file.get(at..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    };
    let Ok(index) = Index::read(file.len() as u64, &read) else { return };
    for log in index.logs() {
        for entry in index.blocks(log.log) {
            if let Ok(block) = index.decode(entry, &read) {
                assert_eq!(block.rows().count(), entry.rows as usize);
            }
            let Ok(block) = index.open(entry, &read) else { continue };
            for column in index.columns(&read).unwrap_or_default() {
                let number = column.number;
                let _ = block.entries(&index, number, &read, &mut |_, _| {});
                let _ = block.values(&index, number, (&mut |_| true, &read), &mut |_, _| {});
            }
        }
    }
    for column in index.columns(&read).unwrap_or_default() {
        let _ = index.each_entry(&column, &read, &mut |_, _| {});
        let _ = index.each_piece(&column, &read, &mut |_, _| {});
        let _ = index.occurs(column.number, 0, &read);
        let _ = index.context_entries(column.number, &read, &mut |_, _| {});
        let _ = index.context_values(column.number, &read, &mut |_, _| {});
    }
    let _ = (index.keys(&read), index.numbers(&read), index.verify(&read), index.sizes(&read));
    let _ = (index.type_counts(&read), index.context_counts(&read), index.event_types(&read).map(<[_]>::len));
});
