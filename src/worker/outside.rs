//! What the page of objectives asks beside judging: rows of a loss, and the own backup of what is not in SQL Server.

use super::{
    jobs::{Jobs, blocking, not_connected, now},
    messages::{Event, ServerId},
    objectives::ObjectivesEvent,
    tables::connection_in,
};
use crate::{
    domain::Exposed,
    explain::{self, Problem, ProblemKind},
    run::{Journal, OutsideJob, RunId, back_up_outside, count_lost_rows, journal_path},
    settings::{CountedRows, Outside},
};
use std::{sync::Arc, time::Duration};

/// A table without an index on its time may be long; what is not counted by then is not told.
const COUNTING_TIME: Duration = Duration::from_secs(20);

impl Jobs {
    pub(super) fn count_lost(
        &self,
        server: ServerId,
        database: String,
        schema: String,
        counted: CountedRows,
        stretches: Vec<Exposed>,
    ) {
        let Some(ground) = self.ground(server) else {
            return;
        };
        let tell = self.tell();
        tokio::spawn(async move {
            let counting = async {
                let mut connection =
                    connection_in(ground.gateway.as_ref(), ground.info.platform, &database).await?;
                let offset = ground.info.utc_offset;
                let connection = connection.as_mut();
                count_lost_rows(connection, &database, &schema, &counted, offset, &stretches).await
            };
            match tokio::time::timeout(COUNTING_TIME, counting).await {
                Ok(Ok(Some(lost))) => tell(ObjectivesEvent::Lost {
                    server,
                    database,
                    lost: Arc::new(lost),
                }),
                // The loss is told in time then.
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tracing::debug!(?error, "rows of a loss"),
                Err(_) => tracing::debug!(table = counted.table, "rows take too long to count"),
            }
        });
    }

    pub(super) fn back_up_outside(&self, server: ServerId, database: String, outside: Outside) {
        let tell = self.tell();
        let what = outside.what.clone();
        let ended = {
            let what = what.clone();
            move || tell(ObjectivesEvent::OutsideEnded { what: what.clone() })
        };
        let (Some(hook), Some(ground), Some(workspace)) = (
            outside.backup.clone(),
            self.ground(server),
            self.workspace.clone(),
        ) else {
            self.problem(Some(server), not_connected());
            return ended();
        };
        let job = OutsideJob {
            run: RunId::new(now(), fastrand::u16(..)),
            server: ground.info.name.clone(),
            database,
            outside,
            who: self.who(server, &ground.info),
        };
        let cancel = self.stop_token();
        let events = self.events.clone();
        let reports = self.reports();
        tokio::spawn(async move {
            let path = journal_path(workspace.folder(), &job.run);
            let journal = blocking(move || Journal::create(&path)).await;
            let ran = match journal {
                Some(Ok(journal)) => back_up_outside(&job, &hook, journal, &cancel, now).await,
                Some(Err(error)) => Err(error),
                None => return ended(),
            };
            let problem = match ran {
                Ok(Ok(_)) => None,
                Ok(Err(failure)) => Some(Problem {
                    kind: ProblemKind::Yours,
                    sentence: format!("{what} was not backed up: {failure}"),
                    hint: "What the program printed is in the journal of the run, under Activity."
                        .to_owned(),
                    details: Vec::new(),
                }),
                Err(error) => Some(explain::journal_problem(&error)),
            };
            if let Some(problem) = problem {
                events.send(Event::Problem {
                    server: Some(server),
                    problem,
                });
            }
            ended();
            reports.send(super::jobs::Report::Changed { server }).ok();
        });
    }
}
