//! `WITH` options of `BACKUP` and `RESTORE`: read, checked, and refused as the product refuses them.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/backup-transact-sql>,
//! <https://learn.microsoft.com/sql/t-sql/statements/restore-statements-arguments-transact-sql>.

use super::{encryption::Encryption, stop_mark::StopMark};
use crate::practice::{
    engine::clock,
    reply::Message,
    sql::{
        convert::calendar::datetime_from_ticks,
        convert::moments,
        environment::DateFormat,
        statement::{
            BackupStatement, BackupWhat, Medium, OptionValue, RestoreStatement, RestoreWhat,
            WithOption,
        },
    },
};
use chrono::{NaiveDateTime, TimeDelta};

/// A `BACKUP` as it will run.
#[derive(Clone, Debug, PartialEq)]
pub struct BackupRequest {
    pub kind: super::SetKind,
    pub database: String,
    /// Virtual paths as written, one per stripe; `NUL` keeps nothing.
    pub devices: Vec<String>,
    pub copy_only: bool,
    /// `None`: as the media, or the server's default.
    pub compression: Option<bool>,
    pub checksum: Option<bool>,
    pub init: bool,
    pub format: bool,
    pub skip: bool,
    pub name: Option<String>,
    pub description: Option<String>,
    pub media_name: Option<String>,
    pub media_description: Option<String>,
    pub expires: Option<Expiry>,
    pub encryption: Option<Encryption>,
    /// `BACKUP LOG … WITH NORECOVERY`.
    pub norecovery: bool,
    pub no_truncate: bool,
    pub continue_after_error: bool,
    pub stats: Option<u8>,
    /// Login that runs it.
    pub user: String,
}

/// `EXPIREDATE` or `RETAINDAYS`.
#[derive(Clone, Debug, PartialEq)]
pub enum Expiry {
    At(NaiveDateTime),
    Days(i64),
}

impl BackupRequest {
    /// A plain backup to one file.
    pub fn new(kind: super::SetKind, database: &str, device: &str) -> Self {
        Self {
            kind,
            database: database.to_owned(),
            devices: vec![device.to_owned()],
            copy_only: false,
            compression: None,
            checksum: None,
            init: false,
            format: false,
            skip: false,
            name: None,
            description: None,
            media_name: None,
            media_description: None,
            expires: None,
            encryption: None,
            norecovery: false,
            no_truncate: false,
            continue_after_error: false,
            stats: None,
            user: "sa".to_owned(),
        }
    }
}

/// How a `RESTORE` leaves the database.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    Recovery,
    NoRecovery,
    /// Readable between the steps.
    Standby(String),
}

/// A `RESTORE` as it will run.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoreRequest {
    pub what: RestoreWhat,
    pub database: String,
    pub devices: Vec<String>,
    /// `FILE = n`; `None` where it was not said.
    pub position: Option<i64>,
    pub ending: Ending,
    /// Logical name, path.
    pub moves: Vec<(String, String)>,
    pub replace: bool,
    /// `CHECKSUM` was asked for.
    pub checksum: bool,
    /// Local `datetime` in 1/300 s.
    pub stop_at: Option<i64>,
    pub stop_mark: Option<StopMark>,
    pub restricted_user: bool,
    pub load_history: bool,
    pub restart: bool,
    pub media_name: Option<String>,
    pub stats: Option<u8>,
    pub user: String,
}

impl RestoreRequest {
    /// A plain restore from one file.
    pub fn new(what: RestoreWhat, database: &str, device: &str) -> Self {
        Self {
            what,
            database: database.to_owned(),
            devices: vec![device.to_owned()],
            position: None,
            ending: Ending::NoRecovery,
            moves: Vec::new(),
            replace: false,
            checksum: false,
            stop_at: None,
            stop_mark: None,
            restricted_user: false,
            load_history: false,
            restart: false,
            media_name: None,
            stats: None,
            user: "sa".to_owned(),
        }
    }
}

/// Taken and without effect on disk files.
const IGNORED: &[&str] = &[
    "REWIND",
    "NOREWIND",
    "UNLOAD",
    "NOUNLOAD",
    "RESTART",
    "STOP_ON_ERROR",
    "BUFFERCOUNT",
];

