//! `run-report/1`: what a run did, as JSON and as a page, made from its journal alone.
//!
//! The page is one file without anything from elsewhere, and prints well.
//! Both carry the hashes of every statement and of the journal, so that they can be held against it.

use crate::{
    explain,
    run::{RecordedStep, RecordedTable, RunRecord},
};
use serde_json::{Value, json};

/// The format that this program writes.
pub const FORMAT: &str = "run-report/1";

/// A run as JSON.
pub fn to_json(record: &RunRecord) -> String {
    format!("{:#}\n", value(record))
}

/// Several runs, without their steps.
pub fn list_json(records: &[RunRecord]) -> String {
    let runs: Vec<Value> = records.iter().map(head).collect();
    format!("{:#}\n", json!({ "format": "run-list/1", "runs": runs }))
}

fn head(record: &RunRecord) -> Value {
    json!({
        "run": record.id.0,
        "kind": record.kind,
        "server": record.server,
        "source_database": record.source_database,
        "target_database": record.target_database,
        "target": record.target,
        "began_at": record.began_at,
        "last_at": record.last_at,
        "who": record.who,
        "end": record.end.as_ref().map(|(end, _)| end),
        "state": record.end.as_ref().map(|(_, state)| state),
        "interrupted": record.end.is_none(),
        "unfinished": record.is_unfinished(),
        "resumed": record.n_resumed,
        "tail_file": record.tail_file,
        "owed": record.owed,
    })
}

fn value(record: &RunRecord) -> Value {
    let mut value = head(record);
    let more = json!({
        "format": FORMAT,
        "steps": record.steps.iter().map(step).collect::<Vec<_>>(),
        "verification": record.verification,
        "script_hash": record.script_hash(),
        "journal_hash": record.journal_hash,
        "journal_torn": record.torn,
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut value, more) {
        all.extend(more);
    }
    value
}

fn step(step: &RecordedStep) -> Value {
    json!({
        "title": step.title,
        "began_at": step.began_at,
        "outcome": step.end.as_ref().map(|end| &end.outcome),
        "seconds": step.end.as_ref().map(|end| end.seconds),
        "words": step.end.as_ref().map(|end| &end.words),
        "messages": step.end.as_ref().map(|end| &end.messages),
        "facts": step.end.as_ref().map(|end| &end.facts),
        "sql": step.sql,
        "statement_hash": step.statement_hash,
    })
}

/// A run as a page.
pub fn to_html(record: &RunRecord) -> String {
    let title = format!("{} on {}", explain::run_title(record), record.server);
    let verdict = match &record.end {
        Some((end, state)) => format!("{}; {state}", explain::journal_end(end, record.kind)),
        None => "interrupted".to_owned(),
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{}</h1>\n<p class=\"verdict {}\">{}</p>\n",
        escape(&format!("Run {}", record.id.0)),
        escape(&title),
        verdict_class(record),
        escape(&verdict)
    );
    page.push_str("<table class=\"facts\">\n");
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            page.push_str(&format!(
                "<tr><th>{}</th><td>{}</td></tr>\n",
                escape(name),
                escape(value)
            ));
        }
    };
    fact("Run", &record.id.0);
    fact("Moment asked for, server time", &record.target);
    fact("Began, UTC", &record.began_at);
    fact("Last record, UTC", &record.last_at);
    fact("User", record.who.user.as_deref().unwrap_or_default());
    fact("Machine", record.who.host.as_deref().unwrap_or_default());
    fact("Login", record.who.login.as_deref().unwrap_or_default());
    fact(
        "Tail of the log",
        record.tail_file.as_deref().unwrap_or_default(),
    );
    if record.n_resumed > 0 {
        fact(
            "Went on after an interruption",
            &record.n_resumed.to_string(),
        );
    }
    for owed in &record.owed {
        fact("Still owed", &explain::owed(owed));
    }
    page.push_str("</table>\n");
    if let Some(verification) = &record.verification {
        page.push_str("<h2>What was found afterwards</h2>\n<table class=\"facts\">\n");
        let mut fact = |name: &str, value: &str| {
            if !value.is_empty() {
                page.push_str(&format!(
                    "<tr><th>{}</th><td>{}</td></tr>\n",
                    escape(name),
                    escape(value)
                ));
            }
        };
        fact("State", &verification.state);
        fact("Access", verification.access.as_deref().unwrap_or_default());
        fact(
            "Schema",
            verification.schema_version.as_deref().unwrap_or_default(),
        );
        fact("Owner", verification.owner.as_deref().unwrap_or_default());
        fact(
            "Users without a login",
            &verification.orphaned_users.join(", "),
        );
        for problem in &verification.problems {
            fact("Not as it should be", problem);
        }
        page.push_str("</table>\n");
        page.push_str(&tables_html(&verification.tables));
    }
    page.push_str("<h2>Steps</h2>\n<table class=\"steps\">\n<tr><th>#</th><th>Step</th><th>Outcome</th><th class=\"n\">Seconds</th><th class=\"n\">Bytes</th></tr>\n");
    for (idx, step) in record.steps.iter().enumerate() {
        page.push_str(&step_html(idx + 1, step));
    }
    page.push_str("</table>\n<h2>T-SQL and programs, as they were sent</h2>\n");
    for (idx, step) in record.steps.iter().enumerate() {
        if step.sql.is_empty() {
            continue;
        }
        page.push_str(&format!(
            "<h3>{}. {}</h3>\n<pre>{}</pre>\n<p class=\"hash\">SHA-256 {}</p>\n",
            idx + 1,
            escape(&step.title),
            escape(&step.sql),
            escape(step.statement_hash.as_deref().unwrap_or("not recorded"))
        ));
    }
    page.push_str(&format!(
        "<p class=\"hash\">All statements: SHA-256 {}<br>Journal: SHA-256 {}</p>\n</body>\n</html>\n",
        escape(&record.script_hash()),
        escape(&record.journal_hash)
    ));
    page
}

