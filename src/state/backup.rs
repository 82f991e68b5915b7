//! Backups by hand: the form, what the server says to it, and the backups that run or ended in this window.
//!
//! Long on purpose: the form, what the server answers to it, and what runs are one story of small steps.

use super::{Dialog, Selection, State};
use crate::{
    domain::{
        BackupKind, BackupOptions, BackupPlan, BackupRequest, BackupStep, BackupTarget,
        ChainChoice, Compression, FileTemplate, PolicyPlace, ServerPath, ServerTime, TemplateError,
        UtcTime, option_unavailable, plan_backups,
    },
    explain::Problem,
    run::{
        BackupOutcome, BackupPhase, BackupProgress, BackupReading, BackupReport, BackupRunEvent,
        BackupStepReport, FolderListing, FoundJob, OnceRun, OnceState, PlaceCheck, PlaceThere,
        ProbeResult, RunId,
    },
    tsql::{BackupFacts, Script, backup_script},
    worker::{BackupCall, BackupEvent, Request, ServerId},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everything about backups by hand that the window shows.
#[derive(Clone, Debug, Default)]
pub struct BackupState {
    /// The form while it is open.
    pub form: Option<Box<BackupForm>>,
    /// Of this window's life, the newest last.
    pub runs: Vec<BackupRunView>,
    /// One-time jobs that were on their servers when those were connected.
    pub found: BTreeMap<ServerId, Vec<FoundJob>>,
}

/// Something that is asked of the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Asked<T> {
    #[default]
    NotYet,
    Asking,
    Told(T),
    Failed(Problem),
}

impl<T> Asked<T> {
    /// The answer.
    pub fn told(&self) -> Option<&T> {
        match self {
            Self::Told(answer) => Some(answer),
            Self::NotYet | Self::Asking | Self::Failed(_) => None,
        }
    }

    fn of(result: Result<T, Problem>) -> Self {
        match result {
            Ok(answer) => Self::Told(answer),
            Err(problem) => Self::Failed(problem),
        }
    }
}

/// A request while it is put together.
#[derive(Clone, Debug)]
pub struct BackupForm {
    pub server: ServerId,
    pub request: BackupRequest,
    /// The folder as it is typed; the request follows it.
    pub folder: String,
    /// The template as it is typed, and what is wrong with it.
    pub template: String,
    pub template_error: Option<TemplateError>,
    pub facts: Asked<Box<BackupReading>>,
    pub place: Asked<PlaceCheck>,
    pub probe: Asked<ProbeResult>,
    /// The folder that is looked into while one is chosen.
    pub browsing: Option<Browsing>,
    /// Started as a job of SQL Server Agent.
    pub on_server: bool,
    pub show_advanced: bool,
    pub show_sql: bool,
    pub show_databases: bool,
    /// What would be done now.
    pub plan: Option<BackupPlan>,
    /// Nobody has written a folder yet, so the default may go there.
    untouched: bool,
}

/// A folder of the server that is looked into.
#[derive(Clone, Debug, PartialEq)]
pub struct Browsing {
    /// `None` shows the drives.
    pub folder: Option<ServerPath>,
    pub listing: Asked<FolderListing>,
}

/// Backups that run or ended.
#[derive(Clone, Debug)]
pub struct BackupRunView {
    pub server: ServerId,
    pub id: RunId,
    pub plan: BackupPlan,
    pub script: Script,
    /// On the own clock.
    pub started: UtcTime,
    /// One for each step of the plan.
    pub steps: Vec<BackupStepView>,
    pub cancelling: bool,
    /// Agent runs it.
    pub job: Option<BackupJobView>,
    /// Everything has ended.
    pub ended: bool,
}

/// A one-time job on the server.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupJobView {
    pub name: String,
    pub id: Uuid,
    /// It failed and is still there.
    pub remains: bool,
}

/// One backup of a run.
#[derive(Clone, Debug, Default)]
pub struct BackupStepView {
    /// What it does now; `None` while it waits.
    pub phase: Option<BackupPhase>,
    pub progress: Option<BackupProgress>,
    pub report: Option<Box<BackupStepReport>>,
}

