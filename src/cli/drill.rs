//! `stopat drill`: a restore to a copy that is verified, measured and dropped; made to be run by the operating system's scheduler.

use super::{
    CliError, Exit, Global, Output,
    drill_timer::{Timed, TimerArgs},
    plan::moment_of,
    server::{
        OpenServer, ServerArgs, data_root, failed, open, read_records, say, who, with_own_server,
        workspace,
    },
};
use crate::{
    domain::{DatabaseHistory, History, ScenarioKind, UtcTime},
    explain,
    run::{
        Cleared, DrillEvent, DrillReport, LeftoverSeen, Measured, RehearsalTimes, RunEnd, RunEvent,
        RunId, TimedMoment, clear_leftover, leftovers, look_at_leftover,
    },
    settings::{Workspace, load_applications},
    worker::{
        self, DrillGround, DrillMoment, DrillOrder, DrillRefusal, Elsewhere, RehearsalError,
        RehearsalOf, carry_out_drill, drill_problem, is_practice, left_problem, prepare_drill,
    },
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Arguments of `stopat drill`.
#[derive(Clone, Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("moment").args(["to", "random", "worst"])))]
pub struct DrillArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The database whose backups are restored; it is only read
    #[arg(long, value_name = "NAME")]
    database: String,
    /// The moment, as 2026-11-22T08:28:12; without one the latest that can be reached
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// A moment drawn from the last two weeks
    #[arg(long)]
    random: bool,
    /// What a random moment is drawn from; the same draws the same
    #[arg(long, value_name = "N", requires = "random")]
    seed: Option<u64>,
    /// The moment of the last two weeks that takes longest to go back to
    #[arg(long)]
    worst: bool,
    /// Which backups take part
    #[arg(long, value_name = "WHICH", value_enum, default_value = "log")]
    scenario: ScenarioArg,
    /// Drill every scenario, one after the other
    #[arg(long, conflicts_with_all = ["scenario", "to", "random", "worst"])]
    all: bool,
    /// Make the copy on this server instead, a saved profile that reaches the files by the same paths
    #[arg(long, value_name = "PROFILE")]
    on: Option<String>,
    /// Run DBCC CHECKDB in the copy
    #[arg(long)]
    checkdb: bool,
    /// Show what interrupted drills left, and do nothing else
    #[arg(long, conflicts_with_all = ["to", "random", "worst", "all"])]
    leftovers: bool,
    /// Drop what is shown and proved to be the copy of an interrupted drill
    #[arg(long, requires = "leftovers")]
    drop: bool,
    /// Keep the whole clock of a restore over the original as a rehearsal
    #[arg(long, value_name = "RUN", requires_all = ["incident", "noticed"])]
    rehearsal: Option<String>,
    /// When it broke, as 2026-11-22T08:28:12
    #[arg(long, value_name = "TIME", requires = "rehearsal")]
    incident: Option<String>,
    /// When somebody noticed
    #[arg(long, value_name = "TIME", requires = "rehearsal")]
    noticed: Option<String>,
    #[command(flatten)]
    timer: TimerArgs,
    /// Print what was measured as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ScenarioArg {
    /// The newest full backup alone
    Full,
    /// With its newest differential
    Differential,
    /// With the logs
    Log,
}

impl ScenarioArg {
    fn kind(self) -> ScenarioKind {
        match self {
            Self::Full => ScenarioKind::FullOnly,
            Self::Differential => ScenarioKind::FullDifferential,
            Self::Log => ScenarioKind::FullDifferentialLog,
        }
    }
}

pub fn run(args: &DrillArgs, global: &Global) -> Result<Exit, CliError> {
    let timed = Timed {
        server: &args.server.server,
        database: &args.database,
        scenario: args.scenario.kind(),
        moment: match (args.random, args.worst) {
            (true, _) => TimedMoment::Random,
            (_, true) => TimedMoment::Worst,
            _ => TimedMoment::Latest,
        },
        check_database: args.checkdb,
    };
    if let Some(made) = args.timer.run(&timed, global, &args.output) {
        return made;
    }
    with_own_server(
        &args.server.server,
        &args.server.sign_in,
        global,
        async |server| work(args, global, server).await,
    )
}

