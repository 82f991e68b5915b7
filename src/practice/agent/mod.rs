//! SQL Server Agent of the practice server: jobs and schedules in msdb, and the running of what is due.

pub mod schedule;
