//! The dialog in which a server is added or changed, and tried before it is saved.
//!
//! It keeps a draft of its own; only what is saved or tested leaves it, as an action.

mod azure;
mod draft;

use self::draft::{Draft, DraftFault, EncryptionKind, ServerKind, SignInKind};
use super::{
    empty::paragraph,
    form::{self, Form},
    theme::{Palette, card, mono},
    widgets::{button, primary_button, section, small, strong},
};
use crate::{
    explain::{Problem, profile_fault},
    settings::{PasswordKept, Profile, ProfileFault, Reach},
    state::{Action, EditedProfile, ProfileAction, SeenCertificate, State},
    worker::{Secret, ServerInfo},
};
use egui::{Align, Label, Layout, Response, RichText, ScrollArea, TextEdit, Ui};
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

fn fields_ui(
    ui: &mut Ui,
    draft: &mut Draft,
    edited: EditedProfile,
    faults: &[DraftFault],
    opened: bool,
    state: &State,
    actions: &mut Vec<Action>,
) {
    use ProfileFault as Fault;
    let says = |wanted: fn(&Fault) -> bool| {
        faults.iter().find_map(|fault| match fault {
            DraftFault::Profile(fault) if wanted(fault) => Some(profile_fault(fault)),
            _ => None,
        })
    };
    let azure = draft.kind == ServerKind::AzureSql;
    form::group(ui, "Server", |ui| {
        FORM.row(ui, "Kind", None, |ui| {
            form::choices(
                ui,
                &mut draft.kind,
                &[
                    (ServerKind::SqlServer, "SQL Server"),
                    (ServerKind::AzureSql, "Azure SQL"),
                ],
            )
        });
        let name = FORM.row(
            ui,
            "Name",
            says(|f| matches!(f, Fault::NoName | Fault::ReservedName | Fault::NameTaken)),
            |ui| form::text(ui, &mut draft.name, FIELD, "Production"),
        );
        if opened {
            name.request_focus();
        }
        let host = FORM.row(
            ui,
            "Host",
            says(|f| matches!(f, Fault::NoHost | Fault::HostCharacter(_))),
            |ui| {
                let hint = if azure {
                    "myserver.database.windows.net"
                } else {
                    "sql01.example.org"
                };
                form::text(ui, &mut draft.host, FIELD, hint)
            },
        );
        if host.lost_focus() {
            draft.split_host();
        }
        if !azure {
            FORM.row(
                ui,
                "Instance",
                says(|f| matches!(f, Fault::InstanceCharacter(_))),
                |ui| form::text(ui, &mut draft.instance, FIELD, "the default instance"),
            );
        }
        let port = if faults.contains(&DraftFault::Port) {
            Some(profile_fault(&Fault::PortZero))
        } else {
            says(|f| matches!(f, Fault::PortZero))
        };
        FORM.row(ui, "Port", port, |ui| {
            form::text(ui, &mut draft.port, 110.0, "as usual")
        });
        if azure {
            FORM.row(ui, "Database", None, |ui| {
                form::text(ui, &mut draft.database, FIELD, "all of them")
            });
        }
    });
    if azure {
        azure::place_ui(ui, draft, state, actions);
    }
    sign_in_ui(
        ui,
        draft,
        edited,
        says(|f| matches!(f, Fault::NoUser)),
        says(|f| matches!(f, Fault::NeedsWindows)),
    );
    encryption_ui(
        ui,
        draft,
        says(|f| matches!(f, Fault::NoAuthorityFile)),
        says(|f| matches!(f, Fault::Fingerprint)),
    );
    form::group(ui, "How far stopat may go", |ui| {
        FORM.row(ui, "On this server", None, |ui| {
            form::choices(
                ui,
                &mut draft.reach,
                &[
                    (Reach::Look, "Look"),
                    (Reach::BackUp, "Back up"),
                    (Reach::Restore, "Restore"),
                ],
            )
        });
        FORM.note(
            ui,
            match draft.reach {
                Reach::Look => {
                    "Reads the history. Whatever writes is refused here, before it is sent."
                }
                Reach::BackUp if azure => {
                    "Changes how long Azure keeps its backups as well. Nothing is created or deleted."
                }
                Reach::Restore if azure => {
                    "Lets Azure restore into new databases, rename, and delete what stopat had it make."
                }
                Reach::BackUp => {
                    "Takes backups as well. Nothing is created, overwritten or dropped."
                }
                Reach::Restore => "Restores, over the original only after its name was typed, and drops the copies that it made.",
            },
        );
        if draft.reach != Reach::Look && !azure {
            FORM.row(ui, "Backups go to", None, |ui| {
                form::text(
                    ui,
                    &mut draft.backup_folder,
                    FIELD,
                    "the server's own backup folder",
                )
            });
            FORM.note(
                ui,
                "A folder, share or URL as the server sees it, for backups by hand.",
            );
        }
        FORM.row(ui, "Band", None, |ui| {
            form::text(ui, &mut draft.band, FIELD, "PRODUCTION")
        });
        FORM.note(
            ui,
            "The word at the top of the window while this server is chosen.",
        );
        FORM.row(ui, "It is", None, |ui| {
            form::choices(
                ui,
                &mut draft.production,
                &[(false, "Not production"), (true, "Production")],
            )
        });
        if draft.production {
            FORM.note(
                ui,
                "People depend on it: it is marked in red, and a restore asks for its name.",
            );
        }
    });
}

