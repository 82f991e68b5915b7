//! The swap of names after a restore: the original is set aside, and the new database takes its name.
//!
//! ```text
//! OctopusAI      ─1─► OctopusAI_before_…      (or back again)
//! OctopusAI_2026 ─2─► OctopusAI
//! ```
//!
//! Each rename is a step in the journal of its restore, noted before and after, and runs only when its button is pressed.
//! How far a swap is, the databases say: whoever asks compares the identity that the run noted with the names there are.

use super::{
    AzureEnd, AzureFailure, database,
    past::{home_in, is_that},
    stamp,
    steps::ended,
};
use crate::{
    azure::{self, AzCaller, AzureDatabase, Home},
    domain::UtcTime,
    run::{
        RunRecord,
        journal::{Journal, JournalContent, JournalError, Record, read_journal},
        report::{RunId, RunKind},
    },
    server::{Gateway, ask},
    tsql,
};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// One rename of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapStep {
    /// The original gets a name that says what it was.
    SetAside,
    /// The new database gets the name of the original.
    TakeName,
    /// The original gets its name back, while nothing else has it.
    GiveBack,
}

/// How far the databases say that a swap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapFound {
    NotBegun,
    /// No database has the name of the original.
    SetAside,
    Done,
    /// The database that the run made is not there any more.
    Gone,
}

/// A restore by Azure that ended, as its journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct AzurePast {
    pub home: Home,
    pub record: RunRecord,
}

/// What a rename works with.
pub struct SwapSurroundings<'a> {
    pub az: &'a dyn AzCaller,
    /// A managed instance's databases are renamed in T-SQL.
    pub gateway: &'a dyn Gateway,
    pub cancel: &'a CancellationToken,
    pub now: fn() -> UtcTime,
}

impl SwapStep {
    /// Its number in the journal of a restore.
    fn place(self, restore: &RunRecord) -> usize {
        restore.first_rename()
            + match self {
                Self::SetAside => 0,
                Self::TakeName => 1,
                Self::GiveBack => 2,
            }
    }

    /// Which database gets which name.
    pub fn names(self, source: &str, new_database: &str, run: &RunId) -> (String, String) {
        let (source, aside) = (source.to_owned(), aside_name(source, run));
        match self {
            Self::SetAside => (source, aside),
            Self::TakeName => (new_database.to_owned(), source),
            Self::GiveBack => (aside, source),
        }
    }
}

/// The name of the original while another database has its own; it says when the restore was begun.
fn aside_name(source: &str, run: &RunId) -> String {
    let begun: String = run.0.chars().take_while(|c| *c != 'Z').collect();
    let ending = format!("_before_{}", begun.replace('T', "_"));
    let room = azure::LONGEST_NAME.saturating_sub(ending.chars().count());
    let kept: String = source.chars().take(room).collect();
    kept + &ending
}

/// The command of `az` or the statement that renames, as it is shown and as it runs.
pub fn rename_line(home: &Home, from: &str, to: &str) -> String {
    match azure::rename(home, from, to) {
        Some(command) => command.line(),
        None => tsql::instance_rename(from, to).sql,
    }
}

/// Reads a restore by Azure; `None` for a journal of something else.
pub fn read_azure_restore(journal: &Path) -> Result<Option<AzurePast>, JournalError> {
    Ok(AzurePast::of(journal, &read_journal(journal)?))
}

impl AzurePast {
    fn of(path: &Path, content: &JournalContent) -> Option<Self> {
        let record = RunRecord::of(path, content)?;
        let home = content
            .entries
            .iter()
            .find_map(|entry| home_in(&entry.record))?;
        (record.kind == RunKind::AzureRestore).then_some(Self { home, record })
    }

    /// In which state it ended; `None` while it has not.
    pub fn end(&self) -> Option<AzureEnd> {
        AzureEnd::from_word(&self.record.end.as_ref()?.0)
    }

    /// How far the swap is, by the databases that the server has now.
    pub fn found(&self, databases: &[AzureDatabase]) -> SwapFound {
        let Some((guid, created)) = &self.record.copy else {
            return SwapFound::Gone;
        };
        let source = &self.record.source_database;
        let Some(copy) = databases
            .iter()
            .find(|shown| is_that(shown, *guid, created))
        else {
            return SwapFound::Gone;
        };
        if copy.name.eq_ignore_ascii_case(source) {
            SwapFound::Done
        } else if databases
            .iter()
            .any(|shown| shown.name.eq_ignore_ascii_case(source))
        {
            SwapFound::NotBegun
        } else {
            SwapFound::SetAside
        }
    }
}

