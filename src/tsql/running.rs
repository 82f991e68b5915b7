//! What backs up or restores on a server right now, whoever started it.

use super::script::Batch;

/// Every running `BACKUP` and `RESTORE` with who runs it and how far it is.
///
/// The database of a request is the one that its session is in; the statement tells which one it is about.
/// <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-exec-requests-transact-sql>
pub fn running_work() -> Batch {
    Batch::look(
        "Look for running backups and restores",
        "SELECT r.session_id, r.command, DB_NAME(r.database_id) AS database_name,
       r.percent_complete, r.estimated_completion_time, r.total_elapsed_time,
       s.login_name, s.host_name, s.program_name, t.text AS statement_text
FROM sys.dm_exec_requests AS r
JOIN sys.dm_exec_sessions AS s ON s.session_id = r.session_id
CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) AS t
WHERE (r.command LIKE 'BACKUP%' OR r.command LIKE 'RESTORE%') AND r.session_id <> @@SPID
ORDER BY r.session_id;",
    )
}
