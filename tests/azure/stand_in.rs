//! The stand-in as tests start it: the program, and a world of its own for each.

use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};
use stopat::azure::{Az, AzError, Effect, find};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A world and the program that answers from it.
pub struct StandIn {
    folder: TempDir,
    /// A launcher that names the world, because the environment is the whole process's.
    program: PathBuf,
}

/// The built program: an example, which a run of this test alone does not build.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut path = std::env::current_exe().expect("the test is a program");
        path.pop();
        path.pop();
        path.push("examples");
        path.push(format!("az{}", std::env::consts::EXE_SUFFIX));
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--example", "az"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo runs");
        assert!(built.success() && path.exists(), "{}", path.display());
        path
    })
}

impl StandIn {
    /// One server with one database that is fourteen days old.
    pub fn new(practice: Option<Value>) -> Self {
        let created = chrono::Utc::now() - chrono::TimeDelta::days(14);
        Self::with(json!({
            "version": "2.91.0",
            "subscription": "00000000-0000-0000-0000-000000000001",
            "restore_secs": 1,
            "token_secs": 3600,
            "practice": practice,
            "servers": [{"name": "myserver", "resource_group": "myRG", "location": "westeurope", "host": "localhost"}],
            "databases": [{"server": "myserver", "name": "OctopusAI", "created": created}],
        }))
    }

    pub fn with(world: Value) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("world.json"), world.to_string()).expect("writable");
        // The program looks beside itself: a copy has a world of its own.
        let name = format!("az{}", std::env::consts::EXE_SUFFIX);
        let copy = folder.path().join(name);
        std::fs::hard_link(program(), &copy)
            .or_else(|_| std::fs::copy(program(), &copy).map(|_| ()))
            .expect("the folder takes the program");
        let world = folder.path().join("az-world");
        std::fs::create_dir(&world).expect("writable");
        std::fs::rename(folder.path().join("world.json"), world.join("world.json"))
            .expect("writable");
        Self {
            program: copy,
            folder,
        }
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    pub async fn az(&self) -> Az {
        self.find().await.expect("the stand-in answers")
    }

    pub async fn find(&self) -> Result<Az, AzError> {
        find(
            Some(&self.program),
            Effect::Restore,
            &CancellationToken::new(),
        )
        .await
        .map(|(az, _)| az)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("az-world").join("world.json")
    }

    pub fn world(&self) -> Value {
        let text = std::fs::read_to_string(self.file()).expect("the world");
        serde_json::from_str(&text).expect("JSON")
    }

    pub fn change(&self, change: impl FnOnce(&mut Value)) {
        // The program takes the same lock.
        let lock = std::fs::File::create(self.file().with_file_name("lock")).expect("writable");
        lock.lock().expect("a lock");
        let mut world = self.world();
        change(&mut world);
        let aside = self.file().with_extension("test");
        std::fs::write(&aside, world.to_string()).expect("writable");
        std::fs::rename(&aside, self.file()).expect("writable");
    }

    /// The next calls that end with these words go wrong.
    pub fn fault(&self, on: &str, fault: &str, times: u32) {
        self.fault_after(0, on, fault, times);
    }

    /// The same, after so many that go well.
    pub fn fault_after(&self, after: u32, on: &str, fault: &str, times: u32) {
        self.change(|world| {
            let faults = json!({"on": on, "fault": fault, "times": times, "after": after});
            match world["faults"].as_array_mut() {
                Some(all) => all.push(faults),
                None => world["faults"] = json!([faults]),
            }
        });
    }

    /// What Azure has been asked to restore is ready now.
    pub fn make_ready(&self) {
        self.change(|world| {
            for database in world["databases"].as_array_mut().into_iter().flatten() {
                if let Some(coming) = database["coming"].as_object_mut() {
                    coming.insert("ready".to_owned(), json!(chrono::Utc::now()));
                }
            }
        });
    }

    pub fn calls(&self) -> Vec<String> {
        self.world()["calls"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|call| call.as_str().unwrap_or_default().to_owned())
            .collect()
    }
}
