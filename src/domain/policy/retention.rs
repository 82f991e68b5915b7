//! Which files of a policy may go, and why the others stay: retention that never cuts a chain.
//!
//! A file may go only when the policy wrote every set in it, all of them ended before the recovery window,
//! no moment inside the window that can be reached today needs it, and the newest fulls keep their logs.
//!
//! Age alone decides nothing: the full before the window is what the window's first moments rest on.
//!
//! ```text
//!   full ─ log ─ log ─ diff ─ log ─ log ┃ log ─ log ─ full ─ log      ┃ begin of the recovery window
//!   stays   may go     stays   stays    ┃          stay
//! ```

use super::{Policy, PolicyId};
use crate::domain::{
    BackupSet, BackupType, Coverage, DatabaseHistory, Limits, Lost, Moment, RestoreRequest, Target,
    Trouble, UtcTime, plan,
};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Every file with a set of the policy, oldest first, each with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionList {
    /// Of which database.
    pub database: String,
    /// Where the recovery window begins.
    pub window_from: Moment,
    /// The files.
    pub files: Vec<RetentionFile>,
    /// What the reachable moments of the window rest on, by path: looked at before anything is deleted.
    pub foundations: Vec<String>,
}

/// One backup file and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionFile {
    /// As the server sees it.
    pub path: String,
    /// Every set that the history knows in it.
    pub sets: Vec<Uuid>,
    /// Of the first set.
    pub kind: BackupType,
    /// When its newest set finished.
    pub finished: Moment,
    /// `None` when a size is unknown.
    pub bytes: Option<u64>,
    /// Why it stays; `None` when it may go.
    pub keep: Option<Keep>,
}

/// Why a file stays.
#[derive(Clone, Debug, PartialEq)]
pub enum Keep {
    /// One of its sets finished inside the recovery window.
    InsideWindow,
    /// A moment inside the window can be reached with it and not without it.
    NeededFor(Moment),
    /// It belongs to the newest fulls, so many of which always stay with what follows them.
    NewestFulls,
    /// It holds a set that the policy did not write.
    NotOnlyOurs,
    /// One of its sets lies in other files as well.
    Striped,
}

impl RetentionList {
    /// The files that may go.
    pub fn removable(&self) -> impl Iterator<Item = &RetentionFile> {
        self.files.iter().filter(|file| file.keep.is_none())
    }

    /// Bytes that would be freed; files of unknown size are not in it.
    pub fn removable_bytes(&self) -> u64 {
        self.removable().filter_map(|file| file.bytes).sum()
    }
}

/// Judges every file that a policy wrote for one database. `now` is an instant on the server's clock.
pub fn retention(history: &DatabaseHistory, policy: &Policy, now: UtcTime) -> RetentionList {
    let id = policy.id();
    let days = i64::from(policy.retention.window_days.get());
    let from = now.plus(-TimeDelta::days(days));
    let mut files = files_of(history, &id);
    for file in &mut files {
        if file.keep.is_none() && file.finished.instant >= from {
            file.keep = Some(Keep::InsideWindow);
        }
    }
    keep_newest_fulls(&mut files, history, &id, policy);
    let foundations = keep_what_is_needed(&mut files, history, from);
    files.sort_by(|a, b| (a.finished, &a.path).cmp(&(b.finished, &b.path)));
    RetentionList {
        database: history.name().to_owned(),
        window_from: history.clock().moment_at(from),
        files,
        foundations,
    }
}

/// Whether an earlier deletion took its file.
fn is_deleted(set: &BackupSet) -> bool {
    matches!(set.trouble(), Some(Trouble::Deleted { .. }))
}

/// The files that hold a set of the policy, with what else the history knows to be in them.
fn files_of(history: &DatabaseHistory, id: &PolicyId) -> Vec<RetentionFile> {
    let mut by_path: BTreeMap<String, (RetentionFile, bool)> = BTreeMap::new();
    for set in history.sets().filter(|set| !is_deleted(set)) {
        let ours = set
            .name
            .as_deref()
            .and_then(PolicyId::of_set)
            .is_some_and(|(of, _)| of == *id);
        let names: Vec<&str> = set.device_names().collect();
        for name in &names {
            // Windows does not tell upper from lower case; a server on Linux does, and keeps both apart.
            let key = if name.starts_with('/') {
                (*name).to_owned()
            } else {
                name.to_lowercase()
            };
            let (file, has_ours) = by_path.entry(key).or_insert_with(|| {
                let file = RetentionFile {
                    path: (*name).to_owned(),
                    sets: Vec::new(),
                    kind: set.kind(),
                    finished: set.finish(),
                    bytes: Some(0),
                    keep: None,
                };
                (file, false)
            });
            file.sets.push(set.uuid);
            file.finished = file.finished.max(set.finish());
            file.bytes = file.bytes.zip(set.bytes()).map(|(a, b)| a + b);
            if !ours {
                file.keep = Some(Keep::NotOnlyOurs);
            } else if names.len() > 1 && file.keep.is_none() {
                file.keep = Some(Keep::Striped);
            }
            *has_ours |= ours;
        }
    }
    by_path
        .into_values()
        .filter(|(_, has_ours)| *has_ours)
        .map(|(file, _)| file)
        .collect()
}

