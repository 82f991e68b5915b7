//! What `az` and Azure say, in words; what each platform cannot do.

use super::{Problem, ProblemKind, figures, server_problem, verification_fault};
use crate::{
    azure::{
        AzError, DeletedDatabase, Differential, Effect, Interval, IsoDuration, LongTerm,
        RetentionFault, ShortTerm, ValueFault,
    },
    domain::{UtcOffset, UtcTime},
    run::{AzureEnd, AzureFailure, ByHandFailure},
    server::{Platform, ServerError},
};

/// The failure of a call of `az`.
pub fn az_problem(error: &AzError) -> Problem {
    use ProblemKind::{Ours, Server, Yours};
    let (kind, sentence, hint): (_, String, &str) = match error {
        AzError::NotInstalled { looked_for } => (
            Yours,
            format!("The Azure command line is not installed here: there is no {looked_for}"),
            "Install azure-cli (https://aka.ms/installazurecli), or name the program in the server's profile.",
        ),
        AzError::NotStarted { program, .. } => (
            Yours,
            format!("{program} cannot be started"),
            "Check that it is a program that you may run, or name another one in the server's profile.",
        ),
        AzError::TooOld { found, oldest } => (
            Yours,
            format!(
                "azure-cli {found} is too old: {} or newer is needed",
                oldest.0
            ),
            "Update it with az upgrade.",
        ),
        AzError::SignedOut { .. } => (
            Yours,
            "Nobody is signed in at az".into(),
            "Run az login in a terminal, then try again here.",
        ),
        AzError::NeedsBrowser { .. } => (
            Yours,
            "The sign-in of az has run out, and only you can renew it in a browser".into(),
            "Run az login in a terminal and follow it to the browser; with az login --use-device-code any other device's browser will do. Then try again here.",
        ),
        AzError::Forbidden { .. } => (
            Yours,
            "Whoever is signed in at az may not do this".into(),
            "Ask for the role SQL DB Contributor on the server, or sign in as somebody who has it.",
        ),
        AzError::Missing { .. } => (
            Yours,
            "Azure knows no such resource".into(),
            "Check subscription, resource group and server in the profile; Find servers… lists what az can see.",
        ),
        AzError::Conflict { .. } => (
            Server,
            "Azure is busy with something else on this database or server".into(),
            "Wait until that has ended, then try again.",
        ),
        AzError::Throttled { .. } => (
            Server,
            "Azure gets too many questions from this subscription and asks to wait".into(),
            "Try again in a few minutes.",
        ),
        AzError::NoNetwork { .. } => (
            Yours,
            "Azure cannot be reached from here".into(),
            "Check the network and the proxy of this machine.",
        ),
        AzError::TimedOut { limit_secs } => (
            Server,
            format!("az gave no answer within {limit_secs} s and was ended"),
            "Try again; if it stays so, run the same command in a terminal with --debug.",
        ),
        AzError::Cancelled => (Yours, "Cancelled".into(), ""),
        AzError::Killed { how } => (
            Server,
            format!("az ended before it answered ({how})"),
            "Something on this machine ended it; try again.",
        ),
        AzError::Arguments { .. } => (
            Ours,
            "This az does not take the command".into(),
            "Update azure-cli with az upgrade; if it stays so, please report this with the details.",
        ),
        AzError::Answer(_) => (
            Ours,
            "The answer of az cannot be read".into(),
            "Update azure-cli with az upgrade; if it stays so, please report this with the details.",
        ),
        AzError::Value(fault) => return value_problem(fault),
        AzError::NotAllowed { allowed, needed } => (
            Yours,
            format!(
                "The profile lets stopat only {} here, and this would {}",
                effect_word(*allowed),
                effect_word(*needed)
            ),
            "Change how far stopat may go in the server's profile.",
        ),
        AzError::Refused { code, .. } => (
            Server,
            match code {
                Some(code) => format!("Azure refused ({code})"),
                None => "Azure refused".into(),
            },
            "The details have Azure's own words.",
        ),
    };
    let mut details: Vec<String> = error.said().lines().map(str::to_owned).collect();
    match error {
        AzError::NotStarted { reason, .. } => details.push(reason.clone()),
        AzError::Answer(reason) => details.push(reason.to_string()),
        _ => {}
    }
    Problem {
        kind,
        sentence,
        hint: hint.to_owned(),
        details,
    }
}

fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Look => "look",
        Effect::Retain => "change how long backups are kept",
        Effect::Restore => "restore",
    }
}

/// Why a name cannot be used.
pub fn value_fault(fault: &ValueFault) -> String {
    match fault {
        ValueFault::ReadsAFile { value } => format!(
            "az would read a file instead of the name {value}, and has no other way to write it"
        ),
        ValueFault::Nul { .. } => "The name has a character that no program can be told".to_owned(),
        ValueFault::Empty => "The new database needs a name".to_owned(),
        ValueFault::TooLong => "Names have at most 128 characters".to_owned(),
        ValueFault::Character(c) => format!("Azure allows no {c:?} in the name of a database"),
        ValueFault::End => "The name of a database may not end with a dot or a blank".to_owned(),
    }
}

fn value_problem(fault: &ValueFault) -> Problem {
    Problem {
        kind: ProblemKind::Yours,
        sentence: value_fault(fault),
        hint: "Choose another name, or use the Azure portal for this one.".to_owned(),
        details: Vec::new(),
    }
}

/// Why a step of an Azure restore did not do its work.
pub fn azure_failure(failure: &AzureFailure) -> Problem {
    let said = |kind, sentence: String, hint: &str, details: Vec<String>| Problem {
        kind,
        sentence,
        hint: hint.to_owned(),
        details,
    };
    match failure {
        AzureFailure::Az(error) => az_problem(error),
        AzureFailure::Server(error) => server_problem(error),
        AzureFailure::NameTaken { name } => said(
            ProblemKind::Yours,
            format!("There is a database {name} already"),
            "Choose another name for the new database.",
            Vec::new(),
        ),
        AzureFailure::TooEarly { earliest } => said(
            ProblemKind::Yours,
            format!(
                "Azure can restore nothing before {} UTC any more",
                utc_words(*earliest)
            ),
            "Choose a later moment, or a long-term backup.",
            Vec::new(),
        ),
        AzureFailure::NeedsMoment => said(
            ProblemKind::Yours,
            "A managed instance restores a deleted database only to a moment".to_owned(),
            "Choose a moment before it was deleted.",
            Vec::new(),
        ),
        AzureFailure::GaveUp { said: words } => said(
            ProblemKind::Server,
            "Azure gave the restore up".to_owned(),
            "Delete what it left of the new database, and try again.",
            words.lines().map(str::to_owned).collect(),
        ),
        AzureFailure::Vanished { name } => said(
            ProblemKind::Server,
            format!("{name} is no longer the database that this restore made"),
            "Somebody deleted or replaced it; look at the server before you go on.",
            Vec::new(),
        ),
        AzureFailure::NotProved { name } => said(
            ProblemKind::Yours,
            format!("{name} is there, and nothing proves that this restore made it"),
            "stopat deletes only what it is proved to have made: look at the database, and delete it in the Azure portal.",
            Vec::new(),
        ),
        AzureFailure::NotOrdered => said(
            ProblemKind::Yours,
            "Azure took no order, so there is no new database".to_owned(),
            "The activity log of the server in the Azure portal says what Azure was asked for.",
            Vec::new(),
        ),
        AzureFailure::NeverCame { name } => said(
            ProblemKind::Server,
            format!("Azure shows no database {name}"),
            "It may show it in a minute: try again then, or look at the activity log of the server in the Azure portal.",
            Vec::new(),
        ),
        AzureFailure::Stuck { name, status } => said(
            ProblemKind::Server,
            format!("{name} is {status}, and nothing is being done with it"),
            "Look at the database in the Azure portal.",
            Vec::new(),
        ),
        AzureFailure::NotRenamed => said(
            ProblemKind::Server,
            "The database was not renamed".to_owned(),
            "Try the step again.",
            Vec::new(),
        ),
        AzureFailure::Checks(faults) => {
            let mut problems: Vec<Problem> = faults.iter().map(verification_fault).collect();
            if problems.is_empty() {
                return said(
                    ProblemKind::Server,
                    "A check failed".to_owned(),
                    "",
                    Vec::new(),
                );
            }
            let mut first = problems.remove(0);
            first
                .details
                .extend(problems.into_iter().map(|problem| problem.sentence));
            first
        }
    }
}

