//! The plan beside the timeline: where to, how long, step by step, under which name.

use super::{
    destination::{destination_ui, go_on_ui},
    empty::paragraph,
    plan_steps::steps_ui,
    plan_ways::{PlanWays, aim_words, losses_ui, what_if_ui},
    shortcuts,
    sql_view::sql_ui,
    theme::{Palette, card, mix, mono, regular, size},
    widgets::{button, link, muted, primary_button, section, small, strong, tall_button},
};
use crate::{
    domain::{
        Estimate, EstimateBasis, Finding, Moment, Refusal, RestorePlan, Severity, Target, check,
        rejected,
    },
    explain::{self, figures},
    state::{Action, Command, DatabaseView, PlanState, PlanningAction, State},
    worker::ServerId,
};
use egui::{Align, Frame, Label, Layout, Margin, RichText, ScrollArea, Stroke, TextEdit, Ui};

/// Memory of the panel: whether the left-out sets are shown, and which they were.
#[derive(Debug, Default)]
pub struct PlanPanel {
    left_out_open: bool,
    left_out: Option<LeftOut>,
    sql: Option<(RestorePlan, String)>,
    ways: PlanWays,
    /// What the checker says of a plan, and of which.
    findings: Option<(RestorePlan, Vec<Finding>)>,
}

/// The sets that have no part in a plan.
#[derive(Debug)]
struct LeftOut {
    generation: u64,
    moment: Option<Moment>,
    /// What it is, and why it is left out.
    lines: Vec<(String, String)>,
    total: usize,
}

/// A panel that scrolls above a foot which stays in sight.
pub(super) fn panel_above_foot(
    ui: &mut Ui,
    actions: &mut Vec<Action>,
    body_ui: impl FnOnce(&mut Ui, &mut Vec<Action>),
    foot_ui: impl FnOnce(&mut Ui, &mut Vec<Action>),
) {
    const FOOT: f32 = 64.0;
    let palette = *Palette::of(ui);
    let mut body = ui.available_rect_before_wrap();
    let foot = body.split_top_bottom_at_y(body.bottom() - FOOT).1;
    body.set_bottom(foot.top());
    ui.scope_builder(egui::UiBuilder::new().max_rect(body), |ui| {
        ScrollArea::vertical()
            .auto_shrink([false, false])
            .show(ui, |ui| {
                Frame::new()
                    .inner_margin(Margin::same(size::PADDING as i8))
                    .show(ui, |ui| {
                        ui.set_width(ui.available_width());
                        ui.spacing_mut().item_spacing.y = 4.0;
                        body_ui(ui, actions);
                    });
            });
    });
    ui.painter()
        .hline(foot.x_range(), foot.top(), Stroke::new(1.0, palette.line));
    ui.scope_builder(
        egui::UiBuilder::new()
            .max_rect(foot.shrink(size::PADDING))
            .layout(Layout::right_to_left(Align::Center)),
        |ui| foot_ui(ui, actions),
    );
}

