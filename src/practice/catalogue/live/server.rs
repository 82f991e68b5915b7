//! Views of the instance: databases, files, sessions, requests, volumes, settings.

use super::{Row, SERVER_COLLATION, datetime, local_datetime, local_ticks, sql_handle};
use crate::practice::catalogue::system::SystemView;
use crate::practice::engine::{
    Activity, Database, DatabaseFile, DatabaseState, Edition, Engine, FileKind, LogPosition,
    MASTER, SessionEntry, paths,
};
use crate::practice::reply::Message;
use crate::practice::sql::convert::calendar;
use crate::practice::sql::functions::Pattern;
use crate::practice::sql::instance::ViewRequest;
use crate::practice::value::{SqlType, Value};
use std::time::Instant;

/// The rows of a view of the instance; `None` when it belongs to a database.
pub(super) fn rows(
    engine: &Engine,
    request: &ViewRequest<'_>,
) -> Result<Option<Vec<Vec<Value>>>, Message> {
    let view = request.view;
    Ok(Some(match view.name {
        "databases" => engine
            .store
            .databases()
            .map(|d| database(engine, view, d))
            .collect(),
        "master_files" => engine
            .store
            .databases()
            .flat_map(|d| d.files.iter().map(move |f| (d, f)))
            .map(|(d, f)| file(view, d, f).int("database_id", d.id).done())
            .collect(),
        "database_files" => engine
            .store
            .database(request.database)
            .map(|d| d.files.iter().map(|f| file(view, d, f).done()).collect())
            .unwrap_or_default(),
        "database_recovery_status" => engine
            .store
            .databases()
            .map(|d| {
                let row = Row::new(view).int("database_id", d.id);
                if d.state != DatabaseState::Online {
                    return row.done();
                }
                row.guid("database_guid", d.database_guid)
                    .guid("family_guid", d.family_guid)
                    .set("last_log_backup_lsn", lsn(d.last_log_backup_lsn))
                    .guid("recovery_fork_guid", d.recovery_fork_guid)
                    .guid("first_recovery_fork_guid", d.first_recovery_fork_guid)
                    .set("fork_point_lsn", lsn(d.fork_point))
                    .done()
            })
            .collect(),
        "dm_exec_requests" => requests(engine, view),
        "dm_exec_sessions" => sessions(engine, view),
        "dm_exec_connections" => engine
            .sessions
            .iter()
            .map(|s| {
                Row::new(view)
                    .int("session_id", s.id)
                    .int("most_recent_session_id", s.id)
                    .set("connect_time", local_datetime(engine, s.login_time))
                    .text("net_transport", "TCP")
                    .text("protocol_type", "TSQL")
                    .int("protocol_version", 0x7400_0004)
                    .int("endpoint_id", 4)
                    .text("encrypt_option", "TRUE")
                    .text("auth_scheme", "SQL")
                    .int("net_packet_size", s.packet_size)
                    .text("client_net_address", "127.0.0.1")
                    .text("local_net_address", "127.0.0.1")
                    .set("last_read", local_datetime(engine, s.last_request_start))
                    .set("most_recent_sql_handle", sql_handle(s.id))
                    .done()
            })
            .collect(),
        "dm_exec_sql_text" => engine
            .sessions
            .iter()
            .filter_map(|s| Some((s, s.request.as_ref()?)))
            .map(|(s, request)| {
                Row::new(view)
                    .set("handle", sql_handle(s.id))
                    .int("dbid", s.database)
                    .int("encrypted", 0)
                    .text("text", request.text.clone())
                    .done()
            })
            .filter(|row| matches_arguments(row, request.arguments))
            .collect(),
        "dm_exec_input_buffer" => engine
            .sessions
            .iter()
            .filter_map(|s| Some((s, s.request.as_ref()?)))
            .map(|(s, request)| {
                Row::new(view)
                    .int("session", s.id)
                    .int("request", 0)
                    .text("event_type", "Language Event")
                    .int("parameters", 0)
                    .text("event_info", request.text.clone())
                    .done()
            })
            .filter(|row| {
                request
                    .arguments
                    .and_then(|a| a.first())
                    .is_none_or(|wanted| row.first() == Some(wanted))
            })
            .collect(),
        "dm_os_volume_stats" => engine
            .store
            .databases()
            .flat_map(|d| d.files.iter().map(move |f| (d, f)))
            .filter_map(|(d, f)| volume(engine, view, d, f))
            .filter(|row| matches_arguments(row, request.arguments))
            .collect(),
        "dm_io_virtual_file_stats" => engine
            .store
            .databases()
            .flat_map(|d| d.files.iter().map(move |f| (d, f)))
            .map(|(d, f)| {
                Row::new(view)
                    .int("database_id", d.id)
                    .int("file_id", f.file_id)
                    .int("size_on_disk_bytes", f.size_pages * 8192)
                    .done()
            })
            .filter(|row| matches_arguments(row, request.arguments))
            .collect(),
        "dm_os_enumerate_fixed_drives" => engine
            .options
            .volumes
            .iter()
            .map(|v| {
                Row::new(view)
                    .text("fixed_drive_path", v.mount_point.clone())
                    .int("drive_type", 3)
                    .text("drive_type_desc", "DRIVE_FIXED")
                    .int(
                        "free_space_in_bytes",
                        engine.free_bytes(&v.mount_point).unwrap_or(0),
                    )
                    .done()
            })
            .collect(),
        "dm_os_file_exists" => {
            let path = text_argument(request, 0)?;
            let real = engine.paths.real(&path).ok();
            let exists = real.as_ref().is_some_and(|p| p.exists());
            let folder = real.as_ref().is_some_and(|p| p.is_dir());
            vec![
                Row::new(view)
                    .text("path", path.clone())
                    .int("file_exists", i64::from(exists && !folder))
                    .int("file_is_a_directory", i64::from(folder))
                    .int(
                        "parent_directory_exists",
                        i64::from(engine.paths.folder_exists(&path)),
                    )
                    .done(),
            ]
        }
        "dm_os_enumerate_filesystem" => enumerate(engine, request)?,
        "dm_server_services" => services(engine, view),
        "dm_os_host_info" => vec![
            Row::new(view)
                .text("host_platform", "Windows")
                .text("host_distribution", "Windows Server 2022 (practice)")
                .text("host_release", "10.0")
                .int("host_sku", 7)
                .int("os_language_version", 1033)
                .text("host_architecture", "X64")
                .done(),
        ],
        "dm_os_sys_info" => vec![
            Row::new(view)
                .int("cpu_count", 4)
                .int("hyperthread_ratio", 1)
                .int("physical_memory_kb", 16 << 20)
                .int("committed_kb", 1 << 20)
                .set(
                    "sqlserver_start_time",
                    local_datetime(engine, engine.started),
                )
                .done(),
        ],
        "configurations" => configurations(engine, view),
        "server_principals" | "sql_logins" => principals(engine, view),
        "servers" => vec![
            Row::new(view)
                .text("name", engine.options.server_name.clone())
                .text("product", "SQL Server")
                .text("provider", "SQLNCLI")
                .text("data_source", engine.options.server_name.clone())
                .done(),
        ],
        "dm_db_log_stats" => engine
            .store
            .databases()
            .map(|d| {
                let log_size: i64 = d.file(FileKind::Log).map_or(0, |f| f.size_pages * 8192);
                Row::new(view)
                    .int("database_id", d.id)
                    .text("recovery_model", d.recovery_model.description())
                    .set(
                        "total_log_size_mb",
                        Value::Float(log_size as f64 / 1_048_576.0),
                    )
                    .text("log_truncation_holdup_reason", log_reuse(engine, d).1)
                    .done()
            })
            .filter(|row| matches_arguments(row, request.arguments))
            .collect(),
        "dm_db_log_space_usage" => engine
            .store
            .database(request.database)
            .map(|d| {
                let size = d.file(FileKind::Log).map_or(0, |f| f.size_pages * 8192);
                vec![
                    Row::new(view)
                        .int("database_id", d.id)
                        .int("total_log_size_in_bytes", size)
                        .done(),
                ]
            })
            .unwrap_or_default(),
        "dm_db_file_space_usage" => engine
            .store
            .database(request.database)
            .map(|d| {
                d.files
                    .iter()
                    .filter(|f| f.kind == FileKind::Rows)
                    .map(|f| {
                        Row::new(view)
                            .int("database_id", d.id)
                            .int("file_id", f.file_id)
                            .int("filegroup_id", 1)
                            .int("total_page_count", f.size_pages)
                            .int("allocated_extent_page_count", f.size_pages)
                            .int("unallocated_extent_page_count", 0)
                            .done()
                    })
                    .collect()
            })
            .unwrap_or_default(),
        "syslanguages" => vec![
            Row::new(view)
                .text("dateformat", "mdy")
                .int("datefirst", 7)
                .text("name", "us_english")
                .text("alias", "English")
                .int("lcid", 1033)
                .int("msglangid", 1033)
                .done(),
        ],
        "sysprocesses" => engine
            .sessions
            .iter()
            .map(|s| {
                let (wait, blocked) = s
                    .request
                    .as_ref()
                    .map_or((None, 0), |r| (r.wait.clone(), r.blocked_by));
                Row::new(view)
                    .int("spid", s.id)
                    .int("blocked", blocked)
                    .text("lastwaittype", wait.unwrap_or_default())
                    .int("dbid", s.database)
                    .set("login_time", local_datetime(engine, s.login_time))
                    .set("last_batch", local_datetime(engine, s.last_request_start))
                    .int("open_tran", s.open_transactions)
                    .text(
                        "status",
                        if s.request.is_some() {
                            "runnable"
                        } else {
                            "sleeping"
                        },
                    )
                    .text("hostname", s.host.clone())
                    .text("program_name", s.program.clone())
                    .text("hostprocess", s.client_pid.to_string())
                    .text("cmd", command(engine, s))
                    .text("loginame", s.login.clone())
                    .done()
            })
            .collect(),
        "sysdatabases" => engine
            .store
            .databases()
            .map(|d| {
                Row::new(view)
                    .text("name", d.name.clone())
                    .int("dbid", d.id)
                    .set("sid", Value::Bytes(vec![1]))
                    .set("crdate", datetime(d.created))
                    .int("cmptlevel", d.compatibility_level)
                    .text(
                        "filename",
                        d.files
                            .first()
                            .map(|f| f.physical_name.clone())
                            .unwrap_or_default(),
                    )
                    .int(
                        "version",
                        crate::practice::engine::EngineOptions::DATABASE_VERSION,
                    )
                    .done()
            })
            .collect(),
        "database_mirroring" => engine
            .store
            .databases()
            .map(|d| Row::new(view).int("database_id", d.id).done())
            .collect(),
        "dm_database_backups" if engine.options.edition != Edition::Azure => {
            return Err(Message::error(
                208,
                "Invalid object name 'sys.dm_database_backups'.",
            ));
        }
        // Nothing of this exists here.
        "backup_devices"
        | "certificates"
        | "asymmetric_keys"
        | "symmetric_keys"
        | "credentials"
        | "dm_database_encryption_keys"
        | "availability_groups"
        | "availability_replicas"
        | "availability_databases_cluster"
        | "dm_hadr_availability_replica_states"
        | "dm_hadr_database_replica_states"
        | "dm_tran_locks"
        | "dm_database_backups"
        | "time_zone_info"
        | "messages" => Vec::new(),
        _ => return Ok(None),
    }))
}

