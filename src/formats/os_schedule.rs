//! A policy for the operating system's scheduler, where a server has no Agent: the same T-SQL, sent by `sqlcmd`.
//!
//! Files only, made on request: who may register them, and under which account, the machine's owner decides.
//! <https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema>,
//! <https://www.freedesktop.org/software/systemd/man/latest/systemd.timer.html>.

use super::drill_timer::shell_word;
use crate::domain::{DayTimes, JobDefinition, Policy, PolicyBackup, PolicyId, Times, WeekDays};
pub use crate::run::OsScheduler;
use std::fmt::Write as _;

/// How `sqlcmd` reaches the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlcmdTarget {
    /// As `-S` takes it: `host`, `host\instance` or `host,port`.
    pub server: String,
    /// A SQL login; its password comes from the variable `SQLCMDPASSWORD`. `None` is Windows sign-in.
    pub user: Option<String>,
    /// Where the files will lie on the machine that runs them.
    pub folder: String,
}

impl SqlcmdTarget {
    /// A server as `-S` takes it.
    pub fn server(host: &str, instance: Option<&str>, port: Option<u16>) -> String {
        match (instance, port) {
            (_, Some(port)) => format!("{host},{port}"),
            (Some(instance), None) => format!(r"{host}\{instance}"),
            (None, None) => host.to_owned(),
        }
    }
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsFile {
    pub name: String,
    pub content: Vec<u8>,
}

/// The files of a policy, and what registers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsSchedule {
    pub files: Vec<OsFile>,
    /// Commands to be run by somebody who may, in order.
    pub commands: Vec<String>,
}

/// The files for every job of a policy.
pub fn os_schedule(
    policy: &Policy,
    jobs: &[JobDefinition],
    target: &SqlcmdTarget,
    scheduler: OsScheduler,
) -> OsSchedule {
    let mut schedule = OsSchedule {
        files: Vec::new(),
        commands: Vec::new(),
    };
    for job in jobs {
        let Some(backup) = policy.backup(job.kind) else {
            continue;
        };
        let name = file_stem(&policy.id(), policy.databases.title(), job);
        schedule.files.push(OsFile {
            name: format!("{name}.sql"),
            content: format!("USE master;\nGO\n{}GO\n", job.command).into_bytes(),
        });
        match scheduler {
            OsScheduler::Windows => windows(&mut schedule, &name, job, backup, target),
            OsScheduler::Systemd => {
                let secret = password_file(policy);
                systemd(&mut schedule, &name, &secret, (job, backup), target);
            }
        }
    }
    if target.user.is_some() {
        let words = match scheduler {
            OsScheduler::Windows => {
                "rem sqlcmd takes the password from SQLCMDPASSWORD in the environment of ACCOUNT"
                    .to_owned()
            }
            OsScheduler::Systemd => format!(
                "# {} holds the line SQLCMDPASSWORD=…, and root alone may read it",
                password_file(policy)
            ),
        };
        schedule.commands.insert(0, words);
    }
    schedule
}

/// Where a service finds the password of a SQL login.
fn password_file(policy: &Policy) -> String {
    let stem = policy_stem(&policy.id(), policy.databases.title());
    format!("/etc/stopat/{stem}.env")
}

fn file_stem(id: &PolicyId, title: &str, job: &JobDefinition) -> String {
    format!("{}-{}", policy_stem(id, title), job.kind.word())
}

/// Plain letters and digits; the policy's id tells databases apart whose names have few of them.
fn policy_stem(id: &PolicyId, title: &str) -> String {
    let plain: String = title
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(40)
        .collect();
    let digits = id.as_str().get(..8).unwrap_or_default();
    format!("stopat-{plain}-{digits}")
}

pub(super) fn join(folder: &str, name: &str, separator: char) -> String {
    let folder = folder.trim_end_matches(['\\', '/']);
    format!("{folder}{separator}{name}")
}

fn windows(
    schedule: &mut OsSchedule,
    name: &str,
    job: &JobDefinition,
    backup: &PolicyBackup,
    target: &SqlcmdTarget,
) {
    let script = join(&target.folder, &format!("{name}.sql"), '\\');
    let sign_in = match &target.user {
        None => "-E".to_owned(),
        Some(user) => format!("-U \"{user}\""),
    };
    let arguments = format!("-S \"{}\" {sign_in} -b -x -i \"{script}\"", target.server);
    let content = task_file(&job.description, &backup.times, "sqlcmd", &arguments);
    let file = format!("{name}.xml");
    schedule.commands.push(format!(
        "schtasks /Create /TN \"\\stopat\\{name}\" /XML \"{}\" /RU ACCOUNT /RP *",
        join(&target.folder, &file, '\\')
    ));
    schedule.files.push(OsFile {
        name: file,
        content,
    });
}

