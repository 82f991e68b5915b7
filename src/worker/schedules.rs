//! Schedules: read, applied, removed, looked after; one change at a time on a server.

use super::{
    jobs::{Jobs, Report, not_connected, now},
    messages::{Event, ServerId},
    timers::TimerFiles,
};
use crate::{
    domain::{DatabaseHistory, JobDefinition, Policy, RetentionList},
    explain::{Problem, schedule as words, server_problem},
    formats::os_schedule::{SqlcmdTarget, os_schedule},
    run::{
        OsScheduler, RunId, journal_path,
        schedule::{
            ChangeReport, Changing, RetentionReport, ScheduleReading, apply_schedule,
            read_schedule, remove_schedule, run_retention,
        },
    },
    settings::SignIn,
    tsql::{SeenJob, ServerFacts},
};
use std::{path::PathBuf, sync::Arc};

/// What the window asks of the schedules of a server.
#[derive(Clone, Debug)]
pub enum ScheduleRequest {
    /// Reads Agent and its jobs.
    Read { server: ServerId },
    /// Makes the jobs be as they should.
    Apply {
        server: ServerId,
        /// The database, or the words for all of them.
        about: String,
        jobs: Vec<JobDefinition>,
        overwrite: Vec<SeenJob>,
        unwanted: Vec<SeenJob>,
    },
    Remove {
        server: ServerId,
        about: String,
        jobs: Vec<SeenJob>,
    },
    /// Files for the operating system's scheduler, where there is no Agent: made to be read, and written when asked for.
    OsFiles {
        server: ServerId,
        about: String,
        policy: Box<Policy>,
        jobs: Vec<JobDefinition>,
        scheduler: OsScheduler,
        write: bool,
    },
    /// Deletes what the list lets go; the list was shown.
    Retain {
        server: ServerId,
        policy: Box<Policy>,
        history: Arc<DatabaseHistory>,
        list: Box<RetentionList>,
    },
}

/// What is told of them.
#[derive(Clone, Debug)]
pub enum ScheduleEvent {
    Read {
        server: ServerId,
        reading: Result<Arc<ScheduleReading>, Problem>,
    },
    Changed {
        server: ServerId,
        /// The database whose page asked for it.
        about: String,
        report: Result<ChangeReport, Problem>,
    },
    OsFiles {
        server: ServerId,
        about: String,
        files: TimerFiles,
    },
    Retained {
        server: ServerId,
        /// The database whose page asked for it.
        about: String,
        report: Result<RetentionReport, Problem>,
    },
}

impl Jobs {
    pub(super) fn schedule(&self, request: ScheduleRequest) {
        match request {
            ScheduleRequest::Read { server } => self.read_schedule(server),
            ScheduleRequest::Apply {
                server,
                about,
                jobs,
                overwrite,
                unwanted,
            } => self.change_schedule(server, about, move |changing| {
                Box::pin(
                    async move { apply_schedule(&jobs, &overwrite, &unwanted, changing).await },
                )
            }),
            ScheduleRequest::Remove {
                server,
                about,
                jobs,
            } => self.change_schedule(server, about, move |changing| {
                Box::pin(async move { remove_schedule(&jobs, changing).await })
            }),
            ScheduleRequest::OsFiles {
                server,
                about,
                policy,
                jobs,
                scheduler,
                write,
            } => self.os_files(server, about, (&policy, &jobs, scheduler), write),
            ScheduleRequest::Retain {
                server,
                policy,
                history,
                list,
            } => self.retain(server, *policy, history, *list),
        }
    }

    fn read_schedule(&self, id: ServerId) {
        let Some(server) = self.servers.get(&id) else {
            return self.events.send(Event::Schedule(ScheduleEvent::Read {
                server: id,
                reading: Err(not_connected()),
            }));
        };
        let gateway = Arc::clone(&server.gateway);
        let events = self.events.clone();
        tokio::spawn(async move {
            let reading = async {
                let mut connection = gateway.connect().await?;
                read_schedule(connection.as_mut()).await
            };
            let reading = reading
                .await
                .map(Arc::new)
                .map_err(|error| server_problem(&error));
            events.send(Event::Schedule(ScheduleEvent::Read {
                server: id,
                reading,
            }));
        });
    }

