//! The T-SQL of a job step: it finds its databases and names its files when it runs.
//!
//! Agent stops a step at its first error, so a database that fails must not keep the others from being backed up:
//! the first try is inside `TRY`, and what failed is tried once more outside, where the server's own messages reach
//! the job history and fail the step. `TRY … CATCH` alone would show nothing but 3013.

use crate::domain::{
    AgentSchedule, JobDefinition, Policy, PolicyBackup, PolicyDatabases, PolicyId, PolicyKind,
    PolicyOptions,
};
use crate::tsql::quote::pieced_text;

/// What the line begins with that holds the policy itself.
const MARK: &str = "-- stopat-policy/1 ";

/// The line of a step that holds the policy, as JSON that was written elsewhere; Agent finds no token in it.
pub fn policy_line(json: &str) -> String {
    // Only inside a text of JSON can a dollar sign stand, and there its escape says the same.
    format!("{MARK}{}", json.replace('$', "\\u0024"))
}

/// The JSON of the policy that a step was written for.
pub fn stored_policy(command: &str) -> Option<&str> {
    command
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(MARK))
        .map(str::trim)
}

/// The jobs that carry out a policy. `options` are those that the edition has; `json` is the policy for [`policy_line`].
pub fn job_definitions(policy: &Policy, options: PolicyOptions, json: &str) -> Vec<JobDefinition> {
    let id = policy.id();
    policy
        .backups
        .iter()
        .map(|backup| JobDefinition {
            kind: backup.kind,
            policy: id.clone(),
            name: PolicyId::job_name(&policy.databases, backup.kind),
            description: description(&id, backup.kind),
            command: command(policy, backup, options, json),
            schedule: AgentSchedule::of(&backup.times),
            operator: policy.notify.operator.clone(),
        })
        .collect()
}

/// Says whose job it is, even when its step was replaced; [`crate::domain::PolicyId`] is read back from it.
fn description(id: &PolicyId, kind: PolicyKind) -> String {
    let what = match kind {
        PolicyKind::Full => "Full",
        PolicyKind::Differential => "Differential",
        PolicyKind::Log => "Log",
    };
    format!("{what} backups, by the policy {} of stopat.", id.as_str())
}

