//! A plan as guarded batches.
//!
//! Grammar: <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-transact-sql>.
//! What must be true of them: `design.md` §3, items 2 to 4, 8 and 11.

use super::{
    names::tail_file,
    over::{self, OverOptions, Tailing},
    quote::{self, Words},
    script::{Batch, BatchKind, Purpose, Script},
};
use crate::domain::{
    BackupType, Destination, Device, MarkStop, PlanStep, RestorePlan, ServerTime, Start, StopMark,
    Tail, Target,
};
use chrono::{NaiveDateTime, Timelike as _};
use uuid::Uuid;

/// What a script needs to know of the server besides the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// `@@SERVERNAME`; without it the batches carry no guard for the server.
    pub server_name: Option<String>,
    /// Where a backup goes that the plan has to take first; see [`tail_file`].
    pub tail_file: Option<String>,
}

/// The step of percent at which the server reports progress.
const STATS: u8 = 5;

/// What a restore does besides the steps of its plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreOptions {
    /// Over a database that is there; `None` for a copy, or when the server has no database of the name.
    pub over: Option<OverOptions>,
    /// Only owners and administrators get into the recovered database.
    pub restricted_user: bool,
    /// The first step goes over what this very restore began and left `RESTORING`.
    pub again: bool,
    /// Recovery after a data backup is a batch of its own, so that the database is known before anything makes it `ONLINE`.
    ///
    /// With the last log recovery comes in the same statement whatever is said here (design §3.2).
    pub recover_apart: bool,
    /// It is not recovered but left readable, with this undo file (as the server sees it): more logs can follow.
    pub standby: Option<String>,
}

/// Title of the batch that recovers a database and restores nothing.
pub const RECOVER_TITLE: &str = "Recover the database";

/// How the title of a restore ends that leaves the database readable between two logs.
pub const READABLE: &str = " and make it readable";

/// The batches that carry out a plan, from wherever it starts: one destructive statement each, every one behind its guards.
pub fn restore_script(plan: &RestorePlan, facts: &ServerFacts) -> Script {
    restore_script_with(plan, facts, &RestoreOptions::default())
}

/// The same with options; over a database that is there the script takes it from its users first and gives it back last.
pub fn restore_script_with(
    plan: &RestorePlan,
    facts: &ServerFacts,
    options: &RestoreOptions,
) -> Script {
    let target = target_database(plan);
    let tail_file = plan.tail.map(|_| {
        facts
            .tail_file
            .clone()
            .unwrap_or_else(|| tail_file(plan, None, "tail"))
    });
    let mut batches = Vec::new();

    match (&options.over, plan.tail, &tail_file) {
        (Some(over), _, _) => batches.extend(over::take(target, facts, over)),
        (None, Some(tail), Some(file)) => {
            batches.push(tail_backup(plan, facts, tail, file));
            batches.push(read_tail(facts, file));
        }
        (None, _, _) => {}
    }
    if plan.steps.is_empty() && tail_file.is_none() && plan.start != Start::Nothing {
        return end_script(target, facts, options.standby.as_deref());
    }
    let last = plan.steps.len().saturating_sub(1);
    for (idx, step) in plan.steps.iter().enumerate() {
        let is_last = idx == last && tail_file.is_none() && !recovers_apart(step, options);
        let ending = Ending::of(is_last, options);
        batches.push(restore_step(plan, facts, options, idx, step, ending));
    }
    if tail_file.is_none()
        && plan
            .steps
            .last()
            .is_some_and(|step| recovers_apart(step, options))
    {
        batches.extend(recover_script(target, facts).batches);
    }
    if let Some(file) = tail_file {
        let stop_at = match plan.target {
            Target::At(moment) => Some(moment.server),
            Target::Latest | Target::Mark(_) => None,
        };
        let mut words = Words::default();
        let mut guards = server_guard(&mut words, facts);
        guards.push(restoring_guard(&mut words, target));
        let mut with = vec!["FILE = 1".to_owned()];
        with.extend(stop_option(&mut words, plan, stop_at));
        let ending = Ending::of(true, options);
        with.extend(ending.options(&mut words, options));
        with.extend(["CHECKSUM".to_owned(), stats()]);
        let statement = statement(
            &mut words,
            "RESTORE LOG",
            target,
            &[Device::Disk(file.clone())],
            &with,
        );
        batches.push(Batch {
            kind: BatchKind::Restore,
            purpose: Purpose::RestoreTail { file },
            title: format!("Restore the backup of the tail{}", ending.title()),
            sql: guarded(words, &guards, &statement),
        });
    }
    if let Some(over) = &options.over {
        batches.extend(over::give_back_script(target, facts, over).batches);
    }
    Script { batches }
}

