//! Drills as they are ordered: a moment is found, the restore is planned as a copy, and everything is put into the engine's hands.
//!
//! The window and the command line come the same way.

use super::{practice::is_practice, restores::expectations};
use crate::{
    domain::{
        Assessment, DatabaseHistory, Destination, EstimateBasis, History, MeasuredRun, Moment,
        Period, Refusal, RestorePlan, RestoreTimeModel, ScenarioKind, Target, UtcTime, plan,
    },
    explain::{self, Problem, ProblemKind, server_problem},
    run::{
        DrillEvent, DrillJob, DrillPlan, DrillReport, DrillSurroundings, Journal, JournalError,
        RestoreJob, RunChoices, RunId, Who, run_drill,
    },
    server::{Gateway, ServerError, ServerInfo, ask},
    settings::Application,
    tsql::{self, ServerFacts},
};
use std::{collections::BTreeMap, path::Path};
use tokio_util::sync::CancellationToken;

/// How far back random and worst moments are looked for.
pub const DRILL_DAYS: i64 = 14;

/// Which moment a drill goes back to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DrillMoment {
    /// The newest that the scenario reaches.
    Latest,
    /// The newest whose restore takes every kind of backup that the scenario names, or at least its finest.
    Typical,
    At(Moment),
    /// Drawn from what can be reached.
    Random {
        seed: u64,
    },
    /// The one that takes longest to go back to.
    Worst,
}

/// A drill as the user wants it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrillOrder {
    pub scenario: ScenarioKind,
    pub moment: DrillMoment,
    /// `DBCC CHECKDB` of the copy.
    pub check_database: bool,
}

/// What a drill is planned on.
pub struct DrillGround<'a> {
    pub gateway: &'a dyn Gateway,
    pub database: &'a str,
    pub history: &'a History,
    pub info: &'a ServerInfo,
    /// Where the copy is made, when that is another server; it must reach the files by the same paths.
    pub elsewhere: Option<Elsewhere<'a>>,
    pub applications: &'a [Application],
    /// Restores that were measured on the server where the copy is made.
    pub runs: &'a [MeasuredRun],
    pub who: Who,
    /// The own clock.
    pub now: fn() -> UtcTime,
}

/// Another server for the copy.
#[derive(Clone, Copy)]
pub struct Elsewhere<'a> {
    pub gateway: &'a dyn Gateway,
    pub info: &'a ServerInfo,
}

impl<'a> DrillGround<'a> {
    /// The server on which the copy is made.
    pub fn target(&self) -> Elsewhere<'a> {
        self.elsewhere.unwrap_or(Elsewhere {
            gateway: self.gateway,
            info: self.info,
        })
    }
}

/// Why a drill does not begin.
#[derive(Debug)]
pub enum DrillRefusal {
    /// The history has nothing of this database.
    NoHistory {
        database: String,
    },
    /// No moment can be reached with what the scenario has.
    NoMoment {
        scenario: ScenarioKind,
    },
    /// The backups that make the scenario what it is take part in no restore.
    NotWithThese {
        scenario: ScenarioKind,
    },
    /// The moment cannot be reached.
    Unreachable(Box<Refusal>),
    Server(ServerError),
}

