//! The page on which applications are chosen and edited: what lives in a database, and how it is stopped and started.
//!
//! It keeps a draft of its own; only what is saved leaves it, as an action.

mod draft;
mod hook_form;

use self::draft::{Draft, DraftFault, HandoverDraft, OutsideDraft, ProtectedDraft, Way};
use super::{
    empty::paragraph,
    form::{self, Form},
    theme::{Palette, mono, regular, semibold, size},
    widgets::{button, danger_button, paint_clipped, primary_button, section, small},
};
use crate::{
    explain::application_fault,
    settings::{ApplicationFault, Criticality, HookPlace, RowClock},
    state::{Action, ApplicationAction, ApplicationDone, Page, State},
};
use egui::{Align2, Label, RichText, ScrollArea, Sense, Stroke, TextEdit, Ui, vec2};
use hook_form::hook_ui;

const FORM: Form = Form {
    labels: 130.0,
    field: 470.0,
};
/// Width of the list at the left.
const LIST: f32 = 230.0;
/// Width of the three degrees of criticality.
const CRITICALITY: f32 = 196.0;

/// The open editor.
#[derive(Debug, Default)]
pub struct ApplicationPage {
    draft: Option<Draft>,
    /// Which state the draft was made from.
    generation: Option<u64>,
    /// What is wrong is shown once somebody tried to save.
    tried: bool,
}

impl ApplicationPage {
    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        let view = &state.applications;
        if self.generation != Some(view.generation) || self.draft.is_none() {
            self.generation = Some(view.generation);
            self.tried = false;
            self.draft = Some(view.edited().map_or_else(Draft::new, Draft::of));
        }
        let palette = *Palette::of(ui);
        let area = ui.available_rect_before_wrap();
        let (left, right) = area.split_left_right_at_x(area.left() + LIST);
        ui.painter()
            .vline(left.right(), area.y_range(), Stroke::new(1.0, palette.line));
        ui.scope_builder(
            egui::UiBuilder::new().max_rect(left.shrink2(vec2(12.0, 18.0))),
            |ui| list_ui(ui, state, &mut actions),
        );
        ui.scope_builder(
            egui::UiBuilder::new().max_rect(right.shrink2(vec2(26.0, 18.0))),
            |ui| self.editor_ui(ui, state, &mut actions),
        );
        actions
    }

    fn editor_ui(&mut self, ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
        let Some(draft) = &mut self.draft else {
            return;
        };
        let view = &state.applications;
        let made = draft.application(view.other_names());
        let faults = match &made {
            Err(faults) if self.tried => faults.clone(),
            _ => Vec::new(),
        };
        let title = view.edited.as_deref().unwrap_or("A new application");
        ui.add(
            Label::new(
                RichText::new(title)
                    .font(semibold(18.0))
                    .color(Palette::of(ui).text),
            )
            .truncate(),
        );
        source_ui(ui, state);
        ui.add_space(4.0);
        let foot = 52.0;
        let height = (ui.available_height() - foot).max(80.0);
        ScrollArea::vertical()
            .max_height(height)
            .auto_shrink([false, false])
            .show(ui, |ui| form_ui(ui, draft, &faults));
        ui.add_space(10.0);
        ui.horizontal(|ui| {
            let changed = draft.changed() || view.edited.is_none();
            if primary_button(ui, "Save", 110.0, changed).clicked() {
                self.tried = true;
                if let Ok(application) = made {
                    actions.push(Action::Application(ApplicationAction::Save(Box::new(
                        application,
                    ))));
                }
            }
            if draft.changed() && button(ui, "Discard the changes").clicked() {
                actions.push(Action::Application(ApplicationAction::Edit(
                    view.edited.clone(),
                )));
            }
            if let Some(name) = &view.edited
                && view.known.own_files.contains_key(name)
            {
                let words = if view.known.shipped.contains(name) {
                    "Go back to the shipped one"
                } else {
                    "Put it away"
                };
                if danger_button(ui, words)
                    .on_hover_text(
                        "The file is not deleted: it stays beside the others as ….ron.old",
                    )
                    .clicked()
                {
                    actions.push(Action::Application(ApplicationAction::PutAway(
                        name.clone(),
                    )));
                }
            }
            if button(ui, "Back").clicked() {
                actions.push(Action::ShowPage(Page::Timeline));
            }
            if self.tried && !faults.is_empty() {
                small(ui, "Something is missing; see the lines in red");
            }
        });
    }
}