impl PlanPanel {
    /// Shows the panel for the selected database.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, database: &DatabaseView) -> Vec<Action> {
        let mut actions = Vec::new();
        panel_above_foot(
            ui,
            &mut actions,
            |ui, actions| {
                target_ui(ui, state, database, actions);
                ui.add_space(8.0);
                what_if_ui(ui, state, database, actions);
                go_on_ui(ui, state, database, actions);
                self.answer_ui(ui, state, database, actions);
            },
            |ui, actions| foot_ui(ui, state, actions),
        );
        actions
    }

    fn answer_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        database: &DatabaseView,
        actions: &mut Vec<Action>,
    ) {
        match &state.plan {
            PlanState::NoMarker => paragraph(
                ui,
                "Click into the timeline to choose the moment, or type it above.",
            ),
            PlanState::Refused(refusal) => refusal_ui(ui, state, database, refusal, actions),
            PlanState::Planned(plan) => {
                cards_ui(ui, state, database, plan);
                ui.add_space(12.0);
                if state.show_sql {
                    self.sql_ui(ui, state, plan, actions);
                } else {
                    steps_ui(ui, plan);
                    notes_ui(ui, plan);
                    self.findings_ui(ui, database, plan);
                    self.ways.ways_ui(ui, state, database, plan, actions);
                    self.left_out_ui(ui, state, database, plan);
                    losses_ui(ui, state, database, actions);
                }
                ui.add_space(14.0);
                destination_ui(ui, state, database, plan, actions);
            }
        }
    }

    fn sql_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        plan: &RestorePlan,
        actions: &mut Vec<Action>,
    ) {
        if self.sql.as_ref().is_none_or(|(old, _)| old != plan) {
            self.sql = Some((plan.clone(), state.script(plan).to_sql()));
        }
        ui.horizontal(|ui| {
            section(ui, "T-SQL of this plan");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                for command in [Command::SaveSql, Command::CopySql] {
                    if button(ui, command.text())
                        .on_hover_text(shortcuts::tooltip(command))
                        .clicked()
                    {
                        actions.push(Action::Run(command));
                    }
                }
            });
        });
        if let Some((_, text)) = &self.sql {
            card(Palette::of(ui)).show(ui, |ui| {
                ui.set_width(ui.available_width());
                sql_ui(ui, text);
            });
        }
    }

    /// What the checker found, unless the marker is still moving: a plan is judged for itself.
    fn findings_ui(&mut self, ui: &mut Ui, database: &DatabaseView, plan: &RestorePlan) {
        let known = self
            .findings
            .as_ref()
            .is_some_and(|(known, _)| known == plan);
        if !known {
            if ui.input(|input| input.pointer.is_decidedly_dragging()) {
                return;
            }
            self.findings = Some((plan.clone(), check(plan, &database.history)));
        }
        let Some((_, findings)) = &self.findings else {
            return;
        };
        let palette = *Palette::of(ui);
        for finding in findings
            .iter()
            .filter(|finding| finding.severity > Severity::Notice)
            .take(4)
        {
            let (word, color) = match finding.severity {
                Severity::Error => ("Error", palette.danger),
                Severity::Warning | Severity::Notice => ("Warning", palette.at_risk),
            };
            ui.add_space(4.0);
            ui.add(
                Label::new(
                    RichText::new(format!("{word}: {}", explain::finding(finding)))
                        .font(regular(11.5))
                        .color(color),
                )
                .wrap(),
            );
        }
    }

    fn left_out_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        database: &DatabaseView,
        plan: &RestorePlan,
    ) {
        ui.add_space(4.0);
        let words = if self.left_out_open {
            "Hide what is left out"
        } else {
            "What is left out, and why…"
        };
        if link(ui, words).clicked() {
            self.left_out_open = !self.left_out_open;
        }
        if !self.left_out_open {
            return;
        }
        let key = (state.generation, state.choice.moment);
        if self
            .left_out
            .as_ref()
            .is_none_or(|left_out| (left_out.generation, left_out.moment) != key)
        {
            let Some(request) = state.request() else {
                return;
            };
            let (sets, total) = rejected(&database.history, &request, plan, 20);
            let lines = sets
                .into_iter()
                .filter_map(|set| {
                    let known = database.history.set_by_uuid(set.backup_set_uuid)?;
                    let mut title = explain::set_name(known);
                    if let Some(rest) = title.strip_prefix("the ") {
                        title = rest.to_owned();
                    }
                    Some((title, explain::skip_reason(set.reason)))
                })
                .collect();
            self.left_out = Some(LeftOut {
                generation: key.0,
                moment: key.1,
                lines,
                total,
            });
        }
        if let Some(LeftOut { lines, total, .. }) = &self.left_out {
            if lines.is_empty() {
                small(ui, "Nothing near this plan is left out.");
            }
            for (title, reason) in lines {
                ui.add_space(2.0);
                small(ui, title.clone());
                ui.add(
                    Label::new(
                        RichText::new(reason)
                            .font(regular(11.5))
                            .color(Palette::of(ui).text),
                    )
                    .wrap(),
                );
            }
            if *total > lines.len() {
                small(
                    ui,
                    format!("and {} more", figures::count((*total - lines.len()) as u64)),
                );
            }
        }
    }
}

