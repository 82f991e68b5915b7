//! The last look before a restore: every step, its T-SQL, what is created, and what the server says to it.

use super::{
    empty::paragraph,
    sql_view::sql_ui,
    theme::{Palette, card, regular, semibold},
    widgets::{button, muted, primary_button, section, small, strong},
};
use crate::{
    domain::{BackupType, RestorePlan},
    explain::{figures, preflight},
    run::PreflightVerdict,
    state::{Action, Page, Review, State},
    tsql::Batch,
};
use egui::{Align, Align2, Color32, Label, Layout, RichText, ScrollArea, Sense, Stroke, Ui, vec2};

/// Memory of the page: which step's T-SQL is shown.
#[derive(Debug, Default)]
pub struct ReviewPage {
    open_step: usize,
    generation: u64,
}

impl ReviewPage {
    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, review: &Review) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.generation != review.generation {
            self.generation = review.generation;
            self.open_step = 0;
        }
        let area = ui.available_rect_before_wrap().shrink2(vec2(26.0, 18.0));
        let split = area.left() + (area.width() - 24.0) * 0.56;
        let left = area.with_max_x(split);
        let right = area.with_min_x(split + 24.0);
        ui.scope_builder(egui::UiBuilder::new().max_rect(left), |ui| {
            self.left_ui(ui, state, review, &mut actions);
        });
        ui.scope_builder(egui::UiBuilder::new().max_rect(right), |ui| {
            self.right_ui(ui, review);
        });
        actions
    }

    fn left_ui(&mut self, ui: &mut Ui, state: &State, review: &Review, actions: &mut Vec<Action>) {
        let target = crate::tsql::target_database(&review.plan).to_owned();
        let when = review
            .plan
            .reaches
            .or(review.plan.stop_at)
            .map(figures::date_time);
        let moment = match review.plan.target {
            crate::domain::Target::At(moment) => figures::date_time(moment.server),
            crate::domain::Target::Mark(mark) => figures::date_time(mark.at.server),
            crate::domain::Target::Latest => when.unwrap_or_else(|| "the latest state".to_owned()),
        };
        let zone = review
            .plan
            .utc_offset
            .map_or_else(|| "server time".to_owned(), figures::zone);
        ui.add(
            Label::new(
                RichText::new(format!("Restore {} as a copy", review.database))
                    .font(semibold(18.0))
                    .color(Palette::of(ui).text),
            )
            .truncate(),
        );
        muted(
            ui,
            format!(
                "as it was at {moment}, {zone}, on {}",
                state.server_name(review.server)
            ),
        );
        ui.add_space(10.0);
        let foot = 56.0;
        let height = (ui.available_height() - foot).max(80.0);
        ScrollArea::vertical()
            .max_height(height)
            .auto_shrink([false, false])
            .show(ui, |ui| {
                section(ui, "Before it starts");
                ui.add_space(4.0);
                checks_ui(ui, review);
                ui.add_space(14.0);
                section(ui, "What is created");
                ui.add_space(4.0);
                created_ui(ui, review, &target);
                ui.add_space(14.0);
                section(
                    ui,
                    &format!(
                        "Steps · {}",
                        figures::count(review.script.batches.len() as u64)
                    ),
                );
                ui.add_space(4.0);
                self.steps_ui(ui, review);
            });
        ui.add_space(10.0);
        ui.horizontal(|ui| {
            let ready = review.may_start();
            let words = if review.checks.is_none() {
                "The server is still being asked"
            } else {
                "A check refuses; see above"
            };
            if primary_button(ui, "Restore the copy", 180.0, ready)
                .on_disabled_hover_text(words)
                .clicked()
            {
                actions.push(Action::Restore);
            }
            if button(ui, "Check again").clicked() {
                actions.push(Action::Review);
            }
            if button(ui, "Back to the timeline").clicked() {
                actions.push(Action::ShowPage(Page::Timeline));
            }
        });
    }

    fn steps_ui(&mut self, ui: &mut Ui, review: &Review) {
        let palette = *Palette::of(ui);
        for (idx, batch) in review.script.batches.iter().enumerate() {
            let chosen = idx == self.open_step;
            let (rect, response) =
                ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
            response.widget_info(|| {
                egui::WidgetInfo::selected(
                    egui::Role::ListItem,
                    true,
                    chosen,
                    step_title(&review.plan, batch),
                )
            });
            if chosen || response.hovered() {
                let fill = if chosen {
                    palette.selected
                } else {
                    super::theme::mix(palette.background, palette.selected, 0.5)
                };
                ui.painter().rect_filled(rect, 6, fill);
            }
            ui.painter().text(
                rect.left_center() + vec2(26.0, 0.0),
                Align2::RIGHT_CENTER,
                (idx + 1).to_string(),
                regular(11.5),
                palette.muted,
            );
            let mut text = rect;
            text.min.x += 38.0;
            super::widgets::paint_clipped(
                ui,
                text,
                Align2::LEFT_CENTER,
                &step_title(&review.plan, batch),
                regular(13.0),
                palette.text,
            );
            if response.clicked() {
                self.open_step = idx;
            }
        }
    }

    fn right_ui(&self, ui: &mut Ui, review: &Review) {
        let palette = *Palette::of(ui);
        let Some(batch) = review.script.batches.get(self.open_step) else {
            return;
        };
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.set_min_height(ui.available_height() - 4.0);
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if button(ui, "Copy all")
                        .on_hover_text("Copy the whole script, to be run by hand")
                        .clicked()
                    {
                        ui.ctx().copy_text(review.script.to_sql());
                    }
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        strong(ui, format!("T-SQL of step {}", self.open_step + 1), 13.0);
                    });
                });
            });
            small(ui, step_title(&review.plan, batch));
            ui.add_space(8.0);
            ScrollArea::vertical()
                .auto_shrink([false, false])
                .show(ui, |ui| sql_ui(ui, &batch.sql));
        });
    }
}

