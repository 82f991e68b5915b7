//! The swap of names after a restore: each rename is journaled, and how far it is the databases say.

use super::{
    faults::{Closed, Ran, now, ran, yesterday},
    stand_in::StandIn,
};
use std::path::PathBuf;
use stopat::{
    azure::{self, Az, AzureDatabase, Home},
    run::{
        AzureEnd, AzureFailure, AzurePast, Journal, Record, SwapFound, SwapStep, SwapSurroundings,
        half_swapped_restores, journal_path, read_azure_restore, read_journal, rename_line,
        run_swap_step, settle_swap, unfinished_azure_restores,
    },
};
use tokio_util::sync::CancellationToken;

/// A restore that ended, and whoever renames.
struct Restored {
    stand_in: StandIn,
    az: Az,
    ran: Ran,
    journal: PathBuf,
}

impl Restored {
    async fn new() -> Self {
        let stand_in = StandIn::new(None);
        let ran = ran(&stand_in, &CancellationToken::new(), yesterday()).await;
        assert_eq!(ran.report.end, AzureEnd::OnlineNotVerified);
        Self {
            az: stand_in.az().await,
            journal: journal_path(ran.workspace.path(), &ran.report.id),
            stand_in,
            ran,
        }
    }

    async fn step(&self, step: SwapStep) -> Result<(), AzureFailure> {
        let around = SwapSurroundings {
            az: &self.az,
            gateway: &Closed,
            cancel: &CancellationToken::new(),
            now,
        };
        run_swap_step(&self.journal, step, around)
            .await
            .expect("the journal is kept")
    }

    fn past(&self) -> AzurePast {
        read_azure_restore(&self.journal)
            .expect("readable")
            .expect("a restore by Azure")
    }

    async fn databases(&self) -> Vec<AzureDatabase> {
        let command = azure::list(&Home::server("myRG", "myserver"));
        let answer = self.az.run(&command, &CancellationToken::new()).await;
        azure::parse_databases(&answer.expect("it answers")).expect("readable")
    }

    async fn found(&self) -> SwapFound {
        self.past().found(&self.databases().await)
    }

    fn runs(&self) -> PathBuf {
        self.ran.workspace.path().join("runs")
    }

    /// Title and outcome of what followed the restore.
    fn renames(&self) -> Vec<(String, Option<String>)> {
        let steps = self.past().record.steps;
        steps
            .iter()
            .skip(4)
            .map(|step| {
                let outcome = step.end.as_ref().map(|end| end.outcome.clone());
                (step.title.clone(), outcome)
            })
            .collect()
    }
}

const ASIDE: &str = "OctopusAI_before_20261122_062812";

fn done(title: &str) -> (String, Option<String>) {
    (title.to_owned(), Some("done".to_owned()))
}

#[tokio::test]
async fn each_rename_is_noted_before_and_after_and_the_run_stays_ended() {
    let restored = Restored::new().await;
    assert_eq!(restored.found().await, SwapFound::NotBegun);
    let ended_at = restored.past().record.ended_at;
    assert!(ended_at.is_some());

    assert_eq!(restored.step(SwapStep::SetAside).await, Ok(()));
    assert_eq!(restored.found().await, SwapFound::SetAside);
    assert!(restored.past().record.is_half_swapped());
    assert_eq!(half_swapped_restores(&restored.runs()).len(), 1);

    // Back, and once more.
    assert_eq!(restored.step(SwapStep::GiveBack).await, Ok(()));
    assert_eq!(restored.found().await, SwapFound::NotBegun);
    assert!(half_swapped_restores(&restored.runs()).is_empty());
    assert_eq!(restored.step(SwapStep::SetAside).await, Ok(()));

    assert_eq!(restored.step(SwapStep::TakeName).await, Ok(()));
    assert_eq!(restored.found().await, SwapFound::Done);
    assert!(half_swapped_restores(&restored.runs()).is_empty());
    assert!(
        unfinished_azure_restores(&restored.runs()).is_empty(),
        "nothing goes on at Azure"
    );
    assert_eq!(
        restored.renames(),
        [
            done(&format!("Rename OctopusAI to {ASIDE}")),
            done(&format!("Rename {ASIDE} to OctopusAI")),
            done(&format!("Rename OctopusAI to {ASIDE}")),
            done("Rename OctopusAI_new to OctopusAI"),
        ]
    );
    let past = restored.past();
    assert_eq!(past.record.ended_at, ended_at, "it took no longer for it");
    assert_eq!(past.end(), Some(AzureEnd::OnlineNotVerified));
    let sent = &past.record.steps.last().expect("steps").sql;
    assert_eq!(
        *sent,
        rename_line(
            &Home::server("myRG", "myserver"),
            "OctopusAI_new",
            "OctopusAI"
        )
    );
    assert!(
        restored
            .stand_in
            .calls()
            .iter()
            .any(|call| format!("az {call}") == *sent)
    );
}

