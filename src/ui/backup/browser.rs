//! The folders of the server: nothing of this PC is shown or opened.

use super::{LEFT, wrapped};
use crate::{
    domain::{BackupOption, ServerPath, option_unavailable},
    explain::{self, figures},
    run::FolderEntry,
    state::{Action, Asked, BackupAction, BackupForm, Browsing},
    ui::{
        theme::{Palette, mix, mono, regular},
        widgets::{button, paint_clipped, section, small},
    },
};
use egui::{
    Align2, CornerRadius, Label, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2,
    vec2,
};

/// Shows a folder in place of the form.
pub(super) fn browser_ui(
    ui: &mut Ui,
    form: &BackupForm,
    browsing: &Browsing,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    section(ui, "Folders of the server");
    ui.horizontal(|ui| {
        let here = browsing.folder.as_ref();
        if button(ui, "Drives").clicked() {
            actions.push(Action::Backup(BackupAction::Browse(None)));
        }
        let above = here.and_then(ServerPath::parent);
        if ui
            .add_enabled_ui(above.is_some(), |ui| button(ui, "Up"))
            .inner
            .clicked()
        {
            actions.push(Action::Backup(BackupAction::Browse(above)));
        }
        let path = here.map_or("Drives", ServerPath::as_str);
        ui.add(Label::new(RichText::new(path).font(mono(11.5)).color(palette.text)).truncate());
    });
    ui.add_space(4.0);
    let height = (ui.available_height() - 44.0).max(80.0);
    match &browsing.listing {
        Asked::NotYet | Asked::Asking => {
            small(ui, "The server is asked…");
            ui.add_space(height - 20.0);
        }
        Asked::Failed(problem) => {
            wrapped(ui, &problem.sentence, palette.danger);
            wrapped(ui, &problem.hint, palette.muted);
            ui.add_space(height - 48.0);
        }
        Asked::Told(listing) => {
            ScrollArea::vertical()
                .id_salt("folders of the server")
                .max_height(height)
                .auto_shrink([false, false])
                .show_rows(ui, ROW, listing.entries.len().max(1), |ui, rows| {
                    if listing.entries.is_empty() {
                        small(ui, "Nothing that the service account can see");
                    }
                    for entry in rows.filter_map(|row| listing.entries.get(row)) {
                        entry_ui(ui, form, browsing, entry, actions);
                    }
                });
            if listing.cut {
                small(ui, "More lies there than is listed");
            }
        }
    }
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        if let Some(here) = &browsing.folder
            && button(ui, "Use this folder").clicked()
        {
            actions.push(Action::Backup(BackupAction::PickFolder(here.clone())));
        }
        if button(ui, "Back").clicked() {
            actions.push(Action::Backup(BackupAction::CloseBrowser));
        }
    });
}

const ROW: f32 = 24.0;

fn entry_ui(
    ui: &mut Ui,
    form: &BackupForm,
    browsing: &Browsing,
    entry: &FolderEntry,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let path = match &browsing.folder {
        Some(folder) => folder.join(&entry.name),
        None => ServerPath::new(&entry.name),
    };
    let refusal = if entry.is_folder {
        None
    } else {
        form.facts.told().and_then(|facts| {
            let mut request = form.request.clone();
            request.target = crate::domain::BackupTarget::Append(path.clone());
            option_unavailable(BackupOption::Append, &request, &facts.server)
        })
    };
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width().min(LEFT), ROW), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &entry.name));
    if response.hovered() {
        ui.painter().rect_filled(
            rect,
            CornerRadius::same(4),
            mix(palette.panel, palette.selected, 0.6),
        );
    }
    let color = if entry.is_folder {
        palette.text
    } else {
        palette.muted
    };
    let right = match (entry.is_folder, entry.bytes) {
        (true, Some(free)) => format!("{} free", figures::size(free)),
        (false, Some(bytes)) => figures::size(bytes),
        _ => String::new(),
    };
    let mark = if entry.is_folder { "›" } else { "·" };
    paint_clipped(
        ui,
        Rect::from_min_max(
            rect.min + vec2(6.0, 0.0),
            pos2(rect.left() + 20.0, rect.bottom()),
        ),
        Align2::LEFT_CENTER,
        mark,
        regular(11.5),
        palette.muted,
    );
    paint_clipped(
        ui,
        Rect::from_min_max(
            rect.min + vec2(22.0, 0.0),
            pos2(rect.right() - 90.0, rect.bottom()),
        ),
        Align2::LEFT_CENTER,
        &entry.name,
        regular(12.5),
        color,
    );
    paint_clipped(
        ui,
        Rect::from_min_max(
            pos2(rect.right() - 88.0, rect.top()),
            rect.max - vec2(8.0, 0.0),
        ),
        Align2::RIGHT_CENTER,
        &right,
        regular(11.5),
        palette.muted,
    );
    if entry.is_folder {
        if response.clicked() {
            actions.push(Action::Backup(BackupAction::Browse(Some(path))));
        }
        return;
    }
    match refusal {
        Some(refusal) => {
            response.on_hover_text(explain::option_refusal(&refusal));
        }
        None => {
            let response = response.on_hover_text("Click to write behind the backups of this file");
            if response.clicked() {
                actions.push(Action::Backup(BackupAction::AppendTo(path)));
            }
        }
    }
}