/// Reads the options of a `BACKUP`.
pub fn read_backup(statement: &BackupStatement, user: &str) -> Result<BackupRequest, Vec<Message>> {
    let mut request = BackupRequest::new(
        match statement.what {
            BackupWhat::Database => super::SetKind::Full,
            BackupWhat::Log => super::SetKind::Log,
        },
        &statement.database,
        "",
    );
    user.clone_into(&mut request.user);
    let refused = |message: Message| vec![message];
    for option in &statement.options {
        let WithOption { name, value } = option;
        match name.as_str() {
            "DIFFERENTIAL" => {
                if statement.what == BackupWhat::Log {
                    return Err(refused(unsupported(name)));
                }
                request.kind = super::SetKind::Differential;
            }
            "COPY_ONLY" => request.copy_only = true,
            "COMPRESSION" => {
                check_algorithm(value)?;
                request.compression = Some(true);
            }
            "NO_COMPRESSION" => request.compression = Some(false),
            "CHECKSUM" => request.checksum = Some(true),
            "NO_CHECKSUM" => request.checksum = Some(false),
            "INIT" => request.init = true,
            "FORMAT" => request.format = true,
            "SKIP" => request.skip = true,
            "NOINIT" | "NOFORMAT" | "NOSKIP" => {}
            "STATS" => request.stats = Some(stats(value)?),
            "NAME" => request.name = Some(text(name, value, 128)?),
            "DESCRIPTION" => request.description = Some(text(name, value, 255)?),
            "MEDIANAME" => request.media_name = Some(text(name, value, 128)?),
            "MEDIADESCRIPTION" => request.media_description = Some(text(name, value, 255)?),
            "EXPIREDATE" => {
                let at = moment(&text(name, value, 64)?)?;
                request.expires.get_or_insert(Expiry::At(at));
            }
            "RETAINDAYS" => request.expires = Some(Expiry::Days(number(name, value, 0, 99_999)?)),
            "BLOCKSIZE" => block_size(value)?,
            "MAXTRANSFERSIZE" => transfer_size(value)?,
            "NORECOVERY" | "NO_TRUNCATE" | "STANDBY" => {
                if statement.what != BackupWhat::Log {
                    return Err(refused(unsupported(name)));
                }
                if name == "NO_TRUNCATE" {
                    request.no_truncate = true;
                    (request.continue_after_error, request.copy_only) = (true, true);
                } else {
                    request.norecovery = true;
                }
            }
            "CONTINUE_AFTER_ERROR" => request.continue_after_error = true,
            ignored if IGNORED.contains(&ignored) => {}
            "ENCRYPTION" => request.encryption = Some(Encryption::read(value)?),
            "CREDENTIAL" | "FILE_SNAPSHOT" | "METADATA_ONLY" | "SNAPSHOT" | "BACKUP_OPTIONS"
            | "MIRROR" => return Err(refused(unsupported(name))),
            _ => return Err(refused(unknown(name, "BACKUP"))),
        }
    }
    conflict(&statement.options, "COMPRESSION", "NO_COMPRESSION")?;
    conflict(&statement.options, "CHECKSUM", "NO_CHECKSUM")?;
    conflict(&statement.options, "INIT", "NOINIT")?;
    conflict(&statement.options, "FORMAT", "NOFORMAT")?;
    conflict(&statement.options, "FORMAT", "NOSKIP")?;
    conflict(&statement.options, "FORMAT", "NOINIT")?;
    conflict(&statement.options, "SKIP", "NOSKIP")?;
    conflict(&statement.options, "STOP_ON_ERROR", "CONTINUE_AFTER_ERROR")?;
    if !statement.mirrors.is_empty() {
        let members = statement.devices.len();
        if statement.mirrors.iter().any(|m| m.len() != members) {
            return Err(refused(Message::error(
                3010,
                "Invalid backup mirror specification. All mirrors must have the same number of members.",
            )));
        }
        return Err(refused(Message::error(
            3218,
            "Backup mirroring is not available in this edition of SQL Server. See Books Online for more details on feature support in different SQL Server editions.",
        )));
    }
    request.devices = devices(&statement.devices)?;
    Ok(request)
}

