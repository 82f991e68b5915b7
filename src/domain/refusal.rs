//! Why a moment cannot be reached, what is at fault, and where the nearest reachable moments are.

use super::{
    BackupSet, DatabaseHistory, Moment, Refusal, RefusalKind, ServerTime, Target, Trouble, Usage,
    clock::from_seconds,
    graph::{Chain, Exclusion, Graph, Strictness, holds_until},
};
use std::cmp::Reverse;
use uuid::Uuid;

/// The reason for a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Why {
    pub kind: RefusalKind,
    pub culprit: Option<Uuid>,
}

impl Why {
    fn plain(kind: RefusalKind) -> Self {
        Self {
            kind,
            culprit: None,
        }
    }
}

/// The refusal of a target at `moment`, which no way leads to.
pub(super) fn refuse(history: &DatabaseHistory, graph: &Graph, moment: Moment) -> Refusal {
    let millis = moment.instant.0.timestamp_millis();
    let spans = graph.spans();
    let why = why(history, graph, &spans, millis);
    let (before, after) = nearest(&spans, millis);
    let at = |second: i64| history.clock().moment_at(from_seconds(second));
    let gap = before.zip(after).map(|(from, to)| {
        let server = |second| -> ServerTime { at(second).server };
        (server(from), server(to))
    });
    Refusal {
        kind: why.kind,
        target: Target::At(moment),
        goes_on: graph.started.is_some(),
        culprit: why.culprit,
        gap,
        nearest_before: before.map(at),
        nearest_after: after.map(at),
        tail: None,
        notes: Vec::new(),
    }
}

/// The closest reachable seconds at or before a moment, and at or after it.
fn nearest(spans: &[(i64, i64)], millis: i64) -> (Option<i64>, Option<i64>) {
    let n_begun = spans.partition_point(|&(from, _)| from * 1000 <= millis);
    let begun = n_begun.checked_sub(1).and_then(|n| spans.get(n)).copied();
    let next = spans.get(n_begun).map(|&(from, _)| from);
    match begun {
        // Inside a window and yet refused: within the second after a backup finished (rule 15).
        Some((_, to)) if millis < to * 1000 => {
            let second = millis.div_euclid(1000);
            (Some(second), Some(second + 1))
        }
        Some((_, to)) => (Some(to), next),
        None => (None, next),
    }
}

/// What a moment that nothing reaches is due to; `spans` are those of the graph.
pub(super) fn why(
    history: &DatabaseHistory,
    graph: &Graph,
    spans: &[(i64, i64)],
    millis: i64,
) -> Why {
    if graph.bases.is_empty() {
        return without_any_base(history, graph);
    }
    // A database that is gone on with stands behind the moment already, or within the second that cannot be told (rule 15).
    if let Some(started) = &graph.started
        && millis < (started.stand.second + 1) * 1000
    {
        return Why::plain(RefusalKind::BeforeFirstBackup);
    }
    let ideal = ideal_of(history, graph);
    if let Some(ideal) = &ideal
        && let Some(found) = ideal.find_at(history, millis)
        && let Some(why) = first_trouble(history, graph, &found.chosen().0.sets)
    {
        return why;
    }
    if let Some(culprit) = bulk_logged_at(history, graph, millis) {
        return Why {
            kind: RefusalKind::BulkLogged,
            culprit: Some(culprit),
        };
    }
    let n_begun = spans.partition_point(|&(from, _)| from * 1000 <= millis);
    // Within the second after a backup finished (rule 15) a moment belongs to what lies before its window.
    let n_before = match n_begun.checked_sub(1).and_then(|n| spans.get(n)) {
        Some(&(_, to)) if millis < to * 1000 => n_begun - 1,
        _ => n_begun,
    };
    let before = n_before.checked_sub(1).and_then(|n| spans.get(n));
    let after = spans.get(n_before);
    match (before, after) {
        (None, _) => Why::plain(RefusalKind::BeforeFirstBackup),
        (Some(&(_, end)), None) => after_everything(history, graph, ideal.as_deref(), end, millis),
        (Some(&(_, end)), Some(&(next, _))) => between(history, graph, end, next, millis),
    }
}

