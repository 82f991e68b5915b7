//! Time to x and back, in `f64`: when zoomed in, the ends of a bar lie far off the screen.

use crate::{
    domain::{ServerClock, UtcTime},
    state::TimeRange,
};
use egui::Rect;

/// A visible span of time laid over a span of points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeScale {
    pub range: TimeRange,
    pub left: f64,
    pub width: f64,
}

impl TimeScale {
    /// `range` over the width of `rect`.
    pub fn new(range: TimeRange, rect: Rect) -> Self {
        Self {
            range,
            left: f64::from(rect.left()),
            width: f64::from(rect.width().max(1.0)),
        }
    }

    /// Where an instant lies, in points; far outside for what is not visible.
    pub fn x_from_time(&self, time: f64) -> f64 {
        self.left + (time - self.range.begin) / self.seconds_per_point()
    }

    /// The instant at a point.
    pub fn time_from_x(&self, x: f64) -> f64 {
        self.range.begin + (x - self.left) * self.seconds_per_point()
    }

    /// How much time a point covers.
    pub fn seconds_per_point(&self) -> f64 {
        self.range.seconds() / self.width
    }

    /// Where it lies as a coordinate to draw at, cut a little outside what is visible.
    pub fn x(&self, time: f64) -> f32 {
        self.x_from_time(time)
            .clamp(self.left - 64.0, self.left + self.width + 64.0) as f32
    }

    /// The right edge, in points.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Zoomed around the point `x`, which keeps its instant.
    pub fn zoomed(&self, x: f64, factor: f64) -> TimeRange {
        self.range.zoomed(self.time_from_x(x), factor)
    }

    /// Moved by so many points; to the right shows later times.
    pub fn panned(&self, points: f64) -> TimeRange {
        self.range.shifted(points * self.seconds_per_point())
    }
}

/// How strongly a tick is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickWeight {
    /// The server's midnight.
    Day,
    Part,
}

/// A line of the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub time: f64,
    pub label: String,
    pub weight: TickWeight,
}

/// Distances of ticks, in seconds.
const STEPS: [i64; 19] = [
    1,
    2,
    5,
    10,
    30,
    60,
    2 * 60,
    5 * 60,
    15 * 60,
    30 * 60,
    3600,
    3 * 3600,
    6 * 3600,
    12 * 3600,
    86_400,
    2 * 86_400,
    7 * 86_400,
    28 * 86_400,
    364 * 86_400,
];

/// Round times of the server's wall clock, at least `spacing` points apart.
pub fn ticks(scale: &TimeScale, clock: &ServerClock, spacing: f64) -> Vec<Tick> {
    let least = scale.seconds_per_point() * spacing;
    let step = STEPS
        .into_iter()
        .find(|step| *step as f64 >= least)
        .unwrap_or(728 * 86_400);
    let mut ticks = Vec::new();
    for segment in segments(scale.range, clock) {
        // 1970 began on a Thursday; weeks begin on Mondays.
        let anchor = if step >= 7 * 86_400 { 4 * 86_400 } else { 0 };
        let local = |time: f64| time + segment.offset;
        let first = ((local(segment.begin) - f64::from(anchor)) / step as f64).ceil() as i64;
        for n in first.. {
            let wall = n * step + i64::from(anchor);
            let time = wall as f64 - segment.offset;
            if time >= segment.end || ticks.len() > 2000 {
                break;
            }
            ticks.push(tick(time, wall, step));
        }
    }
    ticks
}

fn tick(time: f64, wall: i64, step: i64) -> Tick {
    let day = wall.rem_euclid(86_400) == 0;
    let format = match (day, step) {
        (true, 2_419_200..) => "%-d %b %Y",
        (true, _) => "%a %-d %b",
        (false, 60..) => "%H:%M",
        (false, _) => "%H:%M:%S",
    };
    let label = chrono::DateTime::from_timestamp(wall, 0)
        .map_or_else(String::new, |wall| wall.format(format).to_string());
    Tick {
        time,
        label,
        weight: if day {
            TickWeight::Day
        } else {
            TickWeight::Part
        },
    }
}

/// A stretch in which the server's clock keeps one offset.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Segment {
    begin: f64,
    end: f64,
    /// Seconds ahead of the axis.
    offset: f64,
}

fn offset_at(clock: &ServerClock, time: f64) -> f64 {
    UtcTime::from_seconds(time)
        .and_then(|instant| clock.offset_at(instant))
        .map_or(0.0, |offset| f64::from(offset.minutes()) * 60.0)
}

fn segments(range: TimeRange, clock: &ServerClock) -> Vec<Segment> {
    if !clock.knows_zone() {
        return vec![Segment {
            begin: range.begin,
            end: range.end,
            offset: 0.0,
        }];
    }
    // Clock changes are months apart, so a probe every few days misses none.
    let probe = (range.seconds() / 8.0).clamp(1.0, 20.0 * 86_400.0);
    let mut segments = Vec::new();
    let mut begin = range.begin;
    let mut offset = offset_at(clock, begin);
    let mut time = range.begin;
    while time < range.end {
        let next = (time + probe).min(range.end);
        let found = offset_at(clock, next);
        if found != offset {
            let change = change_between(clock, time, next, offset);
            segments.push(Segment {
                begin,
                end: change,
                offset,
            });
            begin = change;
            offset = found;
        }
        time = next;
    }
    segments.push(Segment {
        begin,
        end: range.end,
        offset,
    });
    segments
}

/// The first whole second with another offset than `before`.
fn change_between(clock: &ServerClock, from: f64, to: f64, before: f64) -> f64 {
    let (mut low, mut high) = (from.floor(), to.ceil());
    while high - low > 1.0 {
        let middle = ((low + high) / 2.0).floor();
        if offset_at(clock, middle) == before {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Where the server's wall clock shows an hour twice: begin of the first pass, the change, end of the second.
pub fn repeated_hours(range: TimeRange, clock: &ServerClock) -> Vec<[f64; 3]> {
    // A change just before the range still has its second pass inside.
    let wider = TimeRange::new(range.begin - 7200.0, range.end + 7200.0);
    let segments = segments(wider, clock);
    segments
        .windows(2)
        .filter_map(|pair| {
            let [before, after] = pair else {
                return None;
            };
            let back = before.offset - after.offset;
            (back > 0.0).then_some([after.begin - back, after.begin, after.begin + back])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UtcOffset;
    use egui::{pos2, vec2};

    fn scale(begin: f64, end: f64, width: f32) -> TimeScale {
        TimeScale::new(
            TimeRange::new(begin, end),
            Rect::from_min_size(pos2(100.0, 0.0), vec2(width, 10.0)),
        )
    }

    #[test]
    fn x_and_time_are_inverse_even_far_zoomed_in() {
        let scale = scale(1.8e9, 1.8e9 + 20.0, 900.0);
        let time = 1.8e9 + 7.25;
        assert!((scale.time_from_x(scale.x_from_time(time)) - time).abs() < 1e-4);
    }

    #[test]
    fn ticks_stand_on_the_wall_clock_of_the_server() {
        let clock = ServerClock::fixed(UtcOffset::from_minutes(330).expect("a real offset"));
        // 2026-11-22T00:00:00Z
        let begin = 1_795_305_600.0;
        let ticks = ticks(&scale(begin, begin + 86_400.0, 800.0), &clock, 60.0);
        let labels: Vec<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "06:00",
                "09:00",
                "12:00",
                "15:00",
                "18:00",
                "21:00",
                "Mon 23 Nov",
                "03:00"
            ]
        );
        assert_eq!(ticks[0].time, begin + 1800.0);
    }
}
