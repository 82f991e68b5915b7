//! `restore-plan/1`: a plan, or why there is none, as JSON.

use crate::{
    domain::{
        Coverage, DatabaseHistory, Destination, EstimateBasis, Moment, PlanNote, PlanStep, Refusal,
        RestorePlan, RestoreRequest, ServerTime, Tail, Target, UtcOffset, rejected,
    },
    explain,
};
use serde::Serialize;

/// The word in `format`.
pub const FORMAT: &str = "restore-plan/1";

/// How many rejected sets are listed at most.
const MOST_REJECTED: usize = 100;

/// The answer of the planner, with the history that it is about.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    pub history: &'a DatabaseHistory,
    pub request: &'a RestoreRequest,
    pub result: Result<&'a RestorePlan, &'a Refusal>,
    /// The windows with the request's limits.
    pub coverage: &'a Coverage,
}

/// The plan as JSON, a member a line.
pub fn to_json(answer: &Answer<'_>) -> String {
    let Answer {
        history,
        request,
        result,
        coverage,
    } = *answer;
    let plan = match result {
        Ok(plan) => Some(plan),
        Err(refusal) => refusal.tail.as_deref(),
    };
    let refusal = result.err();
    let (list, rejected_total) = match plan {
        Some(plan) => rejected(history, request, plan, MOST_REJECTED),
        None => (Vec::new(), 0),
    };
    let notes: &[PlanNote] = match (plan, refusal) {
        (Some(plan), _) => &plan.notes,
        (None, Some(refusal)) => &refusal.notes,
        (None, None) => &[],
    };
    let offset = match request.target.moment() {
        Some(moment) => history.clock().offset_at(moment.instant),
        None => plan.and_then(|plan| plan.utc_offset),
    };
    let moves = match &request.destination {
        Destination::Original => None,
        Destination::Copy { .. } => plan.map(|plan| {
            plan.moves
                .iter()
                .map(|file| MoveOut {
                    logical_name: &file.logical_name,
                    from: file.from.as_deref(),
                    to: &file.to,
                })
                .collect()
        }),
    };
    let out = PlanOut {
        format: FORMAT,
        database: history.name(),
        target: target_text(request.target),
        reachable: result.is_ok(),
        sets: plan
            .map(|plan| plan.steps.iter().map(SetOut::from).collect())
            .unwrap_or_default(),
        stop_at: plan.and_then(|plan| plan.stop_at).map(time),
        reaches: plan.and_then(|plan| plan.reaches).map(time),
        bytes: plan.and_then(|plan| plan.bytes),
        estimate: plan
            .and_then(|plan| plan.estimate)
            .map(|estimate| EstimateOut {
                seconds: estimate.seconds,
                low: estimate.low,
                high: estimate.high,
                basis: match estimate.basis {
                    EstimateBasis::Measured => "measured",
                    EstimateBasis::BackupSpeed => "backup_speed",
                },
            }),
        reason: refusal.map(|refusal| {
            let words = explain::refusal(refusal, history.name(), Some(history));
            ReasonOut {
                kind: refusal.kind.as_str(),
                message: words.sentence,
                hint: words.hint,
            }
        }),
        nearest_before: refusal
            .and_then(|refusal| refusal.nearest_before)
            .map(point),
        nearest_after: refusal.and_then(|refusal| refusal.nearest_after).map(point),
        windows: coverage
            .windows
            .iter()
            .map(|window| [time(window.from.server), time(window.to.server)])
            .collect(),
        rejected: list
            .into_iter()
            .map(|set| RejectedOut {
                backup_set_uuid: set.backup_set_uuid.to_string(),
                reason: explain::skip_reason(set.reason),
            })
            .collect(),
        rejected_total,
        notes: notes
            .iter()
            .map(|note| {
                let (kind, message) = explain::plan_note(note);
                NoteOut { kind, message }
            })
            .collect(),
        moves,
        tail: plan.and_then(|plan| plan.tail).map(|tail| TailOut {
            kind: match tail {
                Tail::LogBackup => "log_backup",
                Tail::TailLog => "tail_log",
            },
        }),
        utc_offset_minutes: offset.map(UtcOffset::minutes),
    };
    text_of(&out)
}

