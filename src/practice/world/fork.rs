//! What went wrong at the neighbours: a database restored over itself, and a log file that somebody deleted.

use super::{
    build::{Connection, WorldError, database_of},
    neighbour::Story,
    plan,
};
use crate::practice::{engine::EngineHandle, reply::Message, value::Value};
use chrono::TimeDelta;

/// How far back the forked neighbour is taken.
const BACK: TimeDelta = TimeDelta::minutes(95);

/// Restores the forked neighbour over itself to an earlier moment, as an operator would have done.
pub(super) async fn restore_earlier(
    session: &mut Connection,
    engine: &EngineHandle,
) -> Result<(), WorldError> {
    let name = database_of(Story::Forked);
    let now = engine.run(|engine| engine.clock.now_local()).await?;
    let target = now.plus(-BACK);
    let stop_at = target.0.format("%Y-%m-%dT%H:%M:%S").to_string();
    let files = session
        .run(&format!(
            "SELECT s.type, f.physical_device_name,
                    CASE WHEN s.backup_start_date >= '{stop_at}' THEN 1 ELSE 0 END
             FROM msdb.dbo.backupset AS s
             JOIN msdb.dbo.backupmediafamily AS f ON f.media_set_id = s.media_set_id
             WHERE s.database_name = N'{name}' AND s.type IN ('D', 'L')
             ORDER BY s.backup_set_id;"
        ))
        .await?;
    let tail = format!(
        r"{}\log\{name}_tail_{}.trn",
        plan::SHARE,
        now.0.format("%Y%m%d_%H%M%S")
    );
    session
        .run(&format!(
            "BACKUP LOG [{name}] TO DISK = N'{tail}' WITH NORECOVERY, CHECKSUM;"
        ))
        .await?;
    let sets = files
        .iter()
        .filter_map(|row| match row.as_slice() {
            [Value::Text(kind), Value::Text(file), Value::Int(late)] => {
                Some((kind.trim().to_owned(), file.clone(), *late != 0))
            }
            _ => None,
        })
        .collect::<Vec<_>>();
    let base = sets
        .iter()
        .rposition(|(kind, _, late)| kind == "D" && !late)
        .unwrap_or(0);
    for (idx, (kind, file, late)) in sets.iter().enumerate().skip(base) {
        if idx == base {
            session
                .run(&format!(
                    "RESTORE DATABASE [{name}] FROM DISK = N'{file}' WITH NORECOVERY, CHECKSUM;"
                ))
                .await?;
        } else if kind == "L" {
            let recovery = if *late { "RECOVERY" } else { "NORECOVERY" };
            session
                .run(&format!(
                    "RESTORE LOG [{name}] FROM DISK = N'{file}' WITH STOPAT = N'{stop_at}', {recovery}, CHECKSUM;"
                ))
                .await?;
            if *late {
                return recover(session, name).await;
            }
        }
    }
    // No log backup began after the target yet: the tail holds it.
    session
        .run(&format!(
            "RESTORE LOG [{name}] FROM DISK = N'{tail}' WITH STOPAT = N'{stop_at}', RECOVERY, CHECKSUM;"
        ))
        .await?;
    recover(session, name).await
}

/// A quiet database may have committed nothing between the target and the log's end: then `STOPAT` is not proved,
/// it stays `RESTORING` (4322), and the operator recovers it by hand.
async fn recover(session: &mut Connection, name: &str) -> Result<(), WorldError> {
    session
        .run(&format!(
            "IF EXISTS (SELECT * FROM sys.databases WHERE name = N'{name}' AND state = 1)
                 RESTORE DATABASE [{name}] WITH RECOVERY;"
        ))
        .await?;
    Ok(())
}

/// Deletes one log file of a neighbour from the share, about a day old.
pub(super) async fn lose_a_log(
    session: &mut Connection,
    engine: &EngineHandle,
    database: &str,
) -> Result<(), WorldError> {
    let files = session
        .run(&format!(
            "SELECT f.physical_device_name
             FROM msdb.dbo.backupset AS s
             JOIN msdb.dbo.backupmediafamily AS f ON f.media_set_id = s.media_set_id
             WHERE s.database_name = N'{database}' AND s.type = 'L'
             ORDER BY s.backup_set_id DESC;"
        ))
        .await?;
    let Some([Value::Text(file)]) = files
        .get(files.len().min(26).saturating_sub(1))
        .map(Vec::as_slice)
    else {
        return Ok(());
    };
    let file = file.clone();
    engine
        .run(move |engine| {
            engine
                .paths
                .file(&file)
                .map_err(|error| {
                    Message::error(
                        3201,
                        format!(
                            "Cannot open backup device '{file}'. Operating system error {error}."
                        ),
                    )
                })
                .and_then(|path| {
                    std::fs::remove_file(path).map_err(|error| {
                        Message::error(3202, format!("{file} could not be deleted: {error}"))
                    })
                })
        })
        .await??;
    Ok(())
}
