//! `stopat backup`: backs databases up now, with progress on standard error and the result as JSON.

use super::{
    CliError, Exit, Global, Output,
    server::{
        OpenServer, ServerArgs, data_root, failed, say, server_failed, who, with_own_server,
        workspace,
    },
};
use crate::{
    domain::{
        BackupEncryption, BackupKind, BackupOption, BackupPlan, BackupRequest, BackupTarget,
        ChainChoice, Compression, EncryptionAlgorithm, Expiry, FileTemplate, ServerPath,
        TransferSettings, plan_backups,
    },
    explain::{self, Problem, ProblemKind, figures},
    formats::backup_result,
    run::{
        BackupEnd, BackupJob, BackupOutcome, BackupPhase, BackupReading, BackupReport,
        BackupRunEvent, BackupSurroundings, Journal, OncePlan, OnceRun, OnceState, PlaceThere,
        RunId, check_place, journal_path, look_at_once, read_backup_facts, run_backups,
        schedule::read_schedule, start_once,
    },
    server::{Gateway as _, ServerError},
    tsql::{BackupFacts, backup_script, once_script},
    worker,
};
use std::{collections::BTreeMap, path::Path, sync::Mutex, time::Duration};
use tokio_util::sync::CancellationToken;

/// Arguments of `stopat backup`.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// A database to back up; may be given several times
    #[arg(long = "database", value_name = "NAME", required = true)]
    databases: Vec<String>,
    /// What kind of backup
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    kind: KindArg,
    /// Touch no chain, wherever the backup goes
    #[arg(long, conflicts_with = "part_of_chain")]
    copy_only: bool,
    /// Let a full or log backup be part of the chain, wherever it goes: the next differentials and logs build on it
    #[arg(long)]
    part_of_chain: bool,
    /// The folder, share or URL, as the server sees it; its own backup folder by default
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["append", "nul"])]
    to: Option<String>,
    /// Write behind the backups of this file, as the server sees it
    #[arg(long, value_name = "FILE", conflicts_with = "nul")]
    append: Option<String>,
    /// Read everything and keep nothing
    #[arg(long)]
    nul: bool,
    /// How new files are called
    #[arg(long, value_name = "TEMPLATE", default_value = crate::domain::DEFAULT_TEMPLATE)]
    name: String,
    /// Do not compress
    #[arg(long)]
    no_compression: bool,
    /// Check no page and write no checksum
    #[arg(long)]
    no_checksum: bool,
    /// Do not read the file back afterwards
    #[arg(long)]
    no_verify: bool,
    /// Write so many files at once; a restore needs all of them
    #[arg(long, value_name = "N", default_value_t = 1)]
    stripes: u8,
    /// A text that stands in the file
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// For so many days BACKUP does not write over the file
    #[arg(long, value_name = "DAYS", conflicts_with = "expires")]
    retain_days: Option<u32>,
    /// Until this day BACKUP does not write over the file
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<chrono::NaiveDate>,
    /// Encrypt with this certificate of master
    #[arg(long, value_name = "NAME")]
    certificate: Option<String>,
    /// The cipher of an encrypted backup
    #[arg(long, value_enum, default_value_t = AlgorithmArg::Aes256, requires = "certificate")]
    algorithm: AlgorithmArg,
    /// BLOCKSIZE in bytes
    #[arg(long, value_name = "BYTES")]
    block_size: Option<u32>,
    /// MAXTRANSFERSIZE in bytes
    #[arg(long, value_name = "BYTES")]
    max_transfer_size: Option<u32>,
    /// BUFFERCOUNT
    #[arg(long, value_name = "N")]
    buffer_count: Option<u32>,
    /// How many databases are backed up at once
    #[arg(long, value_name = "N", default_value_t = 2)]
    at_once: u8,
    /// Have SQL Server Agent do it as a one-time job, so that it goes on without stopat
    #[arg(long)]
    on_server: bool,
    /// With --on-server: start the job and leave
    #[arg(long, requires = "on_server")]
    no_wait: bool,
    /// Print the T-SQL and back nothing up
    #[arg(long)]
    sql: bool,
    /// Accepted for symmetry: the result is always JSON (backup-result/1)
    #[arg(long, hide = true)]
    json: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum KindArg {
    Full,
    Differential,
    Log,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum AlgorithmArg {
    Aes128,
    Aes192,
    Aes256,
    TripleDes,
}

impl From<KindArg> for BackupKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Full => Self::Full,
            KindArg::Differential => Self::Differential,
            KindArg::Log => Self::Log,
        }
    }
}