fn verdict_class(record: &RunRecord) -> &'static str {
    match record.end.as_ref().map(|(end, _)| end.as_str()) {
        Some("verified" | "standby") => "good",
        Some("online_not_verified" | "untouched" | "cancelled" | "abandoned") => "mind",
        _ => "bad",
    }
}

fn tables_html(tables: &[RecordedTable]) -> String {
    if tables.is_empty() {
        return String::new();
    }
    // Over the original, or on another server, there is nothing to compare with.
    let compares = tables.iter().any(|table| table.rows_original.is_some());
    let cell = |n: Option<u64>| {
        let rows = n.map_or_else(|| "not there".to_owned(), explain::figures::count);
        format!("<td class=\"n\">{rows}</td>")
    };
    let mut text =
        "<table class=\"steps\">\n<tr><th>Protected table</th><th class=\"n\">Rows restored</th>"
            .to_owned();
    if compares {
        text.push_str("<th class=\"n\">In the original then</th>");
    }
    text.push_str("</tr>\n");
    for table in tables {
        text.push_str(&format!(
            "<tr><td>{}</td>{}",
            escape(&table.table),
            cell(table.rows)
        ));
        if compares {
            text.push_str(&cell(table.rows_original));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table>\n");
    text
}

fn step_html(number: usize, step: &RecordedStep) -> String {
    let (outcome, seconds, bytes, lines) = match &step.end {
        Some(end) => (
            end.outcome.replace('_', " "),
            format!("{:.1}", end.seconds),
            end.facts.bytes.map(explain::size).unwrap_or_default(),
            end.words
                .iter()
                // How far it was at each moment is of no use afterwards; the journal has it.
                .chain(end.messages.iter().filter(|line| !is_progress(line)))
                .map(|line| escape(line))
                .collect::<Vec<_>>()
                .join("<br>"),
        ),
        None => (
            "interrupted".to_owned(),
            String::new(),
            String::new(),
            String::new(),
        ),
    };
    let lines = if lines.is_empty() {
        String::new()
    } else {
        format!("<div class=\"said\">{lines}</div>")
    };
    format!(
        "<tr class=\"{}\"><td>{number}</td><td>{}<div class=\"at\">{}</div>{lines}</td><td>{}</td><td class=\"n\">{seconds}</td><td class=\"n\">{}</td></tr>\n",
        outcome.replace(' ', "-"),
        escape(&step.title),
        escape(&step.began_at),
        escape(&outcome),
        escape(&bytes)
    )
}

/// `45 percent processed.`, which the server says every few percent.
fn is_progress(line: &str) -> bool {
    line.strip_suffix(" percent processed.")
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Text as HTML: whatever is in a name stays text.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

const STYLE: &str = "\
:root { color-scheme: light; }
body { font: 14px/1.45 Inter, 'Segoe UI', system-ui, sans-serif; color: #1b1f24; margin: 32px auto; max-width: 960px; padding: 0 24px; }
h1 { font-size: 22px; margin: 0 0 4px; }
h2 { font-size: 16px; margin: 28px 0 8px; }
h3 { font-size: 13px; margin: 18px 0 4px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 5px 10px 5px 0; border-bottom: 1px solid #d9dde2; }
.facts th { width: 240px; font-weight: 500; color: #57606a; }
.steps th { font-size: 12px; color: #57606a; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.at, .said, .hash { font: 11px/1.4 'JetBrains Mono', Consolas, monospace; color: #57606a; overflow-wrap: anywhere; }
.said { margin-top: 3px; }
.verdict { font-size: 16px; font-weight: 600; margin: 0 0 16px; }
.good { color: #1a7f4b; } .mind { color: #9a6700; } .bad { color: #b42318; }
tr.failed td, tr.interrupted td { background: #fdf0ee; }
tr.done-with-warning td { background: #fdf7e7; }
pre { font: 12px/1.4 'JetBrains Mono', Consolas, monospace; background: #f5f6f8; padding: 10px 12px; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 4px; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 11px; }
  pre, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        assert_eq!(
            escape("<script>'&\"</script>"),
            "&lt;script&gt;&#39;&amp;&quot;&lt;/script&gt;"
        );
    }
}
