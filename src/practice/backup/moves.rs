//! Where the files of a restored database go: `MOVE`, and what stands in the way.

use super::{container::SetHeader, options::RestoreRequest};
use crate::practice::{
    catalogue::same_name,
    engine::{DatabaseFile, DatabaseId, Engine, FileKind, databases::file_owner, paths::volume},
    reply::Message,
};
use std::collections::BTreeMap;

/// 3234 for a logical name that the database does not have.
pub fn check_known(
    moves: &[(String, String)],
    files: &[DatabaseFile],
    database: &str,
) -> Result<(), Message> {
    match moves
        .iter()
        .find(|(logical, _)| !files.iter().any(|f| same_name(&f.logical_name, logical)))
    {
        None => Ok(()),
        Some((logical, _)) => Err(Message::error(
            3234,
            format!("Logical file '{logical}' is not part of database '{database}'. Use RESTORE FILELISTONLY to list the logical file names."),
        )
        .with_state(2)),
    }
}

/// The files that the restore will make: 3234, 3176, 1834, 5133, 3156, 3257, then 3119.
pub fn plan_files(
    engine: &Engine,
    request: &RestoreRequest,
    header: &SetHeader,
    target: Option<DatabaseId>,
) -> Result<Vec<DatabaseFile>, Vec<Message>> {
    let mut files: Vec<DatabaseFile> = header
        .files
        .iter()
        .map(|file| DatabaseFile {
            file_id: file.file_id,
            file_guid: file.file_guid,
            kind: if file.is_log {
                FileKind::Log
            } else {
                FileKind::Rows
            },
            logical_name: file.logical_name.clone(),
            physical_name: file.physical_name.clone(),
            size_pages: file.size_pages,
            max_size_pages: file.max_size_pages,
            growth_pages: file.growth_pages,
        })
        .collect();
    if request.moves.is_empty() && target.is_none() && engine.options.edition.is_managed() {
        place_by_service(engine, &mut files);
    }
    check_known(&request.moves, &files, &header.database).map_err(|m| vec![m])?;
    for file in &mut files {
        let moved = request
            .moves
            .iter()
            .find(|(logical, _)| same_name(logical, &file.logical_name));
        if let Some((_, to)) = moved {
            file.physical_name.clone_from(to);
        }
    }
    let mut problems = collisions(&files);
    for file in &files {
        problems.extend(check_place(engine, file, target));
    }
    if problems.is_empty() {
        problems = check_space(engine, &files, target);
    }
    if problems.is_empty() {
        return Ok(files);
    }
    problems.push(Message::error(
        3119,
        "Problems were identified while planning for the RESTORE statement. Previous messages provide details.",
    ));
    Err(problems)
}

/// Where a service puts the files of a new database: its users name no places.
fn place_by_service(engine: &Engine, files: &mut [DatabaseFile]) {
    let id = engine.store.free_id();
    for file in files {
        let (folder, ending) = match file.kind {
            FileKind::Rows => (&engine.options.default_data, "mdf"),
            FileKind::Log => (&engine.options.default_log, "ldf"),
        };
        file.physical_name = format!(r"{folder}\{id}_{}.{ending}", file.file_id);
    }
}

fn collisions(files: &[DatabaseFile]) -> Vec<Message> {
    let mut problems = Vec::new();
    for (at, one) in files.iter().enumerate() {
        for other in files.iter().skip(at + 1) {
            if one.physical_name.eq_ignore_ascii_case(&other.physical_name) {
                problems.push(Message::error(
                    3176,
                    format!("File '{}' is claimed by '{}'({}) and '{}'({}). The WITH MOVE clause can be used to relocate one or more files.",
                        one.physical_name, other.logical_name, other.file_id, one.logical_name, one.file_id),
                ));
            }
        }
    }
    problems
}

fn check_place(engine: &Engine, file: &DatabaseFile, target: Option<DatabaseId>) -> Vec<Message> {
    let path = &file.physical_name;
    let elsewhere = || {
        Message::error(
            3156,
            format!("File '{}' cannot be restored to '{path}'. Use WITH MOVE to identify a valid location for the file.", file.logical_name),
        )
        .with_state(4)
    };
    if let Some(owner) = file_owner(engine, path).filter(|owner| Some(*owner) != target) {
        let name = engine.store.database(owner).map_or("", |d| d.name.as_str());
        return vec![
            Message::error(
                1834,
                format!(
                    "The file '{path}' cannot be overwritten.  It is being used by database '{name}'."
                ),
            ),
            elsewhere(),
        ];
    }
    if let Err(error) = engine.paths.file(path) {
        return vec![
            Message::error(
                5133,
                format!(
                    "Directory lookup for the file \"{path}\" failed with the operating system error {error}."
                ),
            ),
            elsewhere(),
        ];
    }
    Vec::new()
}

fn check_space(
    engine: &Engine,
    files: &[DatabaseFile],
    target: Option<DatabaseId>,
) -> Vec<Message> {
    let mut needed: BTreeMap<String, i64> = BTreeMap::new();
    for file in files {
        *needed.entry(volume(&file.physical_name)).or_default() += file.size_pages * 8192;
    }
    // What the target has now is given back first.
    if let Some(database) = target.and_then(|id| engine.store.database(id)) {
        for file in &database.facts.files {
            if let Some(bytes) = needed.get_mut(&volume(&file.physical_name)) {
                *bytes -= file.size_pages * 8192;
            }
        }
    }
    needed
        .into_iter()
        .filter_map(|(mount, bytes)| {
            let free = engine.free_bytes(&mount)?;
            (bytes > free).then(|| {
                Message::error(
                    3257,
                    format!("There is insufficient free space on disk volume '{mount}' to create the database. The database requires {bytes} additional free bytes, while only {free} bytes are available."),
                )
            })
        })
        .collect()
}
