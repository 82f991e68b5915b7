//! What the user does, in the user's words.

use super::{Command, Page, RangePreset, TimeRange};
use crate::{
    settings::Profile,
    worker::{Secret, ServerId},
};
use uuid::Uuid;

/// One thing the user did. Views return them; `State::update` is the only place that acts on them.
#[derive(Clone, Debug)]
pub enum Action {
    SelectServer(ServerId),
    SelectDatabase {
        server: ServerId,
        database: String,
    },
    /// Signs in again, with a password where one was typed.
    Connect {
        server: ServerId,
        password: Option<Secret>,
    },
    Disconnect(ServerId),
    /// Reads a server again, or connects to it.
    Refresh(ServerId),
    Run(Command),

    ShowRange(TimeRange),
    ShowPreset(RangePreset),
    /// Follows the pointer, as far as something can be restored.
    DragMarker(f64),
    /// The pointer let go.
    DropMarker,
    /// Puts the marker at an instant, as far as something can be restored.
    PlaceMarker(f64),
    StepMarker(MarkerStep),
    /// The text of the time field while it is typed; `None` shows the marker again.
    EditTime(Option<String>),
    /// Goes to a typed time, wherever that is.
    GoToTypedTime(String),
    /// Goes to an instant in seconds since 1970, wherever that is.
    GoTo(f64),
    EditCopyName(String),
    /// Lets the name follow the moment again.
    ResetCopyName,
    Destination(super::DestinationAction),
    /// Shows a backup: selects it, and moves the window to it.
    ShowSet(Uuid),
    /// Treats a backup as lost, or no longer.
    ToggleLost(Uuid),
    Planning(super::PlanningAction),
    TakeSuggestion,

    Review,
    /// Goes to a page; what is reviewed is put away when the review is left.
    ShowPage(Page),
    /// Runs what was reviewed.
    Restore,
    /// What is typed as the names of server and database before a restore that needs them.
    TypeNames {
        server: String,
        database: String,
    },
    /// Says something to the run under way.
    TellRun(crate::run::RunCommand),
    /// Asks the database that a run left readable.
    LookInto(String),
    /// Checks the database that a run restored.
    CheckNow,
    /// Goes on with an interrupted run.
    Resume(super::ResumeAction),
    AskCancelRun,
    CancelRun,
    ShowCopy,
    AskDropCopy,
    DropCopy,
    /// Puts a finished run away.
    CloseRun,

    Activity(super::ActivityAction),
    Application(super::ApplicationAction),
    Protection(super::ProtectionAction),
    Objectives(super::ObjectivesAction),
    Fleet(super::FleetAction),
    Profile(ProfileAction),
    Backup(super::BackupAction),
    Azure(super::AzureAction),
    TrustCertificate {
        server: ServerId,
        fingerprint: String,
    },
    OpenWorkspace(String),

    ShowDialog(super::Dialog),
    CloseDialog,
    DismissNotice(u64),
    Files(super::FilesAction),
}

impl Action {
    /// Whether it comes frame after frame while something is dragged or typed.
    pub fn is_continuous(&self) -> bool {
        matches!(
            self,
            Self::DragMarker(_)
                | Self::ShowRange(_)
                | Self::EditTime(Some(_))
                | Self::EditCopyName(_)
                | Self::Destination(_)
                | Self::TypeNames { .. }
        )
    }
}

/// A step of the marker from the keyboard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MarkerStep {
    /// So many seconds, either way.
    Seconds(f64),
    PreviousBackup,
    NextBackup,
    FirstMoment,
    LastMoment,
}

/// What is done with saved servers.
#[derive(Clone, Debug)]
pub enum ProfileAction {
    /// Opens the editor for a new one.
    Add,
    Edit(Uuid),
    Duplicate(Uuid),
    AskRemove(Uuid),
    Remove(Uuid),
    Save {
        profile: Box<Profile>,
        password: Option<Secret>,
    },
    Test {
        profile: Box<Profile>,
        password: Option<Secret>,
    },
}
