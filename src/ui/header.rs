//! The band at the top: where one is, and what time it is there.

use super::{
    theme::{Palette, regular, semibold, size},
    widgets::{BadgeStyle, badge},
};
use crate::{
    explain::figures,
    state::{Action, Page, State},
    worker::{DatabaseState, Platform, ServerId},
};
use egui::{Align, Align2, Button, Label, Layout, RichText, Stroke, Ui, vec2};

/// Shows the band, the database and both clocks.
pub fn header_ui(ui: &mut Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    let palette = *Palette::of(ui);
    ui.set_height(size::TOP_BAR);
    let rect = ui.max_rect();
    if state
        .selected_server()
        .is_some_and(|server| state.is_production(server))
    {
        let line = rect.with_max_y(rect.top() + 3.0);
        ui.painter().rect_filled(line, 0, palette.danger);
    }
    let button_width = back_up_ui(ui, state, &mut actions);
    let clock_width = clocks_ui(ui, state, button_width) + button_width;
    let mut left = rect;
    left.min.x += 16.0;
    left.max.x -= clock_width + 16.0;
    ui.scope_builder(
        egui::UiBuilder::new()
            .max_rect(left)
            .layout(Layout::left_to_right(Align::Center)),
        |ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            let tabs = tabs(state);
            let Some(server) = state.selected_server() else {
                tabs_ui(ui, state, &tabs, &mut actions);
                return;
            };
            let of_tabs = tabs_width(ui, &tabs);
            let hover = state.server().and_then(|view| view.info()).map(|info| {
                format!(
                    "{}\n{}\n{}\nsigned in as {}",
                    info.name, info.version_text, info.edition, info.login
                )
            });
            let band = state.band(server);
            if !band.is_empty() {
                let color = band_color(&palette, band, state.is_production(server));
                let response = badge(ui, band, color, BadgeStyle::Loud);
                if let Some(hover) = &hover {
                    response.on_hover_text(hover);
                }
            }
            let title = state
                .database_name()
                .unwrap_or_else(|| state.server_name(server));
            // What a narrow window has no room for stands in the sidebar as well.
            let left_over = ui.available_width() - of_tabs;
            let badges = if left_over > BADGES + 170.0 {
                Badges::All
            } else {
                Badges::State
            };
            let longer = if is_being_restored(state) { 56.0 } else { 0.0 };
            let room = (left_over - badges.width() - longer).max(90.0);
            ui.scope(|ui| {
                ui.set_max_width(room);
                let response = ui.add(
                    Label::new(
                        RichText::new(title)
                            .font(semibold(16.0))
                            .color(palette.text),
                    )
                    .truncate(),
                );
                if let Some(hover) = hover {
                    response.on_hover_text(hover);
                }
            });
            database_badges(ui, state, badges);
            tabs_ui(ui, state, &tabs, &mut actions);
        },
    );
    actions
}

/// What all badges of a database take, in points.
const BADGES: f32 = 270.0;

/// Which badges there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Badges {
    All,
    State,
}

impl Badges {
    fn width(self) -> f32 {
        match self {
            Self::All => BADGES,
            Self::State => 90.0,
        }
    }
}

fn database_badges(ui: &mut Ui, state: &State, badges: Badges) {
    let palette = *Palette::of(ui);
    let (Some(view), Some(name)) = (state.server(), state.database_name()) else {
        return;
    };
    ui.spacing_mut().item_spacing.x = 8.0;
    let being_restored = is_being_restored(state);
    match view.summary(name) {
        Some(summary) => {
            let (word, color) = match &summary.state {
                _ if being_restored => ("BEING RESTORED".to_owned(), palette.at_risk),
                DatabaseState::Online => ("ONLINE".to_owned(), palette.log),
                DatabaseState::Other(word) => (word.clone(), palette.at_risk),
                DatabaseState::HistoryOnly => (history_only_word(state).to_owned(), palette.muted),
            };
            badge(ui, &word, color, BadgeStyle::Calm);
            let platform = view.info().map(|info| info.platform).unwrap_or_default();
            if badges == Badges::State {
                return;
            }
            if platform != Platform::SqlServer {
                let response = badge(
                    ui,
                    crate::explain::platform_name(platform),
                    palette.full,
                    BadgeStyle::Calm,
                );
                if let Some(limits) = crate::explain::platform_limits(platform) {
                    response.on_hover_text(limits);
                }
            } else if let Some(model) = &summary.recovery_model {
                badge(
                    ui,
                    &format!("{} recovery", model.replace('_', "-")),
                    palette.muted,
                    BadgeStyle::Calm,
                );
            }
            if let Some(bytes) = summary.size_bytes {
                badge(ui, &figures::size(bytes), palette.muted, BadgeStyle::Calm)
                    .on_hover_text("Size of all its files");
            }
        }
        None => {
            badge(ui, "NOT LISTED YET", palette.muted, BadgeStyle::Calm);
        }
    }
}

/// Whether a run goes into the selected database right now.
fn is_being_restored(state: &State) -> bool {
    let selected = state.selected_server().zip(state.database_name());
    selected.is_some_and(|(server, name)| state.is_being_restored(server, name))
}

/// A database that no server was asked for.
fn history_only_word(state: &State) -> &'static str {
    match state.selected_server() {
        Some(ServerId::Folder(_)) => "FROM FILES",
        _ if state.is_only_in_files() => "ONLY IN FILES",
        _ => "ONLY IN THE HISTORY",
    }
}

