//! Taking a database from its users and giving it back: the batches around a restore over a database that is there.
//!
//! The connection that restores goes into the database first and closes it to everybody else from inside, so that nobody
//! slips in. It leaves in the batch that takes it out of service.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/alter-database-transact-sql-set-options>,
//! <https://learn.microsoft.com/sql/relational-databases/backup-restore/tail-log-backups-sql-server>.

use super::{
    quote::{Words, identifier},
    restore::{Guard, ServerFacts, device, guarded, guarded_block, server_guard, stats},
    script::{Batch, BatchKind, Purpose, Script},
};
use crate::domain::Device;

/// `sys.databases.user_access`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserAccess {
    #[default]
    Multi,
    Single,
    Restricted,
}

impl UserAccess {
    /// From its number in `sys.databases`.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Multi),
            1 => Some(Self::Single),
            2 => Some(Self::Restricted),
            _ => None,
        }
    }

    /// As `ALTER DATABASE … SET` and `user_access_desc` spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Multi => "MULTI_USER",
            Self::Single => "SINGLE_USER",
            Self::Restricted => "RESTRICTED_USER",
        }
    }
}

/// What a restore does to a database that is there, before it writes over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverOptions {
    /// `AUTO_UPDATE_STATISTICS_ASYNC` is on: its background thread would take the only place in the database.
    pub stop_async_statistics: bool,
    /// The database is online, so others may be in it.
    pub close_to_others: bool,
    /// Back to this as soon as it is online again.
    pub access: UserAccess,
    pub tail: Tailing,
}

/// What becomes of the part of the log that no backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tailing {
    /// There is none: simple recovery, or the database is `RESTORING` already.
    #[default]
    NotNeeded,
    /// Into this file, which leaves the database `RESTORING`.
    BackUp { file: String, damage: Damage },
    /// It is given up: `REPLACE` goes with the first restore.
    GiveUp,
}

/// Whether the database that is backed up is whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damage {
    #[default]
    None,
    /// It is online, and a page that the backup reads is not what was written.
    Pages,
    /// It cannot be opened; its log can still be read.
    NotOnline,
}

/// The batches before the first restore.
pub(super) fn take(database: &str, facts: &ServerFacts, over: &OverOptions) -> Vec<Batch> {
    let mut batches = Vec::new();
    if over.stop_async_statistics {
        batches.push(async_statistics(database, facts, "OFF"));
    }
    if over.close_to_others {
        batches.push(close(database, facts));
    }
    if let Tailing::BackUp { file, damage } = &over.tail {
        batches.push(tail_batch(database, facts, file, *damage));
        batches.push(super::restore::read_tail(facts, file));
    }
    batches
}

/// The batches after recovery: everything that was taken is given back.
pub fn give_back_script(database: &str, facts: &ServerFacts, over: &OverOptions) -> Script {
    let mut batches = Vec::new();
    if over.close_to_others {
        batches.push(give_back_access(database, facts, over.access.word()));
    }
    if over.stop_async_statistics {
        batches.push(give_back_statistics(database, facts));
    }
    Script { batches }
}

/// Lets users in as before; `back_to` is a word of [`UserAccess::word`], and anything else is `MULTI_USER`.
pub fn give_back_access(database: &str, facts: &ServerFacts, back_to: &str) -> Batch {
    let access = [UserAccess::Single, UserAccess::Restricted]
        .into_iter()
        .find(|access| access.word() == back_to)
        .unwrap_or_default();
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    guards.push(online_guard(&mut words, database));
    let statement = words.statement(&format!(
        "ALTER DATABASE {} SET {}",
        identifier(database),
        access.word()
    ));
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::GiveBackAccess,
        title: format!("Let users in as before ({})", access.word()),
        sql: guarded_block(words, &guards, &["USE master", &statement]),
    }
}

/// Turns the background update of statistics on again.
pub fn give_back_statistics(database: &str, facts: &ServerFacts) -> Batch {
    async_statistics(database, facts, "ON")
}

/// Keeps an Agent job from starting.
///
/// <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-update-job-transact-sql>
pub fn pause_job(name: &str, facts: &ServerFacts) -> Batch {
    job(name, facts, false)
}

/// Lets an Agent job start again.
pub fn start_job(name: &str, facts: &ServerFacts) -> Batch {
    job(name, facts, true)
}

fn job(name: &str, facts: &ServerFacts, enabled: bool) -> Batch {
    let mut words = Words::default();
    let guards = server_guard(&mut words, facts);
    let text = words.text(name);
    let statement = format!(
        "EXEC msdb.dbo.sp_update_job @job_name = {text}, @enabled = {}",
        u8::from(enabled)
    );
    let name = name.to_owned();
    Batch {
        kind: BatchKind::Restore,
        title: if enabled {
            format!("Enable the job {name} again")
        } else {
            format!("Disable the job {name} while the run lasts")
        },
        purpose: if enabled {
            Purpose::StartJob { name }
        } else {
            Purpose::PauseJob { name }
        },
        sql: guarded(words, &guards, &statement),
    }
}

fn async_statistics(database: &str, facts: &ServerFacts, value: &str) -> Batch {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    guards.push(online_guard(&mut words, database));
    let statement = words.statement(&format!(
        "ALTER DATABASE {} SET AUTO_UPDATE_STATISTICS_ASYNC {value}",
        identifier(database)
    ));
    let off = value == "OFF";
    Batch {
        kind: BatchKind::Restore,
        purpose: if off {
            Purpose::StopAsyncStatistics
        } else {
            Purpose::GiveBackStatistics
        },
        title: if off {
            "Stop the background update of statistics"
        } else {
            "Update statistics in the background again"
        }
        .to_owned(),
        sql: guarded(words, &guards, &statement),
    }
}

