//! T-SQL batches with what they answer, run through sessions on an engine in this process.
//!
//! A case is `=== name`, the batch, `---` and the answer, one line a piece. `@2` after the name runs it in a second
//! session. `STOPAT_CORPUS=write` writes what was answered into the files, for a look at the difference.

use super::sessions::batch;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use stopat::domain::UtcTime;
use stopat::practice::engine::{Clock, Engine, EngineHandle, EngineOptions, Zone};
use stopat::practice::reply::Reply;
use stopat::practice::sql::session::{Login, Session};
use stopat::practice::sql::{convert, types};
use stopat::practice::value::{Column, Length, SqlType, Value};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/practice/corpus")
}

fn engine(folder: &Path) -> EngineHandle {
    let clock = Clock::frozen(
        Zone::parse("Europe/Berlin").expect("an IANA name"),
        UtcTime("2026-11-20T05:00:00Z".parse().expect("a time")),
    );
    let engine =
        Engine::open(EngineOptions::new(1, folder.to_owned()), clock).expect("a new server");
    EngineHandle::spawn(engine).expect("a thread")
}

async fn session(engine: &EngineHandle) -> Session {
    let login = Login {
        login: "sa".to_owned(),
        host: "corpus".to_owned(),
        program: "tests".to_owned(),
        database: None,
        service: false,
        client_pid: 1,
        packet_size: 4096,
    };
    Session::open(engine.clone(), login).await.expect("master")
}

/// The replies of one batch, in lines.
async fn answer(session: &mut Session, sql: &str) -> String {
    render(&batch(session, sql).await)
}

fn render(replies: &[Reply]) -> String {
    let mut text = String::new();
    let mut columns: Vec<Column> = Vec::new();
    let mut has_rows = false;
    for reply in replies {
        match reply {
            Reply::Columns(found) => {
                let names: Vec<String> = found
                    .iter()
                    .map(|c| {
                        let null = if c.nullable { " null" } else { "" };
                        format!("{} {}{null}", c.name, type_text(c.ty))
                            .trim()
                            .to_owned()
                    })
                    .collect();
                writeln!(text, "# {}", names.join(", ")).expect("a string");
                columns.clone_from(found);
                has_rows = true;
            }
            Reply::Rows(rows) => {
                for row in rows {
                    let values: Vec<String> = row
                        .iter()
                        .zip(&columns)
                        .map(|(value, column)| value_text(value, column.ty))
                        .collect();
                    writeln!(text, "{}", values.join(" | ")).expect("a string");
                }
            }
            Reply::Message(message) => {
                let kind = if message.is_error() { "error" } else { "info" };
                writeln!(
                    text,
                    "{kind} {} {} line {}: {}",
                    message.number,
                    message.class,
                    message.line,
                    without_speed(&message.text)
                )
                .expect("a string");
            }
            Reply::Done(done) => {
                if let (Some(rows), false) = (done.rows, has_rows) {
                    writeln!(text, "({rows} rows)").expect("a string");
                }
                has_rows = false;
            }
            Reply::DatabaseChanged { to, .. } => writeln!(text, "database {to}").expect("a string"),
            Reply::Transaction(descriptor) => {
                let what = if descriptor.is_some() {
                    "begins"
                } else {
                    "ends"
                };
                writeln!(text, "transaction {what}").expect("a string");
            }
            Reply::ReturnStatus(n) => writeln!(text, "status {n}").expect("a string"),
            Reply::ReturnValue { name, ty, value } => {
                writeln!(text, "{name} = {}", value_text(value, *ty)).expect("a string");
            }
        }
    }
    text
}

/// Seconds and MB/sec of the closing line are those of this machine.
fn without_speed(text: &str) -> &str {
    text.split_once(" pages in ")
        .map_or(text, |(pages, _)| pages)
}

fn type_text(ty: SqlType) -> String {
    let length = |n: Length| match n {
        Length::Limited(n) => n.to_string(),
        Length::Max => "max".to_owned(),
    };
    let name = types::name(ty);
    match ty {
        SqlType::Numeric { precision, scale } => format!("{name}({precision},{scale})"),
        SqlType::Char(n) | SqlType::NChar(n) | SqlType::Binary(n) => format!("{name}({n})"),
        SqlType::VarChar(n) | SqlType::NVarChar(n) | SqlType::VarBinary(n) => {
            format!("{name}({})", length(n))
        }
        SqlType::Time(n) | SqlType::DateTime2(n) | SqlType::DateTimeOffset(n) => {
            format!("{name}({n})")
        }
        _ => name.to_owned(),
    }
}

fn value_text(value: &Value, ty: SqlType) -> String {
    if let Value::Bytes(bytes) = value {
        return bytes.iter().fold("0x".to_owned(), |mut text, byte| {
            write!(text, "{byte:02X}").expect("a string");
            text
        });
    }
    let style = if matches!(ty, SqlType::DateTime | SqlType::SmallDateTime) {
        121
    } else {
        convert::NO_STYLE
    };
    match convert::convert(value.clone(), ty, SqlType::NVarChar(Length::Max), style) {
        Ok(Value::Text(text)) => text,
        Ok(Value::Null) => "NULL".to_owned(),
        other => format!("{other:?}"),
    }
}

struct Case {
    name: String,
    second: bool,
    sql: String,
    expected: String,
}

fn cases(text: &str) -> Vec<Case> {
    text.split("=== ")
        .skip(1)
        .map(|part| {
            let (head, rest) = part.split_once('\n').unwrap_or((part, ""));
            let (sql, expected) = rest.split_once("---\n").unwrap_or((rest, ""));
            let (name, second) = match head.strip_suffix(" @2") {
                Some(name) => (name, true),
                None => (head, false),
            };
            Case {
                name: name.to_owned(),
                second,
                sql: sql.trim_end().to_owned(),
                expected: expected.trim_end().to_owned(),
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_batch_answers_as_written() {
    let writes = std::env::var("STOPAT_CORPUS").is_ok_and(|v| v == "write");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "sql"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let mut wrong = String::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a corpus file");
        let text = text.replace("\r\n", "\n");
        let data = tempfile::tempdir().expect("a folder");
        let engine = engine(data.path());
        let mut first = session(&engine).await;
        let mut second = session(&engine).await;
        let mut written = text.split("=== ").next().unwrap_or("").to_owned();
        for case in cases(&text) {
            let session = if case.second { &mut second } else { &mut first };
            let got = answer(session, &case.sql).await;
            let mark = if case.second { " @2" } else { "" };
            write!(
                written,
                "=== {}{mark}\n{}\n---\n{}\n",
                case.name, case.sql, got
            )
            .expect("a string");
            if got.trim_end() != case.expected {
                write!(
                    wrong,
                    "\n{}: {}\n{}\nexpected:\n{}\ngot:\n{got}",
                    path.file_name().unwrap_or_default().to_string_lossy(),
                    case.name,
                    case.sql,
                    case.expected
                )
                .expect("a string");
            }
        }
        if writes {
            std::fs::write(&path, written).expect("written");
        }
        first.close().await;
        second.close().await;
    }
    assert!(writes || wrong.is_empty(), "{wrong}");
}
