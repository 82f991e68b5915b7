//! What the users of a managed instance and of Amazon RDS may back up and restore themselves.
//!
//! A managed instance takes copy-only fulls to a URL, and restores from one without any option; Amazon RDS lets nobody
//! run the statements. What a URL or an ARN names lies in the world's folder like every other path: nothing is sent anywhere.
//! Messages: <https://learn.microsoft.com/azure/azure-sql/managed-instance/transact-sql-tsql-differences-sql-server>.

use crate::practice::{
    engine::{Edition, Engine},
    reply::Message,
    sql::statement::{
        BackupStatement, BackupWhat, MediaDevice, Medium, OptionValue, RestoreStatement,
        RestoreWhat, WithOption,
    },
};

/// Lets a statement through in a form that the engine runs, or says why a client may not run it here.
pub fn admit_backup(
    engine: &mut Engine,
    statement: &mut BackupStatement,
) -> Result<(), Vec<Message>> {
    match engine.options.edition {
        Edition::Developer | Edition::Express | Edition::Azure => Ok(()),
        Edition::Rds => {
            let what = match statement.what {
                BackupWhat::Database => "BACKUP DATABASE",
                BackupWhat::Log => "BACKUP LOG",
            };
            Err(vec![denied(what, &statement.database)])
        }
        Edition::ManagedInstance => {
            let has = |name: &str| statement.options.iter().any(|o| o.name == name);
            if statement.what == BackupWhat::Log || !has("COPY_ONLY") || has("DIFFERENTIAL") {
                return Err(vec![Message::error(
                    41904,
                    "BACKUP DATABASE failed. SQL Database Managed Instance supports only COPY_ONLY full database backups which are initiated by user.",
                )]);
            }
            if statement.devices.iter().any(|d| d.medium != Medium::Url) {
                return Err(vec![unsupported("disk")]);
            }
            take_urls(engine, &mut statement.devices)
        }
    }
}

/// The same for a `RESTORE` of any kind.
pub fn admit_restore(
    engine: &mut Engine,
    statement: &mut RestoreStatement,
) -> Result<(), Vec<Message>> {
    let database = statement.database.clone().unwrap_or_default();
    match engine.options.edition {
        Edition::Developer | Edition::Express | Edition::Azure => Ok(()),
        Edition::Rds => Err(vec![match statement.what {
            RestoreWhat::Database | RestoreWhat::Log => Message::error(
                3110,
                format!("User does not have permission to RESTORE database '{database}'."),
            )
            .with_class(14),
            _ => denied("CREATE DATABASE", "master"),
        }]),
        Edition::ManagedInstance => {
            if statement.devices.iter().any(|d| d.medium != Medium::Url) {
                return Err(vec![Message::error(
                    41902,
                    "Unsupported device type. SQL Database Managed Instance supports database restore from URI backup device only.",
                )]);
            }
            if statement.what == RestoreWhat::Log {
                return Err(vec![Message::error(
                    41906,
                    "Statement 'RESTORE LOG' is not supported in SQL Database Managed Instance.",
                )]);
            }
            if statement.what == RestoreWhat::Database
                && let Some(option) = statement.options.first()
            {
                return Err(vec![unsupported(&option.name.to_lowercase())]);
            }
            take_urls(engine, &mut statement.devices)
        }
    }
}

fn denied(what: &str, database: &str) -> Message {
    Message::error(
        262,
        format!("{what} permission denied in database '{database}'."),
    )
    .with_class(14)
}

fn unsupported(option: &str) -> Message {
    Message::error(
        41901,
        format!(
            "One or more of the options ({option}) are not supported for this statement in SQL Database Managed Instance. Review the documentation for supported options."
        ),
    )
}

