//! Programs of the user's that take part in a run: started without a shell, watched, and ended with all their children.

use crate::{domain::UtcTime, settings::Hook};
use std::{path::PathBuf, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

/// A program with its arguments as they are; no shell takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookCommand {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Where it runs; `None` is where stopat runs.
    pub folder: Option<PathBuf>,
    /// After this long it is ended.
    pub timeout: Duration,
    /// What it must return to count as done.
    pub expected_exit: i32,
}

impl From<&Hook> for HookCommand {
    fn from(hook: &Hook) -> Self {
        let Hook {
            program,
            arguments,
            folder,
            timeout_secs,
            expected_exit,
        } = hook;
        Self {
            program: program.clone(),
            arguments: arguments.clone(),
            folder: folder.clone(),
            timeout: Duration::from_secs(u64::from(*timeout_secs)),
            expected_exit: *expected_exit,
        }
    }
}

impl HookCommand {
    /// One line to be shown and journaled; not to be typed into a shell.
    pub fn line(&self) -> String {
        let mut line = self.program.display().to_string();
        for argument in &self.arguments {
            line.push(' ');
            if argument.is_empty() || argument.contains(char::is_whitespace) {
                line.push_str(&format!("\"{argument}\""));
            } else {
                line.push_str(argument);
            }
        }
        line
    }
}

/// Why a program did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookFailure {
    #[error("the program cannot be started ({reason}): {program}")]
    NotStarted { program: String, reason: String },
    /// It returned something else.
    #[error("the program ended with {}, not {expected}: {program}", code_word(*.code))]
    Exit {
        program: String,
        /// `None` when a signal ended it.
        code: Option<i32>,
        expected: i32,
    },
    /// It was ended with its children.
    #[error("the program did not end within {} seconds: {program}", .timeout.as_secs())]
    TimedOut { program: String, timeout: Duration },
    /// The user cancelled while it ran; it was ended with its children.
    #[error("cancelled while the program ran: {program}")]
    Cancelled { program: String },
}

fn code_word(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".to_owned(), |code| code.to_string())
}

/// The most lines of output that are kept; what follows is read and dropped, so that the program does not wait.
const MAX_LINES: usize = 2_000;
/// How long what a program has printed may take to arrive after its end: a child that it left behind may hold the pipe.
const DRAIN: Duration = Duration::from_millis(500);

/// Runs a program to its end; every line that it prints goes to `hear` with the own clock.
pub async fn run_hook(
    hook: &HookCommand,
    cancel: &CancellationToken,
    now: fn() -> UtcTime,
    hear: &mut (dyn FnMut(UtcTime, String) + Send),
) -> Result<i32, HookFailure> {
    let program = hook.program.display().to_string();
    let mut command = Command::new(&hook.program);
    command
        .args(&hook.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(folder) = &hook.folder {
        command.current_dir(folder);
    }
    // A group of its own, so that what it started can be ended with it.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(|error| HookFailure::NotStarted {
        program: program.clone(),
        reason: error.to_string(),
    })?;
    let (sender, mut lines) = mpsc::unbounded_channel();
    read_lines(child.stdout.take(), sender.clone());
    read_lines(child.stderr.take(), sender);
    let mut n_lines = 0;
    let mut keep = |line: String| {
        n_lines += 1;
        if n_lines <= MAX_LINES {
            hear(now(), line);
        }
    };
    let deadline = tokio::time::sleep(hook.timeout);
    tokio::pin!(deadline);
    let ended = loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                end_all(&mut child).await;
                break Err(HookFailure::Cancelled { program: program.clone() });
            }
            () = &mut deadline => {
                end_all(&mut child).await;
                break Err(HookFailure::TimedOut { program: program.clone(), timeout: hook.timeout });
            }
            Some(line) = lines.recv() => keep(line),
            status = child.wait() => break Ok(status),
        }
    };
    let drained = async {
        while let Some(line) = lines.recv().await {
            keep(line);
        }
    };
    // Whatever is still open after that belongs to something that outlives the program.
    tokio::time::timeout(DRAIN, drained).await.ok();
    let status = ended?.map_err(|error| HookFailure::NotStarted {
        program: program.clone(),
        reason: error.to_string(),
    })?;
    match status.code() {
        Some(code) if code == hook.expected_exit => Ok(code),
        code => Err(HookFailure::Exit {
            program,
            code,
            expected: hook.expected_exit,
        }),
    }
}

fn read_lines(
    stream: Option<impl AsyncRead + Unpin + Send + 'static>,
    to: mpsc::UnboundedSender<String>,
) {
    let Some(stream) = stream else { return };
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        // Bytes, not text: a program prints in whatever encoding its console has.
        while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(n) if n > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            if to.send(line).is_err() {
                break;
            }
        }
    });
}

/// Ends a program and everything that it started.
async fn end_all(child: &mut Child) {
    if let Some(id) = child.id() {
        end_group(id).await;
    }
    // It may have ended by itself in this moment.
    child.kill().await.ok();
}

#[cfg(unix)]
async fn end_group(id: u32) {
    // The system's own command ends a group without unsafe code here; the number is of a child that was not waited for yet.
    Command::new("kill")
        .args(["-KILL", "--", &format!("-{id}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .ok();
}

#[cfg(windows)]
async fn end_group(id: u32) {
    Command::new("taskkill")
        .args(["/F", "/T", "/PID", &id.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .ok();
}

#[cfg(not(any(unix, windows)))]
async fn end_group(_id: u32) {}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> UtcTime {
        UtcTime(chrono::DateTime::UNIX_EPOCH)
    }

    fn shell(script: &str, timeout: Duration) -> HookCommand {
        HookCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            folder: None,
            timeout,
            expected_exit: 0,
        }
    }

    async fn run(hook: &HookCommand) -> (Result<i32, HookFailure>, Vec<String>) {
        let mut heard = Vec::new();
        let ended = run_hook(hook, &CancellationToken::new(), now, &mut |_, line| {
            heard.push(line);
        })
        .await;
        (ended, heard)
    }

    #[tokio::test]
    async fn its_lines_are_heard_and_its_code_is_compared() {
        let mut hook = shell("echo out; echo err >&2; exit 3", Duration::from_secs(20));
        let (ended, mut heard) = run(&hook).await;
        heard.sort();
        assert_eq!(heard, ["err", "out"]);
        assert!(matches!(
            ended,
            Err(HookFailure::Exit { code: Some(3), .. })
        ));
        hook.expected_exit = 3;
        assert_eq!(run(&hook).await.0, Ok(3));
    }

    #[tokio::test]
    async fn a_hanging_one_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let pulse = folder.path().join("pulse");
        // The child of the child would go on for ever, were it left alone.
        let script = format!(
            "(while sleep 0.02; do echo alive >> '{}'; done) & wait",
            pulse.display()
        );
        let (ended, _) = run(&shell(&script, Duration::from_millis(500))).await;
        assert!(
            matches!(ended, Err(HookFailure::TimedOut { .. })),
            "{ended:?}"
        );
        let beats = || std::fs::metadata(&pulse).map_or(0, |file| file.len());
        let last = beats();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(beats(), last, "a child outlived its program");
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_told() {
        let mut hook = shell("", Duration::from_secs(5));
        hook.program = "/nowhere/at/all".into();
        assert!(matches!(
            run(&hook).await.0,
            Err(HookFailure::NotStarted { .. })
        ));
    }
}
