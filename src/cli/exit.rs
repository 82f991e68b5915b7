//! Exit codes (design §8) and the errors that end a command.

use crate::explain::{Problem, ProblemKind};
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; for a restore: verified.
    Done = 0,
    /// The program failed.
    Failed = 1,
    /// Wrong usage, or unreadable input.
    Usage = 2,
    /// The point cannot be reached, or nothing is known of the database.
    Unreachable = 3,
    /// The server cannot be reached or refuses the sign-in, or the preflight refuses.
    Refused = 4,
    /// A restore failed with the target untouched.
    Untouched = 5,
    /// A restore left the database `RESTORING`.
    LeftRestoring = 6,
    /// A restore left it online, or a backup is there, but not verified.
    NotVerified = 7,
    /// A restore was cancelled.
    Cancelled = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub struct CliError {
    pub exit: Exit,
    pub problem: Problem,
}

impl CliError {
    /// Wrong usage or unreadable input.
    pub fn usage(sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            problem: Problem {
                kind: ProblemKind::Yours,
                sentence: sentence.into(),
                hint: hint.into(),
                details: Vec::new(),
            },
        }
    }

    /// Prints the problem on standard error.
    #[expect(
        clippy::print_stderr,
        reason = "errors of a command go to standard error"
    )]
    pub fn report(&self) -> Exit {
        let Problem {
            kind: _,
            sentence,
            hint,
            details,
        } = &self.problem;
        eprintln!("stopat: {sentence}");
        if !hint.is_empty() {
            eprintln!("        {hint}");
        }
        for detail in details {
            eprintln!("        {detail}");
        }
        self.exit
    }
}
