//! What the window knows of Azure: what was told of each database, what is chosen, the restore that runs there.

mod events;
mod update;

use super::{DatabaseView, Selection, State};
use crate::{
    azure::{
        self, AzCommand, DeletedDatabase, Home, LogicalServer, LongTerm, LongTermBackup,
        NewDatabase, Redundancy, RestoreFrom, ShortTerm,
    },
    domain::{DatabaseHistory, Moment, UtcOffset, UtcTime},
    explain::Problem,
    run::{AzureEnd, ByHand, RunId, SwapStep, Verification},
    worker::{AzureStepOutcome, AzureTold, DatabaseState, Platform, ServerId},
};
use chrono::TimeDelta;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};
use uuid::Uuid;

/// What the user does with Azure, in the user's words.
#[derive(Clone, Debug)]
pub enum AzureAction {
    FindServers {
        profile: Uuid,
        program: Option<PathBuf>,
        subscription: Option<String>,
    },
    EditObjective(String),
    EditPool(String),
    ChooseRedundancy(Option<Redundancy>),
    /// Restores this long-term backup instead of a moment; `None` goes back to the marker.
    ChooseLongTerm(Option<String>),
    /// Restores the database of this name that was deleted then; `None` goes back to the living one.
    ChooseDeleted(Option<UtcTime>),
    /// Shows what would be ordered, to be confirmed.
    Review,
    Order,
    AskCancel,
    StopWatching,
    DeleteNew,
    CloseRun,
    /// A step of the swap of names.
    Swap(SwapStep),
    /// Shows a restore of the past again.
    OpenRun {
        server: ServerId,
        run: RunId,
    },
    EditRetention,
    /// The URL or ARN that a batch of the panel names.
    EditPlace(String),
    /// Asks how the tasks of Amazon RDS stand.
    ReadTasks,
    /// Runs what was shown.
    RunByHand(Box<ByHand>),
    /// Ends it where the service can.
    StopByHand,
    /// Takes this program for all profiles that name none; `None` lets the system find one.
    UseProgram(Option<PathBuf>),
    SetShortTerm(ShortTerm),
    SetLongTerm(LongTerm),
    ReadAgain,
    /// Ends the questions that are under way.
    StopAsking,
}

/// Everything about Azure that the window shows.
#[derive(Debug, Default)]
pub struct AzureState {
    /// Where the databases of a connected server are managed, or why `az` is not asked.
    pub homes: BTreeMap<ServerId, Result<Home, Problem>>,
    pub told: BTreeMap<(ServerId, String), Result<AzureTold, Problem>>,
    /// Asked, and not answered yet.
    pub asking: BTreeSet<(ServerId, String)>,
    pub deleted: BTreeMap<ServerId, Vec<DeletedDatabase>>,
    /// Whose automatic backups cannot be seen, and why.
    pub unseen: BTreeMap<ServerId, BTreeMap<String, Problem>>,
    /// The profile for which servers are being looked for.
    pub finding: Option<Uuid>,
    pub found: Option<(Uuid, Result<Vec<LogicalServer>, Problem>)>,
    pub options: NewOptions,
    /// The resource id of the long-term backup that is chosen instead of a moment.
    pub long_term_backup: Option<String>,
    /// When the database was deleted that is chosen among those of the selected name; `None` for the living one, and where
    /// there is none for the one that was deleted last.
    pub deleted_chosen: Option<UtcTime>,
    pub run: Option<AzureRunView>,
    pub by_hand: ByHandView,
    /// The program `az` for profiles that name none; `None` lets the system find one.
    pub program: Option<PathBuf>,
    /// A retention is being set, or why the last one was not.
    pub setting: Option<Result<(), Problem>>,
}

/// What a managed instance's or RDS's user does in T-SQL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByHandView {
    pub place: String,
    /// A question is under way, or a run begins.
    pub busy: bool,
    /// What runs now.
    pub running: Option<RunId>,
    /// The rows and messages that came, a line each.
    pub lines: Vec<String>,
    /// How the last one ended: in how many seconds, or why not.
    pub ended: Option<Result<f64, Problem>>,
    /// What was found in a restored database.
    pub verification: Option<Verification>,
}

/// What may be chosen for the new database; empty is as in the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewOptions {
    pub service_objective: String,
    pub elastic_pool: String,
    pub redundancy: Option<Redundancy>,
}