/// A task of Task Scheduler: a command with its arguments in one line, as the program itself will take them apart.
pub(super) fn task_file(
    description: &str,
    times: &Times,
    command: &str,
    arguments: &str,
) -> Vec<u8> {
    let xml = format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{description}</Description>
  </RegistrationInfo>
  <Triggers>
    {trigger}
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions>
    <Exec>
      <Command>{command}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"#,
        description = xml_text(description),
        command = xml_text(command),
        trigger = task_trigger(times),
        arguments = xml_text(arguments),
    );
    // schtasks reads what the first line says: UTF-16, with a byte-order mark.
    std::iter::once(0xFEFF)
        .chain(xml.replace('\n', "\r\n").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn task_trigger(times: &Times) -> String {
    let (from, repetition) = match times.at {
        DayTimes::Once(at) => (at, String::new()),
        DayTimes::Every {
            minutes,
            from,
            until,
        } => {
            let span = until.minutes().saturating_sub(from.minutes()) + 1;
            (
                from,
                format!(
                    "\n      <Repetition><Interval>PT{minutes}M</Interval><Duration>PT{span}M</Duration><StopAtDurationEnd>false</StopAtDurationEnd></Repetition>"
                ),
            )
        }
    };
    let days = if times.days == WeekDays::ALL {
        "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>".to_owned()
    } else {
        let names = day_names(
            times.days,
            &[
                "Sunday",
                "Monday",
                "Tuesday",
                "Wednesday",
                "Thursday",
                "Friday",
                "Saturday",
            ],
        );
        let list: String = names.iter().map(|day| format!("<{day} />")).collect();
        format!(
            "<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek>{list}</DaysOfWeek></ScheduleByWeek>"
        )
    };
    format!(
        "<CalendarTrigger>{repetition}
      <StartBoundary>2000-01-01T{from}:00</StartBoundary>
      <Enabled>true</Enabled>
      {days}
    </CalendarTrigger>"
    )
}

fn systemd(
    schedule: &mut OsSchedule,
    name: &str,
    secret: &str,
    (job, backup): (&JobDefinition, &PolicyBackup),
    target: &SqlcmdTarget,
) {
    let script = join(&target.folder, &format!("{name}.sql"), '/');
    let (sign_in, secret) = match &target.user {
        None => ("-E".to_owned(), String::new()),
        Some(user) => (
            format!("-U {}", unit_word(user)),
            format!("EnvironmentFile={secret}\n"),
        ),
    };
    let exec = format!(
        "/opt/mssql-tools18/bin/sqlcmd -S {} {sign_in} -b -x -i {}",
        unit_word(&target.server),
        unit_word(&script),
    );
    let (service, timer) = unit_files(&job.description, &backup.times, &exec, &secret);
    for (ending, content) in [("service", service), ("timer", timer)] {
        schedule.files.push(OsFile {
            name: format!("{name}.{ending}"),
            content: content.into_bytes(),
        });
    }
    let path = |ending: &str| {
        let file = format!("{name}.{ending}");
        shell_word(&join(&target.folder, &file, '/'))
    };
    schedule.commands.extend([
        format!("systemctl link {} {}", path("service"), path("timer")),
        format!("systemctl enable --now {name}.timer"),
    ]);
}

/// A service and the timer that starts it; `more` are further lines of the service, each with its end.
pub(super) fn unit_files(
    description: &str,
    times: &Times,
    exec: &str,
    more: &str,
) -> (String, String) {
    let description = description.replace('%', "%%");
    (
        format!(
            "[Unit]\nDescription={description}\n\n[Service]\nType=oneshot\n{more}ExecStart={exec}\n"
        ),
        format!(
            "[Unit]\nDescription={description}\n\n[Timer]\n{}Persistent=true\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n",
            on_calendar(times),
        ),
    )
}

fn on_calendar(times: &Times) -> String {
    let days = if times.days == WeekDays::ALL {
        String::new()
    } else {
        let names = day_names(
            times.days,
            &["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
        );
        format!("{} ", names.join(","))
    };
    let mut lines = String::new();
    match times.at {
        DayTimes::Every {
            minutes,
            from,
            until,
        } if 60 % minutes.max(1) == 0
            && from.minutes() < minutes
            && until.minutes() + minutes >= 1_440 =>
        {
            // Writing to a String cannot fail.
            writeln!(
                lines,
                "OnCalendar={days}*-*-* *:{:02}/{minutes}:00",
                from.minutes()
            )
            .ok();
        }
        _ => {
            for minute in times.of_a_day() {
                writeln!(lines, "OnCalendar={days}*-*-* {minute}:00").ok();
            }
        }
    }
    lines
}

fn day_names<'a>(days: WeekDays, names: &[&'a str; 7]) -> Vec<&'a str> {
    (0..7_u32)
        .zip(names)
        .filter(|(day, _)| days.has(*day))
        .map(|(_, name)| *name)
        .collect()
}

/// A word of `ExecStart`: quoted, with nothing left that systemd would replace.
pub(super) fn unit_word(text: &str) -> String {
    let calm: String = text
        .chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| match c {
            '\\' | '"' => vec!['\\', c],
            '%' | '$' => vec![c, c],
            _ => vec![c],
        })
        .collect();
    format!("\"{calm}\"")
}

