//! A restore that Azure carries out: ordered, watched, checked, and found again after a crash.
//!
//! ```text
//! names free? ─► order (az, --no-wait) ─► ask for its state until it is online ─► look inside
//!                   └ in doubt: look whether Azure took it
//! ```
//!
//! Once ordered, Azure goes on whatever happens here; deleting the new database is what cancels it.
//! It is deleted only while it is the database that this run made, by the id that Azure never gives twice.

mod past;
mod steps;
mod swap;

pub use past::{
    AzureUnfinished, delete_new_database, half_swapped_restores, unfinished_azure_restores,
};
pub(super) use place::WAIT;
pub use swap::{
    AzurePast, SwapFound, SwapStep, SwapSurroundings, read_azure_restore, rename_line,
    run_swap_step, settle_swap,
};

use super::{
    failure::VerificationFault,
    journal::{Journal, JournalError, Record, iso_time},
    report::{RunId, RunKind, Verification, Who},
    verify::Expectations,
};
use crate::{
    azure::{
        self, AzCaller, AzCommand, AzError, AzureDatabase, Home, HomeKind, NewDatabase, RestoreFrom,
    },
    domain::UtcTime,
    server::{Gateway, ServerError},
};
use chrono::SecondsFormat;
use std::time::Duration;
use steps::Run;
use tokio_util::sync::CancellationToken;

/// What is asked of Azure.
#[derive(Clone, Debug)]
pub struct AzureOrder {
    pub id: RunId,
    /// What the server says it is called.
    pub server: String,
    pub home: Home,
    pub from: RestoreFrom,
    pub new: NewDatabase,
    pub expected: Expectations,
    pub who: Who,
}

/// What a run works with.
pub struct AzureSurroundings<'a> {
    pub az: &'a dyn AzCaller,
    pub gateway: &'a dyn Gateway,
    pub tell: &'a (dyn Fn(AzureRunEvent) + Send + Sync),
    /// Stops the watching. Azure goes on.
    pub cancel: &'a CancellationToken,
    pub now: fn() -> UtcTime,
    /// Between two questions for the state of the database.
    pub interval: Duration,
}

/// What is told while it runs.
#[derive(Clone, Debug)]
pub enum AzureRunEvent {
    StepBegan {
        step: usize,
        line: String,
    },
    /// How Azure is getting on.
    Progress {
        /// As `Restoring`; `None` while Azure shows no such database yet.
        status: Option<String>,
        percent: Option<u8>,
        /// Why the last question had no answer; asked again.
        trouble: Option<AzError>,
    },
    StepEnded {
        step: usize,
        report: AzureStepReport,
    },
}

/// One step that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureStepReport {
    pub title: &'static str,
    /// The command of `az`, where the step is one.
    pub line: String,
    pub seconds: f64,
    pub outcome: AzureOutcome,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub enum AzureOutcome {
    Done,
    Failed(AzureFailure),
    /// The user looks no longer.
    Cancelled,
}

/// Why a step did not do its work.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AzureFailure {
    #[error("{0}")]
    Az(AzError),
    /// A database of the new name is there already.
    #[error("there is a database {name} already")]
    NameTaken { name: String },
    /// The moment is before the first that can be restored.
    #[error("nothing before {} can be restored", azure::utc_second(*earliest))]
    TooEarly { earliest: UtcTime },
    /// This home cannot do it.
    #[error("a managed instance restores a deleted database only to a moment")]
    NeedsMoment,
    /// Azure gave up, in its own words.
    #[error("Azure gave up: {said}")]
    GaveUp { said: String },
    /// The database was there and is no longer.
    #[error("{name} was deleted while it was restored")]
    Vanished { name: String },
    /// A database of the name is there, and the journal does not say that it is the one that was ordered.
    #[error("nothing proves that {name} was made by this restore")]
    NotProved { name: String },
    /// There is nothing that Azure took an order for.
    #[error("Azure took no order")]
    NotOrdered,
    /// Azure took the order and no database came.
    #[error("Azure shows no database {name}")]
    NeverCame { name: String },
    /// Neither online nor on the way.
    #[error("{name} is {status}")]
    Stuck { name: String, status: String },
    #[error("{0}")]
    Server(ServerError),
    /// What was looked at is not as it should be.
    #[error("{} of the checks failed", .0.len())]
    Checks(Vec<VerificationFault>),
    /// An earlier stopat asked for the rename and heard no answer; the databases show that it was not done.
    #[error("the database was not renamed")]
    NotRenamed,
}

/// The state in which a run leaves things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AzureEnd {
    /// Online, and every check passed.
    Verified,
    /// Online, and a check failed or could not be made.
    OnlineNotVerified,
    /// Azure took no order: nothing was created.
    NotOrdered,
    /// Azure is at work, and nobody watches here any more.
    GoesOn,
    /// Azure gave up, or the new database is gone.
    Failed,
}

