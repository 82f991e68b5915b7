//! The table of backups: the text beside the picture. Only visible rows are laid out.

mod cells;

use super::{
    set_menu::set_menu_ui,
    theme::{Palette, regular, semibold},
    timeline::role_words,
    widgets::paint_clipped,
};
use crate::{
    domain::{BackupSet, BackupType, DatabaseHistory, FileMark, Lost},
    explain::{backup_word, figures, mark_sentence, mark_word, set_name},
    state::{Action, DatabaseView, FilesAction, FilesBeside, RestoreChoice, State},
};
use cells::cells;
use egui::{Align2, Role, Sense, TextEdit, Ui, WidgetInfo, vec2};
use egui_extras::{Column, TableBuilder};
use uuid::Uuid;

/// What the table is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SortBy {
    Kind,
    #[default]
    Finished,
    Duration,
    Size,
    Compressed,
    Checksum,
    File,
}

impl SortBy {
    const ALL: [Self; 7] = [
        Self::Kind,
        Self::Finished,
        Self::Duration,
        Self::Size,
        Self::Compressed,
        Self::Checksum,
        Self::File,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Kind => "Type",
            Self::Finished => "Finished",
            Self::Duration => "Duration",
            Self::Size => "Size",
            Self::Compressed => "Compressed",
            Self::Checksum => "Checksum",
            Self::File => "File",
        }
    }
}

/// Memory of the table: order, filter, and which rows they give.
#[derive(Debug)]
pub struct BackupTable {
    sort: SortBy,
    newest_first: bool,
    filter: String,
    kinds: [bool; 3],
    /// Positions in the history, in the order of the rows; `None` is all of them, newest first.
    rows: Option<Vec<u32>>,
    rows_for: Option<RowsKey>,
    scrolled_to: Option<Uuid>,
    /// What was said last about the chosen backup, and for what.
    why: Option<(WhyKey, Option<String>)>,
}

type WhyKey = (Uuid, u64, RestoreChoice);

#[derive(Clone, Debug, PartialEq)]
struct RowsKey {
    generation: u64,
    sort: SortBy,
    newest_first: bool,
    filter: String,
    kinds: [bool; 3],
    mark: Option<FileMark>,
}

impl Default for BackupTable {
    fn default() -> Self {
        Self {
            sort: SortBy::Finished,
            newest_first: true,
            filter: String::new(),
            kinds: [true; 3],
            rows: None,
            rows_for: None,
            scrolled_to: None,
            why: None,
        }
    }
}

impl BackupTable {
    /// Shows the table in the rest of the page.
    pub fn ui(&mut self, ui: &mut Ui, state: &State, database: &DatabaseView) -> Vec<Action> {
        let mut actions = Vec::new();
        self.bar_ui(ui, state, database, &mut actions);
        self.why_ui(ui, state, database);
        self.find_rows(state, &database.history);
        self.table_ui(ui, state, database, &mut actions);
        actions
    }

