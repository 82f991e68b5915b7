//! `stopat plan`: the way to a moment, planned without touching anything.

use super::{
    CliError, Exit, Global, Output,
    choice::ChoiceArgs,
    files::{self, Folders, MappingArgs},
    server::{
        OpenServer, SignInArgs, costs_of, nothing_known, read_records, say, server_failed,
        with_own_server,
    },
};
use crate::{
    domain::{
        CostModel, DatabaseHistory, Destination, EstimateBasis, History, HistoryNote,
        HistoryRecords, MarkStop, Refusal, RestorePlan, RestoreRequest, ServerTime, Start, Tail,
        Target, UtcTime, check, is_proved, plan,
    },
    explain::{self, Problem, ProblemKind},
    formats::{
        backup_history::{self, HistoryFile, parse_server_time},
        restore_plan::{self, Answer},
    },
    run::read_restoring,
    server::Gateway as _,
    tsql,
};
use chrono::DateTime;
use std::path::PathBuf;

/// Arguments of `stopat plan`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("source").required(true).multiple(true).args(["history", "server", "folder"])))]
#[command(group(clap::ArgGroup::new("moment").required(true).args(["to", "latest", "to_mark", "before_mark"])))]
#[command(group(clap::ArgGroup::new("shape").args(["json", "sql"])))]
pub struct PlanArgs {
    /// A history as `stopat history --json` writes it; several are merged
    #[arg(long, value_name = "FILE")]
    history: Vec<PathBuf>,
    /// Read the history from this server; with --continue and another source only where the database stands
    #[arg(long, value_name = "PROFILE")]
    server: Option<String>,
    #[command(flatten)]
    sign_in: SignInArgs,
    /// Read the history from the backup files in this folder; several are joined
    #[arg(long, value_name = "DIR", conflicts_with = "history")]
    folder: Vec<PathBuf>,
    #[command(flatten)]
    mapping: MappingArgs,
    /// The database to restore
    #[arg(long, value_name = "NAME")]
    database: String,
    /// Go on with a database that is RESTORING on the server: this one, else --database itself
    #[arg(long = "continue", value_name = "NAME", num_args = 0..=1, default_missing_value = "", requires = "server", conflicts_with = "copy")]
    go_on: Option<String>,
    /// The moment, as 2026-11-22T08:28:12: the server's local time, or with an offset an instant
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The latest state that the backups hold
    #[arg(long)]
    latest: bool,
    /// The mark that a transaction left in the log, with that transaction
    #[arg(long, value_name = "NAME")]
    to_mark: Option<String>,
    /// The same, without that transaction
    #[arg(long, value_name = "NAME")]
    before_mark: Option<String>,
    /// Of several marks with one name, the first at or after this time; else the newest
    #[arg(long, value_name = "TIME")]
    mark_after: Option<String>,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Plan a copy with this name
    #[arg(long = "as", value_name = "NAME")]
    copy: Option<String>,
    /// Put every file of the copy into this folder, as the server sees it
    #[arg(long, value_name = "DIR", requires = "copy")]
    files_to: Option<String>,
    /// Print the plan as JSON (restore-plan/1)
    #[arg(long)]
    json: bool,
    /// Print the T-SQL that carries out the plan
    #[arg(long)]
    sql: bool,
    #[command(flatten)]
    output: Output,
}

/// What a plan is made from.
struct Ground {
    history: History,
    notes: Vec<HistoryNote>,
    /// Learnt from restores on the server; bytes where there is none.
    costs: CostModel,
    /// Where the database stands that is gone on with.
    start: Start,
}

/// Reads the history, and of a server what it measured and where the database stands.
fn load(args: &PlanArgs, global: &Global) -> Result<Ground, CliError> {
    let from_files = !(args.history.is_empty() && args.folder.is_empty());
    let Some(server) = &args.server else {
        let (history, notes) = load_files(args)?;
        return Ok(Ground {
            history,
            notes,
            costs: CostModel::default(),
            start: Start::Nothing,
        });
    };
    if from_files && args.go_on.is_none() {
        return Err(CliError::usage(
            "The history comes from files or from a server, not from both",
            "With --continue the server tells where the database stands, and files may tell the history.",
        ));
    }
    let files = from_files.then(|| load_files(args)).transpose()?;
    with_own_server(server, &args.sign_in, global, async |server| {
        let (history, notes) = match files {
            Some(files) => files,
            None => {
                let records = read_records(server, global).await?;
                History::from_records(records)
            }
        };
        let start = match continued(args) {
            Some(name) => where_it_stands(server, name).await?,
            None => Start::Nothing,
        };
        let costs = costs_of(&server.reading, global)?;
        Ok(Ground {
            history,
            notes,
            costs,
            start,
        })
    })
}

