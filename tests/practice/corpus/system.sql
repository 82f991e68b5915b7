What the server says of itself: functions, views, and what well-known tools ask first.

=== who is there
SELECT @@SPID AS spid, @@SERVERNAME AS server, SUSER_SNAME() AS login, ORIGINAL_LOGIN() AS original, HOST_NAME() AS host, APP_NAME() AS app, DB_NAME() AS db, USER_NAME() AS u
SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS v, CAST(SERVERPROPERTY('ProductMajorVersion') AS int) AS major, CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition, CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine, CAST(SERVERPROPERTY('NoSuchThing') AS int) AS nothing
SELECT SERVERPROPERTY('Collation') AS c, DATABASEPROPERTYEX('master', 'Status') AS s, @@LANGUAGE AS l, @@DATEFIRST AS f, @@MAX_PRECISION AS p, @@TEXTSIZE AS t, @@LOCK_TIMEOUT AS w, @@OPTIONS & 512 AS nocount
SELECT IS_SRVROLEMEMBER('sysadmin') AS admin, HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') AS may, HAS_DBACCESS('msdb') AS msdb, HAS_DBACCESS('none') AS none
---
# spid smallint, server nvarchar(128), login nvarchar(128), original nvarchar(128), host nvarchar(128), app nvarchar(128), db nvarchar(128), u nvarchar(128)
51 | PRACTICE | sa | sa | corpus | tests | master | dbo
# v nvarchar(128), major int, edition nvarchar(128), engine int, nothing int null
16.0.4236.2 | 16 | Developer Edition (64-bit) | 3 | NULL
# c sql_variant, s sql_variant, l nvarchar(128), f tinyint, p tinyint, t int, w int, nocount int
SQL_Latin1_General_CP1_CI_AS | ONLINE | us_english | 7 | 38 | 2147483647 | -1 | 0
# admin int null, may int, msdb int null, none int null
1 | 1 | 1 | NULL

=== time
SELECT GETDATE() AS g, GETUTCDATE() AS u, SYSDATETIME() AS s, SYSDATETIMEOFFSET() AS o, CURRENT_TIMESTAMP AS c
SELECT DATEADD(month, 1, '2026-01-31') AS a, DATEDIFF(day, '2026-01-01', '2026-12-31') AS d, EOMONTH('2026-02-03') AS e, DATENAME(weekday, '2026-11-20') AS w, DATEPART(iso_week, '2026-11-20') AS i
SELECT CONVERT(varchar(30), CAST('2026-11-20T13:14:15.678' AS datetime), 121) AS a, CONVERT(varchar(8), GETDATE(), 112) AS b, CONVERT(varchar(8), GETDATE(), 108) AS c, CONVERT(varchar(30), GETDATE(), 126) AS d, CAST(GETDATE() AS varchar(30)) AS e
SELECT SYSDATETIMEOFFSET() AT TIME ZONE 'UTC' AS u, SWITCHOFFSET(SYSDATETIMEOFFSET(), '-05:00') AS o, TODATETIMEOFFSET(CAST('2026-11-20' AS datetime2(0)), '+02:00') AS t
SELECT FORMAT(GETDATE(), 'yyyyMMdd_HHmmss') AS f, FORMAT(1234.5, 'N1') AS n, msdb.dbo.agent_datetime(20261120, 93005) AS a
---
# g datetime, u datetime, s datetime2(7), o datetimeoffset(7), c datetime
2026-11-20 06:00:00.000 | 2026-11-20 05:00:00.000 | 2026-11-20 06:00:00.0000000 | 2026-11-20 06:00:00.0000000 +01:00 | 2026-11-20 06:00:00.000
# a datetime, d int, e date null, w nvarchar(30), i int
2026-02-28 00:00:00.000 | 364 | 2026-02-28 | Friday | 47
# a varchar(30), b varchar(8), c varchar(8), d varchar(30), e varchar(30)
2026-11-20 13:14:15.677 | 20261120 | 06:00:00 | 2026-11-20T06:00:00 | Nov 20 2026  6:00AM
# u datetimeoffset(7) null, o datetimeoffset(7) null, t datetimeoffset(0) null
2026-11-20 05:00:00.0000000 +00:00 | 2026-11-20 00:00:00.0000000 -05:00 | 2026-11-20 00:00:00 +02:00
# f nvarchar(4000) null, n nvarchar(4000) null, a datetime null
20261120_060000 | 1,234.5 | 2026-11-20 09:30:05.000

