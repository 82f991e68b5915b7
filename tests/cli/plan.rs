//! `stopat plan` as a whole command.

use crate::support::{Ended, stopat};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn sample(name: &str) -> String {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "tests",
        "fixtures",
        "histories",
        name,
    ]
    .iter()
    .collect();
    path.display().to_string()
}

fn plan(file: &str, more: &[&str]) -> Ended {
    let sample = sample(file);
    let mut args = vec!["plan", "--history", &sample, "--database", "Sales"];
    args.extend(more);
    stopat(&args)
}

#[track_caller]
fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a temporary folder can be written");
    path.display().to_string()
}

/// A history of one full backup, taken by a server in a zone of so many quarter hours.
fn one_full(server: &str, uuid: u8, zone: &str) -> String {
    format!(
        r#"{{"format": "backup-history/1", "backup_sets": [{{
  "backup_set_id": 1, "backup_set_uuid": "00000000-0000-0000-0000-0000000000{uuid:02}",
  "database_name": "Sales", "server_name": "{server}", "type": "D", "position": 1,
  "backup_start_date": "2026-07-01T01:00:00", "backup_finish_date": "2026-07-01T01:10:00",
  "time_zone": {zone}, "first_lsn": "1000", "last_lsn": "2000", "checkpoint_lsn": "1000",
  "recovery_model": "FULL", "media_family_count": 1,
  "media_files": [{{"family_sequence_number": 1, "mirror": 0, "physical_device_name": "D:\\b\\{server}.bak", "device_type": 2}}],
  "files": [{{"file_number": 1, "logical_name": "Sales", "physical_name": "D:\\Data\\Sales.mdf", "file_type": "D", "file_size": 8192}},
            {{"file_number": 2, "logical_name": "Sales_log", "physical_name": "L:\\Log\\Sales.ldf", "file_type": "L", "file_size": 8192}}]
}}]}}"#
    )
}

#[test]
fn the_plan_as_json_has_exactly_the_members_of_the_contract() {
    let ended = plan(
        "02_full_diff_log.json",
        &["--to", "2026-01-05T07:40:00", "--json"],
    );
    assert_eq!(ended.code, 0, "{ended:?}");
    let answer = json(&ended);
    let mut members: Vec<&String> = answer.as_object().expect("an object").keys().collect();
    members.sort();
    let mut wanted = vec![
        "format",
        "database",
        "target",
        "reachable",
        "sets",
        "stop_at",
        "reaches",
        "bytes",
        "estimate",
        "reason",
        "nearest_before",
        "nearest_after",
        "windows",
        "rejected",
        "rejected_total",
        "notes",
        "moves",
        "tail",
        "utc_offset_minutes",
    ];
    wanted.sort_unstable();
    assert_eq!(members, wanted);
    let ids: Vec<i64> = answer["sets"]
        .as_array()
        .expect("sets")
        .iter()
        .filter_map(|set| set["backup_set_id"].as_i64())
        .collect();
    assert_eq!(ids, [1, 7, 8, 9]);
    assert_eq!(answer["sets"][0]["stop_at"], Value::Null);
    assert_eq!(answer["sets"][3]["stop_at"], "2026-01-05T07:40:00");
    assert_eq!(answer["stop_at"], "2026-01-05T07:40:00");
    assert_eq!(answer["bytes"], 1_380_000);
    assert_eq!(answer["moves"], Value::Null);
    assert_eq!(answer["utc_offset_minutes"], 0);
    assert_eq!(
        answer["rejected_total"],
        answer["rejected"].as_array().map_or(0, Vec::len)
    );
}

#[test]
fn a_refusal_is_exit_3_with_the_json_still_printed() {
    let ended = plan(
        "11_log_gap.json",
        &["--to", "2026-01-05T04:30:00", "--json"],
    );
    assert_eq!(ended.code, 3);
    let answer = json(&ended);
    assert_eq!(answer["reachable"], false);
    assert_eq!(answer["sets"], Value::Array(Vec::new()));
    assert_eq!(answer["reason"]["kind"], "log_gap");
    assert_eq!(answer["nearest_before"]["time"], "2026-01-05T04:00:00");
    assert_eq!(answer["nearest_after"]["time"], "2026-01-05T10:00:30");
}

