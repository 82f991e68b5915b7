//! What a restore loses, reads and writes; and what could go wrong.

use super::super::{
    empty::paragraph,
    theme::{Palette, card, mix, mono, regular, semibold},
    widgets::{paint_clipped, small},
};
use crate::{
    domain::{Device, Target},
    explain::figures,
    run::{Action as StepAction, TailChoice},
    state::{Review, State},
};
use egui::{Align2, CollapsingHeader, Grid, Label, RichText, Sense, Stroke, Ui, vec2};

/// What leaves the database, and where it can still be found.
pub fn losses_ui(ui: &mut Ui, state: &State, review: &Review) {
    let palette = *Palette::of(ui);
    card(&palette)
        .stroke(Stroke::new(
            1.0,
            mix(palette.background, palette.danger, 0.6),
        ))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let database = &review.plan.database;
            let now = state.server_now(review.server).seconds();
            let lost = match review.plan.target {
                Target::At(_) | Target::Mark(_) => {
                    let then = review
                        .plan
                        .target
                        .moment()
                        .map_or(now, |moment| moment.instant.seconds());
                    format!(
                        "Everything that happened in {database} in the last {} leaves it.",
                        figures::duration((now - then).max(0.0).floor())
                    )
                }
                Target::Latest => format!(
                    "{database} is replaced by the latest state that its backups hold."
                ),
            };
            ui.add(
                Label::new(
                    RichText::new(lost)
                        .font(semibold(13.5))
                        .color(palette.text),
                )
                .wrap(),
            );
            let over = review
                .prepared
                .as_ref()
                .and_then(|prepared| prepared.choices.over.as_ref());
            let tail = match (over, review.prepared.as_ref()) {
                (Some(over), Some(prepared)) if over.has_tail() => match (&over.tail, &prepared.facts.tail_file) {
                    (TailChoice::BackUp, Some(file)) => format!(
                        "It stays in the backups and in the tail of the log, which is saved first to {file}."
                    ),
                    (TailChoice::GiveUp { .. }, _) => {
                        "What no backup holds yet is lost for good: the tail is not saved.".to_owned()
                    }
                    (TailChoice::BackUp, None) => String::new(),
                },
                (Some(_), _) => "There is no tail to save: the database keeps no log, or is RESTORING already.".to_owned(),
                (None, _) => String::new(),
            };
            if !tail.is_empty() {
                paragraph(ui, &tail);
            }
            if let Some(prepared) = &review.prepared {
                rows_ui(ui, &prepared.rows_now);
            }
        });
}

/// What the protected tables hold now; what they held then is known after the restore.
fn rows_ui(ui: &mut Ui, rows: &[(String, Option<u64>)]) {
    if rows.is_empty() {
        return;
    }
    let palette = *Palette::of(ui);
    ui.add_space(4.0);
    ui.spacing_mut().interact_size.y = 16.0;
    Grid::new("rows now")
        .num_columns(2)
        .spacing([24.0, 3.0])
        .show(ui, |ui| {
            small(ui, "Protected table");
            small(ui, "Rows now, about");
            ui.end_row();
            for (table, rows) in rows {
                ui.add(Label::new(
                    RichText::new(table).font(regular(12.0)).color(palette.text),
                ));
                let rows = rows.map_or_else(|| "not there".to_owned(), figures::count);
                ui.add(Label::new(
                    RichText::new(rows).font(semibold(12.0)).color(palette.text),
                ));
                ui.end_row();
            }
        });
    ui.spacing_mut().interact_size.y = 28.0;
}

