//! A policy as jobs of SQL Server Agent, what is there of it, and the deletion of its old files.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sql-server-agent-stored-procedures-transact-sql>

mod apply;
mod ask;
mod step;

pub use apply::{SeenJob, apply_script, remove_script};
pub use ask::{agent_facts, file_there, job_history, job_schedules, job_steps, jobs};
pub use step::{job_definitions, policy_line, stored_policy};

use super::{
    ServerFacts,
    quote::Words,
    restore::{guarded, server_guard},
    script::{Batch, BatchKind, Purpose, Script},
};

/// Deletes one backup file on the server.
///
/// `xp_delete_file` looks at the file itself and leaves what is no backup; it says nothing when the file is not there,
/// so who runs this looks again with [`file_there`].
pub fn delete_file_script(path: &str, facts: &ServerFacts) -> Script {
    let mut words = Words::default();
    let guards = server_guard(&mut words, facts);
    let statement = format!("EXEC master.dbo.xp_delete_file 0, {}", words.text(path));
    Script {
        batches: vec![Batch {
            // Whoever may not restore here may not take away what restores rest on.
            kind: BatchKind::Restore,
            purpose: Purpose::DeleteFile {
                file: path.to_owned(),
            },
            title: format!("Delete {path}"),
            sql: guarded(words, &guards, &statement),
        }],
    }
}
