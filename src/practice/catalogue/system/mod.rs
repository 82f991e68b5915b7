//! Tables and views that come with the server, each declared once.

mod declare;
mod msdb;

pub use msdb::msdb_tables;

pub use declare::{columns, table};
