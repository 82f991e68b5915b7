Queries over tables: joins, groups, windows, sets, APPLY, and the history of backups.

=== a small shop
CREATE DATABASE Shop
ALTER DATABASE Shop SET RECOVERY FULL
USE Shop
CREATE TABLE dbo.Customer (Id int NOT NULL PRIMARY KEY, Name nvarchar(50) NOT NULL, Country char(2) NULL)
CREATE TABLE dbo.Sale (Id int IDENTITY PRIMARY KEY, CustomerId int NOT NULL REFERENCES dbo.Customer (Id), Price decimal(10,2) NOT NULL, Sold datetime2(0) NOT NULL)
INSERT dbo.Customer VALUES (1, N'Ärzte GmbH', 'DE'), (2, N'Bakery', 'FR'), (3, N'bakery ', NULL)
INSERT dbo.Sale (CustomerId, Price, Sold) VALUES (1, 10.50, '2026-11-01'), (1, 4.25, '2026-11-02T10:00:00'), (2, 99.99, '2026-11-02'), (2, 0.01, '2026-11-03')
---
database Shop
info 5701 0 line 1: Changed database context to 'Shop'.
(3 rows)
(4 rows)

=== joins and groups
SELECT c.Name, COUNT(s.Id) AS n, SUM(s.Price) AS total, AVG(s.Price) AS mean, MIN(s.Sold) AS first
FROM dbo.Customer AS c LEFT JOIN dbo.Sale AS s ON s.CustomerId = c.Id
GROUP BY c.Name HAVING COUNT(*) > 0 ORDER BY total DESC, c.Name
---
# Name nvarchar(50), n int, total numeric(38,2) null, mean numeric(38,6) null, first datetime2(0) null
Bakery | 2 | 100.00 | 50.000000 | 2026-11-02 00:00:00
Ärzte GmbH | 2 | 14.75 | 7.375000 | 2026-11-01 00:00:00

=== a case-insensitive server
SELECT DISTINCT Name FROM dbo.Customer WHERE Name LIKE 'B%' OR Name = N'ÄRZTE gmbh' ORDER BY Name DESC
---
# Name nvarchar(50)
Ärzte GmbH
Bakery

=== windows
SELECT Id, Price, ROW_NUMBER() OVER (PARTITION BY CustomerId ORDER BY Sold DESC) AS rn, LAG(Price) OVER (ORDER BY Id) AS before,
  SUM(Price) OVER (PARTITION BY CustomerId ORDER BY Id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
FROM dbo.Sale ORDER BY Id
---
# Id int, Price numeric(10,2), rn bigint, before numeric(10,2) null, running numeric(38,2) null
1 | 10.50 | 2 | NULL | 10.50
2 | 4.25 | 1 | 10.50 | 14.75
3 | 99.99 | 2 | 4.25 | 99.99
4 | 0.01 | 1 | 99.99 | 100.00

=== newest per customer, three ways
SELECT c.Id, x.Price FROM dbo.Customer c CROSS APPLY (SELECT TOP 1 Price FROM dbo.Sale s WHERE s.CustomerId = c.Id ORDER BY Sold DESC) x ORDER BY c.Id
SELECT c.Id, x.Price, x.Sold FROM dbo.Customer c OUTER APPLY (SELECT TOP (1) Price, Sold FROM dbo.Sale s WHERE s.CustomerId = c.Id ORDER BY Sold DESC) x ORDER BY c.Id
WITH n AS (SELECT *, RANK() OVER (PARTITION BY CustomerId ORDER BY Sold DESC) AS r FROM dbo.Sale) SELECT CustomerId, Price FROM n WHERE r = 1 ORDER BY 1
---
# Id int, Price numeric(10,2)
1 | 4.25
2 | 0.01
# Id int, Price numeric(10,2) null, Sold datetime2(0) null
1 | 4.25 | 2026-11-02 10:00:00
2 | 0.01 | 2026-11-03 00:00:00
3 | NULL | NULL
# CustomerId int, Price numeric(10,2)
1 | 4.25
2 | 0.01

=== sets and common tables
SELECT 1 AS a UNION SELECT 1 UNION ALL SELECT 2.5 ORDER BY a
SELECT Id FROM dbo.Customer EXCEPT SELECT CustomerId FROM dbo.Sale
SELECT Id FROM dbo.Customer INTERSECT SELECT CustomerId FROM dbo.Sale ORDER BY Id
WITH days(d) AS (SELECT CAST('2026-11-01' AS date) UNION ALL SELECT DATEADD(day, 1, d) FROM days WHERE d < '2026-11-04') SELECT d, (SELECT COUNT(*) FROM dbo.Sale WHERE CAST(Sold AS date) = d) AS n FROM days
---
# a numeric(11,1)
1.0
2.5
# Id int
3
# Id int
1
2
# d date null, n int null
2026-11-01 | 1
2026-11-02 | 2
2026-11-03 | 1
2026-11-04 | 0

=== a recursion without an end stops
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) AS top_level FROM n
---
# top_level int null
error 530 16 line 1: The statement terminated. The maximum recursion 100 has been exhausted before statement completion.

