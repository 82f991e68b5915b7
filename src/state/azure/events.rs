//! What Azure told, applied to the state.

use super::{AzureRunView, AzureStepView, Swap, deleted_state};
use crate::{
    azure::DeletedDatabase,
    explain::Problem,
    run::{RunId, SwapFound},
    state::{Dialog, Page, State},
    worker::{
        AzureEvent, AzureShown, DatabaseState, DatabaseSummary, Request, ServerId, ServerStatus,
    },
};
use std::{cmp::Reverse, sync::Arc};

impl State {
    pub(in crate::state) fn azure_apply(&mut self, event: AzureEvent) -> Vec<Request> {
        match event {
            AzureEvent::Home { server, home } => {
                self.azure.homes.insert(server, home);
                if self.selected_server() == Some(server) {
                    return self.azure_read();
                }
            }
            AzureEvent::Deleted { server, databases } => {
                self.azure.deleted.insert(server, databases);
                self.list_deleted(server);
                if self.selected_server() == Some(server) {
                    self.read_database_again();
                }
            }
            AzureEvent::Told {
                server,
                database,
                told,
            } => {
                let key = (server, database);
                self.azure.asking.remove(&key);
                self.azure.told.insert(key, *told);
                if self.azure.setting == Some(Ok(())) {
                    self.azure.setting = None;
                }
                if self.selected_server() == Some(server) {
                    self.read_database_again();
                    self.place_managed_marker();
                }
            }
            AzureEvent::Found { profile, result } => {
                self.azure.finding = None;
                self.azure.found = Some((profile, result));
            }
            AzureEvent::RunBegan {
                server,
                run,
                source,
                new_database,
                again,
                at,
            } => {
                if again {
                    // What a start said of it is answered.
                    self.notices.retain(|notice| notice.server != Some(server));
                }
                self.azure.run = Some(AzureRunView {
                    server,
                    id: run,
                    source,
                    new_database,
                    again,
                    started: at,
                    steps: (0..crate::run::AZURE_STEPS.len())
                        .map(|step| AzureStepView {
                            earlier: again && step < crate::run::AZURE_WATCH,
                            ..AzureStepView::default()
                        })
                        .collect(),
                    status: None,
                    percent: None,
                    trouble: None,
                    end: None,
                    seconds: 0.0,
                    verification: None,
                    deleting: false,
                    deleted: false,
                    swap: Swap::NotBegun,
                });
                self.page = Page::AzureRun;
            }
            AzureEvent::StepBegan { run, step, line } => {
                if let Some(step) = self.azure_step(&run, step) {
                    step.began = true;
                    step.line = line;
                }
            }
            AzureEvent::Progress {
                run,
                status,
                percent,
                trouble,
            } => {
                if let Some(view) = self.azure_run(&run) {
                    if trouble.is_none() {
                        view.status = status;
                        view.percent = percent;
                    }
                    view.trouble = trouble;
                }
            }
            AzureEvent::StepEnded {
                run,
                step,
                seconds,
                outcome,
            } => {
                if let Some(step) = self.azure_step(&run, step) {
                    step.ended = Some((seconds, outcome));
                }
            }
            AzureEvent::RunEnded {
                run,
                end,
                seconds,
                verification,
            } => {
                if let Some(view) = self.azure_run(&run) {
                    view.end = Some(end);
                    view.seconds = seconds;
                    view.verification = verification;
                    view.trouble = None;
                }
                if matches!(self.dialog, Some(Dialog::AzureCancel)) {
                    self.dialog = None;
                }
            }
            AzureEvent::Deleting { run, result } => {
                let server = self.azure_run(&run).map(|view| {
                    view.deleting = false;
                    view.deleted = result.is_ok();
                    view.server
                });
                if let Err(problem) = result {
                    self.notice(server, problem);
                }
            }
            AzureEvent::Swapped {
                server,
                run,
                result,
            } => {
                if let Some(view) = self.azure_run(&run) {
                    view.swap = view.swap.ended(result.is_ok());
                }
                match result {
                    // What was told of a name was told of another database.
                    Ok(()) => {
                        self.azure.told.retain(|(known, _), _| *known != server);
                        return self.azure_read();
                    }
                    Err(problem) => self.notice(Some(server), problem),
                }
            }
            AzureEvent::RunShown(shown) => self.show_azure_run(*shown),
            AzureEvent::Unseen { server, databases } => {
                self.azure.unseen.insert(server, databases);
            }
            AzureEvent::HalfSwapped { server, source } => {
                let problem = crate::explain::azure_half_swapped(&source, self.server_name(server));
                return self.connect_to_find_out(server, problem);
            }
            AzureEvent::TasksRead { result } => {
                let view = &mut self.azure.by_hand;
                view.busy = false;
                match result {
                    Ok(lines) if lines.is_empty() => {
                        view.lines = vec!["There are no tasks".to_owned()];
                    }
                    Ok(lines) => view.lines = lines,
                    Err(problem) => view.ended = Some(Err(problem)),
                }
            }
            AzureEvent::ByHandBegan { run } => self.azure.by_hand.running = Some(run),
            AzureEvent::ByHandSaid { run, line } => {
                let view = &mut self.azure.by_hand;
                if view.running.as_ref() == Some(&run) {
                    view.lines.push(line);
                }
            }
            AzureEvent::ByHandEnded {
                run,
                seconds,
                verification,
                failure,
            } => {
                let view = &mut self.azure.by_hand;
                if view.running.as_ref() == Some(&run) {
                    view.busy = false;
                    view.running = None;
                    view.verification = verification;
                    view.ended = Some(failure.map_or(Ok(seconds), Err));
                }
                return self.page_shown();
            }
            AzureEvent::Unfinished {
                server,
                new_database,
            } => {
                let problem =
                    crate::explain::azure_may_go_on(&new_database, self.server_name(server));
                return self.connect_to_find_out(server, problem);
            }
            AzureEvent::RetentionSet { result, .. } => {
                self.azure.setting = Some(result);
            }
        }
        Vec::new()
    }