    fn bar_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        database: &DatabaseView,
        actions: &mut Vec<Action>,
    ) {
        let palette = *Palette::of(ui);
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            ui.add_space(18.0);
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.spacing_mut().button_padding = vec2(8.0, 3.0);
            for (idx, (kind, title)) in [
                (BackupType::Full, "Full"),
                (BackupType::Differential, "Differential"),
                (BackupType::Log, "Log"),
            ]
            .into_iter()
            .enumerate()
            {
                let count = database.history.lane(kind).map_or(0, |lane| lane.len()) as u64;
                let text = format!("{title} {}", figures::count(count));
                if let Some(shown) = self.kinds.get_mut(idx) {
                    let response = super::widgets::choice(ui, &text, *shown)
                        .on_hover_text(format!("Show or hide these in the table: {title}"));
                    if response.clicked() {
                        *shown = !*shown;
                    }
                }
            }
            if let Some(files) = state.files_beside() {
                marks_ui(ui, state, database, files, actions);
            }
            ui.add_space(6.0);
            let width = (ui.available_width() - 18.0).clamp(80.0, 220.0);
            ui.add(
                TextEdit::singleline(&mut self.filter)
                    .hint_text("Find a file, date or type")
                    .font(regular(12.0))
                    .align(Align2::LEFT_CENTER)
                    .desired_width(width),
            )
            .accessible_name("Find backups");
            if self.rows.as_ref().is_some_and(Vec::is_empty) {
                ui.label(egui::RichText::new("No backup matches").color(palette.at_risk));
            }
        });
        ui.add_space(2.0);
    }

    /// Why the chosen backup is in the plan, or why not.
    fn why_ui(&mut self, ui: &mut Ui, state: &State, database: &DatabaseView) {
        let Some(uuid) = state.chosen_set else {
            self.why = None;
            return;
        };
        let key = (uuid, state.generation, state.choice.clone());
        if self.why.as_ref().is_none_or(|(known, _)| *known != key) {
            let set = database.history.set_by_uuid(uuid);
            let words = role_words(state, database, uuid)
                .zip(set)
                .map(|(role, set)| {
                    let mut name = set_name(set);
                    if let Some(rest) = name.strip_prefix("the ") {
                        name = rest.to_owned();
                    }
                    format!("{name} · {role}")
                });
            self.why = Some((key, words));
        }
        if let Some((_, Some(words))) = &self.why {
            ui.horizontal(|ui| {
                ui.add_space(18.0);
                ui.add(
                    egui::Label::new(
                        egui::RichText::new(words)
                            .font(regular(12.0))
                            .color(Palette::of(ui).text),
                    )
                    .truncate(),
                );
            });
        }
    }

    fn find_rows(&mut self, state: &State, history: &DatabaseHistory) {
        let files = state.files_beside().filter(|files| files.is_joined());
        let key = RowsKey {
            generation: state.generation,
            sort: self.sort,
            newest_first: self.newest_first,
            filter: self.filter.trim().to_lowercase(),
            kinds: self.kinds,
            mark: state.files.filter.filter(|_| files.is_some()),
        };
        if self.rows_for.as_ref() == Some(&key) {
            return;
        }
        let plain = key.sort == SortBy::Finished
            && key.filter.is_empty()
            && key.kinds == [true; 3]
            && key.mark.is_none();
        self.rows = (!plain).then(|| {
            let mut rows: Vec<u32> = history
                .sets()
                .enumerate()
                .filter(|(_, set)| shows(&key, set))
                .filter(|(_, set)| {
                    let mark = files.and_then(|files| files.mark(set.uuid));
                    key.mark.is_none() || key.mark == mark
                })
                .map(|(idx, _)| idx as u32)
                .collect();
            if key.sort != SortBy::Finished {
                rows.sort_by_cached_key(|&idx| {
                    history.set(idx as usize).map(|set| sort_key(key.sort, set))
                });
            }
            rows
        });
        self.rows_for = Some(key);
    }

    fn n_rows(&self, history: &DatabaseHistory) -> usize {
        self.rows.as_ref().map_or(history.len(), Vec::len)
    }

    /// The set in a row.
    fn set_in<'a>(&self, row: usize, history: &'a DatabaseHistory) -> Option<&'a BackupSet> {
        let n = self.n_rows(history);
        let row = if self.newest_first {
            n.checked_sub(row + 1)?
        } else {
            row
        };
        match &self.rows {
            None => history.set(row),
            Some(rows) => history.set(*rows.get(row)? as usize),
        }
    }

    /// The row of a set.
    fn row_of(&self, uuid: Uuid, history: &DatabaseHistory) -> Option<usize> {
        let index = history.index_of(uuid)?;
        let place = match &self.rows {
            None => index,
            Some(rows) => rows.iter().position(|&row| row as usize == index)?,
        };
        Some(if self.newest_first {
            self.n_rows(history).checked_sub(place + 1)?
        } else {
            place
        })
    }

    fn table_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        database: &DatabaseView,
        actions: &mut Vec<Action>,
    ) {
        let palette = *Palette::of(ui);
        let history = &database.history;
        let n_rows = self.n_rows(history);
        // What the plan uses last is what the marker stands in.
        let marked = state
            .plan
            .plan()
            .and_then(|plan| plan.steps.last())
            .map(|step| step.backup_set_uuid);
        let shown = state.chosen_set.or(marked);
        let visuals = ui.visuals_mut();
        visuals.selection.bg_fill = palette.selected;
        visuals.widgets.hovered.bg_fill = palette.panel;
        ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
        let [kind, finished, duration, bytes, compressed, checksum] =
            if ui.available_width() < 800.0 {
                [100.0, 106.0, 56.0, 62.0, 74.0, 58.0]
            } else {
                [112.0, 118.0, 70.0, 70.0, 84.0, 70.0]
            };
        let mut table = TableBuilder::new(ui)
            .id_salt("backups")
            .striped(false)
            .sense(Sense::click())
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Column::exact(kind))
            .column(Column::exact(finished))
            .column(Column::exact(duration))
            .column(Column::exact(bytes))
            .column(Column::exact(compressed))
            .column(Column::exact(checksum))
            .column(Column::remainder().at_least(120.0).clip(true))
            .auto_shrink([false, false]);
        if self.scrolled_to != shown {
            self.scrolled_to = shown;
            if let Some(row) = shown.and_then(|uuid| self.row_of(uuid, history)) {
                table = table.scroll_to_row(row, Some(egui::Align::Center));
            }
        }
        let used: std::collections::HashSet<Uuid> = state
            .plan
            .plan()
            .map(|plan| plan.steps.iter().map(|s| s.backup_set_uuid).collect())
            .unwrap_or_default();
        table
            .header(26.0, |mut header| {
                for column in SortBy::ALL {
                    header.col(|ui| self.title_ui(ui, column));
                }
            })
            .body(|body| {
                body.rows(26.0, n_rows, |mut row| {
                    let Some(set) = self.set_in(row.index(), history) else {
                        return;
                    };
                    row.set_selected(Some(set.uuid) == shown);
                    let is_used = used.contains(&set.uuid);
                    let lost = state.choice.without.contains(&Lost::Set(set.uuid));
                    let mark = state
                        .files_beside()
                        .and_then(|files| files.mark(set.uuid))
                        .filter(|mark| *mark != FileMark::Found);
                    cells(&mut row, set, is_used, lost, mark, &palette);
                    let response = row.response();
                    response.widget_info(|| {
                        WidgetInfo::selected(
                            Role::Row,
                            true,
                            Some(set.uuid) == shown,
                            format!(
                                "{} {}",
                                backup_word(set.kind()),
                                figures::date_time(set.finish().server)
                            ),
                        )
                    });
                    if response.clicked() {
                        actions.push(Action::ShowSet(set.uuid));
                    }
                    if response.double_clicked() {
                        actions.push(Action::GoTo(set.finish().instant.seconds()));
                    }
                    response.context_menu(|ui| set_menu_ui(ui, state, database, set, actions));
                });
            });
    }

    fn title_ui(&mut self, ui: &mut Ui, column: SortBy) {
        let palette = *Palette::of(ui);
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::click());
        let chosen = self.sort == column;
        response.widget_info(|| {
            WidgetInfo::selected(
                Role::ColumnHeader,
                true,
                chosen,
                format!("Sort by {}", column.title()),
            )
        });
        let arrow = match (chosen, self.newest_first) {
            (false, _) => "",
            (true, true) => " ↓",
            (true, false) => " ↑",
        };
        let left = if column == SortBy::Kind { 18.0 } else { 0.0 };
        let mut text = rect;
        text.min.x += left;
        let (font, color) = if chosen {
            (semibold(11.5), palette.text)
        } else {
            (regular(11.5), palette.muted)
        };
        paint_clipped(
            ui,
            text,
            Align2::LEFT_CENTER,
            &format!("{}{arrow}", column.title()),
            font,
            color,
        );
        if response.clicked() {
            if chosen {
                self.newest_first = !self.newest_first;
            } else {
                self.sort = column;
                self.newest_first = column != SortBy::Kind && column != SortBy::File;
            }
        }
    }
}

