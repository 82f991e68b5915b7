//! A practice server for one test, and the product's own way to ask it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use stopat::{
    domain::{
        DatabaseHistory, Destination, History, HistoryRecords, Moment, Removed, RestorePlan,
        RestoreRequest, Target, UtcTime, check, is_proved, plan,
    },
    practice::{ClockChoice, PracticeOptions, PracticeServer, WorldFolder},
    run::{
        Commands, Expectations, Journal, RestoreJob, RunChoices, RunEvent, RunId, RunReport,
        Surroundings, Who, journal_path, run_restore,
    },
    server::{
        Answer, Cell, Connection, Credentials, Endpoint, Gateway as _, HistoryReader, ServerError,
        ServerReading, SqlServer, ask, read_server,
    },
    settings::{Encryption, Reach},
    tsql::{self, Batch, BatchKind, Purpose, ServerFacts},
};
use tokio_util::sync::CancellationToken;

/// The clock of every test here stands at noon of this day when the server starts.
pub const NOON: &str = "2026-11-22T12:00:00Z";

pub fn own_clock() -> UtcTime {
    UtcTime(NOON.parse().expect("a time"))
}

/// Far more than anything here takes, on any machine; only what never comes runs into it.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Asks again and again until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub struct Practice {
    pub server: PracticeServer,
    pub gateway: SqlServer,
    folder: tempfile::TempDir,
}

/// Seed 1, one day of history, a clock that only `practice_advance` moves.
pub async fn start() -> Practice {
    start_with(|_| {}).await
}

pub async fn start_with(change: impl FnOnce(&mut PracticeOptions)) -> Practice {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut options = PracticeOptions::new(WorldFolder::Temporary {
        within: folder.path().to_owned(),
    });
    options.seed = 1;
    options.days = 1;
    options.clock = ClockChoice::Frozen;
    options.now = Some(own_clock());
    change(&mut options);
    start_in(folder, options).await
}

/// A world of one day in a folder, for a worker to find. Its clock goes on with ours; nothing becomes due in it, whatever
/// the hour.
pub async fn world_without_jobs(folder: PathBuf) -> Practice {
    let mut options = PracticeOptions::new(WorldFolder::Kept(folder));
    options.days = 1;
    let practice = start_in(tempfile::tempdir().expect("a temporary folder"), options).await;
    let jobs = practice.run("SELECT name FROM msdb.dbo.sysjobs;").await;
    assert!(!jobs.rows().is_empty());
    for job in jobs.rows() {
        let name = job.text("name").expect("a name").replace('\'', "''");
        practice
            .run(&format!(
                "EXEC msdb.dbo.sp_update_job @job_name = N'{name}', @enabled = 0;"
            ))
            .await;
    }
    practice
}

async fn start_in(folder: tempfile::TempDir, options: PracticeOptions) -> Practice {
    let server = PracticeServer::start(options)
        .await
        .unwrap_or_else(|error| panic!("the practice server starts: {error:?}"));
    let address = server.address();
    let gateway = SqlServer {
        endpoint: Endpoint {
            host: address.ip().to_string(),
            instance: None,
            port: Some(address.port()),
        },
        credentials: Credentials::SqlLogin {
            user: PracticeServer::USER.to_owned(),
            password: server.password().clone(),
        },
        encryption: Encryption::Pinned(server.fingerprint().to_owned()),
        reach: Reach::Restore,
        database: None,
    };
    Practice {
        server,
        gateway,
        folder,
    }
}

/// A batch of a test's own.
pub fn batch(sql: impl Into<String>) -> Batch {
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::Ask,
        title: "test".to_owned(),
        sql: sql.into(),
    }
}

impl Practice {
    pub async fn connect(&self) -> Box<dyn Connection> {
        self.gateway
            .connect()
            .await
            .expect("the practice server lets us in")
    }

    /// Runs a batch that must succeed.
    pub async fn run(&self, sql: &str) -> Answer {
        let mut connection = self.connect().await;
        match ask(connection.as_mut(), &batch(sql)).await {
            Ok(answer) => answer,
            Err(error) => panic!("{sql}\n{error:?}"),
        }
    }

    /// How many rows there are: a table, and a condition where one is wanted.
    pub async fn count(&self, of: &str) -> i64 {
        let answer = self.run(&format!("SELECT COUNT(*) AS n FROM {of};")).await;
        let count = answer.first().and_then(|row| row.int("n"));
        count.expect("a count is a number")
    }

    /// A switch of the practice server.
    pub async fn option(&self, name: &str, value: &str) {
        self.run(&format!(
            "EXEC master.dbo.practice_option N'{name}', N'{value}';"
        ))
        .await;
    }

    /// Runs a batch that must fail.
    pub async fn fails(&self, sql: &str) -> ServerError {
        let mut connection = self.connect().await;
        match ask(connection.as_mut(), &batch(sql)).await {
            Ok(_) => panic!("this must fail: {sql}"),
            Err(error) => error,
        }
    }