=== a recursion goes as deep as it may
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 101) SELECT COUNT(*) AS n FROM n
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT COUNT(*) AS n FROM n OPTION (MAXRECURSION 999)
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) SELECT COUNT(*) AS n FROM n OPTION (MAXRECURSION 0)
---
# n int
101
# n int
1000
# n int
40000

=== a recursion limit beyond the largest
WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n OPTION (MAXRECURSION 40000)
---
error 310 15 line 1: The value 40000 specified for the MAXRECURSION option exceeds the allowed maximum of 32767.

=== limits
SELECT TOP 2 WITH TIES CustomerId FROM dbo.Sale ORDER BY CustomerId
SELECT TOP 25 PERCENT Id FROM dbo.Sale ORDER BY Id DESC
SELECT Id FROM dbo.Sale ORDER BY Price OFFSET 1 ROW FETCH NEXT 2 ROWS ONLY
---
# CustomerId int
1
1
# Id int
4
# Id int
2
1

=== texts from rows
SELECT STRING_AGG(CAST(Price AS varchar(20)), '; ') WITHIN GROUP (ORDER BY Price) AS prices FROM dbo.Sale
SELECT STUFF((SELECT ', ' + Name FROM dbo.Customer ORDER BY Id FOR XML PATH('')), 1, 2, '') AS names
SELECT Id, Name FROM dbo.Customer WHERE Id < 3 FOR JSON PATH
SELECT value FROM STRING_SPLIT('a,b,c', ',') WHERE value <> 'b'
---
# prices varchar(8000) null
0.01; 4.25; 10.50; 99.99
# names nvarchar(max) null
Ärzte GmbH, Bakery, bakery 
# JSON_F52E2B61-18A1-11d1-B105-00805F49916B nvarchar(max) null
[{"Id":1,"Name":"Ärzte GmbH"},{"Id":2,"Name":"Bakery"}]
# value varchar(8000) null
a
c

=== variables and assignment
DECLARE @n int = 2, @total decimal(12,2), @name nvarchar(50)
SELECT @total = SUM(Price) FROM dbo.Sale WHERE CustomerId = @n
SELECT @name = Name FROM dbo.Customer WHERE Id = @n
SELECT @total AS total, @name AS name, @@ROWCOUNT AS n
---
(1 rows)
(1 rows)
# total numeric(12,2) null, name nvarchar(50) null, n int
100.00 | Bakery | 1

=== temp tables and table variables
SELECT CustomerId, SUM(Price) AS Total INTO #t FROM dbo.Sale GROUP BY CustomerId
DECLARE @big TABLE (Id int, Total decimal(12,2))
INSERT @big SELECT CustomerId, Total FROM #t WHERE Total > 20
SELECT c.Name, b.Total FROM @big b JOIN dbo.Customer c ON c.Id = b.Id
SELECT name FROM tempdb.sys.tables WHERE 1 = 0
DROP TABLE #t
---
(2 rows)
(1 rows)
# Name nvarchar(50), Total numeric(12,2) null
Bakery | 100.00
# name nvarchar(128)

=== names: SELECT Nope FROM dbo.Sale
SELECT Nope FROM dbo.Sale
---
error 207 16 line 1: Invalid column name 'Nope'.

=== names: SELECT s.Nope FROM dbo.Sale s
SELECT s.Nope FROM dbo.Sale s
---
error 207 16 line 1: Invalid column name 'Nope'.

=== names: SELECT x.Id FROM dbo.Sale
SELECT x.Id FROM dbo.Sale
---
error 4104 16 line 1: The multi-part identifier "x.Id" could not be bound.

=== names: SELECT * FROM dbo.Nowhere
SELECT * FROM dbo.Nowhere
---
error 208 16 line 1: Invalid object name 'dbo.Nowhere'.

=== names: SELECT Id FROM dbo.Sale, dbo.Customer
SELECT Id FROM dbo.Sale, dbo.Customer
---
error 209 16 line 1: Ambiguous column name 'Id'.

=== names: SELECT CustomerId, Price FROM dbo.Sale G
SELECT CustomerId, Price FROM dbo.Sale GROUP BY CustomerId
---
error 8120 16 line 1: Column 'Sale.Price' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.

=== names: SELECT nothing(1)
SELECT nothing(1)
---
error 195 15 line 1: 'nothing' is not a recognized built-in function name.

=== names: SELECT 1 UNION SELECT 1, 2
SELECT 1 UNION SELECT 1, 2
---
error 205 16 line 1: All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.