fn shows(key: &RowsKey, set: &BackupSet) -> bool {
    let [full, differential, log] = key.kinds;
    let kind_shown = match set.kind() {
        BackupType::Full => full,
        BackupType::Differential => differential,
        BackupType::Log => log,
        _ => true,
    };
    kind_shown
        && (key.filter.is_empty()
            || backup_word(set.kind()).contains(&key.filter)
            || set
                .device_names()
                .any(|name| name.to_lowercase().contains(&key.filter))
            || figures::date_time(set.finish().server)
                .to_lowercase()
                .contains(&key.filter))
}

/// What the words of a mark take in front of the file.
const MARK_WIDTH: f32 = 88.0;

/// Chips that show only what differs between the history and the files beside it.
fn marks_ui(
    ui: &mut Ui,
    state: &State,
    database: &DatabaseView,
    files: &FilesBeside,
    actions: &mut Vec<Action>,
) {
    let chosen = state.files.filter;
    for mark in [FileMark::Missing, FileMark::Changed, FileMark::Unknown] {
        let count = files.count(&database.history, mark);
        if count == 0 && chosen != Some(mark) {
            continue;
        }
        let text = format!("{} {}", mark_word(mark), figures::count(count as u64));
        let response = super::widgets::choice(ui, &text, chosen == Some(mark)).on_hover_text(
            format!("Show only these in the table: {}", mark_sentence(mark)),
        );
        if response.clicked() {
            let next = (chosen != Some(mark)).then_some(mark);
            actions.push(Action::Files(FilesAction::Filter(next)));
        }
    }
    let gone = files.count(&database.history, FileMark::Missing)
        + files.count(&database.history, FileMark::Changed);
    if gone > 0 {
        let without = state.plans_without_missing(files, &database.history);
        let response = super::widgets::choice(ui, "plan without missing", without)
            .on_hover_text("Plan as if the backups whose files are missing or changed were lost");
        if response.clicked() {
            actions.push(Action::Files(FilesAction::PlanWithoutMissing(!without)));
        }
    }
}

/// What rows are compared by: a number, then a text.
fn sort_key(sort: SortBy, set: &BackupSet) -> (u64, String) {
    match sort {
        SortBy::Kind => (u64::from(u32::from(set.kind().letter())), String::new()),
        SortBy::Finished => (0, String::new()),
        SortBy::Duration => (set.seconds().max(0) as u64, String::new()),
        SortBy::Size => (set.backup_size().unwrap_or(0), String::new()),
        SortBy::Compressed => (set.compressed_size().unwrap_or(0), String::new()),
        SortBy::Checksum => (u64::from(set.has_checksums()), String::new()),
        SortBy::File => (0, set.device_names().next().unwrap_or("").to_lowercase()),
    }
}
