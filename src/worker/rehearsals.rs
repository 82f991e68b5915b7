//! Rehearsals: what people know is put before what the journal of a restore tells.

use super::{
    jobs::{Jobs, blocking, not_connected, now},
    messages::{Event, ServerId},
    objectives::ObjectivesEvent,
    practice::is_practice,
};
use crate::{
    explain::{self, Problem, ProblemKind},
    run::{
        FORMAT, Journal, JournalError, Record, Rehearsal, RehearsalTimes, RunId, RunKind, Who,
        journal_path, read_journal, rehearse,
    },
    settings::Workspace,
};

/// Why a rehearsal was not kept.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The run is no restore that ended, or it began before somebody noticed.
    #[error("the run is no restore that ended after somebody noticed")]
    NotThat,
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Which restore, and who rehearsed.
#[derive(Clone, Debug)]
pub struct RehearsalOf<'a> {
    pub restore: &'a RunId,
    pub server: &'a str,
    pub database: &'a str,
    /// On a practice server.
    pub simulated: bool,
    pub who: Who,
}

/// Puts what people know before what the journal of a restore tells, in a journal of its own.
pub fn keep_rehearsal(
    workspace: &Workspace,
    of: RehearsalOf<'_>,
    times: RehearsalTimes,
) -> Result<Rehearsal, RehearsalError> {
    let content = read_journal(&journal_path(workspace.folder(), of.restore))?;
    let kept = rehearse(&content, times, of.simulated).ok_or(RehearsalError::NotThat)?;
    let id = RunId::new(now(), fastrand::u16(..));
    let mut journal = Journal::create(&journal_path(workspace.folder(), &id))?;
    let records = [
        Record::Begin {
            format: FORMAT.to_owned(),
            run: id.0.clone(),
            server: of.server.to_owned(),
            source_database: of.database.to_owned(),
            target_database: of.database.to_owned(),
            target: String::new(),
            steps: Vec::new(),
            run_kind: RunKind::Drill,
            who: of.who,
        },
        Record::Rehearsed {
            rehearsal: Box::new(kept.clone()),
        },
        Record::End {
            end: kept.end.clone(),
            state: format!("rehearsal of run {}", of.restore.0),
        },
    ];
    for record in records {
        let at = now().0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        journal.write(at, record)?;
    }
    Ok(kept)
}

impl Jobs {
    pub(super) fn rehearsal(
        &self,
        server: ServerId,
        database: String,
        run: RunId,
        times: RehearsalTimes,
    ) {
        let (Some(ground), Some(workspace)) = (self.ground(server), self.workspace.clone()) else {
            return self.problem(Some(server), not_connected());
        };
        let who = self.who(server, &ground.info);
        let tell = self.tell();
        let events = self.events.clone();
        tokio::spawn(async move {
            let kept = blocking(move || {
                let of = RehearsalOf {
                    restore: &run,
                    server: &ground.info.name,
                    database: &database,
                    simulated: is_practice(&ground.info),
                    who,
                };
                keep_rehearsal(&workspace, of, times)
            });
            match kept.await {
                Some(Ok(_)) | None => {}
                Some(Err(error)) => events.send(Event::Problem {
                    server: Some(server),
                    problem: rehearsal_problem(&error),
                }),
            }
            tell(ObjectivesEvent::RehearsalEnded);
        });
    }
}

fn rehearsal_problem(error: &RehearsalError) -> Problem {
    match error {
        RehearsalError::Journal(error) => explain::journal_problem(error),
        RehearsalError::NotThat => Problem {
            kind: ProblemKind::Yours,
            sentence: format!("The rehearsal was not kept: {error}"),
            hint:
                "The times must be in their order: it broke, somebody noticed, the restore began."
                    .to_owned(),
            details: Vec::new(),
        },
    }
}
