//! What speaks against where a file is sent, in words.

use crate::domain::PathFault;

/// What to change, as one line beside the path.
pub fn path_fault(fault: &PathFault) -> String {
    match fault {
        PathFault::Empty => "Say where the file goes".to_owned(),
        PathFault::NoRoot => {
            "Begin with a drive, a share or a slash: the server has no other folder to start from"
                .to_owned()
        }
        PathFault::NoFileName => "Name the file, not only its folder".to_owned(),
        PathFault::MeantTwice(other) => format!("{other} goes to the same path"),
        PathFault::OfOriginal(file) => format!("The original has its file {file} there"),
    }
}
