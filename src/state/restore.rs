//! From a plan to its review, to the run, and through it.

use super::{
    Cancelling, CheckNow, DestinationChoice, Halt, Into, Page, PlanState, Review, RunView,
    Selection, State,
};
use crate::{
    domain::{BackupType, Destination, RestorePlan, ScenarioKind},
    explain::{Problem, ProblemKind},
    run::{OverChoice, RunChoices, RunCommand, RunKind, Runbook, TargetFacts, Waiting},
    tsql::{Script, ServerFacts},
    worker::{DatabaseState, Request, RunNews, RunRequest, ServerId},
};

impl State {
    /// Asks the server what speaks for and against the plan, and shows it.
    pub(super) fn review(&mut self) -> Vec<Request> {
        if self
            .database
            .as_ref()
            .is_some_and(|view| view.managed.is_some())
        {
            return self.azure_update(super::AzureAction::Review);
        }
        let Selection::Database {
            server,
            database: name,
        } = self.selection.clone()
        else {
            return Vec::new();
        };
        let source = server;
        let server = self.target_server().unwrap_or(source);
        let (PlanState::Planned(plan), Some(request)) = (&self.plan, self.request()) else {
            return Vec::new();
        };
        // What is worked out anew may be another plan.
        if self.planning.waiting.is_some() {
            return Vec::new();
        }
        if self.running()
            || self.servers.get(&server).is_none_or(|s| s.info().is_none())
            || self.path_faults().iter().any(Option::is_some)
        {
            return Vec::new();
        }
        if server != source && plan.tail.is_some() {
            self.notice(Some(source), tail_is_elsewhere(&name));
            return Vec::new();
        }
        self.next_preflight += 1;
        let plan = (**plan).clone();
        let wishes = self.choice.destination.wishes.clone();
        // What was typed stays when only something beside it was changed.
        let (typed_server, typed_database) = self
            .review
            .take()
            .filter(|review| review.database == name && review.server == server)
            .map(|review| (review.typed_server, review.typed_database))
            .unwrap_or_default();
        let review = Review {
            server,
            source,
            database: name,
            steps: self.runbook(&plan).steps,
            plan,
            wishes,
            generation: self.next_preflight,
            checks: None,
            not_asked: None,
            prepared: None,
            typed_server,
            typed_database,
            request,
        };
        let ask = Request::Preflight {
            server,
            source,
            request: review.request.clone(),
            plan: Box::new(review.plan.clone()),
            wishes: review.wishes.clone(),
            generation: review.generation,
        };
        self.review = Some(review);
        self.page = Page::Review;
        vec![ask]
    }

    /// The script of a plan on the selected server.
    pub fn script(&self, plan: &RestorePlan) -> Script {
        self.runbook(plan).script()
    }

    /// What a plan would do on the selected server, as far as that is known here: the review asks the server.
    pub fn runbook(&self, plan: &RestorePlan) -> Runbook {
        let target = self.target_server();
        let facts = ServerFacts {
            server_name: target
                .and_then(|server| self.servers.get(&server)?.info())
                .map(|info| info.name.clone()),
            tail_file: None,
        };
        let (facts, choices) = match plan.destination {
            Destination::Original => self.over_as_known(plan, facts),
            Destination::Copy { .. } => {
                let choices = self.choice.destination.wishes.of_copy(plan, &facts);
                (facts, choices)
            }
        };
        Runbook::of(plan, &facts, &choices)
    }

    /// Whether a restore over the selected database would begin with its tail; `None` where the server does not list it.
    pub fn over_has_tail(&self) -> Option<bool> {
        let over = self.original_as_known(self.database_name()?)?;
        Some(over.has_tail())
    }

