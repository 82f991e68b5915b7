//! The workspace that is open: its profiles, their passwords, and the applications.

use super::{
    connect::{ConnectFailure, open_profile},
    jobs::{Jobs, blocking, yours},
    messages::{Event, Secret, ServerId, ServerStatus},
};
use crate::{
    explain::{
        Problem, application_problem, aside_problem, credential_problem, server_problem,
        store_problem, workspace_name_fault,
    },
    server::ServerError,
    settings::{
        Loaded, PasswordKept, PasswordStore as _, Profile, StoreError, SystemStore, WorkspaceName,
        load_applications,
    },
};
use secrecy::SecretString;
use std::sync::Arc;
use uuid::Uuid;

impl Jobs {
    pub(super) async fn open_workspace(&mut self, name: String) {
        let name = match name.parse::<WorkspaceName>() {
            Ok(name) => name,
            Err(error) => {
                return self.problem(None, yours(workspace_name_fault(error)));
            }
        };
        if self
            .workspace
            .as_ref()
            .is_some_and(|open| *open.name() != name)
        {
            // Nothing of one client shows in another.
            let open: Vec<ServerId> = self.servers.keys().copied().collect();
            for server in open {
                self.disconnect(server);
                self.status(server, ServerStatus::Disconnected);
            }
            self.session_passwords = Arc::default();
            self.profiles.clear();
            self.fleet.cancel();
        }
        let workspace = self.root.workspace(&name);
        self.workspace = Some(workspace.clone());
        let folder = self.root.applications_folder();
        let read = blocking(move || (workspace.load_profiles(), load_applications(&folder))).await;
        let Some((profiles, applications)) = read else {
            return;
        };
        let mut problems: Vec<Problem> = applications
            .errors
            .iter()
            .map(application_problem)
            .collect();
        self.take_applications(applications);
        self.take_profiles(profiles, &mut problems);
        self.tell_workspace(problems);
        self.azure_unfinished();
        self.open_folders().await;
    }

    fn take_profiles(
        &mut self,
        read: Result<Loaded<Vec<Profile>>, StoreError>,
        problems: &mut Vec<Problem>,
    ) {
        match read {
            Ok(Loaded { value, aside }) => {
                self.profiles = value;
                problems.extend(aside.iter().map(aside_problem));
            }
            Err(error) => problems.push(store_problem(&error)),
        }
    }

    fn tell_workspace(&self, problems: Vec<Problem>) {
        if let Some(workspace) = &self.workspace {
            self.events.send(Event::Workspace {
                name: workspace.name().to_string(),
                profiles: self.profiles.clone(),
                problems,
            });
        }
    }

    pub(super) async fn save_profile(&mut self, profile: Profile, password: Option<Secret>) {
        let Some(workspace) = self.workspace.clone() else {
            return self.problem(None, no_workspace());
        };
        let id = profile.id;
        let reaches_elsewhere = self
            .profiles
            .iter()
            .find(|known| known.id == id)
            .is_some_and(|known| !known.connects_like(&profile));
        let keeps = matches!(
            profile.sign_in.named(),
            Some((_, PasswordKept::CredentialStore))
        );
        let session = Arc::clone(&self.session_passwords);
        let done = blocking(move || {
            let mut problems = Vec::new();
            if let Some(Secret(password)) = password {
                session.keep(id, &password).ok();
                if keeps && let Err(error) = SystemStore.keep(id, &password) {
                    problems.push(credential_problem(&error));
                }
            }
            if !keeps && let Err(error) = SystemStore.forget(id) {
                // Nothing was kept where there is no store.
                tracing::debug!(?error, "forget password");
            }
            (workspace.save_profile(profile), problems)
        })
        .await;
        if let Some((read, mut problems)) = done {
            self.take_profiles(read, &mut problems);
            let server = ServerId::Profile(id);
            if reaches_elsewhere && self.servers.contains_key(&server) {
                // The connection is still to what the profile said before, and may do what it allowed then.
                self.disconnect(server);
                self.status(server, ServerStatus::Disconnected);
            }
            self.tell_workspace(problems);
        }
    }

    /// Keeps a password that a server has just accepted.
    pub(super) fn keep_password(&self, id: Uuid, password: SecretString) {
        self.session_passwords.keep(id, &password).ok();
        let keeps = self.profiles.iter().any(|profile| {
            profile.id == id
                && matches!(
                    profile.sign_in.named(),
                    Some((_, PasswordKept::CredentialStore))
                )
        });
        if keeps {
            let events = self.events.clone();
            tokio::task::spawn_blocking(move || {
                if let Err(error) = SystemStore.keep(id, &password) {
                    events.send(Event::Problem {
                        server: Some(ServerId::Profile(id)),
                        problem: credential_problem(&error),
                    });
                }
            });
        }
    }

    pub(super) async fn remove_profile(&mut self, id: Uuid) {
        let Some(workspace) = self.workspace.clone() else {
            return self.problem(None, no_workspace());
        };
        let server = ServerId::Profile(id);
        self.disconnect(server);
        self.status(server, ServerStatus::Disconnected);
        let session = Arc::clone(&self.session_passwords);
        let done = blocking(move || {
            session.forget(id).ok();
            if let Err(error) = SystemStore.forget(id) {
                tracing::debug!(?error, "forget password");
            }
            workspace.remove_profile(id)
        })
        .await;
        if let Some(read) = done {
            let mut problems = Vec::new();
            self.take_profiles(read, &mut problems);
            self.tell_workspace(problems);
        }
    }

    /// A profile with the program that the settings name, where it names none.
    pub(super) fn profile_to_open(&self, id: Uuid) -> Option<Profile> {
        let found = self.profiles.iter().find(|profile| profile.id == id)?;
        Some(self.with_program(found.clone()))
    }

    pub(super) fn with_program(&self, mut profile: Profile) -> Profile {
        if let Some(place) = &mut profile.azure
            && place.program.is_none()
        {
            place.program.clone_from(&self.az_program);
        }
        profile
    }

    /// Tries a profile without saving it.
    pub(super) fn test(&self, profile: Profile, password: Option<Secret>) {
        let profile = self.with_program(profile);
        let events = self.events.clone();
        let session = Arc::clone(&self.session_passwords);
        let id = profile.id;
        tokio::spawn(async move {
            let result = match open_profile(profile, password, session).await {
                Ok(opened) => Ok(opened.reading.info),
                Err(ConnectFailure::Server(error)) => {
                    if let ServerError::UnknownCertificate {
                        fingerprint,
                        subject,
                        ..
                    }
                    | ServerError::OtherCertificate {
                        fingerprint,
                        subject,
                        ..
                    } = &error
                    {
                        events.send(Event::CertificateSeen {
                            server: ServerId::Profile(id),
                            fingerprint: fingerprint.clone(),
                            subject: subject.clone(),
                        });
                    }
                    Err(server_problem(&error))
                }
                Err(ConnectFailure::PasswordNeeded) => {
                    Err(yours("The test needs the password".to_owned()))
                }
                Err(ConnectFailure::Other(problem)) => Err(problem),
            };
            events.send(Event::TestResult {
                profile: id,
                result,
            });
        });
    }
}

fn no_workspace() -> Problem {
    yours("No workspace is open".to_owned())
}
