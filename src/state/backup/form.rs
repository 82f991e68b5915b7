//! A backup while it is put together: the form, what the server says to it, and the plan that it makes.

use super::{Asked, BackupAction};
use crate::{
    domain::{
        BackupKind, BackupOption, BackupPlan, BackupRequest, BackupTarget, ChainChoice,
        Compression, FileTemplate, PolicyPlace, ServerPath, ServerTime, TemplateError,
        option_unavailable, plan_backups,
    },
    explain::Problem,
    run::{BackupReading, FolderListing, PlaceCheck, PlaceThere, ProbeResult},
    state::State,
    tsql::{BackupFacts, Script, backup_script, once_script},
    worker::{BackupCall, Request, ServerId},
};

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

impl BackupForm {
    pub(super) fn new(server: ServerId, databases: Vec<String>, kind: BackupKind) -> Self {
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
        let plan = self.plan.as_ref().filter(|plan| !plan.steps.is_empty())?;
        let facts = self.batch_facts();
        Some(if self.on_server {
            once_script(plan, &facts)
        } else {
            backup_script(plan, &facts)
        })
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

impl State {
    pub(super) fn edit_form(&mut self, action: BackupAction) -> Vec<Request> {
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
    pub(in crate::state) fn plan_backup_again(&mut self) {
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

    pub(super) fn form_of(&mut self, server: ServerId) -> Option<&mut BackupForm> {
        self.backups
            .form
            .as_deref_mut()
            .filter(|form| form.server == server)
    }

    pub(super) fn take_backup_facts(
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
    let copy_only = refused(BackupOption::CopyOnly, form);
    let append = form.request.target.appends() && refused(BackupOption::Append, form);
    if copy_only && form.request.chain == ChainChoice::CopyOnly {
        form.request.chain = ChainChoice::Careful;
    }
    if append {
        form.request.target = BackupTarget::new_files(ServerPath::default());
        follow_folder(form);
    }
}