/// In which state a restore leaves the database.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending<'a> {
    NoRecovery,
    Recovery,
    /// Readable, with this undo file.
    Standby(&'a str),
}

impl<'a> Ending<'a> {
    fn of(is_last: bool, options: &'a RestoreOptions) -> Self {
        match &options.standby {
            _ if !is_last => Self::NoRecovery,
            Some(undo_file) => Self::Standby(undo_file),
            None => Self::Recovery,
        }
    }

    /// With who gets into it then.
    fn options(self, words: &mut Words, options: &RestoreOptions) -> Vec<String> {
        match self {
            Self::NoRecovery => vec!["NORECOVERY".to_owned()],
            Self::Standby(undo_file) => vec![format!("STANDBY = {}", words.text(undo_file))],
            Self::Recovery => std::iter::once("RECOVERY")
                .chain(options.restricted_user.then_some("RESTRICTED_USER"))
                .map(str::to_owned)
                .collect(),
        }
    }

    /// What a title says of it.
    fn title(self) -> &'static str {
        match self {
            Self::NoRecovery => "",
            Self::Recovery => " and recover",
            Self::Standby(_) => READABLE,
        }
    }
}

fn recovers_apart(last: &PlanStep, options: &RestoreOptions) -> bool {
    options.recover_apart && options.standby.is_none() && last.backup_type != BackupType::Log
}

/// Ends a restore to which nothing comes any more: recovered, or readable with an undo file.
pub fn end_script(database: &str, facts: &ServerFacts, standby: Option<&str>) -> Script {
    match standby {
        Some(undo_file) => over::standby_script(database, undo_file, facts),
        None => recover_script(database, facts),
    }
}

/// Recovers a database that the last log left `RESTORING`, as it is.
pub fn recover_script(database: &str, facts: &ServerFacts) -> Script {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    guards.push(restoring_guard(&mut words, database));
    let statement = format!(
        "RESTORE DATABASE {} WITH RECOVERY",
        words.database(database)
    );
    Script {
        batches: vec![Batch {
            kind: BatchKind::Restore,
            purpose: Purpose::Recover,
            title: RECOVER_TITLE.to_owned(),
            sql: guarded(words, &guards, &statement),
        }],
    }
}

/// Drops the copy that a run created, and no other database of that name.
///
/// `create_date` is `sys.databases.create_date` as ISO 8601. The database must be empty of sessions:
/// a copy that somebody uses is not dropped.
pub fn drop_copy_script(
    database: &str,
    database_guid: Uuid,
    create_date: &str,
    facts: &ServerFacts,
) -> Script {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    let name = words.text(database);
    guards.push(Guard {
        refuse_when: super::ask::identity_condition(&name, database_guid, create_date),
        message: words.message(&format!(
            "The database {database} is not the copy that this run created. Nothing was dropped."
        )),
    });
    guards.push(Guard {
        refuse_when: format!(
            "EXISTS (SELECT * FROM sys.dm_exec_sessions AS s
           WHERE s.database_id = DB_ID({name}) AND s.session_id <> @@SPID AND s.is_user_process = 1)"
        ),
        message: words.message(&format!(
            "Somebody is connected to {database}. Nothing was dropped."
        )),
    });
    let statement = words.statement(&format!("DROP DATABASE {}", quote::identifier(database)));
    Script {
        batches: vec![Batch {
            kind: BatchKind::Restore,
            purpose: Purpose::DropCopy,
            title: "Drop the copy".to_owned(),
            sql: guarded(words, &guards, &statement),
        }],
    }
}

