//! One call of `az`: its arguments, and the line that a person can copy.

use std::{fmt, time::Duration};

/// What a call does to Azure. The program that runs it enforces by it how far stopat may go on a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Changes nothing.
    Look,
    /// Changes how long backups are kept.
    Retain,
    /// Creates, renames or deletes a database.
    Restore,
}

/// One call of `az`, argument by argument, without the name of the program.
#[derive(Clone, PartialEq, Eq)]
pub struct AzCommand {
    args: Vec<String>,
    pub(super) effect: Effect,
    /// The answer holds a token: it is shown and logged nowhere.
    pub(super) secret: bool,
    /// How long the call may take. Long work is asked for with `--no-wait`, so that this is the time of one answer.
    pub(super) limit: Duration,
    /// The first value that `az` would take for something else.
    fault: Option<ValueFault>,
}

/// Why a value cannot be handed to `az`, or cannot name a new database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// `az` reads `@file` (and `x=@file`) as the content of that file, and knows no way to say otherwise.
    #[error("az would read a file instead of this value: {value}")]
    ReadsAFile { value: String },
    #[error("the value has a character that no argument can have: {value:?}")]
    Nul { value: String },
    #[error("the name is empty")]
    Empty,
    #[error("the name is longer than 128 characters")]
    TooLong,
    #[error("the name has a character that Azure does not allow: {0:?}")]
    Character(char),
    #[error("the name ends with a dot or a blank")]
    End,
}

/// Usual time of one answer: azure-cli takes seconds to start, and asks the service once or twice.
const USUAL_LIMIT: Duration = Duration::from_secs(90);

impl AzCommand {
    pub(super) fn new(words: &[&str]) -> Self {
        let mut command = Self {
            args: Vec::new(),
            effect: Effect::Look,
            secret: false,
            limit: USUAL_LIMIT,
            fault: None,
        };
        command.words(words);
        command
    }

    pub(super) fn words(&mut self, words: &[&str]) {
        self.args
            .extend(words.iter().map(|word| (*word).to_owned()));
    }

    /// An option with its value. A value that begins with a dash is joined to it, or it would count as an option.
    pub(super) fn option(&mut self, option: &str, value: &str) {
        let reads_a_file = value.starts_with('@')
            || value
                .split_once('=')
                .is_some_and(|(_, rest)| rest.starts_with('@'));
        if self.fault.is_none() {
            if reads_a_file {
                self.fault = Some(ValueFault::ReadsAFile {
                    value: value.to_owned(),
                });
            } else if value.contains('\0') {
                self.fault = Some(ValueFault::Nul {
                    value: value.to_owned(),
                });
            }
        }
        if value.starts_with('-') {
            self.args.push(format!("{option}={value}"));
        } else {
            self.args.push(option.to_owned());
            self.args.push(value.to_owned());
        }
    }

    pub(super) fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// The arguments, in order.
    pub fn args(&self) -> &[String] {
        &self.args
    }

    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Why it must not run; `None` for nearly all.
    pub fn fault(&self) -> Option<&ValueFault> {
        self.fault.as_ref()
    }

    /// The line for a POSIX shell, which PowerShell reads the same way unless a value has an apostrophe in it.
    pub fn line(&self) -> String {
        let mut line = String::from("az");
        for arg in &self.args {
            line.push(' ');
            line.push_str(&quoted(arg));
        }
        line
    }
}

/// What may stand in an argument without quotes in every shell that people use.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:=+,".contains(c)
}

fn quoted(arg: &str) -> String {
    if !arg.is_empty() && arg.chars().all(is_plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

impl fmt::Display for AzCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

impl fmt::Debug for AzCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AzCommand({})", self.line())
    }
}

/// The most characters of a database's name.
pub const LONGEST_NAME: usize = 128;

/// Why a new database cannot have this name; what is not known here the service says.
///
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftsql>
pub fn new_name_fault(name: &str) -> Option<ValueFault> {
    if name.trim().is_empty() {
        return Some(ValueFault::Empty);
    }
    if name.chars().count() > LONGEST_NAME {
        return Some(ValueFault::TooLong);
    }
    if let Some(bad) = name
        .chars()
        .find(|c| c.is_control() || r"<>*%&:\/?".contains(*c))
    {
        return Some(ValueFault::Character(bad));
    }
    if name.ends_with(['.', ' ']) {
        return Some(ValueFault::End);
    }
    let mut probe = AzCommand::new(&[]);
    probe.option("--name", name);
    probe.fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, line: &str) {
        let mut command = AzCommand::new(&["sql", "db", "show"]);
        command.option("--name", value);
        assert_eq!(command.line(), format!("az sql db show {line}"));
        assert_eq!(command.fault(), None, "{value}");
    }

    #[test]
    fn a_line_means_the_same_to_a_shell_as_the_arguments() {
        check("OctopusAI", "--name OctopusAI");
        check("a]b'; DROP TABLE x--", r"--name 'a]b'\''; DROP TABLE x--'");
        check("$(x)", "--name '$(x)'");
        check("two words", "--name 'two words'");
        check("x\nGO\n", "--name 'x\nGO\n'");
        check("-x", "--name=-x");
        check("", "--name ''");
    }

    #[test]
    fn a_value_that_az_would_read_from_a_file_is_a_fault() {
        for value in ["@/etc/passwd", "a=@/etc/passwd"] {
            let mut command = AzCommand::new(&["sql", "db", "show"]);
            command.option("--name", value);
            assert_eq!(
                command.fault(),
                Some(&ValueFault::ReadsAFile {
                    value: value.to_owned()
                })
            );
        }
        // Not at the beginning of a value it is a letter like others.
        check("me@example.org", "--name 'me@example.org'");
    }

    #[test]
    fn names_that_azure_does_not_allow_are_told_before_it_is_asked() {
        assert_eq!(new_name_fault("OctopusAI_20261122_082812"), None);
        assert_eq!(new_name_fault("a]b'; DROP TABLE x--"), None);
        assert_eq!(new_name_fault(" "), Some(ValueFault::Empty));
        assert_eq!(new_name_fault("a/b"), Some(ValueFault::Character('/')));
        assert_eq!(new_name_fault("a."), Some(ValueFault::End));
        assert_eq!(new_name_fault(&"x".repeat(129)), Some(ValueFault::TooLong));
        assert!(matches!(
            new_name_fault("@x"),
            Some(ValueFault::ReadsAFile { .. })
        ));
    }
}
