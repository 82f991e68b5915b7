//! Functions and `@@` names that answer about the server, its databases, objects and the session.

use super::Binder;
use super::aggregates::wrong_arguments;
use super::term::{Origin, Term};
use crate::practice::reply::Message;
use crate::practice::sql::types::{self, SYSNAME};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::Expr;

const TEXT_128: SqlType = SqlType::NVarChar(Length::Limited(128));

impl Binder<'_> {
    pub(super) fn known_int(&mut self, n: i64, ty: SqlType) -> Term {
        self.constant(Value::Int(n), ty, Origin::Literal)
    }

    pub(super) fn known_text(&mut self, text: &str, ty: SqlType) -> Term {
        self.constant(Value::Text(text.to_owned()), ty, Origin::Literal)
    }

    pub(super) fn unknown(&mut self, ty: SqlType) -> Term {
        self.constant(Value::Null, ty, Origin::Literal)
    }

    /// `@@NAME`.
    pub(super) fn global(&mut self, name: &str) -> Result<Term, Message> {
        let session = self.session;
        Ok(match name {
            "version" => {
                let version = self.instance.version();
                self.known_text(&version, SqlType::NVarChar(Length::Limited(300)))
            }
            "spid" => self.known_int(i64::from(session.id), SqlType::SmallInt),
            "servername" | "servicename" => {
                let value = self.instance.server_property(if name == "servername" {
                    "ServerName"
                } else {
                    "InstanceName"
                });
                match value {
                    Some((_, Value::Text(text))) => self.known_text(&text, SYSNAME),
                    _ => self.known_text("MSSQLSERVER", SYSNAME),
                }
            }
            "rowcount" => self.known_int(session.rowcount, SqlType::Int),
            "error" => self.known_int(i64::from(session.error), SqlType::Int),
            "trancount" => self.known_int(i64::from(session.trancount), SqlType::Int),
            "identity" => self.identity(session.identity),
            "nestlevel" => self.known_int(i64::from(session.nest_level), SqlType::Int),
            "procid" => self.known_int(0, SqlType::Int),
            "fetch_status" => self.known_int(i64::from(session.fetch_status), SqlType::Int),
            "language" => self.known_text(&session.options.language, SYSNAME),
            "langid" => self.known_int(0, SqlType::SmallInt),
            "datefirst" => self.known_int(i64::from(session.options.date_first), SqlType::TinyInt),
            "lock_timeout" => self.known_int(i64::from(session.options.lock_timeout), SqlType::Int),
            "options" => {
                // ANSI_WARNINGS, ANSI_PADDING, ARITHABORT, CONCAT_NULL_YIELDS_NULL, ANSI_NULL_DFLT_ON are always on.
                let options = &session.options;
                let mut bits = 8 | 16 | 64 | 4096 | 1024;
                for (on, bit) in [
                    (options.implicit_transactions, 2),
                    (options.ansi_nulls, 32),
                    (options.quoted_identifier, 256),
                    (options.nocount, 512),
                    (options.xact_abort, 16_384),
                ] {
                    if on {
                        bits |= bit;
                    }
                }
                self.known_int(bits, SqlType::Int)
            }
            "max_precision" => self.known_int(38, SqlType::TinyInt),
            "max_connections" => self.known_int(32_767, SqlType::Int),
            "textsize" => self.known_int(i64::from(session.options.text_size), SqlType::Int),
            "microsoftversion" => self.known_int(0x1000_03E8, SqlType::Int),
            "cpu_busy" | "idle" | "io_busy" | "pack_received" | "pack_sent" | "packet_errors"
            | "total_errors" | "total_read" | "total_write" | "connections" | "cursor_rows"
            | "timeticks" | "dbts" | "remserver" => self.known_int(0, SqlType::Int),
            _ => {
                return Err(Message::error(
                    137,
                    format!("Must declare the scalar variable \"@@{name}\"."),
                )
                .with_class(15)
                .with_state(2));
            }
        })
    }

    fn identity(&mut self, value: Option<i64>) -> Term {
        let ty = SqlType::Numeric {
            precision: 38,
            scale: 0,
        };
        let value = value.map_or(Value::Null, |n| Value::Decimal(i128::from(n)));
        self.constant(value, ty, Origin::Literal)
    }

    /// One argument, or the current database's value without any.
    pub(super) fn optional_argument(
        &mut self,
        name: &str,
        given: &[Expr],
    ) -> Result<Option<Term>, Message> {
        match given {
            [] => Ok(None),
            [one] => Ok(Some(self.value(one)?)),
            _ => Err(wrong_arguments(name, 1)),
        }
    }

    pub(super) fn text_argument(
        &mut self,
        name: &str,
        given: &[Expr],
        at: usize,
    ) -> Result<Term, Message> {
        let expr = given.get(at).ok_or_else(|| wrong_arguments(name, at + 1))?;
        let term = self.value(expr)?;
        self.as_text(term)
    }

    pub(super) fn constant_text(
        &mut self,
        name: &str,
        given: &[Expr],
        at: usize,
    ) -> Result<Option<String>, Message> {
        let term = self.text_argument(name, given, at)?;
        Ok(match term.constant {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        })
    }

    /// Translates what is left of the functions; 195 for a name that none has.
    pub(super) fn system_call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        let session = self.session;
        match name {
            "scope_identity" => Ok(self.identity(session.scope_identity)),
            "ident_current" => Ok(self.identity(session.identity)),
            "xact_state" => Ok(self.known_int(i64::from(session.xact_state), SqlType::SmallInt)),
            "rowcount_big" => Ok(self.known_int(session.rowcount, SqlType::BigInt)),
            "error_number" | "error_severity" | "error_state" | "error_line"
            | "error_procedure" | "error_message" => Ok(self.caught(name)),
            "suser_sname" | "suser_name" | "original_login" | "system_user" => {
                // Only this session's own login and the owner of everything are known by number.
                match self.optional_argument(name, given)? {
                    None => Ok(self.known_text(&session.login, TEXT_128)),
                    Some(sid) => {
                        let pairs = [("x'01'".to_owned(), "'sa'".to_owned())];
                        if types::is_number(sid.ty) {
                            Ok(self.lookup(&sid, &[("1".to_owned(), "'sa'".to_owned())], TEXT_128))
                        } else {
                            Ok(self.lookup(&sid, &pairs, TEXT_128))
                        }
                    }
                }
            }
            "suser_sid" => {
                let login = match given {
                    [] => None,
                    _ => Some(self.text_argument(name, given, 0)?),
                };
                let ty = SqlType::VarBinary(Length::Limited(85));
                Ok(match login {
                    None => self.constant(Value::Bytes(vec![1]), ty, Origin::Literal),
                    Some(term) => {
                        self.lookup(&term, &[("'sa'".to_owned(), "x'01'".to_owned())], ty)
                    }
                })
            }
            "suser_id" | "user_id" | "database_principal_id" => Ok(self.known_int(1, SqlType::Int)),
            "user_name" | "user" | "current_user" | "session_user" => {
                Ok(self.known_text("dbo", TEXT_128))
            }
            "host_name" => Ok(self.known_text(&session.host, TEXT_128)),
            "host_id" => Ok(self.known_text(&session.client_pid.to_string(), SqlType::Char(10))),
            "app_name" | "program_name" => Ok(self.known_text(&session.program, TEXT_128)),
            "is_srvrolemember" => {
                // Every login of this server may do everything.
                let role = self.text_argument(name, given, 0)?;
                let pairs: Vec<(String, String)> = [
                    "sysadmin",
                    "serveradmin",
                    "securityadmin",
                    "processadmin",
                    "setupadmin",
                    "bulkadmin",
                    "diskadmin",
                    "dbcreator",
                    "public",
                ]
                .iter()
                .map(|r| (format!("'{r}'"), "1".to_owned()))
                .collect();
                Ok(self.lookup(&role, &pairs, SqlType::Int))
            }
            "is_member" | "is_rolemember" => {
                let role = self.text_argument(name, given, 0)?;
                let pairs: Vec<(String, String)> = [
                    "db_owner",
                    "db_backupoperator",
                    "db_datareader",
                    "db_datawriter",
                    "db_ddladmin",
                    "db_securityadmin",
                    "db_accessadmin",
                    "SQLAgentOperatorRole",
                    "SQLAgentReaderRole",
                    "SQLAgentUserRole",
                    "public",
                ]
                .iter()
                .map(|r| (format!("'{r}'"), "1".to_owned()))
                .collect();
                Ok(self.lookup(&role, &pairs, SqlType::Int))
            }
            "has_perms_by_name" => {
                for at in 0..given.len() {
                    self.text_argument(name, given, at)?;
                }
                let granted = match given.get(2) {
                    Some(_) => match self.constant_text(name, given, 2)? {
                        Some(permission) => self.instance.is_granted(&permission),
                        None => true,
                    },
                    None => true,
                };
                Ok(self.known_int(i64::from(granted), SqlType::Int))
            }
            "permissions" => Ok(self.known_int(-1, SqlType::Int)),
            "serverproperty" => match self.constant_text(name, given, 0)? {
                Some(property) => Ok(match self.instance.server_property(&property) {
                    Some((ty, value)) => self.constant(
                        Value::Variant(Box::new((ty, value))),
                        SqlType::SqlVariant,
                        Origin::Literal,
                    ),
                    None => self.unknown(SqlType::SqlVariant),
                }),
                None => Ok(self.unknown(SqlType::SqlVariant)),
            },
            "databasepropertyex" | "databaseproperty" => self.database_property(name, given),
            "sessionproperty" | "connectionproperty" => {
                let property = self
                    .constant_text(name, given, 0)?
                    .unwrap_or_default()
                    .to_lowercase();
                let value = match property.as_str() {
                    "ansi_nulls" => Some(i64::from(session.options.ansi_nulls)),
                    "quoted_identifier" => Some(i64::from(session.options.quoted_identifier)),
                    "arithabort" | "ansi_padding" | "ansi_warnings" | "concat_null_yields_null" => {
                        Some(1)
                    }
                    "numeric_roundabort" => Some(0),
                    _ => None,
                };
                let text = match property.as_str() {
                    "net_transport" | "physical_net_transport" => Some("TCP"),
                    "protocol_type" => Some("TSQL"),
                    "auth_scheme" => Some("SQL"),
                    "local_net_address" | "client_net_address" => Some("127.0.0.1"),
                    _ => None,
                };
                Ok(match (value, text) {
                    (Some(n), _) => self.constant(
                        Value::Variant(Box::new((SqlType::Int, Value::Int(n)))),
                        SqlType::SqlVariant,
                        Origin::Literal,
                    ),
                    (_, Some(text)) => self.constant(
                        Value::Variant(Box::new((
                            SqlType::NVarChar(Length::Limited(40)),
                            Value::Text(text.to_owned()),
                        ))),
                        SqlType::SqlVariant,
                        Origin::Literal,
                    ),
                    _ => self.unknown(SqlType::SqlVariant),
                })
            }
            "session_context" | "context_info" => {
                Ok(self.unknown(SqlType::VarBinary(Length::Limited(128))))
            }
            "current_timezone" | "current_timezone_id" => {
                let minutes = self.now.offset_minutes;
                let sign = if minutes < 0 { '-' } else { '+' };
                let text = if minutes == 0 {
                    "(UTC) Coordinated Universal Time".to_owned()
                } else {
                    format!(
                        "(UTC{sign}{:02}:{:02})",
                        minutes.abs() / 60,
                        minutes.abs() % 60
                    )
                };
                Ok(self.known_text(&text, TEXT_128))
            }
            "db_id" | "db_name" | "has_dbaccess" | "original_db_name" => {
                self.database_call(name, given)
            }
            _ => self.object_call(name, given),
        }
    }

    fn caught(&mut self, name: &str) -> Term {
        let caught = self.session.caught.clone();
        match (name, caught) {
            ("error_message", Some(e)) => {
                self.known_text(&e.message, SqlType::NVarChar(Length::Limited(4000)))
            }
            ("error_message", None) => self.unknown(SqlType::NVarChar(Length::Limited(4000))),
            ("error_procedure", Some(e)) => match e.procedure {
                Some(procedure) => self.known_text(&procedure, TEXT_128),
                None => self.unknown(TEXT_128),
            },
            ("error_procedure", None) => self.unknown(TEXT_128),
            (_, None) => self.unknown(SqlType::Int),
            (_, Some(e)) => {
                let n = match name {
                    "error_number" => e.number,
                    "error_severity" => e.severity,
                    "error_state" => e.state,
                    _ => e.line,
                };
                self.known_int(i64::from(n), SqlType::Int)
            }
        }
    }

    fn databases(&mut self) -> Vec<(i32, String)> {
        self.instance
            .database_ids()
            .into_iter()
            .filter_map(|id| Some((id, self.instance.database_name(id)?)))
            .collect()
    }

    fn database_call(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        let argument = self.optional_argument(name, given)?;
        let databases = self.databases();
        Ok(match (name, argument) {
            ("db_id", None) => self.known_int(i64::from(self.session.database), SqlType::SmallInt),
            ("db_id", Some(term)) => {
                let term = self.as_text(term)?;
                if let Some(Value::Text(text)) = &term.constant {
                    let id = self.instance.database_id(text.trim_end());
                    return Ok(match id {
                        Some(id) => self.known_int(i64::from(id), SqlType::SmallInt),
                        None => self.unknown(SqlType::SmallInt),
                    });
                }
                let pairs = self.by_name(&databases, |id| id.to_string());
                self.lookup(&term, &pairs, SqlType::SmallInt)
            }
            ("db_name", Some(term)) => {
                let term = self.as_int(term)?;
                let pairs: Vec<(String, String)> = databases
                    .iter()
                    .map(|(id, name)| (id.to_string(), self.text(name)))
                    .collect();
                self.lookup(&term, &pairs, TEXT_128)
            }
            ("has_dbaccess", Some(term)) => {
                let term = self.as_text(term)?;
                let pairs = self.by_name(&databases, |id| id.to_string());
                let mut access = Vec::with_capacity(pairs.len());
                for ((key, _), (id, _)) in pairs.into_iter().zip(&databases) {
                    let open = self.instance.catalogue(*id).is_some();
                    access.push((key, i32::from(open).to_string()));
                }
                self.lookup(&term, &access, SqlType::Int)
            }
            _ => {
                let name = self.session.database_name.clone();
                self.known_text(&name, TEXT_128)
            }
        })
    }

    fn by_name(
        &mut self,
        databases: &[(i32, String)],
        value: impl Fn(i32) -> String,
    ) -> Vec<(String, String)> {
        databases
            .iter()
            .map(|(id, name)| (self.text(name), value(*id)))
            .collect()
    }

    fn database_property(&mut self, name: &str, given: &[Expr]) -> Result<Term, Message> {
        let database = self.text_argument(name, given, 0)?;
        let Some(property) = self.constant_text(name, given, 1)? else {
            return Ok(self.unknown(SqlType::SqlVariant));
        };
        let variant = |held: Option<(SqlType, Value)>| match held {
            Some((ty, value)) if value != Value::Null => Value::Variant(Box::new((ty, value))),
            _ => Value::Null,
        };
        if let Some(Value::Text(text)) = &database.constant {
            let held = self
                .instance
                .database_id(text)
                .and_then(|id| self.instance.database_property(id, &property));
            return Ok(self.constant(variant(held), SqlType::SqlVariant, Origin::Literal));
        }
        let mut pairs = Vec::new();
        for (id, database_name) in self.databases() {
            let value = variant(self.instance.database_property(id, &property));
            let key = self.text(&database_name);
            let value = self.value_literal(&value, SqlType::SqlVariant);
            pairs.push((key, value));
        }
        Ok(self.lookup(&database, &pairs, SqlType::SqlVariant))
    }
}