fn sign_in_ui(
    ui: &mut Ui,
    draft: &mut Draft,
    edited: EditedProfile,
    no_user: Option<String>,
    needs_windows: Option<String>,
) {
    form::group(ui, "Sign-in", |ui| {
        if draft.kind == ServerKind::AzureSql {
            FORM.row(ui, "Sign in with", None, |ui| {
                form::choices(
                    ui,
                    &mut draft.sign_in,
                    &[
                        (SignInKind::Entra, "Microsoft Entra"),
                        (SignInKind::SqlLogin, "SQL login"),
                    ],
                )
            });
        } else if cfg!(windows) || draft.sign_in != SignInKind::SqlLogin {
            FORM.row(ui, "Sign in with", needs_windows, |ui| {
                form::choices(
                    ui,
                    &mut draft.sign_in,
                    &[
                        (SignInKind::SqlLogin, "SQL Server login"),
                        (SignInKind::WindowsIntegrated, "My Windows account"),
                        (SignInKind::WindowsNamed, "Another Windows account"),
                    ],
                )
            });
        }
        let hint = match draft.sign_in {
            SignInKind::SqlLogin => "login",
            SignInKind::WindowsNamed => "DOMAIN\\user",
            SignInKind::Entra => {
                FORM.note(
                    ui,
                    "With a token from az account get-access-token, renewed when it runs out and never stored. Sign in once with az login.",
                );
                return;
            }
            SignInKind::WindowsIntegrated => return,
        };
        FORM.row(ui, "User", no_user, |ui| {
            form::text(ui, &mut draft.user, FIELD, hint)
        });
        let hint = match edited {
            EditedProfile::Saved(_) => "as it is",
            EditedProfile::New | EditedProfile::CopyOf(_) => "",
        };
        FORM.row(ui, "Password", None, |ui| {
            let hint = form::hint_text(ui, hint);
            ui.add(
                TextEdit::singleline(&mut draft.password)
                    .password(true)
                    .hint_text(hint)
                    .desired_width(FIELD),
            )
        });
        FORM.row(ui, "Keep it", None, |ui| {
            form::choices(
                ui,
                &mut draft.password_kept,
                &[
                    (PasswordKept::CredentialStore, "In the credential store"),
                    (PasswordKept::AskEachTime, "Ask in each session"),
                ],
            )
        });
        FORM.note(
            ui,
            match draft.password_kept {
                PasswordKept::CredentialStore => {
                    "Your system keeps it under your account. It is in no file of stopat's."
                }
                PasswordKept::AskEachTime => "It is used for this session and written nowhere.",
            },
        );
    });
}

