//! Talking to a run while it goes on: pause, done, go on, leave out.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a user says to a running run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunCommand {
    /// Wait when the running step has ended.
    PauseAfterStep,
    /// After the running log make the database readable and wait.
    StopAndLook,
    /// Go on after a pause, a look, or a reservation.
    GoOn,
    /// The step that is done by hand was done.
    Done,
    /// Do the failed step again.
    Retry,
    /// Leave out the step that failed or waits.
    Skip { reason: String },
    /// Send nothing more; the state stays as it is.
    Stop,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The user does the step, and says *Done*.
    ByHand,
    /// It was told to pause.
    Paused,
    /// The database is in standby, to be looked at.
    Looking,
    /// A program of the user's failed: again, without it, or not at all.
    HookFailed,
    /// The database is online and a check failed: whether the application starts is the user's to say.
    NotVerified,
}

/// The end that gives commands.
#[derive(Clone, Debug)]
pub struct RunControl {
    sender: UnboundedSender<RunCommand>,
    leaving: Arc<AtomicBool>,
}

impl RunControl {
    /// A control and the commands that come from it.
    pub fn new() -> (Self, Commands) {
        let (sender, inbox) = unbounded_channel();
        let leaving = Arc::<AtomicBool>::default();
        let commands = Commands {
            inbox: Some(inbox),
            leaving: Arc::clone(&leaving),
        };
        (Self { sender, leaving }, commands)
    }

    /// Hands a command over; a run that has ended takes none.
    pub fn send(&self, command: RunCommand) {
        self.sender.send(command).ok();
    }

    /// The program is about to end: a cancellation from now on stops nothing that the server does by itself.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }
}

/// The end that a run listens to.
#[derive(Debug)]
pub struct Commands {
    inbox: Option<UnboundedReceiver<RunCommand>>,
    leaving: Arc<AtomicBool>,
}

/// What was asked for while a step ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) pause: bool,
    pub(super) look: bool,
}

impl Commands {
    /// Nobody gives commands: a run that would have to wait stops instead.
    pub fn none() -> Self {
        Self {
            inbox: None,
            leaving: Arc::default(),
        }
    }

    /// Whether the program is about to end.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// The next command; `None` when nobody can give one any more.
    pub(super) async fn next(&mut self) -> Option<RunCommand> {
        self.inbox.as_mut()?.recv().await
    }

    /// What came meanwhile; the last word counts.
    pub(super) fn drain(&mut self) -> Asked {
        let mut asked = Asked::default();
        let Some(inbox) = &mut self.inbox else {
            return asked;
        };
        while let Ok(command) = inbox.try_recv() {
            match command {
                RunCommand::PauseAfterStep => asked.pause = true,
                RunCommand::StopAndLook => asked.look = true,
                RunCommand::GoOn => asked = Asked::default(),
                // Answers to a question that is no longer asked.
                RunCommand::Done
                | RunCommand::Retry
                | RunCommand::Skip { .. }
                | RunCommand::Stop => {}
            }
        }
        asked
    }
}
