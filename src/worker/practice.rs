//! The practice server as a server among others: started when it is chosen, met over TDS like any other.

use crate::{domain::UtcTime, explain::Problem, server::SqlServer};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What the world knows of its accident.
#[derive(Clone, Debug, PartialEq)]
pub struct Accident {
    pub database: String,
    /// The second in which it happened.
    pub at: UtcTime,
    /// Rows per table (lower-case name) at the end of the second before.
    pub rows: BTreeMap<String, u64>,
}

/// The practice server while it runs.
pub enum Practice {}

impl Practice {
    /// Starts it on the world in this folder, which is made when there is none.
    pub async fn start(world: PathBuf) -> Result<Self, Problem> {
        Err(super::jobs::yours(format!(
            "The practice server is not part of this build ({})",
            world.display()
        )))
    }

    /// Starts it on a world that is gone when it stops.
    pub async fn start_temporary() -> Result<Self, Problem> {
        Self::start(PathBuf::new()).await
    }

    pub fn gateway(&self) -> SqlServer {
        match *self {}
    }

    pub fn accident(&self) -> Option<Accident> {
        match *self {}
    }

    /// A folder that lives as long as the server.
    pub fn scratch_folder(&self) -> &Path {
        match *self {}
    }

    pub async fn stop(self) {
        match self {}
    }
}
