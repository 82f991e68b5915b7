//! Procedures of the server: what EXEC and remote procedure calls reach.
//!
//! Those that need the session itself (dynamic SQL, prepared batches, waiting for locks) are here;
//! the rest are functions on the engine's thread, found by name in [`find`].

mod agent;
mod catalogue;
mod files;
mod locks;
mod practice;
mod rds;

use super::bind::not_supported_reference;
use super::interpreter::{Ended, no_procedure};
use super::parse::{BatchContext, parse_batch, parse_object_path};
use super::session::{Io, Parameter, Session};
use super::state::{ParameterDeclaration, Prepared, State};
use super::statement::{ObjectPath, TypeName};
use super::{convert, types};
use crate::practice::catalogue::same_name;
use crate::practice::engine::{Edition, Engine};
use crate::practice::reply::{Done, Message, Reply};
use crate::practice::value::{Column, Length, SqlType, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a procedure answers.
#[derive(Default)]
pub struct Answer {
    pub results: Vec<(Vec<Column>, Vec<Vec<Value>>)>,
    pub messages: Vec<Message>,
    /// The return status.
    pub status: i32,
    /// Output parameters by place.
    pub outputs: BTreeMap<usize, (SqlType, Value)>,
}

/// A procedure that runs in one go.
pub type Handler = fn(&mut Engine, &mut State, &Arguments) -> Result<Answer, Message>;

/// The arguments of a call, by name or place.
pub struct Arguments(pub Vec<Parameter>);

impl Arguments {
    /// The place of a parameter: by name where names were given, by place where not.
    pub fn place(&self, name: &str, position: usize) -> Option<usize> {
        self.0
            .iter()
            .position(|p| p.name.eq_ignore_ascii_case(name))
            .or_else(|| {
                self.0
                    .get(position)
                    .filter(|p| p.name.is_empty())
                    .map(|_| position)
            })
    }

    /// A parameter's value; absent and NULL are the same.
    pub fn value(&self, name: &str, position: usize) -> Option<(SqlType, &Value)> {
        let parameter = self.0.get(self.place(name, position)?)?;
        (parameter.value != Value::Null).then_some((parameter.ty, &parameter.value))
    }

    /// A parameter as text.
    pub fn text(&self, name: &str, position: usize) -> Result<Option<String>, Message> {
        match self.place(name, position) {
            Some(place) => self.text_at(place),
            None => Ok(None),
        }
    }

    /// The parameter at this place as text, whatever its name.
    pub fn text_at(&self, place: usize) -> Result<Option<String>, Message> {
        let Some(Parameter { ty, value, .. }) =
            self.0.get(place).filter(|p| p.value != Value::Null)
        else {
            return Ok(None);
        };
        Ok(
            match convert::convert(
                value.clone(),
                *ty,
                SqlType::NVarChar(Length::Max),
                convert::NO_STYLE,
            )? {
                Value::Text(text) => Some(text),
                _ => None,
            },
        )
    }

    /// A parameter as a whole number.
    pub fn number(&self, name: &str, position: usize) -> Result<Option<i64>, Message> {
        let Some((ty, value)) = self.value(name, position) else {
            return Ok(None);
        };
        Ok(
            match convert::convert(value.clone(), ty, SqlType::BigInt, convert::NO_STYLE)? {
                Value::Int(n) => Some(n),
                _ => None,
            },
        )
    }
}

/// 201.
pub fn missing_parameter(procedure: &str, parameter: &str) -> Message {
    Message::error(
        201,
        format!("Procedure or function '{procedure}' expects parameter '{parameter}', which was not supplied."),
    )
    .with_state(4)
}

/// A column of a procedure's result.
pub fn column(name: &str, ty: SqlType) -> Column {
    Column {
        name: name.to_owned(),
        ty,
        nullable: true,
    }
}

/// The procedures that run in one go.
fn find(name: &str) -> Option<Handler> {
    Some(match name {
        "sp_datatype_info" | "sp_datatype_info_90" | "sp_datatype_info_100" => {
            catalogue::datatype_info
        }
        "sp_databases" => catalogue::databases,
        "sp_server_info" => catalogue::server_info,
        "sp_tables" => catalogue::tables,
        "sp_who" | "sp_who2" => catalogue::who,
        "sp_configure" => catalogue::configure,
        "sp_releaseapplock" => locks::release,
        "xp_fileexist" => files::file_exists,
        "xp_dirtree" => files::tree,
        "xp_fixeddrives" => files::drives,
        "xp_create_subdir" => files::create_folder,
        "xp_delete_file" => files::delete,
        "practice_option" => practice::option,
        _ => return rds::find(name).or_else(|| super::registry::find(name)),
    })
}

/// Azure SQL Database reaches no procedure of another database (40515), and has none of Agent (2812).
fn check_azure(engine: &Engine, state: &State, path: &ObjectPath) -> Result<(), Message> {
    if engine.options.edition != Edition::Azure || state.facts.service {
        return Ok(());
    }
    let name = path.name.to_lowercase();
    let elsewhere = path.database.as_deref().is_some_and(|database| {
        // What only the practice server has lies in its master.
        !name.starts_with("practice_") && !same_name(database, &state.facts.database_name)
    });
    if elsewhere {
        return Err(not_supported_reference(&path.written()));
    }
    if is_agents(&name) {
        return Err(no_procedure(&path.written()));
    }
    Ok(())
}

/// Whether Agent brings the procedure of this lower-case name.
fn is_agents(name: &str) -> bool {
    name == "sp_start_job" || super::registry::find(name).is_some()
}

impl Session {
    /// A remote procedure call of the client.
    pub(super) async fn run_remote_procedure(
        &mut self,
        name: &str,
        parameters: Vec<Parameter>,
        io: Io<'_>,
    ) {
        self.catchers = 0;
        let Some(path) = parse_object_path(name) else {
            io.send(Reply::Message(no_procedure(name))).await;
            io.done(224, None, true).await;
            return;
        };
        let wanted: Vec<(usize, String)> = parameters
            .iter()
            .enumerate()
            .filter(|(_, p)| p.output)
            .map(|(at, p)| (at, p.name.clone()))
            .collect();
        match self.call_procedure(&path, parameters, io).await {
            Ok(answer) => {
                io.send(Reply::ReturnStatus(answer.status)).await;
                for (place, name) in wanted {
                    if let Some((ty, value)) = answer.outputs.get(&place) {
                        io.send(Reply::ReturnValue {
                            name,
                            ty: *ty,
                            value: value.clone(),
                        })
                        .await;
                    }
                }
                io.done(224, None, false).await;
            }
            Err(Ended::Thrown(message)) => {
                io.send(Reply::Message(message)).await;
                io.done(224, None, true).await;
            }
            Err(Ended::Aborted | Ended::Cancelled | Ended::Normally) => {
                io.done(224, None, true).await;
            }
        }
        self.end_doomed_transaction(io).await;
    }

    /// Calls a procedure by name.
    pub(super) async fn call_procedure(
        &mut self,
        path: &ObjectPath,
        parameters: Vec<Parameter>,
        io: Io<'_>,
    ) -> Result<Answer, Ended> {
        let name = path.name.to_lowercase();
        let arguments = Arguments(parameters);
        if path.database.is_some() || is_agents(&name) {
            let asked = path.clone();
            let checked: Result<(), Message> = self
                .on_engine(io, move |engine, state, _| {
                    check_azure(engine, state, &asked)
                })
                .await;
            if let Err(error) = checked {
                return self.failed_call(error, io).await;
            }
        }
        match name.as_str() {
            "sp_executesql" => self.execute_sql(arguments, io).await,
            "sp_prepare" => self.prepare(arguments, false, io).await,
            "sp_prepexec" => self.prepare(arguments, true, io).await,
            "sp_execute" => self.execute_prepared(arguments, io).await,
            "sp_unprepare" => self.unprepare(&arguments, io).await,
            "sp_reset_connection" => {
                self.reset(io).await;
                Ok(Answer::default())
            }
            "practice_advance" => self.advance_time(&arguments, io).await,
            "rds_backup_database" => {
                self.start_rds_task("rds_backup_database", arguments, io)
                    .await
            }
            "rds_restore_database" => {
                self.start_rds_task("rds_restore_database", arguments, io)
                    .await
            }
            "sp_start_job" => self.start_job(arguments, io).await,
            "sp_getapplock" => self.take_application_lock(arguments, io).await,
            _ => {
                let Some(handler) = find(&name) else {
                    self.call_failed(no_procedure(&path.written()), io).await?;
                    return Ok(Answer {
                        status: 1,
                        ..Answer::default()
                    });
                };
                let result: Result<Answer, Message> = self
                    .on_engine(io, move |engine, state, _| {
                        handler(engine, state, &arguments)
                    })
                    .await;
                match result {
                    Ok(answer) => {
                        self.show(&answer, io).await;
                        Ok(answer)
                    }
                    Err(mut error) => {
                        error.procedure = name;
                        self.call_failed(error, io).await?;
                        Ok(Answer {
                            status: 1,
                            ..Answer::default()
                        })
                    }
                }
            }
        }
    }

    /// Sends results and messages of a procedure, or keeps the results for `INSERT … EXEC`.
    async fn show(&mut self, answer: &Answer, io: Io<'_>) {
        for message in &answer.messages {
            io.send(Reply::Message(message.clone())).await;
        }
        for (columns, rows) in &answer.results {
            if let Some(state) = self.state.as_mut()
                && let Some(captured) = state.captured.as_mut()
            {
                captured.push((columns.clone(), rows.clone()));
                continue;
            }
            let n_rows = rows.len() as u64;
            io.send(Reply::Columns(columns.clone())).await;
            for chunk in rows.chunks(256) {
                io.send(Reply::Rows(chunk.to_vec())).await;
            }
            io.send(Reply::Done(Done {
                command: 193,
                rows: Some(n_rows),
                failed: false,
            }))
            .await;
        }
        if let Some(state) = self.state.as_mut() {
            state.facts.error = 0;
        }
    }

    async fn failed_call(&mut self, error: Message, io: Io<'_>) -> Result<Answer, Ended> {
        let status = error.number;
        self.call_failed(error, io).await?;
        Ok(Answer {
            status,
            ..Answer::default()
        })
    }

    /// `sp_executesql @stmt, @params, values…`.
    async fn execute_sql(&mut self, arguments: Arguments, io: Io<'_>) -> Result<Answer, Ended> {
        // Drivers give the first two whatever names they like.
        let text = match arguments.text_at(0) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(Answer::default()),
            Err(error) => return self.failed_call(error, io).await,
        };
        let declared = match arguments.text_at(1) {
            Ok(text) => text.unwrap_or_default(),
            Err(error) => return self.failed_call(error, io).await,
        };
        let declarations = match parse_declarations(&declared) {
            Ok(declarations) => declarations,
            Err(error) => return self.failed_call(error, io).await,
        };
        let given: Vec<(usize, Parameter)> = arguments.0.into_iter().enumerate().skip(2).collect();
        let (values, places) = match bind_values(&declarations, given) {
            Ok(bound) => bound,
            Err(error) => return self.failed_call(error, io).await,
        };
        let after = self
            .run_dynamic(text, declarations.clone(), values, io)
            .await?;
        Ok(Answer {
            outputs: outputs(&declarations, &places, after),
            status: self.state.as_ref().map_or(0, |s| s.facts.error),
            ..Answer::default()
        })
    }

    /// `sp_prepare @handle OUT, @params, @stmt` and `sp_prepexec`, which runs it too.
    async fn prepare(
        &mut self,
        arguments: Arguments,
        runs: bool,
        io: Io<'_>,
    ) -> Result<Answer, Ended> {
        let texts = arguments
            .text("@params", 1)
            .and_then(|p| Ok((p.unwrap_or_default(), arguments.text("@stmt", 2)?)));
        let (declared, text) = match texts {
            Ok((declared, text)) => (declared, text.unwrap_or_default()),
            Err(error) => return self.failed_call(error, io).await,
        };
        let declarations = match parse_declarations(&declared) {
            Ok(declarations) => declarations,
            Err(error) => return self.failed_call(error, io).await,
        };
        let names: Vec<String> = declarations.iter().map(|d| d.name.clone()).collect();
        let parsed = self
            .on_engine(io, move |_, state, _| {
                let context = BatchContext {
                    quoted_identifier: state.facts.options.quoted_identifier,
                    parameters: &names,
                };
                parse_batch(&text, &context).map(Arc::new)
            })
            .await;
        let program = match parsed {
            Ok(program) => program,
            Err(mut messages) => {
                let first = messages.drain(..).next();
                if let Some(first) = first {
                    self.call_failed(first, io).await?;
                }
                return self
                    .failed_call(
                        Message::error(8180, "Statement(s) could not be prepared."),
                        io,
                    )
                    .await;
            }
        };
        let prepared = Prepared {
            program,
            declarations,
        };
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        state.next_handle += 1;
        let handle = state.next_handle;
        state.prepared.insert(handle, prepared.clone());
        let mut answer = Answer::default();
        if runs {
            let given: Vec<(usize, Parameter)> =
                arguments.0.into_iter().enumerate().skip(3).collect();
            answer = self.run_prepared(&prepared, given, io).await?;
        }
        answer
            .outputs
            .insert(0, (SqlType::Int, Value::Int(i64::from(handle))));
        Ok(answer)
    }

    async fn execute_prepared(
        &mut self,
        arguments: Arguments,
        io: Io<'_>,
    ) -> Result<Answer, Ended> {
        let handle = arguments
            .number("@handle", 0)
            .ok()
            .flatten()
            .and_then(|n| i32::try_from(n).ok());
        let prepared = self
            .state
            .as_ref()
            .and_then(|s| s.prepared.get(&handle.unwrap_or(0)).cloned());
        let Some(prepared) = prepared else {
            return self.failed_call(no_handle(handle.unwrap_or(0)), io).await;
        };
        let given: Vec<(usize, Parameter)> = arguments.0.into_iter().enumerate().skip(1).collect();
        self.run_prepared(&prepared, given, io).await
    }

    async fn run_prepared(
        &mut self,
        prepared: &Prepared,
        given: Vec<(usize, Parameter)>,
        io: Io<'_>,
    ) -> Result<Answer, Ended> {
        let (values, places) = match bind_values(&prepared.declarations, given) {
            Ok(bound) => bound,
            Err(error) => return self.failed_call(error, io).await,
        };
        let after = self
            .run_scope(
                Arc::clone(&prepared.program),
                &prepared.declarations,
                values,
                io,
            )
            .await?;
        Ok(Answer {
            outputs: outputs(&prepared.declarations, &places, after),
            ..Answer::default()
        })
    }

    async fn unprepare(&mut self, arguments: &Arguments, io: Io<'_>) -> Result<Answer, Ended> {
        let handle = arguments
            .number("@handle", 0)
            .ok()
            .flatten()
            .and_then(|n| i32::try_from(n).ok())
            .unwrap_or(0);
        let found = self
            .state
            .as_mut()
            .is_some_and(|s| s.prepared.remove(&handle).is_some());
        if found {
            Ok(Answer::default())
        } else {
            self.failed_call(no_handle(handle), io).await
        }
    }
}

