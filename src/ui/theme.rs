//! The look: colours, fonts and spacing by meaning. No other file of the window holds a colour.

use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow,
    Stroke, TextStyle, Theme, Ui, Vec2, Visuals, epaint::text::TextOptions, style::ScrollStyle,
    style::WidgetVisuals, vec2,
};
use std::{collections::BTreeMap, sync::Arc};

/// Colours by meaning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    pub background: Color32,
    pub panel: Color32,
    /// Cards and buttons.
    pub raised: Color32,
    pub line: Color32,
    pub text: Color32,
    pub muted: Color32,
    /// Decoration and disabled only, never text that must be read.
    pub faint: Color32,
    pub selected: Color32,
    pub full: Color32,
    pub differential: Color32,
    /// Also good, and restorable.
    pub log: Color32,
    /// Missed, gap, danger.
    pub danger: Color32,
    /// At risk, tail, objective line.
    pub at_risk: Color32,
    /// The chosen moment and the primary action; nothing else.
    pub moment: Color32,
    pub on_moment: Color32,
}

const DARK: Palette = Palette {
    background: rgb(0x14171c),
    panel: rgb(0x1a1e25),
    raised: rgb(0x20252e),
    line: rgb(0x2b313c),
    text: rgb(0xdde2ea),
    muted: rgb(0x8d97a7),
    faint: rgb(0x5d6675),
    selected: rgb(0x242d39),
    full: rgb(0x5aa9e6),
    differential: rgb(0xb592f0),
    log: rgb(0x4ecba0),
    danger: rgb(0xe5604f),
    at_risk: rgb(0xe8b04a),
    moment: rgb(0xff9447),
    on_moment: rgb(0x1b1206),
};

const LIGHT: Palette = Palette {
    background: rgb(0xf6f7f9),
    panel: rgb(0xffffff),
    raised: rgb(0xeef1f5),
    line: rgb(0xd5dae2),
    text: rgb(0x1d232d),
    muted: rgb(0x5b6676),
    faint: rgb(0x8a94a3),
    selected: rgb(0xdfe7f2),
    full: rgb(0x1f78c8),
    differential: rgb(0x7a52c7),
    log: rgb(0x16845f),
    danger: rgb(0xc93a2b),
    at_risk: rgb(0xa86a00),
    moment: rgb(0xc2540a),
    on_moment: rgb(0xffffff),
};

/// Sizes of the layout, in points.
pub mod size {
    pub const SIDEBAR: f32 = 262.0;
    pub const PLAN_PANEL: f32 = 348.0;
    pub const TOP_BAR: f32 = 52.0;
    pub const STATUS_BAR: f32 = 30.0;
    pub const ROW: f32 = 28.0;
    pub const PADDING: f32 = 14.0;
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

impl Palette {
    /// The colours of the theme that `ui` is drawn in.
    pub fn of(ui: &Ui) -> &'static Self {
        Self::of_visuals(ui.visuals())
    }

    /// The colours that go with these visuals.
    pub fn of_visuals(visuals: &Visuals) -> &'static Self {
        if visuals.dark_mode { &DARK } else { &LIGHT }
    }
}

/// `over` laid on `under` with this opacity: an opaque result, so that a mesh needs no blending order.
pub fn mix(under: Color32, over: Color32, opacity: f32) -> Color32 {
    let part =
        |u: u8, o: u8| (f32::from(u) + (f32::from(o) - f32::from(u)) * opacity).round() as u8;
    Color32::from_rgb(
        part(under.r(), over.r()),
        part(under.g(), over.g()),
        part(under.b(), over.b()),
    )
}

/// Inter Regular.
pub fn regular(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Inter SemiBold.
pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(SEMIBOLD.into()))
}

/// JetBrains Mono: T-SQL, file names.
pub fn mono(size: f32) -> FontId {
    FontId::new(size, FontFamily::Monospace)
}

const SEMIBOLD: &str = "semibold";

