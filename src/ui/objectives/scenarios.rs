//! The table of scenarios: promised, true now, estimated, measured; and what would meet a missed promise.

use super::{
    View,
    grid::{Cell, Grid},
    titled_card,
};
use crate::{
    domain::{Exposed, ScenarioKind, Standing, Status, UtcTime},
    explain::{self, figures},
    state::{Action, ObjectivesAction},
    ui::{
        theme::{Palette, regular},
        widgets::{Dot, link},
    },
    worker::DRILL_DAYS,
};
use egui::{Label, RichText, Sense, Ui};

/// Where the columns begin: as in the mockup, with room for the rows of a loss and the band of an estimate.
const COLUMNS: [f32; 6] = [0.0, 0.245, 0.34, 0.435, 0.643, 0.815];

const TITLES: [&str; 6] = [
    "Scenario",
    "RPO objective",
    "RTO objective",
    "RPO now",
    "RTO estimate",
    "RTO measured by drill",
];

/// The dot of a status.
pub fn dot(status: Status) -> Dot {
    match status {
        Status::Unknown => Dot::Unknown,
        Status::Met => Dot::Good,
        Status::AtRisk => Dot::AtRisk,
        Status::Missed => Dot::Missed,
    }
}

/// Shows the table, and below it what would help.
pub fn scenarios_ui(ui: &mut Ui, view: &View<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let shown = view.shown;
    let grid = Grid {
        columns: &COLUMNS,
        size: view.size(13.0),
        sense: Sense::hover(),
    };
    ui.spacing_mut().item_spacing.y = 0.0;
    grid.header(ui, &TITLES);
    for standing in &shown.judged.standings {
        let name = explain::scenario(standing.scenario);
        row_ui(ui, view, &grid, standing, name, true);
    }
    if let Some(worst) = &shown.judged.worst {
        let name = format!("Worst moment in {DRILL_DAYS} days");
        let clickable = Grid {
            sense: Sense::click(),
            ..grid
        };
        let at = worst.now.map(|now| now.at);
        let response = row_ui(ui, view, &clickable, worst, &name, false)
            .on_hover_text("Shows it on the timeline");
        if response.clicked()
            && let Some(since) = worst.now.map(|now| now.since)
            && at.is_some()
        {
            actions.push(Action::Objectives(ObjectivesAction::GoTo(since)));
        }
    }
    outside_ui(ui, view, &grid);
    actions.extend(back_up_outside_ui(ui, view));
    ui.spacing_mut().item_spacing.y = 8.0;
    if shown.judged.objectives.is_empty() {
        ui.add_space(4.0);
        super::note(
            ui,
            view,
            "Nothing is promised for this database. Edit its objectives, or say which application lives in it.",
        );
    }
    ui.scope(|ui| remedies_ui(ui, view));
    actions
}

fn row_ui(
    ui: &mut Ui,
    view: &View<'_>,
    grid: &Grid<'_>,
    standing: &Standing,
    name: &str,
    grows: bool,
) -> egui::Response {
    let palette = *Palette::of(ui);
    let dash = || "—".to_owned();
    let (loss, down) = standing.objective.map_or((dash(), dash()), |objective| {
        (
            explain::promise_range(objective.loss_secs),
            explain::promise_range(objective.down_secs),
        )
    });
    let seconds = standing.now.map(|now| {
        if grows {
            // It grows while somebody looks.
            view.state.server_now(view.shown.server).seconds() - now.since.seconds()
        } else {
            now.seconds()
        }
    });
    let is_azure = standing.scenario == ScenarioKind::AzurePointInTime;
    let now = match seconds {
        Some(seconds) => {
            let near = standing
                .allowed_loss_secs()
                .is_some_and(|allowed| (seconds - allowed).abs() < 60.0);
            // Around a promise seconds decide; elsewhere they only flicker.
            let age = if near && !grows {
                explain::duration(seconds)
            } else {
                figures::loss(seconds)
            };
            with_rows(view, age, standing.now)
        }
        None if is_azure => "not told".to_owned(),
        None => "everything".to_owned(),
    };
    let now = if standing.misses.loss_now || (seconds.is_none() && !is_azure) {
        Cell::colored(now, palette.danger)
    } else {
        Cell::text(now)
    };
    let estimate = standing
        .estimate
        .map_or_else(dash, |estimate| explain::estimate(&estimate));
    let estimate = if standing.misses.time {
        Cell::colored(estimate, palette.danger)
    } else {
        Cell::text(estimate)
    };
    let measured = standing.measured.map_or_else(dash, |(at, seconds)| {
        format!("{} · {}", explain::duration(seconds), day(view, at))
    });
    let cells = [
        Cell::text(name).with_dot(dot(standing.status)),
        Cell::text(loss),
        Cell::text(down),
        now,
        estimate,
        Cell::text(measured),
    ];
    let response = grid.row(ui, &cells);
    response.on_hover_text(hover(view, standing))
}

