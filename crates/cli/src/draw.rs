//! Numbers as bars of a terminal: as wide as it is, in colour only where colours are wanted (`NO_COLOR`, `TERM`, pipes).
//!
//! Draws for people only; programs get the numbers themselves. Text from events is escaped by whoever passes it in.

use std::io::{self, Write};

/// Width when nobody says otherwise: that of a pipe, and of an old terminal.
const DEFAULT_WIDTH: usize = 80;
/// Narrowest and widest that is drawn for: below, labels alone fill the line; above, an eye loses it.
const WIDTHS: (usize, usize) = (40, 200);
/// Longest label; longer ones are shortened, the whole is in the other forms of output.
const MAX_LABEL: usize = 48;
/// Eighths of a cell, the whole one last.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
/// Parts of a bar: shades that differ without colour, and the colours that they have with it.
const PARTS: [(char, &str); 6] = [
    ('█', "\u{1b}[32m"),
    ('▓', "\u{1b}[31m"),
    ('▒', "\u{1b}[33m"),
    ('░', "\u{1b}[34m"),
    ('▚', "\u{1b}[35m"),
    ('·', "\u{1b}[90m"),
];
const PLAIN: &str = "\u{1b}[0m";
const BAR: &str = "\u{1b}[36m";

/// One line: what it is about, and how many.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) count: u64,
    /// Counts that the bar is divided into; empty for one that is not.
    pub(crate) parts: Vec<u64>,
}

/// Writes lines with their numbers and bars; the longest bar fills the line.
pub(crate) fn bars(lines: &[Line]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(drawn(lines, width()).as_bytes())?;
    out.flush()
}

/// Writes a heading.
pub(crate) fn heading(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(format!("\n\u{1b}[1m{text}{PLAIN}\n").as_bytes())?;
    out.flush()
}

/// Writes which part of a bar stands for what.
pub(crate) fn legend(names: &[String]) -> io::Result<()> {
    let shown = names.iter().enumerate().map(|(at, name)| {
        let (shade, colour) = part(at);
        format!("{colour}{shade}{PLAIN} {name}")
    });
    let mut out = anstream::stdout().lock();
    out.write_all(format!("{}\n", shown.collect::<Vec<_>>().join("  ")).as_bytes())?;
    out.flush()
}

/// The whole of a line of time.
pub(crate) const WHOLE: u32 = 100_000;

/// Something that begins and ends, as parts of [`WHOLE`].
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// No end was seen.
    pub(crate) open: bool,
    pub(crate) label: String,
}

/// Writes a lane of a timeline: a line for each stretch, and one for all moments.
pub(crate) fn lane(title: &str, stretches: &[Stretch], moments: &[u32]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(lane_drawn(title, stretches, moments, width()).as_bytes())?;
    out.flush()
}

fn lane_drawn(title: &str, stretches: &[Stretch], moments: &[u32], width: usize) -> String {
    let room = width / 2;
    let cell = |at: u32| scaled(u64::from(at), u64::from(WHOLE), room - 1);
    let mut out = format!("{title}\n");
    for stretch in stretches {
        let (from, to) = (cell(stretch.from), cell(stretch.to));
        let end = if stretch.open { '▶' } else { '┤' };
        let bar =
            if to > from { format!("├{}{end}", "─".repeat(to - from - 1)) } else { "┃".to_owned() };
        let after = room - from - bar.chars().count();
        let (before, after) = (" ".repeat(from), " ".repeat(after));
        out.extend(["  ", &before, BAR, &bar, PLAIN, &after, "  ", &shortened(&stretch.label), "\n"]);
    }
    if !moments.is_empty() {
        let mut cells = vec![' '; room];
        for at in moments {
            if let Some(cell) = cells.get_mut(cell(*at)) {
                *cell = if *cell == ' ' { '•' } else { '●' };
            }
        }
        let moments = thousands(moments.len() as u64);
        let cells: String = cells.into_iter().collect();
        out.extend(["  ", BAR, &cells, PLAIN, "  ", &moments, " at a moment\n"]);
    }
    out
}

/// A number with its thousands apart.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Columns of the terminal.
fn width() -> usize {
    let said = || std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let width = comfy_table::Table::new().width().map(usize::from).or_else(said).unwrap_or(DEFAULT_WIDTH);
    width.clamp(WIDTHS.0, WIDTHS.1)
}

