//! `stopat history`: the backups of a database as its server knows them.

use super::{
    CliError, Exit, Global, Output,
    server::{ServerArgs, nothing_known, records_of, say},
};
use crate::{
    domain::{BackupRecord, DatabaseHistory, History, HistoryRecords, Limits},
    explain,
    formats::backup_history,
};
use std::collections::BTreeSet;

/// Arguments of `stopat history`.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The database whose backups are listed
    #[arg(long, value_name = "NAME")]
    database: String,
    /// Print the rows as JSON (backup-history/1), for `stopat plan --history`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &HistoryArgs, global: &Global) -> Result<Exit, CliError> {
    let records = records_of(&args.server.server, &args.server.sign_in, global)?;
    let (history, _) = History::from_records(records.clone());
    let Some(database) = history.database(&args.database) else {
        return Err(nothing_known(&args.database, &history));
    };
    let records = only(records, database.name());
    if args.json {
        let origin = format!(
            "msdb of {}",
            records.server.name.as_deref().unwrap_or_default()
        );
        args.output
            .write(&backup_history::to_json(&records, Some(&origin)))?;
    } else {
        args.output.write(&table(&database))?;
        say(&format!(
            "{} of {}",
            explain::count(database.len(), "backup set", "backup sets"),
            database.name()
        ));
    }
    Ok(Exit::Done)
}

/// The rows that belong to one database; its server's offset where all of them agree on one.
fn only(records: HistoryRecords, database: &str) -> HistoryRecords {
    let same = |name: &Option<String>| {
        name.as_deref()
            .is_some_and(|name| name.to_lowercase() == database.to_lowercase())
    };
    let HistoryRecords {
        mut server,
        backup_sets,
        restore_history,
        mut marks,
        mut changes,
    } = records;
    changes.retain(|change| same(&change.database_name));
    marks.retain(|mark| same(&mark.database_name));
    let backup_sets: Vec<BackupRecord> = backup_sets
        .into_iter()
        .filter(|set| same(&set.database_name))
        .collect();
    let ids: BTreeSet<i64> = backup_sets
        .iter()
        .filter_map(|set| set.backup_set_id)
        .collect();
    let restore_history = restore_history
        .into_iter()
        .filter(|restore| {
            same(&restore.destination_database_name)
                || restore.backup_set_id.is_some_and(|id| ids.contains(&id))
        })
        .collect();
    let zones: BTreeSet<Option<i32>> = backup_sets.iter().map(|set| set.time_zone).collect();
    server.utc_offset_minutes = match (zones.len(), zones.first().copied().flatten()) {
        (1, Some(zone)) if zone != UNKNOWN_ZONE => Some(zone * 15),
        _ => None,
    };
    HistoryRecords {
        server,
        backup_sets,
        restore_history,
        marks,
        changes,
    }
}

/// `backupset.time_zone` of a server that did not know its own.
const UNKNOWN_ZONE: i32 = 127;

/// What can be restored, then a backup set a line.
fn table(database: &DatabaseHistory) -> String {
    let mut text = String::new();
    let coverage = database.coverage(&Limits::default());
    for window in &coverage.windows {
        text += &format!(
            "restorable  {}  to  {}\n",
            explain::server_time(window.from.server),
            explain::server_time(window.to.server)
        );
    }
    for set in database.sets() {
        text += &format!(
            "{}  {:<20}  {:>10}  {}\n",
            explain::server_time(set.start().server),
            explain::kind_name(set.kind()),
            explain::size_or_unknown(set.bytes()),
            set.device_names().collect::<Vec<_>>().join(", ")
        );
        if let Some(trouble) = set.trouble() {
            text.pop();
            text += &format!("  ({})\n", explain::trouble(trouble));
        }
    }
    text
}
