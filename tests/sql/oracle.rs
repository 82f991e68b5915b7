//! Microsoft's own parser reads what we write, and reads what was meant.
//!
//! Runs when `TSQL_CHECK_HOME` names the folder in which the parser was set up and the tool lies beside the project;
//! prints a line and passes otherwise.

use super::samples;
use serde_json::Value;
use std::{collections::BTreeMap, io::Write as _, path::PathBuf, process::Command};
use stopat::{
    domain::{BackupType, Destination, Device, RestorePlan, Tail, Target},
    tsql::{self, BatchKind, Script, ServerFacts, restore_script, stop_at_text},
};
use uuid::Uuid;

/// Says so past the runner, which keeps to itself what a passing test prints.
fn skipped(why: &str) {
    writeln!(std::io::stderr(), "skipped: Microsoft's parser ({why})").ok();
}

/// Every script parses, by the parser and by the strict rules beside it.
pub fn strictly_parsed(scripts: &[String]) {
    for (idx, file) in parse_with(scripts, &["--strict"])
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        assert_eq!(file["ok"], true, "{file:#}\n{}", scripts[idx]);
    }
}

/// Parses all scripts in one call; `None` when the parser is not there.
pub(super) fn parse(scripts: &[String]) -> Option<Vec<Value>> {
    parse_with(scripts, &["--ast"])
}