/// Where to: the moment, its zone, and the field to type another.
pub(super) fn target_ui(
    ui: &mut Ui,
    state: &State,
    database: &DatabaseView,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    muted(ui, "Restore to");
    let moment = state.choice.moment;
    let heading = moment.map_or_else(
        || "no moment yet".to_owned(),
        |moment| figures::date_time(moment.server),
    );
    strong(ui, heading, 21.0);
    let zone = moment
        .map(|moment| moment.instant)
        // Before a moment is chosen a service's clock is known all the same.
        .or(database.managed.as_ref().map(|_| database.now))
        .and_then(|instant| database.history.clock().offset_at(instant))
        .map_or_else(
            || "server time; the backups do not tell its zone".to_owned(),
            |offset| format!("server time, {}", figures::zone(offset)),
        );
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        muted(ui, zone);
        let latest = state.choice.aim == Some(Target::Latest);
        if !latest
            && database.newest().is_some()
            && link(ui, "latest")
                .on_hover_text("The latest state that the backups hold, whenever that is")
                .clicked()
        {
            actions.push(Action::Planning(PlanningAction::AimAtLatest));
        }
    });
    if let Some(words) = state.plan.plan().and_then(aim_words) {
        ui.add(
            Label::new(
                RichText::new(words)
                    .font(regular(12.0))
                    .color(palette.moment),
            )
            .wrap(),
        );
    }
    let shown = moment.map_or_else(String::new, |moment| {
        moment.server.to_string().replace('T', " ")
    });
    let mut text = state.time_text.clone().unwrap_or_else(|| shown.clone());
    let id = egui::Id::unique("time field");
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let label = small(ui, "Type a time");
        let field = ui
            .add(
                TextEdit::singleline(&mut text)
                    .id(id)
                    .font(mono(12.0))
                    .hint_text("2026-11-22 08:28:12")
                    .desired_width(f32::INFINITY),
            )
            .labelled_by(label.id)
            .on_hover_text(
                "On the server's clock, or with an offset like +02:00. \
                 Any time may be typed; the answer says whether it can be reached.",
            );
        let wanted = state.time_text.as_deref() == Some("") && !field.has_focus();
        if wanted {
            field.request_focus();
        }
        if field.changed() {
            actions.push(Action::EditTime(Some(text.clone())));
        }
        if field.lost_focus() {
            let entered = ui.input(|input| input.key_pressed(egui::Key::Enter));
            let escaped = ui.input(|input| input.key_pressed(egui::Key::Escape));
            if escaped || text == shown || text.trim().is_empty() {
                actions.push(Action::EditTime(None));
            } else if entered || state.time_text.is_some() {
                actions.push(Action::GoToTypedTime(text.clone()));
            }
        }
    });
    if let Some(problem) = &state.time_problem {
        ui.add(
            Label::new(
                RichText::new(problem)
                    .font(regular(11.5))
                    .color(palette.danger),
            )
            .wrap(),
        );
    }
}

fn cards_ui(ui: &mut Ui, state: &State, database: &DatabaseView, plan: &RestorePlan) {
    let palette = *Palette::of(ui);
    let width = ((ui.available_width() - 10.0) / 2.0).max(80.0);
    let moment = plan.target.moment().or(state.choice.moment);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        let (ready, basis) = ready_words(plan.estimate);
        fact_card(ui, &palette, width, "Ready in about", &ready, &basis);
        if let Some(moment) = moment {
            let seconds = database.now.seconds() - moment.instant.seconds();
            // Of files nobody knows what came after the newest.
            let (title, end) = match state.selected_server() {
                Some(ServerId::Folder(_)) => ("Before the newest file", "newest"),
                _ => ("Older than now", "now"),
            };
            fact_card(
                ui,
                &palette,
                width,
                title,
                &figures::duration(seconds.max(0.0).floor()),
                &format!("{} → {end}", figures::time_of_day(moment.server)),
            );
        }
    });
}

fn ready_words(estimate: Option<Estimate>) -> (String, String) {
    match estimate {
        Some(estimate) => {
            let basis = match estimate.basis {
                EstimateBasis::Measured => "as measured here".to_owned(),
                EstimateBasis::BackupSpeed => "at backup speed".to_owned(),
            };
            (figures::duration(estimate.seconds.max(1.0).round()), basis)
        }
        None => ("unknown".to_owned(), "nothing to judge by yet".to_owned()),
    }
}