/// Reads the options of a `RESTORE` of any kind.
pub fn read_restore(
    statement: &RestoreStatement,
    user: &str,
    format: DateFormat,
) -> Result<RestoreRequest, Vec<Message>> {
    let what = statement.what;
    let mut request =
        RestoreRequest::new(what, statement.database.as_deref().unwrap_or_default(), "");
    request.ending = Ending::Recovery;
    user.clone_into(&mut request.user);
    let data = matches!(what, RestoreWhat::Database | RestoreWhat::Log);
    for option in &statement.options {
        let WithOption { name, value } = option;
        if !supported(what, name) {
            return Err(vec![if known(name) {
                unsupported(name)
            } else {
                unknown(name, "RESTORE")
            }]);
        }
        match name.as_str() {
            "RECOVERY" => request.ending = Ending::Recovery,
            "NORECOVERY" => request.ending = Ending::NoRecovery,
            "STANDBY" => request.ending = Ending::Standby(text(name, value, 259)?),
            "FILE" => request.position = Some(number(name, value, 1, i64::from(i32::MAX))?),
            "MOVE" => {
                if let OptionValue::Move { logical, to } = value {
                    request.moves.push((logical.clone(), to.clone()));
                }
            }
            "REPLACE" => request.replace = true,
            "CHECKSUM" => request.checksum = true,
            "STOPAT" => {
                let text = text(name, value, 64)?;
                request.stop_at = Some(datetime(&text, format)?);
            }
            "STOPATMARK" | "STOPBEFOREMARK" => {
                let mark = StopMark::read(name, text(name, value, 128)?);
                request.stop_mark = Some(mark.ok_or_else(|| invalid(name))?);
            }
            "AFTER" => {
                let text = text(name, value, 64)?;
                let after = datetime(&text, format)?;
                if let Some(mark) = &mut request.stop_mark {
                    mark.after = Some(after);
                }
            }
            "RESTRICTED_USER" => request.restricted_user = true,
            "LOADHISTORY" => request.load_history = true,
            "RESTART" => request.restart = true,
            "STATS" => request.stats = Some(stats(value)?),
            "MEDIANAME" => request.media_name = Some(text(name, value, 128)?),
            "BLOCKSIZE" => block_size(value)?,
            "MAXTRANSFERSIZE" => transfer_size(value)?,
            _ => {}
        }
    }
    if data {
        conflict(&statement.options, "RECOVERY", "NORECOVERY")?;
        conflict(&statement.options, "RECOVERY", "STANDBY")?;
        conflict(&statement.options, "NORECOVERY", "STANDBY")?;
        conflict(&statement.options, "NORECOVERY", "RESTRICTED_USER")?;
        conflict(&statement.options, "STOPAT", "STOPATMARK")?;
        conflict(&statement.options, "STOPAT", "STOPBEFOREMARK")?;
        conflict(&statement.options, "STOPATMARK", "STOPBEFOREMARK")?;
        conflict(&statement.options, "NORECOVERY", "KEEP_CDC")?;
        conflict(&statement.options, "NORECOVERY", "KEEP_REPLICATION")?;
    }
    conflict(&statement.options, "CHECKSUM", "NO_CHECKSUM")?;
    conflict(&statement.options, "STOP_ON_ERROR", "CONTINUE_AFTER_ERROR")?;
    for (at, (logical, _)) in request.moves.iter().enumerate() {
        let again = request
            .moves
            .iter()
            .skip(at + 1)
            .any(|(other, _)| crate::practice::catalogue::same_name(other, logical));
        if again {
            return Err(vec![Message::error(
                4353,
                format!(
                    "Conflicting file relocations have been specified for file '{logical}'. Only a single WITH MOVE clause should be specified for any logical file name."
                ),
            )]);
        }
    }
    request.devices = if statement.devices.is_empty() {
        Vec::new()
    } else {
        devices(&statement.devices)?
    };
    Ok(request)
}

/// Words that some `RESTORE` takes.
fn known(name: &str) -> bool {
    [
        RestoreWhat::Database,
        RestoreWhat::Log,
        RestoreWhat::VerifyOnly,
        RestoreWhat::HeaderOnly,
    ]
    .into_iter()
    .any(|what| supported(what, name))
        || matches!(
            name,
            "PARTIAL" | "PAGE" | "CREDENTIAL" | "METADATA_ONLY" | "SNAPSHOT"
        )
}

