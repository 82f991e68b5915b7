//! One probe for each fact about SQL Server that stopat's notes carry as unconfirmed and that one server can answer.
//!
//! Each asserts what the notes say; a failure is an answer, and the note is to be corrected.
//! Not probed, because no single server on Linux has them: Azure SQL Database, Amazon RDS, Fabric's edition number,
//! and the command number in the DONE token of `RESTORE LOG`, which no client hands out.

use crate::server::{Live, live};
use stopat::server::Connection;

/// A database in full recovery with one full backup and two logs, each in a file of its own.
struct Chain {
    database: String,
    full: String,
    logs: [String; 2],
}

async fn chain(live: &Live, connection: &mut dyn Connection, what: &str) -> Chain {
    let database = live.name(what);
    let folder = &live.folder;
    let chain = Chain {
        full: format!("{folder}/{database}_full.bak"),
        logs: [1, 2].map(|n| format!("{folder}/{database}_{n}.trn")),
        database,
    };
    let Chain {
        database,
        full,
        logs: [first, second],
    } = &chain;
    for sql in [
        format!("CREATE DATABASE [{database}]; ALTER DATABASE [{database}] SET RECOVERY FULL;"),
        format!(
            "USE [{database}]; CREATE TABLE dbo.T (id int IDENTITY PRIMARY KEY, filler char(2000) NOT NULL DEFAULT 'x');"
        ),
        format!("BACKUP DATABASE [{database}] TO DISK = N'{full}' WITH INIT;"),
        format!(
            "USE [{database}]; BEGIN TRAN mark_one WITH MARK; INSERT INTO dbo.T DEFAULT VALUES; COMMIT;"
        ),
        format!("BACKUP LOG [{database}] TO DISK = N'{first}' WITH INIT;"),
        "WAITFOR DELAY '00:00:02';".to_owned(),
        format!("USE [{database}]; INSERT INTO dbo.T DEFAULT VALUES;"),
        format!("BACKUP LOG [{database}] TO DISK = N'{second}' WITH INIT;"),
        format!("USE master; DROP DATABASE [{database}];"),
    ] {
        live.run(connection, &sql).await;
    }
    chain
}

async fn state_of(live: &Live, connection: &mut dyn Connection, database: &str) -> Option<String> {
    let sql = format!("SELECT state_desc FROM sys.databases WHERE name = N'{database}';");
    live.run(connection, &sql)
        .await
        .first()
        .and_then(|row| row.text("state_desc"))
}

async fn number(live: &Live, connection: &mut dyn Connection, sql: &str) -> Option<i64> {
    live.run(connection, sql)
        .await
        .first()
        .and_then(|row| row.int("n"))
}

async fn text(live: &Live, connection: &mut dyn Connection, sql: &str) -> Option<String> {
    live.run(connection, sql)
        .await
        .first()
        .and_then(|row| row.text("t"))
}

/// Runs one probe on a connection of its own, and drops what it made.
fn probe(what: &str, body: impl AsyncFnOnce(&Live, &mut dyn Connection)) {
    let Some(live) = live(what) else {
        return;
    };
    live.block_on(async {
        let mut connection = live.connect().await;
        body(&live, connection.as_mut()).await;
    });
    live.drop_databases();
}

#[test]
fn a_second_log_with_the_same_stopat_is_accepted_or_answered_with_4335() {
    probe("a second log after the stop", async |live, connection| {
        let chain = chain(live, connection, "stopat").await;
        let Chain {
            database,
            full,
            logs: [first, second],
        } = &chain;
        let finished = format!(
            "SELECT TOP (1) CONVERT(nvarchar(30), DATEADD(SECOND, -1, backup_finish_date), 126) AS t FROM msdb.dbo.backupset WHERE database_name = N'{database}' AND type = 'L' ORDER BY backup_set_id;"
        );
        let stop = text(live, connection, &finished).await.expect("a log");
        live.run(
            connection,
            &format!("RESTORE DATABASE [{database}] FROM DISK = N'{full}' WITH NORECOVERY;"),
        )
        .await;
        let error = live
            .error_of(connection, &format!("RESTORE LOG [{database}] FROM DISK = N'{first}' WITH NORECOVERY, STOPAT = N'{stop}';"))
            .await;
        eprintln!("first log: {error:?}");
        let error = live
            .error_of(connection, &format!("RESTORE LOG [{database}] FROM DISK = N'{second}' WITH RECOVERY, STOPAT = N'{stop}';"))
            .await;
        let state = state_of(live, connection, database).await;
        eprintln!("second log with the same STOPAT: {error:?}, then {state:?}");
        match error.as_ref().map(|error| error.number()) {
            None => assert_eq!(state.as_deref(), Some("ONLINE")),
            Some(number) => {
                assert_eq!(number, Some(4335));
                assert_eq!(state.as_deref(), Some("RESTORING"));
            }
        }
    });
}

