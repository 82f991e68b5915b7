//! The steps of a plan for people.

use super::{
    theme::{Palette, mix, regular, semibold},
    timeline::kind_color,
    widgets::section,
};
use crate::{
    domain::{BackupType, MarkStop, PlanStep, RestorePlan, StopMark, Tail, Target},
    explain::figures,
};
use egui::{Align2, Rect, Sense, Stroke, Ui, pos2, vec2};

/// A step as the panel shows it; logs in a row are one.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLine {
    pub kind: Option<BackupType>,
    pub title: String,
    pub detail: String,
    /// Bytes to read; `None` where unknown or nothing is read.
    pub bytes: Option<u64>,
    /// Estimated seconds, where there is a basis.
    pub seconds: Option<f64>,
    /// Everything there is to say, for the tooltip.
    pub hover: String,
}

pub fn steps_ui(ui: &mut Ui, plan: &RestorePlan) {
    let palette = *Palette::of(ui);
    let lines = step_lines(plan);
    let read = plan.bytes.map_or_else(
        || "size unknown".to_owned(),
        |bytes| format!("{} read", figures::size(bytes)),
    );
    section(
        ui,
        &format!(
            "Plan · {} · {read}",
            figures::counted(lines.len() as u64, "step", "steps")
        ),
    );
    ui.add_space(4.0);
    for (idx, line) in lines.iter().enumerate() {
        step_row(ui, &palette, idx + 1, line);
    }
}

fn step_row(ui: &mut Ui, palette: &Palette, number: usize, line: &StepLine) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 52.0), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(
            egui::Role::ListItem,
            true,
            format!("Step {number}: {}, {}", line.title, line.detail),
        )
    });
    let color = line
        .kind
        .map_or(palette.log, |kind| kind_color(palette, kind));
    let painter = ui.painter();
    let center = pos2(rect.left() + 11.0, rect.top() + 18.0);
    painter.circle_filled(center, 10.0, mix(palette.panel, color, 0.22));
    painter.text(
        center,
        Align2::CENTER_CENTER,
        number.to_string(),
        semibold(11.0),
        color,
    );
    let right_text = match (line.seconds, line.bytes) {
        (Some(seconds), _) if seconds >= 1.0 => Some(figures::stopwatch(seconds)),
        (_, Some(bytes)) => Some(figures::size(bytes)),
        _ => None,
    };
    let mut right_width = 0.0;
    if let Some(text) = right_text {
        let drawn = painter.text(
            pos2(rect.right(), rect.top() + 18.0),
            Align2::RIGHT_CENTER,
            text,
            regular(12.0),
            palette.muted,
        );
        right_width = drawn.width() + 8.0;
    }
    let left = rect.left() + 32.0;
    let title = Rect::from_min_max(
        pos2(left, rect.top() + 8.0),
        pos2(rect.right() - right_width, rect.top() + 28.0),
    );
    super::widgets::paint_clipped(
        ui,
        title,
        Align2::LEFT_CENTER,
        &line.title,
        regular(13.0),
        palette.text,
    );
    let detail = Rect::from_min_max(
        pos2(left, rect.top() + 28.0),
        pos2(rect.right(), rect.top() + 44.0),
    );
    super::widgets::paint_clipped(
        ui,
        detail,
        Align2::LEFT_CENTER,
        &line.detail,
        regular(11.5),
        palette.muted,
    );
    ui.painter().hline(
        rect.x_range(),
        rect.bottom() - 1.0,
        Stroke::new(1.0, palette.line),
    );
    if !line.hover.is_empty() {
        response.on_hover_text(&line.hover);
    }
}

