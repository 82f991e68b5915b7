//! Views: they read the state and return actions. No I/O, no clock, no T-SQL of their own.

mod dialogs;
mod empty;
mod header;
mod notices;
mod profile_editor;
mod shortcuts;
mod sidebar;
mod status_bar;
pub mod theme;
pub mod widgets;
mod window;

pub use dialogs::closing_confirmed;
pub use window::{Effect, WindowView};