/// What the user does about backups.
#[derive(Clone, Debug)]
pub enum BackupAction {
    /// Opens the form for these databases.
    Open {
        server: ServerId,
        databases: Vec<String>,
        kind: Option<BackupKind>,
    },
    SetKind(BackupKind),
    SetChain(ChainChoice),
    ToggleDatabase(String),
    ShowDatabases(bool),
    /// The folder while it is typed.
    EditFolder(String),
    /// The folder was typed or chosen: the server is asked about it.
    SetFolder(String),
    /// Looks into a folder of the server; `None` shows the drives.
    Browse(Option<ServerPath>),
    CloseBrowser,
    /// Takes a folder of the browser.
    PickFolder(ServerPath),
    /// Writes behind the backups of a file.
    AppendTo(ServerPath),
    /// A new file for each backup again.
    NewFiles,
    EditTemplate(String),
    SetOptions(Box<BackupOptions>),
    SetAtOnce(u8),
    SetOnServer(bool),
    ShowAdvanced(bool),
    ShowSql(bool),
    /// Writes a small backup to see whether the service account can.
    Probe,
    ReadFactsAgain,
    Start,
    Cancel {
        run: RunId,
        step: Option<usize>,
    },
    /// Removes a job that failed, after its messages were seen.
    RemoveJob(RunId),
    /// The same for a job that was found on its server.
    RemoveFound {
        server: ServerId,
        job: Uuid,
    },
    /// Shows what runs and what ended.
    ShowRuns,
    /// Puts away what has ended.
    Clear,
}

impl BackupForm {
    fn new(server: ServerId, databases: Vec<String>, kind: BackupKind) -> Self {
        let request = BackupRequest::new(kind, databases, ServerPath::default());
        Self {
            server,
            folder: String::new(),
            template: crate::domain::DEFAULT_TEMPLATE.to_owned(),
            template_error: None,
            facts: Asked::Asking,
            place: Asked::NotYet,
            probe: Asked::NotYet,
            browsing: None,
            on_server: false,
            show_advanced: false,
            show_sql: false,
            show_databases: request.databases.len() != 1,
            plan: None,
            untouched: true,
            request,
        }
    }

    /// What the batches need to know of the server.
    pub fn batch_facts(&self) -> BackupFacts {
        self.facts
            .told()
            .map_or_else(BackupFacts::default, |facts| BackupFacts {
                server_name: facts.server_name.clone(),
                look: facts.look,
            })
    }

    /// The script that would run now.
    pub fn script(&self) -> Option<Script> {
        self.plan
            .as_ref()
            .map(|plan| backup_script(plan, &self.batch_facts()))
    }

    /// Why nothing can be started yet; `None` when it can.
    pub fn blocked(&self) -> Option<Blocked> {
        let Some(plan) = &self.plan else {
            return Some(Blocked::Asking);
        };
        if self.request.databases.is_empty() {
            Some(Blocked::NoDatabase)
        } else if self.template_error.is_some() || !plan.faults.is_empty() {
            Some(Blocked::Options)
        } else if plan.steps.is_empty() {
            Some(Blocked::AllRefused)
        } else if matches!(
            self.place.told().map(|place| place.there),
            Some(PlaceThere::File | PlaceThere::Missing { .. })
        ) && !self.request.target.appends()
        {
            Some(Blocked::Place)
        } else {
            None
        }
    }
}

/// Why a form cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// The server has not told yet what it is.
    Asking,
    NoDatabase,
    Options,
    AllRefused,
    /// The server does not see the folder.
    Place,
}

impl BackupRunView {
    /// The part that is done, between 0 and 1, weighed by what the last backups took.
    pub fn fraction(&self) -> f32 {
        let bytes = |step: &BackupStep| step.expected.bytes.map(|bytes| bytes as f64 + 1e6);
        let known: Vec<f64> = self.plan.steps.iter().filter_map(bytes).collect();
        // What was never backed up counts as the others do on average.
        let usual = if known.is_empty() {
            1.0
        } else {
            known.iter().sum::<f64>() / known.len() as f64
        };
        let weight = |idx: usize| self.plan.steps.get(idx).and_then(bytes).unwrap_or(usual);
        let total: f64 = (0..self.steps.len()).map(weight).sum();
        let done: f64 = self
            .steps
            .iter()
            .enumerate()
            .map(|(idx, step)| weight(idx) * f64::from(step.fraction()))
            .sum();
        (done / total.max(1.0)).clamp(0.0, 1.0) as f32
    }

