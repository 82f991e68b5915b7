//! All SQL text and all quoting.

mod agent_once;
mod ask;
mod azure;
mod backup;
mod backup_ask;
mod group;
mod history;
mod look;
mod names;
mod over;
mod quote;
mod rds;
mod restore;
mod running;
mod schedule;
mod script;
mod tables;

pub use agent_once::{
    ONCE_DESCRIPTION, OnceJob, once_job_name, once_job_progress, once_job_script, once_job_state,
    once_jobs, once_script, remove_once_job, stop_once_job,
};
pub use ask::{
    abilities, database_state, databases, file_list, files_of, header_only, jobs_due, label_only,
    master_files, may_see_requests, open_transactions, orphaned_users, practice_accident, progress,
    running_backups, server_clock, server_facts, sessions_in, take_lock, target_facts, thumbprints,
    verify_only, volumes,
};
pub use azure::{
    azure_databases, database_backups, instance_backup, instance_rename, instance_restore,
};
pub use backup::{BackupFacts, FileLook, Probe, backup_script, delete_probe, probe_script};
pub use backup_ask::{
    backup_certificates, backup_databases, backup_default_folder, backup_result, backup_roles,
    backup_server, backup_services, enumerate_folder, enumerate_folder_old, file_exists,
    file_exists_old, fixed_drives, fixed_drives_old, newest_backup_set,
};
pub use group::{GroupReplica, GroupWay, group_facts, group_way};
pub use history::{
    HistoryColumns, HistoryMark, HistoryPart, HistoryQueries, default_trace_file, history,
    history_range, newest_backups, object_changes,
};
pub use look::{LookRefusal, look_query};
pub use names::{file_name, tail_file, undo_file};
pub use over::{
    Damage, OverOptions, TAIL_TITLE, Tailing, UserAccess, check_database, drop_unfinished_script,
    end_session, give_back_access, give_back_script, give_back_statistics, pause_job,
    standby_script, start_job, tail_batch,
};
pub use quote::{identifier, text};
pub use rds::{rds_backup, rds_cancel, rds_restore, rds_task, rds_tasks};
pub use restore::{
    READABLE, RECOVER_TITLE, RestoreOptions, ServerFacts, drop_copy_script, end_script,
    recover_script, restore_script, restore_script_with, stop_at_text, target_database,
};
pub use running::running_work;
pub use schedule::{
    SeenJob, agent_facts, apply_script, delete_file_script, file_there, job_definitions,
    job_history, job_schedules, job_steps, jobs, policy_line, remove_script, stored_policy,
};
pub use script::{Batch, BatchKind, Purpose, Script};
pub use tables::{all_rows, count_rows, newest_value, rows_between, table_changes, table_rows};
