//! `--server P`: a saved profile, the practice server, or a host with a login.

use super::{CliError, Exit, Global};
use crate::{
    domain::{CostModel, History, HistoryRecords, RestoreTimeModel},
    explain::{
        Problem, ProblemKind, aside_problem, platform_limits, server_problem, store_problem,
        workspace_name_fault,
    },
    run::{Measured, RunRecord, Who, list_runs, removed_on},
    server::{
        Credentials, Endpoint, Gateway, HistoryReader, Platform, ServerError, ServerReading,
        SqlServer, read_azure_databases, read_database_backups, read_server,
    },
    settings::{
        DataRoot, Encryption, Operator, PRACTICE_KEY, PasswordKept, PasswordStore as _, Profile,
        Reach, SystemStore, Workspace, WorkspaceName,
    },
    worker::{self, Practice},
};
use secrecy::SecretString;
use std::{path::PathBuf, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The name that is the practice server's alone.
const PRACTICE: &str = "practice";

/// The variable with the password, which is never an argument.
const PASSWORD_VARIABLE: &str = "STOPAT_PASSWORD";

/// How to find a server and to sign in there.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerArgs {
    /// A saved profile, `practice`, or host[\instance][,port]
    #[arg(long, value_name = "SERVER")]
    pub server: String,
    #[command(flatten)]
    pub sign_in: SignInArgs,
}

/// How to sign in at a server that is no profile.
#[derive(Clone, Debug, clap::Args)]
pub struct SignInArgs {
    /// The SQL login; its password comes from the credential store or STOPAT_PASSWORD
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Trust the certificates that this authority signed, or this self-signed one (a PEM file)
    #[arg(long, value_name = "FILE", conflicts_with = "trust_certificate")]
    pub ca: Option<PathBuf>,
    /// Trust whatever certificate the server shows this time; its fingerprint is printed
    #[arg(long)]
    pub trust_certificate: bool,
}

/// A server that answered, and the practice server while it is that.
pub struct OpenServer {
    pub gateway: SqlServer,
    pub reading: ServerReading,
    pub practice: Option<Practice>,
    /// By which saved server it was reached, for journals: see [`Who::profile`].
    pub profile: Option<String>,
}

/// Where settings are kept.
pub fn data_root(global: &Global) -> Result<DataRoot, CliError> {
    let program = std::env::current_exe().ok();
    DataRoot::resolve(global.data.as_deref(), program.as_deref()).ok_or_else(|| {
        CliError::usage(
            "No home folder is known",
            "Say where to keep settings with --data DIR.",
        )
    })
}

/// The name that `--workspace` gives, when it gives one.
pub fn workspace_name(global: &Global) -> Result<Option<WorkspaceName>, CliError> {
    let name = global.workspace.as_deref().map(str::parse).transpose();
    name.map_err(|error| {
        CliError::usage(format!("--workspace: {}", workspace_name_fault(error)), "")
    })
}

/// The workspace that the arguments name.
pub fn workspace(global: &Global, root: &DataRoot) -> Result<Workspace, CliError> {
    let name = workspace_name(global)?.unwrap_or_default();
    Ok(root.workspace(&name))
}

/// Ends a command with a problem.
pub fn failed(exit: Exit, problem: Problem) -> CliError {
    CliError { exit, problem }
}

/// A server that cannot be reached or refuses.
pub fn server_failed(error: &ServerError) -> CliError {
    failed(Exit::Refused, server_problem(error))
}

/// Runs asynchronous work on a runtime of the worker's making.
pub fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = worker::runtime().map_err(|error| {
        failed(
            Exit::Failed,
            Problem {
                kind: ProblemKind::Ours,
                sentence: "The program could not start its background threads".to_owned(),
                hint: String::new(),
                details: vec![error.to_string()],
            },
        )
    })?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}

/// Connects to the server that the arguments name.
pub async fn open(name: &str, args: &SignInArgs, global: &Global) -> Result<OpenServer, CliError> {
    if name.eq_ignore_ascii_case(PRACTICE) {
        let root = data_root(global)?;
        let practice = Practice::start(root.practice_world())
            .await
            .map_err(|problem| failed(Exit::Refused, problem))?;
        let gateway = practice.gateway();
        let reading = read(&gateway).await.map_err(|e| server_failed(&e))?;
        return Ok(OpenServer {
            gateway,
            reading,
            practice: Some(practice),
            profile: Some(PRACTICE_KEY.to_owned()),
        });
    }
    let (mut gateway, profile) = gateway(name, args, global)?;
    let reading = match read(&gateway).await {
        Err(ServerError::UnknownCertificate {
            fingerprint,
            subject,
            ..
        }) if args.trust_certificate => {
            say(&format!(
                "trusting the certificate of {subject}, SHA-256 {fingerprint}"
            ));
            gateway.encryption = Encryption::Pinned(fingerprint);
            read(&gateway).await
        }
        other => other,
    }
    .map_err(|error| server_failed(&error))?;
    Ok(OpenServer {
        gateway,
        reading,
        practice: None,
        profile,
    })
}

