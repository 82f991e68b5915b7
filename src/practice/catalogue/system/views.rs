//! The system views and table functions: their columns, in the product's order.
//!
//! Where a view has more columns than anything here could fill, only the later ones are left out:
//! <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/catalog-views-transact-sql>,
//! <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/system-dynamic-management-views>.

use super::declare::columns;
use super::view_columns::{
    AVAILABILITY_GROUPS, AVAILABILITY_REPLICAS, CERTIFICATES, COLUMNS, COLUMNS_OF_SCHEMA,
    DATABASE_BACKUPS, DATABASE_FILES, DATABASE_PRINCIPALS, DATABASES, DM_EXEC_CONNECTIONS,
    DM_EXEC_INPUT_BUFFER, DM_EXEC_REQUESTS, DM_EXEC_SESSIONS, DM_EXEC_SQL_TEXT,
    DM_OS_ENUMERATE_FILESYSTEM, DM_OS_FILE_EXISTS, DM_OS_VOLUME_STATS, DM_SERVER_SERVICES,
    ENCRYPTION_KEYS, FN_TRACE_GETTABLE, HADR_DATABASES, INDEX_USAGE_STATS, INDEXES, LOG_STATS,
    MASTER_FILES, OBJECTS, PARTITION_STATS, PRINCIPALS, RECOVERY_STATUS, REPLICA_STATES,
    SYSDATABASES, SYSLANGUAGES, SYSPROCESSES, TABLES_OF_SCHEMA, TRACES,
};
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
        ("sys", "traces", TRACES, 0, 0),
        ("sys", "fn_trace_gettable", FN_TRACE_GETTABLE, 2, 2),
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
        ("sys", "dm_db_index_usage_stats", INDEX_USAGE_STATS, 0, 0),
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
            "dm_tran_database_transactions",
            "transaction_id bigint; database_id int; database_transaction_begin_time datetime?; database_transaction_type int; database_transaction_state int; database_transaction_status int; database_transaction_status2 int; database_transaction_log_record_count bigint; database_transaction_replicate_record_count int; database_transaction_log_bytes_used bigint; database_transaction_log_bytes_reserved bigint; database_transaction_log_bytes_used_system int; database_transaction_log_bytes_reserved_system int",
            0,
            0,
        ),
        (
            "sys",
            "dm_tran_session_transactions",
            "session_id int; transaction_id bigint; transaction_descriptor binary(8); enlist_count int; is_user_transaction bit; is_local bit; is_enlisted bit; is_bound bit; open_transaction_count int",
            0,
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