async fn work(args: &DrillArgs, global: &Global, server: &OpenServer) -> Result<Exit, CliError> {
    let root = data_root(global)?;
    let workspace = workspace(global, &root)?;
    if args.leftovers {
        return show_leftovers(args, server, &workspace).await;
    }
    let records = read_records(server, global).await?;
    let (history, _) = History::from_records(records);
    if let Some(run) = &args.rehearsal {
        return keep_rehearsal(args, server, &workspace, &history, run);
    }
    let n_left = leftovers(&workspace.runs_folder())
        .iter()
        .filter(|left| left.server == server.reading.info.name)
        .count();
    if n_left > 0 {
        say(&format!(
            "{} may have left a copy; see stopat drill --leftovers",
            explain::count(n_left, "interrupted drill", "interrupted drills")
        ));
    }
    let applications = load_applications(&root.applications_folder()).applications;
    let other = match &args.on {
        Some(name) => Some(open(name, &args.server.sign_in, global).await?),
        None => None,
    };
    let target = other.as_ref().unwrap_or(server);
    let mut reports = Vec::new();
    for order in orders(args, &history)? {
        let measured = Measured::read(&workspace.runs_folder());
        let runs = measured.runs_of(&target.reading.info.name);
        let ground = DrillGround {
            gateway: &server.gateway,
            database: &args.database,
            history: &history,
            info: &server.reading.info,
            elsewhere: other.as_ref().map(|other| Elsewhere {
                gateway: &other.gateway,
                info: &other.reading.info,
            }),
            applications: &applications,
            runs: &runs,
            who: who(target),
            now: worker::now,
        };
        let Some(report) = one(&ground, order, &workspace).await? else {
            continue;
        };
        let cancelled = report.restore.end == RunEnd::Cancelled;
        reports.push(report);
        if cancelled {
            break;
        }
    }
    if args.json {
        let all: Vec<Value> = reports.iter().map(drill_json).collect();
        args.output.write(&format!(
            "{:#}\n",
            json!({ "format": "drills/1", "drills": all })
        ))?;
    }
    Ok(reports
        .iter()
        .map(exit_of)
        .max_by_key(|exit| *exit as u8)
        .unwrap_or(Exit::Unreachable))
}

/// Runs one drill and tells it on standard error; `None` where its scenario would be the one before it.
async fn one(
    ground: &DrillGround<'_>,
    order: DrillOrder,
    workspace: &Workspace,
) -> Result<Option<DrillReport>, CliError> {
    let folder = workspace.runs_folder();
    let job = match prepare_drill(ground, order, &folder).await {
        Ok(job) => job,
        Err(refusal) => {
            let problem = drill_problem(&refusal, ground.database);
            let exit = match refusal {
                DrillRefusal::NotWithThese { .. } => {
                    say(&problem.sentence);
                    return Ok(None);
                }
                DrillRefusal::Server(_) => Exit::Refused,
                _ => Exit::Unreachable,
            };
            return Err(failed(exit, problem));
        }
    };
    say(&format!(
        "{}: {} into {}{}",
        explain::scenario(order.scenario),
        job.plan.moment.as_deref().unwrap_or("the latest"),
        crate::tsql::target_database(&job.restore.plan),
        job.plan
            .estimate_secs
            .map_or_else(String::new, |estimate| format!(
                ", estimated {}",
                explain::duration(estimate)
            ))
    ));
    let cancel = CancellationToken::new();
    let on_interrupt = cancel.clone();
    let interrupt = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            say("stops; the copy is dropped");
            on_interrupt.cancel();
        }
    });
    let tell = |event: DrillEvent| match event {
        DrillEvent::Restore(RunEvent::StepEnded { report, .. }) => say(&format!(
            "  {:<44} {}",
            report.title,
            explain::duration(report.seconds)
        )),
        DrillEvent::CopyDropped => say("  the copy was dropped"),
        DrillEvent::Restore(_) | DrillEvent::Measured(_) => {}
    };
    let report = carry_out_drill(
        job,
        ground.target().gateway,
        &folder,
        &tell,
        &cancel,
        ground.now,
    )
    .await;
    interrupt.abort();
    let report = report.map_err(|error| failed(Exit::Failed, explain::journal_problem(&error)))?;
    say(&format!(
        "{} in {}{}",
        if report.result.verified {
            "verified"
        } else {
            "not verified"
        },
        explain::duration(report.result.seconds),
        if report.plan.simulated {
            ", simulated"
        } else {
            ""
        }
    ));
    for problem in &report.result.problems {
        say(&format!("  {problem}"));
    }
    if let Some(error) = &report.left {
        failed(Exit::Failed, left_problem(error)).report();
    }
    Ok(Some(report))
}

fn orders(args: &DrillArgs, history: &History) -> Result<Vec<DrillOrder>, CliError> {
    if args.all {
        return Ok(DrillOrder::all(args.checkdb));
    }
    let moment = match &args.to {
        Some(text) => {
            let database = database_of(args, history)?;
            DrillMoment::At(moment_of(text, &database)?)
        }
        None if args.random => DrillMoment::Random {
            seed: args.seed.unwrap_or_else(|| fastrand::u64(..)),
        },
        None if args.worst => DrillMoment::Worst,
        None => DrillMoment::Latest,
    };
    Ok(vec![DrillOrder {
        scenario: args.scenario.kind(),
        moment,
        check_database: args.checkdb,
    }])
}

