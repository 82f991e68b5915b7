//! What the journals of a workspace measured: restores with their sets, drills with their results.
//!
//! It reads journals alone, of whatever version wrote them; what an older one did not note is not made up.

use super::{
    drill::{DrillPlan, DrillResult, Rehearsal},
    journal::{JournalContent, Record, journals_in, read_journal},
    report::{RunId, RunKind, StepFacts},
};
use crate::{
    domain::{BackupType, MeasuredRun, MeasuredSet, UtcTime},
    tsql,
};
use std::path::Path;

/// A restore that came to its end, as its journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredRestore {
    pub run: RunId,
    pub kind: RunKind,
    pub server: String,
    pub source_database: String,
    /// The moment asked for, on the server's clock, or `latest`.
    pub target: String,
    /// Its sets and the rest.
    pub measured: MeasuredRun,
}

/// A drill, as its journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Drill {
    pub run: RunId,
    pub server: String,
    pub database: String,
    /// The database that it made.
    pub copy: String,
    pub began: UtcTime,
    pub plan: DrillPlan,
    /// What was measured; `None` when it was interrupted before.
    pub result: Option<DrillResult>,
    /// The copy was dropped, or there never was one.
    pub copy_gone: bool,
    /// Its last record was written.
    pub ended: bool,
}

/// A rehearsal, as its journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct RehearsalRun {
    pub run: RunId,
    pub server: String,
    pub database: String,
    pub began: UtcTime,
    pub rehearsal: Rehearsal,
}

/// A restore that Azure carried out, as its journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureMeasured {
    pub run: RunId,
    pub server: String,
    pub database: String,
    pub began: UtcTime,
    /// From the order to the database that can be opened.
    pub seconds: f64,
}

/// Everything that the journals of a workspace measured, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    pub restores: Vec<MeasuredRestore>,
    pub drills: Vec<Drill>,
    pub rehearsals: Vec<RehearsalRun>,
    pub azure: Vec<AzureMeasured>,
    /// When a hook of this title (lower case) last did its work, and the program's line.
    pub hooks: Vec<(String, UtcTime)>,
}

impl Measured {
    /// Reads all journals of a folder; those that cannot be read are left out here, and told where runs are listed.
    pub fn read(folder: &Path) -> Self {
        let mut found = Self::default();
        // Where two began in the same millisecond the order is at least the same each time.
        for file in journals_in(folder) {
            match read_journal(&file) {
                Ok(content) => found.take(&content),
                Err(error) => tracing::debug!(%error, "a journal without measurements"),
            }
        }
        found.sort();
        found
    }

    /// The oldest first: an id tells whole seconds, and drills that follow one another may share one.
    fn sort(&mut self) {
        let Self {
            restores,
            drills,
            rehearsals,
            azure,
            hooks: _,
        } = self;
        restores.sort_by_key(|restore| restore.measured.at);
        drills.sort_by_key(|drill| drill.began);
        rehearsals.sort_by_key(|run| run.began);
        azure.sort_by_key(|run| run.began);
    }

    /// The restores of one server, for its model.
    pub fn runs_of(&self, server: &str) -> Vec<MeasuredRun> {
        self.restores
            .iter()
            .filter(|restore| restore.server == server)
            .map(|restore| restore.measured.clone())
            .collect()
    }

    /// The drills of one database, on whichever server its copies were made.
    pub fn drills_of(&self, server: &str, database: &str) -> Vec<&Drill> {
        self.drills
            .iter()
            .filter(|drill| {
                let source = drill.plan.source_server.as_ref().unwrap_or(&drill.server);
                source == server && drill.database == database
            })
            .collect()
    }

    /// The rehearsals of one database.
    pub fn rehearsals_of(&self, server: &str, database: &str) -> Vec<&RehearsalRun> {
        self.rehearsals
            .iter()
            .filter(|run| run.server == server && run.database == database)
            .collect()
    }

    /// How long Azure took to restore one database.
    pub fn azure_of(&self, server: &str, database: &str) -> Vec<&AzureMeasured> {
        self.azure
            .iter()
            .filter(|run| run.server == server && run.database == database)
            .collect()
    }

    /// When a hook whose title begins so last did its work.
    pub fn hook_ran(&self, title: &str) -> Option<UtcTime> {
        let wanted = title.to_lowercase();
        self.hooks
            .iter()
            .filter(|(known, _)| known.starts_with(&wanted))
            .map(|(_, at)| *at)
            .max()
    }

