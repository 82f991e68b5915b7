//! Retention against generated pasts: nothing that can be reached is lost, and nothing stays without a reason.

use crate::model::Model;
use chrono::TimeDelta;
use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc};
use stopat::domain::{
    BackupType, DatabaseHistory, Deleting, History, HistoryRecords, Keep, Limits, Lost, Policy,
    PolicyDatabases, PolicyId, PolicyKind, PolicyOptions, Retention, RetentionList, Severity,
    UtcTime, check, plan, retention,
};
use stopat::domain::{RestoreRequest, Target};

fn policy(window_days: u32, least_fulls: u32) -> Policy {
    Policy {
        databases: PolicyDatabases::One("Toy".to_owned()),
        backups: Vec::new(),
        share: r"D:\b".to_owned(),
        options: PolicyOptions {
            compression: true,
            checksum: true,
        },
        notify: stopat::domain::Notify::default(),
        retention: Retention {
            window_days: NonZeroU32::new(window_days).expect("not zero"),
            least_fulls: NonZeroU32::new(least_fulls).expect("not zero"),
            deleting: Deleting::WhenAsked,
        },
        objective: None,
    }
}

/// A past in which the policy wrote most regular backups, and somebody else some.
fn records(seed: u64, n_steps: usize) -> HistoryRecords {
    let mut model = Model::new(seed);
    model.live_on(n_steps);
    model.lose_some();
    let mut records = model.records();
    let mut rng = fastrand::Rng::with_seed(seed ^ 0xbeef);
    let id = PolicyId::of(&PolicyDatabases::One("Toy".to_owned()));
    let mut shared = None;
    for row in &mut records.backup_sets {
        let kind = match row.backup_type.as_deref() {
            Some("D") => PolicyKind::Full,
            Some("I") => PolicyKind::Differential,
            _ => PolicyKind::Log,
        };
        if row.is_copy_only != Some(true) && rng.u8(0..10) > 0 {
            row.name = Some(id.set_name(kind));
        }
        // Now and then somebody appends to a file that is there.
        let file = row.media_files.first_mut();
        match (rng.u8(0..20), file, &shared) {
            (0, Some(file), Some((path, media_set_id, position))) => {
                file.physical_device_name = Some(String::clone(path));
                row.media_set_id = *media_set_id;
                row.position = Some(position + 1);
                shared = None;
            }
            (_, Some(file), _) => {
                shared = file
                    .physical_device_name
                    .clone()
                    .map(|path| (path, row.media_set_id, row.position.unwrap_or(1)));
            }
            _ => {}
        }
    }
    records
}

/// Reachable moments from the begin of the window on, as closed spans.
fn reach(history: &DatabaseHistory, from: UtcTime, without: Vec<Lost>) -> Vec<(UtcTime, UtcTime)> {
    let limits = Limits {
        without,
        ..Limits::default()
    };
    history
        .coverage(&limits)
        .windows
        .iter()
        .filter(|window| window.to.instant >= from)
        .map(|window| (window.from.instant.max(from), window.to.instant))
        .collect()
}

fn lost(list: &RetentionList, more: &[&str]) -> Vec<Lost> {
    list.files
        .iter()
        .filter(|file| file.keep.is_none() || more.contains(&file.path.as_str()))
        .flat_map(|file| file.sets.iter().copied().map(Lost::Set))
        .collect()
}

struct Case {
    seed: u64,
    history: Arc<DatabaseHistory>,
    policy: Policy,
    now: UtcTime,
    list: RetentionList,
}

/// Pasts are hours long, so `now` lies up to the window's length after their end: the window begins anywhere in them.
fn cases(n: u64) -> impl Iterator<Item = Case> {
    (0..n).filter_map(|seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (history, _) = History::from_records(records(seed, rng.usize(10..60)));
        let history = history.database("Toy")?;
        let first = history.sets().next()?.start().instant;
        let last = history.newest_backup()?.instant;
        let policy = policy(1, rng.u32(1..4));
        let span = (last.0 - first.0).num_seconds().max(1);
        let now = first.plus(TimeDelta::days(1) + TimeDelta::seconds(rng.i64(0..=span + 600)));
        let list = retention(&history, &policy, now);
        Some(Case {
            seed,
            history,
            policy,
            now,
            list,
        })
    })
}

