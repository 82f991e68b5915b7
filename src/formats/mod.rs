//! What others read: `backup-history/1` and `restore-plan/1`.

pub mod backup_files;
pub mod backup_history;
pub mod restore_plan;
