//! Pointer, wheel, keys and screen readers, turned into actions.

use super::{
    Curve, Layout, TimeScale, marker_id,
    scale::ticks,
    words::{events_at, lane_set_at, words_at},
};
use crate::{
    domain::{EventKind, MarkStop},
    explain::figures,
    state::{Action, DatabaseView, MarkerStep, PlanningAction, RangePreset, State, TimeRange},
    ui::{backup::hints_ui, set_menu::set_menu_ui, suggestion::suggestion_ui, widgets::choice},
};
use egui::{
    Align, CursorIcon, EventFilter, Id, PointerButton, Pos2, Rect, Response, Sense, Ui, WidgetInfo,
    accesskit, vec2,
};

/// What the marker is called, for screen readers and tests.
pub const MARKER_NAME: &str = "Restore point";

/// A drag in progress.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Drag {
    #[default]
    None,
    /// The marker, held so many points beside its middle.
    Marker { grip: f32 },
    /// The lanes.
    Pan,
    /// The window of the overview: all of it, or one edge.
    Overview(Grip, TimeRange),
}

impl Drag {
    /// Where the pointer holds the marker now.
    pub fn marker(self, ctx: &egui::Context, scale: &TimeScale) -> Option<Action> {
        let Self::Marker { grip } = self else {
            return None;
        };
        let at = ctx.input(|input| {
            input
                .pointer
                .interact_pos()
                .filter(|_| input.pointer.primary_down())
        })?;
        Some(Action::DragMarker(
            scale.time_from_x(f64::from(at.x - grip)),
        ))
    }
}

/// Which part of the window on the overview is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grip {
    Whole,
    Begin,
    End,
}

/// How near to an edge or to the marker the pointer must be, in points.
const REACH: f32 = 7.0;

/// What is remembered from one frame to the next.
pub struct Memory<'a> {
    pub drag: &'a mut Drag,
    /// The backup that the context menu is about.
    pub menu_set: &'a mut Option<uuid::Uuid>,
    /// The marks whose signs it was opened on, as places among those of the history.
    pub menu_marks: &'a mut Vec<usize>,
}

/// Where everything stands in this frame.
pub struct Place<'a> {
    pub layout: &'a Layout,
    pub scale: &'a TimeScale,
    pub overview: &'a TimeScale,
    pub curve: &'a Curve,
}

/// Everything that happens on the timeline, but for its buttons.
pub fn interact(
    ui: &mut Ui,
    memory: &mut Memory<'_>,
    place: &Place<'_>,
    state: &State,
    database: &DatabaseView,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let (layout, scale) = (place.layout, place.scale);
    overview_window(ui, memory.drag, layout, place.overview, state, &mut actions);
    plot(ui, memory, place, state, database, &mut actions);
    marker(
        ui,
        memory.drag,
        layout,
        scale,
        state,
        database,
        &mut actions,
    );
    actions
}

fn overview_window(
    ui: &mut Ui,
    drag: &mut Drag,
    layout: &Layout,
    overview: &TimeScale,
    state: &State,
    actions: &mut Vec<Action>,
) {
    let response = ui.interact(
        layout.overview.expand(2.0),
        Id::unique("timeline overview"),
        Sense::click_and_drag(),
    );
    response.widget_info(|| {
        WidgetInfo::labeled(
            accesskit::Role::ScrollBar,
            true,
            "Visible part of the history",
        )
    });
    let begin = overview.x(state.visible.begin);
    let end = overview.x(state.visible.end);
    let grip_at = |at: Pos2| {
        if (at.x - begin).abs() <= REACH && end - begin > 3.0 * REACH {
            Some(Grip::Begin)
        } else if (at.x - end).abs() <= REACH && end - begin > 3.0 * REACH {
            Some(Grip::End)
        } else if (begin..=end).contains(&at.x) {
            Some(Grip::Whole)
        } else {
            None
        }
    };
    let origin = ui.input(|input| input.pointer.press_origin());
    if response.drag_started()
        && let Some(at) = origin.or(response.interact_pointer_pos())
    {
        let grip = grip_at(at).unwrap_or(Grip::Whole);
        let mut held = state.visible;
        if grip_at(at).is_none() {
            held = centred(state.visible, overview.time_from_x(f64::from(at.x)));
        }
        *drag = Drag::Overview(grip, held);
    }
    if let Drag::Overview(grip, held) = *drag {
        if response.dragged() {
            let moved = response.total_drag_delta().map_or(0.0, |delta| delta.x);
            let seconds = f64::from(moved) * overview.seconds_per_point();
            actions.push(Action::ShowRange(match grip {
                Grip::Whole => held.shifted(seconds),
                Grip::Begin => TimeRange::new(
                    (held.begin + seconds).min(held.end - crate::state::SHORTEST),
                    held.end,
                ),
                Grip::End => TimeRange::new(
                    held.begin,
                    (held.end + seconds).max(held.begin + crate::state::SHORTEST),
                ),
            }));
        }
        if response.drag_stopped() {
            *drag = Drag::None;
        }
    }
    if response.clicked()
        && let Some(at) = response.interact_pointer_pos()
        && grip_at(at).is_none()
    {
        let time = overview.time_from_x(f64::from(at.x));
        actions.push(Action::ShowRange(centred(state.visible, time)));
    }
    if let Some(at) = response.hover_pos() {
        ui.ctx().set_cursor_icon(match grip_at(at) {
            Some(Grip::Begin | Grip::End) => CursorIcon::ResizeHorizontal,
            Some(Grip::Whole) if response.dragged() => CursorIcon::Grabbing,
            Some(Grip::Whole) => CursorIcon::Grab,
            None => CursorIcon::PointingHand,
        });
    }
    wheel(ui, &response, overview, state.visible, actions);
}