/// The steps of a plan for people: a line for each set, one for all logs, one for the checks.
pub fn step_lines(plan: &RestorePlan) -> Vec<StepLine> {
    let mut lines = Vec::new();
    if plan.tail.is_some() {
        let title = match plan.tail {
            Some(Tail::TailLog) => "Back up the tail of the log",
            _ => "Back up the log once more",
        };
        lines.push(StepLine {
            kind: Some(BackupType::Log),
            title: title.to_owned(),
            detail: "copy-only; the database stays online".to_owned(),
            bytes: None,
            seconds: None,
            hover: "The moment lies after the last log backup, so one more is taken first. \
                    It is copy-only and disturbs no other backup."
                .to_owned(),
        });
    }
    let day = plan.steps.first().map(|step| step.start.0.date());
    for step in plan
        .steps
        .iter()
        .filter(|step| step.backup_type != BackupType::Log)
    {
        let word = match step.backup_type {
            BackupType::Full => "Full",
            _ => "Differential",
        };
        let when = if lines.is_empty() || day != Some(step.start.0.date()) {
            figures::day_and_time(step.start)
        } else {
            figures::short_time_of_day(step.start)
        };
        lines.push(StepLine {
            kind: Some(step.backup_type),
            title: format!("{word} · {when}"),
            detail: file_words(step),
            bytes: step.bytes,
            seconds: plan.seconds_of(step),
            hover: step
                .devices
                .iter()
                .map(|device| format!("{} (FILE = {})", device.name(), step.position))
                .collect::<Vec<_>>()
                .join("\n"),
        });
    }
    let logs: Vec<&PlanStep> = plan
        .steps
        .iter()
        .filter(|step| step.backup_type == BackupType::Log)
        .collect();
    if let (Some(first), Some(last)) = (logs.first(), logs.last()) {
        let title = if logs.len() == 1 {
            format!("1 log · {}", figures::short_time_of_day(first.finish))
        } else {
            format!(
                "{} logs · {} → {}",
                figures::count(logs.len() as u64),
                figures::short_time_of_day(first.finish),
                figures::short_time_of_day(last.finish)
            )
        };
        let detail = match plan.stop_at {
            Some(stop) if plan.tail.is_none() => {
                format!("stops inside the last at {}", figures::time_of_day(stop))
            }
            _ if plan.stop_mark.is_some() => mark_words(plan),
            _ => "applied as a whole".to_owned(),
        };
        let bytes = logs.iter().map(|step| step.bytes).sum::<Option<u64>>();
        lines.push(StepLine {
            kind: Some(BackupType::Log),
            title,
            detail,
            bytes,
            seconds: logs.iter().map(|step| plan.seconds_of(step)).sum(),
            hover: logs
                .iter()
                .rev()
                .take(12)
                .rev()
                .map(|step| file_words(step))
                .collect::<Vec<_>>()
                .join("\n"),
        });
    }
    if plan.tail.is_some() {
        let detail = match plan.target {
            Target::At(moment) => {
                format!("stops inside it at {}", figures::time_of_day(moment.server))
            }
            Target::Mark(_) => mark_words(plan),
            Target::Latest => "applied as a whole".to_owned(),
        };
        lines.push(StepLine {
            kind: Some(BackupType::Log),
            title: "The log backup of step 1".to_owned(),
            detail,
            bytes: None,
            seconds: None,
            hover: String::new(),
        });
    }
    lines.push(StepLine {
        kind: None,
        title: "Check the copy".to_owned(),
        detail: "online · protected tables counted · schema".to_owned(),
        bytes: None,
        seconds: None,
        hover: "Its state is read back, the protected tables are there and counted.".to_owned(),
    });
    lines
}

/// Where a log stops at a mark.
fn mark_words(plan: &RestorePlan) -> String {
    match &plan.stop_mark {
        Some(StopMark {
            name,
            stop: MarkStop::Before,
            ..
        }) => format!("stops just before the mark {name}"),
        Some(StopMark { name, .. }) => format!("stops at the mark {name}"),
        None => "applied as a whole".to_owned(),
    }
}

fn file_words(step: &PlanStep) -> String {
    let first = step
        .devices
        .first()
        .map_or("unknown file", crate::domain::Device::name);
    let short = first.rsplit(['\\', '/']).next().unwrap_or(first);
    match step.devices.len() {
        0 | 1 => short.to_owned(),
        n => format!("{short} and {} more", n - 1),
    }
}
