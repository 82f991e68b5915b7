//! A `History`: all backup sets of one server, or of several merged, right by construction and cheap to clone.
//!
//! It keeps what the records said; what can be restored is asked of [`DatabaseHistory::coverage`] and [`super::plan()`].

use super::{
    BackupRecord, BackupSet, ChangeRecord, DatabaseHistory, HistoryNote, HistoryRecords,
    MarkRecord, RecordedServer, RestoreRecord, RestoringState, ServerClock, SharedVec, UtcOffset,
    database::Happened, judge::Judge, place::Place, set::UNKNOWN_ZONE,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// All backup sets of one server (or of several merged), by database.
#[derive(Clone, Debug, Default)]
pub struct History {
    databases: Arc<BTreeMap<String, Arc<DatabaseHistory>>>,
    clock: Arc<ServerClock>,
    /// The offset that the server kept over the whole history, when it said so.
    fixed: Option<UtcOffset>,
    /// First and last sample of each stretch with one offset, so that a refresh can go on with the clock.
    samples: Arc<Vec<(i64, UtcOffset)>>,
    /// Whose clock it is.
    home: Option<String>,
    /// Offsets that each server showed.
    zones: Arc<BTreeMap<String, BTreeSet<UtcOffset>>>,
    case_sensitive: bool,
}

/// Collects records one by one, so that a million need not be held twice.
#[derive(Debug, Default)]
pub struct HistoryBuilder {
    server: RecordedServer,
    judge: Judge,
    sets: BTreeMap<String, SharedVec<BackupSet>>,
    /// The database of the last row, and what it is compared by.
    last_name: Option<(String, String)>,
    /// Restores and marks.
    happened: BTreeMap<String, Happened>,
    case_sensitive: bool,
}

impl History {
    /// Judges the records; never fails: odd rows become notes.
    pub fn from_records(records: HistoryRecords) -> (Self, Vec<HistoryNote>) {
        let HistoryRecords {
            server,
            backup_sets,
            restore_history,
            marks,
            changes,
        } = records;
        let mut builder = HistoryBuilder::new(server);
        for record in backup_sets {
            builder.push(record);
        }
        for record in restore_history {
            builder.push_restore(record);
        }
        for record in marks {
            builder.push_mark(record);
        }
        for record in changes {
            builder.push_change(record);
        }
        builder.finish()
    }

    /// Judges the records of each database by themselves, on the clock of the server that took most of its backups.
    ///
    /// For files from several servers: a `STOPAT` means what the clock of the server showed that wrote the log.
    pub fn of_each_database(records: HistoryRecords) -> (Self, Vec<HistoryNote>) {
        let mut of_each: BTreeMap<String, Vec<BackupRecord>> = BTreeMap::new();
        for record in records.backup_sets {
            let key = name_key(record.database_name.as_deref().unwrap_or_default(), false);
            of_each.entry(key).or_default().push(record);
        }
        let mut all = Self::default();
        let mut notes = Vec::new();
        let mut most = 0;
        for backup_sets in of_each.into_values() {
            let server = RecordedServer {
                name: most_frequent_server(&backup_sets),
                ..records.server.clone()
            };
            let (history, odd) = Self::from_records(HistoryRecords {
                server,
                backup_sets,
                ..HistoryRecords::default()
            });
            notes.extend(odd);
            let joined = all.with_databases_of(&history);
            if history.n_sets() > most {
                most = history.n_sets();
                all = history;
            }
            all.databases = joined.databases;
        }
        (all, notes)
    }

    /// This history with what files hold, and the files alone.
    ///
    /// What the server knows stays on its clock; what only files know is on that of the server that wrote them.
    pub fn with_files(&self, files: &HistoryRecords) -> (Self, Self) {
        let (alone, _) = Self::of_each_database(files.clone());
        let known = files.backup_sets.iter().filter(|record| {
            let name = record.database_name.as_deref();
            name.is_some_and(|name| self.database(name).is_some())
        });
        let known = HistoryRecords {
            backup_sets: known.cloned().collect(),
            ..HistoryRecords::default()
        };
        let (joined, _) = self.with_new_records(known);
        (joined.with_databases_of(&alone), alone)
    }

    /// This history and the databases of another that it does not know, each on its own clock.
    pub fn with_databases_of(&self, other: &Self) -> Self {
        let mut databases = (*self.databases).clone();
        for database in other.databases.values() {
            let key = name_key(database.name(), self.case_sensitive);
            databases.entry(key).or_insert_with(|| Arc::clone(database));
        }
        Self {
            databases: Arc::new(databases),
            ..self.clone()
        }
    }

    /// This history and what is new in `records`, sharing what both have.
    ///
    /// The server named in `records` is not looked at: this history's clock and collation stay.
    pub fn with_new_records(&self, records: HistoryRecords) -> (Self, Vec<HistoryNote>) {
        let mut builder = self.builder();
        for record in records.backup_sets {
            builder.push(record);
        }
        for record in records.restore_history {
            builder.push_restore(record);
        }
        for record in records.marks {
            builder.push_mark(record);
        }
        for record in records.changes {
            builder.push_change(record);
        }
        self.grown_by(builder)
    }

    /// Collects what is new; see [`History::grown_by`].
    pub fn builder(&self) -> HistoryBuilder {
        HistoryBuilder {
            server: RecordedServer {
                name: self.home.clone(),
                utc_offset_minutes: self.fixed.map(UtcOffset::minutes),
                collation: None,
            },
            case_sensitive: self.case_sensitive,
            ..HistoryBuilder::default()
        }
    }

    /// This history and what its builder has collected, sharing what both have.
    pub fn grown_by(&self, builder: HistoryBuilder) -> (Self, Vec<HistoryNote>) {
        builder.finish_after(Some(self))
    }

    /// Names of all databases that have sets, sorted, as their newest backup spells them.
    pub fn databases(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .databases
            .values()
            .map(|d| d.name().to_owned())
            .collect();
        names.sort();
        names
    }

    /// All databases, in the order of their names by the server's comparison.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<DatabaseHistory>> {
        self.databases.values()
    }

    /// The sets of one database, by the collation's comparison.
    pub fn database(&self, name: &str) -> Option<Arc<DatabaseHistory>> {
        self.databases
            .get(&name_key(name, self.case_sensitive))
            .cloned()
    }

    /// The backups that a database in `RESTORING` was begun with, whatever it is called now: those with the full that it builds on, else of its family.
    pub fn of_restoring(&self, state: &RestoringState) -> Option<Arc<DatabaseHistory>> {
        let by_base = state.differential_base.and_then(|base| {
            let mut all = self.databases.values();
            all.find(|database| database.index_of(base).is_some())
        });
        let by_family = || {
            let family = state.family?;
            self.databases.values().find(|database| {
                database
                    .sets()
                    .any(|set| set.lineage.family == Some(family))
            })
        };
        by_base.or_else(by_family).cloned()
    }

    /// The clock in which times are read and shown.
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// Whether several servers with different zones were merged and none says whose time counts.
    pub fn zones_conflict(&self) -> bool {
        if self.fixed.is_some() {
            return false;
        }
        let mut widest: Option<&BTreeSet<UtcOffset>> = None;
        for zones in self.zones.values() {
            match widest {
                Some(other) if zones.is_subset(other) => {}
                Some(other) if !other.is_subset(zones) => return true,
                _ => widest = Some(zones),
            }
        }
        false
    }

    /// How many sets there are in all databases.
    pub fn n_sets(&self) -> usize {
        self.databases.values().map(|d| d.len()).sum()
    }

    /// The greatest `backup_set_id`, from which a refresh goes on.
    pub fn newest_backup_set_id(&self) -> Option<i64> {
        self.iter()
            .filter_map(|database| database.newest_backup_set_id())
            .max()
    }
}

