//! The fields of a program that takes part in a run.

use super::{
    super::{
        form::{self, Form},
        theme::{Palette, card, mono},
        widgets::small,
    },
    draft::{DraftFault, HookDraft},
};
use crate::{
    explain::application_fault,
    settings::{ApplicationFault, HookPlace},
};
use egui::{TextEdit, Ui};

/// Shows the fields, with what is wrong in this place.
pub fn hook_ui(
    ui: &mut Ui,
    form: Form,
    hook: &mut HookDraft,
    place: HookPlace,
    faults: &[DraftFault],
) {
    let inner = Form {
        labels: form.labels - 13.0,
        field: form.field - 13.0,
    };
    let fault = |wanted: ApplicationFault| {
        faults
            .contains(&DraftFault::Application(wanted.clone()))
            .then(|| application_fault(&wanted))
    };
    ui.push_id(("hook", format!("{place:?}")), |ui| {
        card(Palette::of(ui)).show(ui, |ui| {
            inner.row(
                ui,
                "Program",
                fault(ApplicationFault::NoProgram(place)),
                |ui| {
                    path(
                        ui,
                        &mut hook.program,
                        inner.field,
                        "on this machine, with its path",
                    )
                },
            );
            inner.row(ui, "Arguments", None, |ui| {
                let hint = form::hint_text(ui, "one a line, as they are: no shell takes part");
                ui.add(
                    TextEdit::multiline(&mut hook.arguments)
                        .font(mono(11.5))
                        .desired_rows(2)
                        .hint_text(hint)
                        .desired_width(inner.field),
                )
            });
            inner.row(ui, "Folder", None, |ui| {
                path(ui, &mut hook.folder, inner.field, "where stopat runs")
            });
            let time = fault(ApplicationFault::NoTime(place)).or_else(|| {
                faults
                    .contains(&DraftFault::Time(place))
                    .then(|| application_fault(&ApplicationFault::NoTime(place)))
            });
            inner.row(ui, "At most", time, |ui| {
                ui.horizontal(|ui| {
                    let field = form::text(ui, &mut hook.timeout_secs, 70.0, "300");
                    small(
                        ui,
                        "seconds; then it is ended, with everything that it started",
                    );
                    field
                })
                .inner
            });
            let exit = faults
                .contains(&DraftFault::ExitCode(place))
                .then(|| "An exit code is a whole number".to_owned());
            inner.row(ui, "Exit code", exit, |ui| {
                ui.horizontal(|ui| {
                    let field = form::text(ui, &mut hook.expected_exit, 70.0, "0");
                    small(ui, "says that it worked");
                    field
                })
                .inner
            });
        });
    });
}

fn path(ui: &mut Ui, value: &mut String, width: f32, hint: &str) -> egui::Response {
    let hint = form::hint_text(ui, hint);
    ui.add(
        TextEdit::singleline(value)
            .font(mono(11.5))
            .hint_text(hint)
            .desired_width(width),
    )
}
