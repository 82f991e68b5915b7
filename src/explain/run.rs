//! What a run found and why it stopped, in words.

use super::{Problem, ProblemKind, count, finding, preflight, server_problem, server_time};
use crate::run::{
    HookFailure, ReachedBecause, StepFailure, StepSkip, TailFault, TargetState, VerificationFault,
};

/// Why a step failed, or what is to be said of one that worked.
pub fn step_failure(failure: &StepFailure) -> Problem {
    let problem = |kind, sentence: String, hint: &str| Problem {
        kind,
        sentence,
        hint: hint.to_owned(),
        details: Vec::new(),
    };
    match failure {
        StepFailure::Server(error) => server_problem(error),
        StepFailure::PlanObjected(findings) => Problem {
            details: findings.iter().map(finding).collect(),
            ..problem(
                ProblemKind::Ours,
                "The plan does not hold".to_owned(),
                "Refresh the history and plan again.",
            )
        },
        StepFailure::DatabaseUnknown => problem(
            ProblemKind::Ours,
            "The history does not know the database".to_owned(),
            "Refresh the history and plan again.",
        ),
        StepFailure::LockHeld { database } => problem(
            ProblemKind::Yours,
            format!("Another stopat is restoring to {database} right now"),
            "Wait until it has finished.",
        ),
        StepFailure::LockUnknown(error) => Problem {
            sentence: "The server gives no lock that keeps two runs apart".to_owned(),
            ..server_problem(error)
        },
        StepFailure::Preflight(check) => {
            let super::PreflightWords {
                title,
                detail,
                hint,
            } = preflight(check);
            problem(ProblemKind::Yours, format!("{title}: {detail}"), &hint)
        }
        StepFailure::StaysRestoring { database } => problem(
            ProblemKind::Server,
            format!(
                "{database} stays RESTORING: the last log does not prove that the moment was reached"
            ),
            "Restore the next log with the same STOPAT, or recover it as it is.",
        ),
        StepFailure::RecoveredApart { database, why } => problem(
            ProblemKind::Server,
            format!("{database} had to be recovered in a statement of its own"),
            &reached_words(*why),
        ),
        StepFailure::Tail(fault) => tail_fault(fault),
        StepFailure::Verification(fault) => verification_fault(fault),
        StepFailure::Hook(failure) => hook_failure(failure),
        StepFailure::TailElsewhere { file, error } => {
            let cause = server_problem(error);
            Problem {
                sentence: format!(
                    "The tail could not be written to {file}: {}",
                    cause.sentence
                ),
                hint: "It goes to the next place.".to_owned(),
                ..cause
            }
        }
        StepFailure::ServerJob { said } => Problem {
            details: said.clone(),
            ..problem(
                ProblemKind::Server,
                "The job on the server failed".to_owned(),
                "Its history in Agent has every step; go on from where the database stands.",
            )
        },
        StepFailure::LeftToServer { job } => problem(
            ProblemKind::Yours,
            format!("stopat was closed; the server goes on by itself with the job {job}"),
            "The next start finds how far it came, and goes on from there.",
        ),
        StepFailure::NobodyAnswers => problem(
            ProblemKind::Yours,
            "The step is done by hand, and nobody is there to say that it was".to_owned(),
            "Run it where somebody can answer, or give the step a program.",
        ),
    }
}

fn reached_words(why: ReachedBecause) -> String {
    match why {
        ReachedBecause::EarlierLog => {
            "The next log answered 4335: the one before had reached the moment.".to_owned()
        }
        ReachedBecause::NothingAfter { log_start } => format!(
            "Nothing was committed between the moment and the end of the last log, which started at {}.",
            server_time(log_start)
        ),
    }
}

fn tail_fault(fault: &TailFault) -> Problem {
    Problem {
        kind: ProblemKind::File,
        sentence: match fault {
            TailFault::OtherSets { file, n_sets } => format!(
                "{file} holds {} where one was expected",
                count(*n_sets, "backup", "backups")
            ),
            TailFault::DoesNotReach(kind) => {
                format!("The tail does not reach the moment ({})", kind.as_str())
            }
            TailFault::OtherDatabase => "The tail is of another database".to_owned(),
            TailFault::OtherPlan => "With the tail another plan would be better".to_owned(),
            TailFault::NotTheTail { file, database } => {
                format!("{file} is not the tail of {database}")
            }
        },
        hint: "Nothing was created or overwritten. Plan again.".to_owned(),
        details: Vec::new(),
    }
}