/// The pages that there are, in their order.
fn tabs(state: &State) -> Vec<(&'static str, Page)> {
    let mut tabs = vec![("Timeline", Page::Timeline)];
    if state.database_name().is_some() {
        tabs.push(("Protection", Page::Protection));
    }
    if state.database.is_some() {
        tabs.push(("Objectives", Page::Objectives));
    }
    if let Some(run) = &state.run {
        let text = if run.report.is_none() {
            "Restore · running"
        } else {
            "Restore"
        };
        tabs.push((text, Page::Run));
    }
    if let Some(run) = &state.azure.run {
        let text = if run.running() {
            "Azure · running"
        } else {
            "Azure restore"
        };
        tabs.push((text, Page::AzureRun));
    }
    tabs.push(("Activity", Page::Activity));
    tabs
}

/// Between two tabs, in points.
const TAB_SPACE: f32 = 20.0;

fn tabs_width(ui: &Ui, tabs: &[(&'static str, Page)]) -> f32 {
    tabs.iter()
        .map(|(text, _)| {
            let galley = ui.painter().layout_no_wrap(
                (*text).to_owned(),
                semibold(13.0),
                egui::Color32::PLACEHOLDER,
            );
            galley.size().x + TAB_SPACE
        })
        .sum::<f32>()
        + 24.0
}

fn tabs_ui(ui: &mut Ui, state: &State, tabs: &[(&'static str, Page)], actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    ui.add_space(12.0);
    ui.spacing_mut().item_spacing.x = TAB_SPACE;
    // The review belongs to the timeline that it was opened from.
    let here = match state.page {
        Page::Review => Page::Timeline,
        page => page,
    };
    for &(text, page) in tabs {
        let chosen = page == here;
        let (font, color) = if chosen {
            (semibold(13.0), palette.text)
        } else {
            (regular(13.0), palette.muted)
        };
        let response = ui.add(
            Button::new(RichText::new(text).font(font).color(color))
                .frame(false)
                .min_size(vec2(0.0, 36.0)),
        );
        if chosen {
            let foot = response.rect.bottom() + 2.0;
            ui.painter().hline(
                response.rect.x_range().expand(2.0),
                foot,
                Stroke::new(2.0, palette.moment),
            );
        }
        if response.clicked() {
            actions.push(Action::ShowPage(page));
        }
    }
}

/// Production is red whatever its word; practice is blue; other words are calm.
fn band_color(palette: &Palette, band: &str, production: bool) -> egui::Color32 {
    let upper = band.to_uppercase();
    if production || upper.contains("PROD") {
        palette.danger
    } else if upper == "PRACTICE" {
        palette.full
    } else {
        palette.at_risk
    }
}

/// *Back up…* at the right edge where something is selected that can be backed up; returns how much room it took.
fn back_up_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) -> f32 {
    const WIDTH: f32 = 92.0;
    let Some(open) = state.back_up_selection() else {
        return 0.0;
    };
    let bar = ui.max_rect();
    let rect = egui::Rect::from_min_max(
        egui::pos2(bar.right() - 16.0 - WIDTH, bar.center().y - 16.0),
        egui::pos2(bar.right() - 16.0, bar.center().y + 16.0),
    );
    let button = Button::new(RichText::new("Back up…").font(semibold(13.0)));
    let response = ui
        .put(rect, button.min_size(rect.size()))
        .on_hover_text("Back the database up now, or several");
    if response.clicked() {
        actions.push(Action::Backup(open));
    }
    WIDTH + 14.0
}

/// Paints both clocks at the right edge, and returns how wide they are.
fn clocks_ui(ui: &mut Ui, state: &State, inset: f32) -> f32 {
    let palette = *Palette::of(ui);
    let rect = ui.max_rect();
    let right = rect.right() - 16.0 - inset;
    let own = state.own.now.to_server(state.own.offset);
    let own_text = format!(
        "You {} {}",
        own.0.format("%H:%M:%S"),
        figures::zone(state.own.offset)
    );
    let mut width: f32 = 0.0;
    let server = state
        .selected_server()
        .and_then(|server| state.server_wall_clock(server));
    if let Some((time, offset)) = server {
        let mut job = egui::text::LayoutJob::default();
        let format = |color| egui::TextFormat::simple(regular(13.0), color);
        job.append(
            &format!("Server {} ", time.0.format("%H:%M:%S")),
            0.0,
            format(palette.text),
        );
        job.append(&figures::zone(offset), 0.0, format(palette.muted));
        let galley = ui.painter().layout_job(job);
        width = galley.size().x;
        let at = egui::pos2(right - galley.size().x, rect.center().y - 17.0);
        ui.painter().galley(at, galley, palette.text);
        let own_rect = ui.painter().text(
            egui::pos2(right, rect.center().y + 9.0),
            Align2::RIGHT_CENTER,
            own_text,
            regular(11.5),
            palette.muted,
        );
        width.max(own_rect.width())
    } else {
        let own_rect = ui.painter().text(
            egui::pos2(right, rect.center().y),
            Align2::RIGHT_CENTER,
            own_text,
            regular(11.5),
            palette.muted,
        );
        width = width.max(own_rect.width());
        width
    }
}