fn database_of(
    args: &DrillArgs,
    history: &History,
) -> Result<std::sync::Arc<DatabaseHistory>, CliError> {
    history.database(&args.database).ok_or_else(|| {
        failed(
            Exit::Unreachable,
            drill_problem(
                &DrillRefusal::NoHistory {
                    database: args.database.clone(),
                },
                &args.database,
            ),
        )
    })
}

fn exit_of(report: &DrillReport) -> Exit {
    if report.left.is_some() {
        return Exit::Failed;
    }
    match report.restore.end {
        RunEnd::Verified => Exit::Done,
        RunEnd::OnlineNotVerified => Exit::NotVerified,
        RunEnd::Cancelled => Exit::Cancelled,
        _ => Exit::Untouched,
    }
}

fn drill_json(report: &DrillReport) -> Value {
    json!({
        "run": report.run.0,
        "restore_run": report.plan.restore_run,
        "plan": report.plan,
        "result": report.result,
        "copy_dropped": report.left.is_none(),
    })
}

/// Shows what interrupted drills left on this server; drops it when that is asked for as well.
async fn show_leftovers(
    args: &DrillArgs,
    server: &OpenServer,
    workspace: &Workspace,
) -> Result<Exit, CliError> {
    let mut exit = Exit::Done;
    let all = leftovers(&workspace.runs_folder());
    let here = all
        .iter()
        .filter(|left| left.server == server.reading.info.name && left.database == args.database);
    for left in here {
        let found = look_at_leftover(&server.gateway, left)
            .await
            .map_err(|error| super::server::server_failed(&error))?;
        match &found {
            LeftoverSeen::NotThere => say(&format!("{}: nothing of it is there", left.copy)),
            LeftoverSeen::AtWork { session_id } => {
                say(&format!(
                    "{}: session {session_id} still restores it; ask again in a moment",
                    left.copy
                ));
                exit = Exit::Failed;
                continue;
            }
            LeftoverSeen::Ours(identity) => say(&format!(
                "{}: {}, created {} by the drill {} of {}",
                left.copy, identity.state, identity.create_date, left.drill.0, left.database
            )),
            LeftoverSeen::NotOurs(identity) => {
                say(&format!(
                    "{}: a database of this name is {}, and no drill made it; it stays",
                    left.copy, identity.state
                ));
                continue;
            }
        }
        if !args.drop {
            continue;
        }
        match clear_leftover(&server.gateway, left, worker::now).await {
            Ok(Cleared::Dropped) => say(&format!("{} was dropped", left.copy)),
            Ok(Cleared::NotThere) => {}
            Err(error) => {
                exit = Exit::Failed;
                failed(Exit::Failed, left_problem(&error)).report();
            }
        }
    }
    Ok(exit)
}

/// Puts what people know before what the journal of a restore tells.
fn keep_rehearsal(
    args: &DrillArgs,
    server: &OpenServer,
    workspace: &Workspace,
    history: &History,
    run: &str,
) -> Result<Exit, CliError> {
    let database = database_of(args, history)?;
    let at = |text: &Option<String>| -> Result<UtcTime, CliError> {
        Ok(moment_of(text.as_deref().unwrap_or_default(), &database)?.instant)
    };
    let times = RehearsalTimes {
        incident: at(&args.incident)?,
        noticed: at(&args.noticed)?,
    };
    let restore = RunId(run.to_owned());
    let of = RehearsalOf {
        restore: &restore,
        server: &server.reading.info.name,
        database: &args.database,
        simulated: is_practice(&server.reading.info),
        who: who(server),
    };
    let kept = worker::keep_rehearsal(workspace, of, times).map_err(|error| match error {
        RehearsalError::NotThat => CliError::usage(
            format!("{run} is no restore that ended after somebody noticed"),
            "Give a run of stopat runs, and times in their order: incident, noticed, restore.",
        ),
        RehearsalError::Journal(error) => CliError::usage(
            format!("The journal of {run} cannot be read"),
            error.to_string(),
        ),
    })?;
    for phase in &kept.phases {
        say(&format!(
            "  {:<10} {}",
            phase.kind.word(),
            explain::duration(phase.seconds)
        ));
    }
    say(&format!(
        "rehearsal: {} from the incident to the application",
        explain::duration(kept.seconds())
    ));
    if args.json {
        args.output.write(&format!("{:#}\n", json!(kept)))?;
    }
    Ok(Exit::Done)
}
