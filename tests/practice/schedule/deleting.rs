//! Retention: what may go is deleted, and nothing else.

use super::{Bench, one, policy};
use crate::asking::start;
use stopat::{
    domain::{Deleting, Limits, RestoreRequest, Target, Times, plan, retention},
    run::{
        RunKind, read_journal,
        schedule::{RetentionDoubt, RetentionError, run_retention},
    },
};

#[tokio::test]
async fn retention_deletes_what_the_list_says_and_stops_at_the_first_doubt() {
    let practice = start().await;
    let bench = Bench::new();
    practice
        .run(
            r"CREATE DATABASE [Toy] ON (NAME = N't', FILENAME = N'D:\Data\t.mdf') LOG ON (NAME = N'tl', FILENAME = N'D:\Data\tl.ldf');
              EXEC master.dbo.xp_create_subdir N'D:\Backup\full'; EXEC master.dbo.xp_create_subdir N'D:\Backup\diff'; EXEC master.dbo.xp_create_subdir N'D:\Backup\log';",
        )
        .await;
    let mut policy = policy(one("Toy"));
    policy.share = r"D:\Backup".to_owned();
    // A log every two hours is enough of a chain.
    policy.backups[2].times = Times::every(120);
    policy.retention.window_days = std::num::NonZeroU32::new(1).expect("one");
    policy.retention.least_fulls = std::num::NonZeroU32::MIN;
    bench.apply(&practice, &policy).await;
    practice.advance(3 * 86_400).await;
    let history = practice.history().await;
    let toy = history.database("Toy").expect("backed up");
    let now = practice.clock().await;
    let list = retention(&toy, &policy, now);
    let n = list.removable().count();
    assert!(n > 10, "{n} of {}", list.files.len());
    let before = toy.coverage(&Limits::default());

    // Off by default.
    let off = run_retention(&toy, &policy, &list, bench.changing(&practice, "Toy")).await;
    assert!(matches!(off, Err(RetentionError::Off)));
    policy.retention.deleting = Deleting::WhenAsked;

    // A file of the list holds another set now: the run ends before it.
    let third = list.removable().nth(2).expect("many").path.clone();
    practice
        .run(&format!(
            "BACKUP DATABASE [Toy] TO DISK = N'{third}' WITH COPY_ONLY, NAME = N'by hand';"
        ))
        .await;
    let report = run_retention(&toy, &policy, &list, bench.changing(&practice, "Toy"))
        .await
        .expect("it ran");
    assert_eq!(report.deleted.len(), 2, "{report:?}");
    assert_eq!(
        report.doubt,
        Some(RetentionDoubt::Differs {
            file: third.clone()
        })
    );

    // What the window rests on is gone: nothing is deleted.
    let foundation = list
        .foundations
        .first()
        .expect("a full before the window")
        .clone();
    practice.option("no_permission", &foundation).await;
    let report = run_retention(&toy, &policy, &list, bench.changing(&practice, "Toy"))
        .await
        .expect("it ran");
    assert!(report.deleted.is_empty());
    assert!(
        matches!(
            report.doubt,
            Some(RetentionDoubt::FoundationUnreadable { .. })
        ),
        "{report:?}"
    );
    practice.option("repaired", &foundation).await;

    // Judged again, the file with the foreign set stays; the rest goes, and the window is as it was.
    // The two that are gone are not looked for again; a third that somebody else deleted is passed over.
    let toy = bench.history(&practice, "Toy").await;
    let list = retention(&toy, &policy, now);
    assert_eq!(
        list.removable().count(),
        n - 3,
        "two are gone, one is not only ours"
    );
    let elsewhere = list.removable().nth(1).expect("many").path.clone();
    practice
        .run(&format!(
            "EXEC master.sys.xp_delete_file 0, N'{elsewhere}';"
        ))
        .await;
    let changing = bench.changing(&practice, "Toy");
    let journal = changing.journal.clone();
    let report = run_retention(&toy, &policy, &list, changing)
        .await
        .expect("it ran");
    assert_eq!(report.doubt, None);
    assert_eq!(report.deleted.len(), n - 4);
    assert_eq!(report.not_there, [elsewhere]);
    assert!(!report.deleted.contains(&third));
    let content = read_journal(&journal).expect("journaled");
    assert!(matches!(
        &content.entries[0].record,
        stopat::run::Record::Begin {
            run_kind: RunKind::Retention,
            ..
        }
    ));
    // The newest moment of the window and its first are still reached, with the files that are left.
    let request = RestoreRequest::to(Target::At(list.window_from));
    let found = plan(&toy, &request).expect("reachable");
    for step in &found.steps {
        for device in &step.devices {
            practice
                .run(&format!(
                    "RESTORE HEADERONLY FROM DISK = N'{}';",
                    device.name()
                ))
                .await;
        }
    }
    assert!(before.window_at(list.window_from).is_some());

    // msdb goes on listing what was deleted; who knows the journals does not take it for restorable.
    let knowing = bench.history(&practice, "Toy").await;
    let after = knowing.coverage(&Limits::default());
    assert!(after.newest() >= before.newest());
    assert!(after.oldest() > before.oldest(), "{:?}", after.oldest());
    assert!(after.window_at(list.window_from).is_some());
    let oldest = before.oldest().expect("backed up");
    let request = RestoreRequest::to(Target::At(oldest));
    let refusal = plan(&knowing, &request).expect_err("its file is gone");
    let said = stopat::explain::refusal(&refusal, "Toy", Some(&knowing)).sentence;
    assert!(said.contains("retention deleted its file on"), "{said}");
    let history = practice.history().await;
    let toy = history.database("Toy").expect("backed up");
    assert!(plan(&toy, &request).is_ok(), "msdb alone does not tell");
}
