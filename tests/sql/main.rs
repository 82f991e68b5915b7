//! Text we send.

mod golden;
mod oracle;
mod samples;