#[test]
fn a_refusal_with_sql_prints_nothing_but_the_reason_on_standard_error() {
    let ended = plan("11_log_gap.json", &["--to", "2026-01-05T04:30:00", "--sql"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (3, ""));
    assert!(ended.stderr.contains("missing"), "{}", ended.stderr);
}

#[test]
fn after_the_last_log_the_sets_lead_to_it_and_a_tail_follows() {
    for (more, kind) in [(&[][..], "tail_log"), (&["--as", "Copy"][..], "log_backup")] {
        let mut args = vec!["--to", "2026-01-05T09:20:00", "--json"];
        args.extend(more);
        let ended = plan("02_full_diff_log.json", &args);
        assert_eq!(ended.code, 3);
        let answer = json(&ended);
        assert_eq!(answer["reason"]["kind"], "after_last_log");
        assert_eq!(answer["tail"]["kind"], kind);
        assert_eq!(answer["sets"].as_array().map(Vec::len), Some(5));
        assert_eq!(answer["stop_at"], "2026-01-05T09:20:00");
        assert_eq!(answer["nearest_before"]["time"], "2026-01-05T09:00:00");
    }
}

#[test]
fn an_unknown_database_is_exit_3_with_no_backups() {
    let sample = sample("02_full_diff_log.json");
    let ended = stopat(&[
        "plan",
        "--history",
        &sample,
        "--database",
        "Sails",
        "--latest",
        "--json",
    ]);
    assert_eq!(ended.code, 3);
    let answer = json(&ended);
    assert_eq!(answer["reason"]["kind"], "no_backups");
    assert_eq!(answer["target"], "latest");
}

#[test]
fn wrong_usage_is_exit_2() {
    let wrong: [&[&str]; 9] = [
        &[],
        &["--to", "soon"],
        &["--to", "2026-01-05T07:40:00", "--latest"],
        &["--latest", "--json", "--sql"],
        &[
            "--latest",
            "--without",
            "00000000-0000-0000-0000-000000000001",
        ],
        &["--latest", "--without", r"D:\nowhere.bak"],
        &["--latest", "--files-to", r"D:\x"],
        &["--latest", "--server", "SQL1", "--folder", "x"],
        &["--latest", "--no-such-option"],
    ];
    for more in wrong {
        let ended = plan("02_full_diff_log.json", more);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (2, ""),
            "{more:?}: {ended:?}"
        );
        assert!(!ended.stderr.is_empty(), "{more:?}");
    }
    let ended = stopat(&[
        "plan",
        "--folder",
        "no-such-folder",
        "--database",
        "x",
        "--latest",
    ]);
    assert_eq!(ended.code, 2);
}

#[test]
fn an_offset_makes_the_time_an_instant() {
    let ended = plan(
        "02_full_diff_log.json",
        &["--to", "2026-01-05T08:40:00+01:00", "--json"],
    );
    assert_eq!(json(&ended)["target"], "2026-01-05T07:40:00");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let zoneless = write(
        folder.path(),
        "z.json",
        one_full("SQL1", 1, "127").as_bytes(),
    );
    let plan = |to: &str| {
        stopat(&[
            "plan",
            "--history",
            &zoneless,
            "--database",
            "Sales",
            "--to",
            to,
            "--json",
        ])
    };
    assert_eq!(plan("2026-07-01T01:10:00+02:00").code, 2);
    assert_eq!(plan("2026-07-01T01:10:00").code, 0);
}