fn supported(what: RestoreWhat, name: &str) -> bool {
    let common = matches!(
        name,
        "CHECKSUM"
            | "NO_CHECKSUM"
            | "STOP_ON_ERROR"
            | "CONTINUE_AFTER_ERROR"
            | "MEDIANAME"
            | "MEDIAPASSWORD"
            | "REWIND"
            | "NOREWIND"
            | "UNLOAD"
            | "NOUNLOAD"
    );
    let one_set = matches!(name, "FILE" | "PASSWORD");
    let whole_set = matches!(
        name,
        "MOVE" | "STATS" | "BUFFERCOUNT" | "MAXTRANSFERSIZE" | "BLOCKSIZE"
    );
    let data = matches!(
        name,
        "RECOVERY"
            | "NORECOVERY"
            | "STANDBY"
            | "REPLACE"
            | "STOPAT"
            | "STOPATMARK"
            | "STOPBEFOREMARK"
            | "AFTER"
            | "RESTRICTED_USER"
            | "RESTART"
            | "KEEP_REPLICATION"
            | "KEEP_CDC"
            | "ENABLE_BROKER"
            | "ERROR_BROKER_CONVERSATIONS"
            | "NEW_BROKER"
    );
    match what {
        RestoreWhat::Database | RestoreWhat::Log => common || one_set || whole_set || data,
        RestoreWhat::VerifyOnly => common || one_set || whole_set || name == "LOADHISTORY",
        RestoreWhat::HeaderOnly | RestoreWhat::FileListOnly => common || one_set,
        RestoreWhat::LabelOnly => common,
    }
}

/// Device names: of one class, at most 64, disks only.
fn devices(
    devices: &[crate::practice::sql::statement::MediaDevice],
) -> Result<Vec<String>, Vec<Message>> {
    let Some(first) = devices.first() else {
        return Err(vec![Message::error(
            3207,
            "Backup or restore requires at least one backup device. Rerun your statement specifying a backup device.",
        )]);
    };
    if devices.len() > 64 {
        return Err(vec![Message::error(
            3205,
            "Too many backup devices specified for backup or restore; only 64 are allowed.",
        )]);
    }
    if devices.iter().any(|d| d.medium != first.medium) {
        return Err(vec![Message::error(
            3011,
            "All backup devices must be of the same general class (for example, DISK and TAPE).",
        )]);
    }
    let name = &first.name;
    match first.medium {
        Medium::Disk => {
            if let Some(long) = devices.iter().find(|d| d.name.chars().count() > 259) {
                return Err(vec![Message::error(
                    3057,
                    format!(
                        "Invalid device name. The length of the device name provided exceeds supported limit (maximum length is:259). Reissue the BACKUP statement with a valid device name. ({})",
                        long.name.chars().take(40).collect::<String>()
                    ),
                )]);
            }
            Ok(devices.iter().map(|d| d.name.clone()).collect())
        }
        Medium::Logical => Err(vec![Message::error(
            3206,
            format!(
                "Backup device '{name}' does not exist. To view existing backup devices, use the sys.backup_devices catalog view. To create a new backup device use either sp_addumpdevice or SQL Server Management Studio."
            ),
        )]),
        Medium::Url => Err(vec![Message::error(
            3289,
            "A Backup device of type URL was specified without a Credential, Backup/Restore operation cannot proceed.",
        )]),
        Medium::Tape => Err(vec![open_failed(
            name,
            &crate::practice::engine::paths::OsError::FILE_NOT_FOUND,
            1,
        )]),
    }
}

/// 3201.
pub fn open_failed(
    device: &str,
    error: &crate::practice::engine::paths::OsError,
    state: u8,
) -> Message {
    Message::error(
        3201,
        format!("Cannot open backup device '{device}'. Operating system error {error}."),
    )
    .with_state(state)
}

fn unknown(name: &str, statement: &str) -> Message {
    Message::error(
        155,
        format!("'{name}' is not a recognized {statement} option."),
    )
    .with_class(15)
}

fn unsupported(name: &str) -> Message {
    Message::error(
        3032,
        format!(
            "One or more of the options ({}) are not supported for this statement. Review the documentation for supported options.",
            name.to_lowercase()
        ),
    )
}

