//! How a practice server is started.

use super::engine::{Edition, Zone};
use crate::domain::UtcTime;
use std::path::PathBuf;
use tokio::sync::watch;

/// What `stopat practice` can be told (design §8).
#[derive(Clone, Debug)]
pub struct PracticeOptions {
    /// On loopback; 0 is a free one. `None`: the port of a kept world, else a free one.
    pub port: Option<u16>,
    /// Days of history; 0 makes a server without a world of its own.
    pub days: u32,
    pub seed: u64,
    /// Data counts as this many times its size at 100 MB/s; 0 does not wait.
    pub pace: f64,
    pub world: WorldFolder,
    pub zone: Zone,
    /// What the clock shows when the server starts; `None` is the machine's time.
    pub now: Option<UtcTime>,
    pub clock: ClockChoice,
    pub edition: Edition,
    /// Hears how much of a new world is made, in percent; a world that is found again is there at once.
    pub made: Option<watch::Sender<u8>>,
}

/// Where the world's files lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorldFolder {
    /// A new folder inside this one; it is removed when the server stops.
    Temporary { within: PathBuf },
    /// This folder, where the world is found again at the next start.
    Kept(PathBuf),
}

/// Whether time passes by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockChoice {
    #[default]
    Live,
    /// Only `practice_advance` moves it.
    Frozen,
}

impl PracticeOptions {
    /// Seed of a world that nobody chose a seed for.
    pub const DEFAULT_SEED: u64 = 20_261_122;
    /// Two weeks.
    pub const DEFAULT_DAYS: u32 = 14;

    /// Two weeks up to now, in a world of this kind, in UTC.
    pub fn new(world: WorldFolder) -> Self {
        Self {
            port: None,
            days: Self::DEFAULT_DAYS,
            seed: Self::DEFAULT_SEED,
            pace: 0.0,
            world,
            zone: Zone::Fixed(crate::domain::UtcOffset::ZERO),
            now: None,
            clock: ClockChoice::Live,
            edition: Edition::Developer,
            made: None,
        }
    }
}
