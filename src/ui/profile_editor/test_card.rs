//! The card that tells how the test went: who answered, what is wrong, or which certificate was shown.

use super::draft::{Draft, EncryptionKind};
use crate::{
    explain::Problem,
    state::{SeenCertificate, State},
    ui::{
        dialogs::spaced,
        empty::paragraph,
        theme::{Palette, card, mono},
        widgets::{button, section, small, strong},
    },
    worker::ServerInfo,
};
use egui::{Label, Response, RichText, Ui};

/// What the test said of this draft.
pub(super) fn test_ui(ui: &mut Ui, state: &State, draft: &mut Draft) -> Response {
    let palette = *Palette::of(ui);
    ui.add_space(8.0);
    let shown = card(&palette).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let result = state
            .test_result
            .as_ref()
            .filter(|(id, _)| *id == draft.id)
            .map(|(_, result)| result);
        match result {
            None => {
                strong(ui, "Testing…", 13.0);
            }
            Some(Ok(info)) => answered_ui(ui, info),
            Some(Err(problem)) => problem_ui(ui, problem),
        }
        if let Some(SeenCertificate { fingerprint, subject, .. }) = state
            .test_certificate
            .as_ref()
            .filter(|seen| seen.profile == draft.id)
        {
            ui.add_space(6.0);
            section(ui, "The server showed this certificate");
            ui.add(Label::new(RichText::new(subject).font(mono(11.5))).wrap());
            ui.add(
                Label::new(RichText::new(spaced(fingerprint)).font(mono(11.5)))
                    .wrap()
                    .selectable(true),
            );
            paragraph(ui, "Compare the fingerprint with one that you got on another way, then pin it and test again.");
            if button(ui, "Pin this certificate").clicked() {
                draft.encryption = EncryptionKind::Pinned;
                draft.fingerprint.clone_from(fingerprint);
            }
        }
    });
    shown.response
}

fn answered_ui(ui: &mut Ui, info: &ServerInfo) {
    let palette = *Palette::of(ui);
    ui.label(RichText::new(format!("✔ {} answers", info.name)).color(palette.log));
    small(
        ui,
        format!(
            "{} · {} · signed in as {}",
            info.version_text, info.edition, info.login
        ),
    );
}

pub(super) fn problem_ui(ui: &mut Ui, problem: &Problem) {
    let palette = *Palette::of(ui);
    ui.add(Label::new(RichText::new(&problem.sentence).color(palette.danger)).wrap());
    if !problem.hint.is_empty() {
        paragraph(ui, &problem.hint);
    }
    for line in &problem.details {
        ui.add(Label::new(RichText::new(line).font(mono(11.5)).color(palette.muted)).wrap());
    }
}