/// Where the edited one comes from, and what was done with it last.
fn source_ui(ui: &mut Ui, state: &State) {
    let view = &state.applications;
    let words = match (&view.done, &view.edited) {
        (Some(ApplicationDone::Saved { file, .. }), _) => format!("Saved as {}", file.display()),
        (Some(ApplicationDone::PutAway { kept_as, .. }), _) => {
            format!("The file was put aside as {}", kept_as.display())
        }
        (None, None) => "It gets a file of its own in the data folder".to_owned(),
        (None, Some(name)) => match view.known.own_files.get(name) {
            Some(file) => format!("Yours, in {}", file.display()),
            None => "Comes with stopat; what you change is saved as your own file".to_owned(),
        },
    };
    small(ui, words);
}

fn list_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let view = &state.applications;
    section(ui, "Applications");
    ui.add_space(6.0);
    ui.spacing_mut().item_spacing.y = 1.0;
    for application in &view.known.applications {
        let name = &application.name;
        let right = if view.known.own_files.contains_key(name) {
            "yours"
        } else {
            "shipped"
        };
        let chosen = view.edited.as_ref() == Some(name);
        if list_row_ui(ui, name, right, chosen).clicked() {
            actions.push(Action::Application(ApplicationAction::Edit(Some(
                name.clone(),
            ))));
        }
    }
    if view.edited.is_none() {
        list_row_ui(ui, "A new application", "not saved", true);
    }
    ui.add_space(12.0);
    if button(ui, "+ Application").clicked() {
        actions.push(Action::Application(ApplicationAction::Edit(None)));
    }
    ui.add_space(14.0);
    paragraph(
        ui,
        "An application says which tables matter, how it is stopped before its database is overwritten, \
         and how it is started again.",
    );
}

fn list_row_ui(ui: &mut Ui, name: &str, right: &str, chosen: bool) -> egui::Response {
    let palette = *Palette::of(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), size::ROW), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(
            egui::Role::ListItem,
            true,
            chosen,
            format!("{name}, {right}"),
        )
    });
    if chosen || response.hovered() || response.has_focus() {
        let fill = if chosen {
            palette.selected
        } else {
            super::theme::mix(palette.background, palette.selected, 0.5)
        };
        ui.painter().rect_filled(rect, 6, fill);
    }
    let words = ui.painter().text(
        rect.right_center() - vec2(8.0, 0.0),
        Align2::RIGHT_CENTER,
        right,
        regular(11.5),
        palette.muted,
    );
    let mut room = rect;
    room.min.x += 10.0;
    room.max.x = words.left() - 8.0;
    paint_clipped(
        ui,
        room,
        Align2::LEFT_CENTER,
        name,
        regular(13.0),
        palette.text,
    );
    response
}

/// What is wrong in one place.
fn fault_of(faults: &[DraftFault], wanted: impl Fn(&ApplicationFault) -> bool) -> Option<String> {
    faults.iter().find_map(|fault| match fault {
        DraftFault::Application(fault) if wanted(fault) => Some(application_fault(fault)),
        _ => None,
    })
}

fn form_ui(ui: &mut Ui, draft: &mut Draft, faults: &[DraftFault]) {
    form::group(ui, "What it is", |ui| {
        FORM.row(
            ui,
            "Name",
            fault_of(faults, |fault| {
                matches!(
                    fault,
                    ApplicationFault::NoName | ApplicationFault::NameTaken
                )
            }),
            |ui| form::text(ui, &mut draft.name, FORM.field, "Octopus"),
        );
        FORM.row(ui, "Databases", None, |ui| {
            ui.add(
                TextEdit::multiline(&mut draft.databases)
                    .desired_rows(1)
                    .hint_text(form::hint_text(ui, "one a line"))
                    .desired_width(FORM.field),
            )
        });
        FORM.note(
            ui,
            "It lives in databases of these names, and in every database that has one of its tables.",
        );
        FORM.row(
            ui,
            "Schema",
            fault_of(faults, |fault| *fault == ApplicationFault::NoSchema),
            |ui| form::text(ui, &mut draft.schema, 160.0, "dbo"),
        );
    });
    form::group(ui, "Protected data", |ui| protected_ui(ui, draft, faults));
    form::group(ui, "Version of the schema", |ui| {
        version_ui(ui, draft, faults)
    });
    form::group(ui, "A loss in rows", |ui| counted_ui(ui, draft, faults));
    form::group(ui, "Before anything is overwritten", |ui| {
        let hint = "Stop Octopus, so that nothing writes any more";
        let places = (HookPlace::Stop, HookPlace::StopCheck);
        handover_ui(ui, &mut draft.stop, hint, places, faults);
    });
    form::group(ui, "After the restore is verified", |ui| {
        let hint = "Start Octopus";
        let places = (HookPlace::Start, HookPlace::StartCheck);
        handover_ui(ui, &mut draft.start, hint, places, faults);
    });
    form::group(ui, "Not in SQL Server", |ui| outside_ui(ui, draft, faults));
    ui.add_space(8.0);
}

