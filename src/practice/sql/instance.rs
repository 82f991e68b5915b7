//! What the front needs of the server behind it.

use super::environment::{SessionFacts, StatementTime};
use crate::practice::catalogue::Catalogue;
use crate::practice::catalogue::system::SystemView;
use crate::practice::reply::Message;
use crate::practice::value::{SqlType, Value};

/// The server, as binding and running see it.
pub trait Instance {
    /// The one SQLite connection, with [`super::functions::register`] done.
    fn connection(&self) -> &rusqlite::Connection;

    /// `database_id` of that name, in any case.
    fn database_id(&self, name: &str) -> Option<i32>;

    /// The name of a database, as it was created.
    fn database_name(&self, id: i32) -> Option<String>;

    /// All databases, by id.
    fn database_ids(&self) -> Vec<i32>;

    /// The tables of a database; `None` when it cannot be read.
    fn catalogue(&self, id: i32) -> Option<&Catalogue>;

    /// Makes a database's tables reachable and names the SQLite schema; 927, 942… when its state forbids it.
    fn attach(&mut self, id: i32) -> Result<String, Message>;

    /// The rows of a system view as it is now, in the order of its columns.
    fn view_rows(&mut self, request: &ViewRequest<'_>) -> Result<Vec<Vec<Value>>, Message>;

    /// `SERVERPROPERTY`; `None` is NULL.
    fn server_property(&self, name: &str) -> Option<(SqlType, Value)>;

    /// `DATABASEPROPERTYEX`; `None` is NULL.
    fn database_property(&self, id: i32, name: &str) -> Option<(SqlType, Value)>;

    /// Whether the login has a permission on a database.
    fn is_granted(&self, permission: &str) -> bool;

    /// `@@VERSION`.
    fn version(&self) -> String;
}

/// Which rows of a system view are asked for.
pub struct ViewRequest<'a> {
    pub view: &'static SystemView,
    /// The database whose `sys` schema was named.
    pub database: i32,
    pub session: &'a SessionFacts,
    pub now: StatementTime,
    /// The arguments of a table function where they are known; `None` asks for all rows.
    pub arguments: Option<&'a [Value]>,
}
