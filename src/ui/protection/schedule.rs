//! The head of the page, what has to be said first, and the schedule as a table.

use crate::{
    domain::{AgentState, Conflict, PolicyKind, RunStatus},
    explain::{schedule as words, server_time_short},
    run::{
        Outcome,
        schedule::{Outlook, ScheduleReading},
    },
    state::{Action, Asking, ProtectionAction, ProtectionChange, ProtectionSection, State},
    ui::{
        theme::{Palette, mono, regular, semibold},
        widgets::{
            BadgeStyle, Dot, badge, button, paint_clipped, paint_dot, primary_button, strong,
        },
    },
};
use egui::{
    Align, Align2, Color32, Label, Layout, Rect, Response, RichText, Sense, Stroke, Ui, vec2,
};

/// `Schedule`, who carries it out, and what can be done.
pub fn title_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let protection = &state.protection;
    ui.horizontal(|ui| {
        ui.set_min_height(36.0);
        strong(ui, "Schedule", 20.0);
        if let Some(outlook) = &protection.outlook {
            badge(
                ui,
                words::scheduler(outlook.plan.scheduler),
                palette.muted,
                BadgeStyle::Calm,
            );
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let Some(outlook) = &protection.outlook else {
                return;
            };
            let agent = protection
                .told()
                .is_some_and(|reading| reading.agent != AgentState::Absent);
            let changes = !outlook.changes.is_empty();
            let reason = if !agent {
                "This server has no SQL Server Agent"
            } else if protection.busy {
                "A change is on its way"
            } else {
                "The jobs are as the policy wants them"
            };
            if primary_button(
                ui,
                "Apply changes",
                120.0,
                agent && changes && !protection.busy,
            )
            .on_disabled_hover_text(reason)
            .clicked()
            {
                actions.push(Action::Protection(ProtectionAction::Ask(Asking::Apply)));
            }
            if button(ui, "Preview T-SQL").clicked() {
                actions.push(Action::Protection(ProtectionAction::Show(
                    ProtectionSection::Sql,
                )));
            }
            if button(ui, "Edit…").clicked() {
                actions.push(Action::Protection(ProtectionAction::Show(
                    ProtectionSection::Policy,
                )));
            }
            let presets: Vec<&str> = state
                .applications
                .known
                .applications
                .iter()
                .filter(|application| application.schedule.is_some())
                .map(|application| application.name.as_str())
                .collect();
            for name in presets.into_iter().rev() {
                if button(ui, &format!("Preset: {name}"))
                    .on_hover_text(
                        "Want the schedule that the owners of this application recommend",
                    )
                    .clicked()
                {
                    actions.push(Action::Protection(ProtectionAction::UsePreset(
                        name.to_owned(),
                    )));
                }
            }
        });
    });
}

/// One line with a mark; further lines are the server's words.
pub(super) fn note(ui: &mut Ui, dot: Dot, text: &str) -> Response {
    let palette = *Palette::of(ui);
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(14.0, 18.0), Sense::hover());
        paint_dot(ui, rect.center(), dot);
        ui.add(
            Label::new(RichText::new(text).font(regular(13.0)).color(palette.text))
                .wrap()
                .selectable(true),
        )
    })
    .inner
}