#[test]
fn recovery_alone_writes_no_restorehistory_row() {
    probe("recovery without a file", async |live, connection| {
        let chain = chain(live, connection, "recover").await;
        let Chain { database, full, .. } = &chain;
        let rows = format!(
            "SELECT COUNT(*) AS n FROM msdb.dbo.restorehistory WHERE destination_database_name = N'{database}';"
        );
        live.run(
            connection,
            &format!("RESTORE DATABASE [{database}] FROM DISK = N'{full}' WITH NORECOVERY;"),
        )
        .await;
        let before = number(live, connection, &rows).await;
        live.run(
            connection,
            &format!("RESTORE DATABASE [{database}] WITH RECOVERY;"),
        )
        .await;
        assert_eq!(number(live, connection, &rows).await, before);
    });
}

#[test]
fn marks_take_an_lsn_in_hexadecimal() {
    probe(
        "STOPATMARK with a hexadecimal LSN",
        async |live, connection| {
            let chain = chain(live, connection, "mark").await;
            let Chain {
                database,
                full,
                logs: [first, _],
            } = &chain;
            let last = format!(
                "SELECT TOP (1) CAST(last_lsn AS nvarchar(30)) AS t FROM msdb.dbo.backupset WHERE database_name = N'{database}' AND type = 'L' ORDER BY backup_set_id;"
            );
            let decimal: u128 = text(live, connection, &last)
                .await
                .expect("a log")
                .parse()
                .expect("a number");
            let (vlf, block, slot) = (
                decimal / 10u128.pow(15),
                decimal / 100_000 % 10u128.pow(10),
                decimal % 100_000,
            );
            let hex = format!("lsn:0x{vlf:08x}:{block:08x}:{slot:04x}");
            live.run(
                connection,
                &format!("RESTORE DATABASE [{database}] FROM DISK = N'{full}' WITH NORECOVERY;"),
            )
            .await;
            let error = live
            .error_of(connection, &format!("RESTORE LOG [{database}] FROM DISK = N'{first}' WITH NORECOVERY, STOPBEFOREMARK = N'{hex}';"))
            .await;
            assert_eq!(error, None, "{hex}");
        },
    );
}

#[test]
fn stop_before_is_one_when_the_mark_is_left_out() {
    probe("restorehistory.stop_before", async |live, connection| {
        let chain = chain(live, connection, "before").await;
        let Chain {
            database,
            full,
            logs: [first, _],
        } = &chain;
        let mut seen = Vec::new();
        for option in ["STOPBEFOREMARK", "STOPATMARK"] {
            live.run(
                connection,
                &format!(
                    "RESTORE DATABASE [{database}] FROM DISK = N'{full}' WITH NORECOVERY, REPLACE;"
                ),
            )
            .await;
            live.run(connection, &format!("RESTORE LOG [{database}] FROM DISK = N'{first}' WITH NORECOVERY, {option} = N'mark_one';")).await;
            let sql = format!(
                "SELECT TOP (1) CAST(stop_before AS int) AS n FROM msdb.dbo.restorehistory WHERE destination_database_name = N'{database}' AND restore_type = 'L' ORDER BY restore_history_id DESC;"
            );
            seen.push(number(live, connection, &sql).await);
        }
        // The documentation says 0 for "halted before"; the name says otherwise.
        assert_eq!(seen, [Some(1), Some(0)], "STOPBEFOREMARK, STOPATMARK");
    });
}

