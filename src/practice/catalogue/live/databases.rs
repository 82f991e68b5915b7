//! Rows about databases, their files, the volumes below them, and what lies on those.

use super::server::lsn;
use super::server::text_argument;
use super::{Row, SERVER_COLLATION, datetime};
use crate::practice::catalogue::system::SystemView;
use crate::practice::engine::{
    Database, DatabaseFile, DatabaseState, Engine, FileKind, MASTER, paths,
};
use crate::practice::reply::Message;
use crate::practice::sql::convert::calendar;
use crate::practice::sql::functions::Pattern;
use crate::practice::sql::instance::ViewRequest;
use crate::practice::value::Value;

/// `log_reuse_wait` and its name.
pub(super) fn log_reuse(engine: &Engine, database: &Database) -> (i64, &'static str) {
    if engine.activities.on_database(database.id).is_some() {
        (3, "ACTIVE_BACKUP_OR_RESTORE")
    } else if database.keeps_log() {
        (2, "LOG_BACKUP")
    } else {
        (0, "NOTHING")
    }
}

/// This server in the availability group that it pretends to belong to.
pub(super) const REPLICA: uuid::Uuid =
    uuid::Uuid::from_u128(0x5e11_ab1e_0000_4000_8000_0000_0000_0001);

pub(super) fn database(engine: &Engine, view: &SystemView, d: &Database) -> Vec<Value> {
    let online = d.visible_state() == DatabaseState::Online;
    let (reuse, reuse_name) = log_reuse(engine, d);
    let mut row = Row::new(view)
        .text("name", d.name.clone())
        .int("database_id", d.id)
        .set("owner_sid", Value::Bytes(vec![1]))
        .set("create_date", datetime(d.created))
        .int("compatibility_level", d.compatibility_level)
        .int("user_access", d.user_access.code())
        .text("user_access_desc", d.user_access.description())
        .int("is_read_only", i64::from(d.read_only || d.standby))
        .int("state", d.visible_state().code())
        .text("state_desc", d.visible_state().description())
        .int("is_in_standby", i64::from(d.standby))
        .int(
            "is_auto_update_stats_async_on",
            i64::from(d.async_statistics),
        )
        .int("snapshot_isolation_state", 0)
        .text("snapshot_isolation_state_desc", "OFF")
        .int("recovery_model", d.recovery_model.code())
        .text("recovery_model_desc", d.recovery_model.description())
        .int("page_verify_option", 2)
        .text("page_verify_option_desc", "CHECKSUM")
        .int(
            "is_master_key_encrypted_by_server",
            i64::from(d.id == MASTER),
        )
        .guid("service_broker_guid", d.family_guid)
        .int("log_reuse_wait", reuse)
        .text("log_reuse_wait_desc", reuse_name)
        .int("default_language_lcid", 1033)
        .text("default_language_name", "us_english")
        .int("containment", 0)
        .text("containment_desc", "NONE")
        .int("target_recovery_time_in_seconds", 60)
        .int("delayed_durability", 0)
        .text("delayed_durability_desc", "DISABLED")
        .int("catalog_collation_type", 0)
        .text("catalog_collation_type_desc", "DATABASE_DEFAULT")
        .text("physical_database_name", d.name.clone())
        .ints(
            &[
                "is_auto_shrink_on",
                "is_cleanly_shutdown",
                "is_supplemental_logging_enabled",
                "is_read_committed_snapshot_on",
                "is_auto_create_stats_incremental_on",
                "is_ansi_null_default_on",
                "is_ansi_nulls_on",
                "is_ansi_padding_on",
                "is_ansi_warnings_on",
                "is_arithabort_on",
                "is_concat_null_yields_null_on",
                "is_numeric_roundabort_on",
                "is_quoted_identifier_on",
                "is_recursive_triggers_on",
                "is_cursor_close_on_commit_on",
                "is_local_cursor_default",
                "is_trustworthy_on",
                "is_db_chaining_on",
                "is_parameterization_forced",
                "is_query_store_on",
                "is_encrypted",
                "is_honor_broker_priority_on",
                "is_nested_triggers_on",
                "is_transform_noise_words_on",
                "is_memory_optimized_elevate_to_snapshot_on",
                "is_federation_member",
                "is_remote_data_archive_enabled",
                "is_mixed_page_allocation_on",
                "is_result_set_caching_on",
                "is_accelerated_database_recovery_on",
                "is_tempdb_spill_to_remote_store",
                "is_stale_page_detection_on",
                "is_data_retention_enabled",
                "is_ledger_on",
                "is_change_feed_enabled",
            ],
            0,
        )
        .ints(
            &[
                "is_auto_create_stats_on",
                "is_auto_update_stats_on",
                "is_fulltext_enabled",
                "is_temporal_history_retention_enabled",
                "is_memory_optimized_enabled",
            ],
            1,
        );
    if engine.options.pretended.is_in_group(&d.name) {
        row = row
            .guid("replica_id", REPLICA)
            .guid("group_database_id", d.family_guid);
    }
    if online {
        row = row.text("collation_name", d.collation.clone());
    }
    row.done()
}

