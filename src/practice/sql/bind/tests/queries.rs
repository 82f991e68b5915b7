//! Whole queries: joins, groups, sets, windows, and what people write.

use super::{answer, check, refuse, server};

#[test]
fn tables_joins_and_groups() {
    let s = &mut server();
    check(
        s,
        "SELECT * FROM t WHERE v IS NOT NULL ORDER BY v DESC",
        &["k int, v bigint", "2 | 20", "1 | 10", "3 | 5"],
    );
    check(
        s,
        "SELECT a.k, b.Name FROM OctopusAI.dbo.t AS a JOIN dbo.Things b ON b.Id = a.k WHERE a.k < 3 ORDER BY 1",
        &["k int, Name nvarchar(50)", "1 | Anchor", "2 | Buoy"],
    );
    check(
        s,
        "SELECT k, COUNT(*) AS n, SUM(v) AS total, AVG(v) FROM t GROUP BY k HAVING COUNT(*) > 1",
        &["k int, n int, total bigint, bigint", "3 | 2 | 5 | 5"],
    );
    check(
        s,
        "SELECT COUNT(*) FROM Things WHERE Name = 'ANCHOR'",
        &["int", "2"],
    );
    check(
        s,
        "SELECT DISTINCT Name FROM Things ORDER BY Name",
        &["Name nvarchar(50)", "Anchor", "Buoy"],
    );
    check(
        s,
        "SELECT SUM(Price), AVG(Price), MAX(Made) FROM Things",
        &[
            "numeric(38,2), numeric(38,6), datetime",
            "16.49 | 8.245000 | 2026-10-09 00:00:00.000",
        ],
    );
    check(
        s,
        "SELECT Name FROM Things WHERE Name LIKE '[ab]%r' ORDER BY Id",
        &["Name nvarchar(50)", "Anchor", "anchor "],
    );
    check(
        s,
        "SELECT Id FROM Things WHERE Made >= '2026-10-09' ORDER BY Id",
        &["Id int", "2"],
    );
    check(
        s,
        "SELECT TOP (1) WITH TIES k FROM t ORDER BY k DESC",
        &["k int", "3", "3"],
    );
    check(
        s,
        "SELECT TOP 50 PERCENT k FROM t ORDER BY k",
        &["k int", "1", "2"],
    );
    check(
        s,
        "SELECT k FROM t ORDER BY v OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY",
        &["k int", "3", "1"],
    );
    check(
        s,
        "SELECT TOP (@n) k AS kay FROM t ORDER BY kay",
        &["kay int", "1", "2"],
    );
    check(
        s,
        "SELECT k FROM t WHERE k IN (SELECT Id FROM Things WHERE Price > 5)",
        &["k int", "1"],
    );
    check(
        s,
        "SELECT Id FROM Things x WHERE NOT EXISTS (SELECT * FROM t WHERE t.k = x.Id AND v > 5)",
        &["Id int", "3"],
    );
    check(
        s,
        "SELECT x.* FROM (VALUES (1, 'a'), (2, NULL)) AS x(n, c)",
        &["n int, c varchar(1)", "1 | a", "2 | NULL"],
    );
    check(
        s,
        "SELECT STRING_AGG(Name, ', ') WITHIN GROUP (ORDER BY Id DESC) FROM Things",
        &["nvarchar(4000)", "anchor , Buoy, Anchor"],
    );
    check(s, "SELECT MAX(k) FROM t WHERE 1 = 0", &["int", "NULL"]);
    check(
        s,
        "SELECT name FROM sys.databases AS d WHERE database_id < 3 AND EXISTS (SELECT 1 FROM t) ORDER BY d.name",
        &["name nvarchar(128)", "master", "tempdb"],
    );
    refuse(s, "SELECT nope FROM t", 207);
    refuse(s, "SELECT x.k FROM t", 4104);
    refuse(s, "SELECT k FROM t, Things, (SELECT 1 AS k) z", 209);
    refuse(s, "SELECT k, v FROM t GROUP BY k", 8120);
    refuse(s, "SELECT * FROM nowhere", 208);
    refuse(s, "SELECT 1 UNION SELECT 1, 2", 205);
    refuse(s, "SELECT * FROM (SELECT k FROM t ORDER BY k) x", 1033);
}