fn encryption_ui(
    ui: &mut Ui,
    draft: &mut Draft,
    no_file: Option<String>,
    fingerprint: Option<String>,
) {
    form::group(ui, "Encryption", |ui| {
        FORM.row(ui, "Certificate", None, |ui| {
            form::choices(
                ui,
                &mut draft.encryption,
                &[
                    (EncryptionKind::Trusted, "Trusted by the system"),
                    (EncryptionKind::Authority, "By a file"),
                    (EncryptionKind::Pinned, "Exactly this one"),
                ],
            )
        });
        match draft.encryption {
            EncryptionKind::Trusted => FORM.note(
                ui,
                "The connection is always encrypted, and the certificate is always checked.",
            ),
            EncryptionKind::Authority => {
                FORM.row(ui, "PEM file", no_file, |ui| {
                    form::text(
                        ui,
                        &mut draft.authority,
                        FIELD,
                        "of the authority, or of the server",
                    )
                });
            }
            EncryptionKind::Pinned => {
                FORM.row(ui, "SHA-256", fingerprint, |ui| {
                    let hint = form::hint_text(ui, "test the connection to see it");
                    ui.add(
                        TextEdit::multiline(&mut draft.fingerprint)
                            .font(mono(11.5))
                            .desired_rows(2)
                            .hint_text(hint)
                            .desired_width(FIELD),
                    )
                });
            }
        }
    });
}

/// What the test said: who answered, what is wrong, or which certificate was shown.
fn test_ui(ui: &mut Ui, state: &State, draft: &mut Draft) -> Response {
    let palette = *Palette::of(ui);
    ui.add_space(8.0);
    let shown = card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let result = state
            .test_result
            .as_ref()
            .filter(|(id, _)| *id == draft.id)
            .map(|(_, result)| result);
        match result {
            None => {
                strong(ui, "Testing…", 13.0);
            }
            Some(Ok(info)) => answered_ui(ui, info),
            Some(Err(problem)) => problem_ui(ui, problem),
        }
        if let Some(SeenCertificate { fingerprint, subject, .. }) = state
            .test_certificate
            .as_ref()
            .filter(|seen| seen.profile == draft.id)
        {
            ui.add_space(6.0);
            section(ui, "The server showed this certificate");
            ui.add(Label::new(RichText::new(subject).font(mono(11.5))).wrap());
            ui.add(
                Label::new(RichText::new(super::dialogs::spaced(fingerprint)).font(mono(11.5)))
                    .wrap()
                    .selectable(true),
            );
            paragraph(ui, "Compare the fingerprint with one that you got on another way, then pin it and test again.");
            if button(ui, "Pin this certificate").clicked() {
                draft.encryption = EncryptionKind::Pinned;
                draft.fingerprint.clone_from(fingerprint);
            }
        }
    });
    shown.response
}

fn answered_ui(ui: &mut Ui, info: &ServerInfo) {
    let palette = *Palette::of(ui);
    ui.label(RichText::new(format!("✔ {} answers", info.name)).color(palette.log));
    small(
        ui,
        format!(
            "{} · {} · signed in as {}",
            info.version_text, info.edition, info.login
        ),
    );
}

fn problem_ui(ui: &mut Ui, problem: &Problem) {
    let palette = *Palette::of(ui);
    ui.add(Label::new(RichText::new(&problem.sentence).color(palette.danger)).wrap());
    if !problem.hint.is_empty() {
        paragraph(ui, &problem.hint);
    }
    for line in &problem.details {
        ui.add(Label::new(RichText::new(line).font(mono(11.5)).color(palette.muted)).wrap());
    }
}
