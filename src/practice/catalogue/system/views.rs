//! The system views and table functions: their columns, in the product's order.
//!
//! Where a view has more columns than anything here could fill, only the later ones are left out:
//! <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/catalog-views-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/system-dynamic-management-views>.

use super::declare::columns;
use crate::practice::catalogue::{Catalogue, ColumnDef, same_name};
use std::sync::LazyLock;

/// A view or table function of the server.
#[derive(Debug)]
pub struct SystemView {
    /// `sys`, `INFORMATION_SCHEMA`; `dbo` for the old names.
    pub schema: &'static str,
    pub name: &'static str,
    /// Negative, as the product's are.
    pub object_id: i32,
    /// The arguments of a function come first.
    pub columns: Vec<ColumnDef>,
    /// How many arguments the function takes; 0 for a view.
    pub n_arguments: usize,
    /// How many of the first columns are arguments only, and no columns of the result.
    pub n_hidden: usize,
}

const DATABASES: &str = "name sysname; database_id int; source_database_id int?; owner_sid varbinary(85)?; \
    create_date datetime; compatibility_level tinyint; collation_name sysname?; user_access tinyint?; \
    user_access_desc nvarchar(60)?; is_read_only bit?; is_auto_close_on bit; is_auto_shrink_on bit?; \
    state tinyint?; state_desc nvarchar(60)?; is_in_standby bit?; is_cleanly_shutdown bit?; \
    is_supplemental_logging_enabled bit?; snapshot_isolation_state tinyint?; \
    snapshot_isolation_state_desc nvarchar(60)?; is_read_committed_snapshot_on bit?; recovery_model tinyint?; \
    recovery_model_desc nvarchar(60)?; page_verify_option tinyint?; page_verify_option_desc nvarchar(60)?; \
    is_auto_create_stats_on bit?; is_auto_create_stats_incremental_on bit?; is_auto_update_stats_on bit?; \
    is_auto_update_stats_async_on bit?; is_ansi_null_default_on bit?; is_ansi_nulls_on bit?; \
    is_ansi_padding_on bit?; is_ansi_warnings_on bit?; is_arithabort_on bit?; \
    is_concat_null_yields_null_on bit?; is_numeric_roundabort_on bit?; is_quoted_identifier_on bit?; \
    is_recursive_triggers_on bit?; is_cursor_close_on_commit_on bit?; is_local_cursor_default bit?; \
    is_fulltext_enabled bit?; is_trustworthy_on bit?; is_db_chaining_on bit?; is_parameterization_forced bit?; \
    is_master_key_encrypted_by_server bit; is_query_store_on bit?; is_published bit; is_subscribed bit; \
    is_merge_published bit; is_distributor bit; is_sync_with_backup bit; service_broker_guid uniqueidentifier; \
    is_broker_enabled bit; log_reuse_wait tinyint?; log_reuse_wait_desc nvarchar(60)?; \
    is_date_correlation_on bit; is_cdc_enabled bit; is_encrypted bit?; is_honor_broker_priority_on bit?; \
    replica_id uniqueidentifier?; group_database_id uniqueidentifier?; resource_pool_id int?; \
    default_language_lcid smallint?; default_language_name nvarchar(128)?; \
    default_fulltext_language_lcid int?; default_fulltext_language_name nvarchar(128)?; \
    is_nested_triggers_on bit?; is_transform_noise_words_on bit?; two_digit_year_cutoff smallint?; \
    containment tinyint?; containment_desc nvarchar(60)?; target_recovery_time_in_seconds int?; \
    delayed_durability int?; delayed_durability_desc nvarchar(60)?; \
    is_memory_optimized_elevate_to_snapshot_on bit?; is_federation_member bit?; \
    is_remote_data_archive_enabled bit?; is_mixed_page_allocation_on bit?; \
    is_temporal_history_retention_enabled bit?; catalog_collation_type int?; \
    catalog_collation_type_desc nvarchar(60)?; physical_database_name nvarchar(128)?; \
    is_result_set_caching_on bit?; is_accelerated_database_recovery_on bit?; \
    is_tempdb_spill_to_remote_store bit?; is_stale_page_detection_on bit?; is_memory_optimized_enabled bit?; \
    is_data_retention_enabled bit?; is_ledger_on bit?; is_change_feed_enabled bit?";

const MASTER_FILES: &str = "database_id int; file_id int; file_guid uniqueidentifier?; type tinyint; \
    type_desc nvarchar(60)?; data_space_id int; name sysname; physical_name nvarchar(260); state tinyint?; \
    state_desc nvarchar(60)?; size int; max_size int; growth int; is_media_read_only bit; is_read_only bit; \
    is_sparse bit; is_percent_growth bit; is_name_reserved bit; is_persistent_log_buffer bit; \
    create_lsn numeric(25,0)?; drop_lsn numeric(25,0)?; read_only_lsn numeric(25,0)?; \
    read_write_lsn numeric(25,0)?; differential_base_lsn numeric(25,0)?; \
    differential_base_guid uniqueidentifier?; differential_base_time datetime?; \
    redo_start_lsn numeric(25,0)?; redo_start_fork_guid uniqueidentifier?; redo_target_lsn numeric(25,0)?; \
    redo_target_fork_guid uniqueidentifier?; backup_lsn numeric(25,0)?; credential_id int?";