=== conversions
SELECT CAST(1234567890123456789012345 AS numeric(25,0)) AS n, CAST('2026-01-02T03:04:05.997' AS datetime) AS d, CAST(0x00FF10 AS varbinary(16)) AS b, CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier) AS g
SELECT CAST(0.1 AS float) + 0.2 AS f, 1/3.0 AS n, 5/2 AS i, 'a' + N'b' AS t, CAST(2.5 AS money) * 3 AS m, 1e3 AS e, CAST(1 AS bit) AS b
SELECT TRY_CAST('x' AS int) AS a, TRY_CONVERT(datetime, '20261301') AS b, ISNUMERIC('12.5') AS c, ISDATE('2026-11-20') AS d, PARSENAME('a.b.c', 2) AS e, QUOTENAME('x]y') AS f
SELECT CONVERT(varbinary(8), 255) AS a, CONVERT(varchar(10), 0xAB, 1) AS b, CAST(N'Größe' AS varchar(3)) AS c, DATALENGTH(N'ab') AS d, LEN('ab  ') AS e
---
# n numeric(25,0), d datetime, b varbinary(16), g uniqueidentifier
1234567890123456789012345 | 2026-01-02 03:04:05.997 | 0x00FF10 | 6F9619FF-8B86-D011-B42D-00C04FC964FF
# f float, n numeric(8,6), i int, t nvarchar(2), m money, e float, b bit
0.3 | 0.333333 | 2 | ab | 7.50 | 1000 | 1
# a int null, b datetime null, c int, d int, e nvarchar(128) null, f nvarchar(258) null
NULL | NULL | 1 | 1 | b | [x]]y]
# a varbinary(8), b varchar(10), c varchar(3), d int null, e int
0x000000FF | 0xAB | Grö | 4 | 2

=== databases and files
SELECT name, database_id, state_desc, recovery_model_desc, user_access_desc, compatibility_level, is_read_only FROM sys.databases ORDER BY database_id
SELECT DB_NAME(database_id) AS db, file_id, type_desc, name, physical_name, state FROM master.sys.master_files WHERE database_id IN (1, 4) ORDER BY database_id, file_id
SELECT DISTINCT v.volume_mount_point, v.total_bytes FROM sys.master_files f CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) v ORDER BY 1
SELECT * FROM sys.dm_os_file_exists('D:\Data')
SELECT OBJECT_ID('msdb.dbo.backupset') AS id, COL_LENGTH('msdb.dbo.backupset', 'last_valid_restore_time') AS n, COL_LENGTH('msdb.dbo.backupset', 'none') AS none, OBJECT_ID('sys.databases') AS view_id, DB_ID('none') AS nodb
---
# name nvarchar(128), database_id int, state_desc nvarchar(60) null, recovery_model_desc nvarchar(60) null, user_access_desc nvarchar(60) null, compatibility_level tinyint, is_read_only bit null
master | 1 | ONLINE | SIMPLE | MULTI_USER | 160 | 0
tempdb | 2 | ONLINE | SIMPLE | MULTI_USER | 160 | 0
model | 3 | ONLINE | FULL | MULTI_USER | 160 | 0
msdb | 4 | ONLINE | SIMPLE | MULTI_USER | 160 | 0
# db nvarchar(128) null, file_id int, type_desc nvarchar(60) null, name nvarchar(128), physical_name nvarchar(260), state tinyint null
master | 1 | ROWS | master | C:\Program Files\Microsoft SQL Server\MSSQL16.MSSQLSERVER\MSSQL\DATA\master.mdf | 0
master | 2 | LOG | mastlog | C:\Program Files\Microsoft SQL Server\MSSQL16.MSSQLSERVER\MSSQL\DATA\mastlog.ldf | 0
msdb | 1 | ROWS | MSDBData | C:\Program Files\Microsoft SQL Server\MSSQL16.MSSQLSERVER\MSSQL\DATA\MSDBData.mdf | 0
msdb | 2 | LOG | MSDBLog | C:\Program Files\Microsoft SQL Server\MSSQL16.MSSQLSERVER\MSSQL\DATA\MSDBLog.ldf | 0
# volume_mount_point nvarchar(512) null, total_bytes bigint
C:\ | 137438953472
D:\ | 549755813888
L:\ | 137438953472
# file_exists int, file_is_a_directory int, parent_directory_exists int
0 | 1 | 1
# id int, n smallint, none smallint null, view_id int, nodb smallint null
229575856 | 8 | NULL | -400 | NULL

=== requests and sessions
SELECT session_id - @@SPID AS me, command, DATALENGTH(sql_handle) AS n FROM sys.dm_exec_requests
SELECT text FROM sys.dm_exec_sql_text((SELECT sql_handle FROM sys.dm_exec_requests WHERE session_id = @@SPID))
SELECT r.command, r.status, x.text FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) x WHERE r.session_id = @@SPID
SELECT s.session_id - @@SPID AS me, s.program_name, s.status, c.net_transport FROM sys.dm_exec_sessions s JOIN sys.dm_exec_connections c ON c.session_id = s.session_id
---
# me smallint, command nvarchar(32), n int null
0 | SELECT | 44
# text nvarchar(max) null
SELECT session_id - @@SPID AS me, command, DATALENGTH(sql_handle) AS n FROM sys.dm_exec_requests
SELECT text FROM sys.dm_exec_sql_text((SELECT sql_handle FROM sys.dm_exec_requests WHERE session_id = @@SPID))
SELECT r.command, r.status, x.text FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) x WHERE r.session_id = @@SPID
SELECT s.session_id - @@SPID AS me, s.program_name, s.status, c.net_transport FROM sys.dm_exec_sessions s JOIN sys.dm_exec_connections c ON c.session_id = s.session_id
# command nvarchar(32), status nvarchar(30), text nvarchar(max) null
SELECT | running | SELECT session_id - @@SPID AS me, command, DATALENGTH(sql_handle) AS n FROM sys.dm_exec_requests
SELECT text FROM sys.dm_exec_sql_text((SELECT sql_handle FROM sys.dm_exec_requests WHERE session_id = @@SPID))
SELECT r.command, r.status, x.text FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) x WHERE r.session_id = @@SPID
SELECT s.session_id - @@SPID AS me, s.program_name, s.status, c.net_transport FROM sys.dm_exec_sessions s JOIN sys.dm_exec_connections c ON c.session_id = s.session_id
# me smallint, program_name nvarchar(128) null, status nvarchar(30), net_transport nvarchar(40)
0 | tests | running | TCP
1 | tests | sleeping | TCP

