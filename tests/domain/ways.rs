//! Several ways, other costs, going on, marks, and what hurts most: each against the model of the server.

use crate::{
    properties::{every_sequence, judge_landing, n_cases, request, targets, world},
    support::{planned, told},
};
use std::collections::BTreeMap;
use stopat::domain::{
    BackupSet, BackupType, Cost, CostDifference, CostModel, DatabaseHistory, EstimateBasis, Limits,
    Lost, MarkStop, RefusalKind, RestorePlan, RestoreRequest, RestoreSpeeds, RestoringState,
    SetRole, Start, Target, UseReason, alternatives, check, is_proved, plan, price, prices,
    role_of,
};
use uuid::Uuid;

fn speeds() -> CostModel {
    CostModel::Time(RestoreSpeeds {
        full_bytes_per_second: 200_000_000,
        differential_bytes_per_second: 100_000_000,
        log_bytes_per_second: 20_000_000,
        millis_per_set: 700,
        recovery_millis: 2500,
        least_percent: 80,
        most_percent: 130,
    })
}

/// The three best ways begin with different backups, land on the same content, and nothing cheaper is left out.
#[test]
fn the_three_best_plans_differ_and_all_land_right() {
    let (mut n_compared, mut n_several, mut seed) = (0_u64, 0_u64, 2_000_000);
    while n_compared < n_cases() / 40 {
        seed += 1;
        let world = world(seed, 14);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        for millis in targets(&world, 4) {
            let request = request(&history, millis);
            let about = format!("world {seed}, {}", stopat_time(millis));
            let ways = alternatives(&history, &request, 3);
            let chosen = plan(&history, &request).ok();
            assert_eq!(
                ways.first().map(|way| &way.plan),
                chosen.as_ref(),
                "{about}"
            );
            let (Some(first), Target::At(moment)) = (ways.first(), request.target) else {
                continue;
            };
            n_compared += 1;
            let mut bases = Vec::new();
            for way in &ways {
                let findings = check(&way.plan, &history);
                assert!(is_proved(&findings), "{about}: {findings:?}");
                judge_landing(&world, &history, &way.plan, millis);
                assert!(!bases.contains(&way.base), "{about}: twice the same base");
                bases.push(way.base);
                // The first one may be conventional rather than the cheapest of its base.
                let Some(difference) = way.difference else {
                    continue;
                };
                let pinned = RestoreRequest {
                    base: Some(way.base),
                    ..request.clone()
                };
                let again = planned(&history, &pinned).expect("the way was there a moment ago");
                assert_eq!(again.steps, way.plan.steps, "{about}: chosen again");
                let cost = |plan: &RestorePlan| match plan.price.cost {
                    Cost::Bytes(bytes) => bytes,
                    Cost::Millis(_) => unreachable!("nothing was measured"),
                };
                let (chosen, here) = (cost(&first.plan), cost(&way.plan));
                let expected = if here <= chosen {
                    CostDifference::Saves(Cost::Bytes(chosen - here))
                } else {
                    CostDifference::Adds(Cost::Bytes(here - chosen))
                };
                assert_eq!(difference.cost, expected, "{about}");
            }
            let Some(all) = every_sequence(&history, moment) else {
                continue;
            };
            let cheapest = cheapest_of_each_base(&history, &all);
            n_several += u64::from(cheapest.len() > 1);
            for way in ways.iter().skip(1) {
                let key = base_of(&way.plan);
                let Cost::Bytes(cost) = way.plan.price.cost else {
                    continue;
                };
                if let Some(&least) = cheapest.get(&key) {
                    assert_eq!(
                        cost,
                        least,
                        "{about}: a dearer way\n{}",
                        told(&history, Some(&way.plan))
                    );
                }
            }
            assert!(
                ways.len() >= cheapest.len().min(3),
                "{about}: {} ways of {cheapest:?}\n{}",
                ways.len(),
                told(&history, Some(&first.plan))
            );
        }
    }
    eprintln!("{n_compared} compared, {n_several} with several bases");
    assert!(n_several > n_compared / 20, "{n_several} of {n_compared}");
}

