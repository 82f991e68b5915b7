Control flow, variables, errors.

=== literals
SELECT 1 AS a, N'two' AS b, NULL AS c SELECT 2
---
# a int, b nvarchar(3), c int null
1 | two | NULL
# int
2

=== two statements and a variable
DECLARE @x int = 1, @t nvarchar(20) = N'ab'; SET @x += 4; SELECT @x AS x, @t + N'c' AS t, @@ROWCOUNT AS r
---
# x int null, t nvarchar(21) null, r int
5 | abc | 1

=== select assigns
DECLARE @n int, @m int; SELECT @n = 3, @m = 4; PRINT @n + @m
---
(1 rows)
info 0 0 line 1: 7

=== if and else
IF 1 = 2 PRINT 'no'; ELSE BEGIN PRINT 'yes' END
---
info 0 0 line 1: yes

=== while, break, continue
DECLARE @i int = 0; WHILE 1 = 1 BEGIN SET @i = @i + 1; IF @i = 2 CONTINUE; IF @i > 4 BREAK; PRINT CONCAT('i=', @i) END
---
info 0 0 line 1: i=1
info 0 0 line 1: i=3
info 0 0 line 1: i=4

=== goto
DECLARE @i int = 0
again:
SET @i += 1
IF @i < 3 GOTO again
SELECT @i AS i
---
# i int null
3

=== return ends the batch
PRINT 'a' RETURN PRINT 'b'
---
info 0 0 line 1: a

=== syntax error means nothing runs
PRINT 'a' SELECT FROM WHERE
---
error 156 15 line 1: Incorrect syntax near the keyword 'WHERE'.

=== reserved word
SELECT * FROM table
---
error 156 15 line 1: Incorrect syntax near the keyword 'table'.

=== unclosed quote
SELECT 'abc
---
error 105 15 line 1: Unclosed quotation mark after the character string 'abc'.
error 102 15 line 1: Incorrect syntax near 'abc'.

=== undeclared variable, found first
PRINT 'a'; SELECT @nobody
---
error 137 15 line 1: Must declare the scalar variable "@nobody".

=== declared twice
DECLARE @a int; DECLARE @a int
---
error 134 15 line 1: The variable name '@a' has already been declared. Variable names must be unique within a query batch or stored procedure.

=== unknown procedure
selec 1
---
error 2812 16 line 1: Could not find stored procedure 'selec'.

=== unknown table after a statement that ran
PRINT 'before'; SELECT * FROM nowhere; PRINT 'never'
---
info 0 0 line 1: before
error 208 16 line 1: Invalid object name 'nowhere'.

=== unknown column
SELECT nothing FROM sys.databases
---
error 207 16 line 1: Invalid column name 'nothing'.

=== unknown function
SELECT nofunction(1)
---
error 195 15 line 1: 'nofunction' is not a recognized built-in function name.

=== unknown database
USE nowhere; PRINT 'goes on'
---
error 911 16 line 1: Database 'nowhere' does not exist. Make sure that the name is entered correctly.
info 0 0 line 1: goes on

=== raiserror
RAISERROR(N'probe %s %d', 16, 3, N'error', 7); PRINT @@ERROR
---
error 50000 16 line 1: probe error 7
info 0 0 line 1: 50000

=== raiserror below eleven
RAISERROR('note', 10, 1) WITH NOWAIT; RAISERROR('low', 5, 2)
---
info 50000 0 line 1: note
info 50000 5 line 1: low

=== division by zero goes on
SELECT 1/0 AS x; PRINT @@ERROR
---
# x int
error 8134 16 line 1: Divide by zero error encountered.
info 0 0 line 1: 8134

=== conversion ends the batch
SELECT CAST('x' AS int); PRINT 'never'
---
# int
error 245 16 line 1: Conversion failed when converting the varchar value 'x' to data type int.

=== try and catch
BEGIN TRY SELECT 1/0 AS x; PRINT 'never' END TRY
BEGIN CATCH SELECT ERROR_NUMBER() AS n, ERROR_SEVERITY() AS s, ERROR_LINE() AS l, ERROR_MESSAGE() AS m END CATCH
SELECT ERROR_NUMBER() AS after
---
# x int
# n int, s int, l int, m nvarchar(4000)
8134 | 16 | 1 | Divide by zero error encountered.
# after int null
NULL

