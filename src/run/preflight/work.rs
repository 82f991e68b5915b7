//! Whether anybody else backs up or restores the database now.

use super::{Abilities, PreflightCheck, PreflightFinding, answered};
use crate::{
    domain::RestorePlan,
    run::target::{works_on, works_on_unknown},
    server::{Connection, ServerError, ask},
    tsql,
};

pub(super) async fn running_check(
    connection: &mut dyn Connection,
    plan: &RestorePlan,
    abilities: &Abilities,
) -> Result<PreflightCheck, ServerError> {
    let answer = match answered(ask(connection, &tsql::running_backups()).await)? {
        Ok(answer) => answer,
        Err(error) => {
            return Ok(PreflightCheck::unknown(PreflightFinding::OtherWorkNotTold(
                error,
            )));
        }
    };
    let target = tsql::target_database(plan);
    let busy = answer.rows().iter().find(|row| {
        // A copy reads files; a backup of its source disturbs it only where the tail is to be backed up.
        works_on(row, target) || (plan.tail.is_some() && works_on(row, &plan.database))
    });
    if let Some(row) = busy {
        return Ok(PreflightCheck::refused(PreflightFinding::OtherWork {
            command: row.text("command").unwrap_or_default(),
            database: target.to_owned(),
            session_id: row.int("session_id").unwrap_or_default(),
        }));
    }
    let unknown = answer.rows().iter().find(|row| works_on_unknown(row));
    Ok(match unknown {
        Some(row) => PreflightCheck::warning(PreflightFinding::WorkOfUnknown {
            command: row.text("command").unwrap_or_default(),
            session_id: row.int("session_id").unwrap_or_default(),
        }),
        // Without the permission nothing is seen, which is not nothing.
        None if abilities.may_see_requests == Some(false) => {
            PreflightCheck::unknown(PreflightFinding::OtherWorkHidden)
        }
        None => PreflightCheck::good(PreflightFinding::NothingElseRuns),
    })
}
