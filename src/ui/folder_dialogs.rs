//! Questions about backup files: which folder, as seen from here or from a server.

use super::{
    dialogs::answers,
    empty::paragraph,
    theme::mono,
    widgets::{button, danger_button, primary_button, strong},
    window::Effect,
};
use crate::{
    domain::ServerPath,
    settings::{BackupFolder, FolderPlace},
    state::{Action, FilesAction, FilesDialog, State},
    worker::ServerId,
};
use egui::{TextEdit, Ui};
use std::path::PathBuf;
use uuid::Uuid;

/// Memory of these dialogs: what is being typed.
#[derive(Debug, Default)]
pub struct FilesDialogs {
    path: String,
    name: String,
    /// What the platform's dialog chose was taken into the field.
    taken: Option<PathBuf>,
}

impl FilesDialogs {
    /// Shows one; `opened` in its first frame.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        dialog: &FilesDialog,
        opened: bool,
        actions: &mut Vec<Action>,
        effects: &mut Vec<Effect>,
    ) {
        if opened {
            *self = Self::default();
        }
        match dialog {
            FilesDialog::Open => self.open_ui(ui, state, opened, actions, effects),
            FilesDialog::Forget(id) => forget_ui(ui, state, *id, actions),
            FilesDialog::OnServer(server) => self.on_server_ui(ui, state, *server, opened, actions),
        }
    }

    fn open_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        opened: bool,
        actions: &mut Vec<Action>,
        effects: &mut Vec<Effect>,
    ) {
        if state.files.picked.is_some() && self.taken != state.files.picked {
            self.taken.clone_from(&state.files.picked);
            if let Some(path) = &self.taken {
                self.path = path.display().to_string();
            }
        }
        strong(ui, "Open a folder of backup files", 16.0);
        paragraph(
            ui,
            "A folder, a disk or a share with everything below it. Only headers are read, and nothing is changed.",
        );
        let mut by_key = false;
        ui.horizontal(|ui| {
            let field = ui
                .add(
                    TextEdit::singleline(&mut self.path)
                        .hint_text("Folder, as this PC sees it")
                        .font(mono(11.5))
                        .desired_width(320.0),
                )
                .accessible_name("Folder");
            if opened {
                field.request_focus();
            }
            by_key = entered(ui, &field);
            if button(ui, "Browse…").clicked() {
                effects.push(Effect::PickFolder);
            }
        });
        let path = PathBuf::from(self.path.trim());
        let last = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let suggestion = last.unwrap_or_else(|| self.path.trim().to_owned());
        let field = ui
            .add(
                TextEdit::singleline(&mut self.name)
                    .hint_text(if suggestion.is_empty() {
                        "Name"
                    } else {
                        &suggestion
                    })
                    .desired_width(320.0),
            )
            .accessible_name("Name of the folder");
        by_key |= entered(ui, &field);
        let ready = !self.path.trim().is_empty();
        let typed = self.name.trim();
        let name = if typed.is_empty() {
            suggestion
        } else {
            typed.to_owned()
        };
        answers(ui, actions, |ui, actions| {
            if primary_button(ui, "Open", 90.0, ready).clicked() || (by_key && ready) {
                actions.push(Action::Files(FilesAction::Save(BackupFolder {
                    id: Uuid::new_v4(),
                    name,
                    places: vec![FolderPlace {
                        here: path,
                        on_server: String::new(),
                    }],
                })));
            }
            if button(ui, "Cancel").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    }

    fn on_server_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        server: ServerId,
        opened: bool,
        actions: &mut Vec<Action>,
    ) {
        strong(
            ui,
            format!("Add a folder as {} sees it", state.server_name(server)),
            16.0,
        );
        paragraph(
            ui,
            "The server lists it with everything below and reads the headers, a few files at a time. \
             Backups that its history does not know can then be restored like others.",
        );
        let field = ui
            .add(
                TextEdit::singleline(&mut self.path)
                    .hint_text("Folder on the server, or a share")
                    .font(mono(11.5))
                    .desired_width(400.0),
            )
            .accessible_name("Folder on the server");
        if opened {
            field.request_focus();
        }
        let folder = ServerPath::new(&self.path);
        let ready = !folder.is_empty();
        let entered = entered(ui, &field);
        answers(ui, actions, |ui, actions| {
            if primary_button(ui, "Read", 90.0, ready).clicked() || (entered && ready) {
                actions.push(Action::Files(FilesAction::ReadOnServer { server, folder }));
            }
            if button(ui, "Cancel").clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    }
}

/// Whether a field was left with the Enter key.
fn entered(ui: &Ui, field: &egui::Response) -> bool {
    field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter))
}

fn forget_ui(ui: &mut Ui, state: &State, id: Uuid, actions: &mut Vec<Action>) {
    let name = state.server_name(ServerId::Folder(id)).to_owned();
    strong(ui, format!("Forget {name}?"), 16.0);
    paragraph(
        ui,
        "The entry goes from the list. The files stay where they are.",
    );
    answers(ui, actions, |ui, actions| {
        if danger_button(ui, "Forget").clicked() {
            actions.push(Action::Files(FilesAction::Forget(id)));
        }
        if button(ui, "Keep it").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}
