//! `stopat report`: what is promised of a database and what proves it, as a page or as JSON.

use super::{
    CliError, Exit, Global, Output,
    server::{OpenServer, ServerArgs, data_root, failed, read_records, with_server, workspace},
};
use crate::{
    domain::History,
    explain::{Problem, ProblemKind, store_problem},
    run::Measured,
    settings::{DatabaseKey, Operator, PRACTICE_KEY, load_applications},
    worker::{ReportGround, make_objectives_report},
};

/// Arguments of `stopat report`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReportArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The database that is reported on
    #[arg(long, value_name = "NAME")]
    database: String,
    /// Write JSON (objectives-report/1) instead of a page
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &ReportArgs, global: &Global) -> Result<Exit, CliError> {
    with_server(
        &args.server.server,
        &args.server.sign_in,
        global,
        async |server| work(args, global, server).await,
    )
}

async fn work(args: &ReportArgs, global: &Global, server: &OpenServer) -> Result<Exit, CliError> {
    let root = data_root(global)?;
    let workspace = workspace(global, &root)?;
    let stored = |error: &crate::settings::StoreError| failed(Exit::Usage, store_problem(error));
    let profiles = workspace.load_profiles().map_err(|e| stored(&e))?.value;
    let edited = workspace.load_objectives().map_err(|e| stored(&e))?.value;
    let key = DatabaseKey {
        server: profiles
            .iter()
            .find(|profile| profile.name.to_lowercase() == args.server.server.to_lowercase())
            .map_or_else(|| PRACTICE_KEY.to_owned(), |profile| profile.id.to_string()),
        database: args.database.clone(),
    };
    let (history, _) = History::from_records(read_records(server, global).await?);
    let applications = load_applications(&root.applications_folder()).applications;
    let runs_folder = workspace.runs_folder();
    let operator = Operator::from_variables(|name| std::env::var(name).ok());
    let made = make_objectives_report(&ReportGround {
        gateway: &server.gateway,
        info: &server.reading.info,
        history: &history,
        database: &args.database,
        applications: &applications,
        edited: &edited,
        key,
        measured: &Measured::read(&runs_folder),
        runs_folder: &runs_folder,
        made_by: operator.user.as_deref(),
    })
    .await
    .ok_or_else(|| {
        failed(
            Exit::Unreachable,
            Problem {
                kind: ProblemKind::Yours,
                sentence: format!("No backups of {} are known", args.database),
                hint: format!("The history knows {}.", history.databases().join(", ")),
                details: Vec::new(),
            },
        )
    })?;
    args.output
        .write(if args.json { &made.json } else { &made.html })?;
    Ok(Exit::Done)
}