fn stopat_time(millis: i64) -> String {
    crate::model::server_time(millis).to_string()
}

fn base_of(plan: &RestorePlan) -> Vec<Uuid> {
    plan.steps
        .iter()
        .filter(|step| step.backup_type != BackupType::Log)
        .map(|step| step.backup_set_uuid)
        .collect()
}

fn cheapest_of_each_base(
    history: &DatabaseHistory,
    all: &BTreeMap<Vec<usize>, u64>,
) -> BTreeMap<Vec<Uuid>, u64> {
    let mut cheapest: BTreeMap<Vec<Uuid>, u64> = BTreeMap::new();
    for (sequence, &cost) in all {
        let base = sequence
            .iter()
            .filter_map(|&n| history.set(n))
            .filter(|set| set.kind() != BackupType::Log)
            .map(|set| set.uuid)
            .collect();
        let least = cheapest.entry(base).or_insert(cost);
        *least = (*least).min(cost);
    }
    cheapest
}

/// What a moment costs is the same with the plan and without it, by bytes and by measured speeds.
#[test]
fn the_curve_says_what_the_plan_says() {
    for seed in 1..200 {
        let world = world(seed, 20);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        for costs in [CostModel::default(), speeds()] {
            for millis in targets(&world, 6) {
                let request = RestoreRequest {
                    costs,
                    ..request(&history, millis)
                };
                let planned = planned(&history, &request).ok();
                assert_eq!(
                    price(&history, &request),
                    planned.as_ref().map(|plan| plan.price),
                    "world {seed}, {}",
                    stopat_time(millis)
                );
                if let Some(plan) = &planned {
                    let basis = plan.estimate.map(|estimate| estimate.basis);
                    match costs {
                        CostModel::Time(_) => assert_eq!(basis, Some(EstimateBasis::Measured)),
                        CostModel::Bytes { .. } => {
                            assert_ne!(basis, Some(EstimateBasis::Measured));
                            assert_eq!(plan.price.bytes, plan.bytes);
                        }
                    }
                }
                if millis.rem_euclid(1000) == 0 {
                    let seconds = [millis / 1000];
                    let many = prices(&history, &request.limits(), &seconds);
                    assert_eq!(many, [planned.map(|plan| plan.price)], "world {seed}");
                }
            }
        }
    }
}

/// Measured speeds take the place of bytes: where logs are slow and bytes are cheap, the way with fewer logs wins.
#[test]
fn the_cost_model_is_an_input() {
    let (mut n_other, mut n_planned) = (0, 0);
    for seed in 1..400 {
        let world = world(seed, 25);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        for millis in targets(&world, 5) {
            let by_bytes = request(&history, millis);
            let slow_logs = RestoreRequest {
                costs: CostModel::Time(RestoreSpeeds {
                    full_bytes_per_second: u64::MAX,
                    differential_bytes_per_second: u64::MAX,
                    log_bytes_per_second: 1000,
                    millis_per_set: 0,
                    recovery_millis: 0,
                    least_percent: 90,
                    most_percent: 110,
                }),
                ..by_bytes.clone()
            };
            let (Ok(one), Ok(other)) =
                (planned(&history, &by_bytes), planned(&history, &slow_logs))
            else {
                continue;
            };
            n_planned += 1;
            judge_landing(&world, &history, &other, millis);
            let log_bytes = |plan: &RestorePlan| -> u64 {
                let logs = plan
                    .steps
                    .iter()
                    .filter(|s| s.backup_type == BackupType::Log);
                logs.filter_map(|step| step.bytes).sum()
            };
            n_other += i32::from(one.steps != other.steps);
            assert!(
                log_bytes(&other) <= log_bytes(&one) * 10 / 9 + 1,
                "world {seed}: {} bytes of logs instead of {}",
                log_bytes(&other),
                log_bytes(&one)
            );
        }
    }
    assert!(n_other > 0, "no choice was other in {n_planned} plans");
}