fn lsn(position: Option<LogPosition>) -> Value {
    position.map_or(Value::Null, |p| Value::Decimal(p.decimal()))
}

fn matches_arguments(row: &[Value], arguments: Option<&[Value]>) -> bool {
    arguments.is_none_or(|wanted| {
        wanted
            .iter()
            .zip(row)
            .all(|(wanted, have)| match (wanted, have) {
                // `sys.dm_io_virtual_file_stats(NULL, NULL)` means all.
                (Value::Null, _) => true,
                (wanted, have) => wanted == have,
            })
    })
}

fn text_argument(request: &ViewRequest<'_>, at: usize) -> Result<String, Message> {
    match request.arguments.and_then(|a| a.get(at)) {
        Some(Value::Text(text)) => Ok(text.clone()),
        Some(_) => Ok(String::new()),
        None => Err(Message::error(
            413,
            format!(
                "Correlated parameters or sub-queries are not supported by the inline function \"sys.{}\".",
                request.view.name
            ),
        )),
    }
}

/// `log_reuse_wait` and its name.
fn log_reuse(engine: &Engine, database: &Database) -> (i64, &'static str) {
    if engine.activities.on_database(database.id).is_some() {
        (3, "ACTIVE_BACKUP_OR_RESTORE")
    } else if database.keeps_log() {
        (2, "LOG_BACKUP")
    } else {
        (0, "NOTHING")
    }
}