fn centred(range: TimeRange, time: f64) -> TimeRange {
    range.shifted(time - (range.begin + range.end) / 2.0)
}

fn plot(
    ui: &mut Ui,
    memory: &mut Memory<'_>,
    place: &Place<'_>,
    state: &State,
    database: &DatabaseView,
    actions: &mut Vec<Action>,
) {
    let (layout, scale) = (place.layout, place.scale);
    let drag = &mut *memory.drag;
    let area = layout.plot.union(layout.axis);
    let response = ui.interact(area, Id::unique("timeline lanes"), Sense::click_and_drag());
    response.widget_info(|| {
        WidgetInfo::labeled(
            accesskit::Role::Canvas,
            true,
            format!(
                "Timeline, {} backups; the table below lists them",
                database.history.len()
            ),
        )
    });
    let pointer_time = |at: Pos2| scale.time_from_x(f64::from(at.x));
    if response.double_clicked_by(PointerButton::Primary)
        && let Some(at) = response.interact_pointer_pos()
    {
        actions.push(Action::PlaceMarker(pointer_time(at)));
        actions.push(Action::ShowRange(scale.zoomed(f64::from(at.x), 0.25)));
    } else if response.clicked()
        && let Some(at) = response.interact_pointer_pos()
    {
        ui.memory_mut(|memory| memory.request_focus(marker_id()));
        match events_at(at, layout, scale, database).first() {
            // The second before it still shows what was there.
            Some(event) => {
                actions.push(Action::GoTo(event.at.instant.seconds().ceil() - 1.0));
            }
            None => actions.push(Action::PlaceMarker(pointer_time(at))),
        }
    }
    if response.drag_started_by(PointerButton::Primary) {
        *drag = Drag::Pan;
    }
    if *drag == Drag::Pan {
        if response.dragged() {
            let moved = f64::from(response.drag_delta().x);
            if moved != 0.0 {
                actions.push(Action::ShowRange(scale.panned(-moved)));
            }
            ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        } else {
            *drag = Drag::None;
        }
    }
    wheel(ui, &response, scale, state.visible, actions);
    let quiet = *drag == Drag::None;
    if response.secondary_clicked() {
        let under = response
            .interact_pointer_pos()
            .and_then(|at| lane_set_at(at, layout, scale, database));
        *memory.menu_set = under.map(|set| set.uuid);
        let signs = response
            .interact_pointer_pos()
            .map(|at| events_at(at, layout, scale, database));
        *memory.menu_marks = signs
            .unwrap_or_default()
            .iter()
            .filter_map(|event| match event.kind {
                EventKind::Mark { index, .. } => Some(index),
                _ => None,
            })
            .collect();
    }
    if let Some(set) = memory
        .menu_set
        .and_then(|uuid| database.history.set_by_uuid(uuid))
    {
        response.context_menu(|ui| set_menu_ui(ui, state, database, set, actions));
    } else {
        response.context_menu(|ui| moment_menu_ui(ui, database, memory.menu_marks, actions));
    }
    if quiet
        && !response.context_menu_opened()
        && let Some(at) = response.hover_pos()
        && let Some(text) = words_at(at, place, state, database)
    {
        response.on_hover_text_at_pointer(text);
    }
}

