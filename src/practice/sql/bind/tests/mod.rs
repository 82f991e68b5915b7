//! Queries end to end: T-SQL in, rows and types out, over a server with history and a table.

mod expressions;
mod queries;
mod system;

use super::bind_query;
use crate::practice::catalogue::{ColumnDef, Table};
use crate::practice::engine::fixture::{self, Server};
use crate::practice::engine::{CatalogueChange, MSDB, SERVER};
use crate::practice::reply::Message;
use crate::practice::sql::convert::{NO_STYLE, convert};
use crate::practice::sql::dialect::TsqlDialect;
use crate::practice::sql::environment::{
    Environment, Flow, SessionFacts, SessionOptions, TempTables, Variables,
};
use crate::practice::sql::run::run;
use crate::practice::sql::types;
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::parser::Parser;

fn server() -> Server {
    let mut server = fixture::server();
    let engine = &mut server.engine;
    let id = fixture::database(engine, "OctopusAI");
    fixture::run(
        engine,
        id,
        "INSERT INTO {}.\"dbo.t\" (k, v) VALUES (1, 10), (2, 20), (3, NULL), (3, 5)",
    );
    let table = Table {
        object_id: 901_578_266,
        schema: "dbo".into(),
        name: "Things".into(),
        columns: vec![
            ColumnDef::new("Id", SqlType::Int, false),
            ColumnDef::new("Name", SqlType::NVarChar(Length::Limited(50)), true),
            ColumnDef::new(
                "Price",
                SqlType::Numeric {
                    precision: 10,
                    scale: 2,
                },
                true,
            ),
            ColumnDef::new("Made", SqlType::DateTime, true),
        ],
        indexes: vec![],
        foreign_keys: vec![],
        checks: vec![],
        created: 0,
    };
    let now = engine.commit_time();
    engine
        .store
        .write(id, now, |store, schema| {
            let sql = table.create_statements(Some(schema)).join(";\n");
            store.ddl(SERVER, id, &sql, CatalogueChange::Put(Box::new(table)))
        })
        .expect("a table");
    fixture::run(
        engine,
        id,
        "INSERT INTO {}.\"dbo.Things\" (Id, Name, Price, Made) VALUES
            (1, 'Anchor', 1250, 1200121920000), (2, 'Buoy', 399, 1200147840000), (3, 'anchor ', NULL, NULL)",
    );
    fixture::run(
        engine,
        MSDB,
        "INSERT INTO {}.\"dbo.backupset\" (backup_set_id, backup_set_uuid, media_set_id, type, database_name, backup_finish_date, first_lsn, last_lsn, backup_size)
             VALUES (1, '00000000-0000-0000-0000-000000000001', 1, 'D', 'OctopusAI', 1200121920000, x'80000000000000000000000000000005', x'80000000000000000000000000000009', x'80000000000000000000000040000000'),
                    (2, '00000000-0000-0000-0000-000000000002', 2, 'L', 'OctopusAI', 1200122020000, x'80000000000000000000000000000009', x'8000000000000000000000000000000c', x'80000000000000000000000000100000')",
    );
    server
}

fn facts() -> SessionFacts {
    SessionFacts {
        id: 51,
        database: 5,
        database_name: "OctopusAI".into(),
        login: "sa".into(),
        host: "here".into(),
        program: "test".into(),
        service: false,
        client_pid: 1,
        packet_size: 4096,
        rowcount: 3,
        error: 0,
        trancount: 0,
        xact_state: 0,
        identity: None,
        scope_identity: None,
        fetch_status: 0,
        nest_level: 0,
        procedure: String::new(),
        options: SessionOptions::default(),
        caught: None,
    }
}

/// Columns as `name type`, then one line per row.
fn answer(server: &mut Server, sql: &str) -> Result<Vec<String>, Message> {
    let mut variables = Variables::default();
    variables.declare(
        "@db",
        SqlType::NVarChar(Length::Limited(128)),
        Value::Text("octopusai".into()),
    );
    variables.declare("@n", SqlType::Int, Value::Int(2));
    let query = Parser::new(&TsqlDialect)
        .try_with_sql(sql)
        .and_then(|mut p| p.parse_query())
        .expect("T-SQL");
    let session = facts();
    let now = server.engine.clock.statement_time();
    let mut env = Environment {
        engine: &mut server.engine,
        session: &session,
        variables: &variables,
        temp: &TempTables::default(),
        rows: &[],
        now,
    };
    let bound = bind_query(&mut env, &query)?;
    let columns: Vec<String> = bound
        .columns
        .iter()
        .map(|c| {
            let (p, s) = types::precision_and_scale(c.ty);
            let detail = match c.ty {
                SqlType::Numeric { .. } => format!("({p},{s})"),
                ty if types::is_text(ty) => match types::text_length(ty) {
                    Length::Limited(n) => format!("({n})"),
                    Length::Max => "(max)".to_owned(),
                },
                _ => String::new(),
            };
            format!("{} {}{detail}", c.name, types::name(c.ty))
                .trim()
                .to_owned()
        })
        .collect();
    let mut lines = vec![columns.join(", ")];
    let types: Vec<SqlType> = bound.columns.iter().map(|c| c.ty).collect();
    run(&mut env, &bound, |row| {
        let shown: Vec<String> = row
            .into_iter()
            .zip(&types)
            .map(|(value, ty)| {
                let style = if types::family(*ty) == types::Family::Moment {
                    121
                } else {
                    NO_STYLE
                };
                match convert(value, *ty, SqlType::NVarChar(Length::Max), style) {
                    Ok(Value::Text(text)) => text,
                    Ok(_) => "NULL".to_owned(),
                    Err(error) => error.text,
                }
            })
            .collect();
        lines.push(shown.join(" | "));
        Flow::Continue
    })
    .map_err(|mut error| {
        error.text = format!("{} <= {}", error.text, bound.sql);
        error
    })?;
    Ok(lines)
}

#[track_caller]
fn check(server: &mut Server, sql: &str, expected: &[&str]) {
    assert_eq!(
        answer(server, sql),
        Ok(expected.iter().map(|s| (*s).to_owned()).collect()),
        "{sql}"
    );
}

#[track_caller]
fn refuse(server: &mut Server, sql: &str, number: i32) {
    let error = answer(server, sql).expect_err(sql);
    assert_eq!(error.number, number, "{sql}: {}", error.text);
}