/// The newest fulls stay, and everything from the oldest of them on; when there are fewer, everything stays.
fn keep_newest_fulls(
    files: &mut [RetentionFile],
    history: &DatabaseHistory,
    id: &PolicyId,
    policy: &Policy,
) {
    let least = usize::try_from(policy.retention.least_fulls.get()).unwrap_or(usize::MAX);
    let oldest = history
        .sets()
        .rev()
        .filter(|set| set.kind() == BackupType::Full && set.trouble().is_none())
        .filter(|set| {
            let of = set.name.as_deref().and_then(PolicyId::of_set);
            of.is_some_and(|(of, _)| of == *id)
        })
        .nth(least.saturating_sub(1))
        .map(|set| set.start().instant);
    for file in files.iter_mut().filter(|file| file.keep.is_none()) {
        if oldest.is_none_or(|oldest| file.finished.instant >= oldest) {
            file.keep = Some(Keep::NewestFulls);
        }
    }
}

/// Asks the planner what the window's moments rest on, until taking the rest away changes nothing.
///
/// Answers the paths of those files, ours or not, that lie before the window.
fn keep_what_is_needed(
    files: &mut [RetentionFile],
    history: &DatabaseHistory,
    from: UtcTime,
) -> Vec<String> {
    let all = Reach::of(&history.coverage(&Limits::default()), from);
    let mut foundations: BTreeSet<String> = BTreeSet::new();
    let mut needed: BTreeMap<usize, Moment> = BTreeMap::new();
    let candidates: Vec<usize> = files
        .iter()
        .enumerate()
        .filter(|(_, file)| file.keep.is_none())
        .map(|(idx, _)| idx)
        .collect();
    let of_set: BTreeMap<Uuid, usize> = candidates
        .iter()
        .filter_map(|&idx| Some((idx, files.get(idx)?)))
        .flat_map(|(idx, file)| file.sets.iter().map(move |set| (*set, idx)))
        .collect();
    let reach_without = |gone: &dyn Fn(usize) -> bool| {
        let without = of_set
            .iter()
            .filter(|(_, idx)| gone(**idx))
            .map(|(set, _)| Lost::Set(*set))
            .collect();
        let limits = Limits {
            without,
            ..Limits::default()
        };
        Reach::of(&history.coverage(&limits), from)
    };
    loop {
        let left = reach_without(&|idx| !needed.contains_key(&idx));
        let Some(lost) = all.first_missing(&left) else {
            break;
        };
        let moment = history.clock().moment_at(lost);
        let before = needed.len();
        if let Ok(plan) = plan(history, &RestoreRequest::to(Target::At(moment))) {
            for step in &plan.steps {
                if let Some(idx) = of_set.get(&step.backup_set_uuid) {
                    needed.entry(*idx).or_insert(moment);
                }
                if step.finish < history.clock().server_time(from) {
                    foundations.extend(step.devices.iter().map(|device| device.name().to_owned()));
                }
            }
        }
        if needed.len() == before {
            // What is lost cannot be explained, so nothing may go.
            needed.extend(candidates.iter().map(|idx| (*idx, moment)));
            break;
        }
    }
    // The first way that was found to a moment may have taken more than all moments together need.
    for idx in needed.keys().copied().collect::<Vec<_>>() {
        let left = reach_without(&|other| other == idx || !needed.contains_key(&other));
        if all.first_missing(&left).is_none() {
            needed.remove(&idx);
        }
    }
    for (idx, moment) in needed {
        if let Some(file) = files.get_mut(idx) {
            foundations.insert(file.path.clone());
            file.keep = Some(Keep::NeededFor(moment));
        }
    }
    let gone: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.keep.is_none())
        .map(|file| file.path.as_str())
        .collect();
    foundations
        .into_iter()
        .filter(|path| !gone.contains(path.as_str()))
        .collect()
}

/// The reachable moments from the begin of the window on, as closed spans in order, and whether a tail can follow.
#[derive(Clone, Debug, PartialEq)]
struct Reach {
    spans: Vec<(UtcTime, UtcTime)>,
    tail: Option<UtcTime>,
}

impl Reach {
    fn of(coverage: &Coverage, from: UtcTime) -> Self {
        Self {
            spans: coverage
                .windows
                .iter()
                .filter(|window| window.to.instant >= from)
                .map(|window| (window.from.instant.max(from), window.to.instant))
                .collect(),
            tail: coverage.tail.map(|tail| tail.instant),
        }
    }

    /// A moment that can be reached here and not in `other`; the end of the last span stands for a lost tail.
    fn first_missing(&self, other: &Self) -> Option<UtcTime> {
        for &(begin, end) in &self.spans {
            let mut at = begin;
            while at <= end {
                let Some(&(_, until)) = other.spans.iter().find(|(b, e)| *b <= at && at <= *e)
                else {
                    return Some(at);
                };
                if until >= end {
                    break;
                }
                // A moment right behind the shorter span, as far as a clock of whole seconds tells.
                at = until.plus(TimeDelta::seconds(1)).min(end);
            }
        }
        if self.tail.is_some() && other.tail.is_none() {
            return self.spans.last().map(|(_, end)| *end);
        }
        None
    }
}
