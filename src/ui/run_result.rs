//! What came of a run: the state, what was wrong, the counted tables.

use super::{
    empty::problem_words,
    theme::{Palette, card, mono, regular, semibold},
    widgets::{small, strong},
};
use crate::{
    explain::{figures, step_failure, target_state, verification_fault},
    run::{Outcome, RunEnd, RunKind, RunReport, TargetState, Verification},
    state::{CheckNow, RunView},
};
use egui::{Color32, Grid, Label, RichText, Ui};

/// What came of it: the state, what was wrong, and the counted tables.
pub fn result_ui(ui: &mut Ui, run: &RunView, report: &RunReport) {
    let palette = *Palette::of(ui);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let over = run.kind == RunKind::RestoreOver;
        let words = match &report.end {
            _ if run.dropped => format!(
                "{} was dropped. {} and its backups stay as they are.",
                run.target_database, run.database
            ),
            RunEnd::Verified if run.only_recovers() => format!(
                "{} is online with what had been restored before the moment that was chosen first.",
                run.target_database
            ),
            RunEnd::Verified if over => format!(
                "{} is online, as it was at that moment.",
                run.target_database
            ),
            RunEnd::Verified => format!(
                "{} is online, as {} was at that moment.",
                run.target_database, run.database
            ),
            RunEnd::Standby => format!(
                "{} can be read, as {} was at that moment (standby). It can go on from here.",
                run.target_database, run.database
            ),
            RunEnd::OnlineNotVerified if report.state == TargetState::Standby => format!(
                "{} can be read (standby), but a check failed or could not be made.",
                run.target_database
            ),
            RunEnd::OnlineNotVerified => format!(
                "{} is online, but a check failed or could not be made.",
                run.target_database
            ),
            RunEnd::Untouched if over => format!("{} was not touched.", run.database),
            RunEnd::Untouched => {
                format!("Nothing was created, and {} was not touched.", run.database)
            }
            RunEnd::Restoring | RunEnd::Cancelled => {
                let begins = if report.end == RunEnd::Cancelled {
                    "Cancelled. "
                } else {
                    ""
                };
                let state = target_state(&report.state, &run.target_database);
                if over {
                    format!("{begins}{state}. The run can go on.")
                } else {
                    format!("{begins}{state}. {} was not touched.", run.database)
                }
            }
        };
        strong(ui, words, 14.0);
        small(
            ui,
            format!(
                "took {} · journal {}",
                figures::duration(report.seconds),
                report.id.0
            ),
        );
        match &run.check {
            CheckNow::Ended(Ok(seconds)) => {
                small(
                    ui,
                    format!(
                        "DBCC CHECKDB found nothing ({})",
                        figures::duration(*seconds)
                    ),
                );
            }
            CheckNow::Ended(Err(problem)) => problem_ui(ui, problem, palette.danger),
            CheckNow::No | CheckNow::Runs => {}
        }
        for step in &report.steps {
            match &step.outcome {
                Outcome::Failed(failure) => {
                    problem_ui(ui, &step_failure(failure), palette.danger);
                }
                Outcome::DoneWithWarning(failure) => {
                    problem_ui(ui, &step_failure(failure), palette.at_risk);
                }
                Outcome::Done | Outcome::Skipped { .. } | Outcome::Cancelled => {}
            }
        }
        if let Some(verification) = &report.verification {
            for fault in &verification.problems {
                problem_ui(ui, &verification_fault(fault), palette.danger);
            }
            ui.add_space(8.0);
            verification_ui(ui, verification, over);
        }
    });
}

fn problem_ui(ui: &mut Ui, problem: &crate::explain::Problem, color: Color32) {
    let palette = *Palette::of(ui);
    ui.add_space(4.0);
    problem_words(ui, problem, color);
    for line in problem.details.iter().take(4) {
        ui.add(
            Label::new(RichText::new(line).font(mono(11.0)).color(palette.muted))
                .wrap()
                .selectable(true),
        );
    }
}

