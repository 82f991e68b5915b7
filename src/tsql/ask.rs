//! Questions to a server: who it is, which databases it has, and what else a restore has to know.
//!
//! Result columns carry the names that readers look up; nobody relies on their order.

use super::{
    quote::{Words, identifier, text},
    script::Batch,
};
use uuid::Uuid;

/// What the server is, what its clock shows, and which columns its msdb has.
pub fn server_facts() -> Batch {
    Batch::look(
        "Ask the server who it is",
        "SELECT @@SERVERNAME AS server_name,
       @@VERSION AS version_text,
       CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS product_version,
       CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
       CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition,
       DB_ID('rdsadmin') AS rdsadmin_id,
       CAST(SERVERPROPERTY('Collation') AS nvarchar(128)) AS collation,
       CAST(SERVERPROPERTY('PathSeparator') AS nvarchar(128)) AS path_separator,
       CAST(SERVERPROPERTY('InstanceDefaultDataPath') AS nvarchar(260)) AS default_data_path,
       CAST(SERVERPROPERTY('InstanceDefaultLogPath') AS nvarchar(260)) AS default_log_path,
       CAST(SERVERPROPERTY('InstanceDefaultBackupPath') AS nvarchar(260)) AS default_backup_path,
       SUSER_SNAME() AS login_name,
       @@SPID AS session_id,
       SYSDATETIMEOFFSET() AS server_clock,
       COL_LENGTH('msdb.dbo.backupset', 'last_valid_restore_time') AS has_last_valid_restore_time,
       COL_LENGTH('msdb.dbo.backupset', 'encryptor_thumbprint') AS has_encryption;",
    )
}

/// All databases but `tempdb` and snapshots, with the bytes of their files.
pub fn databases() -> Batch {
    Batch::look(
        "Read the databases",
        "SELECT d.name, d.database_id, d.state, d.state_desc, d.recovery_model_desc, d.create_date,
       SUM(CAST(f.size AS bigint)) * 8192 AS size_bytes
FROM sys.databases AS d
LEFT JOIN sys.master_files AS f ON f.database_id = d.database_id
WHERE d.database_id <> 2 AND d.source_database_id IS NULL
GROUP BY d.name, d.database_id, d.state, d.state_desc, d.recovery_model_desc, d.create_date
ORDER BY d.name;",
    )
}

/// How far the statement that a session runs has come.
pub fn progress(session_id: i64) -> Batch {
    Batch::look(
        "Read the progress",
        format!(
            "SELECT r.command, r.percent_complete, r.estimated_completion_time, r.wait_type
FROM sys.dm_exec_requests AS r
WHERE r.session_id = {session_id};"
        ),
    )
}

/// Backups and restores that run now, with the database that they work on where the server knows it, and their text.
///
/// A restore's `database_id` is that of its session, mostly master, so its text is all that tells its target.
pub fn running_backups() -> Batch {
    Batch::look(
        "Look for a running backup or restore",
        "SELECT r.session_id, r.command, DB_NAME(r.database_id) AS database_name, t.text AS statement_text
FROM sys.dm_exec_requests AS r
OUTER APPLY sys.dm_exec_sql_text(r.sql_handle) AS t
WHERE (r.command LIKE 'BACKUP%' OR r.command LIKE 'RESTORE%') AND r.session_id <> @@SPID;",
    )
}

/// Without it the server shows a login no requests but its own; from SQL Server 2022 the smaller permission is enough.
const MAY_SEE_REQUESTS: &str = "CASE WHEN HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1
              OR HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE') = 1
            THEN 1 ELSE 0 END AS may_see_requests";

/// Whether this login sees what others run.
pub fn may_see_requests() -> Batch {
    Batch::look(
        "Read whether this login sees others at work",
        format!("SELECT {MAY_SEE_REQUESTS};"),
    )
}

