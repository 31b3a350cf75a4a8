//! Events along a line of time as SVG: a lane for each kind of thing, a bar for what begins and ends, a mark for
//! everything else. Every bar and mark is a link with a name. Lengths along the line are per cent and heights are pixels,
//! so that text is never stretched.

/// The whole line, in thousandths of a per cent.
pub const WHOLE: u32 = 100_000;
/// Height of a lane's title, of its line of marks, and of each line of bars.
const TITLE_PX: u32 = 20;
const ROW_PX: u32 = 26;
/// Height of a bar: a finger finds it.
const BAR_PX: u32 = 24;
/// Space below a lane.
const GAP_PX: u32 = 8;
/// What a character of a bar's name takes, in thousandths of a per cent of a line of usual width.
const CHARACTER: u32 = 620;
/// Marks nearer to each other than this are drawn as one.
const NEAR: u32 = 500;

/// The picture.
#[derive(Clone, Debug, Default)]
pub struct Lanes {
    /// What it shows, in words.
    pub label: String,
    /// From top to bottom.
    pub lanes: Vec<Lane>,
    /// Times along the line, evenly spread.
    pub ticks: Vec<String>,
}

/// One kind of thing.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// What it is called.
    pub title: String,
    /// What begins and ends.
    pub bars: Vec<Bar>,
    /// What happens at a moment, by time.
    pub marks: Vec<Mark>,
}

/// Something that begins and ends.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    /// Its beginning on the line.
    pub from: u32,
    /// Its end on the line.
    pub to: u32,
    /// No end was seen.
    pub open: bool,
    /// It failed.
    pub bad: bool,
    /// In a few words.
    pub name: String,
    /// In a sentence.
    pub label: String,
    /// Where there is more.
    pub href: String,
}

/// Something that happens at a moment.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    /// Its place on the line.
    pub at: u32,
    /// It failed.
    pub bad: bool,
    /// In a sentence.
    pub label: String,
    /// Where there is more.
    pub href: String,
}

/// Where a lane is drawn.
#[derive(Clone, Debug)]
pub struct Drawn<'a> {
    /// Its title,
    pub title: &'a str,
    /// and the line that the title stands on.
    pub title_y: u32,
    /// Middle of its marks.
    pub marks_y: u32,
    /// Its marks.
    pub marks: Vec<DrawnMark<'a>>,
    /// Its bars.
    pub bars: Vec<DrawnBar<'a>>,
    /// Its lower edge.
    pub bottom: u32,
}

/// Where a mark is drawn.
#[derive(Clone, Debug)]
pub struct DrawnMark<'a> {
    /// The first of what it stands for.
    pub mark: &'a Mark,
    /// Its place in per cent.
    pub x: String,
    /// How many events it stands for.
    pub count: usize,
    /// One of them failed.
    pub bad: bool,
}

/// Where a bar is drawn.
#[derive(Clone, Debug)]
pub struct DrawnBar<'a> {
    /// What it stands for.
    pub bar: &'a Bar,
    /// Left edge in per cent.
    pub x: String,
    /// Width in per cent.
    pub width: String,
    /// Upper edge.
    pub y: u32,
    /// The line that its name stands on.
    pub text_y: u32,
    /// Its name begins at its left edge, or ends at its right one.
    pub ends: bool,
    /// That edge in per cent.
    pub text_x: String,
}

impl Lanes {
    /// Everything with its place.
    pub fn drawn(&self) -> Vec<Drawn<'_>> {
        let mut top = 0;
        let draw = |lane| {
            let drawn = draw(lane, top);
            top = drawn.bottom;
            drawn
        };
        self.lanes.iter().map(draw).collect()
    }

    /// Height of the picture.
    pub fn height(&self) -> u32 {
        self.drawn().last().map_or(0, |lane| lane.bottom)
    }
}

fn draw(lane: &Lane, top: u32) -> Drawn<'_> {
    let marks_y = top + TITLE_PX + ROW_PX / 2;
    let bars_y = top + TITLE_PX + if lane.marks.is_empty() { 0 } else { ROW_PX };
    // Each line of bars with the place up to which it is taken.
    let mut taken: Vec<u32> = Vec::new();
    let bars: Vec<DrawnBar<'_>> = lane
        .bars
        .iter()
        .map(|bar| {
            let text = u32::try_from(bar.name.chars().count()).unwrap_or(WHOLE).saturating_mul(CHARACTER);
            let ends = bar.from.saturating_add(text) > WHOLE;
            let (first, last) = if ends {
                (bar.to.saturating_sub(text), bar.to)
            } else {
                (bar.from, bar.from.saturating_add(text))
            };
            let (first, last) = (first.min(bar.from), last.max(bar.to));
            let row = taken.iter().position(|end| *end <= first).unwrap_or(taken.len());
            match taken.get_mut(row) {
                Some(end) => *end = last,
                None => taken.push(last),
            }
            let y = bars_y + ROW_PX * u32::try_from(row).unwrap_or(0);
            DrawnBar {
                x: percent(bar.from),
                width: percent(bar.to.saturating_sub(bar.from).max(WHOLE / 500)),
                y,
                text_y: y + BAR_PX * 2 / 3,
                ends,
                text_x: percent(if ends { bar.to } else { bar.from }),
                bar,
            }
        })
        .collect();
    let rows = u32::try_from(taken.len()).unwrap_or(0);
    let bottom = bars_y + ROW_PX * rows + GAP_PX;
    Drawn { title: &lane.title, title_y: top + TITLE_PX * 3 / 4, marks_y, marks: marks(lane), bars, bottom }
}

fn marks(lane: &Lane) -> Vec<DrawnMark<'_>> {
    let mut drawn: Vec<DrawnMark<'_>> = Vec::new();
    for mark in &lane.marks {
        match drawn.last_mut() {
            Some(last) if mark.at.saturating_sub(last.mark.at) < NEAR => {
                last.count += 1;
                last.bad |= mark.bad;
            }
            _ => drawn.push(DrawnMark { mark, x: percent(mark.at), count: 1, bad: mark.bad }),
        }
    }
    drawn
}

fn percent(thousandths: u32) -> String {
    format!("{}.{:03}%", thousandths / 1_000, thousandths % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_never_cover_each_other_and_near_marks_are_one() {
        let bar = |from, to| Bar { from, to, name: "chat".to_owned(), ..Bar::default() };
        let mark = |at, bad| Mark { at, bad, ..Mark::default() };
        let lane = Lane {
            title: "DEVICE".to_owned(),
            bars: vec![bar(0, 90_000), bar(10_000, 20_000), bar(30_000, 40_000), bar(99_000, 100_000)],
            marks: vec![mark(0, false), mark(100, true), mark(50_000, false)],
        };
        let lanes = Lanes { lanes: vec![lane.clone(), lane], ..Lanes::default() };
        let drawn = lanes.drawn();
        let rows: Vec<u32> = drawn[0].bars.iter().map(|bar| (bar.y - drawn[0].bars[0].y) / ROW_PX).collect();
        assert_eq!(rows, [0, 1, 1, 0]);
        assert!(drawn[0].bars[3].ends && !drawn[0].bars[0].ends);
        let counts: Vec<(usize, bool)> = drawn[0].marks.iter().map(|mark| (mark.count, mark.bad)).collect();
        assert_eq!(counts, [(2, true), (1, false)]);
        assert_eq!((drawn[1].bottom, lanes.height()), (drawn[0].bottom * 2, drawn[0].bottom * 2));
        assert_eq!(percent(12_345), "12.345%");
    }
}
