//! The dialog in which a server is added or changed, and tried before it is saved.
//!
//! It keeps a draft of its own; only what is saved or tested leaves it, as an action.

mod azure;
mod draft;
mod fields;
mod test_card;

use self::{draft::Draft, fields::fields_ui, test_card::test_ui};
use super::{
    form::Form,
    widgets::{button, primary_button, strong},
};
use crate::{
    settings::Profile,
    state::{Action, EditedProfile, ProfileAction, State},
    worker::Secret,
};
use egui::{Align, Layout, ScrollArea, Ui};
use uuid::Uuid;

/// Width of the fields, in points.
const FIELD: f32 = 330.0;
const FORM: Form = Form {
    labels: 110.0,
    field: FIELD,
};

/// What was asked for last: a test wants less than saving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tried {
    #[default]
    Nothing,
    Test,
    Save,
}

/// The open editor.
#[derive(Debug, Default)]
pub struct ProfileEditor {
    draft: Option<Draft>,
    /// What is wrong is shown once somebody tried to go on.
    tried: Tried,
    /// What was tested last, so that an answer about something else is not shown.
    tested: Option<Profile>,
    /// How high the card was that tells of the test.
    told_height: f32,
}

impl ProfileEditor {
    /// Begins with the profile that is to be edited, or without one.
    fn open(&mut self, state: &State, edited: EditedProfile) {
        let saved = |id| state.profiles.iter().find(|profile| profile.id == id);
        self.tried = Tried::Nothing;
        self.tested = None;
        self.draft = match edited {
            EditedProfile::New => Some(Draft::new(Uuid::new_v4())),
            EditedProfile::Saved(id) => saved(id).map(Draft::of),
            EditedProfile::CopyOf(id) => {
                saved(id).map(|profile| Draft::duplicate(profile, Uuid::new_v4(), &state.profiles))
            }
        };
    }

    /// Shows the contents of the dialog; `opened` in its first frame.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        edited: EditedProfile,
        opened: bool,
        actions: &mut Vec<Action>,
    ) {
        if opened {
            self.open(state, edited);
        }
        let Some(draft) = &mut self.draft else {
            // The profile is gone, as when another window removed it.
            actions.push(Action::CloseDialog);
            return;
        };
        ui.set_width(FORM.labels + FIELD + 60.0);
        let title = match edited {
            EditedProfile::New => "Add a server",
            EditedProfile::Saved(_) => "Edit the server",
            EditedProfile::CopyOf(_) => "Duplicate the server",
        };
        strong(ui, title, 16.0);
        let made = draft.profile(&state.profiles);
        let to_test = draft.to_test(&state.profiles);
        let faults = match self.tried {
            Tried::Nothing => Vec::new(),
            Tried::Test => to_test.clone().err().unwrap_or_default(),
            Tried::Save => made.clone().err().unwrap_or_default(),
        };
        let height = (ui.ctx().content_rect().height() - 170.0).clamp(160.0, 690.0);
        ScrollArea::vertical()
            .max_height(height)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                fields_ui(ui, draft, edited, &faults, opened, state, actions);
                if let Ok(profile) = &to_test
                    && self.tested.as_ref() == Some(profile)
                {
                    let card = test_ui(ui, state, draft);
                    if (card.rect.height() - self.told_height).abs() > 0.5 {
                        // It says something else, and stands below what is seen of a long form.
                        self.told_height = card.rect.height();
                        card.scroll_to_me(Some(Align::BOTTOM));
                    }
                } else {
                    self.told_height = 0.0;
                }
            });
        ui.add_space(8.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let password =
                (!draft.password.is_empty()).then(|| Secret(draft.password.clone().into()));
            if primary_button(ui, "Save", 90.0, true).clicked() {
                self.tried = Tried::Save;
                if let Ok(profile) = &made {
                    actions.push(Action::Profile(ProfileAction::Save {
                        profile: Box::new(profile.clone()),
                        password: password.clone(),
                    }));
                    draft.password.clear();
                }
            }
            if button(ui, "Cancel").clicked() {
                draft.password.clear();
                actions.push(Action::CloseDialog);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let test = button(ui, "Test the connection");
                if test.clicked() {
                    self.tried = Tried::Test;
                    if let Ok(profile) = to_test {
                        actions.push(Action::Profile(ProfileAction::Test {
                            profile: Box::new(profile.clone()),
                            password,
                        }));
                        self.tested = Some(profile);
                    }
                }
            });
        });
    }
}