/// The database that is gone on with.
fn continued(args: &PlanArgs) -> Option<&str> {
    let name = args.go_on.as_deref()?;
    Some(if name.is_empty() {
        &args.database
    } else {
        name
    })
}

async fn where_it_stands(server: &OpenServer, name: &str) -> Result<Start, CliError> {
    let reading = async {
        let mut connection = server.gateway.connect().await?;
        read_restoring(connection.as_mut(), name).await
    };
    match reading.await.map_err(|error| server_failed(&error))? {
        Some(state) => Ok(Start::Restoring(Box::new(state))),
        None => Err(CliError::usage(
            format!(
                "{name} is not RESTORING on {} with a backup that was restored to its end",
                server.reading.info.name
            ),
            "--continue goes on with a database that a restore has left part of the way.",
        )),
    }
}

/// The history that files tell.
fn load_files(args: &PlanArgs) -> Result<(History, Vec<HistoryNote>), CliError> {
    if !args.folder.is_empty() {
        return read_files(args);
    }
    merged(&args.history)
}

/// The history of several files together, each as `stopat history --json` wrote it.
pub(super) fn merged(paths: &[PathBuf]) -> Result<(History, Vec<HistoryNote>), CliError> {
    let mut notes = Vec::new();
    let mut files = Vec::new();
    for path in paths {
        let HistoryFile {
            origin: _,
            records,
            notes: odd,
        } = read_history_file(path)?;
        notes.extend(odd);
        files.push(records);
    }
    let (history, odd) = History::from_records(HistoryRecords::merge(files));
    notes.extend(odd);
    if history.zones_conflict() {
        return Err(CliError::usage(
            "The servers of these histories lie in different zones, and the first file does not say which one counts",
            "Add server.utc_offset_minutes to the first file, or plan on one server's history.",
        ));
    }
    Ok((history, notes))
}

/// The history that the files of folders make; what could not be read is told.
fn read_files(args: &PlanArgs) -> Result<(History, Vec<HistoryNote>), CliError> {
    let Folders { report, found } = files::read(&args.folder, &args.mapping)?;
    files::report_problems(&report);
    if found.unmapped > 0 && args.sql {
        say(&match args.mapping.is_empty() {
            true => "the paths are those of this PC; --server-path HERE=SERVER writes them as the server sees them".to_owned(),
            false => format!(
                "{} in no folder of --server-path: the path is that of this PC",
                explain::count(found.unmapped, "file lies", "files lie")
            ),
        });
    }
    let (history, notes) = History::of_each_database(found.records);
    Ok((history, notes))
}

pub(super) fn read_history_file(path: &PathBuf) -> Result<HistoryFile, CliError> {
    let unreadable = |details: String| {
        let mut error = CliError::usage(
            format!("{} cannot be read as a backup history", path.display()),
            "It must be a file that `stopat history --json` wrote.",
        );
        error.problem.kind = ProblemKind::File;
        error.problem.details.push(details);
        error
    };
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    backup_history::parse(&bytes).map_err(|error| unreadable(error.to_string()))
}

/// Plans, and prints the answer in the wanted shape.
pub fn run(args: &PlanArgs, global: &Global) -> Result<Exit, CliError> {
    let Ground {
        history,
        notes,
        costs,
        start,
    } = load(args, global)?;
    let Some(database) = history.database(&args.database) else {
        if !args.sql {
            report_notes(&notes);
        }
        return unknown_database(args, &history);
    };
    let request = RestoreRequest {
        costs,
        start,
        ..request_of(args, &database)?
    };
    let result = plan(&database, &request);
    // A script that cannot be written leaves nothing but its reason on standard error.
    if !args.sql || result.is_ok() {
        report_notes(&notes);
    }
    if let Some(plan) = result
        .as_ref()
        .ok()
        .or(result.as_ref().err().and_then(|r| r.tail.as_deref()))
    {
        let findings = check(plan, &database);
        if !is_proved(&findings) {
            return Err(unproved(&findings));
        }
    }
    let exit = match &result {
        Ok(_) => Exit::Done,
        Err(_) => Exit::Unreachable,
    };
    if args.json {
        let coverage = database.coverage(&request.limits());
        let answer = Answer {
            history: &database,
            request: &request,
            result: result.as_ref().map_err(|refusal| &**refusal),
            coverage: &coverage,
        };
        args.output.write(&restore_plan::to_json(&answer))?;
        return Ok(exit);
    }
    match result {
        Ok(plan) if args.sql => {
            let script = tsql::restore_script(&plan, &tsql::ServerFacts::default());
            args.output.write(&script.to_sql())?;
        }
        Ok(plan) => args.output.write(&table(&plan))?,
        Err(refusal) => {
            if !args.sql
                && let Some(plan) = &refusal.tail
            {
                args.output.write(&table(plan))?;
            }
            report_refusal(&refusal, &database);
        }
    }
    Ok(exit)
}

