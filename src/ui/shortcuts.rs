//! Keys that work anywhere in the window.

use super::timeline::marker_id;
use crate::state::{Action, Command, MarkerStep, Page, Shortcut, State};
use egui::{Key, KeyboardShortcut, Modifiers, Ui};

/// What the keys of this frame ask for.
pub fn pressed(ui: &Ui, state: &State) -> Vec<Action> {
    let mut actions = Vec::new();
    if state.dialog.is_some() {
        return actions;
    }
    for command in Command::ALL {
        if let Some(shortcut) = command.shortcut().and_then(keyboard_shortcut)
            && available(command, state)
            && ui
                .ctx()
                .input_mut(|input| input.consume_shortcut(&shortcut))
        {
            actions.push(Action::Run(command));
        }
    }
    // Keys belong to the field that is typed in; the marker has the focus itself once it was clicked or dragged.
    let focused = ui.ctx().memory(|memory| memory.focused());
    let free = focused.is_none_or(|holder| holder == marker_id());
    if free && state.page == Page::Timeline && state.database.is_some() {
        actions.extend(marker_keys(ui));
    }
    actions
}

/// Whether a command does something now.
pub fn available(command: Command, state: &State) -> bool {
    let timeline = state.page == Page::Timeline && state.database.is_some();
    match command {
        Command::Refresh => state.selected_server().is_some(),
        Command::Undo => timeline && state.undo.can_undo(),
        Command::Redo => timeline && state.undo.can_redo(),
        Command::ZoomIn | Command::ZoomOut | Command::ShowAll | Command::TypeTime => timeline,
        Command::ShowSql | Command::CopySql | Command::SaveSql => {
            timeline && state.plan.plan().is_some()
        }
        Command::Review => {
            let planned = state.plan.plan().is_some() && !state.running();
            timeline && (planned || state.azure_command().is_some())
        }
        Command::ResetPractice => state.may_reset_practice(),
        Command::AddServer | Command::Help => true,
    }
}

/// The tooltip of a command, with its key.
pub fn tooltip(command: Command) -> String {
    match command.shortcut() {
        Some(shortcut) => format!("{} ({})", command.tooltip(), shortcut.text()),
        None => command.tooltip().to_owned(),
    }
}

fn marker_keys(ui: &Ui) -> Vec<Action> {
    ui.ctx().input_mut(|input| {
        let mut steps = Vec::new();
        for (key, sign) in [(Key::ArrowLeft, -1.0), (Key::ArrowRight, 1.0)] {
            for (modifiers, seconds) in [
                (Modifiers::CTRL, 3600.0),
                (Modifiers::COMMAND, 3600.0),
                (Modifiers::SHIFT, 60.0),
                (Modifiers::NONE, 1.0),
            ] {
                let times = input.count_and_consume_key(modifiers, key);
                if times > 0 {
                    steps.push(MarkerStep::Seconds(sign * seconds * times as f64));
                }
            }
        }
        for (key, step) in [
            (Key::PageUp, MarkerStep::PreviousBackup),
            (Key::PageDown, MarkerStep::NextBackup),
            (Key::Home, MarkerStep::FirstMoment),
            (Key::End, MarkerStep::LastMoment),
        ] {
            if input.consume_key(Modifiers::NONE, key) {
                steps.push(step);
            }
        }
        steps.into_iter().map(Action::StepMarker).collect()
    })
}

fn keyboard_shortcut(shortcut: Shortcut) -> Option<KeyboardShortcut> {
    let key = Key::from_name(match shortcut.key {
        "+" => "Plus",
        "-" => "Minus",
        other => other,
    })?;
    let mut modifiers = Modifiers::NONE;
    if shortcut.command {
        modifiers = modifiers.plus(Modifiers::COMMAND);
    }
    if shortcut.shift {
        modifiers = modifiers.plus(Modifiers::SHIFT);
    }
    Some(KeyboardShortcut::new(modifiers, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shortcut_is_a_key_that_exists() {
        for command in Command::ALL {
            if let Some(shortcut) = command.shortcut() {
                assert!(keyboard_shortcut(shortcut).is_some(), "{command:?}");
            }
        }
    }
}