fn xml_text(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AgentSchedule, MinuteOfDay, Notify, PolicyDatabases, PolicyKind, PolicyOptions, Retention,
    };

    /// Full at midnight, differential at 06, 12 and 18, log each quarter of an hour.
    fn octopus() -> (Policy, Vec<JobDefinition>) {
        let at = |hour| MinuteOfDay::from_hour(hour).expect("an hour");
        let backup = |kind: PolicyKind, times| PolicyBackup {
            kind,
            times,
            folder: kind.word().to_owned(),
            verify: false,
        };
        let differential = Times {
            days: WeekDays::ALL,
            at: DayTimes::Every {
                minutes: 360,
                from: at(6),
                until: at(18),
            },
        };
        let policy = Policy {
            databases: PolicyDatabases::One("Octopus & AI".to_owned()),
            backups: vec![
                backup(PolicyKind::Full, Times::daily(MinuteOfDay::MIDNIGHT)),
                backup(PolicyKind::Differential, differential),
                backup(PolicyKind::Log, Times::every(15)),
            ],
            share: r"\\s\o".to_owned(),
            options: PolicyOptions {
                compression: false,
                checksum: true,
            },
            notify: Notify::default(),
            retention: Retention::default(),
            objective: None,
        };
        let jobs = policy
            .backups
            .iter()
            .map(|backup| JobDefinition {
                kind: backup.kind,
                policy: policy.id(),
                name: PolicyId::job_name(&policy.databases, backup.kind),
                description: "Backups & more, by a policy.".to_owned(),
                command: "BACKUP …\n".to_owned(),
                schedule: AgentSchedule::of(&backup.times),
                operator: None,
            })
            .collect();
        (policy, jobs)
    }

    fn target() -> SqlcmdTarget {
        SqlcmdTarget {
            server: r"SQL1\EXPRESS".to_owned(),
            user: None,
            folder: r"C:\stopat".to_owned(),
        }
    }

    #[test]
    fn windows_gets_a_task_and_a_script_for_each_kind() {
        let (policy, jobs) = octopus();
        let made = os_schedule(&policy, &jobs, &target(), OsScheduler::Windows);
        assert_eq!(made.files.len(), 6);
        assert_eq!(made.commands.len(), 3);
        let log = made.files.last().expect("six");
        assert!(log.content.starts_with(&[0xFF, 0xFE]));
        let units: Vec<u16> = log
            .content
            .chunks_exact(2)
            .skip(1)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        let xml = String::from_utf16(&units).expect("UTF-16");
        assert!(
            xml.contains("<Interval>PT15M</Interval><Duration>PT1440M</Duration>"),
            "{xml}"
        );
        assert!(
            xml.contains(
                r"-S &quot;SQL1\EXPRESS&quot; -E -b -x -i &quot;C:\stopat\stopat-OctopusAI-"
            ),
            "{xml}"
        );
    }

    #[test]
    fn systemd_gets_a_timer_a_service_and_a_script_for_each_kind() {
        let (policy, jobs) = octopus();
        let mut target = target();
        target.user = Some("back up %$".to_owned());
        target.folder = "/etc/stopat".to_owned();
        let made = os_schedule(&policy, &jobs, &target, OsScheduler::Systemd);
        assert_eq!(made.files.len(), 9);
        let text = |ending: &str| -> Vec<String> {
            made.files
                .iter()
                .filter(|file| file.name.ends_with(ending))
                .map(|file| String::from_utf8(file.content.clone()).expect("UTF-8"))
                .collect()
        };
        let timers = text(".timer");
        assert!(timers[0].contains("OnCalendar=*-*-* 00:00:00\n"));
        assert!(timers[1].contains(
            "OnCalendar=*-*-* 06:00:00\nOnCalendar=*-*-* 12:00:00\nOnCalendar=*-*-* 18:00:00\n"
        ));
        assert!(timers[2].contains("OnCalendar=*-*-* *:00/15:00\n"));
        assert!(
            text(".service")[0]
                .contains(r#"-S "SQL1\\EXPRESS" -U "back up %%$$" -b -x -i "/etc/stopat/stopat-"#)
        );
        assert!(
            text(".service")[2].contains(&format!("EnvironmentFile={}\n", password_file(&policy)))
        );
        assert!(made.commands[0].contains(&password_file(&policy)));
        assert!(
            made.commands[1].starts_with("systemctl link '/etc/stopat/stopat-OctopusAI-"),
            "{:?}",
            made.commands
        );
        assert!(
            text(".sql")
                .iter()
                .all(|sql| sql.starts_with("USE master;\nGO\n"))
        );
    }

    #[test]
    fn working_days_are_named() {
        let times = Times {
            days: WeekDays::from_bits(0b011_1110).expect("Monday to Friday"),
            at: DayTimes::Once(MinuteOfDay::from_hour(2).expect("two")),
        };
        assert_eq!(
            on_calendar(&times),
            "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 02:00:00\n"
        );
        assert!(task_trigger(&times).contains("<Monday /><Tuesday />"));
    }
}
