//! Schedules, their jobs, their forecasts and retention in words.

use super::{count, duration, problem::Problem, server_problem, server_time_short, size};
use crate::{
    domain::{
        AgentSchedule, AgentState, Clash, Conflict, DayTimes, EstimateBasis, JobBacksUp,
        JobDifference, JobTrouble, Keep, LeftOut, OtherBackups, Policy, PolicyBackup, PolicyKind,
        PolicyOptions, PromisedLoss, RunStatus, SchedulerKind, Times, Verdict, WeekDays,
    },
    explain::ProblemKind,
    run::schedule::{ChangeError, RetentionDoubt, RetentionError, RetentionReport},
};
use std::num::NonZeroU32;

/// The kind, as a column or lane is headed.
pub fn policy_kind(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Full => "Full",
        PolicyKind::Differential => "Differential",
        PolicyKind::Log => "Log",
    }
}

/// When backups run: `daily at 00:00`, `06:00, 12:00, 18:00`, `every 15 min`.
pub fn policy_times(times: &Times) -> String {
    let minutes = times.of_a_day();
    let at = match times.at {
        DayTimes::Once(at) => format!("at {at}"),
        DayTimes::Every { minutes: step, .. } if minutes.len() > 4 => {
            let every = if step % 60 == 0 {
                count_hours(step / 60)
            } else {
                format!("every {step} min")
            };
            let (first, last) = (minutes.first(), minutes.last());
            match (first, last) {
                (Some(first), Some(last))
                    if first.minutes() >= step || last.minutes() + step < 1_440 =>
                {
                    format!("{every} from {first} to {last}")
                }
                _ => every,
            }
        }
        DayTimes::Every { .. } => minutes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    };
    match (times.days == WeekDays::ALL, times.at) {
        (true, DayTimes::Once(_)) => format!("daily {at}"),
        (true, _) => at,
        (false, _) => format!("{} {at}", week_days(times.days)),
    }
}

fn count_hours(hours: u32) -> String {
    if hours == 1 {
        "every hour".to_owned()
    } else {
        format!("every {hours} hours")
    }
}

fn week_days(days: WeekDays) -> String {
    const NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    (0..7_u32)
        .zip(NAMES)
        .filter(|(day, _)| days.has(*day))
        .map(|(_, name)| name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// How a backup of the policy is written: `compression · checksum · verify`.
pub fn policy_options(options: PolicyOptions, backup: &PolicyBackup) -> String {
    let mut words = Vec::new();
    if options.compression {
        words.push("compression");
    }
    if options.checksum {
        words.push("checksum");
    }
    if backup.verify {
        words.push("verify");
    }
    if words.is_empty() {
        "none".to_owned()
    } else {
        words.join(" · ")
    }
}

/// Who carries the schedule out.
pub fn scheduler(kind: SchedulerKind) -> &'static str {
    match kind {
        SchedulerKind::Agent => "runs in SQL Server Agent",
        SchedulerKind::OperatingSystem => "runs in the operating system's scheduler",
    }
}

/// What has to be said of Agent; `None` when it runs.
pub fn agent_state(agent: AgentState) -> Option<&'static str> {
    match agent {
        AgentState::Running => None,
        AgentState::Stopped => {
            Some("SQL Server Agent is stopped, so no job runs. Start its service on the server")
        }
        AgentState::Absent => Some(
            "This edition has no SQL Server Agent; the operating system's scheduler can run the same T-SQL",
        ),
        AgentState::Unknown => {
            Some("Whether SQL Server Agent runs is not visible to this login (VIEW SERVER STATE)")
        }
    }
}

/// What the policy asks for and the server cannot do.
pub fn left_out(what: LeftOut) -> &'static str {
    match what {
        LeftOut::Compression => {
            "Compression is left out: this edition writes no compressed backups, though it restores them"
        }
        LeftOut::Agent => {
            "Job history and operators are left out: this edition has no SQL Server Agent"
        }
        LeftOut::Logs => "Log backups are left out: the database is in simple recovery",
        LeftOut::Sight => {
            "The jobs will belong to this login, which is no sysadmin: without VIEW ANY DEFINITION they cannot see whether a full backup is there to build on, and fail"
        }
    }
}

/// The most that can be lost: `15 min + log`.
pub fn promised_loss(loss: PromisedLoss) -> String {
    let interval = span(loss.interval.num_seconds());
    if loss.by_logs {
        format!("{interval} + log")
    } else {
        format!("{interval} + backup")
    }
}