/// Takes the application lock of a database for this session; `granted` is below zero when somebody else holds it.
///
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-getapplock-transact-sql>
pub fn take_lock(database: &str) -> Batch {
    let mut words = Words::default();
    let resource = words.text(&lock_name(database));
    Batch::look(
        "Take the lock of the database",
        words.finish(&format!(
            "DECLARE @granted int;
EXEC @granted = sp_getapplock @Resource = {resource}, @LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0;
SELECT @granted AS granted;"
        )),
    )
}

fn lock_name(database: &str) -> String {
    format!("stopat restore {}", database.to_lowercase())
}

/// Reads all set headers on one stripe.
pub fn header_only(device: &crate::domain::Device) -> Batch {
    let mut words = Words::default();
    let device = super::restore::device(&mut words, device);
    Batch::look(
        "Read the header",
        words.finish(&format!("RESTORE HEADERONLY FROM {device};")),
    )
}

/// Reads the media header of one stripe: which of how many it is.
pub fn label_only(device: &crate::domain::Device) -> Batch {
    let mut words = Words::default();
    let device = super::restore::device(&mut words, device);
    Batch::look(
        "Read the label",
        words.finish(&format!("RESTORE LABELONLY FROM {device};")),
    )
}

/// State, identity and owner's view of one database; no row when there is none of that name.
pub fn database_state(database: &str) -> Batch {
    let mut words = Words::default();
    let name = words.text(database);
    Batch::look(
        "Read the state of the database",
        words.finish(&format!(
            "SELECT d.name, d.state, d.state_desc, d.create_date, r.database_guid
FROM sys.databases AS d
LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
WHERE d.name = {name};"
        )),
    )
}

/// The files of all databases, for names that a copy must not take.
pub fn master_files() -> Batch {
    Batch::look(
        "Read the files of all databases",
        "SELECT DB_NAME(f.database_id) AS database_name, f.database_id, f.file_id, f.name, f.physical_name,
       CAST(f.size AS bigint) * 8192 AS size_bytes
FROM sys.master_files AS f;",
    )
}

/// The logical names of the files of one database, in whatever state it is.
pub fn files_of(database: &str) -> Batch {
    let mut words = Words::default();
    let name = words.text(database);
    Batch::look(
        "Read the files of the database",
        words.finish(&format!(
            "SELECT f.name FROM sys.master_files AS f WHERE f.database_id = DB_ID({name}) ORDER BY f.file_id;"
        )),
    )
}

/// Free bytes of every volume that holds a database file.
pub fn volumes() -> Batch {
    Batch::look(
        "Read the free space",
        "SELECT DISTINCT v.volume_mount_point, v.total_bytes, v.available_bytes
FROM sys.master_files AS f
CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) AS v;",
    )
}

/// What this login may do to create a database, or to restore over one, and which internal version the server's own databases have.
///
/// The owner of a database may restore over it; membership in `db_owner` is not enough.
/// Without `VIEW SERVER STATE` (from 2022 on `VIEW SERVER PERFORMANCE STATE` is enough) the views of requests show the own
/// session alone, and no error.
/// `source` is the database whose log is backed up first, where one is.
pub fn abilities(database: &str, source: &str) -> Batch {
    let mut words = Words::default();
    let name = words.text(database);
    let quoted = words.text(&identifier(database));
    let source = words.text(&identifier(source));
    Batch::look(
        "Read what this login may do",
        words.finish(&format!(
            "SELECT CASE WHEN HAS_PERMS_BY_NAME(NULL, NULL, 'CREATE ANY DATABASE') = 1
              OR HAS_PERMS_BY_NAME('master', 'DATABASE', 'CREATE DATABASE') = 1
            THEN 1 ELSE 0 END AS may_create,
       HAS_PERMS_BY_NAME({source}, 'DATABASE', 'BACKUP LOG') AS may_back_up_log,
       HAS_DBACCESS({name}) AS may_enter,
       HAS_PERMS_BY_NAME({quoted}, 'DATABASE', 'ALTER') AS may_alter,
       CASE WHEN IS_SRVROLEMEMBER('sysadmin') = 1 OR IS_SRVROLEMEMBER('dbcreator') = 1
              OR EXISTS (SELECT * FROM sys.databases AS d WHERE d.name = {name} AND d.owner_sid = SUSER_SID())
            THEN 1 ELSE 0 END AS may_restore_over,
       {MAY_SEE_REQUESTS},
       CAST(DATABASEPROPERTYEX('master', 'Version') AS int) AS database_version;"
        )),
    )
}

