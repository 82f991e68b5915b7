//! Showing the page of objectives to a room.
//!
//! Nothing of it is stored: whoever starts the program shows everything to himself.

/// How the page is shown to a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presenter {
    /// Large type.
    pub large: bool,
    /// Names of servers, databases and tables are not shown.
    pub names_hidden: bool,
}

impl Presenter {
    /// Whether nothing is shown around the page: a room has no use for it, and it is full of names.
    pub fn stands_alone(self) -> bool {
        self != Self::default()
    }

    /// The name of a database as the room may see it.
    pub fn name(self, database: &str) -> &str {
        if self.names_hidden {
            "the database"
        } else {
            database
        }
    }
}
