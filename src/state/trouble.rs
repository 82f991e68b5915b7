//! What can go wrong with files while the window is open.

use super::State;
use crate::{
    explain::{Problem, ProblemKind, aside_problem, store_problem},
    settings::{Aside, StoreError},
};

/// Something that went wrong with a file, as whoever touched the file knows it.
#[derive(Debug)]
pub enum FileTrouble {
    /// A file of settings could not be read and was kept under another name.
    KeptAside(Aside),
    Settings(StoreError),
    /// A script or a report was not saved where the user wanted it.
    NotSaved(StoreError),
}

impl State {
    /// Shows it as a notice.
    pub fn tell(&mut self, trouble: &FileTrouble) {
        let problem = match trouble {
            FileTrouble::KeptAside(aside) => aside_problem(aside),
            FileTrouble::Settings(error) => store_problem(error),
            FileTrouble::NotSaved(error) => Problem {
                kind: ProblemKind::Yours,
                sentence: format!("Nothing could be saved to {}", error.file().display()),
                hint: "Choose a folder that you may write to.".to_owned(),
                details: store_problem(error).details,
            },
        };
        self.notice(None, problem);
    }
}
