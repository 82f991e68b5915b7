//! `stopat restore`: a plan is made, proved, shown and carried out, with the same journal as in the window.
//!
//! The report goes to standard output, everything else to standard error; the exit code tells the end state (design §8).

use super::{
    CliError, Exit, Global, Output,
    choice::ChoiceArgs,
    plan::{merged, moment_of, report_refusal},
    server::{
        OpenServer, ServerArgs, costs_of, data_root, failed, nothing_known, read_records, say,
        server_failed, who, with_own_server, workspace,
    },
};
use crate::{
    domain::{Destination, History, RestorePlan, RestoreRequest, Tail, Target, check, is_proved},
    explain::{self, Problem},
    formats::run_report,
    run::{
        Commands, Journal, Outcome, OverChoice, RestoreJob, ResumeHow, RunChoices, RunCommand,
        RunControl, RunEnd, RunEvent, RunId, RunReport, StepFailure, Surroundings, TailChoice,
        Waiting, journal_path, read_run, read_target, run_restore,
    },
    server::{Gateway as _, ServerReading, SqlServer},
    settings::{Application, load_applications},
    tsql::{self, ServerFacts, tail_file},
    worker,
};
use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    sync::Mutex,
};
use tokio_util::sync::CancellationToken;

/// Arguments of `stopat restore`.
#[derive(Clone, Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("moment").required(true).args(["to", "latest"])))]
#[command(group(clap::ArgGroup::new("place").required(true).args(["copy", "over"])))]
pub struct RestoreArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Restore the backups of another server: its history, as `stopat history --json` wrote it; several are merged
    #[arg(long, value_name = "FILE")]
    history: Vec<PathBuf>,
    /// The database to restore
    #[arg(long, value_name = "NAME")]
    database: String,
    /// The moment, as 2026-11-22T08:28:12: the server's local time, or with an offset an instant
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The latest state that the backups hold; over the original, its tail included
    #[arg(long)]
    latest: bool,
    /// Restore to a new database with this name
    #[arg(long = "as", value_name = "NAME")]
    copy: Option<String>,
    /// Put every file of the copy into this folder, as the server sees it
    #[arg(long, value_name = "DIR", requires = "copy")]
    files_to: Option<String>,
    /// Only owners and administrators get into the copy
    #[arg(long, requires = "copy")]
    restricted_user: bool,
    /// Do not recover the copy but leave it readable (STANDBY), to be looked at and gone on with by `stopat runs resume`
    #[arg(long, requires = "copy", conflicts_with = "restricted_user")]
    standby: bool,
    /// Restore over the database itself
    #[arg(long, requires = "yes_replace")]
    over: bool,
    /// Confirms it: the server and the database, both as the server itself says them
    #[arg(long, value_name = "SERVER:NAME", requires = "over")]
    yes_replace: Option<String>,
    /// Lose what no backup holds instead of backing it up first, and say why
    #[arg(long, value_name = "REASON", requires = "over")]
    give_up_tail: Option<String>,
    /// Another file for the tail, should the first place not take it
    #[arg(long, value_name = "FILE", requires = "over")]
    tail_to: Vec<String>,
    /// Let the server run the restores as a one-time Agent job, so that they go on without stopat
    #[arg(long)]
    on_server: bool,
    /// Disable this Agent job while the run lasts
    #[arg(long, value_name = "JOB")]
    pause_job: Vec<String>,
    /// Read every backup to its end before anything is overwritten
    #[arg(long)]
    verify_files: bool,
    /// Run DBCC CHECKDB at the end
    #[arg(long)]
    check_database: bool,
    /// The migration that the schema must be at
    #[arg(long, value_name = "MIGRATION")]
    expect_schema: Option<String>,
    /// Leave out what the application's owners want done before and after
    #[arg(long)]
    no_application_steps: bool,
    /// Take every step that is done by hand as done; without a terminal such steps are else left out
    #[arg(long)]
    yes_by_hand: bool,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as a page to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Plans, shows, runs and reports.
pub fn run(args: &RestoreArgs, global: &Global) -> Result<Exit, CliError> {
    with_own_server(
        &args.server.server,
        &args.server.sign_in,
        global,
        async |server| restore(args, global, server).await,
    )
}