fn fact_card(ui: &mut Ui, palette: &Palette, width: f32, title: &str, value: &str, below: &str) {
    card(palette).show(ui, |ui| {
        // Twelve of margin and one of line on each side.
        ui.set_width(width - 26.0);
        ui.set_min_height(62.0);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            small(ui, title);
            strong(ui, value, 17.0);
            ui.add(
                Label::new(
                    RichText::new(below)
                        .font(regular(11.5))
                        .color(palette.muted),
                )
                .wrap(),
            );
        });
    });
}

fn notes_ui(ui: &mut Ui, plan: &RestorePlan) {
    let palette = *Palette::of(ui);
    for note in &plan.notes {
        let (_, words) = explain::plan_note(note);
        ui.add_space(4.0);
        ui.add(
            Label::new(
                RichText::new(format!("Note: {words}"))
                    .font(regular(11.5))
                    .color(palette.at_risk),
            )
            .wrap(),
        );
    }
}

/// Why the moment cannot be reached, and what can.
fn refusal_ui(
    ui: &mut Ui,
    state: &State,
    database: &DatabaseView,
    refusal: &Refusal,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let problem = explain::refusal(
        refusal,
        state.database_name().unwrap_or_default(),
        Some(&database.history),
    );
    Frame::new()
        .fill(mix(palette.panel, palette.danger, 0.1))
        .stroke(Stroke::new(1.0, mix(palette.panel, palette.danger, 0.5)))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 10))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            strong(ui, "This moment cannot be restored", 14.0);
            ui.add(Label::new(RichText::new(&problem.sentence).color(palette.text)).wrap());
            if !problem.hint.is_empty() {
                ui.add_space(2.0);
                paragraph(ui, &problem.hint);
            }
            if explain::next_log_may_hold(refusal, Some(&database.history)) {
                super::backup::back_up_log_ui(ui, state, actions);
            }
        });
    ui.add_space(10.0);
    let nearest = [
        ("Latest before", refusal.nearest_before),
        ("Earliest after", refusal.nearest_after),
    ];
    if nearest.iter().any(|(_, moment)| moment.is_some()) {
        section(ui, "Nearest that can be reached");
        ui.add_space(4.0);
    }
    for (words, moment) in nearest {
        let Some(moment) = moment else {
            continue;
        };
        ui.horizontal(|ui| {
            if button(ui, &figures::date_time(moment.server)).clicked() {
                actions.push(Action::GoTo(moment.instant.seconds()));
            }
            small(ui, words);
        });
    }
}

fn foot_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let planned = state.plan.plan().is_some();
    let connected = state.server().is_some_and(|view| view.info().is_some());
    let original = state.database_name().unwrap_or_default();
    let named = state.goes_on()
        || state
            .plan
            .plan()
            .map(crate::tsql::target_database)
            .is_some_and(|name| !name.trim().is_empty() && !name.eq_ignore_ascii_case(original))
        || state.chooses_over();
    if tall_button(ui, Command::ShowSql.text(), planned)
        .on_hover_text(shortcuts::tooltip(Command::ShowSql))
        .clicked()
    {
        actions.push(Action::Run(Command::ShowSql));
    }
    if matches!(state.selected_server(), Some(ServerId::Folder(_))) {
        let words = if planned {
            "No server here: take the T-SQL along"
        } else {
            "Choose a moment that can be restored"
        };
        super::widgets::small(ui, words);
        return;
    }
    if state.goes_on()
        && state
            .database
            .as_ref()
            .is_some_and(|database| !database.is_of(original))
    {
        super::widgets::small(ui, "Take the T-SQL along; own runs go on in Activity");
        return;
    }
    let width = ui.available_width();
    let placed = state.path_faults().iter().all(Option::is_none);
    let ready = planned && connected && named && placed && !state.running();
    let why_not = if state.running() {
        "A restore is running"
    } else if !connected {
        "The server is not connected"
    } else if !planned {
        "Choose a moment that can be restored"
    } else if !named {
        "The copy needs a name of its own"
    } else {
        "Every file of the copy needs a path of its own"
    };
    if primary_button(ui, Command::Review.text(), width, ready)
        .on_hover_text(shortcuts::tooltip(Command::Review))
        .on_disabled_hover_text(why_not)
        .clicked()
    {
        actions.push(Action::Review);
    }
}
