//! What only a restore over a database that is there has to ask.

use super::{Abilities, OpenTransaction, PreflightCheck, PreflightFinding, answered};
use crate::{
    domain::{AgentState, RestorePlan},
    run::{
        choices::{OverChoice, RunChoices, TailChoice},
        schedule::agent_state,
        target::{TargetFacts, session_words},
    },
    server::{Connection, ServerError, ask},
    tsql::{self, GroupReplica, GroupWay},
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
    plan: &RestorePlan,
    choices: &RunChoices,
) -> PreflightCheck {
    let name = tsql::target_database(plan);
    let Some(over) = &choices.over else {
        let backs_up = plan.tail.is_some();
        return match abilities.may_create {
            Some(true) if backs_up && abilities.may_back_up_log == Some(false) => {
                PreflightCheck::refused(PreflightFinding::MayNotBackUpLog {
                    source: plan.database.clone(),
                })
            }
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
        // Closing it to others begins inside it; without a user there that ends with 916.
        (abilities.may_enter, over.target.online(), "enter it"),
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
pub(super) async fn group_check(
    connection: &mut dyn Connection,
    name: &str,
    target: &TargetFacts,
) -> Result<PreflightCheck, ServerError> {
    let name = name.to_owned();
    if target.in_availability_group {
        let way = read_group_way(connection, &name).await?.map(Box::new);
        let finding = PreflightFinding::InAvailabilityGroup { name, way };
        return Ok(PreflightCheck::refused(finding));
    }
    Ok(if target.mirrored {
        PreflightCheck::refused(PreflightFinding::Mirrored { name })
    } else if target.n_snapshots > 0 {
        PreflightCheck::refused(PreflightFinding::HasSnapshots {
            name,
            n_snapshots: target.n_snapshots,
        })
    } else {
        PreflightCheck::good(PreflightFinding::StandsAlone)
    })
}

/// The way out of the group and back; `None` when the server does not tell.
async fn read_group_way(
    connection: &mut dyn Connection,
    name: &str,
) -> Result<Option<GroupWay>, ServerError> {
    let Ok(facts) = answered(ask(connection, &tsql::group_facts(name)).await)? else {
        return Ok(None);
    };
    let Some(group) = facts.first().and_then(|row| row.text("group_name")) else {
        return Ok(None);
    };
    let replicas: Vec<GroupReplica> = facts
        .rows()
        .iter()
        .filter_map(|row| {
            Some(GroupReplica {
                server: row.text("replica_server_name")?,
                seeds_itself: row.text("seeding_mode_desc").as_deref() == Some("AUTOMATIC"),
            })
        })
        .collect();
    let server = ask(connection, &tsql::server_facts()).await?;
    let server = server
        .first()
        .and_then(|row| row.text("server_name"))
        .unwrap_or_default();
    Ok(Some(tsql::group_way(name, &group, &server, &replicas)))
}

/// A restore that the server does by itself needs an Agent that runs.
pub(super) async fn agent_check(
    connection: &mut dyn Connection,
) -> Result<PreflightCheck, ServerError> {
    let facts = match answered(ask(connection, &tsql::agent_facts()).await)? {
        Ok(facts) => facts,
        Err(error) => {
            return Ok(PreflightCheck::unknown(PreflightFinding::AgentNotTold(
                error,
            )));
        }
    };
    Ok(
        match facts.first().map_or(AgentState::Unknown, agent_state) {
            AgentState::Running => PreflightCheck::good(PreflightFinding::AgentRuns),
            state @ AgentState::Unknown => {
                PreflightCheck::unknown(PreflightFinding::AgentDoesNotRun(state))
            }
            state => PreflightCheck::refused(PreflightFinding::AgentDoesNotRun(state)),
        },
    )
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
    let who = rows.iter().take(SHOWN).map(session_words).collect();
    let n_open_transactions = rows
        .iter()
        .filter(|row| row.int("open_transaction_count").unwrap_or_default() > 0)
        .count();
    let largest = match n_open_transactions {
        0 => None,
        _ => largest_transaction(connection, name).await?,
    };
    Ok(PreflightCheck::warning(PreflightFinding::Connected {
        n_sessions: rows.len(),
        n_open_transactions,
        largest,
        who,
    }))
}

/// The open transaction that has written most; `None` when none has written, or the server does not tell.
async fn largest_transaction(
    connection: &mut dyn Connection,
    name: &str,
) -> Result<Option<OpenTransaction>, ServerError> {
    let Ok(answer) = answered(ask(connection, &tsql::open_transactions(name)).await)? else {
        return Ok(None);
    };
    let natural = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    Ok(answer.first().map(|row| OpenTransaction {
        session_id: row.int("session_id").unwrap_or_default(),
        log_bytes: natural(row.int("log_bytes")).unwrap_or_default(),
        age_secs: natural(row.int("age_seconds")).unwrap_or_default(),
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
