//! Views of the instance: databases, files, sessions, requests, volumes, settings.

use super::databases::{REPLICA, database, enumerate, file, log_reuse, volume};
use super::groups;
use super::sessions::{command, database_transactions, requests, session_transactions, sessions};
use super::{Row, datetime, local_datetime, local_ticks, sql_handle};
use crate::practice::catalogue::system::SystemView;
use crate::practice::engine::{
    AgentService, DatabaseState, Edition, Engine, FileKind, LogPosition, MASTER, MSDB, TRACE_FILE,
};
use crate::practice::reply::Message;
use crate::practice::sql::convert::calendar;
use crate::practice::sql::instance::ViewRequest;
use crate::practice::value::{SqlType, Value};

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
            // Azure SQL Database shows master and the databases of its users.
            .filter(|d| {
                let hidden = engine.options.edition == Edition::Azure && !request.session.service;
                !hidden || d.id == MASTER || d.id > MSDB
            })
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
        "dm_db_index_usage_stats" => super::usage::index_usage(engine, view),
        "dm_exec_requests" => requests(engine, view, request.session.id),
        "dm_exec_sessions" => sessions(engine, view, request.session.id),
        "dm_tran_database_transactions" => database_transactions(engine, view),
        "dm_tran_session_transactions" => session_transactions(engine, view),
        "availability_groups" => groups::groups(engine, view),
        "availability_replicas" => groups::replicas(engine, view),
        "availability_databases_cluster" => groups::databases(engine, view),
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
        "traces" => vec![default_trace(engine, view)],
        "fn_trace_gettable" => trace_rows(engine, request)?,
        "dm_os_file_exists" | "dm_os_enumerate_filesystem"
            if engine.options.pretended.no_file_functions =>
        {
            return Err(Message::error(
                208,
                format!("Invalid object name 'sys.{}'.", view.name),
            ));
        }
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
        "dm_hadr_availability_replica_states" => engine
            .options
            .pretended
            .secondary
            .iter()
            .map(|_| {
                Row::new(view)
                    .guid("replica_id", REPLICA)
                    .guid("group_id", REPLICA)
                    .int("is_local", 1)
                    .int("role", 2)
                    .text("role_desc", "SECONDARY")
                    .done()
            })
            .collect(),
        "certificates" => super::certificates::rows(engine, request),
        // Nothing of this exists here.
        "backup_devices"
        | "asymmetric_keys"
        | "symmetric_keys"
        | "credentials"
        | "dm_database_encryption_keys"
        | "dm_hadr_database_replica_states"
        | "dm_tran_locks"
        | "time_zone_info"
        | "messages" => Vec::new(),
        _ => return Ok(None),
    }))
}

pub(super) fn lsn(position: Option<LogPosition>) -> Value {
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

/// The row of `sys.traces` for the one trace that there is.
fn default_trace(engine: &Engine, view: &SystemView) -> Vec<Value> {
    let rows = engine.default_trace.rows();
    let row = Row::new(view)
        .int("id", 1)
        .int("status", 1)
        .text("path", TRACE_FILE)
        .int("max_size", 20)
        .int("max_files", 5)
        .ints(&["is_rollover", "is_default"], 1)
        .ints(&["is_rowset", "is_shutdown"], 0)
        .set("start_time", local_datetime(engine, engine.started))
        .int("event_count", rows.len() as i64);
    match rows.last() {
        Some(last) => row.set("last_event_time", datetime(last.at.0)).done(),
        None => row.done(),
    }
}

/// The rows of the default trace: 19049 for any other file.
fn trace_rows(engine: &Engine, request: &ViewRequest<'_>) -> Result<Vec<Vec<Value>>, Message> {
    /// `ObjectType` of a table.
    const TABLE: i64 = 8277;
    /// `EventSubClass`: it was committed.
    const COMMIT: i64 = 1;
    let path = text_argument(request, 0)?;
    let folder = TRACE_FILE
        .rsplit_once('\\')
        .map_or("", |(folder, _)| folder);
    let known = path.eq_ignore_ascii_case(TRACE_FILE)
        || path.eq_ignore_ascii_case(&format!("{folder}\\log.trc"));
    if !known {
        return Err(Message::error(
            19_049,
            format!(
                "File '{path}' either does not exist or is not a recognizable trace file. Or there was an error opening the file."
            ),
        ));
    }
    let rows = engine.default_trace.rows().iter().zip(1_i64..);
    Ok(rows
        .map(|(row, sequence)| {
            Row::new(request.view)
                .int("DatabaseID", row.database_id)
                .text("HostName", row.host.clone())
                .text("ApplicationName", row.application.clone())
                .text("LoginName", row.login.clone())
                .text("SessionLoginName", row.login.clone())
                .int("SPID", row.session_id)
                .set("StartTime", datetime(row.at.0))
                .int("EventSubClass", COMMIT)
                .int("ObjectID", row.object_id)
                .text("ServerName", engine.options.server_name.clone())
                .int("EventClass", row.event.class())
                .int("ObjectType", TABLE)
                .text("ObjectName", row.object_name.clone())
                .text("DatabaseName", row.database_name.clone())
                .int("EventSequence", sequence)
                .done()
        })
        .collect())
}

pub(super) fn text_argument(request: &ViewRequest<'_>, at: usize) -> Result<String, Message> {
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
    let stopped = engine.options.agent == AgentService::Stopped;
    names
        .into_iter()
        .map(|(name, filename, account)| {
            let (status, word) = if stopped && name.starts_with("SQL Server Agent") {
                (1, "Stopped")
            } else {
                (4, "Running")
            };
            Row::new(view)
                .text("servicename", name)
                .int("startup_type", 2)
                .text("startup_type_desc", "Automatic")
                .int("status", status)
                .text("status_desc", word)
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
