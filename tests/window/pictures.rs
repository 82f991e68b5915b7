//! Pictures of the window, to be looked at: written where `STOPAT_PICTURES` says.
//!
//! Of most it is asserted only that something is drawn. The timeline is compared with the pictures in `pictures/`; after
//! a change that is meant, `UPDATE_SNAPSHOTS=1 cargo test --test window pictures` writes them anew, to be looked at.
//! Where no Vulkan driver is found a line says so.

use crate::{activity, applications, backup, files, restore, timeline::opened};
use egui::Rect;
use egui_kittest::{Harness, SnapshotOptions, kittest::Queryable as _};
use std::{io::Write as _, path::PathBuf};
use stopat::{app::App, settings::ThemeChoice, state::Action};

/// Draws the window, and keeps the picture when somebody wants to look at it. `false` when nothing can be drawn here.
fn take(harness: &mut Harness<'static, App>, name: &str) -> bool {
    let drawn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| harness.render()));
    let picture = match drawn {
        Ok(Ok(picture)) => picture,
        Ok(Err(error)) => {
            skipped(name, &error);
            return false;
        }
        Err(_) => {
            skipped(name, "no Vulkan driver is found");
            return false;
        }
    };
    let first = picture.get_pixel(0, 0);
    let others = picture.pixels().filter(|pixel| *pixel != first).count();
    assert!(others > 10_000, "{name} is blank");
    if let Some(folder) = std::env::var_os("STOPAT_PICTURES") {
        let path = PathBuf::from(folder).join(format!("{name}.png"));
        picture.save(&path).expect("the folder can be written");
    }
    true
}

/// Compares the timeline, from the range buttons to the line above the table, with the picture that is kept of it.
fn compare_timeline(harness: &mut Harness<'static, App>, name: &str) {
    let window = harness.ctx.content_rect();
    let find = harness.get_by_label("Find backups").rect();
    let panel = harness.get_by_label("Restore to").rect();
    let rest = [
        // What stands around it changes for other reasons.
        Rect::everything_left_of(262.0),
        Rect::everything_above(56.0),
        Rect::everything_right_of(panel.left() - 20.0),
        Rect::everything_below(find.top() - 8.0),
    ];
    harness.set_render_cursor(false);
    for part in rest {
        harness.mask(part.intersect(window));
    }
    // On another processor the edges of letters differ by a little; anything that moved differs in more.
    let options = SnapshotOptions::new()
        .output_path("tests/window/pictures")
        .max_failed_pixels(60);
    harness
        .try_snapshot_options(name, &options)
        .unwrap_or_else(|error| panic!("{error}"));
}

/// Says so past the runner, which keeps to itself what a passing test prints.
fn skipped(name: &str, why: &str) {
    writeln!(
        std::io::stderr(),
        "skipped: the picture {name} (Vulkan: {why})"
    )
    .ok();
}

#[test]
fn the_timeline_in_both_themes_and_sizes() {
    for (name, size, theme) in [
        ("timeline-dark", [1440.0, 900.0], ThemeChoice::Dark),
        ("timeline-light", [1440.0, 900.0], ThemeChoice::Light),
        ("timeline-small", [1280.0, 720.0], ThemeChoice::Dark),
    ] {
        let (mut harness, _wire) = opened(size, theme);
        let eight = 1_795_351_267.0 - 14.0 * 3600.0 - 41.0 * 60.0 - 7.0 + 8.0 * 3600.0 + 1692.0;
        harness.state_mut().state.update(Action::PlaceMarker(eight));
        harness.run_steps(3);
        if take(&mut harness, name) {
            compare_timeline(&mut harness, name);
        }
    }
}

#[test]
fn the_way_of_a_restore() {
    let (mut harness, _wire) = restore::reviewed(ThemeChoice::Dark);
    take(&mut harness, "review-dark");
    let (mut harness, _wire) = restore::running(ThemeChoice::Dark);
    take(&mut harness, "run-dark");
    let (mut harness, _wire) = restore::reviewed_over(ThemeChoice::Light);
    take(&mut harness, "review-over-light");
    let (mut harness, _wire) = restore::waiting(ThemeChoice::Dark);
    take(&mut harness, "waiting-dark");
    let (mut harness, _wire) = restore::ended(ThemeChoice::Light);
    take(&mut harness, "ended-light");
}

#[test]
fn what_cannot_be_reached_and_the_script() {
    let (mut harness, _wire) = opened([1440.0, 900.0], ThemeChoice::Dark);
    let at = (crate::made_up::NOW - 24 * 3600) as f64;
    harness.state_mut().state.update(Action::GoTo(at));
    harness.run_steps(3);
    take(&mut harness, "refused-dark");
    let update = |harness: &mut Harness<'static, App>, action| {
        harness.state_mut().state.update(action);
        harness.run_steps(3);
    };
    update(&mut harness, Action::PlaceMarker(at - 7200.0));
    update(&mut harness, Action::Run(stopat::state::Command::ShowSql));
    update(
        &mut harness,
        Action::ShowPreset(stopat::state::RangePreset::All),
    );
    take(&mut harness, "script-dark");
}

#[test]
fn where_the_files_go() {
    let (mut harness, _wire) = files::dialog(ThemeChoice::Dark);
    take(&mut harness, "files-dark");
}

#[test]
fn what_ran() {
    let (mut harness, _wire) = activity::page([1440.0, 900.0], ThemeChoice::Dark);
    take(&mut harness, "activity-dark");
    let (mut harness, _wire) = activity::page([1280.0, 720.0], ThemeChoice::Light);
    take(&mut harness, "activity-small-light");
}

#[test]
fn an_application_is_edited() {
    let (mut harness, _wire) = applications::page([1440.0, 900.0], ThemeChoice::Dark);
    take(&mut harness, "application-dark");
    let (mut harness, _wire) = applications::page([1280.0, 720.0], ThemeChoice::Light);
    take(&mut harness, "application-small-light");
}

#[test]
fn backups_by_hand() {
    let (mut harness, _wire) = backup::form([1440.0, 900.0], ThemeChoice::Dark);
    take(&mut harness, "backup-form-dark");
    let (mut harness, _wire) = backup::form([1280.0, 720.0], ThemeChoice::Light);
    take(&mut harness, "backup-form-light-small");
    let (mut harness, _wire) = backup::running(ThemeChoice::Dark);
    take(&mut harness, "backups-running-dark");
    let (mut harness, _wire) = backup::ended(ThemeChoice::Light);
    take(&mut harness, "backups-ended-light");
}

#[test]
fn a_large_window() {
    let (mut harness, _wire) = opened([1920.0, 1080.0], ThemeChoice::Light);
    take(&mut harness, "timeline-large-light");
}
