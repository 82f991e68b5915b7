//! The practice world made anew, for the next demonstration: the way there and the journals of before are put aside.

use super::{
    jobs::{Jobs, blocking, now, yours},
    messages::ServerId,
};
use crate::{
    run::{Record, read_journal},
    settings::Workspace,
};
use std::{io, path::Path};

/// What every practice server calls itself.
const PRACTICE_NAME: &str = "PRACTICE";

impl Jobs {
    /// Ends the practice server, and starts it in a new world. Refused while something runs.
    pub(super) async fn reset_practice(&mut self) {
        if self.is_busy() {
            return self.problem(
                Some(ServerId::Practice),
                yours(
                    "Something still runs; the practice world stays until it has ended".to_owned(),
                ),
            );
        }
        self.disconnect(ServerId::Practice);
        if let Some(practice) = self.practice.take() {
            practice.stop().await;
        }
        let world = self.root.practice_world();
        let workspace = self.workspace.clone();
        let done = blocking(move || {
            forget_world(&world)?;
            workspace.map_or(Ok(()), |workspace| put_journals_aside(&workspace))
        })
        .await;
        if let Some(Err(error)) = done {
            let mut problem = yours("The practice world could not be put away".to_owned());
            problem.details.push(error.to_string());
            self.problem(Some(ServerId::Practice), problem);
        }
        self.read_measured();
        self.connect(ServerId::Practice, None);
    }

    /// Whether a restore, a drill or a backup of this window runs.
    fn is_busy(&self) -> bool {
        self.restores.is_busy() || self.drills.running() || self.backups.is_busy()
    }
}

/// Removes what the practice server keeps of its world: it makes a new one at its next start.
fn forget_world(world: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(world) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Journals of runs on a practice server tell of a world that is gone. They are kept beside the others, and read no more.
fn put_journals_aside(workspace: &Workspace) -> io::Result<()> {
    let stamp = now().0.format("%Y%m%dT%H%M%SZ").to_string();
    let aside = workspace.folder().join("runs-put-aside").join(stamp);
    let Ok(files) = std::fs::read_dir(workspace.runs_folder()) else {
        return Ok(());
    };
    for file in files {
        let path = file?.path();
        let of_practice = read_journal(&path).is_ok_and(|content| {
            matches!(
                content.entries.first().map(|first| &first.record),
                Some(Record::Begin { server, .. }) if server == PRACTICE_NAME
            )
        });
        if let (true, Some(name)) = (of_practice, path.file_name()) {
            std::fs::create_dir_all(&aside)?;
            std::fs::rename(&path, aside.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::{FORMAT, Journal, RunKind, Who},
        settings::{DataRoot, WorkspaceName},
    };

    #[test]
    fn journals_of_practice_are_put_aside_and_others_stay() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = DataRoot::at(folder.path()).workspace(&WorkspaceName::default());
        for server in ["PRACTICE", "SQL1"] {
            let path = workspace.runs_folder().join(format!("{server}.jsonl"));
            let mut journal = Journal::create(&path).expect("new");
            let begin = Record::Begin {
                format: FORMAT.to_owned(),
                run: server.to_owned(),
                server: server.to_owned(),
                source_database: "D".to_owned(),
                target_database: "D".to_owned(),
                target: String::new(),
                steps: Vec::new(),
                run_kind: RunKind::Drill,
                who: Who::default(),
            };
            journal
                .write("2026-11-22T10:00:00Z".to_owned(), begin)
                .expect("writable");
        }
        put_journals_aside(&workspace).expect("moved");
        let left: Vec<_> = std::fs::read_dir(workspace.runs_folder())
            .expect("readable")
            .filter_map(|file| file.ok()?.file_name().into_string().ok())
            .collect();
        assert_eq!(left, ["SQL1.jsonl"]);
        let aside = workspace.folder().join("runs-put-aside");
        assert_eq!(std::fs::read_dir(aside).expect("made").count(), 1);
    }
}