pub(super) fn unproved(findings: &[crate::domain::Finding]) -> CliError {
    let mut error = CliError::usage(
        "The planner made a plan that the checker refuses; this is our fault",
        "Please report it with the history file.",
    );
    error.exit = Exit::Failed;
    error.problem.kind = ProblemKind::Ours;
    error.problem.details = findings.iter().map(explain::finding).collect();
    error
}

fn request_of(args: &PlanArgs, database: &DatabaseHistory) -> Result<RestoreRequest, CliError> {
    let target = match (&args.to, &args.to_mark, &args.before_mark) {
        (Some(text), ..) => Target::At(moment_of(text, database)?),
        (None, Some(name), _) => mark_of(args, database, name, MarkStop::At)?,
        (None, None, Some(name)) => mark_of(args, database, name, MarkStop::Before)?,
        (None, None, None) => Target::Latest,
    };
    let mut request = RestoreRequest {
        destination: match (&args.copy, continued(args)) {
            (Some(name), _) => Destination::Copy {
                name: name.clone(),
                files_to: args.files_to.clone(),
            },
            (None, Some(name)) if name.to_lowercase() != database.name().to_lowercase() => {
                Destination::Copy {
                    name: name.to_owned(),
                    files_to: None,
                }
            }
            (None, _) => Destination::Original,
        },
        ..RestoreRequest::to(target)
    };
    args.choice.choose(&mut request, database)?;
    Ok(request)
}

/// The mark of this name: the first at or after the given time, else the newest.
fn mark_of(
    args: &PlanArgs,
    database: &DatabaseHistory,
    name: &str,
    stop: MarkStop,
) -> Result<Target, CliError> {
    let after = args
        .mark_after
        .as_ref()
        .map(|text| moment_of(text, database))
        .transpose()?;
    let mut named = database.marks().iter().filter(|mark| &*mark.name == name);
    let found = match after {
        Some(after) => named.find(|mark| mark.at.instant >= after.instant),
        None => named.next_back(),
    };
    let Some(mark) = found else {
        let mut names: Vec<&str> = database.marks().iter().map(|mark| &*mark.name).collect();
        names.sort_unstable();
        names.dedup();
        names.truncate(12);
        let hint = if names.is_empty() {
            "This history has no marks.".to_owned()
        } else {
            format!("It knows {}.", names.join(", "))
        };
        return Err(CliError::usage(
            format!("No mark {name} is known of {}", database.name()),
            hint,
        ));
    };
    Ok(Target::Mark(mark.target(stop)))
}

/// Local time of the server that took the backups, or with an offset an instant.
pub(super) fn moment_of(
    text: &str,
    database: &DatabaseHistory,
) -> Result<crate::domain::Moment, CliError> {
    let clock = database.clock();
    if let Some(instant) = parse_instant(text) {
        if !clock.knows_zone() {
            return Err(CliError::usage(
                format!("{text} has an offset, and the zone of the server is unknown"),
                "Give the server's local time, without an offset.",
            ));
        }
        return Ok(clock.moment_at(UtcTime(instant)));
    }
    match parse_server_time(text) {
        Some(time) => Ok(clock.moment(time)),
        None => Err(bad_time(text)),
    }
}

fn parse_instant(text: &str) -> Option<DateTime<chrono::Utc>> {
    let text = text.trim();
    let formats = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
    ];
    DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| {
            formats
                .iter()
                .find_map(|format| DateTime::parse_from_str(text, format).ok())
        })
        .map(|instant| instant.to_utc())
}

