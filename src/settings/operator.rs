//! Who sits at the machine, for the journals of runs.

use std::path::PathBuf;

/// The operating system's user and machine; what is not known is left out.
///
/// Only said, never relied on: whoever sets the variables may say anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    pub user: Option<String>,
    pub host: Option<String>,
    /// The program that runs, for files that start it again.
    pub program: Option<PathBuf>,
}

/// Where Linux tells the name of the machine; shells seldom hand `HOSTNAME` on.
const HOST_FILE: &str = "/proc/sys/kernel/hostname";

impl Operator {
    /// From the variables of the environment, which only the front ends read.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            names
                .iter()
                .filter_map(|name| variable(name))
                .find(|value| !value.trim().is_empty())
        };
        Self {
            user: first(&["USER", "USERNAME", "LOGNAME"]),
            host: first(&["COMPUTERNAME", "HOSTNAME"])
                .or_else(|| std::fs::read_to_string(HOST_FILE).ok())
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty()),
            program: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_something_counts() {
        let operator = Operator::from_variables(|name| match name {
            "USER" => Some(" ".to_owned()),
            "USERNAME" => Some("maria".to_owned()),
            "COMPUTERNAME" => Some("DESK7".to_owned()),
            _ => None,
        });
        assert_eq!(operator.user.as_deref(), Some("maria"));
        assert_eq!(operator.host.as_deref(), Some("DESK7"));
    }
}
