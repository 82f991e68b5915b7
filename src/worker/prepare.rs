//! From what the user wants of a restore to what a run needs: the target, the application, the runbook, the checks.

use super::{
    jobs::{Jobs, Report, history_being_read, not_connected, now},
    messages::{Event, ServerId},
    restores::{self, facts_for},
};
use crate::{
    domain::{Destination, RestorePlan, RestoreRequest, UtcTime},
    explain::server_problem,
    run::{
        Expectations, OverChoice, PreflightCheck, RunChoices, RunId, Runbook, TailChoice,
        TargetFacts, WrittenFile, files_written, preflight, read_target, rows_by_metadata,
    },
    server::{Connection, Gateway, ServerError, ServerInfo},
    settings::Application,
    tsql::{self, ServerFacts},
};
use std::{collections::BTreeMap, sync::Arc};

/// What the user wants of a restore besides its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreWishes {
    pub application: ApplicationWish,
    /// Only owners and administrators get into a copy.
    pub restricted_user: bool,
    /// A copy is not recovered but left readable between two logs.
    pub standby: bool,
    /// Every backup is read to its end before anything is overwritten.
    pub verify_files: bool,
    /// `DBCC CHECKDB` when the database is back.
    pub check_database: bool,
    /// Over the original: the tail is lost, for this typed reason. `None` backs it up.
    pub give_up_tail: Option<String>,
    /// Over the original: a page of it is damaged, so the tail is taken past it.
    pub damaged: bool,
    /// Agent jobs that are disabled until the run is over.
    pub pause_jobs: Vec<String>,
    /// The server restores by itself, as a one-time Agent job.
    pub on_server: bool,
}

impl RestoreWishes {
    /// What of it changes the statements of a copy. One that is not recovered cannot be restricted yet.
    pub fn of_copy(&self, plan: &RestorePlan, facts: &ServerFacts) -> RunChoices {
        RunChoices {
            restricted_user: self.restricted_user && !self.standby,
            standby: self.standby.then(|| tsql::undo_file(plan, facts)),
            ..RunChoices::default()
        }
    }
}

/// Which application is stopped and started around a restore, and whose tables are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ApplicationWish {
    /// The one that lives in the database.
    #[default]
    Found,
    Nobody,
    Named(String),
}

/// Everything that a run is started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub facts: ServerFacts,
    pub choices: RunChoices,
    pub runbook: Runbook,
    pub expected: Expectations,
    /// The application that takes part, by its name.
    pub application: Option<String>,
    /// What the protected tables of the original hold now, from partition metadata; `None` where a table is not there.
    pub rows_now: Vec<(String, Option<u64>)>,
    /// Over the original: its files, with the sizes that they get; empty when the server does not tell.
    pub written: Vec<WrittenFile>,
}

/// What a review was shown: a restore of the same plan and wishes runs just that.
#[derive(Debug)]
pub(super) struct Reviewed {
    plan: RestorePlan,
    wishes: RestoreWishes,
    prepared: Prepared,
}

impl Jobs {
    /// Asks what speaks for and against a restore. A newer question replaces the older one.
    pub(super) fn preflight(
        &mut self,
        (id, source): (ServerId, ServerId),
        plan: Box<RestorePlan>,
        wishes: RestoreWishes,
        generation: u64,
    ) {
        let epoch = self.epoch(id);
        let stop = self.stop.child_token();
        let source_server = self.called_elsewhere(id, source);
        let Some(server) = self.servers.get_mut(&id) else {
            return self.problem(Some(id), not_connected());
        };
        server.preflight.cancel();
        server.preflight = stop;
        let cancel = server.preflight.clone();
        let gateway = Arc::clone(&server.gateway);
        let reading = Arc::clone(&server.reading);
        let applications = Arc::clone(&self.applications);
        let events = self.events.clone();
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let looking = prepare(
                gateway.as_ref(),
                &reading.info,
                &applications,
                &plan,
                &wishes,
                source_server,
                now(),
            );
            let looked = tokio::select! {
                () = cancel.cancelled() => return,
                looked = looking => looked,
            };
            match looked {
                Ok((prepared, checks)) => {
                    let reviewed = Box::new(Reviewed {
                        plan: *plan,
                        wishes,
                        prepared: prepared.clone(),
                    });
                    reports
                        .send(Report::Prepared {
                            server: id,
                            epoch,
                            reviewed,
                        })
                        .ok();
                    events.send(Event::Preflight {
                        server: id,
                        generation,
                        checks,
                        prepared: Box::new(prepared),
                    });
                }
                Err(error) => events.send(Event::NotPreflighted {
                    generation,
                    problem: server_problem(&error),
                }),
            }
        });
    }

    /// Runs a restore: just as it was reviewed, or prepared now when it was not. The backups are those of `source`.
    pub(super) fn restore(
        &mut self,
        (id, source): (ServerId, ServerId),
        request: RestoreRequest,
        plan: Box<RestorePlan>,
        wishes: RestoreWishes,
    ) {
        let not_begun = |problem| {
            self.events.send(Event::RunNotBegun {
                server: id,
                run: None,
                problem,
            });
        };
        let (Some(server), Some(workspace)) = (self.servers.get(&id), &self.workspace) else {
            return not_begun(not_connected());
        };
        let Some(history) = self.backups_of(source) else {
            return not_begun(history_being_read());
        };
        let prepared = server
            .reviewed
            .as_ref()
            .filter(|reviewed| reviewed.plan == *plan && reviewed.wishes == wishes)
            .map(|reviewed| reviewed.prepared.clone());
        self.restores.start(restores::Start {
            server: id,
            gateway: Arc::clone(&server.gateway),
            reading: Arc::clone(&server.reading),
            runs_folder: workspace.runs_folder(),
            applications: Arc::clone(&self.applications),
            request,
            plan: *plan,
            wishes,
            source_server: self.called_elsewhere(id, source),
            history,
            prepared,
            who: self.who(id, &server.reading.info),
            events: self.events.clone(),
            reports: self.reports.clone(),
        });
    }
}