#[test]
fn a_reverted_snapshot_is_r_in_restorehistory() {
    probe("restore_type of a revert", async |live, connection| {
        let database = live.name("revert");
        live.run(connection, &format!("CREATE DATABASE [{database}];"))
            .await;
        let file = text(live, connection, &format!("SELECT name AS t FROM sys.master_files WHERE database_id = DB_ID(N'{database}') AND type = 0;")).await.expect("a data file");
        live.run(connection, &format!("CREATE DATABASE [{database}_snap] ON (NAME = [{file}], FILENAME = N'{}/{database}.ss') AS SNAPSHOT OF [{database}];", live.folder)).await;
        live.run(
            connection,
            &format!("RESTORE DATABASE [{database}] FROM DATABASE_SNAPSHOT = N'{database}_snap';"),
        )
        .await;
        let sql = format!(
            "SELECT TOP (1) restore_type AS t FROM msdb.dbo.restorehistory WHERE destination_database_name = N'{database}' ORDER BY restore_history_id DESC;"
        );
        assert_eq!(text(live, connection, &sql).await.as_deref(), Some("R"));
    });
}

#[test]
fn restoring_one_file_says_so_in_message_3014() {
    probe(
        "the verb of message 3014 for a file",
        async |live, connection| {
            let chain = chain(live, connection, "file").await;
            let Chain { database, full, .. } = &chain;
            live.run(
                connection,
                &format!("RESTORE DATABASE [{database}] FROM DISK = N'{full}' WITH NORECOVERY;"),
            )
            .await;
            let messages = live
            .messages_of(connection, &format!("RESTORE DATABASE [{database}] FILE = N'{database}' FROM DISK = N'{full}' WITH NORECOVERY;"))
            .await;
            let begin = format!("RESTORE DATABASE ... FILE={database} successfully processed");
            assert!(
                messages.iter().any(|message| message.starts_with(&begin)),
                "{messages:#?}"
            );
        },
    );
}

#[test]
fn retaindays_ends_at_99999() {
    probe("the range of RETAINDAYS", async |live, connection| {
        let database = live.name("retain");
        live.run(connection, &format!("CREATE DATABASE [{database}];"))
            .await;
        let backup = |days: u32| {
            format!(
                "BACKUP DATABASE [{database}] TO DISK = N'{}/{database}_{days}.bak' WITH RETAINDAYS = {days};",
                live.folder
            )
        };
        assert_eq!(live.error_of(connection, &backup(99_999)).await, None);
        assert!(live.error_of(connection, &backup(100_000)).await.is_some());
    });
}

/// What `dm_exec_requests` showed of a session while it ran a statement: command and database id.
async fn watched(live: &Live, connection: &mut dyn Connection, sql: &str) -> Vec<(String, i64)> {
    let session = connection.session_id();
    let mut watcher = live.connect().await;
    let ask = format!(
        "SELECT command AS t, CAST(database_id AS int) AS n FROM sys.dm_exec_requests WHERE session_id = {session};"
    );
    let mut seen = Vec::new();
    let mut work = Box::pin(live.run(connection, sql));
    loop {
        let look = live.run(watcher.as_mut(), &ask);
        tokio::select! {
            biased;
            _ = &mut work => return seen,
            answer = look => {
                if let Some(row) = answer.first() {
                    seen.push((row.text("t").unwrap_or_default(), row.int("n").unwrap_or_default()));
                }
            }
        }
    }
}

#[test]
fn requests_name_the_command_and_a_restore_belongs_to_the_sessions_database() {
    probe(
        "dm_exec_requests during a restore",
        async |live, connection| {
            let database = live.name("watch");
            let file = format!("{}/{database}.bak", live.folder);
            for sql in [
                format!(
                    "CREATE DATABASE [{database}]; ALTER DATABASE [{database}] SET RECOVERY SIMPLE;"
                ),
                // Large enough to be seen running.
                format!(
                    "USE [{database}]; SELECT TOP (120000) CAST(NEWID() AS char(2000)) AS filler INTO dbo.T FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b;"
                ),
                format!(
                    "BACKUP DATABASE [{database}] TO DISK = N'{file}' WITH INIT, NO_COMPRESSION;"
                ),
                format!("USE master; DROP DATABASE [{database}];"),
            ] {
                live.run(connection, &sql).await;
            }
            for (sql, command) in [
                (
                    format!("RESTORE VERIFYONLY FROM DISK = N'{file}';"),
                    "RESTORE VERIFYONLY",
                ),
                (
                    format!("RESTORE HEADERONLY FROM DISK = N'{file}';"),
                    "RESTORE HEADERONLY",
                ),
                (
                    format!("RESTORE FILELISTONLY FROM DISK = N'{file}';"),
                    "RESTORE FILELISTONLY",
                ),
                (
                    format!("RESTORE DATABASE [{database}] FROM DISK = N'{file}';"),
                    "RESTORE DATABASE",
                ),
            ] {
                let seen = watched(live, connection, &sql).await;
                let of_statement: Vec<_> = seen
                    .iter()
                    .filter(|(seen, _)| seen.starts_with("RESTORE"))
                    .collect();
                if of_statement.is_empty() {
                    // Too quick to be seen on this server: no answer either way.
                    eprintln!("{command}: not seen while it ran ({seen:?})");
                    continue;
                }
                assert!(
                    of_statement.iter().all(|(seen, _)| seen == command),
                    "{command}: {seen:?}"
                );
                assert!(
                    of_statement.iter().all(|(_, id)| *id == 1),
                    "{command} in another database than master: {seen:?}"
                );
            }
        },
    );
}