/// A restore that Azure carries out, on the screen.
#[derive(Clone, Debug)]
pub struct AzureRunView {
    pub server: ServerId,
    pub id: RunId,
    pub source: String,
    pub new_database: String,
    /// An earlier stopat ordered it.
    pub again: bool,
    pub started: UtcTime,
    /// Of each step: its command, and how it ended.
    pub steps: Vec<AzureStepView>,
    pub status: Option<String>,
    pub percent: Option<u8>,
    pub trouble: Option<Problem>,
    pub end: Option<AzureEnd>,
    pub seconds: f64,
    pub verification: Option<Verification>,
    pub deleting: bool,
    /// It was deleted again.
    pub deleted: bool,
    pub swap: Swap,
}

/// A step on the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AzureStepView {
    pub line: String,
    /// It was done by an earlier stopat.
    pub earlier: bool,
    pub began: bool,
    pub ended: Option<(f64, AzureStepOutcome)>,
}

/// How far the swap of names is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Swap {
    #[default]
    NotBegun,
    /// The first rename is under way.
    SettingAside,
    /// The original has its old name no longer.
    SetAside,
    /// The second rename is under way.
    Renaming,
    /// The first rename is being turned round.
    GivingBack,
    Done,
}

impl Swap {
    /// With this step under way; `None` where it is not its turn.
    pub fn begun(self, step: SwapStep) -> Option<Self> {
        match (self, step) {
            (Self::NotBegun, SwapStep::SetAside) => Some(Self::SettingAside),
            (Self::SetAside, SwapStep::TakeName) => Some(Self::Renaming),
            (Self::SetAside, SwapStep::GiveBack) => Some(Self::GivingBack),
            _ => None,
        }
    }

    /// With the step that is under way ended.
    pub fn ended(self, done: bool) -> Self {
        match (self, done) {
            (Self::SettingAside, false) | (Self::GivingBack, true) => Self::NotBegun,
            (Self::SettingAside, true) | (Self::Renaming | Self::GivingBack, false) => {
                Self::SetAside
            }
            (Self::Renaming, true) => Self::Done,
            (other, _) => other,
        }
    }

    pub fn is_under_way(self) -> bool {
        matches!(self, Self::SettingAside | Self::Renaming | Self::GivingBack)
    }
}

/// What a service can restore of a database that it backs up itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Managed {
    pub platform: Platform,
    /// `None` while it is not told, or where `az` is not asked.
    pub range: Option<ServiceRange>,
    /// The long-term backups, oldest first; `None` where they are not told.
    pub long_term: Option<Arc<[LongTermBackup]>>,
}

impl Managed {
    /// Whether the service tells what it can restore of one database; Amazon RDS restores whole instances.
    pub fn tells_range(&self) -> bool {
        self.platform != Platform::AmazonRds
    }

    /// The long-term backups that are told, oldest first.
    pub fn long_term(&self) -> &[LongTermBackup] {
        self.long_term.as_deref().unwrap_or_default()
    }
}

/// Any second between these can be restored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceRange {
    pub earliest: UtcTime,
    pub latest: UtcTime,
    /// Short-term retention, which moves `earliest` with time; `None` where it may not be read.
    pub days: Option<u32>,
    /// Set for a deleted database: its end no longer moves.
    pub deleted: Option<UtcTime>,
}

/// What was committed in the last minutes is in no backup of the service yet: log backups come every five to ten.
const BEHIND_SECS: i64 = 360;

impl ServiceRange {
    /// The range of a living database. Azure is asked for whole seconds, so it begins with the first whole one.
    pub fn living(earliest: UtcTime, days: Option<u32>, now: UtcTime) -> Self {
        let earliest = UtcTime::from_seconds(earliest.seconds().ceil()).unwrap_or(earliest);
        Self {
            earliest,
            latest: earliest,
            days,
            deleted: None,
        }
        .moved_to(now)
    }

    /// The range of a database that was deleted then.
    fn deleted(earliest: UtcTime, deleted: UtcTime) -> Self {
        Self {
            earliest,
            latest: deleted,
            days: None,
            deleted: Some(deleted),
        }
    }

