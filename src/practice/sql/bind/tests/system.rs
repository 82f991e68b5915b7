//! The history in msdb and the views of the server.

use super::{answer, check, server};
use crate::practice::{catalogue::system::views, engine::TRACE_FILE};

#[test]
fn history_and_views() {
    let s = &mut server();
    check(
        s,
        "SELECT type, first_lsn, CAST(backup_size / 1048576.0 AS decimal(18,2)) AS mb FROM msdb.dbo.backupset WHERE database_name = @db AND last_lsn > 9",
        &[
            "type char(1), first_lsn numeric(25,0), mb numeric(18,2)",
            "L | 9 | 1.00",
        ],
    );
    check(
        s,
        "SELECT SUM(backup_size), COUNT_BIG(*) FROM msdb..backupset bs WITH (NOLOCK)",
        &["numeric(38,0), bigint", "1074790400 | 2"],
    );
    check(
        s,
        "SELECT name, state_desc, recovery_model_desc, is_read_only FROM master.sys.databases WHERE name = N'octopusai'",
        &[
            "name nvarchar(128), state_desc nvarchar(60), recovery_model_desc nvarchar(60), is_read_only bit",
            "OctopusAI | ONLINE | FULL | 0",
        ],
    );
    check(
        s,
        "SELECT type_desc, data_space_id FROM sys.master_files WHERE database_id = DB_ID('OctopusAI') ORDER BY file_id",
        &[
            "type_desc nvarchar(60), data_space_id int",
            "ROWS | 1",
            "LOG | 0",
        ],
    );
    check(
        s,
        "SELECT t.name, SUM(p.rows) AS n FROM sys.tables t JOIN sys.partitions p ON p.object_id = t.object_id AND p.index_id IN (0, 1) WHERE t.name = 't' GROUP BY t.name",
        &["name nvarchar(128), n bigint", "t | 4"],
    );
    check(
        s,
        "SELECT DISTINCT v.volume_mount_point FROM sys.master_files f CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) v WHERE f.database_id = 5 ORDER BY 1",
        &["volume_mount_point nvarchar(512)", "D:\\", "L:\\"],
    );
    check(
        s,
        "SELECT file_exists, file_is_a_directory FROM sys.dm_os_file_exists('D:\\Data')",
        &["file_exists int, file_is_a_directory int", "0 | 1"],
    );
    check(
        s,
        "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'dbo' ORDER BY 1",
        &["TABLE_NAME nvarchar(128)", "t", "Things"],
    );
    check(
        s,
        "SELECT c.name, TYPE_NAME(c.user_type_id) AS ty, c.max_length FROM sys.columns c WHERE c.object_id = OBJECT_ID('dbo.Things') AND c.column_id = 2",
        &[
            "name nvarchar(128), ty nvarchar(128), max_length smallint",
            "Name | nvarchar | 100",
        ],
    );
    check(
        s,
        "SELECT CAST(value_in_use AS int) FROM sys.configurations WHERE name = 'Agent XPs'",
        &["int", "1"],
    );
    check(
        s,
        "SELECT COUNT(*) FROM sys.dm_server_services WHERE servicename LIKE 'SQL Server Agent%' AND status = 4",
        &["int", "1"],
    );
}

#[test]
fn every_view_can_be_read() {
    let s = &mut server();
    for view in views() {
        let arguments = match (view.name, view.n_arguments) {
            ("dm_database_backups", _) => continue,
            (_, 0) => String::new(),
            ("fn_trace_gettable", _) => {
                format!("('{}', DEFAULT)", TRACE_FILE)
            }
            ("dm_os_file_exists", _) => "('C:\\x')".to_owned(),
            ("dm_os_enumerate_filesystem", _) => "('D:\\', '*')".to_owned(),
            (_, 1) => "(0x00)".to_owned(),
            _ => "(5, 1)".to_owned(),
        };
        let arguments = if view.name == "dm_db_log_stats" {
            "(5)".to_owned()
        } else {
            arguments
        };
        let sql = format!("SELECT * FROM {}.{}{arguments}", view.schema, view.name);
        if let Err(error) = answer(s, &sql) {
            panic!("{sql}: {}", error.text);
        }
    }
}
