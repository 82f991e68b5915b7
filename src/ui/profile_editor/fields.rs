//! The fields of a server: who it is, the sign-in, the encryption, and how far stopat may go.

use super::{
    FIELD, FORM, azure,
    draft::{Draft, DraftFault, EncryptionKind, ServerKind, SignInKind},
};
use crate::{
    explain::profile_fault,
    settings::{PasswordKept, ProfileFault as Fault, Reach},
    state::{Action, EditedProfile, State},
    ui::{form, theme::mono},
};
use egui::{TextEdit, Ui};

/// All of them; `opened` in the first frame of the dialog.
pub(super) fn fields_ui(
    ui: &mut Ui,
    draft: &mut Draft,
    edited: EditedProfile,
    faults: &[DraftFault],
    opened: bool,
    state: &State,
    actions: &mut Vec<Action>,
) {
    server_ui(ui, draft, faults, opened);
    if draft.kind == ServerKind::AzureSql {
        azure::place_ui(ui, draft, state, actions);
    }
    sign_in_ui(ui, draft, edited, faults);
    encryption_ui(ui, draft, faults);
    reach_ui(ui, draft);
}

/// What is wrong with a field, in words.
fn says(faults: &[DraftFault], wanted: fn(&Fault) -> bool) -> Option<String> {
    faults.iter().find_map(|fault| match fault {
        DraftFault::Profile(fault) if wanted(fault) => Some(profile_fault(fault)),
        _ => None,
    })
}

/// What it is called, and where it is.
fn server_ui(ui: &mut Ui, draft: &mut Draft, faults: &[DraftFault], opened: bool) {
    let is_azure = draft.kind == ServerKind::AzureSql;
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
            says(faults, |f| {
                matches!(f, Fault::NoName | Fault::ReservedName | Fault::NameTaken)
            }),
            |ui| form::text(ui, &mut draft.name, FIELD, "Production"),
        );
        if opened {
            name.request_focus();
        }
        let host = FORM.row(
            ui,
            "Host",
            says(faults, |f| {
                matches!(f, Fault::NoHost | Fault::HostCharacter(_))
            }),
            |ui| {
                let hint = if is_azure {
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
        if !is_azure {
            FORM.row(
                ui,
                "Instance",
                says(faults, |f| matches!(f, Fault::InstanceCharacter(_))),
                |ui| form::text(ui, &mut draft.instance, FIELD, "the default instance"),
            );
        }
        let port = if faults.contains(&DraftFault::Port) {
            Some(profile_fault(&Fault::PortZero))
        } else {
            says(faults, |f| matches!(f, Fault::PortZero))
        };
        FORM.row(ui, "Port", port, |ui| {
            form::text(ui, &mut draft.port, 110.0, "as usual")
        });
        if is_azure {
            FORM.row(ui, "Database", None, |ui| {
                form::text(ui, &mut draft.database, FIELD, "all of them")
            });
        }
    });
}

fn sign_in_ui(ui: &mut Ui, draft: &mut Draft, edited: EditedProfile, faults: &[DraftFault]) {
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
            let needs_windows = says(faults, |f| matches!(f, Fault::NeedsWindows));
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
        let no_user = says(faults, |f| matches!(f, Fault::NoUser));
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

fn encryption_ui(ui: &mut Ui, draft: &mut Draft, faults: &[DraftFault]) {
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
                let no_file = says(faults, |f| matches!(f, Fault::NoAuthorityFile));
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
                let fingerprint = says(faults, |f| matches!(f, Fault::Fingerprint));
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

/// What it may be used for, and what it is to people.
fn reach_ui(ui: &mut Ui, draft: &mut Draft) {
    let is_azure = draft.kind == ServerKind::AzureSql;
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
                Reach::BackUp if is_azure => {
                    "Changes how long Azure keeps its backups as well. Nothing is created or deleted."
                }
                Reach::Restore if is_azure => {
                    "Lets Azure restore into new databases, rename, and delete what stopat had it make."
                }
                Reach::BackUp => {
                    "Takes backups as well. Nothing is created, overwritten or dropped."
                }
                Reach::Restore => "Restores, over the original only after its name was typed, and drops the copies that it made.",
            },
        );
        if draft.reach != Reach::Look && !is_azure {
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
