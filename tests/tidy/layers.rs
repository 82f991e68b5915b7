//! Folders, foreign crates and parts of the standard library: who may name what.

use crate::{
    rules::{CLOCKS, CRATES, Items, OWED, PARTS, Row, STANDARD, TABLE, may_read_clocks},
    tree::{self, File},
};
use std::collections::{BTreeMap, BTreeSet};

fn row(folder: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.folder == folder)
}

/// The first two names of a path inside the package: folder and item.
fn inside(path: &[String]) -> Option<(&str, Option<&str>)> {
    match path {
        [root, folder, rest @ ..] if root == "crate" => {
            Some((folder, rest.first().map(String::as_str)))
        }
        _ => None,
    }
}

/// What is wrong with naming this path in this folder.
fn judge(folder: &str, path: &[String]) -> Option<String> {
    if let Some((used, item)) = inside(path) {
        // Items of lib.rs and main.rs themselves are nobody's folder.
        row(used)?;
        if used == folder || folder == "lib" {
            return None;
        }
        let row = row(folder)?;
        if used != "domain" && !row.may_use.contains(&used) {
            return Some(format!("{folder} may not use {used}"));
        }
        let part = PARTS
            .iter()
            .find(|part| part.user == folder && part.folder == used)?;
        let wrong = match (&part.items, item) {
            (Items::Only(items), Some(item)) => !items.contains(&item),
            (Items::AllBut(items), Some(item)) => items.contains(&item),
            (Items::Only(_), None) => false,
            (Items::AllBut(_), None) => false,
        };
        return wrong.then(|| part.why.to_owned());
    }
    let first = path.first()?;
    if let Some(rule) = STANDARD.iter().find(|rule| {
        path.len() >= rule.path.len() && path.iter().zip(rule.path).all(|(a, b)| a == b)
    }) && !(rule.allowed)(folder)
    {
        return Some(rule.why.to_owned());
    }
    if let [.., clock, now] = path
        && CLOCKS.iter().any(|[a, b]| a == clock && b == now)
        && !may_read_clocks(folder)
    {
        return Some("no clock here: now is an argument".to_owned());
    }
    let (name, folders) = CRATES
        .iter()
        .find(|(name, _)| name.replace('-', "_") == *first)?;
    match folders {
        Some(folders) if !folders.contains(&folder) => {
            Some(format!("{name} is for {} only", folders.join(", ")))
        }
        _ => None,
    }
}

fn violations(files: &[File]) -> Vec<String> {
    let mut violations = Vec::new();
    for file in files {
        for found in &file.source.paths {
            let folder = file.folder();
            let Some(why) = judge(folder, &found.what) else {
                continue;
            };
            // Tests at the end of a file may use what a test needs, but look at no other folder than their file may.
            if found.in_tests && inside(&found.what).is_none() {
                continue;
            }
            let path = found.what.join("::");
            if OWED
                .iter()
                .any(|(user, owed, _)| *user == folder && path.starts_with(owed))
            {
                continue;
            }
            violations.push(format!("{}:{}: {path}: {why}", file.path, found.line));
        }
    }
    violations
}

#[test]
fn folders_use_what_the_table_allows() {
    let violations = violations(&tree::sources());
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn what_is_owed_is_still_owed() {
    let files = tree::sources();
    for (user, owed, what) in OWED {
        let used = files
            .iter()
            .filter(|file| file.folder() == *user)
            .any(|file| {
                file.source
                    .paths
                    .iter()
                    .any(|found| found.what.join("::").starts_with(owed))
            });
        assert!(
            used,
            "{user} no longer uses {owed}: take the line away ({what})"
        );
    }
}

#[test]
fn every_folder_has_a_row() {
    let folders: BTreeSet<String> = tree::sources()
        .iter()
        .map(|file| file.folder().to_owned())
        .collect();
    for folder in folders {
        assert!(row(&folder).is_some(), "src/{folder} is not in the table");
    }
}

#[test]
fn the_table_has_no_circles() {
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, row) in TABLE.iter().enumerate() {
        for used in row.may_use {
            // `app` and `ui` come before `cli`, which does not use them.
            let earlier = order.get(used).is_some_and(|at| *at < place);
            assert!(earlier, "{} stands before {used}", row.folder);
        }
        order.insert(row.folder, place);
    }
}

#[test]
fn every_dependency_has_a_line() {
    let manifest = std::fs::read_to_string(tree::root().join("Cargo.toml")).expect("readable");
    let mut section = "";
    let mut named = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if (section == "[dependencies]" || section.ends_with(".dependencies]"))
            && let Some((name, _)) = line.split_once(" = ")
        {
            named.insert(name.to_owned());
        }
    }
    let listed: BTreeSet<String> = CRATES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named, listed);
}

#[track_caller]
fn refused(folder: &str, path: &str) {
    let path: Vec<String> = path.split("::").map(str::to_owned).collect();
    assert!(judge(folder, &path).is_some(), "{folder} {path:?}");
}

#[track_caller]
fn accepted(folder: &str, path: &str) {
    let path: Vec<String> = path.split("::").map(str::to_owned).collect();
    assert_eq!(judge(folder, &path), None, "{folder} {path:?}");
}

#[test]
fn the_judge_knows_good_from_bad() {
    refused("practice", "crate::tsql::Script");
    refused("practice", "crate::domain::plan");
    refused("practice", "crate::domain::*");
    accepted("practice", "crate::domain::Lsn");
    refused("domain", "crate::explain::Problem");
    refused("domain", "std::fs::read");
    refused("ui", "tiberius::Client");
    refused("server", "rusqlite::Connection");
    refused("worker", "std::env::var");
    refused("run", "crate::server::SqlServer");
    accepted("run", "crate::server::Connection");
    refused("ui", "crate::server::ServerInfo");
    accepted("ui", "crate::worker::ServerInfo");
    refused("state", "egui::Ui");
    refused("domain", "Utc::now");
    accepted("domain", "chrono::Utc");
    accepted("worker", "chrono::Utc::now");
    refused("cli", "crate::ui::theme");
    accepted("cli", "crate::practice::PracticeServer");
}
