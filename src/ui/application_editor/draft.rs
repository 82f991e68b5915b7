//! An application while it is typed: text for every field, whatever it says.

use crate::settings::{
    Application, ApplicationFault, CountedRows, Criticality, HOOK_TIMEOUT_SECS, Handover, Hook,
    HookPlace, Outside, ProtectedData, RowClock, SchemaCheck,
};
use std::path::PathBuf;

/// What is typed. What the form does not show stays as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    read: Application,
    pub name: String,
    /// One a line.
    pub databases: String,
    pub schema: String,
    pub protected: Vec<ProtectedDraft>,
    pub version: VersionDraft,
    pub counted: CountedDraft,
    pub stop: HandoverDraft,
    pub start: HandoverDraft,
    pub outside: Vec<OutsideDraft>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedDraft {
    pub data: String,
    /// Separated by commas.
    pub tables: String,
    pub criticality: Criticality,
    pub because: String,
}

/// Where the version of the schema is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionDraft {
    pub checked: bool,
    pub table: String,
    pub column: String,
    pub expected: String,
    pub by_hand: String,
    pub hook: HookDraft,
}

/// What a loss is counted in besides time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedDraft {
    pub counted: bool,
    pub what: String,
    pub table: String,
    pub column: String,
    pub clock: RowClock,
}

/// Stopping or starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverDraft {
    pub way: Way,
    pub title: String,
    pub hook: HookDraft,
    pub check: HookDraft,
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The run has no such step.
    Nobody,
    /// The user, who says *Done*.
    ByHand,
    Hook,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideDraft {
    pub what: String,
    pub where_it_is: String,
    pub note: String,
    pub after_restore: String,
    pub hook: HookDraft,
}

/// A program, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookDraft {
    pub used: bool,
    pub program: String,
    /// One a line, as they are.
    pub arguments: String,
    pub folder: String,
    pub timeout_secs: String,
    pub expected_exit: String,
}

/// Why a draft is no application yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftFault {
    /// The exit code is no number.
    ExitCode(HookPlace),
    /// The time is no number.
    Time(HookPlace),
    Application(ApplicationFault),
}

impl Draft {
    /// A new application without anything.
    pub fn new() -> Self {
        Self::of(&Application {
            name: String::new(),
            databases: Vec::new(),
            schema: "dbo".to_owned(),
            protected: Vec::new(),
            schema_check: None,
            stop: Some(Handover {
                title: String::new(),
                hook: None,
                check: None,
            }),
            start: Some(Handover {
                title: String::new(),
                hook: None,
                check: None,
            }),
            outside: Vec::new(),
            schedule: None,
            objectives: Vec::new(),
            counted: None,
        })
    }

    /// An existing one.
    pub fn of(application: &Application) -> Self {
        let read = application.clone();
        Self {
            name: read.name.clone(),
            databases: read.databases.join("\n"),
            schema: read.schema.clone(),
            protected: read.protected.iter().map(ProtectedDraft::of).collect(),
            version: VersionDraft::of(read.schema_check.as_ref()),
            counted: CountedDraft::of(read.counted.as_ref()),
            stop: HandoverDraft::of(read.stop.as_ref()),
            start: HandoverDraft::of(read.start.as_ref()),
            outside: read.outside.iter().map(OutsideDraft::of).collect(),
            read,
        }
    }

    /// Whether anything differs from what was read.
    pub fn changed(&self) -> bool {
        *self != Self::of(&self.read)
    }

