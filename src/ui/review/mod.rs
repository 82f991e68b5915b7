//! The last look before a restore: what it reads and writes, what is lost, what the server says to it, every step with its T-SQL.

mod checks;
mod facts;
mod options;

use self::{
    checks::checks_ui,
    facts::{losses_ui, risks_ui, written_ui},
    options::options_ui,
};
use super::{
    sql_view::sql_ui,
    theme::{Palette, card, mix, mono, regular, semibold},
    widgets::{
        BadgeStyle, badge, button, danger_button, muted, paint_clipped, primary_button, section,
        small, strong,
    },
};
use crate::{
    domain::{BackupType, RestorePlan, Target},
    explain::figures,
    run::{Action as StepAction, Step},
    state::{Action, Page, Review, State},
    tsql::Batch,
};
use egui::{Align, Align2, Label, Layout, RichText, ScrollArea, Sense, Stroke, TextEdit, Ui, vec2};

/// Memory of the page: which step's T-SQL is shown, and a reason that is being typed.
#[derive(Debug, Default)]
pub struct ReviewPage {
    open_step: usize,
    database: String,
    reason: String,
}

impl ReviewPage {
    /// Shows the page.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, review: &Review) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.database != review.database {
            self.database.clone_from(&review.database);
            self.open_step = 0;
            self.reason.clear();
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
        heading_ui(ui, state, review);
        ui.add_space(10.0);
        let foot = if needs_names(state, review) {
            108.0
        } else {
            56.0
        };
        let height = (ui.available_height() - foot).max(80.0);
        // Another moment is another page, which begins at its top; the same one asked again stays where it was.
        ScrollArea::vertical()
            .id_salt((&review.database, review.is_over(), salt_of(review)))
            .max_height(height)
            .auto_shrink([false, false])
            .show(ui, |ui| {
                if review.is_over() {
                    losses_ui(ui, state, review);
                    ui.add_space(14.0);
                }
                section(ui, "Before it starts");
                ui.add_space(4.0);
                checks_ui(ui, review);
                ui.add_space(14.0);
                section(ui, "What is wanted around it");
                ui.add_space(4.0);
                options_ui(ui, state, review, &mut self.reason, actions);
                ui.add_space(14.0);
                section(ui, "What is read and written");
                ui.add_space(4.0);
                written_ui(ui, review);
                ui.add_space(14.0);
                section(
                    ui,
                    &format!("Steps · {}", figures::count(review.steps.len() as u64)),
                );
                ui.add_space(4.0);
                self.steps_ui(ui, review);
                ui.add_space(14.0);
                section(ui, "What could go wrong, and what is done then");
                ui.add_space(4.0);
                risks_ui(ui, review);
            });
        ui.add_space(10.0);
        foot_ui(ui, state, review, actions);
    }

    fn steps_ui(&mut self, ui: &mut Ui, review: &Review) {
        let palette = *Palette::of(ui);
        ui.spacing_mut().item_spacing.y = 1.0;
        for (idx, step) in review.steps.iter().enumerate() {
            let chosen = idx == self.open_step;
            let title = title_of(&review.plan, step);
            let (rect, response) =
                ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
            response.widget_info(|| {
                egui::WidgetInfo::selected(egui::Role::ListItem, true, chosen, title.clone())
            });
            if chosen || response.hovered() || response.has_focus() {
                let fill = if chosen {
                    palette.selected
                } else {
                    mix(palette.background, palette.selected, 0.5)
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
            let right = match step.estimate_secs {
                Some(seconds) => format!("~{}", figures::duration(seconds.max(1.0).round())),
                None => String::new(),
            };
            let right = ui.painter().text(
                rect.right_center() - vec2(8.0, 0.0),
                Align2::RIGHT_CENTER,
                right,
                regular(11.5),
                palette.muted,
            );
            let mut text = rect;
            text.min.x += 38.0;
            text.max.x = right.left() - 8.0;
            paint_clipped(
                ui,
                text,
                Align2::LEFT_CENTER,
                &title,
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
        let Some(step) = review.steps.get(self.open_step).or(review.steps.first()) else {
            return;
        };
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.set_min_height(ui.available_height() - 4.0);
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if button(ui, "Copy all")
                        .on_hover_text("Copy the T-SQL of all steps, to be run by hand")
                        .clicked()
                    {
                        ui.ctx().copy_text(review.script().to_sql());
                    }
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        let what = match &step.action {
                            StepAction::Hook(_) => "program",
                            StepAction::Sql(_) | StepAction::OnServer(_) => "T-SQL",
                            _ => "what it does",
                        };
                        strong(ui, format!("Step {} · {what}", self.open_step + 1), 13.0);
                    });
                });
            });
            small(ui, title_of(&review.plan, step));
            ui.add_space(8.0);
            ScrollArea::vertical()
                .auto_shrink([false, false])
                .show(ui, |ui| step_text_ui(ui, step));
        });
    }
}