/// What can be done where no backup stands.
fn moment_menu_ui(
    ui: &mut Ui,
    database: &DatabaseView,
    under: &[usize],
    actions: &mut Vec<Action>,
) {
    const MOST_MARKS: usize = 4;
    let latest = ui.button("Aim at the latest backed-up state");
    if latest.clicked() {
        actions.push(Action::Planning(PlanningAction::AimAtLatest));
        ui.close();
    }
    // The newest marks; older ones are reached from their signs.
    let marks = database.history.marks().iter().enumerate().rev();
    let offered = marks.filter(|(index, _)| under.is_empty() || under.contains(index));
    for (index, mark) in offered.take(MOST_MARKS) {
        for (stop, words) in [
            (MarkStop::At, "Aim at"),
            (MarkStop::Before, "Aim just before"),
        ] {
            let when = figures::short_date_time(mark.at.server);
            let words = format!("{words} the mark {} of {when}", mark.name);
            if ui.button(words).clicked() {
                actions.push(Action::Planning(PlanningAction::AimAtMark { index, stop }));
                ui.close();
            }
        }
    }
}

/// Wheel zooms, with Shift or sideways it moves, a pinch zooms.
fn wheel(
    ui: &Ui,
    response: &Response,
    scale: &TimeScale,
    visible: TimeRange,
    actions: &mut Vec<Action>,
) {
    // Another widget may lie above: the marker's handle must not stop the wheel.
    if !response.contains_pointer() {
        return;
    }
    let Some(at) = ui.input(|input| input.pointer.hover_pos()) else {
        return;
    };
    let (scroll, pinch, shift) = ui.input(|input| {
        (
            input.smooth_scroll_delta(),
            input.zoom_delta(),
            input.modifiers.shift,
        )
    });
    let sideways = if shift && scroll.x == 0.0 {
        scroll.y
    } else {
        scroll.x
    };
    if sideways != 0.0 {
        let per_point = visible.seconds() / scale.width;
        actions.push(Action::ShowRange(
            visible.shifted(-f64::from(sideways) * per_point),
        ));
    }
    let mut factor = 1.0 / f64::from(pinch.max(0.01));
    if !shift && scroll.y != 0.0 {
        factor *= (f64::from(-scroll.y) * 0.004).exp();
    }
    if (factor - 1.0).abs() > 1e-6 {
        let around = scale.time_from_x(f64::from(at.x));
        actions.push(Action::ShowRange(visible.zoomed(around, factor)));
    }
}

fn marker(
    ui: &mut Ui,
    drag: &mut Drag,
    layout: &Layout,
    scale: &TimeScale,
    state: &State,
    database: &DatabaseView,
    actions: &mut Vec<Action>,
) {
    let time = state.choice.moment.map(|moment| moment.instant.seconds());
    let x = time.map(|time| scale.x_from_time(time) as f32);
    let seen = x.filter(|x| layout.plot.x_range().expand(1.0).contains(*x));
    let line = seen.map(|x| {
        Rect::from_x_y_ranges(
            (x - REACH)..=(x + REACH),
            layout.plot.top()..=layout.plot.bottom(),
        )
    });
    let flag = x.map(|x| super::paint::flag_rect(layout, x));
    if let Some(line) = line {
        let response = ui.interact(line, Id::unique("marker line"), Sense::drag());
        response.widget_info(|| {
            WidgetInfo::labeled(accesskit::Role::GenericContainer, true, "Marker line")
        });
        drag_marker(ui, drag, &response, scale, x, actions);
    }
    // Out of sight the slider stays, for the keyboard and for screen readers.
    let place = flag.unwrap_or_else(|| {
        Rect::from_min_size(layout.flag.left_top(), vec2(1.0, layout.flag.height()))
    });
    let response = ui.interact(
        place,
        marker_id(),
        Sense::click_and_drag() | Sense::FOCUSABLE,
    );
    drag_marker(ui, drag, &response, scale, x, actions);
    if response.clicked() {
        response.request_focus();
        if seen.is_none()
            && let Some(time) = time
        {
            actions.push(Action::GoTo(time));
        }
    }
    accessible(ui, &response, state, database, actions);
    ui.memory_mut(|memory| {
        memory.set_focus_lock_filter(
            marker_id(),
            EventFilter {
                horizontal_arrows: true,
                ..EventFilter::default()
            },
        );
    });
}