const DATABASE_FILES: &str = "file_id int; file_guid uniqueidentifier?; type tinyint; type_desc nvarchar(60)?; \
    data_space_id int; name sysname; physical_name nvarchar(260); state tinyint?; state_desc nvarchar(60)?; \
    size int; max_size int; growth int; is_media_read_only bit; is_read_only bit; is_sparse bit; \
    is_percent_growth bit; is_name_reserved bit; is_persistent_log_buffer bit; create_lsn numeric(25,0)?; \
    drop_lsn numeric(25,0)?; read_only_lsn numeric(25,0)?; read_write_lsn numeric(25,0)?; \
    differential_base_lsn numeric(25,0)?; differential_base_guid uniqueidentifier?; \
    differential_base_time datetime?; redo_start_lsn numeric(25,0)?; redo_start_fork_guid uniqueidentifier?; \
    redo_target_lsn numeric(25,0)?; redo_target_fork_guid uniqueidentifier?; backup_lsn numeric(25,0)?";

const RECOVERY_STATUS: &str = "database_id int; database_guid uniqueidentifier?; family_guid uniqueidentifier?; \
    last_log_backup_lsn numeric(25,0)?; recovery_fork_guid uniqueidentifier?; \
    first_recovery_fork_guid uniqueidentifier?; fork_point_lsn numeric(25,0)?";

const DM_EXEC_REQUESTS: &str = "session_id smallint; request_id int; start_time datetime; status nvarchar(30); \
    command nvarchar(32); sql_handle varbinary(64)?; statement_start_offset int?; statement_end_offset int?; \
    plan_handle varbinary(64)?; database_id smallint; user_id int; connection_id uniqueidentifier?; \
    blocking_session_id smallint?; wait_type nvarchar(60)?; wait_time int; last_wait_type nvarchar(60); \
    wait_resource nvarchar(256); open_transaction_count int; open_resultset_count int; transaction_id bigint; \
    context_info varbinary(128)?; percent_complete real; estimated_completion_time bigint; cpu_time int; \
    total_elapsed_time int; scheduler_id int?; task_address varbinary(8)?; reads bigint; writes bigint; \
    logical_reads bigint; text_size int; language nvarchar(128)?; date_format nvarchar(3)?; \
    date_first smallint; quoted_identifier bit; arithabort bit; ansi_null_dflt_on bit; ansi_defaults bit; \
    ansi_warnings bit; ansi_padding bit; ansi_nulls bit; concat_null_yields_null bit; \
    transaction_isolation_level smallint; lock_timeout int; deadlock_priority int; row_count bigint; \
    prev_error int; nest_level int; granted_query_memory int; executing_managed_code bit; group_id int; \
    query_hash binary(8)?; query_plan_hash binary(8)?";

const DM_EXEC_SESSIONS: &str = "session_id smallint; login_time datetime; host_name nvarchar(128)?; \
    program_name nvarchar(128)?; host_process_id int?; client_version int?; \
    client_interface_name nvarchar(32)?; security_id varbinary(85); login_name nvarchar(128); \
    nt_domain nvarchar(128)?; nt_user_name nvarchar(128)?; status nvarchar(30); context_info varbinary(128)?; \
    cpu_time int; memory_usage int; total_scheduled_time int; total_elapsed_time int; endpoint_id int; \
    last_request_start_time datetime; last_request_end_time datetime?; reads bigint; writes bigint; \
    logical_reads bigint; is_user_process bit; text_size int; language nvarchar(128)?; date_format nvarchar(3)?; \
    date_first smallint; quoted_identifier bit; arithabort bit; ansi_null_dflt_on bit; ansi_defaults bit; \
    ansi_warnings bit; ansi_padding bit; ansi_nulls bit; concat_null_yields_null bit; \
    transaction_isolation_level smallint; lock_timeout int; deadlock_priority int; row_count bigint; \
    prev_error int; original_security_id varbinary(85); original_login_name nvarchar(128); \
    last_successful_logon datetime?; last_unsuccessful_logon datetime?; unsuccessful_logons bigint?; \
    group_id int; database_id smallint; authenticating_database_id int?; open_transaction_count int";

