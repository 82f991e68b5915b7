//! The sample histories with their right answers: every case, through planner and checker.

use crate::support::{database, fixture, history, planned, time};
use serde_json::Value;
use stopat::domain::{
    DatabaseHistory, Moment, RestorePlan, RestoreRequest, Target, Usage, check, is_proved,
};
use uuid::Uuid;

fn cases() -> Vec<Value> {
    let text = fixture("histories/expectations.json");
    serde_json::from_slice(&text).expect("expectations are JSON")
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}

fn uuids(value: &Value) -> Vec<Uuid> {
    let list = value.as_array().expect("a list of uuids");
    list.iter()
        .map(|uuid| {
            let uuid = uuid.as_str().expect("a uuid is text");
            uuid.parse().expect("a uuid")
        })
        .collect()
}

fn request(case: &Value, history: &DatabaseHistory) -> RestoreRequest {
    let target = text(case, "target").expect("a target");
    let mut request = RestoreRequest::to(if target == "latest" {
        Target::Latest
    } else {
        Target::At(history.clock().moment(time(target)))
    });
    let option = |name: &str| {
        let options = case.get("options").expect("options");
        match options.get(name).and_then(Value::as_bool) {
            Some(true) => Usage::Ignore,
            _ => Usage::Use,
        }
    };
    request.differentials = option("ignore_diffs");
    request.logs = option("ignore_logs");
    request
}

fn sets_of(plan: &RestorePlan) -> Vec<Uuid> {
    plan.steps.iter().map(|step| step.backup_set_uuid).collect()
}

fn at(moment: Option<Moment>) -> Option<String> {
    moment.map(|moment| moment.server.to_string())
}

