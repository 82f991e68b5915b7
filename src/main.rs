//! Chooses between the window and the command line.

use std::process::ExitCode;
use stopat::cli::{self, Exit, Start};

fn main() -> ExitCode {
    match cli::start(std::env::args_os()) {
        Start::Ended(exit) => exit.into(),
        Start::Window(_global) => {
            eprint!("{}", cli::help());
            Exit::Usage.into()
        }
    }
}
