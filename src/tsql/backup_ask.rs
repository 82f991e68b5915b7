//! Questions before and after a backup: what the server is, what each database is, which folders are there, what came of it.
//!
//! Each is asked on its own, because a login may see one and not the other; who asks takes a refusal for *unknown*.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-databases-transact-sql> and neighbours.

use super::{quote::Words, script::Batch};
use crate::domain::ServerPath;

/// Version, edition, clock, default backup folder, and whether the login may see what other sessions do.
pub fn backup_server() -> Batch {
    Batch::look(
        "Ask what the server is",
        "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS product_version,
       CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
       CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition,
       CAST(SERVERPROPERTY('InstanceDefaultBackupPath') AS nvarchar(260)) AS default_backup_path,
       @@SERVERNAME AS server_name,
       CASE WHEN HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') = 1
              OR HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER PERFORMANCE STATE') = 1
            THEN 1 ELSE 0 END AS may_see_requests,
       SYSDATETIMEOFFSET() AS server_clock;",
    )
}

/// The default backup folder of servers that have no property for it, before 2019.
pub fn backup_default_folder() -> Batch {
    Batch::look(
        "Read the default backup folder",
        r"DECLARE @folder nvarchar(260);
EXEC master.sys.xp_instance_regread N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer', N'BackupDirectory', @folder OUTPUT;
SELECT @folder AS default_backup_path;",
    )
}

/// Every database with what decides whether it can be backed up.
///
/// Files and recovery status are hidden from some logins; the counts tell *no* from *not seen*.
pub fn backup_databases() -> Batch {
    Batch::look(
        "Read what can be backed up",
        "SELECT d.name, d.database_id, d.state_desc, d.is_in_standby, d.recovery_model_desc,
       CASE WHEN d.source_database_id IS NULL THEN 0 ELSE 1 END AS is_snapshot,
       HAS_PERMS_BY_NAME(QUOTENAME(d.name), 'DATABASE', 'BACKUP DATABASE') AS may_back_up,
       HAS_PERMS_BY_NAME(QUOTENAME(d.name), 'DATABASE', 'BACKUP LOG') AS may_back_up_log,
       (SELECT COUNT(*) FROM sys.master_files AS f
        WHERE f.database_id = d.database_id AND f.file_id = 1) AS files_seen,
       (SELECT COUNT(*) FROM sys.master_files AS f
        WHERE f.database_id = d.database_id AND f.file_id = 1 AND f.differential_base_lsn IS NOT NULL) AS files_with_base,
       (SELECT SUM(CAST(f.size AS bigint)) * 8192 FROM sys.master_files AS f
        WHERE f.database_id = d.database_id AND f.type = 0) AS data_bytes,
       (SELECT COUNT(*) FROM sys.database_recovery_status AS r
        WHERE r.database_id = d.database_id) AS status_seen,
       (SELECT COUNT(*) FROM sys.database_recovery_status AS r
        WHERE r.database_id = d.database_id AND r.last_log_backup_lsn IS NOT NULL) AS status_with_chain
FROM sys.databases AS d
ORDER BY d.name;",
    )
}

/// What this server's replicas of databases in availability groups are. Role 1 is the primary, 2 a secondary.
pub fn backup_roles() -> Batch {
    Batch::look(
        "Read the roles in availability groups",
        "SELECT d.name, a.role
FROM sys.databases AS d
LEFT JOIN sys.dm_hadr_availability_replica_states AS a ON a.replica_id = d.replica_id AND a.is_local = 1
WHERE d.replica_id IS NOT NULL;",
    )
}

/// The accounts that the services run under, and whether they run: status 4.
pub fn backup_services() -> Batch {
    Batch::look(
        "Read the service accounts",
        "SELECT s.servicename, s.service_account, s.status, s.filename
FROM sys.dm_server_services AS s;",
    )
}

