//! Procedures that only the practice server has: they change the world around the data.

use super::{Answer, Arguments, missing_parameter};
use crate::practice::agent::AgentError;
use crate::practice::engine::paths::OsError;
use crate::practice::engine::store::no_such_database;
use crate::practice::engine::{
    AgentService, DatabaseState, Engine, EngineHandle, PacedTime, SecondStopAt,
};
use crate::practice::reply::Message;
use crate::practice::sql::interpreter::Ended;
use crate::practice::sql::session::{Io, Session};
use crate::practice::sql::state::State;
use crate::practice::world;
use std::pin::Pin;
use tokio_util::sync::CancellationToken;

/// `practice_option @name, @value`.
pub fn option(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let name = arguments
        .text("@name", 0)?
        .ok_or_else(|| missing_parameter("practice_option", "@name"))?;
    let value = arguments
        .text("@value", 1)?
        .ok_or_else(|| missing_parameter("practice_option", "@value"))?;
    match (name.as_str(), value.as_str()) {
        ("second_stopat", "accept") => engine.options.second_stopat = SecondStopAt::Accept,
        ("second_stopat", "4335") => engine.options.second_stopat = SecondStopAt::Refuse,
        ("agent", "running") => {
            if engine.options.agent == AgentService::Stopped {
                crate::practice::agent::restart_agent(engine)?;
            }
            engine.options.agent = AgentService::Running;
        }
        ("agent", "stopped") => engine.options.agent = AgentService::Stopped,
        ("preferred_replica", "yes") => engine.options.is_preferred_replica = true,
        ("preferred_replica", "no") => engine.options.is_preferred_replica = false,
        ("full_disk", path) => engine.paths.break_place(path, OsError::DISK_FULL),
        ("no_permission", path) => engine.paths.break_place(path, OsError::ACCESS_DENIED),
        ("no_network_path", path) => engine.paths.break_place(path, OsError::NETWORK_PATH),
        ("no_share", path) => engine.paths.break_place(path, OsError::NETWORK_NAME),
        ("damaged_writes", path) => engine.paths.spoil_place(path),
        ("repaired", path) => engine.paths.repair_place(path),
        ("device_space", "unlimited") => engine.options.device_space = None,
        ("device_space", bytes) => {
            let bytes = bytes.parse().map_err(|_other| unknown(&name, &value))?;
            engine.options.device_space = Some(bytes);
        }
        // For who plays Azure: this session may do what the service does by itself.
        ("service", "on") => state.facts.service = true,
        ("service", "off") => state.facts.service = false,
        // Of a clock that stands.
        ("paced_time", "waited") => engine.clock.pace(PacedTime::Waited),
        ("paced_time", "passed") => engine.clock.pace(PacedTime::Passed),
        ("suspect", database) => {
            let id = engine
                .store
                .find(database)
                .ok_or_else(|| no_such_database(database))?;
            if let Some(database) = engine.store.database_mut(id) {
                database.facts.state = DatabaseState::Suspect;
            }
            engine.store.save_facts(id)?;
        }
        ("login", "enabled") => engine.options.login_disabled = false,
        ("login", "disabled") => engine.options.login_disabled = true,
        ("pace" | "least_seconds", text) => {
            let number = text
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite() && *number >= 0.0)
                .ok_or_else(|| unknown(&name, &value))?;
            match name.as_str() {
                "pace" => engine.options.pace = number,
                _ => engine.options.least_seconds = number,
            }
        }
        _ if engine.options.pretended.set(&name, &value) => {}
        _ => return Err(unknown(&name, &value)),
    }
    Ok(Answer::default())
}

fn unknown(name: &str, value: &str) -> Message {
    Message::error(
        50000,
        format!("The practice server has no option '{name}' with the value '{value}'."),
    )
}

impl Session {
    /// `practice_advance @seconds`: a frozen clock goes on, rows change and jobs run on the way.
    pub(super) async fn advance_time(
        &mut self,
        arguments: &Arguments,
        io: Io<'_>,
    ) -> Result<Answer, Ended> {
        let seconds = arguments
            .number("@seconds", 0)
            .and_then(|n| n.ok_or_else(|| missing_parameter("practice_advance", "@seconds")))
            .and_then(|n| {
                // Backwards the log would lie; beyond a year nobody waits for it.
                (0..=366 * 86_400)
                    .contains(&n)
                    .then_some(n)
                    .ok_or_else(|| unknown("seconds", &n.to_string()))
            });
        let moved = match seconds {
            Ok(seconds) => advance(self.engine().clone(), seconds, io.cancel.clone()).await,
            Err(error) => Err(error),
        };
        match moved {
            Ok(()) => Ok(Answer::default()),
            Err(error) => self.failed_call(error, io).await,
        }
    }
}

/// Boxed, because the jobs that fall due run in sessions themselves.
fn advance(
    engine: EngineHandle,
    seconds: i64,
    cancel: CancellationToken,
) -> Pin<Box<dyn Future<Output = Result<(), Message>> + Send>> {
    Box::pin(async move {
        world::advance(&engine, seconds, &cancel)
            .await
            .map_err(|error| match error {
                AgentError::Tables(message) => message,
                AgentError::Stopped(stopped) => {
                    Message::error(6005, stopped.to_string()).with_class(10)
                }
            })
    })
}
