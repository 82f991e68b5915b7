//! The report of a database's objectives, from what its server and the journals tell; the window and the command line come the same way.

use super::{
    drills::DRILL_DAYS,
    jobs::now,
    objectives::backed_up_by,
    practice::is_practice,
    tables::{TableFacts, connection_in, tables_of},
};
use crate::{
    domain::{History, Limits, ScenarioKind},
    formats::objectives_report::{ObjectivesReport, to_html, to_json},
    run::{BackedUpBy, JudgeGround, Measured, RunId, count_lost_rows, judge, read_journal},
    server::{Gateway, ServerInfo},
    settings::{Application, DatabaseKey, DatabaseObjectives, Scenario, promises_of},
};
use std::{collections::BTreeMap, path::Path};

/// What a report is made from.
pub struct ReportGround<'a> {
    pub gateway: &'a dyn Gateway,
    pub info: &'a ServerInfo,
    pub history: &'a History,
    pub database: &'a str,
    pub applications: &'a [Application],
    /// Promises of single databases.
    pub edited: &'a [DatabaseObjectives],
    pub key: DatabaseKey,
    pub measured: &'a Measured,
    pub runs_folder: &'a Path,
    pub made_by: Option<&'a str>,
}

/// The same report twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeReport {
    pub html: String,
    pub json: String,
}

/// Makes the report; `None` when the history has nothing of the database.
pub async fn make_objectives_report(ground: &ReportGround<'_>) -> Option<MadeReport> {
    let ReportGround {
        gateway,
        info,
        history,
        database,
        applications,
        edited,
        key,
        measured,
        runs_folder,
        made_by,
    } = ground;
    let history = history.database(database)?;
    // A database that cannot be read now has no rows to show, and the report says so.
    let tables = tables_of(*gateway, info.platform, database)
        .await
        .unwrap_or_else(|error| {
            tracing::debug!(?error, "tables for a report");
            TableFacts::default()
        });
    let application = applications.iter().find(|application| {
        application.lives_in(database, |schema, table| {
            tables
                .tables
                .contains_key(&format!("{schema}.{table}").to_lowercase())
        })
    });
    let (scenarios, _) = promises_of(edited, application, key);
    let objectives: Vec<_> = scenarios.iter().map(Scenario::objective).collect();
    let made_at = now();
    let server_now = made_at.plus(chrono::TimeDelta::milliseconds(info.clock_skew_millis));
    let judged = judge(&JudgeGround {
        history: &history,
        server_name: &info.name,
        application,
        objectives: &objectives,
        measured,
        backed_up_by: backed_up_by(info.platform),
        now: server_now,
        days: DRILL_DAYS,
    });
    let lost = match application.and_then(|known| Some((known, known.counted.as_ref()?))) {
        Some((known, counted)) => {
            let counting = async {
                let mut connection = connection_in(*gateway, info.platform, database).await?;
                let (schema, offset) = (&known.schema, info.utc_offset);
                let stretches = judged.exposed();
                let connection = connection.as_mut();
                count_lost_rows(connection, database, schema, counted, offset, &stretches).await
            };
            counting.await.unwrap_or_else(|error| {
                tracing::debug!(?error, "rows of a loss for a report");
                None
            })
        }
        None => None,
    };
    let coverage =
        (judged.backed_up_by == BackedUpBy::Owners).then(|| history.coverage(&Limits::default()));
    let journal_hashes = judged
        .drills
        .iter()
        .flat_map(|drill| [drill.run.clone(), RunId(drill.plan.restore_run.clone())])
        .filter_map(|run| {
            let content = read_journal(&runs_folder.join(format!("{}.jsonl", run.0))).ok()?;
            Some((run, content.hash))
        })
        .collect();
    let report = ObjectivesReport {
        server: &info.name,
        server_version: &info.version_text,
        utc_offset: info.utc_offset,
        made_at,
        made_by: *made_by,
        simulated: is_practice(info),
        judged: &judged,
        coverage: coverage.as_deref(),
        sets: history.len(),
        rows: tables
            .tables
            .values()
            .map(|fact| (fact.name.clone(), fact.rows))
            .collect::<BTreeMap<_, _>>(),
        last_changes: tables
            .tables
            .values()
            .filter_map(|fact| Some((fact.name.to_lowercase(), fact.last_change?)))
            .collect(),
        lost: lost.as_ref(),
        journal_hashes,
    };
    let exposure = match judged.backed_up_by {
        BackedUpBy::Owners => history.exposure(&ScenarioKind::FullDifferentialLog.limits()),
        BackedUpBy::Azure => history.service_exposure(),
    };
    let points = exposure.points(judged.period.from, judged.period.to, 1500);
    Some(MadeReport {
        html: to_html(&report, &points),
        json: to_json(&report),
    })
}
