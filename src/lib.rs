//! stopat gets a SQL Server database back to a moment in time.
//!
//! It reads the backup history that SQL Server keeps in msdb, shows it on a timeline, plans the way to the moment under
//! the marker, proves the plan by rules that do not know the planner, and runs it as T-SQL that was readable before.
//! A stand-in for SQL Server is built in, so that the whole real path can be tried, taught and tested without one.
//!
//! # The way data flows
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
//! Every arrow is a function from value to value, and nothing flows back:
//! new rows make a new [`domain::History`], and a new history or a moved marker makes a new plan.
//! The script on the screen is the script that runs; there is no second builder.
//!
//! # The folders
//!
//! In reading order. Each may use the ones that its row names, and everybody may use [`domain`]; `tests/tidy` holds them to it.
//!
//! | folder | lives there | may use |
//! | --- | --- | --- |
//! | [`domain`] | what backups are, what can be restored, what it costs; the planner and the checker. Pure | small pure crates |
//! | [`settings`] | stored files, their migration, passwords by reference, applications | |
//! | [`tsql`] | all SQL text and all quoting: a [`tsql::Script`] is guarded batches in order | |
//! | [`bakfile`] | reading a backup file without a server | |
//! | [`azure`] | `az` command lines, the JSON that they answer, and running `az` | |
//! | [`practice`] | the practice SQL Server: TDS on loopback, real rows, real backup files | of `domain` LSN, time and ids; never the planner, never `tsql` |
//! | [`server`] | the gateway, met through a trait: rows in, records out, batches run | `tsql`, `settings` |
//! | [`run`] | a runbook of steps as data, one engine that carries it out, its journal, and going on after an interruption | `tsql`, `azure`, `settings`, `server` (the trait) |
//! | [`explain`] | every error, note and finding in words; dates, sizes, durations | the types of all above |
//! | [`formats`] | what others read: histories, plans, schedules, results and reports, as JSON and as pages | `bakfile`, `run` (data), `explain` |
//! | [`worker`] | owns the runtime; turns requests into jobs and events of plain data | all above |
//! | [`state`] | what the window shows, without egui; `Action` and `update`; plans while dragging | `explain`, and data of `tsql`, `run`, `azure`, `settings`, `worker` |
//! | [`ui`] | views: they read the state and return actions | `state`, `explain`, the data that `state` holds |
//! | [`app`] | the frame loop | `ui`, `state`, `worker`, `settings` |
//! | [`cli`] | arguments, printing, exit codes | everything but `ui`, `state`, `app` |
//!
//! # What must stay true
//!
//! - [`domain`] has no I/O, no async, no clock, no SQL and no egui; *now* is an argument.
//! - Making a plan changes nothing anywhere, so there is no dry-run flag.
//! - A plan leaves nothing to decide: files, positions, stop point, recovery and moves are all in it.
//! - The checker knows the LSN rules and not the planner, and judges every plan before it may run.
//! - Right before a run the facts that its plan rests on are read again; a difference stops it.
//! - A run that was interrupted goes on from what the server shows; its journal only says what was meant.
//! - The original is not touched by a copy: no `REPLACE`, every file moved, and the batch refuses when the name exists.
//! - `STOPAT` stands on every log step, and recovery comes with the last one in the same statement.
//! - Nothing is dropped by its name: the journal of the run that made a copy holds its identity.
//! - Decisions rest on states and numbers; the server's texts are shown and never decided on.
//! - The library never prints and never reads the environment; [`cli`] and [`app`] do.
//! - Stored types are not the runtime types, and an unreadable file is kept aside, never written over.
//! - Nobody but [`server`] names the SQL driver, and nobody but [`practice`] names SQLite.
//!
//! # Where to start reading
//!
//! [`domain`] has the glossary and the types that everything shares.
//! From there, follow one restore: `History::from_records`, `plan`, `check`, [`tsql::restore_script`], [`run::run_restore`].
//! `stopat demo --headless` (in `src/cli/demo.rs`) tells that whole way in one file, and [`state::State::update`] is its
//! counterpart behind the window.
//! For the practice server start at its wire and walk inwards: bytes, T-SQL, engine, backup files, world.

pub mod app;
pub mod azure;
pub mod bakfile;
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