=== throw
THROW 50001, N'mine', 2; PRINT 'never'
---
error 50001 16 line 1: mine

=== throw again
BEGIN TRY RAISERROR('inner', 16, 5) END TRY BEGIN CATCH PRINT 'caught'; THROW; END CATCH; PRINT 'never'
---
info 0 0 line 1: caught
error 50000 16 line 1: inner

=== nested catch
BEGIN TRY
  BEGIN TRY THROW 50002, 'a', 1 END TRY
  BEGIN CATCH PRINT ERROR_MESSAGE(); THROW 50003, 'b', 1 END CATCH
END TRY BEGIN CATCH PRINT ERROR_MESSAGE() END CATCH
---
info 0 0 line 1: a
info 0 0 line 1: b

=== an outer scope catches what the inner cannot
BEGIN TRY EXEC('SELECT * FROM nowhere') END TRY BEGIN CATCH PRINT ERROR_MESSAGE() END CATCH
---
info 0 0 line 1: Invalid object name 'nowhere'.

=== dynamic text
DECLARE @s nvarchar(100) = N'SELECT ' EXEC(@s + N'5 AS five')
---
# five int
5

=== sp_executesql with output
DECLARE @out int; EXEC sp_executesql N'SET @o = @i * 2', N'@i int, @o int OUTPUT', @i = 21, @o = @out OUTPUT; SELECT @out AS o
---
# o int null
42

=== syntax error inside dynamic text
EXEC('SELEC 1 FROM'); PRINT 'goes on'
---
error 156 15 line 1: Incorrect syntax near the keyword 'FROM'.
info 0 0 line 1: goes on

=== waitfor
WAITFOR DELAY '00:00:00.010'; PRINT 'later'
---
info 0 0 line 1: later

=== waitfor nonsense
WAITFOR DELAY 'soon'
---
error 148 15 line 1: Incorrect time syntax in time string 'soon' used with WAITFOR.

=== set options of drivers
SET ANSI_NULLS, QUOTED_IDENTIFIER ON SET TEXTSIZE 2147483647 SET DATEFORMAT mdy SET LOCK_TIMEOUT -1 SET TRANSACTION ISOLATION LEVEL READ COMMITTED
---

=== unknown set option
SET NONSENSE ON
---
error 195 15 line 1: 'NONSENSE' is not a recognized SET option.

=== continue outside
CONTINUE
---
error 136 15 line 1: Cannot use a CONTINUE statement outside the scope of a WHILE statement.

=== batch of nothing
-- only a comment
---

=== kill nobody
KILL 999
---
error 6106 16 line 1: Process ID 999 is not an active process ID.

=== cursor
DECLARE c CURSOR LOCAL FAST_FORWARD FOR SELECT name FROM sys.databases WHERE database_id < 3 ORDER BY database_id
DECLARE @n sysname
OPEN c FETCH NEXT FROM c INTO @n
WHILE @@FETCH_STATUS = 0 BEGIN PRINT @n FETCH NEXT FROM c INTO @n END
CLOSE c DEALLOCATE c
---
info 0 0 line 1: master
info 0 0 line 1: tempdb

=== transactions
BEGIN TRAN; SELECT @@TRANCOUNT AS n, XACT_STATE() AS s; BEGIN TRAN; SELECT @@TRANCOUNT AS n; COMMIT; COMMIT; SELECT @@TRANCOUNT AS n
---
transaction begins
# n int, s smallint
1 | 1
# n int
2
transaction ends
# n int
0

=== commit without begin
COMMIT
---
error 3902 16 line 1: The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.

=== application lock
DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'a', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0; SELECT @r AS r
---
# r int null
0

=== application lock is taken @2
DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'a', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0; SELECT @r AS r
---
# r int null
-1

=== application lock goes
EXEC sp_releaseapplock @Resource = N'a', @LockOwner = 'Session'
---

