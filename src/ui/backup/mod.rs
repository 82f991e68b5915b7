//! Backups by hand: the dialog that puts one together, the browser of the server's folders, and what runs.

mod browser;
mod destination;
mod hints;
mod options;
mod plan;
mod runs;

pub use hints::{back_up_log_ui, hints_ui};
pub use runs::{WIDTH as RUNS_WIDTH, runs_ui};

use super::{
    form::Form,
    theme::{Palette, card, regular},
    widgets::{
        BadgeStyle, badge, button, choice, link, primary_button, small, strong, tall_button,
    },
};
use crate::{
    domain::{BackupKind, BackupOption, ChainChoice, option_unavailable},
    explain,
    state::{Action, Asked, BackupAction, BackupForm, Blocked, State},
    worker::ServerId,
};
use egui::{Align, Checkbox, Label, Layout, Response, RichText, ScrollArea, Ui, vec2};

/// The dialog's width, in points.
pub const WIDTH: f32 = 940.0;
const LEFT: f32 = 520.0;
/// Of the list of databases: four rows and a half, so that one sees that it goes on.
const LIST_HEIGHT: f32 = 158.0;
const FORM: Form = Form {
    labels: 104.0,
    field: 380.0,
};

/// Shows the form; what is chosen comes back as actions.
pub fn form_ui(ui: &mut Ui, state: &State, form: &BackupForm, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    let height = (ui.ctx().content_rect().height() - 190.0).clamp(260.0, 620.0);
    heading_ui(ui, state, form);
    ui.add_space(4.0);
    ui.horizontal_top(|ui| {
        ui.allocate_ui_with_layout(vec2(LEFT, height), Layout::top_down(Align::Min), |ui| {
            ui.set_min_size(vec2(LEFT, height));
            match (&form.facts, &form.browsing) {
                (Asked::Failed(problem), _) => facts_failed_ui(ui, problem, actions),
                (_, Some(browsing)) => browser::browser_ui(ui, form, browsing, actions),
                (_, None) => {
                    ScrollArea::vertical()
                        .id_salt("backup form")
                        .max_height(height)
                        .auto_shrink([false, false])
                        .show(ui, |ui| {
                            // The bar floats over the right edge.
                            ui.set_max_width(LEFT - 14.0);
                            what_ui(ui, state, form, actions);
                            destination::destination_ui(ui, state, form, actions);
                            options::options_ui(ui, form, actions);
                            running_ui(ui, form, actions);
                        });
                }
            }
        });
        ui.add_space(10.0);
        let rest = ui.available_width();
        ui.allocate_ui_with_layout(vec2(rest, height), Layout::top_down(Align::Min), |ui| {
            card(&palette).show(ui, |ui| {
                ui.set_min_size(vec2(rest - 26.0, height - 22.0));
                ui.set_max_width(rest - 26.0);
                plan::plan_ui(ui, form, height - 22.0);
            });
        });
    });
    footer_ui(ui, form, actions);
}

fn heading_ui(ui: &mut Ui, state: &State, form: &BackupForm) {
    let palette = *Palette::of(ui);
    let title = match form.request.databases.as_slice() {
        [only] => format!("Back up {only}"),
        several => format!(
            "Back up {}",
            explain::count(several.len(), "database", "databases")
        ),
    };
    ui.horizontal(|ui| {
        let band = state.band(form.server);
        if !band.is_empty() {
            let color = match form.server {
                ServerId::Practice => palette.full,
                ServerId::Profile(_) | ServerId::Folder(_) => palette.danger,
            };
            badge(ui, band, color, BadgeStyle::Loud);
        }
        strong(ui, title, 18.0);
        small(ui, format!("on {}", state.server_name(form.server)));
    });
}

fn facts_failed_ui(ui: &mut Ui, problem: &crate::explain::Problem, actions: &mut Vec<Action>) {
    strong(ui, problem.sentence.clone(), 14.0);
    wrapped(ui, &problem.hint, Palette::of(ui).muted);
    ui.add_space(8.0);
    if button(ui, "Ask again").clicked() {
        actions.push(Action::Backup(BackupAction::ReadFactsAgain));
    }
}

