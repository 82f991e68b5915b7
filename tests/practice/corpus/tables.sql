Tables and rows.

=== a database with a hostile name
CREATE DATABASE [a]]b'; DROP TABLE x--]; USE [a]]b'; DROP TABLE x--]; SELECT DB_NAME() AS d
---
database a]b'; DROP TABLE x--
info 5701 0 line 1: Changed database context to 'a]b'; DROP TABLE x--'.
# d nvarchar(128)
a]b'; DROP TABLE x--

=== create
CREATE TABLE dbo.t (id int IDENTITY(1,1) NOT NULL PRIMARY KEY, name nvarchar(10) NOT NULL, made datetime2(0) DEFAULT SYSDATETIME(), twice AS (id * 2), n numeric(25,0) NULL CHECK (n > 0))
---

=== there already
CREATE TABLE t (a int)
---
error 2714 16 line 1: There is already an object named 't' in the database.

=== insert
INSERT INTO t (name, n) VALUES (N'a', 1), (N'b', NULL); SELECT @@ROWCOUNT AS r, SCOPE_IDENTITY() AS i; SELECT * FROM t
---
(2 rows)
# r int, i numeric(38,0)
2 | 2
# id int, name nvarchar(10), made datetime2(0) null, twice int null, n numeric(25,0) null
1 | a | 2026-11-20 06:00:00 | 2 | 1
2 | b | 2026-11-20 06:00:00 | 4 | NULL

=== null, length, check
INSERT t (name) VALUES (NULL)
INSERT t (name) VALUES (N'much too long for it')
INSERT t (name, n) VALUES (N'x', -1)
PRINT @@ERROR
---
error 515 16 line 1: Cannot insert the value NULL into column 'name', table 'a]b'; DROP TABLE x--.dbo.t'; column does not allow nulls. INSERT fails.
info 3621 0 line 1: The statement has been terminated.
error 2628 16 line 2: String or binary data would be truncated in table 'a]b'; DROP TABLE x--.dbo.t', column 'name'. Truncated value: 'much too l'.
info 3621 0 line 2: The statement has been terminated.
error 547 16 line 3: The INSERT statement conflicted with the CHECK constraint "CK__t__19721AF5". The conflict occurred in database "a]b'; DROP TABLE x--", table "dbo.t".
info 3621 0 line 3: The statement has been terminated.
info 0 0 line 1: 547

=== number of values
INSERT t (name, n) VALUES (N'x')
---
error 109 15 line 1: There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.

=== identity insert
INSERT t (id, name) VALUES (10, N'x')
---
error 544 16 line 1: Cannot insert explicit value for identity column in table 't' when IDENTITY_INSERT is set to OFF.

=== identity insert on
SET IDENTITY_INSERT t ON; INSERT t (id, name) VALUES (10, N'x'); SET IDENTITY_INSERT t OFF; INSERT t (name) VALUES (N'y'); SELECT id, name FROM t ORDER BY id
---
(1 rows)
(1 rows)
# id int, name nvarchar(10)
1 | a
2 | b
10 | x
11 | y

=== duplicate key
SET IDENTITY_INSERT t ON; INSERT t (id, name) VALUES (10, N'z'); SET IDENTITY_INSERT t OFF
---
error 2627 14 line 1: Violation of PRIMARY KEY constraint 'PK__t__BC10BBD4'. Cannot insert duplicate key in object 'dbo.t'. The duplicate key value is (10).
info 3621 0 line 1: The statement has been terminated.

=== update with output
UPDATE t SET name = name + N'!', n = 5 OUTPUT deleted.name AS was, inserted.name AS [is] WHERE id < 3
---
# was nvarchar(10), is nvarchar(10)
a | a!
b | b!

=== update adds
UPDATE t SET n += 1 WHERE id = 1; SELECT n FROM t WHERE id = 1
---
(1 rows)
# n numeric(25,0) null
6

=== update from
UPDATE x SET x.n = s.v FROM t AS x JOIN (VALUES (1, 70), (2, 80)) AS s (k, v) ON s.k = x.id; SELECT id, n FROM t ORDER BY id
---
(2 rows)
# id int, n numeric(25,0) null
1 | 70
2 | 80
10 | NULL
11 | NULL

=== update top
UPDATE TOP (1) t SET n = 99; SELECT COUNT(*) AS c FROM t WHERE n = 99
---
(1 rows)
# c int
1

=== select into temp
SELECT id, name INTO #c FROM t WHERE id > 2; SELECT * FROM #c ORDER BY id; DROP TABLE #c
---
(2 rows)
# id int, name nvarchar(10)
10 | x
11 | y

=== table variable
DECLARE @v TABLE (a int PRIMARY KEY, b varchar(5)); INSERT @v VALUES (1, 'x'), (2, 'y'); DELETE FROM @v WHERE a = 1; SELECT * FROM @v
---
(2 rows)
(1 rows)
# a int, b varchar(5) null
2 | y

=== table variable is gone
SELECT * FROM @v
---
error 1087 15 line 1: Must declare the table variable "@v".

=== insert exec
CREATE TABLE #e (a int, b int); INSERT #e EXEC('SELECT 1, 2 SELECT 3, 4'); SELECT * FROM #e ORDER BY a; DROP TABLE #e
---
(2 rows)
# a int null, b int null
1 | 2
3 | 4