async fn restore(
    args: &RestoreArgs,
    global: &Global,
    server: &OpenServer,
) -> Result<Exit, CliError> {
    let OpenServer {
        gateway, reading, ..
    } = server;
    let (history, _) = if args.history.is_empty() {
        History::from_records(read_records(server, global).await?)
    } else {
        merged(&args.history)?
    };
    let Some(database) = history.database(&args.database) else {
        return Err(nothing_known(&args.database, &history));
    };
    let request = RestoreRequest {
        costs: costs_of(reading, global)?,
        ..request_of(args, &database)?
    };
    let plan = match crate::domain::plan(&database, &request) {
        Ok(plan) => plan,
        // The tail reaches it: its backup is the first step.
        Err(refusal) => match refusal.tail {
            Some(plan) => *plan,
            None => {
                report_refusal(&refusal, &database);
                return Ok(Exit::Unreachable);
            }
        },
    };
    let findings = check(&plan, &database);
    if !is_proved(&findings) {
        return Err(super::plan::unproved(&findings));
    }
    let root = data_root(global)?;
    let workspace = workspace(global, &root)?;
    let applications = load_applications(&root.applications_folder()).applications;
    let run = RunId::new(worker::now(), fastrand::u16(..));
    let mut choices = choices(args, gateway, reading, &plan, &applications, &run).await?;
    if !args.yes_by_hand && !std::io::stdin().is_terminal() {
        leave_out_hand_steps(&mut choices);
    }
    let plan = with_tail(plan, &choices);
    let facts = ServerFacts {
        server_name: Some(reading.info.name.clone()),
        tail_file: needs_tail(&plan, &choices)
            .then(|| tail_file(&plan, reading.info.default_backup_path.as_deref(), &run.0)),
    };
    choices.standby = args.standby.then(|| tsql::undo_file(&plan, &facts));
    let job = RestoreJob {
        expected: worker::expectations(gateway, &applications, &plan.database).await,
        run: run.clone(),
        plan,
        request,
        history: history.clone(),
        facts,
        choices,
        utc_offset_minutes: reading.info.utc_offset.minutes(),
        who: who(server),
    };
    let path = journal_path(workspace.folder(), &run);
    let journal = Journal::create(&path).map_err(|error| journal_failed(&error))?;
    say(&format!(
        "run {}: {} to {}",
        run.0,
        job.plan.database,
        tsql::target_database(&job.plan)
    ));
    let telling = Telling::new(args.yes_by_hand);
    let cancel = cancel_on_interrupt();
    let report = run_restore(
        job,
        Surroundings {
            gateway,
            journal,
            tell: &|event| telling.tell(event),
            cancel: &cancel,
            commands: telling.commands(),
            now: worker::now,
        },
    )
    .await
    .map_err(|error| journal_failed(&error))?;
    finish(
        &report,
        &path,
        args.json,
        args.html.as_deref(),
        &args.output,
    )
}

fn request_of(
    args: &RestoreArgs,
    database: &crate::domain::DatabaseHistory,
) -> Result<RestoreRequest, CliError> {
    let target = match &args.to {
        Some(text) => Target::At(moment_of(text, database)?),
        None => Target::Latest,
    };
    let mut request = RestoreRequest::to(target);
    request.destination = match &args.copy {
        Some(name) => Destination::Copy {
            name: name.clone(),
            files_to: args.files_to.clone(),
        },
        None => Destination::Original,
    };
    args.choice.choose(&mut request, database)?;
    Ok(request)
}

/// Over the original the latest state is that of its tail.
fn with_tail(mut plan: RestorePlan, choices: &RunChoices) -> RestorePlan {
    let saved = choices
        .over
        .as_ref()
        .is_some_and(|over| over.has_tail() && over.tail == TailChoice::BackUp);
    if saved && plan.target == Target::Latest {
        plan.tail = Some(Tail::TailLog);
    }
    plan
}

fn needs_tail(plan: &RestorePlan, choices: &RunChoices) -> bool {
    plan.tail.is_some()
        || choices
            .over
            .as_ref()
            .is_some_and(|over| over.has_tail() && over.tail == TailChoice::BackUp)
}