/// Why what its users ran themselves on a managed instance or on Amazon RDS did not do its work.
pub fn by_hand_failure(failure: &ByHandFailure) -> Problem {
    let said = |sentence: String, hint: &str, details: Vec<String>| Problem {
        kind: ProblemKind::Server,
        sentence,
        hint: hint.to_owned(),
        details,
    };
    match failure {
        ByHandFailure::Server(error) => server_problem(error),
        ByHandFailure::NoTask => said(
            "Amazon RDS told no task".to_owned(),
            "Look at the tasks of the database; the instance needs the option SQLSERVER_BACKUP_RESTORE.",
            Vec::new(),
        ),
        ByHandFailure::Task { said: words } => said(
            "The task of Amazon RDS failed".to_owned(),
            "The details have the service's own words; the role of the option must reach the bucket.",
            words.lines().map(str::to_owned).collect(),
        ),
        ByHandFailure::Cancelled => Problem {
            kind: ProblemKind::Yours,
            ..said("The task was cancelled".to_owned(), "", Vec::new())
        },
        ByHandFailure::NotOnline { state } => said(
            format!("The new database is {state}"),
            "A restore may go on by itself; look at the list of databases again in a while.",
            Vec::new(),
        ),
        ByHandFailure::Checks(faults) => azure_failure(&AzureFailure::Checks(faults.clone())),
    }
}

/// At a start: what an earlier stopat ordered may go on.
pub fn azure_may_go_on(new_database: &str, server: &str) -> Problem {
    Problem {
        kind: ProblemKind::Yours,
        sentence: format!("Azure may still be restoring {new_database}"),
        hint: format!("stopat signs in to {server} to find out, and watches it again."),
        details: Vec::new(),
    }
}

/// At a start: the names of an earlier restore are half swapped.
pub fn azure_half_swapped(source: &str, server: &str) -> Problem {
    Problem {
        kind: ProblemKind::Yours,
        sentence: format!("The swap of names for {source} was begun and not ended"),
        hint: format!(
            "stopat signs in to {server} to find out how far it is, and shows the ways on."
        ),
        details: Vec::new(),
    }
}

/// Why the automatic backups of a database have no lanes on the timeline.
pub fn backups_unseen(error: &ServerError) -> Problem {
    let (sentence, hint) = if error.is_permission() {
        (
            "The automatic backups are not shown: the login may not see them",
            "What can be restored is told by az all the same. To see the backups as well, grant VIEW DATABASE STATE in the database; in Basic, S0, S1 and pools it takes the server admin or ##MS_ServerStateReader##.",
        )
    } else if error.number() == Some(208) {
        (
            "The automatic backups are not shown: this tier has no list of them, as Hyperscale",
            "What can be restored is told by az all the same.",
        )
    } else {
        return server_problem(error);
    };
    Problem {
        kind: ProblemKind::Yours,
        sentence: sentence.to_owned(),
        hint: hint.to_owned(),
        details: server_problem(error).details,
    }
}

/// In which state a run left things.
pub fn azure_end(end: AzureEnd, database: &str) -> String {
    match end {
        AzureEnd::Verified => format!("{database} is online, and every check passed"),
        AzureEnd::OnlineNotVerified => format!("{database} is online, and a check failed"),
        AzureEnd::NotOrdered => "Azure took no order: there is no new database".to_owned(),
        AzureEnd::GoesOn => format!(
            "Azure goes on restoring {database}; nobody watches it here. Deleting the new database is what cancels it"
        ),
        AzureEnd::Failed => format!("{database} was not restored"),
    }
}

/// What a platform cannot do that a server of one's own can, and why; `None` where nothing is missing.
pub fn platform_limits(platform: Platform) -> Option<&'static str> {
    match platform {
        Platform::SqlServer => None,
        Platform::AzureSqlDatabase => Some(
            "Azure SQL Database takes every backup itself and restores only into a new database, so there are no schedules, no files and no restore over the original here",
        ),
        Platform::ManagedInstance => Some(
            "A managed instance takes its own backups; its users take copy-only fulls to a URL and restore only into a new database, so there are no schedules and no log backups here",
        ),
        Platform::AmazonRds => Some(
            "Amazon RDS lets nobody run BACKUP or RESTORE; its procedures take full backups to S3 and restore them, so there are no log backups and no tail here",
        ),
    }
}

