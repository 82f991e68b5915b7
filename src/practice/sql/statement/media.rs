//! BACKUP, RESTORE and the statements about whole databases.

use super::Operand;

/// CREATE DATABASE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateDatabase {
    pub name: String,
    pub files: Vec<FileSpecification>,
    pub collation: Option<String>,
}

/// A file of CREATE DATABASE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpecification {
    pub logical_name: String,
    pub path: Option<String>,
    pub log: bool,
    pub size_kib: Option<i64>,
}

/// ALTER DATABASE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterDatabase {
    /// `None` is `CURRENT`.
    pub database: Option<String>,
    pub change: DatabaseChange,
    pub termination: Termination,
}

/// What ALTER DATABASE changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseChange {
    Rename(String),
    Collate(String),
    /// `SET RECOVERY FULL` is `RECOVERY` with the word `FULL`, `SET SINGLE_USER` is `SINGLE_USER` without value.
    Set(Vec<WithOption>),
    /// `MODIFY FILE (NAME = …, NEWNAME = …, FILENAME = …)`.
    ModifyFile(Vec<WithOption>),
}

/// How ALTER DATABASE deals with other sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// Waits for them.
    Wait,
    RollbackImmediate,
    RollbackAfterSeconds(i64),
    NoWait,
}

/// BACKUP as parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupCommand {
    pub what: BackupWhat,
    pub database: Operand,
    pub devices: Vec<DeviceOperand>,
    pub mirrors: Vec<Vec<DeviceOperand>>,
    pub options: Vec<OptionOperand>,
}

/// RESTORE as parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreCommand {
    pub what: RestoreWhat,
    pub database: Option<Operand>,
    pub devices: Vec<DeviceOperand>,
    pub options: Vec<OptionOperand>,
}

/// A device whose name may be a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceOperand {
    pub medium: Medium,
    pub name: Operand,
}

/// An option whose value may be a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionOperand {
    /// In upper case.
    pub name: String,
    pub value: ValueOperand,
}

/// The value of an option, before variables are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOperand {
    None,
    One(Operand),
    List(Vec<OptionOperand>),
    Move { logical: Operand, to: Operand },
}

/// `BACKUP DATABASE` or `BACKUP LOG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupWhat {
    Database,
    Log,
}

/// The second word of RESTORE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreWhat {
    Database,
    Log,
    HeaderOnly,
    FileListOnly,
    LabelOnly,
    VerifyOnly,
}

/// BACKUP with every name resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupStatement {
    pub what: BackupWhat,
    pub database: String,
    pub devices: Vec<MediaDevice>,
    /// One list per `MIRROR TO`.
    pub mirrors: Vec<Vec<MediaDevice>>,
    pub options: Vec<WithOption>,
}

/// RESTORE with every name resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreStatement {
    pub what: RestoreWhat,
    pub database: Option<String>,
    /// None: only the state of the database changes.
    pub devices: Vec<MediaDevice>,
    pub options: Vec<WithOption>,
}

/// A backup device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaDevice {
    pub medium: Medium,
    /// Path, URL or logical name as written.
    pub name: String,
}

/// The class of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Disk,
    Url,
    Tape,
    /// A name of `sys.backup_devices`.
    Logical,
}

/// One option of WITH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithOption {
    /// In upper case.
    pub name: String,
    pub value: OptionValue,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    None,
    Number(i64),
    Text(String),
    Word(String),
    List(Vec<WithOption>),
    Move { logical: String, to: String },
}
