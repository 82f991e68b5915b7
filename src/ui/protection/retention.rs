//! Which files may go, and why the others stay.

use super::card;
use crate::{
    domain::Deleting,
    explain::{self, schedule as words, server_time},
    run::schedule::Outlook,
    state::{Action, Asking, ProtectionAction, ProtectionSection, State},
    ui::{
        empty::paragraph,
        theme::{Palette, mono, regular},
        widgets::{button, danger_button, section, small},
    },
};
use egui::{Label, RichText, ScrollArea, Ui};

/// The list, when it is open, and what opens it.
pub fn retention_ui(ui: &mut Ui, state: &State, outlook: &Outlook, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let protection = &state.protection;
    let retention = outlook.policy.retention;
    section(ui, "Retention");
    let deletes = retention.deleting == Deleting::WhenAsked;
    ui.horizontal(|ui| {
        small(
            ui,
            format!(
                "every reachable moment of the last {} stays reachable, the newest {} stay, {}",
                explain::count(retention.window_days.get() as usize, "day", "days"),
                explain::count(retention.least_fulls.get() as usize, "full", "fulls"),
                if deletes {
                    "older files are deleted when you ask for it"
                } else {
                    "nothing is deleted"
                }
            ),
        );
        let open = protection.open == ProtectionSection::Retention;
        let text = if open {
            "Hide the list"
        } else {
            "Show what may go"
        };
        if button(ui, text).clicked() {
            actions.push(Action::Protection(ProtectionAction::Show(
                ProtectionSection::Retention,
            )));
        }
    });
    let Some(list) = &protection.retention else {
        return;
    };
    card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        small(
            ui,
            format!(
                "recovery window from {} on; {}",
                server_time(list.window_from.server),
                words::removable_line(list.removable().count(), list.removable_bytes())
            ),
        );
        if list.files.is_empty() {
            paragraph(ui, "This policy has written no file yet.");
        }
        ScrollArea::vertical()
            .id_salt("retention")
            .max_height(240.0)
            .auto_shrink([false, true])
            .show_rows(ui, 20.0, list.files.len(), |ui, rows| {
                for file in list.files.get(rows).unwrap_or_default() {
                    let (word, reason, color) = match &file.keep {
                        None => ("may go", words::REMOVABLE.to_owned(), palette.danger),
                        Some(keep) => ("stays", words::keep(keep, &outlook.policy), palette.muted),
                    };
                    ui.horizontal(|ui| {
                        ui.add_sized(
                            [52.0, 18.0],
                            Label::new(RichText::new(word).font(regular(12.0)).color(color)),
                        );
                        ui.add(
                            Label::new(RichText::new(&file.path).font(mono(11.5))).selectable(true),
                        );
                        small(ui, reason);
                    });
                }
            });
        let n = list.removable().count();
        if deletes && n > 0 && !protection.busy {
            ui.add_space(6.0);
            if danger_button(
                ui,
                &format!("Delete {}…", explain::count(n, "file", "files")),
            )
            .clicked()
            {
                actions.push(Action::Protection(ProtectionAction::Ask(Asking::Delete)));
            }
        } else if !deletes && n > 0 {
            small(ui, "Deleting is off; it can be allowed under Edit…");
        }
    });
}
