//! `stopat schedule`: shows, applies, looks after and removes the backup schedule of a database.

use super::{
    CliError, Exit, Global, Output, schedule_text,
    server::{
        OpenServer, ServerArgs, data_root, failed, nothing_known, read_records, say, server_failed,
        who, with_own_server, workspace,
    },
};
use crate::{
    domain::{AgentState, Deleting, History, Policy, PolicyDatabases, ServerPath, retention},
    explain::{self, Problem, ProblemKind, schedule as words},
    formats::{
        os_schedule::{OsScheduler, SqlcmdTarget, os_schedule},
        schedule as format,
    },
    run::{
        Outcome, PlaceCheck, RunId, check_place, journal_path,
        schedule::{
            ChangeReport, Changing, KnownDatabase, Outlook, ScheduleReading, apply_schedule,
            outlook, read_schedule, remove_schedule, run_retention,
        },
    },
    server::{Gateway as _, read_databases},
    settings::load_applications,
    tsql::ServerFacts,
    worker,
};
use std::{collections::BTreeSet, num::NonZeroU32, path::PathBuf};
use tokio_util::sync::CancellationToken;

/// Arguments of `stopat schedule`.
#[derive(Debug, clap::Args)]
pub struct ScheduleArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The database to be backed up
    #[arg(long, value_name = "NAME", required_unless_present = "all_databases")]
    database: Option<String>,
    /// Back up every user database that is there when a job runs
    #[arg(long, conflicts_with = "database")]
    all_databases: bool,
    /// With --all-databases: leave this one out
    #[arg(long, value_name = "NAME", requires = "all_databases")]
    except: Vec<String>,
    /// The schedule to begin with, by the name that its application gives it; without it, the one on the server
    #[arg(long, value_name = "PRESET")]
    preset: Option<String>,
    /// The folder above those of the backups, as the server sees it
    #[arg(long, value_name = "FOLDER")]
    share: Option<String>,
    /// An operator of SQL Server Agent who gets an e-mail when a job fails
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
    /// How many days back every moment stays reachable
    #[arg(long, value_name = "N")]
    window_days: Option<NonZeroU32>,
    /// How many of the newest full backups always stay, with their logs
    #[arg(long, value_name = "N")]
    least_fulls: Option<NonZeroU32>,
    /// Allow old files to be deleted by --retention --delete
    #[arg(long)]
    allow_deleting: bool,
    #[command(flatten)]
    what: What,
    /// Apply although other jobs or products back this up too; typed as SERVER:DATABASE
    #[arg(long, value_name = "SERVER:NAME", requires = "apply")]
    although_backed_up: Option<String>,
    /// Overwrite what somebody changed in the jobs by hand
    #[arg(long, requires = "apply")]
    overwrite_changes: bool,
    /// With --retention: delete the files of the list that may go
    #[arg(long, requires = "retention")]
    delete: bool,
    /// With --os-files: where the files will lie on the machine that runs them
    #[arg(long, value_name = "FOLDER", requires = "os_files")]
    os_folder: Option<String>,
    /// With --os-files: whose scheduler
    #[arg(long, value_enum, requires = "os_files")]
    os: Option<OsArg>,
    /// Print everything as JSON (schedule/1)
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    output: Output,
}