/// Certificates of `master` that could encrypt; their dates are UTC. `NA` has no private key here.
pub fn backup_certificates() -> Batch {
    Batch::look(
        "Read the certificates",
        "SELECT c.name, c.pvt_key_encryption_type, c.expiry_date, c.pvt_key_last_backup_date
FROM master.sys.certificates AS c
WHERE c.name NOT LIKE N'##%'
ORDER BY c.name;",
    )
}

/// Whether a path is a file or a folder, and whether the folder above is there.
pub fn file_exists(path: &ServerPath) -> Batch {
    let mut words = Words::default();
    let path = words.text(path.as_str());
    Batch::look(
        "Look whether it is there",
        words.finish(&format!(
            "SELECT e.file_exists, e.file_is_a_directory, e.parent_directory_exists
FROM sys.dm_os_file_exists({path}) AS e;"
        )),
    )
}

/// The same before 2017; columns are `File Exists`, `File is a Directory`, `Parent Directory Exists`.
pub fn file_exists_old(path: &ServerPath) -> Batch {
    let mut words = Words::default();
    let path = words.text(path.as_str());
    Batch::look(
        "Look whether it is there",
        words.finish(&format!("EXEC master.sys.xp_fileexist {path};")),
    )
}

/// What lies in a folder. The function goes into all folders below, so only its first level is kept.
pub fn enumerate_folder(folder: &ServerPath) -> Batch {
    let mut words = Words::default();
    let folder = words.text(folder.as_str());
    Batch::look(
        "List the folder",
        words.finish(&format!(
            "SELECT f.file_or_directory_name, f.is_directory, f.size_in_bytes, f.last_write_time
FROM sys.dm_os_enumerate_filesystem({folder}, N'*') AS f
WHERE f.level = 0
ORDER BY f.is_directory DESC, f.file_or_directory_name;"
        )),
    )
}

/// The same before 2017; columns are `subdirectory`, `depth` and `file`.
pub fn enumerate_folder_old(folder: &ServerPath) -> Batch {
    let mut words = Words::default();
    let folder = words.text(folder.as_str());
    Batch::look(
        "List the folder",
        words.finish(&format!("EXEC master.sys.xp_dirtree {folder}, 1, 1;")),
    )
}

/// Drives with their free bytes.
pub fn fixed_drives() -> Batch {
    Batch::look(
        "List the drives",
        "SELECT v.fixed_drive_path, v.free_space_in_bytes
FROM sys.dm_os_enumerate_fixed_drives AS v
ORDER BY v.fixed_drive_path;",
    )
}

/// The same before 2019; columns are `drive` and `MB free`.
pub fn fixed_drives_old() -> Batch {
    Batch::look("List the drives", "EXEC master.sys.xp_fixeddrives;")
}

/// The newest row of the history: a backup that starts now gets a greater one.
pub fn newest_backup_set() -> Batch {
    Batch::look(
        "Read the newest backup set",
        "SELECT MAX(bs.backup_set_id) AS newest FROM msdb.dbo.backupset AS bs;",
    )
}

/// What msdb says of the set that a backup wrote to this file after the row `after`.
pub fn backup_result(database: &str, device: &str, after: i64) -> Batch {
    let mut words = Words::default();
    let database = words.text(database);
    let device = words.text(device);
    Batch::look(
        "Read what was written",
        words.finish(&format!(
            "SELECT TOP (1) bs.backup_set_id, bs.backup_set_uuid, bs.position, bs.backup_start_date, bs.backup_finish_date,
       bs.backup_size, bs.compressed_backup_size, bs.is_copy_only, bs.has_backup_checksums,
       (SELECT SUM(bf.backed_up_page_count) FROM msdb.dbo.backupfile AS bf
        WHERE bf.backup_set_id = bs.backup_set_id) AS pages
FROM msdb.dbo.backupset AS bs
JOIN msdb.dbo.backupmediafamily AS mf ON mf.media_set_id = bs.media_set_id
WHERE mf.physical_device_name = {device} AND bs.database_name = {database} AND bs.backup_set_id > {after}
ORDER BY bs.backup_set_id DESC;"
        )),
    )
}