/// The database that a plan writes.
pub fn target_database(plan: &RestorePlan) -> &str {
    match &plan.destination {
        Destination::Original => &plan.database,
        Destination::Copy { name, .. } => name,
    }
}

/// `STOPAT` as text: ISO 8601 with `T`, which no language setting reads differently, rounded down to a tick of `datetime`.
///
/// A tick is 1/300 s, shown as .000, .003 or .007.
/// <https://learn.microsoft.com/sql/t-sql/data-types/datetime-transact-sql>
pub fn stop_at_text(time: ServerTime) -> String {
    let nanos = u64::from(time.0.nanosecond() % 1_000_000_000);
    // A text with .003 or .007 names the tick next to it, so milliseconds come before ticks.
    let millis = nanos / 1_000_000;
    let ticks = (millis * 300 + 100) / 1000;
    let shown = (ticks * 1000 + 150) / 300;
    let seconds: NaiveDateTime = time.0.with_nanosecond(0).unwrap_or(time.0);
    if shown == 0 {
        seconds.format("%Y-%m-%dT%H:%M:%S").to_string()
    } else {
        format!("{}.{shown:03}", seconds.format("%Y-%m-%dT%H:%M:%S"))
    }
}

/// Where a log stops: at a time, at a mark, or nowhere.
///
/// A mark stands on every log like a time: one that has not got it is applied whole (4329).
fn stop_option(
    words: &mut Words,
    plan: &RestorePlan,
    stop_at: Option<ServerTime>,
) -> Option<String> {
    if let Some(mark) = &plan.stop_mark {
        let StopMark { name, after, stop } = mark;
        let option = match stop {
            MarkStop::At => "STOPATMARK",
            MarkStop::Before => "STOPBEFOREMARK",
        };
        let name = words.text(name);
        let after = stop_at_text(*after);
        return Some(format!("{option} = {name} AFTER N'{after}'"));
    }
    stop_at.map(|time| format!("STOPAT = N'{}'", stop_at_text(time)))
}

/// A condition under which a batch must not go on, and what it says then.
pub(super) struct Guard {
    pub(super) refuse_when: String,
    pub(super) message: String,
}

fn restore_step(
    plan: &RestorePlan,
    facts: &ServerFacts,
    choices: &RestoreOptions,
    idx: usize,
    step: &PlanStep,
    ending: Ending<'_>,
) -> Batch {
    let target = target_database(plan);
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    let goes_on = choices.again || plan.start != Start::Nothing;
    guards.push(match (idx, &choices.over) {
        (0, _) if goes_on => restoring_guard(&mut words, target),
        (0, Some(over)) if !matches!(over.tail, Tailing::BackUp { .. }) => {
            closed_guard(&mut words, target)
        }
        (0, _) => first_guard(&mut words, plan),
        _ => restoring_guard(&mut words, target),
    });

    let mut options = vec![format!("FILE = {}", step.position)];
    let gives_up = idx == 0
        && !choices.again
        && choices
            .over
            .as_ref()
            .is_some_and(|over| over.tail == Tailing::GiveUp);
    if gives_up {
        options.push("REPLACE".to_owned());
    }
    for file in step.moves.iter().filter_map(|idx| plan.moves.get(*idx)) {
        options.push(format!(
            "MOVE {} TO {}",
            words.text(&file.logical_name),
            words.text(&file.to)
        ));
    }
    let is_log = step.backup_type == BackupType::Log;
    if is_log {
        options.extend(stop_option(&mut words, plan, step.stop_at));
    }
    options.extend(ending.options(&mut words, choices));
    if step.has_checksums {
        options.push("CHECKSUM".to_owned());
    }
    options.push(stats());

    let verb = if is_log {
        "RESTORE LOG"
    } else {
        "RESTORE DATABASE"
    };
    let statement = statement(&mut words, verb, target, &step.devices, &options);
    // The connection may still be in the database that it has closed to others.
    let leaves = idx == 0
        && choices.over.as_ref().is_some_and(|over| {
            over.close_to_others && !matches!(over.tail, Tailing::BackUp { .. })
        });
    let sql = if leaves {
        guarded_block(words, &guards, &["USE master", &statement])
    } else {
        guarded(words, &guards, &statement)
    };
    Batch {
        kind: BatchKind::Restore,
        purpose: Purpose::RestoreSet { step: idx },
        title: step_title(step, ending),
        sql,
    }
}

