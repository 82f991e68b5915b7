//! The program's own log: a file a day, seven kept, never above DEBUG.
//!
//! Only our own events reach it below WARN.
//! The driver logs statements and the server's messages, and those can carry row data, so it is left out altogether.

use std::{io, path::Path};
use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{InitError, RollingFileAppender, Rotation},
};
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// How many days of logs are kept.
pub const LOG_FILES_KEPT: usize = 7;

/// Keeps the log's writer alive; what was logged is on disk when it is dropped.
#[derive(Debug)]
pub struct LogGuard {
    _writer: WorkerGuard,
}

/// Why there is no log. The program goes on without one.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the folder for logs cannot be created")]
    Folder(#[source] io::Error),
    #[error("the log file cannot be opened")]
    File(#[source] InitError),
    #[error("another log is running already")]
    Running(#[source] tracing_subscriber::util::TryInitError),
}

/// Starts logging to `folder` for the whole process.
pub fn start_log(folder: &Path) -> Result<LogGuard, LogError> {
    let (writer, guard) = tracing_appender::non_blocking(open(folder)?);
    tracing_subscriber::registry()
        .with(filter())
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(writer),
        )
        .try_init()
        .map_err(LogError::Running)?;
    Ok(LogGuard { _writer: guard })
}

fn open(folder: &Path) -> Result<RollingFileAppender, LogError> {
    std::fs::create_dir_all(folder).map_err(LogError::Folder)?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("stopat")
        .filename_suffix("log")
        .max_log_files(LOG_FILES_KEPT)
        .build(folder)
        .map_err(LogError::File)
}

fn filter() -> Targets {
    Targets::new()
        .with_default(tracing::Level::WARN)
        .with_target("stopat", tracing::Level::DEBUG)
        .with_target("tiberius", tracing::level_filters::LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use tracing::Level;

    #[test]
    fn never_above_debug_and_nothing_of_the_driver() {
        let filter = filter();
        assert!(filter.would_enable("stopat::worker", &Level::DEBUG));
        assert!(!filter.would_enable("stopat::worker", &Level::TRACE));
        assert!(!filter.would_enable("rustls", &Level::INFO));
        assert!(!filter.would_enable("tiberius::tds::stream::token", &Level::ERROR));
    }

    #[test]
    fn keeps_seven_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for day in 1..=9 {
            let name = format!("stopat.2026-01-{day:02}.log");
            std::fs::write(folder.path().join(name), "old\n").expect("writable");
        }
        let mut log = open(folder.path()).expect("writable");
        writeln!(log, "new").expect("writable");
        drop(log);
        let files = std::fs::read_dir(folder.path()).expect("readable").count();
        assert!(files <= LOG_FILES_KEPT, "{files} files");
    }
}