    /// The application, or everything that keeps it from being saved beside those names.
    pub fn application<'a>(
        &self,
        others: impl Iterator<Item = &'a str>,
    ) -> Result<Application, Vec<DraftFault>> {
        let mut faults = Vec::new();
        let application = Application {
            name: self.name.trim().to_owned(),
            databases: lines(&self.databases),
            schema: self.schema.trim().to_owned(),
            protected: self.protected.iter().map(ProtectedDraft::data).collect(),
            schema_check: self.version.checked.then(|| SchemaCheck {
                table: self.version.table.trim().to_owned(),
                version_column: self.version.column.trim().to_owned(),
                by_hand: self.version.by_hand.trim().to_owned(),
                expected: not_empty(&self.version.expected),
                hook: self.version.hook.hook(HookPlace::SchemaCheck, &mut faults),
            }),
            stop: self
                .stop
                .handover(HookPlace::Stop, HookPlace::StopCheck, &mut faults),
            start: self
                .start
                .handover(HookPlace::Start, HookPlace::StartCheck, &mut faults),
            outside: self
                .outside
                .iter()
                .enumerate()
                .map(|(idx, outside)| Outside {
                    what: outside.what.trim().to_owned(),
                    where_it_is: outside.where_it_is.trim().to_owned(),
                    note: outside.note.trim().to_owned(),
                    after_restore: outside.after_restore.trim().to_owned(),
                    hook: outside.hook.hook(HookPlace::Outside(idx), &mut faults),
                    ..self.kept_of(outside.what.trim())
                })
                .collect(),
            schedule: self.read.schedule.clone(),
            objectives: self.read.objectives.clone(),
            counted: self.counted.counted.then(|| CountedRows {
                what: self.counted.what.trim().to_owned(),
                table: self.counted.table.trim().to_owned(),
                time_column: self.counted.column.trim().to_owned(),
                clock: self.counted.clock,
            }),
        };
        faults.extend(
            application
                .faults(others)
                .into_iter()
                .map(DraftFault::Application),
        );
        if faults.is_empty() {
            Ok(application)
        } else {
            Err(faults)
        }
    }
}

impl Draft {
    /// What the editor does not show of something outside SQL Server, as it was read.
    fn kept_of(&self, what: &str) -> Outside {
        self.read
            .outside
            .iter()
            .find(|outside| outside.what == what)
            .cloned()
            .unwrap_or_else(|| Outside {
                what: what.to_owned(),
                where_it_is: String::new(),
                note: String::new(),
                after_restore: String::new(),
                hook: None,
                loss_minutes: None,
                backup: None,
            })
    }
}

impl ProtectedDraft {
    /// A line to be filled in.
    pub fn new() -> Self {
        Self {
            data: String::new(),
            tables: String::new(),
            criticality: Criticality::High,
            because: String::new(),
        }
    }

    fn of(data: &ProtectedData) -> Self {
        Self {
            data: data.data.clone(),
            tables: data.tables.join(", "),
            criticality: data.criticality,
            because: data.because.clone(),
        }
    }

    fn data(&self) -> ProtectedData {
        ProtectedData {
            data: self.data.trim().to_owned(),
            tables: self
                .tables
                .split(',')
                .map(str::trim)
                .filter(|table| !table.is_empty())
                .map(str::to_owned)
                .collect(),
            criticality: self.criticality,
            because: self.because.trim().to_owned(),
        }
    }
}

impl VersionDraft {
    fn of(check: Option<&SchemaCheck>) -> Self {
        Self {
            checked: check.is_some(),
            table: check.map_or_else(String::new, |check| check.table.clone()),
            column: check.map_or_else(String::new, |check| check.version_column.clone()),
            expected: check
                .and_then(|check| check.expected.clone())
                .unwrap_or_default(),
            by_hand: check.map_or_else(String::new, |check| check.by_hand.clone()),
            hook: HookDraft::of(check.and_then(|check| check.hook.as_ref())),
        }
    }
}

impl CountedDraft {
    fn of(counted: Option<&CountedRows>) -> Self {
        let text = |of: fn(&CountedRows) -> &String| {
            counted.map_or_else(String::new, |counted| of(counted).clone())
        };
        Self {
            counted: counted.is_some(),
            what: text(|counted| &counted.what),
            table: text(|counted| &counted.table),
            column: text(|counted| &counted.time_column),
            clock: counted.map(|counted| counted.clock).unwrap_or_default(),
        }
    }
}

impl HandoverDraft {
    fn of(handover: Option<&Handover>) -> Self {
        let hook = handover.and_then(|handover| handover.hook.as_ref());
        Self {
            way: match (handover, hook) {
                (None, _) => Way::Nobody,
                (Some(_), None) => Way::ByHand,
                (Some(_), Some(_)) => Way::Hook,
            },
            title: handover.map_or_else(String::new, |handover| handover.title.clone()),
            hook: HookDraft {
                used: true,
                ..HookDraft::of(hook)
            },
            check: HookDraft::of(handover.and_then(|handover| handover.check.as_ref())),
        }
    }

