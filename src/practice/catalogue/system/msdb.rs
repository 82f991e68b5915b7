//! The tables of msdb: backup history and SQL Server Agent.
//!
//! Columns in the product's order:
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/backup-and-restore-tables-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/system-tables/sql-server-agent-tables-transact-sql>.

use super::declare::table;
use crate::practice::catalogue::Table;

const BACKUPSET: &str = "backup_set_id int identity; backup_set_uuid uniqueidentifier; media_set_id int; \
    first_family_number tinyint?; first_media_number smallint?; last_family_number tinyint?; \
    last_media_number smallint?; catalog_family_number tinyint?; catalog_media_number smallint?; \
    position int?; expiration_date datetime?; software_vendor_id int?; name nvarchar(128)?; \
    description nvarchar(255)?; user_name nvarchar(128)?; software_major_version tinyint?; \
    software_minor_version tinyint?; software_build_version smallint?; time_zone smallint?; \
    mtf_minor_version tinyint?; first_lsn numeric(25,0)?; last_lsn numeric(25,0)?; \
    checkpoint_lsn numeric(25,0)?; database_backup_lsn numeric(25,0)?; database_creation_date datetime?; \
    backup_start_date datetime?; backup_finish_date datetime?; type char(1)?; sort_order smallint?; \
    code_page smallint?; compatibility_level tinyint?; database_version int?; backup_size numeric(20,0)?; \
    database_name nvarchar(128)?; server_name nvarchar(128)?; machine_name nvarchar(128)?; flags int?; \
    unicode_locale int?; unicode_compare_style int?; collation_name nvarchar(128)?; \
    is_password_protected bit?; recovery_model nvarchar(60)?; has_bulk_logged_data bit?; is_snapshot bit?; \
    is_readonly bit?; is_single_user bit?; has_backup_checksums bit?; is_damaged bit?; begins_log_chain bit?; \
    has_incomplete_metadata bit?; is_force_offline bit?; is_copy_only bit?; \
    first_recovery_fork_guid uniqueidentifier?; last_recovery_fork_guid uniqueidentifier?; \
    fork_point_lsn numeric(25,0)?; database_guid uniqueidentifier?; family_guid uniqueidentifier?; \
    differential_base_lsn numeric(25,0)?; differential_base_guid uniqueidentifier?; \
    compressed_backup_size numeric(20,0)?; key_algorithm nvarchar(32)?; encryptor_thumbprint varbinary(20)?; \
    encryptor_type nvarchar(32)?; last_valid_restore_time datetime?; compression_algorithm nvarchar(32)?";

const BACKUPMEDIASET: &str = "media_set_id int identity; media_uuid uniqueidentifier?; media_family_count tinyint?; \
    name nvarchar(128)?; description nvarchar(255)?; software_name nvarchar(128)?; software_vendor_id int?; \
    MTF_major_version tinyint?; mirror_count tinyint?; is_password_protected bit?; is_compressed bit?; \
    is_encrypted bit?";

const BACKUPMEDIAFAMILY: &str = "media_set_id int; family_sequence_number tinyint; media_family_id uniqueidentifier?; \
    media_count int?; logical_device_name nvarchar(128)?; physical_device_name nvarchar(260)?; \
    device_type tinyint?; physical_block_size int?; mirror tinyint";

const BACKUPFILE: &str = "backup_set_id int; first_family_number tinyint?; first_media_number smallint?; \
    filegroup_name nvarchar(128)?; page_size int?; file_number numeric(10,0); \
    backed_up_page_count numeric(10,0)?; file_type char(1)?; source_file_block_size numeric(10,0)?; \
    file_size numeric(20,0)?; logical_name nvarchar(128)?; physical_drive nvarchar(260)?; \
    physical_name nvarchar(260)?; state tinyint?; state_desc nvarchar(64)?; create_lsn numeric(25,0)?; \
    drop_lsn numeric(25,0)?; file_guid uniqueidentifier?; read_only_lsn numeric(25,0)?; \
    read_write_lsn numeric(25,0)?; differential_base_lsn numeric(25,0)?; \
    differential_base_guid uniqueidentifier?; backup_size numeric(20,0)?; filegroup_guid uniqueidentifier?; \
    is_readonly bit?; is_present bit?";

const BACKUPFILEGROUP: &str = "backup_set_id int; name sysname; filegroup_id int; filegroup_guid uniqueidentifier?; \
    type char(2); type_desc nvarchar(60)?; is_default bit; is_readonly bit; \
    log_filegroup_guid uniqueidentifier?";

