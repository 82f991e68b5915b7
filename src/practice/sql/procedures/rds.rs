//! The procedures of Amazon RDS: each starts a task that goes on by itself, and tells its number.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/SQLServer.Procedural.Importing.Native.Using.html>

use super::{Answer, Arguments, Handler, column, missing_parameter};
use crate::domain::ServerTime;
use crate::practice::backup::{execute_backup, execute_restore, managed};
use crate::practice::engine::{Edition, Engine, EngineHandle, Lifecycle, RdsTask, clock};
use crate::practice::reply::{Message, Reply};
use crate::practice::sql::convert::calendar;
use crate::practice::sql::environment::SessionFacts;
use crate::practice::sql::interpreter::Ended;
use crate::practice::sql::session::{Io, Session};
use crate::practice::sql::state::State;
use crate::practice::sql::statement::{BackupStatement, RestoreStatement};
use crate::practice::value::{Column, Length, SqlType, Value};
use tokio_util::sync::CancellationToken;

/// The procedures that only look or ask to stop.
pub fn find(name: &str) -> Option<Handler> {
    Some(match name {
        "rds_task_status" => status,
        "rds_cancel_task" => cancel,
        _ => return None,
    })
}

/// What a task will do.
enum Work {
    Backup(BackupStatement),
    Restore(RestoreStatement),
}

/// `rds_task_status [@db_name] [, @task_id]`.
fn status(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    check_edition(engine, "rds_task_status")?;
    let database = arguments.text("@db_name", 0)?;
    let id = arguments.number("@task_id", 1)?.filter(|id| *id > 0);
    let rows = engine
        .rds_tasks
        .0
        .iter()
        .filter(|task| {
            id.is_none_or(|id| id == task.id)
                && database
                    .as_ref()
                    .is_none_or(|name| name.eq_ignore_ascii_case(&task.database))
        })
        .map(|task| row(engine, task))
        .collect();
    Ok(Answer {
        results: vec![(columns(), rows)],
        ..Answer::default()
    })
}

/// `rds_cancel_task @task_id`.
fn cancel(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    check_edition(engine, "rds_cancel_task")?;
    let id = arguments
        .number("@task_id", 0)?
        .ok_or_else(|| missing_parameter("rds_cancel_task", "@task_id"))?;
    let now = now(engine);
    let task = engine
        .rds_tasks
        .find_mut(id)
        .filter(|task| !task.lifecycle.has_ended())
        .ok_or_else(|| Message::error(50000, format!("Task {id} is not there or has ended.")))?;
    task.lifecycle = Lifecycle::CancelRequested;
    task.updated = now;
    task.cancel.cancel();
    Ok(Answer::default())
}

fn check_edition(engine: &Engine, procedure: &str) -> Result<(), Message> {
    if engine.options.edition == Edition::Rds {
        return Ok(());
    }
    Err(Message::error(
        2812,
        format!("Could not find stored procedure 'msdb.dbo.{procedure}'."),
    )
    .with_state(62))
}

fn now(engine: &Engine) -> ServerTime {
    engine.clock.now_local()
}

impl Session {
    /// `rds_backup_database` and `rds_restore_database`: takes the order, and works on it after the answer.
    pub(super) async fn start_rds_task(
        &mut self,
        procedure: &'static str,
        arguments: Arguments,
        io: Io<'_>,
    ) -> Result<Answer, Ended> {
        let ordered: Result<(RdsTask, Work, SessionFacts, Answer), Message> = self
            .on_engine(io, move |engine, state, _| {
                let (task, work) = order(engine, procedure, &arguments)?;
                let mut facts = state.facts.clone();
                facts.service = true;
                let answer = Answer {
                    results: vec![(columns(), vec![row(engine, &task)])],
                    ..Answer::default()
                };
                Ok((task, work, facts, answer))
            })
            .await;
        match ordered {
            Ok((task, work, facts, answer)) => {
                let engine = self.engine().clone();
                tokio::spawn(carry_out(engine, task, work, facts));
                self.show(&answer, io).await;
                Ok(answer)
            }
            Err(error) => self.failed_call(error, io).await,
        }
    }
}