=== names: SELECT * FROM (SELECT Id FROM dbo.Sale O
SELECT * FROM (SELECT Id FROM dbo.Sale ORDER BY Id) x
---
error 1033 15 line 1: The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also specified.

=== names: SELECT Id FROM dbo.Sale WHERE Id
SELECT Id FROM dbo.Sale WHERE Id
---
error 4145 15 line 1: An expression of non-boolean type specified in a context where a condition is expected, near ';'.

=== errors: SELECT 10 / (Id - 2) AS x FROM dbo.Sale 
SELECT 10 / (Id - 2) AS x FROM dbo.Sale WHERE Id = 2
---
# x int
error 8134 16 line 1: Divide by zero error encountered.

=== errors: SELECT CAST(Name AS int) FROM dbo.Custom
SELECT CAST(Name AS int) FROM dbo.Customer WHERE Id = 2
---
# int
error 245 16 line 1: Conversion failed when converting the nvarchar value 'Bakery' to data type int.

=== errors: SELECT CAST('2026-02-30' AS datetime)
SELECT CAST('2026-02-30' AS datetime)
---
# datetime
error 242 16 line 1: The conversion of a varchar data type to a datetime data type resulted in an out-of-range value.

=== errors: SELECT CAST(300 AS tinyint)
SELECT CAST(300 AS tinyint)
---
# tinyint
error 220 16 line 1: Arithmetic overflow error for data type tinyint, value = 300.

=== errors: SELECT CAST('12345.678' AS decimal(5,2))
SELECT CAST('12345.678' AS decimal(5,2))
---
# numeric(5,2)
error 8115 16 line 1: Arithmetic overflow error converting varchar to data type numeric.

=== errors: SELECT LEFT('abc', -1)
SELECT LEFT('abc', -1)
---
# varchar(3)
error 537 16 line 1: Invalid length parameter passed to the LEFT or SUBSTRING function.

=== errors: SELECT 2147483647 + 1
SELECT 2147483647 + 1
---
# int
error 8115 16 line 1: Arithmetic overflow error converting expression to data type int.

=== errors: SELECT CAST('x' AS uniqueidentifier)
SELECT CAST('x' AS uniqueidentifier)
---
# uniqueidentifier
error 8169 16 line 1: Conversion failed when converting from a character string to uniqueidentifier.

=== backups of the shop
BACKUP DATABASE Shop TO DISK = N'D:\Backup\shop.bak' WITH COMPRESSION
BACKUP LOG Shop TO DISK = N'D:\Backup\shop.trn'
---
info 4035 0 line 1: Processed 4 pages for database 'Shop', file 'Shop' on file 1.
info 4035 0 line 1: Processed 2 pages for database 'Shop', file 'Shop_log' on file 1.
info 3014 0 line 1: BACKUP DATABASE successfully processed 6
info 4035 0 line 2: Processed 1 pages for database 'Shop', file 'Shop_log' on file 1.
info 3014 0 line 2: BACKUP LOG successfully processed 1

=== the history that a DBA reads
SELECT bs.database_name, CASE bs.type WHEN 'D' THEN 'Full' WHEN 'I' THEN 'Differential' WHEN 'L' THEN 'Log' END AS kind,
  bs.backup_start_date, IIF(bs.backup_size > 0, 1, 0) AS has_size, bmf.physical_device_name, DATEDIFF(SECOND, bs.backup_start_date, bs.backup_finish_date) AS seconds
FROM msdb.dbo.backupset bs INNER JOIN msdb.dbo.backupmediafamily bmf ON bs.media_set_id = bmf.media_set_id
WHERE bs.database_name = 'shop' AND bs.backup_finish_date >= DATEADD(day, -7, GETDATE()) ORDER BY bs.backup_set_id
---
# database_name nvarchar(128) null, kind varchar(12) null, backup_start_date datetime null, has_size int, physical_device_name nvarchar(260) null, seconds int null
Shop | Full | 2026-11-20 06:00:00.000 | 1 | D:\Backup\shop.bak | 0
Shop | Log | 2026-11-20 06:00:00.000 | 1 | D:\Backup\shop.trn | 0

=== last backup of each database
SELECT d.name, d.recovery_model_desc, ISNULL(CONVERT(varchar(19), MAX(CASE WHEN bs.type = 'D' THEN bs.backup_finish_date END), 120), 'never') AS last_full,
  MAX(CASE WHEN bs.type = 'L' THEN bs.backup_finish_date END) AS last_log
FROM sys.databases d LEFT JOIN msdb.dbo.backupset bs ON bs.database_name = d.name
WHERE d.name NOT IN ('master', 'model', 'tempdb') GROUP BY d.name, d.recovery_model_desc ORDER BY d.name
---
# name nvarchar(128), recovery_model_desc nvarchar(60) null, last_full varchar(19), last_log datetime null
msdb | SIMPLE | never | NULL
Shop | FULL | 2026-11-20 06:00:00 | 2026-11-20 06:00:00.000

=== chain of logs
SELECT a.type, a.begins_log_chain, CASE WHEN a.first_lsn = LAG(a.last_lsn) OVER (ORDER BY a.backup_set_id) THEN 1 ELSE 0 END AS follows
FROM msdb.dbo.backupset a WHERE a.database_name = N'Shop' ORDER BY a.backup_set_id
---
# type char(1) null, begins_log_chain bit null, follows int
D | 0 | 0
L | 1 | 0

