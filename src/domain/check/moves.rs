//! Whether every file of a copy has its place.

use super::{FindingKind, Judge, Severity};
use crate::domain::{BackupSet, BackupType, Destination, FileMove};
use std::collections::BTreeSet;

impl Judge<'_> {
    /// Every file of every set needs its `MOVE` on the first step that has the file, to a path of its own.
    pub(super) fn judge_moves(&mut self, sets: &[&BackupSet]) {
        if self.plan.destination == Destination::Original {
            return;
        }
        let started = self.plan.start.restoring();
        if started.is_some_and(|state| state.files.is_empty()) {
            // Which files it has is unknown, so which are new is too; the server refuses what has no place (1834).
            return;
        }
        let mut moved: BTreeSet<String> = started
            .into_iter()
            .flat_map(|state| state.files.iter().map(|name| name.to_lowercase()))
            .collect();
        let mut paths: BTreeSet<String> = BTreeSet::new();
        for (n, set) in sets.iter().enumerate() {
            let here: Vec<&FileMove> = self
                .plan
                .steps
                .get(n)
                .map(|step| &step.moves)
                .into_iter()
                .flatten()
                .filter_map(|&at| self.plan.moves.get(at))
                .collect();
            for file in &here {
                if !paths.insert(file.to.to_lowercase()) {
                    let to = file.to.clone();
                    self.find(Severity::Error, FindingKind::MoveTwice { to }, Some(n));
                }
                moved.insert(file.logical_name.to_lowercase());
            }
            match &set.files {
                None if set.kind() == BackupType::Full => {
                    self.find(Severity::Warning, FindingKind::FilesUnknown, Some(n));
                }
                None => {}
                Some(list) => {
                    let missing: Vec<String> = list
                        .files
                        .iter()
                        .filter_map(|file| file.logical_name.as_ref())
                        .filter(|name| !moved.contains(&name.to_lowercase()))
                        .cloned()
                        .collect();
                    for logical_name in missing {
                        self.error(FindingKind::MoveMissing { logical_name }, n);
                    }
                }
            }
        }
    }
}
