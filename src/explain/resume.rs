//! How runs end, what they owe, and how an interrupted one can go on, in words.

use super::{Problem, ProblemKind, count, server_problem, target_state};
use crate::run::{
    Interruption, JournalError, Owed, ResumeError, ResumeHow, RunEnd, ServerJobSeen, Standing,
    TargetState,
};

/// How a run ended, without a full stop.
pub fn run_end(end: &RunEnd) -> &'static str {
    match end {
        RunEnd::Verified => "Online and checked",
        RunEnd::Standby => "Readable (standby) and checked",
        RunEnd::OnlineNotVerified => "Online, and not everything was checked and found good",
        RunEnd::Untouched => "Nothing was created or overwritten",
        RunEnd::Restoring => "Left RESTORING",
        RunEnd::Cancelled => "Cancelled",
    }
}

/// What is still to be put back, without a full stop.
pub fn owed(owed: &Owed) -> String {
    match owed {
        Owed::Access { database, back_to } => {
            format!("{database} was closed to others and goes back to {back_to}")
        }
        Owed::AsyncStatistics { database } => {
            format!("the background update of statistics of {database} is turned on again")
        }
        Owed::Job { name } => format!("the Agent job {name} is enabled again"),
        Owed::Other => "something that a later version of stopat took".to_owned(),
    }
}

/// Where an interrupted run stands, in a sentence or two.
pub fn standing(standing: &Standing) -> String {
    let Standing {
        target,
        state,
        in_flight,
        in_flight_done,
        next,
        tail_file,
        still_running,
        in_the_way,
        is_anothers,
        opened_by_others,
        others_hidden,
        stays_readable: _,
        server_job,
        owed: _,
        offers: _,
    } = standing;
    let mut words = target_state(state, target);
    if *is_anothers {
        words.push_str(", and it is not what this run made");
    } else if *opened_by_others {
        words.push_str(
            ", though the run had not come to its end: somebody else recovered it, and what it holds is not what was asked for",
        );
    }
    words.push('.');
    if let Some(ServerJobSeen { name, runs: true }) = server_job {
        words.push_str(&format!(
            " The server goes on by itself, with the Agent job {name}; look again when it has ended."
        ));
    }
    if let Some(session) = still_running {
        words.push_str(&format!(
            " Session {session} on the server still works on it; wait until it has finished."
        ));
    }
    if *others_hidden {
        words.push_str(
            " Whether another session works on it is not told: this login lacks VIEW SERVER STATE.",
        );
    }
    match (in_flight, in_flight_done) {
        (Some(title), true) => words.push_str(&format!(
            " The run was interrupted in “{title}”, which did its work all the same."
        )),
        (Some(title), false) => words.push_str(&format!(
            " The run was interrupted in “{title}”, which starts again from its beginning."
        )),
        (None, _) => {}
    }
    if let Some(next) = next {
        words.push_str(&format!(" Next is “{next}”."));
    }
    if let Some(file) = tail_file {
        words.push_str(&format!(" The tail of the log is saved in {file}."));
    }
    if !in_the_way.is_empty() {
        words.push_str(&format!(
            " {} in it.",
            count(in_the_way.len(), "other session is", "other sessions are")
        ));
    }
    words
}

/// What a way on does, without a full stop.
pub fn resume_offer(how: &ResumeHow, standing: &Standing) -> String {
    let target = &standing.target;
    match how {
        ResumeHow::Continue => match &standing.next {
            Some(next) => format!("Go on with “{next}” and everything after it"),
            None => "Go on with what is left".to_owned(),
        },
        ResumeHow::TakeLogs { .. } if standing.stays_readable => {
            "Apply the logs that are left, to another moment, and look again".to_owned()
        }
        ResumeHow::TakeLogs { .. } => {
            "Apply the logs that are left, to the moment of the run or another, and recover"
                .to_owned()
        }
        ResumeHow::RecoverNow => {
            format!("Bring {target} online with what was restored so far; no more logs can follow")
        }
        ResumeHow::StartOver => match &standing.tail_file {
            Some(_) => "Begin again with the full backup; the saved tail is kept".to_owned(),
            None => "Begin again with the full backup".to_owned(),
        },
        ResumeHow::Abandon => match standing.state {
            TargetState::Online => "Put back what is owed and close the run".to_owned(),
            _ if standing.tail_file.is_some() => {
                format!("Close the run and leave {target} as it is; the saved tail stays")
            }
            _ => format!("Close the run; an unfinished copy {target} is dropped"),
        },
    }
}

/// Why a run cannot go on.
pub fn resume_problem(error: &ResumeError) -> Problem {
    let yours = |sentence: String, hint: &str| Problem {
        kind: ProblemKind::Yours,
        sentence,
        hint: hint.to_owned(),
        details: Vec::new(),
    };
    match error {
        ResumeError::NothingToGoOnWith => yours(
            "The journal has nothing to go on with".to_owned(),
            "Only restores go on; look at the database and plan again.",
        ),
        ResumeError::NotOffered(how) => yours(
            format!("“{}” is not possible where the run stands", how.word()),
            "Read where it stands again, and choose one of the ways that are offered.",
        ),
        ResumeError::OtherServer { expected, found } => yours(
            format!("The run is of the server {expected}, and this one is {found}"),
            "Connect to the server of the run.",
        ),
        ResumeError::LockHeld { database } => yours(
            format!("Another run works on {database}"),
            "Wait until it has finished, and read again where this one stands.",
        ),
        ResumeError::NoWayThere => yours(
            "No logs lead there from where the database stands".to_owned(),
            "Choose another moment, start over, or recover what is there.",
        ),
        ResumeError::Journal(error) => journal_problem(error),
        ResumeError::Server(error) => server_problem(error),
    }
}

/// Why a journal cannot be kept or read, with the whole chain.
pub fn journal_problem(error: &JournalError) -> Problem {
    let mut details = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        details.push(cause.to_string());
        source = cause.source();
    }
    let (sentence, hint) = match error {
        JournalError::Write { .. } => (
            "The journal of the run cannot be kept, so nothing more was done",
            "Check the free space and your rights in the data folder.",
        ),
        JournalError::Read { .. } => (
            "The journal of a run cannot be read",
            "Check your rights in the data folder.",
        ),
        JournalError::Broken { .. } => (
            "The journal of a run was changed or has lost a line",
            "It is not relied on; look at the database itself.",
        ),
        JournalError::InUse { .. } => (
            "Another stopat works on this run",
            "Wait until it has finished, or go on there.",
        ),
        JournalError::Format { .. } => (
            "The journal was written by a newer stopat",
            "Open it with that version.",
        ),
    };
    Problem {
        kind: ProblemKind::Yours,
        sentence: sentence.to_owned(),
        hint: hint.to_owned(),
        details,
    }
}

/// What closing the window would do to a running step, as a sentence.
pub fn interruption(what: Interruption, step: &str, database: &str) -> String {
    match what {
        Interruption::Harmless => {
            format!("Closing stops “{step}”, which changes nothing; the run can be continued.")
        }
        Interruption::Undone => format!(
            "Closing stops “{step}”, and the server undoes it; the run can be continued, and the step starts again."
        ),
        Interruption::LeavesRestoring => format!(
            "Closing stops “{step}” and leaves {database} RESTORING; the run can be continued, and the step starts again."
        ),
        Interruption::GoesOn => format!(
            "Closing changes nothing: the server does “{step}” by itself, and the next start finds how far it came."
        ),
        Interruption::ProgramEnded => format!(
            "Closing ends the program of “{step}” with everything that it started; the run can be continued, and the step starts again."
        ),
    }
}
