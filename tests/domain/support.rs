//! What the planning tests share: reading fixtures, planning with the checker looking on.

use chrono::NaiveDateTime;
use std::{path::PathBuf, sync::Arc};
use stopat::{
    domain::{
        DatabaseHistory, History, HistoryNote, Refusal, RestorePlan, RestoreRequest, ServerTime,
        check, is_proved, plan,
    },
    explain,
    formats::backup_history,
};

/// The bytes of a file under `tests/fixtures`.
pub fn fixture(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name]
        .iter()
        .collect();
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A history fixture.
pub fn history(name: &str) -> (History, Vec<HistoryNote>) {
    let file = backup_history::parse(&fixture(name)).expect("the fixture is a history");
    History::from_records(file.records)
}

/// One database of a history.
pub fn database(history: &History, name: &str) -> Arc<DatabaseHistory> {
    history
        .database(name)
        .expect("the fixture has the database")
}

/// A local time.
#[track_caller]
pub fn time(text: &str) -> ServerTime {
    let format = "%Y-%m-%dT%H:%M:%S%.f";
    ServerTime(NaiveDateTime::parse_from_str(text, format).expect("the test writes ISO"))
}

/// Plans, and lets the checker judge every plan that comes out.
#[track_caller]
pub fn planned(
    history: &DatabaseHistory,
    request: &RestoreRequest,
) -> Result<RestorePlan, Box<Refusal>> {
    let result = plan(history, request);
    let made = match &result {
        Ok(plan) => Some(plan),
        Err(refusal) => refusal.tail.as_deref(),
    };
    if let Some(plan) = made {
        let findings = check(plan, history);
        let words: Vec<String> = findings.iter().map(explain::finding).collect();
        assert!(
            is_proved(&findings),
            "the checker objects: {words:#?}\n{}",
            told(history, Some(plan))
        );
    }
    result
}

/// The history as a table, with the plan's sets marked.
pub fn told(history: &DatabaseHistory, plan: Option<&RestorePlan>) -> String {
    let mut text = String::new();
    for (n, set) in history.sets().enumerate() {
        let used = plan.is_some_and(|plan| {
            plan.steps
                .iter()
                .any(|step| step.backup_set_uuid == set.uuid)
        });
        let fork = |fork: Option<uuid::Uuid>| fork.map_or(0, |fork| fork.as_u128() % 1000);
        text += &format!(
            "{} {n:>3} {} {} {} {:>5}..{:<5} fork {}/{} {:?}{}{}{}\n",
            if used { '*' } else { ' ' },
            set.kind().letter(),
            set.start().server.0.format("%H:%M:%S"),
            set.finish().server.0.format("%H:%M:%S"),
            set.first_lsn.decimal() / 100_000,
            set.last_lsn.decimal() / 100_000,
            fork(set.lineage.first_fork),
            fork(set.lineage.last_fork),
            set.lineage.fork_point.map(|p| p.decimal() / 100_000),
            if set.has_bulk_logged_data() {
                " bulk"
            } else {
                ""
            },
            if set.is_copy_only() { " copy-only" } else { "" },
            set.trouble().map(|t| format!(" {t:?}")).unwrap_or_default(),
        );
    }
    for restore in history.restores() {
        text += &format!(
            "restored {} to {:?}\n",
            restore.at.server,
            restore.stop_at.map(|m| m.server.to_string())
        );
    }
    text
}
