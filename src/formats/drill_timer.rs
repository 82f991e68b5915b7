//! A drill for the operating system's scheduler: files that start `stopat drill`, and the commands that register them.
//!
//! They run as the user who registers them, because the passwords and journals that a drill needs are that user's.

use super::os_schedule::{OsFile, OsSchedule, join, task_file, unit_files, unit_word};
use crate::{
    domain::ScenarioKind,
    run::{DrillTimer, OsScheduler, TimedMoment, hash},
};

/// What is started, and where its files will lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillProgram {
    /// The program itself.
    pub program: String,
    pub data_root: String,
    pub workspace: String,
    /// As `--server` takes it.
    pub server: String,
    pub database: String,
    pub folder: String,
}

/// The arguments of the drill, one by one.
fn arguments(timer: &DrillTimer, program: &DrillProgram) -> Vec<String> {
    let mut all: Vec<&str> = vec![
        "--data",
        &program.data_root,
        "--workspace",
        &program.workspace,
        "drill",
        "--server",
        &program.server,
        "--database",
        &program.database,
        "--scenario",
        match timer.scenario {
            ScenarioKind::FullOnly => "full",
            ScenarioKind::FullDifferential => "differential",
            ScenarioKind::FullDifferentialLog | ScenarioKind::AzurePointInTime => "log",
        },
    ];
    match timer.moment {
        TimedMoment::Latest => {}
        TimedMoment::Random => all.push("--random"),
        TimedMoment::Worst => all.push("--worst"),
    }
    if timer.check_database {
        all.push("--checkdb");
    }
    all.into_iter().map(str::to_owned).collect()
}

/// The files, and what registers them.
pub fn drill_timer(timer: &DrillTimer, program: &DrillProgram) -> OsSchedule {
    let plain: String = program
        .database
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(40)
        .collect();
    // Servers and databases whose names have few plain letters are told apart by this.
    let digits = hash(&format!("{}\n{}", program.server, program.database));
    let name = format!(
        "stopat-drill-{plain}-{}",
        digits.get(..8).unwrap_or_default()
    );
    let description = format!(
        "Drill of {} on {}: its backups are restored to a copy, which is verified, measured and dropped.",
        program.database, program.server
    );
    let arguments = arguments(timer, program);
    match timer.scheduler {
        OsScheduler::Windows => {
            let line: Vec<String> = arguments.iter().map(|text| windows_word(text)).collect();
            let file = format!("{name}.xml");
            let path = join(&program.folder, &file, '\\');
            OsSchedule {
                files: vec![OsFile {
                    name: file,
                    content: task_file(
                        &description,
                        &timer.times,
                        &program.program,
                        &line.join(" "),
                    ),
                }],
                commands: vec![format!(
                    "schtasks /Create /TN \"\\stopat\\{name}\" /XML \"{path}\" /RU \"%USERDOMAIN%\\%USERNAME%\" /RP *"
                )],
            }
        }
        OsScheduler::Systemd => {
            let words: Vec<String> = std::iter::once(&program.program)
                .chain(&arguments)
                .map(|text| unit_word(text))
                .collect();
            let (service, timer) = unit_files(&description, &timer.times, &words.join(" "), "");
            let path = |ending: &str| {
                let file = format!("{name}.{ending}");
                shell_word(&join(&program.folder, &file, '/'))
            };
            OsSchedule {
                commands: vec![
                    format!(
                        "systemctl --user link {} {}",
                        path("service"),
                        path("timer")
                    ),
                    format!("systemctl --user enable --now {name}.timer"),
                    // Else the timers of a user stop when the user signs out.
                    "loginctl enable-linger".to_owned(),
                ],
                files: [("service", service), ("timer", timer)]
                    .into_iter()
                    .map(|(ending, text)| OsFile {
                        name: format!("{name}.{ending}"),
                        content: text.into_bytes(),
                    })
                    .collect(),
            }
        }
    }
}

/// A word of a Windows command line, as the program's own start takes it apart:
/// <https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments>.
fn windows_word(text: &str) -> String {
    let calm: String = text.chars().filter(|c| !c.is_control()).collect();
    if !calm.is_empty() && !calm.contains([' ', '\t', '"']) {
        return calm;
    }
    let mut word = String::from("\"");
    let mut backslashes = 0;
    for c in calm.chars() {
        // Backslashes count twice where a quotation mark follows them.
        match c {
            '\\' => backslashes += 1,
            '"' => {
                word.push_str(&"\\".repeat(backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        word.push(c);
    }
    word.push_str(&"\\".repeat(backslashes));
    word.push('"');
    word
}

/// A word of a POSIX shell.
pub(super) fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

impl OsFile {
    /// The file as text, whatever its encoding.
    pub fn text(&self) -> String {
        match self.content.strip_prefix(&[0xFF, 0xFE]) {
            Some(utf16) => {
                let units: Vec<u16> = utf16
                    .chunks_exact(2)
                    .map(|pair| {
                        pair.iter()
                            .rev()
                            .fold(0, |unit, byte| unit << 8 | u16::from(*byte))
                    })
                    .collect();
                String::from_utf16_lossy(&units)
            }
            None => String::from_utf8_lossy(&self.content).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DayTimes, MinuteOfDay, Times, WeekDays};

    fn timer(scheduler: OsScheduler) -> DrillTimer {
        DrillTimer {
            scheduler,
            times: Times {
                days: WeekDays::from_bits(1).expect("Sunday"),
                at: DayTimes::Once(MinuteOfDay::from_hour(3).expect("three")),
            },
            scenario: ScenarioKind::FullDifferentialLog,
            moment: TimedMoment::Random,
            check_database: true,
        }
    }

    fn program() -> DrillProgram {
        DrillProgram {
            program: r"C:\Program Files\stopat.exe".to_owned(),
            data_root: r"D:\stopat data\".to_owned(),
            workspace: "default".to_owned(),
            server: "Main".to_owned(),
            database: "a\"b%c$".to_owned(),
            folder: r"D:\x".to_owned(),
        }
    }

    #[test]
    fn windows_starts_the_drill_with_every_word_whole() {
        let made = drill_timer(&timer(OsScheduler::Windows), &program());
        let [file] = made.files.as_slice() else {
            panic!("one task");
        };
        let xml = file.text();
        assert!(
            xml.contains(r"<Command>C:\Program Files\stopat.exe</Command>"),
            "{xml}"
        );
        assert!(
            xml.contains(
                r#"--data &quot;D:\stopat data\\&quot; --workspace default drill --server Main --database &quot;a\&quot;b%c$&quot; --scenario log --random --checkdb"#
            ),
            "{xml}"
        );
        assert!(xml.contains("<Sunday />"));
        assert!(made.commands[0].starts_with(r#"schtasks /Create /TN "\stopat\stopat-drill-abc-"#));
    }

    #[test]
    fn systemd_gets_a_service_and_its_timer() {
        let made = drill_timer(&timer(OsScheduler::Systemd), &program());
        let texts: Vec<String> = made.files.iter().map(OsFile::text).collect();
        let [service, timer] = texts.as_slice() else {
            panic!("two units");
        };
        assert!(
            service
                .contains(r#""--database" "a\"b%%c$$" "--scenario" "log" "--random" "--checkdb""#),
            "{service}"
        );
        assert!(timer.contains("OnCalendar=Sun *-*-* 03:00:00\n"), "{timer}");
        assert_eq!(made.commands.len(), 3);
    }
}
