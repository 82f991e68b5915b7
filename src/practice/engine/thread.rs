//! The one thread that owns the engine, and the handle that everybody else has.

use super::Engine;
use futures_util::future::BoxFuture;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    task::{Context, Wake, Waker},
};
use tokio::{runtime::Handle, sync::oneshot};

/// Parsing, translating and dropping deep trees needs room.
const STACK_BYTES: usize = 16 * 1024 * 1024;

type Job = Box<dyn FnOnce(&mut Engine) + Send>;

/// The engine is gone: its server was stopped, or a job ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine has stopped")]
pub struct EngineStopped;

/// Sends jobs to the engine's thread. When the last handle is dropped, the thread ends.
#[derive(Clone)]
pub struct EngineHandle {
    jobs: mpsc::Sender<Job>,
    interrupter: Interrupter,
}

/// Stops the SQLite statement that runs on the engine's thread.
#[derive(Clone)]
pub struct Interrupter(Arc<rusqlite::InterruptHandle>);

impl Interrupter {
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

impl EngineHandle {
    /// Moves an engine to a thread of its own.
    pub fn spawn(engine: Engine) -> std::io::Result<Self> {
        let (jobs, received) = mpsc::channel::<Job>();
        let interrupter = Interrupter(Arc::new(engine.store.connection().get_interrupt_handle()));
        std::thread::Builder::new()
            .name("practice engine".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let mut engine = engine;
                while let Ok(job) = received.recv() {
                    // A job that panics fails alone: its caller sees `EngineStopped`.
                    if catch_unwind(AssertUnwindSafe(|| job(&mut engine))).is_err() {
                        tracing::error!("a job of the practice engine panicked");
                        engine.store.abandon();
                    }
                }
            })?;
        Ok(Self { jobs, interrupter })
    }

    /// Runs `job` on the engine's thread and hands back its answer.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Engine) -> T + Send + 'static,
    ) -> Result<T, EngineStopped> {
        let (answer, answered) = oneshot::channel();
        self.send(move |engine| {
            // The asker may have gone away; its job has run all the same.
            answer.send(job(engine)).ok();
        })?;
        answered.await.map_err(|_gone| EngineStopped)
    }

    /// Polls `work` on the engine's thread, between jobs, until it is done.
    ///
    /// For work that asks the engine thousands of times and does little else, as building a world does:
    /// each [`Self::run`] of such work would otherwise switch threads twice.
    /// It must never block; what it awaits may be anything, timers of the caller's runtime too.
    pub async fn drive<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, EngineStopped> {
        let (answer, answered) = oneshot::channel();
        let task = Arc::new(Task {
            work: Mutex::new(Some(Box::pin(async move {
                answer.send(work.await).ok();
            }))),
            jobs: self.jobs.clone(),
            runtime: Handle::current(),
        });
        task.wake();
        answered.await.map_err(|_gone| EngineStopped)
    }

    /// Runs `job` some time, for callers that cannot wait: the end of a session.
    pub fn send(
        &self,
        job: impl FnOnce(&mut Engine) + Send + 'static,
    ) -> Result<(), EngineStopped> {
        self.jobs.send(Box::new(job)).map_err(|_gone| EngineStopped)
    }

    /// For attention and `KILL`.
    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }
}

/// Work that is polled on the engine's thread; waking it queues a poll like any other job.
struct Task {
    /// `None` while it is polled and after it ended.
    work: Mutex<Option<BoxFuture<'static, ()>>>,
    jobs: mpsc::Sender<Job>,
    runtime: Handle,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let jobs = self.jobs.clone();
        // Without an engine the work is dropped, and its caller sees `EngineStopped`.
        jobs.send(Box::new(move |_| self.poll())).ok();
    }
}

impl Task {
    fn poll(self: Arc<Self>) {
        let slot = || self.work.lock().unwrap_or_else(PoisonError::into_inner);
        // Woken once more after it ended.
        let Some(mut work) = slot().take() else {
            return;
        };
        let _inside = self.runtime.enter();
        let waker = Waker::from(Arc::clone(&self));
        if work
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            *slot() = Some(work);
        }
    }
}