/// Small text that wraps.
fn wrapped(ui: &mut Ui, text: &str, color: egui::Color32) -> Response {
    ui.add(Label::new(RichText::new(text).font(regular(11.5)).color(color)).wrap())
}

/// Alternatives of which some may not be chosen, with the reason on hover and below.
fn guarded_choice(
    ui: &mut Ui,
    text: &str,
    chosen: bool,
    refusal: Option<&crate::domain::OptionRefusal>,
) -> bool {
    let response = ui
        .add_enabled_ui(refusal.is_none(), |ui| choice(ui, text, chosen))
        .inner;
    match refusal {
        Some(refusal) => {
            response.on_disabled_hover_text(explain::option_refusal(refusal));
            false
        }
        None => response.clicked(),
    }
}

fn what_ui(ui: &mut Ui, state: &State, form: &BackupForm, actions: &mut Vec<Action>) {
    let request = &form.request;
    FORM.row(ui, "Type", None, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (kind, label) in [
                (BackupKind::Full, "Full"),
                (BackupKind::Differential, "Differential"),
                (BackupKind::Log, "Log"),
            ] {
                if choice(ui, label, request.kind == kind).clicked() {
                    actions.push(Action::Backup(BackupAction::SetKind(kind)));
                }
            }
        })
        .response
    });
    FORM.note(
        ui,
        match request.kind {
            BackupKind::Full => "Everything: the way back begins with a full.",
            BackupKind::Differential => {
                "What changed since the last full that is not copy-only; a restore needs both."
            }
            BackupKind::Log => {
                "The log since the last log backup: every second in it can be restored."
            }
        },
    );
    databases_ui(ui, state, form, actions);
    chain_ui(ui, form, actions);
}

fn databases_ui(ui: &mut Ui, state: &State, form: &BackupForm, actions: &mut Vec<Action>) {
    let request = &form.request;
    FORM.row(ui, "Databases", None, |ui| {
        ui.horizontal(|ui| {
            let words = match request.databases.as_slice() {
                [] => "none chosen".to_owned(),
                [only] => only.clone(),
                several => explain::count(several.len(), "database", "databases"),
            };
            let room = FORM.field - 90.0;
            ui.scope(|ui| {
                ui.set_max_width(room);
                ui.add(Label::new(RichText::new(words).font(regular(13.0))).truncate());
            });
            let text = if form.show_databases {
                "fewer…"
            } else {
                "several…"
            };
            if link(ui, text)
                .on_hover_text("Choose the databases that are backed up")
                .clicked()
            {
                actions.push(Action::Backup(BackupAction::ShowDatabases(
                    !form.show_databases,
                )));
            }
        })
        .response
    });
    if !form.show_databases {
        return;
    }
    let Some(view) = state.servers.get(&form.server) else {
        return;
    };
    ui.horizontal(|ui| {
        ui.add_space(FORM.labels + ui.spacing().item_spacing.x);
        ui.vertical(|ui| {
            ui.set_max_width(FORM.field);
            ScrollArea::vertical()
                .id_salt("databases of a backup")
                // Inside another scrolling area it would shrink to less than two rows.
                .max_height(LIST_HEIGHT)
                .min_scrolled_height(LIST_HEIGHT)
                .auto_shrink([false, true])
                .show(ui, |ui| {
                    let (own, system): (Vec<_>, Vec<_>) =
                        view.databases.iter().partition(|d| !d.is_system);
                    for summary in own.into_iter().chain(system) {
                        if summary.state == crate::worker::DatabaseState::HistoryOnly {
                            continue;
                        }
                        let mut chosen = request.databases.contains(&summary.name);
                        let text = RichText::new(&summary.name).font(regular(12.0));
                        if ui.add(Checkbox::new(&mut chosen, text)).changed() {
                            actions.push(Action::Backup(BackupAction::ToggleDatabase(
                                summary.name.clone(),
                            )));
                        }
                    }
                });
        });
    });
}

