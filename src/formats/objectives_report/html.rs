//! The report as a page.

use super::{ObjectivesReport, svg};
use crate::{
    domain::{ScenarioKind, Standing, Status},
    explain::{self, figures},
    run::{BackedUpBy, Drill, DrillResult},
};
use std::fmt::Write as _;

/// A report as a page; `exposure` is what would have been lost, by second since 1970.
pub fn to_html(report: &ObjectivesReport<'_>, exposure: &[(f64, f64)]) -> String {
    let judged = report.judged;
    let title = format!("Objectives of {} on {}", judged.database, report.server);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        escape(&title)
    );
    if report.simulated {
        page.push_str("<p class=\"simulated\">Simulated: a practice server, whose speeds are made. Times measured here measure the simulation.</p>\n");
    }
    scope(&mut page, report);
    scenarios(&mut page, report);
    page.push_str("<h2>What would have been lost at every moment</h2>\n");
    if let Some(finest) = judged.standings.last() {
        page.push_str(&svg::exposure(report, exposure, finest.allowed_loss_secs()));
        worst(&mut page, report, finest);
    }
    drills(&mut page, report);
    rehearsals(&mut page, report);
    protected(&mut page, report);
    gaps(&mut page, report);
    method(&mut page, report);
    page.push_str("</body>\n</html>\n");
    page
}

fn scope(page: &mut String, report: &ObjectivesReport<'_>) {
    let judged = report.judged;
    page.push_str("<table class=\"facts\">\n");
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            writeln!(page, "<tr><th>{name}</th><td>{}</td></tr>", escape(&value)).ok();
        }
    };
    fact("Database", judged.database.clone());
    fact(
        "Application",
        judged
            .application
            .as_ref()
            .map_or_else(String::new, |application| application.name.clone()),
    );
    fact(
        "Server",
        format!("{} · {}", report.server, report.server_version),
    );
    fact(
        "Made",
        format!(
            "{} UTC{} with stopat {}",
            report.made_at.0.format("%-d %b %Y %H:%M:%S"),
            report
                .made_by
                .map_or_else(String::new, |who| format!(" by {who}")),
            env!("CARGO_PKG_VERSION")
        ),
    );
    fact("Judged at", report.when(judged.judged_at));
    fact(
        "Looked at",
        format!(
            "{} to {}, {}",
            report.when(judged.period.from),
            report.when(judged.period.to),
            figures::counted(
                report.sets as u64,
                "backup set in the history",
                "backup sets in the history"
            )
        ),
    );
    let reach = report
        .coverage
        .map(|coverage| (coverage.oldest(), coverage.newest()));
    match reach {
        Some((Some(oldest), Some(newest))) => fact(
            "Restorable",
            format!(
                "{} to {}",
                report.when(oldest.instant),
                report.when(newest.instant)
            ),
        ),
        Some(_) => {}
        None => fact(
            "Restorable",
            "what Azure tells when it is asked; the times of its backups do not say it".to_owned(),
        ),
    }
    page.push_str("</table>\n");
}

fn scenarios(page: &mut String, report: &ObjectivesReport<'_>) {
    let judged = report.judged;
    page.push_str("<h2>Objectives</h2>\n<table>\n<tr><th>Scenario</th><th>Status</th><th>RPO objective</th><th>RTO objective</th><th>RPO now</th><th>Median</th><th>RTO estimate</th><th>RTO measured by drill</th></tr>\n");
    for standing in &judged.standings {
        row(page, report, standing, explain::scenario(standing.scenario));
    }
    if let Some(standing) = &judged.worst {
        row(page, report, standing, "Worst moment of the period");
    }
    for (outside, ran) in &judged.outside {
        writeln!(
            page,
            "<tr><td>{} (its own backup, not in SQL Server)</td><td></td><td>{}</td><td>—</td><td>{}</td><td>—</td><td>—</td><td>—</td></tr>",
            escape(&outside.what),
            outside.loss_minutes.map_or_else(|| "—".to_owned(), |minutes| explain::promise(minutes.saturating_mul(60))),
            ran.map_or_else(
                || "no backup from stopat known".to_owned(),
                |ran| explain::duration(report.made_at.seconds() - ran.seconds()),
            ),
        )
        .ok();
    }
    page.push_str("</table>\n");
    let mut notes: Vec<String> = judged
        .standings
        .iter()
        .flat_map(|standing| {
            explain::misses(standing)
                .into_iter()
                .map(move |line| format!("{}: {line}.", explain::scenario(standing.scenario)))
        })
        .collect();
    notes.extend(judged.remedies.iter().map(|(scenario, remedy)| {
        format!(
            "{}: {}",
            explain::scenario(*scenario),
            explain::remedy(remedy)
        )
    }));
    list(page, &notes);
}