fn database(engine: &Engine, view: &SystemView, d: &Database) -> Vec<Value> {
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
                "is_auto_update_stats_async_on",
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
    if online {
        row = row.text("collation_name", d.collation.clone());
    }
    row.done()
}

fn file<'v>(view: &'v SystemView, d: &Database, f: &DatabaseFile) -> Row<'v> {
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

fn command(engine: &Engine, session: &SessionEntry) -> String {
    match (engine.activities.find(session.id), &session.request) {
        (Some(activity), _) => activity.command.to_owned(),
        (None, Some(request)) => request.command.clone(),
        (None, None) => "AWAITING COMMAND".to_owned(),
    }
}

fn requests(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    let now = engine.clock.now();
    let instant = Instant::now();
    engine
        .sessions
        .iter()
        .filter_map(|s| Some((s, s.request.as_ref()?)))
        .map(|(s, request)| {
            let activity = engine.activities.find(s.id);
            let wait = activity
                .map(|a| a.wait_type().to_owned())
                .or_else(|| request.wait.clone());
            let elapsed = (now.0 - request.started.0).num_milliseconds();
            let (percent, left) = activity.map_or((0.0, 0), |a| {
                (
                    f64::from(a.percent_complete(instant)),
                    a.milliseconds_left(instant),
                )
            });
            // A backup stands in the database that is backed up, a restore in the session's own.
            let database = activity
                .filter(|a| a.command.starts_with("BACKUP"))
                .and_then(|a: &Activity| a.database)
                .unwrap_or(s.database);
            let mut row = Row::new(view)
                .int("session_id", s.id)
                .int("request_id", 0)
                .set("start_time", local_datetime(engine, request.started))
                .text(
                    "status",
                    if wait.is_some() {
                        "suspended"
                    } else {
                        "running"
                    },
                )
                .text("command", command(engine, s))
                .set("sql_handle", sql_handle(s.id))
                .int("statement_start_offset", 0)
                .int("statement_end_offset", -1)
                .int("database_id", database)
                .int("user_id", 1)
                .int("blocking_session_id", request.blocked_by)
                .int("wait_time", if wait.is_some() { elapsed } else { 0 })
                .text("last_wait_type", wait.clone().unwrap_or_default())
                .int("open_transaction_count", s.open_transactions)
                .int("open_resultset_count", 1)
                .set("percent_complete", Value::Float(percent))
                .int("estimated_completion_time", left)
                .int("cpu_time", elapsed / 10)
                .int("total_elapsed_time", elapsed)
                .int("text_size", 2_147_483_647)
                .text("language", "us_english")
                .text("date_format", "mdy")
                .int("date_first", 7)
                .int("transaction_isolation_level", 2)
                .int("lock_timeout", -1)
                .int("group_id", 2)
                .ints(
                    &[
                        "quoted_identifier",
                        "arithabort",
                        "ansi_null_dflt_on",
                        "ansi_warnings",
                        "ansi_padding",
                        "ansi_nulls",
                        "concat_null_yields_null",
                    ],
                    1,
                );
            if let Some(wait) = wait {
                row = row.text("wait_type", wait);
            }
            row.done()
        })
        .collect()
}

