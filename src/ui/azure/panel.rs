//! The panel beside the timeline of a database that a service backs up.

use super::{by_hand::by_hand_ui, command_ui, problem_ui};
use crate::{
    azure::{Redundancy, new_name_fault},
    explain::{self, Problem, figures},
    state::{Action, AzureAction, DatabaseView, Managed, State},
    ui::{
        empty::paragraph,
        plan_panel::{panel_above_foot, target_ui},
        theme::{Palette, card, mono},
        widgets::{button, choice, link, muted, primary_button, section, small, strong},
    },
    worker::Platform,
};
use egui::{TextEdit, Ui};

/// More than anybody chooses from in a narrow panel; older ones are asked of the portal.
const SHOWN_BACKUPS: usize = 12;

/// Shows where to, what is kept, and the command that does it.
pub fn panel_ui(
    ui: &mut Ui,
    state: &State,
    database: &DatabaseView,
    managed: &Managed,
) -> Vec<Action> {
    let mut actions = Vec::new();
    panel_above_foot(
        ui,
        &mut actions,
        |ui, actions| body_ui(ui, state, database, managed, actions),
        |ui, actions| {
            if managed.platform == Platform::AmazonRds {
                small_wrapped(
                    ui,
                    "To a moment Amazon restores a whole instance, from its console.",
                );
            } else {
                foot_ui(ui, state, actions);
            }
        },
    );
    actions
}

fn body_ui(
    ui: &mut Ui,
    state: &State,
    database: &DatabaseView,
    managed: &Managed,
    actions: &mut Vec<Action>,
) {
    match state.chosen_long_term() {
        _ if managed.platform == Platform::AmazonRds => {
            strong(ui, "Full backups to S3, and back", 21.0);
        }
        Some(backup) => {
            muted(ui, "Restore the long-term backup of");
            strong(ui, explain::utc_words(backup.taken), 21.0);
            muted(ui, "UTC");
            if link(ui, "Restore a moment instead").clicked() {
                actions.push(Action::Azure(AzureAction::ChooseLongTerm(None)));
            }
        }
        None => {
            target_ui(ui, state, database, actions);
            if let Some(gone) = state.azure_gone() {
                small_wrapped(ui, &explain::deleted_then(gone));
            }
            if let Some(moment) = state.choice.moment {
                let offset = (state.own.offset_at)(moment.instant);
                small(
                    ui,
                    format!(
                        "{} on your clock, {}",
                        figures::date_time(moment.instant.to_server(offset)),
                        figures::zone(offset)
                    ),
                );
            }
        }
    }
    ui.add_space(10.0);
    if let Some(limits) = explain::platform_limits(managed.platform) {
        small_wrapped(ui, limits);
        ui.add_space(8.0);
    }
    if let Some(problem) = state.azure_unseen() {
        small_wrapped(ui, &problem.sentence);
        small_wrapped(ui, &problem.hint);
        ui.add_space(8.0);
    }
    if managed.platform != Platform::AmazonRds {
        by_azure_ui(ui, state, managed, actions);
    }
    by_hand_ui(ui, state, managed.platform, actions);
}

/// What Azure keeps, and what it would be asked for.
fn by_azure_ui(ui: &mut Ui, state: &State, managed: &Managed, actions: &mut Vec<Action>) {
    match state.azure_home() {
        Some(Err(problem)) => {
            problem_ui(ui, problem);
            return;
        }
        None => {
            small(ui, "The server is not connected");
            return;
        }
        Some(Ok(_)) => {}
    }
    if state.azure_gone().is_none() {
        told_ui(ui, state, managed, actions);
    }
    deleted_ui(ui, state, actions);
    if managed.range.is_none() && managed.long_term().is_empty() {
        return;
    }
    new_database_ui(ui, state, managed, actions);
    if let Some(command) = state.azure_command() {
        ui.add_space(10.0);
        section(ui, "The command");
        command_ui(ui, &command.line());
    } else if state.azure.long_term_backup.is_none() {
        out_of_range_ui(ui, state, managed, actions);
    }
}

