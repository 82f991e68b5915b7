//! The sets of one database: found by time, kind and uuid, and grown without copying what is there.

mod past;

pub(super) use past::Happened;
use past::Past;

use super::{
    BackupSet, BackupType, HistoryNoteKind, Lost, Lsn, Mark, MarkTarget, Moment, ServerClock,
    SharedVec, UtcTime,
    event::ObjectEvent,
    graph::Graphs,
    judge::Notes,
    overwrite,
    place::{Place, note_backwards},
    set::{UNKNOWN_ZONE, flag},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

/// The sets of one database, in the order in which they started.
#[derive(Debug)]
pub struct DatabaseHistory {
    name: String,
    clock: Arc<ServerClock>,
    sets: SharedVec<BackupSet>,
    fulls: SharedVec<u32>,
    differentials: SharedVec<u32>,
    logs: SharedVec<u32>,
    /// Positions in `sets` ordered by the keys of their uuids; covers the first `by_uuid.len()` sets.
    by_uuid: Arc<Vec<u32>>,
    /// Hashes of the devices of those sets, sorted: whether a new set overwrites one of them.
    device_hashes: Arc<Vec<u32>>,
    restores: Arc<Vec<Restore>>,
    marks: Arc<Vec<Mark>>,
    objects: Arc<Vec<ObjectEvent>>,
    /// Logs across a fork point.
    crossings: Arc<Vec<u32>>,
    newest_id: Option<i64>,
    pub(super) graphs: Graphs,
}

/// A restore over this database that ended with recovery, so that a new fork begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// When it completed.
    pub at: Moment,
    /// Its `STOPAT`, on the clock of the log; `None` when it went to the end of what it had.
    pub stop_at: Option<Moment>,
    /// Who restored.
    pub user: Option<Arc<str>>,
}

/// The sets of one kind, in the order in which they started.
#[derive(Clone, Copy, Debug)]
pub struct Lane<'a> {
    sets: &'a SharedVec<BackupSet>,
    indices: &'a SharedVec<u32>,
}

impl DatabaseHistory {
    /// The name, as the newest backup spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The clock of this database's times; it knows no zone as soon as one row does not tell it.
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// All sets in the order in which they started.
    pub fn sets(&self) -> impl DoubleEndedIterator<Item = &BackupSet> {
        self.sets.iter()
    }

    /// The set at a place in that order.
    pub fn set(&self, index: usize) -> Option<&BackupSet> {
        self.sets.get(index)
    }

    /// The set with this uuid.
    pub fn set_by_uuid(&self, uuid: Uuid) -> Option<&BackupSet> {
        self.sets.get(self.index_of(uuid)?)
    }

    /// The place of the set with this uuid.
    pub fn index_of(&self, uuid: Uuid) -> Option<usize> {
        let wanted = uuid_key(uuid);
        let key_at = |idx: u32| self.sets.get(idx as usize).map(|s| uuid_key(s.uuid));
        let from = self
            .by_uuid
            .partition_point(|&idx| key_at(idx).is_some_and(|key| key < wanted));
        let indexed = self
            .by_uuid
            .iter()
            .skip(from)
            .take_while(|&&idx| key_at(idx) == Some(wanted))
            .map(|&idx| idx as usize)
            .find(|&idx| self.sets.get(idx).is_some_and(|s| s.uuid == uuid));
        indexed.or_else(|| {
            let tail = self.by_uuid.len();
            self.sets
                .iter_from(tail)
                .position(|s| s.uuid == uuid)
                .map(|n| tail + n)
        })
    }

    /// How many sets started before `instant`.
    pub fn started_before(&self, instant: UtcTime) -> usize {
        let second = ceil_second(instant);
        self.sets.partition_point(|set| set.start < second)
    }

