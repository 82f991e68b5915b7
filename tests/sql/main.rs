//! Text we send, and files we read.

mod backup_damage;
mod backup_files;
mod backups;
mod golden;
mod oracle;
mod samples;
mod schedule;
mod tape;
