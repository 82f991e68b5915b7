//! A database held against its promises: everything that the page of objectives and its report say.
//!
//! A function from values to a value: the history, the promises, and what the journals measured. It reads nothing itself.

use super::measured::{Drill, Measured, RehearsalRun};
use crate::{
    domain::{
        Assessment, Costliest, DatabaseHistory, EstimateBasis, Exposed, Objective, PastEstimate,
        Period, Remedy, RestoreTimeModel, ScenarioKind, Standing, Status, UtcTime, assess,
        past_estimates, remedies,
    },
    run::RunId,
    settings::{Application, Outside},
};
use std::collections::BTreeMap;

/// What a judgement rests on.
#[derive(Clone, Copy, Debug)]
pub struct JudgeGround<'a> {
    pub history: &'a DatabaseHistory,
    /// `@@SERVERNAME`, as journals have it.
    pub server_name: &'a str,
    /// The application that lives in the database.
    pub application: Option<&'a Application>,
    pub objectives: &'a [Objective],
    pub measured: &'a Measured,
    pub backed_up_by: BackedUpBy,
    /// The server's clock.
    pub now: UtcTime,
    /// How many days are looked at.
    pub days: i64,
}

/// Who takes the backups of a database and restores them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackedUpBy {
    /// Its owners, with `BACKUP` and `RESTORE`.
    #[default]
    Owners,
    /// Azure: it tells when, and restores when it is asked to.
    Azure,
}

/// A database, judged.
#[derive(Clone, Debug)]
pub struct Judged {
    pub database: String,
    pub application: Option<Application>,
    pub objectives: Vec<Objective>,
    pub standings: Vec<Standing>,
    /// The finest scenario at its worst: the largest loss of the period, and the restore that takes longest.
    pub worst: Option<Standing>,
    pub costliest: Option<Costliest>,
    pub remedies: Vec<(ScenarioKind, Remedy)>,
    pub model: Option<RestoreTimeModel>,
    /// Earlier estimates beside what was measured then.
    pub past: Vec<PastEstimate>,
    /// Drills of this database that were measured, the oldest first.
    pub drills: Vec<Drill>,
    pub rehearsals: Vec<RehearsalRun>,
    /// Restores of this database that Azure carried out: when they began, and how many seconds they took.
    pub azure: Vec<(UtcTime, f64)>,
    pub backed_up_by: BackedUpBy,
    /// When the own backup of each thing outside SQL Server last ran.
    pub outside: Vec<(Outside, Option<UtcTime>)>,
    /// What was looked at; its end is the server's clock then.
    pub period: Period,
    pub judged_at: UtcTime,
}

/// Judges a database.
pub fn judge(ground: &JudgeGround<'_>) -> Judged {
    let JudgeGround {
        history,
        server_name,
        application,
        objectives,
        measured,
        backed_up_by,
        now,
        days,
    } = *ground;
    let period = Period::days(now, days);
    let runs = measured.runs_of(server_name);
    let model = model_of(ground, period);
    let drills: Vec<Drill> = measured
        .drills_of(server_name, history.name())
        .into_iter()
        .filter(|drill| drill.result.is_some())
        .cloned()
        .collect();
    let last = last_measured(&drills);
    let assessment = Assessment {
        objectives,
        model: model.as_ref(),
        measured: &last,
        period,
    };
    let azure = azure_restores(ground);
    let (standings, costliest) = match backed_up_by {
        BackedUpBy::Owners => (assess(history, &assessment), assessment.costliest(history)),
        BackedUpBy::Azure => (vec![assessment.service_standing(history, &azure)], None),
    };
    let worst = standings
        .last()
        .and_then(|standing| worst_row(standing, costliest.as_ref(), &drills));
    let remedies = standings
        .iter()
        // How often Azure backs up is Azure's own.
        .filter(|standing| standing.scenario != ScenarioKind::AzurePointInTime)
        .flat_map(|standing| {
            remedies(history, standing, &assessment)
                .into_iter()
                .map(|remedy| (standing.scenario, remedy))
        })
        .collect();
    let outside = application
        .iter()
        .flat_map(|application| application.outside.iter())
        .map(|outside| {
            let ran = measured.hook_ran(&outside_backup_title(outside));
            (outside.clone(), ran)
        })
        .collect();
    Judged {
        database: history.name().to_owned(),
        application: application.cloned(),
        objectives: objectives.to_vec(),
        standings,
        worst,
        costliest,
        remedies,
        past: past_estimates(&runs),
        model,
        drills,
        rehearsals: measured
            .rehearsals_of(server_name, history.name())
            .into_iter()
            .cloned()
            .collect(),
        azure,
        backed_up_by,
        outside,
        period,
        judged_at: now,
    }
}

/// How one scenario stands, for lists: without causes, remedies and the costliest moment.
pub fn status_of(ground: &JudgeGround<'_>, scenario: ScenarioKind) -> Status {
    let period = Period::days(ground.now, ground.days);
    let model = model_of(ground, period);
    let drills: Vec<Drill> = ground
        .measured
        .drills_of(ground.server_name, ground.history.name())
        .into_iter()
        .cloned()
        .collect();
    let measured = last_measured(&drills);
    let assessment = Assessment {
        objectives: ground.objectives,
        model: model.as_ref(),
        measured: &measured,
        period,
    };
    match ground.backed_up_by {
        BackedUpBy::Owners => assessment.standing(ground.history, scenario).status,
        BackedUpBy::Azure => {
            let restores = azure_restores(ground);
            assessment
                .service_standing(ground.history, &restores)
                .status
        }
    }
}

