//! A script: guarded batches in order. What is shown is what runs.

use super::quote;

/// What a batch does to the server. The gateway enforces by it how far stopat may go on a profile (design §3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BatchKind {
    /// Changes nothing.
    Look,
    /// Writes a backup, or changes the jobs that do.
    BackUp,
    /// Creates, overwrites, recovers or drops a database, or deletes a backup.
    Restore,
}

/// What a batch is there for, so that who runs it need not read its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reads something.
    Ask,
    /// Backs up the tail of the log into this file, as the server sees it.
    BackUpTail { file: String },
    /// Reads the tail back from this file before anything relies on it.
    ReadTail { file: String },
    /// Restores the step of the plan with this index.
    RestoreSet { step: usize },
    /// Restores the tail from this file.
    RestoreTail { file: String },
    /// Recovers the database as it is.
    Recover,
    /// Makes a database readable between two logs.
    Standby,
    /// Turns the background update of statistics off, which would take the only place in the database.
    StopAsyncStatistics,
    /// Gets everybody else out of the database and lets nobody in.
    CloseToOthers,
    /// Sets the access of users back to what it was.
    GiveBackAccess,
    /// Turns the background update of statistics on again.
    GiveBackStatistics,
    /// Disables an Agent job.
    PauseJob { name: String },
    /// Enables it again.
    StartJob { name: String },
    /// Ends a session that is in the way.
    EndSession,
    /// Checks the database itself.
    CheckDatabase,
    /// Drops the copy of a run.
    DropCopy,
    /// Takes the backup of the step of a backup plan with this index.
    BackUp { step: usize },
    /// Reads the backup of that step back.
    VerifyBackup { step: usize },
    /// Makes a job of SQL Server Agent be as a policy wants it.
    ApplyJob { name: String },
    /// Removes a job of a policy.
    RemoveJob { name: String },
    /// Deletes a backup file that retention lets go.
    DeleteFile { file: String },
}

/// One batch: at most one destructive statement, with its guards before it.
///
/// Its last statement leaves `@@ERROR` at zero only when the guards held and the statement did its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub kind: BatchKind,
    pub purpose: Purpose,
    /// One line for people: `Restore the full backup`.
    pub title: String,
    pub sql: String,
}

/// Batches in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub batches: Vec<Batch>,
}

impl Batch {
    /// A batch that changes nothing.
    pub fn look(title: impl Into<String>, sql: impl Into<String>) -> Self {
        Self {
            kind: BatchKind::Look,
            purpose: Purpose::Ask,
            title: title.into(),
            sql: sql.into(),
        }
    }
}

impl Script {
    /// The script as a file to be run by hand: the same batches with `GO` between them, stopping at the first error.
    ///
    /// A failed `BACKUP` or `RESTORE` ends neither a batch nor a script.
    /// So after each batch `SET NOEXEC ON` lets the server read what follows without running it;
    /// that is plain T-SQL and works in every client.
    pub fn to_sql(&self) -> String {
        let mut sql = String::from("USE master;\nSET NOEXEC OFF;\nGO\n");
        for batch in &self.batches {
            sql.push_str(&format!(
                "\n{}\n{}\nIF @@ERROR <> 0 SET NOEXEC ON;\nGO\n",
                quote::comment(&batch.title),
                batch.sql.trim_end()
            ));
        }
        sql.push_str("\nSET NOEXEC OFF;\nGO\n");
        sql
    }
}
