//! What the form comes to: a line for each database, or the T-SQL.

use super::wrapped;
use crate::{
    domain::{BackupStep, Device},
    explain::{self, figures},
    state::BackupForm,
    ui::{
        sql_view::sql_ui,
        theme::{Palette, mono, semibold},
        widgets::{button, section, small},
    },
};
use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};

/// The plan in words, or as T-SQL.
pub(super) fn plan_ui(ui: &mut Ui, form: &BackupForm, height: f32) {
    if form.show_sql {
        script_ui(ui, form, height);
        return;
    }
    section(ui, "What will be done");
    ui.add_space(4.0);
    let Some(plan) = &form.plan else {
        small(ui, "The server is asked what it is…");
        return;
    };
    ScrollArea::vertical()
        .id_salt("backup plan")
        .max_height(height - 30.0)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            for step in &plan.steps {
                step_ui(ui, step);
                ui.add_space(8.0);
            }
            for (database, refusal) in &plan.refused {
                refused_ui(ui, form, database, refusal);
                ui.add_space(8.0);
            }
        });
}

fn step_ui(ui: &mut Ui, step: &BackupStep) {
    let palette = *Palette::of(ui);
    let expected = match (step.expected.bytes, step.expected.seconds) {
        (Some(bytes), Some(seconds)) => format!(
            "~{} · ~{}",
            figures::size(bytes),
            figures::stopwatch(seconds.max(1.0))
        ),
        (Some(bytes), None) => format!("~{}", figures::size(bytes)),
        (None, _) => "first of its kind".to_owned(),
    };
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            small(ui, expected).on_hover_text("As large and long as the last one of this kind");
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(
                    Label::new(
                        RichText::new(&step.database)
                            .font(semibold(13.0))
                            .color(palette.text),
                    )
                    .truncate(),
                );
            });
        });
    });
    let kind = explain::backup_kind(step.kind);
    let words = if step.chain.copy_only() {
        format!("{kind}, copy-only")
    } else {
        kind.to_owned()
    };
    let words = match (step.append, step.options.verify) {
        (true, true) => format!("{words} · behind others · read back"),
        (true, false) => format!("{words} · behind others"),
        (false, true) => format!("{words} · read back"),
        (false, false) => words,
    };
    wrapped(ui, &words, palette.muted);
    for device in step.devices.iter().take(3) {
        device_ui(ui, device);
    }
    if step.devices.len() > 3 {
        small(ui, format!("and {} more files", step.devices.len() - 3));
    }
    wrapped(ui, &explain::chain_reason(step), palette.muted);
    for note in &step.notes {
        let color = match note {
            crate::domain::BackupNote::LittleRoom { .. }
            | crate::domain::BackupNote::HoleInChain
            | crate::domain::BackupNote::KeyNeverBackedUp { .. }
            | crate::domain::BackupNote::BuildsOnUnknown => palette.at_risk,
            _ => palette.muted,
        };
        wrapped(ui, &explain::backup_note(note), color);
    }
}

fn device_ui(ui: &mut Ui, device: &Device) {
    let palette = *Palette::of(ui);
    ui.add(
        Label::new(
            RichText::new(explain::file_name(device.name()))
                .font(mono(11.0))
                .color(palette.muted),
        )
        .truncate(),
    )
    .on_hover_text(device.name());
}

fn refused_ui(
    ui: &mut Ui,
    form: &BackupForm,
    database: &str,
    refusal: &crate::domain::BackupRefusal,
) {
    let palette = *Palette::of(ui);
    let problem = explain::backup_refusal(database, form.request.kind, refusal);
    wrapped(ui, &format!("{}.", problem.sentence), palette.danger);
    wrapped(ui, &problem.hint, palette.muted);
}

fn script_ui(ui: &mut Ui, form: &BackupForm, height: f32) {
    let Some(script) = form.script() else {
        small(ui, "Nothing would run");
        return;
    };
    let sql = script.to_sql();
    ui.horizontal(|ui| {
        section(ui, "T-SQL");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button(ui, "Copy").clicked() {
                ui.ctx().copy_text(sql.clone());
            }
        });
    });
    ScrollArea::both()
        .id_salt("backup script")
        .max_height(height - 44.0)
        .auto_shrink([false, true])
        .show(ui, |ui| sql_ui(ui, &sql));
}
