//! Columns of the system views, in the product's order.

pub(super) const DATABASES: &str = "name sysname; database_id int; source_database_id int?; owner_sid varbinary(85)?; \
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

pub(super) const MASTER_FILES: &str = "database_id int; file_id int; file_guid uniqueidentifier?; type tinyint; \
    type_desc nvarchar(60)?; data_space_id int; name sysname; physical_name nvarchar(260); state tinyint?; \
    state_desc nvarchar(60)?; size int; max_size int; growth int; is_media_read_only bit; is_read_only bit; \
    is_sparse bit; is_percent_growth bit; is_name_reserved bit; is_persistent_log_buffer bit; \
    create_lsn numeric(25,0)?; drop_lsn numeric(25,0)?; read_only_lsn numeric(25,0)?; \
    read_write_lsn numeric(25,0)?; differential_base_lsn numeric(25,0)?; \
    differential_base_guid uniqueidentifier?; differential_base_time datetime?; \
    redo_start_lsn numeric(25,0)?; redo_start_fork_guid uniqueidentifier?; redo_target_lsn numeric(25,0)?; \
    redo_target_fork_guid uniqueidentifier?; backup_lsn numeric(25,0)?; credential_id int?";

pub(super) const DATABASE_FILES: &str = "file_id int; file_guid uniqueidentifier?; type tinyint; type_desc nvarchar(60)?; \
    data_space_id int; name sysname; physical_name nvarchar(260); state tinyint?; state_desc nvarchar(60)?; \
    size int; max_size int; growth int; is_media_read_only bit; is_read_only bit; is_sparse bit; \
    is_percent_growth bit; is_name_reserved bit; is_persistent_log_buffer bit; create_lsn numeric(25,0)?; \
    drop_lsn numeric(25,0)?; read_only_lsn numeric(25,0)?; read_write_lsn numeric(25,0)?; \
    differential_base_lsn numeric(25,0)?; differential_base_guid uniqueidentifier?; \
    differential_base_time datetime?; redo_start_lsn numeric(25,0)?; redo_start_fork_guid uniqueidentifier?; \
    redo_target_lsn numeric(25,0)?; redo_target_fork_guid uniqueidentifier?; backup_lsn numeric(25,0)?";

pub(super) const RECOVERY_STATUS: &str = "database_id int; database_guid uniqueidentifier?; family_guid uniqueidentifier?; \
    last_log_backup_lsn numeric(25,0)?; recovery_fork_guid uniqueidentifier?; \
    first_recovery_fork_guid uniqueidentifier?; fork_point_lsn numeric(25,0)?";

pub(super) const DM_EXEC_REQUESTS: &str = "session_id smallint; request_id int; start_time datetime; status nvarchar(30); \
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

pub(super) const DM_EXEC_SESSIONS: &str = "session_id smallint; login_time datetime; host_name nvarchar(128)?; \
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

pub(super) const DM_EXEC_CONNECTIONS: &str = "session_id int?; most_recent_session_id int?; connect_time datetime; \
    net_transport nvarchar(40); protocol_type nvarchar(40)?; protocol_version int?; endpoint_id int?; \
    encrypt_option nvarchar(40); auth_scheme nvarchar(40); node_affinity smallint; num_reads int?; \
    num_writes int?; last_read datetime?; last_write datetime?; net_packet_size int?; \
    client_net_address varchar(48)?; client_tcp_port int?; local_net_address varchar(48)?; \
    local_tcp_port int?; connection_id uniqueidentifier; parent_connection_id uniqueidentifier?; \
    most_recent_sql_handle varbinary(64)?";

pub(super) const DM_EXEC_SQL_TEXT: &str = "handle varbinary(64); dbid smallint?; objectid int?; number smallint?; \
    encrypted bit; text nvarchar(max)?";

pub(super) const DM_EXEC_INPUT_BUFFER: &str = "session smallint; request int?; event_type nvarchar(256)?; \
    parameters smallint?; event_info nvarchar(max)?";

pub(super) const DM_OS_VOLUME_STATS: &str = "database_id int; file_id int; volume_mount_point nvarchar(512)?; \
    volume_id nvarchar(512)?; logical_volume_name nvarchar(512)?; file_system_type nvarchar(512)?; \
    total_bytes bigint; available_bytes bigint; supports_compression tinyint?; \
    supports_alternate_streams tinyint?; supports_sparse_files tinyint?; is_read_only tinyint?; \
    is_compressed tinyint?; incurs_seek_penalty tinyint?";