/// Turns the URLs of a statement into places of the world; containers are there when they are named.
fn take_urls(engine: &mut Engine, devices: &mut [MediaDevice]) -> Result<(), Vec<Message>> {
    for device in devices {
        let path = path_of_url(&device.name).ok_or_else(|| {
            vec![Message::error(
                3271,
                format!(
                    "A nonrecoverable I/O error occurred on file \"{}\": The specified URL points to no blob.",
                    device.name
                ),
            )]
        })?;
        make_folder(engine, &path);
        device.medium = Medium::Disk;
        device.name = path;
    }
    Ok(())
}

/// Makes the folder of a file; what stands in the way is said by the statement that opens it.
fn make_folder(engine: &mut Engine, path: &str) {
    if let Some((folder, _)) = path.rsplit_once('\\') {
        engine.paths.create_folder(folder).ok();
    }
}

/// Where a blob lies: `https://account/container/file` is `\\account\container\file`.
fn path_of_url(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    (parts.len() >= 3).then(|| format!(r"\\{}", parts.join("\\")))
}

/// The URL of a place that was made from one, as msdb has it; `None` for every other path.
pub fn url_of_path(path: &str) -> Option<String> {
    let rest = path.strip_prefix(r"\\")?;
    let account = rest.split('\\').next()?;
    account
        .ends_with(".blob.core.windows.net")
        .then(|| format!("https://{}", rest.replace('\\', "/")))
}

/// Where an object of S3 lies: `arn:aws:s3:::bucket/key` is `\\s3.amazonaws.com\bucket\key`.
pub fn path_of_arn(arn: &str) -> Option<String> {
    let rest = arn.strip_prefix("arn:aws:s3:::")?;
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    (parts.len() >= 2).then(|| format!(r"\\s3.amazonaws.com\{}", parts.join("\\")))
}

/// The statement behind `rds_backup_database`; its object is written over only when that was said.
pub fn rds_backup(
    engine: &mut Engine,
    database: &str,
    path: &str,
    overwrite: bool,
) -> Result<BackupStatement, Message> {
    make_folder(engine, path);
    let there = engine.paths.file(path).is_ok_and(|real| real.exists());
    if there && !overwrite {
        return Err(Message::error(
            50000,
            "Aborted the task because of a task failure or an overlap with your preferred backup window. The file already exists in S3 and @overwrite_s3_backup_file is 0.",
        ));
    }
    let flag = |name: &str| WithOption {
        name: name.to_owned(),
        value: OptionValue::None,
    };
    Ok(BackupStatement {
        what: BackupWhat::Database,
        database: database.to_owned(),
        devices: vec![disk(path)],
        mirrors: Vec::new(),
        options: [
            "COPY_ONLY",
            "COMPRESSION",
            "CHECKSUM",
            "FORMAT",
            "INIT",
            "SKIP",
        ]
        .map(flag)
        .to_vec(),
    })
}

/// The statement behind `rds_restore_database`.
pub fn rds_restore(database: &str, path: &str) -> RestoreStatement {
    RestoreStatement {
        what: RestoreWhat::Database,
        database: Some(database.to_owned()),
        devices: vec![disk(path)],
        options: Vec::new(),
    }
}

fn disk(path: &str) -> MediaDevice {
    MediaDevice {
        medium: Medium::Disk,
        name: path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_arns_are_places_of_the_world() {
        let url = "https://contoso.blob.core.windows.net/backups/a/b.bak";
        let path = path_of_url(url).expect("a blob");
        assert_eq!(path, r"\\contoso.blob.core.windows.net\backups\a\b.bak");
        assert_eq!(url_of_path(&path).as_deref(), Some(url));
        assert_eq!(url_of_path(r"\\backup-server\octopus\full\x.bak"), None);
        assert_eq!(path_of_url("https://contoso.blob.core.windows.net/x"), None);
        assert_eq!(
            path_of_arn("arn:aws:s3:::bucket/a/b.bak").as_deref(),
            Some(r"\\s3.amazonaws.com\bucket\a\b.bak")
        );
        assert_eq!(path_of_arn("arn:aws:s3:::bucket"), None);
        assert_eq!(path_of_arn(r"D:\x.bak"), None);
    }
}