/// Whose clock the records are mostly on.
fn most_frequent_server(records: &[BackupRecord]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in records
        .iter()
        .filter_map(|record| record.server_name.as_deref())
    {
        *counts.entry(name).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|&(_, count)| count);
    most.map(|(name, _)| name.to_owned())
}

/// What database names are compared by: a case-insensitive collation folds them.
fn name_key(name: &str, case_sensitive: bool) -> String {
    if case_sensitive {
        name.to_owned()
    } else {
        name.to_lowercase()
    }
}

impl HistoryBuilder {
    /// A builder for what `server` reported.
    pub fn new(server: RecordedServer) -> Self {
        let case_sensitive = server.collation.as_deref().is_some_and(|collation| {
            let collation = collation.to_ascii_uppercase();
            collation.contains("_CS") || collation.contains("_BIN")
        });
        Self {
            server,
            case_sensitive,
            ..Self::default()
        }
    }

    /// Judges one row of `backupset`.
    pub fn push(&mut self, record: BackupRecord) {
        if let Some(set) = self.judge.judge(record) {
            let name = set.origin.database_name.as_deref().unwrap_or_default();
            // Most rows are of the same database as the one before.
            let sets = match &self.last_name {
                Some((last, key)) if last == name => self.sets.get_mut(key),
                _ => None,
            };
            if let Some(sets) = sets {
                sets.push(set);
                return;
            }
            let key = name_key(name, self.case_sensitive);
            self.last_name = Some((name.to_owned(), key.clone()));
            self.sets.entry(key).or_default().push(set);
        }
    }

    /// Takes one row of `restorehistory`.
    pub fn push_restore(&mut self, record: RestoreRecord) {
        if let Some(name) = &record.destination_database_name {
            let key = name_key(name, self.case_sensitive);
            let happened = self.happened.entry(key).or_default();
            happened.restores.push(record);
        }
    }

    /// Takes one row of `logmarkhistory`.
    pub fn push_mark(&mut self, record: MarkRecord) {
        if let Some(name) = &record.database_name {
            let key = name_key(name, self.case_sensitive);
            self.happened.entry(key).or_default().marks.push(record);
        }
    }

    /// Takes one row of the default trace.
    pub fn push_change(&mut self, record: ChangeRecord) {
        if let Some(name) = &record.database_name {
            let key = name_key(name, self.case_sensitive);
            self.happened.entry(key).or_default().changes.push(record);
        }
    }

