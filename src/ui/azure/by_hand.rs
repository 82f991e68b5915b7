//! What a managed instance and Amazon RDS let their users do themselves: T-SQL that is shown, and runs when its button is pressed.

use super::problem_ui;
use crate::{
    explain::figures,
    state::{Action, AzureAction, State},
    tsql::{self, Batch},
    ui::{
        empty::paragraph,
        sql_view::sql_ui,
        theme::{Palette, card, mono},
        widgets::{button, link, primary_button, section, small},
    },
    worker::Platform,
};
use egui::{Label, RichText, TextEdit, Ui};

/// Backups to and restores from a place of the user's own.
pub(super) fn by_hand_ui(
    ui: &mut Ui,
    state: &State,
    platform: Platform,
    actions: &mut Vec<Action>,
) {
    let (Some(database), Some(mut place)) = (
        state.database_name(),
        Some(state.azure.by_hand.place.clone()),
    ) else {
        return;
    };
    let (words, hint) = match platform {
        Platform::ManagedInstance => (
            "To and from a URL",
            "https://account.blob.core.windows.net/container/file.bak",
        ),
        Platform::AmazonRds => ("To and from S3", "arn:aws:s3:::bucket/file.bak"),
        Platform::SqlServer | Platform::AzureSqlDatabase => return,
    };
    ui.add_space(10.0);
    section(ui, words);
    let field = ui.add(
        TextEdit::singleline(&mut place)
            .font(mono(12.0))
            .hint_text(hint)
            .desired_width(f32::INFINITY),
    );
    if field.changed() {
        actions.push(Action::Azure(AzureAction::EditPlace(place.clone())));
    }
    let place = place.trim().to_owned();
    if place.is_empty() {
        paragraph(
            ui,
            match platform {
                Platform::ManagedInstance => {
                    "Name the file. Its container needs a credential of the same name on the instance."
                }
                _ => {
                    "Name the object by its ARN. The instance needs the option SQLSERVER_BACKUP_RESTORE with a role for the bucket."
                }
            },
        );
        return;
    }
    let at = state.own.now.to_server(crate::domain::UtcOffset::ZERO);
    let copy = state.choice.copy_name(database, at);
    let (backup, restore) = match platform {
        Platform::ManagedInstance => {
            let urls = [place];
            (
                tsql::instance_backup(database, &urls),
                tsql::instance_restore(&copy, &urls),
            )
        }
        _ => (
            tsql::rds_backup(database, &place),
            tsql::rds_restore(&copy, &place),
        ),
    };
    batch_ui(ui, state, &backup, actions);
    batch_ui(ui, state, &restore, actions);
    if platform == Platform::AmazonRds && button(ui, "How do the tasks stand?").clicked() {
        actions.push(Action::Azure(AzureAction::RunBatch(Box::new(
            tsql::rds_tasks(database),
        ))));
    }
    result_ui(ui, state);
}

fn batch_ui(ui: &mut Ui, state: &State, batch: &Batch, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    ui.add_space(4.0);
    small(ui, batch.title.clone());
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        sql_ui(ui, &batch.sql);
        ui.horizontal(|ui| {
            let idle = !state.azure.by_hand.running;
            if primary_button(ui, "Run", 70.0, idle).clicked() {
                actions.push(Action::Azure(AzureAction::RunBatch(Box::new(
                    batch.clone(),
                ))));
            }
            if link(ui, "Copy").clicked() {
                ui.ctx().copy_text(batch.sql.clone());
            }
        });
    });
}

fn result_ui(ui: &mut Ui, state: &State) {
    let by_hand = &state.azure.by_hand;
    if by_hand.running {
        small(ui, "The server is at work…");
    }
    match &by_hand.result {
        None => {}
        Some(Err(problem)) => problem_ui(ui, problem),
        Some(Ok(lines)) => {
            small(
                ui,
                format!(
                    "The server answered {} lines",
                    figures::count(lines.len() as u64)
                ),
            );
            for line in lines.iter().rev().take(30).rev() {
                ui.add(Label::new(RichText::new(line).font(mono(11.0))).wrap());
            }
        }
    }
}
