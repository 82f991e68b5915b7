//! The tree itself: who may use whom, and a few habits that a reader relies on.
//!
//! `rules` holds the tables, `source` reads Rust well enough to apply them, `tree` finds the files.
//! The compiler does not know folders of one package apart; this does.

mod habits;
mod layers;
mod rules;
mod source;
mod tree;