/// What is done; nothing of it shows what would be done.
#[derive(Debug, Default, clap::Args)]
#[group(multiple = false)]
struct What {
    /// Print the T-SQL
    #[arg(long)]
    script: bool,
    /// Create or change the jobs
    #[arg(long)]
    apply: bool,
    /// Remove the jobs with their steps and schedules
    #[arg(long)]
    remove: bool,
    /// Print how the jobs stand
    #[arg(long)]
    status: bool,
    /// Print which files may go, and why the others stay
    #[arg(long)]
    retention: bool,
    /// Write files for the operating system's scheduler, for a server without SQL Server Agent
    #[arg(long, value_name = "DIR")]
    os_files: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum OsArg {
    Windows,
    Systemd,
}

pub fn run(args: &ScheduleArgs, global: &Global) -> Result<Exit, CliError> {
    with_own_server(
        &args.server.server,
        &args.server.sign_in,
        global,
        async |server| on_server(args, global, server).await,
    )
}

/// What is known of the server, and the policy that the arguments mean.
struct Known {
    reading: ScheduleReading,
    /// The folders that the policy writes to, as the server sees them.
    places: Vec<PlaceCheck>,
    history: History,
    databases: Vec<KnownDatabase>,
    facts: ServerFacts,
    policy: Policy,
}

async fn on_server(
    args: &ScheduleArgs,
    global: &Global,
    server: &OpenServer,
) -> Result<Exit, CliError> {
    let known = look(args, global, server).await?;
    let outlook = outlook(
        &known.policy,
        &known.reading,
        &known.databases,
        &known.facts,
    );
    if args.what.script {
        args.output.write(&outlook.script.to_sql())?;
        return Ok(Exit::Done);
    }
    if args.what.remove {
        return remove(args, global, server, &known).await;
    }
    if args.what.retention {
        return retain(args, global, server, &known, &outlook).await;
    }
    if let Some(folder) = &args.what.os_files {
        return write_os_files(args, server, &known, &outlook, folder);
    }
    if args.what.apply {
        return apply(args, global, server, &known, &outlook).await;
    }
    let text = if args.json {
        format::to_json(&outlook, &known.reading, None)
    } else if args.what.status {
        schedule_text::status(&known.policy, &known.reading)
    } else {
        schedule_text::preview(&outlook, &known.reading, &known.places)
    };
    args.output.write(&text)?;
    Ok(Exit::Done)
}

async fn look(
    args: &ScheduleArgs,
    global: &Global,
    server: &OpenServer,
) -> Result<Known, CliError> {
    let failed = |error| server_failed(&error);
    let mut connection = server.gateway.connect().await.map_err(failed)?;
    let reading = read_schedule(connection.as_mut()).await.map_err(failed)?;
    let (history, _) = History::from_records(read_records(server, global).await?);
    let all = read_databases(connection.as_mut()).await.map_err(failed)?;
    let scope = match &args.database {
        Some(name) => PolicyDatabases::One(
            all.iter()
                .find(|database| database.name.to_lowercase() == name.to_lowercase())
                .map(|database| database.name.clone())
                .ok_or_else(|| {
                    let mut error = CliError::usage(
                        format!(
                            "There is no database {name} on {}",
                            server.reading.info.name
                        ),
                        "Check the name.",
                    );
                    error.exit = Exit::Unreachable;
                    error
                })?,
        ),
        None => PolicyDatabases::AllUser {
            except: args.except.iter().cloned().collect::<BTreeSet<_>>(),
        },
    };
    let databases: Vec<KnownDatabase> = all
        .iter()
        .filter(|database| database.database_id > 4 && scope.includes(&database.name))
        .map(|database| KnownDatabase {
            name: database.name.clone(),
            history: history.database(&database.name),
            is_simple: database.recovery_model.as_deref() == Some("SIMPLE"),
        })
        .collect();
    let policy = policy(args, global, server, &reading, &databases, scope)?;
    let mut places = Vec::new();
    for backup in &policy.backups {
        let folder = ServerPath::new(policy.place(backup.kind).unwrap_or_default());
        let check = check_place(connection.as_mut(), &folder).await;
        places.push(check.map_err(failed)?);
    }
    Ok(Known {
        reading,
        places,
        history,
        databases,
        facts: ServerFacts {
            server_name: Some(server.reading.info.name.clone()),
            tail_file: None,
        },
        policy,
    })
}

/// The preset, or the policy that is on the server already, with what the arguments change.
fn policy(
    args: &ScheduleArgs,
    global: &Global,
    server: &OpenServer,
    reading: &ScheduleReading,
    databases: &[KnownDatabase],
    scope: PolicyDatabases,
) -> Result<Policy, CliError> {
    let id = crate::domain::PolicyId::of(&scope);
    let installed = reading.policy(&id).and_then(|found| found.policy.clone());
    let share = args
        .share
        .clone()
        .or_else(|| installed.as_ref().map(|policy| policy.share.clone()))
        .or_else(|| {
            databases
                .iter()
                .find_map(|database| crate::domain::usual_share(database.history.as_deref()?))
        })
        .or_else(|| server.reading.info.default_backup_path.clone())
        .ok_or_else(|| {
            CliError::usage(
                "Where the backups go is missing",
                "Say it with --share, as the server sees it.",
            )
        })?;
    // The policy of all user databases is looked at one database at a time, and changed as a whole.
    if args.preset.is_none()
        && let PolicyDatabases::One(name) = &scope
        && let Some(on_server) = reading.policy_of(name)
        && let Some(of_all) = on_server.policy.clone().filter(|_| on_server.id != id)
    {
        let what = &args.what;
        if what.apply || what.remove || what.script || what.os_files.is_some() {
            return Err(CliError::usage(
                format!("{name} is backed up by the schedule of all user databases"),
                "Change that one with --all-databases, or begin one of its own with a preset, as --preset octopus.",
            ));
        }
        return Ok(with_changes(of_all, args));
    }
    let policy = match (&args.preset, installed) {
        (None, Some(policy)) => Policy {
            databases: scope,
            share,
            ..policy
        },
        (None, None) => {
            return Err(CliError::usage(
                "There is no schedule of stopat for this yet",
                "Begin with a preset, as --preset octopus.",
            ));
        }
        (Some(name), _) => preset(name, global, scope, &share)?,
    };
    Ok(with_changes(policy, args))
}

fn with_changes(mut policy: Policy, args: &ScheduleArgs) -> Policy {
    if args.operator.is_some() {
        policy.notify.operator.clone_from(&args.operator);
    }
    if let Some(days) = args.window_days {
        policy.retention.window_days = days;
    }
    if let Some(fulls) = args.least_fulls {
        policy.retention.least_fulls = fulls;
    }
    if args.allow_deleting {
        policy.retention.deleting = Deleting::WhenAsked;
    }
    policy
}

fn preset(
    name: &str,
    global: &Global,
    scope: PolicyDatabases,
    share: &str,
) -> Result<Policy, CliError> {
    let root = data_root(global)?;
    let applications = load_applications(&root.applications_folder()).applications;
    let found = applications.iter().find_map(|application| {
        let preset = application.schedule.as_ref()?;
        preset
            .preset
            .eq_ignore_ascii_case(name)
            .then_some((preset, &application.objectives))
    });
    let Some((preset, objectives)) = found else {
        let names: Vec<&str> = applications
            .iter()
            .filter_map(|application| Some(application.schedule.as_ref()?.preset.as_str()))
            .collect();
        return Err(CliError::usage(
            format!("There is no preset {name}"),
            format!("There are {}.", names.join(", ")),
        ));
    };
    preset
        .policy(scope, share, objectives)
        .map_err(|error| CliError::usage(format!("The preset {name} is no schedule: {error}"), ""))
}

fn changing<'a>(
    global: &Global,
    server: &'a OpenServer,
    known: &Known,
) -> Result<Changing<'a>, CliError> {
    let root = data_root(global)?;
    let workspace = workspace(global, &root)?;
    let run = RunId::new(worker::now(), fastrand::u16(..));
    Ok(Changing {
        gateway: &server.gateway,
        journal: journal_path(workspace.folder(), &run),
        run,
        who: who(server),
        about: known.policy.databases.title().to_owned(),
        facts: known.facts.clone(),
        now: worker::now,
        cancel: CancellationToken::new(),
    })
}

