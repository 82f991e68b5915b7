//! Where a restore goes: under which name, and where its files lie.

use super::{
    theme::{Palette, card, mono, regular},
    widgets::{link, section, small, strong},
};
use crate::{
    domain::RestorePlan,
    explain::figures,
    state::{Action, DatabaseView, DestinationAction, Dialog, Into, State},
    worker::{RestoreWishes, ServerId},
};
use egui::{ComboBox, Label, RichText, Sense, Stroke, TextEdit, Ui, vec2};

/// A copy or the original, and what goes with each.
pub fn destination_ui(
    ui: &mut Ui,
    state: &State,
    database: &DatabaseView,
    plan: &RestorePlan,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    section(ui, "Restore as");
    ui.add_space(4.0);
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        if state.goes_on() {
            let name = state.database_name().unwrap_or_default();
            small(ui, format!("{name} itself, from where it stands"));
            return;
        }
        copy_ui(ui, state, plan, actions);
        // A folder has no original.
        if !matches!(state.selected_server(), Some(ServerId::Folder(_))) {
            ui.add_space(6.0);
            over_ui(ui, state, database, plan, actions);
        }
    });
}

/// A database that a restore has left part of the way: whether to go on with it.
pub fn go_on_ui(ui: &mut Ui, state: &State, database: &DatabaseView, actions: &mut Vec<Action>) {
    let (Some(_), Some(name)) = (state.restoring_state(), state.database_name()) else {
        return;
    };
    card(Palette::of(ui)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        strong(ui, format!("{name} is RESTORING"), 12.5);
        let backups = database.history.name();
        let own = database.is_of(name);
        if state.goes_on() {
            small(
                ui,
                "Planned from where it stands: only what it has not got yet is restored.",
            );
            if own && link(ui, "Begin with a full backup instead").clicked() {
                actions.push(into(Into::Copy));
            }
        } else {
            small(ui, "A restore has left it part of the way.");
            if link(ui, "Go on from where it stands").clicked() {
                actions.push(into(Into::GoOn));
            }
        }
        if !own {
            small(ui, format!("It was begun with backups of {backups}."));
        }
    });
    ui.add_space(8.0);
}

fn copy_ui(ui: &mut Ui, state: &State, plan: &RestorePlan, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let over = state.chooses_over();
    let original = state.database_name().unwrap_or_default();
    let mut name = state
        .choice
        .moment
        .map(|moment| state.choice.copy_name(original, moment.server))
        .unwrap_or_default();
    ui.horizontal(|ui| {
        if radio(ui, "A copy", !over).clicked() {
            actions.push(into(Into::Copy));
        }
        let field = ui.add_enabled(
            !over,
            TextEdit::singleline(&mut name)
                .font(mono(12.0))
                .char_limit(128)
                .desired_width(f32::INFINITY),
        );
        if field.changed() {
            actions.push(Action::EditCopyName(name.clone()));
        }
        field.accessible_name("A copy");
    });
    if over {
        return;
    }
    if name.trim().is_empty() {
        small(ui, "The copy needs a name");
    } else if name.eq_ignore_ascii_case(original) {
        small(ui, "A copy cannot have the name of the original");
    } else {
        let target = state.choice.destination.on.and(state.target_server());
        let words = match target {
            Some(server) => format!(
                "On {}; {original} is not touched",
                state.server_name(server)
            ),
            None => format!("Beside {original}, which is not touched"),
        };
        small(ui, words);
    }
    server_ui(ui, state, actions);
    if state.choice.copy_name.is_some() && link(ui, "Name it after the moment").clicked() {
        actions.push(Action::ResetCopyName);
    }
    if !plan.moves.is_empty() {
        files_line_ui(ui, state, plan, actions);
    }
    let wishes = &state.choice.destination.wishes;
    let mut restricted = wishes.restricted_user;
    ui.checkbox(&mut restricted, "Only administrators get in")
        .on_hover_text("RESTRICTED_USER: owners and administrators alone can use the copy");
    if restricted != wishes.restricted_user {
        actions.push(Action::Destination(DestinationAction::Wishes(
            RestoreWishes {
                restricted_user: restricted,
                standby: wishes.standby && !restricted,
                ..wishes.clone()
            },
        )));
    }
    if restricted {
        ui.add(
            Label::new(
                RichText::new("Jobs for all databases run as administrators: they will see the copy all the same")
                    .font(regular(11.5))
                    .color(palette.at_risk),
            )
            .wrap(),
        );
    }
}

