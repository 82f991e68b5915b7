//! A restore that Azure carries out: its steps, how far it is, what was found, and the swap of names.

use super::{command_ui, problem_ui};
use crate::{
    azure::HomeKind,
    explain::{self, Problem, ProblemKind, figures},
    run::{AZURE_STEPS, AzureEnd, SwapStep, rename_line},
    state::{Action, AzureAction, AzureRunView, AzureStepView, Dialog, Page, State, Swap},
    ui::{
        empty::paragraph,
        theme::{Palette, card, regular, semibold},
        widgets::{button, danger_button, muted, primary_button, progress, section, small, strong},
    },
    worker::AzureStepOutcome,
};
use egui::{Frame, Label, Margin, RichText, ScrollArea, Ui};

/// The page of the run.
pub fn run_ui(ui: &mut Ui, state: &State, run: &AzureRunView) -> Vec<Action> {
    let mut actions = Vec::new();
    ScrollArea::vertical()
        .auto_shrink([false, false])
        .show(ui, |ui| {
            Frame::new()
                .inner_margin(Margin::symmetric(28, 20))
                .show(ui, |ui| {
                    ui.set_max_width(860.0);
                    ui.spacing_mut().item_spacing.y = 6.0;
                    head_ui(ui, state, run, &mut actions);
                    ui.add_space(10.0);
                    for (title, step) in AZURE_STEPS.iter().zip(&run.steps) {
                        step_ui(ui, run, title, step);
                    }
                    if let Some(end) = run.end {
                        ui.add_space(12.0);
                        end_ui(ui, state, run, end, &mut actions);
                    }
                });
        });
    actions
}

fn head_ui(ui: &mut Ui, state: &State, run: &AzureRunView, actions: &mut Vec<Action>) {
    let title = match run.end {
        None if run.again => format!("Azure restores {} (ordered earlier)", run.new_database),
        None => format!("Azure restores {}", run.new_database),
        Some(_) => run.new_database.clone(),
    };
    strong(ui, title, 21.0);
    let elapsed = match run.end {
        Some(_) => run.seconds,
        None => (state.own.now.seconds() - run.started.seconds()).max(0.0),
    };
    let more = if run.running() {
        " so far; Azure promises no time, 5–15 min is the objective"
    } else {
        ""
    };
    muted(
        ui,
        format!("from {} · {}{more}", run.source, figures::duration(elapsed)),
    );
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        if run.running() && run.deleting {
            // The order may be under way: whether Azure took it is found out first.
            small(ui, "It is being deleted…");
        } else if run.running() {
            if danger_button(ui, "Cancel…").clicked() {
                actions.push(Action::Azure(AzureAction::AskCancel));
            }
            small(
                ui,
                "Azure goes on when stopat is closed; the next start watches it again.",
            );
        } else if button(ui, "Close").clicked() {
            actions.push(Action::Azure(AzureAction::CloseRun));
        }
    });
}

fn step_ui(ui: &mut Ui, run: &AzureRunView, title: &str, step: &AzureStepView) {
    let palette = *Palette::of(ui);
    let (mark, color, right) = match &step.ended {
        Some((seconds, AzureStepOutcome::Done)) => ("✔", palette.log, figures::duration(*seconds)),
        Some((_, AzureStepOutcome::Failed(_))) => ("✖", palette.danger, "failed".to_owned()),
        Some((_, AzureStepOutcome::Cancelled)) => {
            ("–", palette.at_risk, "not watched to its end".to_owned())
        }
        None if step.earlier => ("✔", palette.log, "done before".to_owned()),
        None if step.began && run.running() => ("●", palette.moment, "now".to_owned()),
        None => ("○", palette.faint, String::new()),
    };
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.label(RichText::new(mark).color(color));
            ui.label(
                RichText::new(title)
                    .font(semibold(13.0))
                    .color(palette.text),
            );
            small(ui, right);
        });
        if !step.line.is_empty() {
            ui.add(
                Label::new(
                    RichText::new(&step.line)
                        .font(crate::ui::theme::mono(11.0))
                        .color(palette.muted),
                )
                .wrap()
                .selectable(true),
            );
        }
        let waits = step.began && step.ended.is_none() && run.running();
        if waits && title == AZURE_STEPS[2] {
            let status = run
                .status
                .as_deref()
                .unwrap_or("Azure has taken the order and shows no database yet");
            ui.label(
                RichText::new(status)
                    .font(regular(12.0))
                    .color(palette.text),
            );
            if let Some(percent) = run.percent {
                progress(
                    ui,
                    ui.available_width(),
                    6.0,
                    Some(f32::from(percent) / 100.0),
                    palette.moment,
                );
                small(ui, format!("{percent} % by Azure's own count"));
            }
            if let Some(trouble) = &run.trouble {
                small(ui, format!("{}; asked again", trouble.sentence));
            }
        }
        if let Some((_, AzureStepOutcome::Failed(problem))) = &step.ended {
            problem_ui(ui, problem);
        }
    });
}

