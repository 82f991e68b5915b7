//! A stand-in for `az`: it keeps a world of databases in a file and answers in azure-cli's JSON.
//!
//! For tests and demonstrations. Where its world names a practice server in Azure edition, a restore really brings the
//! rows back: it signs in there as the service, and restores with the same plan that any other restore would have.
//! Time passes by the clock of the machine; nothing runs between two calls: what is due is done by the call that asks.
//!
//! The world lies in the folder that `AZ_STAND_IN_WORLD` names, else in `az-world` beside the program.
//! `az stand-in new JSON` makes one, `az stand-in fault "db restore" throttled 2` lets the next two calls fail.

mod arguments;
mod commands;
mod practice;
mod world;

use arguments::Arguments;
use serde_json::Value;
use std::{env, fmt::Write as _, path::PathBuf, process::ExitCode};
use world::{Fault, World};

/// How a call ends that does not answer.
pub struct Failure {
    exit_code: u8,
    text: String,
}

impl Failure {
    /// An error of Azure's with its code, as azure-cli prints it.
    pub fn azure(code: &str, text: &str) -> Self {
        let exit_code = if code.ends_with("NotFound") { 3 } else { 1 };
        Self {
            exit_code,
            text: format!("ERROR: ({code}) {text}\nCode: {code}\nMessage: {text}"),
        }
    }

    /// Arguments that azure-cli does not know.
    pub fn arguments(text: String) -> Self {
        Self {
            exit_code: 2,
            text: format!("ERROR: {text}"),
        }
    }

    fn plain(text: &str) -> Self {
        Self {
            exit_code: 1,
            text: text.to_owned(),
        }
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args) {
        Ok(answer) => {
            if !answer.is_null() {
                let text = serde_json::to_string_pretty(&answer).unwrap_or_default();
                print(&mut std::io::stdout(), &text);
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            print(&mut std::io::stderr(), &failure.text);
            ExitCode::from(failure.exit_code)
        }
    }
}

fn print(to: &mut dyn std::io::Write, text: &str) {
    writeln!(to, "{text}").ok();
}

fn folder() -> PathBuf {
    env::var_os("AZ_STAND_IN_WORLD").map_or_else(
        || {
            let mut beside = env::current_exe().unwrap_or_default();
            beside.set_file_name("az-world");
            beside
        },
        PathBuf::from,
    )
}

fn run(args: &[String]) -> Result<Value, Failure> {
    let arguments = Arguments::read(args);
    let words = arguments.words();
    let folder = folder();
    if let Some(rest) = words.strip_prefix("stand-in ") {
        return world::manage(&folder, rest, args).map_err(|text| Failure::plain(&text));
    }
    let locked = World::open(&folder).map_err(|text| Failure::plain(&format!("ERROR: {text}")))?;
    let mut world = locked;
    let mut line = String::new();
    for arg in args {
        write!(line, "{arg} ").ok();
    }
    world.calls.push(line.trim_end().to_owned());
    let fault = world.take_fault(&words);
    world.save();
    match fault {
        None => {}
        Some(Fault::LoggedOut) => {
            return Err(Failure::plain(
                "ERROR: Please run 'az login' to setup account.",
            ));
        }
        Some(Fault::Browser) => {
            return Err(Failure::plain(
                "ERROR: AADSTS700082: The refresh token has expired due to inactivity.\nInteractive authentication is needed. Please run:\naz login",
            ));
        }
        Some(Fault::Throttled) => {
            return Err(Failure::azure(
                "TooManyRequests",
                "The server received too many requests. Please wait and try again.",
            ));
        }
        Some(Fault::Conflict) => {
            return Err(Failure::azure(
                "ConflictingDatabaseOperation",
                "Another operation is in progress on the database. Please wait for it to finish.",
            ));
        }
        Some(Fault::Network) => {
            return Err(Failure::plain(
                "ERROR: HTTPSConnectionPool(host='management.azure.com', port=443): Max retries exceeded with url: /",
            ));
        }
        Some(Fault::Garbage) => {
            print(&mut std::io::stdout(), "Traceback (most recent call last):");
            return Ok(Value::Null);
        }
        // Longer than anybody waits.
        Some(Fault::Slow) => {
            drop(world);
            std::thread::sleep(std::time::Duration::from_secs(600));
            return Ok(Value::Null);
        }
        // The order is taken, and the answer never comes.
        Some(Fault::Killed) => {
            commands::answer(&mut world, &arguments).ok();
            world.save();
            std::process::abort();
        }
    }
    let answer = commands::answer(&mut world, &arguments);
    world.save();
    answer
}