/// What has to be known before the table: Agent, changes by hand, others that back this up, what was done last.
pub fn notes_ui(
    ui: &mut Ui,
    state: &State,
    outlook: &Outlook,
    reading: &ScheduleReading,
    actions: &mut Vec<Action>,
) {
    let protection = &state.protection;
    if protection.busy {
        note(ui, Dot::Busy, "Changing the jobs on the server…");
    }
    if let Some(change) = &protection.done {
        change_ui(ui, change);
    }
    if let Some(text) = words::agent_state(reading.agent) {
        note(
            ui,
            if reading.agent == AgentState::Stopped {
                Dot::Missed
            } else {
                Dot::AtRisk
            },
            text,
        );
    }
    if reading.agent == AgentState::Absent {
        ui.horizontal(|ui| {
            ui.add_space(22.0);
            if button(ui, "Files for the scheduler…").clicked() {
                actions.push(Action::Protection(ProtectionAction::Show(
                    ProtectionSection::OsFiles,
                )));
            }
        });
    }
    for what in &outlook.plan.left_out {
        note(ui, Dot::AtRisk, words::left_out(*what));
    }
    for change in &outlook.by_hand {
        for difference in &change.differences {
            note(
                ui,
                Dot::AtRisk,
                &format!(
                    "Changed by hand: {}: {}",
                    change.job,
                    words::job_difference(difference)
                ),
            );
        }
    }
    if protection.is_of_all() {
        note(
            ui,
            Dot::Unknown,
            "The schedule of all user databases backs this one up: a change here is a change for all of them",
        );
    }
    let not_applied = if protection.installed().is_none() {
        Some((
            Dot::Unknown,
            "Nothing of this is on the server yet: this is what would be",
        ))
    } else if !outlook.changes.is_empty() && outlook.by_hand.is_empty() {
        Some((Dot::AtRisk, "Not applied yet"))
    } else {
        None
    };
    if let Some((dot, words)) = not_applied {
        ui.horizontal(|ui| {
            note(ui, dot, words);
            if protection.on_server().is_some()
                && button(ui, "Back to what is on the server").clicked()
            {
                actions.push(Action::Protection(ProtectionAction::TakeInstalled));
            }
        });
    }
    // What was backed up of the others stands on their own pages.
    let of_here = |conflict: &&Conflict| match (conflict, &protection.of) {
        (Conflict::Backups(others), Some((_, database))) => {
            others.database.to_lowercase() == database.to_lowercase()
        }
        _ => true,
    };
    for conflict in outlook.conflicts.iter().filter(of_here) {
        let dot = if conflict.is_active() {
            Dot::AtRisk
        } else {
            Dot::Unknown
        };
        note(ui, dot, &words::conflict(conflict));
    }
}

/// What came of what was changed last.
fn change_ui(ui: &mut Ui, change: &ProtectionChange) {
    match change {
        ProtectionChange::Changed(report) if report.done => {
            note(
                ui,
                Dot::Good,
                &format!("Done; the journal is {}", report.run.0),
            );
        }
        ProtectionChange::Changed(report) => {
            if let Some(step) = report.steps.last()
                && let Outcome::Failed(failure) = &step.outcome
            {
                let problem = crate::explain::step_failure(failure);
                note(
                    ui,
                    Dot::Missed,
                    &format!("{}: {}", step.title, problem.sentence),
                );
                for detail in &problem.details {
                    note(ui, Dot::Unknown, detail);
                }
            }
        }
        ProtectionChange::Deleted(report) => {
            note(ui, Dot::Good, &words::retention_line(report));
            if let Some(doubt) = &report.doubt {
                let problem = words::retention_doubt(doubt);
                note(ui, Dot::Missed, &problem.sentence);
                if !problem.hint.is_empty() {
                    note(ui, Dot::Unknown, &problem.hint);
                }
                for detail in &problem.details {
                    note(ui, Dot::Unknown, detail);
                }
            }
        }
    }
}

/// Where the columns begin, as parts of the width.
const COLUMNS: [f32; 6] = [0.0, 0.12, 0.29, 0.55, 0.785, 0.855];

fn column(row: Rect, idx: usize) -> Rect {
    let at = |part: f32| row.left() + 10.0 + part * (row.width() - 10.0);
    let begin = COLUMNS.get(idx).copied().unwrap_or(1.0);
    let end = COLUMNS.get(idx + 1).copied().unwrap_or(1.0);
    Rect::from_x_y_ranges(at(begin)..=at(end) - 8.0, row.y_range())
}