impl From<AlgorithmArg> for EncryptionAlgorithm {
    fn from(algorithm: AlgorithmArg) -> Self {
        match algorithm {
            AlgorithmArg::Aes128 => Self::Aes128,
            AlgorithmArg::Aes192 => Self::Aes192,
            AlgorithmArg::Aes256 => Self::Aes256,
            AlgorithmArg::TripleDes => Self::TripleDes,
        }
    }
}

/// Runs the command.
pub fn run(args: &BackupArgs, global: &Global) -> Result<Exit, CliError> {
    let root = data_root(global)?;
    let workspace = workspace(global, &root)?;
    with_own_server(
        &args.server.server,
        &args.server.sign_in,
        global,
        async |server| back_up(args, server, workspace.folder()).await,
    )
}

async fn back_up(args: &BackupArgs, server: &OpenServer, folder: &Path) -> Result<Exit, CliError> {
    let reading = async {
        let mut connection = server.gateway.connect().await?;
        let reading = read_backup_facts(connection.as_mut()).await?;
        // Without a look at Agent's jobs no policy is known, and a backup by hand stays copy-only.
        let policies = read_schedule(connection.as_mut())
            .await
            .map(|schedule| schedule.policy_places())
            .unwrap_or_default();
        Ok((reading, policies))
    };
    let (reading, policies) = reading.await.map_err(|error| server_failed(&error))?;
    let request = request(args, &reading)?;
    let plan = plan_backups(
        &request,
        &reading.server,
        &reading.databases,
        None,
        &policies,
        None,
    );
    let facts = BackupFacts {
        server_name: reading.server_name.clone(),
        look: reading.look,
    };
    judge(&request, &plan, &reading)?;
    if args.on_server
        && let Some(reason) = explain::agent_refusal(reading.server.agent)
    {
        return Err(failed(
            Exit::Refused,
            Problem {
                kind: ProblemKind::Yours,
                sentence: reason.trim_end_matches('.').to_owned(),
                hint: "Without --on-server stopat itself waits for the backups.".to_owned(),
                details: Vec::new(),
            },
        ));
    }
    if args.sql {
        let script = if args.on_server {
            once_script(&plan, &facts)
        } else {
            backup_script(&plan, &facts)
        };
        args.output.write(&script.to_sql())?;
        return Ok(Exit::Done);
    }
    look_at_place(server, &request, &reading).await?;
    for step in &plan.steps {
        say(&format!(
            "{}: {}",
            step.database,
            explain::chain_reason(step)
        ));
        for note in &step.notes {
            say(&format!(
                "{}: {}",
                step.database,
                explain::backup_note(note)
            ));
        }
    }
    let run = RunId::new(worker::now(), fastrand::u16(..));
    let journal = Journal::create(&journal_path(folder, &run))
        .map_err(|error| failed(Exit::Failed, explain::journal_problem(&error)))?;
    let who = who(server);
    let report = if args.on_server {
        let once = OncePlan {
            run,
            who,
            plan: &plan,
            facts: &facts,
        };
        match on_server(args, server, once, journal).await? {
            Some(report) => report,
            None => return Ok(Exit::Done),
        }
    } else {
        let job = BackupJob {
            run,
            who,
            plan: plan.clone(),
            facts,
        };
        here(server, job, journal).await?
    };
    args.output
        .write(&backup_result::to_json(&report, request.kind))?;
    for step in &report.steps {
        tell_outcome(step);
    }
    Ok(exit_of(&report))
}

fn request(args: &BackupArgs, reading: &BackupReading) -> Result<BackupRequest, CliError> {
    let template: FileTemplate = args.name.parse().map_err(|error| {
        CliError::usage(
            format!("--name {} is no template", args.name),
            explain::template_error(&error),
        )
    })?;
    let folder = match &args.to {
        Some(folder) => ServerPath::new(folder),
        None => reading.server.default_folder.clone().unwrap_or_default(),
    };
    let mut request = BackupRequest::new(
        args.kind.into(),
        args.databases.iter().cloned(),
        folder.clone(),
    );
    request.target = match (&args.append, args.nul) {
        (Some(file), _) => BackupTarget::Append(ServerPath::new(file)),
        (None, true) => BackupTarget::Nothing,
        (None, false) => BackupTarget::NewFiles { folder, template },
    };
    request.chain = match (args.copy_only, args.part_of_chain) {
        (true, _) => ChainChoice::CopyOnly,
        (false, true) => ChainChoice::PartOfChain,
        (false, false) => ChainChoice::Careful,
    };
    request.at_once = args.at_once;
    let options = &mut request.options;
    // An edition that cannot compress is not asked to, unless somebody insists on it in T-SQL of their own.
    options.compression = if args.no_compression {
        Compression::Off
    } else if reading.server.edition.compresses() {
        Compression::On
    } else {
        Compression::ServerDefault
    };
    options.checksum = !args.no_checksum;
    options.verify = !args.no_verify;
    options.stripes = args.stripes;
    options.description.clone_from(&args.description);
    options.expiry = match (args.retain_days, args.expires) {
        (Some(days), _) => Expiry::Days(days),
        (None, Some(day)) => Expiry::On(day),
        (None, None) => Expiry::Never,
    };
    options.encryption = args.certificate.as_ref().map(|name| BackupEncryption {
        algorithm: args.algorithm.into(),
        certificate: name.clone(),
    });
    options.transfer = TransferSettings {
        block_size: args.block_size,
        max_transfer_size: args.max_transfer_size,
        buffer_count: args.buffer_count,
    };
    Ok(request)
}

