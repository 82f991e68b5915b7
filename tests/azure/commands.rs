//! Every command line that stopat can produce, and the body that azure-cli makes of it.
//!
//! The fixture holds the arguments and the requests; `AZ_CHECK_HOME` (where the real azure-cli was set up) lets the
//! real one make them again, and `AZ_CHECK_WRITE=1` writes what it made.

use serde_json::{Value, json};
use std::{io::Write as _, path::PathBuf, process::Command};
use stopat::{
    azure::{
        self, AzCommand, Differential, Home, LongTerm, NewDatabase, Redundancy, RestoreFrom,
        ShortTerm,
    },
    domain::UtcTime,
};

fn at(text: &str) -> UtcTime {
    UtcTime(text.parse().expect("a time"))
}

fn new(name: &str) -> NewDatabase {
    NewDatabase {
        name: name.to_owned(),
        ..NewDatabase::default()
    }
}

/// Each with what it is for.
fn all() -> Vec<(&'static str, AzCommand)> {
    let server = Home::server("myRG", "myserver");
    let instance = Home::managed_instance("myRG", "myinstance");
    let elsewhere = Home {
        subscription: Some("22222222-2222-2222-2222-222222222222".to_owned()),
        ..server.clone()
    };
    let moment = RestoreFrom::PointInTime {
        database: "OctopusAI".to_owned(),
        at: at("2026-11-22T08:28:12.900+05:30"),
    };
    let deleted = |at: Option<UtcTime>| RestoreFrom::Deleted {
        database: "OctopusAI".to_owned(),
        deleted: self::at("2026-11-20T10:11:12.123457Z"),
        at,
    };
    let long_term = RestoreFrom::LongTerm {
        database: "OctopusAI".to_owned(),
        backup_id: "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/myRG/providers/Microsoft.Sql/locations/westeurope/longTermRetentionServers/myserver/longTermRetentionDatabases/OctopusAI/longTermRetentionBackups/11111111-1111-1111-1111-111111111111;132292152080000000;Hot".to_owned(),
        taken: at("2026-11-01T00:00:00Z"),
    };
    let sized = NewDatabase {
        service_objective: Some("GP_Gen5_2".to_owned()),
        redundancy: Some(Redundancy::Zone),
        ..new("OctopusAI_20261122_025812")
    };
    let pooled = NewDatabase {
        elastic_pool: Some("pool1".to_owned()),
        ..new("OctopusAI_20261122_025812")
    };
    let short = ShortTerm {
        days: 14,
        differential: Some(Differential::Every24Hours),
    };
    let some = |command: Option<AzCommand>| command.expect("this home can do it");
    let hostile = "a]b'; DROP TABLE x--$(x)";
    vec![
        (
            "the Octopus preset",
            azure::set_long_term(&server, "OctopusAI", &LongTerm::OCTOPUS),
        ),
        (
            "no long-term retention",
            azure::set_long_term(&server, "OctopusAI", &LongTerm::default()),
        ),
        (
            "read long-term retention",
            azure::show_long_term(&server, "OctopusAI"),
        ),
        (
            "short-term retention",
            azure::set_short_term(&server, "OctopusAI", &short),
        ),
        (
            "short-term retention without an interval",
            azure::set_short_term(
                &server,
                "OctopusAI",
                &ShortTerm {
                    differential: None,
                    ..short
                },
            ),
        ),
        (
            "read short-term retention",
            azure::show_short_term(&server, "OctopusAI"),
        ),
        ("a database", azure::show(&server, "OctopusAI")),
        (
            "a database of a named subscription",
            azure::show(&elsewhere, "OctopusAI"),
        ),
        (
            "a database with a hostile name",
            azure::show(&server, hostile),
        ),
        (
            "a database whose name begins with a dash",
            azure::show(&server, "-x"),
        ),
        ("all databases", azure::list(&server)),
        ("deleted databases", azure::list_deleted(&server)),
        (
            "operations",
            some(azure::list_operations(&server, "OctopusAI")),
        ),
        (
            "long-term backups",
            azure::long_term_backups(&server, "westeurope", "OctopusAI"),
        ),
        (
            "restore to a moment",
            some(azure::restore(
                &server,
                &moment,
                &new("OctopusAI_20261122_025812"),
            )),
        ),
        (
            "restore into a size",
            some(azure::restore(&server, &moment, &sized)),
        ),
        (
            "restore into a pool",
            some(azure::restore(&server, &moment, &pooled)),
        ),
        (
            "restore a deleted database",
            some(azure::restore(
                &server,
                &deleted(None),
                &new("OctopusAI_back"),
            )),
        ),
        (
            "restore a deleted database to a moment",
            some(azure::restore(
                &server,
                &deleted(Some(at("2026-11-20T09:00:00Z"))),
                &new("OctopusAI_back"),
            )),
        ),
        (
            "restore a long-term backup",
            some(azure::restore(&server, &long_term, &new("OctopusAI_2025"))),
        ),
        (
            "delete",
            azure::delete(&server, "OctopusAI_20261122_025812"),
        ),
        (
            "rename",
            some(azure::rename(&server, "OctopusAI", "OctopusAI_before")),
        ),
        ("servers", azure::list_servers(None)),
        ("managed instances", azure::list_instances(None)),
        ("who is signed in", azure::account()),
        (
            "a database of an instance",
            azure::show(&instance, "OctopusAI"),
        ),
        ("all databases of an instance", azure::list(&instance)),
        (
            "deleted databases of an instance",
            azure::list_deleted(&instance),
        ),
        (
            "restore on an instance",
            some(azure::restore(
                &instance,
                &moment,
                &new("OctopusAI_20261122_025812"),
            )),
        ),
        (
            "restore a deleted database on an instance",
            some(azure::restore(
                &instance,
                &deleted(Some(at("2026-11-20T09:00:00Z"))),
                &new("OctopusAI_back"),
            )),
        ),
        (
            "restore a long-term backup on an instance",
            some(azure::restore(
                &instance,
                &long_term,
                &new("OctopusAI_2025"),
            )),
        ),
        (
            "short-term retention on an instance",
            azure::set_short_term(&instance, "OctopusAI", &short),
        ),
        (
            "read short-term retention on an instance",
            azure::show_short_term(&instance, "OctopusAI"),
        ),
        (
            "long-term retention on an instance",
            azure::set_long_term(&instance, "OctopusAI", &LongTerm::OCTOPUS),
        ),
        (
            "read long-term retention on an instance",
            azure::show_long_term(&instance, "OctopusAI"),
        ),
        (
            "long-term backups of an instance",
            azure::long_term_backups(&instance, "westeurope", "OctopusAI"),
        ),
        (
            "delete on an instance",
            azure::delete(&instance, "OctopusAI_20261122_025812"),
        ),
    ]
}