    /// Connects a server because of what an earlier stopat left there, and says why.
    fn connect_to_find_out(&mut self, server: ServerId, why: Problem) -> Vec<Request> {
        let disconnected = self
            .servers
            .get(&server)
            .is_none_or(|view| matches!(view.status, ServerStatus::Disconnected));
        if !disconnected {
            return Vec::new();
        }
        let requests = self.connect(server, None);
        self.notice(Some(server), why);
        requests
    }

    /// Shows a restore of the past, unless one is under way.
    fn show_azure_run(&mut self, shown: AzureShown) {
        if self.azure_running() {
            return;
        }
        let AzureShown {
            server,
            run,
            source,
            new_database,
            at,
            steps,
            end,
            seconds,
            verification,
            swap,
        } = shown;
        // What a start said of it is answered.
        self.notices.retain(|notice| notice.server != Some(server));
        self.azure.run = Some(AzureRunView {
            server,
            id: run,
            source,
            new_database,
            again: true,
            started: at,
            steps: steps
                .into_iter()
                .map(|(line, ended)| AzureStepView {
                    line,
                    began: ended.is_some(),
                    ended,
                    ..AzureStepView::default()
                })
                .collect(),
            status: None,
            percent: None,
            trouble: None,
            end: Some(end),
            seconds,
            verification,
            deleting: false,
            deleted: swap == SwapFound::Gone,
            swap: match swap {
                SwapFound::NotBegun | SwapFound::Gone => Swap::NotBegun,
                SwapFound::SetAside => Swap::SetAside,
                SwapFound::Done => Swap::Done,
            },
        });
        self.page = Page::AzureRun;
    }

    /// Deleted databases that can be restored stand in the list beside the others.
    pub(in crate::state) fn list_deleted(&mut self, server: ServerId) {
        let (Some(deleted), Some(view)) = (
            self.azure.deleted.get(&server),
            self.servers.get_mut(&server),
        ) else {
            return;
        };
        let databases = Arc::make_mut(&mut view.databases);
        databases.retain(|summary| summary.state != deleted_state());
        let mut last_first: Vec<&DeletedDatabase> = deleted.iter().collect();
        last_first.sort_by_key(|gone| Reverse(gone.deleted));
        for gone in last_first {
            // One row for each name; which of its databases is meant is chosen beside the timeline.
            match databases.iter_mut().find(|row| row.name == gone.name) {
                // The history of a managed instance remembers it.
                Some(row) if row.state == DatabaseState::HistoryOnly => row.state = deleted_state(),
                Some(_) => {}
                None => databases.push(DatabaseSummary {
                    name: gone.name.clone(),
                    state: deleted_state(),
                    recovery_model: None,
                    size_bytes: None,
                    newest_backup: Some(gone.deleted),
                    is_system: false,
                }),
            }
        }
    }

    /// The marker of a database whose range has just been told: its newest moment, when there is none yet.
    pub(super) fn place_managed_marker(&mut self) {
        if let Some(database) = &self.database
            && self.choice.moment.is_none()
            && let Some(moment) = database.last_moment()
        {
            self.visible = database.opening_range();
            self.choice.moment = Some(moment);
        }
    }

    fn azure_run(&mut self, id: &RunId) -> Option<&mut AzureRunView> {
        self.azure.run.as_mut().filter(|run| run.id == *id)
    }

    fn azure_step(&mut self, id: &RunId, step: usize) -> Option<&mut AzureStepView> {
        self.azure_run(id)?.steps.get_mut(step)
    }
}
