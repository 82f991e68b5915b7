//! Questions over the window.

use super::{
    azure, backup,
    empty::paragraph,
    folder_dialogs::FilesDialogs,
    objectives::{DrillDialog, ObjectivesDialog, RehearsalDialog, TimerDialog},
    profile_editor::ProfileEditor,
    run_dialogs,
    theme::{Palette, mono, regular},
    widgets::{button, danger_button, primary_button, section, strong},
    window::Effect,
};
use crate::{
    explain::workspace_name_fault,
    settings::WorkspaceName,
    state::{Action, Command, Dialog, ProfileAction, State},
    worker::{Secret, ServerId},
};
use egui::{Align, Grid, Id, Label, Layout, Modal, RichText, ScrollArea, TextEdit, Ui};

/// Memory of the dialogs: what is being typed.
#[derive(Default)]
pub struct Dialogs {
    password: String,
    workspace: String,
    editor: ProfileEditor,
    files: FilesDialogs,
    retention: azure::RetentionEditor,
    drill: DrillDialog,
    objectives: ObjectivesDialog,
    timer: TimerDialog,
    rehearsal: RehearsalDialog,
    /// The dialog that was shown last, so that a new one begins empty and focused.
    shown: Option<Dialog>,
    /// How high it was.
    height: f32,
}

/// Says nothing of what is typed: it may be a password.
impl std::fmt::Debug for Dialogs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialogs(…)")
    }
}

/// Whether something is typed or chosen there.
fn is_form(dialog: &Dialog) -> bool {
    match dialog {
        Dialog::Password { .. }
        | Dialog::EditProfile(_)
        | Dialog::AzureRestore
        | Dialog::AzureRetention
        | Dialog::Drill
        | Dialog::DrillTimer
        | Dialog::Rehearse
        | Dialog::Objectives
        | Dialog::BackUp
        | Dialog::Files
        | Dialog::NewWorkspace
        | Dialog::Folders(_) => true,
        Dialog::Certificate { .. }
        | Dialog::RemoveProfile { .. }
        | Dialog::CancelRun
        | Dialog::AzureCancel
        | Dialog::AzureDelete
        | Dialog::DropCopy
        | Dialog::Unfinished { .. }
        | Dialog::AbandonRun { .. }
        | Dialog::DropListedCopy { .. }
        | Dialog::CloseWhileRunning
        | Dialog::Backups
        | Dialog::Help
        | Dialog::Problem(_) => false,
    }
}

