//! Interrupted runs: found at the start, looked at, gone on with.

use super::{Dialog, Page, State, TypedTime, parse_time};
use crate::{
    domain::{Moment, Target},
    explain::{Problem, ProblemKind},
    run::{ResumeHow, RunId, RunRecord},
    worker::{Request, RunRequest, ServerId},
};
use std::sync::Arc;

/// What is done with an interrupted run.
#[derive(Clone, Debug)]
pub enum ResumeAction {
    /// Shows the run, and reads where it stands when its server is connected.
    Show(RunId),
    /// Reads once more where it stands.
    Look {
        server: ServerId,
        run: RunId,
    },
    /// Goes on in one of the ways that were offered.
    Go {
        server: ServerId,
        run: RunId,
        how: ResumeHow,
    },
    AskAbandon {
        server: ServerId,
        run: RunId,
    },
    /// Takes the logs up to another moment than that of the run, as it was typed.
    TakeLogsTo {
        server: ServerId,
        run: RunId,
        text: String,
    },
}

impl State {
    pub(super) fn resume_run(&mut self, action: ResumeAction) -> Vec<Request> {
        match action {
            ResumeAction::Show(run) => {
                self.dialog = None;
                self.activity.chosen = Some(run.clone());
                self.activity.journal = None;
                self.show_page(Page::Activity);
                self.page_shown()
            }
            ResumeAction::Look { server, run } => self.look_again(server, run),
            ResumeAction::Go { server, run, how } => {
                self.dialog = None;
                if self.running() {
                    return Vec::new();
                }
                self.activity.resuming = Some(run.clone());
                vec![Request::Run(RunRequest::Resume { server, run, how })]
            }
            ResumeAction::TakeLogsTo { server, run, text } => {
                match self.moment_of_run(server, &run, &text) {
                    Ok(moment) => {
                        let how = ResumeHow::TakeLogs {
                            to: Some(Target::At(moment)),
                        };
                        return self.resume_run(ResumeAction::Go { server, run, how });
                    }
                    Err(problem) => self.notice(Some(server), problem),
                }
                Vec::new()
            }
            ResumeAction::AskAbandon { server, run } => {
                self.dialog = Some(Dialog::AbandonRun { server, run });
                Vec::new()
            }
        }
    }

    pub(super) fn look_again(&mut self, server: ServerId, run: RunId) -> Vec<Request> {
        self.activity.standings.remove(&run);
        vec![Request::Run(RunRequest::Assess { server, run })]
    }

    /// Reads where a run stands, when it is an interrupted one and its server is connected.
    pub(super) fn look_where_possible(&mut self, run: &RunId) -> Vec<Request> {
        let server = self
            .activity
            .run(run)
            .filter(|record| self.may_go_on(record))
            .and_then(|record| self.server_of(record));
        match server.filter(|server| self.is_connected(*server)) {
            Some(server) if !self.activity.standings.contains_key(run) => {
                vec![Request::Run(RunRequest::Assess {
                    server,
                    run: run.clone(),
                })]
            }
            _ => Vec::new(),
        }
    }

    /// A typed time on the clock of the run's server.
    fn moment_of_run(&self, server: ServerId, run: &RunId, text: &str) -> Result<Moment, Problem> {
        let problem = |sentence: String| Problem {
            kind: ProblemKind::Yours,
            sentence,
            hint: String::new(),
            details: Vec::new(),
        };
        let record = self.activity.run(run);
        // A server that restores another's backups knows few of them.
        let database = record.and_then(|record| {
            let own = self.servers.get(&server);
            own.into_iter()
                .chain(self.servers.values())
                .filter_map(|view| {
                    view.history
                        .as_ref()?
                        .history
                        .database(&record.source_database)
                })
                .max_by_key(|database| database.len())
        });
        let Some(database) = database else {
            return Err(problem(
                "The history of the server is not read yet".to_owned(),
            ));
        };
        let clock = database.clock();
        let near = clock.server_time(self.server_now(server));
        match parse_time(text, near) {
            Ok(TypedTime::Server(time)) => Ok(clock.moment(time)),
            Ok(TypedTime::Instant(_)) if !clock.knows_zone() => Err(problem(
                "The backups do not tell the zone of this server; type its local time".to_owned(),
            )),
            Ok(TypedTime::Instant(instant)) => Ok(clock.moment_at(instant)),
            Err(error) => Err(problem(format!("“{text}” is {error}"))),
        }
    }

    /// Runs that something stopped and that can go on, or that still owe something.
    pub fn unfinished(&self) -> Vec<&Arc<RunRecord>> {
        self.activity
            .runs
            .iter()
            .flat_map(|runs| runs.iter())
            .filter(|run| self.may_go_on(run))
            .collect()
    }

    /// The run that the start speaks of: one that was left readable on purpose waits in silence.
    pub(super) fn to_be_told(&self) -> Option<&Arc<RunRecord>> {
        self.unfinished().into_iter().find(|run| !run.is_readable())
    }

    /// Whether there is something to do about a run: a backup that was interrupted is only of no use.
    pub fn may_go_on(&self, run: &RunRecord) -> bool {
        let has_plan = run.plan.as_ref().is_some_and(|plan| !plan.is_drill());
        let worth_it = has_plan || !run.owed.is_empty();
        worth_it && run.is_unfinished() && !self.runs_here(&run.id)
    }
}
