//! Spans of time on the axis, in seconds since 1970.

/// The shortest span that the window shows.
pub const SHORTEST: f64 = 20.0;

/// A span of the axis: instants as seconds since 1970, so that a clock change does not bend it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeRange {
    pub begin: f64,
    pub end: f64,
}

/// The buttons above the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangePreset {
    Hour,
    SixHours,
    Day,
    ThreeDays,
    TwoWeeks,
    All,
}

impl RangePreset {
    /// In the order of the buttons.
    pub const ALL: [Self; 6] = [
        Self::Hour,
        Self::SixHours,
        Self::Day,
        Self::ThreeDays,
        Self::TwoWeeks,
        Self::All,
    ];

    /// The text of the button.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::SixHours => "6 h",
            Self::Day => "1 d",
            Self::ThreeDays => "3 d",
            Self::TwoWeeks => "2 w",
            Self::All => "All",
        }
    }

    /// How long it shows; `None` for everything.
    pub fn seconds(self) -> Option<f64> {
        Some(match self {
            Self::Hour => 3600.0,
            Self::SixHours => 6.0 * 3600.0,
            Self::Day => 86_400.0,
            Self::ThreeDays => 3.0 * 86_400.0,
            Self::TwoWeeks => 14.0 * 86_400.0,
            Self::All => return None,
        })
    }
}

impl TimeRange {
    /// A range in order and not shorter than the shortest.
    pub fn new(begin: f64, end: f64) -> Self {
        let (begin, end) = if begin <= end {
            (begin, end)
        } else {
            (end, begin)
        };
        if end - begin >= SHORTEST {
            Self { begin, end }
        } else {
            let middle = (begin + end) / 2.0;
            Self {
                begin: middle - SHORTEST / 2.0,
                end: middle + SHORTEST / 2.0,
            }
        }
    }

    /// How long it is, in seconds; never zero.
    pub fn seconds(self) -> f64 {
        self.end - self.begin
    }

    /// Whether the instant lies in it.
    pub fn contains(self, time: f64) -> bool {
        (self.begin..=self.end).contains(&time)
    }

    /// The same length elsewhere.
    pub fn shifted(self, seconds: f64) -> Self {
        Self {
            begin: self.begin + seconds,
            end: self.end + seconds,
        }
    }

    /// Scaled by `factor` around an instant that keeps its place; below one zooms in.
    pub fn zoomed(self, around: f64, factor: f64) -> Self {
        Self::new(
            around - (around - self.begin) * factor,
            around + (self.end - around) * factor,
        )
    }

    /// Moved and, where it is longer, shortened until it lies inside `whole`.
    pub fn inside(self, whole: Self) -> Self {
        if self.seconds() >= whole.seconds() {
            return whole;
        }
        if self.begin < whole.begin {
            self.shifted(whole.begin - self.begin)
        } else if self.end > whole.end {
            self.shifted(whole.end - self.end)
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_instant_under_the_pointer() {
        let range = TimeRange::new(0.0, 1000.0).zoomed(250.0, 0.5);
        assert_eq!(
            range,
            TimeRange {
                begin: 125.0,
                end: 625.0
            }
        );
    }

    #[test]
    fn a_range_never_leaves_what_there_is() {
        let whole = TimeRange::new(0.0, 100.0);
        assert_eq!(
            TimeRange::new(-30.0, 20.0).inside(whole),
            TimeRange::new(0.0, 50.0)
        );
        assert_eq!(TimeRange::new(-30.0, 200.0).inside(whole), whole);
    }

    #[test]
    fn a_range_is_never_empty() {
        assert!(TimeRange::new(5.0, 5.0).seconds() >= SHORTEST);
    }
}