/// Whole minutes below an hour are said as such.
fn span(seconds: i64) -> String {
    if seconds % 60 == 0 && (60..3_600).contains(&seconds) {
        format!("{} min", seconds / 60)
    } else {
        duration(seconds as f64)
    }
}

/// What the promise rests on.
pub fn loss_basis(loss: PromisedLoss) -> String {
    let what = if loss.by_logs { "log backup" } else { "backup" };
    match loss.longest_backup {
        Some(longest) => format!(
            "longest {what} seen: {}",
            duration(longest.num_seconds() as f64)
        ),
        None => format!("no {what} was seen yet"),
    }
}

/// Whether an objective is met, and what would meet it.
pub fn verdict(verdict: Verdict, objective_minutes: u32) -> String {
    let objective = format!("{} objective", span(i64::from(objective_minutes) * 60));
    match verdict {
        Verdict::Met => format!("meets the {objective}"),
        Verdict::Tight {
            minutes: Some(minutes),
        } => format!(
            "meets the {objective} but for the time of the backup itself; every {minutes} min would meet it"
        ),
        Verdict::Tight { minutes: None } => {
            format!("meets the {objective} but for the time of the backup itself")
        }
        Verdict::Missed {
            minutes: Some(minutes),
        } => {
            format!("misses the {objective}; log backups every {minutes} min would meet it")
        }
        Verdict::Missed { minutes: None } => format!("misses the {objective}"),
        Verdict::MissedDown {
            differential_hours: Some(hours),
        } => {
            format!(
                "misses the {objective}; a differential {} would meet it",
                count_hours(hours)
            )
        }
        Verdict::MissedDown {
            differential_hours: None,
        } => {
            format!("misses the {objective}; the full backup alone takes longer")
        }
    }
}

/// What a restore time rests on.
pub fn restore_basis(basis: EstimateBasis) -> &'static str {
    match basis {
        EstimateBasis::BackupSpeed => "from the speed at which backups were written",
        _ => "from restores measured on this server",
    }
}

/// Another job at the same time.
pub fn clash(clash: &Clash) -> String {
    let Clash {
        kind,
        job,
        first,
        times,
    } = clash;
    format!(
        "{} at {} runs at the same time as the job {job} ({} in 24 h)",
        policy_kind(*kind),
        first.0.format("%H:%M"),
        count(*times, "time", "times")
    )
}

/// Something else that backs the databases up.
pub fn conflict(conflict: &Conflict) -> String {
    match conflict {
        Conflict::Job { name, enabled, how } => {
            let state = if *enabled { "" } else { " (switched off)" };
            match how {
                JobBacksUp::ByName => format!("The job {name} backs up this database{state}"),
                JobBacksUp::SomeOfThem => {
                    format!("The job {name} backs up some of these databases{state}")
                }
                JobBacksUp::AllDatabases => {
                    format!("The job {name} backs up whatever databases it finds{state}")
                }
                JobBacksUp::MaintenancePlan => {
                    format!("The job {name} runs a maintenance plan, which may back it up{state}")
                }
            }
        }
        Conflict::Backups(OtherBackups {
            database,
            kind,
            set_name,
            by_product,
            sets,
            last,
            place,
        }) => {
            let who = if *by_product {
                "another product".to_owned()
            } else {
                set_name
                    .as_deref()
                    .map_or_else(|| "somebody".to_owned(), |name| format!("\"{name}\""))
            };
            let where_to = place
                .as_deref()
                .map_or_else(String::new, |place| format!(", the last to {place}"));
            format!(
                "{} of {database} by {who}, until {}{where_to}",
                super::figures::counted(
                    *sets as u64,
                    &super::backup_word(*kind).to_lowercase(),
                    &format!("{}s", super::backup_word(*kind).to_lowercase())
                ),
                server_time_short(*last)
            )
        }
    }
}

/// In what a job is not as it should be.
pub fn job_difference(difference: &JobDifference) -> String {
    match difference {
        JobDifference::Missing => "the job is not there".to_owned(),
        JobDifference::NotWanted => "the job is not part of the policy".to_owned(),
        JobDifference::Disabled => "it is switched off".to_owned(),
        JobDifference::Schedule { wanted, found } => {
            let found = match found.as_slice() {
                [] => "never".to_owned(),
                found => found
                    .iter()
                    .map(schedule_words)
                    .collect::<Vec<_>>()
                    .join("; "),
            };
            format!("it runs {found} instead of {}", schedule_words(wanted))
        }
        JobDifference::Command => "the T-SQL of its step is another".to_owned(),
        JobDifference::Steps { found: 0 } => "it has no step".to_owned(),
        JobDifference::Steps { found } => format!("it has {found} steps instead of one"),
        JobDifference::Operator { wanted, found } => format!(
            "a failure is told to {} instead of {}",
            found.as_deref().unwrap_or("nobody"),
            wanted.as_deref().unwrap_or("nobody")
        ),
        JobDifference::EventLog => "a failure does not go to the event log".to_owned(),
        JobDifference::NoServer => "it was never given to this server, so it never runs".to_owned(),
        JobDifference::NoOwner => "its owner has no login any more".to_owned(),
    }
}

