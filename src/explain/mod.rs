//! Every error, note and finding in words; dates, sizes, durations.

mod azure;
mod backup;
mod event;
pub mod figures;
mod file_paths;
mod files;
mod format;
mod gap;
mod journal;
mod look;
mod objectives;
mod plan;
mod preflight;
mod problem;
mod resume;
mod run;
pub mod schedule;
mod server;
mod settings;
mod ways;

pub use azure::{
    az_problem, azure_end, azure_failure, azure_half_swapped, azure_may_go_on, backups_unseen,
    by_hand_failure, deleted_then, gives_up, interval_name, iso_duration, long_term,
    long_term_gives_up, platform_limits, platform_name, retention_fault, short_term, utc_words,
    value_fault,
};
pub use backup::{
    CHECKSUM_REASON, PlaceStanding, VERIFY_REASON, agent_refusal, backup_fault, backup_kind,
    backup_note, backup_refusal, backup_result, chain_reason, file_name, option_reason,
    option_refusal, place_check, probe_words, template_error, who_writes,
};
pub use event::event_line;
pub use file_paths::path_fault;
pub use files::{file_fault, left_out, mark_sentence, mark_word};
pub use format::{
    count, duration, moment, server_time, server_time_short, server_time_with_zone, size,
    size_or_unknown, time_of_day,
};
pub use gap::{backup_word, gap_line};
pub use journal::{journal_end, run_title};
pub use look::{QUESTION_HINT, cell_text, look_refusal};
pub use objectives::{
    basis, drill_part, drilled, estimate, exposure_cause, lost_rows, misses, promise,
    promise_range, remedy, scenario, status,
};
pub use plan::{
    cost, difference, finding, history_note, kind_name, next_log_may_hold, plan_note, refusal,
    set_name, set_role, skip_reason, trouble,
};
pub use preflight::{PreflightWords, preflight};
pub use problem::{Problem, ProblemKind};
pub use resume::{
    interruption, journal_problem, owed, resume_offer, resume_problem, run_end, standing,
};
pub use run::{step_failure, step_skip, target_state, verification_fault};
pub use server::server_problem;
pub use settings::{
    application_fault, application_problem, aside_problem, credential_problem, profile_fault,
    store_problem, workspace_name_fault,
};
pub use ways::{waiting, way_on};