#[test]
fn sets_common_tables_windows_and_apply() {
    let s = &mut server();
    check(
        s,
        "SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a DESC",
        &["a numeric(11,1)", "2.5", "1.0"],
    );
    check(
        s,
        "SELECT COUNT(*) FROM (SELECT 'A' AS a UNION SELECT 'a ' UNION SELECT NULL) AS x",
        &["int", "2"],
    );
    check(s, "SELECT k FROM t EXCEPT SELECT 3", &["k int", "1", "2"]);
    check(
        s,
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT SUM(i) FROM n",
        &["int", "10"],
    );
    check(
        s,
        "WITH x AS (SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM t) SELECT k, v FROM x WHERE rn = 1 ORDER BY k",
        &["k int, v bigint", "1 | 10", "2 | 20", "3 | 5"],
    );
    check(
        s,
        "SELECT Id, LAG(Price) OVER (ORDER BY Id) AS before, SUM(Id) OVER (ORDER BY Id ROWS UNBOUNDED PRECEDING) FROM Things",
        &[
            "Id int, before numeric(10,2), int",
            "1 | NULL | 1",
            "2 | 12.50 | 3",
            "3 | 3.99 | 6",
        ],
    );
    check(
        s,
        "SELECT d.name, b.last_lsn, b.type FROM sys.databases d OUTER APPLY (SELECT TOP 1 last_lsn, type FROM msdb.dbo.backupset WHERE database_name = d.name ORDER BY backup_finish_date DESC) b WHERE d.database_id > 3 ORDER BY d.name",
        &[
            "name nvarchar(128), last_lsn numeric(25,0), type char(1)",
            "msdb | NULL | NULL",
            "OctopusAI | 12 | L",
        ],
    );
    check(
        s,
        "SELECT k, s.value FROM t CROSS APPLY STRING_SPLIT('a,b', ',') s WHERE k = 1",
        &["k int, value varchar(8000)", "1 | a", "1 | b"],
    );
    check(
        s,
        "SELECT k FROM t WHERE k = 1 FOR JSON PATH",
        &[
            "JSON_F52E2B61-18A1-11d1-B105-00805F49916B nvarchar(max)",
            "[{\"k\":1}]",
        ],
    );
    check(
        s,
        "SELECT STUFF((SELECT ',' + Name FROM Things ORDER BY Id FOR XML PATH('')), 1, 1, '')",
        &["nvarchar(max)", "Anchor,Buoy,anchor "],
    );
}

