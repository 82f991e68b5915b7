//! `stopat plan`: the way to a moment, planned without touching anything.

use super::{CliError, Exit, Output};
use std::path::PathBuf;

/// Arguments of `stopat plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// A history as `stopat history --json` writes it; several are merged
    #[arg(long, value_name = "FILE", required = true)]
    history: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &PlanArgs) -> Result<Exit, CliError> {
    args.output.write("")?;
    Err(CliError::usage("Planning is being built", ""))
}