    /// The longest that any running backup still takes, as the server tells.
    pub fn remaining_secs(&self) -> Option<f64> {
        self.steps
            .iter()
            .filter(|step| step.report.is_none())
            .filter_map(|step| step.progress.as_ref()?.remaining_secs)
            .max_by(f64::total_cmp)
    }

    /// How many have ended.
    pub fn n_ended(&self) -> usize {
        self.steps.iter().filter(|s| s.report.is_some()).count()
    }
}

impl BackupStepView {
    /// Writing is nine tenths of the way where the file is read back.
    pub fn fraction(&self) -> f32 {
        if self.report.is_some() {
            return 1.0;
        }
        let percent = self
            .progress
            .as_ref()
            .and_then(|p| p.percent)
            .unwrap_or(0.0)
            / 100.0;
        match self.phase {
            None => 0.0,
            Some(BackupPhase::Writing) => percent * 0.7,
            Some(BackupPhase::Reading) => 0.7 + percent * 0.3,
        }
    }
}

impl BackupState {
    /// Whether backups run from here; a job on the server needs nobody.
    pub fn running(&self) -> bool {
        self.runs.iter().any(|run| !run.ended && run.job.is_none())
    }

    /// Jobs that were found and that no run of this window watches.
    pub fn found_jobs(&self) -> impl Iterator<Item = (ServerId, &FoundJob)> {
        let watched = |job: &FoundJob| {
            self.runs
                .iter()
                .filter_map(|run| run.job.as_ref())
                .any(|known| known.id == job.id)
        };
        self.found
            .iter()
            .flat_map(|(server, jobs)| jobs.iter().map(|job| (*server, job)))
            .filter(move |(_, job)| !watched(job))
    }

    /// What runs, wherever.
    pub fn under_way(&self) -> Option<&BackupRunView> {
        self.runs.iter().rev().find(|run| !run.ended)
    }

    fn run_mut(&mut self, id: &RunId) -> Option<&mut BackupRunView> {
        self.runs.iter_mut().find(|run| run.id == *id)
    }
}

impl State {
    /// Does what the user wants about backups.
    pub(super) fn backup(&mut self, action: BackupAction) -> Vec<Request> {
        match action {
            BackupAction::Open {
                server,
                databases,
                kind,
            } => return self.open_backup(server, databases, kind),
            BackupAction::ShowRuns => self.dialog = Some(Dialog::Backups),
            BackupAction::Clear => {
                self.backups.runs.retain(|run| !run.ended);
                if self.dialog == Some(Dialog::Backups) && self.backups.runs.is_empty() {
                    self.dialog = None;
                }
            }
            BackupAction::Cancel { run, step } => return self.cancel_backup(run, step),
            BackupAction::RemoveJob(run) => return self.remove_job(&run),
            BackupAction::RemoveFound { server, job } => {
                if let Some(found) = self.backups.found.get_mut(&server) {
                    found.retain(|other| other.id != job);
                }
                return vec![Request::Backup {
                    server,
                    call: BackupCall::RemoveJob { job_id: job },
                }];
            }
            BackupAction::Start => return self.start_backup(),
            other => return self.edit_form(other),
        }
        Vec::new()
    }

    /// The kind that is most likely wanted: the tail of a log, or a full.
    fn open_backup(
        &mut self,
        server: ServerId,
        databases: Vec<String>,
        kind: Option<BackupKind>,
    ) -> Vec<Request> {
        if self.servers.get(&server).is_none_or(|s| s.info().is_none()) {
            return Vec::new();
        }
        let form = BackupForm::new(server, databases, kind.unwrap_or(BackupKind::Full));
        self.backups.form = Some(Box::new(form));
        self.dialog = Some(Dialog::BackUp);
        vec![
            Request::Backup {
                server,
                call: BackupCall::ReadFacts,
            },
            // A backup at the place of a policy keeps its chain; any other is copy-only.
            Request::Schedule(crate::worker::ScheduleRequest::Read { server }),
        ]
    }

