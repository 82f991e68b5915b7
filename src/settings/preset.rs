//! The schedule that an application's owners recommend, as a policy.

use super::{
    application::{Every, SchedulePreset, ScheduledKind},
    scenario::Scenario,
};
use crate::domain::{
    DayTimes, MinuteOfDay, Notify, Policy, PolicyBackup, PolicyDatabases, PolicyKind,
    PolicyObjective, PolicyOptions, Retention, Times, WeekDays,
};

/// Why a preset is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// `Day(at: …)` needs a time as `hh:mm`.
    #[error("{0} is no time of the day; write it as hh:mm")]
    Time(String),
    /// At most a day lies between two runs.
    #[error("every {0} minutes is not possible; 1 to 1439 are")]
    Minutes(u32),
}

impl SchedulePreset {
    /// The policy that this preset makes of some databases, with files below `share`.
    ///
    /// The objective is that of the scenario with the kinds of backup that the preset has: the one with the least loss
    /// that these kinds can keep.
    pub fn policy(
        &self,
        databases: PolicyDatabases,
        share: &str,
        scenarios: &[Scenario],
    ) -> Result<Policy, PresetError> {
        let full_at =
            self.backups
                .iter()
                .find_map(|backup| match (&backup.backup, &backup.every) {
                    (ScheduledKind::Full, Every::Day { at }) => MinuteOfDay::parse(at),
                    _ => None,
                });
        let mut backups = Vec::new();
        for backup in &self.backups {
            let kind = match backup.backup {
                ScheduledKind::Full => PolicyKind::Full,
                ScheduledKind::Differential => PolicyKind::Differential,
                ScheduledKind::Log => PolicyKind::Log,
            };
            let at = match &backup.every {
                Every::Day { at } => DayTimes::Once(
                    MinuteOfDay::parse(at).ok_or_else(|| PresetError::Time(at.clone()))?,
                ),
                Every::Hours(hours) => every(hours.saturating_mul(60), kind, full_at)?,
                Every::Minutes(minutes) => every(*minutes, kind, full_at)?,
            };
            backups.push(PolicyBackup {
                kind,
                times: Times {
                    days: WeekDays::ALL,
                    at,
                },
                folder: backup.folder.clone(),
                verify: backup.verify,
            });
        }
        backups.sort_by_key(|backup| backup.kind);
        backups.dedup_by_key(|backup| backup.kind);
        Ok(Policy {
            databases,
            objective: objective(&backups, scenarios),
            backups,
            share: share.to_owned(),
            options: PolicyOptions {
                compression: self.compression,
                checksum: self.checksum,
            },
            notify: Notify::default(),
            retention: Retention::default(),
        })
    }
}

/// A differential leaves out the time of the full: right after it, it would hold nothing.
fn every(
    minutes: u32,
    kind: PolicyKind,
    full_at: Option<MinuteOfDay>,
) -> Result<DayTimes, PresetError> {
    if !(1..1_440).contains(&minutes) {
        return Err(PresetError::Minutes(minutes));
    }
    let whole = DayTimes::Every {
        minutes,
        from: MinuteOfDay::MIDNIGHT,
        until: MinuteOfDay::LAST,
    };
    let Some(full) = full_at.filter(|_| kind == PolicyKind::Differential) else {
        return Ok(whole);
    };
    // The runs of a day begin at the full's time and go round; they fit one schedule when the full is the first of them.
    let first = full.minutes() + minutes;
    let last = 1_440 - minutes + full.minutes() % minutes;
    Ok(match (MinuteOfDay::new(first), MinuteOfDay::new(last)) {
        (Some(from), Some(until)) if full.minutes() < minutes && from <= until => DayTimes::Every {
            minutes,
            from,
            until,
        },
        _ => whole,
    })
}

/// Minutes of loss that the kinds of a preset can promise at best tell which scenario it is.
fn objective(backups: &[PolicyBackup], scenarios: &[Scenario]) -> Option<PolicyObjective> {
    let has = |kind| {
        backups
            .iter()
            .any(|backup: &PolicyBackup| backup.kind == kind)
    };
    let interval = backups
        .iter()
        .filter(|backup| backup.kind == PolicyKind::Log || !has(PolicyKind::Log))
        .map(|backup| 1_440.0 / backup.times.runs_a_day().max(1.0))
        .fold(f64::INFINITY, f64::min);
    scenarios
        .iter()
        .filter(|scenario| interval <= f64::from(scenario.loss_minutes.1) + 0.5)
        .min_by_key(|scenario| scenario.loss_minutes.1)
        .map(|scenario| PolicyObjective {
            loss_minutes: scenario.loss_minutes.1,
            down_minutes: scenario.down_minutes.1,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::ServerTime, settings::load_applications};
    use chrono::TimeDelta;
    use std::path::Path;

    fn octopus() -> Policy {
        let found = load_applications(Path::new("nowhere"));
        let octopus = found.applications.first().expect("shipped");
        octopus
            .schedule
            .as_ref()
            .expect("a preset")
            .policy(
                PolicyDatabases::One("OctopusAI".to_owned()),
                r"\\backup-server\octopus",
                &octopus.objectives,
            )
            .expect("the shipped preset is a policy")
    }

    #[test]
    fn octopus_is_full_at_midnight_differential_at_6_12_18_and_log_each_quarter() {
        let policy = octopus();
        let day = ServerTime("2026-11-21T23:59:59".parse().expect("a time"));
        let runs: Vec<Vec<String>> = policy
            .backups
            .iter()
            .map(|backup| {
                backup
                    .times
                    .runs(day, day.plus(TimeDelta::days(1)))
                    .iter()
                    .map(|run| run.0.format("%H:%M").to_string())
                    .collect()
            })
            .collect();
        assert_eq!(runs[0], ["00:00"]);
        assert_eq!(runs[1], ["06:00", "12:00", "18:00"]);
        assert_eq!(runs[2].len(), 96);
        assert!(policy.options.compression && policy.options.checksum);
        assert_eq!(
            policy.objective,
            Some(PolicyObjective {
                loss_minutes: 15,
                down_minutes: 45
            })
        );
        assert_eq!(
            policy.place(PolicyKind::Differential).as_deref(),
            Some(r"\\backup-server\octopus\diff")
        );
    }

    #[test]
    fn a_preset_that_no_schedule_can_be_is_refused() {
        assert_eq!(
            every(0, PolicyKind::Log, None),
            Err(PresetError::Minutes(0))
        );
        assert_eq!(
            every(1_440, PolicyKind::Log, None),
            Err(PresetError::Minutes(1_440))
        );
    }
}
