//! The policy as a form: times, place, options, who is told, retention.

use super::card;
use crate::{
    domain::{DayTimes, Deleting, MinuteOfDay, Policy, PolicyKind},
    explain::schedule as words,
    run::schedule::Outlook,
    state::{Action, ProtectionAction, ProtectionSection},
    ui::{
        form::{Form, text},
        theme::Palette,
        widgets::{button, choice, strong},
    },
};
use egui::{Align, DragValue, Layout, Response, Ui};

/// What is being typed.
#[derive(Debug, Default)]
pub struct PolicyForm {
    share: String,
    full_at: String,
    operator: String,
    typing: Option<Field>,
}

/// The fields that take text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Share,
    FullAt,
    Operator,
}

const FORM: Form = Form {
    labels: 150.0,
    field: 520.0,
};

impl PolicyForm {
    /// Shows the form; every change is an action at once.
    pub fn ui(&mut self, ui: &mut Ui, outlook: &Outlook, actions: &mut Vec<Action>) {
        self.follow(&outlook.policy);
        let palette = *Palette::of(ui);
        let mut act = |action: ProtectionAction| actions.push(Action::Protection(action));
        self.typing = None;
        card(&palette).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal(|ui| {
                strong(ui, "Policy", 13.0);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if button(ui, "Close").clicked() {
                        act(ProtectionAction::Show(ProtectionSection::Policy));
                    }
                });
            });
            self.full_ui(ui, &mut act);
            interval_row(
                ui,
                outlook,
                PolicyKind::Differential,
                &[0, 60, 120, 180, 240, 360, 480, 720],
                &mut act,
            );
            interval_row(
                ui,
                outlook,
                PolicyKind::Log,
                &[0, 1, 2, 5, 10, 15, 20, 30, 60],
                &mut act,
            );
            self.share_ui(ui, &mut act);
            options_ui(ui, &outlook.policy, &mut act);
            self.operator_ui(ui, &mut act);
            retention_ui(ui, &outlook.policy, &mut act);
        });
    }

    /// A field follows the policy, but for the one that is being typed in: what is wrong there stays to be mended.
    fn follow(&mut self, policy: &Policy) {
        if self.typing != Some(Field::Share) {
            self.share.clone_from(&policy.share);
        }
        if self.typing != Some(Field::FullAt) {
            self.full_at = match policy.backup(PolicyKind::Full).map(|full| full.times.at) {
                Some(DayTimes::Once(at) | DayTimes::Every { from: at, .. }) => at.to_string(),
                None => String::new(),
            };
        }
        if self.typing != Some(Field::Operator) {
            self.operator = policy.notify.operator.clone().unwrap_or_default();
        }
    }

    fn full_ui(&mut self, ui: &mut Ui, act: &mut impl FnMut(ProtectionAction)) {
        let fault = MinuteOfDay::parse(&self.full_at)
            .is_none()
            .then(|| "A time of the day as hh:mm".to_owned());
        let field = FORM.row(ui, "Full backup daily at", fault, |ui| {
            text(ui, &mut self.full_at, 80.0, "00:00")
        });
        if self.typed_in(&field, Field::FullAt)
            && let Some(at) = MinuteOfDay::parse(&self.full_at)
        {
            act(ProtectionAction::Times(
                PolicyKind::Full,
                Some(DayTimes::Once(at)),
            ));
        }
    }

    fn share_ui(&mut self, ui: &mut Ui, act: &mut impl FnMut(ProtectionAction)) {
        let field = FORM.row(ui, "Share", None, |ui| {
            text(
                ui,
                &mut self.share,
                420.0,
                r"\\server\share or D:\Backup, as the server sees it",
            )
        });
        if self.typed_in(&field, Field::Share) {
            act(ProtectionAction::Share(self.share.clone()));
        }
    }

    fn operator_ui(&mut self, ui: &mut Ui, act: &mut impl FnMut(ProtectionAction)) {
        let field = FORM.row(ui, "Operator to e-mail", None, |ui| {
            text(
                ui,
                &mut self.operator,
                300.0,
                "nobody; the event log is told always",
            )
        });
        if self.typed_in(&field, Field::Operator) {
            act(ProtectionAction::Operator(self.operator.trim().to_owned()));
        }
    }

    /// Notes where somebody is typing; whether it has changed.
    fn typed_in(&mut self, shown: &Response, field: Field) -> bool {
        if shown.has_focus() {
            self.typing = Some(field);
        }
        shown.changed()
    }
}

