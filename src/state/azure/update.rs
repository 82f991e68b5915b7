//! What the user does with Azure.

use super::{AzureAction, AzureRunView, ByHandView, NewOptions};
use crate::{
    azure,
    state::{Dialog, Page, Selection, State},
    worker::{AzureRequest, Request, ServerId},
};

impl State {
    pub(in crate::state) fn azure_update(&mut self, action: AzureAction) -> Vec<Request> {
        let ask = |request| vec![Request::Azure(request)];
        match action {
            AzureAction::FindServers {
                profile,
                program,
                subscription,
            } => {
                self.azure.finding = Some(profile);
                self.azure.found = None;
                return ask(AzureRequest::FindServers {
                    profile,
                    program,
                    subscription,
                });
            }
            AzureAction::EditObjective(text) => self.azure.options.service_objective = text,
            AzureAction::EditPool(text) => self.azure.options.elastic_pool = text,
            AzureAction::ChooseRedundancy(redundancy) => self.azure.options.redundancy = redundancy,
            AzureAction::ChooseLongTerm(id) => self.azure.long_term_backup = id,
            AzureAction::ChooseDeleted(deleted) => {
                self.azure.deleted_chosen = deleted;
                self.azure.long_term_backup = None;
                // What was marked in the time of another database.
                self.choice.moment = None;
                self.read_database_again();
                self.place_managed_marker();
            }
            AzureAction::Review => {
                let fault = self
                    .azure_new()
                    .and_then(|new| azure::new_name_fault(&new.name));
                if self.azure_command().is_some() && fault.is_none() && !self.azure_running() {
                    self.dialog = Some(Dialog::AzureRestore);
                }
            }
            AzureAction::Order => {
                self.dialog = None;
                if let (Some(server), Some(from), Some(new)) =
                    (self.selected_server(), self.azure_from(), self.azure_new())
                    && !self.azure_running()
                {
                    return ask(AzureRequest::Restore { server, from, new });
                }
            }
            AzureAction::AskCancel => {
                if self.azure_running() {
                    self.dialog = Some(Dialog::AzureCancel);
                }
            }
            AzureAction::StopWatching => {
                self.dialog = None;
                if let Some(run) = &self.azure.run {
                    return ask(AzureRequest::StopWatching {
                        run: run.id.clone(),
                    });
                }
            }
            AzureAction::DeleteNew => {
                self.dialog = None;
                if let Some(run) = &mut self.azure.run
                    && !run.deleted
                {
                    run.deleting = true;
                    return ask(AzureRequest::DeleteNew {
                        server: run.server,
                        run: run.id.clone(),
                    });
                }
            }
            AzureAction::CloseRun => {
                if !self.azure_running() {
                    self.azure.run = None;
                    self.page = Page::Timeline;
                }
            }
            AzureAction::Swap(step) => {
                if let Some(run) = &mut self.azure.run
                    && let Some(swap) = run.swap.begun(step)
                {
                    run.swap = swap;
                    return ask(AzureRequest::Swap {
                        server: run.server,
                        run: run.id.clone(),
                        step,
                    });
                }
            }
            AzureAction::OpenRun { server, run } => {
                if !self.azure_running() {
                    return ask(AzureRequest::OpenRun { server, run });
                }
            }
            AzureAction::EditRetention => {
                self.azure.setting = None;
                self.dialog = Some(Dialog::AzureRetention);
            }
            AzureAction::EditPlace(place) => self.azure.by_hand.place = place,
            AzureAction::ReadTasks => {
                let database = self.database_name().map(str::to_owned);
                if let Some(database) = database
                    && let Some(server) = self.begin_by_hand()
                {
                    return ask(AzureRequest::ReadTasks { server, database });
                }
            }
            AzureAction::RunByHand(by_hand) => {
                if let Some(server) = self.begin_by_hand() {
                    return ask(AzureRequest::ByHand { server, by_hand });
                }
            }
            AzureAction::StopByHand => {
                if let Some(run) = self.azure.by_hand.running.clone() {
                    return ask(AzureRequest::StopWatching { run });
                }
            }
            AzureAction::UseProgram(program) => {
                self.azure.program.clone_from(&program);
                return ask(AzureRequest::UseProgram(program));
            }
            AzureAction::SetShortTerm(policy) => {
                if let Selection::Database { server, database } = self.selection.clone() {
                    self.azure.setting = Some(Ok(()));
                    return ask(AzureRequest::SetShortTerm {
                        server,
                        database,
                        policy,
                    });
                }
            }
            AzureAction::SetLongTerm(policy) => {
                if let Selection::Database { server, database } = self.selection.clone() {
                    self.azure.setting = Some(Ok(()));
                    return ask(AzureRequest::SetLongTerm {
                        server,
                        database,
                        policy,
                    });
                }
            }
            AzureAction::ReadAgain => return self.azure_read(),
            AzureAction::StopAsking => return ask(AzureRequest::StopAsking),
        }
        Vec::new()
    }

    /// Makes room for what the next one answers; `None` while another one runs.
    fn begin_by_hand(&mut self) -> Option<ServerId> {
        let server = self.selected_server()?;
        let view = &mut self.azure.by_hand;
        if view.busy {
            return None;
        }
        *view = ByHandView {
            place: std::mem::take(&mut view.place),
            busy: true,
            ..ByHandView::default()
        };
        Some(server)
    }

    /// Whether Azure is at work for us, and watched.
    pub fn azure_running(&self) -> bool {
        self.azure.run.as_ref().is_some_and(AzureRunView::running)
    }

    /// Asks Azure about the selected database, unless it is being asked.
    pub(in crate::state) fn azure_read(&mut self) -> Vec<Request> {
        let Selection::Database { server, database } = self.selection.clone() else {
            return Vec::new();
        };
        let gone = self.only_deleted(server, &database);
        if !self.can_ask_azure(server)
            || gone
            || !self.azure.asking.insert((server, database.clone()))
        {
            return Vec::new();
        }
        vec![Request::Azure(AzureRequest::Read { server, database })]
    }

    fn can_ask_azure(&self, server: ServerId) -> bool {
        matches!(self.azure.homes.get(&server), Some(Ok(_)))
    }

    /// Everything is read again of a server: of Azure also which databases were deleted meanwhile.
    pub(in crate::state) fn azure_refresh(&mut self, server: ServerId) -> Vec<Request> {
        let mut requests = Vec::new();
        if self.can_ask_azure(server) {
            requests.push(Request::Azure(AzureRequest::ListDeleted { server }));
        }
        if self.selected_server() == Some(server) {
            requests.extend(self.azure_read());
        }
        requests
    }

    /// Asks about a database that was chosen for the first time.
    pub(in crate::state) fn azure_selected(&mut self) -> Vec<Request> {
        self.azure.long_term_backup = None;
        self.azure.deleted_chosen = None;
        self.azure.options = NewOptions::default();
        if !self.azure.by_hand.busy {
            self.azure.by_hand = ByHandView::default();
        }
        match self.azure_told() {
            None => self.azure_read(),
            Some(_) => Vec::new(),
        }
    }
}