    pub async fn advance(&self, seconds: i64) {
        self.run(&format!(
            "EXEC master.dbo.practice_advance @seconds = {seconds};"
        ))
        .await;
    }

    /// Sets the clock of a server without a world of its own.
    pub async fn set_clock(&self, to: &str) {
        let to = UtcTime(to.parse().expect("a time"));
        self.server
            .engine()
            .run(move |engine| engine.clock.set(to))
            .await
            .expect("the engine runs");
    }

    /// Where a file lies that the server knows by this path.
    pub fn file(&self, server_path: &str) -> std::path::PathBuf {
        super::errors::file_on_disk(self.server.folder(), server_path)
    }

    pub async fn reading(&self) -> ServerReading {
        let mut connection = self.connect().await;
        read_server(connection.as_mut(), own_clock)
            .await
            .expect("the server says who it is")
    }

    /// The server's clock.
    pub async fn clock(&self) -> UtcTime {
        let answer = self.run("SELECT SYSDATETIMEOFFSET() AS now;").await;
        match answer.first().expect("a row").cell("now") {
            Cell::Instant(now) => UtcTime(now.to_utc()),
            other => panic!("not an instant: {other:?}"),
        }
    }

    pub async fn history(&self) -> History {
        self.history_knowing(Removed::default()).await
    }

    /// The history of who knows that the files of some sets were deleted.
    pub async fn history_knowing(&self, removed: Removed) -> History {
        let reading = self.reading().await;
        let mut connection = self.connect().await;
        let slice = HistoryReader::new(reading.columns)
            .knowing(Arc::new(removed), reading.info.utc_offset)
            .read(connection.as_mut(), &CancellationToken::new())
            .await
            .expect("the history can be read");
        let (history, _) = History::from_records(HistoryRecords {
            server: reading.recorded(),
            backup_sets: slice.backup_sets,
            restore_history: slice.restores,
            marks: slice.marks,
            changes: slice.changes,
        });
        history
    }

    /// Restores to a copy, the product's way.
    pub async fn restore_copy(
        &self,
        history: &History,
        database: &str,
        target: Target,
        copy: &str,
    ) -> RunReport {
        let known = history.database(database).expect("a database with backups");
        let mut request = RestoreRequest::to(target);
        request.destination = Destination::Copy {
            name: copy.to_owned(),
            files_to: None,
        };
        let plan = planned(&known, &request);
        self.run_plan(history, plan, request, &CancellationToken::new())
            .await
    }

    pub async fn run_plan(
        &self,
        history: &History,
        plan: RestorePlan,
        request: RestoreRequest,
        cancel: &CancellationToken,
    ) -> RunReport {
        let reading = self.reading().await;
        let run = RunId::new(own_clock(), fastrand::u16(..));
        let journal = Journal::create(&journal_path(self.folder.path(), &run)).expect("a journal");
        let tail_file = plan
            .tail
            .map(|_| tsql::tail_file(&plan, reading.info.default_backup_path.as_deref(), &run.0));
        run_restore(
            RestoreJob {
                run,
                plan,
                request,
                history: history.clone(),
                facts: ServerFacts {
                    server_name: Some(reading.info.name.clone()),
                    tail_file,
                },
                choices: RunChoices::default(),
                expected: Expectations::default(),
                utc_offset_minutes: reading.info.utc_offset.minutes(),
                who: Who::default(),
            },
            Surroundings {
                gateway: &self.gateway,
                journal,
                tell: &|_: RunEvent| {},
                cancel,
                commands: Commands::none(),
                now: own_clock,
            },
        )
        .await
        .expect("the journal can be written")
    }

    /// Every row of every table, as text, sorted.
    pub async fn contents(&self, database: &str) -> BTreeMap<String, Vec<String>> {
        let mut connection = self.connect().await;
        let tables = ask(connection.as_mut(), &tsql::table_rows(database))
            .await
            .expect("tables can be listed");
        let mut contents = BTreeMap::new();
        for row in tables.rows() {
            let schema = row.text("schema_name").expect("a name");
            let table = row.text("table_name").expect("a name");
            let rows = ask(
                connection.as_mut(),
                &tsql::all_rows(database, &schema, &table),
            )
            .await
            .expect("tables can be read");
            let mut rows: Vec<String> = rows
                .rows()
                .iter()
                .map(|row| format!("{:?}", row.cells()))
                .collect();
            rows.sort();
            contents.insert(format!("{schema}.{table}"), rows);
        }
        contents
    }
}

/// A plan that the checker accepts.
#[track_caller]
pub fn planned(database: &DatabaseHistory, request: &RestoreRequest) -> RestorePlan {
    let plan = match plan(database, request) {
        Ok(plan) => plan,
        Err(refusal) => panic!("no plan: {refusal:?}"),
    };
    let findings = check(&plan, database);
    assert!(is_proved(&findings), "{findings:?}");
    plan
}

pub fn moment(database: &DatabaseHistory, instant: UtcTime) -> Moment {
    database.clock().moment_at(instant)
}