/// What a step sends, starts, or does without a text of its own.
fn step_text_ui(ui: &mut Ui, step: &Step) {
    let palette = *Palette::of(ui);
    let words = match &step.action {
        StepAction::Sql(batch) => return sql_ui(ui, &batch.sql),
        StepAction::OnServer(job) => return sql_ui(ui, &job.script.to_sql()),
        StepAction::Hook(hook) => {
            let mut words = format!(
                "{}\n\nends with {} within {}",
                hook.line(),
                hook.expected_exit,
                figures::duration(hook.timeout.as_secs_f64())
            );
            if let Some(folder) = &hook.folder {
                words.push_str(&format!("\nstarts in {}", folder.display()));
            }
            words
        }
        StepAction::ByHand => {
            "You do this, and say Done. The run waits, and sends nothing meanwhile.".to_owned()
        }
        StepAction::LookBefore => "The plan is judged once more by a checker that does not know the planner. \
             The lock of this database is taken, so that no second run comes in between. \
             Everything above is asked again; a difference stops the run before anything is changed."
            .to_owned(),
        StepAction::Verify => "The state of the database is read back, the protected tables are there and counted, \
             the version of the schema is read, owner and users are looked at, the access mode is as before."
            .to_owned(),
    };
    let font = match &step.action {
        StepAction::Hook(_) => mono(11.5),
        _ => regular(13.0),
    };
    ui.add(
        Label::new(RichText::new(words).font(font).color(palette.text))
            .wrap()
            .selectable(true),
    );
}

fn heading_ui(ui: &mut Ui, state: &State, review: &Review) {
    let palette = *Palette::of(ui);
    let moment = match review.plan.target {
        Target::At(moment) => figures::date_time(moment.server),
        Target::Mark(mark) => figures::date_time(mark.at.server),
        Target::Latest => review
            .plan
            .reaches
            .or(review.plan.stop_at)
            .map_or_else(|| "the latest state".to_owned(), figures::date_time),
    };
    let zone = review
        .plan
        .utc_offset
        .map_or_else(|| "server time".to_owned(), figures::zone);
    let production = state.is_production(review.server);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        let words = if review.is_over() {
            format!("Restore {} over the original", review.database)
        } else {
            format!("Restore {} as a copy", review.database)
        };
        let room = (ui.available_width() - if production { 120.0 } else { 0.0 }).max(120.0);
        ui.scope(|ui| {
            ui.set_max_width(room);
            ui.add(
                Label::new(
                    RichText::new(words)
                        .font(semibold(18.0))
                        .color(palette.text),
                )
                .truncate(),
            );
        });
        if production {
            badge(ui, "PRODUCTION", palette.danger, BadgeStyle::Loud);
        }
    });
    let info = state
        .servers
        .get(&review.server)
        .and_then(|view| view.info());
    let server = match info {
        Some(info) if info.name != state.server_name(review.server) => {
            format!("{} ({})", state.server_name(review.server), info.name)
        }
        _ => state.server_name(review.server).to_owned(),
    };
    muted(ui, format!("as it was at {moment}, {zone}, on {server}"));
    if review.source != review.server {
        small(
            ui,
            format!(
                "From the backups of {}, as {} sees their files",
                state.server_name(review.source),
                state.server_name(review.server)
            ),
        );
    }
    if let Some(estimate) = review.plan.estimate {
        let basis = match estimate.basis {
            crate::domain::EstimateBasis::Measured => "as restores were measured on this server",
            crate::domain::EstimateBasis::BackupSpeed => {
                "at the speed at which the backups were written"
            }
        };
        small(
            ui,
            format!(
                "Takes about {}, {basis}",
                figures::duration(estimate.seconds.max(1.0).round())
            ),
        );
    }
}

