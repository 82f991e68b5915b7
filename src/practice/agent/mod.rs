//! SQL Server Agent of the practice server: jobs and schedules in msdb, and the running of what is due.
//!
//! Everything it knows stands in msdb's own tables, so whoever changes a row there changes what runs.
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/sql-server-agent-tables-transact-sql>

mod history;
mod jobs;
mod procedures;
mod rows;
mod runner;
pub mod schedule;
mod sessions;
mod tokens;

pub use jobs::{NewJob, add_job, remove_all_jobs, restart_agent, set_job_enabled, start_agent};
pub use procedures::{StartRequest, find as find_procedure, start_request};
pub use rows::ScheduledJob;
pub use runner::{AgentError, JobRun, RunSource, RunningJob, is_running, next_due, run, run_job};
