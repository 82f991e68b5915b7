//! The rows of the system views, made from the engine's state when a statement names them.

mod azure;
mod certificates;
mod databases;
mod groups;
mod objects;
mod server;
mod sessions;
mod usage;

use super::Catalogue;
use super::system::SystemView;
use crate::domain::UtcTime;
use crate::practice::engine::clock;
use crate::practice::engine::{
    DatabaseId, DatabaseState, Edition, Engine, EngineOptions, SessionId,
};
use crate::practice::reply::Message;
use crate::practice::sql::convert::calendar;
use crate::practice::sql::instance::{Instance, ViewRequest};
use crate::practice::sql::types;
use crate::practice::value::{Length, SqlType, Value};
use chrono::NaiveDateTime;

/// `nvarchar(128)`.
const TEXT: SqlType = SqlType::NVarChar(Length::Limited(128));

/// The collation that the server says it has.
pub(super) const SERVER_COLLATION: &str = "SQL_Latin1_General_CP1_CI_AS";

/// A row of a view under construction: columns that are not set are NULL, or 0 and empty where NULL may not stand.
struct Row<'v> {
    view: &'v SystemView,
    values: Vec<Value>,
}

impl<'v> Row<'v> {
    fn new(view: &'v SystemView) -> Self {
        let values = view
            .columns
            .iter()
            .map(|c| {
                if c.nullable {
                    Value::Null
                } else {
                    nothing(c.ty)
                }
            })
            .collect();
        Self { view, values }
    }

    fn set(mut self, name: &str, value: Value) -> Self {
        let at = self.view.columns.iter().position(|c| c.name == name);
        debug_assert!(at.is_some(), "{}.{name}", self.view.name);
        if let Some(held) = at.and_then(|at| self.values.get_mut(at)) {
            *held = value;
        }
        self
    }

    fn int(self, name: &str, n: impl Into<i64>) -> Self {
        self.set(name, Value::Int(n.into()))
    }

    fn text(self, name: &str, text: impl Into<String>) -> Self {
        self.set(name, Value::Text(text.into()))
    }

    fn guid(self, name: &str, guid: uuid::Uuid) -> Self {
        self.set(name, Value::Guid(guid))
    }

    fn ints(self, names: &[&str], n: i64) -> Self {
        names.iter().fold(self, |row, name| row.int(name, n))
    }

    fn done(self) -> Vec<Value> {
        self.values
    }
}

/// The value of a column that may not be NULL and has nothing to say.
fn nothing(ty: SqlType) -> Value {
    match types::family(ty) {
        types::Family::Text | types::Family::Xml => Value::Text(String::new()),
        types::Family::Numeric | types::Family::Money => Value::Decimal(0),
        types::Family::Approximate => Value::Float(0.0),
        types::Family::Binary => Value::Bytes(Vec::new()),
        types::Family::Guid => Value::Guid(uuid::Uuid::nil()),
        types::Family::Integer | types::Family::Moment => Value::Int(0),
        types::Family::Variant => Value::Null,
    }
}

/// A local time as `datetime`.
fn datetime(time: NaiveDateTime) -> Value {
    Value::Int(clock::datetime(time))
}

/// An instant as `datetime` on the server's clock.
fn local_datetime(engine: &Engine, instant: UtcTime) -> Value {
    datetime(engine.clock.local(instant).0)
}

/// The bytes by which a running statement's text is found.
fn sql_handle(session: SessionId) -> Value {
    let mut bytes = vec![2, 0, 0, 0];
    bytes.extend(session.to_be_bytes());
    bytes.resize(44, 0);
    Value::Bytes(bytes)
}

impl Instance for Engine {
    fn connection(&self) -> &rusqlite::Connection {
        self.store.connection()
    }

    fn database_id(&self, name: &str) -> Option<i32> {
        self.store.find(name)
    }

    fn database_name(&self, id: i32) -> Option<String> {
        self.store.database(id).map(|d| d.name.clone())
    }

    fn database_ids(&self) -> Vec<i32> {
        self.store.databases().map(|d| d.id).collect()
    }

    fn catalogue(&self, id: i32) -> Option<&Catalogue> {
        self.store.check_readable(id).ok()?;
        self.store.database(id).map(|d| &d.catalogue)
    }

    fn attach(&mut self, id: i32) -> Result<String, Message> {
        self.store.attach(id)
    }

    fn view_rows(&mut self, request: &ViewRequest<'_>) -> Result<Vec<Vec<Value>>, Message> {
        if request.view.name == "dm_database_backups" {
            return azure::database_backups(self, request);
        }
        let rows = match server::rows(self, request)? {
            Some(rows) => rows,
            None => objects::rows(self, request)?,
        };
        debug_assert!(rows.iter().all(|r| r.len() == request.view.columns.len()));
        Ok(rows)
    }

    fn is_granted(&self, permission: &str) -> bool {
        self.options.pretended.is_granted(permission)
    }

