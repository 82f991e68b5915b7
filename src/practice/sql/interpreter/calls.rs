//! EXECUTE: procedures, dynamic text, and their scopes.

use super::{Ended, no_procedure};
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::dml;
use crate::practice::sql::environment::Variables;
use crate::practice::sql::execute::{self, Effect, Failure};
use crate::practice::sql::parse::{BatchContext, parse_batch, parse_object_path};
use crate::practice::sql::session::{Io, Parameter, Session};
use crate::practice::sql::state::ParameterDeclaration;
use crate::practice::sql::statement::{
    ArgumentValue, Execute, ExecuteTarget, Insert, InsertSource, Operand, Program, Statement,
};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::Expr;
use std::sync::Arc;

/// Calls within calls; beyond it 217.
const MAX_NESTING: i32 = 32;

impl Session {
    /// EXECUTE as a statement. `Err` is how the callee ended when it did not end well.
    pub(super) async fn call_statement(
        &mut self,
        statement: &Arc<Statement>,
        io: Io<'_>,
    ) -> Result<Effect, Ended> {
        let Statement::Execute(call) = &**statement else {
            return Ok(Effect::default());
        };
        self.call(call, io).await?;
        Ok(Effect {
            command: 224,
            keeps_row_count: true,
            silent: true,
            ..Effect::default()
        })
    }

    /// Sends an error of a call, or hands it to whoever catches.
    pub(in crate::practice::sql) async fn call_failed(
        &mut self,
        error: Message,
        io: Io<'_>,
    ) -> Result<(), Ended> {
        self.set_error(error.number);
        if self.catchers > 0 {
            return Err(Ended::Thrown(error));
        }
        io.send(Reply::Message(error)).await;
        io.done(224, None, true).await;
        Ok(())
    }

    pub(super) async fn call(&mut self, call: &Execute, io: Io<'_>) -> Result<(), Ended> {
        let name = match &call.target {
            ExecuteTarget::Text(text) => {
                let text = (**text).clone();
                let text: Result<String, Message> = self
                    .on_engine(io, move |engine, state, _| {
                        match state.evaluate_as(engine, &text, SqlType::NVarChar(Length::Max))? {
                            Value::Text(text) => Ok(text),
                            _ => Ok(String::new()),
                        }
                    })
                    .await;
                return match text {
                    Ok(text) => self
                        .run_dynamic(text, Vec::new(), Vec::new(), io)
                        .await
                        .map(|_| ()),
                    Err(error) => self.call_failed(error, io).await,
                };
            }
            ExecuteTarget::Procedure(path) => path.written(),
            ExecuteTarget::Variable(name) => {
                let text = self
                    .state
                    .as_ref()
                    .map(|state| execute::operand_text(state, &Operand::Variable(name.clone())));
                match text {
                    Some(Ok(text)) => text,
                    Some(Err(error)) => return self.call_failed(error, io).await,
                    None => return Err(Ended::Aborted),
                }
            }
        };
        let mut parameters = Vec::with_capacity(call.arguments.len());
        let mut outputs = Vec::new();
        for argument in &call.arguments {
            let ArgumentValue::Expression(expr) = &argument.value else {
                continue;
            };
            if argument.output
                && let Expr::Identifier(ident) = expr.as_ref()
            {
                outputs.push((parameters.len(), ident.value.clone()));
            }
            let expr = expr.clone();
            let value: Result<(SqlType, Value), Message> = self
                .on_engine(io, move |engine, state, _| state.evaluate(engine, &expr))
                .await;
            match value {
                Ok((ty, value)) => parameters.push(Parameter {
                    name: argument.name.clone().unwrap_or_default(),
                    ty,
                    value,
                    output: argument.output,
                }),
                Err(error) => return self.call_failed(error, io).await,
            }
        }
        let path = match &call.target {
            ExecuteTarget::Procedure(path) => Some(path.clone()),
            _ => parse_object_path(&name),
        };
        let Some(path) = path else {
            return self.call_failed(no_procedure(&name), io).await;
        };
        let answer = self.call_procedure(&path, parameters, io).await?;
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        let mut trouble = None;
        for (place, variable) in outputs {
            if let Some((ty, value)) = answer.outputs.get(&place)
                && let Err(error) = state.assign(&variable, *ty, value.clone())
            {
                trouble = Some(error);
            }
        }
        if let Some(variable) = &call.result
            && let Err(error) =
                state.assign(variable, SqlType::Int, Value::Int(i64::from(answer.status)))
        {
            trouble = Some(error);
        }
        match trouble {
            Some(error) => self.call_failed(error, io).await,
            None => Ok(()),
        }
    }