=== merge
MERGE t AS d USING (VALUES (1, N'one'), (50, N'new')) AS s (k, v) ON d.id = s.k
WHEN MATCHED THEN UPDATE SET name = s.v
WHEN NOT MATCHED THEN INSERT (name) VALUES (s.v);
SELECT id, name FROM t ORDER BY id
---
(2 rows)
# id int, name nvarchar(10)
1 | one
2 | b!
10 | x
11 | y
12 | new

=== foreign key
CREATE TABLE child (id int PRIMARY KEY, t int NOT NULL REFERENCES t (id)); INSERT child VALUES (1, 1); INSERT child VALUES (2, 777)
---
(1 rows)
error 547 16 line 1: The INSERT statement conflicted with the FOREIGN KEY constraint "FK__child__t__34D2595D". The conflict occurred in database "a]b'; DROP TABLE x--", table "dbo.t".
info 3621 0 line 1: The statement has been terminated.

=== foreign key refuses the delete
DELETE FROM t WHERE id = 1
---
error 547 16 line 1: The DELETE statement conflicted with the REFERENCE constraint "FK__child__t__34D2595D". The conflict occurred in database "a]b'; DROP TABLE x--", table "dbo.child".
info 3621 0 line 1: The statement has been terminated.

=== referenced table stays
DROP TABLE t
---
error 3726 16 line 1: Could not drop object 't' because it is referenced by a FOREIGN KEY constraint.

=== rolled back
BEGIN TRAN; DELETE FROM child; SELECT COUNT(*) AS n FROM child; ROLLBACK; SELECT COUNT(*) AS n FROM child
---
transaction begins
(1 rows)
# n int
0
transaction ends
# n int
1

=== savepoint
BEGIN TRAN; INSERT child VALUES (5, 1); SAVE TRAN s; INSERT child VALUES (6, 1); ROLLBACK TRAN s; COMMIT; SELECT id FROM child ORDER BY id
---
transaction begins
(1 rows)
(1 rows)
transaction ends
# id int
1
5

=== xact_abort
SET XACT_ABORT ON; BEGIN TRAN; INSERT child VALUES (7, 1); INSERT child VALUES (7, 1); PRINT 'never'
---
transaction begins
(1 rows)
error 2627 14 line 1: Violation of PRIMARY KEY constraint 'PK__child__7140E4D6'. Cannot insert duplicate key in object 'dbo.child'. The duplicate key value is (7).
info 3621 0 line 1: The statement has been terminated.
transaction ends

=== after xact_abort
SET XACT_ABORT OFF; SELECT @@TRANCOUNT AS n, COUNT(*) AS c FROM child
---
# n int, c int
0 | 2

=== doomed
SET XACT_ABORT ON; BEGIN TRY BEGIN TRAN; INSERT child VALUES (8, 1); INSERT child VALUES (8, 1) END TRY
BEGIN CATCH PRINT XACT_STATE(); IF XACT_STATE() = -1 ROLLBACK END CATCH; SELECT @@TRANCOUNT AS n; SET XACT_ABORT OFF
---
transaction begins
(1 rows)
info 0 0 line 1: -1
transaction ends
# n int
0

=== alter table
ALTER TABLE child ADD note varchar(10) NOT NULL DEFAULT 'none'; ALTER TABLE child ALTER COLUMN note nvarchar(20) NULL; SELECT * FROM child ORDER BY id
---
# id int, t int, note nvarchar(20) null
1 | 1 | none
5 | 1 | none

=== indices
CREATE NONCLUSTERED INDEX ix ON child (t DESC) INCLUDE (note); CREATE UNIQUE INDEX u ON child (t)
---
error 1505 16 line 1: The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name 'dbo.child' and the index name 'u'.

=== truncate and delete
DROP TABLE child; TRUNCATE TABLE t; INSERT t (name) VALUES (N'first'); SELECT id FROM t; DELETE t OUTPUT deleted.id; SELECT COUNT(*) AS n FROM t
---
(1 rows)
# id int
1
# id int
1
# n int
0

=== other session waits and gives up: written here
BEGIN TRAN; INSERT t (name) VALUES (N'open')
---
transaction begins
(1 rows)

=== other session waits and gives up: here @2
USE [a]]b'; DROP TABLE x--]; SET LOCK_TIMEOUT 0; SELECT COUNT(*) FROM t; INSERT t (name) VALUES (N'x'); PRINT @@ERROR
---
database a]b'; DROP TABLE x--
info 5701 0 line 1: Changed database context to 'a]b'; DROP TABLE x--'.
error 1222 16 line 1: Lock request time out period exceeded.
error 1222 16 line 1: Lock request time out period exceeded.
info 0 0 line 1: 1222

=== read uncommitted looks @2
SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; SELECT COUNT(*) AS n FROM t
---
# n int
1

=== commit ends the wait
COMMIT
---
transaction ends

=== and now it goes @2
SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT COUNT(*) AS n FROM t
---
# n int
1

=== drop
DROP TABLE IF EXISTS nothing, t; DROP TABLE t
---
error 3701 11 line 1: Cannot drop the table 't', because it does not exist or you do not have permission.

=== schema
CREATE SCHEMA sales;
---

=== table in schema
CREATE TABLE sales.o (a int); INSERT sales.o DEFAULT VALUES; SELECT * FROM sales.o; DROP SCHEMA sales
---
(1 rows)
# a int null
NULL
error 3729 16 line 1: Cannot drop schema 'sales' because it is being referenced by object 'o'.

=== in use
USE master; DROP DATABASE [a]]b'; DROP TABLE x--]
---
database master
info 5701 0 line 1: Changed database context to 'master'.
error 3702 16 line 1: Cannot drop database "a]b'; DROP TABLE x--" because it is currently in use.