fn refused(sentence: String, hint: &str, details: Vec<String>) -> CliError {
    failed(
        Exit::Refused,
        Problem {
            kind: ProblemKind::Yours,
            sentence,
            hint: hint.to_owned(),
            details,
        },
    )
}

async fn apply(
    args: &ScheduleArgs,
    global: &Global,
    server: &OpenServer,
    known: &Known,
    outlook: &Outlook,
) -> Result<Exit, CliError> {
    if known.reading.agent == AgentState::Absent {
        return Err(refused(
            "This server has no SQL Server Agent that could run jobs".to_owned(),
            "Make files for the operating system's scheduler with --os-files DIR.",
            Vec::new(),
        ));
    }
    let typed = format!(
        "{}:{}",
        server.reading.info.name,
        known.policy.databases.title()
    );
    if outlook.needs_override() && args.although_backed_up.as_deref() != Some(typed.as_str()) {
        return Err(refused(
            "Something else backs this up already, and two schedules disturb each other's chains"
                .to_owned(),
            &format!("Switch the other off first, or add --although-backed-up \"{typed}\"."),
            outlook.conflicts.iter().map(words::conflict).collect(),
        ));
    }
    if !outlook.by_hand.is_empty() && !args.overwrite_changes {
        return Err(refused(
            "Somebody changed the jobs by hand".to_owned(),
            "Look at the differences, then add --overwrite-changes, or leave the jobs as they are.",
            schedule_text::difference_lines(&outlook.by_hand),
        ));
    }
    if outlook.changes.is_empty() {
        say("nothing to change: the jobs are as the policy wants them");
        return Ok(Exit::Done);
    }
    let changing = changing(global, server, known)?;
    let report = apply_schedule(
        &outlook.jobs,
        &outlook.overwrite,
        &outlook.unwanted,
        changing,
    )
    .await
    .map_err(|error| failed(Exit::Failed, words::change_problem(&error)))?;
    ended(&report)
}

