//! Questions about Azure: what would be ordered, what cancelling means, how long backups are kept.

use super::{command_ui, problem_ui};
use crate::{
    azure::{
        Differential, Interval, IsoDuration, LongTerm, RetentionFault, ShortTerm, Tier,
        set_long_term, set_short_term,
    },
    explain::{self, figures},
    state::{Action, AzureAction, State},
    ui::{
        empty::paragraph,
        theme::Palette,
        widgets::{button, choice, danger_button, primary_button, section, small, strong},
    },
    worker::AzureTold,
};
use egui::{Label, RichText, TextEdit, Ui};

/// The last look before Azure is asked.
pub fn restore_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    ui.set_width(560.0);
    let (Some(command), Some(new), Some(database)) = (
        state.azure_command(),
        state.azure_new(),
        state.database_name(),
    ) else {
        actions.push(Action::CloseDialog);
        return;
    };
    strong(ui, format!("Restore {database} into {}", new.name), 16.0);
    let of = match state.chosen_long_term() {
        Some(backup) => Some(("From its long-term backup of", backup.taken)),
        None => (state.choice.moment).map(|moment| ("As it was at", moment.instant)),
    };
    if let Some((words, at)) = of {
        let offset = (state.own.offset_at)(at);
        paragraph(
            ui,
            &format!(
                "{words} {} UTC, which is {} on your clock ({}).",
                explain::utc_words(at),
                figures::date_time(at.to_server(offset)),
                figures::zone(offset)
            ),
        );
    }
    let untouched = match state.azure_gone() {
        Some(gone) => {
            paragraph(ui, &explain::deleted_then(gone));
            "No database is touched.".to_owned()
        }
        None => format!("{database} is not touched."),
    };
    paragraph(
        ui,
        &format!(
            "{untouched} Azure makes a new database, which costs what a database of its size costs until it is deleted. Once it is ordered, only deleting the new database cancels it."
        ),
    );
    section(ui, "This runs, argument by argument, without a shell");
    command_ui(ui, &command.line());
    ui.horizontal(|ui| {
        if primary_button(ui, "Restore", 120.0, true).clicked() {
            actions.push(Action::Azure(AzureAction::Order));
        }
        if button(ui, "Not now").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// What cancelling means here.
pub fn cancel_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some(run) = &state.azure.run else {
        actions.push(Action::CloseDialog);
        return;
    };
    strong(
        ui,
        format!("Cancel the restore of {}?", run.new_database),
        16.0,
    );
    paragraph(
        ui,
        "Once Azure has the order it goes on by itself. Deleting the new database is what cancels it; the original is not touched either way.",
    );
    ui.horizontal_wrapped(|ui| {
        if danger_button(ui, &format!("Delete {}", run.new_database)).clicked() {
            actions.push(Action::Azure(AzureAction::DeleteNew));
        }
        if button(ui, "Stop watching, let Azure go on").clicked() {
            actions.push(Action::Azure(AzureAction::StopWatching));
        }
        if button(ui, "Keep watching").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// The database that a run made is deleted for good.
pub fn delete_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let Some(run) = &state.azure.run else {
        actions.push(Action::CloseDialog);
        return;
    };
    let name = &run.new_database;
    strong(ui, format!("Delete {name}?"), 16.0);
    paragraph(
        ui,
        &format!(
            "{name} is the copy that this run made of {}, which stays as it is. Azure keeps the deleted database for as long as its short-term retention.",
            run.source
        ),
    );
    if let Some(Ok(home)) = state.azure.homes.get(&run.server) {
        command_ui(ui, &crate::azure::delete(home, name).line());
    }
    ui.horizontal(|ui| {
        if danger_button(ui, &format!("Delete {name}")).clicked() {
            actions.push(Action::Azure(AzureAction::DeleteNew));
        }
        if button(ui, "Keep it").clicked() {
            actions.push(Action::CloseDialog);
        }
    });
}

/// What is typed while a retention is edited.
#[derive(Debug, Default)]
pub struct RetentionEditor {
    days: String,
    differential: Option<Differential>,
    intervals: [String; 3],
    week: String,
    /// For which reading the fields were filled.
    filled: bool,
}

impl RetentionEditor {
    /// Fills the fields from what Azure told.
    fn fill(&mut self, told: &AzureTold) {
        if let Ok(short) = &told.short_term {
            self.days = short.days.to_string();
            self.differential = short.differential;
        }
        if let Ok(long) = &told.long_term {
            self.fill_long(long);
        }
        self.filled = true;
    }

    fn fill_long(&mut self, long: &LongTerm) {
        for (text, interval) in self.intervals.iter_mut().zip(Interval::ALL) {
            let duration = long.of(interval);
            *text = if duration.is_off() {
                String::new()
            } else {
                duration.to_string()
            };
        }
        self.week = long.week_of_year.max(1).to_string();
    }

    fn short(&self) -> ShortTerm {
        ShortTerm {
            days: self.days.trim().parse().unwrap_or(0),
            differential: self.differential,
        }
    }

    fn long(&self) -> Result<LongTerm, RetentionFault> {
        let read = |text: &str| -> Result<IsoDuration, RetentionFault> {
            match text.trim() {
                "" => Ok(IsoDuration::OFF),
                text => Ok(text.parse()?),
            }
        };
        let [weekly, monthly, yearly] = &self.intervals;
        Ok(LongTerm {
            weekly: read(weekly)?,
            monthly: read(monthly)?,
            yearly: read(yearly)?,
            week_of_year: self.week.trim().parse().unwrap_or(0),
            immutable: false,
        })
    }

    /// The dialog; `opened` in its first frame.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, opened: bool, actions: &mut Vec<Action>) {
        ui.set_width(580.0);
        let told = state.azure_told().and_then(|told| told.as_ref().ok());
        let (Some(told), Some(Ok(home)), Some(database)) =
            (told, state.azure_home(), state.database_name())
        else {
            actions.push(Action::CloseDialog);
            return;
        };
        if opened || !self.filled {
            self.fill(told);
        }
        strong(
            ui,
            format!("How long Azure keeps backups of {database}"),
            16.0,
        );
        let saving = state.azure.setting == Some(Ok(()));
        egui::ScrollArea::vertical()
            .max_height((ui.ctx().content_rect().height() - 160.0).max(200.0))
            .auto_shrink([false, true])
            .show(ui, |ui| {
                self.short_ui(ui, state, told, saving, actions, |policy| {
                    set_short_term(home, database, policy).line()
                });
                ui.add_space(10.0);
                self.long_ui(ui, told, saving, actions, |policy| {
                    set_long_term(home, database, policy).line()
                });
            });
        if let Some(Err(problem)) = &state.azure.setting {
            problem_ui(ui, problem);
        } else if saving {
            small(ui, "Azure is being told…");
        }
        if button(ui, "Close").clicked() {
            self.filled = false;
            actions.push(Action::CloseDialog);
        }
    }

    fn short_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        told: &AzureTold,
        saving: bool,
        actions: &mut Vec<Action>,
        line: impl Fn(&ShortTerm) -> String,
    ) {
        section(ui, "Any second: short-term retention");
        let before = match &told.short_term {
            Ok(policy) => *policy,
            Err(problem) => return problem_ui(ui, problem),
        };
        let tier = told
            .database
            .edition
            .as_deref()
            .map(Tier::from_edition)
            .unwrap_or_default();
        ui.horizontal(|ui| {
            let label = small(ui, "Days");
            ui.add(TextEdit::singleline(&mut self.days).desired_width(50.0))
                .labelled_by(label.id);
            if before.differential.is_some() && tier.has_differential_interval() {
                ui.add_space(12.0);
                small(ui, "A differential every");
                for (interval, words) in [
                    (Differential::Every12Hours, "12 hours"),
                    (Differential::Every24Hours, "24 hours"),
                ] {
                    if choice(ui, words, self.differential == Some(interval)).clicked() {
                        self.differential = Some(interval);
                    }
                }
            }
        });
        let policy = self.short();
        if let Some(fault) = policy.fault(tier) {
            warn(ui, &explain::retention_fault(&fault));
            return;
        }
        if policy == before {
            small(ui, "As it is now.");
            return;
        }
        let now = state.own.now;
        let given_up = told
            .database
            .earliest_restore
            .and_then(|earliest| policy.gives_up(earliest, now));
        if let Some((from, to)) = given_up {
            warn(ui, &explain::gives_up(from, to));
        }
        command_ui(ui, &line(&policy));
        let press = if given_up.is_some() {
            danger_button(ui, "Keep for a shorter time")
        } else {
            primary_button(ui, "Set short-term retention", 0.0, !saving)
        };
        if press.clicked() && !saving {
            actions.push(Action::Azure(AzureAction::SetShortTerm(policy)));
        }
    }

    fn long_ui(
        &mut self,
        ui: &mut Ui,
        told: &AzureTold,
        saving: bool,
        actions: &mut Vec<Action>,
        line: impl Fn(&LongTerm) -> String,
    ) {
        section(ui, "Single backups: long-term retention");
        let before = match &told.long_term {
            Ok(policy) => *policy,
            Err(problem) => return problem_ui(ui, problem),
        };
        if before.immutable {
            warn(ui, &explain::retention_fault(&RetentionFault::Immutable));
            return;
        }
        ui.horizontal_wrapped(|ui| {
            for (text, interval) in self.intervals.iter_mut().zip(Interval::ALL) {
                let label = small(ui, explain::interval_name(interval));
                ui.add(
                    TextEdit::singleline(text)
                        .hint_text("off")
                        .desired_width(70.0),
                )
                .labelled_by(label.id);
            }
            let label = small(ui, "of week");
            ui.add(TextEdit::singleline(&mut self.week).desired_width(36.0))
                .labelled_by(label.id);
        });
        ui.horizontal(|ui| {
            if button(ui, "Octopus preset")
                .on_hover_text("Four weeks, twelve months, five years, the yearly one of week 1")
                .clicked()
            {
                self.fill_long(&LongTerm::OCTOPUS);
            }
            small(ui, "P4W is four weeks, P12M twelve months, P5Y five years");
        });
        let policy = match self.long() {
            Ok(policy) => policy,
            Err(fault) => return warn(ui, &explain::retention_fault(&fault)),
        };
        if let Some(fault) = policy.fault() {
            return warn(ui, &explain::retention_fault(&fault));
        }
        intervals_ui(ui, &policy);
        let same = policy
            == LongTerm {
                week_of_year: if policy.yearly.is_off() {
                    policy.week_of_year
                } else {
                    before.week_of_year
                },
                ..before
            };
        if same {
            small(ui, "As it is now.");
            return;
        }
        let shortened = policy.shortens(&before);
        if !shortened.is_empty() {
            warn(ui, &explain::long_term_gives_up(&shortened));
        }
        command_ui(ui, &line(&policy));
        let press = if shortened.is_empty() {
            primary_button(ui, "Set long-term retention", 0.0, !saving)
        } else {
            danger_button(ui, "Keep for a shorter time")
        };
        if press.clicked() && !saving {
            actions.push(Action::Azure(AzureAction::SetLongTerm(policy)));
        }
    }
}

/// How far back the single backups of each interval reach, drawn to one scale.
pub(super) fn intervals_ui(ui: &mut Ui, policy: &LongTerm) {
    let palette = *Palette::of(ui);
    let longest = Interval::ALL
        .iter()
        .map(|interval| policy.of(*interval).about_days())
        .max()
        .unwrap_or(0);
    if longest == 0 {
        return;
    }
    for interval in Interval::ALL {
        let duration = policy.of(interval);
        let (rect, _) =
            ui.allocate_exact_size(egui::vec2(ui.available_width(), 16.0), egui::Sense::hover());
        let mut bar = rect;
        bar.min.x += 70.0;
        bar.max.x -= 90.0;
        let painter = ui.painter();
        painter.text(
            rect.left_center(),
            egui::Align2::LEFT_CENTER,
            explain::interval_name(interval),
            crate::ui::theme::regular(11.5),
            palette.muted,
        );
        painter.text(
            rect.right_center(),
            egui::Align2::RIGHT_CENTER,
            explain::iso_duration(duration),
            crate::ui::theme::regular(11.5),
            palette.text,
        );
        // Four weeks beside five years are a hair on a true scale; the root keeps them apart and in order.
        let part = (duration.about_days() as f32 / longest as f32).sqrt();
        let mut filled = bar.shrink2(egui::vec2(0.0, 4.0));
        painter.rect_filled(filled, 2, palette.raised);
        filled.min.x = filled.max.x - filled.width() * part;
        painter.rect_filled(filled, 2, palette.full);
    }
}

fn warn(ui: &mut Ui, text: &str) {
    let palette = *Palette::of(ui);
    ui.add(Label::new(RichText::new(text).color(palette.at_risk)).wrap());
}