impl Dialogs {
    /// Shows the open dialog, if any.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, effects: &mut Vec<Effect>) -> Vec<Action> {
        let mut actions = Vec::new();
        // A question over a form that comes back after it: what was typed there stays.
        let asks = state.dialog.as_ref().is_some_and(|dialog| !is_form(dialog));
        let kept = asks
            && self
                .shown
                .as_ref()
                .is_some_and(|form| state.comes_back(form));
        let opened = !kept && self.shown != state.dialog;
        if opened {
            self.password.clear();
            self.workspace.clear();
            self.shown.clone_from(&state.dialog);
        }
        let Some(dialog) = &state.dialog else {
            return actions;
        };
        let frame = egui::Frame::popup(ui.style()).inner_margin(16);
        // Each dialog has an area of its own: an area remembers how high it was.
        let id = Id::unique("dialog").with(std::mem::discriminant(dialog));
        let modal = Modal::new(id).frame(frame);
        let response = modal.show(ui.ctx(), |ui| {
            ui.set_width(width_of(dialog));
            ui.spacing_mut().item_spacing.y = 8.0;
            if let Dialog::Folders(dialog) = dialog {
                return self
                    .files
                    .ui(ui, state, dialog, opened, &mut actions, effects);
            }
            self.contents(ui, state, dialog, opened, &mut actions);
        });
        let height = response.response.rect.height();
        if (height - self.height).abs() > 0.5 {
            // It has grown into its size; what is placed by it wants another frame.
            self.height = height;
            ui.ctx().request_repaint();
        }
        // A click beside a form would throw away what was put together.
        let slipped = is_form(dialog) && response.backdrop_response.clicked();
        if response.should_close() && !slipped && actions.is_empty() {
            actions.push(Action::CloseDialog);
        }
        actions
    }

    fn contents(
        &mut self,
        ui: &mut Ui,
        state: &State,
        dialog: &Dialog,
        opened: bool,
        actions: &mut Vec<Action>,
    ) {
        match dialog {
            Dialog::Password { server } => self.password_ui(ui, state, *server, opened, actions),
            Dialog::Certificate {
                server,
                fingerprint,
                subject,
            } => certificate_ui(ui, state, *server, fingerprint, subject, actions),
            Dialog::EditProfile(edited) => self.editor.ui(ui, state, *edited, opened, actions),
            Dialog::RemoveProfile { id } => {
                let name = state.server_name(ServerId::Profile(*id)).to_owned();
                strong(ui, format!("Remove {name}?"), 16.0);
                paragraph(
                    ui,
                    "The entry and its stored password are removed here. Nothing changes on the server.",
                );
                answers(ui, actions, |ui, actions| {
                    if danger_button(ui, "Remove").clicked() {
                        actions.push(Action::Profile(ProfileAction::Remove(*id)));
                    }
                    if button(ui, "Keep it").clicked() {
                        actions.push(Action::CloseDialog);
                    }
                });
            }
            Dialog::CancelRun => run_dialogs::cancel_ui(ui, state, actions),
            Dialog::AzureRestore => azure::restore_ui(ui, state, actions),
            Dialog::AzureCancel => azure::cancel_ui(ui, state, actions),
            Dialog::AzureDelete => azure::delete_ui(ui, state, actions),
            Dialog::AzureRetention => self.retention.ui(ui, state, opened, actions),
            Dialog::DropCopy => run_dialogs::drop_ui(ui, state, actions),
            Dialog::DropListedCopy { server, run } => {
                run_dialogs::drop_listed_ui(ui, state, *server, run, actions);
            }
            Dialog::Unfinished { run } => run_dialogs::unfinished_ui(ui, state, run, actions),
            Dialog::AbandonRun { server, run } => {
                run_dialogs::abandon_ui(ui, state, *server, run, actions);
            }
            Dialog::BackUp => match &state.backups.form {
                Some(form) => backup::form_ui(ui, state, form, actions),
                None => actions.push(Action::CloseDialog),
            },
            Dialog::Backups => backup::runs_ui(ui, state, actions),
            Dialog::Files => super::files_dialog::files_ui(ui, state, actions),
            Dialog::CloseWhileRunning => run_dialogs::close_ui(ui, state, actions),
            Dialog::Drill => actions.extend(self.drill.ui(ui, state)),
            Dialog::Objectives => actions.extend(self.objectives.ui(ui, state, opened)),
            Dialog::DrillTimer => actions.extend(self.timer.ui(ui, state, opened)),
            Dialog::Rehearse => actions.extend(self.rehearsal.ui(ui, state)),
            Dialog::NewWorkspace => self.workspace_ui(ui, opened, actions),
            Dialog::Help => help_ui(ui, actions),
            // Shown before: they ask the platform for things.
            Dialog::Folders(_) => {}
            Dialog::Problem(problem) => {
                strong(ui, problem.sentence.clone(), 15.0);
                if !problem.hint.is_empty() {
                    paragraph(ui, &problem.hint);
                }
                let text = problem.details.join("\n");
                ScrollArea::vertical().max_height(280.0).show(ui, |ui| {
                    ui.add(
                        Label::new(RichText::new(&text).font(mono(11.5)))
                            .wrap()
                            .selectable(true),
                    );
                });
                answers(ui, actions, |ui, actions| {
                    if primary_button(ui, "Close", 90.0, true).clicked() {
                        actions.push(Action::CloseDialog);
                    }
                    if button(ui, "Copy").clicked() {
                        ui.ctx().copy_text(format!("{}\n{text}", problem.sentence));
                    }
                });
            }
        }
    }

    fn password_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        server: ServerId,
        opened: bool,
        actions: &mut Vec<Action>,
    ) {
        strong(
            ui,
            format!("Password for {}", state.server_name(server)),
            16.0,
        );
        paragraph(ui, "It is used for this session and written nowhere.");
        let label = ui.add(Label::new(RichText::new("Password").font(regular(11.5))));
        let field = ui
            .add(
                TextEdit::singleline(&mut self.password)
                    .password(true)
                    .desired_width(f32::INFINITY),
            )
            .labelled_by(label.id);
        if opened {
            field.request_focus();
        }
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        answers(ui, actions, |ui, actions| {
            let ready = !self.password.is_empty();
            if primary_button(ui, "Connect", 110.0, ready).clicked() || (entered && ready) {
                let password = Secret(std::mem::take(&mut self.password).into());
                actions.push(Action::Connect {
                    server,
                    password: Some(password),
                });
            }
            if button(ui, "Not now").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    }

    fn workspace_ui(&mut self, ui: &mut Ui, opened: bool, actions: &mut Vec<Action>) {
        strong(ui, "New workspace", 16.0);
        paragraph(
            ui,
            "A workspace is one client: its servers and runs show nowhere else.",
        );
        let label = ui.add(Label::new(RichText::new("Name").font(regular(11.5))));
        let field = ui
            .add(TextEdit::singleline(&mut self.workspace).desired_width(f32::INFINITY))
            .labelled_by(label.id);
        if opened {
            field.request_focus();
        }
        let name = self.workspace.trim().to_owned();
        let checked = name.parse::<WorkspaceName>();
        if let Err(fault) = &checked
            && !name.is_empty()
        {
            paragraph(ui, &workspace_name_fault(*fault));
        }
        let fits = checked.is_ok();
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        answers(ui, actions, |ui, actions| {
            if primary_button(ui, "Open", 90.0, fits).clicked() || (entered && fits) {
                actions.push(Action::OpenWorkspace(name));
            }
            if button(ui, "Cancel").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    }
}

/// A row of buttons at the right, the main one outermost.
pub(super) fn answers(
    ui: &mut Ui,
    actions: &mut Vec<Action>,
    add: impl FnOnce(&mut Ui, &mut Vec<Action>),
) {
    ui.add_space(8.0);
    // As high as a button: a layout of its own would take all the height that a taller dialog has left.
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| add(ui, actions));
    });
}