fn sessions(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    engine
        .sessions
        .iter()
        .map(|s| {
            Row::new(view)
                .int("session_id", s.id)
                .set("login_time", local_datetime(engine, s.login_time))
                .text("host_name", s.host.clone())
                .text("program_name", s.program.clone())
                .int("host_process_id", s.client_pid)
                .int("client_version", 7)
                .text("client_interface_name", "TDS")
                .set("security_id", Value::Bytes(vec![1]))
                .text("login_name", s.login.clone())
                .text(
                    "status",
                    if s.request.is_some() {
                        "running"
                    } else {
                        "sleeping"
                    },
                )
                .int("memory_usage", 4)
                .int("endpoint_id", 4)
                .set(
                    "last_request_start_time",
                    local_datetime(engine, s.last_request_start),
                )
                .set(
                    "last_request_end_time",
                    local_datetime(engine, s.last_request_end),
                )
                .int("text_size", 2_147_483_647)
                .text("language", "us_english")
                .text("date_format", "mdy")
                .int("date_first", 7)
                .int("transaction_isolation_level", 2)
                .int("lock_timeout", -1)
                .set("original_security_id", Value::Bytes(vec![1]))
                .text("original_login_name", s.login.clone())
                .int("group_id", 2)
                .int("database_id", s.database)
                .int("authenticating_database_id", 1)
                .int("open_transaction_count", s.open_transactions)
                .ints(
                    &[
                        "is_user_process",
                        "quoted_identifier",
                        "arithabort",
                        "ansi_null_dflt_on",
                        "ansi_warnings",
                        "ansi_padding",
                        "ansi_nulls",
                        "concat_null_yields_null",
                    ],
                    1,
                )
                .done()
        })
        .collect()
}

