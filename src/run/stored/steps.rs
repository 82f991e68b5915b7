//! What a restore takes: its backups with their files, what it leaves out, and how long it should take.

use super::target::lsn_of;
use crate::domain::{
    BackupType, Device, Estimate, EstimateBasis, FileMove, Lost, PlanStep, ServerTime, Tail,
};
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredStep {
    pub(super) backup_set_uuid: Uuid,
    backup_set_id: Option<i64>,
    /// The letter of msdb.
    backup_type: String,
    position: i32,
    devices: Vec<(StoredDevice, String)>,
    stop_at: Option<NaiveDateTime>,
    start: NaiveDateTime,
    finish: NaiveDateTime,
    bytes: Option<u64>,
    backup_size: Option<u64>,
    has_checksums: bool,
    moves: Vec<usize>,
    /// Decimal, as text: it does not fit 64 bits.
    first_lsn: String,
    last_lsn: String,
}

impl StoredStep {
    pub(super) fn of(step: &PlanStep) -> Self {
        Self {
            backup_set_uuid: step.backup_set_uuid,
            backup_set_id: step.backup_set_id,
            backup_type: step.backup_type.letter().to_string(),
            position: step.position,
            devices: step.devices.iter().map(StoredDevice::of).collect(),
            stop_at: step.stop_at.map(|time| time.0),
            start: step.start.0,
            finish: step.finish.0,
            bytes: step.bytes,
            backup_size: step.backup_size,
            has_checksums: step.has_checksums,
            moves: step.moves.clone(),
            first_lsn: step.first_lsn.decimal().to_string(),
            last_lsn: step.last_lsn.decimal().to_string(),
        }
    }

    pub(super) fn step(&self) -> Option<PlanStep> {
        Some(PlanStep {
            backup_set_uuid: self.backup_set_uuid,
            backup_set_id: self.backup_set_id,
            backup_type: BackupType::from_letter(&self.backup_type).filter(|kind| {
                matches!(
                    kind,
                    BackupType::Full | BackupType::Differential | BackupType::Log
                )
            })?,
            position: self.position,
            devices: self
                .devices
                .iter()
                .map(|(kind, name)| kind.device(name))
                .collect(),
            stop_at: self.stop_at.map(ServerTime),
            start: ServerTime(self.start),
            finish: ServerTime(self.finish),
            bytes: self.bytes,
            backup_size: self.backup_size,
            has_checksums: self.has_checksums,
            moves: self.moves.clone(),
            first_lsn: lsn_of(&self.first_lsn)?,
            last_lsn: lsn_of(&self.last_lsn)?,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredDevice {
    Disk,
    Url,
    Tape,
}

impl StoredDevice {
    fn of(device: &Device) -> (Self, String) {
        match device {
            Device::Disk(name) => (Self::Disk, name.clone()),
            Device::Url(name) => (Self::Url, name.clone()),
            Device::Tape(name) => (Self::Tape, name.clone()),
        }
    }

    fn device(self, name: &str) -> Device {
        let name = name.to_owned();
        match self {
            Self::Disk => Device::Disk(name),
            Self::Url => Device::Url(name),
            Self::Tape => Device::Tape(name),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredMove {
    logical_name: String,
    from: Option<String>,
    to: String,
    file_size: Option<u64>,
}

impl StoredMove {
    pub(super) fn of(file: &FileMove) -> Self {
        let FileMove {
            logical_name,
            from,
            to,
            file_size,
        } = file;
        Self {
            logical_name: logical_name.clone(),
            from: from.clone(),
            to: to.clone(),
            file_size: *file_size,
        }
    }

    pub(super) fn file_move(&self) -> FileMove {
        FileMove {
            logical_name: self.logical_name.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            file_size: self.file_size,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredTail {
    LogBackup,
    TailLog,
}

impl StoredTail {
    pub(super) fn of(tail: Tail) -> Self {
        match tail {
            Tail::LogBackup => Self::LogBackup,
            Tail::TailLog => Self::TailLog,
        }
    }

    pub(super) fn tail(self) -> Tail {
        match self {
            Self::LogBackup => Tail::LogBackup,
            Self::TailLog => Tail::TailLog,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredLost {
    Set(Uuid),
    File(String),
}

impl StoredLost {
    pub(super) fn of(lost: &Lost) -> Self {
        match lost {
            Lost::Set(uuid) => Self::Set(*uuid),
            Lost::File(file) => Self::File(file.clone()),
        }
    }

    pub(super) fn lost(&self) -> Lost {
        match self {
            Self::Set(uuid) => Lost::Set(*uuid),
            Self::File(file) => Lost::File(file.clone()),
        }
    }
}

/// How long the restores take, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredEstimate {
    seconds: f64,
    low: f64,
    high: f64,
    /// By measured restores, not by the speed of the backups.
    measured: bool,
}

impl StoredEstimate {
    pub(super) fn of(estimate: Estimate) -> Self {
        Self {
            seconds: estimate.seconds,
            low: estimate.low,
            high: estimate.high,
            measured: estimate.basis == EstimateBasis::Measured,
        }
    }

    pub(super) fn estimate(self) -> Estimate {
        Estimate {
            seconds: self.seconds,
            low: self.low,
            high: self.high,
            basis: if self.measured {
                EstimateBasis::Measured
            } else {
                EstimateBasis::BackupSpeed
            },
        }
    }
}
