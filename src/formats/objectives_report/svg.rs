//! The charts of the report, drawn as SVG so that the page needs nothing from elsewhere.

use super::ObjectivesReport;
use crate::{
    explain,
    run::{DrillResult, Phase, PhaseKind, Rehearsal},
};
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;

/// Drills as bars beside the objective.
pub fn drills(report: &ObjectivesReport<'_>) -> String {
    const HEIGHT: f64 = 210.0;
    const FLOOR: f64 = 180.0;
    const TOP: f64 = 24.0;
    let measured: Vec<(String, &DrillResult)> = report
        .judged
        .drills
        .iter()
        .filter_map(|drill| {
            let day = drill
                .began
                .to_server(report.utc_offset)
                .0
                .format("%-d %b %H:%M")
                .to_string();
            Some((day, drill.result.as_ref()?))
        })
        .collect();
    let last = measured.len().saturating_sub(14);
    let bars = measured.get(last..).unwrap_or_default();
    let longest = bars
        .iter()
        .map(|(_, result)| result.seconds)
        .fold(1.0, f64::max);
    let objective = report.judged.down_objective_secs().map(f64::from);
    let near = objective.filter(|objective| *objective <= longest * 6.0);
    let top = near.unwrap_or(0.0).max(longest) * 1.15;
    let y_of = |seconds: f64| FLOOR - (FLOOR - TOP) * seconds / top;
    let mut svg = begin(HEIGHT, "Restore times of the last drills");
    let slot = (WIDTH - 20.0) / bars.len().max(8) as f64;
    for (n, (day, result)) in bars.iter().enumerate() {
        let x = 10.0 + slot * (n as f64 + 0.5);
        let y = y_of(result.seconds);
        let (fill, stroke) = if result.verified {
            ("#1f78c8", "#1f78c8")
        } else {
            ("#ffffff", "#c93a2b")
        };
        writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\" fill=\"{fill}\" stroke=\"{stroke}\"/>\
<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"value\">{}</text>\
<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"axis\">{day}</text>",
            x - slot * 0.28,
            slot * 0.56,
            (FLOOR - y).max(1.0),
            y - 5.0,
            explain::duration(result.seconds),
            FLOOR + 16.0,
        )
        .ok();
    }
    if let Some(objective) = objective {
        let y = near.map_or(TOP - 8.0, y_of);
        writeln!(
            svg,
            "<line x1=\"10\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#a86a00\" stroke-dasharray=\"5 4\"/>\
<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" class=\"objective\">objective {}{}</text>",
            WIDTH - 10.0,
            WIDTH - 10.0,
            y - 4.0,
            explain::promise(objective as u32),
            if near.is_some() { "" } else { " (far above)" },
        )
        .ok();
    }
    end(svg, FLOOR)
}

/// What would have been lost at every moment of the period, with the objective.
pub fn exposure(
    report: &ObjectivesReport<'_>,
    points: &[(f64, f64)],
    allowed: Option<f64>,
) -> String {
    const HEIGHT: f64 = 190.0;
    const FLOOR: f64 = 160.0;
    const TOP: f64 = 16.0;
    let (from, to) = (
        report.judged.period.from.seconds(),
        report.judged.period.to.seconds(),
    );
    let highest = points.iter().map(|(_, loss)| *loss).fold(1.0, f64::max);
    let top = highest.max(allowed.unwrap_or(0.0)) * 1.1;
    let x_of = |at: f64| 10.0 + (WIDTH - 20.0) * (at - from) / (to - from).max(1.0);
    let y_of = |loss: f64| FLOOR - (FLOOR - TOP) * loss / top;
    let mut svg = begin(HEIGHT, "What would have been lost at every moment");
    let steps = largest(points, from, to);
    let mut path = String::new();
    for (n, (begin, end, loss)) in steps.iter().enumerate() {
        let word = if n == 0 { 'M' } else { 'L' };
        let y = y_of(*loss);
        write!(
            path,
            "{word}{:.1} {y:.1}L{:.1} {y:.1}",
            x_of(*begin),
            x_of(*end)
        )
        .ok();
    }
    if let (Some((begin, _, _)), Some((_, end, _))) = (steps.first(), steps.last()) {
        writeln!(
            svg,
            "<path d=\"{path}L{:.1} {FLOOR}L{:.1} {FLOOR}Z\" fill=\"#1f78c8\" fill-opacity=\"0.14\"/>\
<path d=\"{path}\" fill=\"none\" stroke=\"#1f78c8\" stroke-width=\"1.2\"/>",
            x_of(*end),
            x_of(*begin),
        )
        .ok();
    }
    if let Some(allowed) = allowed {
        let y = y_of(allowed);
        writeln!(
            svg,
            "<line x1=\"10\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#a86a00\" stroke-dasharray=\"5 4\"/>\
<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" class=\"objective\">judged by {}</text>",
            WIDTH - 10.0,
            WIDTH - 10.0,
            y - 4.0,
            explain::duration(allowed),
        )
        .ok();
    }
    for (at, anchor) in [(from, "start"), (to, "end")] {
        if let Some(at_time) = crate::domain::UtcTime::from_seconds(at) {
            writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" class=\"axis\">{}</text>",
                x_of(at),
                FLOOR + 16.0,
                explain::server_time_short(at_time.to_server(report.utc_offset)),
            )
            .ok();
        }
    }
    writeln!(
        svg,
        "<text x=\"12\" y=\"12\" class=\"axis\">the largest loss of each stretch; worst {}</text>",
        explain::duration(highest)
    )
    .ok();
    end(svg, FLOOR)
}

