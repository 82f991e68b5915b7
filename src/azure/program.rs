//! Running `az`: found or named, its version read, with a time limit and a way to cancel on every call.

use super::{
    answer::{Unreadable, text_of, value_of},
    command::{AzCommand, Effect},
    error::{AzError, Oldest, judge, without_secrets},
};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    pin::Pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::sync::CancellationToken;

/// `az` on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Az {
    program: PathBuf,
    /// How far calls may go.
    allowed: Effect,
}

/// What a call answers, sooner or later.
pub type AzFuture<'a> = Pin<Box<dyn Future<Output = Result<String, AzError>> + Send + 'a>>;

/// Whoever runs commands of `az`: the program, or what stands in for it.
pub trait AzCaller: Send + Sync {
    /// Runs a command and returns what it answered.
    fn call<'a>(&'a self, command: &'a AzCommand, cancel: &'a CancellationToken) -> AzFuture<'a>;
}

impl AzCaller for Az {
    fn call<'a>(&'a self, command: &'a AzCommand, cancel: &'a CancellationToken) -> AzFuture<'a> {
        Box::pin(self.run(command, cancel))
    }
}

/// The version of azure-cli.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AzVersion {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// The first version that tells when a token runs out as an instant, and not as a wall-clock time.
const OLDEST: Oldest = Oldest(AzVersion {
    major: 2,
    minor: 54,
    patch: 0,
});

/// The name that the system looks for on its search path.
const NAME: &str = if cfg!(windows) { "az.cmd" } else { "az" };

/// Where installers put it, for a search path that does not name the place: programs started from a desktop often have such a one.
const PLACES: &[&str] = if cfg!(windows) {
    &[
        r"C:\Program Files\Microsoft SDKs\Azure\CLI2\wbin\az.cmd",
        r"C:\Program Files (x86)\Microsoft SDKs\Azure\CLI2\wbin\az.cmd",
    ]
} else {
    &["/usr/bin/az", "/usr/local/bin/az", "/opt/homebrew/bin/az"]
};

/// A program that answers nothing for so long after it was ended is left alone.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// More than any answer of ours; a list of a thousand databases has about a megabyte.
const LONGEST_ANSWER: u64 = 64 << 20;

impl fmt::Display for AzVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            major,
            minor,
            patch,
        } = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// Finds `az`: the one that the settings name, else the one on the search path, else where installers put it.
///
/// Its version is read, so that an old one is told at once and not by an argument that it does not know.
pub async fn find(
    named: Option<&Path>,
    allowed: Effect,
    cancel: &CancellationToken,
) -> Result<(Az, AzVersion), AzError> {
    let candidates: Vec<PathBuf> = match named {
        Some(path) => vec![path.to_owned()],
        None => std::iter::once(NAME)
            .chain(PLACES.iter().copied())
            .map(PathBuf::from)
            .collect(),
    };
    let mut looked_for = None;
    for program in candidates {
        let az = Az { program, allowed };
        match az.version(cancel).await {
            Ok(version) if version < OLDEST.0 => {
                return Err(AzError::TooOld {
                    found: version,
                    oldest: OLDEST,
                });
            }
            Ok(version) => return Ok((az, version)),
            Err(AzError::NotInstalled { looked_for: place }) => {
                looked_for.get_or_insert(place);
            }
            Err(other) => return Err(other),
        }
    }
    Err(AzError::NotInstalled {
        looked_for: looked_for.unwrap_or_default(),
    })
}

impl Az {
    /// Runs a command and returns what it wrote to its standard output.
    pub async fn run(
        &self,
        command: &AzCommand,
        cancel: &CancellationToken,
    ) -> Result<String, AzError> {
        if command.effect > self.allowed {
            return Err(AzError::NotAllowed {
                allowed: self.allowed,
                needed: command.effect,
            });
        }
        if let Some(fault) = command.fault() {
            return Err(AzError::Value(fault.clone()));
        }
        tracing::debug!(command = %command, "az");
        let ended = self.spawn(command, cancel).await?;
        if ended.status.success() {
            return Ok(ended.stdout);
        }
        let error = match ended.status.code() {
            Some(code) => judge(code, &ended.stderr),
            None => AzError::Killed {
                how: ended.status.to_string(),
            },
        };
        tracing::debug!(command = %command, ?error, "az failed");
        Err(error)
    }