/// What is wrong with a database after a restore.
pub fn verification_fault(fault: &VerificationFault) -> Problem {
    let sentence = match fault {
        VerificationFault::NotThere { database } => format!("{database} is not there"),
        VerificationFault::NotOnline { database, state } => format!("{database} is {state}"),
        VerificationFault::TableMissing { table } => {
            format!("The restored database has no table {table}")
        }
        VerificationFault::SchemaVersion {
            expected,
            found: Some(found),
        } => format!("The schema is at {found}, and the application expects {expected}"),
        VerificationFault::SchemaVersion {
            expected,
            found: None,
        } => format!("The schema has no version, and the application expects {expected}"),
        VerificationFault::Access { expected, found } => {
            format!("The database is {found}, and was {expected} before")
        }
        VerificationFault::CheckFailed(error) => {
            return Problem {
                sentence: "DBCC CHECKDB found damage, or could not run".to_owned(),
                hint: "Keep the database for looking at, and restore from before the damage."
                    .to_owned(),
                ..server_problem(error)
            };
        }
        VerificationFault::Refused(error) => return server_problem(error),
    };
    Problem {
        kind: ProblemKind::Server,
        sentence,
        hint: "Look at the database before anybody uses it.".to_owned(),
        details: Vec::new(),
    }
}

fn hook_failure(failure: &HookFailure) -> Problem {
    let (sentence, hint, details) = match failure {
        HookFailure::NotStarted { program, reason } => (
            format!("{program} could not be started"),
            "Check the path of the program and the folder that it runs in.",
            vec![reason.clone()],
        ),
        HookFailure::Exit {
            program,
            code: Some(code),
            expected,
        } => (
            format!("{program} ended with {code}, and {expected} means that it did its work"),
            "Read what it printed, put it right, and do the step again.",
            Vec::new(),
        ),
        HookFailure::Exit { program, .. } => (
            format!("{program} was ended from outside"),
            "Read what it printed, put it right, and do the step again.",
            Vec::new(),
        ),
        HookFailure::TimedOut { program, timeout } => (
            format!(
                "{program} did not end within {} and was ended with everything that it had started",
                count(timeout.as_secs() as usize, "second", "seconds")
            ),
            "Give it more time, or find out what it waits for.",
            Vec::new(),
        ),
        HookFailure::Cancelled { program } => (
            format!(
                "Cancelled while {program} ran; it was ended with everything that it had started"
            ),
            "Look at what it had done already.",
            Vec::new(),
        ),
    };
    Problem {
        kind: ProblemKind::Yours,
        sentence,
        hint: hint.to_owned(),
        details,
    }
}

/// Why a step was not done.
pub fn step_skip(reason: &StepSkip) -> String {
    match reason {
        StepSkip::AlreadyReached => "The log before has reached the moment already".to_owned(),
        StepSkip::AlreadyApplied => "The database has it already".to_owned(),
        StepSkip::Chosen { reason } => format!("Left out: {reason}"),
        StepSkip::DoneBefore => "Done before the run was interrupted".to_owned(),
    }
}

/// The state of a run's target as a sentence without a full stop.
pub fn target_state(state: &TargetState, name: &str) -> String {
    match state {
        TargetState::NotThere => format!("{name} is not there"),
        TargetState::NotTouched => format!("{name} was not touched"),
        TargetState::Online => format!("{name} is ONLINE"),
        TargetState::Restoring => format!("{name} is RESTORING"),
        TargetState::Standby => {
            format!("{name} is in standby: it can be read, and restored further")
        }
        TargetState::Other(state) => format!("{name} is {state}"),
        TargetState::Unknown(error) => format!(
            "The state of {name} cannot be read: {}",
            server_problem(error).sentence
        ),
    }
}