fn fixture_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/azure/commands.json")
}

fn fixture() -> Vec<Value> {
    let text = std::fs::read_to_string(fixture_path()).expect("the fixture");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_arguments_are_those_of_the_fixture() {
    if std::env::var_os("AZ_CHECK_WRITE").is_some() {
        return;
    }
    let fixture = fixture();
    let all = all();
    assert_eq!(fixture.len(), all.len());
    for ((name, command), kept) in all.iter().zip(&fixture) {
        assert_eq!(kept["name"], *name);
        assert_eq!(kept["args"], json!(command.args()), "{name}");
        assert_eq!(command.fault(), None, "{name}");
    }
}

#[test]
fn the_bodies_of_the_fixture_are_what_is_meant() {
    if std::env::var_os("AZ_CHECK_WRITE").is_some() {
        return;
    }
    let fixture = fixture();
    let sent = |name: &str| -> Value {
        let kept = fixture
            .iter()
            .find(|kept| kept["name"] == name)
            .expect("named in the fixture");
        let requests = kept["requests"].as_array().expect("requests");
        requests
            .iter()
            .find(|request| !request["body"].is_null())
            .map(|request| request["body"]["properties"].clone())
            .unwrap_or_default()
    };
    assert_eq!(
        sent("the Octopus preset"),
        json!({"weeklyRetention": "P4W", "monthlyRetention": "P12M", "yearlyRetention": "P5Y", "weekOfYear": 1})
    );
    assert_eq!(
        sent("short-term retention"),
        json!({"retentionDays": 14, "diffBackupIntervalInHours": 24})
    );
    // 08:28:12.9 at +05:30 is the second 02:58:12 UTC.
    for name in [
        "restore to a moment",
        "restore into a size",
        "restore into a pool",
        "restore on an instance",
    ] {
        assert_eq!(
            sent(name)["restorePointInTime"],
            "2026-11-22T02:58:12.000Z",
            "{name}"
        );
        assert_eq!(sent(name)["createMode"], "PointInTimeRestore", "{name}");
    }
    assert_eq!(
        sent("restore into a size")["requestedBackupStorageRedundancy"],
        "Zone"
    );
    assert!(
        sent("restore into a pool")["elasticPoolId"]
            .as_str()
            .is_some_and(|id| id.ends_with("/elasticPools/pool1"))
    );
    assert_eq!(
        sent("restore a deleted database")["sourceDatabaseDeletionDate"],
        "2026-11-20T10:11:12.123457Z"
    );
    assert_eq!(sent("restore a deleted database")["createMode"], "Restore");
    assert_eq!(
        sent("restore a long-term backup")["createMode"],
        "RestoreLongTermRetentionBackup"
    );
}

/// What the fixtures keep of the spelling that many pages write, and that azure-cli ends.
#[test]
fn the_documented_spelling_of_the_preset_is_refused_by_azure_cli() {
    let text = std::fs::read_to_string(refused_path()).expect("the fixture");
    let kept: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(kept["command"], DOCUMENTED);
    assert_eq!(kept["exit"], 2);
    assert_eq!(
        kept["errors"][0],
        "ERROR: unrecognized arguments: --database OctopusAI"
    );
    // But for the name of that one option it is what stopat sends.
    let server = Home::server("myRG", "myserver");
    let sent = azure::set_long_term(&server, "OctopusAI", &LongTerm::OCTOPUS).line();
    assert_eq!(DOCUMENTED.replace(" --database ", " --name "), sent);
    let Some(checked) = checked(&[DOCUMENTED.to_owned()]) else {
        return;
    };
    // Once azure-cli takes it, stopat can write it.
    assert_eq!(checked[0]["exit"], kept["exit"]);
    assert_eq!(checked[0]["errors"], kept["errors"]);
}

/// The preset as it is documented.
const DOCUMENTED: &str = "az sql db ltr-policy set --resource-group myRG --server myserver --database OctopusAI --weekly-retention P4W --monthly-retention P12M --yearly-retention P5Y --week-of-year 1";

fn refused_path() -> PathBuf {
    fixture_path().with_file_name("refused.json")
}

/// What the real azure-cli makes of command lines; `None`, and said, where it is not set up.
fn checked(lines: &[String]) -> Option<Vec<Value>> {
    let skipped = |why: &str| {
        writeln!(std::io::stderr(), "skipped: azure-cli ({why})").ok();
        None
    };
    let Some(home) = std::env::var_os("AZ_CHECK_HOME") else {
        return skipped("AZ_CHECK_HOME is not set");
    };
    let tool = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/az-check/az-check");
    if !tool.exists() {
        return skipped(&format!("{} is not there", tool.display()));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("commands.txt");
    std::fs::write(&file, lines.join("\n")).expect("writable");
    let output = Command::new(tool)
        .env("AZ_CHECK_HOME", home)
        .arg("--file")
        .arg(&file)
        .output()
        .expect("the tool runs");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    answer["commands"].as_array().cloned()
}

/// The real azure-cli takes each command, and sends what the fixture holds.
#[test]
fn azure_cli_takes_every_command() {
    let all = all();
    let lines: Vec<String> = all.iter().map(|(_, command)| command.line()).collect();
    let Some(checked) = checked(&lines) else {
        return;
    };
    let made: Vec<Value> = checked
        .iter()
        .zip(&all)
        .map(|(checked, (name, command))| {
            assert_eq!(checked["ok"], true, "{name}: {}", checked["errors"]);
            let requests: Vec<Value> = checked["requests"]
                .as_array()
                .expect("requests")
                .iter()
                .map(|request| json!({"method": request["method"], "path": request["path"], "body": request["body"]}))
                .collect();
            json!({"name": name, "args": command.args(), "requests": requests})
        })
        .collect();
    if std::env::var_os("AZ_CHECK_WRITE").is_some() {
        let text = serde_json::to_string_pretty(&made).expect("JSON");
        std::fs::create_dir_all(fixture_path().parent().expect("a folder")).expect("writable");
        std::fs::write(fixture_path(), text + "\n").expect("writable");
        return;
    }
    assert_eq!(made, fixture());
}