/// What the arguments choose; over the original only with both names as the server says them.
async fn choices(
    args: &RestoreArgs,
    gateway: &SqlServer,
    reading: &ServerReading,
    plan: &RestorePlan,
    applications: &[Application],
    run: &RunId,
) -> Result<RunChoices, CliError> {
    let mut choices = RunChoices {
        restricted_user: args.restricted_user,
        verify_files: args.verify_files,
        check_database: args.check_database,
        expected_schema: args.expect_schema.clone(),
        pause_jobs: args.pause_job.clone(),
        on_server: args.on_server.then(|| tsql::once_job_name(&run.0)),
        ..RunChoices::default()
    };
    if !args.over {
        return Ok(choices);
    }
    if args.restricted_user {
        return Err(CliError::usage(
            "--restricted-user goes with a copy",
            "A restore over the original gives users back the access that they had.",
        ));
    }
    let expected = format!("{}:{}", reading.info.name, plan.database);
    if args.yes_replace.as_deref() != Some(expected.as_str()) {
        return Err(CliError::usage(
            "The confirmation does not name what would be overwritten",
            format!("Say --yes-replace '{expected}' if that is what you want."),
        ));
    }
    let target = async {
        let mut connection = gateway.connect().await?;
        read_target(connection.as_mut(), &plan.database).await
    };
    let target = target.await.map_err(|error| server_failed(&error))?;
    choices.over = target.map(|target| OverChoice {
        tail: match &args.give_up_tail {
            Some(reason) => TailChoice::GiveUp {
                reason: reason.clone(),
            },
            None => TailChoice::BackUp,
        },
        other_tail_files: other_tail_files(args, plan, run),
        ..OverChoice::of(target)
    });
    if !args.no_application_steps {
        let lives = applications
            .iter()
            .find(|application| application.lives_in(&plan.database, |_, _| false));
        if let Some(application) = lives {
            choices = choices.with_application(application);
        }
    }
    Ok(choices)
}

/// The files that were named, then one beside the newest log.
fn other_tail_files(args: &RestoreArgs, plan: &RestorePlan, run: &RunId) -> Vec<String> {
    let mut files = args.tail_to.clone();
    files.push(tail_file(plan, None, &run.0));
    files
}

/// Ctrl-C cancels the run; the state that it leaves is told.
pub(super) fn cancel_on_interrupt() -> CancellationToken {
    let cancel = CancellationToken::new();
    let on_interrupt = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            say("cancelling; the state of the database is read and told");
            on_interrupt.cancel();
        }
    });
    cancel
}

pub(super) fn journal_failed(error: &crate::run::JournalError) -> CliError {
    failed(Exit::Failed, explain::journal_problem(error))
}

/// Progress on standard error, and answers to what a run waits for.
pub(super) struct Telling {
    titles: Mutex<Vec<String>>,
    control: RunControl,
    commands: Mutex<Option<Commands>>,
    yes_by_hand: bool,
}

impl Telling {
    pub(super) fn new(yes_by_hand: bool) -> Self {
        let (control, commands) = RunControl::new();
        Self {
            titles: Mutex::default(),
            control,
            commands: Mutex::new(Some(commands)),
            yes_by_hand,
        }
    }

    /// The commands that this telling gives; once.
    pub(super) fn commands(&self) -> Commands {
        self.commands
            .lock()
            .ok()
            .and_then(|mut commands| commands.take())
            .unwrap_or_else(Commands::none)
    }

    pub(super) fn tell(&self, event: RunEvent) {
        match event {
            RunEvent::Started { steps, .. } => {
                say(&format!(
                    "{}:",
                    explain::count(steps.len(), "step", "steps")
                ));
                for (idx, title) in steps.iter().enumerate() {
                    say(&format!("{:>4}  {title}", idx + 1));
                }
                if let Ok(mut titles) = self.titles.lock() {
                    *titles = steps;
                }
            }
            RunEvent::StepBegan { step } => {
                let title = self
                    .titles
                    .lock()
                    .ok()
                    .and_then(|titles| titles.get(step).cloned())
                    .unwrap_or_default();
                say(&format!("step {}: {title}", step + 1));
            }
            RunEvent::Progress(progress) => {
                let mut stderr = std::io::stderr();
                if let (Some(percent), true) = (progress.percent, stderr.is_terminal()) {
                    // Only decoration.
                    write!(stderr, "\r{percent:>5.1} %\r").ok();
                    stderr.flush().ok();
                }
            }
            RunEvent::Message { text, .. } => say(&format!("      {text}")),
            RunEvent::StepEnded { report, .. } => {
                let words = match &report.outcome {
                    Outcome::Done => "done".to_owned(),
                    Outcome::DoneWithWarning(failure) => {
                        format!("done; {}", explain::step_failure(failure).sentence)
                    }
                    Outcome::Skipped { reason } => {
                        format!("skipped: {}", explain::step_skip(reason))
                    }
                    Outcome::Failed(failure) => {
                        let Problem {
                            sentence,
                            hint,
                            details,
                            ..
                        } = explain::step_failure(failure);
                        let mut words = format!("FAILED: {sentence}");
                        for line in details
                            .iter()
                            .chain([&hint])
                            .filter(|line| !line.is_empty())
                        {
                            words.push_str(&format!("\n                {line}"));
                        }
                        words
                    }
                    Outcome::Cancelled => "cancelled".to_owned(),
                };
                say(&format!("      {words} ({:.1} s)", report.seconds));
            }
            RunEvent::Waiting { why, .. } => self.answer(why),
            RunEvent::Changed { runbook, .. } => {
                if let Ok(mut titles) = self.titles.lock() {
                    *titles = runbook.titles();
                }
            }
            RunEvent::WentOn | RunEvent::Owes(_) => {}
        }
    }

