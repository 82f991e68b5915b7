//! Views: they read the state and return actions. No I/O, no clock, no T-SQL of their own.

mod activity;
mod application_editor;
mod backup;
mod destination;
mod dialogs;
mod empty;
mod files_dialog;
mod folder_dialogs;
mod folder_page;
mod form;
mod header;
mod marks;
mod notices;
mod plan_panel;
mod plan_steps;
mod plan_ways;
mod profile_editor;
mod reason;
mod review;
mod run_dialogs;
mod run_page;
mod run_result;
mod run_rows;
mod set_menu;
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

pub use run_dialogs::closing_confirmed;
pub use window::{Effect, WindowView};