    /// Takes what one journal tells.
    pub fn take(&mut self, content: &JournalContent) {
        let Some(first) = content.entries.first() else {
            return;
        };
        let Record::Begin {
            run,
            server,
            source_database,
            target_database,
            target,
            run_kind,
            ..
        } = &first.record
        else {
            return;
        };
        let Some(began) = time_of(&first.at) else {
            return;
        };
        let mut drill: Option<Drill> = None;
        let mut sets: Vec<MeasuredSet> = Vec::new();
        let mut other_seconds = 0.0;
        let mut titles: Vec<(usize, String)> = Vec::new();
        let mut end: Option<&str> = None;
        for entry in &content.entries {
            match &entry.record {
                Record::DrillBegun { drill: plan } => {
                    drill = Some(Drill {
                        run: RunId(run.clone()),
                        server: server.clone(),
                        database: source_database.clone(),
                        copy: target_database.clone(),
                        began,
                        plan: (**plan).clone(),
                        result: None,
                        copy_gone: false,
                        ended: false,
                    });
                }
                Record::DrillMeasured { result } => {
                    if let Some(drill) = &mut drill {
                        drill.result = Some((**result).clone());
                    }
                }
                Record::CopyDropped { .. } => {
                    if let Some(drill) = &mut drill {
                        drill.copy_gone = true;
                    }
                }
                Record::Rehearsed { rehearsal } => self.rehearsals.push(RehearsalRun {
                    run: RunId(run.clone()),
                    server: server.clone(),
                    database: source_database.clone(),
                    began,
                    rehearsal: (**rehearsal).clone(),
                }),
                Record::StepBegin { step, title, .. } => titles.push((*step, title.clone())),
                Record::StepEnd {
                    step,
                    outcome,
                    seconds,
                    facts,
                    ..
                } => {
                    let done = matches!(outcome.as_str(), "done" | "done_with_warning");
                    if *run_kind == RunKind::AzureRestore
                        && *step == super::azure::WAIT
                        && done
                        && let Some(online) = time_of(&entry.at)
                    {
                        self.azure.push(AzureMeasured {
                            run: RunId(run.clone()),
                            server: server.clone(),
                            database: source_database.clone(),
                            began,
                            seconds: online.seconds() - began.seconds(),
                        });
                    }
                    let recovers = titles
                        .iter()
                        .rev()
                        .find(|(known, _)| known == step)
                        .is_some_and(|(_, title)| title == tsql::RECOVER_TITLE);
                    if let (true, Some(set)) = (done, measured_set(facts, *seconds)) {
                        sets.push(set);
                    } else if let (true, true, Some(last)) = (done, recovers, sets.last_mut()) {
                        // Recovery comes with the last set, in whichever statement.
                        last.seconds += seconds;
                    } else if done {
                        other_seconds += seconds;
                    }
                    if done
                        && facts.exit_code.is_some()
                        && let (Some((_, title)), Some(at)) = (
                            titles.iter().rev().find(|(known, _)| known == step),
                            time_of(&entry.at),
                        )
                    {
                        self.hooks.push((title.to_lowercase(), at));
                    }
                }
                Record::End { end: word, .. } => {
                    end = Some(word);
                    if let Some(drill) = &mut drill {
                        drill.ended = true;
                        drill.copy_gone |= word != "restoring" && word != "online_not_verified"
                            || drill.result.as_ref().is_some_and(|result| result.copy_gone);
                    }
                }
                _ => {}
            }
        }
        // A restore over the original waits for people and programs; only copies say what the server needs.
        if *run_kind == RunKind::RestoreCopy
            && matches!(end, Some("verified" | "online_not_verified"))
            && !sets.is_empty()
        {
            self.restores.push(MeasuredRestore {
                run: RunId(run.clone()),
                kind: *run_kind,
                server: server.clone(),
                source_database: source_database.clone(),
                target: target.clone(),
                measured: MeasuredRun {
                    at: began,
                    sets,
                    other_seconds,
                },
            });
        }
        self.drills.extend(drill);
    }
}

/// A restored set, when the facts of a step tell enough of one.
fn measured_set(facts: &StepFacts, seconds: f64) -> Option<MeasuredSet> {
    let kind = match facts.backup_kind.as_deref()? {
        "full" => BackupType::Full,
        "differential" => BackupType::Differential,
        "log" => BackupType::Log,
        _ => return None,
    };
    Some(MeasuredSet {
        kind,
        compressed: facts.compressed.unwrap_or(false),
        stripes: facts.files.len().max(1),
        bytes: facts.bytes?,
        seconds,
    })
}

/// ISO 8601 of a record.
pub(super) fn time_of(text: &str) -> Option<UtcTime> {
    chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| UtcTime(time.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drills_of_one_second_keep_their_order() {
        let drill = |id: &str, began: f64| Drill {
            run: RunId(id.to_owned()),
            server: "PRACTICE".to_owned(),
            database: "OctopusAI".to_owned(),
            copy: String::new(),
            began: UtcTime::from_seconds(began).expect("a time"),
            plan: DrillPlan::default(),
            result: None,
            copy_gone: true,
            ended: true,
        };
        // As their files are named; the one that began first has the larger number.
        let mut measured = Measured {
            drills: vec![
                drill("20261128T174649Z-0152", 1_795_000_000.9),
                drill("20261128T174649Z-fb88", 1_795_000_000.3),
            ],
            ..Measured::default()
        };
        measured.sort();
        let ids: Vec<&str> = measured.drills.iter().map(|it| it.run.0.as_str()).collect();
        assert_eq!(ids, ["20261128T174649Z-fb88", "20261128T174649Z-0152"]);
    }
}