fn drag_marker(
    ui: &Ui,
    drag: &mut Drag,
    response: &Response,
    scale: &TimeScale,
    x: Option<f32>,
    actions: &mut Vec<Action>,
) {
    if response.drag_started() {
        let origin = ui
            .input(|input| input.pointer.press_origin())
            .or(response.interact_pointer_pos());
        let grip = origin.zip(x).map_or(0.0, |(at, x)| at.x - x);
        *drag = Drag::Marker { grip };
        ui.memory_mut(|memory| memory.request_focus(marker_id()));
    }
    if let Drag::Marker { grip } = *drag
        // The last move and the release may come in one frame.
        && (response.dragged() || response.drag_stopped())
        && let Some(at) = response
            .interact_pointer_pos()
            .or(ui.input(|input| input.pointer.latest_pos()))
    {
        actions.push(Action::DragMarker(
            scale.time_from_x(f64::from(at.x - grip)),
        ));
    }
    if response.drag_stopped() {
        *drag = Drag::None;
        actions.push(Action::DropMarker);
    }
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
}

/// The marker as a slider in seconds since 1970, with the date as its text.
fn accessible(
    ui: &Ui,
    response: &Response,
    state: &State,
    database: &DatabaseView,
    actions: &mut Vec<Action>,
) {
    let value = state
        .choice
        .moment
        .map_or(0.0, |moment| moment.instant.seconds());
    response.widget_info(|| WidgetInfo::slider(true, value, MARKER_NAME));
    let first = database.first_moment().map(|m| m.instant.seconds());
    let last = database.last_moment().map(|m| m.instant.seconds());
    let text = state
        .choice
        .moment
        .map(|moment| figures::weekday_date_time(moment.server));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        if let (Some(first), Some(last)) = (first, last) {
            node.set_min_numeric_value(first);
            node.set_max_numeric_value(last);
        }
        node.set_numeric_value_step(1.0);
        if let Some(text) = text {
            node.set_value(text);
        }
        node.add_action(accesskit::Action::SetValue);
        node.add_action(accesskit::Action::Increment);
        node.add_action(accesskit::Action::Decrement);
    });
    ui.input(|input| {
        for request in input.accesskit_action_requests(response.id, accesskit::Action::SetValue) {
            match &request.data {
                Some(accesskit::ActionData::NumericValue(time)) => {
                    actions.push(Action::PlaceMarker(*time));
                }
                Some(accesskit::ActionData::Value(text)) => {
                    actions.push(Action::GoToTypedTime(text.to_string()));
                }
                _ => {}
            }
        }
        let up = input.num_accesskit_action_requests(response.id, accesskit::Action::Increment);
        let down = input.num_accesskit_action_requests(response.id, accesskit::Action::Decrement);
        if up != down {
            let seconds = up as f64 - down as f64;
            actions.push(Action::StepMarker(MarkerStep::Seconds(seconds)));
        }
    });
}

/// The buttons 1 h … All, and the range in words is painted beside them.
pub fn range_buttons(
    ui: &mut Ui,
    layout: &Layout,
    state: &State,
    database: &DatabaseView,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let place = layout.top.shrink2(vec2(0.0, 10.0));
    let whole = database.whole();
    ui.scope_builder(
        egui::UiBuilder::new()
            .max_rect(place)
            .layout(egui::Layout::right_to_left(Align::Center)),
        |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.spacing_mut().button_padding = vec2(8.0, 3.0);
            for preset in RangePreset::ALL.into_iter().rev() {
                let seconds = preset.seconds().unwrap_or_else(|| whole.seconds());
                let chosen = (state.visible.seconds() - seconds).abs() < seconds * 0.01;
                if choice(ui, preset.label(), chosen)
                    .on_hover_text(match preset {
                        RangePreset::All => "Show the whole history".to_owned(),
                        other => format!("Show {}", other.label()),
                    })
                    .clicked()
                {
                    actions.push(Action::ShowPreset(preset));
                }
            }
            ui.add_space(8.0);
            actions.extend(suggestion_ui(ui, state));
        },
    );
    actions.extend(hints_ui(ui, layout.hint, state, database));
    actions
}

/// Ticks for the axis: lines stand closer than their labels.
pub fn axis_ticks(scale: &TimeScale, database: &DatabaseView) -> Vec<super::Tick> {
    ticks(scale, database.history.clock(), 56.0)
}
