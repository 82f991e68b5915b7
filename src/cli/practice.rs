//! `stopat practice`: the practice SQL Server on loopback, until it is told to stop.

use super::{CliError, Exit, Output};
use crate::{
    domain::UtcTime,
    explain::{Problem, ProblemKind},
    practice::{
        ClockChoice, PracticeError, PracticeOptions, PracticeServer, WorldFolder,
        engine::{Edition, Zone},
    },
    worker::EndSignals,
};
use chrono::DateTime;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::{io::Read as _, path::PathBuf, time::Duration};

/// Running requests end within this, so that the whole command does within two seconds.
const LAST_TASKS: Duration = Duration::from_millis(200);

/// Arguments of `stopat practice`.
#[derive(Clone, Debug, clap::Args)]
pub struct PracticeArgs {
    /// Listen on this port of 127.0.0.1; 0 takes a free one, as does a new world
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Days of backup history
    #[arg(long, value_name = "N", default_value_t = PracticeOptions::DEFAULT_DAYS, value_parser = clap::value_parser!(u32).range(0..=90))]
    days: u32,
    /// The same seed gives the same world
    #[arg(long, value_name = "N", default_value_t = PracticeOptions::DEFAULT_SEED)]
    seed: u64,
    /// Let data count as so many times its size at 100 MB/s; 0 does not wait
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = pace)]
    pace: f64,
    /// Keep the world in this folder, and find it again there
    #[arg(long, value_name = "DIR")]
    world: Option<PathBuf>,
    /// Where the server stands: Europe/Berlin, +02:00
    #[arg(long, value_name = "ZONE", default_value = "+00:00", value_parser = zone)]
    zone: Zone,
    /// What its clock shows at the start: 2026-11-22T08:30:00+01:00
    #[arg(long, value_name = "TIME", value_parser = instant)]
    now: Option<UtcTime>,
    /// Whether its time passes by itself
    #[arg(long, value_enum, default_value_t = ClockArg::Live)]
    clock: ClockArg,
    /// What it says it is
    #[arg(long, value_enum, default_value_t = EditionArg::Developer)]
    edition: EditionArg,
    /// Print one line of JSON once it listens
    #[arg(long)]
    json: bool,
    /// Stop when standard input is closed
    #[arg(long)]
    stop_with_stdin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ClockArg {
    /// Like the machine's
    Live,
    /// Only practice_advance moves it
    Frozen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum EditionArg {
    Developer,
    Express,
    /// Azure SQL Database
    Azure,
    /// Azure SQL Managed Instance
    ManagedInstance,
    /// Amazon RDS for SQL Server
    Rds,
}

/// Reads a pace.
pub(super) fn pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(pace) if (0.0..=1e9).contains(&pace) => Ok(pace),
        _ => Err("a number from 0 to 1000000000 is needed".to_owned()),
    }
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| "an IANA name or +hh:mm is needed".to_owned())
}

fn instant(text: &str) -> Result<UtcTime, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| UtcTime(time.to_utc()))
        .map_err(|error| format!("ISO 8601 with an offset is needed ({error})"))
}

/// Serves until it is told to stop.
pub fn run(args: &PracticeArgs) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("stopat-practice")
        .enable_all()
        .build()
        .map_err(|error| failed("The asynchronous runtime cannot be started", &error))?;
    let done = runtime.block_on(serve(args));
    runtime.shutdown_timeout(LAST_TASKS);
    done
}

async fn serve(args: &PracticeArgs) -> Result<Exit, CliError> {
    // From the first moment, so that a stop during the start is heard too.
    let mut told = Told::listen(args.stop_with_stdin)
        .map_err(|error| failed("Signals cannot be listened for", &error))?;
    let options = PracticeOptions {
        port: args.port,
        days: args.days,
        seed: args.seed,
        pace: args.pace,
        world: match &args.world {
            Some(folder) => WorldFolder::Kept(folder.clone()),
            None => WorldFolder::Temporary {
                within: std::env::temp_dir(),
            },
        },
        zone: args.zone,
        now: args.now,
        clock: match args.clock {
            ClockArg::Live => ClockChoice::Live,
            ClockArg::Frozen => ClockChoice::Frozen,
        },
        edition: match args.edition {
            EditionArg::Developer => Edition::Developer,
            EditionArg::Express => Edition::Express,
            EditionArg::Azure => Edition::Azure,
            EditionArg::ManagedInstance => Edition::ManagedInstance,
            EditionArg::Rds => Edition::Rds,
        },
        made: None,
    };
    let server = tokio::select! {
        started = PracticeServer::start(options) => started.map_err(|e| not_started(&e))?,
        () = told.wait() => return Ok(Exit::Done),
    };
    Output::default().write(&announcement(&server, args.json))?;
    told.wait().await;
    server.stop().await;
    Ok(Exit::Done)
}

fn announcement(server: &PracticeServer, as_json: bool) -> String {
    let address = server.address();
    let (host, port) = (address.ip().to_string(), address.port());
    let password = server.password().expose_secret();
    let certificate = server.certificate();
    if as_json {
        let line = json!({
            "host": host,
            "port": port,
            "user": PracticeServer::USER,
            "password": password,
            "certificate": certificate,
            "fingerprint": server.fingerprint(),
        });
        return format!("{line}\n");
    }
    format!(
        "The practice SQL Server listens on {host},{port}\n\
         User          {}\n\
         Password      {password}\n\
         Certificate   {}\n\
         Fingerprint   {}\n\
         Stop it with Ctrl+C\n",
        PracticeServer::USER,
        certificate.display(),
        server.fingerprint(),
    )
}

fn not_started(error: &PracticeError) -> CliError {
    let hint = match error {
        PracticeError::Listen { .. } => "Choose another port with --port, or 0 for a free one.",
        PracticeError::Home(_) => "Choose another folder with --world.",
        _ => "Please report this.",
    };
    let mut error = failed("The practice server cannot be started", error);
    error.problem.hint = hint.to_owned();
    error
}

/// With the whole chain of what went wrong.
fn failed(sentence: &str, error: &(dyn std::error::Error + 'static)) -> CliError {
    let mut details = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        details.push(error.to_string());
        source = error.source();
    }
    CliError {
        exit: Exit::Failed,
        problem: Problem {
            kind: ProblemKind::Yours,
            sentence: sentence.to_owned(),
            hint: String::new(),
            details,
        },
    }
}

/// The ways in which this command is told to stop.
struct Told {
    signals: EndSignals,
    /// Standard input was closed; `None` when that does not matter.
    closed: Option<tokio::sync::oneshot::Receiver<()>>,
}

impl Told {
    fn listen(with_stdin: bool) -> std::io::Result<Self> {
        let closed = with_stdin.then(|| {
            let (sender, closed) = tokio::sync::oneshot::channel();
            // A thread of its own: reading standard input cannot be cancelled, and a runtime would wait for it.
            std::thread::spawn(move || {
                let mut ignored = [0; 1024];
                let mut stdin = std::io::stdin().lock();
                while matches!(stdin.read(&mut ignored), Ok(n_bytes) if n_bytes > 0) {}
                // Nobody waits any more when the command ends for another reason.
                sender.send(()).ok();
            });
            closed
        });
        Ok(Self {
            signals: EndSignals::listen()?,
            closed,
        })
    }

    async fn wait(&mut self) {
        let closed = async {
            match &mut self.closed {
                // An error says that the reading thread is gone, which is the same.
                Some(closed) => closed.await.unwrap_or(()),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.signals.wait() => {}
            () = closed => {}
        }
    }
}