pub(super) const TRACES: &str = "id int; status int; path nvarchar(260)?; max_size int?; stop_time datetime?; \
    max_files int?; is_rowset bit?; is_rollover bit?; is_shutdown bit?; is_default bit?; buffer_count int?; \
    buffer_size int?; file_position bigint?; reader_spid int?; start_time datetime?; last_event_time datetime?; \
    event_count bigint?; dropped_event_count int?";

/// The columns that the default trace fills, after the two arguments.
pub(super) const FN_TRACE_GETTABLE: &str = "filename nvarchar(4000)?; number_files int?; DatabaseID int?; \
    NTUserName nvarchar(256)?; HostName nvarchar(256)?; ApplicationName nvarchar(256)?; LoginName nvarchar(256)?; \
    SPID int?; StartTime datetime?; EventSubClass int?; ObjectID int?; ServerName nvarchar(256)?; EventClass int?; \
    ObjectType int?; ObjectName nvarchar(256)?; DatabaseName nvarchar(256)?; SessionLoginName nvarchar(256)?; \
    TextData ntext?; EventSequence bigint?";

pub(super) const DM_OS_FILE_EXISTS: &str =
    "path nvarchar(4000); file_exists int; file_is_a_directory int; parent_directory_exists int";

pub(super) const DM_OS_ENUMERATE_FILESYSTEM: &str = "path nvarchar(4000); pattern nvarchar(4000); \
    full_filesystem_path nvarchar(512); parent_directory nvarchar(512); file_or_directory_name nvarchar(512); \
    level int; is_directory bit; is_read_only bit; is_system bit; is_hidden bit; has_integrity_stream bit; \
    is_temporary bit; is_sparse bit; creation_time datetime2(7)?; last_access_time datetime2(7)?; \
    last_write_time datetime2(7)?; size_in_bytes bigint";

pub(super) const DM_SERVER_SERVICES: &str = "servicename nvarchar(256); startup_type int?; startup_type_desc nvarchar(256); \
    status int?; status_desc nvarchar(256); process_id int?; last_startup_time datetimeoffset(7)?; \
    service_account nvarchar(256); filename nvarchar(256); is_clustered nvarchar(1); \
    cluster_nodename nvarchar(256)?; instant_file_initialization_enabled nvarchar(1)";

pub(super) const OBJECTS: &str = "name sysname; object_id int; principal_id int?; schema_id int; parent_object_id int; \
    type char(2)?; type_desc nvarchar(60)?; create_date datetime; modify_date datetime; is_ms_shipped bit; \
    is_published bit; is_schema_published bit";

pub(super) const COLUMNS: &str = "object_id int; name sysname?; column_id int; system_type_id tinyint; user_type_id int; \
    max_length smallint; precision tinyint; scale tinyint; collation_name sysname?; is_nullable bit?; \
    is_ansi_padded bit; is_rowguidcol bit; is_identity bit; is_computed bit; is_filestream bit; \
    is_replicated bit?; is_non_sql_subscribed bit?; is_merge_published bit?; is_dts_replicated bit?; \
    is_xml_document bit; xml_collection_id int; default_object_id int; rule_object_id int; is_sparse bit?; \
    is_column_set bit?; generated_always_type tinyint?; generated_always_type_desc nvarchar(60)?";

pub(super) const INDEXES: &str = "object_id int; name sysname?; index_id int; type tinyint; type_desc nvarchar(60)?; \
    is_unique bit?; data_space_id int; ignore_dup_key bit?; is_primary_key bit?; is_unique_constraint bit?; \
    fill_factor tinyint; is_padded bit?; is_disabled bit?; is_hypothetical bit?; allow_row_locks bit?; \
    allow_page_locks bit?; has_filter bit?; filter_definition nvarchar(max)?";

pub(super) const PARTITION_STATS: &str = "partition_id bigint?; object_id int; index_id int; partition_number int; \
    in_row_data_page_count bigint?; in_row_used_page_count bigint?; in_row_reserved_page_count bigint?; \
    lob_used_page_count bigint?; lob_reserved_page_count bigint?; row_overflow_used_page_count bigint?; \
    row_overflow_reserved_page_count bigint?; used_page_count bigint?; reserved_page_count bigint?; \
    row_count bigint?";

pub(super) const PRINCIPALS: &str = "name sysname; principal_id int; sid varbinary(85)?; type char(1); type_desc nvarchar(60)?; \
    is_disabled bit?; create_date datetime; modify_date datetime; default_database_name sysname?; \
    default_language_name sysname?; credential_id int?; owning_principal_id int?; is_fixed_role bit";

