//! `BACKUP` and `RESTORE` as a session runs them: order of messages, pace, progress, cancellation.
//!
//! The order and the `DONE` after each message follow a capture of the real server: progress, pages per file, the
//! closing line; errors end with 3013 and a failed `DONE`, and do not end the batch.

mod progress;

use super::{
    info, managed,
    options::{self, BackupRequest, RestoreRequest},
    restore, take,
};
use crate::practice::{
    engine::{Activity, Engine, EngineHandle, Phase},
    reply::{Done, Message, Reply},
    sql::{
        environment::SessionFacts,
        statement::{BackupStatement, BackupWhat, RestoreStatement, RestoreWhat},
    },
};
use progress::{Cancelled, Progress, passed, wait};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

/// How often a statement looks again whether somebody else's transaction has ended.
const RETRY: Duration = Duration::from_millis(20);

/// `CurCmd` values ([W] in the fact reference).
const BACKUP_DATABASE: u16 = 228;
const BACKUP_LOG: u16 = 235;
const RESTORE: u16 = 229;
const OPTION_ERROR: u16 = 253;
const RESULT_ROWS: u16 = 230;

/// Sends what a statement says.
struct Voice<'a> {
    out: &'a Sender<Reply>,
    command: u16,
}

impl Voice<'_> {
    async fn send(&self, reply: Reply) {
        // A client that is gone cannot be told; its session ends by itself.
        self.out.send(reply).await.ok();
    }

    async fn done(&self, failed: bool) {
        self.send(Reply::Done(Done {
            command: self.command,
            rows: None,
            failed,
        }))
        .await;
    }

    async fn inform(&mut self, message: Message) {
        self.send(Reply::Message(message)).await;
        self.done(false).await;
    }

    /// Errors and the failed `DONE`.
    async fn end_with(&self, messages: Vec<Message>) {
        for message in messages {
            self.send(Reply::Message(message)).await;
        }
        self.done(true).await;
    }

    /// The same, with the closing 3013.
    async fn fail(&self, mut messages: Vec<Message>, statement: &str) {
        messages.push(Message::error(
            3013,
            format!("{statement} is terminating abnormally."),
        ));
        self.end_with(messages).await;
    }

    /// Errors of the statement's form: 155 has neither 3013 nor the statement's command.
    async fn refuse(&mut self, messages: Vec<Message>, statement: &str) {
        if messages.iter().any(|m| m.number == 155) {
            self.command = OPTION_ERROR;
            self.end_with(messages).await;
        } else {
            self.fail(messages, statement).await;
        }
    }
}

fn in_transaction() -> Vec<Message> {
    vec![
        Message::error(
            3021,
            "Cannot perform a backup or restore operation within a transaction.",
        )
        .with_state(0),
    ]
}

fn stopped() -> Vec<Message> {
    vec![Message::error(3204, "The backup or restore was aborted.")]
}

fn not_on_azure(statement: &str) -> Vec<Message> {
    vec![Message::error(
        40510,
        format!("Statement '{statement}' is not supported in this version of SQL Server."),
    )]
}

/// The statement in the form in which it runs, or why a client may not run it here; the server's own jobs may.
async fn admitted<S: Send + 'static>(
    engine: &EngineHandle,
    context: &SessionFacts,
    mut statement: S,
    admit: fn(&mut Engine, &mut S) -> Result<(), Vec<Message>>,
) -> Result<S, Vec<Message>> {
    if context.service {
        return Ok(statement);
    }
    engine
        .run(move |engine| admit(engine, &mut statement).map(|()| statement))
        .await
        .unwrap_or_else(|_stopped| Err(stopped()))
}

