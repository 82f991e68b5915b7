//! The steps of a restore that Azure carries out, each journaled before and after.

use super::{
    AzureEnd, AzureFailure, AzureOutcome, AzureReport, AzureRunEvent, AzureStepReport,
    AzureSurroundings, STEPS, database, past::identity_of, place, stamp,
};
use crate::{
    azure::{self, AzCommand, AzError, AzureDatabase, Home, Operation, Progress, RestoreFrom},
    domain::UtcTime,
    run::{
        StepFacts,
        journal::{Journal, JournalError, Record},
        report::{RunId, Verification},
        verify::{Expectations, look_inside},
    },
    server::ServerError,
};
use tokio_util::sync::CancellationToken;

/// Azure shows a new database seconds after it took the order; one that is not there after this was never begun.
const SHOWS_WITHIN: f64 = 600.0;
/// A database that has just come online may refuse connections for a while (40613).
const OPENS_WITHIN_TRIES: usize = 12;

/// How a step ended, and the record of it.
pub(super) fn ended(
    step: usize,
    result: Result<(), AzureFailure>,
    seconds: f64,
) -> (AzureOutcome, Record) {
    let outcome = match result {
        Ok(()) => AzureOutcome::Done,
        Err(AzureFailure::Az(AzError::Cancelled)) => AzureOutcome::Cancelled,
        Err(failure) => AzureOutcome::Failed(failure),
    };
    let (word, words) = match &outcome {
        AzureOutcome::Done => ("done", Vec::new()),
        AzureOutcome::Cancelled => ("cancelled", Vec::new()),
        AzureOutcome::Failed(failure) => {
            let mut words = vec![failure.to_string()];
            if let AzureFailure::Az(error) = failure {
                words.extend(error.said().lines().map(str::to_owned));
            }
            ("failed", words)
        }
    };
    let record = Record::StepEnd {
        step,
        outcome: word.to_owned(),
        seconds,
        words,
        messages: Vec::new(),
        facts: StepFacts::default(),
    };
    (outcome, record)
}

