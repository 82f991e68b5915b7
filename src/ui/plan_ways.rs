//! Other ways to the moment, what if backups were lost, and what hurts most to lose.

use super::{
    theme::{Palette, card, regular, semibold},
    widgets::{link, section, small},
};
use crate::{
    domain::{Alternative, BackupType, Lost, RestorePlan, Target, alternatives},
    explain::{self, figures},
    state::{Action, DatabaseView, PlanningAction, RestoreChoice, State},
};
use egui::{Label, RichText, Sense, Stroke, Ui, WidgetInfo, vec2};

/// Memory: which parts are open, and the ways that were found last.
#[derive(Debug, Default)]
pub struct PlanWays {
    ways_open: bool,
    ways: Option<((u64, RestoreChoice), Vec<Alternative>)>,
}

/// So many ways are offered.
const WAYS: usize = 3;

impl PlanWays {
    /// The other ways, on demand: to follow them is too much for every frame of a drag.
    pub fn ways_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        database: &DatabaseView,
        plan: &RestorePlan,
        actions: &mut Vec<Action>,
    ) {
        ui.add_space(4.0);
        let chosen = state.choice.base;
        let words = if self.ways_open {
            "Hide the other ways"
        } else {
            "Other ways there…"
        };
        if link(ui, words).clicked() {
            self.ways_open = !self.ways_open;
        }
        if chosen.is_some() && !self.ways_open && link(ui, "Let the planner choose").clicked() {
            actions.push(Action::Planning(PlanningAction::ChooseWay(None)));
        }
        let dragging = ui.input(|input| input.pointer.is_decidedly_dragging());
        if !self.ways_open || plan.tail.is_some() {
            return;
        }
        let mut usual = state.choice.clone();
        usual.base = None;
        let key = (state.generation, usual);
        if self.ways.as_ref().is_none_or(|(known, _)| *known != key) {
            if dragging {
                small(ui, "Shown as soon as the marker stands");
                return;
            }
            let name = state.database_name().unwrap_or_default();
            let Some(request) = database.request(&key.1, name) else {
                return;
            };
            let ways = alternatives(&database.history, &request, WAYS);
            self.ways = Some((key, ways));
        }
        let Some((_, ways)) = &self.ways else { return };
        if ways.len() < 2 {
            small(ui, "There is no other way to this moment.");
            return;
        }
        for way in ways {
            let is_chosen = match chosen {
                Some(base) => way.base == base,
                None => way.difference.is_none(),
            };
            if way_row(ui, way, is_chosen).clicked() && !is_chosen {
                let base = way.difference.is_some().then_some(way.base);
                actions.push(Action::Planning(PlanningAction::ChooseWay(base)));
            }
        }
    }
}

fn way_row(ui: &mut Ui, way: &Alternative, chosen: bool) -> egui::Response {
    let palette = *Palette::of(ui);
    let title = way_title(&way.plan);
    let detail = match &way.difference {
        Some(difference) => explain::difference(difference),
        None => "what the planner chose".to_owned(),
    };
    let price = match way.plan.estimate {
        Some(estimate) => figures::duration(estimate.seconds.max(1.0).round()),
        None => explain::size_or_unknown(way.plan.bytes),
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 40.0), Sense::click());
    response.widget_info(|| {
        WidgetInfo::selected(
            egui::Role::RadioButton,
            true,
            chosen,
            format!("Way: {title}, {detail}"),
        )
    });
    let painter = ui.painter();
    if response.hovered() {
        painter.rect_filled(rect, 4, palette.raised);
    }
    let center = rect.left_top() + vec2(8.0, 13.0);
    painter.circle_stroke(center, 5.5, Stroke::new(1.5, palette.muted));
    if chosen {
        painter.circle_filled(center, 3.0, palette.text);
    }
    let drawn = painter.text(
        rect.right_top() + vec2(0.0, 13.0),
        egui::Align2::RIGHT_CENTER,
        price,
        regular(12.0),
        palette.muted,
    );
    let left = rect.left() + 22.0;
    let upper = egui::Rect::from_min_max(
        egui::pos2(left, rect.top() + 3.0),
        egui::pos2(drawn.left() - 8.0, rect.top() + 22.0),
    );
    let lower = egui::Rect::from_min_max(
        egui::pos2(left, rect.top() + 22.0),
        egui::pos2(rect.right(), rect.bottom()),
    );
    let align = egui::Align2::LEFT_CENTER;
    super::widgets::paint_clipped(ui, upper, align, &title, regular(12.5), palette.text);
    super::widgets::paint_clipped(ui, lower, align, &detail, regular(11.5), palette.muted);
    response.on_hover_text(detail)
}

/// `Full 22 Nov 00:00, differential 06:00, 10 logs`.
fn way_title(plan: &RestorePlan) -> String {
    let mut parts = Vec::new();
    for step in &plan.steps {
        match step.backup_type {
            BackupType::Full => parts.push(format!("Full {}", figures::day_and_time(step.start))),
            BackupType::Differential => parts.push(format!(
                "differential {}",
                figures::short_time_of_day(step.start)
            )),
            _ => {}
        }
    }
    let logs = plan
        .steps
        .iter()
        .filter(|step| step.backup_type == BackupType::Log)
        .count();
    if logs > 0 {
        parts.push(figures::counted(logs as u64, "log", "logs"));
    }
    parts.join(", ")
}

