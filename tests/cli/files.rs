//! `stopat files`, and plans on folders.

use crate::{
    program::Program,
    tape::{SetSpec, TapeWriter},
};
use std::{fs, path::PathBuf};
use uuid::Uuid;

const DATABASE: &str = "Müller's [shop]\n$(x)";

/// A folder with a full backup in two stripes, a log, an empty file, a cut one and a letter.
fn folder(program: &Program) -> PathBuf {
    let folder = program.folder.path().join("client");
    fs::create_dir_all(folder.join("log")).expect("a folder");
    let full = SetSpec::new('D', 1, (100, 120));
    let log = SetSpec::new('L', 3, (120, 240));
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).expect("written");
    for stripe in [1, 2] {
        let mut tape = TapeWriter::new(512, Uuid::from_u128(7), (stripe, 2));
        write(&format!("full{stripe}.bak"), &tape.set(&full).bytes);
    }
    let mut tape = TapeWriter::new(512, Uuid::from_u128(8), (1, 1));
    let bytes = tape.set(&log).bytes.clone();
    write("log/1.trn", &bytes);
    write("log/cut.trn", &bytes[..9000]);
    write("empty.bak", b"");
    write("letter.txt", b"Dear client, ");
    folder
}

#[test]
fn files_are_listed_with_what_is_wrong_and_what_is_not_known() {
    let program = Program::new();
    let folder = folder(&program).display().to_string();
    let answer = program.run(&["files", &folder, "--json"]);
    answer.exits(0);
    let json = answer.json();
    assert_eq!(json["format"], "backup-files/1");
    let files = json["files"].as_array().expect("files");
    assert_eq!(files.len(), 6);
    let file = |name: &str| {
        files
            .iter()
            .find(|file| {
                file["path"]
                    .as_str()
                    .is_some_and(|path| path.ends_with(name))
            })
            .expect("listed")
    };
    let header = &file("full1.bak")["sets"][0]["header"];
    assert_eq!(header["DatabaseName"], DATABASE);
    assert_eq!(header["FirstLSN"], "34000000010000001");
    assert_eq!(header["BackupStartDate"], "2026-11-22T00:15:00");
    let has = |list: &str, name: &str| {
        header[list]
            .as_array()
            .is_some_and(|names| names.iter().any(|found| found == name))
    };
    assert!(has("unknown", "IsCopyOnly") && has("guesses", "FirstRecoveryForkID"));
    assert!(header.get("IsCopyOnly").is_none(), "unknown is not false");
    assert_eq!(file("full2.bak")["label"]["FamilySequenceNumber"], 2);
    assert_eq!(file("full2.bak")["label"]["FamilyCount"], 2);
    assert!(file("cut.trn")["fault"]["at"].as_u64().is_some());
    assert!(
        file("empty.bak")["fault"]["message"]
            .as_str()
            .is_some_and(|m| m.contains("empty"))
    );
    for name in ["empty.bak", "letter.txt", "cut.trn"] {
        assert!(answer.stderr.contains(name), "{}", answer.stderr);
    }

    let table = program.run(&["files", &folder]);
    table.exits(0);
    assert!(table.stdout.contains("stripe 2 of 2") && table.stdout.contains("incomplete"));
    program.run(&["files", "no-such-folder"]).exits(2);
    fs::create_dir(program.folder.path().join("nothing")).expect("a folder");
    program.run(&["files", "nothing"]).exits(3);
}

#[test]
fn a_folder_is_planned_on_like_a_history() {
    let program = Program::new();
    let folder = folder(&program).display().to_string();
    let mapping = format!(r"{folder}=\\backup\client");
    let common = ["--database", DATABASE, "--to", "2026-11-22T00:30:00"];
    let mut args = vec![
        "plan",
        "--folder",
        &folder,
        "--server-path",
        &mapping,
        "--json",
    ];
    args.extend(common);
    let answer = program.run(&args);
    answer.exits(0);
    let plan = answer.json();
    let sets = plan["sets"].as_array().expect("sets");
    let files: Vec<&str> = sets
        .iter()
        .flat_map(|set| set["files"].as_array().expect("files"))
        .filter_map(|file| file.as_str())
        .collect();
    assert_eq!(
        files,
        [
            r"\\backup\client\full1.bak",
            r"\\backup\client\full2.bak",
            r"\\backup\client\log\1.trn"
        ]
    );

    // The same through a file that somebody took along.
    let history = program
        .folder
        .path()
        .join("history.json")
        .display()
        .to_string();
    let mut export = vec!["files", &folder, "--history", "--server-path", &mapping];
    export.extend(["--out", &history]);
    program.run(&export).exits(0);
    let mut args = vec!["plan", "--history", &history, "--json"];
    args.extend(common);
    assert_eq!(program.run(&args).exits(0).json()["sets"], plan["sets"]);

    // What the paths are is said when they go into T-SQL.
    let mut args = vec!["plan", "--folder", &folder, "--as", "copy", "--sql"];
    args.extend(common);
    let answer = program.run(&args);
    answer.exits(0);
    assert!(answer.stderr.contains("--server-path"), "{}", answer.stderr);

    // A stripe that is lost takes the backup with it.
    fs::remove_file(format!("{folder}/full2.bak")).expect("removed");
    let mut args = vec!["plan", "--folder", &folder, "--json"];
    args.extend(common);
    let refused = program.run(&args);
    refused.exits(3);
    assert_eq!(refused.json()["reason"]["kind"], "missing_media");
}