    /// The sets of one kind; parts (files, filegroups) have no lane.
    pub fn lane(&self, kind: BackupType) -> Option<Lane<'_>> {
        let indices = match kind {
            BackupType::Full => &self.fulls,
            BackupType::Differential => &self.differentials,
            BackupType::Log => &self.logs,
            _ => return None,
        };
        Some(Lane {
            sets: &self.sets,
            indices,
        })
    }

    /// The greatest `backup_set_id` among its sets.
    pub fn newest_backup_set_id(&self) -> Option<i64> {
        self.newest_id
    }

    /// Restores over this database that ended with recovery, oldest first.
    pub fn restores(&self) -> &[Restore] {
        &self.restores
    }

    /// Marks in its log, oldest first.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    pub(super) fn object_events(&self) -> &[ObjectEvent] {
        &self.objects
    }

    /// The mark that a target means.
    pub fn mark(&self, target: MarkTarget) -> Option<&Mark> {
        let from = self
            .marks
            .partition_point(|mark| mark.at.instant < target.at.instant);
        self.marks
            .iter()
            .skip(from)
            .take_while(|mark| mark.at.instant == target.at.instant)
            .find(|mark| mark.lsn == target.lsn)
    }

    /// Log backups that hold the end of one recovery fork and the beginning of another.
    pub fn crossings(&self) -> impl Iterator<Item = &BackupSet> {
        self.crossings
            .iter()
            .filter_map(|&idx| self.sets.get(idx as usize))
    }

    /// Whether a lost set or file is one of this database.
    pub fn knows(&self, lost: &Lost) -> bool {
        match lost {
            Lost::Set(uuid) => self.index_of(*uuid).is_some(),
            Lost::File(path) => self
                .sets
                .iter()
                .any(|set| set.device_names().any(|name| same_path(name, path))),
        }
    }

    /// When the newest backup finished.
    pub fn newest_backup(&self) -> Option<Moment> {
        // Sets are ordered by start; a long full may finish after sets that started later.
        self.sets
            .iter()
            .rev()
            .filter(|set| !set.is_probe())
            .take(64)
            .map(BackupSet::finish)
            .max_by_key(|finish| finish.instant)
    }

    /// The sets as they were before they were put on an axis, to be put on another.
    pub(super) fn unplaced(&self) -> SharedVec<BackupSet> {
        let mut sets = self.sets.clone();
        if self.clock.knows_zone() {
            for set in sets.iter_mut() {
                let zone = if set.zone == UNKNOWN_ZONE {
                    set.start_offset
                } else {
                    set.zone
                };
                set.start += i64::from(zone) * 60;
            }
        }
        sets
    }

    fn past(&self) -> Past {
        Past {
            restores: self.restores.clone(),
            marks: self.marks.clone(),
            objects: self.objects.clone(),
        }
    }

    /// A database of which no backup is known, on a clock that keeps one offset: a service may restore it all the same.
    pub fn without_backups(name: &str, offset: crate::domain::UtcOffset) -> Self {
        let clock = Arc::new(ServerClock::fixed(offset));
        Self::indexed(
            name,
            clock,
            SharedVec::default(),
            Past::default(),
            &mut Notes::default(),
        )
    }

    pub(super) fn built(
        mut sets: SharedVec<BackupSet>,
        old: Option<&Self>,
        new: &Happened,
        place: &Place<'_>,
        notes: &mut Notes,
    ) -> Self {
        let name = name_of(sets.last());
        let zoned = sets.iter().all(|set| place.zone(set).is_some());
        let clock = if zoned {
            place.clock.clone()
        } else {
            if place.clock.knows_zone() {
                for set in sets.iter().filter(|set| place.zone(set).is_none()) {
                    let kind = HistoryNoteKind::UnknownZone;
                    notes.add(kind, Some(&name), || {
                        format!("backup_set_uuid {}", set.uuid)
                    });
                }
            }
            Arc::default()
        };
        for set in sets.iter_mut() {
            if zoned {
                place.on_instants(set, notes);
            } else {
                (set.start_offset, set.finish_offset) = (0, 0);
                if set.length_secs < 0 {
                    note_backwards(set, notes);
                    set.length_secs = 0;
                }
            }
        }
        let past = Past::merged(old.map(Self::past), new, &clock);
        Self::indexed(&name, clock, sets, past, notes)
    }

    /// From sets whose times are right, in any order, perhaps with duplicates; `name` is that of a database without any.
    fn indexed(
        name: &str,
        clock: Arc<ServerClock>,
        mut sets: SharedVec<BackupSet>,
        past: Past,
        notes: &mut Notes,
    ) -> Self {
        sets.sort_by_key(order_key);
        let name = sets
            .last()
            .map_or(name.to_owned(), |set| name_of(Some(set)));
        let mut by_uuid = uuid_order(&sets);
        let duplicates = duplicates(&sets, &by_uuid);
        if !duplicates.is_empty() {
            for &idx in &duplicates {
                if let Some(set) = sets.get(idx as usize) {
                    let kind = HistoryNoteKind::Duplicate;
                    notes.add(kind, Some(&name), || {
                        format!("backup_set_uuid {}", set.uuid)
                    });
                }
            }
            sets = sets
                .into_vec()
                .into_iter()
                .zip(0_u32..)
                .filter(|(_, idx)| !duplicates.contains(idx))
                .map(|(set, _)| set)
                .collect();
            by_uuid = uuid_order(&sets);
        }
        let device_hashes = overwrite::mark(&mut sets);
        let (mut fulls, mut differentials, mut logs) = (Vec::new(), Vec::new(), Vec::new());
        let mut crossings = Vec::new();
        let mut newest_id = None;
        // One pass for all that is known of each set by itself: reading a million of them is what takes the time.
        for (set, idx) in sets.iter_mut().zip(0_u32..) {
            set.trouble = set.trouble_without(&|_| false);
            if set.has(flag::OVERWRITTEN) {
                let kind = HistoryNoteKind::Overwritten;
                notes.add(kind, Some(&name), || {
                    format!("backup_set_uuid {}", set.uuid)
                });
            }
            match set.kind() {
                BackupType::Full => fulls.push(idx),
                BackupType::Differential => differentials.push(idx),
                BackupType::Log => logs.push(idx),
                _ => {}
            }
            if set.crosses() {
                crossings.push(idx);
            }
            newest_id = newest_id.max(set.backup_set_id());
        }
        let by_uuid = by_uuid.into_iter().map(|key| key as u32).collect();
        let Past {
            restores,
            marks,
            objects,
        } = past;
        let history = Self {
            name,
            clock,
            sets,
            fulls: fulls.into_iter().collect(),
            differentials: differentials.into_iter().collect(),
            logs: logs.into_iter().collect(),
            by_uuid: Arc::new(by_uuid),
            device_hashes: Arc::new(device_hashes),
            restores,
            marks,
            objects,
            crossings: Arc::new(crossings),
            newest_id,
            graphs: Graphs::default(),
        };
        history.graphs.prepare(&history);
        history
    }

    /// This database with more rows. Shares everything when they are newer than what is there.
    pub(super) fn grown(
        &self,
        mut new: Vec<BackupSet>,
        happened: &Happened,
        place: &Place<'_>,
        notes: &mut Notes,
    ) -> Self {
        const LONGEST_TAIL: usize = 4096;
        new.retain(|set| {
            let known = self.index_of(set.uuid).is_some();
            if known {
                let kind = HistoryNoteKind::Duplicate;
                notes.add(kind, Some(&self.name), || {
                    format!("backup_set_uuid {}", set.uuid)
                });
            }
            !known
        });
        let zoned = self.clock.knows_zone();
        let same_axis = new.iter().all(|set| place.zone(set).is_some()) == zoned || new.is_empty();
        let past = Past::merged(Some(self.past()), happened, &self.clock);
        let same_restores = *past.restores == *self.restores;
        if !same_axis {
            let all = self.unplaced().extended(new);
            return Self::built(all, Some(self), happened, place, notes);
        }
        for set in &mut new {
            if zoned {
                place.on_instants(set, notes);
            } else if set.length_secs < 0 {
                note_backwards(set, notes);
                set.length_secs = 0;
            }
            set.trouble = set.trouble_without(&|_| false);
        }
        new.sort_unstable_by_key(order_key);
        new.dedup_by_key(|set| set.uuid);
        let after_all = match (self.sets.last(), new.first()) {
            (Some(last), Some(first)) => order_key(last) < order_key(first),
            _ => true,
        };
        let tail = self.sets.len() - self.by_uuid.len() + new.len();
        let overwrites = overwrite::touches(&new, &self.device_hashes)
            || overwrite::touches_tail(&new, self.sets.iter_from(self.by_uuid.len()));
        if !after_all || overwrites || tail > LONGEST_TAIL {
            let all = self.sets.extended(new);
            return Self::indexed(&self.name, self.clock.clone(), all, past, notes);
        }
        let name = new
            .last()
            .and_then(|set| set.origin.database_name.clone())
            .unwrap_or_else(|| self.name.clone());
        let first_new = self.sets.len();
        let Past {
            restores,
            marks,
            objects,
        } = past;
        let mut grown = Self {
            name,
            clock: self.clock.clone(),
            sets: self.sets.clone(),
            fulls: self.fulls.clone(),
            differentials: self.differentials.clone(),
            logs: self.logs.clone(),
            by_uuid: self.by_uuid.clone(),
            device_hashes: self.device_hashes.clone(),
            restores,
            marks,
            objects,
            crossings: self.crossings.clone(),
            newest_id: self.newest_id,
            graphs: Graphs::default(),
        };
        for (set, idx) in new.into_iter().zip(first_new..) {
            let idx = u32::try_from(idx).unwrap_or(u32::MAX);
            match set.kind() {
                BackupType::Full => grown.fulls.push(idx),
                BackupType::Differential => grown.differentials.push(idx),
                BackupType::Log => grown.logs.push(idx),
                _ => {}
            }
            grown.newest_id = grown.newest_id.max(set.backup_set_id());
            if set.crosses() {
                Arc::make_mut(&mut grown.crossings).push(idx);
            }
            grown.sets.push(set);
        }
        if same_restores {
            grown.graphs.grow_from(&self.graphs, &grown, first_new);
        } else {
            grown.graphs.prepare(&grown);
        }
        grown
    }
}