pub(super) const DATABASE_PRINCIPALS: &str = "name sysname; principal_id int; type char(1); type_desc nvarchar(60)?; \
    default_schema_name sysname?; create_date datetime; modify_date datetime; owning_principal_id int?; \
    sid varbinary(85)?; is_fixed_role bit; authentication_type int; authentication_type_desc nvarchar(60)?; \
    default_language_name sysname?; default_language_lcid int?; allow_encrypted_value_modifications bit";

pub(super) const REPLICA_STATES: &str = "replica_id uniqueidentifier; group_id uniqueidentifier; is_local bit; role tinyint?; \
    role_desc nvarchar(60)?; operational_state tinyint?; operational_state_desc nvarchar(60)?; \
    connected_state tinyint?; connected_state_desc nvarchar(60)?; recovery_health tinyint?; \
    recovery_health_desc nvarchar(60)?; synchronization_health tinyint?; \
    synchronization_health_desc nvarchar(60)?; last_connect_error_number int?; \
    last_connect_error_description nvarchar(1024)?; last_connect_error_timestamp datetime?";

pub(super) const AVAILABILITY_GROUPS: &str = "group_id uniqueidentifier; name sysname?; resource_id nvarchar(40)?; \
    resource_group_id nvarchar(40)?; failure_condition_level int?; health_check_timeout int?; \
    automated_backup_preference tinyint?; automated_backup_preference_desc nvarchar(60)?; version smallint?; \
    basic_features bit?; dtc_support bit?; db_failover bit?; is_distributed bit?; cluster_type tinyint?; \
    cluster_type_desc nvarchar(60)?; required_synchronized_secondaries_to_commit int?; \
    sequence_number bigint?; is_contained bit?";

pub(super) const AVAILABILITY_REPLICAS: &str = "replica_id uniqueidentifier?; group_id uniqueidentifier?; replica_metadata_id int?; \
    replica_server_name nvarchar(256)?; owner_sid varbinary(85)?; endpoint_url nvarchar(128)?; \
    availability_mode tinyint?; availability_mode_desc nvarchar(60)?; failover_mode tinyint?; \
    failover_mode_desc nvarchar(60)?; session_timeout int?; primary_role_allow_connections tinyint?; \
    primary_role_allow_connections_desc nvarchar(60)?; secondary_role_allow_connections tinyint?; \
    secondary_role_allow_connections_desc nvarchar(60)?; create_date datetime?; modify_date datetime?; \
    backup_priority int?; read_only_routing_url nvarchar(256)?; seeding_mode tinyint?; \
    seeding_mode_desc nvarchar(60)?";

pub(super) const HADR_DATABASES: &str = "database_id int; group_id uniqueidentifier; replica_id uniqueidentifier; \
    group_database_id uniqueidentifier; is_local bit?; is_primary_replica bit?; synchronization_state tinyint?; \
    synchronization_state_desc nvarchar(60)?; is_commit_participant bit?; synchronization_health tinyint?; \
    synchronization_health_desc nvarchar(60)?; database_state tinyint?; database_state_desc nvarchar(60)?; \
    is_suspended bit?; suspend_reason tinyint?; suspend_reason_desc nvarchar(60)?; \
    recovery_lsn numeric(25,0)?; truncation_lsn numeric(25,0)?; last_sent_lsn numeric(25,0)?; \
    last_received_lsn numeric(25,0)?; last_hardened_lsn numeric(25,0)?; last_redone_lsn numeric(25,0)?; \
    end_of_log_lsn numeric(25,0)?; last_commit_lsn numeric(25,0)?; last_commit_time datetime?";

pub(super) const CERTIFICATES: &str = "name sysname; certificate_id int; principal_id int?; pvt_key_encryption_type char(2); \
    pvt_key_encryption_type_desc nvarchar(60)?; is_active_for_begin_dialog bit?; issuer_name nvarchar(442)?; \
    cert_serial_number nvarchar(64)?; sid varbinary(85)?; string_sid nvarchar(128)?; subject nvarchar(4000)?; \
    expiry_date datetime?; start_date datetime?; thumbprint varbinary(32); attested_by nvarchar(260)?; \
    pvt_key_last_backup_date datetime?; key_length int?";