#[test]
fn no_removable_list_makes_a_moment_of_the_window_unreachable() {
    let mut n_removed = 0;
    for case in cases(1_500) {
        let from = case.now.plus(-TimeDelta::days(1));
        let before = reach(&case.history, from, Vec::new());
        let after = reach(&case.history, from, lost(&case.list, &[]));
        let n = case.list.removable().count();
        n_removed += n;
        for &(begin, end) in &before {
            let kept = after.iter().any(|(b, e)| *b <= begin && end <= *e);
            assert!(
                kept,
                "seed {}: {begin:?} to {end:?} of {before:?}\nleft {after:?}",
                case.seed
            );
        }
    }
    assert!(n_removed > 2_000, "only {n_removed} files could go");
}

#[test]
fn plans_of_the_window_are_as_good_without_what_went() {
    for case in cases(300) {
        let from = case.now.plus(-TimeDelta::days(1));
        let without = lost(&case.list, &[]);
        for (begin, end) in reach(&case.history, from, Vec::new()) {
            for instant in [begin, end] {
                let mut request =
                    RestoreRequest::to(Target::At(case.history.clock().moment_at(instant)));
                let whole = plan(&case.history, &request).is_ok();
                request.without.clone_from(&without);
                match plan(&case.history, &request) {
                    Ok(plan) => {
                        let findings = check(&plan, &case.history);
                        let wrong: Vec<_> = findings
                            .iter()
                            .filter(|finding| finding.severity == Severity::Error)
                            .collect();
                        assert!(wrong.is_empty(), "seed {}: {wrong:?}", case.seed);
                    }
                    Err(refusal) => assert!(!whole, "seed {}: {refusal:?}", case.seed),
                }
            }
        }
    }
}

#[test]
fn what_stays_is_minimal() {
    let mut n_needed = 0;
    for case in cases(1_000) {
        let from = case.now.plus(-TimeDelta::days(1));
        let left = reach(&case.history, from, lost(&case.list, &[]));
        let tail = |without: Vec<Lost>| {
            let limits = Limits {
                without,
                ..Limits::default()
            };
            case.history.coverage(&limits).tail.is_some()
        };
        for file in &case.list.files {
            match &file.keep {
                None => {
                    assert!(file.finished.instant < from, "seed {}", case.seed);
                }
                Some(Keep::InsideWindow) => {
                    assert!(file.finished.instant >= from, "seed {}", case.seed);
                }
                Some(Keep::NeededFor(_)) => {
                    n_needed += 1;
                    let more = lost(&case.list, &[&file.path]);
                    let less = reach(&case.history, from, more.clone());
                    assert!(
                        less != left || !tail(more),
                        "seed {}: {} stays for nothing",
                        case.seed,
                        file.path
                    );
                }
                Some(Keep::NewestFulls | Keep::NotOnlyOurs | Keep::Striped) => {}
            }
        }
    }
    assert!(n_needed > 100, "only {n_needed} files were needed");
}

#[test]
fn the_newest_fulls_keep_their_logs_and_others_files_are_not_touched() {
    for case in cases(600) {
        let id = case.policy.id();
        let ours = |set: &stopat::domain::BackupSet| {
            set.name
                .as_deref()
                .and_then(PolicyId::of_set)
                .is_some_and(|(of, _)| of == id)
        };
        let gone: BTreeSet<_> = case.list.removable().flat_map(|file| &file.sets).collect();
        let fulls: Vec<_> = case
            .history
            .sets()
            .filter(|set| set.kind() == BackupType::Full && ours(set) && set.trouble().is_none())
            .collect();
        let least = case.policy.retention.least_fulls.get() as usize;
        let newest = &fulls[fulls.len().saturating_sub(least)..];
        assert!(
            newest.iter().all(|set| !gone.contains(&set.uuid)),
            "seed {}",
            case.seed
        );
        if let Some(oldest) = newest.first() {
            for set in case.history.sets() {
                if set.start().instant >= oldest.start().instant {
                    assert!(!gone.contains(&set.uuid), "seed {}", case.seed);
                }
            }
        }
        if fulls.len() < least {
            assert!(gone.is_empty(), "seed {}", case.seed);
        }
        for set in case.history.sets().filter(|set| gone.contains(&set.uuid)) {
            assert!(ours(set), "seed {}: {:?}", case.seed, set.name);
        }
    }
}
