//! Drills by the operating system's scheduler: which drill, and when, as data.

use crate::domain::{ScenarioKind, Times};

/// Whose scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OsScheduler {
    /// Task Scheduler.
    Windows,
    /// systemd timers.
    Systemd,
}

/// The moment of a drill that nobody is there to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedMoment {
    Latest,
    /// Another one each time.
    Random,
    /// The one that takes longest to go back to.
    Worst,
}

/// A drill that comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrillTimer {
    pub scheduler: OsScheduler,
    /// On the clock of the machine that runs stopat.
    pub times: Times,
    pub scenario: ScenarioKind,
    pub moment: TimedMoment,
    /// `DBCC CHECKDB` of the copy.
    pub check_database: bool,
}