/// The answer for a database of which nothing is known.
pub fn unknown_database_json(database: &str, target: Target, message: &str, hint: &str) -> String {
    text_of(&PlanOut {
        format: FORMAT,
        database,
        target: target_text(target),
        reachable: false,
        sets: Vec::new(),
        stop_at: None,
        reaches: None,
        bytes: None,
        estimate: None,
        reason: Some(ReasonOut {
            kind: crate::domain::RefusalKind::NoBackups.as_str(),
            message: message.to_owned(),
            hint: hint.to_owned(),
        }),
        nearest_before: None,
        nearest_after: None,
        windows: Vec::new(),
        rejected: Vec::new(),
        rejected_total: 0,
        notes: Vec::new(),
        moves: None,
        tail: None,
        utc_offset_minutes: None,
    })
}

fn text_of(out: &PlanOut<'_>) -> String {
    // Plain members always serialize.
    let mut text = serde_json::to_string_pretty(out).unwrap_or_default();
    text.push('\n');
    text
}

fn target_text(target: Target) -> String {
    match target {
        Target::At(moment) => time(moment.server),
        Target::Mark(mark) => time(mark.at.server),
        Target::Latest => "latest".to_owned(),
    }
}

fn time(time: ServerTime) -> String {
    time.to_string()
}

fn point(moment: Moment) -> PointOut {
    PointOut {
        time: time(moment.server),
    }
}

#[derive(Serialize)]
struct PlanOut<'a> {
    format: &'static str,
    database: &'a str,
    target: String,
    reachable: bool,
    sets: Vec<SetOut<'a>>,
    stop_at: Option<String>,
    reaches: Option<String>,
    bytes: Option<u64>,
    estimate: Option<EstimateOut>,
    reason: Option<ReasonOut>,
    nearest_before: Option<PointOut>,
    nearest_after: Option<PointOut>,
    windows: Vec<[String; 2]>,
    rejected: Vec<RejectedOut>,
    rejected_total: usize,
    notes: Vec<NoteOut>,
    moves: Option<Vec<MoveOut<'a>>>,
    tail: Option<TailOut>,
    utc_offset_minutes: Option<i32>,
}

#[derive(Serialize)]
struct SetOut<'a> {
    backup_set_uuid: String,
    backup_set_id: Option<i64>,
    #[serde(rename = "type")]
    kind: char,
    position: i32,
    files: Vec<&'a str>,
    stop_at: Option<String>,
}

impl<'a> From<&'a PlanStep> for SetOut<'a> {
    fn from(step: &'a PlanStep) -> Self {
        Self {
            backup_set_uuid: step.backup_set_uuid.to_string(),
            backup_set_id: step.backup_set_id,
            kind: step.backup_type.letter(),
            position: step.position,
            files: step.devices.iter().map(|device| device.name()).collect(),
            stop_at: step.stop_at.map(time),
        }
    }
}

#[derive(Serialize)]
struct EstimateOut {
    seconds: f64,
    low: f64,
    high: f64,
    basis: &'static str,
}

#[derive(Serialize)]
struct ReasonOut {
    kind: &'static str,
    message: String,
    hint: String,
}

#[derive(Serialize)]
struct PointOut {
    time: String,
}

#[derive(Serialize)]
struct RejectedOut {
    backup_set_uuid: String,
    reason: String,
}

#[derive(Serialize)]
struct NoteOut {
    kind: &'static str,
    message: String,
}

#[derive(Serialize)]
struct MoveOut<'a> {
    logical_name: &'a str,
    from: Option<&'a str>,
    to: &'a str,
}

#[derive(Serialize)]
struct TailOut {
    kind: &'static str,
}