#[test]
fn broken_files_are_exit_2_with_line_and_column() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let broken = write(folder.path(), "broken.json", b"{\n \"format\": ?}");
    let ended = stopat(&["plan", "--history", &broken, "--database", "x", "--latest"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("line 2, column 12"),
        "{}",
        ended.stderr
    );
    let absent = folder.path().join("absent.json").display().to_string();
    let ended = stopat(&["plan", "--history", &absent, "--database", "x", "--latest"]);
    assert_eq!(ended.code, 2);
}

#[test]
fn several_histories_are_merged_and_zones_must_not_conflict() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, text: String| write(folder.path(), name, text.as_bytes());
    let (berlin, utc) = (
        file("a.json", one_full("A", 1, "8")),
        file("b.json", one_full("B", 2, "0")),
    );
    let run = |files: &[&str], more: &[&str]| {
        let mut args = vec!["plan", "--database", "Sales", "--latest", "--json"];
        for file in files {
            args.extend(["--history", file]);
        }
        args.extend(more);
        stopat(&args)
    };
    assert_eq!(
        run(&[&berlin, &utc], &[]).code,
        2,
        "two zones, and none counts"
    );
    let same = run(&[&berlin, &berlin], &[]);
    assert_eq!(
        json(&same)["rejected_total"],
        0,
        "the same uuid counts once"
    );
    let named = one_full("A", 1, "8").replacen(
        "\"backup_sets\"",
        "\"server\": {\"name\": \"A\", \"utc_offset_minutes\": 120}, \"backup_sets\"",
        1,
    );
    let named = file("c.json", named);
    let merged = json(&run(&[&named, &utc], &[]));
    // 01:10 UTC on server B is 03:10 on A's clock, so B's backup is the latest.
    assert_eq!(merged["reaches"], "2026-07-01T03:10:00");
    let only_a = json(&run(&[&named, &utc], &["--taken-by", "a"]));
    assert_eq!(only_a["reaches"], "2026-07-01T01:10:00");
}

#[test]
fn a_copy_moves_every_file_and_a_lost_file_counts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let history = write(folder.path(), "h.json", one_full("SQL1", 1, "4").as_bytes());
    let run = |more: &[&str]| {
        let mut args = vec![
            "plan",
            "--history",
            &history,
            "--database",
            "sales",
            "--latest",
            "--json",
        ];
        args.extend(more);
        stopat(&args)
    };
    let to = |answer: &Value, n: usize| answer["moves"][n]["to"].as_str().map(str::to_owned);
    let copy = json(&run(&["--as", "Sales_20260701"]));
    assert_eq!(to(&copy, 0).as_deref(), Some(r"D:\Data\Sales_20260701.mdf"));
    assert_eq!(to(&copy, 1).as_deref(), Some(r"L:\Log\Sales_20260701.ldf"));
    let copy = json(&run(&[
        "--as",
        "Sales_20260701",
        "--files-to",
        r"E:\Copies",
    ]));
    assert_eq!(
        to(&copy, 1).as_deref(),
        Some(r"E:\Copies\Sales_20260701.ldf")
    );
    let lost = run(&["--without", r"d:\B\sql1.bak"]);
    assert_eq!(lost.code, 3);
    assert_eq!(json(&lost)["reason"]["kind"], "missing_media");
}

#[test]
fn sql_and_out_write_the_script_to_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("plan.sql").display().to_string();
    let ended = plan(
        "02_full_diff_log.json",
        &["--latest", "--sql", "--out", &out],
    );
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    let script = std::fs::read_to_string(&out).expect("the script was written");
    assert!(script.contains("RESTORE DATABASE [Sales]"), "{script}");
    assert!(!script.contains("REPLACE"), "{script}");
}

#[test]
fn utf_16_with_a_mark_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = format!("\u{feff}{}", one_full("SQL1", 1, "4"));
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let history = write(folder.path(), "wide.json", &bytes);
    let ended = stopat(&[
        "plan",
        "--history",
        &history,
        "--database",
        "Sales",
        "--latest",
    ]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.contains("full backup"), "{}", ended.stdout);
}
