//! `msdb.dbo.sp_add_job` and its relatives: what they take, check, write and say.
//!
//! Each procedure checks before it writes, so a refusal leaves the tables as they were; inside a transaction of the
//! caller everything is rolled back with it. Numbers are those of `sys.messages`.
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sql-server-agent-stored-procedures-transact-sql>

mod help;
mod jobs;
mod operators;
mod running;
mod schedules;
mod steps;

pub use running::{StartRequest, start_request};

use super::rows::{self, JobKey};
use crate::practice::{
    engine::{Engine, MSDB},
    reply::Message,
    sql::procedures::{Answer, Arguments, Handler},
    sql::state::State,
    value::Value,
};
use uuid::Uuid;

/// The procedures of Agent that run in one go, by lower-case name.
pub fn find(name: &str) -> Option<Handler> {
    Some(match name {
        "sp_add_job" => jobs::add,
        "sp_update_job" => jobs::update,
        "sp_delete_job" => jobs::delete,
        "sp_add_jobserver" => jobs::add_server,
        "sp_delete_jobserver" => jobs::delete_server,
        "sp_purge_jobhistory" => jobs::purge_history,
        "sp_add_jobstep" => steps::add,
        "sp_update_jobstep" => steps::update,
        "sp_delete_jobstep" => steps::delete,
        "sp_add_schedule" => schedules::add,
        "sp_update_schedule" => schedules::update,
        "sp_delete_schedule" => schedules::delete,
        "sp_attach_schedule" => schedules::attach,
        "sp_detach_schedule" => schedules::detach,
        "sp_add_jobschedule" => schedules::add_to_job,
        "sp_add_operator" => operators::add,
        "sp_delete_operator" => operators::delete,
        "sp_add_category" => operators::add_category,
        "sp_stop_job" => running::stop,
        "sp_help_job" => help::job,
        "sp_help_jobstep" => help::step,
        "sp_help_jobhistory" => help::history,
        "sp_help_jobactivity" => help::activity,
        "sp_help_schedule" => help::schedule,
        "sp_help_jobschedule" => help::job_schedule,
        _ => return None,
    })
}

/// The arguments of one call, checked against the names that the procedure has.
struct Call<'a> {
    parameters: Vec<&'static str>,
    arguments: &'a Arguments,
}

impl<'a> Call<'a> {
    /// 8145 for a name that the procedure does not have, 8144 for too many.
    fn new(
        procedure: &str,
        parameters: &[&'static str],
        arguments: &'a Arguments,
    ) -> Result<Self, Message> {
        for argument in &arguments.0 {
            let known = argument.name.is_empty()
                || parameters
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(&argument.name));
            if !known {
                return Err(Message::error(
                    8145,
                    format!(
                        "{} is not a parameter for procedure {procedure}.",
                        argument.name
                    ),
                )
                .with_state(2));
            }
        }
        if arguments.0.len() > parameters.len() {
            return Err(Message::error(
                8144,
                format!("Procedure or function {procedure} has too many arguments specified."),
            )
            .with_state(2));
        }
        Ok(Self {
            parameters: parameters.to_vec(),
            arguments,
        })
    }

    fn position(&self, name: &str) -> usize {
        self.parameters
            .iter()
            .position(|known| *known == name)
            .unwrap_or(usize::MAX)
    }

    /// Whether the caller named it, be it NULL.
    fn has(&self, name: &str) -> bool {
        self.arguments.place(name, self.position(name)).is_some()
    }

    fn text(&self, name: &str) -> Result<Option<String>, Message> {
        self.arguments.text(name, self.position(name))
    }

