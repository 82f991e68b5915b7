//! Every record of a journal as it stands on the disk.

use super::{
    super::{
        theme::{Palette, mono},
        widgets::{button, small, strong},
    },
    journal_time,
};
use crate::{
    explain::{figures, owed},
    run::{Entry, Record},
    state::{Action, ActivityAction, OpenJournal, State},
};
use egui::{Label, RichText, ScrollArea, Ui};

/// Shows the records, one below the other.
pub fn journal_ui(ui: &mut Ui, state: &State, journal: &OpenJournal, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    strong(ui, format!("Journal of {}", journal.run.0), 18.0);
    ui.add(
        Label::new(
            RichText::new(journal.file.display().to_string())
                .font(mono(11.5))
                .color(palette.muted),
        )
        .wrap()
        .selectable(true),
    );
    small(
        ui,
        format!(
            "{}; each line holds the hash of the one before, and all of them agree",
            figures::counted(journal.entries.len() as u64, "record", "records")
        ),
    );
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        if button(ui, "Back to the list").clicked() {
            actions.push(Action::Activity(ActivityAction::CloseJournal));
        }
        if button(ui, "Copy its path").clicked() {
            ui.ctx().copy_text(journal.file.display().to_string());
        }
    });
    ui.add_space(8.0);
    ScrollArea::both()
        .auto_shrink([false, false])
        .show(ui, |ui| {
            for entry in journal.entries.iter() {
                ui.add(
                    Label::new(
                        RichText::new(line(state, entry))
                            .font(mono(11.5))
                            .color(palette.text),
                    )
                    .selectable(true),
                );
            }
        });
}

fn line(state: &State, entry: &Entry) -> String {
    let at = journal_time(state, &entry.at);
    format!("{:>4}  {at}  {}", entry.sequence, words(&entry.record))
}

/// A record in one line; what is long stands in the detail of the run.
fn words(record: &Record) -> String {
    match record {
        Record::Begin { steps, .. } => format!(
            "the run begins, with {}",
            figures::counted(steps.len() as u64, "step", "steps")
        ),
        Record::StepBegin { step, title, .. } => format!("step {} begins: {title}", step + 1),
        Record::StepEnd {
            step,
            outcome,
            seconds,
            words,
            ..
        } => {
            let mut text = format!(
                "step {} ends: {}, {}",
                step + 1,
                outcome.replace('_', " "),
                figures::duration(*seconds)
            );
            if let Some(first) = words.first() {
                text.push_str(&format!(" · {first}"));
            }
            text
        }
        Record::CopyCreated {
            database,
            database_guid,
            ..
        } => format!("{database} was created, with the identity {database_guid}"),
        Record::End { end, state } => format!("the run ends: {}; {state}", end.replace('_', " ")),
        Record::CopyDropped { database } => format!("{database} was dropped"),
        Record::FileDeleted { file, .. } => format!("{file} is gone"),
        Record::Plan { .. } => "the plan, with everything that is needed to go on".to_owned(),
        Record::ServerClock { server_time } => {
            format!("the server's clock shows {}", server_time.replace('T', " "))
        }
        Record::Before { .. } => "what was there before, as it is told apart".to_owned(),
        Record::Unheard { step } => format!("step {} ends without an answer", step + 1),
        Record::TailSaved { file } => format!("the tail is safe in {file}"),
        Record::Owed { owed: thing } => format!("owed: {}", owed(thing)),
        Record::Settled { owed: thing } => format!("put back: {}", owed(thing)),
        Record::Waits { step, .. } => format!("step {} waits for an answer", step + 1),
        Record::Resumed { how, state, .. } => {
            format!("the run goes on: {}; {state}", how.replace(['_', '-'], " "))
        }
        Record::ServerJob { name, .. } => format!("Agent runs the restores as the job {name}"),
        Record::Verified { .. } => "what was found after the restore".to_owned(),
        Record::AzureOrder {
            resource_group,
            server,
            new_database,
            ..
        } => format!("Azure is to make {new_database} on {server} in {resource_group}"),
        Record::DrillBegun { drill } => format!(
            "a drill of the {} moment, whose restore is the run {}",
            drill.chosen, drill.restore_run
        ),
        Record::CopyBegun {
            database,
            create_date,
        } => format!("{database} is there since {create_date}"),
        Record::DrillMeasured { result } => format!(
            "measured: {}, {}",
            figures::duration(result.seconds),
            if result.verified {
                "verified"
            } else {
                "not verified"
            }
        ),
        Record::Rehearsed { rehearsal } => format!(
            "a rehearsal of {} from the incident on",
            figures::duration(rehearsal.seconds())
        ),
        Record::Unknown => "a record of a later version".to_owned(),
    }
}