const RESTOREHISTORY: &str = "restore_history_id int identity; restore_date datetime?; \
    destination_database_name nvarchar(128)?; user_name nvarchar(128)?; backup_set_id int; restore_type char(1)?; \
    replace bit?; recovery bit?; restart bit?; stop_at datetime?; device_count tinyint?; \
    stop_at_mark_name nvarchar(128)?; stop_before bit?";

const RESTOREFILE: &str = "restore_history_id int; file_number numeric(10,0)?; \
    destination_phys_drive nvarchar(260)?; destination_phys_name nvarchar(260)?";

const RESTOREFILEGROUP: &str = "restore_history_id int; filegroup_name nvarchar(128)?";

const LOGMARKHISTORY: &str = "database_name nvarchar(128); mark_name nvarchar(128); description nvarchar(255)?; \
    user_name nvarchar(128); lsn numeric(25,0); mark_time datetime";

const SUSPECT_PAGES: &str = "database_id int; file_id int; page_id bigint; event_type int; error_count int; \
    last_update_date datetime";

const SYSJOBS: &str = "job_id uniqueidentifier; originating_server_id int; name sysname; enabled tinyint; \
    description nvarchar(512)?; start_step_id int; category_id int; owner_sid varbinary(85); \
    notify_level_eventlog int; notify_level_email int; notify_level_netsend int; notify_level_page int; \
    notify_email_operator_id int; notify_netsend_operator_id int; notify_page_operator_id int; \
    delete_level int; date_created datetime; date_modified datetime; version_number int";

const SYSJOBSTEPS: &str = "job_id uniqueidentifier; step_id int; step_name sysname; subsystem nvarchar(40); \
    command nvarchar(max)?; flags int; additional_parameters nvarchar(max)?; cmdexec_success_code int; \
    on_success_action tinyint; on_success_step_id int; on_fail_action tinyint; on_fail_step_id int; \
    server sysname?; database_name sysname?; database_user_name sysname?; retry_attempts int; \
    retry_interval int; os_run_priority int; output_file_name nvarchar(200)?; last_run_outcome int; \
    last_run_duration int; last_run_retries int; last_run_date int; last_run_time int; proxy_id int?; \
    step_uid uniqueidentifier?";

const SYSJOBHISTORY: &str = "instance_id int identity; job_id uniqueidentifier; step_id int; step_name sysname; \
    sql_message_id int; sql_severity int; message nvarchar(4000)?; run_status int; run_date int; run_time int; \
    run_duration int; operator_id_emailed int; operator_id_netsent int; operator_id_paged int; \
    retries_attempted int; server sysname";

const SYSJOBACTIVITY: &str = "session_id int; job_id uniqueidentifier; run_requested_date datetime?; \
    run_requested_source sysname?; queued_date datetime?; start_execution_date datetime?; \
    last_executed_step_id int?; last_executed_step_date datetime?; stop_execution_date datetime?; \
    job_history_id int?; next_scheduled_run_date datetime?";

const SYSJOBSERVERS: &str = "job_id uniqueidentifier; server_id int; last_run_outcome tinyint; \
    last_outcome_message nvarchar(4000)?; last_run_date int; last_run_time int; last_run_duration int";

const SYSSESSIONS: &str = "session_id int identity; agent_start_date datetime";

const SYSCATEGORIES: &str =
    "category_id int identity; category_class int; category_type tinyint; name sysname";

const SYSSCHEDULES: &str = "schedule_id int identity; schedule_uid uniqueidentifier; originating_server_id int; \
    name sysname; owner_sid varbinary(85); enabled int; freq_type int; freq_interval int; freq_subday_type int; \
    freq_subday_interval int; freq_relative_interval int; freq_recurrence_factor int; active_start_date int; \
    active_end_date int; active_start_time int; active_end_time int; date_created datetime; \
    date_modified datetime; version_number int";

const SYSJOBSCHEDULES: &str =
    "schedule_id int?; job_id uniqueidentifier?; next_run_date int; next_run_time int";

const SYSOPERATORS: &str = "id int; name sysname; enabled tinyint; email_address nvarchar(100)?; last_email_date int; \
    last_email_time int; pager_address nvarchar(100)?; last_pager_date int; last_pager_time int; \
    weekday_pager_start_time int; weekday_pager_end_time int; saturday_pager_start_time int; \
    saturday_pager_end_time int; sunday_pager_start_time int; sunday_pager_end_time int; pager_days tinyint; \
    netsend_address nvarchar(100)?; last_netsend_date int; last_netsend_time int; category_id int";

