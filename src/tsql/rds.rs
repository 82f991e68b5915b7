//! Amazon RDS for SQL Server: its own procedures stand in for `BACKUP` and `RESTORE`.
//!
//! Each starts a task that goes on by itself; `rds_task_status` tells how it is getting on.
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/SQLServer.Procedural.Importing.Native.Using.html>

use super::{
    quote::Words,
    script::{Batch, BatchKind, Purpose},
};

/// A call of a procedure with text parameters, and what follows them.
fn procedure(name: &str, parameters: &[(&str, &str)], rest: &str) -> String {
    let mut words = Words::default();
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(parameter, value)| format!("\n    {parameter} = {}", words.text(value)))
        .collect();
    words.finish(&format!(
        "EXEC msdb.dbo.{name}{}{rest};",
        parameters.join(",")
    ))
}

fn call(kind: BatchKind, title: String, sql: String) -> Batch {
    Batch {
        kind,
        purpose: Purpose::Ask,
        title,
        sql,
    }
}

/// Starts a full backup to an object of S3; an object of that name is not written over.
pub fn rds_backup(database: &str, s3_arn: &str) -> Batch {
    call(
        BatchKind::BackUp,
        format!("Back up {database} to S3"),
        procedure(
            "rds_backup_database",
            &[
                ("@source_db_name", database),
                ("@s3_arn_to_backup_to", s3_arn),
            ],
            ",\n    @overwrite_s3_backup_file = 0,\n    @type = N'FULL'",
        ),
    )
}

/// Starts the restore of a full backup into a new database.
pub fn rds_restore(database: &str, s3_arn: &str) -> Batch {
    call(
        BatchKind::Restore,
        format!("Restore {database} from S3"),
        procedure(
            "rds_restore_database",
            &[
                ("@restore_db_name", database),
                ("@s3_arn_to_restore_from", s3_arn),
            ],
            ",\n    @with_norecovery = 0",
        ),
    )
}

/// How the tasks of a database stand.
pub fn rds_tasks(database: &str) -> Batch {
    Batch::look(
        "Read the tasks",
        procedure("rds_task_status", &[("@db_name", database)], ""),
    )
}

/// How one task stands.
pub fn rds_task(database: &str, task_id: i64) -> Batch {
    Batch::look(
        "Read the task",
        procedure(
            "rds_task_status",
            &[("@db_name", database)],
            &format!(",\n    @task_id = {task_id}"),
        ),
    )
}

/// Asks a task to stop.
pub fn rds_cancel(task_id: i64) -> Batch {
    call(
        BatchKind::BackUp,
        "Cancel the task".to_owned(),
        format!("EXEC msdb.dbo.rds_cancel_task @task_id = {task_id};"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_texts_whatever_is_in_them() {
        assert_eq!(
            rds_backup("a'b", "arn:aws:s3:::bucket/a.bak").sql,
            "EXEC msdb.dbo.rds_backup_database\n    @source_db_name = N'a''b',\n    @s3_arn_to_backup_to = N'arn:aws:s3:::bucket/a.bak',\n    @overwrite_s3_backup_file = 0,\n    @type = N'FULL';"
        );
        assert_eq!(
            rds_tasks("$(x)").sql,
            "DECLARE @v1 nvarchar(4000) = N'$' + N'(x)';\nEXEC msdb.dbo.rds_task_status\n    @db_name = @v1;"
        );
        assert_eq!(
            rds_task("x", 7).sql,
            "EXEC msdb.dbo.rds_task_status\n    @db_name = N'x',\n    @task_id = 7;"
        );
        assert_eq!(rds_restore("x", "arn").kind, BatchKind::Restore);
    }
}
