//! What the user chose besides the plan: how the database is taken, what is done before and after, what is checked.

use super::{hook::HookCommand, target::TargetFacts};
use crate::{
    settings::{Application, Handover, Outside},
    tsql::{Damage, OverOptions, RestoreOptions, Tailing},
};

/// The choices of a restore. The default is a restore to a copy with nothing around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunChoices {
    /// Over a database that is there; `None` for a copy, or when the server has none of the name.
    pub over: Option<OverChoice>,
    /// Only owners and administrators get into the recovered database; jobs for all databases see it all the same.
    pub restricted_user: bool,
    /// A copy is not recovered but left readable, with this undo file, to be looked at and gone on with later.
    pub standby: Option<String>,
    /// Every backup is read with `RESTORE VERIFYONLY` before anything is overwritten.
    pub verify_files: bool,
    /// `DBCC CHECKDB` at the end.
    pub check_database: bool,
    /// Before the database is taken: nobody may write any more.
    pub before: Vec<OwnStep>,
    /// After the database is verified.
    pub after: Vec<OwnStep>,
    /// The newest migration that the schema must have; `None` only shows what it has.
    pub expected_schema: Option<String>,
    /// The restores run on the server as a one-time Agent job of this name, so that they go on when stopat is closed.
    pub on_server: Option<String>,
    /// Jobs that would disturb the run; they are disabled until it is over.
    pub pause_jobs: Vec<String>,
    /// When a copy was created is on disk before anything can make it `ONLINE`, or it is not recovered:
    /// so it can be told from every other database of its name however the run ends.
    pub prove_first: bool,
    /// The server that has the original, where it is another than the one that restores.
    pub source_server: Option<String>,
}

/// Over a database that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct OverChoice {
    /// As it was when the user decided.
    pub target: TargetFacts,
    pub tail: TailChoice,
    /// A page of it is not what was written: the tail is taken past it.
    pub damaged: bool,
    /// Where the tail goes when the first place does not take it, in this order.
    pub other_tail_files: Vec<String>,
}

/// What the user wants with the part of the log that no backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TailChoice {
    #[default]
    BackUp,
    /// It is lost. The reason was typed.
    GiveUp { reason: String },
}

/// A step of the application's owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnStep {
    pub title: String,
    /// `None` is done by hand.
    pub hook: Option<HookCommand>,
}

impl From<&Handover> for OwnStep {
    fn from(handover: &Handover) -> Self {
        Self {
            title: handover.title.clone(),
            hook: handover.hook.as_ref().map(HookCommand::from),
        }
    }
}

impl From<&Outside> for OwnStep {
    fn from(outside: &Outside) -> Self {
        Self {
            // A sentence among others, and a title here.
            title: format!(
                "{}: {}",
                outside.what,
                outside.after_restore.trim_end_matches('.')
            ),
            hook: outside.hook.as_ref().map(HookCommand::from),
        }
    }
}

impl RunChoices {
    /// Adds what the owners of an application want before and after a restore over its database.
    ///
    /// What lies outside SQL Server comes before the start: the application should not meet data that is ahead of it.
    pub fn with_application(mut self, application: &Application) -> Self {
        self.before
            .extend(application.stop.as_ref().map(OwnStep::from));
        self.after
            .extend(application.outside.iter().map(OwnStep::from));
        self.after
            .extend(application.start.as_ref().map(OwnStep::from));
        self
    }

    /// The same choices as the script needs them; `tail_file` is where the tail goes.
    pub fn restore_options(&self, tail_file: Option<&str>) -> RestoreOptions {
        RestoreOptions {
            over: self.over.as_ref().map(|over| over.options(tail_file)),
            restricted_user: self.restricted_user,
            again: false,
            recover_apart: self.prove_first,
            standby: self.standby.clone(),
        }
    }
}

impl OverChoice {
    /// Over a database as it is, with its tail backed up.
    pub fn of(target: TargetFacts) -> Self {
        Self {
            target,
            tail: TailChoice::BackUp,
            damaged: false,
            other_tail_files: Vec::new(),
        }
    }

    /// Whether there is a tail at all that a restore would lose.
    pub fn has_tail(&self) -> bool {
        !self.target.restoring() && !self.target.is_simple()
    }

    fn options(&self, tail_file: Option<&str>) -> OverOptions {
        let target = &self.target;
        let tail = match (&self.tail, tail_file) {
            _ if !self.has_tail() => Tailing::NotNeeded,
            (TailChoice::GiveUp { .. }, _) | (TailChoice::BackUp, None) => Tailing::GiveUp,
            (TailChoice::BackUp, Some(file)) => Tailing::BackUp {
                file: file.to_owned(),
                damage: match (target.online(), self.damaged) {
                    (true, false) => Damage::None,
                    (true, true) => Damage::Pages,
                    (false, _) => Damage::NotOnline,
                },
            },
        };
        OverOptions {
            stop_async_statistics: target.online() && target.async_statistics,
            close_to_others: target.online(),
            access: target.access,
            tail,
        }
    }
}