/// The files that a backup set restores, with the sizes that they get.
pub fn file_list(devices: &[crate::domain::Device], position: i32) -> Batch {
    let mut words = Words::default();
    let devices: Vec<String> = devices
        .iter()
        .map(|device| super::restore::device(&mut words, device))
        .collect();
    Batch::look(
        "Read the list of files",
        words.finish(&format!(
            "RESTORE FILELISTONLY FROM {} WITH FILE = {position};",
            devices.join(", ")
        )),
    )
}

/// Enabled Agent jobs that start within so many seconds and touch the database, or back up or clean up.
pub fn jobs_due(database: &str, within_seconds: i64) -> Batch {
    let mut words = Words::default();
    let name = words.text(database);
    Batch::look(
        "Look for jobs that are due",
        words.finish(&format!(
            "SELECT DISTINCT j.name
FROM msdb.dbo.sysjobs AS j
JOIN msdb.dbo.sysjobactivity AS a ON a.job_id = j.job_id
JOIN msdb.dbo.sysjobsteps AS s ON s.job_id = j.job_id
WHERE j.enabled = 1 AND a.session_id = (SELECT MAX(n.session_id) FROM msdb.dbo.syssessions AS n)
  AND a.next_scheduled_run_date >= GETDATE() AND a.next_scheduled_run_date <= DATEADD(second, {within_seconds}, GETDATE())
  AND (s.database_name = {name} OR CHARINDEX({name}, s.command) > 0
       OR CHARINDEX(N'sp_delete_backuphistory', s.command) > 0 OR CHARINDEX(N'xp_delete_file', s.command) > 0)
ORDER BY j.name;"
        )),
    )
}

/// A text of ours that names a database by its identity, for guards.
pub(super) fn identity_condition(name: &str, database_guid: Uuid, create_date: &str) -> String {
    format!(
        "NOT EXISTS (SELECT * FROM sys.databases AS d
               JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
               WHERE d.name = {name} AND r.database_guid = '{}'
                 AND d.create_date = CONVERT(datetime, {}, 126))",
        database_guid.to_string().to_uppercase(),
        text(create_date)
    )
}

/// Thumbprints of the keys in master that protect backups.
pub fn thumbprints() -> Batch {
    Batch::look(
        "Read the certificates",
        "SELECT CONVERT(varchar(64), c.thumbprint, 2) AS thumbprint FROM master.sys.certificates AS c
UNION ALL
SELECT CONVERT(varchar(64), k.thumbprint, 2) FROM master.sys.asymmetric_keys AS k;",
    )
}

/// Everything about one database that a restore over it depends on; no row when there is none of that name.
///
/// `server_time` is the server's clock now.
pub fn target_facts(database: &str) -> Batch {
    let mut words = Words::default();
    let name = words.text(database);
    Batch::look(
        "Read the database",
        words.finish(&format!(
            "SELECT d.state, d.state_desc, d.user_access, d.recovery_model_desc, d.is_auto_update_stats_async_on,
       d.is_in_standby, SUSER_SNAME(d.owner_sid) AS owner_name, d.create_date, r.database_guid,
       r.recovery_fork_guid,
       CASE WHEN d.replica_id IS NULL THEN 0 ELSE 1 END AS in_group,
       (SELECT COUNT(*) FROM sys.database_mirroring AS m
        WHERE m.database_id = d.database_id AND m.mirroring_guid IS NOT NULL) AS n_mirrors,
       (SELECT COUNT(*) FROM sys.databases AS s WHERE s.source_database_id = d.database_id) AS n_snapshots,
       (SELECT COUNT(*) FROM sys.dm_exec_sessions AS e
        WHERE e.database_id = d.database_id AND e.session_id <> @@SPID AND e.is_user_process = 1) AS n_sessions,
       f.redo_start_lsn, f.redo_start_fork_guid, f.differential_base_guid, r.family_guid
FROM sys.databases AS d
LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
LEFT JOIN sys.master_files AS f ON f.database_id = d.database_id AND f.file_id = 1
WHERE d.name = {name};"
        )),
    )
}

