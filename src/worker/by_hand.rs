//! What the users of a managed instance and of Amazon RDS run themselves: journaled, and told while it runs.

use super::{
    azure::AzureEvent,
    azure_jobs::tell,
    jobs::{Jobs, Report, not_connected, now},
    messages::{Event, ServerId},
    restores::expectations_in,
};
use crate::{
    explain::{by_hand_failure, journal_problem, server_problem},
    run::{
        ByHand, ByHandOrder, ByHandSurroundings, Journal, RunId, journal_path, read_tasks,
        run_by_hand,
    },
};
use std::{sync::Arc, time::Duration};

/// Between two questions for a task: each is quick, and a task takes minutes.
const INTERVAL: Duration = Duration::from_secs(3);

impl Jobs {
    pub(super) fn read_tasks(&self, server: ServerId, database: String) {
        let Some(there) = self.servers.get(&server) else {
            return self.problem(Some(server), not_connected());
        };
        let gateway = Arc::clone(&there.gateway);
        let events = self.events.clone();
        tokio::spawn(async move {
            let result = read_tasks(gateway.as_ref(), &database)
                .await
                .map_err(|error| server_problem(&error));
            tell(&events, AzureEvent::TasksRead { result });
        });
    }

    pub(super) fn by_hand(&mut self, server: ServerId, by_hand: ByHand) {
        let (Some(there), Some(workspace)) = (self.servers.get(&server), &self.workspace) else {
            return self.problem(Some(server), not_connected());
        };
        let info = Arc::clone(&there.reading);
        let gateway = Arc::clone(&there.gateway);
        let id = RunId::new(now(), fastrand::u16(..));
        let path = journal_path(workspace.folder(), &id);
        let applications = Arc::clone(&self.applications);
        let who = self.who(server, &info.info);
        let (events, reports) = (self.events.clone(), self.reports());
        self.restores
            .start_task(id.clone(), move |run, cancel| async move {
                tell(&events, AzureEvent::ByHandBegan { run: run.clone() });
                let expected =
                    expectations_in(gateway.as_ref(), &applications, &by_hand.database).await;
                let said = {
                    let (events, run) = (events.clone(), run.clone());
                    move |line: String| {
                        let run = run.clone();
                        tell(&events, AzureEvent::ByHandSaid { run, line });
                    }
                };
                let order = ByHandOrder {
                    id: run.clone(),
                    server: info.info.name.clone(),
                    by_hand,
                    expected,
                    who,
                };
                let around = ByHandSurroundings {
                    gateway: gateway.as_ref(),
                    tell: &said,
                    cancel: &cancel,
                    now,
                    interval: INTERVAL,
                };
                let done = match Journal::create(&path) {
                    Ok(journal) => run_by_hand(order, journal, around).await,
                    Err(error) => Err(error),
                };
                let (seconds, verification, failure) = match done {
                    Ok(report) => (
                        report.seconds,
                        report.verification,
                        report.failure.as_ref().map(by_hand_failure),
                    ),
                    Err(error) => {
                        let problem = journal_problem(&error);
                        events.send(Event::Problem {
                            server: Some(server),
                            problem: problem.clone(),
                        });
                        (0.0, None, Some(problem))
                    }
                };
                tell(
                    &events,
                    AzureEvent::ByHandEnded {
                        run: run.clone(),
                        seconds,
                        verification,
                        failure,
                    },
                );
                reports.send(Report::RunEnded { server, run }).ok();
            });
    }
}
