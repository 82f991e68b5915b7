//! The fleet: the databases of all servers on one page.

use super::{
    objectives::{Cell, Grid},
    theme::{Palette, semibold},
    widgets::{Dot, button, muted},
};
use crate::{
    explain::{self, figures},
    run::FleetRow,
    state::{Action, FleetAction, FleetSort, State},
    worker::{SaveAs, ServerId},
};
use egui::{Align, Frame, Label, Layout, Margin, RichText, ScrollArea, Sense, Ui};

const COLUMNS: [f32; 6] = [0.0, 0.22, 0.46, 0.58, 0.72, 0.88];

const TITLES: [(&str, FleetSort); 5] = [
    ("Server", FleetSort::Server),
    ("Database", FleetSort::Database),
    ("Objective", FleetSort::Status),
    ("Would be lost now", FleetSort::Loss),
    ("Size", FleetSort::Size),
];

/// Shows the page.
pub fn fleet_ui(ui: &mut Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    let palette = *Palette::of(ui);
    let rows = state.fleet.sorted();
    Frame::new()
        .inner_margin(Margin {
            left: 26,
            right: 26,
            top: 18,
            bottom: 12,
        })
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.add(Label::new(
                    RichText::new("All databases of all servers")
                        .font(semibold(17.0))
                        .color(palette.text),
                ));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    for (text, how) in
                        [("Export JSON…", SaveAs::Json), ("Export CSV…", SaveAs::Csv)]
                    {
                        if ui
                            .add_enabled(
                                !rows.is_empty(),
                                egui::Button::new(text).min_size(egui::vec2(0.0, 30.0)),
                            )
                            .clicked()
                        {
                            actions.push(Action::Fleet(FleetAction::Export(how)));
                        }
                    }
                    if button(ui, "Read again").clicked() {
                        actions.push(Action::Fleet(FleetAction::Read));
                    }
                });
            });
            summary_ui(ui, state, &rows);
            ui.add_space(6.0);
            ui.horizontal(|ui| {
                muted(ui, "Sort by");
                for (title, sort) in TITLES {
                    let chosen = state.fleet.sort == sort;
                    let text = match (chosen, state.fleet.rises()) {
                        (true, true) => format!("{title} ↑"),
                        (true, false) => format!("{title} ↓"),
                        _ => title.to_owned(),
                    };
                    if ui.selectable_label(chosen, text).clicked() {
                        actions.push(Action::Fleet(FleetAction::Sort(sort)));
                    }
                }
            });
            let grid = Grid {
                columns: &COLUMNS,
                size: 13.0,
                sense: Sense::click(),
            };
            ui.spacing_mut().item_spacing.y = 0.0;
            let mut titles: Vec<&str> = TITLES.iter().map(|(title, _)| *title).collect();
            titles.push("State");
            grid.header(ui, &titles);
            ScrollArea::vertical().auto_shrink(false).show_rows(
                ui,
                34.0,
                rows.len(),
                |ui, range| {
                    for (server, row) in rows.get(range).unwrap_or_default() {
                        row_ui(ui, &grid, *server, row, &mut actions);
                    }
                },
            );
        });
    actions
}

fn summary_ui(ui: &mut Ui, state: &State, rows: &[(ServerId, &FleetRow)]) {
    let count = |status: &str| {
        rows.iter()
            .filter(|(_, row)| row.problem.is_none() && row.status == status)
            .count() as u64
    };
    let dead = rows.iter().filter(|(_, row)| row.problem.is_some()).count() as u64;
    let databases = rows.len() as u64 - dead;
    let mut text = format!(
        "{}: {} met, {} at risk, {} missed, {} without a promise",
        figures::counted(databases, "database", "databases"),
        count("met"),
        count("at_risk"),
        count("missed"),
        count("unknown")
    );
    if dead > 0 {
        text.push_str(&format!(
            "; {} not read",
            figures::counted(dead, "server", "servers")
        ));
    }
    if let Some(servers) = state.fleet.reading {
        text.push_str(&format!(
            " · reading, {} of {} servers so far",
            state.fleet.rows.len(),
            servers
        ));
    }
    muted(ui, text);
}

fn row_ui(
    ui: &mut Ui,
    grid: &Grid<'_>,
    server: ServerId,
    row: &FleetRow,
    actions: &mut Vec<Action>,
) {
    let palette = *Palette::of(ui);
    let dash = || "—".to_owned();
    if let Some(problem) = &row.problem {
        let cells = [
            Cell::text(&row.server).with_dot(Dot::Unknown),
            Cell::colored(problem, palette.danger),
        ];
        let wide = Grid {
            columns: &[0.0, 0.22],
            size: grid.size,
            sense: Sense::hover(),
        };
        wide.row(ui, &cells).on_hover_text(problem);
        return;
    }
    let (dot, word) = match row.status {
        "met" => (Dot::Good, "met"),
        "at_risk" => (Dot::AtRisk, "at risk"),
        "missed" => (Dot::Missed, "missed"),
        _ => (Dot::Unknown, "none"),
    };
    let cells = [
        Cell::text(&row.server),
        Cell::text(row.database.clone().unwrap_or_default()),
        Cell::text(word).with_dot(dot),
        row.loss_seconds.map_or_else(
            || Cell::colored("everything", palette.danger),
            |seconds| Cell::text(figures::loss(seconds)),
        ),
        Cell::text(row.size_bytes.map_or_else(dash, explain::size)),
        Cell::text(row.state.clone().unwrap_or_default()),
    ];
    if grid.row(ui, &cells).clicked()
        && let Some(database) = &row.database
    {
        actions.push(Action::Fleet(FleetAction::Open(server, database.clone())));
    }
}