pub(super) const LOG_STATS: &str = "database_id int; recovery_model nvarchar(60)?; log_min_lsn nvarchar(24)?; \
    log_end_lsn nvarchar(24)?; current_vlf_sequence_number bigint?; current_vlf_size_mb float?; \
    total_vlf_count bigint?; total_log_size_mb float?; active_vlf_count bigint?; active_log_size_mb float?; \
    log_truncation_holdup_reason nvarchar(60)?; log_backup_time datetime?; log_backup_lsn nvarchar(24)?; \
    log_since_last_log_backup_mb float?; log_checkpoint_lsn nvarchar(24)?; \
    log_since_last_checkpoint_mb float?; log_recovery_lsn nvarchar(24)?; log_recovery_size_mb float?; \
    recovery_vlf_count bigint?";

pub(super) const ENCRYPTION_KEYS: &str = "database_id int; encryption_state int?; create_date datetime?; regenerate_date datetime?; \
    modify_date datetime?; set_date datetime?; opened_date datetime?; key_algorithm nvarchar(32)?; \
    key_length int?; encryptor_thumbprint varbinary(20)?; encryptor_type nvarchar(32)?; percent_complete real?";

pub(super) const DATABASE_BACKUPS: &str = "backup_file_id uniqueidentifier; logical_database_id uniqueidentifier; \
    physical_database_name nvarchar(128); logical_server_name nvarchar(128); logical_database_name nvarchar(128); \
    backup_start_date datetime2(7); backup_finish_date datetime2(7); backup_type char(1); in_retention bit?";

pub(super) const SYSLANGUAGES: &str = "langid smallint; dateformat nchar(3); datefirst tinyint; upgrade int?; name sysname; \
    alias sysname?; months nvarchar(372)?; shortmonths nvarchar(132)?; days nvarchar(217)?; lcid int; \
    msglangid smallint";

pub(super) const SYSPROCESSES: &str = "spid smallint; kpid smallint; blocked smallint; waittype binary(2); waittime bigint; \
    lastwaittype nchar(32); waitresource nchar(256); dbid smallint; uid smallint?; cpu int; physical_io bigint; \
    memusage int; login_time datetime; last_batch datetime; ecid smallint; open_tran smallint; status nchar(30); \
    sid binary(86); hostname nchar(128); program_name nchar(128); hostprocess nchar(10); cmd nchar(26); \
    nt_domain nchar(128); nt_username nchar(128); net_address nchar(12); net_library nchar(12); \
    loginame nchar(128); context_info binary(128); sql_handle binary(20); stmt_start int; stmt_end int; \
    request_id int";

pub(super) const SYSDATABASES: &str = "name sysname; dbid smallint; sid varbinary(85)?; mode smallint; status int; status2 int; \
    crdate datetime; reserved datetime; category int; cmptlevel tinyint; filename nvarchar(260)?; \
    version smallint?";

pub(super) const TABLES_OF_SCHEMA: &str = "TABLE_CATALOG nvarchar(128)?; TABLE_SCHEMA sysname?; TABLE_NAME sysname; \
    TABLE_TYPE varchar(10)?";

pub(super) const COLUMNS_OF_SCHEMA: &str = "TABLE_CATALOG nvarchar(128)?; TABLE_SCHEMA nvarchar(128)?; TABLE_NAME sysname; \
    COLUMN_NAME sysname?; ORDINAL_POSITION int; COLUMN_DEFAULT nvarchar(4000)?; IS_NULLABLE varchar(3)?; \
    DATA_TYPE nvarchar(128)?; CHARACTER_MAXIMUM_LENGTH int?; CHARACTER_OCTET_LENGTH int?; \
    NUMERIC_PRECISION tinyint?; NUMERIC_PRECISION_RADIX smallint?; NUMERIC_SCALE int?; \
    DATETIME_PRECISION smallint?; CHARACTER_SET_CATALOG sysname?; CHARACTER_SET_SCHEMA sysname?; \
    CHARACTER_SET_NAME sysname?; COLLATION_CATALOG sysname?; COLLATION_SCHEMA sysname?; \
    COLLATION_NAME sysname?; DOMAIN_CATALOG sysname?; DOMAIN_SCHEMA sysname?; DOMAIN_NAME sysname?";

pub const INDEX_USAGE_STATS: &str = "database_id smallint; object_id int; index_id int; user_seeks bigint; user_scans bigint; user_lookups bigint; user_updates bigint; last_user_seek datetime?; last_user_scan datetime?; last_user_lookup datetime?; last_user_update datetime?; system_seeks bigint; system_scans bigint; system_lookups bigint; system_updates bigint; last_system_seek datetime?; last_system_scan datetime?; last_system_lookup datetime?; last_system_update datetime?";