    /// Both edges at a later time.
    pub fn moved_to(self, now: UtcTime) -> Self {
        if self.deleted.is_some() {
            return self;
        }
        let edge = self
            .days
            .map(|days| now.plus(-TimeDelta::days(i64::from(days))));
        let earliest = edge.map_or(self.earliest, |edge| self.earliest.max(edge));
        Self {
            earliest,
            latest: now.plus(-TimeDelta::seconds(BEHIND_SECS)).max(earliest),
            ..self
        }
    }

    pub fn contains(&self, moment: Moment) -> bool {
        self.earliest <= moment.instant && moment.instant <= self.latest
    }
}

/// What the list says of a name that deleted databases alone have.
fn deleted_state() -> DatabaseState {
    DatabaseState::Other("DELETED".to_owned())
}

impl AzureRunView {
    pub fn running(&self) -> bool {
        self.end.is_none()
    }

    /// Which database a step of the swap gives which name.
    pub fn names(&self, step: SwapStep) -> (String, String) {
        step.names(&self.source, &self.new_database, &self.id)
    }
}

impl State {
    /// The deleted databases of a name that can be restored, the one that was deleted last first.
    fn deleted_of(&self, server: ServerId, database: &str) -> Vec<&DeletedDatabase> {
        let all = self.azure.deleted.get(&server).into_iter().flatten();
        let mut found: Vec<_> = all.filter(|gone| gone.name == database).collect();
        found.sort_by_key(|gone| Reverse(gone.deleted));
        found
    }

    /// Whether no living database has this name.
    fn only_deleted(&self, server: ServerId, database: &str) -> bool {
        self.servers
            .get(&server)
            .and_then(|view| view.summary(database))
            .is_some_and(|summary| summary.state == deleted_state())
    }

    /// The deleted database behind a name: the chosen one, else the last where no living one has the name.
    fn gone(
        &self,
        server: ServerId,
        database: &str,
        chosen: Option<UtcTime>,
    ) -> Option<&DeletedDatabase> {
        let all = self.deleted_of(server, database);
        let chosen = all.iter().find(|gone| Some(gone.deleted) == chosen);
        let last = all.first();
        let only = || last.filter(|_| self.only_deleted(server, database));
        chosen.or_else(only).copied()
    }

    /// The deleted databases of the selected name, the one that was deleted last first.
    pub fn azure_deleted(&self) -> Vec<&DeletedDatabase> {
        match &self.selection {
            Selection::Database { server, database } => self.deleted_of(*server, database),
            _ => Vec::new(),
        }
    }

    /// The deleted database that would be restored; `None` where it is a living one.
    pub fn azure_gone(&self) -> Option<&DeletedDatabase> {
        let Selection::Database { server, database } = &self.selection else {
            return None;
        };
        self.gone(*server, database, self.azure.deleted_chosen)
    }

    /// The view of a database that a service backs up, with the backups that are known of it; `None` for a server of
    /// one's own.
    ///
    /// `chosen` is which of the deleted databases of this name is looked at instead of the living one.
    pub(super) fn managed_view(
        &self,
        server: ServerId,
        database: &str,
        history: Option<Arc<DatabaseHistory>>,
        chosen: Option<UtcTime>,
    ) -> Option<DatabaseView> {
        let platform = self.servers.get(&server)?.info()?.platform;
        if platform == Platform::SqlServer {
            return None;
        }
        let now = self.server_now(server);
        let gone = self.gone(server, database, chosen);
        // Backups and retention are of the living database: of a deleted one Azure tells its range alone.
        let living = gone.is_none();
        let told = self
            .azure
            .told
            .get(&(server, database.to_owned()))
            .and_then(|told| told.as_ref().ok())
            .filter(|_| living);
        let range = match gone {
            Some(gone) => gone
                .earliest_restore
                .map(|earliest| ServiceRange::deleted(earliest, gone.deleted)),
            None => told.and_then(|told| {
                let days = told.short_term.as_ref().ok().map(|policy| policy.days);
                let earliest = told.database.earliest_restore?;
                Some(ServiceRange::living(earliest, days, now))
            }),
        };
        let managed = Managed {
            platform,
            range,
            long_term: told
                .and_then(|told| told.long_term_backups.as_ref().ok())
                .map(|backups| backups.clone().into()),
        };
        let history = history.filter(|_| living).unwrap_or_else(|| {
            Arc::new(DatabaseHistory::without_backups(database, UtcOffset::ZERO))
        });
        Some(DatabaseView::managed(history, managed, now))
    }