/// Who runs a command.
pub fn who(server: &OpenServer) -> Who {
    let operator = Operator::from_variables(|name| std::env::var(name).ok());
    Who {
        user: operator.user,
        login: Some(server.reading.info.login.clone()),
        host: operator.host,
        profile: server.profile.clone(),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "everything but the answer goes to standard error"
)]
pub fn say(line: &str) {
    eprintln!("stopat: {line}");
}

async fn read(gateway: &SqlServer) -> Result<ServerReading, ServerError> {
    let mut connection = gateway.connect().await?;
    read_server(connection.as_mut(), worker::now).await
}

/// A saved profile wins over a host of its name; its uuid comes with it.
fn gateway(
    name: &str,
    args: &SignInArgs,
    global: &Global,
) -> Result<(SqlServer, Option<String>), CliError> {
    let root = data_root(global)?;
    let profiles = workspace(global, &root)?
        .load_profiles()
        .map_err(|error| failed(Exit::Usage, store_problem(&error)))?;
    if let Some(aside) = &profiles.aside {
        // Said, and no reason to stop: the server may be named by its host.
        failed(Exit::Done, aside_problem(aside)).report();
    }
    let profile = profiles
        .value
        .into_iter()
        .find(|profile| profile.name.to_lowercase() == name.to_lowercase());
    if let Some(mut profile) = profile {
        if let Some(place) = &mut profile.azure
            && place.program.is_none()
        {
            // Settings that cannot be read name none; the window says what is wrong with them.
            place.program = root
                .load_preferences()
                .ok()
                .and_then(|loaded| loaded.value.az_program);
        }
        let id = profile.id.to_string();
        return Ok((of_profile(&profile, args)?, Some(id)));
    }
    let endpoint = endpoint(name)?;
    let credentials = match &args.user {
        Some(user) => Credentials::SqlLogin {
            user: user.clone(),
            password: password_variable().ok_or_else(no_password)?,
        },
        None if cfg!(windows) => Credentials::WindowsIntegrated,
        None => {
            return Err(CliError::usage(
                "Who signs in is missing",
                "Give a SQL login with --user, or the name of a saved profile.",
            ));
        }
    };
    let server = SqlServer {
        endpoint,
        credentials,
        encryption: match &args.ca {
            Some(file) => Encryption::Authority(file.clone()),
            None => Encryption::Trusted,
        },
        // Which batches a command sends is the command's to say; no profile limits it here.
        reach: Reach::Restore,
        database: None,
    };
    Ok((server, None))
}

fn of_profile(profile: &Profile, args: &SignInArgs) -> Result<SqlServer, CliError> {
    let kept = profile.sign_in.named().map(|(_, kept)| kept);
    let password = match kept {
        None => None,
        Some(kept) => {
            let stored = (kept == PasswordKept::CredentialStore)
                .then(|| SystemStore.load(profile.id).ok().flatten())
                .flatten();
            Some(password_variable().or(stored).ok_or_else(no_password)?)
        }
    };
    let mut server = worker::server_of(profile, password).ok_or_else(no_password)?;
    if let Some(file) = &args.ca {
        server.encryption = Encryption::Authority(file.clone());
    }
    Ok(server)
}

fn password_variable() -> Option<SecretString> {
    std::env::var(PASSWORD_VARIABLE)
        .ok()
        .map(SecretString::from)
}

fn no_password() -> CliError {
    CliError::usage(
        "The password is missing",
        format!(
            "Put it into the environment variable {PASSWORD_VARIABLE}, or keep it with the profile."
        ),
    )
}

/// `host[\instance][,port]`.
fn endpoint(text: &str) -> Result<Endpoint, CliError> {
    let bad = || {
        CliError::usage(
            format!("{text} is neither a saved profile nor a host"),
            "Write a host as name, name\\instance or name,port.",
        )
    };
    let (place, port) = match text.rsplit_once(',') {
        Some((place, port)) => (
            place,
            Some(port.trim().parse::<u16>().ok().ok_or_else(bad)?),
        ),
        None => (text, None),
    };
    let (host, instance) = match place.split_once('\\') {
        Some((host, instance)) => (host, Some(instance.to_owned())),
        None => (place, None),
    };
    if host.is_empty() || instance.as_deref() == Some("") {
        return Err(bad());
    }
    Ok(Endpoint {
        host: host.to_owned(),
        instance,
        port,
    })
}

/// Connects, does the work, and stops the practice server where it was started for it.
pub fn with_server<T>(
    name: &str,
    args: &SignInArgs,
    global: &Global,
    work: impl AsyncFnOnce(&OpenServer) -> Result<T, CliError>,
) -> Result<T, CliError> {
    block_on(async {
        let mut server = open(name, args, global).await?;
        let practice = server.practice.take();
        let done = work(&server).await;
        if let Some(practice) = practice {
            practice.stop().await;
        }
        done
    })
}