fn verification_ui(ui: &mut Ui, verification: &Verification, over: bool) {
    let palette = *Palette::of(ui);
    if let Some(version) = &verification.schema_version {
        small(ui, format!("Schema at {version}"));
    }
    let users = &verification.orphaned_users;
    if !users.is_empty() {
        let shown: Vec<&str> = users.iter().take(8).map(String::as_str).collect();
        small(
            ui,
            format!(
                "{} without a login on this server: {}{}",
                figures::counted(users.len() as u64, "user", "users"),
                shown.join(", "),
                if users.len() > shown.len() { "…" } else { "" }
            ),
        );
    }
    if let Some(access) = &verification.access {
        let owner = match &verification.owner {
            Some(owner) => format!("owner {owner}"),
            None => "its owner's login is not on this server".to_owned(),
        };
        small(ui, format!("Access: {access} · {owner}"));
    }
    if verification.tables.is_empty() {
        return;
    }
    // Nothing to compare with: it was restored over, or the original is on another server.
    let compares = verification
        .tables
        .iter()
        .any(|table| table.rows_original.is_some());
    if over || !compares {
        counts_ui(ui, verification);
        return;
    }
    let cell = |ui: &mut Ui, text: String, strong: bool, color: Color32| {
        let font = if strong {
            semibold(12.0)
        } else {
            regular(12.0)
        };
        ui.add(Label::new(RichText::new(text).font(font).color(color)));
    };
    // Rows of text, not of buttons.
    ui.spacing_mut().interact_size.y = 16.0;
    Grid::new("row counts")
        .num_columns(4)
        .spacing([24.0, 5.0])
        .show(ui, |ui| {
            for title in [
                "Protected table",
                "In the copy",
                "In the original now",
                "Difference",
            ] {
                small(ui, title);
            }
            ui.end_row();
            for table in &verification.tables {
                cell(ui, table.table.clone(), false, palette.text);
                let count =
                    |rows: Option<u64>| rows.map_or_else(|| "not there".to_owned(), figures::count);
                cell(ui, count(table.rows_copy), true, palette.text);
                let original = table.rows_original.map_or_else(
                    || "not there".to_owned(),
                    |n| format!("≈ {}", figures::count(n)),
                );
                cell(ui, original, false, palette.muted);
                let difference = match (table.rows_copy, table.rows_original) {
                    (Some(copy), Some(original)) if copy > original => (
                        format!("+{} back", figures::count(copy - original)),
                        palette.log,
                    ),
                    (Some(copy), Some(original)) if copy < original => (
                        format!("−{}", figures::count(original - copy)),
                        palette.muted,
                    ),
                    (Some(_), Some(_)) => ("same".to_owned(), palette.muted),
                    _ => (String::new(), palette.muted),
                };
                cell(ui, difference.0, false, difference.1);
                ui.end_row();
            }
        });
    small(
        ui,
        "Counted exactly in the copy; ≈ comes from the original's partition metadata, now",
    );
}

/// Over the original there is nothing left to compare with.
fn counts_ui(ui: &mut Ui, verification: &Verification) {
    let palette = *Palette::of(ui);
    ui.spacing_mut().interact_size.y = 16.0;
    Grid::new("row counts")
        .num_columns(2)
        .spacing([24.0, 5.0])
        .show(ui, |ui| {
            for title in ["Protected table", "Rows"] {
                small(ui, title);
            }
            ui.end_row();
            for table in &verification.tables {
                ui.add(Label::new(
                    RichText::new(&table.table)
                        .font(regular(12.0))
                        .color(palette.text),
                ));
                let rows = table
                    .rows_copy
                    .map_or_else(|| "not there".to_owned(), figures::count);
                ui.add(Label::new(
                    RichText::new(rows).font(semibold(12.0)).color(palette.text),
                ));
                ui.end_row();
            }
        });
    small(ui, "Counted exactly");
}