impl Jobs {
    /// What the server of the backups calls itself, where it is another than the one that restores.
    fn called_elsewhere(&self, id: ServerId, source: ServerId) -> Option<String> {
        let source = Some(source).filter(|source| *source != id)?;
        let server = self.servers.get(&source)?;
        Some(server.reading.info.name.clone())
    }
}

/// Reads what a restore of this plan would meet, and makes its runbook. Changes nothing.
pub(super) async fn prepare(
    gateway: &dyn Gateway,
    info: &ServerInfo,
    applications: &[Application],
    plan: &RestorePlan,
    wishes: &RestoreWishes,
    source_server: Option<String>,
    now: UtcTime,
) -> Result<(Prepared, Vec<PreflightCheck>), ServerError> {
    let mut connection = gateway.connect().await?;
    let over = match plan.destination {
        Destination::Original => read_target(connection.as_mut(), &plan.database).await?,
        Destination::Copy { .. } => None,
    };
    let tables = match &source_server {
        None => rows(connection.as_mut(), &plan.database).await?,
        // What bears the name of the original here need not be it.
        Some(_) => BTreeMap::new(),
    };
    let application = application_of(applications, wishes, &plan.database, &tables);
    let facts = server_facts(plan, info, over.as_ref(), now);
    let mut choices = choices(plan, &facts, wishes, application, over);
    choices.on_server = wishes
        .on_server
        .then(|| tsql::once_job_name(&RunId::new(now, fastrand::u16(..)).0));
    choices.source_server = source_server;
    let checks = preflight(connection.as_mut(), plan, &choices).await?;
    let written = match plan.destination {
        Destination::Original => files_written(connection.as_mut(), plan).await?,
        Destination::Copy { .. } => Vec::new(),
    };
    let runbook = Runbook::of(plan, &facts, &choices);
    let expected = application.map(Expectations::of).unwrap_or_default();
    let rows_now = expected
        .tables
        .iter()
        .map(|table| {
            let name = table.to_string();
            let rows = tables.get(&name.to_lowercase()).copied();
            (name, rows)
        })
        .collect();
    Ok((
        Prepared {
            facts,
            choices,
            runbook,
            expected,
            application: application.map(|application| application.name.clone()),
            rows_now,
            written,
        },
        checks,
    ))
}

/// Rows per table now; a database that cannot be read is known by its name alone.
async fn rows(
    connection: &mut dyn Connection,
    database: &str,
) -> Result<BTreeMap<String, u64>, ServerError> {
    match rows_by_metadata(connection, database).await {
        Err(error @ ServerError::Refused { .. }) => {
            tracing::debug!(?error, "tables of the original");
            Ok(BTreeMap::new())
        }
        other => other,
    }
}

fn application_of<'a>(
    applications: &'a [Application],
    wishes: &RestoreWishes,
    database: &str,
    tables: &BTreeMap<String, u64>,
) -> Option<&'a Application> {
    match &wishes.application {
        ApplicationWish::Nobody => None,
        ApplicationWish::Named(name) => applications
            .iter()
            .find(|application| application.name == *name),
        ApplicationWish::Found => applications.iter().find(|application| {
            application.lives_in(database, |schema, table| {
                tables.contains_key(&format!("{schema}.{table}").to_lowercase())
            })
        }),
    }
}

/// The server's part of the script, with a file for the tail where one is taken.
fn server_facts(
    plan: &RestorePlan,
    info: &ServerInfo,
    over: Option<&TargetFacts>,
    now: UtcTime,
) -> ServerFacts {
    let mut facts = facts_for(plan, info, now);
    let has_tail = over.is_some_and(|target| !target.restoring() && !target.is_simple());
    if has_tail && facts.tail_file.is_none() {
        let stamp = now.0.format("%Y%m%dT%H%M%SZ").to_string();
        facts.tail_file = Some(tsql::tail_file(
            plan,
            info.default_backup_path.as_deref(),
            &stamp,
        ));
    }
    facts
}

fn choices(
    plan: &RestorePlan,
    facts: &ServerFacts,
    wishes: &RestoreWishes,
    application: Option<&Application>,
    over: Option<TargetFacts>,
) -> RunChoices {
    let is_copy = matches!(plan.destination, Destination::Copy { .. });
    let of_copy = if is_copy {
        wishes.of_copy(plan, facts)
    } else {
        RunChoices::default()
    };
    let choices = RunChoices {
        over: over.map(|target| OverChoice {
            tail: match &wishes.give_up_tail {
                Some(reason) => TailChoice::GiveUp {
                    reason: reason.clone(),
                },
                None => TailChoice::BackUp,
            },
            damaged: wishes.damaged,
            ..OverChoice::of(target)
        }),
        verify_files: wishes.verify_files,
        check_database: wishes.check_database,
        expected_schema: application
            .and_then(|application| application.schema_check.as_ref())
            .and_then(|check| check.expected.clone()),
        pause_jobs: wishes.pause_jobs.clone(),
        ..of_copy
    };
    match application {
        // Nobody works in a copy yet.
        Some(application) if !is_copy => choices.with_application(application),
        _ => choices,
    }
}
