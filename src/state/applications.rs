//! The applications that are known, and the one that is edited.

use super::{Page, State};
use crate::{
    settings::Application,
    worker::{ApplicationEvent, ApplicationRequest, KnownApplications, Request},
};
use std::{path::PathBuf, sync::Arc};

/// What the window shows of applications.
#[derive(Clone, Debug, Default)]
pub struct ApplicationsView {
    pub known: Arc<KnownApplications>,
    /// The one that is edited, by its name; `None` for a new one.
    pub edited: Option<String>,
    /// Counts up whenever an editor has to begin afresh.
    pub generation: u64,
    /// What was done last, until something else is.
    pub done: Option<ApplicationDone>,
}

/// A change that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationDone {
    Saved { name: String, file: PathBuf },
    PutAway { name: String, kept_as: PathBuf },
}

/// What is done with applications.
#[derive(Clone, Debug)]
pub enum ApplicationAction {
    /// Opens the page.
    Show,
    /// Edits this one; `None` begins a new one.
    Edit(Option<String>),
    /// Saves what is edited.
    Save(Box<Application>),
    /// Puts the user's own version aside.
    PutAway(String),
}

impl ApplicationsView {
    /// The one that is edited; `None` for a new one.
    pub fn edited(&self) -> Option<&Application> {
        let name = self.edited.as_deref()?;
        self.named(name)
    }

    /// The application of a name.
    pub fn named(&self, name: &str) -> Option<&Application> {
        self.known
            .applications
            .iter()
            .find(|application| application.name == name)
    }

    /// The names of all but the one that is edited.
    pub fn other_names(&self) -> impl Iterator<Item = &str> {
        self.known
            .applications
            .iter()
            .map(|application| application.name.as_str())
            .filter(|name| self.edited.as_deref() != Some(*name))
    }
}

impl State {
    pub(super) fn change_applications(&mut self, action: ApplicationAction) -> Vec<Request> {
        let view = &mut self.applications;
        match action {
            ApplicationAction::Show => {
                if view.edited.is_none() {
                    view.edited = view
                        .known
                        .applications
                        .first()
                        .map(|application| application.name.clone());
                }
                view.generation += 1;
                view.done = None;
                self.show_page(Page::Applications);
            }
            ApplicationAction::Edit(name) => {
                view.edited = name;
                view.generation += 1;
                view.done = None;
            }
            ApplicationAction::Save(application) => {
                return vec![Request::Application(ApplicationRequest::Save {
                    replaces: view.edited.clone(),
                    application,
                })];
            }
            ApplicationAction::PutAway(name) => {
                return vec![Request::Application(ApplicationRequest::PutAway { name })];
            }
        }
        Vec::new()
    }

    pub(super) fn take_application_event(&mut self, event: ApplicationEvent) {
        let view = &mut self.applications;
        match event {
            ApplicationEvent::Known(known) => view.known = known,
            ApplicationEvent::Saved { name, file } => {
                view.edited = Some(name.clone());
                view.generation += 1;
                view.done = Some(ApplicationDone::Saved { name, file });
            }
            ApplicationEvent::PutAway { name, kept_as } => {
                if view.named(&name).is_none() {
                    view.edited = None;
                }
                view.generation += 1;
                view.done = Some(ApplicationDone::PutAway { name, kept_as });
            }
        }
    }
}