/// The same on a server whose users back up and restore themselves; where a service does, its sentence ends the command.
pub fn with_own_server<T>(
    name: &str,
    args: &SignInArgs,
    global: &Global,
    work: impl AsyncFnOnce(&OpenServer) -> Result<T, CliError>,
) -> Result<T, CliError> {
    with_server(name, args, global, async |server| {
        match platform_limits(server.reading.info.platform) {
            None => work(server).await,
            Some(limits) => Err(failed(
                Exit::Refused,
                Problem {
                    kind: ProblemKind::Yours,
                    sentence: limits.to_owned(),
                    hint: "What can be restored is shown and ordered in the window.".to_owned(),
                    details: Vec::new(),
                },
            )),
        }
    })
}

/// Connects, reads the whole history of a server as records, and leaves.
pub fn records_of(
    name: &str,
    args: &SignInArgs,
    global: &Global,
) -> Result<HistoryRecords, CliError> {
    with_server(name, args, global, async |server| {
        read_records(server, global).await
    })
}

/// A history has nothing of a database: which others it knows.
pub fn nothing_known(database: &str, history: &History) -> CliError {
    let names = history.databases();
    let shown: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
    let more = if names.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    let hint = if names.is_empty() {
        "This history holds no backups.".to_owned()
    } else {
        format!("It knows {}{more}.", shown.join(", "))
    };
    let mut error = CliError::usage(format!("Nothing is known of a database {database}"), hint);
    error.exit = Exit::Unreachable;
    error
}

/// How ways are compared on a server: by the time that restores took there, as the journals of the workspace tell.
pub fn costs_of(reading: &ServerReading, global: &Global) -> Result<CostModel, CliError> {
    let workspace = workspace(global, &data_root(global)?)?;
    let runs = Measured::read(&workspace.runs_folder()).runs_of(&reading.info.name);
    Ok(RestoreTimeModel::measured(&runs).map_or_else(CostModel::default, |model| model.costs()))
}

/// The whole history of a server as records, with what retention of this workspace has deleted.
pub async fn read_records(
    opened: &OpenServer,
    global: &Global,
) -> Result<HistoryRecords, CliError> {
    let OpenServer {
        gateway,
        reading: server,
        ..
    } = opened;
    if server.info.platform == Platform::AzureSqlDatabase {
        return automatic_backups(gateway, server)
            .await
            .map_err(|error| server_failed(&error));
    }
    let folder = workspace(global, &data_root(global)?)?.runs_folder();
    let runs: Vec<RunRecord> = list_runs(&folder)
        .into_iter()
        .filter_map(Result::ok)
        .collect();
    let removed = Arc::new(removed_on(&runs, &server.info.name));
    let reading = async {
        let mut connection = gateway.connect().await?;
        HistoryReader::new(server.columns)
            .knowing(removed, server.info.utc_offset)
            .read(connection.as_mut(), &CancellationToken::new())
            .await
    };
    let slice = reading.await.map_err(|error| server_failed(&error))?;
    Ok(HistoryRecords {
        server: server.recorded(),
        backup_sets: slice.backup_sets,
        restore_history: slice.restores,
        marks: slice.marks,
        changes: slice.changes,
    })
}

/// What Azure tells of the backups that it takes, database by database; one that may not be read has none.
async fn automatic_backups(
    gateway: &SqlServer,
    server: &ServerReading,
) -> Result<HistoryRecords, ServerError> {
    let mut connection = gateway.connect().await?;
    let mut backup_sets = Vec::new();
    for database in read_azure_databases(connection.as_mut()).await? {
        if database.name == "master" || database.state != "ONLINE" {
            continue;
        }
        let read = async {
            let mut connection = gateway.connect_to(&database.name).await?;
            read_database_backups(connection.as_mut()).await
        };
        match read.await {
            Ok(more) => backup_sets.extend(more),
            Err(error) => tracing::debug!(database = database.name, ?error, "automatic backups"),
        }
    }
    Ok(HistoryRecords {
        server: server.recorded(),
        backup_sets,
        ..HistoryRecords::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, Option<&str>, Option<u16>)>) {
        let found = endpoint(text).ok();
        let expected = expected.map(|(host, instance, port)| Endpoint {
            host: host.to_owned(),
            instance: instance.map(str::to_owned),
            port,
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn hosts_as_people_write_them() {
        check("db1", Some(("db1", None, None)));
        check(r"db1\SQL2", Some(("db1", Some("SQL2"), None)));
        check("db1,14330", Some(("db1", None, Some(14330))));
        check(r"db1\SQL2,14330", Some(("db1", Some("SQL2"), Some(14330))));
        check("db1,x", None);
        check(r"\SQL2", None);
        check("", None);
    }
}