const DM_EXEC_CONNECTIONS: &str = "session_id int?; most_recent_session_id int?; connect_time datetime; \
    net_transport nvarchar(40); protocol_type nvarchar(40)?; protocol_version int?; endpoint_id int?; \
    encrypt_option nvarchar(40); auth_scheme nvarchar(40); node_affinity smallint; num_reads int?; \
    num_writes int?; last_read datetime?; last_write datetime?; net_packet_size int?; \
    client_net_address varchar(48)?; client_tcp_port int?; local_net_address varchar(48)?; \
    local_tcp_port int?; connection_id uniqueidentifier; parent_connection_id uniqueidentifier?; \
    most_recent_sql_handle varbinary(64)?";

const DM_EXEC_SQL_TEXT: &str = "handle varbinary(64); dbid smallint?; objectid int?; number smallint?; \
    encrypted bit; text nvarchar(max)?";

const DM_EXEC_INPUT_BUFFER: &str = "session smallint; request int?; event_type nvarchar(256)?; \
    parameters smallint?; event_info nvarchar(max)?";

const DM_OS_VOLUME_STATS: &str = "database_id int; file_id int; volume_mount_point nvarchar(512)?; \
    volume_id nvarchar(512)?; logical_volume_name nvarchar(512)?; file_system_type nvarchar(512)?; \
    total_bytes bigint; available_bytes bigint; supports_compression tinyint?; \
    supports_alternate_streams tinyint?; supports_sparse_files tinyint?; is_read_only tinyint?; \
    is_compressed tinyint?; incurs_seek_penalty tinyint?";

const DM_OS_FILE_EXISTS: &str =
    "path nvarchar(4000); file_exists int; file_is_a_directory int; parent_directory_exists int";

const DM_OS_ENUMERATE_FILESYSTEM: &str = "path nvarchar(4000); pattern nvarchar(4000); \
    full_filesystem_path nvarchar(512); parent_directory nvarchar(512); file_or_directory_name nvarchar(512); \
    level int; is_directory bit; is_read_only bit; is_system bit; is_hidden bit; has_integrity_stream bit; \
    is_temporary bit; is_sparse bit; creation_time datetime2(7)?; last_access_time datetime2(7)?; \
    last_write_time datetime2(7)?; size_in_bytes bigint";

const DM_SERVER_SERVICES: &str = "servicename nvarchar(256); startup_type int?; startup_type_desc nvarchar(256); \
    status int?; status_desc nvarchar(256); process_id int?; last_startup_time datetimeoffset(7)?; \
    service_account nvarchar(256); filename nvarchar(256); is_clustered nvarchar(1); \
    cluster_nodename nvarchar(256)?; instant_file_initialization_enabled nvarchar(1)";

const OBJECTS: &str = "name sysname; object_id int; principal_id int?; schema_id int; parent_object_id int; \
    type char(2)?; type_desc nvarchar(60)?; create_date datetime; modify_date datetime; is_ms_shipped bit; \
    is_published bit; is_schema_published bit";

const COLUMNS: &str = "object_id int; name sysname?; column_id int; system_type_id tinyint; user_type_id int; \
    max_length smallint; precision tinyint; scale tinyint; collation_name sysname?; is_nullable bit?; \
    is_ansi_padded bit; is_rowguidcol bit; is_identity bit; is_computed bit; is_filestream bit; \
    is_replicated bit?; is_non_sql_subscribed bit?; is_merge_published bit?; is_dts_replicated bit?; \
    is_xml_document bit; xml_collection_id int; default_object_id int; rule_object_id int; is_sparse bit?; \
    is_column_set bit?; generated_always_type tinyint?; generated_always_type_desc nvarchar(60)?";

const INDEXES: &str = "object_id int; name sysname?; index_id int; type tinyint; type_desc nvarchar(60)?; \
    is_unique bit?; data_space_id int; ignore_dup_key bit?; is_primary_key bit?; is_unique_constraint bit?; \
    fill_factor tinyint; is_padded bit?; is_disabled bit?; is_hypothetical bit?; allow_row_locks bit?; \
    allow_page_locks bit?; has_filter bit?; filter_definition nvarchar(max)?";

const PARTITION_STATS: &str = "partition_id bigint?; object_id int; index_id int; partition_number int; \
    in_row_data_page_count bigint?; in_row_used_page_count bigint?; in_row_reserved_page_count bigint?; \
    lob_used_page_count bigint?; lob_reserved_page_count bigint?; row_overflow_used_page_count bigint?; \
    row_overflow_reserved_page_count bigint?; used_page_count bigint?; reserved_page_count bigint?; \
    row_count bigint?";

const PRINCIPALS: &str = "name sysname; principal_id int; sid varbinary(85)?; type char(1); type_desc nvarchar(60)?; \
    is_disabled bit?; create_date datetime; modify_date datetime; default_database_name sysname?; \
    default_language_name sysname?; credential_id int?; owning_principal_id int?; is_fixed_role bit";

