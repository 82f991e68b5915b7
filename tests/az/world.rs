//! The world of the stand-in: one JSON file, locked while a call reads and writes it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// Everything that the stand-in knows.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct World {
    #[serde(skip)]
    file: PathBuf,
    #[serde(skip)]
    lock: Option<File>,
    pub version: String,
    pub subscription: String,
    /// How long Azure takes for a restore.
    pub restore_secs: i64,
    /// How long a token lasts.
    pub token_secs: i64,
    pub practice: Option<PracticeAt>,
    pub servers: Vec<Server>,
    pub databases: Vec<Database>,
    pub deleted: Vec<Deleted>,
    pub backups: Vec<Backup>,
    pub faults: Vec<FaultAt>,
    /// Every call, in order.
    pub calls: Vec<String>,
}

/// A practice server in Azure edition, as `stopat practice --json` announces it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PracticeAt {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub fingerprint: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Server {
    pub name: String,
    pub resource_group: String,
    pub location: String,
    pub host: String,
    #[serde(default)]
    pub managed_instance: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Database {
    pub server: String,
    pub name: String,
    #[serde(default = "Uuid::new_v4")]
    pub id: Uuid,
    pub created: DateTime<Utc>,
    #[serde(default)]
    pub objective: Option<String>,
    #[serde(default)]
    pub pool: Option<String>,
    #[serde(default)]
    pub redundancy: Option<String>,
    #[serde(default = "seven")]
    pub retention_days: i64,
    #[serde(default = "twelve")]
    pub diff_hours: i64,
    #[serde(default)]
    pub weekly: Option<String>,
    #[serde(default)]
    pub monthly: Option<String>,
    #[serde(default)]
    pub yearly: Option<String>,
    #[serde(default)]
    pub week_of_year: i64,
    /// Under way, or `None` once it is online.
    #[serde(default)]
    pub coming: Option<Coming>,
    /// Why Azure gave it up.
    #[serde(default)]
    pub failed: Option<String>,
}

fn seven() -> i64 {
    7
}

fn twelve() -> i64 {
    12
}

/// A restore that Azure has taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Coming {
    pub source: String,
    pub to: DateTime<Utc>,
    pub since: DateTime<Utc>,
    pub ready: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deleted {
    pub server: String,
    pub name: String,
    pub deleted: DateTime<Utc>,
    pub earliest: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backup {
    pub server: String,
    pub database: String,
    pub taken: DateTime<Utc>,
    pub expires: DateTime<Utc>,
}

/// What goes wrong at the next calls of a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaultAt {
    /// Words that the command ends with; empty for every command.
    pub on: String,
    pub fault: Fault,
    pub times: u32,
    /// So many calls of it go well before.
    #[serde(default)]
    pub after: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    LoggedOut,
    Browser,
    Throttled,
    Conflict,
    Network,
    Garbage,
    Slow,
    Killed,
}

impl World {
    /// Reads the world and keeps others out until this value is dropped.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let lock = File::create(folder.join("lock"))
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(|error| format!("no world in {}: {error}", folder.display()))?;
        let file = folder.join("world.json");
        let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
        let mut world: Self = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        world.file = file;
        world.lock = Some(lock);
        Ok(world)
    }

    pub fn save(&self) {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        // Whole or not at all: tests read it while it is written.
        let aside = self.file.with_extension("new");
        if fs::write(&aside, text).is_ok() {
            fs::rename(&aside, &self.file).ok();
        }
    }

    /// The fault for this call, if one is due.
    pub fn take_fault(&mut self, words: &str) -> Option<Fault> {
        let due = |fault: &&mut FaultAt| fault.times > 0 && words.ends_with(&fault.on);
        let found = self.faults.iter_mut().find(due)?;
        if found.after > 0 {
            found.after -= 1;
            return None;
        }
        found.times -= 1;
        Some(found.fault)
    }

    pub fn database(&mut self, server: &str, name: &str) -> Option<&mut Database> {
        self.databases
            .iter_mut()
            .find(|database| database.server == server && database.name.eq_ignore_ascii_case(name))
    }
}

impl Database {
    /// The first second that can be restored.
    pub fn earliest(&self) -> DateTime<Utc> {
        let edge = Utc::now() - TimeDelta::days(self.retention_days);
        self.created.max(edge)
    }
}

/// `az stand-in …`: makes a world, or plans a fault.
pub fn manage(folder: &Path, words: &str, args: &[String]) -> Result<Value, String> {
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    match (words.split(' ').next(), args) {
        (Some("new"), [_, _, json]) => {
            serde_json::from_str::<World>(json).map_err(|error| error.to_string())?;
            fs::write(folder.join("world.json"), json).map_err(|error| error.to_string())?;
        }
        (Some("fault"), [_, _, on, fault, times]) => {
            let mut world = World::open(folder)?;
            let fault = serde_json::from_value(Value::String(fault.clone()))
                .map_err(|error| error.to_string())?;
            let times = times
                .parse()
                .map_err(|_why| "a number is needed".to_owned())?;
            world.faults.push(FaultAt {
                on: on.clone(),
                fault,
                times,
                after: 0,
            });
            world.save();
        }
        _ => return Err("az stand-in new JSON | az stand-in fault COMMAND FAULT TIMES".to_owned()),
    }
    Ok(Value::Null)
}
