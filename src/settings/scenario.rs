//! What is promised for one way of backing up, as it is stored.

use crate::domain::{Objective, ScenarioKind};
use serde::{Deserialize, Serialize};

/// What is promised for one way of backing up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub scenario: String,
    /// How much is lost (RPO), from least to most.
    pub loss_minutes: (u32, u32),
    /// How long the application is down (RTO), from least to most.
    pub down_minutes: (u32, u32),
    /// Which backups it is about; `None` leaves that to the name.
    #[serde(default)]
    pub backups: Option<ScenarioBackups>,
}

/// The backups that a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScenarioBackups {
    Full,
    FullDifferential,
    FullDifferentialLog,
    Azure,
}

impl Scenario {
    /// Which way of backing up it is about: as it says, else by the words of its name.
    pub fn kind(&self) -> ScenarioKind {
        match self.backups {
            Some(ScenarioBackups::Full) => ScenarioKind::FullOnly,
            Some(ScenarioBackups::FullDifferential) => ScenarioKind::FullDifferential,
            Some(ScenarioBackups::FullDifferentialLog) => ScenarioKind::FullDifferentialLog,
            Some(ScenarioBackups::Azure) => ScenarioKind::AzurePointInTime,
            None => {
                let name = self.scenario.to_lowercase();
                if name.contains("azure") {
                    ScenarioKind::AzurePointInTime
                } else if name.contains("log") {
                    ScenarioKind::FullDifferentialLog
                } else if name.contains("diff") {
                    ScenarioKind::FullDifferential
                } else {
                    ScenarioKind::FullOnly
                }
            }
        }
    }

    /// What is promised.
    pub fn objective(&self) -> Objective {
        let secs = |(least, most): (u32, u32)| (least.saturating_mul(60), most.saturating_mul(60));
        Objective {
            scenario: self.kind(),
            loss_secs: secs(self.loss_minutes),
            down_secs: secs(self.down_minutes),
        }
    }
}
