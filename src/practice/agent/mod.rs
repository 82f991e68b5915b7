//! SQL Server Agent of the practice server: jobs and schedules in msdb, and the running of what is due.
//!
//! Everything it knows stands in msdb's own tables, so whoever changes a row there changes what runs.
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/sql-server-agent-tables-transact-sql>

pub mod schedule;