const DATABASE_PRINCIPALS: &str = "name sysname; principal_id int; type char(1); type_desc nvarchar(60)?; \
    default_schema_name sysname?; create_date datetime; modify_date datetime; owning_principal_id int?; \
    sid varbinary(85)?; is_fixed_role bit; authentication_type int; authentication_type_desc nvarchar(60)?; \
    default_language_name sysname?; default_language_lcid int?; allow_encrypted_value_modifications bit";

const REPLICA_STATES: &str = "replica_id uniqueidentifier; group_id uniqueidentifier; is_local bit; role tinyint?; \
    role_desc nvarchar(60)?; operational_state tinyint?; operational_state_desc nvarchar(60)?; \
    connected_state tinyint?; connected_state_desc nvarchar(60)?; recovery_health tinyint?; \
    recovery_health_desc nvarchar(60)?; synchronization_health tinyint?; \
    synchronization_health_desc nvarchar(60)?; last_connect_error_number int?; \
    last_connect_error_description nvarchar(1024)?; last_connect_error_timestamp datetime?";

const AVAILABILITY_GROUPS: &str = "group_id uniqueidentifier; name sysname?; resource_id nvarchar(40)?; \
    resource_group_id nvarchar(40)?; failure_condition_level int?; health_check_timeout int?; \
    automated_backup_preference tinyint?; automated_backup_preference_desc nvarchar(60)?; version smallint?; \
    basic_features bit?; dtc_support bit?; db_failover bit?; is_distributed bit?; cluster_type tinyint?; \
    cluster_type_desc nvarchar(60)?; required_synchronized_secondaries_to_commit int?; \
    sequence_number bigint?; is_contained bit?";

const AVAILABILITY_REPLICAS: &str = "replica_id uniqueidentifier?; group_id uniqueidentifier?; replica_metadata_id int?; \
    replica_server_name nvarchar(256)?; owner_sid varbinary(85)?; endpoint_url nvarchar(128)?; \
    availability_mode tinyint?; availability_mode_desc nvarchar(60)?; failover_mode tinyint?; \
    failover_mode_desc nvarchar(60)?; session_timeout int?; primary_role_allow_connections tinyint?; \
    primary_role_allow_connections_desc nvarchar(60)?; secondary_role_allow_connections tinyint?; \
    secondary_role_allow_connections_desc nvarchar(60)?; create_date datetime?; modify_date datetime?; \
    backup_priority int?; read_only_routing_url nvarchar(256)?; seeding_mode tinyint?; \
    seeding_mode_desc nvarchar(60)?";

const HADR_DATABASES: &str = "database_id int; group_id uniqueidentifier; replica_id uniqueidentifier; \
    group_database_id uniqueidentifier; is_local bit?; is_primary_replica bit?; synchronization_state tinyint?; \
    synchronization_state_desc nvarchar(60)?; is_commit_participant bit?; synchronization_health tinyint?; \
    synchronization_health_desc nvarchar(60)?; database_state tinyint?; database_state_desc nvarchar(60)?; \
    is_suspended bit?; suspend_reason tinyint?; suspend_reason_desc nvarchar(60)?; \
    recovery_lsn numeric(25,0)?; truncation_lsn numeric(25,0)?; last_sent_lsn numeric(25,0)?; \
    last_received_lsn numeric(25,0)?; last_hardened_lsn numeric(25,0)?; last_redone_lsn numeric(25,0)?; \
    end_of_log_lsn numeric(25,0)?; last_commit_lsn numeric(25,0)?; last_commit_time datetime?";

const CERTIFICATES: &str = "name sysname; certificate_id int; principal_id int?; pvt_key_encryption_type char(2); \
    pvt_key_encryption_type_desc nvarchar(60)?; is_active_for_begin_dialog bit?; issuer_name nvarchar(442)?; \
    cert_serial_number nvarchar(64)?; sid varbinary(85)?; string_sid nvarchar(128)?; subject nvarchar(4000)?; \
    expiry_date datetime?; start_date datetime?; thumbprint varbinary(32); attested_by nvarchar(260)?; \
    pvt_key_last_backup_date datetime?; key_length int?";

const LOG_STATS: &str = "database_id int; recovery_model nvarchar(60)?; log_min_lsn nvarchar(24)?; \
    log_end_lsn nvarchar(24)?; current_vlf_sequence_number bigint?; current_vlf_size_mb float?; \
    total_vlf_count bigint?; total_log_size_mb float?; active_vlf_count bigint?; active_log_size_mb float?; \
    log_truncation_holdup_reason nvarchar(60)?; log_backup_time datetime?; log_backup_lsn nvarchar(24)?; \
    log_since_last_log_backup_mb float?; log_checkpoint_lsn nvarchar(24)?; \
    log_since_last_checkpoint_mb float?; log_recovery_lsn nvarchar(24)?; log_recovery_size_mb float?; \
    recovery_vlf_count bigint?";