/// Runs `BACKUP`; says whether it succeeded.
pub async fn execute_backup(
    engine: &EngineHandle,
    context: &SessionFacts,
    statement: BackupStatement,
    out: &Sender<Reply>,
    cancel: &CancellationToken,
) -> bool {
    let (command, plain) = match statement.what {
        BackupWhat::Database => (BACKUP_DATABASE, "BACKUP DATABASE"),
        BackupWhat::Log => (BACKUP_LOG, "BACKUP LOG"),
    };
    let mut voice = Voice { out, command };
    let admitted = admitted(engine, context, statement, managed::admit_backup).await;
    let statement = match admitted {
        Ok(statement) => statement,
        Err(messages) => {
            voice.fail(messages, plain).await;
            return false;
        }
    };
    let request = match options::read_backup(&statement, &context.login) {
        Ok(request) => request,
        Err(messages) => {
            voice.refuse(messages, plain).await;
            return false;
        }
    };
    if context.trancount > 0 {
        voice.fail(in_transaction(), plain).await;
        return false;
    }
    match run_backup(engine, context, &request, &mut voice, cancel).await {
        Ok(()) => true,
        Err(messages) if messages.iter().any(|m| m.number == 40510) => {
            voice.end_with(messages).await;
            false
        }
        Err(messages) => {
            voice.fail(messages, plain).await;
            false
        }
    }
}

async fn run_backup(
    engine: &EngineHandle,
    context: &SessionFacts,
    request: &BackupRequest,
    voice: &mut Voice<'_>,
    cancel: &CancellationToken,
) -> Result<(), Vec<Message>> {
    let clock = Instant::now();
    let (session, service) = (context.id, context.service);
    let command = take::plain_verb(request.kind);
    let asked = request.clone();
    let begun = engine
        .run(move |engine| {
            if engine.options.edition == crate::practice::engine::Edition::Azure && !service {
                return Err(not_on_azure(command));
            }
            if engine.options.edition == crate::practice::engine::Edition::Express {
                let default = engine.options.compression_default;
                let lacking = [
                    (asked.compression.unwrap_or(default), "COMPRESSION"),
                    (asked.encryption.is_some(), "ENCRYPTION"),
                ];
                if let Some((_, option)) = lacking.into_iter().find(|(asked, _)| *asked) {
                    return Err(vec![Message::error(
                        1844,
                        format!(
                            "{command} WITH {option} is not supported on Express Edition (64-bit)."
                        ),
                    )]);
                }
            }
            let begun = take::begin(engine, session, &asked)?;
            engine.activities.begin(Activity {
                session,
                command,
                database: Some(begun.database),
                phase: Phase::Copying,
                began: Instant::now(),
                expected: seconds(begun.expected_seconds),
            });
            Ok(begun)
        })
        .await
        .unwrap_or_else(|_stopped| Err(stopped()))?;
    if let Some(warning) = &begun.warning {
        voice.inform(warning.clone()).await;
    }
    let expected = seconds(begun.expected_seconds);
    let mut progress = Progress::new(request.stats);
    let paused = progress.pause(engine, voice, expected, cancel).await;
    let result = if paused.is_err() {
        Err(stopped())
    } else {
        loop {
            let (asked, begin) = (request.clone(), begun.clone());
            let tried = engine
                .run(move |engine| take::finish(engine, &asked, &begin))
                .await
                .unwrap_or_else(|_stopped| Err(stopped()));
            match tried {
                Err(messages) if is_busy(&messages) => {
                    if wait(RETRY, cancel).await.is_err() {
                        break Err(stopped());
                    }
                }
                other => break other,
            }
        }
    };
    let failed = result.is_err();
    let begin = begun.clone();
    engine
        .run(move |engine| {
            engine.activities.end(session);
            if failed {
                take::give_up(engine, &begin);
            }
        })
        .await
        .ok();
    let finished = result?;
    progress.finish(voice).await;
    let header = &finished.header;
    for (file, pages) in &finished.pages {
        voice
            .inform(pages_message(
                *pages,
                &header.database,
                file,
                header.position,
            ))
            .await;
    }
    let pages = finished.pages.iter().map(|(_, n)| n).sum();
    voice
        .inform(closing(take::verb(request.kind), pages, clock.elapsed()))
        .await;
    Ok(())
}

