//! Procedures that other parts of the server bring: each part answers for its own names.

use super::procedures::Handler;

/// A part's procedures, by lower-case name.
type Find = fn(&str) -> Option<Handler>;

/// The parts that bring procedures.
const PARTS: &[Find] = &[crate::practice::agent::find_procedure];

/// The procedure of that lower-case name.
pub fn find(name: &str) -> Option<Handler> {
    PARTS.iter().find_map(|part| part(name))
}