    /// What is told of the selected database.
    pub fn azure_told(&self) -> Option<&Result<AzureTold, Problem>> {
        let Selection::Database { server, database } = &self.selection else {
            return None;
        };
        self.azure.told.get(&(*server, database.clone()))
    }

    /// Whether Azure is being asked about the selected database.
    pub fn azure_asking(&self) -> bool {
        let Selection::Database { server, database } = &self.selection else {
            return false;
        };
        self.azure.asking.contains(&(*server, database.clone()))
    }

    /// Why the automatic backups of the selected database are not shown.
    pub fn azure_unseen(&self) -> Option<&Problem> {
        let Selection::Database { server, database } = &self.selection else {
            return None;
        };
        self.azure.unseen.get(server)?.get(database)
    }

    /// Where the selected server is managed.
    pub fn azure_home(&self) -> Option<&Result<Home, Problem>> {
        self.azure.homes.get(&self.selected_server()?)
    }

    /// The long-term backup that is chosen instead of a moment.
    pub fn chosen_long_term(&self) -> Option<&LongTermBackup> {
        let id = self.azure.long_term_backup.as_ref()?;
        let managed = self.database.as_ref()?.managed.as_ref()?;
        managed.long_term().iter().find(|backup| backup.id == *id)
    }

    /// What would be restored: the chosen long-term backup, else the marker's moment.
    pub fn azure_from(&self) -> Option<RestoreFrom> {
        let database = self.database_name()?.to_owned();
        let view = self.database.as_ref()?;
        let managed = view.managed.as_ref()?;
        if let Some(backup) = self.chosen_long_term() {
            return Some(RestoreFrom::LongTerm {
                database,
                backup_id: backup.id.clone(),
                taken: backup.taken,
            });
        }
        let range = managed.range?;
        let moment = self
            .choice
            .moment
            .filter(|moment| range.contains(*moment))?;
        Some(match range.deleted {
            Some(deleted) => RestoreFrom::Deleted {
                database,
                deleted,
                at: (moment.instant < deleted).then_some(moment.instant),
            },
            None => RestoreFrom::PointInTime {
                database,
                at: moment.instant,
            },
        })
    }

    /// The database that would be made.
    pub fn azure_new(&self) -> Option<NewDatabase> {
        let database = self.database_name()?;
        let at = match self.chosen_long_term() {
            Some(backup) => backup.taken.to_server(UtcOffset::ZERO),
            None => self.choice.moment?.server,
        };
        let some = |text: &str| {
            let text = text.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let options = &self.azure.options;
        Some(NewDatabase {
            name: self.choice.copy_name(database, at),
            service_objective: some(&options.service_objective),
            elastic_pool: some(&options.elastic_pool),
            redundancy: options.redundancy,
        })
    }

    /// The command that *Restore* would run.
    pub fn azure_command(&self) -> Option<AzCommand> {
        let home = self.azure_home()?.as_ref().ok()?;
        azure::restore(home, &self.azure_from()?, &self.azure_new()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcTime {
        UtcTime(text.parse().expect("a time"))
    }

    #[test]
    fn both_edges_move_with_time_and_those_of_a_deleted_database_do_not() {
        let range = ServiceRange::living(
            at("2026-11-10T00:00:00Z"),
            Some(7),
            at("2026-11-15T12:00:00Z"),
        );
        assert_eq!(
            range.earliest,
            at("2026-11-10T00:00:00Z"),
            "younger than its retention"
        );
        assert_eq!(range.latest, at("2026-11-15T11:54:00Z"));
        let young = ServiceRange::living(
            at("2026-11-15T11:58:03.832Z"),
            Some(7),
            at("2026-11-15T12:00:00Z"),
        );
        assert_eq!(young.earliest, at("2026-11-15T11:58:04Z"), "a whole second");
        assert_eq!(young.latest, young.earliest);
        let later = range.moved_to(at("2026-11-20T12:00:00Z"));
        assert_eq!(later.earliest, at("2026-11-13T12:00:00Z"));
        assert_eq!(later.latest, at("2026-11-20T11:54:00Z"));
        let gone = ServiceRange {
            deleted: Some(range.latest),
            ..range
        };
        assert_eq!(gone.moved_to(at("2026-11-20T12:00:00Z")), gone);
    }
}
