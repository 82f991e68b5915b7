//! The 3211 lines of a statement, and the time that it takes at the server's pace.

use super::Voice;
use crate::practice::{engine::EngineHandle, reply::Message};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// In simulated time nothing waits: the clock moves on by what it takes.
pub(super) async fn passed(engine: &EngineHandle, time: Duration) -> bool {
    engine
        .run(move |engine| engine.clock.pass(time))
        .await
        .unwrap_or(false)
}

/// The statement was cancelled.
#[derive(Debug)]
pub(super) struct Cancelled;

/// Which 3211 lines were said.
pub(super) struct Progress {
    step: Option<u8>,
    said: u8,
}

impl Progress {
    pub(super) fn new(step: Option<u8>) -> Self {
        Self { step, said: 0 }
    }

    /// Waits while bytes would move, saying the steps as they pass.
    pub(super) async fn pause(
        &mut self,
        engine: &EngineHandle,
        voice: &mut Voice<'_>,
        expected: Duration,
        cancel: &CancellationToken,
    ) -> Result<(), Cancelled> {
        if cancel.is_cancelled() {
            return Err(Cancelled);
        }
        if passed(engine, expected).await {
            return Ok(());
        }
        let began = Instant::now();
        while let Some(next) = self.next().filter(|next| *next < 100) {
            let at = expected.mul_f64(f64::from(next) / 100.0);
            if at.is_zero() {
                return Ok(());
            }
            wait(at.saturating_sub(began.elapsed()), cancel).await?;
            self.say(voice, next).await;
        }
        wait(expected.saturating_sub(began.elapsed()), cancel).await
    }

    /// Says what is left, up to 100.
    pub(super) async fn finish(&mut self, voice: &mut Voice<'_>) {
        while let Some(next) = self.next() {
            self.say(voice, next).await;
        }
    }

    fn next(&self) -> Option<u8> {
        let step = self.step?;
        (self.said < 100).then(|| self.said.saturating_add(step).min(100))
    }

    async fn say(&mut self, voice: &mut Voice<'_>, percent: u8) {
        self.said = percent;
        voice
            .inform(Message::info(3211, format!("{percent} percent processed.")))
            .await;
    }
}

pub(super) async fn wait(time: Duration, cancel: &CancellationToken) -> Result<(), Cancelled> {
    if time.is_zero() {
        return Ok(());
    }
    tokio::select! {
        () = cancel.cancelled() => Err(Cancelled),
        () = tokio::time::sleep(time) => Ok(()),
    }
}