/// The server's clock, without its offset: what `sys.databases.create_date` is compared with.
pub fn server_clock() -> Batch {
    Batch::look(
        "Read the server's clock",
        "SELECT CONVERT(char(19), SYSDATETIME(), 126) AS server_time;",
    )
}

/// Sessions of users that are in a database, ours not counted; the server's own come and go by themselves.
pub fn sessions_in(database: &str) -> Batch {
    let mut words = Words::default();
    let name = words.text(database);
    Batch::look(
        "Read who is connected",
        words.finish(&format!(
            "SELECT s.session_id, s.login_name, s.host_name, s.program_name, s.open_transaction_count
FROM sys.dm_exec_sessions AS s
WHERE s.database_id = DB_ID({name}) AND s.session_id <> @@SPID AND s.is_user_process = 1
ORDER BY s.session_id;"
        )),
    )
}

/// The transaction that has written most into a database and is still open: rolling it back takes longest.
///
/// <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-tran-database-transactions-transact-sql>
pub fn open_transactions(database: &str) -> Batch {
    let mut words = Words::default();
    let name = words.text(database);
    Batch::look(
        "Look for open transactions",
        words.finish(&format!(
            "SELECT TOP (1) st.session_id, dt.database_transaction_log_bytes_used AS log_bytes,
       DATEDIFF(second, dt.database_transaction_begin_time, GETDATE()) AS age_seconds
FROM sys.dm_tran_database_transactions AS dt
JOIN sys.dm_tran_session_transactions AS st ON st.transaction_id = dt.transaction_id
WHERE dt.database_id = DB_ID({name}) AND dt.database_transaction_begin_time IS NOT NULL
ORDER BY dt.database_transaction_log_bytes_used DESC;"
        )),
    )
}

/// Reads a whole backup set and checks what can be checked without restoring it.
pub fn verify_only(devices: &[crate::domain::Device], position: i32, checksum: bool) -> Batch {
    let mut words = Words::default();
    let devices: Vec<String> = devices
        .iter()
        .map(|device| super::restore::device(&mut words, device))
        .collect();
    let checksum = if checksum { ", CHECKSUM" } else { "" };
    Batch::look(
        "Verify the backup",
        words.finish(&format!(
            "RESTORE VERIFYONLY FROM {} WITH FILE = {position}{checksum};",
            devices.join(", ")
        )),
    )
}

/// SQL users of a database whose login is not on this server, by their security id.
pub fn orphaned_users(database: &str) -> Batch {
    let database = identifier(database);
    Batch::look(
        "Look for users without a login",
        format!(
            "SELECT p.name
FROM {database}.sys.database_principals AS p
LEFT JOIN sys.server_principals AS s ON s.sid = p.sid
WHERE p.type = 'S' AND p.principal_id > 4 AND p.authentication_type = 1 AND s.sid IS NULL
ORDER BY p.name;"
        ),
    )
}

/// What the practice world wrote down right before its accident; no such table elsewhere.
pub fn practice_accident() -> Batch {
    Batch::look(
        "Read what the practice world wrote down",
        "SELECT a.database_name, a.accident_time, a.utc_offset_minutes, a.table_name, a.row_count
FROM msdb.dbo.practice_accident AS a;",
    )
}
