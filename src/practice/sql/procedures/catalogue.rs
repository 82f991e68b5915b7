//! Catalogue procedures of drivers and tools.

use super::{Answer, Arguments, column, missing_parameter};
use crate::practice::engine::Engine;
use crate::practice::reply::Message;
use crate::practice::sql::state::State;
use crate::practice::value::{Column, Length, SqlType, Value};

const NAME: SqlType = SqlType::NVarChar(Length::Limited(128));

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// Name, ODBC type, precision, literal prefix and suffix, create parameters, searchable, unsigned, scale range:
/// the rows of `sp_datatype_info_100`
/// (<https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sp-datatype-info-transact-sql>).
const TYPES: &[(&str, i64, i64, &str, &str, i64)] = &[
    ("datetimeoffset", -155, 34, "'", "scale", 3),
    ("time", -154, 16, "'", "scale", 3),
    ("xml", -152, 0, "N'", "", 0),
    ("sql_variant", -150, 8000, "", "", 2),
    ("uniqueidentifier", -11, 36, "'", "", 2),
    ("ntext", -10, 1_073_741_823, "N'", "", 1),
    ("nvarchar", -9, 4000, "N'", "max length", 3),
    ("sysname", -9, 128, "N'", "", 3),
    ("nchar", -8, 4000, "N'", "length", 3),
    ("bit", -7, 1, "", "", 2),
    ("tinyint", -6, 3, "", "", 2),
    ("bigint", -5, 19, "", "", 2),
    ("image", -4, 2_147_483_647, "0x", "", 0),
    ("varbinary", -3, 8000, "0x", "max length", 2),
    ("binary", -2, 8000, "0x", "length", 2),
    ("timestamp", -2, 8, "0x", "", 2),
    ("text", -1, 2_147_483_647, "'", "", 1),
    ("char", 1, 8000, "'", "length", 3),
    ("decimal", 3, 38, "", "precision,scale", 2),
    ("numeric", 2, 38, "", "precision,scale", 2),
    ("money", 3, 19, "$", "", 2),
    ("smallmoney", 3, 10, "$", "", 2),
    ("int", 4, 10, "", "", 2),
    ("smallint", 5, 5, "", "", 2),
    ("float", 6, 53, "", "", 2),
    ("real", 7, 24, "", "", 2),
    ("date", 91, 10, "'", "", 3),
    ("datetime2", 93, 27, "'", "scale", 3),
    ("datetime", 93, 23, "'", "", 3),
    ("smalldatetime", 93, 16, "'", "", 3),
    ("varchar", 12, 8000, "'", "max length", 3),
];

/// `sp_datatype_info_100 @data_type, @ODBCVer`.
pub fn datatype_info(
    _engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let wanted = arguments.number("@data_type", 0)?.unwrap_or(0);
    let odbc3 = arguments.number("@ODBCVer", 1)?.unwrap_or(2) >= 3;
    let columns = vec![
        column("TYPE_NAME", NAME),
        column("DATA_TYPE", SqlType::SmallInt),
        column("PRECISION", SqlType::Int),
        column("LITERAL_PREFIX", SqlType::VarChar(Length::Limited(32))),
        column("LITERAL_SUFFIX", SqlType::VarChar(Length::Limited(32))),
        column("CREATE_PARAMS", SqlType::VarChar(Length::Limited(32))),
        column("NULLABLE", SqlType::SmallInt),
        column("CASE_SENSITIVE", SqlType::SmallInt),
        column("SEARCHABLE", SqlType::SmallInt),
        column("UNSIGNED_ATTRIBUTE", SqlType::SmallInt),
        column("MONEY", SqlType::SmallInt),
        column("AUTO_INCREMENT", SqlType::SmallInt),
        column("LOCAL_TYPE_NAME", NAME),
        column("MINIMUM_SCALE", SqlType::SmallInt),
        column("MAXIMUM_SCALE", SqlType::SmallInt),
        column("SQL_DATA_TYPE", SqlType::SmallInt),
        column("SQL_DATETIME_SUB", SqlType::SmallInt),
        column("NUM_PREC_RADIX", SqlType::Int),
        column("INTERVAL_PRECISION", SqlType::SmallInt),
        column("USERTYPE", SqlType::SmallInt),
    ];
    let optional = |value: &str| {
        if value.is_empty() {
            Value::Null
        } else {
            text(value)
        }
    };
    let mut rows = Vec::new();
    for (name, odbc, precision, prefix, parameters, searchable) in TYPES {
        // ODBC 2 has other codes for times.
        let code = match odbc {
            91 if !odbc3 => 9,
            93 if !odbc3 => 11,
            other => *other,
        };
        if wanted != 0 && wanted != code {
            continue;
        }
        let is_number = matches!(*odbc, -7 | -6 | -5 | 2..=7);
        let is_moment = matches!(*odbc, 91 | 93);
        let flag = |yes: bool| Value::Int(i64::from(yes));
        rows.push(vec![
            text(name),
            Value::Int(code),
            Value::Int(*precision),
            optional(prefix),
            optional(if prefix.ends_with('\'') { "'" } else { "" }),
            optional(parameters),
            Value::Int(i64::from(*name != "timestamp")),
            flag(false),
            Value::Int(*searchable),
            if is_number {
                flag(*name == "tinyint")
            } else {
                Value::Null
            },
            flag(name.ends_with("money")),
            if is_number { flag(false) } else { Value::Null },
            text(name),
            if is_number && *odbc < 6 {
                Value::Int(if name.ends_with("money") { 4 } else { 0 })
            } else {
                Value::Null
            },
            match *name {
                "decimal" | "numeric" => Value::Int(38),
                "money" | "smallmoney" => Value::Int(4),
                "datetime2" | "datetimeoffset" | "time" => Value::Int(7),
                _ if is_number && *odbc < 6 => Value::Int(0),
                _ => Value::Null,
            },
            Value::Int(if is_moment { 9 } else { *odbc }),
            match *odbc {
                91 => Value::Int(1),
                93 => Value::Int(3),
                _ => Value::Null,
            },
            if is_number {
                Value::Int(if matches!(*odbc, 6 | 7) { 2 } else { 10 })
            } else {
                Value::Null
            },
            Value::Null,
            Value::Int(0),
        ]);
    }
    Ok(Answer {
        results: vec![(columns, rows)],
        ..Answer::default()
    })
}

