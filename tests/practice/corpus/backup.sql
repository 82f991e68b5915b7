What a backup tool sends.

=== database
CREATE DATABASE Shop
---

=== recovery model
ALTER DATABASE Shop SET RECOVERY FULL; SELECT name, recovery_model_desc, state_desc FROM sys.databases WHERE name = 'Shop'
---
# name nvarchar(128), recovery_model_desc nvarchar(60) null, state_desc nvarchar(60) null
Shop | FULL | ONLINE

=== full
BACKUP DATABASE Shop TO DISK = N'D:\Backup\shop.bak' WITH INIT, CHECKSUM, STATS = 50
---
info 3211 0 line 1: 50 percent processed.
info 3211 0 line 1: 100 percent processed.
info 4035 0 line 1: Processed 2 pages for database 'Shop', file 'Shop' on file 1.
info 4035 0 line 1: Processed 2 pages for database 'Shop', file 'Shop_log' on file 1.
info 3014 0 line 1: BACKUP DATABASE successfully processed 4

=== something for the log
CREATE TABLE Shop.dbo.o (id int IDENTITY PRIMARY KEY, v nvarchar(20)); INSERT Shop.dbo.o (v) VALUES (N'a'), (N'b')
---
(2 rows)

=== log through variables
DECLARE @db sysname = N'Shop', @f nvarchar(260) = N'D:\Backup\shop.trn'; BACKUP LOG @db TO DISK = @f WITH NAME = N'log of shop'
---
info 4035 0 line 1: Processed 1 pages for database 'Shop', file 'Shop_log' on file 1.
info 3014 0 line 1: BACKUP LOG successfully processed 1

=== differential before and in a transaction
BEGIN TRAN; BACKUP DATABASE Shop TO DISK = 'D:\Backup\d.bak' WITH DIFFERENTIAL; ROLLBACK
---
transaction begins
error 3021 16 line 1: Cannot perform a backup or restore operation within a transaction.
error 3013 16 line 1: BACKUP DATABASE is terminating abnormally.
transaction ends

=== unknown option
BACKUP DATABASE Shop TO DISK = 'x.bak' WITH NONSENSE
---
error 155 15 line 1: 'NONSENSE' is not a recognized BACKUP option.

=== failure goes on
RESTORE DATABASE Nowhere FROM DISK = 'D:\Backup\missing.bak'; PRINT @@ERROR
---
error 3201 16 line 1: Cannot open backup device 'D:\Backup\missing.bak'. Operating system error 2(The system cannot find the file specified.).
error 3013 16 line 1: RESTORE DATABASE is terminating abnormally.
info 0 0 line 1: 3013

=== failure is caught
BEGIN TRY RESTORE DATABASE Nowhere FROM DISK = 'D:\Backup\missing.bak' END TRY BEGIN CATCH PRINT ERROR_NUMBER() END CATCH
---
info 0 0 line 1: 3013

=== history
SELECT s.database_name, s.type, f.physical_device_name, s.name
FROM msdb.dbo.backupset AS s JOIN msdb.dbo.backupmediafamily AS f ON f.media_set_id = s.media_set_id AND f.mirror = 0
ORDER BY s.backup_set_id
---
# database_name nvarchar(128) null, type char(1) null, physical_device_name nvarchar(260) null, name nvarchar(128) null
Shop | D | D:\Backup\shop.bak | NULL
Shop | L | D:\Backup\shop.trn | log of shop

=== newest of each type
SELECT database_name, type, COUNT(*) AS n, MAX(backup_finish_date) AS newest FROM msdb..backupset GROUP BY database_name, type ORDER BY type
---
# database_name nvarchar(128) null, type char(1) null, n int, newest datetime null
Shop | D | 1 | 2026-11-20 06:00:00.000
Shop | L | 1 | 2026-11-20 06:00:00.000

=== verify
RESTORE VERIFYONLY FROM DISK = N'D:\Backup\shop.bak'
---
info 3262 0 line 1: The backup set on file 1 is valid.