    fn os_files(
        &self,
        id: ServerId,
        about: String,
        (policy, jobs, scheduler): (&Policy, &[JobDefinition], OsScheduler),
        write: bool,
    ) {
        let profile = match id {
            ServerId::Profile(id) => self.profiles.iter().find(|known| known.id == id),
            ServerId::Practice | ServerId::Folder(_) => None,
        };
        let (Some(profile), Some(workspace)) = (profile, &self.workspace) else {
            return self.problem(Some(id), not_connected());
        };
        let folder = workspace.folder().join("schedules");
        let target = SqlcmdTarget {
            server: SqlcmdTarget::server(&profile.host, profile.instance.as_deref(), profile.port),
            user: match &profile.sign_in {
                SignIn::SqlLogin { user, .. } => Some(user.clone()),
                _ => None,
            },
            folder: folder.display().to_string(),
        };
        let made = os_schedule(policy, jobs, &target, scheduler);
        let events = self.events.clone();
        self.hand_out(made, folder, write, move |files| {
            events.send(Event::Schedule(ScheduleEvent::OsFiles {
                server: id,
                about,
                files,
            }));
        });
    }

    /// Where a change is journaled, and what it needs of the server; `None` when it is not connected.
    fn ready(&self, id: ServerId) -> Option<Ready> {
        let (Some(server), Some(workspace)) = (self.servers.get(&id), &self.workspace) else {
            return None;
        };
        let run = RunId::new(now(), fastrand::u16(..));
        Some(Ready {
            gateway: Arc::clone(&server.gateway),
            journal: journal_path(workspace.folder(), &run),
            run,
            who: self.who(id, &server.reading.info),
            facts: ServerFacts {
                server_name: Some(server.reading.info.name.clone()),
                tail_file: None,
            },
            cancel: self.stop.child_token(),
        })
    }

    fn change_schedule<F>(&self, id: ServerId, about: String, change: F)
    where
        F: for<'a> FnOnce(
                Changing<'a>,
            ) -> futures_util::future::BoxFuture<
                'a,
                Result<ChangeReport, crate::run::schedule::ChangeError>,
            > + Send
            + 'static,
    {
        let events = self.events.clone();
        let page = about.clone();
        let tell = move |report| {
            events.send(Event::Schedule(ScheduleEvent::Changed {
                server: id,
                about: page,
                report,
            }));
        };
        let Some(ready) = self.ready(id) else {
            return tell(Err(not_connected()));
        };
        let reports = self.reports.clone();
        tokio::spawn(async move {
            tell(
                change(ready.changing(about))
                    .await
                    .map_err(|error| words::change_problem(&error)),
            );
            reports.send(Report::Changed { server: id }).ok();
        });
    }

    fn retain(
        &self,
        id: ServerId,
        policy: Policy,
        history: Arc<DatabaseHistory>,
        list: RetentionList,
    ) {
        let events = self.events.clone();
        let about = list.database.clone();
        let page = about.clone();
        let tell = move |report| {
            events.send(Event::Schedule(ScheduleEvent::Retained {
                server: id,
                about: page,
                report,
            }));
        };
        let Some(ready) = self.ready(id) else {
            return tell(Err(not_connected()));
        };
        let reports = self.reports.clone();
        tokio::spawn(async move {
            tell(
                run_retention(&history, &policy, &list, ready.changing(about))
                    .await
                    .map_err(|error| words::retention_problem(&error)),
            );
            // msdb goes on listing what is gone: the history is read with what the journal tells.
            reports.send(Report::Changed { server: id }).ok();
        });
    }
}

/// What a change needs, owned, so that a task can keep it.
struct Ready {
    gateway: Arc<dyn crate::server::Gateway>,
    journal: PathBuf,
    run: RunId,
    who: crate::run::Who,
    facts: ServerFacts,
    cancel: tokio_util::sync::CancellationToken,
}

impl Ready {
    fn changing(&self, about: String) -> Changing<'_> {
        Changing {
            gateway: self.gateway.as_ref(),
            run: self.run.clone(),
            journal: self.journal.clone(),
            who: self.who.clone(),
            about,
            facts: self.facts.clone(),
            now,
            cancel: self.cancel.clone(),
        }
    }
}