impl<'a> Lane<'a> {
    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The set at a place in this lane.
    pub fn get(&self, position: usize) -> Option<&'a BackupSet> {
        self.sets.get(*self.indices.get(position)? as usize)
    }

    /// How many sets of this lane started before `instant`; the difference of two such numbers is the count between them.
    pub fn started_before(&self, instant: UtcTime) -> usize {
        let second = ceil_second(instant);
        self.indices.partition_point(|&idx| {
            self.sets
                .get(idx as usize)
                .is_some_and(|set| set.start < second)
        })
    }

    /// The sets from a place on.
    pub fn iter_from(&self, position: usize) -> impl Iterator<Item = &'a BackupSet> {
        let sets = self.sets;
        self.indices
            .iter_from(position)
            .filter_map(move |&idx| sets.get(idx as usize))
    }
}

/// Whether two paths of one server name the same file: Windows does not tell upper from lower case.
pub(super) fn same_path(a: &str, b: &str) -> bool {
    if a.starts_with('/') {
        a == b
    } else {
        a.len() == b.len() && (a == b || a.to_lowercase() == b.to_lowercase())
    }
}

fn ceil_second(instant: UtcTime) -> i64 {
    let whole = instant.0.timestamp();
    whole + i64::from(instant.0.timestamp_subsec_nanos() > 0)
}

