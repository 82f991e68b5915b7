//! How far the running statement has come, read on a second connection: the first is busy.

use crate::{
    domain::ServerTime,
    server::{Connection, ask},
    tsql,
};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often the progress is read.
const INTERVAL: Duration = Duration::from_millis(500);
/// After this long without an answer nothing more is asked.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What `sys.dm_exec_requests` says of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// 0–100; `None` when nothing runs, or when the login may not see it.
    pub(super) percent: Option<f32>,
    pub(super) remaining_secs: Option<f64>,
    /// When the database that is being created was: `sys.databases.create_date`.
    pub(super) created: Option<ServerTime>,
}

/// Reads the progress of a session until it is dropped.
pub(super) struct Watch {
    pub(super) readings: watch::Receiver<Reading>,
    _stop: DropGuard,
}

impl Watch {
    /// `creates` is the database that the session makes, where it makes one.
    pub(super) fn start(
        mut connection: Box<dyn Connection>,
        session_id: i64,
        creates: Option<&str>,
    ) -> Self {
        let creates = creates.map(tsql::database_state);
        let (sender, readings) = watch::channel(Reading::default());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            let question = tsql::progress(session_id);
            let mut ticks = tokio::time::interval(INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = stopped.cancelled() => break,
                    _ = ticks.tick() => {}
                }
                let answer =
                    tokio::time::timeout(ANSWER_TIMEOUT, ask(connection.as_mut(), &question));
                // Progress is a convenience: without it there is elapsed time and no invented percentage.
                let Ok(Ok(answer)) = answer.await else { break };
                let created = match &creates {
                    Some(question) => {
                        let answer = tokio::time::timeout(
                            ANSWER_TIMEOUT,
                            ask(connection.as_mut(), question),
                        );
                        let Ok(Ok(answer)) = answer.await else { break };
                        answer.first().and_then(|row| row.time("create_date"))
                    }
                    None => None,
                };
                let reading = answer
                    .first()
                    .map(|row| Reading {
                        percent: row.cell("percent_complete").float().map(|p| p as f32),
                        remaining_secs: row
                            .int("estimated_completion_time")
                            .filter(|millis| *millis > 0)
                            .map(|millis| millis as f64 / 1e3),
                        created: None,
                    })
                    .unwrap_or_default();
                let reading = Reading { created, ..reading };
                if sender.send(reading).is_err() {
                    break;
                }
            }
        });
        Self {
            readings,
            _stop: stop.drop_guard(),
        }
    }
}