fn protected_ui(ui: &mut Ui, draft: &mut Draft, faults: &[DraftFault]) {
    let mut removed = None;
    for (idx, data) in draft.protected.iter_mut().enumerate() {
        ui.push_id(("protected", idx), |ui| {
            ui.horizontal(|ui| {
                // What the buttons leave, in parts that suit the texts.
                let room = (ui.available_width() - CRITICALITY - 130.0).clamp(300.0, 700.0);
                let name = form::text(ui, &mut data.data, room * 0.28, "Agent configurations");
                name.accessible_name(format!("Protected data {}", idx + 1));
                let hint = form::hint_text(ui, "its tables, with commas");
                ui.add(
                    TextEdit::singleline(&mut data.tables)
                        .font(mono(11.5))
                        .hint_text(hint)
                        .desired_width(room * 0.38),
                )
                .accessible_name(format!("Tables of protected data {}", idx + 1));
                ui.allocate_ui(vec2(CRITICALITY, size::ROW), |ui| {
                    ui.set_min_width(CRITICALITY);
                    form::choices(
                        ui,
                        &mut data.criticality,
                        &[
                            (Criticality::Critical, "critical"),
                            (Criticality::High, "high"),
                            (Criticality::Medium, "medium"),
                        ],
                    );
                });
                let because = form::text(ui, &mut data.because, room * 0.34, "what its loss means");
                because.accessible_name(format!("What the loss of data {} means", idx + 1));
                let remove = button(ui, "×").on_hover_text("Remove this line");
                if remove.clicked() {
                    removed = Some(idx);
                }
                remove.accessible_name(format!("Remove protected data {}", idx + 1));
            });
            if let Some(words) = fault_of(faults, |fault| *fault == ApplicationFault::NoTable(idx))
            {
                fault_line(ui, &words);
            }
        });
    }
    if let Some(idx) = removed {
        draft.protected.remove(idx);
    }
    if button(ui, "+ Data").clicked() {
        draft.protected.push(ProtectedDraft::new());
    }
}

fn fault_line(ui: &mut Ui, words: &str) {
    let color = Palette::of(ui).danger;
    ui.add(Label::new(RichText::new(words).font(regular(11.5)).color(color)).wrap());
}

fn version_ui(ui: &mut Ui, draft: &mut Draft, faults: &[DraftFault]) {
    let version = &mut draft.version;
    FORM.row(ui, "It is", None, |ui| {
        form::choices(
            ui,
            &mut version.checked,
            &[(true, "In a table"), (false, "Not checked")],
        )
    });
    if !version.checked {
        return;
    }
    let fault = fault_of(faults, |fault| *fault == ApplicationFault::NoVersionColumn);
    FORM.row(ui, "Table", fault, |ui| {
        form::text(ui, &mut version.table, 300.0, "__EFMigrationsHistory")
    });
    FORM.row(ui, "Column", None, |ui| {
        form::text(ui, &mut version.column, 300.0, "MigrationId")
    });
    FORM.note(ui, "Its greatest value is the newest version.");
    FORM.row(ui, "Expected", None, |ui| {
        form::text(
            ui,
            &mut version.expected,
            300.0,
            "whatever is found is shown",
        )
    });
    FORM.row(ui, "By hand", None, |ui| {
        form::text(
            ui,
            &mut version.by_hand,
            FORM.field,
            "dotnet ef migrations list",
        )
    });
    FORM.row(ui, "Ask it", None, |ui| {
        form::choices(
            ui,
            &mut version.hook.used,
            &[(false, "No"), (true, "By a program")],
        )
    });
    if version.hook.used {
        hook_ui(ui, FORM, &mut version.hook, HookPlace::SchemaCheck, faults);
    }
}