/// Files that are read, and files that are written.
pub fn written_ui(ui: &mut Ui, review: &Review) {
    let plan = &review.plan;
    let target = crate::tsql::target_database(plan);
    let n_files: usize = plan.steps.iter().map(|step| step.devices.len()).sum();
    line(
        ui,
        &format!(
            "{} read",
            figures::counted(n_files as u64, "backup file is", "backup files are")
        ),
        &size_words(plan.bytes),
    );
    // A stripe holds its part of the set; how much, nobody has written down.
    let read: Vec<(String, String)> = plan
        .steps
        .iter()
        .flat_map(|step| {
            let size = match step.devices.len() {
                0 | 1 => size_words(step.bytes),
                n => format!("{} on {n} files", size_words(step.bytes)),
            };
            step.devices
                .iter()
                .map(move |device| (Device::name(device).to_owned(), size.clone()))
        })
        .collect();
    files_ui(ui, "files that are read", &read);
    ui.add_space(6.0);
    if !review.is_over() {
        let written: Vec<(String, String)> = plan
            .moves
            .iter()
            .map(|file| (file.to.clone(), size_words(file.file_size)))
            .collect();
        line(ui, target, "a new database");
        return files_ui(ui, "files that are written", &written);
    }
    line(ui, target, "its own files, in their places");
    let Some(prepared) = &review.prepared else {
        return;
    };
    let mut written: Vec<(String, String)> = prepared
        .written
        .iter()
        .map(|file| (file.path.clone(), size_words(file.bytes)))
        .collect();
    if let Some(file) = &prepared.facts.tail_file {
        written.push((file.clone(), "the tail of the log".to_owned()));
    }
    files_ui(ui, "files that are written", &written);
}

fn size_words(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "size unknown".to_owned(), figures::size)
}

/// Files with their sizes: the first of many, and the others on demand.
fn files_ui(ui: &mut Ui, what: &str, files: &[(String, String)]) {
    /// More than these are in the way of everything below.
    const SHOWN: usize = 6;
    let (first, more) = files.split_at(files.len().min(SHOWN));
    for (file, size) in first {
        line(ui, file, size);
    }
    if more.is_empty() {
        return;
    }
    CollapsingHeader::new(
        RichText::new(format!("{} more", figures::count(more.len() as u64))).font(regular(11.5)),
    )
    .id_salt(what)
    .show_unindented(ui, |ui| {
        for (file, size) in more {
            line(ui, file, size);
        }
    });
}

fn line(ui: &mut Ui, left: &str, right: &str) {
    let palette = *Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Label, true, format!("{left}, {right}"))
    });
    response.on_hover_text(left);
    let words = ui.painter().text(
        // Clear of the bar of the scroll area.
        rect.right_center() - vec2(8.0, 0.0),
        Align2::RIGHT_CENTER,
        right,
        regular(11.5),
        palette.muted,
    );
    let mut room = rect;
    room.set_right(words.left() - 10.0);
    paint_clipped(
        ui,
        room,
        Align2::LEFT_CENTER,
        left,
        mono(11.5),
        palette.text,
    );
}

/// What could go wrong, each with what is done then.
pub fn risks_ui(ui: &mut Ui, review: &Review) {
    let target = crate::tsql::target_database(&review.plan);
    let has_hook = review
        .steps
        .iter()
        .any(|step| matches!(step.action, StepAction::Hook(_)));
    let mut risks: Vec<(String, String)> = Vec::new();
    if review.is_over() {
        risks.push((
            "The tail cannot be written".to_owned(),
            "Nothing is overwritten. Another place is tried, and without a readable tail the run stops.".to_owned(),
        ));
    }
    risks.push((
        "The connection or this program is lost".to_owned(),
        format!(
            "Each step is in the journal before and after. The next start says how {target} stands, and goes on from there."
        ),
    ));
    risks.push((
        "A backup file is damaged or missing".to_owned(),
        "The run stops there. Treat that backup as lost on the timeline, and another way is planned, if there is one."
            .to_owned(),
    ));
    risks.push((
        "The last log does not reach the moment".to_owned(),
        format!("{target} stays RESTORING instead of coming up short; the next log can still be applied."),
    ));
    if has_hook {
        risks.push((
            "A program fails or hangs".to_owned(),
            "It is ended at its time with everything that it started, and the run waits for you: again, without it, or stop."
                .to_owned(),
        ));
    }
    for (what, then) in risks {
        let palette = *Palette::of(ui);
        ui.add(Label::new(RichText::new(what).font(semibold(12.5)).color(palette.text)).wrap());
        small_wrapped(ui, &then);
        ui.add_space(3.0);
    }
}

fn small_wrapped(ui: &mut Ui, text: &str) {
    let palette = *Palette::of(ui);
    ui.add(Label::new(RichText::new(text).font(regular(11.5)).color(palette.muted)).wrap());
}
