//! Small databases with a chain of backups, to be restored over and over: made in milliseconds, contents known.

use super::asking::{Practice, batch, moment, own_clock};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};
use stopat::{
    domain::{Moment, RestorePlan, RestoreRequest, Target, UtcTime, plan},
    run::{
        Commands, Expectations, HookCommand, Journal, OverChoice, OwnStep, RestoreJob, ResumeError,
        ResumeHow, RunChoices, RunEvent, RunId, RunReport, Standing, Surroundings, TableName,
        TargetFacts, Who, assess, journal_path, read_run, read_target, resume, run_restore,
    },
    server::{Gateway, SqlServer, ask},
    tsql::{ServerFacts, tail_file},
};
use tokio_util::sync::CancellationToken;

type Contents = BTreeMap<String, Vec<String>>;

/// A server with room for cases.
pub struct Lab<'a> {
    practice: &'a Practice,
    folder: tempfile::TempDir,
}

/// A database with a full backup, a differential, three logs, and rows that no backup holds.
#[derive(Clone)]
pub struct Case {
    pub database: String,
    pub request: RestoreRequest,
    /// What it held at the moment of the request.
    pub was: Contents,
    /// A later moment that the backups hold, and what it held then.
    pub later: Moment,
    pub was_later: Contents,
}

/// A step of the user's own: what a shell does.
pub fn shell(title: &str, script: &str, timeout: Duration) -> OwnStep {
    OwnStep {
        title: title.to_owned(),
        hook: Some(HookCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            folder: None,
            timeout,
            expected_exit: 0,
        }),
    }
}

pub struct Ran {
    pub report: RunReport,
    pub journal: PathBuf,
}