#[test]
fn agent_on_linux_has_no_service_row_and_no_cmdexec() {
    probe("Agent on Linux", async |live, connection| {
        let platform = text(
            live,
            connection,
            "SELECT host_platform AS t FROM sys.dm_os_host_info;",
        )
        .await;
        if platform.as_deref() != Some("Linux") {
            eprintln!("skipped: Agent on Linux (this server runs on {platform:?})");
            return;
        }
        let services = number(live, connection, "SELECT COUNT(*) AS n FROM sys.dm_server_services WHERE servicename LIKE N'SQL Server Agent%';").await;
        assert_eq!(services, Some(0));
        let job = live.name("cmdexec");
        live.run(
            connection,
            &format!("EXEC msdb.dbo.sp_add_job @job_name = N'{job}';"),
        )
        .await;
        let error = live.error_of(connection, &format!("EXEC msdb.dbo.sp_add_jobstep @job_name = N'{job}', @step_name = N'one', @subsystem = N'CmdExec', @command = N'echo';")).await;
        live.run(
            connection,
            &format!("EXEC msdb.dbo.sp_delete_job @job_name = N'{job}';"),
        )
        .await;
        assert!(error.is_some(), "a CmdExec step was accepted");
    });
}

#[test]
fn agents_errors_read_as_noted() {
    probe("texts of Agent's errors", async |live, connection| {
        let job = live.name("errors");
        live.run(
            connection,
            &format!("EXEC msdb.dbo.sp_add_job @job_name = N'{job}';"),
        )
        .await;
        let twice = live
            .error_of(
                connection,
                &format!("EXEC msdb.dbo.sp_add_job @job_name = N'{job}';"),
            )
            .await;
        let missing = live
            .error_of(
                connection,
                &format!("EXEC msdb.dbo.sp_delete_job @job_name = N'{job}_not';"),
            )
            .await;
        live.run(
            connection,
            &format!("EXEC msdb.dbo.sp_delete_job @job_name = N'{job}';"),
        )
        .await;
        let first = |error: &Option<stopat::server::ServerError>| {
            error
                .as_ref()
                .and_then(|error| error.cause())
                .map(|cause| (cause.number, cause.text.clone()))
        };
        assert_eq!(
            first(&twice),
            Some((
                14261,
                format!("The specified @name ('{job}') already exists.")
            ))
        );
        assert_eq!(
            first(&missing),
            Some((
                14262,
                format!("The specified @job_name ('{job}_not') does not exist.")
            ))
        );
    });
}

#[test]
fn a_job_that_runs_is_not_started_again() {
    probe("starting a running job", async |live, connection| {
        let job = live.name("running");
        for sql in [
            format!("EXEC msdb.dbo.sp_add_job @job_name = N'{job}';"),
            format!(
                "EXEC msdb.dbo.sp_add_jobstep @job_name = N'{job}', @step_name = N'wait', @command = N'WAITFOR DELAY ''00:00:20''';"
            ),
            format!("EXEC msdb.dbo.sp_add_jobserver @job_name = N'{job}';"),
        ] {
            live.run(connection, &sql).await;
        }
        let start = format!("EXEC msdb.dbo.sp_start_job @job_name = N'{job}';");
        let once = live.error_of(connection, &start).await;
        if once.is_some() {
            eprintln!("skipped: starting a running job (Agent does not run: {once:?})");
        } else {
            live.run(connection, "WAITFOR DELAY '00:00:03';").await;
            let twice = live
                .error_of(connection, &start)
                .await
                .expect("it is running");
            let cause = twice.cause().expect("the server's error");
            assert_eq!(cause.number, 22022, "{twice:?}");
            assert!(
                cause
                    .text
                    .contains("refused because the job is already running"),
                "{}",
                cause.text
            );
            live.run(
                connection,
                &format!("EXEC msdb.dbo.sp_stop_job @job_name = N'{job}';"),
            )
            .await;
        }
        live.run(
            connection,
            &format!("EXEC msdb.dbo.sp_delete_job @job_name = N'{job}';"),
        )
        .await;
    });
}

