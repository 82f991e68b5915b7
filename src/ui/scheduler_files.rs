//! Files for the operating system's scheduler as they are shown: their texts, what registers them, and a button that writes them.

use super::{
    theme::{Palette, mono, regular},
    widgets::{link, primary_button, section, small},
};
use crate::worker::TimerFiles;
use egui::{Color32, Label, RichText, ScrollArea, Ui};

/// Shows the files and the commands that register them; `advice` says who should run those.
pub fn files_ui(ui: &mut Ui, files: &TimerFiles, advice: &str) {
    let palette = *Palette::of(ui);
    ScrollArea::vertical()
        .id_salt("files for the scheduler")
        .max_height(240.0)
        .min_scrolled_height(240.0)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            for (name, text) in &files.files {
                lines(ui, name, palette.muted);
                lines(ui, text.trim_end(), palette.text);
            }
        });
    section(ui, "To register them");
    let commands = files.commands.join("\n");
    lines(ui, &commands, palette.text);
    ui.horizontal_wrapped(|ui| {
        if link(ui, "Copy the commands").clicked() {
            ui.ctx().copy_text(commands.clone());
        }
        small(ui, advice);
    });
    ui.add_space(4.0);
}

/// The button that writes them, or where they were written; whether it was pressed.
pub fn write_ui(ui: &mut Ui, files: &TimerFiles) -> bool {
    let palette = *Palette::of(ui);
    let folder = files.folder.display();
    if files.written {
        let written = RichText::new(format!("Written to {folder}"))
            .font(regular(12.0))
            .color(palette.log);
        ui.add(Label::new(written).wrap());
        return false;
    }
    primary_button(ui, "Write the files", 130.0, true)
        .on_hover_text(format!("Into {folder}"))
        .clicked()
}

fn lines(ui: &mut Ui, text: &str, color: Color32) {
    let text = RichText::new(text).font(mono(11.0)).color(color);
    ui.add(Label::new(text).wrap().selectable(true));
}
