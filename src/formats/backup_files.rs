//! `backup-files/1`: what backup files say of themselves, with what is sure, guessed and unknown told apart.
//!
//! `label`, `header` and `files` have the columns of `RESTORE LABELONLY`, `HEADERONLY` and `FILELISTONLY`.
//! A column is `null` when the server would show `NULL`, and absent when it is unknown; `guesses` and `unknown` name those columns.

use crate::{
    bakfile::{
        BackupFile, Cell, Column, Container, Fact, FolderReport, SetHeader, Writer, file_columns,
        header_columns, label_columns,
    },
    explain::{self, Problem},
};
use serde_json::{Map, Value, json};

const FORMAT: &str = "backup-files/1";

/// Writes everything that was found.
pub fn to_json(report: &FolderReport) -> String {
    let files: Vec<Value> = report
        .files
        .iter()
        .map(|file| {
            let mut object = Map::new();
            object.insert("path".to_owned(), file.path.to_string().into());
            object.insert("length".to_owned(), file.length.into());
            match &file.read {
                Ok(read) => add_file(&mut object, read),
                Err(fault) => {
                    object.insert("fault".to_owned(), fault_json(fault));
                }
            }
            Value::Object(object)
        })
        .collect();
    let left_out: Vec<Value> = report
        .left_out
        .iter()
        .map(|folder| {
            let why = words(&explain::left_out(folder));
            json!({ "path": folder.path.to_string(), "message": why })
        })
        .collect();
    let all = json!({
        "format": FORMAT,
        "files": files,
        "left_out": left_out,
    });
    // Plain members always serialize.
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    text
}

fn add_file(object: &mut Map<String, Value>, file: &BackupFile) {
    let BackupFile {
        length: _,
        container,
        label,
        sets,
        fault,
    } = file;
    let container = match container {
        Container::Plain => "tape",
        Container::Compressed => "compressed",
    };
    let writer = match &label.writer {
        Writer::SqlServer => "SQL Server",
        Writer::PracticeServer => "practice server",
        Writer::Other(name) => name,
    };
    object.insert("container".to_owned(), container.into());
    object.insert("written_by".to_owned(), writer.into());
    object.insert("label".to_owned(), columns(&label_columns(file)));
    let sets: Vec<Value> = sets.iter().map(set_json).collect();
    object.insert("sets".to_owned(), sets.into());
    if let Some(fault) = fault {
        object.insert("fault".to_owned(), fault_json(fault));
    }
}

fn set_json(set: &SetHeader) -> Value {
    let files: Vec<Value> = set
        .files
        .iter()
        .map(|file| columns(&file_columns(file)))
        .collect();
    json!({
        "offset": set.offset,
        "complete": set.complete,
        "header": columns(&header_columns(set)),
        "files": files,
    })
}

fn fault_json(fault: &crate::bakfile::Fault) -> Value {
    json!({ "at": fault.at(), "message": words(&explain::file_fault(fault)) })
}

/// The sentence, and the system's own words where there are any.
fn words(problem: &Problem) -> String {
    let mut parts = vec![problem.sentence.clone()];
    parts.extend(problem.details.iter().cloned());
    parts.join(": ")
}

fn columns(columns: &[Column]) -> Value {
    let mut object = Map::new();
    let mut guesses = Vec::new();
    let mut unknown = Vec::new();
    for Column { name, value } in columns {
        match value {
            Fact::Unknown => unknown.push(Value::from(*name)),
            Fact::Guess(cell) => {
                guesses.push(Value::from(*name));
                object.insert((*name).to_owned(), cell_json(cell));
            }
            Fact::Sure(cell) => {
                object.insert((*name).to_owned(), cell_json(cell));
            }
        }
    }
    object.insert("guesses".to_owned(), guesses.into());
    object.insert("unknown".to_owned(), unknown.into());
    Value::Object(object)
}

fn cell_json(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Text(text) => text.as_str().into(),
        Cell::Number(number) => (*number).into(),
        Cell::Signed(number) => (*number).into(),
        Cell::Bit(bit) => (*bit).into(),
        Cell::Time(time) => time.to_string().into(),
        Cell::Guid(guid) => guid.to_string().into(),
        // numeric(25,0) does not fit a JSON number.
        Cell::Lsn(lsn) => lsn.to_string().into(),
    }
}