/// The server of the copy, where there is another one.
fn server_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let others = state.other_servers();
    let chosen = state
        .choice
        .destination
        .on
        .filter(|server| others.contains(server));
    if others.is_empty() {
        return;
    }
    let own = state.selected_server();
    let name = |server: Option<ServerId>| match server {
        Some(server) => state.server_name(server).to_owned(),
        None => format!(
            "{}, as the original",
            own.map_or("", |own| state.server_name(own))
        ),
    };
    let mut now = chosen;
    ui.horizontal(|ui| {
        let label = small(ui, "Server");
        let combo = ComboBox::from_id_salt("server of the copy")
            .width((ui.available_width() - 8.0).max(120.0))
            .selected_text(RichText::new(name(chosen)).font(regular(12.5)))
            .truncate()
            .show_ui(ui, |ui| {
                ui.selectable_value(&mut now, None, name(None));
                for server in others {
                    ui.selectable_value(&mut now, Some(server), name(Some(server)));
                }
            });
        combo.response.labelled_by(label.id);
    });
    if now != chosen {
        if let Some(server) = now.filter(|server| !state.is_connected(*server)) {
            actions.push(Action::Connect {
                server,
                password: None,
            });
        }
        actions.push(Action::Destination(DestinationAction::On(now)));
    }
    if let Some(server) = chosen.filter(|server| !state.is_connected(*server)) {
        let words = format!("{} is not connected", state.server_name(server));
        small(ui, words);
        if link(ui, "Connect").clicked() {
            actions.push(Action::Connect {
                server,
                password: None,
            });
        }
    }
}

fn over_ui(
    ui: &mut Ui,
    state: &State,
    database: &DatabaseView,
    plan: &RestorePlan,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let over = state.chooses_over();
    let original = state.database_name().unwrap_or_default();
    let moment = plan.target.moment().or(state.choice.moment);
    let lost = moment.map_or_else(String::new, |moment| {
        let seconds = (database.now.seconds() - moment.instant.seconds()).max(0.0);
        format!(": discards {}", figures::duration(seconds.floor()))
    });
    let (tail, on_hover) = match state.over_has_tail() {
        Some(true) => (
            ", tail saved first",
            "In its place; everybody is put out, and its log is backed up first",
        ),
        // In simple recovery, or RESTORING.
        Some(false) => (
            "; it has no tail to save",
            "In its place; everybody is put out. As it is now its log cannot be backed up first",
        ),
        None => ("", "In its place"),
    };
    ui.horizontal_top(|ui| {
        if radio(ui, "", over).on_hover_text(on_hover).clicked() {
            actions.push(into(Into::Over));
        }
        let words = format!("Over {original}{lost}{tail}");
        let response = ui.add(
            Label::new(RichText::new(words).font(regular(13.0)).color(if over {
                palette.text
            } else {
                palette.muted
            }))
            .wrap()
            .sense(Sense::click()),
        );
        if response.clicked() {
            actions.push(into(Into::Over));
        }
    });
}

fn into(into: Into) -> Action {
    Action::Destination(DestinationAction::Into(into))
}

/// How many files, and the way to where they go.
fn files_line_ui(ui: &mut Ui, state: &State, plan: &RestorePlan, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let choice = &state.choice.destination;
    let n_faults = state.path_faults().iter().flatten().count();
    let n_files = figures::counted(plan.moves.len() as u64, "file", "files");
    let words = match (&choice.files_to, choice.files.len()) {
        (None, 0) => format!("{n_files}, in the folders of the original…"),
        (Some(folder), 0) => format!("{n_files}, in {folder}…"),
        (_, chosen) => format!("{n_files}, {chosen} of them where you put them…"),
    };
    if link(ui, &words).clicked() {
        actions.push(Action::ShowDialog(Dialog::Files));
    }
    if n_faults > 0 {
        ui.add(
            Label::new(
                RichText::new("Not every file has a path of its own")
                    .small()
                    .color(palette.danger),
            )
            .wrap(),
        );
    }
}

/// A choice of two, with its word beside it.
fn radio(ui: &mut Ui, text: &str, chosen: bool) -> egui::Response {
    let palette = *Palette::of(ui);
    let galley = ui
        .painter()
        .layout_no_wrap(text.to_owned(), regular(13.0), palette.text);
    let word = if text.is_empty() {
        0.0
    } else {
        galley.size().x + 6.0
    };
    let (rect, response) = ui.allocate_exact_size(vec2(16.0 + word, 22.0), Sense::click());
    let said = if text.is_empty() {
        "Over the original"
    } else {
        text
    };
    response
        .widget_info(|| egui::WidgetInfo::selected(egui::Role::RadioButton, true, chosen, said));
    let center = rect.left_center() + vec2(7.0, 0.0);
    let color = if chosen {
        palette.moment
    } else {
        palette.muted
    };
    let painter = ui.painter();
    painter.circle_stroke(center, 5.5, Stroke::new(1.5, color));
    if chosen {
        painter.circle_filled(center, 3.0, palette.moment);
    }
    if response.has_focus() {
        painter.circle_stroke(center, 8.0, Stroke::new(1.0, palette.muted));
    }
    painter.galley(
        rect.left_center() + vec2(20.0, -galley.size().y / 2.0),
        galley,
        palette.text,
    );
    response
}