/// What Azure told of the database: its retention, its long-term backups; or why it told nothing.
fn told_ui(ui: &mut Ui, state: &State, managed: &Managed, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    match state.azure_told() {
        None => {
            if managed.range.is_none() {
                asking_ui(ui, "Azure is being asked what it can restore…", actions);
            }
        }
        Some(Err(problem)) => not_told_ui(ui, state, problem, actions),
        Some(Ok(told)) => {
            section(ui, "What Azure keeps");
            card(&palette).show(ui, |ui| {
                ui.set_width(ui.available_width());
                line(
                    ui,
                    "Any second of",
                    &match &told.short_term {
                        Ok(policy) => explain::short_term(policy),
                        Err(problem) => problem.sentence.clone(),
                    },
                );
                line(
                    ui,
                    "Single backups for",
                    &match &told.long_term {
                        Ok(policy) => explain::long_term(policy),
                        Err(problem) => problem.sentence.clone(),
                    },
                );
                if link(ui, "Change what is kept…").clicked() {
                    actions.push(Action::Azure(AzureAction::EditRetention));
                }
            });
            if !managed.long_term().is_empty() {
                ui.add_space(8.0);
                section(ui, "Long-term backups");
                for backup in managed.long_term().iter().rev().take(SHOWN_BACKUPS) {
                    let words = explain::utc_words(backup.taken);
                    let chosen = state.azure.long_term_backup.as_deref() == Some(&backup.id);
                    if choice(ui, &words, chosen)
                        .on_hover_text(match backup.expires {
                            Some(expires) => {
                                format!("Kept until {} UTC", explain::utc_words(expires))
                            }
                            None => "Azure does not tell how long it is kept".to_owned(),
                        })
                        .clicked()
                    {
                        let id = (!chosen).then(|| backup.id.clone());
                        actions.push(Action::Azure(AzureAction::ChooseLongTerm(id)));
                    }
                }
            }
            ui.add_space(10.0);
        }
    }
}

/// The deleted databases of this name, each of which can be restored instead of the living one.
fn deleted_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let deleted = state.azure_deleted();
    if deleted.is_empty() {
        return;
    }
    section(ui, "Deleted databases of this name");
    let meant = state.azure_gone().map(|gone| gone.deleted);
    for gone in deleted {
        let chosen = meant == Some(gone.deleted);
        let words = format!("Deleted {}", explain::utc_words(gone.deleted));
        if choice(ui, &words, chosen)
            .on_hover_text(match gone.earliest_restore {
                Some(earliest) => {
                    let earliest = explain::utc_words(earliest);
                    format!("Any second from {earliest} UTC up to then can be restored")
                }
                None => "Azure does not tell what of it can be restored".to_owned(),
            })
            .clicked()
        {
            let deleted = (!chosen).then_some(gone.deleted);
            actions.push(Action::Azure(AzureAction::ChooseDeleted(deleted)));
        }
    }
    ui.add_space(10.0);
}

/// Azure is being asked; a call may take as long as the network lets it.
pub(super) fn asking_ui(ui: &mut Ui, words: &str, actions: &mut Vec<Action>) {
    small(ui, words);
    if link(ui, "Stop asking").clicked() {
        actions.push(Action::Azure(AzureAction::StopAsking));
    }
}

/// Why Azure told nothing, and asking it again.
pub(super) fn not_told_ui(
    ui: &mut Ui,
    state: &State,
    problem: &Problem,
    actions: &mut Vec<Action>,
) {
    problem_ui(ui, problem);
    if state.azure_asking() {
        asking_ui(ui, "Azure is being asked again…", actions);
    } else if button(ui, "Ask again").clicked() {
        actions.push(Action::Azure(AzureAction::ReadAgain));
    }
}

fn line(ui: &mut Ui, label: &str, value: &str) {
    ui.horizontal_wrapped(|ui| {
        small(ui, label);
        ui.label(value);
    });
}

fn small_wrapped(ui: &mut Ui, text: &str) {
    let palette = *Palette::of(ui);
    ui.add(
        egui::Label::new(
            egui::RichText::new(text)
                .font(crate::ui::theme::regular(11.5))
                .color(palette.muted),
        )
        .wrap(),
    );
}