    fn answer(&self, why: Waiting) {
        match why {
            Waiting::ByHand if self.yes_by_hand => self.control.send(RunCommand::Done),
            Waiting::ByHand => {
                say("      do this by hand, then press Enter");
                let control = self.control.clone();
                tokio::task::spawn_blocking(move || {
                    let mut line = String::new();
                    // An end of the input is no answer.
                    let answer = match std::io::stdin().read_line(&mut line) {
                        Ok(n) if n > 0 => RunCommand::Done,
                        _ => RunCommand::Stop,
                    };
                    control.send(answer);
                });
            }
            // The command line goes no further by itself; `stopat runs resume` does.
            Waiting::Paused | Waiting::Looking | Waiting::HookFailed | Waiting::NotVerified => {
                self.control.send(RunCommand::Stop);
            }
        }
    }
}

/// Without a terminal nobody could say that a step by hand is done, and the run would wait for ever.
///
/// The database is taken from its users by the run itself, so their absence endangers nothing.
fn leave_out_hand_steps(choices: &mut RunChoices) {
    for steps in [&mut choices.before, &mut choices.after] {
        steps.retain(|step| {
            if step.hook.is_none() {
                say(&format!(
                    "left out: \"{}\" is done by hand, and there is no terminal to say that it was (--yes-by-hand takes it as done)",
                    step.title
                ));
            }
            step.hook.is_some()
        });
    }
}

/// Prints how it ended, writes the reports, and gives the exit code of the end state.
pub(super) fn finish(
    report: &RunReport,
    journal: &Path,
    json: bool,
    html: Option<&Path>,
    output: &Output,
) -> Result<Exit, CliError> {
    let name = &report.target_database;
    say(&format!(
        "{}; {}",
        explain::run_end(&report.end),
        explain::target_state(&report.state, name)
    ));
    for owed in &report.owed {
        say(&format!("owed: {}", explain::owed(owed)));
    }
    if matches!(
        report.end,
        RunEnd::Standby | RunEnd::Restoring | RunEnd::Cancelled | RunEnd::OnlineNotVerified
    ) {
        say(&format!(
            "stopat runs resume {} says what is possible now",
            report.id.0
        ));
    }
    say(&format!("journal {}", journal.display()));
    let record = read_run(journal).map_err(|error| journal_failed(&error))?;
    if let Some(record) = record {
        if let Some(page) = html {
            write_page(page, &run_report::to_html(&record))?;
        }
        if json || output.out.is_some() {
            output.write(&run_report::to_json(&record))?;
        }
    }
    Ok(exit_of(report))
}

fn write_page(path: &Path, text: &str) -> Result<(), CliError> {
    Output {
        out: Some(path.to_owned()),
    }
    .write(text)
}

/// The exit code of an end state (design §8).
pub(super) fn exit_of(report: &RunReport) -> Exit {
    match &report.end {
        RunEnd::Verified | RunEnd::Standby => Exit::Done,
        RunEnd::OnlineNotVerified => Exit::NotVerified,
        RunEnd::Restoring => Exit::LeftRestoring,
        RunEnd::Cancelled => Exit::Cancelled,
        RunEnd::Untouched => {
            let refused = report.steps.iter().any(|step| {
                matches!(
                    &step.outcome,
                    Outcome::Failed(
                        StepFailure::Preflight(_)
                            | StepFailure::LockHeld { .. }
                            | StepFailure::PlanObjected(_)
                    )
                )
            });
            if refused {
                Exit::Refused
            } else {
                Exit::Untouched
            }
        }
    }
}

/// The ways on, for the command line's `--how`.
pub(super) fn how_of(word: &str, to: Option<Target>) -> Option<ResumeHow> {
    Some(match word {
        "continue" => ResumeHow::Continue,
        "take-logs" => ResumeHow::TakeLogs { to },
        "recover" => ResumeHow::RecoverNow,
        "start-over" => ResumeHow::StartOver,
        "abandon" => ResumeHow::Abandon,
        _ => return None,
    })
}