impl<'a> Lab<'a> {
    pub async fn of(practice: &'a Practice) -> Self {
        Self {
            practice,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Makes a database and its chain. Each change lies in a minute of its own.
    pub async fn case(&self, database: &str) -> Case {
        let practice = self.practice;
        let run = |sql: String| async move { practice.run(&sql).await };
        let files = format!(r"D:\Backup\{database}");
        run(format!("CREATE DATABASE [{database}];")).await;
        run(format!(
            "CREATE TABLE [{database}].dbo.T (id int NOT NULL PRIMARY KEY, t nvarchar(50) NULL);
             INSERT INTO [{database}].dbo.T VALUES (1, N'before the full backup');"
        ))
        .await;
        run(format!(
            "BACKUP DATABASE [{database}] TO DISK = N'{files}_full.bak' WITH CHECKSUM;"
        ))
        .await;
        self.step(database, 2).await;
        run(format!(
            "BACKUP LOG [{database}] TO DISK = N'{files}_1.trn' WITH CHECKSUM;"
        ))
        .await;
        self.step(database, 3).await;
        run(format!(
            "BACKUP DATABASE [{database}] TO DISK = N'{files}_diff.bak' WITH DIFFERENTIAL, CHECKSUM;"
        ))
        .await;
        self.step(database, 4).await;
        run(format!(
            "BACKUP LOG [{database}] TO DISK = N'{files}_2.trn' WITH CHECKSUM;"
        ))
        .await;
        self.step(database, 5).await;
        let was = practice.contents(database).await;
        let at = practice.clock().await;
        self.step(database, 6).await;
        let was_later = practice.contents(database).await;
        let later = practice.clock().await;
        self.step(database, 7).await;
        run(format!(
            "BACKUP LOG [{database}] TO DISK = N'{files}_3.trn' WITH CHECKSUM;"
        ))
        .await;
        self.step(database, 8).await;
        let history = practice.history().await;
        let known = history.database(database).expect("it has backups");
        let target = moment(&known, at);
        Case {
            database: database.to_owned(),
            request: RestoreRequest::to(Target::At(target)),
            was,
            later: moment(&known, later),
            was_later,
        }
    }

    /// A minute later a row more, and a minute after that nothing.
    async fn step(&self, database: &str, id: u32) {
        self.tick(60).await;
        self.practice
            .run(&format!(
                "INSERT INTO [{database}].dbo.T VALUES ({id}, N'row {id}');"
            ))
            .await;
        self.tick(60).await;
    }

    async fn tick(&self, seconds: i64) {
        let to = self
            .practice
            .clock()
            .await
            .plus(chrono::TimeDelta::seconds(seconds));
        self.practice
            .server
            .engine()
            .run(move |engine| engine.clock.set(to))
            .await
            .expect("the engine runs");
    }

    /// The choices of a restore over a case's database as it is now.
    pub async fn over(&self, case: &Case) -> RunChoices {
        let target = self.facts(&case.database).await.expect("there");
        RunChoices {
            over: Some(OverChoice::of(target)),
            ..RunChoices::default()
        }
    }

    pub async fn facts(&self, database: &str) -> Option<TargetFacts> {
        let mut connection = self.practice.connect().await;
        read_target(connection.as_mut(), database)
            .await
            .expect("readable")
    }

    pub async fn access(&self, database: &str) -> String {
        self.facts(database)
            .await
            .map(|facts| facts.access.word().to_owned())
            .unwrap_or_default()
    }

    /// The job of a case; a moment in the tail is planned with the tail.
    pub async fn job(&self, case: &Case, choices: RunChoices) -> RestoreJob {
        let history = self.practice.history().await;
        let known = history.database(&case.database).expect("it has backups");
        let plan: RestorePlan = match plan(&known, &case.request) {
            Ok(plan) => plan,
            Err(refusal) => *refusal.tail.expect("reachable with the tail"),
        };
        let reading = self.practice.reading().await;
        let run = RunId::new(own_clock(), fastrand::u16(..));
        let tail = tail_file(&plan, Some(r"D:\Backup"), &run.0);
        let needs_tail = choices.over.is_some() || plan.tail.is_some();
        RestoreJob {
            run,
            plan,
            request: case.request.clone(),
            history,
            facts: ServerFacts {
                server_name: Some(reading.info.name.clone()),
                tail_file: needs_tail.then_some(tail),
            },
            choices,
            expected: Expectations {
                tables: vec![TableName {
                    schema: "dbo".to_owned(),
                    table: "T".to_owned(),
                }],
                schema_version: None,
            },
            utc_offset_minutes: reading.info.utc_offset.minutes(),
            who: Who::default(),
        }
    }

    pub async fn run(
        &self,
        case: &Case,
        choices: RunChoices,
        tell: impl Fn(RunEvent) + Send + Sync,
    ) -> Ran {
        let job = self.job(case, choices).await;
        self.run_job(job, Commands::none(), &self.practice.gateway, &tell)
            .await
    }

    pub async fn run_job(
        &self,
        job: RestoreJob,
        commands: Commands,
        gateway: &dyn Gateway,
        tell: &(dyn Fn(RunEvent) + Send + Sync),
    ) -> Ran {
        let journal = journal_path(self.folder.path(), &job.run);
        let report = run_restore(
            job,
            Surroundings {
                gateway,
                journal: Journal::create(&journal).expect("a journal"),
                tell,
                cancel: &CancellationToken::new(),
                commands,
                now: own_clock,
            },
        )
        .await
        .expect("the journal can be written");
        Ran { report, journal }
    }

    pub async fn standing(&self, journal: &Path) -> Standing {
        let record = read_run(journal).expect("readable").expect("a run");
        let mut connection = self.practice.connect().await;
        assess(connection.as_mut(), &record)
            .await
            .expect("readable")
    }

    /// Goes on with a run until its report.
    pub async fn resume(&self, journal: &Path, how: &ResumeHow) -> RunReport {
        match self.go_on(journal, how, &self.practice.gateway).await {
            Ok(Some(report)) => report,
            other => panic!("{how:?}: {other:?}"),
        }
    }

    /// Gives a run up.
    pub async fn abandon(&self, journal: &Path) {
        let resumed = self
            .go_on(journal, &ResumeHow::Abandon, &self.practice.gateway)
            .await;
        assert!(matches!(resumed, Ok(None)), "{resumed:?}");
    }

    /// Goes on with a run through a gateway, whatever comes of it.
    pub async fn go_on(
        &self,
        journal: &Path,
        how: &ResumeHow,
        gateway: &dyn Gateway,
    ) -> Result<Option<RunReport>, ResumeError> {
        let record = read_run(journal).expect("readable").expect("a run");
        let (reopened, _) = Journal::reopen(journal).expect("writable");
        let history = self.practice.history().await;
        resume(
            &record,
            how,
            history,
            Who::default(),
            Surroundings {
                gateway,
                journal: reopened,
                tell: &|_| {},
                cancel: &CancellationToken::new(),
                commands: Commands::none(),
                now: own_clock,
            },
        )
        .await
    }

    pub fn gateway(&self) -> SqlServer {
        self.practice.gateway.clone()
    }

    /// Where the journals of this lab lie.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Case {
    /// The same database, wanted at a moment that only the tail holds.
    pub async fn in_the_tail(mut self, practice: &Practice) -> Self {
        let history = practice.history().await;
        let known = history.database(&self.database).expect("it has backups");
        self.was = practice.contents(&self.database).await;
        let at: UtcTime = practice.clock().await;
        self.request.target = Target::At(moment(&known, at));
        let to = at.plus(chrono::TimeDelta::seconds(90));
        practice
            .server
            .engine()
            .run(move |engine| engine.clock.set(to))
            .await
            .expect("the engine runs");
        practice
            .run(&format!(
                "INSERT INTO [{}].dbo.T VALUES (9, N'after the moment');",
                self.database
            ))
            .await;
        let mut connection = practice.connect().await;
        ask(connection.as_mut(), &batch("SELECT 1 AS one;"))
            .await
            .expect("alive");
        self
    }
}