fn schedule_words(schedule: &AgentSchedule) -> String {
    let words = match schedule.times() {
        Some(times) => policy_times(&times),
        None => format!("by a schedule of type {}", schedule.freq_type),
    };
    if schedule.enabled {
        words
    } else {
        format!("{words} (switched off)")
    }
}

/// What keeps a job from its work, with the server's words where it has any.
pub fn job_trouble(trouble: &JobTrouble) -> (String, Vec<String>) {
    match trouble {
        JobTrouble::AgentStopped => (
            "SQL Server Agent is stopped, so it does not run".to_owned(),
            Vec::new(),
        ),
        JobTrouble::Disabled => ("It is switched off".to_owned(), Vec::new()),
        JobTrouble::NoSchedule => (
            "It has no schedule that is switched on".to_owned(),
            Vec::new(),
        ),
        JobTrouble::NoServer => (
            "It was never given to this server, so it never runs".to_owned(),
            Vec::new(),
        ),
        JobTrouble::NoOwner => (
            "The login of its owner is gone, so it fails".to_owned(),
            Vec::new(),
        ),
        JobTrouble::Failed(run) => (
            format!("It failed at {}", server_time_short(run.began)),
            run.messages.clone(),
        ),
        JobTrouble::Cancelled(run) => (
            format!("Somebody stopped it at {}", server_time_short(run.began)),
            run.messages.clone(),
        ),
        JobTrouble::Missed { first, last, runs } if runs == &1 || first == last => (
            format!("It did not run at {}", server_time_short(*first)),
            Vec::new(),
        ),
        JobTrouble::Missed { first, last, runs } => (
            format!(
                "It did not run {} between {} and {}",
                count(*runs, "time", "times"),
                server_time_short(*first),
                server_time_short(*last)
            ),
            Vec::new(),
        ),
    }
}

/// How a run of a job ended, in a word.
pub fn run_status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Failed => "failed",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Retry => "is tried again",
        RunStatus::Cancelled => "was stopped",
        RunStatus::InProgress => "is running",
    }
}

/// Why a file stays.
pub fn keep(keep: &Keep, policy: &Policy) -> String {
    match keep {
        Keep::InsideWindow => format!(
            "inside the recovery window of {}",
            count(policy.retention.window_days.get() as usize, "day", "days")
        ),
        Keep::NeededFor(moment) => {
            format!(
                "{} cannot be reached without it",
                server_time_short(moment.server)
            )
        }
        Keep::NewestFulls => newest_fulls(policy.retention.least_fulls),
        Keep::NotOnlyOurs => "it holds a backup that this policy did not write".to_owned(),
        Keep::Striped => "one of its backups lies in other files as well".to_owned(),
    }
}

/// How many fulls always stay: `the newest full and its logs stay`.
pub fn newest_fulls(least: NonZeroU32) -> String {
    match least.get() {
        1 => "the newest full and its logs stay".to_owned(),
        n => format!("the newest {n} fulls and their logs stay"),
    }
}

/// What makes a file removable.
pub const REMOVABLE: &str = "outside the recovery window, and no moment inside it needs it";

/// What a retention run did: `12 files deleted, 4.2 GB freed; 1 was not there any more`.
pub fn retention_line(report: &RetentionReport) -> String {
    let mut line = format!(
        "{} deleted, {} freed",
        count(report.deleted.len(), "file", "files"),
        size(report.freed_bytes)
    );
    match report.not_there.len() {
        0 => {}
        1 => line.push_str("; 1 was not there any more"),
        n => line.push_str(&format!("; {n} were not there any more")),
    }
    line
}

