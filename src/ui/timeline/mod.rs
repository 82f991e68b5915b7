//! The timeline: overview, lanes, the restorable band and the marker.
//!
//! `scale` maps time to x, `model` finds what lies in a lane, `layout` gives rectangles,
//! `interact` turns pointer and keys into actions, `paint` draws and decides nothing.

mod curve;
mod interact;
mod layout;
mod model;
mod paint;
mod scale;
mod words;

pub use curve::{Curve, CurveUnit};
pub use interact::MARKER_NAME;
pub use layout::Layout;
pub use model::{Bar, Density, LaneModel, Lanes};
pub use paint::kind_color;
pub use scale::{Tick, TickWeight, TimeScale, repeated_hours, ticks};
pub use words::role_words;

use crate::state::{Action, DatabaseView, State};
use egui::{Rect, Ui};
use paint::{Canvas, MeshCache};

/// Memory of the timeline: a drag in progress, and what was drawn last.
#[derive(Debug, Default)]
pub struct TimelineView {
    drag: interact::Drag,
    lanes: Option<(u64, Lanes)>,
    meshes: MeshCache,
    curve: curve::CurveCache,
    /// The backup that the context menu is about.
    menu_set: Option<uuid::Uuid>,
    /// The marks whose signs it was opened on.
    menu_marks: Vec<usize>,
    /// Where everything stood in the last frame.
    layout: Option<Layout>,
}

/// The id of the marker, which may hold the keyboard while the arrow keys work.
pub fn marker_id() -> egui::Id {
    egui::Id::unique("restore point marker")
}

impl TimelineView {
    /// How high the timeline wants to be in a page of this height.
    pub fn height(available: f32) -> f32 {
        (available * 0.7).clamp(440.0, 560.0).min(available)
    }

    /// Where a marker that is being dragged goes, before anything is drawn, so that the whole frame shows it there.
    pub fn drag(&self, ctx: &egui::Context, state: &State) -> Option<Action> {
        let layout = self.layout.as_ref()?;
        let scale = TimeScale::new(state.visible, layout.plot);
        self.drag.marker(ctx, &scale)
    }

    /// Shows the timeline of the selected database in `rect`.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        state: &State,
        database: &DatabaseView,
    ) -> Vec<Action> {
        if self
            .lanes
            .as_ref()
            .is_none_or(|(generation, _)| *generation != state.generation)
        {
            self.lanes = Some((state.generation, Lanes::new(&database.history)));
        }
        let Some((_, lanes)) = &self.lanes else {
            return Vec::new();
        };
        let layout = Layout::new(rect);
        self.layout = Some(layout);
        let scale = TimeScale::new(state.visible, layout.plot);
        let overview = TimeScale::new(database.whole(), layout.overview);
        let curve = self.curve.curve(state.generation, &scale, database);
        let mut actions = interact::interact(
            ui,
            &mut interact::Memory {
                drag: &mut self.drag,
                menu_set: &mut self.menu_set,
                menu_marks: &mut self.menu_marks,
            },
            &interact::Place {
                layout: &layout,
                scale: &scale,
                overview: &overview,
                curve: &curve,
            },
            state,
            database,
        );
        let canvas = Canvas {
            layout: &layout,
            scale: &scale,
            overview: &overview,
            lanes,
            curve: &curve,
            state,
            database,
        };
        self.meshes.paint(ui, &canvas);
        actions.extend(interact::range_buttons(ui, &layout, state, database));
        actions
    }
}