    fn server_property(&self, name: &str) -> Option<(SqlType, Value)> {
        let options = &self.options;
        let (major, minor, build) = EngineOptions::VERSION;
        let text = |text: &str| Some((TEXT, Value::Text(text.to_owned())));
        let int = |n: i64| Some((SqlType::Int, Value::Int(n)));
        let azure = options.edition.is_azure();
        match name.trim_end().to_lowercase().as_str() {
            "productversion" if azure => text("12.0.2000.8"),
            "productversion" => text(&format!("{major}.{minor}.{build}.2")),
            "productlevel" => text("RTM"),
            "productupdatelevel" if !azure => text("CU22"),
            "productmajorversion" => text(if azure { "12" } else { "16" }),
            "productminorversion" => text("0"),
            "productbuild" => text(&build.to_string()),
            "edition" => text(match options.edition {
                Edition::Developer => "Developer Edition (64-bit)",
                Edition::Express => "Express Edition (64-bit)",
                Edition::Azure | Edition::ManagedInstance => "SQL Azure",
                Edition::Rds => "Standard Edition (64-bit)",
            }),
            "editionid" => Some((
                SqlType::BigInt,
                Value::Int(match options.edition {
                    Edition::Developer => -2_117_995_310,
                    Edition::Express => -1_592_396_055,
                    Edition::Azure | Edition::ManagedInstance => 1_674_378_470,
                    Edition::Rds => -1_534_726_760,
                }),
            )),
            "engineedition" => int(match options.edition {
                Edition::Developer => 3,
                Edition::Express => 4,
                Edition::Azure => 5,
                Edition::ManagedInstance => 8,
                Edition::Rds => 2,
            }),
            "practicepreferredreplica" => Some((
                SqlType::Bit,
                Value::Int(i64::from(options.is_preferred_replica)),
            )),
            "servername" => text(&options.server_name),
            "machinename" | "computernamephysicalnetbios" if !azure => text(&options.machine_name),
            "instancedefaultdatapath" if !azure => text(&with_separator(&options.default_data)),
            "instancedefaultlogpath" if !azure => text(&with_separator(&options.default_log)),
            "instancedefaultbackuppath" if !azure => text(&options.default_backup),
            "ishadrenabled"
            | "isclustered"
            | "isintegratedsecurityonly"
            | "issingleuser"
            | "islocaldb"
            | "isfulltextinstalled"
            | "ispolybaseinstalled"
            | "isbigdatacluster"
            | "isserversuspendedforsnapshotbackup"
            | "istempdbmetadatamemoryoptimized" => int(0),
            "isxtpsupported" | "isadvancedanalyticsinstalled" => {
                int(i64::from(name.to_lowercase() == "isxtpsupported"))
            }
            "hadrmanagerstatus" => int(2),
            "collation" => text(SERVER_COLLATION),
            "collationid" => int(872_468_488),
            "lcid" => int(1033),
            "comparisonstyle" => int(196_609),
            "sqlcharset" => int(1),
            "sqlcharsetname" => text("iso_1"),
            "sqlsortorder" => int(52),
            "sqlsortordername" => text("nocase_iso"),
            "pathseparator" => text("\\"),
            "processid" => int(i64::from(std::process::id())),
            "filestreamsharename" => text("MSSQLSERVER"),
            "filestreamconfiguredlevel" | "filestreameffectivelevel" => int(0),
            "licensetype" => text("DISABLED"),
            "buildclrversion" => text("v4.0.30319"),
            _ => None,
        }
    }

    fn database_property(&self, id: DatabaseId, name: &str) -> Option<(SqlType, Value)> {
        let database = self.store.database(id)?;
        let text = |text: &str| Some((TEXT, Value::Text(text.to_owned())));
        let int = |n: i64| Some((SqlType::Int, Value::Int(n)));
        let online = database.state == DatabaseState::Online;
        match name.trim_end().to_lowercase().as_str() {
            "status" => text(database.state.description()),
            "recovery" => text(database.recovery_model.description()),
            "updateability" => text(if database.read_only || database.standby {
                "READ_ONLY"
            } else {
                "READ_WRITE"
            }),
            "useraccess" => text(database.user_access.description()),
            "version" => {
                if online {
                    int(i64::from(EngineOptions::DATABASE_VERSION))
                } else {
                    None
                }
            }
            "collation" => {
                if online {
                    text(&database.collation)
                } else {
                    None
                }
            }
            "sqlsortorder" => int(52),
            "isinstandby" => int(i64::from(database.standby)),
            "isautoclose"
            | "isautoshrink"
            | "ispublished"
            | "ismergepublished"
            | "issubscribed"
            | "isfulltextenabled"
            | "isparameterizationforced"
            | "isrecursivetriggersenabled" => int(0),
            "isautocreatestatistics" | "isautoupdatestatistics" => int(1),
            "edition" if self.options.edition == Edition::Azure => text("Standard"),
            "serviceobjective" if self.options.edition == Edition::Azure => text("S0"),
            _ => None,
        }
    }

    fn version(&self) -> String {
        let (major, minor, build) = EngineOptions::VERSION;
        if self.options.edition.is_azure() {
            return "Microsoft SQL Azure (RTM) - 12.0.2000.8 \n\tstopat practice server\n"
                .to_owned();
        }
        let edition = match self.options.edition {
            Edition::Express => "Express",
            Edition::Rds => "Standard",
            _ => "Developer",
        };
        format!(
            "Microsoft SQL Server 2022 (RTM-CU22) - {major}.{minor}.{build}.2 (X64) \n\tstopat practice server\n\t{edition} Edition (64-bit) on practice\n"
        )
    }
}

fn with_separator(path: &str) -> String {
    if path.ends_with('\\') {
        path.to_owned()
    } else {
        format!("{path}\\")
    }
}

/// The ticks of an instant on the server's clock.
fn local_ticks(engine: &Engine, instant: UtcTime) -> (i64, i16) {
    let offset = engine.clock.offset_minutes(instant);
    (
        clock::ticks(instant) + i64::from(offset) * calendar::MINUTE,
        offset,
    )
}