/// Runs `RESTORE` of any kind; says whether it succeeded.
pub async fn execute_restore(
    engine: &EngineHandle,
    context: &SessionFacts,
    statement: RestoreStatement,
    out: &Sender<Reply>,
    cancel: &CancellationToken,
) -> bool {
    let what = statement.what;
    let name = restore::verb(what);
    let mut voice = Voice {
        out,
        command: match what {
            RestoreWhat::Database | RestoreWhat::Log => RESTORE,
            RestoreWhat::HeaderOnly | RestoreWhat::LabelOnly => 250,
            RestoreWhat::FileListOnly => 376,
            RestoreWhat::VerifyOnly => 377,
        },
    };
    let admitted = admitted(engine, context, statement, managed::admit_restore).await;
    let statement = match admitted {
        Ok(statement) => statement,
        Err(messages) => {
            voice.fail(messages, name).await;
            return false;
        }
    };
    let request =
        match options::read_restore(&statement, &context.login, context.options.date_format) {
            Ok(request) => request,
            Err(messages) => {
                voice.refuse(messages, name).await;
                return false;
            }
        };
    if context.trancount > 0 {
        voice.fail(in_transaction(), name).await;
        return false;
    }
    let service = context.service;
    let azure = engine
        .run(move |engine| {
            !service && engine.options.edition == crate::practice::engine::Edition::Azure
        })
        .await
        .unwrap_or(false);
    if azure {
        for message in not_on_azure(name) {
            voice.send(Reply::Message(message)).await;
        }
        voice.done(true).await;
        return false;
    }
    let result = match what {
        RestoreWhat::Database | RestoreWhat::Log => {
            run_restore(engine, context, request, &mut voice, cancel).await
        }
        RestoreWhat::VerifyOnly => run_verify(engine, context, request, &mut voice, cancel).await,
        RestoreWhat::HeaderOnly | RestoreWhat::FileListOnly | RestoreWhat::LabelOnly => {
            run_info(engine, request, &mut voice).await
        }
    };
    match result {
        Ok(()) => true,
        Err(messages) => {
            voice.fail(messages, name).await;
            false
        }
    }
}

async fn run_info(
    engine: &EngineHandle,
    request: RestoreRequest,
    voice: &mut Voice<'_>,
) -> Result<(), Vec<Message>> {
    let table = engine
        .run(move |engine| info::read(engine, &request))
        .await
        .unwrap_or_else(|_stopped| Err(stopped()))?;
    let rows = table.rows.len() as u64;
    voice.send(Reply::Columns(table.columns)).await;
    voice.send(Reply::Rows(table.rows)).await;
    voice
        .send(Reply::Done(Done {
            command: RESULT_ROWS,
            rows: Some(rows),
            failed: false,
        }))
        .await;
    voice.done(false).await;
    Ok(())
}

async fn run_verify(
    engine: &EngineHandle,
    context: &SessionFacts,
    request: RestoreRequest,
    voice: &mut Voice<'_>,
    cancel: &CancellationToken,
) -> Result<(), Vec<Message>> {
    let session = context.id;
    let mut progress = Progress::new(request.stats);
    let (position, expected) = engine
        .run(move |engine| {
            let position = restore::verify(engine, &request)?;
            let bytes = restore::verified_bytes(engine, &request);
            let expected = seconds(bytes * engine.options.pace / take::BYTES_PER_SECOND);
            engine.activities.begin(Activity {
                session,
                command: "RESTORE VERIFYONLY",
                database: None,
                phase: Phase::Copying,
                began: Instant::now(),
                expected,
            });
            Ok::<_, Vec<Message>>((position, expected))
        })
        .await
        .unwrap_or_else(|_stopped| Err(stopped()))?;
    let paused = progress.pause(engine, voice, expected, cancel).await;
    engine
        .run(move |engine| engine.activities.end(session))
        .await
        .ok();
    paused.map_err(|Cancelled| stopped())?;
    progress.finish(voice).await;
    voice
        .inform(Message::info(
            3262,
            format!("The backup set on file {position} is valid."),
        ))
        .await;
    Ok(())
}

