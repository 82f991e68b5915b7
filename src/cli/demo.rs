//! `stopat demo`: the main job on the practice server, told as text.
//!
//! Practice server, databases, the accident, the plan for the second before it, the restore over TDS, the count.
//! Anything that is not as it should be ends it with exit code 1.

use super::{
    CliError, Exit,
    server::{block_on, failed, server_failed},
};
use crate::{
    domain::{
        Coverage, DatabaseHistory, Destination, History, HistoryRecords, Limits, RestorePlan,
        RestoreRequest, Target, check, is_proved, plan,
    },
    explain::{self, Problem, ProblemKind},
    formats::restore_plan::{self, Answer},
    run::{
        Commands, Expectations, Journal, Outcome, RestoreJob, RunChoices, RunEnd, RunEvent, RunId,
        RunReport, Surroundings, TableName, Who, count_exactly, drop_copy, journal_path,
        run_restore,
    },
    server::{
        Connection, Gateway as _, HistoryReader, ServerError, SqlServer, read_databases,
        read_server,
    },
    settings::{Application, load_applications},
    tsql::{ServerFacts, restore_script},
    worker::{self, Accident, Practice},
};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    path::Path,
    sync::Mutex,
};
use tokio_util::sync::CancellationToken;

/// Arguments of `stopat demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Tell the whole story as text, without a window
    #[arg(long)]
    pub headless: bool,
    /// Print what happened as JSON; the story goes to standard error
    #[arg(long, requires = "headless")]
    pub json: bool,
    /// In the window, let the data count as X times its size at 100 MB/s
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = super::practice::pace, conflicts_with = "headless")]
    pub pace: f64,
}

