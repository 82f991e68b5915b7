//! How anything that went wrong is told: kind, one sentence, one hint, details on demand.

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The user can put it right.
    Yours,
    /// The server refused.
    Server,
    /// A file is not as it should be.
    File,
    /// Our fault.
    Ours,
}

/// A failure in words: plain data, so that it can leave the worker as part of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// What is wrong, and where; without a full stop.
    pub sentence: String,
    /// A full sentence with something to do; empty when nothing can be done.
    pub hint: String,
    /// The chain of causes and the server's messages, a line each.
    pub details: Vec<String>,
}