fn ended(report: &ChangeReport) -> Result<Exit, CliError> {
    for step in &report.steps {
        match &step.outcome {
            Outcome::Failed(failure) => {
                let mut problem = explain::step_failure(failure);
                problem.details.push(format!("in: {}", step.title));
                return Err(failed(Exit::Failed, problem));
            }
            outcome => say(&format!(
                "{}: {}",
                step.title,
                outcome.word().replace('_', " ")
            )),
        }
    }
    say(&format!("journal: {}", report.run.0));
    Ok(Exit::Done)
}

async fn remove(
    args: &ScheduleArgs,
    global: &Global,
    server: &OpenServer,
    known: &Known,
) -> Result<Exit, CliError> {
    let id = known.policy.id();
    let Some(installed) = known.reading.policy(&id) else {
        say("there is no schedule of stopat for this");
        return Ok(Exit::Done);
    };
    let report = remove_schedule(&installed.seen(), changing(global, server, known)?)
        .await
        .map_err(|error| failed(Exit::Failed, words::change_problem(&error)))?;
    let exit = ended(&report)?;
    args.output.write("")?;
    Ok(exit)
}

async fn retain(
    args: &ScheduleArgs,
    global: &Global,
    server: &OpenServer,
    known: &Known,
    outlook: &Outlook,
) -> Result<Exit, CliError> {
    let Some(name) = &args.database else {
        return Err(CliError::usage(
            "Retention looks at one database at a time",
            "Name it with --database; the policy of all user databases is found as well.",
        ));
    };
    let Some(history) = known.history.database(name) else {
        return Err(nothing_known(name, &known.history));
    };
    let list = retention(&history, &known.policy, known.reading.now);
    let text = if args.json {
        format::to_json(outlook, &known.reading, Some((&history, &list)))
    } else {
        schedule_text::retention_table(&list, &known.policy)
    };
    args.output.write(&text)?;
    if !args.delete {
        return Ok(Exit::Done);
    }
    let report = run_retention(
        &history,
        &known.policy,
        &list,
        changing(global, server, known)?,
    )
    .await
    .map_err(|error| failed(Exit::Refused, words::retention_problem(&error)))?;
    say(&words::retention_line(&report));
    match report.doubt {
        None => Ok(Exit::Done),
        Some(doubt) => Err(failed(Exit::Refused, words::retention_doubt(&doubt))),
    }
}

fn write_os_files(
    args: &ScheduleArgs,
    server: &OpenServer,
    known: &Known,
    outlook: &Outlook,
    folder: &std::path::Path,
) -> Result<Exit, CliError> {
    let endpoint = &server.gateway.endpoint;
    let name = SqlcmdTarget::server(&endpoint.host, endpoint.instance.as_deref(), endpoint.port);
    let user = match &server.gateway.credentials {
        crate::server::Credentials::SqlLogin { user, .. } => Some(user.clone()),
        _ => None,
    };
    let scheduler = match args.os {
        Some(OsArg::Windows) => OsScheduler::Windows,
        Some(OsArg::Systemd) => OsScheduler::Systemd,
        None => worker::own_scheduler(),
    };
    // The scheduler starts them in a folder of its own.
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let target = SqlcmdTarget {
        server: name,
        user,
        folder: args
            .os_folder
            .clone()
            .unwrap_or_else(|| absolute.display().to_string()),
    };
    let made = os_schedule(&known.policy, &outlook.jobs, &target, scheduler);
    worker::write_timer(&made, folder).map_err(|error| {
        let mut problem = CliError::usage(
            format!("The files could not be written to {}", folder.display()),
            "Choose another folder.",
        );
        problem.problem.details.push(error.to_string());
        problem
    })?;
    let mut text = String::new();
    for what in &outlook.plan.left_out {
        text += &format!("left out: {}\n", words::left_out(*what));
    }
    for file in &made.files {
        text += &format!("{}\n", folder.join(&file.name).display());
    }
    text += "to register them:\n";
    for command in &made.commands {
        text += &format!("  {command}\n");
    }
    args.output.write(&text)?;
    Ok(Exit::Done)
}