fn order(
    engine: &mut Engine,
    procedure: &'static str,
    arguments: &Arguments,
) -> Result<(RdsTask, Work), Message> {
    check_edition(engine, procedure)?;
    let needed = |name: &'static str, place| -> Result<String, Message> {
        arguments
            .text(name, place)?
            .ok_or_else(|| missing_parameter(procedure, name))
    };
    let place_of = |arn: &str| {
        managed::path_of_arn(arn).ok_or_else(|| {
            Message::error(
                50000,
                format!("'{arn}' is not a valid S3 ARN of an object."),
            )
        })
    };
    let overwrite = arguments.number("@overwrite_s3_backup_file", 3)? == Some(1);
    let (kind, database, s3_arn, work) = if procedure == "rds_backup_database" {
        let (database, arn) = (
            needed("@source_db_name", 0)?,
            needed("@s3_arn_to_backup_to", 1)?,
        );
        if engine.store.find(&database).is_none() {
            return Err(Message::error(
                50000,
                format!("Database {database} does not exist."),
            ));
        }
        let path = place_of(&arn)?;
        let statement = managed::rds_backup(engine, &database, &path, overwrite)?;
        ("BACKUP_DB", database, arn, Work::Backup(statement))
    } else {
        let (database, arn) = (
            needed("@restore_db_name", 0)?,
            needed("@s3_arn_to_restore_from", 1)?,
        );
        if engine.store.find(&database).is_some() {
            return Err(Message::error(
                50000,
                format!(
                    "Database {database} already exists. Two databases that differ only by case or accent are not allowed. Choose a different database name"
                ),
            ));
        }
        let path = place_of(&arn)?;
        let statement = managed::rds_restore(&database, &path);
        ("RESTORE_DB", database, arn, Work::Restore(statement))
    };
    let at = now(engine);
    let task = RdsTask {
        id: engine.rds_tasks.next_id(),
        kind,
        database,
        s3_arn,
        overwrite,
        lifecycle: Lifecycle::Created,
        info: String::new(),
        created: at,
        updated: at,
        cancel: CancellationToken::new(),
    };
    engine.rds_tasks.0.push(task.clone());
    Ok((task, work))
}

async fn carry_out(engine: EngineHandle, task: RdsTask, work: Work, facts: SessionFacts) {
    let RdsTask { id, cancel, .. } = task;
    let note = async |lifecycle: Lifecycle, info: String| {
        engine
            .run(move |engine| {
                let at = now(engine);
                if let Some(task) = engine.rds_tasks.find_mut(id) {
                    task.lifecycle = lifecycle;
                    task.info = info;
                    task.updated = at;
                }
            })
            .await
            // The server is stopping: nobody asks for the task any more.
            .ok();
    };
    note(Lifecycle::InProgress, String::new()).await;
    let (sender, mut replies) = tokio::sync::mpsc::channel(64);
    let run = async {
        let done = match work {
            Work::Backup(statement) => {
                execute_backup(&engine, &facts, statement, &sender, &cancel).await
            }
            Work::Restore(statement) => {
                execute_restore(&engine, &facts, statement, &sender, &cancel).await
            }
        };
        drop(sender);
        done
    };
    let read = async {
        let mut first = None;
        while let Some(reply) = replies.recv().await {
            if let Reply::Message(message) = reply
                && message.is_error()
                && first.is_none()
            {
                first = Some(message.text);
            }
        }
        first.unwrap_or_default()
    };
    let (done, error) = tokio::join!(run, read);
    let lifecycle = match done {
        true => Lifecycle::Success,
        false if cancel.is_cancelled() => Lifecycle::Cancelled,
        false => Lifecycle::Error,
    };
    note(lifecycle, error).await;
}

fn columns() -> Vec<Column> {
    let text = |name| column(name, SqlType::NVarChar(Length::Limited(1000)));
    vec![
        column("task_id", SqlType::Int),
        text("task_type"),
        text("database_name"),
        column("% complete", SqlType::Int),
        column("duration(mins)", SqlType::Int),
        text("lifecycle"),
        text("task_info"),
        column("last_updated", SqlType::DateTime),
        column("created_at", SqlType::DateTime),
        text("S3_object_arn"),
        column("overwrite_s3_backup_file", SqlType::Int),
        text("KMS_master_key_arn"),
        text("filepath"),
        column("overwrite_file", SqlType::Int),
    ]
}

fn row(engine: &Engine, task: &RdsTask) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let moment = |at: ServerTime| Value::Int(calendar::datetime_from_ticks(clock::local_ticks(at)));
    let minutes = (now(engine).0 - task.created.0).num_minutes().max(0);
    let complete = if task.lifecycle == Lifecycle::Success {
        100
    } else {
        0
    };
    vec![
        Value::Int(task.id),
        text(task.kind),
        text(&task.database),
        Value::Int(complete),
        Value::Int(minutes),
        text(task.lifecycle.word()),
        text(&task.info),
        moment(task.updated),
        moment(task.created),
        text(&task.s3_arn),
        Value::Int(i64::from(task.overwrite)),
        Value::Null,
        Value::Null,
        Value::Null,
    ]
}
