//! Runs the program.

use std::process::Command;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `stopat` with these arguments.
pub fn stopat(args: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_stopat"))
        .args(args)
        .output()
        .expect("the program was built with the tests");
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
