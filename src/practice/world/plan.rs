//! The backup jobs of the world: what they are called, when they run, and the T-SQL that they run.

use super::neighbour::Story;
use crate::practice::agent::schedule::Schedule;
use chrono::NaiveDate;

/// A job of the world, in words that `agent::add_job` takes.
#[derive(Clone, Debug, PartialEq)]
pub struct JobText {
    pub name: String,
    pub description: String,
    pub command: String,
    pub schedule_name: String,
    pub schedule: Schedule,
}

/// What a job writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Full,
    Differential,
    Log,
}

impl Kind {
    /// The word in names of jobs, folders and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Differential => "diff",
            Self::Log => "log",
        }
    }

    /// The ending of its file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Log => "trn",
            _ => "bak",
        }
    }
}

/// The share that everything is backed up to.
pub const SHARE: &str = r"\\backup-server\octopus";

/// The folders on the share; a backup makes none.
pub fn folders() -> [String; 3] {
    [Kind::Full, Kind::Differential, Kind::Log].map(|kind| format!(r"{SHARE}\{}", kind.word()))
}

/// The name of the job that backs this database up.
pub fn job_name(database: &str, kind: Kind) -> String {
    format!("stopat practice - {database} - {}", kind.word())
}

/// The schedule of `OctopusAI` (design §6): full daily at midnight, differential at 06, 12 and 18, log every 15 minutes.
pub fn octopus_jobs(start: NaiveDate) -> Vec<JobText> {
    [
        (
            Kind::Full,
            "daily at midnight",
            Schedule::daily_at(0, start),
        ),
        (
            Kind::Differential,
            "at 06, 12 and 18",
            Schedule::every_hours(6, 60_000, 180_000, start),
        ),
        (
            Kind::Log,
            "every 15 minutes",
            Schedule::every_minutes(15, start),
        ),
    ]
    .map(|(kind, when, schedule)| job(super::octopus::DATABASE, kind, when, schedule, None))
    .into()
}

/// The schedule of a neighbour: full daily, differential at noon, log every hour.
pub fn neighbour_jobs(database: &str, story: Story, start: NaiveDate) -> Vec<JobText> {
    let same_file = |kind: Kind| {
        (story == Story::SameFiles).then(|| format!(r"{SHARE}\{database}_{}.bak", kind.word()))
    };
    let mut jobs = vec![
        job(
            database,
            Kind::Full,
            "daily at half past midnight",
            Schedule::daily_at(3_000, start),
            same_file(Kind::Full),
        ),
        job(
            database,
            Kind::Differential,
            "at noon",
            Schedule::daily_at(120_500, start),
            same_file(Kind::Differential),
        ),
    ];
    if story != Story::Simple {
        jobs.push(job(
            database,
            Kind::Log,
            "every hour",
            Schedule {
                active_start_time: 1_000,
                ..Schedule::every_hours(1, 1_000, 235_959, start)
            },
            same_file(Kind::Log),
        ));
    }
    jobs
}

/// One job. Without `file` each backup gets a new file, named by the server's clock when it runs.
fn job(
    database: &str,
    kind: Kind,
    when: &str,
    schedule: Schedule,
    file: Option<String>,
) -> JobText {
    let word = kind.word();
    let file = match file {
        Some(file) => format!("N'{file}'"),
        None => format!(
            "N'{SHARE}\\{word}\\{database}_{word}_' + CONVERT(char(8), GETDATE(), 112) + N'_' \
             + REPLACE(CONVERT(char(8), GETDATE(), 108), ':', '') + N'.{}'",
            kind.extension()
        ),
    };
    let what = match kind {
        Kind::Log => "BACKUP LOG",
        _ => "BACKUP DATABASE",
    };
    let differential = if kind == Kind::Differential {
        "DIFFERENTIAL, "
    } else {
        ""
    };
    JobText {
        name: job_name(database, kind),
        description: format!("Backs up {database} ({word}) {when}."),
        command: format!(
            "DECLARE @file nvarchar(260) = {file};\r\n\
             {what} [{database}] TO DISK = @file\r\n\
             WITH {differential}COMPRESSION, CHECKSUM, NAME = N'{database}-{word}';"
        ),
        schedule_name: format!("{database} {word} {when}"),
        schedule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_octopus_is_one_full_three_differentials_and_96_logs() {
        let start = NaiveDate::from_ymd_opt(2026, 11, 8).expect("a date");
        let midnight = start.and_hms_opt(0, 0, 0).expect("midnight");
        let from = midnight - chrono::TimeDelta::seconds(1);
        let end = from + chrono::TimeDelta::days(1);
        let runs = octopus_jobs(start)
            .iter()
            .map(|job| {
                let mut at = from;
                let mut n = 0;
                while let Some(next) = job.schedule.next_run(at).filter(|next| *next <= end) {
                    at = next;
                    n += 1;
                }
                n
            })
            .collect::<Vec<_>>();
        assert_eq!(runs, [1, 3, 96]);
    }

    #[test]
    fn the_three_files_take_every_backup() {
        let start = NaiveDate::from_ymd_opt(2026, 11, 8).expect("a date");
        let jobs = neighbour_jobs("Ledger", Story::SameFiles, start);
        assert!(
            jobs[2]
                .command
                .contains(r"N'\\backup-server\octopus\Ledger_log.bak'")
        );
        assert!(!jobs.iter().any(|job| job.command.contains("INIT")));
    }
}