fn end_ui(
    ui: &mut Ui,
    state: &State,
    run: &AzureRunView,
    end: AzureEnd,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let color = match end {
        _ if run.deleted => palette.muted,
        AzureEnd::Verified => palette.log,
        AzureEnd::OnlineNotVerified | AzureEnd::GoesOn => palette.at_risk,
        AzureEnd::NotOrdered | AzureEnd::Failed => palette.danger,
    };
    let words = if run.deleted {
        format!("{} was deleted", run.new_database)
    } else {
        explain::azure_end(end, &run.new_database)
    };
    ui.add(Label::new(RichText::new(words).font(semibold(15.0)).color(color)).wrap());
    if let Some(verification) = &run.verification {
        checks_ui(ui, verification);
    }
    let there = matches!(end, AzureEnd::Verified | AzureEnd::OnlineNotVerified);
    if there && !run.deleted {
        swap_ui(ui, state, run, actions);
    }
    let may_delete = !matches!(end, AzureEnd::NotOrdered) && run.swap == Swap::NotBegun;
    if may_delete && !run.deleted {
        ui.add_space(10.0);
        section(ui, "Not needed any more");
        let told_apart = match state.azure.homes.get(&run.server) {
            Some(Ok(home)) if home.kind == HomeKind::ManagedInstance => {
                "the time of its creation is"
            }
            _ => "Azure's own id of it is",
        };
        let words = format!(
            "The new database is deleted only while it is the one that this run made; {told_apart} compared first."
        );
        paragraph(ui, &words);
        if run.deleting {
            small(ui, "It is being deleted…");
        } else if danger_button(ui, &format!("Delete {}…", run.new_database)).clicked() {
            actions.push(Action::ShowDialog(Dialog::AzureDelete));
        }
    }
    ui.add_space(10.0);
    if button(ui, "Back to the timeline").clicked() {
        actions.push(Action::ShowPage(Page::Timeline));
    }
}

fn checks_ui(ui: &mut Ui, verification: &crate::run::Verification) {
    let palette = *Palette::of(ui);
    section(ui, "Checked");
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        egui::Grid::new("azure checks")
            .num_columns(3)
            .spacing([18.0, 4.0])
            .show(ui, |ui| {
                small(ui, "Table");
                small(ui, "Restored");
                small(ui, "Original now");
                ui.end_row();
                for table in &verification.tables {
                    ui.label(&table.table);
                    ui.label(table.rows_copy.map_or("missing".to_owned(), figures::count));
                    ui.label(
                        table
                            .rows_original
                            .map_or("missing".to_owned(), figures::count),
                    );
                    ui.end_row();
                }
            });
        if verification.tables.is_empty() {
            small(ui, "No protected tables are known of this database.");
        }
        if let Some(version) = &verification.schema_version {
            small(ui, format!("Schema {version}"));
        }
    });
}

/// The two renames that put the new database in the place of the old one, each shown before it runs.
fn swap_ui(ui: &mut Ui, state: &State, run: &AzureRunView, actions: &mut Vec<Action>) {
    let Some(Ok(home)) = state.azure.homes.get(&run.server) else {
        return;
    };
    ui.add_space(10.0);
    section(ui, "Put it in the place of the original");
    paragraph(
        ui,
        "Stop the application first: nobody may be connected while names change. Each step is one command, and runs only when you press its button.",
    );
    let done = match run.swap {
        Swap::NotBegun | Swap::SettingAside => 0,
        Swap::SetAside | Swap::Renaming | Swap::GivingBack => 1,
        Swap::Done => 2,
    };
    for (idx, step) in [SwapStep::SetAside, SwapStep::TakeName]
        .into_iter()
        .enumerate()
    {
        let (from, to) = run.names(step);
        strong(ui, format!("{}. Rename {from} to {to}", idx + 1), 13.0);
        command_ui(ui, &rename_line(home, &from, &to));
        if idx < done {
            small(ui, "done");
        } else if idx == done {
            if run.swap.is_under_way() {
                small(ui, "under way…");
            } else if primary_button(ui, &format!("Rename {from}"), 0.0, true).clicked() {
                actions.push(Action::Azure(AzureAction::Swap(step)));
            }
        }
    }
    match run.swap {
        Swap::Done => problem_free(
            ui,
            "The names are swapped. Start the application; users, firewall rules, failover groups and long-term policies of the old database are not those of the new one.",
        ),
        Swap::SetAside => {
            problem_ui(
                ui,
                &Problem {
                    kind: ProblemKind::Yours,
                    sentence: format!("There is no database {} now", run.source),
                    hint: "Go on with the second step, or give the original its name back."
                        .to_owned(),
                    details: Vec::new(),
                },
            );
            let (from, to) = run.names(SwapStep::GiveBack);
            command_ui(ui, &rename_line(home, &from, &to));
            if button(ui, &format!("Give {to} its name back")).clicked() {
                actions.push(Action::Azure(AzureAction::Swap(SwapStep::GiveBack)));
            }
        }
        Swap::NotBegun | Swap::SettingAside | Swap::Renaming | Swap::GivingBack => {}
    }
}

fn problem_free(ui: &mut Ui, text: &str) {
    let palette = *Palette::of(ui);
    ui.add(Label::new(RichText::new(text).color(palette.log)).wrap());
}