fn row(page: &mut String, report: &ObjectivesReport<'_>, standing: &Standing, name: &str) {
    let dash = || "—".to_owned();
    let class = match standing.status {
        Status::Met => "good",
        Status::AtRisk => "mind",
        Status::Missed => "bad",
        Status::Unknown => "",
    };
    writeln!(
        page,
        "<tr><td>{}</td><td class=\"{class} w\">{}</td><td class=\"w\">{}</td><td class=\"w\">{}</td><td>{}</td><td class=\"w\">{}</td><td>{}</td><td class=\"w\">{}</td></tr>",
        escape(name),
        explain::status(standing.status),
        standing.objective.map_or_else(dash, |o| explain::promise_range(o.loss_secs)),
        standing.objective.map_or_else(dash, |o| explain::promise_range(o.down_secs)),
        match standing.now {
            Some(now) => report.loss(now),
            None if standing.scenario == ScenarioKind::AzurePointInTime => "not told".to_owned(),
            None => "everything".to_owned(),
        },
        standing.median_secs.map_or_else(dash, explain::duration),
        standing.estimate.map_or_else(dash, |estimate| {
            let runs = report.judged.model.as_ref().map_or(0, |model| model.runs());
            format!(
                "{} <span class=\"basis\">{}</span>",
                explain::duration(estimate.seconds),
                escape(&explain::basis(&estimate, runs))
            )
        }),
        standing.measured.map_or_else(dash, |(at, seconds)| format!(
            "{} · {}",
            explain::duration(seconds),
            explain::server_time_short(at.to_server(report.utc_offset))
        )),
    )
    .ok();
}

fn worst(page: &mut String, report: &ObjectivesReport<'_>, standing: &Standing) {
    if standing.worst.is_empty() {
        return;
    }
    page.push_str("<table>\n<tr><th>Would have been lost</th><th>At</th><th>Because</th></tr>\n");
    for (exposed, cause) in &standing.worst {
        writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&report.loss(*exposed)),
            escape(&report.when(exposed.at)),
            escape(&explain::exposure_cause(cause))
        )
        .ok();
    }
    page.push_str("</table>\n");
}

fn drills(page: &mut String, report: &ObjectivesReport<'_>) {
    let judged = report.judged;
    if judged.backed_up_by == BackedUpBy::Azure {
        return azure_restores(page, report);
    }
    page.push_str("<h2>Drills: restore time to a verified copy</h2>\n");
    if judged.drills.is_empty() {
        page.push_str("<p>No drill was run.</p>\n");
        return;
    }
    page.push_str(&svg::drills(report));
    let mut verified: Vec<f64> = judged
        .drills
        .iter()
        .filter_map(|drill| drill.result.as_ref())
        .filter(|result| result.verified)
        .map(|result| result.seconds)
        .collect();
    verified.sort_by(f64::total_cmp);
    if let (Some(worst), Some(median)) = (verified.last(), verified.get(verified.len() / 2)) {
        writeln!(
            page,
            "<p>Median {} and worst {} of {}.</p>",
            explain::duration(*median),
            explain::duration(*worst),
            figures::counted(verified.len() as u64, "verified drill", "verified drills")
        )
        .ok();
    }
    for drill in judged.drills.iter().rev().take(14) {
        if let Some(result) = &drill.result {
            drill_section(page, report, drill, result);
        }
    }
}

/// Where Azure restores its own backups, each restore that was ordered is a measurement.
fn azure_restores(page: &mut String, report: &ObjectivesReport<'_>) {
    page.push_str("<h2>Restores that Azure carried out</h2>\n");
    if report.judged.azure.is_empty() {
        page.push_str("<p>None was ordered from stopat yet.</p>\n");
        return;
    }
    page.push_str(
        "<table>\n<tr><th>Ordered</th><th>Until the database could be opened</th></tr>\n",
    );
    for (at, seconds) in report.judged.azure.iter().rev() {
        writeln!(
            page,
            "<tr><td>{}</td><td>{}</td></tr>",
            escape(&report.when(*at)),
            explain::duration(*seconds)
        )
        .ok();
    }
    page.push_str("</table>\n");
}

