//! What others read: `backup-history/1`, `backup-result/1`, `restore-plan/1`, and the reports of runs as JSON and as a page.

pub mod backup_files;
pub mod backup_history;
pub mod backup_result;
pub mod drill_timer;
pub mod fleet;
pub mod objectives_report;
pub mod os_schedule;
pub mod restore_plan;
pub mod run_report;
pub mod schedule;