/// 8179.
fn no_handle(handle: i32) -> Message {
    Message::error(
        8179,
        format!("Could not find prepared statement with handle {handle}."),
    )
}

/// Values in the order of the declarations, and the argument's place of each.
type BoundValues = (Vec<Value>, Vec<Option<usize>>);

fn bind_values(
    declarations: &[ParameterDeclaration],
    given: Vec<(usize, Parameter)>,
) -> Result<BoundValues, Message> {
    let mut values: Vec<Option<Value>> = vec![None; declarations.len()];
    let mut places = vec![None; declarations.len()];
    for (n, (place, parameter)) in given.into_iter().enumerate() {
        let at = if parameter.name.is_empty() {
            n
        } else {
            declarations
                .iter()
                .position(|d| d.name.eq_ignore_ascii_case(&parameter.name))
                .ok_or_else(|| {
                    Message::error(
                        8145,
                        format!("{} is not a parameter for procedure .", parameter.name),
                    )
                })?
        };
        let Some(declaration) = declarations.get(at) else {
            return Err(Message::error(
                8144,
                "Procedure or function  has too many arguments specified.",
            )
            .with_state(2));
        };
        let value = convert::convert(
            parameter.value,
            parameter.ty,
            declaration.ty,
            convert::NO_STYLE,
        )?;
        if let (Some(slot), Some(held)) = (values.get_mut(at), places.get_mut(at)) {
            *slot = Some(value);
            *held = Some(place);
        }
    }
    let mut all = Vec::with_capacity(values.len());
    for (value, declaration) in values.into_iter().zip(declarations) {
        all.push(match value {
            Some(value) => value,
            None => {
                return Err(Message::error(
                    8178,
                    format!("The parameterized query expects the parameter '{}', which was not supplied.", declaration.name),
                ));
            }
        });
    }
    Ok((all, places))
}

fn outputs(
    declarations: &[ParameterDeclaration],
    places: &[Option<usize>],
    after: Vec<Value>,
) -> BTreeMap<usize, (SqlType, Value)> {
    declarations
        .iter()
        .zip(places)
        .zip(after)
        .filter(|((declaration, _), _)| declaration.output)
        .filter_map(|((declaration, place), value)| place.map(|p| (p, (declaration.ty, value))))
        .collect()
}

/// `@a int, @b nvarchar(50) OUTPUT`: names, types and which go out.
fn parse_declarations(text: &str) -> Result<Vec<ParameterDeclaration>, Message> {
    super::parse::parse_parameters(text)?
        .into_iter()
        .map(
            |(
                name,
                TypeName {
                    name: ty,
                    arguments,
                },
                output,
            )| {
                Ok(ParameterDeclaration {
                    name,
                    ty: types::from_name(&ty, &arguments)?,
                    output,
                })
            },
        )
        .collect()
}
