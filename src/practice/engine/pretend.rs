//! What the server pretends to be, for lessons and tests: a login that may not back up or not look around, a secondary
//! replica, an older version.
//!
//! Each is switched with `EXEC master.dbo.practice_option`, and shows in the views and messages of the real server.

use crate::practice::reply::Message;

/// Switches that change what the server says, and what it refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pretended {
    /// `BACKUP DATABASE` and `BACKUP LOG` are not granted (message 262).
    pub backup_denied: bool,
    /// This database is a secondary replica of an availability group (message 3059).
    pub secondary: Option<String>,
    /// The functions that look at files are not there, as before 2017 (message 208); the old procedures are.
    pub no_file_functions: bool,
    /// `VIEW SERVER STATE` is not granted: sessions and requests of others are not seen, without a word.
    pub state_denied: bool,
    /// This database is in an availability group, whose primary replica is this server.
    pub in_group: Option<String>,
    /// The log of this database has a damaged place, past which only `CONTINUE_AFTER_ERROR` reads (message 9004).
    pub damaged_log: Option<String>,
    /// Why Azure SQL Database shows nothing of its automatic backups.
    pub database_backups: DatabaseBackups,
}

/// Who sees `sys.dm_database_backups`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DatabaseBackups {
    #[default]
    Shown,
    /// `VIEW DATABASE STATE` is not granted (message 262).
    Denied,
    /// This tier has no such view, as Hyperscale (message 208).
    Missing,
}

impl Pretended {
    /// Sets a switch; `false` when it is none of these, or has no such value.
    pub fn set(&mut self, name: &str, value: &str) -> bool {
        match (name, value) {
            ("backup_permission", "granted") => self.backup_denied = false,
            ("backup_permission", "denied") => self.backup_denied = true,
            ("secondary_replica", "none") => self.secondary = None,
            ("secondary_replica", database) => self.secondary = Some(database.to_owned()),
            ("file_functions", "there") => self.no_file_functions = false,
            ("file_functions", "missing") => self.no_file_functions = true,
            ("state_permission", "granted") => self.state_denied = false,
            ("state_permission", "denied") => self.state_denied = true,
            ("availability_group", "none") => self.in_group = None,
            ("availability_group", database) => self.in_group = Some(database.to_owned()),
            ("damaged_log", "none") => self.damaged_log = None,
            ("damaged_log", database) => self.damaged_log = Some(database.to_owned()),
            ("database_backups", "shown") => self.database_backups = DatabaseBackups::Shown,
            ("database_backups", "denied") => self.database_backups = DatabaseBackups::Denied,
            ("database_backups", "missing") => self.database_backups = DatabaseBackups::Missing,
            _ => return false,
        }
        true
    }

    /// Whether a permission on a database is granted.
    pub fn is_granted(&self, permission: &str) -> bool {
        let backup = permission.eq_ignore_ascii_case("BACKUP DATABASE")
            || permission.eq_ignore_ascii_case("BACKUP LOG");
        let state = permission.eq_ignore_ascii_case("VIEW SERVER STATE")
            || permission.eq_ignore_ascii_case("VIEW SERVER PERFORMANCE STATE");
        !(backup && self.backup_denied || state && self.state_denied)
    }

    /// Whether the automatic backups of a database are shown.
    pub fn check_database_backups(&self, database: &str) -> Result<(), Message> {
        match self.database_backups {
            DatabaseBackups::Shown => Ok(()),
            DatabaseBackups::Denied => Err(Message::error(
                262,
                format!("VIEW DATABASE STATE permission denied in database '{database}'."),
            )
            .with_class(14)),
            DatabaseBackups::Missing => Err(Message::error(
                208,
                "Invalid object name 'sys.dm_database_backups'.",
            )),
        }
    }

    /// Whether a session sees another one.
    pub fn shows_session(&self, to: i16, session: i16) -> bool {
        to == session || !self.state_denied
    }

    /// Whether a database is a secondary replica here.
    pub fn is_secondary(&self, database: &str) -> bool {
        is(&self.secondary, database)
    }

    /// Whether a database is in an availability group here.
    pub fn is_in_group(&self, database: &str) -> bool {
        self.is_secondary(database) || is(&self.in_group, database)
    }

    /// Whether the log of a database is damaged.
    pub fn has_damaged_log(&self, database: &str) -> bool {
        is(&self.damaged_log, database)
    }
}

fn is(which: &Option<String>, database: &str) -> bool {
    which
        .as_deref()
        .is_some_and(|name| crate::practice::catalogue::same_name(name, database))
}
