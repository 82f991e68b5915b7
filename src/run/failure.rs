//! Why a step did not do its work, or did it with a reservation: data, which `explain` puts into words.

use super::{hook::HookFailure, preflight::PreflightCheck};
use crate::{
    domain::{Finding, RefusalKind, ServerTime},
    server::ServerError,
};

/// Why a step failed, or what is to be said of one that worked.
///
/// Its `Display` is for journals: a fragment without names of tools; people read `explain::step_failure`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepFailure {
    /// The server refused, or the connection to it was lost.
    #[error("{0}")]
    Server(ServerError),
    /// The checker objects to the plan, so nothing of it was run.
    #[error("the plan does not hold ({} objections)", .0.len())]
    PlanObjected(Vec<Finding>),
    /// The history that the plan was made from does not know the database.
    #[error("the history does not know the database")]
    DatabaseUnknown,
    /// Another run has the application lock of the target.
    #[error("another run holds the lock of {database}")]
    LockHeld { database: String },
    /// The server gives no application lock; the step was done all the same.
    #[error("the server gives no lock: {0}")]
    LockUnknown(ServerError),
    /// A line of the preflight refuses.
    #[error("the preflight refuses: {}", .0.finding)]
    Preflight(Box<PreflightCheck>),
    /// The last log does not prove that the moment was reached, so the database was not recovered.
    #[error("{database} stays RESTORING; the last log does not prove that the moment was reached")]
    StaysRestoring { database: String },
    /// The database had to be recovered in a statement of its own.
    #[error("{database} was recovered in a statement of its own")]
    RecoveredApart {
        database: String,
        why: ReachedBecause,
    },
    /// The tail of the log that was read back is not what the plan needs.
    #[error("{0}")]
    Tail(TailFault),
    /// What was looked at after the restore is not as it should be.
    #[error("{0}")]
    Verification(VerificationFault),
    /// A program on this machine did not do what it should.
    #[error("{0}")]
    Hook(HookFailure),
    /// The tail could not be written there, and goes to the next place.
    #[error("the tail could not be written to {file}: {error}")]
    TailElsewhere { file: String, error: ServerError },
    /// The job on the server failed; what its steps said.
    #[error("the job on the server failed: {}", .said.join("; "))]
    ServerJob { said: Vec<String> },
    /// stopat was closed while the server restored by itself: the job goes on.
    #[error("stopat was closed; the job {job} goes on")]
    LeftToServer { job: String },
    /// A step is done by hand, and nobody is there to say that it was.
    #[error("nobody is there to say that it was done")]
    NobodyAnswers,
}

/// Why the moment is known to be reached although the server left the database `RESTORING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachedBecause {
    /// The log before answered that it was already past the moment.
    EarlierLog,
    /// Nothing was committed between the moment and the end of the last log, which started then.
    NothingAfter { log_start: ServerTime },
}

/// Why the backup of the tail cannot be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TailFault {
    /// One backup set was expected in the file.
    #[error("{file} holds {n_sets} backup sets instead of one")]
    OtherSets { file: String, n_sets: usize },
    #[error("the tail does not reach the moment ({})", .0.as_str())]
    DoesNotReach(RefusalKind),
    #[error("the tail is of another database")]
    OtherDatabase,
    /// Planned again with the tail, other backups come out.
    #[error("with the tail the plan is another")]
    OtherPlan,
    /// The file's header is not that of a tail that ends where the database stands.
    #[error("{file} is not the tail of {database}")]
    NotTheTail { file: String, database: String },
}

/// What is wrong with a database after a restore.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationFault {
    #[error("{database} is not there")]
    NotThere { database: String },
    #[error("{database} is {state}")]
    NotOnline { database: String, state: String },
    #[error("there is no table {table}")]
    TableMissing { table: String },
    /// The newest migration is another than the application expects.
    #[error("the schema is at {}, not at {expected}", .found.as_deref().unwrap_or("nothing"))]
    SchemaVersion {
        expected: String,
        found: Option<String>,
    },
    /// Who may come in is not as before.
    #[error("the access is {found}, not {expected}")]
    Access { expected: String, found: String },
    /// `DBCC CHECKDB` found damage, or could not run.
    #[error("the check of the database failed: {0}")]
    CheckFailed(ServerError),
    /// The server refused an answer that the verification needs.
    #[error("{0}")]
    Refused(ServerError),
}

/// Why a step was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepSkip {
    /// The log before has reached the moment already.
    AlreadyReached,
    /// The database has it already.
    AlreadyApplied,
    /// The user left it out, and said why.
    Chosen { reason: String },
    /// It was done when the run was interrupted.
    DoneBefore,
}

impl std::fmt::Display for StepSkip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlreadyReached => f.write_str("the log before has reached the moment already"),
            Self::AlreadyApplied => f.write_str("the database has it already"),
            Self::Chosen { reason } => write!(f, "left out: {reason}"),
            Self::DoneBefore => f.write_str("done before the run was interrupted"),
        }
    }
}

impl StepFailure {
    /// The server's error behind it, where there is one.
    pub fn server_error(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error)
            | Self::LockUnknown(error)
            | Self::TailElsewhere { error, .. }
            | Self::Verification(
                VerificationFault::Refused(error) | VerificationFault::CheckFailed(error),
            ) => Some(error),
            _ => None,
        }
    }

    /// The words that a journal keeps: what it is, then the server's own messages.
    pub fn journal_words(&self) -> Vec<String> {
        let mut words = vec![self.to_string()];
        match self.server_error() {
            Some(ServerError::Refused { errors }) => words.extend(
                errors
                    .iter()
                    .map(|error| format!("Msg {}: {}", error.number, error.text)),
            ),
            Some(
                ServerError::Lost { reason }
                | ServerError::Unreachable { reason, .. }
                | ServerError::SignIn { reason },
            ) => words.push(reason.clone()),
            _ => {}
        }
        words
    }
}
