//! The worker's thread as the window sees it: requests go in, events come out, and somebody is woken.

use super::{
    jobs::Jobs,
    messages::{Event, Request},
};
use crate::settings::Operator;
use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Starts the thread that owns the runtime, the connections and the practice server.
#[derive(Debug)]
pub struct Worker;

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the background thread cannot be started")]
    Thread(#[source] std::io::Error),
    #[error("the asynchronous runtime cannot be started")]
    Runtime(#[source] std::io::Error),
}

/// The other end of the worker. Dropping it shuts the worker down and waits for it.
#[derive(Debug)]
pub struct WorkerHandle {
    requests: UnboundedSender<Request>,
    /// In the order in which things happened; read it without waiting.
    pub events: mpsc::Receiver<Event>,
    thread: Option<JoinHandle<()>>,
}

/// Sends events and wakes whoever reads them, so that nobody forgets the second half.
#[derive(Clone)]
pub(super) struct Events {
    sender: mpsc::Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Worker {
    /// `operator` is named in the journals of runs. `wake` is called after each event, from the worker's threads; it must be quick.
    pub fn start(
        data_root: PathBuf,
        operator: Operator,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<WorkerHandle, WorkerError> {
        let runtime = runtime()?;
        let (requests, inbox) = unbounded_channel();
        let (sender, events) = mpsc::channel();
        let events_out = Events {
            sender,
            wake: Arc::new(wake),
        };
        let thread = std::thread::Builder::new()
            .name("stopat-worker".to_owned())
            .spawn(move || {
                let (jobs, reports) = Jobs::new(data_root, operator, events_out);
                runtime.block_on(jobs.serve(inbox, reports));
                runtime.shutdown_timeout(std::time::Duration::from_secs(2));
            })
            .map_err(WorkerError::Thread)?;
        Ok(WorkerHandle {
            requests,
            events,
            thread: Some(thread),
        })
    }
}

/// The runtime: the only place that builds one. The command line runs its commands on it.
pub fn runtime() -> Result<tokio::runtime::Runtime, WorkerError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("stopat-worker")
        .enable_all()
        .build()
        .map_err(WorkerError::Runtime)
}

impl WorkerHandle {
    /// Hands a request over; never waits. A worker that has ended takes none, and says so by closing `events`.
    pub fn send(&self, request: Request) {
        // The only failure is a worker that has ended, and the closed event channel shows that.
        self.requests.send(request).ok();
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.send(Request::Shutdown);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the worker thread panicked");
        }
    }
}

impl Events {
    pub(super) fn send(&self, event: Event) {
        // Nobody reads any more while the window closes; what would have been shown is in the journals.
        self.sender.send(event).ok();
        (self.wake)();
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events(…)")
    }
}
