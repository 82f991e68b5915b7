//! `FOR JSON` and `FOR XML PATH('')`: a result as one text.

use super::query::{OutColumn, Relation};
use super::term::Term;
use super::{Binder, cast, unsupported};
use crate::practice::reply::Message;
use crate::practice::sql::convert::NO_STYLE;
use crate::practice::sql::types;
use crate::practice::value::{Length, SqlType};
use sqlparser::ast::{ForClause, ForXml};

impl Binder<'_> {
    /// `FOR JSON PATH`, `FOR JSON AUTO` and `FOR XML PATH('')`.
    pub(super) fn for_clause(
        &mut self,
        clause: &ForClause,
        relation: Relation,
    ) -> Result<Relation, Message> {
        let (sql, name) = match clause {
            ForClause::Browse => return Ok(relation),
            ForClause::Json {
                root,
                include_null_values,
                without_array_wrapper,
                ..
            } => {
                let mut pairs = Vec::with_capacity(relation.columns.len());
                for (at, column) in relation.columns.iter().enumerate() {
                    if column.name.is_empty() {
                        return Err(Message::error(
                            13605,
                            format!(
                                "Column expressions and data sources without names or aliases cannot be formatted as JSON text using FOR JSON clause. Add alias to the unnamed column or table. (column {})",
                                at + 1
                            ),
                        ));
                    }
                    let term = Term::computed(format!("c{at}"), column.ty);
                    let value = self.json_value(term);
                    pairs.push(format!("{}, {value}", self.text(&column.name)));
                }
                let object = format!("json_object({})", pairs.join(", "));
                let object = if *include_null_values {
                    object
                } else {
                    format!("json_patch('{{}}', {object})")
                };
                let array = format!("json_group_array(json({object}))");
                let mut text = if *without_array_wrapper {
                    format!("trim({array}, '[]')")
                } else {
                    array
                };
                if let Some(root) = root {
                    text = format!("json_object({}, json({text}))", self.text(root));
                }
                (
                    // No rows: no text.
                    format!(
                        "SELECT CASE WHEN count(*) > 0 THEN {text} END AS c0 FROM ({})",
                        relation.sql
                    ),
                    "JSON_F52E2B61-18A1-11d1-B105-00805F49916B",
                )
            }
            ForClause::Xml {
                for_xml: ForXml::Path(Some(element)),
                ..
            } if element.is_empty() => {
                let mut parts = Vec::with_capacity(relation.columns.len());
                for (at, column) in relation.columns.iter().enumerate() {
                    let term = Term::computed(format!("c{at}"), column.ty);
                    let term = self.cast(
                        term,
                        SqlType::NVarChar(Length::Max),
                        NO_STYLE,
                        cast::Failure::Error,
                    );
                    let text = format!("tsql_xml_text({})", term.sql);
                    parts.push(if column.name.is_empty() {
                        format!("ifnull({text}, '')")
                    } else {
                        let open = self.text(&format!("<{}>", column.name));
                        let close = self.text(&format!("</{}>", column.name));
                        format!("ifnull({open} || {text} || {close}, '')")
                    });
                }
                (
                    format!(
                        "SELECT group_concat({}, '') AS c0 FROM ({})",
                        parts.join(" || "),
                        relation.sql
                    ),
                    "XML_F52E2B61-18A1-11d1-B105-00805F49916B",
                )
            }
            ForClause::Xml { .. } => return Err(unsupported("FOR XML")),
        };
        Ok(Relation {
            sql,
            columns: vec![OutColumn {
                name: name.to_owned(),
                nullable: true,
                ..OutColumn::unnamed(SqlType::NVarChar(Length::Max))
            }],
        })
    }

    /// A value as JSON has it: numbers and texts as they are, the rest as text.
    fn json_value(&mut self, term: Term) -> String {
        match types::family(term.ty) {
            types::Family::Integer if term.ty == SqlType::Bit => {
                format!(
                    "json(CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)",
                    term.sql
                )
            }
            types::Family::Integer | types::Family::Approximate => term.sql,
            types::Family::Text | types::Family::Guid => term.sql,
            types::Family::Numeric | types::Family::Money => {
                let text = self.cast(
                    term,
                    SqlType::VarChar(Length::Limited(41)),
                    NO_STYLE,
                    cast::Failure::Error,
                );
                format!("json({})", text.sql)
            }
            types::Family::Moment => {
                self.cast(
                    term,
                    SqlType::VarChar(Length::Limited(40)),
                    126,
                    cast::Failure::Error,
                )
                .sql
            }
            _ => {
                self.cast(
                    term,
                    SqlType::NVarChar(Length::Max),
                    NO_STYLE,
                    cast::Failure::Error,
                )
                .sql
            }
        }
    }
}