fn step_title(step: &PlanStep, ending: Ending<'_>) -> String {
    let what = match step.backup_type {
        BackupType::Full => "Restore the full backup",
        BackupType::Differential => "Restore the differential backup",
        BackupType::Log => "Restore the log backup",
        BackupType::File
        | BackupType::FileDifferential
        | BackupType::Partial
        | BackupType::PartialDifferential => "Restore the backup",
    };
    let finish = step.finish;
    let end = ending.title();
    match step.stop_at.filter(|_| ending != Ending::NoRecovery) {
        Some(stop) => format!("{what} of {finish}, stop at {}{end}", stop_at_text(stop)),
        None => format!("{what} of {finish}{end}"),
    }
}

fn tail_backup(plan: &RestorePlan, facts: &ServerFacts, tail: Tail, file: &str) -> Batch {
    let mut words = Words::default();
    let mut guards = server_guard(&mut words, facts);
    if let Destination::Copy { name, .. } = &plan.destination
        && plan.start == Start::Nothing
    {
        guards.push(name_free_guard(&mut words, name));
    }
    let option = match tail {
        Tail::LogBackup => "COPY_ONLY",
        Tail::TailLog => "NORECOVERY",
    };
    let statement = over::back_up_log(&mut words, &plan.database, file, &[option]);
    Batch {
        kind: match tail {
            Tail::LogBackup => BatchKind::BackUp,
            Tail::TailLog => BatchKind::Restore,
        },
        purpose: Purpose::BackUpTail {
            file: file.to_owned(),
        },
        title: match tail {
            Tail::LogBackup => "Back up the log that no backup holds yet, copy-only",
            Tail::TailLog => over::TAIL_TITLE,
        }
        .to_owned(),
        sql: guarded(words, &guards, &statement),
    }
}

pub(super) fn read_tail(facts: &ServerFacts, file: &str) -> Batch {
    let mut words = Words::default();
    let guards = server_guard(&mut words, facts);
    let device = device(&mut words, &Device::Disk(file.to_owned()));
    Batch {
        kind: BatchKind::Look,
        purpose: Purpose::ReadTail {
            file: file.to_owned(),
        },
        title: "Read the tail back".to_owned(),
        sql: guarded(words, &guards, &format!("RESTORE HEADERONLY FROM {device}")),
    }
}

pub(super) fn server_guard(words: &mut Words, facts: &ServerFacts) -> Vec<Guard> {
    facts
        .server_name
        .iter()
        .map(|name| Guard {
            refuse_when: format!("ISNULL(@@SERVERNAME, N'') <> {}", words.text(name)),
            message: words.message(&format!(
                "This script was made for the server {name}. Nothing was changed."
            )),
        })
        .collect()
}

fn first_guard(words: &mut Words, plan: &RestorePlan) -> Guard {
    match &plan.destination {
        Destination::Copy { name, .. } => name_free_guard(words, name),
        Destination::Original => Guard {
            refuse_when: format!(
                "EXISTS (SELECT * FROM sys.databases WHERE name = {} AND state <> 1)",
                words.text(&plan.database)
            ),
            message: words.message(&format!(
                "The database {} exists and is not RESTORING. Back up the tail of its log WITH NORECOVERY first.",
                plan.database
            )),
        },
    }
}

fn name_free_guard(words: &mut Words, name: &str) -> Guard {
    Guard {
        refuse_when: format!("DB_ID({}) IS NOT NULL", words.text(name)),
        message: words.message(&format!(
            "A database named {name} exists already. Nothing was changed."
        )),
    }
}

