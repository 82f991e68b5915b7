//! `sp_getapplock` and `sp_releaseapplock`.

use super::{Answer, Arguments, missing_parameter};
use crate::practice::engine::Engine;
use crate::practice::engine::application_locks::{ApplicationLockMode, ApplicationLockOwner};
use crate::practice::reply::Message;
use crate::practice::sql::interpreter::{Ended, wait_state};
use crate::practice::sql::session::{Io, Session};
use crate::practice::sql::state::State;
use std::time::{Duration, Instant};

/// How often a waiting session looks again.
const RETRY: Duration = Duration::from_millis(10);

fn owner(arguments: &Arguments, position: usize) -> Result<ApplicationLockOwner, Message> {
    let text = arguments
        .text("@LockOwner", position)?
        .unwrap_or_else(|| "Transaction".to_owned());
    if text.eq_ignore_ascii_case("Session") {
        Ok(ApplicationLockOwner::Session)
    } else {
        Ok(ApplicationLockOwner::Transaction)
    }
}

fn resource(arguments: &Arguments, procedure: &str) -> Result<String, Message> {
    let text = arguments
        .text("@Resource", 0)?
        .ok_or_else(|| missing_parameter(procedure, "@Resource"))?;
    // Names count up to 255 characters.
    Ok(text.chars().take(255).collect())
}

/// 1227, 1223 and the like are statuses here: −999 for wrong parameters.
pub fn release(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let resource = resource(arguments, "sp_releaseapplock")?;
    let owner = owner(arguments, 1)?;
    if engine
        .application_locks
        .release(state.facts.id, state.facts.database, &resource, owner)
    {
        return Ok(Answer::default());
    }
    Err(Message::error(
        1223,
        format!(
            "Cannot release the application lock (Database Principal: 'public', Resource: '{resource}') because it is not currently held."
        ),
    ))
}

impl Session {
    /// 0 at once, 1 after waiting, −1 when the time is over, −999 for wrong parameters.
    pub(in crate::practice::sql) async fn take_application_lock(
        &mut self,
        arguments: Arguments,
        io: Io<'_>,
    ) -> Result<Answer, Ended> {
        let status = |status: i32| Answer {
            status,
            ..Answer::default()
        };
        let asked = (|| -> Result<_, Message> {
            let mode = arguments
                .text("@LockMode", 1)?
                .ok_or_else(|| missing_parameter("sp_getapplock", "@LockMode"))?;
            Ok((
                resource(&arguments, "sp_getapplock")?,
                mode.to_lowercase(),
                owner(&arguments, 2)?,
                arguments.number("@LockTimeout", 3)?,
            ))
        })();
        let (resource, mode, owner, timeout) = match asked {
            Ok(asked) => asked,
            Err(error) => {
                self.call_failed(error, io).await?;
                return Ok(status(-999));
            }
        };
        let mode = match mode.as_str() {
            "shared" | "intentshared" => ApplicationLockMode::Shared,
            "exclusive" | "update" | "intentexclusive" => ApplicationLockMode::Exclusive,
            _ => return Ok(status(-999)),
        };
        let facts = self
            .state
            .as_ref()
            .map(|s| (s.facts.trancount, i64::from(s.facts.options.lock_timeout)));
        let Some((trancount, session_timeout)) = facts else {
            return Err(Ended::Aborted);
        };
        if owner == ApplicationLockOwner::Transaction && trancount == 0 {
            return Ok(status(-999));
        }
        let timeout = timeout.unwrap_or(session_timeout);
        let began = Instant::now();
        let mut waited = false;
        loop {
            let name = resource.clone();
            let taken: Result<bool, Message> = self
                .on_engine(io, move |engine, state, _| {
                    let taken = engine.application_locks.acquire(
                        state.facts.id,
                        state.facts.database,
                        &name,
                        mode,
                        owner,
                    );
                    let wait = (!taken).then_some("LCK_M_X");
                    wait_state(engine, state.facts.id, wait, 0);
                    Ok(taken)
                })
                .await;
            match taken {
                Ok(true) => return Ok(status(i32::from(waited))),
                Ok(false) => {}
                Err(error) => {
                    self.call_failed(error, io).await?;
                    return Ok(status(-999));
                }
            }
            let over = u64::try_from(timeout)
                .is_ok_and(|limit| began.elapsed() >= Duration::from_millis(limit));
            if over {
                return Ok(status(-1));
            }
            if io.cancel.is_cancelled() {
                return Err(Ended::Cancelled);
            }
            waited = true;
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = io.cancel.cancelled() => {}
            }
        }
    }
}