fn drill_section(
    page: &mut String,
    report: &ObjectivesReport<'_>,
    drill: &Drill,
    result: &DrillResult,
) {
    let hash = |run: &str| {
        report
            .journal_hashes
            .iter()
            .find(|(known, _)| known.0 == run)
            .map_or("not at hand", |(_, hash)| hash.as_str())
    };
    writeln!(
        page,
        "<section>\n<h3>{} · {} · {}</h3>\n<p>{}{}; {} in {}; {}.{}</p>",
        escape(&report.when(drill.began)),
        if result.verified {
            "verified"
        } else {
            "not verified"
        },
        explain::duration(result.seconds),
        escape(&explain::drilled(&drill.plan)),
        drill
            .plan
            .moment
            .as_ref()
            .map_or_else(String::new, |moment| format!(" {}", escape(moment))),
        explain::size_or_unknown(drill.plan.bytes),
        figures::counted(drill.plan.sets as u64, "backup set", "backup sets"),
        drill.plan.estimate_secs.map_or_else(
            || "no estimate".to_owned(),
            |estimate| format!("estimated {}", explain::duration(estimate))
        ),
        drill_place(report, drill, result),
    )
    .ok();
    page.push_str("<table class=\"steps\">\n");
    for part in result.parts() {
        let (title, seconds) = explain::drill_part(&part);
        writeln!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td></tr>",
            escape(&title),
            explain::duration(seconds)
        )
        .ok();
    }
    page.push_str("</table>\n");
    list(page, &result.problems);
    writeln!(
        page,
        "<p class=\"hash\">drill {} · journal {} · restore {} · journal {} · statements {}</p>\n</section>",
        escape(&drill.run.0),
        hash(&drill.run.0),
        escape(&drill.plan.restore_run),
        hash(&drill.plan.restore_run),
        escape(&result.script_hash)
    )
    .ok();
}

/// Where a drill ran, and what became of its copy.
fn drill_place(report: &ObjectivesReport<'_>, drill: &Drill, result: &DrillResult) -> String {
    let mut words = String::new();
    if drill.server != report.server {
        words.push_str(&format!(" On {}.", drill.server));
    }
    if let Some(version) = &drill.plan.server_version {
        words.push_str(&format!(" SQL Server {version}."));
    }
    if !drill.plan.program_version.is_empty() {
        words.push_str(&format!(" stopat {}.", drill.plan.program_version));
    }
    if drill.plan.simulated {
        words.push_str(" Simulated.");
    }
    words.push_str(if drill.copy_gone || result.copy_gone {
        " The copy was dropped."
    } else {
        " The copy is still there."
    });
    escape(&words)
}

fn rehearsals(page: &mut String, report: &ObjectivesReport<'_>) {
    if report.judged.rehearsals.is_empty() {
        return;
    }
    page.push_str("<h2>Rehearsals: from the incident to an application that answers</h2>\n");
    for run in &report.judged.rehearsals {
        writeln!(
            page,
            "<h3>{} · {}</h3>\n{}<p>{}</p>",
            escape(&report.when(run.began)),
            explain::duration(run.rehearsal.seconds()),
            svg::rehearsal(&run.rehearsal),
            svg::rehearsal_key(&run.rehearsal)
        )
        .ok();
    }
}

fn protected(page: &mut String, report: &ObjectivesReport<'_>) {
    page.push_str("<h2>What is protected</h2>\n");
    let Some(application) = &report.judged.application else {
        page.push_str("<p>No application is known to live in this database.</p>\n");
        return;
    };
    let verified = report
        .judged
        .last_verified()
        .and_then(|drill| drill.result.as_ref());
    page.push_str("<table>\n<tr><th>Data</th><th>Table</th><th>Criticality</th><th class=\"n\">Rows now</th><th class=\"n\">Rows in the last verified restore</th><th>Last change</th></tr>\n");
    for data in &application.protected {
        for table in &data.tables {
            let name = format!("{}.{table}", application.schema);
            let now = match report.rows_of(&name) {
                Some(rows) => figures::count(rows),
                None if report.rows.is_empty() => "—".to_owned(),
                None => "<span class=\"bad\">missing</span>".to_owned(),
            };
            let then = verified
                .and_then(|result| result.rows_of(&name))
                .map_or_else(|| "—".to_owned(), figures::count);
            let changed = report
                .last_change(&name)
                .map_or_else(|| "—".to_owned(), explain::server_time_short);
            writeln!(
                page,
                "<tr><td>{}</td><td class=\"code\">{}</td><td>{:?}: {}</td><td class=\"n\">{now}</td><td class=\"n\">{then}</td><td>{changed}</td></tr>",
                escape(&data.data),
                escape(&name),
                data.criticality,
                escape(&data.because),
            )
            .ok();
        }
    }
    page.push_str("</table>\n");
    let mut notes: Vec<String> = application
        .outside
        .iter()
        .map(|outside| {
            format!(
                "{} ({}): {}",
                outside.what, outside.where_it_is, outside.note
            )
        })
        .collect();
    let unclaimed = report.unclaimed();
    if !unclaimed.is_empty() {
        notes.push(format!(
            "Tables that no application claims: {}.",
            unclaimed.join(", ")
        ));
    }
    list(page, &notes);
}

