//! Where a command's answer goes: standard output, or a file.

use super::{CliError, Exit};
use crate::explain::{Problem, ProblemKind};
use std::{
    io::{self, Write as _},
    path::PathBuf,
};

/// `--out FILE`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Output {
    /// Write the answer to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl Output {
    /// Writes the whole answer; a closed pipe is the reader's choice and no failure.
    pub fn write(&self, text: &str) -> Result<(), CliError> {
        let written = match &self.out {
            Some(path) => std::fs::write(path, text),
            None => {
                let mut stdout = io::stdout().lock();
                match stdout
                    .write_all(text.as_bytes())
                    .and_then(|()| stdout.flush())
                {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                    other => other,
                }
            }
        };
        written.map_err(|error| {
            let place = match &self.out {
                Some(path) => path.display().to_string(),
                None => "standard output".to_owned(),
            };
            CliError {
                exit: Exit::Failed,
                problem: Problem {
                    kind: ProblemKind::Yours,
                    sentence: format!("The answer could not be written to {place}"),
                    hint: "Choose another file with --out.".to_owned(),
                    details: vec![error.to_string()],
                },
            }
        })
    }
}