/// Installs fonts and both themes.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    for (theme, palette) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| {
            style.text_styles = text_styles();
            style.visuals = visuals(theme, palette);
            style.animation_time = 0.0;
            style.url_in_tooltip = true;
            let spacing = &mut style.spacing;
            spacing.item_spacing = vec2(8.0, 4.0);
            spacing.button_padding = vec2(12.0, 6.0);
            spacing.interact_size = vec2(24.0, 28.0);
            spacing.window_margin = Margin::same(16);
            spacing.menu_margin = Margin::same(6);
            spacing.combo_height = 320.0;
            spacing.tooltip_width = 420.0;
            spacing.icon_width = 16.0;
            spacing.icon_width_inner = 9.0;
            spacing.icon_spacing = 8.0;
            spacing.scroll = ScrollStyle {
                floating_allocated_width: 0.0,
                bar_width: 8.0,
                ..ScrollStyle::floating()
            };
            style.interaction.selectable_labels = false;
            style.interaction.tooltip_delay = 0.35;
        });
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let ours: [(&str, &'static [u8]); 3] = [
        (
            "Inter",
            include_bytes!("../../assets/fonts/Inter-Regular.otf"),
        ),
        (
            "Inter SemiBold",
            include_bytes!("../../assets/fonts/Inter-SemiBold.otf"),
        ),
        (
            "JetBrains Mono",
            include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf"),
        ),
    ];
    for (name, bytes) in ours {
        fonts
            .font_data
            .insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let others = fonts
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    // The built-in faces stay behind ours for signs that ours do not have.
    let behind = |first: &str| {
        let mut names = vec![first.to_owned()];
        names.extend(others.iter().cloned());
        names
    };
    fonts
        .families
        .insert(FontFamily::Proportional, behind("Inter"));
    fonts
        .families
        .insert(FontFamily::Name(SEMIBOLD.into()), behind("Inter SemiBold"));
    fonts
        .families
        .insert(FontFamily::Monospace, behind("JetBrains Mono"));
    fonts
}

fn text_styles() -> BTreeMap<TextStyle, FontId> {
    [
        (TextStyle::Small, regular(11.5)),
        (TextStyle::Body, regular(13.0)),
        (TextStyle::Button, regular(13.0)),
        (TextStyle::Heading, semibold(18.0)),
        (TextStyle::Monospace, mono(11.5)),
    ]
    .into()
}

fn visuals(theme: Theme, palette: &Palette) -> Visuals {
    let mut visuals = match theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    let line = Stroke::new(1.0, palette.line);
    let state = |fill: Color32, border: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, border),
        corner_radius: CornerRadius::same(6),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    let hover = mix(palette.raised, palette.text, 0.06);
    let press = mix(palette.raised, palette.text, 0.12);
    let widgets = &mut visuals.widgets;
    widgets.noninteractive = state(palette.panel, palette.line, palette.text);
    widgets.inactive = state(palette.raised, palette.line, palette.text);
    widgets.hovered = state(hover, mix(palette.line, palette.text, 0.2), palette.text);
    widgets.active = state(press, mix(palette.line, palette.text, 0.35), palette.text);
    widgets.open = state(hover, palette.line, palette.text);
    // Boxes and rings of choices are seen on cards and menus too.
    widgets.inactive.bg_fill = mix(palette.raised, palette.text, 0.12);
    visuals.text_options = TextOptions {
        font_hinting: true,
        ..visuals.text_options
    };
    visuals.weak_text_color = Some(palette.muted);
    visuals.selection.bg_fill = mix(palette.panel, palette.full, 0.35);
    visuals.selection.stroke = Stroke::new(1.0, palette.text);
    visuals.hyperlink_color = palette.full;
    visuals.faint_bg_color = mix(palette.background, palette.panel, 0.6);
    visuals.extreme_bg_color = palette.background;
    visuals.text_edit_bg_color = Some(palette.background);
    visuals.code_bg_color = palette.raised;
    visuals.warn_fg_color = palette.at_risk;
    visuals.error_fg_color = palette.danger;
    visuals.window_fill = palette.panel;
    visuals.window_stroke = line;
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(8);
    visuals.panel_fill = palette.background;
    let shadow = Shadow {
        offset: [0, 8],
        blur: 24,
        spread: 0,
        color: Color32::from_black_alpha(if visuals.dark_mode { 110 } else { 38 }),
    };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.text_cursor.stroke = Stroke::new(1.5, palette.moment);
    // A blinking caret would repaint an idle window.
    visuals.text_cursor.blink = false;
    visuals.indent_has_left_vline = false;
    visuals.slider_trailing_fill = true;
    visuals.disabled_alpha = 0.45;
    visuals
}

/// A frame for cards: raised, bordered, radius 8.
pub fn card(palette: &Palette) -> egui::Frame {
    egui::Frame::new()
        .fill(palette.raised)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 10))
}

/// Relative luminance contrast of two opaque colours (WCAG 2.1).
pub fn contrast(one: Color32, other: Color32) -> f32 {
    let luminance = |color: Color32| {
        let linear = |part: u8| {
            let part = f32::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    };
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// A square of this size.
pub fn square(side: f32) -> Vec2 {
    Vec2::splat(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_be_read_in_both_themes() {
        for palette in [&DARK, &LIGHT] {
            for ground in [palette.background, palette.panel] {
                for text in [palette.text, palette.muted, palette.danger] {
                    let found = contrast(text, ground);
                    assert!(found >= 4.5, "{text:?} on {ground:?} has {found}");
                }
            }
            assert!(contrast(palette.on_moment, palette.moment) >= 4.5);
        }
    }

    #[test]
    fn figures_are_equally_wide() {
        let ctx = Context::default();
        install(&ctx);
        ctx.run_ui(egui::RawInput::default(), |ui| {
            for font in [regular(13.0), semibold(21.0), mono(11.5)] {
                let width = |text: &str| {
                    ui.painter()
                        .layout_no_wrap(text.to_owned(), font.clone(), DARK.text)
                        .rect
                        .width()
                };
                let expected = width("0000");
                for digit in "123456789".chars() {
                    let found = width(&digit.to_string().repeat(4));
                    assert!(
                        (found - expected).abs() < 0.01,
                        "{digit} in {font:?}: {found} and not {expected}"
                    );
                }
            }
        })
        .drop_without_applying_deltas();
    }
}
