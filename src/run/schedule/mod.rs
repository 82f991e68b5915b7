//! The schedule on a server: read, applied, removed; and the files that retention lets go, deleted.
//!
//! What changes something is journaled, a record before and after each statement, and stops at the first failure.
//! What a schedule should be, and which files may go, `domain` decides; this carries it out.

mod change;
mod outlook;
mod read;
mod retention;
mod stored;

pub use change::{ChangeError, ChangeReport, Changing, apply_schedule, remove_schedule};
pub use outlook::{JobChange, KnownDatabase, Outlook, outlook};
pub(super) use read::agent_state;
pub use read::{InstalledPolicy, OtherJobText, ScheduleReading, read_schedule};
pub use retention::{RetentionDoubt, RetentionError, RetentionReport, run_retention};
pub use stored::{policy_from_json, policy_to_json};

use crate::domain::{JobDefinition, Policy, SchedulePlan};

/// The jobs that a policy becomes on a server: with what the edition has, and with the policy itself in each step.
pub fn definitions(policy: &Policy, plan: &SchedulePlan) -> Vec<JobDefinition> {
    crate::tsql::job_definitions(policy, plan.options, &policy_to_json(policy))
}
