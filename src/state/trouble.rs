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
    /// The system has no file chooser, so nothing can be chosen with one.
    NoChooser,
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
            FileTrouble::NoChooser => Problem {
                kind: ProblemKind::Yours,
                sentence: "This computer has no file chooser".to_owned(),
                hint: "Install zenity, or the portal of your desktop (xdg-desktop-portal). \
                       T-SQL can be copied meanwhile, and a folder can be typed."
                    .to_owned(),
                details: Vec::new(),
            },
        };
        self.notice(None, problem);
    }
}