=== services and settings
SELECT servicename, status_desc FROM sys.dm_server_services
SELECT name, CAST(value_in_use AS int) AS v FROM sys.configurations WHERE name IN ('backup compression default', 'Agent XPs') ORDER BY name
SELECT COUNT(*) AS n FROM sys.availability_groups
SELECT sys.fn_hadr_backup_is_preferred_replica('msdb') AS p
---
# servicename nvarchar(256), status_desc nvarchar(256)
SQL Server (MSSQLSERVER) | Running
SQL Server Agent (MSSQLSERVER) | Running
# name nvarchar(35), v int null
Agent XPs | 1
backup compression default | 0
# n int
0
# p bit
1

=== objects
CREATE DATABASE Objects
USE Objects
CREATE TABLE dbo.T (Id int IDENTITY(5, 5) PRIMARY KEY, Name nvarchar(20) NOT NULL DEFAULT (N'x'), N numeric(9,2) NULL)
INSERT T (N) VALUES (1), (2)
SELECT t.name, s.name AS s, p.rows FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id JOIN sys.partitions p ON p.object_id = t.object_id AND p.index_id IN (0, 1)
SELECT c.name, TYPE_NAME(c.user_type_id) AS ty, c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity FROM sys.columns c WHERE c.object_id = OBJECT_ID('T') ORDER BY c.column_id
SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, IS_NULLABLE, COLUMN_DEFAULT FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'T' ORDER BY ORDINAL_POSITION
SELECT type_desc, is_primary_key, is_unique FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.T')
SELECT OBJECT_NAME(OBJECT_ID('T')) AS n, SCHEMA_NAME(1) AS s, COLUMNPROPERTY(OBJECT_ID('T'), 'Id', 'IsIdentity') AS i
---
database Objects
info 5701 0 line 1: Changed database context to 'Objects'.
(2 rows)
# name nvarchar(128), s nvarchar(128), rows bigint null
T | dbo | 2
# name nvarchar(128) null, ty nvarchar(128) null, max_length smallint, precision tinyint, scale tinyint, is_nullable bit null, is_identity bit
Id | int | 4 | 10 | 0 | 0 | 1
Name | nvarchar | 40 | 0 | 0 | 0 | 0
N | numeric | 5 | 9 | 2 | 1 | 0
# COLUMN_NAME nvarchar(128) null, DATA_TYPE nvarchar(128) null, CHARACTER_MAXIMUM_LENGTH int null, IS_NULLABLE varchar(3) null, COLUMN_DEFAULT nvarchar(4000) null
Id | int | NULL | NO | NULL
Name | nvarchar | 20 | NO | (N'x')
N | numeric | NULL | YES | NULL
# type_desc nvarchar(60) null, is_primary_key bit null, is_unique bit null
CLUSTERED | 1 | 1
# n nvarchar(128) null, s nvarchar(128) null, i int null
T | dbo | 1

=== what a management tool asks when it connects
SELECT CAST(serverproperty(N'Servername') AS sysname) AS [Server_Name], ISNULL(serverproperty('instancename'), N'') AS i, CAST(SERVERPROPERTY('IsClustered') AS bit) AS c
SELECT dtb.name AS [Name], dtb.database_id AS [ID], CAST(has_dbaccess(dtb.name) AS bit) AS [IsAccessible] FROM master.sys.databases AS dtb WHERE (CAST(case when dtb.name in ('master','model','msdb','tempdb') then 1 else dtb.is_distributor end AS bit)=0) ORDER BY [Name] ASC
select N'Windows' as host_platform where exists (select 1 from sys.dm_os_host_info where host_platform = 'Windows')
SELECT case when cfg.configuration_id = 124 then 1 else cfg.value end AS v FROM sys.configurations AS cfg WHERE cfg.name = 'xp_cmdshell'
---
# Server_Name nvarchar(128), i sql_variant, c bit
PRACTICE |  | 0
# Name nvarchar(128), ID int, IsAccessible bit null
Objects | 5 | 1
# host_platform nvarchar(7)
Windows
# v sql_variant null
0