    fn edit_form(&mut self, action: BackupAction) -> Vec<Request> {
        let Some(form) = self.backups.form.as_mut() else {
            return Vec::new();
        };
        let server = form.server;
        let mut call = None;
        match action {
            BackupAction::SetKind(kind) => {
                form.request.kind = kind;
                drop_unavailable(form);
            }
            BackupAction::SetChain(chain) => form.request.chain = chain,
            BackupAction::ToggleDatabase(name) => {
                let databases = &mut form.request.databases;
                match databases.iter().position(|d| *d == name) {
                    Some(idx) => {
                        databases.remove(idx);
                    }
                    None => databases.push(name),
                }
                drop_unavailable(form);
            }
            BackupAction::ShowDatabases(show) => form.show_databases = show,
            BackupAction::EditFolder(text) => {
                form.untouched = false;
                form.folder = text;
                form.place = Asked::NotYet;
                form.probe = Asked::NotYet;
                follow_folder(form);
            }
            BackupAction::SetFolder(text) => {
                form.untouched = false;
                form.folder = text;
                call = look_at_folder(form);
            }
            BackupAction::Browse(folder) => {
                form.browsing = Some(Browsing {
                    folder: folder.clone(),
                    listing: Asked::Asking,
                });
                call = Some(BackupCall::Browse { folder });
            }
            BackupAction::CloseBrowser => form.browsing = None,
            BackupAction::PickFolder(folder) => {
                form.browsing = None;
                form.untouched = false;
                form.folder = folder.as_str().to_owned();
                call = look_at_folder(form);
            }
            BackupAction::AppendTo(file) => {
                form.browsing = None;
                form.request.target = BackupTarget::Append(file);
            }
            BackupAction::NewFiles => {
                form.request.target = BackupTarget::new_files(ServerPath::default());
                call = look_at_folder(form);
            }
            BackupAction::EditTemplate(text) => {
                form.template = text;
                follow_folder(form);
            }
            BackupAction::SetOptions(options) => form.request.options = *options,
            BackupAction::SetAtOnce(n) => {
                form.request.at_once = n.clamp(1, BackupRequest::MOST_AT_ONCE);
            }
            BackupAction::SetOnServer(on) => form.on_server = on,
            BackupAction::ShowAdvanced(show) => form.show_advanced = show,
            BackupAction::ShowSql(show) => form.show_sql = show,
            BackupAction::Probe => {
                form.probe = Asked::Asking;
                call = Some(BackupCall::Probe {
                    folder: ServerPath::new(&form.folder),
                    facts: form.batch_facts(),
                });
            }
            BackupAction::ReadFactsAgain => {
                form.facts = Asked::Asking;
                call = Some(BackupCall::ReadFacts);
            }
            BackupAction::Open { .. }
            | BackupAction::Start
            | BackupAction::Cancel { .. }
            | BackupAction::RemoveJob(_)
            | BackupAction::RemoveFound { .. }
            | BackupAction::ShowRuns
            | BackupAction::Clear => {}
        }
        self.plan_backup_again();
        call.map(|call| Request::Backup { server, call })
            .into_iter()
            .collect()
    }

    /// Works the plan of the open form out again: with what is chosen, and with the server's time as it is now.
    pub(super) fn plan_backup_again(&mut self) {
        let Some(form) = &self.backups.form else {
            return;
        };
        let server = form.server;
        let clock = self.server_wall_clock(server).map(|(time, _)| time);
        let history = self
            .servers
            .get(&server)
            .and_then(|view| view.history.as_ref())
            .map(|loaded| loaded.history.clone());
        let policy = self.policy_places(server);
        let Some(form) = self.backups.form.as_mut() else {
            return;
        };
        let Some(facts) = form.facts.told() else {
            form.plan = None;
            return;
        };
        let mut facts_of_server = facts.server.clone();
        if let Some(ServerTime(now)) = clock {
            facts_of_server.now = ServerTime(now);
        }
        let free = form.place.told().and_then(|place| place.free_bytes);
        form.plan = Some(plan_backups(
            &form.request,
            &facts_of_server,
            &facts.databases,
            history.as_ref(),
            &policy,
            free,
        ));
    }