fn counted_ui(ui: &mut Ui, draft: &mut Draft, faults: &[DraftFault]) {
    let counted = &mut draft.counted;
    FORM.row(ui, "It is told", None, |ui| {
        form::choices(
            ui,
            &mut counted.counted,
            &[(true, "In time and in rows"), (false, "In time")],
        )
    });
    if !counted.counted {
        return;
    }
    let fault = fault_of(faults, |fault| *fault == ApplicationFault::NotCounted);
    FORM.row(ui, "They are", fault, |ui| {
        form::text(ui, &mut counted.what, 300.0, "messages")
    });
    FORM.row(ui, "Table", None, |ui| {
        form::text(ui, &mut counted.table, 300.0, "Octopus_EpisodeMessages")
    });
    FORM.row(ui, "Column", None, |ui| {
        form::text(ui, &mut counted.column, 300.0, "CreatedAt")
    });
    FORM.row(ui, "It is in", None, |ui| {
        form::choices(
            ui,
            &mut counted.clock,
            &[(RowClock::Utc, "UTC"), (RowClock::Server, "server time")],
        )
    });
    FORM.note(
        ui,
        "When a row came. With an index on it no more is read than must be.",
    );
}

fn handover_ui(
    ui: &mut Ui,
    handover: &mut HandoverDraft,
    hint: &str,
    (place, check): (HookPlace, HookPlace),
    faults: &[DraftFault],
) {
    ui.push_id(hint, |ui| {
        FORM.row(ui, "It is done", None, |ui| {
            form::choices(
                ui,
                &mut handover.way,
                &[
                    (Way::ByHand, "By hand; the run waits for Done"),
                    (Way::Hook, "By a program"),
                    (Way::Nobody, "Not at all"),
                ],
            )
        });
        if handover.way == Way::Nobody {
            FORM.note(ui, "The run has no such step.");
            return;
        }
        FORM.row(ui, "The step", None, |ui| {
            form::text(ui, &mut handover.title, FORM.field, hint)
        });
        if handover.way == Way::Hook {
            hook_ui(ui, FORM, &mut handover.hook, place, faults);
        }
        FORM.row(ui, "Proof", None, |ui| {
            form::choices(
                ui,
                &mut handover.check.used,
                &[(false, "None"), (true, "By a program")],
            )
        });
        if handover.check.used {
            hook_ui(ui, FORM, &mut handover.check, check, faults);
        }
    });
}

fn outside_ui(ui: &mut Ui, draft: &mut Draft, faults: &[DraftFault]) {
    let mut removed = None;
    for (idx, outside) in draft.outside.iter_mut().enumerate() {
        ui.push_id(("outside", idx), |ui| {
            FORM.row(ui, "What", None, |ui| {
                form::text(ui, &mut outside.what, 300.0, "Vector store")
            });
            FORM.row(ui, "Where it is", None, |ui| {
                form::text(ui, &mut outside.where_it_is, 300.0, "Qdrant")
            });
            FORM.row(ui, "Note", None, |ui| {
                form::text(
                    ui,
                    &mut outside.note,
                    FORM.field,
                    "shown wherever it is shown what is protected",
                )
            });
            FORM.row(ui, "After a restore", None, |ui| {
                form::text(
                    ui,
                    &mut outside.after_restore,
                    FORM.field,
                    "what has to be done when the database is older",
                )
            });
            FORM.row(ui, "It is done", None, |ui| {
                form::choices(
                    ui,
                    &mut outside.hook.used,
                    &[
                        (false, "By hand; the run waits for Done"),
                        (true, "By a program"),
                    ],
                )
            });
            if outside.hook.used {
                let place = HookPlace::Outside(idx);
                hook_ui(ui, FORM, &mut outside.hook, place, faults);
            }
            if button(ui, "Remove").clicked() {
                removed = Some(idx);
            }
            ui.add_space(8.0);
        });
    }
    if let Some(idx) = removed {
        draft.outside.remove(idx);
    }
    if button(ui, "+ Something outside").clicked() {
        draft.outside.push(OutsideDraft::new());
    }
}