/// `sp_databases`: names and sizes in kilobytes.
pub fn databases(
    engine: &mut Engine,
    _state: &mut State,
    _arguments: &Arguments,
) -> Result<Answer, Message> {
    let mut rows: Vec<(String, i64)> = engine
        .store
        .databases()
        .map(|d| (d.facts.name.clone(), d.facts.size_bytes() / 1024))
        .collect();
    rows.sort();
    Ok(Answer {
        results: vec![(
            vec![
                column("DATABASE_NAME", NAME),
                column("DATABASE_SIZE", SqlType::Int),
                column("REMARKS", SqlType::VarChar(Length::Limited(254))),
            ],
            rows.into_iter()
                .map(|(name, size)| vec![Value::Text(name), Value::Int(size), Value::Null])
                .collect(),
        )],
        ..Answer::default()
    })
}

/// `sp_server_info [@attribute_id]`: what ODBC drivers ask for.
pub fn server_info(
    _engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let wanted = arguments.number("@attribute_id", 0)?;
    let rows = [
        (1, "DBMS_NAME", "Microsoft SQL Server"),
        (2, "DBMS_VER", "Microsoft SQL Server 2022 - 16.0.4236"),
        (10, "OWNER_TERM", "owner"),
        (11, "TABLE_TERM", "table"),
        (12, "MAX_OWNER_NAME_LENGTH", "128"),
        (13, "TABLE_LENGTH", "128"),
        (14, "MAX_QUAL_LENGTH", "128"),
        (15, "COLUMN_LENGTH", "128"),
        (16, "IDENTIFIER_CASE", "MIXED"),
        (17, "TX_ISOLATION", "2"),
        (
            18,
            "COLLATION_SEQ",
            "charset=iso_1 sort_order=nocase_iso charset_num=1 sort_order_num=52",
        ),
        (112, "SYSTEM_SPROC_VERSION", "16.00.4236"),
        (500, "SYS_SPROC_VERSION", "16.00.4236"),
    ]
    .into_iter()
    .filter(|(id, ..)| wanted.is_none_or(|w| w == *id))
    .map(|(id, name, value)| vec![Value::Int(id), text(name), text(value)])
    .collect();
    Ok(Answer {
        results: vec![(
            vec![
                column("attribute_id", SqlType::Int),
                column("attribute_name", SqlType::VarChar(Length::Limited(60))),
                column("attribute_value", SqlType::VarChar(Length::Limited(255))),
            ],
            rows,
        )],
        ..Answer::default()
    })
}