    /// Where the policies of a server write, as far as they are known here.
    fn policy_places(&self, server: ServerId) -> Vec<PolicyPlace> {
        self.servers
            .get(&server)
            .and_then(|view| view.schedules.as_ref())
            .map(|reading| reading.policy_places())
            .unwrap_or_default()
    }

    fn start_backup(&mut self) -> Vec<Request> {
        let Some(form) = self
            .backups
            .form
            .take_if(|form| form.blocked().is_none() && form.plan.is_some())
        else {
            return Vec::new();
        };
        self.dialog = Some(Dialog::Backups);
        let facts = form.batch_facts();
        let BackupForm {
            server,
            plan,
            on_server,
            ..
        } = *form;
        let Some(plan) = plan.map(Box::new) else {
            return Vec::new();
        };
        let call = if on_server {
            BackupCall::StartOnServer { plan, facts }
        } else {
            BackupCall::Start { plan, facts }
        };
        vec![Request::Backup { server, call }]
    }

    fn cancel_backup(&mut self, id: RunId, step: Option<usize>) -> Vec<Request> {
        let Some(run) = self.backups.run_mut(&id) else {
            return Vec::new();
        };
        if step.is_none() {
            run.cancelling = true;
        }
        let server = run.server;
        vec![Request::Backup {
            server,
            call: BackupCall::Cancel { run: id, step },
        }]
    }

    fn remove_job(&mut self, id: &RunId) -> Vec<Request> {
        let Some(run) = self.backups.run_mut(id) else {
            return Vec::new();
        };
        let server = run.server;
        match &mut run.job {
            Some(job) if job.remains => {
                job.remains = false;
                let job_id = job.id;
                vec![Request::Backup {
                    server,
                    call: BackupCall::RemoveJob { job_id },
                }]
            }
            _ => Vec::new(),
        }
    }

    /// What the worker told about backups.
    pub(super) fn apply_backup(&mut self, server: ServerId, event: BackupEvent) -> Vec<Request> {
        match event {
            BackupEvent::Facts(result) => return self.take_backup_facts(server, result),
            BackupEvent::Listing { folder, result } => {
                if let Some(browsing) = self.form_of(server).and_then(|f| f.browsing.as_mut())
                    && browsing.folder == folder
                {
                    browsing.listing = Asked::of(result);
                }
            }
            BackupEvent::Place { place, result } => {
                if let Some(form) = self.form_of(server)
                    && place.as_str() == form.folder.trim()
                {
                    form.place = Asked::of(result);
                    self.plan_backup_again();
                }
            }
            BackupEvent::Probed { folder, result } => {
                if let Some(form) = self.form_of(server)
                    && folder.as_str() == form.folder.trim()
                {
                    form.probe = Asked::of(result);
                }
            }
            BackupEvent::Started { run, plan, script } => {
                let started = self.own.now;
                self.backups.runs.push(BackupRunView {
                    server,
                    id: run,
                    steps: vec![BackupStepView::default(); plan.steps.len()],
                    plan: *plan,
                    script,
                    started,
                    cancelling: false,
                    job: None,
                    ended: false,
                });
            }
            BackupEvent::Running { run, event } => {
                if let Some(view) = self.backups.run_mut(&run) {
                    take_running(view, event);
                }
            }
            BackupEvent::Ended { run, report } => return self.take_ended(server, &run, report),
            BackupEvent::Jobs(jobs) => {
                self.backups.found.insert(server, jobs);
            }
            BackupEvent::OnServer(once) => self.take_job(server, *once),
            BackupEvent::Job { run, state } => return self.take_job_state(server, &run, state),
            BackupEvent::NotStarted(problem) => {
                if self.dialog == Some(Dialog::Backups) {
                    self.dialog = None;
                }
                self.notice(Some(server), problem);
            }
        }
        Vec::new()
    }

    fn form_of(&mut self, server: ServerId) -> Option<&mut BackupForm> {
        self.backups
            .form
            .as_deref_mut()
            .filter(|form| form.server == server)
    }