/// Without a tail the database must be closed to others (`SINGLE_USER` is 1) or `RESTORING` already.
pub(super) fn closed_guard(words: &mut Words, name: &str) -> Guard {
    Guard {
        refuse_when: format!(
            "EXISTS (SELECT * FROM sys.databases WHERE name = {} AND state = 0 AND user_access <> 1)",
            words.text(name)
        ),
        message: words.message(&format!(
            "The database {name} is in use and was not closed to others first."
        )),
    }
}

/// A step goes on only from where the one before left the database: `RESTORING` (state 1), or in standby between two logs.
pub(super) fn restoring_guard(words: &mut Words, name: &str) -> Guard {
    Guard {
        refuse_when: format!(
            "NOT EXISTS (SELECT * FROM sys.databases WHERE name = {} AND (state = 1 OR is_in_standby = 1))",
            words.text(name)
        ),
        message: words.message(&format!(
            "The database {name} is not RESTORING, so the step before did not do its work."
        )),
    }
}

fn statement(
    words: &mut Words,
    verb: &str,
    database: &str,
    devices: &[Device],
    options: &[String],
) -> String {
    let database = words.database(database);
    let devices: Vec<String> = devices.iter().map(|d| device(words, d)).collect();
    format!(
        "{verb} {database}\nFROM {}\nWITH {}",
        devices.join(",\n     "),
        options.join(",\n     ")
    )
}

pub(super) fn device(words: &mut Words, device: &Device) -> String {
    match device {
        Device::Disk(path) => format!("DISK = {}", words.text(path)),
        Device::Url(url) => format!("URL = {}", words.text(url)),
        Device::Tape(name) => format!("TAPE = {}", words.text(name)),
    }
}

pub(super) fn stats() -> String {
    format!("STATS = {STATS}")
}

/// The same for statements that belong together: one destructive one, and what only prepares it.
pub(super) fn guarded_block(words: Words, guards: &[Guard], statements: &[&str]) -> String {
    let body = statements.join(";\n");
    match (guards, statements) {
        ([], _) | (_, [_]) => guarded(words, guards, &body),
        _ => guarded(words, guards, &format!("BEGIN\n{body};\nEND")),
    }
}

/// Guards and the one statement as a chain of `IF`: exactly one branch runs, and `@@ERROR` tells how it went.
pub(super) fn guarded(words: Words, guards: &[Guard], statement: &str) -> String {
    let mut body = String::new();
    for guard in guards {
        let Guard {
            refuse_when,
            message,
        } = guard;
        body.push_str(&format!(
            "IF {refuse_when}\n    RAISERROR ({message}, 16, 1);\nELSE "
        ));
    }
    if !guards.is_empty() {
        // The last ELSE stands alone, so that the statement begins a line.
        body.truncate(body.len() - 1);
        body.push('\n');
    }
    body.push_str(statement);
    body.push(';');
    words.finish(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        let time = NaiveDateTime::parse_from_str(input, "%Y-%m-%dT%H:%M:%S%.f").expect("a time");
        assert_eq!(stop_at_text(ServerTime(time)), expected, "{input}");
    }

    #[test]
    fn stop_at_never_names_a_later_tick() {
        check("2026-11-22T08:28:12", "2026-11-22T08:28:12");
        check("2026-11-22T08:28:12.002", "2026-11-22T08:28:12");
        check("2026-11-22T08:28:12.003", "2026-11-22T08:28:12.003");
        check("2026-11-22T08:28:12.006", "2026-11-22T08:28:12.003");
        check("2026-11-22T08:28:12.007", "2026-11-22T08:28:12.007");
        check("2026-11-22T08:28:12.009", "2026-11-22T08:28:12.007");
        check("2026-11-22T08:28:12.010", "2026-11-22T08:28:12.010");
        check("2026-11-22T08:28:12.999", "2026-11-22T08:28:12.997");
    }
}