/// A platform's name, as the band at the top shows it.
pub fn platform_name(platform: Platform) -> &'static str {
    match platform {
        Platform::SqlServer => "SQL Server",
        Platform::AzureSqlDatabase => "Azure SQL Database",
        Platform::ManagedInstance => "Azure SQL Managed Instance",
        Platform::AmazonRds => "Amazon RDS",
    }
}

/// Why a retention cannot be set.
pub fn retention_fault(fault: &RetentionFault) -> String {
    match fault {
        RetentionFault::Days { least, most, .. } => {
            format!("Short-term retention is {least} to {most} days in this tier")
        }
        RetentionFault::Differential => {
            "In this tier the service chooses when differential backups are taken".to_owned()
        }
        RetentionFault::Range {
            interval,
            least,
            most,
            ..
        } => format!(
            "{} backups are kept {least} to {most}, or not at all (P0D)",
            interval_name(*interval)
        ),
        RetentionFault::Week(_) => "The week of the yearly backup is 1 to 52".to_owned(),
        RetentionFault::Text(error) => {
            let mut text = error.to_string();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            text
        }
        RetentionFault::Immutable => {
            "The policy makes backups immutable, so it is changed in the Azure portal, where that can be confirmed".to_owned()
        }
    }
}

/// `Weekly`.
pub fn interval_name(interval: Interval) -> &'static str {
    match interval {
        Interval::Weekly => "Weekly",
        Interval::Monthly => "Monthly",
        Interval::Yearly => "Yearly",
    }
}

/// `4 weeks`, `off`.
pub fn iso_duration(duration: IsoDuration) -> String {
    let IsoDuration {
        years,
        months,
        weeks,
        days,
    } = duration;
    let parts: Vec<String> = [
        (years, "year"),
        (months, "month"),
        (weeks, "week"),
        (days, "day"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, unit)| format!("{number} {unit}{}", if number == 1 { "" } else { "s" }))
    .collect();
    if parts.is_empty() {
        "off".to_owned()
    } else {
        parts.join(" ")
    }
}

/// `7 days, a differential every 12 hours`.
pub fn short_term(policy: &ShortTerm) -> String {
    let days = if policy.days == 1 {
        "1 day".to_owned()
    } else {
        format!("{} days", policy.days)
    };
    match policy.differential {
        Some(Differential::Every12Hours) => format!("{days}, a differential every 12 hours"),
        Some(Differential::Every24Hours) => format!("{days}, a differential every day"),
        None => days,
    }
}

/// `4 weeks · 12 months · 5 years of week 1`, or `off`.
pub fn long_term(policy: &LongTerm) -> String {
    if policy.is_off() {
        return "off".to_owned();
    }
    let mut parts: Vec<String> = [Interval::Weekly, Interval::Monthly]
        .iter()
        .map(|interval| policy.of(*interval))
        .filter(|duration| !duration.is_off())
        .map(iso_duration)
        .collect();
    if !policy.yearly.is_off() {
        parts.push(format!(
            "{} of week {}",
            iso_duration(policy.yearly),
            policy.week_of_year
        ));
    }
    parts.join(" · ")
}

/// A moment to the second, on the clock of Azure.
pub fn utc_words(at: UtcTime) -> String {
    let second = UtcTime::from_seconds(at.seconds().floor()).unwrap_or(at);
    figures::date_time(second.to_server(UtcOffset::ZERO))
}

/// Which of the databases of a name is meant.
pub fn deleted_then(gone: &DeletedDatabase) -> String {
    format!(
        "From the {} that was deleted {} UTC",
        gone.name,
        utc_words(gone.deleted)
    )
}

/// What a shorter short-term retention gives up, in UTC.
pub fn gives_up(from: UtcTime, to: UtcTime) -> String {
    format!(
        "Every second from {} to {} UTC could be restored until now, and then no longer: {} are given up",
        utc_words(from),
        utc_words(to),
        figures::duration(to.seconds() - from.seconds())
    )
}

/// What a shorter long-term retention gives up.
pub fn long_term_gives_up(shortened: &[Interval]) -> String {
    let names: Vec<&str> = shortened.iter().map(|i| interval_name(*i)).collect();
    format!(
        "{} backups are kept for a shorter time: those older than the new retention are deleted, and nothing brings them back",
        names.join(" and ")
    )
}