const ENCRYPTION_KEYS: &str = "database_id int; encryption_state int?; create_date datetime?; regenerate_date datetime?; \
    modify_date datetime?; set_date datetime?; opened_date datetime?; key_algorithm nvarchar(32)?; \
    key_length int?; encryptor_thumbprint varbinary(20)?; encryptor_type nvarchar(32)?; percent_complete real?";

const DATABASE_BACKUPS: &str = "backup_file_id uniqueidentifier; logical_database_id uniqueidentifier; \
    physical_database_name nvarchar(128); logical_server_name nvarchar(128); logical_database_name nvarchar(128); \
    backup_start_date datetime2(7); backup_finish_date datetime2(7); backup_type char(1); in_retention bit?";

const SYSLANGUAGES: &str = "langid smallint; dateformat nchar(3); datefirst tinyint; upgrade int?; name sysname; \
    alias sysname?; months nvarchar(372)?; shortmonths nvarchar(132)?; days nvarchar(217)?; lcid int; \
    msglangid smallint";

const SYSPROCESSES: &str = "spid smallint; kpid smallint; blocked smallint; waittype binary(2); waittime bigint; \
    lastwaittype nchar(32); waitresource nchar(256); dbid smallint; uid smallint?; cpu int; physical_io bigint; \
    memusage int; login_time datetime; last_batch datetime; ecid smallint; open_tran smallint; status nchar(30); \
    sid binary(86); hostname nchar(128); program_name nchar(128); hostprocess nchar(10); cmd nchar(26); \
    nt_domain nchar(128); nt_username nchar(128); net_address nchar(12); net_library nchar(12); \
    loginame nchar(128); context_info binary(128); sql_handle binary(20); stmt_start int; stmt_end int; \
    request_id int";

const SYSDATABASES: &str = "name sysname; dbid smallint; sid varbinary(85)?; mode smallint; status int; status2 int; \
    crdate datetime; reserved datetime; category int; cmptlevel tinyint; filename nvarchar(260)?; \
    version smallint?";

const TABLES_OF_SCHEMA: &str = "TABLE_CATALOG nvarchar(128)?; TABLE_SCHEMA sysname?; TABLE_NAME sysname; \
    TABLE_TYPE varchar(10)?";

const COLUMNS_OF_SCHEMA: &str = "TABLE_CATALOG nvarchar(128)?; TABLE_SCHEMA nvarchar(128)?; TABLE_NAME sysname; \
    COLUMN_NAME sysname?; ORDINAL_POSITION int; COLUMN_DEFAULT nvarchar(4000)?; IS_NULLABLE varchar(3)?; \
    DATA_TYPE nvarchar(128)?; CHARACTER_MAXIMUM_LENGTH int?; CHARACTER_OCTET_LENGTH int?; \
    NUMERIC_PRECISION tinyint?; NUMERIC_PRECISION_RADIX smallint?; NUMERIC_SCALE int?; \
    DATETIME_PRECISION smallint?; CHARACTER_SET_CATALOG sysname?; CHARACTER_SET_SCHEMA sysname?; \
    CHARACTER_SET_NAME sysname?; COLLATION_CATALOG sysname?; COLLATION_SCHEMA sysname?; \
    COLLATION_NAME sysname?; DOMAIN_CATALOG sysname?; DOMAIN_SCHEMA sysname?; DOMAIN_NAME sysname?";