#[test]
fn queries_that_people_write() {
    let s = &mut server();
    for (sql, expected) in [
        (
            "SELECT database_name, CASE type WHEN 'D' THEN 'Full' WHEN 'L' THEN 'Log' END AS kind, COUNT(*) AS n FROM msdb.dbo.backupset GROUP BY database_name, type ORDER BY COUNT(*) DESC, type",
            vec![
                "database_name nvarchar(128), kind varchar(4), n int",
                "OctopusAI | Full | 1",
                "OctopusAI | Log | 1",
            ],
        ),
        (
            "SELECT CONVERT(varchar(10), backup_finish_date, 120) AS [day of backup], COUNT(*) FROM msdb.dbo.backupset GROUP BY CONVERT(varchar(10), backup_finish_date, 120)",
            vec!["day of backup varchar(10), int", "2026-10-08 | 2"],
        ),
        (
            "SELECT CAST(backup_finish_date AS date) AS d, SUM(CASE WHEN type = 'L' THEN 1 ELSE 0 END) AS logs FROM msdb.dbo.backupset GROUP BY CAST(backup_finish_date AS date)",
            vec!["d date, logs int", "2026-10-08 | 1"],
        ),
        (
            "SELECT d.name, ISNULL(CONVERT(varchar(20), MAX(bs.backup_finish_date), 120), 'never') AS last_full FROM master.sys.databases d LEFT OUTER JOIN msdb.dbo.backupset bs ON bs.database_name = d.name AND bs.type = 'D' WHERE d.name NOT IN ('master', 'tempdb', 'model') GROUP BY d.name ORDER BY d.name",
            vec![
                "name nvarchar(128), last_full varchar(20)",
                "msdb | never",
                "OctopusAI | 2026-10-08 00:00:00",
            ],
        ),
        (
            "SELECT database_name FROM msdb.dbo.backupset GROUP BY database_name HAVING MAX(backup_finish_date) < DATEADD(hh, -24, GETDATE())",
            vec!["database_name nvarchar(128)", "OctopusAI"],
        ),
        (
            "SELECT CAST(CAST(backup_size / 1000000 AS INT) AS VARCHAR(14)) + ' ' + 'MB' AS size FROM msdb..backupset ORDER BY backup_set_id",
            vec!["size varchar(17)", "1073 MB", "1 MB"],
        ),
        (
            "SELECT RANK() OVER (ORDER BY b.last_lsn DESC) AS 'rank', (SELECT database_id FROM sys.databases WHERE name = b.database_name) AS id, DATEDIFF(SECOND, b.backup_finish_date, GETDATE()) / 86400 AS days FROM msdb..backupset AS b",
            vec!["rank bigint, id int, days int", "1 | 5 | 43", "2 | 5 | 43"],
        ),
        (
            "SELECT STUFF(STUFF(RIGHT('000000' + CAST(93005 AS varchar(6)), 6), 5, 0, ':'), 3, 0, ':') AS t, CONVERT(datetime, CAST(20261123 AS char(8))) AS d",
            vec![
                "t varchar(8000), d datetime",
                "09:30:05 | 2026-11-23 00:00:00.000",
            ],
        ),
        (
            "SELECT ISNULL(SERVERPROPERTY('InstanceName'), 'MSSQLSERVER') AS i, CAST(SERVERPROPERTY('IsClustered') AS bit) AS c, CONVERT(sysname, SERVERPROPERTY(N'servername')) AS n",
            vec![
                "i sql_variant, c bit, n nvarchar(128)",
                "MSSQLSERVER | 0 | PRACTICE",
            ],
        ),
        (
            "SELECT k, ROW_NUMBER() OVER (ORDER BY (SELECT NULL)) AS n FROM t WHERE k = 1",
            vec!["k int, n bigint", "1 | 1"],
        ),
        (
            "SELECT COUNT(DISTINCT k) AS d, COUNT(*) AS n FROM t",
            vec!["d int, n int", "3 | 4"],
        ),
        (
            "SELECT k, COUNT(*) OVER () AS n FROM t WHERE k < 3 ORDER BY CASE WHEN k = 2 THEN 0 ELSE 1 END",
            vec!["k int, n int", "2 | 2", "1 | 2"],
        ),
        (
            "SELECT DISTINCT TOP 2 k FROM t ORDER BY k DESC",
            vec!["k int", "3", "2"],
        ),
        (
            "SELECT x.n, total = x.n * 2 FROM (SELECT k AS n FROM t UNION ALL SELECT 9) AS x WHERE x.n > 2 ORDER BY n",
            vec!["n int, total int", "3 | 6", "3 | 6", "9 | 18"],
        ),
        (
            "SELECT Id FROM Things WHERE (@db IS NULL OR Name = @db) OR Id = @n",
            vec!["Id int", "2"],
        ),
        (
            "WITH a AS (SELECT k FROM t), b AS (SELECT k, COUNT(*) AS n FROM a GROUP BY k) SELECT b.* FROM b JOIN a ON a.k = b.k WHERE b.n = 1 ORDER BY 1",
            vec!["k int, n int", "1 | 1", "2 | 1"],
        ),
        (
            "SELECT a.k, b.k FROM t a FULL OUTER JOIN (SELECT 9 AS k) b ON a.k = b.k WHERE a.k IS NULL OR a.k = 1",
            vec!["k int, k int", "1 | NULL", "NULL | 9"],
        ),
        (
            "SELECT r.command, x.text FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) AS x",
            vec!["command nvarchar(32), text nvarchar(max)"],
        ),
        (
            "SELECT t.k, x.n FROM t OUTER APPLY (SELECT COUNT(*) AS n FROM Things WHERE Id > t.k) x WHERE t.k < 3 ORDER BY t.k",
            vec!["k int, n int", "1 | 2", "2 | 1"],
        ),
        (
            "SELECT MAX(x.v) FROM (SELECT k, SUM(v) OVER (PARTITION BY k) AS v FROM t) x",
            vec!["bigint", "20"],
        ),
        (
            "SELECT (SELECT MAX(v) FROM t AS u WHERE u.k = t.k) AS m FROM t WHERE k = 2",
            vec!["m bigint", "20"],
        ),
        (
            "SELECT 1 WHERE 'a' = 'A ' AND N'ß' <> 'x' AND 5 BETWEEN 1 AND 9 AND NULL IS NULL",
            vec!["int", "1"],
        ),
        (
            "SELECT 1 WHERE 5 > ALL (SELECT k FROM t) AND 3 = ANY (SELECT k FROM t)",
            vec!["int", "1"],
        ),
        (
            "SELECT * FROM (VALUES (CAST('2026-01-01' AS date))) v(d) WHERE d < GETDATE() AND d = '20260101'",
            vec!["d date", "2026-01-01"],
        ),
        (
            "SELECT CAST(1 AS bit), CAST(2.5 AS float) / 2, CAST(1 AS real), 1e3",
            vec!["bit, float, real, float", "1 | 1.25 | 1 | 1000"],
        ),
        (
            "SELECT CAST(10 AS money) / 4, CAST(7 AS numeric(5,2)) % 4, 2.5 * 2",
            vec!["money, numeric(3,2), numeric(4,1)", "2.50 | 3.00 | 5.0"],
        ),
        (
            "SELECT GETDATE() - 1, GETDATE() + 0.5",
            vec![
                "datetime, datetime",
                "2026-11-19 06:00:00.000 | 2026-11-20 18:00:00.000",
            ],
        ),
        (
            "SELECT name FROM msdb.dbo.sysjobs_view",
            vec!["name nvarchar(128)"],
        ),
        (
            "SELECT k FROM dbo.t WITH (NOLOCK, INDEX(1)) WHERE k = 1",
            vec!["k int", "1"],
        ),
        (
            "SELECT TOP 1 t.* FROM t (NOLOCK) ORDER BY k",
            vec!["k int, v bigint", "1 | 10"],
        ),
        (
            "SELECT k FROM t WHERE k = 1 OR EXISTS (SELECT 1 FROM sys.databases WHERE name = 'none')",
            vec!["k int", "1"],
        ),
        (
            "SELECT CONVERT(varchar(30), 0xAB01, 1), CONVERT(varbinary(4), '0xAB', 1)",
            vec!["varchar(30), varbinary", "0xAB01 | «"],
        ),
        (
            "SELECT o.name FROM sys.objects o WHERE o.type = 'U' AND o.schema_id = SCHEMA_ID('dbo') ORDER BY o.name",
            vec!["name nvarchar(128)", "t", "Things"],
        ),
        (
            "SELECT [key], value FROM OPENJSON('{\"a\":1}')",
            vec!["key nvarchar(4000), value nvarchar(max)", "a | 1"],
        ),
        (
            "SELECT value FROM GENERATE_SERIES(1, 3)",
            vec!["value int", "1", "2", "3"],
        ),
        (
            "SELECT o.Id, o.Name FROM OPENJSON('{\"rows\":[{\"Id\":1,\"Name\":\"a\"},{\"Id\":2}]}', '$.rows') WITH (Id int, Name nvarchar(9)) AS o",
            vec!["Id int, Name nvarchar(9)", "1 | a", "2 | NULL"],
        ),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(answer(s, sql), Ok(expected), "{sql}");
    }
}
