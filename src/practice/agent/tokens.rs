//! Tokens in the steps of a job: `$(ESCAPE_SQUOTE(DATE))` becomes what Agent knows when the step begins.
//!
//! <https://learn.microsoft.com/ssms/agent/use-tokens-in-job-steps>

use super::rows::{JobKey, Step};
use crate::domain::ServerTime;

/// What tokens stand for.
pub struct Facts<'a> {
    pub job: &'a JobKey,
    pub step: &'a Step,
    /// When the step began.
    pub begun: ServerTime,
    /// When the job began.
    pub job_begun: ServerTime,
    pub server: &'a str,
}

/// Puts values in the place of all tokens; says why the step cannot begin.
pub fn expand(command: &str, facts: &Facts<'_>) -> Result<String, String> {
    let mut expanded = String::with_capacity(command.len());
    let mut rest = command;
    while let Some((before, after)) = rest.split_once("$(") {
        expanded.push_str(before);
        let Some((token, behind)) = token(after) else {
            // No token begins here: the text stays as it is.
            expanded.push_str("$(");
            rest = after;
            continue;
        };
        expanded.push_str(&value(token, facts)?);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// `ESCAPE_X(NAME)` or a bare name up to its parenthesis, and what stands behind it.
fn token(text: &str) -> Option<(&str, &str)> {
    let word = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
        .filter(|end| *end > 0)?;
    match text.as_bytes().get(word)? {
        b')' => Some((text.get(..word)?, text.get(word + 1..)?)),
        b'(' => {
            let close = text.find("))")?;
            Some((text.get(..=close)?, text.get(close + 2..)?))
        }
        _ => None,
    }
}

fn value(token: &str, facts: &Facts<'_>) -> Result<String, String> {
    let Some((macro_name, name)) = token
        .strip_suffix(')')
        .and_then(|token| token.split_once('('))
    else {
        return Err("The job step contains one or more tokens. For SQL Server 2005 Service Pack 1 or later, all job steps with tokens must be updated with a macro before the job can run.".to_owned());
    };
    let plain = plain(name, facts).ok_or_else(|| format!("Variable {name} not found"))?;
    match macro_name.to_ascii_uppercase().as_str() {
        "ESCAPE_SQUOTE" => Ok(plain.replace('\'', "''")),
        "ESCAPE_DQUOTE" => Ok(plain.replace('"', "\"\"")),
        "ESCAPE_RBRACKET" => Ok(plain.replace(']', "]]")),
        "ESCAPE_NONE" => Ok(plain),
        _ => Err(format!("Variable {token} not found")),
    }
}

fn plain(name: &str, facts: &Facts<'_>) -> Option<String> {
    let Facts {
        job,
        step,
        begun,
        job_begun,
        server,
    } = facts;
    let date = |time: &ServerTime| time.0.format("%Y%m%d").to_string();
    let clock = |time: &ServerTime| time.0.format("%H%M%S").to_string();
    Some(match name.to_ascii_uppercase().as_str() {
        "DATE" => date(begun),
        "TIME" => clock(begun),
        "STRTDT" => date(job_begun),
        "STRTTM" => clock(job_begun),
        "JOBID" => format!("0x{}", job.id.simple().to_string().to_uppercase()),
        "JOBNAME" => job.name.clone(),
        "STEPID" => step.number.to_string(),
        "STEPNAME" => step.name.clone(),
        "STEPCT" => "1".to_owned(),
        "SRVR" | "MACH" => (*server).to_owned(),
        "INST" => String::new(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::agent::rows::Action;
    use uuid::Uuid;

    #[track_caller]
    fn check(command: &str, expected: Result<&str, &str>) {
        let at = |text: &str| ServerTime(text.parse().expect("a time"));
        let job = JobKey {
            name: "it's".to_owned(),
            id: Uuid::from_u128(1),
        };
        let step = Step {
            number: 2,
            name: "back up".to_owned(),
            subsystem: "TSQL".to_owned(),
            command: String::new(),
            database: None,
            on_success: Action::QuitWithSuccess,
            on_failure: Action::QuitWithFailure,
            retries: 0,
        };
        let facts = Facts {
            job: &job,
            step: &step,
            begun: at("2026-11-22T06:15:04"),
            job_begun: at("2026-11-22T06:15:00"),
            server: "PRACTICE",
        };
        let found = expand(command, &facts);
        match expected {
            Ok(text) => assert_eq!(found.as_deref(), Ok(text)),
            Err(part) => {
                let reason = found.expect_err("the token is refused");
                assert!(reason.contains(part), "{reason}");
            }
        }
    }

    #[test]
    fn tokens_become_what_agent_knows() {
        check(
            "N'$(ESCAPE_SQUOTE(DATE))_$(ESCAPE_NONE(TIME))'",
            Ok("N'20261122_061504'"),
        );
        check("$(ESCAPE_SQUOTE(STRTTM))", Ok("061500"));
        check("N'$(ESCAPE_SQUOTE(JOBNAME))'", Ok("N'it''s'"));
        check("price $ (5) and $(", Ok("price $ (5) and $("));
        check("$(DATE)", Err("must be updated with a macro"));
        check(
            "$(ESCAPE_NONE(SQLLOGDIR))",
            Err("Variable SQLLOGDIR not found"),
        );
    }
}
