//! Runs the program in a folder of its own, without a display.

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// The program with a data root that nobody else has.
pub struct Program {
    pub folder: TempDir,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn run(&self, args: &[&str]) -> Answer {
        let output = Command::new(env!("CARGO_BIN_EXE_stopat"))
            .arg("--data")
            .arg(self.data())
            .args(args)
            .current_dir(self.folder.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .env("STOPAT_PASSWORD", "not-the-password")
            .stdin(Stdio::null())
            .output()
            .expect("the program was built with the tests");
        Answer {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The exit code, with the answer when it is another one.
    #[track_caller]
    pub fn exits(&self, exit: i32) -> &Self {
        assert_eq!(self.exit, exit, "{self:?}");
        self
    }
}

pub fn history(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/histories")
        .join(name)
        .display()
        .to_string()
}