/// A row for each kind of backup.
pub fn table_ui(ui: &mut Ui, state: &State, outlook: &Outlook, reading: &ScheduleReading) {
    let palette = *Palette::of(ui);
    let width = ui.available_width();
    let (head, _) = ui.allocate_exact_size(vec2(width, 30.0), Sense::hover());
    for (idx, text) in [
        "Backup",
        "When",
        "Where (seen from the server)",
        "Options",
        "Next",
        "Last",
    ]
    .into_iter()
    .enumerate()
    {
        paint_clipped(
            ui,
            column(head, idx),
            Align2::LEFT_CENTER,
            text,
            regular(12.5),
            palette.muted,
        );
    }
    ui.painter().hline(
        head.x_range(),
        head.bottom(),
        Stroke::new(1.0, palette.line),
    );
    ui.spacing_mut().item_spacing.y = 0.0;
    for backup in &outlook.policy.backups {
        let (row, response) = ui.allocate_exact_size(vec2(width, 34.0), Sense::hover());
        let place = outlook.policy.place(backup.kind).unwrap_or_default();
        let when = words::policy_times(&backup.times);
        let options = words::policy_options(outlook.plan.options, backup);
        let job = state
            .protection
            .installed()
            .and_then(|installed| installed.job(backup.kind));
        let next = backup
            .times
            .next_run(reading.server_now)
            .map_or_else(String::new, |next| next.0.format("%H:%M").to_string());
        let (last, last_color) = match job.map(|job| (job, job.outcomes.first())) {
            None => ("not applied yet".to_owned(), palette.muted),
            Some((job, _)) if job.running_since.is_some() => {
                ("running".to_owned(), palette.at_risk)
            }
            Some((_, None)) => ("has not run yet".to_owned(), palette.muted),
            Some((_, Some(run))) => (
                format!(
                    "{} {}",
                    words::run_status(run.status),
                    run.began.0.format("%H:%M")
                ),
                match run.status {
                    RunStatus::Succeeded => palette.log,
                    RunStatus::Failed => palette.danger,
                    _ => palette.at_risk,
                },
            ),
        };
        let mark = Rect::from_center_size(
            column(row, 0).left_center() + vec2(4.0, 0.0),
            vec2(8.0, 8.0),
        );
        ui.painter()
            .rect_filled(mark, 2, kind_color(&palette, backup.kind));
        let mut name = column(row, 0);
        name.min.x += 16.0;
        let text = |rect: Rect, text: &str, font, color: Color32| {
            paint_clipped(ui, rect, Align2::LEFT_CENTER, text, font, color);
        };
        text(
            name,
            words::policy_kind(backup.kind),
            semibold(13.0),
            palette.text,
        );
        text(column(row, 1), &when, regular(13.0), palette.text);
        text(column(row, 2), &place, mono(12.0), palette.text);
        text(column(row, 3), &options, regular(13.0), palette.text);
        text(column(row, 4), &next, regular(13.0), palette.text);
        text(column(row, 5), &last, regular(13.0), last_color);
        ui.painter()
            .hline(row.x_range(), row.bottom(), Stroke::new(1.0, palette.line));
        let spoken = format!(
            "{}, {when}, {place}, {options}, next {next}, {last}",
            words::policy_kind(backup.kind)
        );
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ListItem, true, &spoken));
        if let Some(job) = job {
            let since = job.outcomes.first().map_or_else(String::new, |run| {
                format!("\nlast run {}", server_time_short(run.began))
            });
            response.on_hover_text(format!(
                "{}\nowned by {}{since}",
                job.name,
                job.owner.as_deref().unwrap_or("a login that is gone")
            ));
        }
    }
    ui.spacing_mut().item_spacing.y = 8.0;
}

/// The colour of a kind, the same as on the timeline.
pub fn kind_color(palette: &Palette, kind: PolicyKind) -> Color32 {
    match kind {
        PolicyKind::Full => palette.full,
        PolicyKind::Differential => palette.differential,
        PolicyKind::Log => palette.log,
    }
}