#[test]
fn message_15404_reads_as_noted() {
    probe("the text of 15404", async |live, connection| {
        let sql =
            "SELECT text AS t FROM sys.messages WHERE message_id = 15404 AND language_id = 1033;";
        let said = text(live, connection, sql)
            .await
            .expect("the message exists");
        assert_eq!(
            said,
            "Could not obtain information about Windows NT group/user '%ls', error code %#lx."
        );
    });
}

#[test]
fn outside_a_group_every_replica_is_preferred() {
    probe(
        "the preferred replica outside a group",
        async |live, connection| {
            let sql =
                "SELECT CAST(sys.fn_hadr_backup_is_preferred_replica(N'master') AS int) AS n;";
            assert_eq!(number(live, connection, sql).await, Some(1));
        },
    );
}

/// A login with one permission, for as long as the probe runs.
async fn with_login(
    live: &Live,
    connection: &mut dyn Connection,
    grant: &str,
    body: impl AsyncFnOnce(&mut dyn Connection),
) {
    let login = live.name("login");
    let password = format!("Pr0be-{login}");
    live.run(connection, &format!("CREATE LOGIN [{login}] WITH PASSWORD = N'{password}', CHECK_POLICY = OFF; GRANT {grant} TO [{login}];")).await;
    let mut other = live.connect_as(&login, &password).await;
    body(other.as_mut()).await;
    drop(other);
    // The server may still be ending the session.
    live.run(connection, "WAITFOR DELAY '00:00:01';").await;
    live.run(connection, &format!("DROP LOGIN [{login}];"))
        .await;
}

#[test]
fn loadhistory_needs_more_than_create_any_database() {
    probe(
        "the permission for LOADHISTORY",
        async |live, connection| {
            let chain = chain(live, connection, "load").await;
            let sql = format!(
                "RESTORE VERIFYONLY FROM DISK = N'{}' WITH LOADHISTORY;",
                chain.full
            );
            let plain = format!("RESTORE VERIFYONLY FROM DISK = N'{}';", chain.full);
            let mut answers = Vec::new();
            with_login(live, connection, "CREATE ANY DATABASE", async |other| {
                answers.push(live.error_of(other, &plain).await.is_some());
                answers.push(live.error_of(other, &sql).await.is_some());
            })
            .await;
            assert_eq!(answers, [false, true], "VERIFYONLY, and with LOADHISTORY");
        },
    );
}

#[test]
fn volumes_and_services_need_the_newer_permissions() {
    probe("permissions since 2022", async |live, connection| {
        let version = text(
            live,
            connection,
            "SELECT CAST(SERVERPROPERTY('ProductMajorVersion') AS nvarchar(10)) AS t;",
        )
        .await;
        if version
            .as_deref()
            .and_then(|version| version.parse::<u32>().ok())
            .is_none_or(|version| version < 16)
        {
            eprintln!("skipped: permissions since 2022 (this server is {version:?})");
            return;
        }
        let volumes = "SELECT COUNT(*) AS n FROM sys.master_files AS f CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) AS v;";
        let services = "SELECT COUNT(*) AS n FROM sys.dm_server_services;";
        let mut answers = Vec::new();
        for grant in [
            "VIEW SERVER PERFORMANCE STATE",
            "VIEW SERVER SECURITY STATE",
        ] {
            with_login(live, connection, grant, async |other| {
                answers.push(live.error_of(other, volumes).await.is_none());
                answers.push(live.error_of(other, services).await.is_none());
            })
            .await;
        }
        assert_eq!(
            answers,
            [true, false, false, true],
            "volumes and services with PERFORMANCE, then with SECURITY"
        );
    });
}
