//! One run from its journal: who, when, every step with what was sent and what came back.

use super::{
    super::{
        empty::paragraph,
        marks::{Mark, paint_mark},
        sql_view::sql_ui,
        theme::{Palette, card, mono, regular, semibold},
        widgets::{button, danger_button, paint_clipped, section, small},
    },
    journal_time, run_mark, run_seconds, run_words,
    standing::standing_ui,
};
use crate::{
    explain::{figures, run_title},
    run::{RecordedStep, RunId, RunKind, RunRecord},
    state::{Action, ActivityAction, AzureAction, Dialog, State},
    worker::ReportFormat,
};
use egui::{Align2, Grid, Label, RichText, ScrollArea, Sense, Stroke, Ui, pos2, vec2};

/// Memory of the detail: which step is open.
#[derive(Debug, Default)]
pub struct RunDetail {
    run: Option<RunId>,
    open: Option<usize>,
    /// Another moment, while it is typed.
    typed: String,
}

impl RunDetail {
    /// Shows a run.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, run: &RunRecord, actions: &mut Vec<Action>) {
        if self.run.as_ref() != Some(&run.id) {
            self.run = Some(run.id.clone());
            self.typed.clear();
            // The step that tells most is open from the start.
            self.open = run.steps.iter().rposition(|step| {
                step.end
                    .as_ref()
                    .is_some_and(|end| matches!(end.outcome.as_str(), "failed" | "cancelled"))
            });
        }
        let palette = *Palette::of(ui);
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.set_min_height(ui.available_height() - 4.0);
            ui.add(
                Label::new(
                    RichText::new(run_title(run))
                        .font(semibold(15.0))
                        .color(palette.text),
                )
                .wrap(),
            );
            let mark = run_mark(state, run);
            ui.add(
                Label::new(
                    RichText::new(capital(&run_words(state, run)))
                        .font(semibold(12.5))
                        .color(mark.color(&palette)),
                )
                .wrap(),
            );
            ui.add_space(6.0);
            facts_ui(ui, state, run);
            ui.add_space(6.0);
            standing_ui(ui, state, run, &mut self.typed, actions);
            buttons_ui(ui, state, run, actions);
            ui.add_space(8.0);
            section(ui, "Steps");
            ui.add_space(2.0);
            ScrollArea::vertical()
                .auto_shrink([false, false])
                .show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 1.0;
                    for (idx, step) in run.steps.iter().enumerate() {
                        self.step_ui(ui, state, run, idx, step);
                    }
                    let reached = run.steps.iter().map(|step| step.step + 1).max();
                    for (number, title) in run.titles.iter().enumerate().skip(reached.unwrap_or(0))
                    {
                        left_ui(ui, number, title);
                    }
                });
        });
    }

    fn step_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        run: &RunRecord,
        idx: usize,
        step: &RecordedStep,
    ) {
        let palette = *Palette::of(ui);
        let mark = step_mark(state, run, step);
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
        let open = self.open == Some(idx);
        response.widget_info(|| {
            egui::WidgetInfo::selected(
                egui::Role::ListItem,
                true,
                open,
                format!("{}, {}", step.title, mark.word()),
            )
        });
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect, 6, palette.selected);
        }
        paint_mark(ui, pos2(rect.left() + 12.0, rect.center().y), 8.0, mark);
        let took = step
            .end
            .as_ref()
            .map_or_else(String::new, |end| figures::duration(end.seconds));
        let right = ui.painter().text(
            rect.right_center() - vec2(6.0, 0.0),
            Align2::RIGHT_CENTER,
            took,
            regular(11.5),
            palette.muted,
        );
        let mut room = rect;
        room.min.x += 30.0;
        room.max.x = right.left() - 10.0;
        paint_clipped(
            ui,
            room,
            Align2::LEFT_CENTER,
            &step.title,
            regular(13.0),
            palette.text,
        );
        if response.clicked() {
            self.open = if open { None } else { Some(idx) };
        }
        if open {
            ui.horizontal(|ui| {
                ui.add_space(26.0);
                ui.vertical(|ui| opened_ui(ui, state, step));
            });
            ui.add_space(6.0);
        }
    }
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

fn step_mark(state: &State, run: &RunRecord, step: &RecordedStep) -> Mark {
    match &step.end {
        Some(end) => Mark::of_word(&end.outcome),
        None if state.runs_here(&run.id) => Mark::Running,
        None => Mark::Halted,
    }
}

/// A step that was never begun.
fn left_ui(ui: &mut Ui, number: usize, title: &str) {
    let palette = *Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::ListItem, true, format!("{title}, not reached"))
    });
    paint_mark(
        ui,
        pos2(rect.left() + 12.0, rect.center().y),
        8.0,
        Mark::Waiting(number + 1),
    );
    let mut room = rect;
    room.min.x += 30.0;
    paint_clipped(
        ui,
        room,
        Align2::LEFT_CENTER,
        title,
        regular(13.0),
        palette.muted,
    );
}

