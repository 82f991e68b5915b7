//! What is protected: rows now, rows in the last verified restore, when it was changed last.

use super::{
    View,
    grid::{Cell, Grid},
    scenarios::moment,
    titled_card,
};
use crate::{
    explain::{self, figures},
    run::DrillResult,
    settings::{Application, Criticality},
    ui::theme::Palette,
    worker::TableFacts,
};
use egui::{Sense, Ui};
use std::collections::BTreeSet;

const COLUMNS: [f32; 6] = [0.0, 0.158, 0.43, 0.565, 0.68, 0.845];

/// Where rows are not counted, a sentence stands in the place of both counts.
const OUTSIDE_COLUMNS: [f32; 5] = [0.0, 0.158, 0.43, 0.565, 0.845];

/// Shows the table.
pub fn protected_ui(ui: &mut Ui, view: &View<'_>) {
    titled_card(ui, view, "What is protected", 0.0, |ui| {
        let Some(application) = &view.shown.judged.application else {
            return super::note(
                ui,
                view,
                "No application is known to live in this database. Describe one under Applications… in the menu.",
            );
        };
        let facts = view
            .state
            .objectives
            .tables
            .get(&(view.shown.server, view.shown.judged.database.clone()));
        let verified = view
            .shown
            .judged
            .last_verified()
            .and_then(|drill| drill.result.as_ref());
        ui.spacing_mut().item_spacing.y = 0.0;
        let grid = Grid {
            columns: &COLUMNS,
            size: view.size(12.5),
            sense: Sense::hover(),
        };
        grid.header(
            ui,
            &[
                "Data",
                "Tables",
                "Criticality",
                "Rows now",
                "In last verified restore",
                "Last change",
            ],
        );
        rows_ui(
            ui,
            view,
            &grid,
            application,
            facts.map(AsRef::as_ref),
            verified,
        );
        unclaimed_ui(ui, view, application, facts.map(AsRef::as_ref));
    });
}

fn rows_ui(
    ui: &mut Ui,
    view: &View<'_>,
    grid: &Grid<'_>,
    application: &Application,
    facts: Option<&TableFacts>,
    verified: Option<&DrillResult>,
) {
    let palette = *Palette::of(ui);
    for data in &application.protected {
        let full = |table: &str| format!("{}.{table}", application.schema);
        let missing: Vec<&str> = data
            .tables
            .iter()
            .map(String::as_str)
            .filter(|table| {
                facts.is_some_and(|facts| !facts.tables.contains_key(&full(table).to_lowercase()))
            })
            .collect();
        let now: Option<u64> = facts.map(|facts| {
            data.tables
                .iter()
                .filter_map(|table| facts.tables.get(&full(table).to_lowercase()))
                .map(|fact| fact.rows)
                .sum()
        });
        let then: Option<u64> = verified.and_then(|result| {
            data.tables
                .iter()
                .map(|table| result.rows_of(&full(table)))
                .sum()
        });
        let changed = facts.and_then(|facts| {
            data.tables
                .iter()
                .filter_map(|table| facts.tables.get(&full(table).to_lowercase()))
                .filter_map(|fact| fact.last_change)
                .max()
        });
        let (word, color) = match data.criticality {
            Criticality::Critical => ("Critical", palette.danger),
            Criticality::High => ("High", palette.at_risk),
            Criticality::Medium => ("Medium", palette.muted),
        };
        let dash = || "—".to_owned();
        let now_cell = if missing.is_empty() {
            Cell::text(now.map_or_else(dash, figures::count))
        } else {
            Cell::colored(
                format!(
                    "{} missing",
                    figures::counted(missing.len() as u64, "table", "tables")
                ),
                palette.danger,
            )
        };
        let tables = if view.presenter.names_hidden {
            figures::counted(data.tables.len() as u64, "table", "tables")
        } else {
            data.tables.join(", ")
        };
        let cells = [
            Cell::text(&data.data),
            Cell::mono(tables),
            Cell::colored(word, color),
            now_cell,
            Cell::text(then.map_or_else(dash, figures::count)),
            Cell::text(changed.map_or_else(dash, explain::server_time_short)),
        ];
        let mut hover = data.because.clone();
        if !view.presenter.names_hidden {
            hover.push_str(&format!("\n{}", data.tables.join(", ")));
        }
        if !missing.is_empty() {
            hover.push_str(&if view.presenter.names_hidden {
                "\nNot all of them are in the database".to_owned()
            } else {
                format!("\nNot in the database: {}", missing.join(", "))
            });
        }
        if changed.is_none() {
            hover.push_str("\nThe server does not tell when it was changed last");
        }
        grid.row(ui, &cells).on_hover_text(hover);
    }
    let grid = Grid {
        columns: &OUTSIDE_COLUMNS,
        ..*grid
    };
    for (outside, ran) in &view.shown.judged.outside {
        let last = ran.map_or_else(
            || "no backup from stopat yet".to_owned(),
            |ran| format!("last backup {}", moment(view, ran)),
        );
        let cells = [
            Cell::text(&outside.what),
            Cell::colored("not in SQL Server", palette.muted),
            Cell::colored("back up separately", palette.at_risk),
            Cell::text(last),
            Cell::text("—"),
        ];
        grid.row(ui, &cells)
            .on_hover_text(format!("{}\n{}", outside.where_it_is, outside.note));
    }
}

/// Tables that no application claims: nobody says whether their loss would matter.
fn unclaimed_ui(
    ui: &mut Ui,
    view: &View<'_>,
    application: &Application,
    facts: Option<&TableFacts>,
) {
    let Some(facts) = facts else { return };
    let mut claimed: BTreeSet<String> = application
        .protected_tables()
        .map(|table| format!("{}.{table}", application.schema).to_lowercase())
        .collect();
    claimed.extend(
        application
            .schema_check
            .iter()
            .map(|check| format!("{}.{}", application.schema, check.table).to_lowercase()),
    );
    let unclaimed: Vec<&str> = facts
        .tables
        .iter()
        .filter(|(key, _)| !claimed.contains(*key))
        .map(|(_, fact)| fact.name.as_str())
        .collect();
    ui.add_space(6.0);
    if unclaimed.is_empty() {
        return super::note(ui, view, "Every table of the database is claimed.");
    }
    let names = if view.presenter.names_hidden {
        String::new()
    } else {
        format!(": {}", unclaimed.join(", "))
    };
    super::note(
        ui,
        view,
        &format!(
            "{} that no application claims{names}",
            figures::counted(unclaimed.len() as u64, "table", "tables")
        ),
    );
}
