//! Procedures that only the practice server has: they change the world around the data.

use super::{Answer, Arguments, missing_parameter};
use crate::practice::engine::{Engine, SecondStopAt};
use crate::practice::reply::Message;
use crate::practice::sql::state::State;
use chrono::TimeDelta;

/// `practice_option @name, @value`.
pub fn option(
    engine: &mut Engine,
    _state: &mut State,
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
        ("device_space", "unlimited") => engine.options.device_space = None,
        ("device_space", bytes) => {
            let bytes = bytes.parse().map_err(|_other| unknown(&name, &value))?;
            engine.options.device_space = Some(bytes);
        }
        ("pace", text) => {
            engine.options.pace = text
                .parse::<f64>()
                .ok()
                .filter(|pace| pace.is_finite() && *pace >= 0.0)
                .ok_or_else(|| unknown(&name, &value))?;
        }
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

/// `practice_advance @seconds`: the clock goes on.
pub fn advance(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let seconds = arguments
        .number("@seconds", 0)?
        .ok_or_else(|| missing_parameter("practice_advance", "@seconds"))?;
    // Backwards the log would lie; beyond some years nothing is simulated.
    let Some(by) = (0..=366 * 86_400)
        .contains(&seconds)
        .then(|| TimeDelta::try_seconds(seconds))
        .flatten()
    else {
        return Err(unknown("seconds", &seconds.to_string()));
    };
    let now = engine.clock.now().plus(by);
    engine.clock.set(now);
    Ok(Answer::default())
}