/// `sp_tables`: the tables of the current database.
pub fn tables(
    engine: &mut Engine,
    state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let wanted = arguments.text("@table_name", 0)?;
    let rows = engine
        .store
        .database(state.facts.database)
        .map(|database| {
            database
                .catalogue
                .tables()
                .filter(|t| {
                    wanted
                        .as_deref()
                        .is_none_or(|w| w == "%" || w.eq_ignore_ascii_case(&t.name))
                })
                .map(|t| {
                    vec![
                        text(&database.facts.name),
                        text(&t.schema),
                        text(&t.name),
                        text("TABLE"),
                        Value::Null,
                    ]
                })
                .collect()
        })
        .unwrap_or_default();
    Ok(Answer {
        results: vec![(
            vec![
                column("TABLE_QUALIFIER", NAME),
                column("TABLE_OWNER", NAME),
                column("TABLE_NAME", NAME),
                column("TABLE_TYPE", SqlType::VarChar(Length::Limited(32))),
                column("REMARKS", SqlType::VarChar(Length::Limited(254))),
            ],
            rows,
        )],
        ..Answer::default()
    })
}

/// `sp_who`.
pub fn who(
    engine: &mut Engine,
    _state: &mut State,
    _arguments: &Arguments,
) -> Result<Answer, Message> {
    let columns: Vec<Column> = vec![
        column("spid", SqlType::SmallInt),
        column("ecid", SqlType::SmallInt),
        column("status", SqlType::NChar(30)),
        column("loginame", NAME),
        column("hostname", SqlType::NChar(128)),
        column("blk", SqlType::Char(5)),
        column("dbname", NAME),
        column("cmd", SqlType::NChar(16)),
        column("request_id", SqlType::Int),
    ];
    let rows = engine
        .sessions
        .iter()
        .map(|entry| {
            let request = entry.request.as_ref();
            vec![
                Value::Int(i64::from(entry.id)),
                Value::Int(0),
                text(if request.is_some() {
                    "runnable"
                } else {
                    "sleeping"
                }),
                text(&entry.login),
                text(&entry.host),
                Value::Text(request.map_or(0, |r| r.blocked_by).to_string()),
                engine
                    .store
                    .database(entry.database)
                    .map_or(Value::Null, |d| text(&d.facts.name)),
                text(request.map_or("AWAITING COMMAND", |r| r.command.as_str())),
                Value::Int(0),
            ]
        })
        .collect();
    Ok(Answer {
        results: vec![(columns, rows)],
        ..Answer::default()
    })
}

/// `sp_configure [name [, value]]`: the two defaults of BACKUP.
pub fn configure(
    engine: &mut Engine,
    _state: &mut State,
    arguments: &Arguments,
) -> Result<Answer, Message> {
    let name = arguments.text("@configname", 0)?;
    let value = arguments.number("@configvalue", 1)?;
    let current = [
        ("backup checksum default", engine.options.checksum_default),
        (
            "backup compression default",
            engine.options.compression_default,
        ),
        ("show advanced options", true),
        ("xp_cmdshell", false),
    ];
    let found: Vec<_> = current
        .into_iter()
        .filter(|(option, _)| {
            name.as_deref()
                .is_none_or(|n| option.starts_with(&n.to_lowercase()))
        })
        .collect();
    if let Some(name) = &name {
        let [(option, before)] = found.as_slice() else {
            return Err(Message::error(
                15123,
                format!(
                    "The configuration option '{name}' does not exist, or it may be an advanced option."
                ),
            ));
        };
        if let Some(value) = value {
            if !(0..=1).contains(&value) {
                return Err(Message::error(
                    15129,
                    format!("'{value}' is not a valid value for configuration option '{option}'."),
                ));
            }
            match *option {
                "backup checksum default" => engine.options.checksum_default = value == 1,
                "backup compression default" => engine.options.compression_default = value == 1,
                _ => {}
            }
            return Ok(Answer {
                messages: vec![Message::info(
                    15457,
                    format!(
                        "Configuration option '{option}' changed from {} to {value}. Run the RECONFIGURE statement to install.",
                        i32::from(*before)
                    ),
                )],
                ..Answer::default()
            });
        }
    }
    let rows = found
        .into_iter()
        .map(|(option, on)| {
            let on = Value::Int(i64::from(on));
            vec![text(option), Value::Int(0), Value::Int(1), on.clone(), on]
        })
        .collect();
    if name.is_none() && arguments.0.len() > 2 {
        return Err(missing_parameter("sp_configure", "@configname"));
    }
    Ok(Answer {
        results: vec![(
            vec![
                column("name", SqlType::NVarChar(Length::Limited(35))),
                column("minimum", SqlType::Int),
                column("maximum", SqlType::Int),
                column("config_value", SqlType::Int),
                column("run_value", SqlType::Int),
            ],
            rows,
        )],
        ..Answer::default()
    })
}