fn opened_ui(ui: &mut Ui, state: &State, step: &RecordedStep) {
    let palette = *Palette::of(ui);
    small(ui, format!("Began {}", journal_time(state, &step.began_at)));
    let Some(ended) = &step.end else {
        paragraph(ui, "Its end is not in the journal.");
        text_ui(ui, &step.sql);
        return;
    };
    if let Some(exit) = ended.facts.exit_code {
        small(ui, format!("Exit code {exit}"));
    }
    if let Some(bytes) = ended.facts.bytes {
        small(ui, format!("{} on the media", figures::size(bytes)));
    }
    for (idx, words) in ended.words.iter().enumerate() {
        let color = if idx == 0 {
            Mark::of_word(&ended.outcome).color(&palette)
        } else {
            palette.muted
        };
        ui.add(
            Label::new(RichText::new(words).font(regular(12.0)).color(color))
                .wrap()
                .selectable(true),
        );
    }
    text_ui(ui, &step.sql);
    for message in &ended.messages {
        ui.add(
            Label::new(RichText::new(message).font(mono(11.0)).color(palette.muted))
                .wrap()
                .selectable(true),
        );
    }
}

fn text_ui(ui: &mut Ui, text: &str) {
    if text.is_empty() {
        return;
    }
    ui.add_space(2.0);
    sql_ui(ui, text);
    if button(ui, "Copy").clicked() {
        ui.ctx().copy_text(text.to_owned());
    }
    ui.add_space(2.0);
}

/// A moment, or the place that a backup of somebody's own lies in.
fn target_of(run: &RunRecord) -> (&'static str, String) {
    let is_time = run
        .target
        .get(..4)
        .is_some_and(|year| year.parse::<u16>().is_ok());
    if is_time || run.target.eq_ignore_ascii_case("latest") {
        ("To the moment", run.target.replace('T', " "))
    } else if run.kind == RunKind::Backup {
        ("To", run.target.clone())
    } else {
        ("From", run.target.clone())
    }
}

fn facts_ui(ui: &mut Ui, state: &State, run: &RunRecord) {
    let palette = *Palette::of(ui);
    let by = [&run.who.user, &run.who.host]
        .into_iter()
        .flatten()
        .cloned()
        .collect::<Vec<_>>()
        .join(" on ");
    let by = match (&run.who.login, by.is_empty()) {
        (Some(login), false) => format!("{by}, as {login}"),
        (Some(login), true) => login.clone(),
        (None, _) => by,
    };
    let facts = [
        ("Server", run.server.clone()),
        target_of(run),
        ("Began", journal_time(state, &run.began_at)),
        ("Took", figures::duration(run_seconds(state, run))),
        ("By", by),
        (
            "Ended as",
            run.end
                .as_ref()
                .map_or_else(String::new, |(_, state)| state.clone()),
        ),
        ("Run", run.id.0.clone()),
    ];
    ui.spacing_mut().interact_size.y = 16.0;
    Grid::new("facts of a run")
        .num_columns(2)
        .spacing([18.0, 3.0])
        .show(ui, |ui| {
            for (name, value) in facts {
                if value.is_empty() {
                    continue;
                }
                small(ui, name);
                ui.add(
                    Label::new(RichText::new(value).font(regular(12.0)).color(palette.text))
                        .wrap()
                        .selectable(true),
                );
                ui.end_row();
            }
        });
    if run.torn {
        small(
            ui,
            "The last line of the journal was torn when the machine stopped; it is left out.",
        );
    }
    ui.painter().hline(
        ui.max_rect().x_range(),
        ui.cursor().top() + 2.0,
        Stroke::new(1.0, palette.line),
    );
}

fn buttons_ui(ui: &mut Ui, state: &State, run: &RunRecord, actions: &mut Vec<Action>) {
    ui.spacing_mut().interact_size.y = 28.0;
    ui.horizontal_wrapped(|ui| {
        if button(ui, "Open the journal").clicked() {
            actions.push(Action::Activity(ActivityAction::OpenJournal(
                run.id.clone(),
            )));
        }
        for (words, format) in [
            ("Save the report…", ReportFormat::Html),
            ("As JSON…", ReportFormat::Json),
        ] {
            if button(ui, words).clicked() {
                actions.push(Action::Activity(ActivityAction::SaveReport(
                    run.id.clone(),
                    format,
                )));
            }
        }
        let copy = run.copy.as_ref().filter(|_| !run.copy_dropped);
        let server = state.server_of(run);
        if let (Some(_), Some(server), RunKind::AzureRestore) = (copy, server, run.kind)
            && run.end.is_some()
            && state.is_connected(server)
            && button(ui, "Open it again")
                .on_hover_text("Shows what was checked, and the swap of names")
                .clicked()
        {
            let run = run.id.clone();
            actions.push(Action::Azure(AzureAction::OpenRun { server, run }));
        }
        if let (Some(_), Some(server)) = (copy, server)
            && run.end.is_some()
            && danger_button(ui, "Drop the copy…").clicked()
        {
            actions.push(Action::ShowDialog(Dialog::DropListedCopy {
                server,
                run: run.id.clone(),
            }));
        }
    });
}
