//! A rehearsal: the whole clock from the incident to an application that answers, with its phases.
//!
//! A drill measures how long a restore takes. That is not how long people are without their application:
//! somebody must notice, decide, stop what still writes, save the tail, and start again.
//! The phases between come from the journal of the restore over the original; the first two only people know.

use crate::domain::UtcTime;
use crate::run::{
    journal::{JournalContent, Record},
    measured::time_of,
};
use serde::{Deserialize, Serialize};

/// A part of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// From the incident until somebody noticed.
    Detect,
    /// Until the restore was started.
    Decide,
    /// The application is stopped, and what is there is looked at.
    Stop,
    Tail,
    Restore,
    Verify,
    /// The application is started and answers.
    Start,
}

/// One phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    pub kind: PhaseKind,
    pub seconds: f64,
}

/// The whole clock. Stored, so it changes by addition alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rehearsal {
    /// The id of the restore over the original.
    pub restore_run: String,
    /// UTC, ISO 8601.
    pub incident: String,
    pub noticed: String,
    /// In order.
    pub phases: Vec<Phase>,
    /// How the restore ended.
    pub end: String,
    pub simulated: bool,
}

/// What only people know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RehearsalTimes {
    pub incident: UtcTime,
    pub noticed: UtcTime,
}

impl PhaseKind {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Decide => "decide",
            Self::Stop => "stop",
            Self::Tail => "tail",
            Self::Restore => "restore",
            Self::Verify => "verify",
            Self::Start => "start",
        }
    }
}

impl Rehearsal {
    /// From the incident to the application that answers.
    pub fn seconds(&self) -> f64 {
        self.phases.iter().map(|phase| phase.seconds).sum()
    }
}

/// Puts the phases of a restore over the original behind what people say; `None` when the journal is of no finished restore,
/// or the times are not in order.
pub fn rehearse(
    restore: &JournalContent,
    times: RehearsalTimes,
    simulated: bool,
) -> Option<Rehearsal> {
    let first = restore.entries.first()?;
    let Record::Begin { run, .. } = &first.record else {
        return None;
    };
    let began = time_of(&first.at)?;
    let detect = times.noticed.seconds() - times.incident.seconds();
    let decide = began.seconds() - times.noticed.seconds();
    if detect < 0.0 || decide < 0.0 {
        return None;
    }
    let mut phases = vec![
        Phase {
            kind: PhaseKind::Detect,
            seconds: detect,
        },
        Phase {
            kind: PhaseKind::Decide,
            seconds: decide,
        },
    ];
    let mut add =
        |kind: PhaseKind, seconds: f64| match phases.iter_mut().find(|phase| phase.kind == kind) {
            Some(phase) => phase.seconds += seconds,
            None => phases.push(Phase { kind, seconds }),
        };
    let mut at = PhaseKind::Stop;
    let mut last = began;
    let mut end = None;
    for entry in &restore.entries {
        match &entry.record {
            Record::StepBegin { sql, title, .. } => at = phase_of(at, sql, title),
            Record::StepEnd { .. } => {
                // The clock runs on between steps, so each phase lasts until its last step has ended.
                let now = time_of(&entry.at)?;
                add(at, (now.seconds() - last.seconds()).max(0.0));
                last = now;
            }
            Record::End { end: word, .. } => end = Some(word.clone()),
            _ => {}
        }
    }
    phases.sort_by_key(|phase| phase.kind);
    let iso = |time: UtcTime| time.0.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Some(Rehearsal {
        restore_run: run.clone(),
        incident: iso(times.incident),
        noticed: iso(times.noticed),
        phases,
        end: end?,
        simulated,
    })
}

/// Which phase a step belongs to, by what it sends and what came before it.
fn phase_of(before: PhaseKind, sql: &str, title: &str) -> PhaseKind {
    let restores = sql.contains("RESTORE DATABASE") || sql.contains("RESTORE LOG");
    if sql.contains("BACKUP LOG") || sql.contains("RESTORE HEADERONLY") {
        return PhaseKind::Tail;
    }
    if restores {
        return PhaseKind::Restore;
    }
    match before {
        PhaseKind::Restore if title.to_lowercase().contains("verify") => PhaseKind::Verify,
        PhaseKind::Verify if !sql.contains("CHECKDB") => PhaseKind::Start,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{FORMAT, Journal, RunId, RunKind, StepFacts, Who, journal_path, read_journal};

    #[test]
    fn phases_make_up_the_whole_clock() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = journal_path(folder.path(), &RunId("r".to_owned()));
        let mut journal = Journal::create(&path).expect("new");
        let mut write = |second: u32, record: Record| {
            let at = format!("2026-11-22T10:{:02}:{:02}Z", second / 60, second % 60);
            journal.write(at, record).expect("writable");
        };
        write(
            0,
            Record::Begin {
                format: FORMAT.to_owned(),
                run: "r".to_owned(),
                server: "S".to_owned(),
                source_database: "D".to_owned(),
                target_database: "D".to_owned(),
                target: "latest".to_owned(),
                steps: Vec::new(),
                run_kind: RunKind::RestoreOver,
                who: Who::default(),
            },
        );
        let steps = [
            ("Stop the application", "systemctl stop octopus", 20),
            ("Back up the tail", "BACKUP LOG [D] TO DISK", 50),
            ("Restore the full backup", "RESTORE DATABASE [D] FROM", 350),
            ("Restore a log", "RESTORE LOG [D] FROM", 400),
            ("Verify the database", "", 430),
            ("Start the application", "systemctl start octopus", 460),
        ];
        for (idx, (title, sql, until)) in steps.into_iter().enumerate() {
            write(until - 10, Record::step_begin(idx, title, sql));
            write(
                until,
                Record::StepEnd {
                    step: idx,
                    outcome: "done".to_owned(),
                    seconds: 10.0,
                    words: Vec::new(),
                    messages: Vec::new(),
                    facts: StepFacts::default(),
                },
            );
        }
        write(
            461,
            Record::End {
                end: "verified".to_owned(),
                state: "D is ONLINE".to_owned(),
            },
        );
        let content = read_journal(&path).expect("readable");
        let utc = |text: &str| UtcTime(text.parse().expect("a time"));
        let times = RehearsalTimes {
            incident: utc("2026-11-22T09:40:00Z"),
            noticed: utc("2026-11-22T09:55:00Z"),
        };
        let rehearsal = rehearse(&content, times, true).expect("a finished restore");
        let told: Vec<(PhaseKind, f64)> = rehearsal
            .phases
            .iter()
            .map(|phase| (phase.kind, phase.seconds))
            .collect();
        assert_eq!(
            told,
            [
                (PhaseKind::Detect, 900.0),
                (PhaseKind::Decide, 300.0),
                (PhaseKind::Stop, 20.0),
                (PhaseKind::Tail, 30.0),
                (PhaseKind::Restore, 350.0),
                (PhaseKind::Verify, 30.0),
                (PhaseKind::Start, 30.0),
            ]
        );
        assert_eq!(rehearsal.seconds(), 1660.0);
        let backwards = RehearsalTimes {
            noticed: utc("2026-11-22T09:00:00Z"),
            ..times
        };
        assert_eq!(rehearse(&content, backwards, true), None);
    }
}
