//! RON files as stored, their migration, secrets by reference.
//!
//! Everything lies under one [`DataRoot`]; a [`Workspace`] in it is one client, and nothing of one shows in another.
//! What is stored has types of its own beside the runtime types, so that a renamed field never loses a file.
//! Passwords are in no file: see [`PasswordStore`].
//!
//! Nothing here decides *where* the data root is from the environment: `main` says which folders there are.

mod application;
mod credentials;
mod data_root;
mod folder;
mod logs;
mod objectives;
mod operator;
mod preferences;
mod preset;
mod profile;
mod scenario;
mod stored;
mod workspace;

pub use application::{
    Application, ApplicationError, ApplicationFault, Applications, CountedRows, Criticality, Every,
    HOOK_TIMEOUT_SECS, Handover, Hook, HookPlace, Outside, ProtectedData, RowClock, SchedulePreset,
    ScheduledBackup, ScheduledKind, SchemaCheck, load_applications, put_application_away,
    save_application, shipped_applications,
};
pub use credentials::{CredentialError, PasswordStore, SessionStore, SystemStore};
pub use data_root::{DataRoot, PORTABLE_MARK};
pub use folder::{BackupFolder, FolderPlace};
pub use logs::{LOG_FILES_KEPT, LogError, LogGuard, start_log};
pub use objectives::{DatabaseKey, DatabaseObjectives, PRACTICE_KEY, promises_of};
pub use operator::Operator;
pub use preferences::{Preferences, ThemeChoice};
pub use preset::PresetError;
pub use profile::{
    AzurePlace, Encryption, PasswordKept, Profile, ProfileFault, RESERVED_NAME, Reach, SignIn,
};
pub use scenario::{Scenario, ScenarioBackups};
pub use stored::{Aside, Loaded, StoreError, save_text};
pub use workspace::{Workspace, WorkspaceName, WorkspaceNameError};