#[test]
fn every_sample_gets_its_right_answer() {
    let mut wrong = Vec::new();
    let cases = cases();
    for case in &cases {
        if let Err(problem) = judge(case) {
            wrong.push(format!("{}: {problem}", text(case, "id").expect("an id")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert_eq!(cases.len(), 42);
}

fn judge(case: &Value) -> Result<(), String> {
    let file = text(case, "file").expect("a file");
    let (all, _) = history(&format!("histories/{file}"));
    let history = database(&all, text(case, "database").expect("a database"));
    let request = request(case, &history);
    let expect = case.get("expect").expect("an expectation");
    let coverage = history.coverage(&request.limits());
    let windows: Vec<Value> = coverage
        .windows
        .iter()
        .map(|w| Value::from(vec![w.from.server.to_string(), w.to.server.to_string()]))
        .collect();
    same(
        "windows",
        expect.get("windows"),
        Some(&Value::from(windows)),
    )?;
    let reachable = expect.get("reachable").and_then(Value::as_bool) == Some(true);
    match planned(&history, &request) {
        Ok(plan) if reachable => {
            let sets = sets_of(&plan);
            let mut right = vec![uuids(expect.get("sets").expect("sets"))];
            if let Some(others) = expect.get("acceptable").and_then(Value::as_array) {
                right.extend(others.iter().map(uuids));
            }
            if !right.contains(&sets) {
                return Err(format!("sets are {sets:?}"));
            }
            if right.first() == Some(&sets) {
                let stop_at = plan.stop_at.map(|stop| Value::from(stop.to_string()));
                same(
                    "stop_at",
                    expect.get("stop_at"),
                    Some(&stop_at.unwrap_or(Value::Null)),
                )?;
                same(
                    "bytes",
                    expect.get("bytes"),
                    plan.bytes.map(Value::from).as_ref(),
                )?;
            }
            if let Some(latest) = text(expect, "target_time") {
                let reaches = plan.reaches.map(|reaches| reaches.to_string());
                if reaches.as_deref() != Some(latest) {
                    return Err(format!("reaches {reaches:?} instead of {latest}"));
                }
            }
            Ok(())
        }
        Ok(plan) => Err(format!("planned {:?}, expected a refusal", sets_of(&plan))),
        Err(refusal) if !reachable => {
            let kind = refusal.kind.as_str();
            let also = expect.get("reason_also_ok").and_then(Value::as_array);
            let right = text(expect, "reason") == Some(kind)
                || also.is_some_and(|also| also.iter().any(|k| k.as_str() == Some(kind)));
            if !right {
                return Err(format!(
                    "the reason is {kind}, not {:?}",
                    text(expect, "reason")
                ));
            }
            for (member, nearest) in [
                ("nearest_before", refusal.nearest_before),
                ("nearest_after", refusal.nearest_after),
            ] {
                let wanted = expect.get(member).and_then(|point| text(point, "time"));
                if at(nearest).as_deref() != wanted {
                    return Err(format!("{member} is {:?}, not {wanted:?}", at(nearest)));
                }
            }
            Ok(())
        }
        Err(refusal) => Err(format!("refused as {}", refusal.kind.as_str())),
    }
}

fn same(what: &str, wanted: Option<&Value>, found: Option<&Value>) -> Result<(), String> {
    if wanted == found {
        Ok(())
    } else {
        Err(format!("{what} is {found:?}, not {wanted:?}"))
    }
}

/// The checker accepts every sequence that the samples call right, whoever made it.
#[test]
fn the_checker_accepts_every_right_sequence() {
    let mut n_judged = 0;
    for case in cases() {
        let file = text(&case, "file").expect("a file");
        let (all, _) = history(&format!("histories/{file}"));
        let history = database(&all, text(&case, "database").expect("a database"));
        let request = request(&case, &history);
        let expect = case.get("expect").expect("an expectation");
        let Ok(plan) = planned(&history, &request) else {
            continue;
        };
        let mut right = vec![uuids(expect.get("sets").expect("sets"))];
        if let Some(others) = expect.get("acceptable").and_then(Value::as_array) {
            right.extend(others.iter().map(uuids));
        }
        for sets in right {
            let other = with_sets(&plan, &sets, &history);
            let findings = check(&other, &history);
            let id = text(&case, "id").expect("an id");
            assert!(is_proved(&findings), "{id} {sets:?}: {findings:#?}");
            n_judged += 1;
        }
    }
    assert!(n_judged > 30, "only {n_judged} sequences were judged");
}

/// Leaving out any step of a plan makes the checker object.
#[test]
fn the_checker_objects_to_every_missing_step() {
    for case in cases() {
        let file = text(&case, "file").expect("a file");
        let (all, _) = history(&format!("histories/{file}"));
        let history = database(&all, text(&case, "database").expect("a database"));
        let Ok(plan) = planned(&history, &request(&case, &history)) else {
            continue;
        };
        if plan.target == Target::Latest {
            continue;
        }
        for n in 0..plan.steps.len() {
            let mut without = plan.clone();
            without.steps.remove(n);
            let findings = check(&without, &history);
            let id = text(&case, "id").expect("an id");
            let differential = plan.steps.get(n).map(|step| step.backup_type)
                == Some(stopat::domain::BackupType::Differential);
            assert!(
                !is_proved(&findings) || differential,
                "{id} without step {n} still passes"
            );
        }
    }
}

/// The same plan with other sets, with `STOPAT` on every log.
fn with_sets(plan: &RestorePlan, sets: &[Uuid], history: &DatabaseHistory) -> RestorePlan {
    use stopat::domain::{BackupType, PlanStep};
    let stop_at = match plan.target {
        Target::At(moment) => Some(moment.server),
        Target::Latest | Target::Mark(_) => None,
    };
    let steps = sets
        .iter()
        .map(|uuid| {
            let set = history.set_by_uuid(*uuid).expect("the sample has the set");
            PlanStep {
                backup_set_uuid: set.uuid,
                backup_set_id: set.backup_set_id(),
                backup_type: set.kind(),
                position: set.position,
                devices: set.devices(),
                stop_at: stop_at.filter(|_| set.kind() == BackupType::Log),
                start: set.start().server,
                finish: set.finish().server,
                bytes: set.bytes(),
                backup_size: set.backup_size(),
                has_checksums: set.has_checksums(),
                moves: Vec::new(),
                first_lsn: set.first_lsn,
                last_lsn: set.last_lsn,
            }
        })
        .collect();
    RestorePlan {
        steps,
        ..plan.clone()
    }
}