/// The last second that the sets reach on the newest branch, when a log backup taken now would go on from there.
pub(super) fn tail_from(history: &DatabaseHistory, graph: &Graph) -> Option<i64> {
    if graph.limits.logs == Usage::Ignore {
        return None;
    }
    let (_, until) = graph.find_latest(history)?;
    let ideal = ideal_of(history, graph);
    let why = after_everything(history, graph, ideal.as_deref(), until, i64::MAX);
    (why.kind == RefusalKind::AfterLastLog).then_some(until)
}

fn without_any_base(history: &DatabaseHistory, graph: &Graph) -> Why {
    let troubled = history
        .sets()
        .filter(|set| matches!(set.role, super::Role::Full(_)))
        .find_map(|set| match graph.exclusion(set) {
            Some(Exclusion::Trouble(trouble)) => Some((set, trouble)),
            _ => None,
        });
    match troubled {
        Some((set, trouble)) => Why {
            kind: kind_of(trouble),
            culprit: Some(set.uuid),
        },
        None => Why::plain(RefusalKind::NoBackups),
    }
}

/// The same history as if nothing were damaged, missing or lost; `None` when nothing is.
fn ideal_of(history: &DatabaseHistory, graph: &Graph) -> Option<std::sync::Arc<Graph>> {
    let any = graph.strictness == Strictness::Real && graph.has_trouble;
    any.then(|| {
        history
            .graphs
            .get(history, &graph.limits, Strictness::Ideal)
    })
}

fn first_trouble(history: &DatabaseHistory, graph: &Graph, sets: &[u32]) -> Option<Why> {
    sets.iter().find_map(|&idx| {
        let set = history.set(idx as usize)?;
        match graph.exclusion(set) {
            Some(Exclusion::Trouble(trouble)) => Some(Why {
                kind: kind_of(trouble),
                culprit: Some(set.uuid),
            }),
            _ => None,
        }
    })
}

fn kind_of(trouble: Trouble) -> RefusalKind {
    match trouble {
        Trouble::Damaged => RefusalKind::Damaged,
        Trouble::Snapshot | Trouble::VirtualDevice => RefusalKind::VirtualDevice,
        Trouble::WrittenToNul
        | Trouble::StripeMissing(_)
        | Trouble::Overwritten
        | Trouble::Deleted { .. }
        | Trouble::TreatedAsLost => RefusalKind::MissingMedia,
        Trouble::NoLsn => RefusalKind::LogGap,
    }
}

/// The log with bulk-logged work inside which a moment lies, when nothing but that prevents a stop there.
fn bulk_logged_at(history: &DatabaseHistory, graph: &Graph, millis: i64) -> Option<Uuid> {
    graph.chains.iter().enumerate().find_map(|(n, chain)| {
        let at = chain
            .bulks
            .partition_point(|&(finish, _)| finish * 1000 < millis);
        let &(_, index) = chain.bulks.get(at)?;
        let node = chain.logs.get(index as usize)?;
        let set = history.set(node.set as usize)?;
        let lower = graph
            .ways_into(history, n, set)
            .into_iter()
            .map(|way| way.lower)
            .min()?;
        (lower * 1000 <= millis).then_some(set.uuid)
    })
}

fn after_everything(
    history: &DatabaseHistory,
    graph: &Graph,
    ideal: Option<&Graph>,
    end: i64,
    millis: i64,
) -> Why {
    let redo_after = |sets: &[u32]| {
        let last = sets.last().and_then(|&idx| history.set(idx as usize));
        last.map(|set| set.last_lsn)
    };
    if let Some((found, ideal_end)) = ideal.and_then(|ideal| ideal.find_latest(history))
        && let real_redo = graph
            .find_latest(history)
            .and_then(|(found, _)| redo_after(&found.chosen().0.sets))
        // A lost log may hold more within the same second.
        && (ideal_end > end || redo_after(&found.chosen().0.sets) > real_redo)
        && let Some(why) = first_trouble(history, graph, &found.chosen().0.sets)
    {
        return why;
    }
    // A log after the last reachable moment that nothing leads to: the chain is broken, and a new log would not help.
    let stranded = graph
        .chains
        .iter()
        .filter_map(|chain| stranded_log(history, chain, end - 1).map(|set| (chain, set)))
        .min_by_key(|(_, set)| set.start);
    if let Some((chain, set)) = stranded {
        let elsewhere = graph
            .chains
            .iter()
            .any(|other| other.fork != chain.fork && other.spans.last() == Some(end));
        return Why {
            kind: if elsewhere {
                RefusalKind::RecoveryFork
            } else {
                RefusalKind::LogGap
            },
            culprit: Some(set.uuid),
        };
    }
    if graph
        .chains
        .iter()
        .any(|chain| empty_log_beyond(history, chain))
    {
        return Why::plain(RefusalKind::LogGap);
    }
    if is_simple_at(history, graph, millis) {
        return Why::plain(RefusalKind::SimpleRecovery);
    }
    // Restored over since: the log goes on from another state than the one that the backups lead to.
    let restored_since = history
        .restores()
        .iter()
        .any(|restore| restore.at.instant.0.timestamp() > end);
    if restored_since {
        return Why::plain(RefusalKind::RecoveryFork);
    }
    Why::plain(RefusalKind::AfterLastLog)
}