/// Refuses before anything is written: options first, then databases. One refused database stops the command.
fn judge(
    request: &BackupRequest,
    plan: &BackupPlan,
    reading: &BackupReading,
) -> Result<(), CliError> {
    if let Some((option, refusal)) = plan.faults.first() {
        return Err(CliError::usage(
            format!(
                "{}: {}",
                option_argument(*option),
                explain::option_refusal(refusal).trim_end_matches('.')
            ),
            explain::option_reason(*option),
        ));
    }
    let Some((database, refusal)) = plan.refused.first() else {
        return Ok(());
    };
    let mut problem = explain::backup_refusal(database, request.kind, refusal);
    let exit = match refusal {
        crate::domain::BackupRefusal::NotThere => {
            let names: Vec<&str> = reading.databases.iter().map(|d| d.name.as_str()).collect();
            problem.hint = format!("The server has {}.", names.join(", "));
            Exit::Unreachable
        }
        crate::domain::BackupRefusal::NoDestination
        | crate::domain::BackupRefusal::TwiceInRequest
        | crate::domain::BackupRefusal::NameTooLong { .. } => Exit::Usage,
        _ => Exit::Refused,
    };
    for (database, refusal) in plan.refused.iter().skip(1) {
        problem
            .details
            .push(explain::backup_refusal(database, request.kind, refusal).sentence);
    }
    Err(failed(exit, problem))
}

fn option_argument(option: BackupOption) -> &'static str {
    match option {
        BackupOption::CopyOnly => "--copy-only",
        BackupOption::Append => "--append",
        BackupOption::Compression => "compression",
        BackupOption::Stripes => "--stripes",
        BackupOption::Description => "--description",
        BackupOption::Expiry => "--retain-days or --expires",
        BackupOption::Encryption => "--certificate",
        BackupOption::BlockSize => "--block-size",
        BackupOption::MaxTransferSize => "--max-transfer-size",
        BackupOption::BufferCount => "--buffer-count",
    }
}

/// A folder that the server does not see is refused here, in its terms; what nobody can tell is tried.
async fn look_at_place(
    server: &OpenServer,
    request: &BackupRequest,
    reading: &BackupReading,
) -> Result<(), CliError> {
    let BackupTarget::NewFiles { folder, .. } = &request.target else {
        return Ok(());
    };
    let checked = async {
        let mut connection = server.gateway.connect().await?;
        check_place(connection.as_mut(), folder).await
    };
    let check = checked.await.map_err(|error| server_failed(&error))?;
    let (_, words) = explain::place_check(&check);
    match check.there {
        PlaceThere::Folder | PlaceThere::Unknown => {
            say(&format!("{folder}: {words}"));
            Ok(())
        }
        PlaceThere::File | PlaceThere::Missing { .. } => Err(failed(
            Exit::Refused,
            Problem {
                kind: ProblemKind::Yours,
                sentence: format!("{folder}: {words}"),
                hint: explain::who_writes(folder, reading.server.service_account.as_deref()),
                details: Vec::new(),
            },
        )),
    }
}

/// Runs the plan from here; Ctrl-C cancels it.
async fn here(
    server: &OpenServer,
    job: BackupJob,
    journal: Journal,
) -> Result<BackupReport, CliError> {
    let all = CancellationToken::new();
    let cancel: Vec<CancellationToken> = job.plan.steps.iter().map(|_| all.child_token()).collect();
    let names: Vec<String> = job.plan.steps.iter().map(|s| s.database.clone()).collect();
    let shown = Mutex::new(BTreeMap::new());
    let tell = |event| tell_progress(&names, &shown, event);
    let interrupted = {
        let all = all.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                say("cancelling; the server is asked to stop");
                all.cancel();
            }
        })
    };
    let report = run_backups(
        job,
        BackupSurroundings {
            gateway: &server.gateway,
            journal,
            tell: &tell,
            cancel: &cancel,
            now: worker::now,
        },
    )
    .await;
    interrupted.abort();
    report.map_err(|error| failed(Exit::Failed, explain::journal_problem(&error)))
}

