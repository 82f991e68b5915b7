//! Which files may go, and why the others stay.

use super::card;
use crate::{
    domain::Deleting,
    explain::{self, schedule as words, server_time_short},
    run::schedule::Outlook,
    state::{Action, Asking, ProtectionAction, ProtectionSection, State},
    ui::{
        empty::paragraph,
        theme::{Palette, mono, regular},
        widgets::{button, danger_button, section, small},
    },
};
use egui::{Label, RichText, ScrollArea, Ui};

/// Heights of a row and of the list, in points.
const ROW: f32 = 20.0;
const HEIGHT: f32 = 240.0;

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
                "every reachable moment of the last {} stays reachable, {}, {}",
                explain::count(retention.window_days.get() as usize, "day", "days"),
                words::newest_fulls(retention.least_fulls),
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
        let from = server_time_short(list.window_from.server);
        if list.files.is_empty() {
            small(ui, format!("recovery window from {from} on"));
            paragraph(ui, "This policy has written no file yet.");
            return;
        }
        let may_go = match list.removable().count() {
            0 => "no file may go".to_owned(),
            n => words::removable_line(n, list.removable_bytes()),
        };
        small(ui, format!("recovery window from {from} on; {may_go}"));
        // Rows of a list, not of a form.
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.spacing_mut().interact_size.y = ROW;
        ScrollArea::vertical()
            .id_salt("retention")
            .max_height(HEIGHT)
            .min_scrolled_height(HEIGHT)
            .auto_shrink([false, true])
            .show_rows(ui, ROW, list.files.len(), |ui, rows| {
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