/// The largest loss of each of some stretches of a period: saw teeth by the thousand would be one block of ink.
fn largest(points: &[(f64, f64)], from: f64, to: f64) -> Vec<(f64, f64, f64)> {
    const STRETCHES: f64 = 240.0;
    let length = ((to - from) / STRETCHES).max(1.0);
    let mut steps: Vec<(f64, f64, f64)> = Vec::new();
    // Points come in pairs: a tooth begins, and ends highest.
    for pair in points.chunks(2) {
        let Some((at, loss)) = pair.last() else {
            continue;
        };
        let begin = from + ((at - from) / length).floor() * length;
        match steps.last_mut() {
            Some((known, _, highest)) if *known == begin => *highest = highest.max(*loss),
            _ => steps.push((begin, (begin + length).min(to), *loss)),
        }
    }
    steps
}

/// The phases of a rehearsal on one bar.
pub fn rehearsal(rehearsal: &Rehearsal) -> String {
    let whole = rehearsal.seconds().max(1.0);
    let mut svg = begin(38.0, "The phases of the rehearsal");
    let mut x = 10.0;
    for Phase { kind, seconds } in &rehearsal.phases {
        let width = (WIDTH - 20.0) * seconds / whole;
        let fill = color_of(*kind);
        write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"8\" width=\"{width:.1}\" height=\"22\" fill=\"{fill}\"/>"
        )
        .ok();
        if width > 46.0 {
            write!(
                svg,
                "<text x=\"{:.1}\" y=\"23\" text-anchor=\"middle\" class=\"inside\">{}</text>",
                x + width / 2.0,
                kind.word(),
            )
            .ok();
        }
        x += width;
    }
    svg.push_str("\n</svg>\n");
    svg
}

/// What each colour of the bar is and how long it took: most phases are too short for a word inside.
pub fn rehearsal_key(rehearsal: &Rehearsal) -> String {
    let phases: Vec<String> = rehearsal
        .phases
        .iter()
        .map(|Phase { kind, seconds }| {
            format!(
                "<span style=\"color:{}\">■</span> {} {}",
                color_of(*kind),
                kind.word(),
                explain::duration(*seconds)
            )
        })
        .collect();
    phases.join(" &nbsp; ")
}

fn color_of(kind: PhaseKind) -> &'static str {
    match kind {
        PhaseKind::Detect => "#c9372c",
        PhaseKind::Decide => "#a86a00",
        PhaseKind::Stop => "#6b7280",
        PhaseKind::Tail => "#7a52c7",
        PhaseKind::Restore => "#1f78c8",
        PhaseKind::Verify => "#0f7f86",
        PhaseKind::Start => "#12835f",
    }
}

fn begin(height: f64, title: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-label=\"{title}\" xmlns=\"http://www.w3.org/2000/svg\">\n"
    )
}

fn end(mut svg: String, floor: f64) -> String {
    writeln!(
        svg,
        "<line x1=\"10\" x2=\"{:.0}\" y1=\"{floor}\" y2=\"{floor}\" stroke=\"#d5dae2\"/>\n</svg>",
        WIDTH - 10.0
    )
    .ok();
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_too_short_for_its_word_is_told_beside_the_bar() {
        let rehearsal = Rehearsal {
            phases: vec![
                Phase {
                    kind: PhaseKind::Detect,
                    seconds: 900.0,
                },
                Phase {
                    kind: PhaseKind::Tail,
                    seconds: 0.1,
                },
            ],
            ..Rehearsal::default()
        };
        assert!(!super::rehearsal(&rehearsal).contains("tail"));
        let key = rehearsal_key(&rehearsal);
        assert!(
            key.contains("detect 15 m") && key.contains("tail 0.1 s"),
            "{key}"
        );
    }
}
