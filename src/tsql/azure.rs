//! Questions to Azure SQL Database, which has neither msdb nor the files of a server.

use super::{
    quote::{Words, identifier},
    script::{Batch, BatchKind, Purpose},
};

/// The databases that this connection can see: all of them in master, elsewhere its own and master.
pub fn azure_databases() -> Batch {
    Batch::look(
        "Read the databases",
        "SELECT d.name, d.database_id, d.state, d.state_desc, d.recovery_model_desc, d.create_date,
       CAST(NULL AS bigint) AS size_bytes
FROM sys.databases AS d
ORDER BY d.name;",
    )
}

/// The automatic backups of the database that the connection is in; their times are UTC.
///
/// <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-database-backups-azure-sql-database>
pub fn database_backups() -> Batch {
    Batch::look(
        "Read the automatic backups",
        "SELECT b.backup_file_id, b.logical_database_name, b.logical_server_name, b.backup_start_date,
       b.backup_finish_date, b.backup_type, b.in_retention
FROM sys.dm_database_backups AS b
ORDER BY b.backup_start_date, b.backup_file_id;",
    )
}

/// Takes a copy-only backup of a database of a managed instance to a URL: the only kind that its users may take.
///
/// <https://learn.microsoft.com/azure/azure-sql/managed-instance/transact-sql-tsql-differences-sql-server#backup>
pub fn instance_backup(database: &str, urls: &[String]) -> Batch {
    let mut words = Words::default();
    let name = words.database(database);
    let urls = devices(&mut words, urls, ",\n   ");
    Batch {
        kind: BatchKind::BackUp,
        purpose: Purpose::Ask,
        title: format!("Back up {database} to a URL"),
        sql: words.finish(&format!(
            "BACKUP DATABASE {name}\nTO {urls}\nWITH COPY_ONLY, CHECKSUM, COMPRESSION, STATS = 5;"
        )),
    }
}

/// Restores a new database of a managed instance from URLs. It takes no option, and goes on when the session ends.
pub fn instance_restore(database: &str, urls: &[String]) -> Batch {
    let mut words = Words::default();
    let name = words.database(database);
    let urls = devices(&mut words, urls, ",\n     ");
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::Ask,
        title: format!("Restore {database} from a URL"),
        sql: words.finish(&format!("RESTORE DATABASE {name}\nFROM {urls};")),
    }
}

/// `URL = …` for each, in lines below each other.
fn devices(words: &mut Words, urls: &[String], between: &str) -> String {
    let urls: Vec<String> = urls
        .iter()
        .map(|url| format!("URL = {}", words.text(url)))
        .collect();
    urls.join(between)
}

/// Gives a database of a managed instance another name.
pub fn instance_rename(database: &str, to: &str) -> Batch {
    let mut words = Words::default();
    let statement = words.statement(&format!(
        "ALTER DATABASE {} MODIFY NAME = {};",
        identifier(database),
        identifier(to)
    ));
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::Ask,
        title: format!("Rename {database} to {to}"),
        sql: words.finish(&statement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_takes_copies_to_urls_and_restores_without_options() {
        let urls = ["https://a.blob.core.windows.net/b/1.bak".to_owned()];
        assert_eq!(
            instance_backup("a]b", &urls).sql,
            "BACKUP DATABASE [a]]b]\nTO URL = N'https://a.blob.core.windows.net/b/1.bak'\nWITH COPY_ONLY, CHECKSUM, COMPRESSION, STATS = 5;"
        );
        let restore = instance_restore("copy", &urls);
        assert_eq!(
            restore.sql,
            "RESTORE DATABASE [copy]\nFROM URL = N'https://a.blob.core.windows.net/b/1.bak';"
        );
        assert_eq!(restore.kind, BatchKind::Restore);
        assert_eq!(
            instance_rename("a", "b").sql,
            "ALTER DATABASE [a] MODIFY NAME = [b];"
        );
    }
}
