//! `settings.ron`: what belongs to the person and not to a client.

use super::{
    stored::{Document, content},
    workspace::WorkspaceName,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How the window looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// As the system.
    #[default]
    System,
    Dark,
    Light,
}

/// What stopat remembers of its user between two starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    pub theme: ThemeChoice,
    /// The workspace that was open last.
    pub workspace: WorkspaceName,
    /// The program `az` for profiles that name none; `None` lets the system find one.
    pub az_program: Option<PathBuf>,
}

impl Preferences {
    /// These with what changed from `before` to `after`: another window may have changed the others.
    pub(super) fn with_changes(self, before: &Self, after: &Self) -> Self {
        let Self {
            theme,
            workspace,
            az_program,
        } = self;
        Self {
            theme: changed(theme, &before.theme, &after.theme),
            workspace: changed(workspace, &before.workspace, &after.workspace),
            az_program: changed(az_program, &before.az_program, &after.az_program),
        }
    }
}

fn changed<T: PartialEq + Clone>(stored: T, before: &T, after: &T) -> T {
    if before == after {
        stored
    } else {
        after.clone()
    }
}

/// Version 1. Missing fields take their defaults, so that a file may be written by hand.
#[derive(Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PreferencesV1 {
    theme: ThemeChoice,
    workspace: String,
    az_program: Option<PathBuf>,
}

impl Default for PreferencesV1 {
    fn default() -> Self {
        Preferences::default().to_stored()
    }
}

impl Document for Preferences {
    const FORMAT: &'static str = "settings";
    const VERSION: u32 = 1;
    type Stored = PreferencesV1;

    fn to_stored(&self) -> PreferencesV1 {
        let Self {
            theme,
            workspace,
            az_program,
        } = self;
        PreferencesV1 {
            theme: *theme,
            workspace: workspace.to_string(),
            az_program: az_program.clone(),
        }
    }

    fn from_version(version: u32, text: &str) -> Option<Result<Self, ron::error::SpannedError>> {
        match version {
            1 => Some(content::<PreferencesV1>(text).map(|stored| Self {
                theme: stored.theme,
                // A name that no workspace can have opens the default one.
                workspace: stored.workspace.parse().unwrap_or_default(),
                az_program: stored.az_program,
            })),
            _ => None,
        }
    }
}