fn certificate_ui(
    ui: &mut Ui,
    state: &State,
    server: ServerId,
    fingerprint: &str,
    subject: &str,
    actions: &mut Vec<Action>,
) {
    strong(ui, format!("Is this {}?", state.server_name(server)), 16.0);
    paragraph(
        ui,
        "No authority that this computer trusts vouches for the server's certificate. \
         Compare the fingerprint with one that you got on another way.",
    );
    section(ui, "Certificate");
    ui.add(Label::new(RichText::new(subject).font(mono(11.5))).wrap());
    section(ui, "SHA-256");
    ui.add(
        Label::new(RichText::new(spaced(fingerprint)).font(mono(11.5)))
            .wrap()
            .selectable(true),
    );
    answers(ui, actions, |ui, actions| {
        if primary_button(ui, "Trust this certificate", 180.0, true).clicked() {
            actions.push(Action::TrustCertificate {
                server,
                fingerprint: fingerprint.to_owned(),
            });
        }
        if button(ui, "Do not connect").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// Groups of four, so that people can compare.
pub(super) fn spaced(hex: &str) -> String {
    let mut text = String::new();
    for (idx, c) in hex.chars().enumerate() {
        if idx > 0 && idx % 4 == 0 {
            text.push(' ');
        }
        text.push(c);
    }
    text
}

/// How wide a dialog is, in points.
fn width_of(dialog: &Dialog) -> f32 {
    match dialog {
        Dialog::BackUp => backup::WIDTH,
        Dialog::Backups => backup::RUNS_WIDTH,
        Dialog::DrillTimer => 640.0,
        _ => 440.0,
    }
}

fn help_ui(ui: &mut Ui, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    strong(ui, "Keyboard and mouse", 16.0);
    let rows: Vec<(String, &str)> = [
        ("← →", "Marker by a second"),
        ("Shift ← →", "Marker by a minute"),
        ("Ctrl ← →", "Marker by an hour"),
        ("PgUp PgDn", "Marker to the backup before, the next backup"),
        (
            "Home End",
            "Marker to the first, the last restorable moment",
        ),
        ("Click", "Put the marker there"),
        ("Double click", "Put the marker there and zoom in"),
        ("Drag the lanes, Shift wheel", "Move along"),
        ("Wheel, pinch", "Zoom"),
    ]
    .into_iter()
    .map(|(key, what)| (key.to_owned(), what))
    .chain(
        Command::ALL
            .into_iter()
            .filter_map(|command| Some((command.shortcut()?.text(), command.tooltip()))),
    )
    .collect();
    ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
        Grid::new("keys")
            .num_columns(2)
            .spacing([18.0, 6.0])
            .show(ui, |ui| {
                for (key, what) in rows {
                    ui.add(Label::new(
                        RichText::new(key).font(mono(11.5)).color(palette.text),
                    ));
                    ui.add(
                        Label::new(RichText::new(what).font(regular(13.0)).color(palette.muted))
                            .wrap(),
                    );
                    ui.end_row();
                }
            });
    });
    answers(ui, actions, |ui, actions| {
        if primary_button(ui, "Close", 90.0, true).clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}