fn volume(
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
fn enumerate(engine: &Engine, request: &ViewRequest<'_>) -> Result<Vec<Vec<Value>>, Message> {
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

fn services(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    let (ticks, offset) = local_ticks(engine, engine.started);
    let started = Value::Offset {
        utc_ticks: ticks - i64::from(offset) * calendar::MINUTE,
        minutes: offset,
    };
    let mut names = vec![(
        "SQL Server (MSSQLSERVER)",
        "C:\\Program Files\\Microsoft SQL Server\\MSSQL16.MSSQLSERVER\\MSSQL\\Binn\\sqlservr.exe",
        "NT Service\\MSSQLSERVER",
    )];
    if engine.options.edition == Edition::Developer {
        names.push((
            "SQL Server Agent (MSSQLSERVER)",
            "C:\\Program Files\\Microsoft SQL Server\\MSSQL16.MSSQLSERVER\\MSSQL\\Binn\\SQLAGENT.EXE",
            "NT Service\\SQLSERVERAGENT",
        ));
    }
    names
        .into_iter()
        .map(|(name, filename, account)| {
            Row::new(view)
                .text("servicename", name)
                .int("startup_type", 2)
                .text("startup_type_desc", "Automatic")
                .int("status", 4)
                .text("status_desc", "Running")
                .int("process_id", std::process::id())
                .set("last_startup_time", started.clone())
                .text("service_account", account)
                .text("filename", filename)
                .text("is_clustered", "N")
                .text("instant_file_initialization_enabled", "Y")
                .done()
        })
        .collect()
}

fn configurations(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    let options = &engine.options;
    let agent = i64::from(options.edition == Edition::Developer);
    [
        (
            1579,
            "backup compression default",
            i64::from(options.compression_default),
            0,
            1,
        ),
        (
            1584,
            "backup checksum default",
            i64::from(options.checksum_default),
            0,
            1,
        ),
        (16_401, "backup compression algorithm", 0, 0, 2),
        (112, "recovery interval (min)", 0, 0, 32_767),
        (109, "fill factor (%)", 0, 0, 100),
        (103, "user connections", 0, 0, 32_767),
        (518, "show advanced options", 0, 0, 1),
        (1537, "media retention", 0, 0, 365),
        (1538, "cost threshold for parallelism", 5, 0, 32_767),
        (1539, "max degree of parallelism", 0, 0, 32_767),
        (1543, "min server memory (MB)", 0, 0, 2_147_483_647),
        (
            1544,
            "max server memory (MB)",
            2_147_483_647,
            128,
            2_147_483_647,
        ),
        (1562, "clr enabled", 0, 0, 1),
        (16_384, "Agent XPs", agent, 0, 1),
        (16_390, "xp_cmdshell", 0, 0, 1),
        (16_391, "Ad Hoc Distributed Queries", 0, 0, 1),
    ]
    .into_iter()
    .map(|(id, name, value, least, greatest)| {
        let variant = |n: i64| Value::Variant(Box::new((SqlType::Int, Value::Int(n))));
        Row::new(view)
            .int("configuration_id", id)
            .text("name", name)
            .set("value", variant(value))
            .set("minimum", variant(least))
            .set("maximum", variant(greatest))
            .set("value_in_use", variant(value))
            .text("description", name)
            .ints(&["is_dynamic", "is_advanced"], 1)
            .done()
    })
    .collect()
}

fn principals(engine: &Engine, view: &SystemView) -> Vec<Vec<Value>> {
    let created = local_datetime(engine, engine.started);
    [
        ("sa", 1, vec![1_u8], "S", "SQL_LOGIN", false),
        ("public", 2, vec![2], "R", "SERVER_ROLE", true),
        ("sysadmin", 3, vec![3], "R", "SERVER_ROLE", true),
        ("dbcreator", 9, vec![9], "R", "SERVER_ROLE", true),
    ]
    .into_iter()
    .filter(|(_, _, _, kind, _, _)| view.name != "sql_logins" || *kind == "S")
    .map(|(name, id, sid, kind, kind_name, fixed)| {
        Row::new(view)
            .text("name", name)
            .int("principal_id", id)
            .set("sid", Value::Bytes(sid))
            .text("type", kind)
            .text("type_desc", kind_name)
            .int("is_disabled", 0)
            .set("create_date", created.clone())
            .set("modify_date", created.clone())
            .text("default_database_name", "master")
            .text("default_language_name", "us_english")
            .int("is_fixed_role", i64::from(fixed))
            .done()
    })
    .collect()
}

/// The collation that texts of a database have.
pub(super) fn collation_of(database: &Database) -> String {
    if database.collation.is_empty() {
        SERVER_COLLATION.to_owned()
    } else {
        database.collation.clone()
    }
}