fn chain_ui(ui: &mut Ui, form: &BackupForm, actions: &mut Vec<Action>) {
    let request = &form.request;
    let server = form.facts.told().map(|facts| &facts.server);
    let differential = request.kind == BackupKind::Differential;
    let refusal =
        server.and_then(|server| option_unavailable(BackupOption::CopyOnly, request, server));
    FORM.row(ui, "Chain", None, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (chain, label) in [
                (ChainChoice::Careful, "By the policy"),
                (ChainChoice::CopyOnly, "Copy-only"),
                (ChainChoice::PartOfChain, "Part of the chain"),
            ] {
                let chosen = request.chain == chain && !differential;
                if guarded_choice(ui, label, chosen, refusal.as_ref()) {
                    actions.push(Action::Backup(BackupAction::SetChain(chain)));
                }
            }
        })
        .response
    });
    let reason = match &refusal {
        Some(refusal) => explain::option_refusal(refusal),
        None => form
            .plan
            .as_ref()
            .and_then(|plan| plan.steps.first())
            .map(explain::chain_reason)
            .unwrap_or_else(|| explain::option_reason(BackupOption::CopyOnly).to_owned()),
    };
    FORM.note(ui, &reason);
}

fn running_ui(ui: &mut Ui, form: &BackupForm, actions: &mut Vec<Action>) {
    use crate::domain::AgentState;
    super::form::group(ui, "How it runs", |ui| {
        let agent = form
            .facts
            .told()
            .map_or(AgentState::Unknown, |facts| facts.server.agent);
        let refused = explain::agent_refusal(agent);
        FORM.row(ui, "Started", None, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                if choice(ui, "From here", !form.on_server).clicked() {
                    actions.push(Action::Backup(BackupAction::SetOnServer(false)));
                }
                let response = ui
                    .add_enabled_ui(refused.is_none(), |ui| {
                        choice(ui, "On the server", form.on_server)
                    })
                    .inner;
                if let Some(reason) = refused {
                    response.on_disabled_hover_text(reason);
                } else if response.clicked() {
                    actions.push(Action::Backup(BackupAction::SetOnServer(true)));
                }
            })
            .response
        });
        FORM.note(
            ui,
            match (refused, form.on_server) {
                (Some(reason), _) => reason,
                (None, false) => "stopat waits for it; closing the window stops it.",
                (None, true) => {
                    "As a one-time job of SQL Server Agent: it goes on when this PC is closed, and vanishes when it succeeded."
                }
            },
        );
        if form.request.databases.len() > 1 && !form.on_server {
            FORM.row(ui, "At once", None, |ui| {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 4.0;
                    for n in [1, 2, 4, 8] {
                        if choice(ui, &n.to_string(), form.request.at_once == n).clicked() {
                            actions.push(Action::Backup(BackupAction::SetAtOnce(n)));
                        }
                    }
                })
                .response
            });
            FORM.note(
                ui,
                "More at once only helps where the disks are faster than one backup.",
            );
        }
    });
}

fn footer_ui(ui: &mut Ui, form: &BackupForm, actions: &mut Vec<Action>) {
    let palette = *Palette::of(ui);
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        let blocked = form.blocked();
        let text = if form.show_sql { "Hide T-SQL" } else { "T-SQL" };
        if tall_button(ui, text, true)
            .on_hover_text("The statements that run, exactly as they are sent")
            .clicked()
        {
            actions.push(Action::Backup(BackupAction::ShowSql(!form.show_sql)));
        }
        if let Some(reason) = blocked {
            let words = match reason {
                Blocked::Asking => "The server is asked what it is…",
                Blocked::NoDatabase => "Choose a database",
                Blocked::Options => "An option cannot be had; see above",
                Blocked::AllRefused => "Nothing of it can be backed up this way",
                Blocked::Place => "The server does not see the folder",
            };
            ui.add(Label::new(
                RichText::new(words)
                    .font(regular(11.5))
                    .color(palette.at_risk),
            ));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = if form.on_server {
                "Start the job"
            } else {
                "Back up now"
            };
            if primary_button(
                ui,
                text,
                150.0,
                blocked.is_none() && form.browsing.is_none(),
            )
            .clicked()
            {
                actions.push(Action::Backup(BackupAction::Start));
            }
            if tall_button(ui, "Cancel", true).clicked() {
                actions.push(Action::CloseDialog);
            }
        });
    });
}