async fn run_restore(
    engine: &EngineHandle,
    context: &SessionFacts,
    request: RestoreRequest,
    voice: &mut Voice<'_>,
    cancel: &CancellationToken,
) -> Result<(), Vec<Message>> {
    let clock = Instant::now();
    let session = context.id;
    let command = restore::verb(request.what);
    if request.devices.is_empty() {
        let asked = request.clone();
        engine
            .run(move |engine| restore::change_state(engine, session, &asked))
            .await
            .unwrap_or_else(|_stopped| Err(stopped()))?;
        voice.inform(closing(command, 0, clock.elapsed())).await;
        return Ok(());
    }
    let asked = request.clone();
    let mut begun = engine
        .run(move |engine| {
            let begun = restore::begin(engine, session, &asked)?;
            engine.activities.begin(Activity {
                session,
                command,
                database: Some(begun.database),
                phase: if begun.creates_files {
                    Phase::CreatingFiles
                } else {
                    Phase::Copying
                },
                began: Instant::now(),
                expected: seconds(begun.expected_seconds * CREATING),
            });
            Ok::<_, Vec<Message>>(begun)
        })
        .await
        .unwrap_or_else(|_stopped| Err(stopped()))?;
    let mut progress = Progress::new(request.stats);
    let paced = pace_restore(engine, session, &begun, &mut progress, voice, cancel).await;
    let result = match paced {
        Err(Cancelled) => Err(stopped()),
        Ok(()) => loop {
            let asked = request.clone();
            let tried = engine
                .run(move |engine| {
                    let result = restore::finish(engine, &asked, &mut begun);
                    (result, begun)
                })
                .await;
            match tried {
                Err(_stopped) => break Err(stopped()),
                Ok((Err(messages), again)) if is_busy(&messages) => {
                    begun = again;
                    if wait(RETRY, cancel).await.is_err() {
                        break Err(stopped());
                    }
                }
                Ok((result, _)) => break result,
            }
        },
    };
    engine
        .run(move |engine| engine.activities.end(session))
        .await
        .ok();
    let finished = result?;
    progress.finish(voice).await;
    for (file, pages) in &finished.pages {
        voice
            .inform(pages_message(
                *pages,
                &request.database,
                file,
                finished.position,
            ))
            .await;
    }
    for note in finished.notes {
        voice.inform(note).await;
    }
    let pages = finished.pages.iter().map(|(_, n)| n).sum();
    voice.inform(closing(command, pages, clock.elapsed())).await;
    Ok(())
}

/// Shares of a restore's time before and after the bytes move.
const CREATING: f64 = 0.06;
const RECOVERING: f64 = 0.04;

async fn pace_restore(
    engine: &EngineHandle,
    session: i16,
    begun: &restore::Begun,
    progress: &mut Progress,
    voice: &mut Voice<'_>,
    cancel: &CancellationToken,
) -> Result<(), Cancelled> {
    let whole = begun.expected_seconds;
    if whole <= 0.0 {
        return if cancel.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        };
    }
    let enter = |phase: Phase, length: Duration| async move {
        engine
            .run(move |engine| engine.activities.enter(session, phase, length))
            .await
            .ok();
    };
    let creating = seconds(whole * CREATING);
    if begun.creates_files && !passed(engine, creating).await {
        wait(creating, cancel).await?;
    }
    let copying = seconds(whole);
    enter(Phase::Copying, copying).await;
    progress.pause(engine, voice, copying, cancel).await?;
    let recovering = seconds(whole * RECOVERING);
    enter(Phase::Recovering, recovering).await;
    if passed(engine, recovering).await {
        return Ok(());
    }
    wait(recovering, cancel).await
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

fn is_busy(messages: &[Message]) -> bool {
    messages.iter().any(|m| m.number == 1222)
}

fn pages_message(pages: i64, database: &str, file: &str, position: i32) -> Message {
    Message::info(
        4035,
        format!(
            "Processed {pages} pages for database '{database}', file '{file}' on file {position}."
        ),
    )
}

fn closing(verb: &str, pages: i64, elapsed: Duration) -> Message {
    let millis = elapsed.as_millis().max(1);
    let speed = pages as f64 * 8192.0 / 1_048_576.0 / (millis as f64 / 1000.0);
    Message::info(
        3014,
        format!(
            "{verb} successfully processed {pages} pages in {}.{:03} seconds ({speed:.3} MB/sec).",
            millis / 1000,
            millis % 1000
        ),
    )
}
