//! The two numbers that backups are for: how much is lost, and how long until it is back.
//!
//! ```text
//! DatabaseHistory ─► Exposure ──────────────┐
//! measured restores ─► RestoreTimeModel ────┼─► Standing (a row of the table) ─► Remedy…
//! Objective (what the owners promise) ──────┘
//! ```
//!
//! - *Exposure* (RPO) is read from the chain as it really is: at a moment, only backups that had finished by then and lie
//!   on a usable chain count, and it grows until now.
//! - *Restore time* (RTO) comes from restores that were really done. The speed of the backups is a stand-in and says so;
//!   without either there is no number.
//!
//! It measures nothing and stores nothing: `run` keeps what was measured in its journals.

mod exposure;
mod remedy;
mod restore_time;
mod scenario;

pub use exposure::{Exposed, Exposure, ExposureCause};
pub use remedy::{Remedy, remedies};
pub use restore_time::{MeasuredRun, MeasuredSet, PastEstimate, RestoreTimeModel, past_estimates};
pub use scenario::{
    Assessment, Costliest, Misses, Objective, Period, ScenarioKind, Standing, Status, assess,
};