/// Every table of msdb; the indices are those that readers of the history need.
pub fn msdb_tables() -> Vec<Table> {
    vec![
        table(
            229_575_856,
            "backupset",
            BACKUPSET,
            &["backup_set_id"],
            &[
                ("backupsetuuid", &["backup_set_uuid"]),
                ("backupsetMediaSetId", &["media_set_id"]),
                ("backupsetDate", &["backup_finish_date"]),
                (
                    "backupsetDatabaseName",
                    &["database_name", "type", "backup_finish_date"],
                ),
            ],
        ),
        table(
            181_575_685,
            "backupmediaset",
            BACKUPMEDIASET,
            &["media_set_id"],
            &[("backupmediasetuuid", &["media_uuid"])],
        ),
        table(
            197_575_742,
            "backupmediafamily",
            BACKUPMEDIAFAMILY,
            &["media_set_id", "family_sequence_number", "mirror"],
            &[("backupmediafamilyuuid", &["media_family_id"])],
        ),
        table(
            277_576_027,
            "backupfile",
            BACKUPFILE,
            &["backup_set_id", "file_number"],
            &[],
        ),
        table(
            245_575_913,
            "backupfilegroup",
            BACKUPFILEGROUP,
            &["backup_set_id", "filegroup_id"],
            &[],
        ),
        table(
            293_576_084,
            "restorehistory",
            RESTOREHISTORY,
            &["restore_history_id"],
            &[
                ("restorehistorybackupset", &["backup_set_id"]),
                (
                    "restorehistorydestination",
                    &["destination_database_name", "restore_date"],
                ),
            ],
        ),
        table(
            325_576_198,
            "restorefile",
            RESTOREFILE,
            &[],
            &[("restorefilehistory", &["restore_history_id"])],
        ),
        table(
            341_576_255,
            "restorefilegroup",
            RESTOREFILEGROUP,
            &[],
            &[("restorefilegrouphistory", &["restore_history_id"])],
        ),
        table(
            261_575_970,
            "logmarkhistory",
            LOGMARKHISTORY,
            &[],
            &[
                ("logmarkhistory1", &["database_name", "mark_name"]),
                ("logmarkhistory2", &["database_name", "lsn"]),
            ],
        ),
        table(357_576_312, "suspect_pages", SUSPECT_PAGES, &[], &[]),
        table(
            629_577_281,
            "sysjobs",
            SYSJOBS,
            &["job_id"],
            &[("nc1", &["name"])],
        ),
        table(
            709_577_566,
            "sysjobsteps",
            SYSJOBSTEPS,
            &["job_id", "step_id"],
            &[],
        ),
        table(
            757_577_737,
            "sysjobhistory",
            SYSJOBHISTORY,
            &["instance_id"],
            &[("nc1", &["job_id"])],
        ),
        table(
            773_577_794,
            "sysjobactivity",
            SYSJOBACTIVITY,
            &["session_id", "job_id"],
            &[],
        ),
        table(
            725_577_623,
            "sysjobservers",
            SYSJOBSERVERS,
            &["job_id", "server_id"],
            &[],
        ),
        table(
            789_577_851,
            "syssessions",
            SYSSESSIONS,
            &["session_id"],
            &[],
        ),
        table(805_577_908, "syscategories", SYSCATEGORIES, &["name"], &[]),
        table(
            821_577_965,
            "sysschedules",
            SYSSCHEDULES,
            &["schedule_id"],
            &[],
        ),
        table(
            837_578_022,
            "sysjobschedules",
            SYSJOBSCHEDULES,
            &[],
            &[("sysjobschedulesjob", &["job_id", "schedule_id"])],
        ),
        table(853_578_079, "sysoperators", SYSOPERATORS, &["name"], &[]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::value::SqlType;

    #[test]
    fn every_declared_type_exists() {
        for table in msdb_tables() {
            for column in &table.columns {
                assert_ne!(
                    column.ty,
                    SqlType::SqlVariant,
                    "{}.{}",
                    table.name,
                    column.name
                );
            }
            for index in &table.indexes {
                for column in &index.columns {
                    assert!(table.column(&column.name).is_some(), "{}", index.name);
                }
            }
        }
    }

    #[test]
    fn the_history_has_its_columns() {
        let tables = msdb_tables();
        let backupset = tables.iter().find(|t| t.name == "backupset");
        assert_eq!(backupset.map(|t| t.columns.len()), Some(65));
    }
}