fn bad_time(text: &str) -> CliError {
    CliError::usage(
        format!("{text} is not a time"),
        "Write it as 2026-11-22T08:28:12, or with an offset as 2026-11-22T08:28:12+01:00.",
    )
}

fn unknown_database(args: &PlanArgs, history: &History) -> Result<Exit, CliError> {
    let error = nothing_known(&args.database, history);
    if args.json {
        let target = match &args.to {
            Some(text) => {
                let time = parse_server_time(text)
                    .or_else(|| {
                        let instant = parse_instant(text)?;
                        Some(history.clock().server_time(UtcTime(instant)))
                    })
                    .ok_or_else(|| bad_time(text))?;
                Target::At(history.clock().moment(time))
            }
            None => Target::Latest,
        };
        let Problem { sentence, hint, .. } = &error.problem;
        let json = restore_plan::unknown_database_json(&args.database, target, sentence, hint);
        args.output.write(&json)?;
        return Ok(error.exit);
    }
    Err(error)
}

#[expect(clippy::print_stderr, reason = "notes go to standard error")]
fn report_notes(notes: &[HistoryNote]) {
    for note in notes {
        eprintln!("stopat: note: {}", explain::history_note(note).1);
    }
}

pub(super) fn report_refusal(refusal: &Refusal, database: &DatabaseHistory) {
    let problem = explain::refusal(refusal, database.name(), Some(database));
    let exit = Exit::Unreachable;
    CliError { exit, problem }.report();
}

/// The plan for people: a step a line.
fn table(plan: &RestorePlan) -> String {
    let mut text = format!("{} to {}\n", plan.database, target_words(plan));
    if let Some(state) = plan.start.restoring() {
        text += &format!(
            "from     {}, which is RESTORING and needs the log from {} on\n",
            tsql::target_database(plan),
            state.redo
        );
    }
    if let Some(tail) = plan.tail {
        text += match tail {
            Tail::LogBackup => "first    back up the log (copy-only), and restore it last\n",
            Tail::TailLog => {
                "first    back up the tail of the log (NORECOVERY), and restore it last\n"
            }
        };
    }
    for (n, step) in plan.steps.iter().enumerate() {
        let stop = step
            .stop_at
            .map(|stop| format!("  STOPAT {stop}"))
            .unwrap_or_default();
        text += &format!(
            "{:>4}  {:<20}  {}  {:>9}{stop}\n",
            n + 1,
            explain::kind_name(step.backup_type),
            show_time(step.start),
            explain::size_or_unknown(step.bytes),
        );
        for device in &step.devices {
            text += &format!("      {} FILE = {}\n", device.name(), step.position);
        }
    }
    let read = match plan.bytes {
        Some(bytes) => format!("{} to read", explain::size(bytes)),
        None => "size unknown".to_owned(),
    };
    let n_steps = explain::count(plan.steps.len(), "step", "steps");
    text += &format!("{n_steps}, {read}{}\n", estimate_words(plan));
    for file in &plan.moves {
        text += &format!("move  {} to {}\n", file.logical_name, file.to);
    }
    for note in &plan.notes {
        text += &format!("note  {}\n", explain::plan_note(note).1);
    }
    text
}

/// How long it takes, with the basis.
fn estimate_words(plan: &RestorePlan) -> String {
    plan.estimate.map_or_else(String::new, |estimate| {
        let basis = match estimate.basis {
            EstimateBasis::Measured => "as restores were measured here",
            EstimateBasis::BackupSpeed => "at the speed of the backups",
        };
        format!(", about {} {basis}", explain::duration(estimate.seconds))
    })
}

fn target_words(plan: &RestorePlan) -> String {
    match (plan.target, plan.reaches) {
        (Target::At(moment), _) => explain::server_time_with_zone(moment.server, plan.utc_offset),
        (Target::Mark(mark), _) => {
            let name = plan.stop_mark.as_ref().map_or("", |mark| &mark.name);
            let before = match mark.stop {
                MarkStop::At => "",
                MarkStop::Before => "just before ",
            };
            format!(
                "{before}the mark {name} of {}",
                explain::server_time_with_zone(mark.at.server, plan.utc_offset)
            )
        }
        (Target::Latest, Some(reaches)) => format!(
            "the latest state, {}",
            explain::server_time_with_zone(reaches, plan.utc_offset)
        ),
        (Target::Latest, None) => "the latest state".to_owned(),
    }
}

fn show_time(time: ServerTime) -> String {
    format!("{:>20}", explain::server_time(time))
}