/// The scenario by which a database is judged in lists: the finest that is promised of those that it can have.
pub fn judged_scenario(objectives: &[Objective], backed_up_by: BackedUpBy) -> Option<ScenarioKind> {
    objectives
        .iter()
        .map(|objective| objective.scenario)
        .filter(|scenario| match backed_up_by {
            BackedUpBy::Owners => *scenario != ScenarioKind::AzurePointInTime,
            BackedUpBy::Azure => *scenario == ScenarioKind::AzurePointInTime,
        })
        .max()
}

/// The title of the step that runs the own backup of something outside SQL Server.
pub fn outside_backup_title(outside: &Outside) -> String {
    format!("Back up {}", outside.what)
}

fn azure_restores(ground: &JudgeGround<'_>) -> Vec<(UtcTime, f64)> {
    ground
        .measured
        .azure_of(ground.server_name, ground.history.name())
        .into_iter()
        .map(|run| (run.began, run.seconds))
        .collect()
}

/// Learnt from what was restored on the server, else from the speed of the backups.
fn model_of(ground: &JudgeGround<'_>, period: Period) -> Option<RestoreTimeModel> {
    RestoreTimeModel::measured(&ground.measured.runs_of(ground.server_name))
        .or_else(|| RestoreTimeModel::stand_in(ground.history, period.from, period.to))
}

impl Judged {
    /// The drill whose steps are shown.
    pub fn drill(&self, chosen: Option<&RunId>) -> Option<&Drill> {
        chosen
            .and_then(|run| self.drills.iter().find(|drill| drill.run == *run))
            .or_else(|| self.drills.last())
    }

    /// The last drill that was verified, for its rows.
    pub fn last_verified(&self) -> Option<&Drill> {
        self.drills.iter().rev().find(|drill| {
            drill
                .result
                .as_ref()
                .is_some_and(|result| result.verified && !result.tables.is_empty())
        })
    }

    /// What is promised for the finest scenario, which drills are held against.
    pub fn down_objective_secs(&self) -> Option<u32> {
        let judged = judged_scenario(&self.objectives, self.backed_up_by)?;
        self.objectives
            .iter()
            .find(|objective| objective.scenario == judged)
            .map(|objective| objective.down_secs.1)
    }

    /// Every stretch of time that the page tells a loss of, for counting its rows.
    pub fn exposed(&self) -> Vec<Exposed> {
        let mut all: Vec<Exposed> = self
            .standings
            .iter()
            .chain(&self.worst)
            .filter_map(|standing| standing.now)
            .collect();
        all.extend(
            self.standings
                .iter()
                .flat_map(|standing| standing.worst.iter().map(|(exposed, _)| *exposed)),
        );
        let mut seen = Vec::new();
        all.retain(|exposed| {
            let new = !seen.contains(exposed);
            seen.push(*exposed);
            new
        });
        all
    }
}

/// The last drill of each scenario that was verified and went to no worst moment.
fn last_measured(drills: &[Drill]) -> BTreeMap<ScenarioKind, (UtcTime, f64)> {
    drills
        .iter()
        .filter(|drill| drill.plan.chosen != "worst")
        .filter_map(|drill| {
            let result = drill.result.as_ref().filter(|result| result.verified)?;
            let scenario = ScenarioKind::from_word(&drill.plan.scenario)?;
            Some((scenario, (drill.began, result.seconds)))
        })
        .collect()
}

/// The finest scenario at its worst: the largest loss of the period, and the restore that takes longest.
fn worst_row(
    standing: &Standing,
    costliest: Option<&Costliest>,
    drills: &[Drill],
) -> Option<Standing> {
    let (worst, _) = standing.worst.first()?;
    let allowed = standing.allowed_loss_secs();
    let measured = drills
        .iter()
        .rev()
        .filter(|drill| drill.plan.chosen == "worst")
        .find_map(|drill| {
            let result = drill.result.as_ref().filter(|result| result.verified)?;
            Some((drill.began, result.seconds))
        });
    let estimate = costliest.and_then(|costliest| costliest.estimate);
    let mut row = Standing {
        now: Some(*worst),
        estimate,
        measured,
        ..standing.clone()
    };
    let down = standing
        .objective
        .map(|objective| f64::from(objective.down_secs.1));
    row.misses.loss_now = allowed.is_some_and(|allowed| worst.seconds() > allowed);
    row.misses.loss_lately = false;
    row.misses.time = down.is_some_and(|down| {
        measured.is_some_and(|(_, seconds)| seconds > down)
            || estimate.is_some_and(|estimate| {
                estimate.basis == EstimateBasis::Measured && estimate.seconds > down
            })
    });
    row.status = match allowed {
        None => Status::Unknown,
        Some(_) if row.misses.loss_now || row.misses.time => Status::Missed,
        Some(_) => Status::Met,
    };
    Some(row)
}