pub(super) fn invalid(name: &str) -> Vec<Message> {
    vec![Message::error(
        3217,
        format!("Invalid value specified for {name} parameter."),
    )]
}

fn conflict(options: &[WithOption], a: &str, b: &str) -> Result<(), Vec<Message>> {
    let has = |name: &str| options.iter().any(|o| o.name == name);
    if has(a) && has(b) {
        return Err(vec![Message::error(
            3031,
            format!(
                "Option '{}' conflicts with option(s) '{}'. Remove the conflicting option and reissue the statement.",
                a.to_lowercase(),
                b.to_lowercase()
            ),
        )]);
    }
    Ok(())
}

fn check_algorithm(value: &OptionValue) -> Result<(), Vec<Message>> {
    let OptionValue::List(options) = value else {
        return Ok(());
    };
    for option in options {
        let algorithm = match &option.value {
            OptionValue::Word(word) | OptionValue::Text(word) => word.to_uppercase(),
            _ => String::new(),
        };
        // QAT needs hardware, ZSTD and levels a later version.
        if option.name != "ALGORITHM" || algorithm != "MS_XPRESS" {
            return Err(invalid("COMPRESSION"));
        }
    }
    Ok(())
}

fn stats(value: &OptionValue) -> Result<u8, Vec<Message>> {
    match value {
        OptionValue::None => Ok(10),
        OptionValue::Number(n) => u8::try_from(*n)
            .ok()
            .filter(|n| (1..=100).contains(n))
            .ok_or_else(|| invalid("STATS")),
        _ => Err(invalid("STATS")),
    }
}

fn number(name: &str, value: &OptionValue, least: i64, most: i64) -> Result<i64, Vec<Message>> {
    match value {
        OptionValue::Number(n) if (least..=most).contains(n) => Ok(*n),
        OptionValue::Number(n) => Err(vec![Message::error(
            3250,
            format!("The value '{n}' is not within range for the {name} parameter."),
        )]),
        _ => Err(invalid(name)),
    }
}

fn text(name: &str, value: &OptionValue, most: usize) -> Result<String, Vec<Message>> {
    match value {
        OptionValue::Text(text) if text.chars().count() <= most => Ok(text.clone()),
        _ => Err(invalid(name)),
    }
}

fn block_size(value: &OptionValue) -> Result<(), Vec<Message>> {
    match value {
        OptionValue::Number(n) if (512..=65_536).contains(n) && n.count_ones() == 1 => Ok(()),
        _ => Err(vec![Message::error(
            3253,
            "The block size parameter must supply a value that is a power of 2.",
        )]),
    }
}

fn transfer_size(value: &OptionValue) -> Result<(), Vec<Message>> {
    match value {
        OptionValue::Number(n) if (65_536..=4_194_304).contains(n) && n % 65_536 == 0 => Ok(()),
        _ => Err(invalid("MAXTRANSFERSIZE")),
    }
}

/// A text as `datetime`: rounded to 1/300 s; 241, 242.
pub fn datetime(text: &str, format: DateFormat) -> Result<i64, Vec<Message>> {
    match moments::read(text, 0, format) {
        Ok(read) => Ok(datetime_from_ticks(read.ticks)),
        Err(_not_read) => Err(vec![Message::error(
            241,
            "Conversion failed when converting date and/or time from character string.",
        )]),
    }
}

/// A text as a calendar time: 241.
pub fn moment(text: &str) -> Result<NaiveDateTime, Vec<Message>> {
    let units = datetime(text, DateFormat::Mdy)?;
    Ok(naive_from_datetime(units))
}

/// A local `datetime` as a calendar time.
pub fn naive_from_datetime(units: i64) -> NaiveDateTime {
    let ticks = crate::practice::sql::convert::calendar::ticks_from_datetime(units);
    clock::from_ticks(ticks).0.naive_utc()
}

impl Expiry {
    /// The expiry of a set that begins at `start`.
    pub fn from(&self, start: NaiveDateTime) -> Option<NaiveDateTime> {
        match self {
            Self::At(at) => Some(*at),
            Self::Days(days) => start.checked_add_signed(TimeDelta::try_days(*days)?),
        }
    }
}