impl RunRecord {
    /// The number of the first rename: the restore has the numbers of the steps that its beginning names, whichever version
    /// of stopat began it.
    fn first_rename(&self) -> usize {
        self.titles.len()
    }

    /// Whether a swap of names was begun and not seen through, as far as the journal tells.
    ///
    /// Only Azure's restores swap: the steps of other runs have places of their own.
    pub fn is_half_swapped(&self) -> bool {
        self.kind == RunKind::AzureRestore
            && self
                .steps
                .iter()
                .rev()
                .find(|step| step.step >= self.first_rename() && step.may_have_worked())
                .is_some_and(|last| {
                    last.end.is_none() || last.step == SwapStep::SetAside.place(self)
                })
    }
}

/// Carries out one rename of a restore that ended, and journals it.
pub async fn run_swap_step(
    journal: &Path,
    step: SwapStep,
    around: SwapSurroundings<'_>,
) -> Result<Result<(), AzureFailure>, JournalError> {
    let (mut writer, content) = Journal::reopen(journal)?;
    let Some(past) = AzurePast::of(journal, &content) else {
        return Ok(Err(AzureFailure::NotOrdered));
    };
    let RunRecord {
        source_database,
        target_database,
        id,
        ..
    } = &past.record;
    let (from, to) = step.names(source_database, target_database, id);
    let place = step.place(&past.record);
    let began = (around.now)();
    writer.write(
        stamp(around.now),
        Record::step_begin(
            place,
            &format!("Rename {from} to {to}"),
            &rename_line(&past.home, &from, &to),
        ),
    )?;
    let result = rename(&past, step, &from, &to, &around).await;
    let seconds = (around.now)().seconds() - began.seconds();
    let (_, record) = ended(place, result.clone(), seconds);
    writer.write(stamp(around.now), record)?;
    Ok(result)
}

async fn rename(
    past: &AzurePast,
    step: SwapStep,
    from: &str,
    to: &str,
    around: &SwapSurroundings<'_>,
) -> Result<(), AzureFailure> {
    let is_copy = |shown: &AzureDatabase| {
        let copy = past.record.copy.as_ref();
        copy.is_some_and(|(guid, created)| is_that(shown, *guid, created))
    };
    if step == SwapStep::TakeName {
        let shown = database(around.az, &azure::show(&past.home, from), around.cancel).await?;
        if !is_copy(&shown) {
            return Err(AzureFailure::Vanished {
                name: from.to_owned(),
            });
        }
    }
    let Some(command) = azure::rename(&past.home, from, to) else {
        let batch = tsql::instance_rename(from, to);
        let renamed = async {
            let mut connection = around.gateway.connect().await?;
            ask(connection.as_mut(), &batch).await
        };
        return renamed.await.map(|_| ()).map_err(AzureFailure::Server);
    };
    let error = match around.az.call(&command, around.cancel).await {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    if error.leaves_doubt() {
        // The question must be answered even when the user cancelled.
        let asked = azure::show(&past.home, to);
        let shown = database(around.az, &asked, &CancellationToken::new()).await;
        if shown.is_ok_and(|shown| is_copy(&shown) == (step == SwapStep::TakeName)) {
            return Ok(());
        }
    }
    Err(AzureFailure::Az(error))
}

/// Notes how a rename ended of which an earlier stopat heard no answer, as the databases show it now.
pub fn settle_swap(
    past: &AzurePast,
    found: SwapFound,
    now: fn() -> UtcTime,
) -> Result<(), JournalError> {
    let open = past
        .record
        .steps
        .last()
        .filter(|step| step.step >= past.record.first_rename() && step.end.is_none());
    let Some(open) = open else {
        return Ok(());
    };
    let done = match found {
        SwapFound::NotBegun => SwapStep::GiveBack,
        SwapFound::SetAside => SwapStep::SetAside,
        SwapFound::Done => SwapStep::TakeName,
        SwapFound::Gone => return Ok(()),
    };
    let result = if open.step == done.place(&past.record) {
        Ok(())
    } else {
        Err(AzureFailure::NotRenamed)
    };
    let (mut journal, _) = Journal::reopen(&past.record.path)?;
    let (_, record) = ended(open.step, result, 0.0);
    journal.write(stamp(now), record)
}