/// Finds the moment and makes the job.
pub async fn prepare_drill(
    ground: &DrillGround<'_>,
    order: DrillOrder,
    runs_folder: &Path,
) -> Result<DrillJob, DrillRefusal> {
    let history =
        ground
            .history
            .database(ground.database)
            .ok_or_else(|| DrillRefusal::NoHistory {
                database: ground.database.to_owned(),
            })?;
    let on = ground.target();
    let now = (ground.now)();
    let server_now = now.plus(chrono::TimeDelta::milliseconds(
        ground.info.clock_skew_millis,
    ));
    let period = Period::days(server_now, DRILL_DAYS);
    let model = RestoreTimeModel::measured(ground.runs)
        .or_else(|| RestoreTimeModel::stand_in(&history, period.from, period.to));
    let (target, chosen, seed) = target_of(&history, order, period, model.as_ref())?;
    let mut request = order.scenario.request(target);
    request.destination = Destination::Copy {
        name: copy_name(ground.database, now),
        files_to: on.info.default_data_path.clone(),
    };
    let planned: RestorePlan = plan(&history, &request).map_err(DrillRefusal::Unreachable)?;
    let server_clock = server_clock(on.gateway)
        .await
        .map_err(DrillRefusal::Server)?;
    let estimate = model
        .as_ref()
        .and_then(|model| model.estimate_steps(&planned.steps));
    let restore_run = RunId::new(now, fastrand::u16(..));
    let about = DrillPlan {
        scenario: order.scenario.word().to_owned(),
        chosen: chosen.to_owned(),
        seed,
        moment: planned.reaches.map(|reaches| reaches.to_string()),
        restore_run: restore_run.0.clone(),
        estimate_secs: estimate.map(|estimate| estimate.seconds),
        estimate_low_secs: estimate.map(|estimate| estimate.low),
        estimate_high_secs: estimate.map(|estimate| estimate.high),
        estimate_basis: estimate.map(|estimate| {
            match estimate.basis {
                EstimateBasis::Measured => "measured",
                EstimateBasis::BackupSpeed => "backup_speed",
            }
            .to_owned()
        }),
        bytes: planned.bytes,
        sets: planned.steps.len(),
        check_database: order.check_database,
        source_server: ground.elsewhere.map(|_| ground.info.name.clone()),
        simulated: is_practice(on.info),
        server_clock,
        server_version: Some(on.info.version.clone()),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let expected = expectations(ground.gateway, ground.applications, ground.database).await;
    Ok(DrillJob {
        run: RunId::new(now, fastrand::u16(..)),
        plan: about,
        restore_journal: runs_folder.join(format!("{}.jsonl", restore_run.0)),
        restore: RestoreJob {
            run: restore_run,
            plan: planned,
            request,
            history: ground.history.clone(),
            facts: ServerFacts {
                server_name: Some(on.info.name.clone()),
                tail_file: None,
            },
            choices: RunChoices {
                check_database: order.check_database,
                prove_first: true,
                ..RunChoices::default()
            },
            expected,
            utc_offset_minutes: ground.info.utc_offset.minutes(),
            who: ground.who.clone(),
        },
    })
}

/// Runs a prepared drill with a journal of its own.
pub async fn carry_out_drill(
    job: DrillJob,
    gateway: &dyn Gateway,
    runs_folder: &Path,
    tell: &(dyn Fn(DrillEvent) + Send + Sync),
    cancel: &CancellationToken,
    now: fn() -> UtcTime,
) -> Result<DrillReport, JournalError> {
    let journal = Journal::create(&runs_folder.join(format!("{}.jsonl", job.run.0)))?;
    run_drill(
        job,
        DrillSurroundings {
            gateway,
            journal,
            tell,
            cancel,
            now,
        },
    )
    .await
}

/// A drill that does not begin, in words.
pub fn drill_problem(refusal: &DrillRefusal, database: &str) -> Problem {
    let yours = |sentence: String, hint: &str| Problem {
        kind: ProblemKind::Yours,
        sentence,
        hint: hint.to_owned(),
        details: Vec::new(),
    };
    match refusal {
        DrillRefusal::NoHistory { database } => yours(
            format!("No backups of {database} are known"),
            "A drill restores backups; take one first.",
        ),
        DrillRefusal::NoMoment { scenario } => yours(
            format!(
                "Nothing can be reached with {}",
                explain::scenario(*scenario).to_lowercase()
            ),
            "Choose another scenario, or take the backups that it needs.",
        ),
        DrillRefusal::NotWithThese { scenario } => yours(
            format!(
                "No restore of the last {DRILL_DAYS} days takes a {}, so there is nothing to drill with {}",
                explain::backup_word(scenario.finest()).to_lowercase(),
                explain::scenario(*scenario).to_lowercase()
            ),
            "Without it this scenario is the one before it. Drill that, or take the backups that it needs.",
        ),
        DrillRefusal::Unreachable(refusal) => {
            let mut problem = explain::refusal(refusal, database, None);
            problem.sentence = format!("No drill to that moment: {}", problem.sentence);
            problem
        }
        DrillRefusal::Server(error) => server_problem(error),
    }
}

fn target_of(
    history: &DatabaseHistory,
    order: DrillOrder,
    period: Period,
    model: Option<&RestoreTimeModel>,
) -> Result<(Target, &'static str, Option<u64>), DrillRefusal> {
    let nothing = || DrillRefusal::NoMoment {
        scenario: order.scenario,
    };
    match order.moment {
        DrillMoment::Latest => Ok((Target::Latest, "latest", None)),
        DrillMoment::Typical => {
            let scenario = order.scenario;
            [scenario.kinds(), &[scenario.finest()]]
                .into_iter()
                .find_map(|kinds| history.newest_with(kinds, scenario, period))
                .map(|target| match target {
                    Target::Latest => (target, "latest", None),
                    _ => (target, "typical", None),
                })
                .ok_or(DrillRefusal::NotWithThese { scenario })
        }
        DrillMoment::At(moment) => Ok((Target::At(moment), "moment", None)),
        DrillMoment::Worst => {
            let measured = BTreeMap::new();
            let assessment = Assessment {
                objectives: &[],
                model,
                measured: &measured,
                period,
            };
            let costliest = assessment.costliest(history).ok_or_else(nothing)?;
            Ok((Target::At(costliest.moment), "worst", None))
        }
        DrillMoment::Random { seed } => {
            let coverage = history.coverage(&order.scenario.limits());
            let from = period.from.seconds();
            // Where a window is one moment, as after a full backup, that moment counts as a second.
            let windows: Vec<(i64, i64)> = coverage
                .windows
                .iter()
                .map(|window| {
                    let begin = window.from.instant.seconds().max(from) as i64;
                    (begin, window.to.instant.seconds() as i64)
                })
                .filter(|(begin, end)| begin <= end)
                .collect();
            let whole: i64 = windows.iter().map(|(begin, end)| end - begin + 1).sum();
            if whole <= 0 {
                return Err(nothing());
            }
            let mut drawn = fastrand::Rng::with_seed(seed).i64(0..whole);
            for (begin, end) in windows {
                let length = end - begin + 1;
                if drawn < length {
                    let instant =
                        UtcTime::from_seconds((begin + drawn) as f64).ok_or_else(nothing)?;
                    let moment = history.clock().moment_at(instant);
                    return Ok((Target::At(moment), "random", Some(seed)));
                }
                drawn -= length;
            }
            Err(nothing())
        }
    }
}

/// A name that nobody has: the database, the word, the second.
fn copy_name(database: &str, now: UtcTime) -> String {
    /// `sysname` holds 128 characters.
    const ROOM: usize = 128;
    let end = format!(
        "_drill_{}_{:04x}",
        now.0.format("%Y%m%d_%H%M%S"),
        fastrand::u16(..)
    );
    let kept: String = database.chars().take(ROOM - end.len()).collect();
    format!("{kept}{end}")
}

/// What the server's clock shows, to the second, ISO 8601 without a zone.
async fn server_clock(gateway: &dyn Gateway) -> Result<String, ServerError> {
    let mut connection = gateway.connect().await?;
    let answer = ask(connection.as_mut(), &tsql::server_facts()).await?;
    let local = answer
        .first()
        .and_then(|row| match row.cell("server_clock") {
            crate::server::Cell::Instant(now) => Some(now.naive_local()),
            _ => None,
        });
    Ok(local
        .map(|now| now.format("%Y-%m-%dT%H:%M:%S").to_string())
        .unwrap_or_default())
}
