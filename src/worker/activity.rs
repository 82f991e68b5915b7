//! What ran in this workspace, from its journals.

use super::{
    handle::Events,
    jobs::{Jobs, blocking},
    messages::{Event, ServerId},
    on_server::{RunningWork, running_work},
};
use crate::{
    domain::Removed,
    explain::{Problem, journal_problem},
    formats::run_report,
    run::{Entry, JournalError, RunId, RunRecord, journals_in, read_journal, read_run, removed_on},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// What the window asks of what ran.
#[derive(Clone, Debug)]
pub enum ActivityRequest {
    /// Reads the journals. Answered by `ActivityEvent::Listed`.
    List,
    /// Reads what backs up or restores on a server now. Answered by `ActivityEvent::OnServer`.
    OnServer { server: ServerId },
    /// Makes the report of a run. Answered by `ActivityEvent::Report`.
    Report { run: RunId, format: ReportFormat },
    /// Reads one journal with every record. Answered by `ActivityEvent::Journal`.
    Journal { run: RunId },
}

/// What is told of it.
#[derive(Clone, Debug)]
pub enum ActivityEvent {
    Listed {
        /// The newest first.
        runs: Arc<Vec<Arc<RunRecord>>>,
        /// Journals that cannot be read, each with what is wrong.
        unreadable: Arc<Vec<UnreadableJournal>>,
        /// The folder of the journals.
        folder: PathBuf,
    },
    OnServer {
        server: ServerId,
        work: Vec<RunningWork>,
    },
    Report {
        file_name: String,
        text: String,
    },
    Journal {
        run: RunId,
        file: PathBuf,
        entries: Arc<Vec<Entry>>,
    },
}

/// As what a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// One page that needs nothing else, and prints well.
    Html,
    /// `run-report/1`.
    Json,
}

/// A journal that tells nothing any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableJournal {
    pub file: PathBuf,
    pub problem: Problem,
}

/// Journals that were read, by file: only one that has changed is read again.
pub(super) type JournalCache = Arc<Mutex<BTreeMap<PathBuf, CachedJournal>>>;

/// One journal as it was read last.
#[derive(Clone, Debug)]
pub(super) struct CachedJournal {
    length: u64,
    modified: Option<SystemTime>,
    read: Option<Result<Arc<RunRecord>, Problem>>,
}

impl Jobs {
    pub(super) fn activity(&self, request: ActivityRequest) {
        let Some(workspace) = &self.workspace else {
            return;
        };
        let folder = workspace.runs_folder();
        let events = self.events.clone();
        match request {
            ActivityRequest::List => {
                let cache = Arc::clone(&self.journals);
                tokio::spawn(async move {
                    if let Some(event) = blocking(move || list(&folder, &cache)).await {
                        events.send(Event::Activity(event));
                    }
                });
            }
            ActivityRequest::OnServer { server } => {
                let Some(open) = self.servers.get(&server) else {
                    return;
                };
                let gateway = Arc::clone(&open.gateway);
                tokio::spawn(async move {
                    match running_work(gateway.as_ref()).await {
                        Ok(work) => {
                            events.send(Event::Activity(ActivityEvent::OnServer { server, work }))
                        }
                        // What may not be seen is not shown; it is asked again soon.
                        Err(error) => tracing::debug!(?error, "what runs on the server"),
                    }
                });
            }
            ActivityRequest::Report { run, format } => {
                let file = folder.join(format!("{}.jsonl", run.0));
                tokio::spawn(report(run, format, file, events));
            }
            ActivityRequest::Journal { run } => {
                let file = folder.join(format!("{}.jsonl", run.0));
                tokio::spawn(read_whole(run, file, events));
            }
        }
    }
}

async fn report(run: RunId, format: ReportFormat, file: PathBuf, events: Events) {
    let made = blocking(move || {
        let record = read_run(&file)?;
        Ok::<_, JournalError>(record.map(|record| match format {
            ReportFormat::Html => ("html", run_report::to_html(&record)),
            ReportFormat::Json => ("json", run_report::to_json(&record)),
        }))
    })
    .await;
    match made {
        Some(Ok(Some((extension, text)))) => {
            events.send(Event::Activity(ActivityEvent::Report {
                file_name: format!("{}.{extension}", run.0),
                text,
            }));
        }
        Some(Err(error)) => events.send(Event::Problem {
            server: None,
            problem: journal_problem(&error),
        }),
        Some(Ok(None)) | None => {}
    }
}

async fn read_whole(run: RunId, file: PathBuf, events: Events) {
    let path = file.clone();
    match blocking(move || read_journal(&path)).await {
        Some(Ok(content)) => events.send(Event::Activity(ActivityEvent::Journal {
            run,
            file,
            entries: Arc::new(content.entries),
        })),
        Some(Err(error)) => events.send(Event::Problem {
            server: None,
            problem: journal_problem(&error),
        }),
        None => {}
    }
}

/// What retention deleted on a server, as the journals of a folder tell.
pub(super) fn removed(folder: &Path, cache: &JournalCache, server: &str) -> Removed {
    removed_on(&read_all(folder, cache).0, server)
}

/// The runs of all journals that can be read, and the other journals.
fn read_all(folder: &Path, cache: &JournalCache) -> (Vec<Arc<RunRecord>>, Vec<UnreadableJournal>) {
    // What another thread left half done is at worst read again.
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let mut runs = Vec::new();
    let mut unreadable = Vec::new();
    for (file, length, modified) in dated_journals_in(folder) {
        let known = cache
            .get(&file)
            .filter(|known| known.length == length && known.modified == modified);
        let read = match known {
            Some(known) => known.read.clone(),
            None => {
                let read = read_record(&file);
                cache.insert(
                    file.clone(),
                    CachedJournal {
                        length,
                        modified,
                        read: read.clone(),
                    },
                );
                read
            }
        };
        match read {
            Some(Ok(record)) => runs.push(record),
            Some(Err(problem)) => unreadable.push(UnreadableJournal { file, problem }),
            None => {}
        }
    }
    (runs, unreadable)
}

fn list(folder: &Path, cache: &JournalCache) -> ActivityEvent {
    let (mut runs, unreadable) = read_all(folder, cache);
    // An id begins with the time of its start.
    runs.sort_by(|a, b| b.id.cmp(&a.id));
    ActivityEvent::Listed {
        runs: Arc::new(runs),
        unreadable: Arc::new(unreadable),
        folder: folder.to_owned(),
    }
}

/// `None` for a journal that ends before its first record: nothing was done then.
fn read_record(file: &Path) -> Option<Result<Arc<RunRecord>, Problem>> {
    match read_run(file) {
        Ok(record) => record.map(|record| Ok(Arc::new(record))),
        Err(error) => Some(Err(journal_problem(&error))),
    }
}

/// The journals in a folder with their sizes and times.
fn dated_journals_in(folder: &Path) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    journals_in(folder)
        .into_iter()
        .filter_map(|path| {
            let meta = path.metadata().ok()?;
            Some((path, meta.len(), meta.modified().ok()))
        })
        .collect()
}