fn parse_with(scripts: &[String], options: &[&str]) -> Option<Vec<Value>> {
    if std::env::var_os("TSQL_CHECK_HOME").is_none() {
        skipped("TSQL_CHECK_HOME is not set");
        return None;
    }
    let tool =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/tsql-check/tsql-check");
    if !tool.exists() {
        skipped(&format!("{} is not there", tool.display()));
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new("python3");
    command.arg(tool).args(options);
    for (idx, script) in scripts.iter().enumerate() {
        let path = folder.path().join(format!("{idx:04}.sql"));
        std::fs::write(&path, script).expect("the folder is writable");
        command.arg(path);
    }
    let output = command.output().expect("python3 runs");
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "the parser could not run: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let files = answer["files"].as_array_mut().expect("files");
    Some(std::mem::take(files))
}

/// Batches as the parser cut them, each with its variables replaced by what they hold.
pub(super) fn batches(file: &Value) -> Vec<Batch> {
    assert_eq!(file["ok"], true, "{file:#}");
    file["ast"]
        .as_array()
        .expect("an ast")
        .iter()
        .map(|batch| {
            let mut variables = BTreeMap::new();
            let mut found = Batch::default();
            for statement in batch.as_array().expect("statements") {
                visit(statement, &mut variables, &mut found);
            }
            found
        })
        .collect()
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Batch {
    guards: usize,
    pub statements: Vec<Statement>,
}

/// A statement as the parser understood it; of one that is run from a variable, `database` is its text.
#[derive(Debug, PartialEq)]
pub(super) struct Statement {
    pub class: String,
    pub database: String,
    pub devices: Vec<(String, String)>,
    pub options: Vec<String>,
}

fn visit(node: &Value, variables: &mut BTreeMap<String, String>, found: &mut Batch) {
    match node["_"].as_str().unwrap_or_default() {
        "DeclareVariableStatement" => {
            for declared in node["Declarations"].as_array().expect("declarations") {
                let name = declared["VariableName"]
                    .as_str()
                    .expect("a name")
                    .to_owned();
                if !declared["Value"].is_null() {
                    let value = value_of(&declared["Value"], variables);
                    variables.insert(name, value);
                }
            }
        }
        "IfStatement" => {
            let then = &node["ThenStatement"];
            if then["_"] == "RaiseErrorStatement" {
                found.guards += 1;
            } else {
                visit(then, variables, found);
            }
            if !node["ElseStatement"].is_null() {
                visit(&node["ElseStatement"], variables, found);
            }
        }
        "PredicateSetStatement" | "UseStatement" | "SelectStatement" => {}
        class @ ("RestoreStatement"
        | "BackupTransactionLogStatement"
        | "BackupDatabaseStatement") => {
            found.statements.push(Statement {
                class: if class == "RestoreStatement" {
                    format!("Restore {}", node["Kind"].as_str().unwrap_or("Database"))
                } else {
                    class.to_owned()
                },
                database: if node["DatabaseName"].is_null() {
                    String::new()
                } else {
                    value_of(&node["DatabaseName"], variables)
                },
                devices: node["Devices"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|device| {
                        (
                            device["DeviceType"].as_str().unwrap_or_default().to_owned(),
                            value_of(&device["PhysicalDevice"], variables),
                        )
                    })
                    .collect(),
                options: node["Options"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|option| option_text(option, variables))
                    .collect(),
            });
        }
        "DropDatabaseStatement" => {
            let name = &node["Databases"][0];
            found.statements.push(Statement {
                class: "Drop".to_owned(),
                database: value_of(name, variables),
                devices: Vec::new(),
                options: Vec::new(),
            });
        }
        "ExecuteStatement" => found.statements.push(Statement {
            class: "Execute".to_owned(),
            database: variables
                .values()
                .last()
                .expect("the statement's text")
                .to_string(),
            devices: Vec::new(),
            options: Vec::new(),
        }),
        other => panic!("unexpected statement {other}: {node:#}"),
    }
}

fn option_text(option: &Value, variables: &BTreeMap<String, String>) -> String {
    if option["_"] == "BackupEncryptionOption" {
        let encryptor = &option["Encryptor"];
        return format!(
            "Encryption {} {} {}",
            option["Algorithm"].as_str().expect("an algorithm"),
            encryptor["CryptoMechanismType"].as_str().expect("a type"),
            value_of(&encryptor["Identifier"], variables)
        );
    }
    let kind = option["OptionKind"].as_str().expect("a kind");
    if kind == "Move" {
        return format!(
            "Move {} -> {}",
            value_of(&option["LogicalFileName"], variables),
            value_of(&option["OSFileName"], variables)
        );
    }
    if option["Value"].is_null() {
        kind.to_owned()
    } else {
        format!("{kind} {}", value_of(&option["Value"], variables))
    }
}

/// What an expression of literals, variables and `NCHAR` is worth.
fn value_of(node: &Value, variables: &BTreeMap<String, String>) -> String {
    match node["_"].as_str().unwrap_or_default() {
        "BinaryExpression" => {
            value_of(&node["FirstExpression"], variables)
                + &value_of(&node["SecondExpression"], variables)
        }
        "FunctionCall" => {
            assert_eq!(node["FunctionName"], "NCHAR");
            let code = value_of(&node["Parameters"][0], variables);
            char::from_u32(code.parse().expect("a number"))
                .expect("a character")
                .to_string()
        }
        "VariableReference" => {
            let name = node["Name"].as_str().expect("a name");
            variables.get(name).expect("a declared variable").clone()
        }
        "IdentifierOrValueExpression" if !node["ValueExpression"].is_null() => {
            value_of(&node["ValueExpression"], variables)
        }
        _ => node["Value"]
            .as_str()
            .unwrap_or_else(|| node.as_str().unwrap_or_default())
            .to_owned(),
    }
}

/// What the script for a plan must say, worked out from the plan alone.
fn expected(plan: &RestorePlan, facts: &ServerFacts, tail: Option<&str>) -> Vec<Statement> {
    let target = match &plan.destination {
        Destination::Original => plan.database.clone(),
        Destination::Copy { name, .. } => name.clone(),
    };
    let device = |device: &Device| match device {
        Device::Disk(name) => ("Disk".to_owned(), name.clone()),
        Device::Url(name) => ("Url".to_owned(), name.clone()),
        Device::Tape(name) => ("Tape".to_owned(), name.clone()),
    };
    let stop = match plan.target {
        Target::At(moment) => Some(format!("StopAt {}", stop_at_text(moment.server))),
        Target::Latest | Target::Mark(_) => None,
    };
    let mut statements = Vec::new();
    if let Some(file) = tail {
        statements.push(Statement {
            class: "BackupTransactionLogStatement".to_owned(),
            database: plan.database.clone(),
            devices: vec![("Disk".to_owned(), file.to_owned())],
            options: ["CopyOnly", "NoInit", "Checksum", "Stats 5"]
                .map(str::to_owned)
                .to_vec(),
        });
        statements.push(Statement {
            class: "Restore HeaderOnly".to_owned(),
            database: String::new(),
            devices: vec![("Disk".to_owned(), file.to_owned())],
            options: Vec::new(),
        });
    }
    for (idx, step) in plan.steps.iter().enumerate() {
        let last = idx + 1 == plan.steps.len() && tail.is_none();
        let log = step.backup_type == BackupType::Log;
        let mut options = vec![format!("File {}", step.position)];
        options.extend(step.moves.iter().map(|idx| {
            let file = &plan.moves[*idx];
            format!("Move {} -> {}", file.logical_name, file.to)
        }));
        if let Some(time) = step.stop_at {
            assert!(log, "only a log stops");
            options.push(format!("StopAt {}", stop_at_text(time)));
        }
        options.push(if last { "Recovery" } else { "NoRecovery" }.to_owned());
        if step.has_checksums {
            options.push("Checksum".to_owned());
        }
        options.push("Stats 5".to_owned());
        statements.push(Statement {
            class: if log {
                "Restore TransactionLog"
            } else {
                "Restore Database"
            }
            .to_owned(),
            database: target.clone(),
            devices: step.devices.iter().map(device).collect(),
            options,
        });
    }
    if let Some(file) = tail {
        let mut options = vec!["File 1".to_owned()];
        options.extend(stop);
        options.extend(["Recovery", "Checksum", "Stats 5"].map(str::to_owned));
        statements.push(Statement {
            class: "Restore TransactionLog".to_owned(),
            database: target,
            devices: vec![("Disk".to_owned(), file.to_owned())],
            options,
        });
    }
    assert!(facts.server_name.is_some() || facts == &ServerFacts::default());
    statements
}

#[test]
fn restore_scripts_say_what_the_plan_means() {
    let mut plans = vec![
        samples::copy_to_a_moment(),
        samples::base_only(),
        samples::striped_over_the_original(),
        samples::ends_with_a_bulk_logged_log(),
        samples::with_a_tail(),
        samples::hostile(&"ü".repeat(120)),
    ];
    plans.extend(samples::HOSTILE.map(samples::hostile));
    let facts = samples::facts();
    let scripts: Vec<Script> = plans
        .iter()
        .map(|plan| restore_script(plan, &facts))
        .collect();
    let texts: Vec<String> = scripts.iter().map(Script::to_sql).collect();
    let Some(files) = parse(&texts) else { return };
    for ((plan, script), file) in plans.iter().zip(&scripts).zip(&files) {
        let found = batches(file);
        assert_eq!(
            found.len(),
            script.batches.len() + 2,
            "one batch for each of ours, one before and one after"
        );
        let tail = plan.tail.map(|tail| {
            assert_eq!(tail, Tail::LogBackup);
            facts.tail_file.as_deref().expect("given")
        });
        let body = &found[1..found.len() - 1];
        for (batch, ours) in body.iter().zip(&script.batches) {
            assert_eq!(batch.statements.len(), 1, "one statement a batch");
            assert!(batch.guards >= 1);
            if ours.kind == BatchKind::Restore {
                assert_eq!(batch.guards, 2, "server and state");
            }
        }
        let statements: Vec<Statement> = found
            .into_iter()
            .flat_map(|batch| batch.statements)
            .collect();
        assert_eq!(statements, expected(plan, &facts, tail));
    }
}

#[test]
fn questions_and_other_scripts_parse() {
    let facts = samples::facts();
    let id = Uuid::from_u128(7);
    let mut texts = Vec::new();
    for name in samples::HOSTILE {
        texts.push(tsql::drop_copy_script(name, id, "2026-11-22T10:00:00", &facts).to_sql());
        texts.push(tsql::recover_script(name, &facts).to_sql());
        for batch in [
            tsql::take_lock(name),
            tsql::database_state(name),
            tsql::header_only(&Device::Disk(name.to_owned())),
        ] {
            texts.push(batch.sql);
        }
    }
    // These are only sent by us, where a line GO inside brackets means nothing.
    for name in samples::HOSTILE.iter().filter(|name| !name.contains('\n')) {
        for batch in [
            tsql::table_rows(name),
            tsql::count_rows(name, name, name),
            tsql::newest_value(name, name, name, name),
            tsql::all_rows(name, name, name),
        ] {
            texts.push(batch.sql);
        }
    }
    let all = tsql::HistoryColumns {
        last_valid_restore_time: true,
        encryption: true,
    };
    for columns in [all, tsql::HistoryColumns::default()] {
        let after = tsql::HistoryPart::After(tsql::HistoryMark {
            backup_set_id: 17,
            restore_history_id: 4,
            mark_time: Some(stopat::domain::ServerTime(
                chrono::DateTime::UNIX_EPOCH.naive_utc(),
            )),
        });
        let page = tsql::HistoryPart::Sets {
            after: 17,
            until: 20_017,
        };
        let one = tsql::HistoryPart::Database("a]b'; DROP TABLE x--".to_owned());
        for part in [after, page, one] {
            let queries = tsql::history(columns, &part);
            for batch in [
                queries.sets,
                queries.media,
                queries.files,
                queries.restores,
                queries.marks,
            ] {
                texts.push(batch.sql);
            }
        }
    }
    for batch in [
        tsql::history_range(),
        tsql::newest_backups(),
        tsql::files_of("a]b'; DROP TABLE x--"),
    ] {
        texts.push(batch.sql);
    }
    for batch in [
        tsql::server_facts(),
        tsql::databases(),
        tsql::progress(57),
        tsql::running_backups(),
        tsql::master_files(),
        tsql::volumes(),
        tsql::abilities("a]b", "a]b"),
        tsql::thumbprints(),
    ] {
        texts.push(batch.sql);
    }
    let Some(files) = parse(&texts) else { return };
    for (file, text) in files.iter().zip(&texts) {
        assert_eq!(file["ok"], true, "{text}\n{}", file["errors"]);
    }
}

/// Everything around a restore over the original is T-SQL that the server would take, whatever the names are.
#[test]
fn scripts_over_the_original_are_t_sql() {
    let facts = samples::facts();
    let mut scripts = Vec::new();
    for name in samples::HOSTILE {
        let mut plan = samples::hostile(name);
        plan.destination = Destination::Original;
        plan.database = name.to_owned();
        plan.moves.clear();
        for step in &mut plan.steps {
            step.moves.clear();
        }
        for tail in [
            tsql::Tailing::NotNeeded,
            tsql::Tailing::GiveUp,
            tsql::Tailing::BackUp {
                file: format!(r"E:\{name}.trn"),
                damage: tsql::Damage::Pages,
            },
        ] {
            let mut options = samples::over("");
            if let Some(over) = &mut options.over {
                over.tail = tail;
            }
            scripts.push(tsql::restore_script_with(&plan, &facts, &options).to_sql());
        }
        let around = Script {
            batches: vec![
                tsql::check_database(name),
                tsql::end_session(name, 57, &facts),
                tsql::pause_job(name, &facts),
                tsql::target_facts(name),
                tsql::abilities(name, name),
                tsql::jobs_due(name, 600),
                tsql::sessions_in(name),
                tsql::orphaned_users(name),
                tsql::server_clock(),
            ],
        };
        scripts.push(around.to_sql());
        scripts.push(tsql::standby_script(name, name, &facts).to_sql());
        scripts.push(tsql::drop_unfinished_script(name, "2026-11-22T10:00:00", &facts).to_sql());
    }
    let Some(files) = parse(&scripts) else {
        return;
    };
    for (file, script) in files.iter().zip(&scripts) {
        assert_eq!(file["ok"], true, "{file:#}\n{script}");
    }
}
