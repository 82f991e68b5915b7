//! `objectives-report/1`: what is promised of a database, what is true, and what proves it; as JSON and as a page.
//!
//! The page is one file without anything from elsewhere, draws its charts itself, and prints well.
//! It names the runs that it rests on and their hashes, so that an auditor can hold it against the journals without the program.

mod html;
mod svg;

pub use html::to_html;

use crate::{
    domain::{
        Coverage, Estimate, EstimateBasis, Exposed, ServerTime, Standing, UtcOffset, UtcTime,
    },
    explain,
    run::{Drill, Judged, LostRows, RunId},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The format that this program writes.
pub const FORMAT: &str = "objectives-report/1";

/// Everything that a report says.
#[derive(Clone, Debug)]
pub struct ObjectivesReport<'a> {
    /// `@@SERVERNAME`.
    pub server: &'a str,
    pub server_version: &'a str,
    /// The server's offset now.
    pub utc_offset: UtcOffset,
    /// The own clock.
    pub made_at: UtcTime,
    /// The operating system's user, where known.
    pub made_by: Option<&'a str>,
    /// A practice server, whose speeds are made.
    pub simulated: bool,
    pub judged: &'a Judged,
    /// `None` where Azure restores its own backups: of their chain it tells nothing.
    pub coverage: Option<&'a Coverage>,
    /// How many backup sets the history has.
    pub sets: usize,
    /// Rows now of every table, by its name as the server spells it; empty when nobody could count.
    pub rows: BTreeMap<String, u64>,
    /// When tables were changed last, by lower-case name, where the server tells it.
    pub last_changes: BTreeMap<String, ServerTime>,
    /// Losses in rows, where the application names a table for them.
    pub lost: Option<&'a LostRows>,
    /// SHA-256 of the journals that the drills rest on, lower-case hex.
    pub journal_hashes: Vec<(RunId, String)>,
}

impl ObjectivesReport<'_> {
    /// A moment on the server's clock with its zone.
    fn when(&self, at: UtcTime) -> String {
        // Parts of a second tell nobody anything here.
        let at = UtcTime::from_seconds(at.seconds().floor()).unwrap_or(at);
        explain::server_time_with_zone(at.to_server(self.utc_offset), Some(self.utc_offset))
    }

    /// A loss in time, and in rows where they were counted.
    fn loss(&self, exposed: Exposed) -> String {
        let time = explain::duration(exposed.seconds());
        let rows = self.lost.and_then(|lost| Some((lost.of(exposed)?, lost)));
        match rows {
            Some((rows, lost)) => {
                format!("{time} · {}", explain::lost_rows(rows, &lost.counted.what))
            }
            None => time,
        }
    }

    /// The gaps of the period, with what is at fault.
    fn gaps(&self) -> Vec<(UtcTime, UtcTime, &'static str)> {
        self.coverage
            .iter()
            .flat_map(|coverage| &coverage.gaps)
            .filter(|gap| gap.to.instant >= self.judged.period.from)
            .map(|gap| (gap.from.instant, gap.to.instant, gap.kind.as_str()))
            .collect()
    }

    /// Tables that no application claims.
    fn unclaimed(&self) -> Vec<&str> {
        let Some(application) = &self.judged.application else {
            return Vec::new();
        };
        self.rows
            .keys()
            .map(String::as_str)
            .filter(|name| {
                let claimed = |table: &str| {
                    format!("{}.{table}", application.schema).eq_ignore_ascii_case(name)
                };
                !application.protected_tables().any(claimed)
                    && !application
                        .schema_check
                        .as_ref()
                        .is_some_and(|check| claimed(&check.table))
            })
            .collect()
    }

    fn last_change(&self, table: &str) -> Option<ServerTime> {
        self.last_changes.get(&table.to_lowercase()).copied()
    }

    fn rows_of(&self, table: &str) -> Option<u64> {
        self.rows
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(table))
            .map(|(_, rows)| *rows)
    }
}