    /// The history of everything pushed, and what was odd.
    pub fn finish(self) -> (History, Vec<HistoryNote>) {
        self.finish_after(None)
    }

    fn finish_after(self, before: Option<&History>) -> (History, Vec<HistoryNote>) {
        let Self {
            server,
            judge,
            sets,
            mut happened,
            case_sensitive,
            last_name: _,
        } = self;
        let mut notes = judge.notes;
        let fixed = server.utc_offset_minutes.and_then(UtcOffset::from_minutes);
        let home = server.name.or_else(|| {
            let first = sets.values().flat_map(SharedVec::iter).next()?;
            first.origin.server_name.clone()
        });
        let mut zones = before.map_or_else(BTreeMap::new, |h| (*h.zones).clone());
        let mut samples = before.map_or_else(Vec::new, |h| (*h.samples).clone());
        collect_zones(&sets, home.as_deref(), &mut zones, &mut samples);
        compress(&mut samples);
        let clock = match fixed {
            Some(offset) => ServerClock::fixed(offset),
            None => ServerClock::from_samples(samples.clone()),
        };
        let same_clock = before.is_some_and(|h| *h.clock == clock);
        let clock = match before {
            Some(history) if same_clock => history.clock.clone(),
            _ => Arc::new(clock),
        };
        let mut databases = before.map_or_else(BTreeMap::new, |h| (*h.databases).clone());
        let place = Place {
            clock: &clock,
            fixed,
            home: home.as_deref(),
        };
        for (key, new) in sets {
            let new_happened = happened.remove(&key).unwrap_or_default();
            let old = databases.get(&key).cloned();
            let grown = match old {
                Some(old) if same_clock => {
                    old.grown(new.into_vec(), &new_happened, &place, &mut notes)
                }
                Some(old) => {
                    let all = old.unplaced().extended(new.into_vec());
                    DatabaseHistory::built(all, Some(&old), &new_happened, &place, &mut notes)
                }
                None => DatabaseHistory::built(new, None, &new_happened, &place, &mut notes),
            };
            databases.insert(key, Arc::new(grown));
        }
        for (key, new_happened) in happened {
            if let Some(old) = databases.get(&key).cloned() {
                let grown = old.grown(Vec::new(), &new_happened, &place, &mut notes);
                databases.insert(key, Arc::new(grown));
            }
        }
        let history = History {
            databases: Arc::new(databases),
            clock: clock.clone(),
            fixed,
            samples: Arc::new(samples),
            home,
            zones: Arc::new(zones),
            case_sensitive,
        };
        (history, notes.into_vec())
    }
}

/// Notes which offsets each server showed, and when the home server showed them.
fn collect_zones(
    sets: &BTreeMap<String, SharedVec<BackupSet>>,
    home: Option<&str>,
    zones: &mut BTreeMap<String, BTreeSet<UtcOffset>>,
    samples: &mut Vec<(i64, UtcOffset)>,
) {
    let mut seen: Option<(*const super::Origin, i16, bool)> = None;
    let all = sets.values().flat_map(SharedVec::iter);
    for set in all.filter(|s| s.zone != UNKNOWN_ZONE) {
        let Some(offset) = UtcOffset::from_minutes(set.zone.into()) else {
            continue;
        };
        let origin = Arc::as_ptr(&set.origin);
        let is_home = match seen {
            Some((o, zone, is_home)) if o == origin && zone == set.zone => is_home,
            _ => {
                let server = set.origin.server_name.as_deref();
                let key = server.unwrap_or_default().to_lowercase();
                zones.entry(key).or_default().insert(offset);
                let is_home = server
                    .zip(home)
                    .is_none_or(|(a, b)| a.eq_ignore_ascii_case(b));
                seen = Some((origin, set.zone, is_home));
                is_home
            }
        };
        if is_home {
            push_sample(samples, (set.start - i64::from(set.zone) * 60, offset));
        }
    }
}

/// Adds what one backup showed; of those that come in order with one offset the first and the last are enough.
fn push_sample(samples: &mut Vec<(i64, UtcOffset)>, sample: (i64, UtcOffset)) {
    if let [.., before, last] = &mut **samples
        && before.1 == sample.1
        && last.1 == sample.1
        && before.0 <= last.0
        && last.0 <= sample.0
    {
        *last = sample;
    } else {
        samples.push(sample);
    }
}

/// Keeps of each stretch with one offset the first and the last sample.
fn compress(samples: &mut Vec<(i64, UtcOffset)>) {
    samples.sort_unstable();
    let mut kept: Vec<(i64, UtcOffset)> = Vec::new();
    for &sample in samples.iter() {
        let n = kept.len();
        let repeats = n >= 2
            && kept.get(n - 1).is_some_and(|k| k.1 == sample.1)
            && kept.get(n - 2).is_some_and(|k| k.1 == sample.1);
        if repeats {
            kept.pop();
        }
        kept.push(sample);
    }
    *samples = kept;
}