/// Name, service objective, pool and redundancy of the database that is made.
fn new_database_ui(ui: &mut Ui, state: &State, managed: &Managed, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let Some(new) = state.azure_new() else {
        paragraph(
            ui,
            "Click into the timeline to choose the moment, or type it above.",
        );
        return;
    };
    let told = state
        .azure_told()
        .and_then(|told| told.as_ref().ok())
        .filter(|_| state.azure_gone().is_none());
    section(ui, "Restore into a new database");
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let mut name = new.name.clone();
        if field(ui, "Name", &mut name, "") {
            actions.push(Action::EditCopyName(name.clone()));
        }
        if let Some(fault) = new_name_fault(&name) {
            small(ui, explain::value_fault(&fault));
        }
        if state.choice.copy_name.is_some() && link(ui, "Name it after the moment").clicked() {
            actions.push(Action::ResetCopyName);
        }
        if managed.platform != Platform::AzureSqlDatabase {
            return;
        }
        let source = told.map(|told| &told.database);
        let mut objective = state.azure.options.service_objective.clone();
        let as_source = source
            .and_then(|source| source.service_objective.clone())
            .map_or_else(
                || "as the source".to_owned(),
                |it| format!("{it}, as the source"),
            );
        if field(ui, "Objective", &mut objective, &as_source) {
            actions.push(Action::Azure(AzureAction::EditObjective(objective)));
        }
        let mut pool = state.azure.options.elastic_pool.clone();
        let as_source = source
            .and_then(|source| source.elastic_pool.clone())
            .map_or_else(|| "none".to_owned(), |it| format!("{it}, as the source"));
        if field(ui, "Pool", &mut pool, &as_source) {
            actions.push(Action::Azure(AzureAction::EditPool(pool)));
        }
        if !state.azure.options.elastic_pool.trim().is_empty()
            && !state.azure.options.service_objective.trim().is_empty()
        {
            small(ui, "In a pool the objective is the pool's");
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            small(ui, "Backups");
            let now = state.azure.options.redundancy;
            if choice(ui, "as the source", now.is_none()).clicked() {
                actions.push(Action::Azure(AzureAction::ChooseRedundancy(None)));
            }
            for redundancy in Redundancy::ALL {
                if choice(ui, redundancy.word(), now == Some(redundancy)).clicked() {
                    actions.push(Action::Azure(AzureAction::ChooseRedundancy(Some(
                        redundancy,
                    ))));
                }
            }
        });
    });
}

fn field(ui: &mut Ui, label: &str, value: &mut String, hint: &str) -> bool {
    ui.horizontal(|ui| {
        let said = small(ui, label);
        ui.add(
            TextEdit::singleline(value)
                .font(mono(12.0))
                .char_limit(128)
                .hint_text(hint)
                .desired_width(f32::INFINITY),
        )
        .labelled_by(said.id)
        .changed()
    })
    .inner
}

/// A typed moment outside what can be restored: why, and the nearest that can.
fn out_of_range_ui(ui: &mut Ui, state: &State, managed: &Managed, actions: &mut Vec<Action>) {
    let (Some(range), Some(moment)) = (managed.range, state.choice.moment) else {
        return;
    };
    ui.add_space(8.0);
    strong(ui, "This moment cannot be restored", 14.0);
    let (sentence, nearest) = if moment.instant < range.earliest {
        (
            "It is older than what Azure keeps every second of.",
            range.earliest,
        )
    } else if range.deleted.is_some() {
        ("The database was deleted before it.", range.latest)
    } else {
        (
            "The last minutes are in no backup of Azure's yet; it takes one every five to ten minutes.",
            range.latest,
        )
    };
    paragraph(ui, sentence);
    let words = explain::utc_words(nearest);
    ui.horizontal_wrapped(|ui| {
        if button(ui, &words).clicked() {
            actions.push(Action::PlaceMarker(nearest.seconds()));
        }
        small(ui, "nearest that can be reached, UTC");
    });
}

fn foot_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let name_fault = state.azure_new().and_then(|new| new_name_fault(&new.name));
    let why_not = if state.azure_running() {
        Some("A restore is running".to_owned())
    } else if let Some(fault) = &name_fault {
        Some(explain::value_fault(fault))
    } else if state.azure_command().is_none() {
        Some("Choose a moment that can be restored".to_owned())
    } else {
        None
    };
    let width = ui.available_width();
    if primary_button(ui, "Review and restore…", width, why_not.is_none())
        .on_disabled_hover_text(why_not.unwrap_or_default())
        .clicked()
    {
        actions.push(Action::Azure(AzureAction::Review));
    }
}
