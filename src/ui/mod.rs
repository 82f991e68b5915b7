//! Views: they read the state and return actions. No I/O, no clock, no T-SQL of their own.

mod application_editor;
mod backup;
mod dialogs;
mod empty;
mod form;
mod header;
mod notices;
mod plan_panel;
mod plan_steps;
mod profile_editor;
mod review;
mod run_page;
mod run_result;
mod run_rows;
mod shortcuts;
mod sidebar;
mod sql_view;
mod status_bar;
mod suggestion;
mod table;
pub mod theme;
pub mod timeline;
pub mod widgets;
mod window;

pub use dialogs::closing_confirmed;
pub use window::{Effect, WindowView};
