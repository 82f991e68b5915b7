//! The gateway: connects to a SQL Server, sends batches, brings rows back as records. The only place that names tiberius.

mod azure;
mod certificate;
mod connection;
mod error;
mod facts;
mod gateway;
mod history;
mod instances;
mod messages;
mod tds;
mod tls;

pub use azure::{read_azure_databases, read_database_backups};
pub use connection::{Answer, Cell, Columns, Connection, ResultSet, Row, RowSink, Until, ask};
pub use error::{ServerError, SqlError};
pub use facts::{
    Database, DatabaseState, DatabaseSummary, Platform, ServerInfo, ServerReading, read_databases,
    read_server,
};
pub use gateway::{
    ConnectFuture, Credentials, Endpoint, Gateway, SqlServer, TokenFuture, TokenSource,
};
pub use history::{HistoryReader, HistorySlice, read_newest_backups};