/// Whether a window can be opened here at all.
pub fn has_display() -> bool {
    if cfg!(any(windows, target_os = "macos")) {
        return true;
    }
    ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Tells the story; `json` sends it to standard error and the result to standard output.
pub fn tell(json: bool) -> Result<Exit, CliError> {
    let story = Story { json };
    let told = block_on(async {
        story.line("Starting the practice server: two weeks of history, in a folder of its own.");
        let practice = Practice::start_temporary(std::env::temp_dir())
            .await
            .map_err(|problem| failed(Exit::Failed, problem))?;
        let told = story.tell(&practice).await;
        practice.stop().await;
        told
    })?;
    if json {
        super::Output::default().write(&format!("{:#}\n", told.json()))?;
    }
    match told.mismatches.as_slice() {
        [] => Ok(Exit::Done),
        mismatches => {
            for mismatch in mismatches {
                story.line(&format!("MISMATCH  {mismatch}"));
            }
            Ok(Exit::Failed)
        }
    }
}

/// Rows per table; `None` where there is no such table.
type Counts = BTreeMap<String, Option<u64>>;

/// What came out.
struct Told {
    plan: Value,
    steps: Vec<Value>,
    expected: Counts,
    before: Counts,
    after: Counts,
    verified: bool,
    mismatches: Vec<String>,
}

impl Told {
    fn json(&self) -> Value {
        json!({
            "plan": self.plan,
            "steps": self.steps,
            "rows_expected": self.expected,
            "rows_before": self.before,
            "rows_after_restore": self.after,
            "verified": self.verified,
        })
    }
}

struct Story {
    json: bool,
}

/// The program's own failure, in words.
fn ours(sentence: impl Into<String>, details: Vec<String>) -> CliError {
    failed(
        Exit::Failed,
        Problem {
            kind: ProblemKind::Ours,
            sentence: sentence.into(),
            hint: "Please report this.".to_owned(),
            details,
        },
    )
}

fn broken(error: &ServerError) -> CliError {
    CliError {
        exit: Exit::Failed,
        ..server_failed(error)
    }
}

impl Story {
    #[expect(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "the story is what this command prints"
    )]
    fn line(&self, line: &str) {
        if self.json {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
    }

    /// One line that is written over while a step runs, on a terminal only.
    fn progress(&self, line: &str) {
        let mut stderr = std::io::stderr();
        if stderr.is_terminal() {
            // Only decoration: a terminal that takes none loses nothing.
            write!(stderr, "\r{line:<60}\r").ok();
            stderr.flush().ok();
        }
    }

    async fn tell(&self, practice: &Practice) -> Result<Told, CliError> {
        let gateway = practice.gateway();
        let mut connection = gateway.connect().await.map_err(|e| broken(&e))?;
        let reading = read_server(connection.as_mut(), worker::now)
            .await
            .map_err(|e| broken(&e))?;
        self.line(&format!(
            "Connected to {} ({}), {}.",
            reading.info.name, reading.info.version_text, reading.info.edition
        ));
        let databases = read_databases(connection.as_mut())
            .await
            .map_err(|e| broken(&e))?;
        let slice = HistoryReader::new(reading.columns)
            .read(connection.as_mut(), &CancellationToken::new())
            .await
            .map_err(|e| broken(&e))?;
        let n_sets = slice.backup_sets.len();
        let (history, _) = History::from_records(HistoryRecords {
            server: reading.recorded(),
            backup_sets: slice.backup_sets,
            restore_history: slice.restores,
            marks: slice.marks,
            changes: slice.changes,
        });
        self.line(&format!(
            "It has {} in its history:",
            explain::count(n_sets, "backup set", "backup sets")
        ));
        for database in databases.iter().filter(|d| !d.summary(None).is_system) {
            let range = history
                .database(&database.name)
                .map(|known| range_words(&known.coverage(&Limits::default())))
                .unwrap_or_else(|| "no backups".to_owned());
            self.line(&format!(
                "  {:<22} {:<10} {:<12} {range}",
                database.name,
                database.state,
                database.recovery_model.as_deref().unwrap_or_default()
            ));
        }

        let accident = practice
            .accident()
            .ok_or_else(|| ours("The world has no accident to undo", Vec::new()))?;
        let database = history
            .database(&accident.database)
            .ok_or_else(|| ours("The database of the accident has no backups", Vec::new()))?;
        let application = application_of(&accident.database);
        let expectations = application
            .as_ref()
            .map(Expectations::of)
            .unwrap_or_default();
        let before = self
            .count(
                connection.as_mut(),
                &accident.database,
                &expectations.tables,
            )
            .await?;
        let target = database
            .clock()
            .moment_at(accident.at.plus(TimeDelta::seconds(-1)));
        let (expected, mut mismatches) = self.show_accident(accident, &before, &expectations);
        drop(connection);

        let copy = format!("{}_before", accident.database);
        let mut request = RestoreRequest::to(Target::At(target));
        request.destination = Destination::Copy {
            name: copy.clone(),
            files_to: reading.info.default_data_path.clone(),
        };
        let plan = self.plan(&database, &request)?;
        let facts = ServerFacts {
            server_name: Some(reading.info.name.clone()),
            tail_file: None,
        };
        self.line("");
        self.line("The T-SQL that does it:");
        self.line(&restore_script(&plan, &facts).to_sql());
        let plan_json = {
            let coverage = database.coverage(&request.limits());
            let answer = Answer {
                history: &database,
                request: &request,
                result: Ok(&plan),
                coverage: &coverage,
            };
            serde_json::from_str(&restore_plan::to_json(&answer))
                .map_err(|error| ours("The plan is not JSON", vec![error.to_string()]))?
        };

        let folder = practice.scratch_folder();
        let job = RestoreJob {
            run: RunId::new(worker::now(), fastrand::u16(..)),
            plan,
            request,
            history: history.clone(),
            facts,
            choices: RunChoices::default(),
            expected: expectations.clone(),
            utc_offset_minutes: reading.info.utc_offset.minutes(),
            who: Who {
                login: Some(reading.info.login.clone()),
                ..Who::default()
            },
        };
        let run = job.run.clone();
        let report = self.restore(&gateway, job, folder).await?;
        if report.end != RunEnd::Verified {
            mismatches.push(format!("the restore ended as {:?}", report.end));
        }
        let mut connection = gateway.connect().await.map_err(|e| broken(&e))?;
        let after = self
            .count(connection.as_mut(), &copy, &expectations.tables)
            .await?;
        mismatches.extend(self.show_saved(&expected, &before, &after));
        if let Some(version) = report
            .verification
            .as_ref()
            .and_then(|verification| verification.schema_version.as_ref())
        {
            self.line(&format!("The newest migration in the copy is {version}."));
        }
        for outside in application.iter().flat_map(|a| &a.outside) {
            self.line(&format!("Remember: {}", outside.after_restore));
        }
        drop(connection);
        let dropped = drop_copy(&gateway, &journal_path(folder, &run), worker::now)
            .await
            .map_err(|error| ours("The copy could not be dropped", vec![error.to_string()]))?;
        self.line(&format!(
            "Dropped {dropped}. The original was never touched."
        ));
        Ok(Told {
            plan: plan_json,
            steps: report.steps.iter().map(step_json).collect(),
            expected,
            before,
            after,
            verified: report.end == RunEnd::Verified && mismatches.is_empty(),
            mismatches,
        })
    }

    async fn count(
        &self,
        connection: &mut dyn Connection,
        database: &str,
        tables: &[TableName],
    ) -> Result<Counts, CliError> {
        let mut counts = Counts::new();
        for table in tables {
            let rows = count_exactly(connection, database, table)
                .await
                .map_err(|e| broken(&e))?;
            counts.insert(table.table.clone(), rows);
        }
        Ok(counts)
    }

    /// What the world recorded of the protected tables, and what of it is gone now.
    fn show_accident(
        &self,
        accident: &Accident,
        before: &Counts,
        expectations: &Expectations,
    ) -> (Counts, Vec<String>) {
        let mut mismatches = Vec::new();
        let expected: Counts = expectations
            .tables
            .iter()
            .map(|table| {
                let rows = accident.rows.get(&table.table.to_lowercase()).copied();
                (table.table.clone(), rows)
            })
            .collect();
        self.line("");
        self.line(&format!(
            "At {} something happened to {}:",
            accident.at.0.format("%Y-%m-%d %H:%M:%S UTC"),
            accident.database
        ));
        let mut lost = false;
        for (table, rows) in &expected {
            let now = before.get(table).copied().flatten();
            self.line(&format!(
                "  {table:<26} {:>8} rows right before, {:>8} now",
                rows_words(*rows),
                rows_words(now)
            ));
            lost |= rows.is_some_and(|rows| rows > 0) && now.unwrap_or_default() == 0;
        }
        if !lost {
            mismatches.push("the accident left no trace".to_owned());
        }
        (expected, mismatches)
    }

    fn plan(
        &self,
        database: &DatabaseHistory,
        request: &RestoreRequest,
    ) -> Result<RestorePlan, CliError> {
        let made = plan(database, request).map_err(|refusal| {
            let problem = explain::refusal(&refusal, database.name(), Some(database));
            failed(Exit::Failed, problem)
        })?;
        let findings = check(&made, database);
        if !is_proved(&findings) {
            return Err(ours(
                "The plan does not hold",
                findings.iter().map(explain::finding).collect(),
            ));
        }
        self.line("");
        self.line("The way back to the second before:");
        for step in &made.steps {
            self.line(&format!(
                "  {:<22} {}  {:>10}  {}",
                explain::kind_name(step.backup_type),
                explain::server_time(step.start),
                explain::size_or_unknown(step.bytes),
                step.devices
                    .iter()
                    .map(crate::domain::Device::name)
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        Ok(made)
    }

    async fn restore(
        &self,
        gateway: &SqlServer,
        job: RestoreJob,
        folder: &Path,
    ) -> Result<RunReport, CliError> {
        let journal = Journal::create(&journal_path(folder, &job.run))
            .map_err(|error| ours("The journal cannot be kept", vec![error.to_string()]))?;
        self.line(&format!(
            "Restoring {} to the copy {}:",
            job.plan.database,
            crate::tsql::target_database(&job.plan)
        ));
        let titles = Mutex::new(Vec::new());
        let tell = |event: RunEvent| match event {
            RunEvent::Started { steps, .. } => {
                if let Ok(mut titles) = titles.lock() {
                    *titles = steps;
                }
            }
            RunEvent::Progress(progress) => {
                if let Some(percent) = progress.percent {
                    self.progress(&format!("  {percent:>5.1} %"));
                }
            }
            RunEvent::StepEnded { report, .. } => {
                let outcome = match &report.outcome {
                    Outcome::Done => "done".to_owned(),
                    Outcome::DoneWithWarning(failure) => {
                        format!("done: {}", explain::step_failure(failure).sentence)
                    }
                    Outcome::Skipped { reason } => {
                        format!("skipped: {}", explain::step_skip(reason))
                    }
                    Outcome::Failed(failure) => {
                        format!("FAILED: {}", explain::step_failure(failure).sentence)
                    }
                    Outcome::Cancelled => "cancelled".to_owned(),
                };
                self.line(&format!(
                    "  {:<66} {:>7.2} s  {outcome}",
                    report.title, report.seconds
                ));
            }
            _ => {}
        };
        run_restore(
            job,
            Surroundings {
                gateway,
                journal,
                tell: &tell,
                cancel: &CancellationToken::new(),
                commands: Commands::none(),
                now: worker::now,
            },
        )
        .await
        .map_err(|error| ours("The journal cannot be kept", vec![error.to_string()]))
    }

    fn show_saved(&self, expected: &Counts, before: &Counts, after: &Counts) -> Vec<String> {
        let mut mismatches = Vec::new();
        self.line("");
        self.line("What the copy has:");
        for (table, rows) in expected {
            let copy = after.get(table).copied().flatten();
            let now = before.get(table).copied().flatten();
            self.line(&format!(
                "  {table:<26} {:>8} rows, {:>8} in the original now",
                rows_words(copy),
                rows_words(now)
            ));
            if copy != *rows {
                mismatches.push(format!(
                    "{table}: {} rows in the copy, {} were there",
                    rows_words(copy),
                    rows_words(*rows)
                ));
            }
        }
        mismatches
    }
}

fn rows_words(rows: Option<u64>) -> String {
    rows.map_or_else(|| "no table".to_owned(), |rows| rows.to_string())
}

fn range_words(coverage: &Coverage) -> String {
    match (coverage.oldest(), coverage.newest()) {
        (Some(oldest), Some(newest)) => {
            let gaps = match coverage.gaps.len() {
                0 => String::new(),
                n => format!(", {}", explain::count(n, "gap", "gaps")),
            };
            format!(
                "{} to {}{gaps}",
                explain::server_time(oldest.server),
                explain::server_time(newest.server)
            )
        }
        _ => "cannot be restored".to_owned(),
    }
}

fn step_json(report: &crate::run::StepReport) -> Value {
    json!({
        "name": report.title,
        "outcome": report.outcome.word(),
        "seconds": report.seconds,
    })
}

/// The shipped application that lives in the database.
fn application_of(database: &str) -> Option<Application> {
    // A folder that is not there: the story needs no file of the user's.
    load_applications(Path::new(""))
        .applications
        .into_iter()
        .find(|application| application.lives_in(database, |_, _| false))
}
