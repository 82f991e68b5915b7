//! Where the files of a copy go.

use crate::{fake::Wire, timeline::opened};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use stopat::{app::App, settings::ThemeChoice};

fn field<'a>(harness: &'a Harness<'_, App>, label: &'a str) -> egui_kittest::Node<'a> {
    harness.get_by_role_and_label(Role::TextInput, label)
}

/// The dialog over the timeline.
pub fn dialog(theme: ThemeChoice) -> (Harness<'static, App>, Wire) {
    let (mut harness, wire) = opened([1440.0, 900.0], theme);
    harness
        .get_by_label("2 files, in the folders of the original…")
        .click();
    harness.run_steps(4);
    (harness, wire)
}

fn replace(harness: &mut Harness<'_, App>, label: &str, text: &str) {
    field(harness, label).focus();
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(1);
    field(harness, label).type_text(text);
    harness.run_steps(3);
}

fn paths(harness: &Harness<'_, App>) -> Vec<String> {
    let plan = harness.state().state.plan.plan().expect("a plan");
    plan.moves.iter().map(|file| file.to.clone()).collect()
}

#[test]
fn all_files_go_to_one_folder_and_one_file_elsewhere() {
    let (mut harness, _wire) = dialog(ThemeChoice::Dark);
    replace(&mut harness, "All in the folder", r"E:\Copies");
    assert!(
        paths(&harness)
            .iter()
            .all(|path| path.starts_with(r"E:\Copies\")),
        "{:?}",
        paths(&harness)
    );
    replace(&mut harness, "Path of OctopusAI_log", r"F:\Log\copy.ldf");
    assert_eq!(paths(&harness)[1], r"F:\Log\copy.ldf");
    assert!(paths(&harness)[0].starts_with(r"E:\Copies\"));
    harness.get_by_label("Done").click();
    harness.run_steps(3);
    harness.get_by_label("2 files, 1 of them where you put them…");
}

#[test]
fn two_files_on_one_path_keep_the_review_closed() {
    let (mut harness, _wire) = dialog(ThemeChoice::Dark);
    let first = paths(&harness)[0].to_uppercase();
    replace(&mut harness, "Path of OctopusAI_log", &first);
    harness.get_by_label("OctopusAI goes to the same path");
    harness.get_by_label("OctopusAI_log goes to the same path");
    replace(
        &mut harness,
        "Path of OctopusAI_log",
        r"D:\Data\OctopusAI.mdf",
    );
    harness.get_by_label("The original has its file OctopusAI there");
    harness.get_by_label("Done").click();
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::Button, "Review and restore…")
        .click();
    harness.run_steps(3);
    assert!(
        harness.state().state.review.is_none(),
        "nothing is reviewed"
    );
}