fn order_key(set: &BackupSet) -> (i64, i64, Lsn, Uuid) {
    (set.start, set.finish_second(), set.last_lsn, set.uuid)
}

/// A number that few uuids share.
fn uuid_key(uuid: Uuid) -> u32 {
    let (high, low) = uuid.as_u64_pair();
    let mixed = (high ^ low.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}

fn name_of(set: Option<&BackupSet>) -> String {
    set.and_then(|set| set.origin.database_name.clone())
        .unwrap_or_default()
}

/// The key of each uuid, and the place of its set in the lower half; in order.
fn uuid_order(sets: &SharedVec<BackupSet>) -> Vec<u64> {
    let keys = sets.iter().zip(0_u32..);
    let mut keys: Vec<u64> = keys
        .map(|(set, idx)| (u64::from(uuid_key(set.uuid)) << 32) | u64::from(idx))
        .collect();
    keys.sort_unstable();
    keys
}

/// Places of sets that are reported a second time; the report that knows the devices stays.
fn duplicates(sets: &SharedVec<BackupSet>, by_uuid: &[u64]) -> BTreeSet<u32> {
    let mut duplicates = BTreeSet::new();
    let set_at = |idx: u32| sets.get(idx as usize);
    for group in by_uuid.chunk_by(|a, b| a >> 32 == b >> 32) {
        if group.len() < 2 {
            continue;
        }
        let mut kept: BTreeMap<Uuid, u32> = BTreeMap::new();
        for &key in group {
            let idx = key as u32;
            let Some(set) = set_at(idx) else { continue };
            match kept.get(&set.uuid).copied() {
                None => {
                    kept.insert(set.uuid, idx);
                }
                Some(other) => {
                    let knows =
                        |idx| set_at(idx).is_some_and(|s| s.device_names().next().is_some());
                    if knows(idx) && !knows(other) {
                        kept.insert(set.uuid, idx);
                        duplicates.insert(other);
                    } else {
                        duplicates.insert(idx);
                    }
                }
            }
        }
    }
    duplicates
}