#[tokio::test]
async fn only_the_database_that_the_run_made_takes_the_name() {
    let restored = Restored::new().await;
    assert_eq!(restored.step(SwapStep::SetAside).await, Ok(()));
    restored.stand_in.change(|world| {
        world["databases"][1]["id"] = "99999999-9999-9999-9999-999999999999".into();
    });
    let refused = restored.step(SwapStep::TakeName).await;
    assert!(
        matches!(refused, Err(AzureFailure::Vanished { .. })),
        "{refused:?}"
    );
    assert_eq!(restored.found().await, SwapFound::Gone);
    assert_eq!(
        restored.renames().last().expect("two").1.as_deref(),
        Some("failed")
    );
    // The original is still set aside, which somebody has to know.
    assert!(restored.past().record.is_half_swapped());
}

#[cfg(unix)]
#[tokio::test]
async fn a_rename_whose_answer_got_lost_is_looked_for() {
    let restored = Restored::new().await;
    for step in [SwapStep::SetAside, SwapStep::TakeName] {
        restored.stand_in.fault("sql db rename", "killed", 1);
        assert_eq!(restored.step(step).await, Ok(()), "{step:?}");
    }
    assert_eq!(restored.found().await, SwapFound::Done);
    for fault in ["conflict", "throttled", "logged_out"] {
        let other = Restored::new().await;
        other.stand_in.fault("sql db rename", fault, 1);
        let refused = other.step(SwapStep::SetAside).await;
        assert!(matches!(refused, Err(AzureFailure::Az(_))), "{fault}");
        assert_eq!(other.found().await, SwapFound::NotBegun, "{fault}");
        assert!(half_swapped_restores(&other.runs()).is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn after_a_crash_the_databases_say_how_a_rename_ended() {
    for (renamed, outcome) in [(true, "done"), (false, "failed")] {
        let restored = Restored::new().await;
        // As a process leaves it that ended while it waited for the answer.
        let (mut journal, _) = Journal::reopen(&restored.journal).expect("free");
        journal
            .write(
                "2026-11-28T18:00:00.000Z".to_owned(),
                Record::step_begin(4, "Rename OctopusAI", "az sql db rename"),
            )
            .expect("writable");
        drop(journal);
        if renamed {
            let aside = ASIDE.to_owned();
            restored
                .stand_in
                .change(|world| world["databases"][0]["name"] = aside.into());
        }
        assert_eq!(half_swapped_restores(&restored.runs()).len(), 1);
        let past = restored.past();
        let found = past.found(&restored.databases().await);
        settle_swap(&past, found, now).expect("the journal is kept");
        assert_eq!(restored.renames()[0].1.as_deref(), Some(outcome));
        assert_eq!(
            half_swapped_restores(&restored.runs()).len(),
            usize::from(renamed)
        );
    }
}

#[tokio::test]
async fn a_step_more_in_a_restore_is_no_rename() {
    let mut restored = Restored::new().await;
    // As a version writes it that looks at one thing more, and was interrupted there.
    let longer = restored.runs().join("longer.jsonl");
    let mut journal = Journal::create(&longer).expect("free");
    let more = "Check its consistency".to_owned();
    for entry in read_journal(&restored.journal).expect("readable").entries {
        let mut record = entry.record;
        match &mut record {
            Record::Begin { steps, .. } => steps.push(more.clone()),
            Record::End { .. } => journal
                .write(entry.at.clone(), Record::step_begin(4, &more, "DBCC"))
                .expect("writable"),
            _ => {}
        }
        journal.write(entry.at, record).expect("writable");
    }
    drop(journal);
    restored.journal = longer;

    assert!(half_swapped_restores(&restored.runs()).is_empty());
    assert_eq!(restored.step(SwapStep::SetAside).await, Ok(()));
    let record = restored.past().record;
    assert_eq!(record.steps.last().map(|step| step.step), Some(5));
    assert!(record.is_half_swapped());
    assert_eq!(half_swapped_restores(&restored.runs()).len(), 1);
    assert_eq!(restored.step(SwapStep::TakeName).await, Ok(()));
    assert!(half_swapped_restores(&restored.runs()).is_empty());
}
