//! Where everything stands.

use egui::{Rect, pos2};

/// Rectangles of the timeline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    pub outer: Rect,
    /// The range in words, and the buttons.
    pub top: Rect,
    pub overview: Rect,
    /// Labels of the ticks.
    pub axis: Rect,
    /// From the first lane to the foot: what the scale spans.
    pub plot: Rect,
    /// Full, differential, log: bars stand on the bottom.
    pub lanes: [Rect; 3],
    /// The restorable band.
    pub band: Rect,
    /// The line under the band with the reason of a gap.
    pub reason: Rect,
    /// What reaching each moment costs.
    pub curve: Rect,
    /// What happened besides the backups.
    pub events: Rect,
    /// The flag of the marker.
    pub flag: Rect,
    /// What the keys do.
    pub hint: Rect,
}

/// Width of the labels left of the plot.
pub const LABELS: f32 = 92.0;

/// Space at the right edge.
const RIGHT: f32 = 18.0;

impl Layout {
    /// Divides `outer`; what is left over goes to the lanes.
    pub fn new(outer: Rect) -> Self {
        let left = outer.left() + LABELS;
        let right = (outer.right() - RIGHT).max(left + 40.0);
        let row =
            |top: f32, height: f32| Rect::from_min_max(pos2(left, top), pos2(right, top + height));
        // Fixed parts: top 48, overview 34, gap 10, axis 26, band 16 + reason 22, curve 42, events 22, flag 44, hint 20, gaps 18.
        let fixed = 302.0;
        let room = (outer.height() - fixed).clamp(130.0, 320.0);
        let unit = room / 220.0;
        let heights = [80.0 * unit, 72.0 * unit, 68.0 * unit];

        let top = Rect::from_min_max(
            pos2(outer.left() + 18.0, outer.top()),
            pos2(right, outer.top() + 48.0),
        );
        let overview = row(top.bottom(), 34.0);
        let axis = row(overview.bottom() + 10.0, 26.0);
        let mut at = axis.bottom();
        let lanes = heights.map(|height| {
            let lane = row(at, height);
            at += height;
            lane
        });
        let band = row(at + 18.0, 16.0);
        let reason = row(band.bottom() + 2.0, 20.0);
        let curve = row(reason.bottom() + 6.0, 36.0);
        let events = row(curve.bottom() + 6.0, 16.0);
        let foot = events.bottom() + 4.0;
        let plot = Rect::from_min_max(pos2(left, axis.bottom()), pos2(right, foot));
        let flag = row(foot + 10.0, 26.0);
        let hint = row(flag.bottom() + 4.0, 18.0);
        Self {
            outer,
            top,
            overview,
            axis,
            plot,
            lanes,
            band,
            reason,
            curve,
            events,
            flag,
            hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::vec2;

    #[test]
    fn everything_fits_into_the_least_height() {
        for height in [440.0, 480.0, 560.0] {
            let layout = Layout::new(Rect::from_min_size(pos2(262.0, 52.0), vec2(830.0, height)));
            assert!(
                layout.hint.bottom() <= layout.outer.bottom() + 0.5,
                "{height}: {layout:?}"
            );
            assert!(layout.lanes[0].height() >= 47.0, "{height}");
        }
    }
}