=== label into a table
CREATE TABLE #l (MediaName nvarchar(128), MediaSetId uniqueidentifier, FamilyCount int, FamilySequenceNumber int, MediaFamilyId uniqueidentifier, MediaSequenceNumber int, MediaLabelPresent tinyint, MediaDescription nvarchar(255), SoftwareName nvarchar(128), SoftwareVendorId int, MediaDate datetime, MirrorCount int, IsCompressed bit)
INSERT #l EXEC('RESTORE LABELONLY FROM DISK = ''D:\Backup\shop.bak''')
SELECT FamilyCount, FamilySequenceNumber, SoftwareName FROM #l
DROP TABLE #l
---
(1 rows)
# FamilyCount int null, FamilySequenceNumber int null, SoftwareName nvarchar(128) null
1 | 1 | Microsoft SQL Server

=== files
SELECT name, type_desc, physical_name FROM sys.master_files WHERE database_id = DB_ID('Shop') ORDER BY file_id
---
# name nvarchar(128), type_desc nvarchar(60) null, physical_name nvarchar(260)
Shop | ROWS | D:\Data\Shop.mdf
Shop_log | LOG | L:\Log\Shop_log.ldf

=== restore beside
RESTORE DATABASE Shop2 FROM DISK = N'D:\Backup\shop.bak' WITH MOVE 'Shop' TO 'D:\Data\Shop2.mdf', MOVE 'Shop_log' TO 'L:\Log\Shop2.ldf', NORECOVERY
---
info 4035 0 line 1: Processed 2 pages for database 'Shop2', file 'Shop' on file 1.
info 4035 0 line 1: Processed 2 pages for database 'Shop2', file 'Shop_log' on file 1.
info 3014 0 line 1: RESTORE DATABASE successfully processed 4

=== restoring cannot be used
USE Shop2
---
error 927 14 line 1: Database 'Shop2' cannot be opened. It is in the middle of a restore.

=== then the log
RESTORE LOG Shop2 FROM DISK = N'D:\Backup\shop.trn' WITH RECOVERY; SELECT state_desc FROM sys.databases WHERE name = N'Shop2'; SELECT * FROM Shop2.dbo.o
---
info 4035 0 line 1: Processed 0 pages for database 'Shop2', file 'Shop' on file 1.
info 4035 0 line 1: Processed 1 pages for database 'Shop2', file 'Shop_log' on file 1.
info 3014 0 line 1: RESTORE LOG successfully processed 1
# state_desc nvarchar(60) null
ONLINE
# id int, v nvarchar(20) null
1 | a
2 | b

=== single user
ALTER DATABASE Shop2 SET SINGLE_USER WITH ROLLBACK IMMEDIATE; ALTER DATABASE Shop2 SET MULTI_USER; ALTER DATABASE Shop2 MODIFY NAME = Shop3; SELECT name FROM sys.databases WHERE name LIKE 'Shop%' ORDER BY name
---
# name nvarchar(128)
Shop
Shop3

=== unknown database
ALTER DATABASE Nobody SET RECOVERY SIMPLE
---
error 5011 14 line 1: User does not have permission to alter database 'Nobody', the database does not exist, or the database is not in a state that allows access checks.
error 5069 16 line 1: ALTER DATABASE statement failed.

=== file on the server
EXEC master.dbo.xp_fileexist N'D:\Backup\shop.bak'
---
# File Exists tinyint null, File is a Directory tinyint null, Parent Directory Exists tinyint null
1 | 0 | 1

=== tree
EXEC xp_dirtree N'D:\Backup', 1, 1
---
# subdirectory nvarchar(512) null, depth int null, file int null
shop.bak | 1 | 1
shop.trn | 1 | 1

=== drives
EXEC xp_fixeddrives
---
# drive char(1) null, MB free int null
C | 62434
D | 389096
L | 99304

=== checkdb
DBCC CHECKDB (Shop) WITH NO_INFOMSGS; DBCC CHECKDB (Shop)
---
info 8989 0 line 1: CHECKDB found 0 allocation errors and 0 consistency errors in database 'Shop'.
info 2528 0 line 1: DBCC execution completed. If DBCC printed error messages, contact your system administrator.