fn instant(at: UtcTime) -> String {
    at.0.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// A report as JSON.
pub fn to_json(report: &ObjectivesReport<'_>) -> String {
    let judged = report.judged;
    let value = json!({
        "format": FORMAT,
        "program_version": env!("CARGO_PKG_VERSION"),
        "made_at": instant(report.made_at),
        "made_by": report.made_by,
        "server": report.server,
        "server_version": report.server_version,
        "utc_offset_minutes": report.utc_offset.minutes(),
        "database": judged.database,
        "simulated": report.simulated,
        "application": judged.application.as_ref().map(|application| &application.name),
        "period": {
            "from": instant(judged.period.from),
            "to": instant(judged.period.to),
        },
        "history": {
            "backup_sets": report.sets,
            "restorable_from": report.coverage.and_then(Coverage::oldest).map(|moment| instant(moment.instant)),
            "restorable_to": report.coverage.and_then(Coverage::newest).map(|moment| instant(moment.instant)),
        },
        "loss_rows_of": report.lost.map(|lost| json!({
            "what": lost.counted.what,
            "table": format!("{}.{}", lost.schema, lost.counted.table),
            "time_column": lost.counted.time_column,
        })),
        "scenarios": judged.standings.iter().map(|row| standing(report, row)).collect::<Vec<_>>(),
        "worst": judged.worst.as_ref().map(|row| standing(report, row)),
        "remedies": judged.remedies.iter().map(|(scenario, remedy)| json!({
            "scenario": scenario.word(),
            "words": explain::remedy(remedy),
        })).collect::<Vec<_>>(),
        "estimates": {
            "restores_measured": judged.model.as_ref().map_or(0, |model| model.runs()),
            "past": judged.past.iter().map(|past| json!({
                "at": instant(past.at),
                "estimated_seconds": past.estimated,
                "measured_seconds": past.measured,
                "error": past.error(),
            })).collect::<Vec<_>>(),
        },
        "drills": judged.drills.iter().map(|drill| drill_json(report, drill)).collect::<Vec<_>>(),
        "azure_restores": judged.azure.iter().map(|(at, seconds)| json!({
            "at": instant(*at),
            "seconds": seconds,
        })).collect::<Vec<_>>(),
        "rehearsals": judged.rehearsals.iter().map(|run| json!({
            "run": run.run.0,
            "began_at": instant(run.began),
            "seconds": run.rehearsal.seconds(),
            "rehearsal": run.rehearsal,
        })).collect::<Vec<_>>(),
        "protected": protected(report),
        "outside": judged.outside.iter().map(|(outside, ran)| json!({
            "what": outside.what,
            "where": outside.where_it_is,
            "objective_loss_seconds": outside.loss_minutes.map(|minutes| u64::from(minutes) * 60),
            "last_backup": ran.map(instant),
        })).collect::<Vec<_>>(),
        "unclaimed_tables": report.unclaimed(),
        "gaps": report.gaps().into_iter().map(|(from, to, kind)| json!({
            "from": instant(from),
            "to": instant(to),
            "seconds": to.seconds() - from.seconds(),
            "kind": kind,
        })).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

fn exposed(report: &ObjectivesReport<'_>, exposed: &Exposed) -> Value {
    json!({
        "since": instant(exposed.since),
        "at": instant(exposed.at),
        "seconds": exposed.seconds(),
        "rows": report.lost.and_then(|lost| lost.of(*exposed)),
    })
}

fn estimate(estimate: &Estimate) -> Value {
    json!({
        "seconds": estimate.seconds,
        "low": estimate.low,
        "high": estimate.high,
        "basis": match estimate.basis {
            EstimateBasis::Measured => "measured",
            EstimateBasis::BackupSpeed => "backup_speed",
        },
    })
}

fn standing(report: &ObjectivesReport<'_>, standing: &Standing) -> Value {
    json!({
        "scenario": standing.scenario.word(),
        "objective": standing.objective.map(|objective| json!({
            "loss_seconds": [objective.loss_secs.0, objective.loss_secs.1],
            "down_seconds": [objective.down_secs.0, objective.down_secs.1],
            "judged_by_seconds": standing.allowed_loss_secs(),
        })),
        "loss_now": standing.now.as_ref().map(|now| exposed(report, now)),
        "loss_median_seconds": standing.median_secs,
        "worst": standing.worst.iter().map(|(moment, cause)| {
            let mut value = exposed(report, moment);
            if let Value::Object(members) = &mut value {
                members.insert("cause".to_owned(), explain::exposure_cause(cause).into());
            }
            value
        }).collect::<Vec<_>>(),
        "estimate": standing.estimate.as_ref().map(estimate),
        "measured": standing.measured.map(|(at, seconds)| json!({
            "at": instant(at),
            "seconds": seconds,
        })),
        "status": standing.status.word(),
        "misses": explain::misses(standing),
    })
}

fn drill_json(report: &ObjectivesReport<'_>, drill: &Drill) -> Value {
    let hash = |run: &str| {
        report
            .journal_hashes
            .iter()
            .find(|(known, _)| known.0 == run)
            .map(|(_, hash)| hash)
    };
    json!({
        "run": drill.run.0,
        "began_at": instant(drill.began),
        "copy": drill.copy,
        "copy_gone": drill.copy_gone,
        "journal_hash": hash(&drill.run.0),
        "restore_journal_hash": hash(&drill.plan.restore_run),
        "plan": drill.plan,
        "result": drill.result,
    })
}

fn protected(report: &ObjectivesReport<'_>) -> Vec<Value> {
    let Some(application) = &report.judged.application else {
        return Vec::new();
    };
    let verified = report
        .judged
        .last_verified()
        .and_then(|drill| drill.result.as_ref());
    application
        .protected
        .iter()
        .map(|data| {
            let tables: Vec<Value> = data
                .tables
                .iter()
                .map(|table| {
                    let name = format!("{}.{table}", application.schema);
                    json!({
                        "table": name,
                        "rows_now": report.rows_of(&name),
                        "rows_in_last_verified_restore": verified.and_then(|result| result.rows_of(&name)),
                        "last_change": report.last_change(&name).map(|at| at.to_string()),
                        "missing": !report.rows.is_empty() && report.rows_of(&name).is_none(),
                    })
                })
                .collect();
            json!({
                "data": data.data,
                "criticality": format!("{:?}", data.criticality).to_lowercase(),
                "because": data.because,
                "tables": tables,
            })
        })
        .collect()
}