fn command(policy: &Policy, backup: &PolicyBackup, options: PolicyOptions, json: &str) -> String {
    let kind = backup.kind;
    let folder = policy.place(kind).unwrap_or_default();
    let separator = if folder.contains('/') && !folder.contains('\\') {
        '/'
    } else {
        '\\'
    };
    let take = backup_statement(policy, backup, options);
    let (first_try, second_try, read_again) = if backup.verify {
        let read = read_back(options);
        (
            format!(
                "{take}\n            UPDATE @todo SET written = @file WHERE id = @id;\n            {read}"
            ),
            format!(
                "{take}\n            IF @@ERROR = 0\n            BEGIN\n            {read}\n            END;"
            ),
            // It was taken in the first round: what failed is reading it back.
            format!(
                "ELSE IF @written IS NOT NULL
    BEGIN
            SET @file = @written;
            {read}
    END;
    "
            ),
        )
    } else {
        (take.clone(), take, String::new())
    };
    format!(
        "-- Written by stopat for its policy. What is changed here by hand shows there as a difference.
{line}
SET NOCOUNT ON;
DECLARE @folder nvarchar(260) = {folder};
DECLARE @database sysname, @reason nvarchar(200), @safe nvarchar(500), @file nvarchar(1000), @message nvarchar(2048);
DECLARE @id int, @round int = 1, @at int, @length int, @code int, @now datetime, @written nvarchar(1000){position};
DECLARE @todo TABLE (id int IDENTITY(1, 1) PRIMARY KEY, name sysname NOT NULL, reason nvarchar(200) NULL, round int NOT NULL, written nvarchar(1000) NULL);
INSERT INTO @todo (name, reason, round)
{select};
{nothing}
WHILE @round <= 2
BEGIN
    SET @id = (SELECT MIN(t.id) FROM @todo AS t WHERE t.round = @round);
    IF @id IS NULL
    BEGIN
        SET @round += 1;
        CONTINUE;
    END;
    SELECT @database = t.name, @reason = t.reason, @written = t.written FROM @todo AS t WHERE t.id = @id;
    UPDATE @todo SET round = 3 WHERE id = @id;
    IF @reason IS NOT NULL
    BEGIN
        SET @message = N'Skipped ' + QUOTENAME(@database) + N': ' + @reason + N'.';
        -- What nobody can know fails the step, when every other database has had its turn.
        IF @round = 1 PRINT @message;
        ELSE RAISERROR (N'%s', 16, 1, @message);
        CONTINUE;
    END;
    -- What a file name cannot hold is written as % and two digits, so that the database can be told from it.
    SELECT @safe = N'', @at = 1, @length = DATALENGTH(@database) / 2, @now = GETDATE();
    WHILE @at <= @length
    BEGIN
        SET @code = UNICODE(SUBSTRING(@database, @at, 1));
        SET @safe += CASE
            WHEN @code < 32 OR @code IN (34, 37, 42, 47, 58, 60, 62, 63, 92, 124, 127)
                OR (@code IN (32, 46) AND @at IN (1, @length))
            THEN N'%' + CONVERT(nvarchar(2), CONVERT(binary(1), @code), 2)
            ELSE SUBSTRING(@database, @at, 1) END;
        SET @at += 1;
    END;
    SET @file = @folder + N'{separator}' + @safe + N'_{word}_' + CONVERT(nchar(8), @now, 112) + N'_'
        + REPLACE(CONVERT(nchar(8), @now, 108), N':', N'') + N'.{extension}';
    IF @round = 1
    BEGIN
        BEGIN TRY
            IF LEN(@file) > 259 RAISERROR (N'The name of the backup file would be longer than 259 characters.', 16, 1);
            {first_try}
        END TRY
        BEGIN CATCH
            SET @message = N'The backup of ' + QUOTENAME(@database) + N'{or_reading} failed and is tried once more: ' + ERROR_MESSAGE();
            PRINT @message;
            UPDATE @todo SET round = 2 WHERE id = @id;
        END CATCH;
    END;
    {read_again}ELSE
    BEGIN
        IF LEN(@file) > 259 RAISERROR (N'The name of the backup file would be longer than 259 characters.', 16, 1);
        ELSE
        BEGIN
            {second_try}
        END;
    END;
END;
",
        position = if backup.verify { ", @position int" } else { "" },
        or_reading = if backup.verify {
            ", or reading it back,"
        } else {
            ""
        },
        line = policy_line(json),
        folder = pieced_text(&folder),
        select = select(&policy.databases, kind),
        nothing = nothing_there(&policy.databases),
        word = kind.word(),
        extension = kind.extension(),
    )
}