static VIEWS: LazyLock<Vec<SystemView>> = LazyLock::new(|| {
    let list: &[(&'static str, &'static str, &str, usize, usize)] = &[
        ("sys", "databases", DATABASES, 0, 0),
        ("sys", "master_files", MASTER_FILES, 0, 0),
        ("sys", "database_files", DATABASE_FILES, 0, 0),
        ("sys", "database_recovery_status", RECOVERY_STATUS, 0, 0),
        ("sys", "dm_exec_requests", DM_EXEC_REQUESTS, 0, 0),
        ("sys", "dm_exec_sessions", DM_EXEC_SESSIONS, 0, 0),
        ("sys", "dm_exec_connections", DM_EXEC_CONNECTIONS, 0, 0),
        ("sys", "dm_exec_sql_text", DM_EXEC_SQL_TEXT, 1, 1),
        ("sys", "dm_exec_input_buffer", DM_EXEC_INPUT_BUFFER, 2, 2),
        ("sys", "dm_os_volume_stats", DM_OS_VOLUME_STATS, 2, 0),
        ("sys", "dm_os_file_exists", DM_OS_FILE_EXISTS, 1, 1),
        (
            "sys",
            "dm_os_enumerate_filesystem",
            DM_OS_ENUMERATE_FILESYSTEM,
            2,
            2,
        ),
        (
            "sys",
            "dm_os_enumerate_fixed_drives",
            "fixed_drive_path nvarchar(512)?; drive_type int; drive_type_desc nvarchar(512)?; free_space_in_bytes bigint?",
            0,
            0,
        ),
        ("sys", "dm_server_services", DM_SERVER_SERVICES, 0, 0),
        (
            "sys",
            "dm_os_host_info",
            "host_platform nvarchar(256); host_distribution nvarchar(256); host_release nvarchar(256); host_service_pack_level nvarchar(256); host_sku int?; os_language_version int; host_architecture nvarchar(256)?",
            0,
            0,
        ),
        (
            "sys",
            "dm_os_sys_info",
            "cpu_count int; hyperthread_ratio int; physical_memory_kb bigint; committed_kb bigint; sqlserver_start_time_ms_ticks bigint; sqlserver_start_time datetime; ms_ticks bigint",
            0,
            0,
        ),
        (
            "sys",
            "configurations",
            "configuration_id int; name nvarchar(35); value sql_variant?; minimum sql_variant?; maximum sql_variant?; value_in_use sql_variant?; description nvarchar(255); is_dynamic bit; is_advanced bit",
            0,
            0,
        ),
        ("sys", "objects", OBJECTS, 0, 0),
        ("sys", "all_objects", OBJECTS, 0, 0),
        (
            "sys",
            "tables",
            "name sysname; object_id int; principal_id int?; schema_id int; parent_object_id int; type char(2)?; type_desc nvarchar(60)?; create_date datetime; modify_date datetime; is_ms_shipped bit; is_published bit; is_schema_published bit; lob_data_space_id int; filestream_data_space_id int?; max_column_id_used int; lock_on_bulk_load bit; uses_ansi_nulls bit?; is_replicated bit?; has_replication_filter bit?; is_merge_published bit?; is_sync_tran_subscribed bit?; has_unchecked_assembly_data bit; text_in_row_limit int?; large_value_types_out_of_row bit?; is_tracked_by_cdc bit?; lock_escalation tinyint?; lock_escalation_desc nvarchar(60)?; is_filetable bit?; is_memory_optimized bit?; durability tinyint?; durability_desc nvarchar(60)?; temporal_type tinyint?; temporal_type_desc nvarchar(60)?; history_table_id int?; is_remote_data_archive_enabled bit?; is_external bit",
            0,
            0,
        ),
        ("sys", "views", OBJECTS, 0, 0),
        ("sys", "procedures", OBJECTS, 0, 0),
        ("sys", "triggers", OBJECTS, 0, 0),
        ("sys", "columns", COLUMNS, 0, 0),
        ("sys", "all_columns", COLUMNS, 0, 0),
        (
            "sys",
            "identity_columns",
            "object_id int; name sysname?; column_id int; system_type_id tinyint; user_type_id int; seed_value sql_variant?; increment_value sql_variant?; last_value sql_variant?",
            0,
            0,
        ),
        (
            "sys",
            "types",
            "name sysname; system_type_id tinyint; user_type_id int; schema_id int; principal_id int?; max_length smallint; precision tinyint; scale tinyint; collation_name sysname?; is_nullable bit?; is_user_defined bit; is_assembly_type bit; default_object_id int; rule_object_id int; is_table_type bit",
            0,
            0,
        ),
        (
            "sys",
            "schemas",
            "name sysname; schema_id int; principal_id int?",
            0,
            0,
        ),
        ("sys", "indexes", INDEXES, 0, 0),
        (
            "sys",
            "index_columns",
            "object_id int; index_id int; index_column_id int; column_id int; key_ordinal tinyint; partition_ordinal tinyint; is_descending_key bit?; is_included_column bit?",
            0,
            0,
        ),
        (
            "sys",
            "key_constraints",
            "name sysname; object_id int; principal_id int?; schema_id int; parent_object_id int; type char(2)?; type_desc nvarchar(60)?; create_date datetime; modify_date datetime; is_ms_shipped bit; unique_index_id int?; is_system_named bit",
            0,
            0,
        ),
        (
            "sys",
            "foreign_keys",
            "name sysname; object_id int; schema_id int; parent_object_id int; type char(2)?; type_desc nvarchar(60)?; create_date datetime; modify_date datetime; referenced_object_id int?; is_disabled bit; is_not_trusted bit; delete_referential_action tinyint?; delete_referential_action_desc nvarchar(60)?; update_referential_action tinyint?; update_referential_action_desc nvarchar(60)?",
            0,
            0,
        ),
        (
            "sys",
            "default_constraints",
            "name sysname; object_id int; schema_id int; parent_object_id int; parent_column_id int; definition nvarchar(max)?; is_system_named bit",
            0,
            0,
        ),
        (
            "sys",
            "partitions",
            "partition_id bigint; object_id int; index_id int; partition_number int; hobt_id bigint; rows bigint?; filestream_filegroup_id smallint; data_compression tinyint; data_compression_desc nvarchar(60)?",
            0,
            0,
        ),
        ("sys", "dm_db_partition_stats", PARTITION_STATS, 0, 0),
        (
            "sys",
            "filegroups",
            "name sysname; data_space_id int; type char(2); type_desc nvarchar(60)?; is_default bit?; is_system bit?; filegroup_guid uniqueidentifier?; log_filegroup_id int?; is_read_only bit?; is_autogrow_all_files bit?",
            0,
            0,
        ),
        ("sys", "server_principals", PRINCIPALS, 0, 0),
        ("sys", "sql_logins", PRINCIPALS, 0, 0),
        ("sys", "database_principals", DATABASE_PRINCIPALS, 0, 0),
        (
            "sys",
            "servers",
            "server_id int; name sysname; product sysname; provider sysname; data_source nvarchar(4000)?; is_linked bit",
            0,
            0,
        ),
        (
            "sys",
            "backup_devices",
            "name sysname; type tinyint?; type_desc nvarchar(60)?; physical_name nvarchar(260)?",
            0,
            0,
        ),
        ("sys", "certificates", CERTIFICATES, 0, 0),
        (
            "sys",
            "asymmetric_keys",
            "name sysname; asymmetric_key_id int; thumbprint varbinary(32)",
            0,
            0,
        ),
        (
            "sys",
            "symmetric_keys",
            "name sysname; principal_id int?; symmetric_key_id int; key_length int; key_algorithm char(2); algorithm_desc nvarchar(60)?",
            0,
            0,
        ),
        (
            "sys",
            "credentials",
            "credential_id int; name sysname; credential_identity nvarchar(4000)?; create_date datetime; modify_date datetime; target_type nvarchar(100)?; target_id int?",
            0,
            0,
        ),
        ("sys", "dm_database_encryption_keys", ENCRYPTION_KEYS, 0, 0),
        ("sys", "availability_groups", AVAILABILITY_GROUPS, 0, 0),
        ("sys", "availability_replicas", AVAILABILITY_REPLICAS, 0, 0),
        (
            "sys",
            "availability_databases_cluster",
            "group_id uniqueidentifier?; group_database_id uniqueidentifier?; database_name sysname?; truncation_lsn numeric(25,0)?",
            0,
            0,
        ),
        (
            "sys",
            "dm_hadr_availability_replica_states",
            REPLICA_STATES,
            0,
            0,
        ),
        (
            "sys",
            "dm_hadr_database_replica_states",
            HADR_DATABASES,
            0,
            0,
        ),
        (
            "sys",
            "database_mirroring",
            "database_id int; mirroring_guid uniqueidentifier?; mirroring_state tinyint?; mirroring_state_desc nvarchar(60)?; mirroring_role tinyint?; mirroring_role_desc nvarchar(60)?; mirroring_partner_name nvarchar(128)?",
            0,
            0,
        ),
        ("sys", "dm_db_log_stats", LOG_STATS, 1, 0),
        (
            "sys",
            "dm_db_log_space_usage",
            "database_id smallint?; total_log_size_in_bytes bigint?; used_log_space_in_bytes bigint?; used_log_space_in_percent real?; log_space_in_bytes_since_last_backup bigint?",
            0,
            0,
        ),
        (
            "sys",
            "dm_db_file_space_usage",
            "database_id smallint?; file_id smallint?; filegroup_id smallint?; total_page_count bigint?; allocated_extent_page_count bigint?; unallocated_extent_page_count bigint?; version_store_reserved_page_count bigint?; user_object_reserved_page_count bigint?; internal_object_reserved_page_count bigint?; mixed_extent_page_count bigint?; modified_extent_page_count bigint?",
            0,
            0,
        ),
        (
            "sys",
            "dm_io_virtual_file_stats",
            "database_id smallint; file_id smallint; sample_ms bigint; num_of_reads bigint; num_of_bytes_read bigint; io_stall_read_ms bigint; num_of_writes bigint; num_of_bytes_written bigint; io_stall_write_ms bigint; io_stall bigint; size_on_disk_bytes bigint",
            2,
            0,
        ),
        (
            "sys",
            "dm_tran_locks",
            "resource_type nvarchar(60); resource_subtype nvarchar(60); resource_database_id int; resource_description nvarchar(256); request_mode nvarchar(60); request_type nvarchar(60); request_status nvarchar(60); request_session_id int",
            0,
            0,
        ),
        ("sys", "dm_database_backups", DATABASE_BACKUPS, 0, 0),
        (
            "sys",
            "time_zone_info",
            "name sysname; current_utc_offset nvarchar(6)?; is_currently_dst bit",
            0,
            0,
        ),
        ("sys", "syslanguages", SYSLANGUAGES, 0, 0),
        (
            "sys",
            "messages",
            "message_id int; language_id smallint; severity tinyint; is_event_logged bit; text nvarchar(2048)",
            0,
            0,
        ),
        (
            "sys",
            "sql_modules",
            "object_id int; definition nvarchar(max)?; uses_ansi_nulls bit?; uses_quoted_identifier bit?",
            0,
            0,
        ),
        (
            "sys",
            "extended_properties",
            "class tinyint; class_desc nvarchar(60)?; major_id int; minor_id int; name sysname; value sql_variant?",
            0,
            0,
        ),
        ("sys", "sysprocesses", SYSPROCESSES, 0, 0),
        ("sys", "sysdatabases", SYSDATABASES, 0, 0),
        ("INFORMATION_SCHEMA", "TABLES", TABLES_OF_SCHEMA, 0, 0),
        ("INFORMATION_SCHEMA", "COLUMNS", COLUMNS_OF_SCHEMA, 0, 0),
        (
            "INFORMATION_SCHEMA",
            "SCHEMATA",
            "CATALOG_NAME nvarchar(128)?; SCHEMA_NAME nvarchar(128); SCHEMA_OWNER nvarchar(128)?; DEFAULT_CHARACTER_SET_CATALOG varchar(6)?; DEFAULT_CHARACTER_SET_SCHEMA varchar(3)?; DEFAULT_CHARACTER_SET_NAME sysname?",
            0,
            0,
        ),
    ];
    list.iter()
        .enumerate()
        .map(
            |(at, (schema, name, declaration, n_arguments, n_hidden))| SystemView {
                schema,
                name,
                object_id: -400 - at as i32,
                columns: columns(declaration),
                n_arguments: *n_arguments,
                n_hidden: *n_hidden,
            },
        )
        .collect()
});