/// Why retention stopped.
pub fn retention_doubt(doubt: &RetentionDoubt) -> Problem {
    let stopped = |sentence: String, hint: &str, details: Vec<String>| Problem {
        kind: ProblemKind::File,
        sentence,
        hint: hint.to_owned(),
        details,
    };
    let words = |error: &crate::server::ServerError| {
        let Problem {
            sentence, details, ..
        } = server_problem(error);
        std::iter::once(sentence).chain(details).collect::<Vec<_>>()
    };
    match doubt {
        RetentionDoubt::FoundationUnreadable { file, error } => stopped(
            format!(
                "Nothing was deleted: {file}, which the recovery window rests on, cannot be read"
            ),
            "Find out what became of it first; without it the window is not covered.",
            words(error),
        ),
        RetentionDoubt::FoundationDiffers { file } => stopped(
            format!(
                "Nothing was deleted: {file}, which the recovery window rests on, holds another backup now"
            ),
            "Find out who wrote it; without the old one the window is not covered.",
            Vec::new(),
        ),
        RetentionDoubt::Unreadable { file, error } => stopped(
            format!("Stopped before {file}: its header cannot be read"),
            "It may be gone already. Read the history again, then look at the list once more.",
            words(error),
        ),
        RetentionDoubt::Differs { file } => stopped(
            format!("Stopped before {file}: it holds other backups than the history says"),
            "Somebody wrote to it. Read the history again, then look at the list once more.",
            Vec::new(),
        ),
        RetentionDoubt::NotDeleted { file, error } => stopped(
            format!("Stopped: the server did not delete {file}"),
            "The SQL Server service account needs the right to delete in that folder.",
            error.as_ref().map(words).unwrap_or_default(),
        ),
        RetentionDoubt::Cancelled => stopped(
            "Cancelled; what was deleted stands in the journal".to_owned(),
            "",
            Vec::new(),
        ),
    }
}

/// Why a retention run did not begin.
pub fn retention_problem(error: &RetentionError) -> Problem {
    match error {
        RetentionError::Off => Problem {
            kind: ProblemKind::Yours,
            sentence: "This policy deletes nothing".to_owned(),
            hint: "Allow it in the policy's retention first.".to_owned(),
            details: Vec::new(),
        },
        RetentionError::Journal(error) => journal(error),
        RetentionError::Server(error) => server_problem(error),
    }
}

/// Why a change of jobs did not begin.
pub fn change_problem(error: &ChangeError) -> Problem {
    match error {
        ChangeError::Journal(error) => journal(error),
        ChangeError::Server(error) => server_problem(error),
    }
}

fn journal(error: &crate::run::JournalError) -> Problem {
    let mut details = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        details.push(cause.to_string());
        source = cause.source();
    }
    Problem {
        kind: ProblemKind::Yours,
        sentence: "The journal cannot be kept, so nothing more was done".to_owned(),
        hint: "Check the free space and your rights in the data folder.".to_owned(),
        details,
    }
}

/// The bytes of a list that may go.
pub fn removable_line(n_files: usize, bytes: u64) -> String {
    format!(
        "{} may go, {}",
        count(n_files, "file", "files"),
        size(bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MinuteOfDay;
    use chrono::TimeDelta;

    #[track_caller]
    fn check(times: Times, expected: &str) {
        assert_eq!(policy_times(&times), expected);
    }

    #[test]
    fn times_as_people_say_them() {
        let hour = |hour| MinuteOfDay::from_hour(hour).expect("an hour");
        check(Times::daily(MinuteOfDay::MIDNIGHT), "daily at 00:00");
        check(Times::every(15), "every 15 min");
        check(Times::every(60), "every hour");
        let every = |minutes, from, until| Times {
            days: WeekDays::ALL,
            at: DayTimes::Every {
                minutes,
                from,
                until,
            },
        };
        check(every(360, hour(6), hour(18)), "06:00, 12:00, 18:00");
        check(
            every(30, hour(8), hour(18)),
            "every 30 min from 08:00 to 18:00",
        );
        check(
            Times {
                days: WeekDays::from_bits(0b100_0001).expect("a weekend"),
                at: DayTimes::Once(hour(2)),
            },
            "Sun, Sat at 02:00",
        );
    }

    #[test]
    fn objectives_say_what_would_meet_them() {
        assert_eq!(verdict(Verdict::Met, 45), "meets the 45 min objective");
        assert_eq!(
            verdict(Verdict::Missed { minutes: Some(10) }, 15),
            "misses the 15 min objective; log backups every 10 min would meet it"
        );
        let loss = PromisedLoss {
            interval: TimeDelta::minutes(15),
            longest_backup: Some(TimeDelta::seconds(4)),
            by_logs: true,
        };
        assert_eq!(promised_loss(loss), "15 min + log");
        assert_eq!(loss_basis(loss), "longest log backup seen: 4 s");
    }
}