/// A loss in time, and in rows where they were counted.
fn with_rows(view: &View<'_>, time: String, exposed: Option<Exposed>) -> String {
    let rows = exposed.and_then(|exposed| {
        let lost = view.state.lost_rows()?;
        Some((lost.of(exposed)?, lost))
    });
    match rows {
        Some((rows, lost)) => {
            format!("{time} · {}", explain::lost_rows(rows, &lost.counted.what))
        }
        None => time,
    }
}

/// The sentences behind a row.
fn hover(view: &View<'_>, standing: &Standing) -> String {
    let mut lines = vec![format!("Objective {}", explain::status(standing.status))];
    lines.extend(explain::misses(standing));
    if let Some(allowed) = standing.allowed_loss_secs() {
        lines.push(format!(
            "Judged by the promised interval and the longest backup, {} together",
            explain::duration(allowed)
        ));
    }
    if let Some(median) = standing.median_secs {
        lines.push(median_words(median));
    }
    if let Some(estimate) = &standing.estimate {
        let runs = view
            .shown
            .judged
            .model
            .as_ref()
            .map_or(0, |model| model.runs());
        lines.push(format!("Estimate {}", explain::basis(estimate, runs)));
    }
    if let Some(lost) = view.state.lost_rows()
        && standing.now.is_some()
    {
        let table = format!("{}.{}", lost.schema, lost.counted.table);
        lines.push(format!(
            "Counted are {} of {} by {}, as far as they are there now; changed and deleted rows are not among them",
            lost.counted.what,
            view.name(&table, "a table"),
            view.name(&lost.counted.time_column, "their time")
        ));
    }
    if standing.scenario == ScenarioKind::AzurePointInTime {
        lines.push(
            "Azure promises no time; the objective is only that. Loss is the time since the beginning of the last backup that Azure tells of"
                .to_owned(),
        );
    }
    lines.join("\n")
}

/// Things outside SQL Server have a row of their own.
fn outside_ui(ui: &mut Ui, view: &View<'_>, grid: &Grid<'_>) {
    let palette = *Palette::of(ui);
    let now = view.state.own.now;
    for (outside, ran) in &view.shown.judged.outside {
        let age = ran.map(|ran| now.seconds() - ran.seconds());
        let allowed = outside
            .loss_minutes
            .map(|minutes| f64::from(minutes) * 60.0);
        let status = match (age, allowed) {
            (_, None) => Status::Unknown,
            // Its backup is made by somebody else; stopat knows of none.
            (None, Some(_)) => Status::AtRisk,
            (Some(age), Some(allowed)) if age > allowed => Status::Missed,
            (Some(_), Some(_)) => Status::Met,
        };
        let lost = match age {
            Some(age) if status == Status::Missed => {
                Cell::colored(figures::age(age), palette.danger)
            }
            Some(age) => Cell::text(figures::age(age)),
            None => Cell::colored("not known", palette.at_risk),
        };
        let cells = [
            Cell::text(format!("{} (its own backup)", outside.what)).with_dot(dot(status)),
            Cell::text(outside.loss_minutes.map_or_else(
                || "—".to_owned(),
                |minutes| explain::promise(minutes.saturating_mul(60)),
            )),
            Cell::text("—"),
            lost,
            Cell::text("—"),
            Cell::text("—"),
        ];
        grid.row(ui, &cells).on_hover_text(format!(
            "{}\nIts last backup is the last time that its own backup program ran from stopat.",
            outside.note
        ));
    }
}