/// What is planned without, and what that darkens.
pub fn what_if_ui(ui: &mut Ui, state: &State, database: &DatabaseView, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let waiting = state.planning.waiting.is_some();
    if waiting {
        small(ui, "Working out what can be reached…");
    }
    if state.choice.without.is_empty() {
        return;
    }
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let n = state.choice.without.len() as u64;
        ui.label(
            RichText::new(format!(
                "Planned without {}",
                figures::counted(n, "backup", "backups")
            ))
            .font(semibold(12.5))
            .color(palette.danger),
        );
        if !waiting {
            small(ui, dark_words(&database.dark));
        }
        for lost in &state.choice.without {
            let name = match lost {
                Lost::Set(uuid) => database
                    .history
                    .set_by_uuid(*uuid)
                    .map_or_else(|| uuid.to_string(), explain::set_name),
                Lost::File(path) => path.rsplit(['\\', '/']).next().unwrap_or(path).to_owned(),
            };
            ui.horizontal(|ui| {
                small(ui, name.trim_start_matches("the ").to_owned());
                if link(ui, "take back").clicked() {
                    actions.push(match lost {
                        Lost::Set(uuid) => Action::ToggleLost(*uuid),
                        Lost::File(path) => {
                            Action::Planning(PlanningAction::ToggleLostFile(path.clone()))
                        }
                    });
                }
            });
        }
        if n > 1 && link(ui, "Take all back").clicked() {
            actions.push(Action::Planning(PlanningAction::TakeBackLost));
        }
    });
    ui.add_space(8.0);
}

/// What goes dark: stretches of time, and single moments at which a backup finished.
fn dark_words(dark: &[(f64, f64)]) -> String {
    let seconds: f64 = dark.iter().map(|(from, to)| to - from).sum();
    let moments = dark.iter().filter(|(from, to)| from == to).count() as u64;
    let stretch = format!("{} of restorable time", figures::duration(seconds));
    let single = figures::counted(moments, "moment of a backup", "moments of backups");
    match (seconds > 0.0, moments) {
        (false, 0) => "Every moment can still be reached.".to_owned(),
        (true, 0) => format!("{stretch} go dark."),
        (false, 1) => format!("{single} goes dark."),
        (false, _) => format!("{single} go dark."),
        (true, _) => format!("{stretch} and {single} go dark."),
    }
}

/// Which files hold the most restorable time alone.
pub fn losses_ui(ui: &mut Ui, state: &State, database: &DatabaseView, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let planning = &state.planning;
    let words = if planning.losses_wanted {
        "Hide what hurts most to lose"
    } else {
        "What hurts most to lose…"
    };
    if link(ui, words).clicked() {
        let shown = !planning.losses_wanted;
        actions.push(Action::Planning(PlanningAction::ShowLosses(shown)));
        return;
    }
    if !planning.losses_wanted {
        return;
    }
    if !state.losses_are_current() {
        actions.push(Action::Planning(PlanningAction::ShowLosses(true)));
    }
    ui.add_space(4.0);
    section(ui, "Held by one file alone");
    let Some(losses) = &planning.losses else {
        small(ui, "Working it out…");
        return;
    };
    if losses.is_empty() {
        let windows = &database.coverage.windows;
        small(
            ui,
            if windows.iter().all(|window| window.from == window.to) {
                "Only the moments of the backups can be reached, each by its own files."
            } else {
                "Every stretch of time has a second way; no single file hurts."
            },
        );
    }
    for loss in losses.iter().take(6) {
        let file = loss.files.first().map_or("", String::as_str);
        let short = file.rsplit(['\\', '/']).next().unwrap_or(file);
        let others = match loss.files.len() {
            0 | 1 => String::new(),
            n => format!(" (or {} others)", n - 1),
        };
        let held = figures::duration(loss.seconds as f64);
        let sets = match loss.sets.len() {
            1 => String::new(),
            n => format!(" · {}", figures::counted(n as u64, "backup", "backups")),
        };
        let response = ui
            .add(
                Label::new(
                    RichText::new(format!("{held} · {short}{others}{sets}"))
                        .font(regular(11.5))
                        .color(palette.text),
                )
                .truncate()
                .sense(Sense::click()),
            )
            .on_hover_text(format!(
                "{file}\nWithout it {held} of restorable time go dark. \
                 Click to see it, right-click to plan without it."
            ));
        let first = loss.sets.first().copied();
        if response.clicked()
            && let Some(uuid) = first
        {
            actions.push(Action::ShowSet(uuid));
        }
        response.context_menu(|ui| {
            if ui.button("Plan without it").clicked() {
                actions.push(match (loss.sets.len(), first) {
                    (1, Some(uuid)) => Action::ToggleLost(uuid),
                    _ => Action::Planning(PlanningAction::ToggleLostFile(file.to_owned())),
                });
                ui.close();
            }
        });
    }
}

/// *Latest* or a mark in the place of the moment, in words; nothing for a moment.
pub fn aim_words(plan: &RestorePlan) -> Option<String> {
    match plan.target {
        Target::At(_) => None,
        Target::Latest => Some("the latest state that the backups hold, without STOPAT".to_owned()),
        Target::Mark(_) => plan.stop_mark.as_ref().map(|mark| {
            let side = match mark.stop {
                crate::domain::MarkStop::At => "at",
                crate::domain::MarkStop::Before => "just before",
            };
            format!("{side} the mark {}", mark.name)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_moments_go_dark_as_well() {
        let words = dark_words;
        assert_eq!(words(&[]), "Every moment can still be reached.");
        assert_eq!(words(&[(0.0, 3600.0)]), "1 h of restorable time go dark.");
        assert_eq!(words(&[(5.0, 5.0)]), "1 moment of a backup goes dark.");
        assert_eq!(
            words(&[(0.0, 3600.0), (4000.0, 4000.0), (5000.0, 5000.0)]),
            "1 h of restorable time and 2 moments of backups go dark."
        );
    }
}
