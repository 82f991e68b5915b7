//! What was chosen for a restore: what it may overwrite, the user's own steps, what is checked.

use crate::{
    run::{
        choices::{OverChoice, OwnStep, RunChoices, TailChoice},
        hook::HookCommand,
        target::TargetFacts,
    },
    tsql::UserAccess,
};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StoredChoices {
    over: Option<StoredOver>,
    restricted_user: bool,
    verify_files: bool,
    check_database: bool,
    before: Vec<StoredOwn>,
    after: Vec<StoredOwn>,
    expected_schema: Option<String>,
    on_server: Option<String>,
    pause_jobs: Vec<String>,
    pub(super) prove_first: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standby: Option<String>,
}

impl StoredChoices {
    pub(super) fn of(choices: &RunChoices) -> Self {
        let RunChoices {
            over,
            restricted_user,
            verify_files,
            check_database,
            before,
            after,
            expected_schema,
            on_server,
            pause_jobs,
            prove_first,
            source_server,
            standby,
        } = choices;
        Self {
            over: over.as_ref().map(StoredOver::of),
            restricted_user: *restricted_user,
            verify_files: *verify_files,
            check_database: *check_database,
            before: before.iter().map(StoredOwn::of).collect(),
            after: after.iter().map(StoredOwn::of).collect(),
            expected_schema: expected_schema.clone(),
            on_server: on_server.clone(),
            pause_jobs: pause_jobs.clone(),
            prove_first: *prove_first,
            source_server: source_server.clone(),
            standby: standby.clone(),
        }
    }

    pub(super) fn choices(&self) -> RunChoices {
        RunChoices {
            over: self.over.as_ref().map(StoredOver::over),
            restricted_user: self.restricted_user,
            verify_files: self.verify_files,
            check_database: self.check_database,
            before: self.before.iter().map(StoredOwn::own).collect(),
            after: self.after.iter().map(StoredOwn::own).collect(),
            expected_schema: self.expected_schema.clone(),
            on_server: self.on_server.clone(),
            pause_jobs: self.pause_jobs.clone(),
            prove_first: self.prove_first,
            source_server: self.source_server.clone(),
            standby: self.standby.clone(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct StoredOver {
    state_number: i64,
    state: String,
    access: i64,
    recovery_model: String,
    async_statistics: bool,
    owner: Option<String>,
    create_date: String,
    /// `None` backs the tail up.
    tail_given_up: Option<String>,
    damaged: bool,
    other_tail_files: Vec<String>,
}

impl StoredOver {
    fn of(over: &OverChoice) -> Self {
        Self {
            state_number: over.target.state_number,
            state: over.target.state.clone(),
            access: match over.target.access {
                UserAccess::Multi => 0,
                UserAccess::Single => 1,
                UserAccess::Restricted => 2,
            },
            recovery_model: over.target.recovery_model.clone(),
            async_statistics: over.target.async_statistics,
            owner: over.target.owner.clone(),
            create_date: over.target.create_date.clone(),
            tail_given_up: match &over.tail {
                TailChoice::BackUp => None,
                TailChoice::GiveUp { reason } => Some(reason.clone()),
            },
            damaged: over.damaged,
            other_tail_files: over.other_tail_files.clone(),
        }
    }

    fn over(&self) -> OverChoice {
        OverChoice {
            target: TargetFacts {
                state_number: self.state_number,
                state: self.state.clone(),
                access: UserAccess::from_number(self.access).unwrap_or_default(),
                recovery_model: self.recovery_model.clone(),
                async_statistics: self.async_statistics,
                owner: self.owner.clone(),
                create_date: self.create_date.clone(),
                ..TargetFacts::default()
            },
            tail: match &self.tail_given_up {
                None => TailChoice::BackUp,
                Some(reason) => TailChoice::GiveUp {
                    reason: reason.clone(),
                },
            },
            damaged: self.damaged,
            other_tail_files: self.other_tail_files.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredOwn {
    title: String,
    hook: Option<StoredHook>,
}

impl StoredOwn {
    fn of(step: &OwnStep) -> Self {
        Self {
            title: step.title.clone(),
            hook: step.hook.as_ref().map(StoredHook::of),
        }
    }

    fn own(&self) -> OwnStep {
        OwnStep {
            title: self.title.clone(),
            hook: self.hook.as_ref().map(StoredHook::hook),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StoredHook {
    program: PathBuf,
    arguments: Vec<String>,
    folder: Option<PathBuf>,
    timeout_millis: u64,
    expected_exit: i32,
}

impl StoredHook {
    fn of(hook: &HookCommand) -> Self {
        Self {
            program: hook.program.clone(),
            arguments: hook.arguments.clone(),
            folder: hook.folder.clone(),
            timeout_millis: u64::try_from(hook.timeout.as_millis()).unwrap_or(u64::MAX),
            expected_exit: hook.expected_exit,
        }
    }

    fn hook(&self) -> HookCommand {
        HookCommand {
            program: self.program.clone(),
            arguments: self.arguments.clone(),
            folder: self.folder.clone(),
            timeout: Duration::from_millis(self.timeout_millis),
            expected_exit: self.expected_exit,
        }
    }
}