fn needs_names(state: &State, review: &Review) -> bool {
    review.is_over() || state.is_production(review.server)
}

fn foot_ui(ui: &mut Ui, state: &State, review: &Review, actions: &mut Vec<Action>) {
    if needs_names(state, review) {
        names_ui(ui, state, review, actions);
        ui.add_space(6.0);
    }
    ui.horizontal(|ui| {
        let ready = state.review_may_start(review);
        let why_not = if review.not_asked.is_some() {
            "The server could not be asked; check again".to_owned()
        } else if review.checks.is_none() {
            "The server is still being asked".to_owned()
        } else if !review.checks_allow() {
            "A check refuses; see above".to_owned()
        } else {
            state.names_missing(review).unwrap_or_default()
        };
        let clicked = if review.is_over() {
            let words = format!("Restore over {}", short(&review.plan.database));
            ui.add_enabled_ui(ready, |ui| danger_button(ui, &words))
                .inner
                .on_disabled_hover_text(&why_not)
                .clicked()
        } else {
            primary_button(ui, "Restore the copy", 180.0, ready)
                .on_disabled_hover_text(&why_not)
                .clicked()
        };
        if clicked {
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

/// What tells the page of one moment from that of another.
fn salt_of(review: &Review) -> String {
    match review.plan.target {
        Target::At(moment) => figures::date_time(moment.server),
        Target::Mark(mark) => figures::date_time(mark.at.server),
        Target::Latest => String::new(),
    }
}

/// A name that a button has room for.
fn short(name: &str) -> String {
    if name.chars().count() <= 40 {
        return name.to_owned();
    }
    let begin: String = name.chars().take(38).collect();
    format!("{begin}…")
}

/// The names that have to be typed, as the server itself says them.
fn names_ui(ui: &mut Ui, state: &State, review: &Review, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let line = ui.cursor().top();
    ui.painter().hline(
        ui.max_rect().x_range(),
        line - 6.0,
        Stroke::new(1.0, mix(palette.background, palette.danger, 0.6)),
    );
    let (mut server, mut database) = (review.typed_server.clone(), review.typed_database.clone());
    let name = state
        .servers
        .get(&review.server)
        .and_then(|view| view.info())
        .map_or_else(String::new, |info| info.name.clone());
    // Beside two fields their labels and the words after them have room.
    let width = ((ui.available_width() - 270.0) / 2.0).clamp(100.0, 190.0);
    ui.horizontal(|ui| {
        let field = |ui: &mut Ui, label: &str, value: &mut String, hint: &str| {
            let label = small(ui, label);
            let hint = super::form::hint_text(ui, hint);
            ui.add(
                TextEdit::singleline(value)
                    .font(mono(12.0))
                    .hint_text(hint)
                    .desired_width(width),
            )
            .labelled_by(label.id);
        };
        field(ui, "Server", &mut server, &name);
        if review.is_over() {
            field(ui, "Database", &mut database, &review.plan.database);
        }
        if state.names_missing(review).is_some() {
            small(ui, "type them as they are");
        }
    });
    if server != review.typed_server || database != review.typed_database {
        actions.push(Action::TypeNames { server, database });
    }
}

/// A step as the page lists it.
pub fn title_of(plan: &RestorePlan, step: &Step) -> String {
    step.batch()
        .map_or_else(|| step.title.clone(), |batch| step_title(plan, batch))
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
