//! What a managed instance and Amazon RDS let their users do themselves: T-SQL that is shown, and runs when its button is pressed.

use super::problem_ui;
use crate::{
    explain::figures,
    run::{ByHand, ByHandService, ByHandWork},
    state::{Action, AzureAction, State},
    ui::{
        empty::paragraph,
        sql_view::sql_ui,
        theme::{Palette, card, mono, regular},
        widgets::{button, danger_button, link, section, small, strong},
    },
    worker::Platform,
};
use egui::{Label, RichText, TextEdit, Ui};

/// Lines of an answer that are shown; the journal has all.
const LINES: usize = 8;

/// Backups to and restores from a place of the user's own.
pub(super) fn by_hand_ui(
    ui: &mut Ui,
    state: &State,
    platform: Platform,
    actions: &mut Vec<Action>,
) {
    let Some(database) = state.database_name() else {
        return;
    };
    let (service, title, hint, needs) = match platform {
        Platform::ManagedInstance => (
            ByHandService::ManagedInstance,
            "To and from a URL",
            "https://account.blob.core.windows.net/container/file.bak",
            "Name the file. Its container needs a credential of the same name on the instance.",
        ),
        Platform::AmazonRds => (
            ByHandService::AmazonRds,
            "To and from S3",
            "arn:aws:s3:::bucket/file.bak",
            "Name the object by its ARN. The instance needs the option SQLSERVER_BACKUP_RESTORE with a role for the bucket.",
        ),
        Platform::SqlServer | Platform::AzureSqlDatabase => return,
    };
    ui.add_space(10.0);
    section(ui, title);
    let mut place = state.azure.by_hand.place.clone();
    let field = ui.add(
        TextEdit::singleline(&mut place)
            .font(mono(12.0))
            .hint_text(hint)
            .desired_width(f32::INFINITY),
    );
    if field.changed() {
        actions.push(Action::Azure(AzureAction::EditPlace(place.clone())));
    }
    // Above the statements: below them it would often be out of sight.
    result_ui(ui, state, service, actions);
    let place = place.trim().to_owned();
    if place.is_empty() {
        paragraph(ui, needs);
    } else {
        // Of which moment the file is, nobody knows before it is read.
        let into = state.choice.copy_name.clone();
        let into = into.unwrap_or_else(|| format!("{database}_copy"));
        for work in [ByHandWork::Backup, ByHandWork::Restore { into }] {
            let by_hand = ByHand {
                service,
                work,
                database: database.to_owned(),
                place: place.clone(),
            };
            work_ui(ui, state, &by_hand, actions);
        }
    }
    if service == ByHandService::AmazonRds {
        ui.add_space(4.0);
        if button(ui, "How do the tasks stand?").clicked() {
            actions.push(Action::Azure(AzureAction::ReadTasks));
        }
    }
}

fn work_ui(ui: &mut Ui, state: &State, by_hand: &ByHand, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let batch = by_hand.batch();
    ui.add_space(4.0);
    small(ui, batch.title.clone());
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        sql_ui(ui, &batch.sql);
        ui.horizontal(|ui| {
            let word = match by_hand.work {
                ByHandWork::Backup => "Back up",
                ByHandWork::Restore { .. } => "Restore",
            };
            let idle = !state.azure.by_hand.busy;
            let press = ui.add_enabled_ui(idle, |ui| button(ui, word)).inner;
            if press.clicked() {
                let by_hand = Box::new(by_hand.clone());
                actions.push(Action::Azure(AzureAction::RunByHand(by_hand)));
            }
            if link(ui, "Copy").clicked() {
                ui.ctx().copy_text(batch.sql.clone());
            }
        });
    });
}

fn result_ui(ui: &mut Ui, state: &State, service: ByHandService, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let view = &state.azure.by_hand;
    let asked = view.busy || view.ended.is_some() || !view.lines.is_empty();
    if !asked {
        return;
    }
    ui.add_space(8.0);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        match &view.ended {
            _ if view.busy => {
                small(ui, "The server is at work…");
            }
            Some(Ok(seconds)) => {
                strong(ui, format!("Done in {}", figures::duration(*seconds)), 13.0);
                small(ui, "Its journal is under Activity.");
            }
            Some(Err(problem)) => problem_ui(ui, problem),
            None => {}
        }
        let skipped = view.lines.len().saturating_sub(LINES);
        for line in view.lines.iter().skip(skipped) {
            ui.add(Label::new(RichText::new(line).font(mono(11.0))).wrap());
        }
        if view.running.is_some() {
            let (word, hover) = match service {
                ByHandService::ManagedInstance => (
                    "Cancel",
                    "Ends the statement; a restore that has begun goes on by itself",
                ),
                ByHandService::AmazonRds => ("Cancel the task", "Runs rds_cancel_task"),
            };
            if danger_button(ui, word).on_hover_text(hover).clicked() {
                actions.push(Action::Azure(AzureAction::StopByHand));
            }
        }
    });
    if let Some(verification) = &view.verification {
        for table in &verification.tables {
            let rows = |rows: Option<u64>| rows.map_or("missing".to_owned(), figures::count);
            let words = format!(
                "{}: {} restored, {} in the original",
                table.table,
                rows(table.rows_copy),
                rows(table.rows_original)
            );
            ui.add(
                Label::new(
                    RichText::new(words)
                        .font(regular(11.5))
                        .color(palette.muted),
                )
                .wrap(),
            );
        }
    }
}