/// From inside the database, so that the connection itself has the only place in it.
///
/// A name that must be pieced together is closed from a batch of its own text, which leaves the database again:
/// there the batch that follows has to be quick.
fn close(database: &str, facts: &ServerFacts) -> Batch {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    guards.push(online_guard(&mut words, database));
    let name = identifier(database);
    let (enter, close) = (
        format!("USE {name}"),
        format!("ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE"),
    );
    let both = words.statement(&format!("{enter}; {close}"));
    let pieced = both.starts_with("EXEC");
    let statements: &[&str] = if pieced { &[&both] } else { &[&enter, &close] };
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::CloseToOthers,
        title: "Close the database to everybody else".to_owned(),
        sql: guarded_block(words, &guards, statements),
    }
}

/// Title of the batch that backs the tail up and leaves the database `RESTORING`.
pub const TAIL_TITLE: &str = "Back up the tail of the log; the database stays RESTORING";

/// `BACKUP LOG` into a new file, with the options that make it what it is.
pub(super) fn back_up_log(
    words: &mut Words,
    database: &str,
    file: &str,
    options: &[&str],
) -> String {
    let stats = stats();
    let mut options: Vec<&str> = options.to_vec();
    // The file is new; NOINIT would append to a stranger's media should it not be.
    options.extend(["NOINIT", "CHECKSUM", &stats]);
    let name = words.database(database);
    let device = device(words, &Device::Disk(file.to_owned()));
    format!(
        "BACKUP LOG {name}\nTO {device}\nWITH {}",
        options.join(",\n     ")
    )
}

/// The backup of the tail over the original, after which the database is `RESTORING`.
pub fn tail_batch(database: &str, facts: &ServerFacts, file: &str, damage: Damage) -> Batch {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    guards.push(super::restore::closed_guard(&mut words, database));
    let mut options = vec!["NORECOVERY"];
    match damage {
        Damage::None => {}
        Damage::Pages => options.push("CONTINUE_AFTER_ERROR"),
        Damage::NotOnline => options.push("NO_TRUNCATE"),
    }
    let statement = back_up_log(&mut words, database, file, &options);
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::BackUpTail {
            file: file.to_owned(),
        },
        title: TAIL_TITLE.to_owned(),
        sql: guarded_block(words, &guards, &["USE master", &statement]),
    }
}

/// Makes a database that is between two logs readable, until the next log is restored.
pub fn standby_script(database: &str, undo_file: &str, facts: &ServerFacts) -> Script {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    guards.push(super::restore::restoring_guard(&mut words, database));
    let statement = format!(
        "RESTORE DATABASE {} WITH STANDBY = {}",
        words.database(database),
        words.text(undo_file)
    );
    Script {
        batches: vec![Batch {
            kind: BatchKind::Restore,
            purpose: Purpose::Standby,
            title: "Make the database readable, to go on later".to_owned(),
            sql: guarded(words, &guards, &statement),
        }],
    }
}

/// Ends a session that is in the database, and no other of that number.
pub fn end_session(database: &str, session_id: i64, facts: &ServerFacts) -> Batch {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    let name = words.text(database);
    guards.push(Guard {
        refuse_when: format!(
            "NOT EXISTS (SELECT * FROM sys.dm_exec_sessions AS s
               WHERE s.session_id = {session_id} AND s.database_id = DB_ID({name}))"
        ),
        message: words.message(&format!(
            "Session {session_id} is no longer in the database {database}."
        )),
    });
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::EndSession,
        title: format!("End session {session_id}, which is in the database"),
        sql: guarded(words, &guards, &format!("KILL {session_id}")),
    }
}

/// Whether pages and structures of a database are what they should be; an error for each that is not.
///
/// <https://learn.microsoft.com/sql/t-sql/database-console-commands/dbcc-checkdb-transact-sql>
pub fn check_database(database: &str) -> Batch {
    let mut words = Words::default();
    let statement = words.statement(&format!(
        "DBCC CHECKDB ({}) WITH NO_INFOMSGS, ALL_ERRORMSGS",
        super::quote::text(database)
    ));
    Batch {
        purpose: Purpose::CheckDatabase,
        ..Batch::look(
            "Check the database with DBCC CHECKDB",
            guarded(words, &[], &statement),
        )
    }
}

/// Drops what an interrupted restore left: the database that is `RESTORING` and was created just then.
///
/// `create_date` is `sys.databases.create_date` as ISO 8601, as the journal has it. Such a database has no identity yet
/// that the server tells; nobody can have done anything in it.
pub fn drop_unfinished_script(database: &str, create_date: &str, facts: &ServerFacts) -> Script {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    let name = words.text(database);
    guards.push(Guard {
        refuse_when: format!(
            "NOT EXISTS (SELECT * FROM sys.databases AS d
               WHERE d.name = {name} AND (d.state = 1 OR d.is_in_standby = 1)
                 AND d.create_date = CONVERT(datetime, {}, 126))",
            super::quote::text(create_date)
        ),
        message: words.message(&format!(
            "The database {database} is not what this run left behind. Nothing was dropped."
        )),
    });
    let statement = words.statement(&format!("DROP DATABASE {}", identifier(database)));
    Script {
        batches: vec![Batch {
            kind: BatchKind::Restore,
            purpose: Purpose::DropCopy,
            title: "Drop what the interrupted restore left".to_owned(),
            sql: guarded(words, &guards, &statement),
        }],
    }
}

fn online_guard(words: &mut Words, name: &str) -> Guard {
    Guard {
        refuse_when: format!(
            "NOT EXISTS (SELECT * FROM sys.databases WHERE name = {} AND state = 0 AND is_in_standby = 0)",
            words.text(name)
        ),
        message: words.message(&format!("The database {name} is not ONLINE.")),
    }
}
