//! stopat gets a SQL Server database back to a moment in time.
//!
//! ```text
//! msdb rows ─┐
//! .bak files ├─► BackupRecord ─► History ─► Coverage ─► timeline on the screen
//! JSON file ─┘                      │
//!               marker, options ─► RestoreRequest ─► RestorePlan ─► check
//!                                                         │
//!                                      T-SQL Script ◄─────┘
//!                                            │
//!                               run (journaled) ─► StepOutcome… ─► RunReport
//! ```
//!
//! Every arrow is a function from value to value, and nothing flows back.

pub mod app;
pub mod cli;
pub mod domain;
pub mod explain;
pub mod formats;
pub mod practice;
pub mod run;
pub mod server;
pub mod settings;
pub mod state;
pub mod tsql;
pub mod ui;
pub mod worker;
