//! `policy/1`: a policy as JSON inside the jobs that carry it out, so that the server itself keeps it.
//!
//! Whoever connects from another PC finds the policy there, and a job that was changed by hand can be told from one
//! that was made for another policy. Changed by addition alone.

use crate::domain::{
    DayTimes, Deleting, MinuteOfDay, Notify, Policy, PolicyBackup, PolicyDatabases, PolicyKind,
    PolicyObjective, PolicyOptions, Retention, Times, WeekDays,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, num::NonZeroU32};

#[derive(Serialize, Deserialize)]
struct StoredPolicy {
    /// The one database; `None` is all user databases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    except: BTreeSet<String>,
    share: String,
    backups: Vec<StoredBackup>,
    compression: bool,
    checksum: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    window_days: NonZeroU32,
    least_fulls: NonZeroU32,
    deleting: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    loss_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    down_minutes: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct StoredBackup {
    /// `full`, `diff` or `log`.
    kind: String,
    /// Agent's bits.
    days: u8,
    /// Minutes since midnight.
    from: u32,
    /// `None` runs once a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u32>,
    folder: String,
    verify: bool,
}

/// The policy as one line of JSON.
pub fn policy_to_json(policy: &Policy) -> String {
    let Policy {
        databases,
        backups,
        share,
        options,
        notify,
        retention,
        objective,
    } = policy;
    let (database, except) = match databases {
        PolicyDatabases::One(name) => (Some(name.clone()), BTreeSet::new()),
        PolicyDatabases::AllUser { except } => (None, except.clone()),
    };
    let stored = StoredPolicy {
        database,
        except,
        share: share.clone(),
        backups: backups.iter().map(stored_backup).collect(),
        compression: options.compression,
        checksum: options.checksum,
        operator: notify.operator.clone(),
        window_days: retention.window_days,
        least_fulls: retention.least_fulls,
        deleting: retention.deleting == Deleting::WhenAsked,
        loss_minutes: objective.map(|objective| objective.loss_minutes),
        down_minutes: objective.map(|objective| objective.down_minutes),
    };
    serde_json::to_string(&stored)
        .unwrap_or_else(|_| unreachable!("texts and numbers are always JSON"))
}

fn stored_backup(backup: &PolicyBackup) -> StoredBackup {
    let (from, every, until) = match backup.times.at {
        DayTimes::Once(at) => (at, None, None),
        DayTimes::Every {
            minutes,
            from,
            until,
        } => (from, Some(minutes), Some(until.minutes())),
    };
    StoredBackup {
        kind: backup.kind.word().to_owned(),
        days: backup.times.days.bits(),
        from: from.minutes(),
        every,
        until,
        folder: backup.folder.clone(),
        verify: backup.verify,
    }
}

/// The policy in a line of JSON; `None` for what is none, or is of a later version with kinds that are not known.
pub fn policy_from_json(json: &str) -> Option<Policy> {
    let stored: StoredPolicy = serde_json::from_str(json).ok()?;
    let backups = stored
        .backups
        .iter()
        .map(|backup| {
            let from = MinuteOfDay::new(backup.from)?;
            let at = match (backup.every, backup.until) {
                (None, _) => DayTimes::Once(from),
                (Some(minutes), Some(until)) if (1..1_440).contains(&minutes) => DayTimes::Every {
                    minutes,
                    from,
                    until: MinuteOfDay::new(until)?,
                },
                _ => return None,
            };
            Some(PolicyBackup {
                kind: PolicyKind::from_word(&backup.kind)?,
                times: Times {
                    days: WeekDays::from_bits(backup.days)?,
                    at,
                },
                folder: backup.folder.clone(),
                verify: backup.verify,
            })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Policy {
        databases: match stored.database {
            Some(name) => PolicyDatabases::One(name),
            None => PolicyDatabases::AllUser {
                except: stored.except,
            },
        },
        backups,
        share: stored.share,
        options: PolicyOptions {
            compression: stored.compression,
            checksum: stored.checksum,
        },
        notify: Notify {
            operator: stored.operator,
        },
        retention: Retention {
            window_days: stored.window_days,
            least_fulls: stored.least_fulls,
            deleting: if stored.deleting {
                Deleting::WhenAsked
            } else {
                Deleting::Off
            },
        },
        objective: stored.loss_minutes.zip(stored.down_minutes).map(
            |(loss_minutes, down_minutes)| PolicyObjective {
                loss_minutes,
                down_minutes,
            },
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_survives_being_stored() {
        for databases in [
            PolicyDatabases::One("a]b'; DROP TABLE x-- $(y)\r\nGO".to_owned()),
            PolicyDatabases::AllUser {
                except: ["Scratch".to_owned()].into(),
            },
        ] {
            let policy = Policy {
                databases,
                backups: vec![
                    PolicyBackup {
                        kind: PolicyKind::Full,
                        times: Times::daily(MinuteOfDay::MIDNIGHT),
                        folder: "full".to_owned(),
                        verify: true,
                    },
                    PolicyBackup {
                        kind: PolicyKind::Log,
                        times: Times::every(15),
                        folder: "log".to_owned(),
                        verify: false,
                    },
                ],
                share: r"\\backup-server\octopus".to_owned(),
                options: PolicyOptions {
                    compression: true,
                    checksum: false,
                },
                notify: Notify {
                    operator: Some("night shift".to_owned()),
                },
                retention: Retention::default(),
                objective: Some(PolicyObjective {
                    loss_minutes: 15,
                    down_minutes: 45,
                }),
            };
            let line = crate::tsql::policy_line(&policy_to_json(&policy));
            assert_eq!(line.lines().count(), 1);
            assert!(!line.contains("$("), "{line}");
            let json = crate::tsql::stored_policy(&line).expect("the mark is there");
            assert_eq!(policy_from_json(json), Some(policy));
        }
        assert_eq!(policy_from_json("{}"), None);
    }
}