/// All system views and functions.
pub fn views() -> &'static [SystemView] {
    &VIEWS
}

/// The view of that name; the old names (`sysdatabases`, `sysprocesses`) are found in any schema.
pub fn view(schema: &str, name: &str) -> Option<&'static SystemView> {
    let old = matches!(
        name.to_ascii_lowercase().as_str(),
        "sysdatabases" | "sysprocesses" | "syslanguages"
    ) && (schema.is_empty() || same_name(schema, "dbo"));
    VIEWS.iter().find(|v| {
        same_name(v.name, name) && (same_name(v.schema, schema) || (old && v.schema == "sys"))
    })
}

/// Schemas of a database with their ids.
pub fn schemas(catalogue: Option<&Catalogue>) -> Vec<(i32, String)> {
    let mut all = vec![
        (1, "dbo".to_owned()),
        (2, "guest".to_owned()),
        (3, "INFORMATION_SCHEMA".to_owned()),
        (4, "sys".to_owned()),
    ];
    if let Some(catalogue) = catalogue {
        let own = catalogue.schemas().iter().filter(|s| !same_name(s, "dbo"));
        all.extend(
            own.enumerate()
                .map(|(at, name)| (5 + at as i32, name.clone())),
        );
    }
    all
}

/// Types as `sys.types` lists them: user type, system type, name.
pub fn type_names() -> &'static [(i32, i32, &'static str)] {
    &[
        (34, 34, "image"),
        (35, 35, "text"),
        (36, 36, "uniqueidentifier"),
        (40, 40, "date"),
        (41, 41, "time"),
        (42, 42, "datetime2"),
        (43, 43, "datetimeoffset"),
        (48, 48, "tinyint"),
        (52, 52, "smallint"),
        (56, 56, "int"),
        (58, 58, "smalldatetime"),
        (59, 59, "real"),
        (60, 60, "money"),
        (61, 61, "datetime"),
        (62, 62, "float"),
        (98, 98, "sql_variant"),
        (99, 99, "ntext"),
        (104, 104, "bit"),
        (106, 106, "decimal"),
        (108, 108, "numeric"),
        (122, 122, "smallmoney"),
        (127, 127, "bigint"),
        (165, 165, "varbinary"),
        (167, 167, "varchar"),
        (173, 173, "binary"),
        (175, 175, "char"),
        (189, 189, "timestamp"),
        (231, 231, "nvarchar"),
        (239, 239, "nchar"),
        (241, 241, "xml"),
        (256, 231, "sysname"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::value::SqlType;

    #[test]
    fn every_view_is_declared_well() {
        for view in views() {
            assert!(view.n_hidden <= view.n_arguments, "{}", view.name);
            assert!(view.n_arguments < view.columns.len(), "{}", view.name);
            for column in &view.columns {
                let variant = matches!(
                    view.name,
                    "configurations" | "identity_columns" | "extended_properties"
                );
                assert!(
                    variant || column.ty != SqlType::SqlVariant,
                    "{}.{}",
                    view.name,
                    column.name
                );
            }
        }
        assert_eq!(
            view("sys", "master_files").map(|v| v.columns.len()),
            Some(32)
        );
        assert!(view("", "sysdatabases").is_some());
        assert!(view("dbo", "databases").is_none());
    }
}