impl AzureEnd {
    /// The word of `run-journal/1`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::OnlineNotVerified => "online_not_verified",
            Self::NotOrdered => "untouched",
            Self::GoesOn => "goes_on",
            Self::Failed => "failed",
        }
    }

    /// What a word of the journal says.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Verified,
            Self::OnlineNotVerified,
            Self::NotOrdered,
            Self::GoesOn,
            Self::Failed,
        ]
        .into_iter()
        .find(|end| end.word() == word)
    }
}

/// Everything about a run that ended here.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureReport {
    pub id: RunId,
    pub steps: Vec<AzureStepReport>,
    pub seconds: f64,
    pub end: AzureEnd,
    pub verification: Option<Verification>,
}

/// The titles of the steps, in order.
pub const STEPS: [&str; 4] = [
    "Look at the databases",
    "Order the restore",
    "Azure restores",
    "Check the new database",
];

/// The place of the step in [`STEPS`] that is begun again after an interruption.
pub const WATCH: usize = place::WAIT;

/// Places in [`STEPS`].
mod place {
    pub(super) const LOOK: usize = 0;
    pub(super) const ORDER: usize = 1;
    pub(in crate::run) const WAIT: usize = 2;
    pub(super) const CHECK: usize = 3;
}

/// Orders a restore and watches it to its end.
pub async fn run_azure_restore(
    order: AzureOrder,
    mut journal: Journal,
    around: AzureSurroundings<'_>,
) -> Result<AzureReport, JournalError> {
    let AzureOrder {
        id,
        server,
        home,
        from,
        new,
        expected,
        who,
    } = order;
    journal.write(
        stamp(around.now),
        Record::Begin {
            format: super::FORMAT.to_owned(),
            run: id.0.clone(),
            server,
            source_database: from.database().to_owned(),
            target_database: new.name.clone(),
            target: match &from {
                RestoreFrom::PointInTime { at, .. } | RestoreFrom::Deleted { at: Some(at), .. } => {
                    azure::utc_second(*at)
                }
                RestoreFrom::Deleted { deleted, .. } => azure::utc_second(*deleted),
                RestoreFrom::LongTerm { taken, .. } => azure::utc_second(*taken),
            },
            steps: STEPS.map(str::to_owned).to_vec(),
            run_kind: RunKind::AzureRestore,
            who,
        },
    )?;
    journal.write(
        stamp(around.now),
        Record::AzureOrder {
            managed_instance: home.kind == HomeKind::ManagedInstance,
            subscription: home.subscription.clone(),
            resource_group: home.resource_group.clone(),
            server: home.name.clone(),
            source_database: from.database().to_owned(),
            new_database: new.name.clone(),
        },
    )?;
    let mut run = Run::new(id, journal, home, from.database(), &new.name, around);
    let look = azure::show(&run.home, &run.new);
    run.begin(place::LOOK, &look.line())?;
    let looked = run.look(&look, &from).await;
    if !run.end(place::LOOK, &look.line(), looked)? {
        return run.finish(AzureEnd::NotOrdered, None);
    }
    let Some(command) = azure::restore(&run.home, &from, &new) else {
        run.begin(place::ORDER, "")?;
        run.end(place::ORDER, "", Err(AzureFailure::NeedsMoment))?;
        return run.finish(AzureEnd::NotOrdered, None);
    };
    run.begin(place::ORDER, &command.line())?;
    let ordered = run.order(&command).await;
    let taken = ordered.is_ok();
    run.end(place::ORDER, &command.line(), ordered)?;
    if !taken {
        return run.finish(AzureEnd::NotOrdered, None);
    }
    run.watch(&expected).await
}

/// Watches a restore that was ordered by a run which ended before its time.
pub async fn watch_azure_again(
    unfinished: AzureUnfinished,
    expected: Expectations,
    around: AzureSurroundings<'_>,
) -> Result<AzureReport, JournalError> {
    let (journal, content) = Journal::reopen(&unfinished.journal)?;
    let identified = content
        .entries
        .iter()
        .any(|entry| matches!(entry.record, Record::CopyCreated { .. }));
    let mut run = Run::new(
        unfinished.id,
        journal,
        unfinished.home,
        &unfinished.source,
        &unfinished.new_database,
        around,
    );
    run.identified = identified;
    if let Some(began) = unfinished.began {
        run.began = began;
    }
    run.watch(&expected).await
}

/// A line of a journal is stamped with it.
pub(super) fn stamp(now: fn() -> UtcTime) -> String {
    iso_time(now())
}

fn created_text(database: &AzureDatabase) -> String {
    database
        .created
        .map(|at| at.0.to_rfc3339_opts(SecondsFormat::Micros, true))
        .unwrap_or_default()
}

async fn database(
    az: &dyn AzCaller,
    command: &AzCommand,
    cancel: &CancellationToken,
) -> Result<AzureDatabase, AzureFailure> {
    let answer = az.call(command, cancel).await.map_err(AzureFailure::Az)?;
    azure::parse_database(&answer)
        .map_err(AzError::from)
        .map_err(AzureFailure::Az)
}
