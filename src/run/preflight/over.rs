//! What only a restore over a database that is there has to ask.

use super::{Abilities, PreflightCheck, PreflightFinding, answered};
use crate::{
    domain::RestorePlan,
    run::{
        choices::{OverChoice, RunChoices, TailChoice},
        target::TargetFacts,
    },
    server::{Connection, ServerError, ask},
    tsql,
};

pub(super) fn over_check(name: String, found: &TargetFacts, over: &OverChoice) -> PreflightCheck {
    if found.state != over.target.state {
        return PreflightCheck::refused(PreflightFinding::TargetChanged {
            name,
            before: over.target.state.clone(),
            now: found.state.clone(),
        });
    }
    if found.restoring() {
        return PreflightCheck::good(PreflightFinding::AlreadyRestoring { name });
    }
    let state = found.state.clone();
    match &over.tail {
        TailChoice::GiveUp { reason } if over.has_tail() => {
            PreflightCheck::warning(PreflightFinding::WillLoseTail {
                name,
                reason: reason.clone(),
            })
        }
        TailChoice::BackUp
            if over.has_tail() && matches!(state.as_str(), "OFFLINE" | "EMERGENCY") =>
        {
            PreflightCheck::refused(PreflightFinding::TailNotPossible { name, state })
        }
        TailChoice::BackUp | TailChoice::GiveUp { .. } => {
            PreflightCheck::good(PreflightFinding::WillBeOverwritten { name, state })
        }
    }
}

pub(super) fn permission_check(
    abilities: &Abilities,
    choices: &RunChoices,
    name: &str,
) -> PreflightCheck {
    let Some(over) = &choices.over else {
        return match abilities.may_create {
            Some(true) => PreflightCheck::good(PreflightFinding::MayCreate),
            Some(false) => PreflightCheck::refused(PreflightFinding::MayNotCreate),
            None => PreflightCheck::unknown(PreflightFinding::PermissionNotTold),
        };
    };
    let needs_tail = over.has_tail() && over.tail == TailChoice::BackUp;
    let needed = [
        (abilities.may_restore_over, true, "restore over it"),
        (abilities.may_back_up_log, needs_tail, "back up its log"),
        (
            abilities.may_alter,
            over.target.online(),
            "change its options",
        ),
    ];
    let missing: Vec<&'static str> = needed
        .iter()
        .filter(|(may, needed, _)| *needed && *may == Some(false))
        .map(|(_, _, what)| *what)
        .collect();
    if !missing.is_empty() {
        return PreflightCheck::refused(PreflightFinding::MayNotOver {
            name: name.to_owned(),
            missing,
        });
    }
    if needed
        .iter()
        .any(|(may, needed, _)| *needed && may.is_none())
    {
        return PreflightCheck::unknown(PreflightFinding::PermissionNotTold);
    }
    PreflightCheck::good(PreflightFinding::MayRestoreOver)
}

/// In a group, mirrored or with snapshots a database cannot be restored over.
pub(super) fn group_check(name: &str, target: &TargetFacts) -> PreflightCheck {
    let name = name.to_owned();
    if target.in_availability_group {
        PreflightCheck::refused(PreflightFinding::InAvailabilityGroup { name })
    } else if target.mirrored {
        PreflightCheck::refused(PreflightFinding::Mirrored { name })
    } else if target.n_snapshots > 0 {
        PreflightCheck::refused(PreflightFinding::HasSnapshots {
            name,
            n_snapshots: target.n_snapshots,
        })
    } else {
        PreflightCheck::good(PreflightFinding::StandsAlone)
    }
}

pub(super) async fn connections_check(
    connection: &mut dyn Connection,
    name: &str,
    abilities: &Abilities,
) -> Result<PreflightCheck, ServerError> {
    const SHOWN: usize = 5;
    let answer = match answered(ask(connection, &tsql::sessions_in(name)).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::unknown(
                PreflightFinding::ConnectionsNotTold(error),
            ));
        }
    };
    let rows = answer.rows();
    if rows.is_empty() && abilities.may_see_requests == Some(false) {
        return Ok(PreflightCheck::unknown(PreflightFinding::ConnectionsHidden));
    }
    if rows.is_empty() {
        return Ok(PreflightCheck::good(PreflightFinding::NobodyConnected));
    }
    let who = rows
        .iter()
        .take(SHOWN)
        .map(|row| {
            format!(
                "{} on {} ({})",
                row.text("login_name").unwrap_or_default(),
                row.text("host_name").unwrap_or_default(),
                row.text("program_name").unwrap_or_default()
            )
        })
        .collect();
    Ok(PreflightCheck::warning(PreflightFinding::Connected {
        n_sessions: rows.len(),
        n_open_transactions: rows
            .iter()
            .filter(|row| row.int("open_transaction_count").unwrap_or_default() > 0)
            .count(),
        who,
    }))
}

/// Without an estimate a run is taken to last this long.
const UNKNOWN_DURATION_SECS: f64 = 1800.0;

pub(super) async fn jobs_check(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
    choices: &RunChoices,
) -> Result<PreflightCheck, ServerError> {
    let seconds = plan
        .estimate
        .map_or(UNKNOWN_DURATION_SECS, |estimate| estimate.high.max(60.0));
    let question = tsql::jobs_due(&plan.database, seconds.ceil() as i64);
    let answer = match answered(ask(connection, &question).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::unknown(PreflightFinding::JobsNotTold(
                error,
            )));
        }
    };
    let names: Vec<String> = answer
        .rows()
        .iter()
        .filter_map(|row| row.text("name"))
        .filter(|name| !choices.pause_jobs.contains(name))
        .collect();
    Ok(if names.is_empty() {
        PreflightCheck::good(PreflightFinding::NoJobsDue)
    } else {
        PreflightCheck::warning(PreflightFinding::JobsDue { names })
    })
}

/// Programs that are named with their path must be there; others are found when they are started.
pub(super) fn programs_check(choices: &RunChoices) -> Option<PreflightCheck> {
    let programs: Vec<_> = choices
        .before
        .iter()
        .chain(&choices.after)
        .filter_map(|step| step.hook.as_ref())
        .map(|hook| &hook.program)
        .collect();
    if programs.is_empty() {
        return None;
    }
    let missing = programs
        .iter()
        .find(|program| program.is_absolute() && !program.exists());
    Some(match missing {
        Some(program) => PreflightCheck::refused(PreflightFinding::ProgramMissing {
            program: program.display().to_string(),
        }),
        None => PreflightCheck::good(PreflightFinding::ProgramsThere {
            n_programs: programs.len(),
        }),
    })
}
