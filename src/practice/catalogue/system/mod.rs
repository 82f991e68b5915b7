//! Tables and views that come with the server, each declared once.

mod declare;
mod msdb;
mod view_columns;
mod views;

pub use declare::{columns, table};
pub use msdb::msdb_tables;
pub use views::{SystemView, schemas, type_names, view, views};