/// The databases with the reason why one cannot be backed up now.
///
/// Of an availability group, logs are taken on the preferred replica; fulls and differentials that others build on
/// are possible on the primary alone (message 3059).
fn select(databases: &PolicyDatabases, kind: PolicyKind) -> String {
    let (reasons, join, round) = match kind {
        PolicyKind::Full => (
            "        WHEN sys.fn_hadr_is_primary_replica(d.name) = 0 THEN N'its full backups are taken on the primary replica'
",
            "",
            "1",
        ),
        PolicyKind::Differential => (
            "        WHEN sys.fn_hadr_is_primary_replica(d.name) = 0 THEN N'its differential backups are taken on the primary replica'
        WHEN f.database_id IS NULL THEN N'the owner of this job may not see its files, and so not whether it has a full backup; VIEW ANY DEFINITION is missing'
        WHEN f.differential_base_lsn IS NULL THEN N'it has no full backup yet that a differential could build on'
",
            "LEFT JOIN sys.master_files AS f ON f.database_id = d.database_id AND f.file_id = 1
",
            "CASE WHEN d.state = 0 AND d.is_in_standby = 0 AND f.database_id IS NULL THEN 2 ELSE 1 END",
        ),
        PolicyKind::Log => (
            "        WHEN d.recovery_model = 3 THEN N'it is in simple recovery, which has no log backups'
        WHEN sys.fn_hadr_backup_is_preferred_replica(d.name) = 0 THEN N'another replica of its availability group is preferred for backups'
        WHEN r.database_id IS NULL THEN N'the owner of this job may not see its recovery status, and so not whether it has a full backup; VIEW ANY DEFINITION is missing'
        WHEN r.last_log_backup_lsn IS NULL THEN N'it has no full backup yet that a log backup could follow'
",
            "LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
",
            "CASE WHEN d.state = 0 AND d.is_in_standby = 0 AND d.recovery_model <> 3 AND r.database_id IS NULL THEN 2 ELSE 1 END",
        ),
    };
    let condition = match databases {
        PolicyDatabases::One(name) => format!("d.name = {}", pieced_text(name)),
        PolicyDatabases::AllUser { except } => {
            let mut condition =
                "d.database_id > 4 AND d.source_database_id IS NULL AND d.is_distributor = 0"
                    .to_owned();
            for name in except {
                condition.push_str(&format!(" AND d.name <> {}", pieced_text(name)));
            }
            condition
        }
    };
    format!(
        "SELECT d.name,
    CASE
        WHEN d.state <> 0 THEN N'it is ' + d.state_desc
        WHEN d.is_in_standby = 1 THEN N'it is a warm standby'
{reasons}    END,
    {round}
FROM sys.databases AS d
{join}WHERE {condition}
ORDER BY d.name"
    )
}

fn nothing_there(databases: &PolicyDatabases) -> String {
    match databases {
        PolicyDatabases::One(name) => {
            // A percent sign of the name is no placeholder.
            let message = format!("There is no database {name} on this server.").replace('%', "%%");
            format!(
                "IF NOT EXISTS (SELECT * FROM @todo)
BEGIN
    SET @message = {};
    RAISERROR (@message, 16, 1);
END;",
                pieced_text(&message)
            )
        }
        PolicyDatabases::AllUser { .. } => {
            "IF NOT EXISTS (SELECT * FROM @todo) PRINT N'There are no user databases.';".to_owned()
        }
    }
}

fn backup_statement(policy: &Policy, backup: &PolicyBackup, options: PolicyOptions) -> String {
    let kind = backup.kind;
    let mut with = Vec::new();
    if kind == PolicyKind::Differential {
        with.push("DIFFERENTIAL".to_owned());
    }
    with.push(if options.compression {
        "COMPRESSION".to_owned()
    } else {
        "NO_COMPRESSION".to_owned()
    });
    if options.checksum {
        with.push("CHECKSUM".to_owned());
    }
    with.push(format!("NAME = N'{}'", policy.id().set_name(kind)));
    let verb = match kind {
        PolicyKind::Log => "BACKUP LOG",
        PolicyKind::Full | PolicyKind::Differential => "BACKUP DATABASE",
    };
    format!("{verb} @database TO DISK = @file WITH {};", with.join(", "))
}

/// Reads the newest set of the file back: in the repeated hour of autumn two backups go into one file.
fn read_back(options: PolicyOptions) -> String {
    let checksum = if options.checksum { ", CHECKSUM" } else { "" };
    format!(
        "SET @position = (SELECT TOP (1) bs.position FROM msdb.dbo.backupset AS bs
                JOIN msdb.dbo.backupmediafamily AS mf ON mf.media_set_id = bs.media_set_id
                WHERE mf.physical_device_name = @file AND bs.database_name = @database
                ORDER BY bs.backup_set_id DESC);
            RESTORE VERIFYONLY FROM DISK = @file WITH FILE = @position{checksum};"
    )
}