/// Where the application names a program for it, its own backup can be run from here.
fn back_up_outside_ui(ui: &mut Ui, view: &View<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    for (outside, _) in &view.shown.judged.outside {
        if outside.backup.is_none() {
            continue;
        }
        ui.add_space(6.0);
        if view.state.objectives.backing_up.contains(&outside.what) {
            super::note(ui, view, &format!("{} is being backed up…", outside.what));
        } else if link(ui, &format!("Back up {} now", outside.what))
            .on_hover_text("Runs the program that its application names for it")
            .clicked()
        {
            let outside = Box::new(outside.clone());
            actions.push(Action::Objectives(ObjectivesAction::BackUpOutside(outside)));
        }
    }
    actions
}

fn remedies_ui(ui: &mut Ui, view: &View<'_>) {
    let palette = *Palette::of(ui);
    if !view.shown.judged.remedies.is_empty() {
        ui.add_space(6.0);
    }
    // Lines of text, not rows of buttons.
    ui.spacing_mut().interact_size.y = 0.0;
    for (scenario, remedy) in &view.shown.judged.remedies {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(6.0, 0.0);
            ui.add(Label::new(
                RichText::new(explain::scenario(*scenario))
                    .font(regular(view.size(12.0)))
                    .color(palette.at_risk),
            ));
            ui.add(
                Label::new(
                    RichText::new(explain::remedy(remedy))
                        .font(regular(view.size(12.0)))
                        .color(palette.text),
                )
                .wrap(),
            );
        });
    }
}

/// The worst moments with their causes; each leads to the timeline.
pub fn worst_moments_ui(ui: &mut Ui, view: &View<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let Some(standing) = view
        .shown
        .judged
        .standings
        .last()
        .filter(|s| !s.worst.is_empty())
    else {
        return actions;
    };
    let palette = *Palette::of(ui);
    let title = format!("Worst moments of the last {DRILL_DAYS} days");
    titled_card(ui, view, &title, 0.0, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let grid = Grid {
            columns: &[0.0, 0.24, 0.40],
            size: view.size(12.5),
            sense: Sense::click(),
        };
        grid.header(ui, &["Would have been lost", "At", "Because"]);
        for (exposed, cause) in &standing.worst {
            let seconds = exposed.seconds();
            let missed = standing
                .allowed_loss_secs()
                .is_some_and(|allowed| seconds > allowed);
            let lost = with_rows(view, explain::duration(seconds), Some(*exposed));
            let cells = [
                if missed {
                    Cell::colored(lost, palette.danger)
                } else {
                    Cell::text(lost)
                },
                Cell::text(moment(view, exposed.at)),
                Cell::text(explain::exposure_cause(cause)),
            ];
            let response = grid
                .row(ui, &cells)
                .on_hover_text("Shows the last moment before it on the timeline");
            if response.clicked() {
                actions.push(Action::Objectives(ObjectivesAction::GoTo(exposed.since)));
            }
        }
        if let Some(median) = standing.median_secs {
            ui.add_space(6.0);
            super::note(ui, view, &median_words(median));
        }
    });
    actions
}

fn median_words(median_secs: f64) -> String {
    format!(
        "Half of the time less than {} would have been lost",
        explain::duration(median_secs)
    )
}

/// A moment on the server's clock, short.
pub fn moment(view: &View<'_>, at: UtcTime) -> String {
    let offset = offset(view);
    explain::server_time_short(at.to_server(offset))
}

/// The time of day of a moment on the server's clock.
pub fn time_of_day(view: &View<'_>, at: UtcTime) -> String {
    figures::short_time_of_day(at.to_server(offset(view)))
}

/// The day of a moment on the server's clock.
pub fn day(view: &View<'_>, at: UtcTime) -> String {
    at.to_server(offset(view)).0.format("%-d %b").to_string()
}

fn offset(view: &View<'_>) -> crate::domain::UtcOffset {
    view.state
        .servers
        .get(&view.shown.server)
        .and_then(|server| server.info())
        .map_or(crate::domain::UtcOffset::ZERO, |info| info.utc_offset)
}