/// A restore that stopped on its way is gone on with from what the server says of the database, and ends where the whole one ends.
#[test]
fn going_on_from_restoring_lands_on_the_same_content() {
    let (mut n_gone_on, mut n_with_differential, mut seed) = (0_u64, 0_u64, 3_000_000);
    while n_gone_on < n_cases() / 20 {
        seed += 1;
        let (gone_on, with_differential) = goes_on_in(seed);
        n_gone_on += gone_on;
        n_with_differential += with_differential;
    }
    eprintln!("{n_gone_on} gone on with, {n_with_differential} with a differential");
    assert!(n_with_differential > 0, "none went on with a differential");
}

/// A log and a differential that end at one record leave a database that looks the same, and only the differential says when.
#[test]
fn going_on_where_a_log_and_a_differential_end_at_one_record() {
    let (n_gone_on, _) = goes_on_in(3_003_507);
    assert!(n_gone_on > 0, "the world has nothing to go on with");
}

/// Goes on from every step of some plans in a world: how often, and how often with a differential.
fn goes_on_in(seed: u64) -> (u64, u64) {
    let (mut n_gone_on, mut n_with_differential) = (0, 0);
    let world = world(seed, 25);
    let Some(history) = world.history.database("Toy") else {
        return (0, 0);
    };
    for millis in targets(&world, 6) {
        let whole_request = request(&history, millis);
        let Ok(whole) = planned(&history, &whole_request) else {
            continue;
        };
        for done in 1..whole.steps.len() {
            let Some(state) = state_after(&history, &whole, done) else {
                continue;
            };
            let request = RestoreRequest {
                start: Start::Restoring(Box::new(state)),
                ..whole_request.clone()
            };
            // A log that holds the target may have stopped there already: what is left is recovery.
            let may_have_stopped = whole.steps.get(done - 1).is_some_and(|step| {
                step.backup_type == BackupType::Log
                    && step.finish.0.and_utc().timestamp_millis() + 1000 > millis
            });
            let rest = match planned(&history, &request) {
                Ok(rest) => rest,
                Err(_) if may_have_stopped => continue,
                Err(refusal) => {
                    // The second after a data backup finished cannot be told apart from its end (rule 15).
                    assert_eq!(
                        refusal.kind,
                        RefusalKind::BeforeFirstBackup,
                        "world {seed}, {}, {done} of {} done\n{}",
                        stopat_time(millis),
                        whole.steps.len(),
                        told(&history, Some(&whole))
                    );
                    continue;
                }
            };
            n_gone_on += 1;
            n_with_differential += u64::from(
                rest.steps
                    .iter()
                    .any(|step| step.backup_type == BackupType::Differential),
            );
            assert!(
                rest.steps
                    .iter()
                    .all(|step| step.backup_type != BackupType::Full),
                "world {seed}: it starts over"
            );
            let mut joined = rest.clone();
            joined.start = Start::Nothing;
            joined.steps = whole
                .steps
                .iter()
                .take(done)
                .chain(&rest.steps)
                .cloned()
                .collect();
            judge_landing(&world, &history, &joined, millis);
        }
    }
    (n_gone_on, n_with_differential)
}

/// What `sys.master_files` shows after the first steps of a plan.
fn state_after(
    history: &DatabaseHistory,
    plan: &RestorePlan,
    done: usize,
) -> Option<RestoringState> {
    let sets: Vec<&BackupSet> = plan
        .steps
        .iter()
        .take(done)
        .filter_map(|step| history.set_by_uuid(step.backup_set_uuid))
        .collect();
    let last = sets.last()?;
    Some(RestoringState {
        redo: last.last_lsn,
        fork: last.lineage.last_fork,
        family: last.lineage.family,
        differential_base: sets.first().map(|full| full.uuid),
        files: Vec::new(),
        stands_at: None,
    })
}

