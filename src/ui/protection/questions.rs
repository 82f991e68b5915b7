//! What has to be confirmed: applying, removing, deleting.

use crate::{
    domain::JobDifference,
    explain::{self, PlaceStanding, schedule as words},
    state::{Action, Asking, ProtectionAction, State},
    ui::{
        empty::paragraph,
        theme::{Palette, regular},
        widgets::{button, danger_button, primary_button, strong},
    },
};
use egui::{Id, Label, Modal, RichText, ScrollArea, TextEdit, Ui};

/// What is being typed.
#[derive(Debug, Default)]
pub struct Questions {
    typed: String,
    shown: Option<Asking>,
}

impl Questions {
    /// Shows the open question, if any.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
        let protection = &state.protection;
        if self.shown != protection.asking {
            self.typed.clear();
            self.shown = protection.asking;
        }
        let Some(asking) = protection.asking else {
            return;
        };
        let server = protection
            .of
            .as_ref()
            .map(|(server, _)| state.server_name(*server))
            .unwrap_or_default();
        let database = protection
            .of
            .as_ref()
            .map(|(_, database)| database.as_str())
            .unwrap_or_default();
        let n_before = actions.len();
        let frame = egui::Frame::popup(ui.style()).inner_margin(16);
        let response = Modal::new(Id::unique("protection question"))
            .frame(frame)
            .show(ui.ctx(), |ui| {
                ui.set_width(520.0);
                ui.spacing_mut().item_spacing.y = 8.0;
                match asking {
                    Asking::Apply => self.apply_ui(ui, state, server, actions),
                    Asking::Remove => {
                        strong(ui, format!("Remove the schedule of {} on {server}?", protection.about()), 16.0);
                        paragraph(ui, "Its jobs are removed with their steps, schedules and history. The backups stay.");
                        if let Some(installed) = protection.installed() {
                            for job in &installed.jobs {
                                paragraph(ui, &job.name);
                            }
                        }
                        answers(ui, actions, "Remove it");
                    }
                    Asking::Delete => {
                        let (n, bytes) = protection
                            .retention
                            .as_ref()
                            .map_or((0, 0), |list| (list.removable().count(), list.removable_bytes()));
                        strong(
                            ui,
                            format!("Delete {} of {database} on {server}?", explain::count(n, "file", "files")),
                            16.0,
                        );
                        paragraph(
                            ui,
                            &format!(
                                "{} are freed. Each file's header is read again before it is deleted, and the first doubt ends it.",
                                explain::size(bytes)
                            ),
                        );
                        answers(ui, actions, "Delete them");
                    }
                }
            });
        if response.should_close() && actions.len() == n_before {
            actions.push(Action::Protection(ProtectionAction::CloseQuestion));
        }
    }

    fn apply_ui(&mut self, ui: &mut Ui, state: &State, server: &str, actions: &mut Vec<Action>) {
        let palette = *Palette::of(ui);
        let protection = &state.protection;
        let Some(outlook) = &protection.outlook else {
            return;
        };
        strong(
            ui,
            format!("Apply the schedule of {} on {server}?", protection.about()),
            16.0,
        );
        ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
            for change in &outlook.changes {
                for difference in &change.differences {
                    let job = &change.job;
                    let will_be = match difference {
                        JobDifference::Missing => format!("{job} is made"),
                        JobDifference::NotWanted => format!("{job} is removed"),
                        other => {
                            format!("{job} is put right: {}", words::job_difference(other))
                        }
                    };
                    paragraph(ui, &will_be);
                }
            }
            if !outlook.by_hand.is_empty() {
                ui.add(Label::new(
                    RichText::new("Somebody changed these jobs by hand; that is overwritten.")
                        .font(regular(13.0))
                        .color(palette.at_risk),
                ));
            }
            for words in missing_places(state) {
                ui.add(
                    Label::new(
                        RichText::new(words)
                            .font(regular(13.0))
                            .color(palette.at_risk),
                    )
                    .wrap(),
                );
            }
            for conflict in outlook
                .conflicts
                .iter()
                .filter(|conflict| conflict.is_active())
            {
                ui.add(
                    Label::new(
                        RichText::new(words::conflict(conflict))
                            .font(regular(13.0))
                            .color(palette.at_risk),
                    )
                    .wrap(),
                );
            }
        });
        if let Some(wanted) = protection.override_words() {
            paragraph(
                ui,
                "Two schedules that take logs of one database share its chain: each has holes that only the other's files fill. Switch the other one off first, or type what this schedule is of to go on.",
            );
            let label = ui.add(Label::new(
                RichText::new(format!("Type {wanted}"))
                    .font(regular(11.5))
                    .color(palette.muted),
            ));
            let field = ui
                .add(TextEdit::singleline(&mut self.typed).desired_width(f32::INFINITY))
                .labelled_by(label.id);
            if field.changed() {
                actions.push(Action::Protection(ProtectionAction::Type(
                    self.typed.clone(),
                )));
            }
        }
        ui.horizontal(|ui| {
            if primary_button(ui, "Apply", 110.0, protection.may_confirm())
                .on_disabled_hover_text("The name is not typed yet")
                .clicked()
            {
                actions.push(Action::Protection(ProtectionAction::Confirmed));
            }
            if button(ui, "Not now").clicked() {
                actions.push(Action::Protection(ProtectionAction::CloseQuestion));
            }
        });
    }
}

/// Folders that the server does not see: their backups would fail.
fn missing_places(state: &State) -> Vec<String> {
    let Some((server, _)) = state.protection.of else {
        return Vec::new();
    };
    let places = state.protection.places();
    let checks = places
        .iter()
        .filter_map(|folder| state.place(server, folder)?.check.told());
    checks
        .map(|check| (check, explain::place_check(check)))
        .filter(|(_, (standing, _))| *standing == PlaceStanding::Bad)
        .map(|(check, (_, words))| {
            format!("{}: {words}. Backups fail until it is there.", check.place)
        })
        .collect()
}

fn answers(ui: &mut Ui, actions: &mut Vec<Action>, yes: &str) {
    ui.horizontal(|ui| {
        if danger_button(ui, yes).clicked() {
            actions.push(Action::Protection(ProtectionAction::Confirmed));
        }
        if button(ui, "Not now").clicked() {
            actions.push(Action::Protection(ProtectionAction::CloseQuestion));
        }
    });
}
