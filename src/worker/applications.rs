//! The applications as the window edits them: read with the workspace, saved into the data root.

use super::{
    jobs::{Jobs, blocking},
    messages::Event,
};
use crate::{
    explain::{application_problem, store_problem},
    settings::{
        Application, Applications, load_applications, put_application_away, save_application,
        shipped_applications,
    },
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// What the window asks of the applications.
#[derive(Clone, Debug)]
pub enum ApplicationRequest {
    /// Writes it over the user's own file of the one named `replaces`, else into a new file.
    Save {
        replaces: Option<String>,
        application: Box<Application>,
    },
    /// Puts the user's own file aside, so that the shipped one counts again, or none.
    PutAway { name: String },
}

/// What is told of them.
#[derive(Clone, Debug)]
pub enum ApplicationEvent {
    /// All of them, after each reading.
    Known(Arc<KnownApplications>),
    Saved {
        name: String,
        file: PathBuf,
    },
    /// The file as it lies aside now.
    PutAway {
        name: String,
        kept_as: PathBuf,
    },
}

/// The applications in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownApplications {
    /// By name.
    pub applications: Vec<Application>,
    /// The user's own file of an application, by its name.
    pub own_files: BTreeMap<String, PathBuf>,
    /// Names of those that the program brings along.
    pub shipped: Vec<String>,
}

impl Jobs {
    /// Takes what was read into use, and tells the window.
    pub(super) fn take_applications(&mut self, read: Applications) {
        let Applications {
            applications,
            own_files,
            errors: _,
        } = read;
        self.applications = Arc::new(applications.clone());
        self.events
            .send(Event::Application(ApplicationEvent::Known(Arc::new(
                KnownApplications {
                    applications,
                    own_files,
                    shipped: shipped_applications(),
                },
            ))));
    }

    pub(super) async fn application(&mut self, request: ApplicationRequest) {
        let folder = self.root.applications_folder();
        let done = blocking(move || {
            let done = match request {
                ApplicationRequest::Save {
                    replaces,
                    application,
                } => save_application(&folder, replaces.as_deref(), &application).map(|file| {
                    Some(ApplicationEvent::Saved {
                        name: application.name,
                        file,
                    })
                }),
                ApplicationRequest::PutAway { name } => put_application_away(&folder, &name)
                    .map(|kept| kept.map(|kept_as| ApplicationEvent::PutAway { name, kept_as })),
            };
            (done, load_applications(&folder))
        })
        .await;
        let Some((done, read)) = done else {
            return;
        };
        for error in &read.errors {
            self.problem(None, application_problem(error));
        }
        self.take_applications(read);
        match done {
            Ok(Some(event)) => self.events.send(Event::Application(event)),
            Ok(None) => {}
            Err(error) => self.problem(None, store_problem(&error)),
        }
    }
}