fn gaps(page: &mut String, report: &ObjectivesReport<'_>) {
    let gaps = report.gaps();
    page.push_str("<h2>Gaps in what can be restored</h2>\n");
    if report.coverage.is_none() {
        page.push_str("<p>Azure keeps the chain of its own backups and tells of no gaps.</p>\n");
        return;
    }
    if gaps.is_empty() {
        page.push_str("<p>None in this period.</p>\n");
        return;
    }
    page.push_str("<table>\n<tr><th>From</th><th>To</th><th>Length</th><th>Cause</th></tr>\n");
    for (from, to, kind) in gaps {
        writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&report.when(from)),
            escape(&report.when(to)),
            explain::duration(to.seconds() - from.seconds()),
            escape(&kind.replace('_', " "))
        )
        .ok();
    }
    page.push_str("</table>\n");
}

fn method(page: &mut String, report: &ObjectivesReport<'_>) {
    page.push_str("<h2>How this was found</h2>\n");
    let told = match report.judged.backed_up_by {
        BackedUpBy::Owners => [
            "Loss is the time since the newest moment that the backups of then could bring back: only backups that had finished and lie on a usable chain count. A schedule promises its interval and the longest backup seen, and is judged by the sum.",
            "Restore times are measured by drills: a restore into a new database through the same engine as every restore, checked and dropped. Estimates are fitted on them: speed by kind, compression and stripes, a cost for each file, and recovery.",
        ],
        BackedUpBy::Azure => [
            "Loss is the time since the beginning of the newest backup that Azure told of and that had finished.",
            "Restore times are those of the restores that Azure carried out when stopat ordered them, from the order to a database that could be opened. Azure promises none.",
        ],
    };
    let mut lines = told.map(str::to_owned).to_vec();
    if let Some(lost) = report.lost {
        lines.push(format!(
            "Losses in {} are rows of {}.{} by their {}, counted in the database as it was when this report was made; rows that were changed or deleted since are not among them, and of a time before its oldest row there is no number.",
            lost.counted.what, lost.schema, lost.counted.table, lost.counted.time_column
        ));
    }
    if !report.judged.past.is_empty() {
        let errors: Vec<String> = report
            .judged
            .past
            .iter()
            .map(|past| format!("{:+.0} %", past.error() * 100.0))
            .collect();
        lines.push(format!(
            "Earlier estimates, made from the restores before each, were off by {}.",
            errors.join(", ")
        ));
    }
    list(page, &lines);
}

fn list(page: &mut String, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    page.push_str("<ul>\n");
    for line in lines {
        writeln!(page, "<li>{}</li>", escape(line)).ok();
    }
    page.push_str("</ul>\n");
}

fn escape(text: &str) -> String {
    crate::formats::run_report::escape(text)
}

const STYLE: &str = "\
:root { color-scheme: light; }
body { font: 14px/1.45 Inter, 'Segoe UI', system-ui, sans-serif; color: #1b1f24; margin: 32px auto; max-width: 980px; padding: 0 24px; }
h1 { font-size: 22px; margin: 0 0 8px; }
h2 { font-size: 16px; margin: 28px 0 8px; }
h3 { font-size: 13px; margin: 16px 0 4px; }
p { margin: 4px 0 8px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 5px 12px 5px 0; border-bottom: 1px solid #d9dde2; }
th { font-size: 12px; font-weight: 500; color: #57606a; }
.facts th { width: 150px; }
.steps { max-width: 460px; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.n { white-space: normal; }
.w { white-space: nowrap; }
.basis { display: block; font-size: 11px; color: #57606a; }
.code { overflow-wrap: break-word; font: 12px/1.5 'JetBrains Mono', Consolas, monospace; }
.hash { font: 10px/1.5 'JetBrains Mono', Consolas, monospace; color: #57606a; overflow-wrap: anywhere; }
.simulated { border: 1px solid #1f78c8; border-radius: 4px; padding: 6px 10px; color: #14507f; }
.good { color: #16845f; } .mind { color: #8a5700; } .bad { color: #c93a2b; }
ul { padding-left: 18px; margin: 8px 0; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 11px Inter, 'Segoe UI', system-ui, sans-serif; fill: #57606a; }
svg .value { fill: #1b1f24; }
svg .objective { fill: #a86a00; }
svg .inside { fill: #ffffff; }
@page { size: A4; margin: 14mm; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 11px; }
  section, svg, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
";
