//! The cells of one backup in the table.

use super::MARK_WIDTH;
use crate::{
    domain::{BackupSet, BackupType, FileMark, Trouble},
    explain::{backup_word, figures, mark_sentence, mark_word, trouble},
    ui::{
        theme::{Palette, mono, regular, semibold},
        timeline::kind_color,
        widgets::paint_clipped,
    },
};
use egui::{Align2, CornerRadius, Rect, Ui, pos2, vec2};

/// Taken by a service that keeps it to itself: the row tells when, and nothing else.
fn of_service(set: &BackupSet) -> bool {
    set.backup_set_id().is_none()
        && set.device_names().next().is_none()
        && set.backup_size().is_none()
        && set.origin.software_major_version.is_none()
}

pub(super) fn cells(
    row: &mut egui_extras::TableRow<'_, '_>,
    set: &BackupSet,
    used: bool,
    lost: bool,
    mark: Option<FileMark>,
    palette: &Palette,
) {
    let color = if lost {
        palette.danger
    } else if set.trouble().is_some() || set.is_probe() {
        palette.muted
    } else {
        palette.text
    };
    let text = |ui: &mut Ui, words: &str, font: egui::FontId, color: egui::Color32| {
        let rect = ui.max_rect();
        paint_clipped(ui, rect, Align2::LEFT_CENTER, words, font, color);
    };
    row.col(|ui| {
        let rect = ui.max_rect();
        let square =
            Rect::from_center_size(pos2(rect.left() + 22.0, rect.center().y), vec2(8.0, 8.0));
        let kind = kind_color(palette, set.kind());
        ui.painter()
            .rect_filled(square, CornerRadius::same(2), kind);
        let mut words = match set.kind() {
            BackupType::Full => "Full".to_owned(),
            BackupType::Differential => "Differential".to_owned(),
            BackupType::Log => "Log".to_owned(),
            other => backup_word(other).to_owned(),
        };
        if set.is_copy_only() {
            words.push_str(" (copy)");
        }
        let mut area = rect;
        area.min.x += 32.0;
        let font = if used { semibold(12.0) } else { regular(12.0) };
        paint_clipped(ui, area, Align2::LEFT_CENTER, &words, font, color);
    });
    row.col(|ui| {
        text(
            ui,
            &figures::short_date_time(set.finish().server),
            regular(12.0),
            color,
        );
    });
    row.col(|ui| {
        text(
            ui,
            &figures::duration(set.seconds() as f64),
            regular(12.0),
            color,
        )
    });
    let size_words = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), figures::size);
    row.col(|ui| text(ui, &size_words(set.backup_size()), regular(12.0), color));
    row.col(|ui| text(ui, &size_words(set.compressed_size()), regular(12.0), color));
    row.col(|ui| {
        let words = match (set.trouble(), set.has_checksums()) {
            _ if of_service(set) => "–",
            _ if lost => "lost",
            _ if set.is_probe() => "probe",
            (Some(Trouble::Deleted { .. }), _) => "deleted",
            (Some(_), _) => "unusable",
            (None, true) => "yes",
            (None, false) => "no",
        };
        text(ui, words, regular(12.0), color);
    });
    row.col(|ui| {
        let names: Vec<&str> = set.device_names().collect();
        let nothing = if of_service(set) {
            "kept by Azure"
        } else {
            "unknown"
        };
        let first = names.first().copied().unwrap_or(nothing);
        let short = first.rsplit(['\\', '/']).next().unwrap_or(first);
        let words = match names.len() {
            0 | 1 => short.to_owned(),
            n => format!("{short} (+{})", n - 1),
        };
        let response = ui.response();
        // The end tells one file from another.
        let beside = if mark.is_some() { MARK_WIDTH } else { 0.0 };
        let words = last_part(&words, ui.max_rect().width() - beside, 6.63);
        match mark {
            None => text(ui, &words, mono(11.0), palette.muted),
            Some(mark) => {
                let color = match mark {
                    FileMark::Missing => palette.danger,
                    FileMark::Changed => palette.at_risk,
                    FileMark::Found | FileMark::Unknown => palette.full,
                };
                text(ui, mark_word(mark), semibold(11.5), color);
                let mut rest = ui.max_rect();
                rest.min.x += MARK_WIDTH;
                paint_clipped(
                    ui,
                    rest,
                    Align2::LEFT_CENTER,
                    &words,
                    mono(11.0),
                    palette.muted,
                );
            }
        }
        if response.hovered() {
            let mut words = format!("{}\nposition {}", names.join("\n"), set.position);
            if let Some(why) = set.trouble() {
                words.push_str(&format!("\n{}", trouble(why)));
            }
            if let Some(mark) = mark {
                words.push_str(&format!("\n{}", mark_sentence(mark)));
            }
            response.show_tooltip_text(words);
        }
    });
}

/// The end of a text, with `…` before it where it does not fit; `advance` is the width of one character.
fn last_part(text: &str, width: f32, advance: f32) -> String {
    let room = (width / advance).floor().max(4.0) as usize;
    let length = text.chars().count();
    if length <= room {
        text.to_owned()
    } else {
        let kept: String = text.chars().skip(length - room + 1).collect();
        format!("…{kept}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_name_keeps_its_end() {
        assert_eq!(
            last_part("OctopusAI_log_083000.trn", 70.0, 7.0),
            "…83000.trn"
        );
        assert_eq!(last_part("short.trn", 70.0, 7.0), "short.trn");
        assert_eq!(last_part("größe_äöü.trn", 35.0, 7.0), "….trn");
    }
}