    /// A name: blanks around it do not count, and an empty one is none.
    fn name(&self, name: &str) -> Result<Option<String>, Message> {
        Ok(self
            .text(name)?
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty()))
    }

    fn needed(&self, procedure: &str, name: &str) -> Result<String, Message> {
        self.name(name)?.ok_or_else(|| {
            Message::error(
                201,
                format!(
                    "Procedure or function '{procedure}' expects parameter '{name}', which was not supplied."
                ),
            )
            .with_state(4)
        })
    }

    fn number(&self, name: &str) -> Result<Option<i64>, Message> {
        self.arguments.number(name, self.position(name))
    }

    fn number_or(&self, name: &str, default: i64) -> Result<i64, Message> {
        Ok(self.number(name)?.unwrap_or(default))
    }

    fn guid(&self, name: &str) -> Result<Option<Uuid>, Message> {
        match self.arguments.value(name, self.position(name)) {
            Some((_, Value::Guid(id))) => Ok(Some(*id)),
            Some(_) => {
                let text = self.text(name)?.unwrap_or_default();
                Uuid::parse_str(text.trim()).map(Some).map_err(|_source| {
                    Message::error(
                        8114,
                        "Error converting data type nvarchar to uniqueidentifier.",
                    )
                    .with_state(5)
                })
            }
            None => Ok(None),
        }
    }

    /// Puts a value into an output parameter, where the caller asked for it.
    fn give(
        &self,
        answer: &mut Answer,
        name: &str,
        ty: crate::practice::value::SqlType,
        value: Value,
    ) {
        if let Some(place) = self.arguments.place(name, self.position(name)) {
            answer.outputs.insert(place, (ty, value));
        }
    }

    /// The job that `@job_id` or `@job_name` names: 14294, 14262.
    fn job(&self, engine: &mut Engine) -> Result<JobKey, Message> {
        match (self.guid("@job_id")?, self.name("@job_name")?) {
            (Some(id), None) => rows::job_by_id(engine, id)?
                .ok_or_else(|| not_there("@job_id", &id.to_string().to_uppercase())),
            (None, Some(name)) => {
                rows::job_by_name(engine, &name)?.ok_or_else(|| not_there("@job_name", &name))
            }
            _ => Err(Message::error(
                14_294,
                "Supply either @job_id or @job_name to identify the job.",
            )),
        }
    }
}

/// Whether `@owner_login_name` is a login that there is: 14234. `false` when it was not named.
fn names_owner(state: &State, call: &Call<'_>) -> Result<bool, Message> {
    match call.name("@owner_login_name")? {
        Some(owner)
            if !owner.eq_ignore_ascii_case("sa")
                && !owner.eq_ignore_ascii_case(&state.facts.login) =>
        {
            Err(invalid_name(
                "@owner_login_name",
                "sp_helplogins [excluding Windows NT groups]",
            ))
        }
        owner => Ok(owner.is_some()),
    }
}

/// 14261.
fn exists(what: &str, name: &str) -> Message {
    Message::error(
        14_261,
        format!("The specified {what} ('{name}') already exists."),
    )
}

/// 14262.
fn not_there(what: &str, name: &str) -> Message {
    Message::error(
        14_262,
        format!("The specified {what} ('{name}') does not exist."),
    )
}

/// 14234.
fn invalid_name(what: &str, returned_by: &str) -> Message {
    Message::error(
        14_234,
        format!("The specified '{what}' is invalid (valid values are returned by {returned_by})."),
    )
}

/// 14266.
fn invalid(what: &str, valid: &str) -> Message {
    Message::error(
        14_266,
        format!("The specified '{what}' is invalid (valid values are: {valid})."),
    )
}

/// Several writes to msdb that happen together, in the transaction of the session when it has one.
fn atomic<T>(
    engine: &mut Engine,
    state: &mut State,
    job: impl FnOnce(&mut Engine) -> Result<T, Message>,
) -> Result<T, Message> {
    crate::practice::sql::atomic(engine, state, Some(MSDB), |engine, _| job(engine))
}

/// Now, as `datetime`.
fn now(engine: &Engine) -> Value {
    Value::Int(crate::practice::engine::clock::datetime(
        engine.clock.now_local().0,
    ))
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// A change of a job, a step or its schedule counts as one of the job.
fn touch(engine: &mut Engine, job: Uuid) -> Result<(), Message> {
    let version = rows::number(
        engine,
        "sysjobs",
        "version_number",
        &[("job_id", Value::Guid(job))],
    )?
    .unwrap_or(0);
    let stamp = now(engine);
    rows::update(
        engine,
        "sysjobs",
        &[("job_id", Value::Guid(job))],
        &[
            ("date_modified", stamp),
            ("version_number", int(version + 1)),
        ],
    )?;
    Ok(())
}