    fn take_backup_facts(
        &mut self,
        server: ServerId,
        result: Result<Box<BackupReading>, Problem>,
    ) -> Vec<Request> {
        let preferred = self
            .profile(server)
            .and_then(|profile| profile.backup_folder.clone());
        let Some(form) = self.form_of(server) else {
            return Vec::new();
        };
        form.facts = Asked::of(result);
        let mut call = None;
        if let Some(facts) = form.facts.told() {
            if !facts.server.edition.compresses()
                && form.request.options.compression == Compression::On
            {
                form.request.options.compression = Compression::ServerDefault;
            }
            if form.untouched && form.folder.is_empty() {
                form.folder = preferred
                    .or_else(|| {
                        facts
                            .server
                            .default_folder
                            .as_ref()
                            .map(|folder| folder.as_str().to_owned())
                    })
                    .unwrap_or_default();
                call = look_at_folder(form);
            }
        }
        self.plan_backup_again();
        call.map(|call| Request::Backup { server, call })
            .into_iter()
            .collect()
    }

    fn take_ended(
        &mut self,
        server: ServerId,
        id: &RunId,
        report: Option<Box<BackupReport>>,
    ) -> Vec<Request> {
        if let Some(view) = self.backups.run_mut(id) {
            view.ended = true;
            view.cancelling = false;
            if let Some(report) = report {
                for (step, ended) in view.steps.iter_mut().zip(report.steps) {
                    step.report = Some(Box::new(ended));
                }
            }
        }
        self.say_what_failed(server, id);
        vec![Request::Refresh { server }]
    }

    /// A failure is told wherever one looks; who watches the backups sees it there.
    fn say_what_failed(&mut self, server: ServerId, id: &RunId) {
        if self.dialog == Some(Dialog::Backups) {
            return;
        }
        let Some(view) = self.backups.run_mut(id) else {
            return;
        };
        let problems: Vec<Problem> = view
            .steps
            .iter()
            .filter_map(|step| step.report.as_deref())
            .filter_map(|report| {
                let fault = report.outcome.fault()?;
                Some(crate::explain::backup_fault(
                    &report.database,
                    report.kind,
                    fault,
                ))
            })
            .collect();
        for problem in problems {
            self.notice(Some(server), problem);
        }
    }

    fn take_job(&mut self, server: ServerId, once: OnceRun) {
        let script = backup_script(&once.plan, &BackupFacts::default());
        self.backups.runs.push(BackupRunView {
            server,
            id: once.run,
            steps: vec![BackupStepView::default(); once.plan.steps.len()],
            plan: once.plan,
            script,
            started: once.started,
            cancelling: false,
            job: Some(BackupJobView {
                name: once.job_name,
                id: once.job_id,
                remains: false,
            }),
            ended: false,
        });
    }

    fn take_job_state(&mut self, server: ServerId, id: &RunId, state: OnceState) -> Vec<Request> {
        let Some(view) = self.backups.run_mut(id) else {
            return Vec::new();
        };
        match state {
            OnceState::Running {
                percent,
                remaining_secs,
                n_ended,
            } => {
                let at = view.step_of_batch(n_ended);
                if let Some((step, phase)) = at
                    && let Some(row) = view.steps.get_mut(step)
                {
                    row.phase = Some(phase);
                    row.progress = Some(BackupProgress {
                        step,
                        phase,
                        elapsed_secs: 0.0,
                        percent,
                        remaining_secs,
                    });
                }
                Vec::new()
            }
            OnceState::Ended { steps, job_remains } => {
                for (row, report) in view.steps.iter_mut().zip(steps) {
                    row.report = Some(Box::new(report));
                }
                view.ended = true;
                if let Some(job) = &mut view.job {
                    job.remains = job_remains;
                }
                self.say_what_failed(server, id);
                vec![Request::Refresh { server }]
            }
        }
    }
}

impl BackupRunView {
    /// The step of the plan that the batch with this number works on.
    fn step_of_batch(&self, number: usize) -> Option<(usize, BackupPhase)> {
        match self.script.batches.get(number).map(|b| &b.purpose) {
            Some(crate::tsql::Purpose::BackUp { step }) => Some((*step, BackupPhase::Writing)),
            Some(crate::tsql::Purpose::VerifyBackup { step }) => {
                Some((*step, BackupPhase::Reading))
            }
            _ => None,
        }
    }
}

