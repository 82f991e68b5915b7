//! Commands of the window: text, tooltip and shortcut in one place.

/// Something the user can ask for from a button, the menu or the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    Refresh,
    Undo,
    Redo,
    ZoomIn,
    ZoomOut,
    ShowAll,
    TypeTime,
    ShowSql,
    CopySql,
    SaveSql,
    Review,
    AddServer,
    /// Only while the page is presented.
    ResetPractice,
    Help,
}

/// A key with its modifiers. `command` is Ctrl, on a Mac ⌘.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcut {
    pub command: bool,
    pub shift: bool,
    /// As people say it: `R`, `F5`, `+`.
    pub key: &'static str,
}

impl Command {
    /// In the order of the help page.
    pub const ALL: [Self; 14] = [
        Self::Refresh,
        Self::Undo,
        Self::Redo,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ShowAll,
        Self::TypeTime,
        Self::ShowSql,
        Self::CopySql,
        Self::SaveSql,
        Self::Review,
        Self::AddServer,
        Self::ResetPractice,
        Self::Help,
    ];

    /// The text of its button.
    pub fn text(self) -> &'static str {
        match self {
            Self::Refresh => "Refresh",
            Self::Undo => "Undo",
            Self::Redo => "Redo",
            Self::ZoomIn => "Zoom in",
            Self::ZoomOut => "Zoom out",
            Self::ShowAll => "Show everything",
            Self::TypeTime => "Type a time",
            Self::ShowSql => "T-SQL",
            Self::CopySql => "Copy",
            Self::SaveSql => "Save…",
            Self::Review => "Review and restore…",
            Self::AddServer => "Add a server…",
            Self::ResetPractice => "Make the practice world anew",
            Self::Help => "Keyboard and mouse",
        }
    }

    /// What it does, in a sentence.
    pub fn tooltip(self) -> &'static str {
        match self {
            Self::Refresh => "Read the databases and what is new in the backup history",
            Self::Undo => "Take back the last change of the restore",
            Self::Redo => "Bring back what was taken back",
            Self::ZoomIn => "Show less time around the marker",
            Self::ZoomOut => "Show more time around the marker",
            Self::ShowAll => "Show the whole history",
            Self::TypeTime => "Put the cursor into the time field",
            Self::ShowSql => "Show the T-SQL that this plan runs",
            Self::CopySql => "Copy the T-SQL of this plan",
            Self::SaveSql => "Save the T-SQL of this plan as a file to run by hand",
            Self::Review => "Check everything once more and see each step before it runs",
            Self::AddServer => "Save how to reach a server",
            Self::ResetPractice => {
                "While objectives are presented: begin again with a new practice world"
            }
            Self::Help => "What the keys and the mouse do",
        }
    }

    /// Its key; `None` for the mouse alone.
    pub fn shortcut(self) -> Option<Shortcut> {
        let plain = |key| Shortcut {
            command: false,
            shift: false,
            key,
        };
        let command = |key| Shortcut {
            command: true,
            shift: false,
            key,
        };
        Some(match self {
            Self::Refresh => plain("F5"),
            Self::Undo => command("Z"),
            Self::Redo => command("Y"),
            Self::ZoomIn => command("+"),
            Self::ZoomOut => command("-"),
            Self::ShowAll => command("0"),
            Self::TypeTime => command("T"),
            Self::ShowSql => command("L"),
            Self::CopySql => Shortcut {
                command: true,
                shift: true,
                key: "C",
            },
            Self::SaveSql => command("S"),
            Self::Review => command("Enter"),
            Self::AddServer => command("N"),
            Self::ResetPractice => plain("F9"),
            Self::Help => plain("F1"),
        })
    }
}

impl Shortcut {
    /// As the tooltip shows it: `Ctrl+Shift+C`.
    pub fn text(self) -> String {
        let mut text = String::new();
        if self.command {
            text.push_str(if cfg!(target_os = "macos") {
                "⌘"
            } else {
                "Ctrl+"
            });
        }
        if self.shift {
            text.push_str("Shift+");
        }
        text + self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_key() {
        for (idx, one) in Command::ALL.iter().enumerate() {
            for other in &Command::ALL[idx + 1..] {
                assert!(
                    one.shortcut().is_none() || one.shortcut() != other.shortcut(),
                    "{one:?} and {other:?}"
                );
            }
        }
    }
}