fn checks_ui(ui: &mut Ui, review: &Review) {
    let palette = *Palette::of(ui);
    let Some(checks) = &review.checks else {
        paragraph(ui, "Asking the server: name, space, files, version…");
        return;
    };
    for check in checks {
        let words = preflight(check);
        let (word, color) = match check.verdict {
            PreflightVerdict::Good => ("good", palette.log),
            PreflightVerdict::Warning => ("mind", palette.at_risk),
            PreflightVerdict::Refused => ("stops", palette.danger),
            PreflightVerdict::Unknown => ("not told", palette.muted),
        };
        ui.horizontal_top(|ui| {
            verdict_mark(ui, check.verdict, color, word);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                ui.add(
                    Label::new(
                        RichText::new(words.title)
                            .font(semibold(13.0))
                            .color(palette.text),
                    )
                    .wrap(),
                );
                for line in [&words.detail, &words.hint] {
                    if !line.is_empty() {
                        ui.add(
                            Label::new(
                                RichText::new(line).font(regular(11.5)).color(palette.muted),
                            )
                            .wrap(),
                        );
                    }
                }
            });
        });
        ui.add_space(3.0);
    }
}

/// A sign for a verdict, a word for screen readers.
fn verdict_mark(ui: &mut Ui, verdict: PreflightVerdict, color: Color32, word: &str) {
    let (rect, response) = ui.allocate_exact_size(vec2(22.0, 18.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, word));
    let c = rect.left_center() + vec2(8.0, 0.0);
    let painter = ui.painter();
    let stroke = Stroke::new(1.8, color);
    match verdict {
        PreflightVerdict::Good => {
            painter.line_segment([c + vec2(-4.5, 0.5), c + vec2(-1.5, 3.5)], stroke);
            painter.line_segment([c + vec2(-1.5, 3.5), c + vec2(5.0, -3.5)], stroke);
        }
        PreflightVerdict::Warning => {
            painter.text(c, Align2::CENTER_CENTER, "!", semibold(14.0), color);
        }
        PreflightVerdict::Refused => {
            painter.line_segment([c + vec2(-4.0, -4.0), c + vec2(4.0, 4.0)], stroke);
            painter.line_segment([c + vec2(-4.0, 4.0), c + vec2(4.0, -4.0)], stroke);
        }
        PreflightVerdict::Unknown => {
            painter.text(c, Align2::CENTER_CENTER, "?", semibold(13.0), color);
        }
    }
}

fn created_ui(ui: &mut Ui, review: &Review, target: &str) {
    let palette = *Palette::of(ui);
    let line = |ui: &mut Ui, left: &str, right: &str| {
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{left}, {right}"))
        });
        let words = ui.painter().text(
            rect.right_center(),
            Align2::RIGHT_CENTER,
            right,
            regular(11.5),
            palette.muted,
        );
        let mut room = rect;
        room.set_right(words.left() - 10.0);
        super::widgets::paint_clipped(
            ui,
            room,
            Align2::LEFT_CENTER,
            left,
            super::theme::mono(11.5),
            palette.text,
        );
    };
    line(ui, target, "a new database");
    for file in &review.plan.moves {
        let size = file
            .file_size
            .map_or_else(|| "size unknown".to_owned(), figures::size);
        line(ui, &file.to, &size);
    }
}

/// What a step is called: sets of the plan by kind and time, everything else as its script says.
pub fn step_title(plan: &RestorePlan, batch: &Batch) -> String {
    let step = match &batch.purpose {
        crate::tsql::Purpose::RestoreSet { step } => plan.steps.get(*step),
        _ => None,
    };
    match step {
        Some(step) => {
            let word = match step.backup_type {
                BackupType::Full => "Restore the full backup",
                BackupType::Differential => "Apply the differential",
                _ => "Apply the log",
            };
            format!("{word} of {}", figures::short_date_time(step.finish))
        }
        None => batch.title.clone(),
    }
}
