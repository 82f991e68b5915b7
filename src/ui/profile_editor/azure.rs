//! Where an Azure server is managed: typed, or chosen from what `az` can see.

use super::{
    FIELD, FORM,
    draft::{Draft, SignInKind},
    test_card::problem_ui,
};
use crate::{
    state::{Action, AzureAction, State},
    ui::{
        form::{group, text},
        widgets::{button, link, small},
    },
};
use egui::Ui;
use std::path::PathBuf;

/// The fields of the place, and the servers that were found.
pub(super) fn place_ui(ui: &mut Ui, draft: &mut Draft, state: &State, actions: &mut Vec<Action>) {
    if matches!(
        draft.sign_in,
        SignInKind::WindowsIntegrated | SignInKind::WindowsNamed
    ) {
        draft.sign_in = SignInKind::Entra;
    }
    group(ui, "Where it is managed", |ui| {
        FORM.row(ui, "Subscription", None, |ui| {
            text(
                ui,
                &mut draft.subscription,
                FIELD,
                "the one that az account set chose",
            )
        });
        FORM.row(ui, "Resource group", None, |ui| {
            text(ui, &mut draft.resource_group, FIELD, "myRG")
        });
        FORM.row(ui, "Server", None, |ui| {
            text(ui, &mut draft.azure_server, FIELD, "myserver")
        });
        FORM.row(ui, "Program az", None, |ui| {
            let found = state.azure.program.as_ref().map_or_else(
                || "found by the system".to_owned(),
                |program| program.display().to_string(),
            );
            text(ui, &mut draft.az_program, FIELD, &found)
        });
        program_ui(ui, draft, state, actions);
        beneath(ui, |ui| {
            let find = button(ui, "Find servers…").on_hover_text("Runs az sql server list");
            if find.clicked()
                && let Some(place) = draft.place()
            {
                actions.push(Action::Azure(AzureAction::FindServers {
                    profile: draft.id,
                    program: place.program,
                    subscription: place.subscription,
                }));
            }
            found_ui(ui, draft, state, actions);
        });
        FORM.note(
            ui,
            "Restores and retention go through az. Without these fields the backups are shown and nothing is restored.",
        );
    });
}

/// Below the fields, in their column.
fn beneath<T>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> T) -> T {
    ui.horizontal(|ui| {
        ui.add_space(FORM.labels + ui.spacing().item_spacing.x);
        ui.vertical(|ui| {
            ui.set_max_width(FIELD);
            add(ui)
        })
        .inner
    })
    .inner
}

/// The servers that az can see, or that it is being asked, or why it told none.
fn found_ui(ui: &mut Ui, draft: &mut Draft, state: &State, actions: &mut Vec<Action>) {
    if state.azure.finding == Some(draft.id) {
        small(ui, "az is being asked…");
        if link(ui, "Stop asking").clicked() {
            actions.push(Action::Azure(AzureAction::StopAsking));
        }
    }
    let found = state.azure.found.as_ref();
    match found
        .filter(|(id, _)| *id == draft.id)
        .map(|(_, result)| result)
    {
        None => {}
        Some(Err(problem)) => problem_ui(ui, problem),
        Some(Ok(servers)) if servers.is_empty() => {
            small(ui, "az can see no server in this subscription.");
        }
        Some(Ok(servers)) => {
            for server in servers {
                let words = format!(
                    "{} · {} · {}",
                    server.name, server.resource_group, server.location
                );
                if link(ui, &words).clicked() {
                    draft.take_server(server);
                }
            }
        }
    }
}

/// The program that servers use which name none of their own.
fn program_ui(ui: &mut Ui, draft: &mut Draft, state: &State, actions: &mut Vec<Action>) {
    let typed = draft.az_program.trim().to_owned();
    if !typed.is_empty() {
        let use_it = beneath(ui, |ui| {
            link(ui, "Use this az for all servers").on_hover_text(
                "Kept in the settings; a server that names another one keeps its own",
            )
        });
        if use_it.clicked() {
            draft.az_program.clear();
            let program = Some(PathBuf::from(typed));
            actions.push(Action::Azure(AzureAction::UseProgram(program)));
        }
    } else if state.azure.program.is_some()
        && beneath(ui, |ui| link(ui, "Let the system find az again")).clicked()
    {
        actions.push(Action::Azure(AzureAction::UseProgram(None)));
    }
}
