//! A script: guarded batches in order. What is shown is what runs.

/// What a batch does to the server. The gateway enforces by it how far stopat may go on a profile (design §3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BatchKind {
    /// Changes nothing.
    Look,
    /// Writes a backup.
    BackUp,
    /// Creates, overwrites, recovers or drops a database.
    Restore,
}

/// One batch: at most one destructive statement, with its guards before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub kind: BatchKind,
    /// One line for people: `Restore the full backup`.
    pub title: String,
    pub sql: String,
}

/// Batches in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub batches: Vec<Batch>,
}
