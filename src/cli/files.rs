//! `stopat files`: what backup files hold, without a server.

use super::{CliError, Exit, Output, server::say};
use crate::{
    bakfile::{
        BackupFile, FolderHistory, FolderProgress, FolderReport, PathHere, PathMapping, SetHeader,
        Writer, history_of, read_folders,
    },
    domain::{BackupType, ServerPath},
    explain::{self, Problem},
    formats::{backup_files, backup_history},
};
use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Mutex,
};

/// Arguments of `stopat files`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("shape").args(["json", "history"])))]
pub struct FilesArgs {
    /// Backup files, or folders with everything in them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Print all headers as JSON (backup-files/1)
    #[arg(long)]
    json: bool,
    /// Print the backups as a history (backup-history/1), for `stopat plan --history`
    #[arg(long)]
    history: bool,
    #[command(flatten)]
    mapping: MappingArgs,
    #[command(flatten)]
    output: Output,
}

/// How the server will see what lies here.
#[derive(Clone, Debug, clap::Args)]
pub struct MappingArgs {
    /// What the server calls a folder here, as /mnt/client=\\backup\client; several are possible
    #[arg(long, value_name = "HERE=SERVER", value_parser = parse_mapping)]
    server_path: Vec<(PathBuf, String)>,
}

fn parse_mapping(text: &str) -> Result<(PathBuf, String), String> {
    match text.split_once('=') {
        Some((here, server)) if !here.is_empty() && !server.is_empty() => {
            Ok((PathBuf::from(here), server.to_owned()))
        }
        _ => Err("write the folder here, =, and what the server calls it".to_owned()),
    }
}

impl MappingArgs {
    /// Whether one was given.
    pub fn is_empty(&self) -> bool {
        self.server_path.is_empty()
    }

    fn mapping(&self) -> PathMapping {
        let mut mapping = PathMapping::default();
        for (here, server) in &self.server_path {
            mapping.add(PathHere(whole(here)), ServerPath::new(server));
        }
        mapping
    }
}

/// Scripts run elsewhere: paths in them are whole ones.
fn whole(path: &PathBuf) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.clone())
}

/// What was read from folders.
pub struct Folders {
    pub report: FolderReport,
    pub found: FolderHistory,
}

/// Reads folders; a path that is not there is wrong usage.
pub fn read(paths: &[PathBuf], mapping: &MappingArgs) -> Result<Folders, CliError> {
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(CliError::usage(
            format!("There is no file or folder {}", missing.display()),
            "Check the path, and that the share is connected.",
        ));
    }
    let paths: Vec<PathBuf> = paths.iter().map(whole).collect();
    let line = ProgressLine::default();
    let report = read_folders(&paths, &|| false, &|progress| line.show(progress));
    line.clear();
    let found = history_of(&report.files, &mapping.mapping());
    Ok(Folders { report, found })
}

/// The line of a terminal that counts; nothing where nobody watches.
#[derive(Default)]
struct ProgressLine(Mutex<Option<usize>>);

impl ProgressLine {
    fn show(&self, progress: FolderProgress) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        // Every hundredth is often enough; a line that nobody could write is of no interest.
        let Ok(mut shown) = self.0.lock() else { return };
        if progress.read >= shown.unwrap_or(0) + 100 {
            *shown = Some(progress.read);
            let more = if progress.searching { "+" } else { "" };
            write!(
                std::io::stderr(),
                "\r{} of {}{more} files",
                progress.read,
                progress.found
            )
            .ok();
        }
    }

    fn clear(&self) {
        if self.0.lock().is_ok_and(|shown| shown.is_some()) {
            write!(std::io::stderr(), "\r\x1b[K").ok();
        }
    }
}

/// Tells on standard error what could not be read, each with its reason.
pub fn report_problems(report: &FolderReport) {
    for (path, problem) in problems(report) {
        let mut line = format!("{path}: {}", problem.sentence);
        for detail in &problem.details {
            line += &format!(": {detail}");
        }
        say(&line);
    }
}

fn problems(report: &FolderReport) -> Vec<(&PathHere, Problem)> {
    let folders = report
        .left_out
        .iter()
        .map(|folder| (&folder.path, explain::left_out(folder)));
    let files = report.files.iter().filter_map(|file| {
        let fault = match &file.read {
            Ok(read) => read.fault.as_ref()?,
            Err(fault) => fault,
        };
        Some((&file.path, explain::file_fault(fault)))
    });
    folders.chain(files).collect()
}

pub fn run(args: &FilesArgs) -> Result<Exit, CliError> {
    let Folders { report, found } = read(&args.paths, &args.mapping)?;
    let n_sets = found.records.backup_sets.len();
    if args.json {
        args.output.write(&backup_files::to_json(&report))?;
    } else if args.history {
        let origin = format!(
            "backup files under {}",
            args.paths
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        );
        args.output
            .write(&backup_history::to_json(&found.records, Some(&origin)))?;
    } else {
        args.output.write(&table(&report))?;
    }
    report_problems(&report);
    say(&format!(
        "{} in {}",
        explain::count(n_sets, "backup set", "backup sets"),
        explain::count(report.files.len(), "file", "files")
    ));
    Ok(if n_sets > 0 {
        Exit::Done
    } else {
        Exit::Unreachable
    })
}

/// A file, and a set a line. What is a guess carries a question mark.
fn table(report: &FolderReport) -> String {
    let mut text = String::new();
    for file in &report.files {
        let Ok(read) = &file.read else { continue };
        text += &format!("{}{}\n", file.path, about(read));
        for set in &read.sets {
            text += &set_line(set);
        }
    }
    text
}

fn about(file: &BackupFile) -> String {
    let mut words = Vec::new();
    if let (Some(count), Some(number)) = (
        file.label.family_count.get().filter(|&count| count != 1),
        file.label.family_sequence_number.get(),
    ) {
        words.push(format!("stripe {number} of {count}"));
    }
    match &file.label.writer {
        Writer::SqlServer => {}
        Writer::PracticeServer => words.push("practice server".to_owned()),
        Writer::Other(name) => words.push(format!("written by {name}")),
    }
    match words.as_slice() {
        [] => String::new(),
        words => format!("  ({})", words.join(", ")),
    }
}

fn set_line(set: &SetHeader) -> String {
    let guess = |is_guess: bool| if is_guess { "?" } else { "" };
    let kind = set
        .backup_type
        .get()
        .map_or("unknown", |kind: BackupType| explain::kind_name(kind));
    let start = set.backup_start_date.get().flatten();
    let start = start.map_or_else(|| "unknown".to_owned(), explain::server_time);
    let model = set.recovery_model.get().unwrap_or("unknown");
    let end = if set.complete { "" } else { "  incomplete" };
    format!(
        "  {:>3}  {:<20}  {:<24}  {:>20}  {:>10}  {model}{}{end}\n",
        set.position.unwrap_or(0),
        format!("{kind}{}", guess(set.backup_type.is_guess())),
        set.database_name.as_deref().unwrap_or("unknown"),
        start,
        explain::size_or_unknown(set.compressed_backup_size.get().or(set.backup_size.get())),
        guess(set.recovery_model.is_guess()),
    )
}
