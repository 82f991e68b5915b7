//! What a loss is besides time: rows of a table; and what tells of changes, and of backups outside SQL Server.

use super::asking::{own_clock, start};
use std::path::Path;
use stopat::{
    domain::{Exposed, UtcOffset, UtcTime},
    run::{
        Journal, Measured, OutsideJob, RunId, Who, back_up_outside, count_lost_rows, journal_path,
        outside_backup_title,
    },
    server::ask,
    settings::{CountedRows, Hook, RowClock, load_applications},
    tsql,
};
use tokio_util::sync::CancellationToken;

const DATABASE: &str = "OctopusAI";

fn at(text: &str) -> UtcTime {
    UtcTime(text.parse().expect("a time"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_came_in_a_stretch_are_counted_by_their_column() {
    let practice = start().await;
    let application = load_applications(Path::new("nowhere"))
        .applications
        .remove(0);
    let counted = application.counted.expect("Octopus names its messages");
    let stretch = |since: &str, until: &str| Exposed {
        since: at(since),
        at: at(until),
    };
    let stretches = [
        stretch("2026-11-22T09:00:00Z", "2026-11-22T10:00:00Z"),
        stretch("2026-11-22T10:00:00Z", "2026-11-22T12:00:00Z"),
        stretch("2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"),
        // Before the oldest row: it may have had some that were forgotten since.
        stretch("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    ];
    let mut connection = practice.connect().await;
    let lost = count_lost_rows(
        connection.as_mut(),
        DATABASE,
        "dbo",
        &counted,
        UtcOffset::ZERO,
        &stretches,
    )
    .await
    .expect("the server answers")
    .expect("the table is there");
    let mut all = 0;
    for (exposed, rows) in &lost.counts {
        let sql = format!(
            "SELECT COUNT_BIG(*) AS n FROM OctopusAI.dbo.Octopus_EpisodeMessages WHERE CreatedAt > '{}' AND CreatedAt <= '{}';",
            exposed.since.0.format("%Y-%m-%dT%H:%M:%S"),
            exposed.at.0.format("%Y-%m-%dT%H:%M:%S"),
        );
        let answer = practice.run(&sql).await;
        let expected = answer.first().and_then(|row| row.int("n"));
        assert_eq!(expected, i64::try_from(*rows).ok(), "{exposed:?}");
        all += rows;
    }
    assert!(all > 100, "a morning has messages: {all}");
    assert_eq!(lost.of(stretches[2]), Some(0));
    assert_eq!(lost.of(stretches[3]), None);

    let nowhere = CountedRows {
        what: "rows".to_owned(),
        table: "a]b'; DROP TABLE x--".to_owned(),
        time_column: "x]y".to_owned(),
        clock: RowClock::Server,
    };
    let none = count_lost_rows(
        connection.as_mut(),
        DATABASE,
        "dbo",
        &nowhere,
        UtcOffset::ZERO,
        &stretches,
    )
    .await
    .expect("a table that is not there is no error");
    assert_eq!(none, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_tells_when_a_table_was_changed_last() {
    let practice = start().await;
    let changed = async |table: &str| {
        let mut connection = practice.connect().await;
        let answer = ask(connection.as_mut(), &tsql::table_changes(DATABASE))
            .await
            .expect("the server answers");
        answer
            .rows()
            .iter()
            .find(|row| row.text("table_name").as_deref() == Some(table))
            .and_then(|row| row.time("last_change"))
    };
    let areas = changed("Octopus_Areas").await.expect("filled at the start");
    let messages = changed("Octopus_EpisodeMessages").await.expect("always");
    assert!(areas < messages, "{areas} {messages}");
    practice
        .run("UPDATE OctopusAI.dbo.Octopus_Areas SET Name = N'new' WHERE Name <> N'new';")
        .await;
    let now = practice.clock().await.to_server(UtcOffset::ZERO);
    assert_eq!(changed("Octopus_Areas").await, Some(now));
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_not_in_sql_server_has_its_last_backup_from_its_own_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let outside = load_applications(Path::new("nowhere"))
        .applications
        .remove(0)
        .outside
        .remove(0);
    let title = outside_backup_title(&outside);
    let run = async |program: &str, n: u16| {
        let job = OutsideJob {
            run: RunId::new(own_clock(), n),
            server: "PRACTICE".to_owned(),
            database: DATABASE.to_owned(),
            outside: outside.clone(),
            who: Who::default(),
        };
        let journal = Journal::create(&journal_path(folder.path(), &job.run)).expect("new");
        let hook = Hook {
            arguments: vec!["-c".to_owned(), program.to_owned()],
            ..Hook::new("/bin/sh")
        };
        back_up_outside(&job, &hook, journal, &CancellationToken::new(), own_clock)
            .await
            .expect("the journal can be written")
    };
    let known = || Measured::read(&folder.path().join("runs")).hook_ran(&title);
    assert_eq!(known(), None);
    run("echo no; exit 3", 1).await.expect_err("it failed");
    assert_eq!(known(), None, "a program that failed backed nothing up");
    run("echo snapshot made", 2).await.expect("it works");
    assert_eq!(known(), Some(own_clock()));
}