fn take_running(view: &mut BackupRunView, event: BackupRunEvent) {
    match event {
        BackupRunEvent::PhaseBegan { step, phase } => {
            if let Some(row) = view.steps.get_mut(step) {
                row.phase = Some(phase);
                row.progress = None;
            }
        }
        BackupRunEvent::Progress(progress) => {
            if let Some(row) = view.steps.get_mut(progress.step) {
                row.progress = Some(progress);
            }
        }
        BackupRunEvent::StepEnded { step, report } => {
            if let Some(row) = view.steps.get_mut(step) {
                row.report = Some(report);
            }
        }
        BackupRunEvent::Message { .. } => {}
    }
}

/// The request follows the folder and the template as they are typed.
fn follow_folder(form: &mut BackupForm) {
    if form.request.target.appends() {
        return;
    }
    let template = match form.template.parse::<FileTemplate>() {
        Ok(template) => {
            form.template_error = None;
            template
        }
        Err(error) => {
            form.template_error = Some(error);
            FileTemplate::default()
        }
    };
    form.request.target = BackupTarget::NewFiles {
        folder: ServerPath::new(&form.folder),
        template,
    };
}

/// Asks the server about the folder, when there is one.
fn look_at_folder(form: &mut BackupForm) -> Option<BackupCall> {
    follow_folder(form);
    form.probe = Asked::NotYet;
    let place = ServerPath::new(&form.folder);
    if place.is_empty() {
        form.place = Asked::NotYet;
        return None;
    }
    form.place = Asked::Asking;
    Some(BackupCall::CheckPlace { place })
}

/// What the rest of the request no longer allows goes back to its default.
fn drop_unavailable(form: &mut BackupForm) {
    let Some(facts) = form.facts.told() else {
        return;
    };
    let refused = |option, form: &BackupForm| {
        option_unavailable(option, &form.request, &facts.server).is_some()
    };
    use crate::domain::BackupOption as Option_;
    let copy_only = refused(Option_::CopyOnly, form);
    let append = form.request.target.appends() && refused(Option_::Append, form);
    if copy_only && form.request.chain == ChainChoice::CopyOnly {
        form.request.chain = ChainChoice::Careful;
    }
    if append {
        form.request.target = BackupTarget::new_files(ServerPath::default());
        follow_folder(form);
    }
}

impl State {
    /// What *Back up…* would open: the selected database, or all user databases of the selected server.
    pub fn back_up_selection(&self) -> Option<BackupAction> {
        // A service takes its own backups; what its users may take has a place beside the timeline.
        let platform = self.server()?.info()?.platform;
        if platform != crate::worker::Platform::SqlServer {
            return None;
        }
        let server = self.selected_server()?;
        let view = self.servers.get(&server)?;
        view.info()?;
        let databases = match &self.selection {
            Selection::Database { database, .. } => {
                let there = view
                    .summary(database)
                    .is_some_and(|s| s.state != crate::worker::DatabaseState::HistoryOnly);
                if !there {
                    return None;
                }
                vec![database.clone()]
            }
            Selection::Server(_) | Selection::Nothing => view
                .databases
                .iter()
                .filter(|s| !s.is_system && s.state == crate::worker::DatabaseState::Online)
                .map(|s| s.name.clone())
                .collect(),
        };
        Some(BackupAction::Open {
            server,
            databases,
            kind: None,
        })
    }

    /// When a probe last showed that the service account can write to a place or below it: the server's own history
    /// keeps the small backups of `model` that probes take, whoever took them from where.
    pub fn probed(&self, server: ServerId, place: &ServerPath) -> Option<ServerTime> {
        let loaded = self.servers.get(&server)?.history.as_ref()?;
        let model = loaded.history.database("model")?;
        model
            .sets()
            .rev()
            .take(200)
            .find(|set| {
                set.device_names().any(|name| {
                    let file = ServerPath::new(name);
                    file.file_name().starts_with("stopat_probe_") && place.holds(&file)
                })
            })
            .map(|set| set.finish().server)
    }

    /// Whether any backup of this run failed.
    pub fn backup_failed(run: &BackupRunView) -> bool {
        run.steps
            .iter()
            .filter_map(|step| step.report.as_deref())
            .any(|report| matches!(report.outcome, BackupOutcome::Failed(_)))
    }
}
