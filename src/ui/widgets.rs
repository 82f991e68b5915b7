//! Small pieces that several views share: badges, dots, section labels, buttons.

use super::theme::{Palette, mix, regular, semibold};
use crate::explain::PlaceStanding;
use egui::{
    Align2, Button, Color32, CornerRadius, Label, Response, RichText, Role, Sense, Stroke,
    StrokeKind, TextFormat, Ui, WidgetInfo, pos2, text::LayoutJob, vec2,
};

/// A label of a section: small capitals, spaced.
pub fn section(ui: &mut Ui, text: &str) -> Response {
    let palette = Palette::of(ui);
    let mut job = LayoutJob::default();
    job.append(
        &text.to_uppercase(),
        0.0,
        TextFormat {
            font_id: semibold(11.0),
            extra_letter_spacing: 0.66,
            color: palette.muted,
            ..TextFormat::default()
        },
    );
    ui.add(Label::new(job))
}

/// Muted text at the small size.
pub fn small(ui: &mut Ui, text: impl Into<String>) -> Response {
    let palette = Palette::of(ui);
    ui.add(Label::new(
        RichText::new(text).font(regular(11.5)).color(palette.muted),
    ))
}

/// Muted text at the normal size.
pub fn muted(ui: &mut Ui, text: impl Into<String>) -> Response {
    let palette = Palette::of(ui);
    ui.add(Label::new(
        RichText::new(text).font(regular(13.0)).color(palette.muted),
    ))
}

/// Normal text, semibold.
pub fn strong(ui: &mut Ui, text: impl Into<String>, size: f32) -> Response {
    let palette = Palette::of(ui);
    ui.add(Label::new(
        RichText::new(text).font(semibold(size)).color(palette.text),
    ))
}

/// How a badge is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadgeStyle {
    /// Border in the colour, semibold: where one is.
    Loud,
    /// Border in a faint tone.
    Calm,
}

/// A small bordered word. It is text to a screen reader.
pub fn badge(ui: &mut Ui, text: &str, color: Color32, style: BadgeStyle) -> Response {
    let palette = Palette::of(ui);
    let (font, border) = match style {
        BadgeStyle::Loud => (semibold(11.0), color),
        BadgeStyle::Calm => (regular(11.0), mix(palette.panel, color, 0.5)),
    };
    let spacing = if style == BadgeStyle::Loud { 0.5 } else { 0.0 };
    let mut job = LayoutJob::default();
    job.append(
        text,
        0.0,
        TextFormat {
            font_id: font,
            extra_letter_spacing: spacing,
            color,
            ..TextFormat::default()
        },
    );
    job.wrap.max_rows = 1;
    job.wrap.max_width = 220.0;
    let galley = ui.painter().layout_job(job);
    let (rect, response) =
        ui.allocate_exact_size(vec2(galley.size().x + 14.0, 20.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        painter.rect(
            rect,
            CornerRadius::same(4),
            mix(palette.panel, color, 0.08),
            Stroke::new(1.0, border),
            StrokeKind::Inside,
        );
        let at = rect.center() - galley.size() / 2.0;
        painter.galley(at, galley, color);
    }
    response
}

/// What a dot says; each has a shape of its own beside its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dot {
    Good,
    AtRisk,
    Missed,
    Unknown,
    Busy,
}

impl Dot {
    /// How a destination stands.
    pub fn of_place(standing: PlaceStanding) -> Self {
        match standing {
            PlaceStanding::Good => Self::Good,
            PlaceStanding::Bad => Self::Missed,
            PlaceStanding::Unknown => Self::Unknown,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::AtRisk => "at risk",
            Self::Missed => "missed",
            Self::Unknown => "unknown",
            Self::Busy => "busy",
        }
    }

    /// Its colour.
    pub fn color(self, palette: &Palette) -> Color32 {
        match self {
            Self::Good => palette.log,
            Self::AtRisk | Self::Busy => palette.at_risk,
            Self::Missed => palette.danger,
            Self::Unknown => palette.faint,
        }
    }
}