fn drawn(lines: &[Line], width: usize) -> String {
    let labels: Vec<String> = lines.iter().map(|line| shortened(&line.label)).collect();
    let counts: Vec<String> = lines.iter().map(|line| thousands(line.count)).collect();
    let longest = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let (label_width, count_width) = (longest(&labels), longest(&counts));
    let room = width.saturating_sub(label_width + count_width + 4).max(1);
    let most = lines.iter().map(|line| line.count.max(line.parts.iter().sum())).max().unwrap_or(0);
    let mut out = String::new();
    for ((line, label), count) in lines.iter().zip(&labels).zip(&counts) {
        let bar = if line.parts.is_empty() {
            one(line.count, most, room)
        } else {
            divided(&line.parts, most, room)
        };
        out.push_str(format!("{label:label_width$}  {count:>count_width$}  {bar}").trim_end());
        out.push('\n');
    }
    out
}

/// A bar in eighths of a cell; what is not nothing is seen.
fn one(count: u64, most: u64, room: usize) -> String {
    let eighths = scaled(count, most, room * 8).max(usize::from(count > 0));
    if eighths == 0 {
        return String::new();
    }
    let rest = (eighths % 8).checked_sub(1).and_then(|rest| EIGHTHS.get(rest));
    let bar: String = std::iter::repeat_n('█', eighths / 8).chain(rest.copied()).collect();
    format!("{BAR}{bar}{PLAIN}")
}

/// A bar of whole cells, each part where the sum so far puts it.
fn divided(parts: &[u64], most: u64, room: usize) -> String {
    let (mut sum, mut drawn, mut out) = (0, 0, String::new());
    for (at, count) in parts.iter().enumerate() {
        sum += count;
        let end = scaled(sum, most, room).max(drawn + usize::from(*count > 0)).min(room);
        let (shade, colour) = part(at);
        if end > drawn {
            out.extend([colour, &shade.to_string().repeat(end - drawn), PLAIN]);
        }
        drawn = drawn.max(end);
    }
    out
}

fn part(at: usize) -> (char, &'static str) {
    PARTS.get(at).or(PARTS.last()).copied().unwrap_or(('█', BAR))
}

fn scaled(count: u64, most: u64, room: usize) -> usize {
    let cells = u128::from(count) * room as u128 / u128::from(most.max(1));
    usize::try_from(cells).unwrap_or(room).min(room)
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= MAX_LABEL {
        return label.to_owned();
    }
    label.chars().take(MAX_LABEL - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_longest_bar_fills_the_line_and_no_count_is_invisible() {
        let line = |label: &str, count| Line { label: label.into(), count, parts: Vec::new() };
        let text =
            plain(&drawn(&[line("ann", 12_345), line("bob", 6_000), line("é", 1), line("none", 0)], 60));
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0].chars().count(), 60, "{text}");
        assert!(rows[0].starts_with("ann   12 345  █") && rows[1].starts_with("bob    6 000  █"), "{text}");
        assert!(rows[2].ends_with('▏') && rows[3].ends_with('0'), "{text}");
    }

    #[test]
    fn parts_stand_side_by_side_within_the_line() {
        let line = |parts: Vec<u64>| Line { label: "d".into(), count: parts.iter().sum(), parts };
        let text = plain(&drawn(&[line(vec![50, 50]), line(vec![10, 1, 0])], 48));
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0].matches('█').count(), rows[0].matches('▓').count(), "{text}");
        assert_eq!(rows[0].chars().count(), 48, "{text}");
        assert!(rows[1].contains("█▓"), "{text}");
    }

    #[test]
    fn stretches_and_moments_stay_within_their_half_of_the_line() {
        let stretch = |from, to, open| Stretch { from, to, open, label: "chat, 5 min".into() };
        let all = [stretch(0, WHOLE, false), stretch(50_000, WHOLE, true), stretch(WHOLE, WHOLE, false)];
        let text = plain(&lane_drawn("DEVICE", &all, &[0, 1, WHOLE], 60));
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 5, "{text}");
        assert!(rows[1].starts_with("  ├───") && rows[1].contains("─┤  chat"), "{text}");
        assert!(rows[2].contains("─▶  chat") && rows[3].contains("┃  chat"), "{text}");
        assert!(rows[4].starts_with("  ●") && rows[4].contains("•  3 at a moment"), "{text}");
        let labels: Vec<usize> =
            rows[1..4].iter().map(|row| row.find("chat").map_or(0, |at| row[..at].chars().count())).collect();
        assert!(labels.iter().all(|at| *at == labels[0]), "{text}");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1 000", "1 234 567"]);
    }
}
