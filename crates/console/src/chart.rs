//! Bars over time as SVG: every bar is a link with a name, so that they work by keyboard, without scripts and when read
//! aloud.

/// Width of the picture in its own units; it is stretched to its place.
const WIDTH: u64 = 1_000;
/// Its height.
const HEIGHT: u64 = 100;
/// Thousandths of a unit, so that geometry needs no fractions.
const MILLI: u64 = 1_000;
/// Most labels below the bars.
const MAX_TICKS: usize = 6;

/// Bars to be drawn.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What they show, in words.
    pub label: String,
    /// The stretch of time of one bar, in words.
    pub width: String,
    /// From left to right.
    pub data: Vec<Datum>,
}

/// One bar.
#[derive(Clone, Debug, Default)]
pub struct Datum {
    /// Its stretch of time in a few characters.
    pub name: String,
    /// The same with its numbers.
    pub label: String,
    /// What a click leads to.
    pub href: String,
    /// All of it.
    pub count: u64,
    /// The part that failed.
    pub bad: u64,
}

/// A bar in the picture's units, as text.
#[derive(Clone, Debug)]
pub struct Bar<'a> {
    /// What a click leads to.
    pub href: &'a str,
    /// Name of the bar.
    pub label: &'a str,
    /// All of it.
    pub count: u64,
    /// The part that failed.
    pub bad: u64,
    /// Left edge.
    pub x: String,
    /// Distance from one bar to the next.
    pub step: String,
    /// Width without the gap.
    pub width: String,
    /// Upper edge.
    pub y: String,
    /// Height.
    pub height: String,
    /// Upper edge of the failed part.
    pub bad_y: String,
    /// Its height.
    pub bad_height: String,
}

impl Chart {
    /// The bars with their places; the highest fills the picture.
    pub fn bars(&self) -> impl Iterator<Item = Bar<'_>> {
        let most = self.data.iter().map(|datum| datum.count.max(datum.bad)).max().unwrap_or(0).max(1);
        let step = WIDTH * MILLI / (self.data.len() as u64).max(1);
        let high = move |count: u64| {
            let high = u64::try_from(u128::from(count) * u128::from(HEIGHT * MILLI) / u128::from(most));
            // Something that is there can be seen.
            high.unwrap_or(0).max(if count > 0 { 2 * MILLI } else { 0 })
        };
        self.data.iter().enumerate().map(move |(at, datum)| {
            let (all, bad) = (high(datum.count), high(datum.bad));
            Bar {
                href: &datum.href,
                label: &datum.label,
                count: datum.count,
                bad: datum.bad,
                x: units(at as u64 * step),
                step: units(step),
                width: units(step - step / 6),
                y: units(HEIGHT * MILLI - all),
                height: units(all),
                bad_y: units(HEIGHT * MILLI - bad),
                bad_height: units(bad),
            }
        })
    }

    /// Names of some bars, evenly spread.
    pub fn ticks(&self) -> Vec<&str> {
        let names = self.tick_names();
        let first = names.first().copied().unwrap_or_default();
        let rest = names.iter().skip(1).map(|name| shortened(first, name));
        names.iter().take(1).copied().chain(rest).collect()
    }

    fn tick_names(&self) -> Vec<&str> {
        let last = self.data.len().saturating_sub(1);
        let ticks = MAX_TICKS.min(self.data.len());
        let at = |tick: usize| if ticks < 2 { 0 } else { tick * last / (ticks - 1) };
        (0..ticks).filter_map(|tick| self.data.get(at(tick))).map(|datum| datum.name.as_str()).collect()
    }
}

/// A name without the day, or without the year, that it shares with the first one.
fn shortened<'n>(first: &str, name: &'n str) -> &'n str {
    const YEAR: usize = "2026-".len();
    let end = name.find(' ').map_or(YEAR, |at| at + 1);
    if first.get(..end) == name.get(..end) { name.get(end..).unwrap_or(name) } else { name }
}

fn units(milli: u64) -> String {
    format!("{}.{:03}", milli / MILLI, milli % MILLI)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_the_picture_and_nothing_is_invisible() {
        let datum = |count, bad| Datum { count, bad, ..Datum::default() };
        let chart = Chart { data: vec![datum(1_000, 1), datum(0, 0), datum(500, 500)], ..Chart::default() };
        let bars: Vec<Bar<'_>> = chart.bars().collect();
        assert_eq!((bars[0].height.as_str(), bars[0].y.as_str()), ("100.000", "0.000"));
        assert_eq!((bars[0].bad_height.as_str(), bars[1].height.as_str()), ("2.000", "0.000"));
        assert_eq!((bars[2].x.as_str(), bars[2].bad_y.as_str()), ("666.666", "50.000"));
        assert_eq!(chart.ticks().len(), 3);
        assert!(Chart::default().ticks().is_empty());
        assert_eq!(shortened("2026-10-23", "2026-10-26"), "10-26");
        assert_eq!(shortened("2026-12-30", "2027-01-02"), "2027-01-02");
        assert_eq!(shortened("11-22 14:00", "11-22 15:30"), "15:30");
        assert_eq!(shortened("11-22 23:00", "11-23 00:00"), "11-23 00:00");
    }
}