    fn handover(
        &self,
        place: HookPlace,
        check: HookPlace,
        faults: &mut Vec<DraftFault>,
    ) -> Option<Handover> {
        (self.way != Way::Nobody).then(|| Handover {
            title: self.title.trim().to_owned(),
            hook: match self.way {
                Way::Hook => self.hook.hook(place, faults),
                Way::Nobody | Way::ByHand => None,
            },
            check: self.check.hook(check, faults),
        })
    }
}

impl OutsideDraft {
    /// One to be filled in.
    pub fn new() -> Self {
        Self {
            what: String::new(),
            where_it_is: String::new(),
            note: String::new(),
            after_restore: String::new(),
            hook: HookDraft::of(None),
        }
    }

    fn of(outside: &Outside) -> Self {
        Self {
            what: outside.what.clone(),
            where_it_is: outside.where_it_is.clone(),
            note: outside.note.clone(),
            after_restore: outside.after_restore.clone(),
            hook: HookDraft::of(outside.hook.as_ref()),
        }
    }
}

impl HookDraft {
    fn of(hook: Option<&Hook>) -> Self {
        Self {
            used: hook.is_some(),
            program: hook.map_or_else(String::new, |hook| hook.program.display().to_string()),
            arguments: hook.map_or_else(String::new, |hook| hook.arguments.join("\n")),
            folder: hook
                .and_then(|hook| hook.folder.as_ref())
                .map_or_else(String::new, |folder| folder.display().to_string()),
            timeout_secs: hook
                .map_or(HOOK_TIMEOUT_SECS, |hook| hook.timeout_secs)
                .to_string(),
            expected_exit: hook.map_or(0, |hook| hook.expected_exit).to_string(),
        }
    }

    fn hook(&self, place: HookPlace, faults: &mut Vec<DraftFault>) -> Option<Hook> {
        if !self.used {
            return None;
        }
        let timeout_secs = self.timeout_secs.trim().parse().unwrap_or_else(|_| {
            faults.push(DraftFault::Time(place));
            HOOK_TIMEOUT_SECS
        });
        let expected_exit = self.expected_exit.trim().parse().unwrap_or_else(|_| {
            faults.push(DraftFault::ExitCode(place));
            0
        });
        Some(Hook {
            // A blank at the end of an argument may be meant; an empty line at the end of the field is not.
            arguments: self.arguments.lines().map(str::to_owned).collect(),
            folder: not_empty(&self.folder).map(PathBuf::from),
            timeout_secs,
            expected_exit,
            ..Hook::new(self.program.trim())
        })
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

fn not_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::load_applications;
    use std::path::Path;

    fn octopus() -> Application {
        load_applications(Path::new("nowhere"))
            .applications
            .remove(0)
    }

    #[test]
    fn an_application_survives_the_editor() {
        let mut octopus = octopus();
        assert_eq!(
            Draft::of(&octopus).application(std::iter::empty()),
            Ok(octopus.clone())
        );
        octopus.stop = Some(Handover {
            title: "Stop".to_owned(),
            hook: Some(Hook {
                arguments: vec![
                    "stop".to_owned(),
                    "a b".to_owned(),
                    String::new(),
                    "c".to_owned(),
                ],
                folder: Some(PathBuf::from("/srv")),
                timeout_secs: 7,
                expected_exit: -1,
                ..Hook::new("/bin/systemctl")
            }),
            check: Some(Hook::new("/bin/true")),
        });
        octopus.start = None;
        assert_eq!(
            Draft::of(&octopus).application(std::iter::empty()),
            Ok(octopus)
        );
    }

    #[test]
    fn each_fault_has_its_place() {
        let mut draft = Draft::of(&octopus());
        assert!(!draft.changed());
        draft.stop.way = Way::Hook;
        draft.stop.hook.timeout_secs = "soon".to_owned();
        draft.protected.push(ProtectedDraft::new());
        assert!(draft.changed());
        assert_eq!(
            draft.application(["octopus"].into_iter()),
            Err(vec![
                DraftFault::Time(HookPlace::Stop),
                DraftFault::Application(ApplicationFault::NameTaken),
                DraftFault::Application(ApplicationFault::NoTable(5)),
                DraftFault::Application(ApplicationFault::NoProgram(HookPlace::Stop)),
            ])
        );
    }
}
