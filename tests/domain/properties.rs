//! The planner against a model of the server: the right content, or a refusal; never a wrong landing.

use crate::{
    model::{Model, server_time},
    support::{planned, told},
};
use std::collections::BTreeMap;
use stopat::domain::{
    BackupSet, BackupType, DatabaseHistory, History, Limits, Moment, PlanStep, Price, RestorePlan,
    RestoreRequest, Severity, Start, Target, check, is_proved,
};

/// Cases of each property; a variable of the environment asks for more.
pub fn n_cases() -> u64 {
    std::env::var("STOPAT_MODEL_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000)
}

const TARGETS_PER_WORLD: u64 = 20;

pub struct World {
    pub seed: u64,
    pub model: Model,
    pub history: History,
}

pub fn world(seed: u64, n_steps: usize) -> World {
    let mut model = Model::new(seed);
    model.live_on(n_steps);
    model.lose_some();
    let (history, _) = History::from_records(model.records());
    World {
        seed,
        model,
        history,
    }
}

/// Moments that matter: ends of backups, and any second or part of one.
pub fn targets(world: &World, n: u64) -> Vec<i64> {
    let mut rng = fastrand::Rng::with_seed(world.seed ^ 0xfeed);
    let (from, to) = world.model.span_millis();
    let mut targets = Vec::new();
    for _ in 0..n {
        let row = rng.choice(&world.model.rows);
        let millis = |time: Option<stopat::domain::ServerTime>| {
            time.map(|time| time.0.and_utc().timestamp_millis())
        };
        let any = rng.i64(from..to);
        targets.push(match (rng.u8(0..8), row) {
            (0, Some(row)) => millis(row.backup_start_date).unwrap_or(any),
            (1, Some(row)) => millis(row.backup_finish_date).unwrap_or(any),
            (2, Some(row)) => millis(row.backup_finish_date).unwrap_or(any) + 1000,
            (3, _) => any,
            _ => any.div_euclid(1000) * 1000,
        });
    }
    targets
}

pub fn request(history: &DatabaseHistory, millis: i64) -> RestoreRequest {
    RestoreRequest::to(Target::At(history.clock().moment(server_time(millis))))
}

/// A plan lands on what the live database showed, or there is none.
#[test]
fn a_plan_never_lands_on_wrong_content() {
    let (mut n_planned, mut n_refused, mut n_tails, mut seed) = (0_u64, 0_u64, 0_u64, 0);
    while n_planned + n_refused < n_cases() {
        seed += 1;
        let world = world(seed, 25);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        for millis in targets(&world, TARGETS_PER_WORLD) {
            match planned(&history, &request(&history, millis)) {
                Ok(plan) => {
                    n_planned += 1;
                    judge_landing(&world, &history, &plan, millis);
                }
                Err(refusal) => {
                    n_refused += 1;
                    let Some(tail) = &refusal.tail else { continue };
                    if let Some(fits) = world.model.tail_fits(tail) {
                        n_tails += 1;
                        assert_eq!(
                            fits,
                            Ok(()),
                            "world {seed}, {}\n{}",
                            server_time(millis),
                            told(&history, Some(tail))
                        );
                    }
                }
            }
        }
    }
    eprintln!("{n_planned} planned, {n_refused} refused, {n_tails} with a tail, in {seed} worlds");
    assert!(n_tails > n_cases() / 1000, "only {n_tails} tails");
    assert!(n_planned > n_cases() / 5, "only {n_planned} plans");
}

#[track_caller]
pub fn judge_landing(world: &World, history: &DatabaseHistory, plan: &RestorePlan, millis: i64) {
    let landed = world.model.restore(plan);
    let stop_millis = match plan.stop_at {
        Some(stop) => stop.0.and_utc().timestamp_millis(),
        None => millis,
    };
    // msdb keeps whole seconds: the state of a backup is what was shown up to a second after its recorded finish, and a restore may have completed up to a second later.
    let mut shown = vec![world.model.shown_at(stop_millis)];
    let last_log = plan
        .steps
        .last()
        .is_some_and(|step| step.backup_type == BackupType::Log);
    if plan.stop_at.is_none() {
        shown.extend((0..1000).map(|later| world.model.shown_at(millis + later)));
    }
    // Rule 7 takes the whole log for its finish; where it really ended lies between its start and that.
    if let Some(step) = plan
        .steps
        .last()
        .filter(|step| last_log && step.stop_at.is_none())
    {
        let start = step.start.0.and_utc().timestamp_millis();
        shown.extend((start..=millis).map(|at| world.model.shown_at(at)));
    }
    let restored_then = history
        .restores()
        .iter()
        .any(|restore| (0..1000).contains(&(millis - restore.at.instant.0.timestamp_millis())));
    let crossed_then = plan.steps.iter().any(|step| {
        history.crossings().any(|log| {
            let since_start = millis - log.start().instant.0.timestamp_millis();
            log.uuid == step.backup_set_uuid && (0..1000).contains(&since_start)
        })
    });
    if (restored_then && last_log) || crossed_then {
        shown.extend((0..1000).map(|later| world.model.shown_at(millis + later)));
    }
    match landed {
        Ok(content) => assert!(
            shown.contains(&Some(content)),
            "world {}: {} landed on {content}, the database showed {:?}\n{}",
            world.seed,
            server_time(millis),
            shown.first(),
            told(history, Some(plan))
        ),
        Err(refused) => panic!(
            "world {}: {}: the server refuses: {refused}\n{}",
            world.seed,
            server_time(millis),
            told(history, Some(plan))
        ),
    }
}

/// Every moment of a window has a plan, and a refused moment has no sequence that the checker accepts.
/// What is chosen costs the least of all accepted sequences, or is conventional and costs at most a ninth more.
#[test]
fn a_plan_is_the_cheapest_of_all_sequences() {
    let (mut n_compared, mut n_refused, mut seed) = (0_u64, 0_u64, 1_000_000);
    while n_compared + n_refused < n_cases() / 20 {
        seed += 1;
        let world = world(seed, 14);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        let coverage = history.coverage(&Limits::default());
        for millis in targets(&world, 6) {
            let request = request(&history, millis);
            let Target::At(moment) = request.target else {
                continue;
            };
            let Some(all) = every_sequence(&history, moment) else {
                continue;
            };
            let cheapest = all.values().copied().min();
            let about = format!("world {seed}, {}", server_time(millis));
            match planned(&history, &request) {
                Ok(plan) => {
                    n_compared += 1;
                    let cost: u64 = plan.steps.iter().map(|s| cost(s.bytes)).sum();
                    let least =
                        cheapest.unwrap_or_else(|| panic!("{about}: no sequence is accepted"));
                    assert!(cost >= least, "{about}: {cost} is below all, {least}");
                    let near = u128::from(cost) * 9 < u128::from(least) * 10;
                    assert!(
                        cost == least || near,
                        "{about}: {cost}, but {least} is possible: {all:?}\n{}",
                        told(&history, Some(&plan))
                    );
                    assert!(
                        coverage.window_at(moment).is_some(),
                        "{about}: outside the windows"
                    );
                }
                Err(refusal) => {
                    n_refused += 1;
                    assert_eq!(
                        cheapest,
                        None,
                        "{about}: refused as {:?}, but {all:?} is accepted
{}",
                        refusal.kind,
                        told(&history, None)
                    );
                    let within_second = millis.rem_euclid(1000) != 0;
                    assert!(
                        coverage.window_at(moment).is_none() || within_second,
                        "{about}: refused inside a window"
                    );
                }
            }
        }
    }
    eprintln!("{n_compared} compared, {n_refused} refused");
}

fn cost(bytes: Option<u64>) -> u64 {
    bytes.unwrap_or(0) + 100_000_000
}

/// All sequences that the checker accepts without a warning, with their costs; `None` when there are too many.
pub fn every_sequence(
    history: &DatabaseHistory,
    target: Moment,
) -> Option<BTreeMap<Vec<usize>, u64>> {
    let sets: Vec<&BackupSet> = history.sets().collect();
    let of_kind = |kind| {
        sets.iter()
            .enumerate()
            .filter(move |(_, set)| set.kind() == kind)
            .map(|(n, _)| n)
            .collect::<Vec<_>>()
    };
    let (fulls, diffs, logs) = (
        of_kind(BackupType::Full),
        of_kind(BackupType::Differential),
        of_kind(BackupType::Log),
    );
    let mut found = BTreeMap::new();
    let mut n_tried = 0;
    for &full in &fulls {
        let mut open = vec![vec![full]];
        open.extend(diffs.iter().map(|&diff| vec![full, diff]));
        while let Some(sequence) = open.pop() {
            n_tried += 1;
            if n_tried > 4000 {
                return None;
            }
            let plan = plan_of(history, &sets, &sequence, target);
            let findings = check(&plan, history);
            if findings
                .iter()
                .all(|finding| finding.severity == Severity::Notice)
            {
                let total = sequence
                    .iter()
                    .filter_map(|&n| sets.get(n))
                    .map(|s| cost(s.bytes()))
                    .sum();
                found.insert(sequence.clone(), total);
            }
            let latest = RestorePlan {
                target: Target::Latest,
                steps: plan
                    .steps
                    .iter()
                    .cloned()
                    .map(|s| PlanStep { stop_at: None, ..s })
                    .collect(),
                ..plan
            };
            if !is_proved(&check(&latest, history)) {
                continue;
            }
            let redo = sequence
                .last()
                .and_then(|&n| sets.get(n))
                .map(|set| set.last_lsn);
            for &log in &logs {
                let Some(set) = sets.get(log) else { continue };
                if Some(set.first_lsn) <= redo && Some(set.last_lsn) > redo {
                    let mut longer = sequence.clone();
                    longer.push(log);
                    open.push(longer);
                }
            }
        }
    }
    Some(found)
}

fn plan_of(
    history: &DatabaseHistory,
    sets: &[&BackupSet],
    sequence: &[usize],
    target: Moment,
) -> RestorePlan {
    let last = sequence.len() - 1;
    let steps: Vec<PlanStep> = sequence
        .iter()
        .enumerate()
        .filter_map(|(n, &idx)| {
            let set = sets.get(idx)?;
            let whole =
                n == last && set.has_bulk_logged_data() && set.finish().instant == target.instant;
            let stops = set.kind() == BackupType::Log && !whole;
            Some(PlanStep {
                backup_set_uuid: set.uuid,
                backup_set_id: set.backup_set_id(),
                backup_type: set.kind(),
                position: set.position,
                devices: set.devices(),
                stop_at: stops.then_some(target.server.datetime_tick()),
                start: set.start().server,
                finish: set.finish().server,
                bytes: set.bytes(),
                backup_size: set.backup_size(),
                has_checksums: set.has_checksums(),
                moves: Vec::new(),
                first_lsn: set.first_lsn,
                last_lsn: set.last_lsn,
            })
        })
        .collect();
    RestorePlan {
        database: history.name().to_owned(),
        target: Target::At(target),
        destination: stopat::domain::Destination::Original,
        stop_at: None,
        reaches: None,
        bytes: None,
        estimate: None,
        start: Start::Nothing,
        stop_mark: None,
        price: Price::default(),
        moves: Vec::new(),
        notes: Vec::new(),
        utc_offset: None,
        tail: None,
        steps,
    }
}

/// Planning twice gives the same, in whatever order the rows come.
#[test]
fn the_order_of_rows_means_nothing() {
    for seed in 1..200 {
        let mut world = world(seed, 20);
        let Some(history) = world.history.database("Toy") else {
            continue;
        };
        let mut records = world.model.records();
        records.backup_sets.reverse();
        let (again, _) = History::from_records(records);
        let again = again.database("Toy").expect("the same rows");
        for millis in targets(&world, 5) {
            let one = planned(&history, &request(&history, millis));
            assert_eq!(
                one,
                planned(&again, &request(&again, millis)),
                "world {seed}"
            );
        }
        world.model.rows.clear();
    }
}

/// A history that grew row by row answers as one that was read at once.
#[test]
fn a_refreshed_history_answers_like_a_new_one() {
    for seed in 1..150 {
        let world = world(seed, 20);
        let Some(whole) = world.history.database("Toy") else {
            continue;
        };
        let mut rows = world.model.records();
        rows.backup_sets.sort_by_key(|row| row.backup_set_id);
        let all = std::mem::take(&mut rows.backup_sets);
        let (mut grown, _) = History::from_records(rows.clone());
        for part in all.chunks(3) {
            let mut new = rows.clone();
            new.backup_sets = part.to_vec();
            new.restore_history = Vec::new();
            grown = grown.with_new_records(new).0;
        }
        let mut restores = rows.clone();
        restores.backup_sets = Vec::new();
        grown = grown.with_new_records(restores).0;
        let grown = grown.database("Toy").expect("the same rows");
        assert_eq!(grown.len(), whole.len(), "world {seed}");
        let limits = Limits::default();
        assert_eq!(
            grown.coverage(&limits).windows,
            whole.coverage(&limits).windows,
            "world {seed}"
        );
        for millis in targets(&world, 5) {
            let one = planned(&whole, &request(&whole, millis));
            assert_eq!(
                one,
                planned(&grown, &request(&grown, millis)),
                "world {seed}"
            );
        }
    }
}
