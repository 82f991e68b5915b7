//! SQL Server Agent of the practice server: jobs and schedules in msdb, and the running of what is due.
//!
//! Everything it knows stands in msdb's own tables, so whoever changes a row there changes what runs.
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/sql-server-agent-tables-transact-sql>

mod jobs;
mod rows;
mod runner;
pub mod schedule;

pub use jobs::{NewJob, add_job, set_job_enabled, start_agent};
pub use rows::ScheduledJob;
pub use runner::{AgentError, next_due, run_job};