/// Paints a status dot centred at a point: disc, triangle, square or ring.
pub fn paint_dot(ui: &Ui, center: egui::Pos2, dot: Dot) {
    let palette = Palette::of(ui);
    let color = dot.color(palette);
    let painter = ui.painter();
    match dot {
        Dot::Good => {
            painter.circle_filled(center, 4.0, color);
        }
        Dot::AtRisk => {
            painter.add(egui::Shape::convex_polygon(
                vec![
                    center + vec2(0.0, -4.5),
                    center + vec2(4.8, 3.8),
                    center + vec2(-4.8, 3.8),
                ],
                color,
                Stroke::NONE,
            ));
        }
        Dot::Missed => {
            painter.add(egui::Shape::convex_polygon(
                vec![
                    center + vec2(0.0, -5.0),
                    center + vec2(5.0, 0.0),
                    center + vec2(0.0, 5.0),
                    center + vec2(-5.0, 0.0),
                ],
                color,
                Stroke::NONE,
            ));
        }
        Dot::Unknown => {
            painter.circle_stroke(center, 3.25, Stroke::new(1.5, color));
        }
        Dot::Busy => {
            painter.circle_stroke(center, 3.25, Stroke::new(1.5, color));
            painter.circle_filled(center, 1.5, color);
        }
    }
}

/// The one action that a page is about.
pub fn primary_button(ui: &mut Ui, text: &str, width: f32, enabled: bool) -> Response {
    let palette = Palette::of(ui);
    let button = Button::new(
        RichText::new(text)
            .font(semibold(13.0))
            .color(palette.on_moment),
    )
    .fill(palette.moment)
    .stroke(Stroke::NONE)
    .corner_radius(6)
    .min_size(vec2(width, 36.0));
    ui.add_enabled(enabled, button)
}

/// A normal button as high as the primary one.
pub fn tall_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    ui.add_enabled(
        enabled,
        Button::new(RichText::new(text).font(semibold(13.0))).min_size(vec2(0.0, 36.0)),
    )
}

/// A normal button.
pub fn button(ui: &mut Ui, text: &str) -> Response {
    ui.add(Button::new(text).min_size(vec2(0.0, 30.0)))
}

/// A button for something that destroys or interrupts.
pub fn danger_button(ui: &mut Ui, text: &str) -> Response {
    let palette = Palette::of(ui);
    ui.add(Button::new(RichText::new(text).color(palette.danger)).min_size(vec2(0.0, 30.0)))
}

/// Text that acts like a link.
pub fn link(ui: &mut Ui, text: &str) -> Response {
    let palette = Palette::of(ui);
    ui.add(egui::Link::new(
        RichText::new(text).color(palette.text).underline(),
    ))
}

/// A toggle in a row of alternatives.
pub fn choice(ui: &mut Ui, text: &str, chosen: bool) -> Response {
    let palette = Palette::of(ui);
    let fill = if chosen {
        mix(palette.selected, palette.full, 0.12)
    } else {
        palette.panel
    };
    let color = if chosen { palette.text } else { palette.muted };
    let font = if chosen {
        semibold(12.0)
    } else {
        regular(12.0)
    };
    let response = ui.add(
        Button::new(RichText::new(text).font(font).color(color))
            .fill(fill)
            .stroke(Stroke::new(1.0, palette.line))
            .min_size(vec2(38.0, 24.0))
            .selected(false),
    );
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, text));
    response
}

/// A thin bar that shows how much is done; where nothing tells, a part of it wanders.
pub fn progress(ui: &mut Ui, width: f32, height: f32, fraction: Option<f32>, color: Color32) {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, "Progress");
        info.value = fraction.map(f64::from);
        info
    });
    let radius = CornerRadius::same((height / 2.0) as u8);
    let painter = ui.painter();
    painter.rect_filled(rect, radius, palette.line);
    let mut done = rect;
    if let Some(fraction) = fraction {
        done.set_width((rect.width() * fraction.clamp(0.0, 1.0)).max(height));
    } else {
        let (time, focused) = ui.input(|input| (input.time, input.focused));
        // There and back in four seconds.
        let way = 1.0 - ((time / 2.0) % 2.0 - 1.0).abs() as f32;
        done.set_width((rect.width() * 0.25).max(height));
        done = done.translate(vec2((rect.width() - done.width()) * way, 0.0));
        // Eight frames a second are alive, and cost little; who looks elsewhere needs none.
        if focused {
            ui.request_repaint_after(std::time::Duration::from_millis(125));
        }
    }
    painter.rect_filled(done, radius, color);
}

/// Right-aligned text inside a rectangle, cut with `…` where it does not fit.
pub fn paint_clipped(
    ui: &Ui,
    rect: egui::Rect,
    align: Align2,
    text: &str,
    font: egui::FontId,
    color: Color32,
) {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap.max_width = rect.width().max(0.0);
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    let galley = ui.painter().layout_job(job);
    let at = align.align_size_within_rect(galley.size(), rect).min;
    ui.painter().galley(pos2(at.x, at.y), galley, color);
}