    /// A database as its server lists it; `None` when it is not there.
    fn original_as_known(&self, database: &str) -> Option<OverChoice> {
        let summary = self.server()?.summary(database)?;
        let (state_number, state) = match &summary.state {
            DatabaseState::Online => (0, "ONLINE".to_owned()),
            DatabaseState::Other(state) if state == "RESTORING" => (1, state.clone()),
            DatabaseState::Other(state) => (3, state.clone()),
            DatabaseState::HistoryOnly => return None,
        };
        Some(OverChoice::of(TargetFacts {
            state_number,
            state,
            recovery_model: summary.recovery_model.clone().unwrap_or_default(),
            ..TargetFacts::default()
        }))
    }

    fn over_as_known(&self, plan: &RestorePlan, facts: ServerFacts) -> (ServerFacts, RunChoices) {
        let Some(over) = self.original_as_known(&plan.database) else {
            return (facts, RunChoices::default());
        };
        let info = self.server().and_then(|view| view.info());
        let folder = info.and_then(|info| info.default_backup_path.clone());
        let tail_file = over
            .has_tail()
            .then(|| crate::tsql::tail_file(plan, folder.as_deref(), "tail"));
        let choices = RunChoices {
            over: Some(over),
            ..RunChoices::default()
        };
        (ServerFacts { tail_file, ..facts }, choices)
    }

    /// Whether the review may start: the checks allow it, and what had to be typed was.
    pub fn review_may_start(&self, review: &Review) -> bool {
        review.checks_allow() && review.prepared.is_some() && self.names_missing(review).is_none()
    }

    /// What still has to be typed, in words; `None` when nothing has.
    pub fn names_missing(&self, review: &Review) -> Option<String> {
        let production = self.is_production(review.server);
        if !review.is_over() && !production {
            return None;
        }
        let server = self
            .servers
            .get(&review.server)
            .and_then(|view| view.info())
            .map(|info| info.name.clone())
            .unwrap_or_default();
        // A name may begin or end with a space itself.
        let is_typed = |typed: &str, name: &str| typed == name || typed.trim() == name;
        if !is_typed(&review.typed_server, &server) {
            return Some(format!("Type the name of the server: {server}"));
        }
        if review.is_over() && !is_typed(&review.typed_database, &review.plan.database) {
            return Some(format!(
                "Type the name of the database: {}",
                review.plan.database
            ));
        }
        None
    }

    pub(super) fn type_names(&mut self, server: String, database: String) {
        if let Some(review) = &mut self.review {
            review.typed_server = server;
            review.typed_database = database;
        }
    }

    pub(super) fn restore(&mut self) -> Vec<Request> {
        let may = self
            .review
            .as_ref()
            .is_some_and(|review| self.review_may_start(review));
        let Some(review) = self.review.take_if(|_| may) else {
            return Vec::new();
        };
        let kind = if review.is_over() {
            RunKind::RestoreOver
        } else {
            RunKind::RestoreCopy
        };
        let request = Request::Restore {
            server: review.server,
            source: review.source,
            request: review.request,
            plan: Box::new(review.plan.clone()),
            wishes: review.wishes,
        };
        self.run = Some(RunView {
            source: review.source,
            ..RunView::new(review.server, review.plan, kind, review.steps, self.own.now)
        });
        self.page = Page::Run;
        vec![request]
    }

    /// Says something to the run under way.
    pub(super) fn tell_run(&mut self, command: RunCommand) -> Vec<Request> {
        let Some(view) = self.run.as_mut().filter(|run| run.report.is_none()) else {
            return Vec::new();
        };
        match &command {
            RunCommand::PauseAfterStep => view.asked = Halt::Pause,
            RunCommand::StopAndLook => view.asked = Halt::Look,
            RunCommand::GoOn => view.asked = Halt::No,
            RunCommand::Done | RunCommand::Retry | RunCommand::Skip { .. } | RunCommand::Stop => {}
        }
        view.id
            .clone()
            .map(|run| Request::Run(RunRequest::Tell { run, command }))
            .into_iter()
            .collect()
    }

