//! The arguments of a call: the words of the command, then options.

use super::Failure;
use std::collections::BTreeMap;

/// A call taken apart.
pub struct Arguments {
    words: Vec<String>,
    options: BTreeMap<String, String>,
}

/// Options that have no value.
const FLAGS: [&str; 2] = ["--no-wait", "--yes"];

impl Arguments {
    pub fn read(args: &[String]) -> Self {
        let mut words = Vec::new();
        let mut options = BTreeMap::new();
        let mut args = args.iter().peekable();
        while let Some(arg) = args.next() {
            if !arg.starts_with("--") {
                words.push(arg.clone());
            } else if let Some((name, value)) = arg.split_once('=') {
                options.insert(name.to_owned(), value.to_owned());
            } else if FLAGS.contains(&arg.as_str()) {
                options.insert(arg.clone(), String::new());
            } else {
                let value = args.next().cloned().unwrap_or_default();
                options.insert(arg.clone(), value);
            }
        }
        Self { words, options }
    }

    /// `sql db show`.
    pub fn words(&self) -> String {
        self.words.join(" ")
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    pub fn need(&self, name: &str) -> Result<String, Failure> {
        self.get(name).map(str::to_owned).ok_or_else(|| {
            Failure::arguments(format!("the following arguments are required: {name}"))
        })
    }

    /// Refuses what the real one does not know for this command.
    pub fn only(&self, known: &[&str]) -> Result<(), Failure> {
        let unknown: Vec<String> = self
            .options
            .iter()
            .filter(|(name, _)| {
                !known.contains(&name.as_str())
                    && !matches!(name.as_str(), "--subscription" | "--output")
            })
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(Failure::arguments(format!(
                "unrecognized arguments: {}",
                unknown.join(" ").trim_end()
            )))
        }
    }
}
