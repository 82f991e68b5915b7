//! What the user chose for a restore, with undo and redo.

use super::Into;
use crate::domain::{
    ChosenBase, CostModel, Destination, Lost, Moment, RestoreRequest, ServerTime, Start, Target,
    Usage, within_utf16,
};

/// Everything about a restore that the user can choose: the value that undo keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoreChoice {
    /// `None` until a marker was placed.
    pub moment: Option<Moment>,
    /// The name of the copy; `None` follows the moment.
    pub copy_name: Option<String>,
    pub destination: super::DestinationChoice,
    /// Backups to treat as lost.
    pub without: Vec<Lost>,
    /// *Latest* or a mark, in the place of the moment; forgotten when the marker moves.
    pub aim: Option<Target>,
    /// The data backups to begin with, where another way was chosen; forgotten as well.
    pub base: Option<ChosenBase>,
}

impl RestoreChoice {
    /// The request for `database` without limits, see [`super::DatabaseView::request`]; `None` without a moment.
    pub fn request(&self, database: &str) -> Option<RestoreRequest> {
        let moment = self.moment?;
        Some(RestoreRequest {
            target: self.aim.unwrap_or(Target::At(moment)),
            destination: match self.destination.into {
                Into::Over | Into::GoOn => Destination::Original,
                Into::Copy => Destination::Copy {
                    name: self.copy_name(database, moment.server),
                    files_to: self.destination.files_to.clone(),
                },
            },
            differentials: Usage::Use,
            logs: Usage::Use,
            taken_by: None,
            without: self.without.clone(),
            costs: CostModel::default(),
            start: Start::Nothing,
            base: self.base,
        })
    }

    /// The name as typed, else the database's with the moment, within the 128 characters of `sysname`.
    pub fn copy_name(&self, database: &str, at: ServerTime) -> String {
        self.copy_name.clone().unwrap_or_else(|| {
            let stamp = at.0.format("_%Y%m%d_%H%M%S").to_string();
            let room = 128_usize.saturating_sub(stamp.len());
            within_utf16(database, room).to_owned() + &stamp
        })
    }
}

/// What kind of change a step of undo takes back; steps of the same kind in a row are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A drag, until it is let go.
    Drag,
    /// Marker keys, one after another.
    Keys,
    /// Typing a name.
    Name,
    /// Anything else; never joined.
    Single,
}

/// Earlier and later choices.
#[derive(Clone, Debug, Default)]
pub struct UndoHistory {
    past: Vec<RestoreChoice>,
    future: Vec<RestoreChoice>,
    open: Option<Change>,
}

/// More steps than anybody takes back.
const MOST_STEPS: usize = 200;

impl UndoHistory {
    /// Keeps `before` ahead of a change.
    pub fn note(&mut self, before: &RestoreChoice, change: Change) {
        if self.open == Some(change) && change != Change::Single {
            return;
        }
        self.open = Some(change);
        self.future.clear();
        self.past.push(before.clone());
        if self.past.len() > MOST_STEPS {
            self.past.remove(0);
        }
    }

    /// Ends a drag, so that the next one is a step of its own.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// The choice before, when there is one.
    pub fn undo(&mut self, now: &RestoreChoice) -> Option<RestoreChoice> {
        self.open = None;
        let before = self.past.pop()?;
        self.future.push(now.clone());
        Some(before)
    }

    /// The choice that was taken back last.
    pub fn redo(&mut self, now: &RestoreChoice) -> Option<RestoreChoice> {
        self.open = None;
        let after = self.future.pop()?;
        self.past.push(now.clone());
        Some(after)
    }

    /// Whether there is something to take back.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is something to bring back.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> RestoreChoice {
        RestoreChoice {
            copy_name: Some(name.to_owned()),
            ..RestoreChoice::default()
        }
    }

    #[test]
    fn a_drag_is_one_step() {
        let mut undo = UndoHistory::default();
        undo.note(&named("a"), Change::Drag);
        undo.note(&named("b"), Change::Drag);
        undo.close();
        undo.note(&named("c"), Change::Drag);
        assert_eq!(undo.undo(&named("d")), Some(named("c")));
        assert_eq!(undo.undo(&named("c")), Some(named("a")));
        assert_eq!(undo.undo(&named("a")), None);
        assert_eq!(undo.redo(&named("a")), Some(named("c")));
    }

    #[test]
    fn the_name_of_a_copy_fits_a_sysname() {
        let long = "\u{1f419}".repeat(80);
        let at = ServerTime(chrono::NaiveDateTime::default());
        let name = RestoreChoice::default().copy_name(&long, at);
        assert!(name.encode_utf16().count() <= 128, "{name}");
        assert!(name.ends_with("_19700101_000000"));
    }
}
