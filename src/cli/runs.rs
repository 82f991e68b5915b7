//! `stopat runs`: what ran in a workspace, and going on with what was interrupted.

use super::{
    CliError, Exit, Global, Output,
    plan::{moment_of, read_history_file},
    restore::{Telling, cancel_on_interrupt, finish, how_of, journal_failed},
    server::{
        OpenServer, SignInArgs, data_root, failed, nothing_known, read_records, say, server_failed,
        who, with_server, workspace,
    },
};
use crate::{
    domain::{History, HistoryRecords, Target},
    explain,
    formats::run_report,
    run::{
        Journal, ResumeHow, RunId, RunRecord, Standing, Surroundings, assess, journal_path,
        list_runs, read_run, resume,
    },
    server::Gateway as _,
    worker,
};
use std::path::PathBuf;

/// Arguments of `stopat runs`.
#[derive(Clone, Debug, clap::Args)]
pub struct RunsArgs {
    #[command(subcommand)]
    command: Option<RunsCommand>,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
    /// Only those that somebody should look at
    #[arg(long)]
    unfinished: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum RunsCommand {
    /// Say where a run stands and what is possible; with --how, go on
    Resume(ResumeArgs),
    /// The report of a run
    Show(ShowArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct ResumeArgs {
    /// The run, as `stopat runs` lists it
    id: String,
    /// The server of the run
    #[arg(long, value_name = "SERVER")]
    server: String,
    #[command(flatten)]
    sign_in: SignInArgs,
    /// continue, take-logs, recover, start-over or abandon
    #[arg(long, value_name = "HOW")]
    how: Option<String>,
    /// With take-logs: to this moment instead
    #[arg(long, value_name = "TIME", requires = "how")]
    to: Option<String>,
    /// The history of the server that took the backups, where it is another: as `stopat history --json` wrote it
    #[arg(long, value_name = "FILE")]
    history: Vec<PathBuf>,
    /// Take every step that is done by hand as done
    #[arg(long)]
    yes_by_hand: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as a page to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Debug, clap::Args)]
struct ShowArgs {
    /// The run, as `stopat runs` lists it
    id: String,
    /// As a page instead of JSON
    #[arg(long)]
    html: bool,
    #[command(flatten)]
    output: Output,
}

/// Lists, shows, or goes on.
pub fn run(args: &RunsArgs, global: &Global) -> Result<Exit, CliError> {
    let root = data_root(global)?;
    let workspace = workspace(global, &root)?;
    match &args.command {
        None => list(args, &workspace.runs_folder()),
        Some(RunsCommand::Show(show)) => {
            let record = record_of(&journal_path(workspace.folder(), &RunId(show.id.clone())))?;
            let text = if show.html {
                run_report::to_html(&record)
            } else {
                run_report::to_json(&record)
            };
            show.output.write(&text)?;
            Ok(Exit::Done)
        }
        Some(RunsCommand::Resume(resume)) => {
            let path = journal_path(workspace.folder(), &RunId(resume.id.clone()));
            go_on(resume, global, &path)
        }
    }
}

fn record_of(path: &std::path::Path) -> Result<RunRecord, CliError> {
    if !path.exists() {
        return Err(CliError::usage(
            format!(
                "There is no run {}",
                path.file_stem().unwrap_or_default().display()
            ),
            "stopat runs lists them.",
        ));
    }
    read_run(path)
        .map_err(|error| journal_failed(&error))?
        .ok_or_else(|| CliError::usage("The journal holds no run", ""))
}

fn list(args: &RunsArgs, folder: &std::path::Path) -> Result<Exit, CliError> {
    let mut records = Vec::new();
    for run in list_runs(folder) {
        match run {
            Ok(record) if !args.unfinished || record.is_unfinished() => records.push(record),
            Ok(_) => {}
            // One broken journal hides no other run.
            Err(error) => {
                journal_failed(&error).report();
            }
        }
    }
    if args.json {
        Output::default().write(&run_report::list_json(&records))?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for record in &records {
        text += &line(record);
        for owed in &record.owed {
            text += &format!("{:24}owed: {}\n", "", explain::owed(owed));
        }
    }
    Output::default().write(&text)?;
    say(&explain::count(records.len(), "run", "runs"));
    Ok(Exit::Done)
}

/// One run: which, what it was, and how it ended.
fn line(record: &RunRecord) -> String {
    let ended = match &record.end {
        Some((end, _)) if record.copy_dropped => format!("{end}; the copy was dropped"),
        Some((end, state)) => format!("{end}; {state}"),
        None => "interrupted".to_owned(),
    };
    let title = explain::run_title(record);
    format!("{}  {title} on {}  {ended}\n", record.id.0, record.server)
}

fn go_on(args: &ResumeArgs, global: &Global, path: &std::path::Path) -> Result<Exit, CliError> {
    let record = record_of(path)?;
    with_server(&args.server, &args.sign_in, global, async |server| {
        let mut records = vec![read_records(server, global).await?];
        for file in &args.history {
            records.push(read_history_file(file)?.records);
        }
        let records = HistoryRecords::merge(records);
        let (history, _) = History::from_records(records);
        let mut connection = server
            .gateway
            .connect()
            .await
            .map_err(|error| server_failed(&error))?;
        let standing = assess(connection.as_mut(), &record)
            .await
            .map_err(|error| server_failed(&error))?;
        drop(connection);
        tell_standing(&standing);
        let Some(word) = &args.how else {
            return Ok(exit_of(&standing));
        };
        let to = match &args.to {
            Some(text) => {
                let database = history
                    .database(&record.source_database)
                    .ok_or_else(|| nothing_known(&record.source_database, &history))?;
                Some(Target::At(moment_of(text, &database)?))
            }
            None => None,
        };
        let how = how_of(word, to).ok_or_else(|| {
            CliError::usage(
                format!("{word} is no way to go on"),
                "It is one of continue, take-logs, recover, start-over, abandon.",
            )
        })?;
        carry_on(args, server, path, &record, &how, history).await
    })
}

async fn carry_on(
    args: &ResumeArgs,
    server: &OpenServer,
    path: &std::path::Path,
    record: &RunRecord,
    how: &ResumeHow,
    history: History,
) -> Result<Exit, CliError> {
    let (journal, content) = Journal::reopen(path).map_err(|error| journal_failed(&error))?;
    // Read again when it is ours: nobody adds to it any more.
    let record = &RunRecord::of(path, &content).unwrap_or_else(|| record.clone());
    let telling = Telling::new(args.yes_by_hand);
    let cancel = cancel_on_interrupt();
    let resumed = resume(
        record,
        how,
        history,
        who(server),
        Surroundings {
            gateway: &server.gateway,
            journal,
            tell: &|event| telling.tell(event),
            cancel: &cancel,
            commands: telling.commands(),
            now: worker::now,
        },
    )
    .await
    .map_err(|error| failed(Exit::Refused, explain::resume_problem(&error)))?;
    match resumed {
        Some(report) => finish(&report, path, args.json, args.html.as_deref(), &args.output),
        None => {
            say("the run is closed");
            Ok(Exit::Done)
        }
    }
}

fn tell_standing(standing: &Standing) {
    say(&explain::standing(standing));
    for owed in &standing.owed {
        say(&format!("owed: {}", explain::owed(owed)));
    }
    for offer in &standing.offers {
        say(&format!(
            "  --how {:<11} {}",
            offer.word(),
            explain::resume_offer(offer, standing)
        ));
    }
}

/// Told without going on: the state decides.
fn exit_of(standing: &Standing) -> Exit {
    use crate::run::TargetState as S;
    match standing.state {
        S::Online => Exit::NotVerified,
        S::NotThere | S::NotTouched => Exit::Untouched,
        S::Restoring | S::Standby | S::Other(_) | S::Unknown(_) => Exit::LeftRestoring,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{FORMAT, Record, RunKind, Who};

    #[test]
    fn a_copy_that_was_dropped_is_not_said_to_be_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("r.jsonl");
        let mut journal = Journal::create(&path).expect("new");
        let records = [
            Record::Begin {
                format: FORMAT.to_owned(),
                run: "r".to_owned(),
                server: "SQL1".to_owned(),
                source_database: "D".to_owned(),
                target_database: "D_copy".to_owned(),
                target: String::new(),
                steps: Vec::new(),
                run_kind: RunKind::RestoreCopy,
                who: Who::default(),
            },
            Record::End {
                end: "verified".to_owned(),
                state: "D_copy is ONLINE".to_owned(),
            },
            Record::CopyDropped {
                database: "D_copy".to_owned(),
            },
        ];
        let mut lines = Vec::new();
        for record in records {
            journal
                .write("2026-11-22T10:00:00Z".to_owned(), record)
                .expect("writable");
            lines.push(line(&record_of(&path).expect("a run")));
        }
        assert_eq!(
            lines,
            [
                "r  D as the copy D_copy on SQL1  interrupted\n",
                "r  D as the copy D_copy on SQL1  verified; D_copy is ONLINE\n",
                "r  D as the copy D_copy on SQL1  verified; the copy was dropped\n",
            ]
        );
    }
}