fn options_ui(ui: &mut Ui, policy: &Policy, act: &mut impl FnMut(ProtectionAction)) {
    FORM.row(ui, "Options", None, |ui| {
        ui.horizontal(|ui| {
            for (word, on, action) in [
                (
                    "compression",
                    policy.options.compression,
                    ProtectionAction::Compression(!policy.options.compression),
                ),
                (
                    "checksum",
                    policy.options.checksum,
                    ProtectionAction::Checksum(!policy.options.checksum),
                ),
            ] {
                if choice(ui, word, on).clicked() {
                    act(action);
                }
            }
            for backup in &policy.backups {
                let word = format!("verify {}", words::policy_kind(backup.kind).to_lowercase());
                if choice(ui, &word, backup.verify).clicked() {
                    act(ProtectionAction::Verify(backup.kind, !backup.verify));
                }
            }
        })
        .response
    });
}

fn retention_ui(ui: &mut Ui, policy: &Policy, act: &mut impl FnMut(ProtectionAction)) {
    let mut days = policy.retention.window_days.get();
    let field = FORM.row(ui, "Recovery window", None, |ui| {
        ui.add(DragValue::new(&mut days).range(1..=3_650).suffix(" days"))
    });
    if field.changed() {
        act(ProtectionAction::WindowDays(days));
    }
    let mut fulls = policy.retention.least_fulls.get();
    let field = FORM.row(ui, "Fulls that always stay", None, |ui| {
        ui.add(DragValue::new(&mut fulls).range(1..=1_000))
    });
    if field.changed() {
        act(ProtectionAction::LeastFulls(fulls));
    }
    FORM.row(ui, "Old files", None, |ui| {
        ui.horizontal(|ui| {
            for (word, deleting) in [
                ("never delete", Deleting::Off),
                ("delete when I ask", Deleting::WhenAsked),
            ] {
                if choice(ui, word, policy.retention.deleting == deleting).clicked() {
                    act(ProtectionAction::Deleting(deleting));
                }
            }
        })
        .response
    });
}

/// Alternatives for how often a kind comes; 0 is never.
fn interval_row(
    ui: &mut Ui,
    outlook: &Outlook,
    kind: PolicyKind,
    minutes: &[u32],
    act: &mut impl FnMut(ProtectionAction),
) {
    let now = match outlook.policy.backup(kind).map(|backup| backup.times.at) {
        Some(DayTimes::Every { minutes, .. }) => minutes,
        Some(DayTimes::Once(_)) => 1_440,
        None => 0,
    };
    FORM.row(
        ui,
        &format!("{} every", words::policy_kind(kind)),
        None,
        |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                for &step in minutes {
                    let word = match step {
                        0 => "none".to_owned(),
                        step if step % 60 == 0 => format!("{} h", step / 60),
                        step => format!("{step} min"),
                    };
                    if choice(ui, &word, now == step).clicked() {
                        let at = (step > 0).then(|| times(kind, step));
                        act(ProtectionAction::Times(kind, at));
                    }
                }
            })
            .response
        },
    );
}

/// A differential leaves out midnight, where the full is.
fn times(kind: PolicyKind, minutes: u32) -> DayTimes {
    let from = match kind {
        PolicyKind::Differential => MinuteOfDay::new(minutes).unwrap_or(MinuteOfDay::MIDNIGHT),
        _ => MinuteOfDay::MIDNIGHT,
    };
    let until = match kind {
        PolicyKind::Differential => MinuteOfDay::new(1_440 - minutes).unwrap_or(MinuteOfDay::LAST),
        _ => MinuteOfDay::LAST,
    };
    DayTimes::Every {
        minutes,
        from,
        until,
    }
}