    /// The same with more rights or fewer, as another profile has them.
    pub fn allowing(&self, allowed: Effect) -> Self {
        Self {
            program: self.program.clone(),
            allowed,
        }
    }

    async fn version(&self, cancel: &CancellationToken) -> Result<AzVersion, AzError> {
        let answer = self.run(&AzCommand::new(&["version"]), cancel).await?;
        let version =
            text_of(&value_of(&answer)?, "azure-cli").ok_or(Unreadable::Field("azure-cli"))?;
        let mut numbers = version
            .split(|c: char| !c.is_ascii_digit())
            .map(|part| part.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Ok(AzVersion {
            major: next(),
            minor: next(),
            patch: next(),
        })
    }

    async fn spawn(
        &self,
        command: &AzCommand,
        cancel: &CancellationToken,
    ) -> Result<Ended, AzError> {
        let mut process = tokio::process::Command::new(&self.program);
        process
            .args(command.args())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .envs(ENVIRONMENT.iter().copied());
        // Its launcher is a script that starts Python: ending the group ends both.
        #[cfg(unix)]
        process.process_group(0);
        // No console window flashes up for a program of the command line.
        #[cfg(windows)]
        process.creation_flags(0x0800_0000);
        let mut child = process.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => AzError::NotInstalled {
                looked_for: self.program.display().to_string(),
            },
            _ => AzError::NotStarted {
                program: self.program.display().to_string(),
                reason: source.to_string(),
            },
        })?;
        let group = child.id();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (stdout, stderr, status) =
                tokio::join!(read_all(stdout), read_all(stderr), child.wait());
            status.map(|status| Ended {
                status,
                stdout,
                stderr,
            })
        };
        let stopped = tokio::select! {
            biased;
            () = cancel.cancelled() => AzError::Cancelled,
            ended = tokio::time::timeout(command.limit, work) => match ended {
                Ok(Ok(ended)) => return Ok(ended),
                Ok(Err(source)) => return Err(AzError::NotStarted {
                    program: self.program.display().to_string(),
                    reason: source.to_string(),
                }),
                Err(_elapsed) => AzError::TimedOut {
                    limit_secs: command.limit.as_secs(),
                },
            },
        };
        end_group(group).await;
        child.start_kill().ok();
        // What does not end even now is the system's to bury.
        tokio::time::timeout(END_TIMEOUT, child.wait()).await.ok();
        Err(stopped)
    }
}

/// What `az` is told besides its arguments, so that the line on the screen is short and complete:
/// JSON, nothing but errors beside it, no colours, no surveys, no extensions fetched on the way.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("AZURE_CORE_OUTPUT", "json"),
    ("AZURE_CORE_ONLY_SHOW_ERRORS", "true"),
    ("AZURE_CORE_NO_COLOR", "true"),
    ("AZURE_CORE_SURVEY_MESSAGE", "false"),
    ("AZURE_CORE_DISABLE_CONFIRM_PROMPT", "true"),
    ("AZURE_EXTENSION_USE_DYNAMIC_INSTALL", "no"),
];

struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl fmt::Debug for Ended {
    /// Without its output, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended")
            .field("status", &self.status)
            .field("stderr", &without_secrets(&self.stderr))
            .finish_non_exhaustive()
    }
}

async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // A pipe that breaks ends as one that is closed: what was read is judged.
        pipe.take(LONGEST_ANSWER).read_to_end(&mut bytes).await.ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Ends everything that the call started. The standard library ends one process only, and knows no groups.
async fn end_group(group: Option<u32>) {
    #[cfg(unix)]
    if let Some(group) = group {
        tokio::process::Command::new("kill")
            .args(["-KILL", "--", &format!("-{group}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .ok();
    }
    #[cfg(windows)]
    if let Some(group) = group {
        tokio::process::Command::new("taskkill")
            .args(["/F", "/T", "/PID", &group.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .creation_flags(0x0800_0000)
            .status()
            .await
            .ok();
    }
}
