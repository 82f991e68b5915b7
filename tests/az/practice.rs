//! What Azure does behind the curtain, on a practice server: backups of its own that its clients do not see.

use super::world::{PracticeAt, World};
use chrono::{DateTime, Utc};
use stopat::{
    domain::{
        Destination, History, HistoryRecords, RecordedServer, Refusal, RestorePlan, RestoreRequest,
        Target, UtcTime, plan,
    },
    server::{
        Connection, Credentials, Endpoint, Gateway as _, HistoryReader, SqlServer, ask, read_server,
    },
    settings::{Encryption, Reach},
    tsql::{self, Batch, BatchKind, Purpose, ServerFacts, restore_script},
};
use tokio_util::sync::CancellationToken;

pub fn quoted(name: &str) -> String {
    tsql::identifier(name)
}

/// Runs statements as the service; nothing where the world has no practice server.
pub fn run(world: &World, statements: &[String]) -> Result<(), String> {
    let Some(at) = &world.practice else {
        return Ok(());
    };
    block_on(async {
        let mut connection = connect(at).await?;
        for statement in statements {
            send(connection.as_mut(), statement).await?;
        }
        Ok(())
    })
}

/// Restores a database as it was at the end of a second into a new one.
pub fn restore(
    world: &World,
    source: &str,
    destination: &str,
    to: DateTime<Utc>,
) -> Result<(), String> {
    let Some(at) = &world.practice else {
        return Ok(());
    };
    block_on(async {
        let mut connection = connect(at).await?;
        let plan = planned(connection.as_mut(), source, destination, to).await?;
        let facts = ServerFacts {
            server_name: None,
            tail_file: plan.tail.map(|_| {
                tsql::tail_file(
                    &plan,
                    Some(r"\\backup-server\octopus"),
                    &to.timestamp().to_string(),
                )
            }),
        };
        for batch in restore_script(&plan, &facts).batches {
            ask(connection.as_mut(), &batch)
                .await
                .map_err(|error| format!("{}: {error:?}", batch.title))?;
        }
        Ok(())
    })
}

async fn planned(
    connection: &mut dyn Connection,
    source: &str,
    destination: &str,
    to: DateTime<Utc>,
) -> Result<RestorePlan, String> {
    let said = |error| format!("{error:?}");
    let reading = read_server(connection, || UtcTime(Utc::now()))
        .await
        .map_err(said)?;
    let slice = HistoryReader::new(reading.columns)
        .read(connection, &CancellationToken::new())
        .await
        .map_err(said)?;
    let (history, _) = History::from_records(HistoryRecords {
        server: RecordedServer {
            name: Some(reading.info.name),
            utc_offset_minutes: Some(0),
            collation: reading.collation,
        },
        backup_sets: slice.backup_sets,
        restore_history: slice.restores,
        marks: slice.marks,
        changes: slice.changes,
    });
    let database = history
        .database(source)
        .ok_or_else(|| format!("no backup of {source}"))?;
    let request = RestoreRequest {
        destination: Destination::Copy {
            name: destination.to_owned(),
            files_to: None,
        },
        ..RestoreRequest::to(Target::At(history.clock().moment_at(UtcTime(to))))
    };
    match plan(&database, &request) {
        Ok(plan) => Ok(plan),
        Err(refusal) => match *refusal {
            Refusal {
                tail: Some(plan), ..
            } => Ok(*plan),
            other => Err(format!("{:?}", other.kind)),
        },
    }
}

async fn connect(at: &PracticeAt) -> Result<Box<dyn Connection>, String> {
    let server = SqlServer {
        endpoint: Endpoint {
            host: at.host.clone(),
            instance: None,
            port: Some(at.port),
        },
        credentials: Credentials::SqlLogin {
            user: at.user.clone(),
            password: at.password.as_str().into(),
        },
        encryption: Encryption::Pinned(at.fingerprint.clone()),
        reach: Reach::Restore,
        database: None,
    };
    let mut connection = server
        .connect()
        .await
        .map_err(|error| format!("{error:?}"))?;
    send(
        connection.as_mut(),
        "EXEC master.dbo.practice_option @name = N'service', @value = N'on';",
    )
    .await?;
    Ok(connection)
}

async fn send(connection: &mut dyn Connection, sql: &str) -> Result<(), String> {
    let batch = Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::Ask,
        title: String::new(),
        sql: sql.to_owned(),
    };
    ask(connection, &batch)
        .await
        .map(|_| ())
        .map_err(|error| format!("{sql}: {error:?}"))
}

fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(work)
}