fn between(history: &DatabaseHistory, graph: &Graph, end: i64, next: i64, millis: i64) -> Why {
    let ends_here = |chain: &&Chain| chain.spans.iter().any(|(_, to)| to == end);
    let begins_here = |chain: &&Chain| chain.spans.iter().any(|(from, _)| from == next);
    let old: Vec<&Chain> = graph.chains.iter().filter(ends_here).collect();
    let new: Vec<&Chain> = graph.chains.iter().filter(begins_here).collect();
    let same_fork = old.iter().any(|a| new.iter().any(|b| a.fork == b.fork));
    let same_family = old.iter().any(|a| {
        new.iter()
            .any(|b| a.family == b.family || a.family.is_none())
    });
    if !same_fork && same_family {
        // The log that crosses is the next way in, and what it does not tell is at fault.
        let culprit = new
            .iter()
            .flat_map(|chain| chain.logs.iter())
            .filter_map(|node| history.set(node.set as usize))
            .find(|set| holds_until(set) >= next);
        return Why {
            kind: RefusalKind::RecoveryFork,
            culprit: culprit.map(|set| set.uuid),
        };
    }
    if is_simple_at(history, graph, millis) {
        return Why::plain(RefusalKind::SimpleRecovery);
    }
    // Where nothing but data backups came since, a log backup taken now most likely holds what lies between. The rows do
    // not prove it: a database that was in the simple model for a moment begins its log anew with the next data backup.
    // So nobody is put out for it: the log is backed up first, and then planned with.
    let culprit = old
        .iter()
        .filter_map(|chain| stranded_log(history, chain, end))
        .filter(|set| set.start < next)
        .min_by_key(|set| set.start);
    Why {
        kind: RefusalKind::LogGap,
        culprit: culprit.map(|set| set.uuid),
    }
}

/// Whether a log that holds nothing lies beyond all that the chain has: what came before it is missing.
fn empty_log_beyond(history: &DatabaseHistory, chain: &Chain) -> bool {
    let Some(&(empty, _)) = chain.empties.last() else {
        return false;
    };
    let last_log = chain
        .logs
        .last()
        .and_then(|node| history.set(node.set as usize))
        .map(|set| set.last_lsn);
    let last_base = chain.by_redo.last().map(|&(redo, _)| redo);
    last_log.max(last_base) < Some(empty)
}

/// The first log of a chain after a moment that no way leads to.
fn stranded_log<'h>(
    history: &'h DatabaseHistory,
    chain: &Chain,
    after: i64,
) -> Option<&'h BackupSet> {
    let set_of = |set: u32| history.set(set as usize);
    let from = chain
        .logs
        .partition_point(|node| set_of(node.set).is_some_and(|set| set.start <= after));
    chain
        .logs
        .iter_from(from)
        .find(|node| !node.best.exists())
        .and_then(|node| set_of(node.set))
}

/// Whether the database was in the simple model then, as the newest backup before shows.
fn is_simple_at(history: &DatabaseHistory, graph: &Graph, millis: i64) -> bool {
    let instant = from_seconds(millis.div_euclid(1000).min(i64::from(u32::MAX) * 4));
    let begun = history.started_before(instant);
    let newest = (begun.saturating_sub(64)..begun)
        .filter_map(|idx| history.set(idx))
        .filter(|set| {
            !matches!(
                graph.exclusion(set),
                Some(Exclusion::OtherServer | Exclusion::Part | Exclusion::Probe)
            )
        })
        .max_by_key(|set| (set.start, Reverse(set.uuid)));
    newest
        .and_then(|set| set.origin.recovery_model.as_deref())
        .is_some_and(|model| model.trim().eq_ignore_ascii_case("SIMPLE"))
}