    pub(super) fn cancel_run(&mut self) -> Vec<Request> {
        self.dialog = None;
        match &mut self.run {
            Some(run) if run.report.is_none() => {
                run.cancelling = Cancelling::Asked;
                run.id
                    .clone()
                    .map(|run| Request::CancelRun { run })
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// What a run tells besides its steps.
    pub(super) fn take_run_news(&mut self, run: crate::run::RunId, news: RunNews) -> Vec<Request> {
        match news {
            RunNews::Standing(standing) => {
                self.activity.standings.insert(run, *standing);
                return Vec::new();
            }
            RunNews::Closed => {
                self.activity.standings.remove(&run);
                self.activity.resuming = None;
                if self
                    .run
                    .as_ref()
                    .is_some_and(|view| view.id.as_ref() == Some(&run))
                {
                    self.run = None;
                }
                return vec![self.list_runs()];
            }
            _ => {}
        }
        let Some(view) = self.run_with(&run) else {
            return Vec::new();
        };
        match news {
            RunNews::Waiting { step, why } => {
                view.waiting = Some((step, why));
                view.running = Some(step).filter(|_| why == Waiting::ByHand);
                view.asked = Halt::No;
            }
            RunNews::WentOn => view.waiting = None,
            RunNews::Changed { runbook } => view.steps = runbook.steps,
            RunNews::Owes(owed) => view.owed = owed,
            RunNews::Looked(answer) => {
                view.look.asked = false;
                view.look.answer = Some(*answer);
            }
            RunNews::Checked(result) => view.check = CheckNow::Ended(*result),
            RunNews::Standing(_) | RunNews::Closed => {}
        }
        Vec::new()
    }

    /// Asks the database that the run left readable.
    pub(super) fn look_into(&mut self, query: String) -> Vec<Request> {
        let Some(view) = self.run.as_mut().filter(|run| run.is_readable()) else {
            return Vec::new();
        };
        let Some(run) = view.id.clone() else {
            return Vec::new();
        };
        view.look.asked = true;
        vec![Request::Run(RunRequest::Look {
            server: view.server,
            run,
            database: view.target_database.clone(),
            query,
        })]
    }

    /// Checks the database that the run restored.
    pub(super) fn check_now(&mut self) -> Vec<Request> {
        let Some(view) = self.run.as_mut().filter(|run| run.report.is_some()) else {
            return Vec::new();
        };
        let Some(run) = view.id.clone() else {
            return Vec::new();
        };
        view.check = CheckNow::Runs;
        vec![Request::Run(RunRequest::CheckDatabase {
            server: view.server,
            run,
            database: view.target_database.clone(),
        })]
    }

    /// How long the database may be down, in seconds: what is promised for the way of the plan, else for the finest one.
    pub fn promised_secs(&self, server: ServerId, plan: &RestorePlan) -> Option<f64> {
        let uses = |kind| plan.steps.iter().any(|step| step.backup_type == kind);
        let way = if uses(BackupType::Log) || plan.tail.is_some() {
            ScenarioKind::FullDifferentialLog
        } else if uses(BackupType::Differential) {
            ScenarioKind::FullDifferential
        } else {
            ScenarioKind::FullOnly
        };
        let (objectives, _) = self.objectives_of(server, &plan.database);
        objectives
            .iter()
            .find(|objective| objective.scenario == way)
            .or_else(|| {
                objectives
                    .iter()
                    .filter(|objective| objective.scenario != ScenarioKind::AzurePointInTime)
                    .max_by_key(|objective| objective.scenario)
            })
            .map(|objective| f64::from(objective.down_secs.1))
    }

    /// Whether the choice is over the original.
    pub fn chooses_over(&self) -> bool {
        let DestinationChoice { into, .. } = &self.choice.destination;
        *into == Into::Over
    }
}

/// The log that no backup holds lies on the server of the original, and no other server can read it.
fn tail_is_elsewhere(database: &str) -> Problem {
    Problem {
        kind: ProblemKind::Yours,
        sentence: format!("No backup of {database} holds that moment yet"),
        hint: "Another server can only read backups: back the log up first, or restore beside the original."
            .to_owned(),
        details: Vec::new(),
    }
}
