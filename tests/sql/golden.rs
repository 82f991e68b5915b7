//! Whole scripts, made for reading.

use super::samples;
use stopat::tsql::{
    Damage, Script, ServerFacts, Tailing, check_database, drop_copy_script, drop_unfinished_script,
    end_session, give_back_access, pause_job, recover_script, restore_script, restore_script_with,
    standby_script, start_job, tail_batch, tail_file,
};
use uuid::Uuid;

#[test]
fn a_copy_to_a_moment() {
    insta::assert_snapshot!(
        restore_script(&samples::copy_to_a_moment(), &samples::facts()).to_sql()
    );
}

#[test]
fn only_a_full_backup() {
    insta::assert_snapshot!(
        restore_script(&samples::base_only(), &ServerFacts::default()).to_sql()
    );
}

#[test]
fn stripes_over_the_original() {
    insta::assert_snapshot!(
        restore_script(&samples::striped_over_the_original(), &samples::facts()).to_sql()
    );
}

#[test]
fn no_stopat_on_a_bulk_logged_last_log() {
    insta::assert_snapshot!(
        restore_script(
            &samples::ends_with_a_bulk_logged_log(),
            &ServerFacts::default()
        )
        .to_sql()
    );
}

#[test]
fn the_tail_is_backed_up_first() {
    insta::assert_snapshot!(restore_script(&samples::with_a_tail(), &samples::facts()).to_sql());
}

#[test]
fn names_that_sqlcmd_would_read() {
    insta::assert_snapshot!(
        restore_script(
            &samples::hostile("x$(y)\nGO\n]'%"),
            &ServerFacts {
                server_name: Some("$(server)".to_owned()),
                tail_file: None,
            }
        )
        .to_sql()
    );
}

#[test]
fn recover_and_drop() {
    let facts = samples::facts();
    insta::assert_snapshot!(
        [
            recover_script("OctopusAI_0828", &facts),
            drop_copy_script(
                "OctopusAI_0828",
                Uuid::from_u128(0xABCD),
                "2026-11-22T10:00:00.123",
                &facts
            ),
            drop_copy_script(
                "$(x)",
                Uuid::from_u128(0xABCD),
                "2026-11-22T10:00:00",
                &ServerFacts::default()
            ),
        ]
        .map(|script| script.to_sql())
        .join("\n==========\n")
    );
}

#[test]
fn the_tail_goes_to_the_backup_folder_or_beside_the_newest_log() {
    let plan = samples::with_a_tail();
    let stamp = "20261122T100000Z";
    assert_eq!(
        tail_file(&plan, Some(r"E:\Backup"), stamp),
        r"E:\Backup\OctopusAI_20261122T100000Z_tail.trn"
    );
    assert_eq!(
        tail_file(&plan, Some("/var/opt/mssql/data"), stamp),
        "/var/opt/mssql/data/OctopusAI_20261122T100000Z_tail.trn"
    );
    assert_eq!(
        tail_file(&plan, None, stamp),
        r"\\backup-server\octopus\log\OctopusAI_20261122T100000Z_tail.trn"
    );
    let long = samples::hostile(&"🐙".repeat(128));
    let file = tail_file(&long, Some(&format!(r"E:\{}", "x".repeat(200))), stamp);
    assert!(file.encode_utf16().count() <= 259, "{file}");
}

#[test]
fn over_the_original_with_its_tail() {
    insta::assert_snapshot!(
        restore_script_with(
            &samples::striped_over_the_original(),
            &samples::facts(),
            &samples::over(r"E:\Backup\tail.trn"),
        )
        .to_sql()
    );
}

#[test]
fn over_the_original_without_its_tail() {
    let mut options = samples::over("");
    if let Some(over) = &mut options.over {
        over.tail = Tailing::GiveUp;
        over.stop_async_statistics = false;
    }
    insta::assert_snapshot!(
        restore_script_with(
            &samples::striped_over_the_original(),
            &ServerFacts::default(),
            &options
        )
        .to_sql()
    );
}

#[test]
fn around_a_restore() {
    let facts = samples::facts();
    insta::assert_snapshot!(
        [
            standby_script("OctopusAI_0828", r"D:\Data\OctopusAI_0828.undo", &facts),
            drop_unfinished_script("OctopusAI_0828", "2026-11-22T10:00:00", &facts),
            Script {
                batches: vec![
                    tail_batch("OctopusAI", &facts, r"E:\tail.trn", Damage::Pages),
                    tail_batch("OctopusAI", &facts, r"E:\tail.trn", Damage::NotOnline),
                    give_back_access("a$(x)\nGO\n]'", &facts, "RESTRICTED_USER"),
                    end_session("OctopusAI", 57, &facts),
                    pause_job("it's nightly", &facts),
                    start_job("it's nightly", &facts),
                    check_database("a]b'c"),
                ],
            },
        ]
        .map(|script| script.to_sql())
        .join("\n==========\n")
    );
}