/// With nothing left to apply, going on is recovery alone, and the checker agrees.
#[test]
fn going_on_at_the_end_is_recovery_alone() {
    let mut n_recovered = 0;
    for seed in 1..300 {
        let world = world(seed, 20);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        let latest = RestoreRequest::to(Target::Latest);
        let Ok(whole) = planned(&history, &latest) else {
            continue;
        };
        let state = state_after(&history, &whole, whole.steps.len()).expect("a plan has steps");
        let rest = planned(
            &history,
            &RestoreRequest {
                start: Start::Restoring(Box::new(state)),
                ..latest
            },
        );
        if let Ok(rest) = rest {
            n_recovered += i32::from(rest.steps.is_empty());
        }
    }
    assert!(n_recovered > 100, "{n_recovered}");
}

/// Marks are reached with their transaction or without it, whatever has the same name.
#[test]
fn a_mark_is_reached_with_its_transaction_or_without() {
    let (mut n_reached, mut n_refused, mut seed) = (0_u64, 0_u64, 4_000_000);
    while n_reached < n_cases() / 20 {
        seed += 1;
        let world = world(seed, 30);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        let marks = world.model.marks.iter().zip(&world.model.marked);
        for (record, &(with, without)) in marks {
            let mark = history
                .marks()
                .iter()
                .find(|mark| {
                    Some(mark.lsn) == record.lsn && Some(mark.at.server) == record.mark_time
                })
                .expect("the history has its marks");
            for (stop, content) in [(MarkStop::At, with), (MarkStop::Before, without)] {
                let request = RestoreRequest::to(Target::Mark(mark.target(stop)));
                match planned(&history, &request) {
                    Ok(plan) => {
                        n_reached += 1;
                        assert_eq!(
                            world.model.restore(&plan),
                            Ok(content),
                            "world {seed}, {} {} {:?} {stop:?}\n{}",
                            mark.name,
                            mark.lsn.decimal() / 100_000,
                            mark.at.server.to_string(),
                            told(&history, Some(&plan))
                        );
                        let last = plan.steps.last().map(|step| step.backup_set_uuid);
                        let role = last.and_then(|uuid| role_of(&history, &request, &plan, uuid));
                        assert_eq!(role, Some(SetRole::Used(UseReason::HoldsMark)));
                    }
                    Err(_) => n_refused += 1,
                }
            }
        }
    }
    eprintln!("{n_reached} reached, {n_refused} refused");
    assert!(
        n_reached > n_refused / 4,
        "{n_reached} reached, {n_refused} refused"
    );
}

/// What only one file holds is what goes dark without it.
#[test]
fn what_hurts_most_is_what_goes_dark_without_it() {
    let (mut n_compared, mut n_off) = (0, 0);
    for seed in 5_000_001..5_000_200 {
        let world = world(seed, 30);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        let limits = Limits::default();
        let losses = history.losses(&limits, usize::MAX);
        let reachable = |without: Vec<Lost>| -> i64 {
            let coverage = history.coverage(&Limits {
                without,
                ..Limits::default()
            });
            let length = |w: &stopat::domain::Window| {
                w.to.instant.0.timestamp() - w.from.instant.0.timestamp()
            };
            coverage.windows.iter().map(length).sum()
        };
        let all = reachable(Vec::new());
        for set in history.sets() {
            let Some(file) = set.device_names().next() else {
                continue;
            };
            let said = losses
                .iter()
                .find(|loss| loss.files.iter().any(|name| name == file))
                .map_or(0, |loss| loss.seconds);
            let dark = all - reachable(vec![Lost::File(file.to_owned())]);
            n_compared += 1;
            if said != dark {
                n_off += 1;
                // Within the seconds in which a data backup runs beside logs, ways are not told apart.
                let slack = set.seconds() + 60;
                assert!(
                    (said - dark).abs() <= slack,
                    "world {seed}: {file} holds {said} s alone, but {dark} s go dark\n{}",
                    told(&history, None)
                );
            }
        }
        assert!(losses.is_sorted_by(|a, b| a.seconds >= b.seconds));
    }
    eprintln!("{n_compared} compared, {n_off} a little off");
    assert!(n_off * 10 < n_compared, "{n_off} of {n_compared} are off");
}