/// A line for each tenth of the way, so that a log of a night stays readable.
fn tell_progress(
    names: &[String],
    shown: &Mutex<BTreeMap<(usize, bool), u32>>,
    event: BackupRunEvent,
) {
    let name = |step: usize| names.get(step).map_or("", String::as_str);
    match event {
        BackupRunEvent::PhaseBegan { step, phase } => say(&match phase {
            BackupPhase::Writing => format!("{}: backing up", name(step)),
            BackupPhase::Reading => format!("{}: reading it back", name(step)),
        }),
        BackupRunEvent::Progress(progress) => {
            let Some(percent) = progress.percent else {
                return;
            };
            let tenth = (percent / 10.0) as u32;
            let reading = progress.phase == BackupPhase::Reading;
            let Ok(mut shown) = shown.lock() else { return };
            let last = shown.entry((progress.step, reading)).or_insert(0);
            if tenth > *last {
                *last = tenth;
                let left = progress.remaining_secs.map_or_else(String::new, |secs| {
                    format!(", {} left", figures::stopwatch(secs))
                });
                say(&format!("{}: {percent:.0} %{left}", name(progress.step)));
            }
        }
        BackupRunEvent::Message { .. } | BackupRunEvent::StepEnded { .. } => {}
    }
}

fn tell_outcome(step: &crate::run::BackupStepReport) {
    let file = step.devices.first().map_or("", crate::domain::Device::name);
    match &step.outcome {
        BackupOutcome::Done => say(&format!(
            "{}: {} · {file}",
            step.database,
            explain::backup_result(step)
        )),
        BackupOutcome::Cancelled => say(&format!("{}: cancelled", step.database)),
        BackupOutcome::DoneWithWarning(fault) | BackupOutcome::Failed(fault) => {
            let problem = explain::backup_fault(&step.database, step.kind, fault);
            say(&format!("{}: {}", step.database, problem.sentence));
            for line in std::iter::once(problem.hint)
                .chain(problem.details)
                .filter(|line| !line.is_empty())
            {
                say(&format!("    {line}"));
            }
        }
    }
}

/// Has Agent run the plan; `None` when nobody waits for it.
async fn on_server(
    args: &BackupArgs,
    server: &OpenServer,
    once: OncePlan<'_>,
    journal: Journal,
) -> Result<Option<BackupReport>, CliError> {
    let who = once.who.clone();
    let refused = once.plan.refused.clone();
    let mut connection = server
        .gateway
        .connect()
        .await
        .map_err(|error| server_failed(&error))?;
    let once: OnceRun = start_once(connection.as_mut(), once, journal, worker::now)
        .await
        .map_err(|error| failed(Exit::Refused, worker::once_problem(&error)))?;
    say(&format!("{} runs on the server", once.job_name));
    if args.no_wait {
        return Ok(None);
    }
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let state = look_at_once(connection.as_mut(), &once, worker::now()).await;
        match state {
            Ok(OnceState::Ended { steps, .. }) => {
                return Ok(Some(BackupReport {
                    id: once.run,
                    who,
                    server: server.reading.info.name.clone(),
                    started: once.started,
                    seconds: (worker::now().0 - once.started.0).num_milliseconds() as f64 / 1e3,
                    end: BackupEnd::of(&steps),
                    steps,
                    refused,
                }));
            }
            Ok(OnceState::Running { .. }) => {}
            Err(error @ ServerError::Refused { .. }) => return Err(server_failed(&error)),
            Err(_) => {
                // The job goes on without us; perhaps the server answers again.
                if let Ok(again) = server.gateway.connect().await {
                    connection = again;
                }
            }
        }
    }
}

/// 0 when all are there, 8 cancelled, 4 when the server refused any.
fn exit_of(report: &BackupReport) -> Exit {
    match report.end {
        BackupEnd::Done => Exit::Done,
        BackupEnd::DoneWithWarnings => Exit::NotVerified,
        BackupEnd::Cancelled => Exit::Cancelled,
        BackupEnd::Partly | BackupEnd::Failed => Exit::Refused,
    }
}
