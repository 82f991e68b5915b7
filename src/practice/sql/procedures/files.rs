//! Extended procedures that look at the server's disks.

use super::{Answer, Arguments, column, missing_parameter};
use crate::practice::engine::Engine;
use crate::practice::reply::Message;
use crate::practice::sql::state::State;
use crate::practice::value::{Length, SqlType, Value};
use std::path::{Path, PathBuf};

fn path(arguments: &Arguments, procedure: &str) -> Result<String, Message> {
    arguments
        .text("@path", 0)?
        .or(arguments.0.first().and_then(|p| match &p.value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }))
        .ok_or_else(|| missing_parameter(procedure, "@path"))
}

/// `xp_fileexist 'path' [, @found OUTPUT]`.
pub fn file_exists(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let path = path(arguments, "xp_fileexist")?;
    let absolute = engine.paths.absolute(&path);
    let real = engine.paths.real(&absolute).ok();
    let is_folder = real.as_ref().is_some_and(|real| real.is_dir());
    let is_file = real.as_ref().is_some_and(|real| real.is_file());
    let parent = engine.paths.folder_exists(&absolute);
    let flag = |yes: bool| Value::Int(i64::from(yes));
    let mut answer = Answer::default();
    if arguments.0.get(1).is_some_and(|p| p.output) {
        answer.outputs.insert(1, (SqlType::Int, flag(is_file)));
    } else {
        answer.results.push((
            vec![
                column("File Exists", SqlType::TinyInt),
                column("File is a Directory", SqlType::TinyInt),
                column("Parent Directory Exists", SqlType::TinyInt),
            ],
            vec![vec![flag(is_file), flag(is_folder), flag(parent)]],
        ));
    }
    Ok(answer)
}

/// `xp_dirtree 'path', depth, files`: depth 0 is everything.
pub fn tree(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let path = path(arguments, "xp_dirtree")?;
    let depth = arguments.number("@depth", 1)?.unwrap_or(0);
    let with_files = arguments.number("@file", 2)?.unwrap_or(0) != 0;
    let mut rows = Vec::new();
    let absolute = engine.paths.absolute(&path);
    if let Ok(real) = engine.paths.real(&absolute) {
        walk(&real, 1, depth, with_files, &mut rows);
    }
    let mut columns = vec![
        column("subdirectory", SqlType::NVarChar(Length::Limited(512))),
        column("depth", SqlType::Int),
    ];
    if with_files {
        columns.push(column("file", SqlType::Int));
    }
    Ok(Answer {
        results: vec![(columns, rows)],
        ..Answer::default()
    })
}

fn walk(folder: &Path, level: i64, depth: i64, with_files: bool, rows: &mut Vec<Vec<Value>>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut all: Vec<_> = entries.flatten().collect();
    all.sort_by_key(std::fs::DirEntry::file_name);
    for entry in all {
        let is_folder = entry.path().is_dir();
        if !is_folder && !with_files {
            continue;
        }
        let mut row = vec![
            Value::Text(entry.file_name().to_string_lossy().into_owned()),
            Value::Int(level),
        ];
        if with_files {
            row.push(Value::Int(i64::from(!is_folder)));
        }
        rows.push(row);
        if is_folder && (depth == 0 || level < depth) {
            walk(&entry.path(), level + 1, depth, with_files, rows);
        }
    }
}

/// `xp_fixeddrives`: letters and free megabytes.
pub fn drives(
    engine: &mut Engine,
    _state: &mut State,
    _arguments: &Arguments,
) -> Result<Answer, Message> {
    let rows = engine
        .options
        .volumes
        .iter()
        .map(|volume| {
            let free = engine.free_bytes(&volume.mount_point).unwrap_or(0);
            vec![
                Value::Text(volume.mount_point.chars().take(1).collect()),
                Value::Int(free >> 20),
            ]
        })
        .collect();
    Ok(Answer {
        results: vec![(
            vec![
                column("drive", SqlType::Char(1)),
                column("MB free", SqlType::Int),
            ],
            rows,
        )],
        ..Answer::default()
    })
}

/// `xp_create_subdir 'path'`.
pub fn create_folder(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let path = path(arguments, "xp_create_subdir")?;
    engine.paths.create_folder(&path).map_err(|error| {
        Message::error(
            22048,
            format!(
                "xp_create_subdir() returned error {}, '{}'",
                error.code, error.text
            ),
        )
    })?;
    Ok(Answer::default())
}

/// `xp_delete_file type, path [, extension [, date [, subfolders]]]`: 0 is for backup files, 1 for reports.
///
/// A path that is a file names that one file; a folder names what in it has the extension and is older than the date.
/// Files that are no backups stay, without a word; so does what is not there.
pub fn delete(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let kind = arguments.number("@type", 0)?.unwrap_or(0);
    let path = arguments
        .text_at(1)?
        .ok_or_else(|| missing_parameter("xp_delete_file", "@path"))?;
    let extension = arguments.text_at(2)?.unwrap_or_default();
    let date = arguments.text_at(3)?;
    let deeper = arguments.number("@subfolders", 4)?.unwrap_or(0) != 0;
    let absolute = engine.paths.absolute(&path);
    let failed = |code: i32, text: &str| {
        Message::error(
            22_049,
            format!("xp_delete_file() returned error {code}, '{text}'"),
        )
        .with_state(1)
    };
    let real = engine
        .paths
        .file(&absolute)
        .map_err(|error| failed(error.code, error.text))?;
    let mut files = Vec::new();
    if real.is_dir() {
        let before = match date
            .as_deref()
            .map(str::trim)
            .filter(|date| !date.is_empty())
        {
            None => None,
            Some(text) => Some(
                text.parse::<chrono::NaiveDateTime>()
                    .map_err(|_source| failed(87, "The parameter is incorrect."))?,
            ),
        };
        collect(&real, &extension, deeper, &mut files);
        if let Some(before) = before {
            // A virtual clock rules here: the set says when it was taken, not the disk.
            files.retain(|file| {
                crate::practice::backup::newest_set(file).is_some_and(|newest| newest < before)
            });
        }
    } else if real.is_file() {
        files.push(real);
    }
    for file in files {
        if kind == 0 && !crate::practice::backup::is_backup(&file) {
            continue;
        }
        std::fs::remove_file(&file).map_err(|error| {
            let error = crate::practice::engine::paths::OsError::from_io(&error);
            failed(error.code, error.text)
        })?;
    }
    Ok(Answer::default())
}

fn collect(folder: &Path, extension: &str, deeper: bool, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    all.sort();
    for path in all {
        if path.is_dir() {
            if deeper {
                collect(&path, extension, deeper, files);
            }
            continue;
        }
        let fits = path
            .extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(extension.trim_start_matches('.')));
        if fits {
            files.push(path);
        }
    }
}