/// A run under way.
pub(super) struct Run<'a> {
    id: RunId,
    journal: Journal,
    pub(super) home: Home,
    source: String,
    pub(super) new: String,
    around: AzureSurroundings<'a>,
    /// When it was ordered, by an earlier stopat perhaps.
    pub(super) began: UtcTime,
    step_began: UtcTime,
    steps: Vec<AzureStepReport>,
    /// The journal knows which database it is.
    pub(super) identified: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        id: RunId,
        journal: Journal,
        home: Home,
        source: &str,
        new: &str,
        around: AzureSurroundings<'a>,
    ) -> Self {
        let now = (around.now)();
        Self {
            id,
            journal,
            home,
            source: source.to_owned(),
            new: new.to_owned(),
            around,
            began: now,
            step_began: now,
            steps: Vec::new(),
            identified: false,
        }
    }

    pub(super) fn begin(&mut self, step: usize, line: &str) -> Result<(), JournalError> {
        self.step_began = (self.around.now)();
        let title = STEPS.get(step).copied().unwrap_or_default();
        self.journal.write(
            stamp(self.around.now),
            Record::step_begin(step, title, line),
        )?;
        (self.around.tell)(AzureRunEvent::StepBegan {
            step,
            line: line.to_owned(),
        });
        Ok(())
    }

    /// Ends a step; returns whether it did its work.
    pub(super) fn end(
        &mut self,
        step: usize,
        line: &str,
        result: Result<(), AzureFailure>,
    ) -> Result<bool, JournalError> {
        let seconds = (self.around.now)().seconds() - self.step_began.seconds();
        let (outcome, record) = ended(step, result, seconds);
        self.journal.write(stamp(self.around.now), record)?;
        let done = outcome == AzureOutcome::Done;
        let report = AzureStepReport {
            title: STEPS.get(step).copied().unwrap_or_default(),
            line: line.to_owned(),
            seconds,
            outcome,
        };
        self.steps.push(report.clone());
        (self.around.tell)(AzureRunEvent::StepEnded { step, report });
        Ok(done)
    }

    pub(super) fn finish(
        mut self,
        end: AzureEnd,
        verification: Option<Verification>,
    ) -> Result<AzureReport, JournalError> {
        self.journal.write(
            stamp(self.around.now),
            Record::End {
                end: end.word().to_owned(),
                state: verification
                    .as_ref()
                    .map(|verification| verification.state.clone())
                    .unwrap_or_default(),
            },
        )?;
        Ok(AzureReport {
            id: self.id,
            steps: self.steps,
            seconds: (self.around.now)().seconds() - self.began.seconds(),
            end,
            verification,
        })
    }

    /// The new name is free, and the moment can still be reached.
    pub(super) async fn look(
        &self,
        look: &AzCommand,
        from: &RestoreFrom,
    ) -> Result<(), AzureFailure> {
        match database(self.around.az, look, self.around.cancel).await {
            Ok(_) => {
                return Err(AzureFailure::NameTaken {
                    name: self.new.clone(),
                });
            }
            Err(AzureFailure::Az(error)) if error.is_missing() => {}
            Err(other) => return Err(other),
        }
        if let RestoreFrom::PointInTime { database: name, at } = from {
            let command = azure::show(&self.home, name);
            let source = database(self.around.az, &command, self.around.cancel).await?;
            if let Some(earliest) = source.earliest_restore
                && *at < earliest
            {
                return Err(AzureFailure::TooEarly { earliest });
            }
        }
        Ok(())
    }

    /// Orders, and where the answer got lost looks whether Azure took the order.
    pub(super) async fn order(&self, command: &AzCommand) -> Result<(), AzureFailure> {
        let error = match self.around.az.call(command, self.around.cancel).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        if !error.leaves_doubt() {
            return Err(AzureFailure::Az(error));
        }
        // The question must be answered even when the user cancelled.
        let ask = CancellationToken::new();
        for _ in 0..3 {
            match database(self.around.az, &azure::show(&self.home, &self.new), &ask).await {
                Ok(_) => return Ok(()),
                Err(_) => tokio::time::sleep(self.around.interval).await,
            }
        }
        Err(AzureFailure::Az(error))
    }

    /// From the order to the checked database.
    pub(super) async fn watch(
        mut self,
        expected: &Expectations,
    ) -> Result<AzureReport, JournalError> {
        let line = azure::show(&self.home, &self.new).line();
        self.begin(place::WAIT, &line)?;
        let came = self.wait().await?;
        let end = match &came {
            Ok(()) => None,
            Err(AzureFailure::Az(_)) => Some(AzureEnd::GoesOn),
            Err(_) => Some(AzureEnd::Failed),
        };
        self.end(place::WAIT, &line, came)?;
        if let Some(end) = end {
            return self.finish(end, None);
        }
        self.begin(place::CHECK, "")?;
        let checked = self.check(expected).await;
        if let Ok(found) = &checked {
            let found = Box::new(found.into());
            self.journal
                .write(stamp(self.around.now), Record::Verified { found })?;
        }
        let (verification, result) = match checked {
            Ok(verification) if verification.problems.is_empty() => (Some(verification), Ok(())),
            Ok(verification) => {
                let faults = verification.problems.clone();
                (Some(verification), Err(AzureFailure::Checks(faults)))
            }
            Err(error) => (None, Err(AzureFailure::Server(error))),
        };
        let end = if self.end(place::CHECK, "", result)? {
            AzureEnd::Verified
        } else {
            AzureEnd::OnlineNotVerified
        };
        self.finish(end, verification)
    }

    /// Asks for the state until the database is online. An `Az` failure means that Azure may go on.
    async fn wait(&mut self) -> Result<Result<(), AzureFailure>, JournalError> {
        let command = azure::show(&self.home, &self.new);
        let began = (self.around.now)();
        let mut seen = self.identified;
        loop {
            let (mut status, mut trouble) = (None, None);
            match database(self.around.az, &command, self.around.cancel).await {
                Ok(shown) => {
                    seen = true;
                    self.identify(&shown)?;
                    if shown.is_online() {
                        return Ok(Ok(()));
                    }
                    if !shown.is_coming() {
                        return Ok(Err(match self.last_operation().await {
                            Some(said) => AzureFailure::GaveUp { said },
                            None => AzureFailure::Stuck {
                                name: self.new.clone(),
                                status: shown.status,
                            },
                        }));
                    }
                    status = Some(shown.status);
                }
                Err(AzureFailure::Az(error)) if error.is_missing() => {
                    if seen {
                        return Ok(Err(match self.last_operation().await {
                            Some(said) => AzureFailure::GaveUp { said },
                            None => AzureFailure::Vanished {
                                name: self.new.clone(),
                            },
                        }));
                    }
                    if (self.around.now)().seconds() - began.seconds() > SHOWS_WITHIN {
                        return Ok(Err(AzureFailure::NeverCame {
                            name: self.new.clone(),
                        }));
                    }
                }
                Err(AzureFailure::Az(error)) if error.is_passing() => trouble = Some(error),
                Err(failure) => return Ok(Err(failure)),
            }
            let percent = match &status {
                Some(_) => self.percent().await,
                None => None,
            };
            (self.around.tell)(AzureRunEvent::Progress {
                status,
                percent,
                trouble,
            });
            tokio::select! {
                () = self.around.cancel.cancelled() => {
                    return Ok(Err(AzureFailure::Az(AzError::Cancelled)));
                }
                () = tokio::time::sleep(self.around.interval) => {}
            }
        }
    }

    /// Writes down which database it is, as soon as Azure tells.
    fn identify(&mut self, shown: &AzureDatabase) -> Result<(), JournalError> {
        if self.identified {
            return Ok(());
        }
        self.identified = true;
        let (database_guid, create_date) = identity_of(shown);
        self.journal.write(
            stamp(self.around.now),
            Record::CopyCreated {
                database: shown.name.clone(),
                database_guid,
                create_date,
            },
        )
    }

    /// What Azure does and did with the new database; `None` where it does not tell.
    async fn operations(&self) -> Option<Vec<Operation>> {
        let command = azure::list_operations(&self.home, &self.new)?;
        let answer = self
            .around
            .az
            .call(&command, self.around.cancel)
            .await
            .ok()?;
        azure::parse_operations(&answer).ok()
    }

    /// A convenience: without it there is elapsed time and no invented percentage.
    async fn percent(&self) -> Option<u8> {
        let operations = self.operations().await?;
        operations
            .iter()
            .find(|operation| operation.state == Progress::Running)?
            .percent
    }

    /// What Azure says of the operation that failed last.
    async fn last_operation(&self) -> Option<String> {
        let operations = self.operations().await?;
        let failed = operations
            .into_iter()
            .find(|operation| operation.state == Progress::Failed)?;
        Some(failed.error.unwrap_or(failed.name))
    }

    /// Looks into the new database: it opens, its protected tables are there, its schema is told.
    async fn check(&self, expected: &Expectations) -> Result<Verification, ServerError> {
        let mut connection = self.open(&self.new).await?;
        look_inside(
            self.around.gateway,
            connection.as_mut(),
            &self.new,
            &self.source,
            expected,
        )
        .await
    }

    async fn open(
        &self,
        database: &str,
    ) -> Result<Box<dyn crate::server::Connection>, ServerError> {
        let mut tries = 0;
        loop {
            match self.around.gateway.connect_to(database).await {
                Err(error) if tries < OPENS_WITHIN_TRIES && opens_soon(&error) => {
                    tries += 1;
                    tokio::time::sleep(self.around.interval).await;
                }
                other => return other,
            }
        }
    }
}

/// 40613 and 4060 are what a database answers that has just come online.
fn opens_soon(error: &ServerError) -> bool {
    matches!(error.number(), Some(40613 | 4060 | 40197 | 40501))
}
