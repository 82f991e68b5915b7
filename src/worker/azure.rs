//! What is asked of Azure through `az`, and what it answered: requests and events of plain data.

use super::messages::ServerId;
use crate::{
    azure::{
        AzureDatabase, DeletedDatabase, Home, LogicalServer, LongTerm, LongTermBackup, NewDatabase,
        RestoreFrom, ShortTerm,
    },
    domain::UtcTime,
    explain::Problem,
    run::{AzureEnd, ByHand, RunId, SwapFound, SwapStep, Verification},
};
use std::{collections::BTreeMap, path::PathBuf};
use uuid::Uuid;

/// What the window asks of Azure.
#[derive(Clone, Debug)]
pub enum AzureRequest {
    /// Reads what Azure knows of one database: its state, its retention, its long-term backups.
    Read { server: ServerId, database: String },
    /// Lists the databases of a server that were deleted and can be restored.
    ListDeleted { server: ServerId },
    /// Ends the calls of `az` that only ask; restores go on.
    StopAsking,
    /// Lists the servers that `az` can see, for a profile that is edited.
    FindServers {
        profile: Uuid,
        program: Option<PathBuf>,
        subscription: Option<String>,
    },
    Restore {
        server: ServerId,
        from: RestoreFrom,
        new: NewDatabase,
    },
    /// Looks no longer; Azure goes on.
    StopWatching { run: RunId },
    /// Deletes the database that a run made: what cancels a restore.
    DeleteNew { server: ServerId, run: RunId },
    /// Carries out one rename of the swap of names after a restore.
    Swap {
        server: ServerId,
        run: RunId,
        step: SwapStep,
    },
    /// Shows a restore of the past again, with how far its swap of names is.
    OpenRun { server: ServerId, run: RunId },
    /// Asks Amazon RDS how the tasks of a database stand.
    ReadTasks { server: ServerId, database: String },
    /// Runs what was shown, on a managed instance or on RDS; the gateway holds it to the profile.
    ByHand {
        server: ServerId,
        by_hand: Box<ByHand>,
    },
    /// The program for profiles that name none; `None` lets the system find one.
    UseProgram(Option<PathBuf>),
    SetShortTerm {
        server: ServerId,
        database: String,
        policy: ShortTerm,
    },
    SetLongTerm {
        server: ServerId,
        database: String,
        policy: LongTerm,
    },
}

/// What Azure answered.
#[derive(Clone, Debug)]
pub enum AzureEvent {
    /// Where the databases of a server are managed, once it is connected; `Err` says why `az` is not asked.
    Home {
        server: ServerId,
        home: Result<Home, Problem>,
    },
    /// The databases that were deleted and can be restored.
    Deleted {
        server: ServerId,
        databases: Vec<DeletedDatabase>,
    },
    Told {
        server: ServerId,
        database: String,
        told: Box<Result<AzureTold, Problem>>,
    },
    Found {
        profile: Uuid,
        result: Result<Vec<LogicalServer>, Problem>,
    },
    RunBegan {
        server: ServerId,
        run: RunId,
        source: String,
        new_database: String,
        /// It was ordered by an earlier stopat, and is watched again.
        again: bool,
        at: UtcTime,
    },
    StepBegan {
        run: RunId,
        step: usize,
        line: String,
    },
    Progress {
        run: RunId,
        status: Option<String>,
        percent: Option<u8>,
        trouble: Option<Problem>,
    },
    StepEnded {
        run: RunId,
        step: usize,
        seconds: f64,
        outcome: AzureStepOutcome,
    },
    RunEnded {
        run: RunId,
        end: AzureEnd,
        seconds: f64,
        verification: Option<Verification>,
    },
    Deleting {
        run: RunId,
        result: Result<String, Problem>,
    },
    /// The rename that was asked for last ended.
    Swapped {
        server: ServerId,
        run: RunId,
        result: Result<(), Problem>,
    },
    /// A restore of the past.
    RunShown(Box<AzureShown>),
    /// A line for each task.
    TasksRead {
        result: Result<Vec<String>, Problem>,
    },
    ByHandBegan {
        run: RunId,
    },
    /// A line that the server or the service said.
    ByHandSaid {
        run: RunId,
        line: String,
    },
    ByHandEnded {
        run: RunId,
        seconds: f64,
        verification: Option<Verification>,
        failure: Option<Problem>,
    },
    /// Azure may still be at work on what an earlier stopat ordered, by the server of this profile.
    Unfinished {
        server: ServerId,
        new_database: String,
    },
    /// The swap of names of an earlier restore stopped half way, by the server of this profile.
    HalfSwapped {
        server: ServerId,
        source: String,
    },
    /// Whose automatic backups cannot be seen, and why; all others can.
    Unseen {
        server: ServerId,
        databases: BTreeMap<String, Problem>,
    },
    RetentionSet {
        server: ServerId,
        database: String,
        result: Result<(), Problem>,
    },
}

/// How a step ended, in words.
#[derive(Clone, Debug, PartialEq)]
pub enum AzureStepOutcome {
    Done,
    Failed(Problem),
    Cancelled,
}

/// A restore that ended, as its journal and Azure tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureShown {
    pub server: ServerId,
    pub run: RunId,
    pub source: String,
    pub new_database: String,
    /// When it began.
    pub at: UtcTime,
    /// The command of each step, and in how many seconds it ended and how.
    pub steps: Vec<(String, Option<(f64, AzureStepOutcome)>)>,
    pub end: AzureEnd,
    pub seconds: f64,
    pub verification: Option<Verification>,
    pub swap: SwapFound,
}

/// What Azure knows of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureTold {
    pub database: AzureDatabase,
    /// `Err` where it may not be read.
    pub short_term: Result<ShortTerm, Problem>,
    pub long_term: Result<LongTerm, Problem>,
    pub long_term_backups: Result<Vec<LongTermBackup>, Problem>,
    pub read_at: UtcTime,
}
