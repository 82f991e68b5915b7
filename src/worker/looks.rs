//! Questions of the user's own to a restored database, and its check: asked beside a run, answered to the window.

use super::{
    handle::Events,
    jobs::{Jobs, blocking, now, yours},
    messages::{Event, ServerId},
    runs::RunNews,
};
use crate::{
    explain::{Problem, ProblemKind, cell_text, journal_problem, look_refusal, server_problem},
    run::{
        Journal, JournalError, Outcome, Record, RunId, StepFacts, StepFailure, VerificationFault,
    },
    server::{Columns, Gateway, Row, RowSink, ServerError},
    tsql,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// More rows than anybody reads on a page.
const SHOWN_ROWS: usize = 200;
/// A question that takes longer is cut short: the run waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a database answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub columns: Vec<String>,
    /// The first of them, as text.
    pub rows: Vec<Vec<String>>,
    /// How many there were.
    pub n_rows: usize,
}

/// Keeps the first rows of the first result, and counts the others.
#[derive(Default)]
struct FirstRows {
    n_results: usize,
    looked: Looked,
}

impl RowSink for FirstRows {
    fn columns(&mut self, columns: &Arc<Columns>) {
        self.n_results += 1;
        if self.n_results == 1 {
            self.looked.columns = columns.names().to_vec();
        }
    }

    fn row(&mut self, row: Row) {
        if self.n_results != 1 {
            return;
        }
        self.looked.n_rows += 1;
        if self.looked.rows.len() < SHOWN_ROWS {
            self.looked
                .rows
                .push(row.cells().iter().map(cell_text).collect());
        }
    }
}

impl Jobs {
    pub(super) fn look_into(&self, server: ServerId, run: RunId, database: String, query: String) {
        let Some(open) = self.servers.get(&server) else {
            return;
        };
        let gateway = Arc::clone(&open.gateway);
        let events = self.events.clone();
        tokio::spawn(async move {
            let looked = look(gateway.as_ref(), &database, &query).await;
            events.send(Event::Run {
                run,
                news: RunNews::Looked(Box::new(looked)),
            });
        });
    }

    /// `DBCC CHECKDB` of what a run restored, as a step more in its journal.
    pub(super) fn check_database(&mut self, server: ServerId, run: RunId, database: String) {
        let (Some(open), Some(journal)) = (self.servers.get(&server), self.journal_of(&run)) else {
            return;
        };
        let gateway = Arc::clone(&open.gateway);
        let events = self.events.clone();
        let cancel = self.stop.child_token();
        let task = tokio::spawn(async move {
            let checked = check(gateway.as_ref(), journal, &database, &cancel).await;
            tell_checked(&events, run, checked);
        });
        self.restores.accompany(task);
    }
}

fn tell_checked(events: &Events, run: RunId, checked: Result<f64, Problem>) {
    events.send(Event::Run {
        run,
        news: RunNews::Checked(Box::new(checked)),
    });
}

async fn look(gateway: &dyn Gateway, database: &str, query: &str) -> Result<Looked, Problem> {
    let batch = tsql::look_query(database, query).map_err(|refusal| look_refusal(&refusal))?;
    let cancel = CancellationToken::new();
    let mut rows = FirstRows::default();
    let asked = async {
        let mut connection = gateway.connect().await?;
        let running = connection.run(&batch, &mut rows, None, &cancel);
        tokio::pin!(running);
        tokio::select! {
            asked = &mut running => asked,
            () = tokio::time::sleep(PATIENCE) => {
                cancel.cancel();
                running.await
            }
        }
    };
    match asked.await {
        Ok(()) => Ok(rows.looked),
        Err(ServerError::Cancelled) => Err(Problem {
            hint: "Ask for less, as with TOP (100).".to_owned(),
            ..yours(format!(
                "The answer took longer than {} s",
                PATIENCE.as_secs()
            ))
        }),
        Err(error) => Err(server_problem(&error)),
    }
}

/// Seconds that the check took; the problem says what it found.
async fn check(
    gateway: &dyn Gateway,
    journal: PathBuf,
    database: &str,
    cancel: &CancellationToken,
) -> Result<f64, Problem> {
    let batch = tsql::check_database(database);
    let opened = blocking(move || Journal::reopen(&journal)).await;
    let (mut journal, content) = match opened {
        Some(Ok(opened)) => opened,
        Some(Err(error)) => return Err(journal_problem(&error)),
        None => return Err(ours()),
    };
    // Behind everything that the run did.
    let step = content
        .entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::StepBegin { step, .. } => Some(step + 1),
            _ => None,
        })
        .max()
        .unwrap_or_default();
    let mut note = |record| {
        let at = now().0.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        journal.write(at, record)
    };
    let begun = now();
    let failed = |error: JournalError| journal_problem(&error);
    note(Record::step_begin(step, &batch.title, &batch.sql)).map_err(failed)?;
    let checked = async {
        let mut connection = gateway.connect().await?;
        let mut rows = FirstRows::default();
        connection.run(&batch, &mut rows, None, cancel).await
    };
    let checked = checked.await;
    let seconds = now().seconds() - begun.seconds();
    let (outcome, words) = match &checked {
        Ok(()) => (Outcome::Done, Vec::new()),
        Err(ServerError::Cancelled) => (Outcome::Cancelled, Vec::new()),
        Err(error) => {
            let failure = StepFailure::Verification(VerificationFault::CheckFailed(error.clone()));
            let words = failure.journal_words();
            (Outcome::Failed(failure), words)
        }
    };
    note(Record::StepEnd {
        step,
        outcome: outcome.word().to_owned(),
        seconds,
        words,
        messages: Vec::new(),
        facts: StepFacts::default(),
    })
    .map_err(failed)?;
    match checked {
        Ok(()) => Ok(seconds),
        Err(error) => Err(crate::explain::verification_fault(
            &VerificationFault::CheckFailed(error),
        )),
    }
}

fn ours() -> Problem {
    Problem {
        kind: ProblemKind::Ours,
        sentence: "The journal of the run could not be opened".to_owned(),
        hint: String::new(),
        details: Vec::new(),
    }
}