pub(super) fn file<'v>(view: &'v SystemView, d: &Database, f: &DatabaseFile) -> Row<'v> {
    let (kind, kind_name) = match f.kind {
        FileKind::Rows => (0, "ROWS"),
        FileKind::Log => (1, "LOG"),
    };
    let mut row = Row::new(view)
        .int("file_id", f.file_id)
        .guid("file_guid", f.file_guid)
        .int("type", kind)
        .text("type_desc", kind_name)
        .int("data_space_id", 1 - kind)
        .text("name", f.logical_name.clone())
        .text("physical_name", f.physical_name.clone())
        .int("state", d.state.code())
        .text("state_desc", d.state.description())
        .int("size", f.size_pages)
        .int("max_size", f.max_size_pages)
        .int("growth", f.growth_pages);
    if f.kind == FileKind::Rows
        && let Some(base) = &d.differential_base
    {
        row = row
            .set("differential_base_lsn", lsn(Some(base.lsn)))
            .guid("differential_base_guid", base.guid)
            .set("differential_base_time", datetime(base.time));
    }
    if let Some(restore) = &d.restore {
        row = row
            .set("redo_start_lsn", lsn(Some(restore.redo_start)))
            .guid("redo_start_fork_guid", restore.redo_fork)
            .set("redo_target_lsn", lsn(Some(restore.redo_start)))
            .guid("redo_target_fork_guid", restore.redo_fork);
    }
    row
}

pub(super) fn volume(
    engine: &Engine,
    view: &SystemView,
    d: &Database,
    f: &DatabaseFile,
) -> Option<Vec<Value>> {
    let mount = paths::volume(&f.physical_name);
    let volume = engine
        .options
        .volumes
        .iter()
        .find(|v| v.mount_point.eq_ignore_ascii_case(&mount))?;
    Some(
        Row::new(view)
            .int("database_id", d.id)
            .int("file_id", f.file_id)
            .text("volume_mount_point", volume.mount_point.clone())
            .text(
                "volume_id",
                format!(
                    "\\\\?\\Volume{{practice-{}}}\\",
                    volume.label.to_lowercase()
                ),
            )
            .text("logical_volume_name", volume.label.clone())
            .text("file_system_type", "NTFS")
            .int("total_bytes", volume.total_bytes)
            .int(
                "available_bytes",
                engine.free_bytes(&volume.mount_point).unwrap_or(0),
            )
            .ints(
                &[
                    "supports_compression",
                    "supports_alternate_streams",
                    "supports_sparse_files",
                ],
                1,
            )
            .ints(&["is_read_only", "is_compressed"], 0)
            .done(),
    )
}

/// `sys.dm_os_enumerate_filesystem(path, pattern)`: the folder and those below it.
pub(super) fn enumerate(
    engine: &Engine,
    request: &ViewRequest<'_>,
) -> Result<Vec<Vec<Value>>, Message> {
    let path = text_argument(request, 0)?;
    let wanted = text_argument(request, 1)?;
    let pattern = Pattern::parse(
        &wanted
            .replace('[', "[[]")
            .replace('%', "[%]")
            .replace('_', "[_]")
            .replace('*', "%")
            .replace('?', "_"),
        None,
        false,
    );
    let Ok(root) = engine.paths.real(&path) else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    let mut folders = vec![(root, path.trim_end_matches(['\\', '/']).to_owned(), 0_i64)];
    while let Some((real, shown, level)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&real) else {
            continue;
        };
        let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            let name = entry.file_name().to_string_lossy().into_owned();
            let full = format!("{shown}\\{name}");
            if facts.is_dir() {
                folders.push((entry.path(), full.clone(), level + 1));
            }
            if !pattern.matches(&name) {
                continue;
            }
            let modified = facts
                .modified()
                .ok()
                .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())
                .map(|d| {
                    let utc = d.as_secs() as i64 * calendar::SECOND + 621_355_968_000_000_000;
                    let offset = i64::from(request.now.offset_minutes);
                    Value::Int(utc + offset * calendar::MINUTE)
                })
                .unwrap_or(Value::Null);
            rows.push(
                Row::new(request.view)
                    .text("path", path.clone())
                    .text("pattern", wanted.clone())
                    .text("full_filesystem_path", full)
                    .text("parent_directory", shown.clone())
                    .text("file_or_directory_name", name)
                    .int("level", level)
                    .int("is_directory", i64::from(facts.is_dir()))
                    .set("creation_time", modified.clone())
                    .set("last_access_time", modified.clone())
                    .set("last_write_time", modified)
                    .int(
                        "size_in_bytes",
                        i64::try_from(facts.len()).unwrap_or(i64::MAX),
                    )
                    .done(),
            );
        }
    }
    Ok(rows)
}

/// The collation that texts of a database have.
pub(super) fn collation_of(database: &Database) -> String {
    if database.collation.is_empty() {
        SERVER_COLLATION.to_owned()
    } else {
        database.collation.clone()
    }
}
