//! What is promised for single databases, where it differs from what their application promises: `objectives.ron` of a workspace.

use super::{
    application::Application,
    scenario::{Scenario, ScenarioBackups},
    stored::{self, Document, Loaded, StoreError, content},
    workspace::Workspace,
};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The server key of the window's own practice server.
pub const PRACTICE_KEY: &str = "practice";

/// Which database: by the uuid of its profile, so that a renamed profile keeps its promises.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatabaseKey {
    /// The profile's uuid, or [`PRACTICE_KEY`].
    pub server: String,
    pub database: String,
}

/// The promises of one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseObjectives {
    pub key: DatabaseKey,
    pub objectives: Vec<Scenario>,
}

/// What is promised for a database, and whether the promises are its own: those of this workspace, else its application's.
pub fn promises_of<'a>(
    edited: &'a [DatabaseObjectives],
    application: Option<&'a Application>,
    key: &DatabaseKey,
) -> (&'a [Scenario], bool) {
    if let Some(own) = edited.iter().find(|known| known.key == *key) {
        return (&own.objectives, true);
    }
    let shared = match application {
        Some(application) => application.objectives.as_slice(),
        None if key.server == PRACTICE_KEY => practice_promises(&key.database),
        None => &[],
    };
    (shared, false)
}

/// What the practice world promises for the neighbour whose log backups have stopped: one that is not kept.
fn practice_promises(database: &str) -> &'static [Scenario] {
    static WAREHOUSE: LazyLock<[Scenario; 1]> = LazyLock::new(|| {
        [Scenario {
            scenario: "Full, differential and log".to_owned(),
            loss_minutes: (15, 15),
            down_minutes: (20, 45),
            backups: Some(ScenarioBackups::FullDifferentialLog),
        }]
    });
    if database == "Warehouse" {
        &*WAREHOUSE
    } else {
        &[]
    }
}

struct Stored(Vec<DatabaseObjectives>);

impl Document for Stored {
    const FORMAT: &'static str = "objectives";
    const VERSION: u32 = 1;
    type Stored = Vec<DatabaseObjectives>;

    fn to_stored(&self) -> Vec<DatabaseObjectives> {
        self.0.clone()
    }

    fn from_version(version: u32, text: &str) -> Option<Result<Self, ron::error::SpannedError>> {
        (version == 1).then(|| content::<Vec<DatabaseObjectives>>(text).map(Self))
    }
}

impl Workspace {
    /// The promises that were edited in this workspace.
    pub fn load_objectives(&self) -> Result<Loaded<Vec<DatabaseObjectives>>, StoreError> {
        let Loaded { value, aside } =
            stored::load::<Stored>(&self.folder().join("objectives.ron"))?;
        Ok(Loaded {
            value: value.map(|Stored(all)| all).unwrap_or_default(),
            aside,
        })
    }

    /// Keeps the promises of one database, or none of its own, and returns all.
    pub fn save_objectives(
        &self,
        key: &DatabaseKey,
        objectives: Option<Vec<Scenario>>,
    ) -> Result<Loaded<Vec<DatabaseObjectives>>, StoreError> {
        let Loaded { mut value, aside } = self.load_objectives()?;
        value.retain(|known| known.key != *key);
        if let Some(objectives) = objectives {
            value.push(DatabaseObjectives {
                key: key.clone(),
                objectives,
            });
        }
        value.sort_by(|a, b| a.key.cmp(&b.key));
        let all = Stored(value);
        let later = stored::save(&self.folder().join("objectives.ron"), &all)?;
        Ok(Loaded {
            value: all.0,
            aside: aside.or(later),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DataRoot, ScenarioBackups, WorkspaceName};

    #[test]
    fn promises_of_one_database_are_kept_and_given_up() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = DataRoot::at(folder.path()).workspace(&WorkspaceName::default());
        let key = |database: &str| DatabaseKey {
            server: PRACTICE_KEY.to_owned(),
            database: database.to_owned(),
        };
        let promise = Scenario {
            scenario: "Full, differential and log".to_owned(),
            loss_minutes: (5, 5),
            down_minutes: (10, 20),
            backups: Some(ScenarioBackups::FullDifferentialLog),
        };
        let hostile = key("a]b'; DROP TABLE x--");
        workspace
            .save_objectives(&hostile, Some(vec![promise.clone()]))
            .expect("writable");
        workspace
            .save_objectives(&key("CRM"), Some(Vec::new()))
            .expect("writable");
        let all = workspace.load_objectives().expect("readable").value;
        assert_eq!(all.len(), 2);
        let found = all.iter().find(|known| known.key == hostile);
        assert_eq!(found.map(|known| &known.objectives), Some(&vec![promise]));
        let left = workspace.save_objectives(&hostile, None).expect("writable");
        assert_eq!(left.value.len(), 1);
        let (promised, own) = promises_of(&left.value, None, &key("CRM"));
        assert!(
            own && promised.is_empty(),
            "nothing may be promised as well"
        );
        let (promised, own) = promises_of(&left.value, None, &key("Warehouse"));
        assert!(!own && promised.len() == 1, "the practice world's own");
    }
}