    /// Runs text in a scope of its own with these parameters, and answers their values afterwards.
    pub(in crate::practice::sql) async fn run_dynamic(
        &mut self,
        text: String,
        declarations: Vec<ParameterDeclaration>,
        values: Vec<Value>,
        io: Io<'_>,
    ) -> Result<Vec<Value>, Ended> {
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
        match parsed {
            Ok(program) => self.run_scope(program, &declarations, values, io).await,
            Err(mut messages) => {
                let last = messages.pop();
                if self.catchers == 0 {
                    for message in messages {
                        io.send(Reply::Message(message)).await;
                    }
                }
                if let Some(last) = last {
                    self.call_failed(last, io).await?;
                }
                Ok(Vec::new())
            }
        }
    }

    /// Runs a program in a scope of its own.
    pub(in crate::practice::sql) async fn run_scope(
        &mut self,
        program: Arc<Program>,
        declarations: &[ParameterDeclaration],
        values: Vec<Value>,
        io: Io<'_>,
    ) -> Result<Vec<Value>, Ended> {
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        if state.facts.nest_level >= MAX_NESTING {
            self.call_failed(
                Message::error(
                    217,
                    "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).",
                ),
                io,
            )
            .await?;
            return Ok(Vec::new());
        }
        let mut inner = Variables::default();
        for (declaration, value) in declarations.iter().zip(values) {
            inner.declare(&declaration.name, declaration.ty, value);
        }
        let variables = std::mem::replace(&mut state.variables, inner);
        let switches = state.facts.options.clone();
        state.facts.nest_level += 1;
        let before = self.count_temporaries(false);
        let ended = self.run_program(program, io).await;
        self.forget_temporaries(before, false, io).await;
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        state.facts.nest_level -= 1;
        // SET inside a scope ends with it.
        let level = state.facts.options.isolation_level;
        state.facts.options = switches;
        state.facts.options.isolation_level = level;
        let inner = std::mem::replace(&mut state.variables, variables);
        match ended {
            Ended::Normally => Ok(declarations
                .iter()
                .map(|d| {
                    inner
                        .find(&d.name)
                        .map_or(Value::Null, |(_, value)| value.clone())
                })
                .collect()),
            other => Err(other),
        }
    }

    /// `INSERT … EXEC`.
    pub(super) async fn insert_from_execute(
        &mut self,
        statement: &Arc<Statement>,
        insert: &Insert,
        io: Io<'_>,
    ) -> Result<Result<Effect, Failure>, Ended> {
        let InsertSource::Execute(call) = &insert.source else {
            return Ok(Ok(Effect::default()));
        };
        let Some(state) = self.state.as_mut() else {
            return Err(Ended::Aborted);
        };
        if state.captured.is_some() {
            return Ok(Err(vec![Message::error(
                8164,
                "An INSERT EXEC statement cannot be nested.",
            )]));
        }
        state.captured = Some(Vec::new());
        let ended = self.call(call, io).await;
        let captured = self.state.as_mut().and_then(|s| s.captured.take());
        ended?;
        let statement = Arc::clone(statement);
        Ok(self
            .on_engine(io, move |engine, state, output| {
                let Statement::Insert(insert) = &*statement else {
                    return Ok(Effect::default());
                };
                let target =
                    dml::Target::find(engine, state, &insert.table).map_err(|e| vec![e])?;
                let mut n_rows = 0;
                for (columns, rows) in captured.unwrap_or_default() {
                    let rows = dml::typed(&columns, rows);
                    n_rows += dml::insert_rows(engine, state, &target, insert, rows, output)
                        .map_err(|e| vec![e])?;
                }
                Ok(Effect {
                    command: 195,
                    rows: Some(n_rows),
                    ..Effect::default()
                })
            })
            .await)
    }
}
