//! The gateway: connects to a SQL Server, sends batches, brings rows back as records. The only place that names tiberius.

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

pub use connection::{Answer, Cell, Columns, Connection, ResultSet, Row, RowSink, ask};
pub use error::{ServerError, SqlError};
pub use facts::{
    Database, DatabaseState, DatabaseSummary, ServerInfo, ServerReading, read_databases,
    read_server,
};
pub use gateway::{ConnectFuture, Credentials, Endpoint, Gateway, SqlServer};
pub use history::{HistoryReader, HistorySlice};
