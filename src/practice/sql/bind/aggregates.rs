//! Aggregates and window functions.

use super::expressions::field_name;
use super::term::Term;
use super::walk::{arguments, function_name};
use super::{Binder, unsupported};
use crate::practice::reply::Message;
use crate::practice::sql::convert::NO_STYLE;
use crate::practice::sql::types::{self, Family, family};
use crate::practice::value::{Length, SqlType};
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, OrderByExpr, OrderBySort, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowSpec, WindowType,
};

impl Binder<'_> {
    /// Translates a function that works over rows; `None` when it is not one.
    pub(super) fn over_rows(&mut self, function: &Function) -> Result<Option<Term>, Message> {
        let name = function_name(function);
        let over = match &function.over {
            None => None,
            Some(WindowType::WindowSpec(spec)) => Some(self.window(spec)?),
            Some(WindowType::NamedWindow(_)) => return Err(unsupported("WINDOW")),
        };
        if let Some(over) = &over
            && let Some(term) = self.ranking(&name, function, over)?
        {
            return Ok(Some(term));
        }
        if !super::walk::is_aggregate(&name) {
            return Ok(None);
        }
        // A window function sees the grouped rows, an aggregate those before grouping.
        let was_inside = match (&over, self.scopes.last_mut()) {
            (None, Some(scope)) => {
                if scope.inside_aggregate && scope.grouping.is_some() {
                    return Err(Message::error(
                        130,
                        "Cannot perform an aggregate function on an expression containing an aggregate or a subquery.",
                    )
                    .with_class(15));
                }
                std::mem::replace(&mut scope.inside_aggregate, true)
            }
            _ => false,
        };
        let term = self.aggregate(&name, function, over.as_deref());
        if over.is_none()
            && let Some(scope) = self.scopes.last_mut()
        {
            scope.inside_aggregate = was_inside;
        }
        term.map(Some)
    }

    fn aggregate(
        &mut self,
        name: &str,
        function: &Function,
        over: Option<&str>,
    ) -> Result<Term, Message> {
        let over = over.unwrap_or_default();
        let star = matches!(
            &function.args,
            FunctionArguments::List(list)
                if matches!(list.args.first(), Some(FunctionArg::Unnamed(FunctionArgExpr::Wildcard)))
        );
        let distinct = matches!(
            &function.args,
            FunctionArguments::List(list)
                if list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
        );
        let word = if distinct { "DISTINCT " } else { "" };
        let count_type = if name == "count_big" {
            SqlType::BigInt
        } else {
            SqlType::Int
        };
        if star {
            return Ok(Term::computed(format!("count(*){over}"), count_type).nullable_if(false));
        }
        let given = arguments(function);
        let Some(first) = given.first() else {
            return Err(wrong_arguments(name, 1));
        };
        let term = self.value(first)?;
        match name {
            "count" | "count_big" => Ok(Term::computed(
                format!("count({word}{}){over}", term.key()),
                count_type,
            )
            .nullable_if(false)),
            "approx_count_distinct" => Ok(Term::computed(
                format!("count(DISTINCT {})", term.key()),
                SqlType::BigInt,
            )
            .nullable_if(false)),
            "min" | "max" => {
                if matches!(term.ty, SqlType::Bit | SqlType::Xml) {
                    return Err(invalid_operand(term.ty, name));
                }
                let sql = match term.ty {
                    // The offset comes along behind the instant.
                    SqlType::DateTimeOffset(_) => term.sql.clone(),
                    _ => term.key(),
                };
                Ok(Term::computed(format!("{name}({sql}){over}"), term.ty))
            }
            "sum" => self.sum(&term, word, over),
            "avg" => {
                let total = self.sum(&term, word, over)?;
                let count = format!("count({word}{}){over}", term.sql);
                Ok(match family(total.ty) {
                    Family::Approximate => {
                        Term::computed(format!("({} / {count})", total.sql), SqlType::Float)
                    }
                    Family::Integer => {
                        Term::computed(format!("({} / {count})", total.sql), total.ty)
                    }
                    _ => {
                        // avg of numeric(p,s) is numeric(38, max(s,6)).
                        let ty = match total.ty {
                            SqlType::Numeric { scale, .. } => SqlType::Numeric {
                                precision: 38,
                                scale: scale.max(6),
                            },
                            other => other,
                        };
                        Term::computed(
                            format!(
                                "CASE WHEN {count} > 0 THEN tsql_arithmetic({}, {}, {}, {count}, {}, {}) END",
                                types::Arithmetic::Divide as i32,
                                total.sql,
                                types::code(total.ty),
                                types::code(SqlType::Int),
                                types::code(ty)
                            ),
                            ty,
                        )
                    }
                })
            }
            "stdev" | "stdevp" | "var" | "varp" => {
                let term = self.cast(term, SqlType::Float, NO_STYLE, super::cast::Failure::Error);
                let (x, n) = (
                    format!("sum({}){over}", term.sql),
                    format!("count({}){over}", term.sql),
                );
                let squares = format!("sum({0} * {0}){over}", term.sql);
                let divisor = if name.ends_with('p') {
                    n.clone()
                } else {
                    format!("({n} - 1)")
                };
                let variance = format!(
                    "(CASE WHEN {divisor} > 0 THEN max(0.0, ({squares} - {x} * {x} / {n}) / {divisor}) END)"
                );
                Ok(Term::computed(
                    if name.starts_with("stdev") {
                        format!("tsql_sqrt({variance})")
                    } else {
                        variance
                    },
                    SqlType::Float,
                ))
            }
            "string_agg" => {
                let Some(separator) = given.get(1) else {
                    return Err(wrong_arguments(name, 2));
                };
                let term = self.as_text(term)?;
                let separator = self.value(separator)?;
                let separator = self.as_text(separator)?;
                let within = self.aggregate_order(function)?;
                let unicode = types::is_unicode(term.ty);
                let ty = match (types::text_length(term.ty), unicode) {
                    (Length::Max, true) => SqlType::NVarChar(Length::Max),
                    (Length::Max, false) => SqlType::VarChar(Length::Max),
                    (_, true) => SqlType::NVarChar(Length::Limited(4000)),
                    (_, false) => SqlType::VarChar(Length::Limited(8000)),
                };
                Ok(Term::computed(
                    format!(
                        "group_concat({}, {}{within}){over}",
                        term.sql, separator.sql
                    ),
                    ty,
                ))
            }
            "grouping" => Ok(Term::computed("0".to_owned(), SqlType::TinyInt).nullable_if(false)),
            _ => Err(unsupported(name)),
        }
    }

    /// `WITHIN GROUP (ORDER BY …)`.
    fn aggregate_order(&mut self, function: &Function) -> Result<String, Message> {
        let keys: &[OrderByExpr] = if function.within_group.is_empty() {
            match &function.args {
                FunctionArguments::List(list) => list
                    .clauses
                    .iter()
                    .find_map(|c| match c {
                        FunctionArgumentClause::OrderBy(keys) => Some(keys.as_slice()),
                        _ => None,
                    })
                    .unwrap_or_default(),
                _ => &[],
            }
        } else {
            &function.within_group
        };
        if keys.is_empty() {
            return Ok(String::new());
        }
        Ok(format!(" ORDER BY {}", self.window_order(keys)?))
    }

    fn sum(&mut self, term: &Term, word: &str, over: &str) -> Result<Term, Message> {
        Ok(match family(term.ty) {
            Family::Integer if term.ty == SqlType::Bit => {
                return Err(invalid_operand(term.ty, "sum"));
            }
            Family::Integer => {
                let ty = if term.ty == SqlType::BigInt {
                    SqlType::BigInt
                } else {
                    SqlType::Int
                };
                Term::computed(
                    format!(
                        "tsql_int(sum({word}{}){over}, {})",
                        term.sql,
                        types::code(ty)
                    ),
                    ty,
                )
            }
            Family::Approximate => {
                Term::computed(format!("sum({word}{}){over}", term.sql), SqlType::Float)
            }
            Family::Money => Term::computed(
                format!(
                    "tsql_int(sum({word}{}){over}, {})",
                    term.sql,
                    types::code(SqlType::Money)
                ),
                SqlType::Money,
            ),
            Family::Numeric => {
                let SqlType::Numeric { scale, .. } = term.ty else {
                    return Err(invalid_operand(term.ty, "sum"));
                };
                let ty = SqlType::Numeric {
                    precision: 38,
                    scale,
                };
                if over.is_empty() {
                    Term::computed(format!("tsql_sum({word}{})", term.sql), ty)
                } else {
                    // Windows take SQLite's own sum: 64 bits, which sizes and counts do not leave.
                    let narrow = SqlType::Numeric {
                        precision: 18,
                        scale,
                    };
                    let inner =
                        self.cast(term.clone(), narrow, NO_STYLE, super::cast::Failure::Error);
                    Term::computed(
                        format!(
                            "tsql_cast(sum({word}{}){over}, {}, {}, -1)",
                            inner.sql,
                            types::code(narrow),
                            types::code(ty)
                        ),
                        ty,
                    )
                }
            }
            _ => return Err(invalid_operand(term.ty, "sum")),
        })
    }

    /// `ROW_NUMBER`, `LAG` and the like; `None` for an aggregate.
    fn ranking(
        &mut self,
        name: &str,
        function: &Function,
        over: &str,
    ) -> Result<Option<Term>, Message> {
        let given = arguments(function);
        Ok(Some(match name {
            "row_number" | "rank" | "dense_rank" => {
                if !over.contains("ORDER BY") {
                    return Err(Message::error(
                        4112,
                        format!(
                            "The function '{}' must have an OVER clause with ORDER BY.",
                            name.to_uppercase()
                        ),
                    )
                    .with_class(15));
                }
                Term::computed(format!("{name}(){over}"), SqlType::BigInt).nullable_if(false)
            }
            "ntile" => {
                let Some(n) = given.first() else {
                    return Err(wrong_arguments(name, 1));
                };
                let n = self.value(n)?;
                Term::computed(format!("ntile({}){over}", n.sql), SqlType::BigInt)
                    .nullable_if(false)
            }
            "percent_rank" | "cume_dist" => {
                Term::computed(format!("{name}(){over}"), SqlType::Float).nullable_if(false)
            }
            "first_value" | "last_value" => {
                let Some(first) = given.first() else {
                    return Err(wrong_arguments(name, 1));
                };
                let term = self.value(first)?;
                Term::computed(format!("{name}({}){over}", term.sql), term.ty)
            }
            "lag" | "lead" => {
                let Some(first) = given.first() else {
                    return Err(wrong_arguments(name, 1));
                };
                let term = self.value(first)?;
                let offset = match given.get(1) {
                    Some(expr) => {
                        let offset = self.value(expr)?;
                        self.as_int(offset)?.sql
                    }
                    None => "1".to_owned(),
                };
                let default = match given.get(2) {
                    Some(expr) => {
                        let default = self.value(expr)?;
                        self.implicit(default, term.ty)?.sql
                    }
                    None => "NULL".to_owned(),
                };
                Term::computed(
                    format!("{name}({}, {offset}, {default}){over}", term.sql),
                    term.ty,
                )
            }
            _ => return Ok(None),
        }))
    }

    /// ` OVER (PARTITION BY … ORDER BY … ROWS …)`.
    fn window(&mut self, spec: &WindowSpec) -> Result<String, Message> {
        let mut parts = Vec::new();
        if !spec.partition_by.is_empty() {
            let mut keys = Vec::with_capacity(spec.partition_by.len());
            for expr in &spec.partition_by {
                keys.push(self.value(expr)?.key());
            }
            parts.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        if !spec.order_by.is_empty() {
            parts.push(format!("ORDER BY {}", self.window_order(&spec.order_by)?));
        }
        if let Some(frame) = &spec.window_frame {
            parts.push(self.frame(frame)?);
        }
        Ok(format!(" OVER ({})", parts.join(" ")))
    }

    fn window_order(&mut self, keys: &[OrderByExpr]) -> Result<String, Message> {
        let mut list = Vec::with_capacity(keys.len());
        for key in keys {
            let term = self.value(&key.expr)?;
            let direction = if key.options.sort == Some(OrderBySort::Desc) {
                " DESC"
            } else {
                ""
            };
            list.push(format!("{}{direction}", term.key()));
        }
        Ok(list.join(", "))
    }

    fn frame(&mut self, frame: &WindowFrame) -> Result<String, Message> {
        let units = match frame.units {
            WindowFrameUnits::Rows => "ROWS",
            WindowFrameUnits::Range => "RANGE",
            WindowFrameUnits::Groups => return Err(unsupported("GROUPS")),
        };
        let start = self.bound_of_frame(&frame.start_bound)?;
        Ok(match &frame.end_bound {
            Some(end) => {
                let end = self.bound_of_frame(end)?;
                format!("{units} BETWEEN {start} AND {end}")
            }
            None => format!("{units} {start}"),
        })
    }

    fn bound_of_frame(&mut self, bound: &WindowFrameBound) -> Result<String, Message> {
        Ok(match bound {
            WindowFrameBound::CurrentRow => "CURRENT ROW".to_owned(),
            WindowFrameBound::Preceding(None) => "UNBOUNDED PRECEDING".to_owned(),
            WindowFrameBound::Following(None) => "UNBOUNDED FOLLOWING".to_owned(),
            WindowFrameBound::Preceding(Some(n)) => format!("{} PRECEDING", self.value(n)?.sql),
            WindowFrameBound::Following(Some(n)) => format!("{} FOLLOWING", self.value(n)?.sql),
        })
    }
}

/// 174.
pub(super) fn wrong_arguments(name: &str, n: usize) -> Message {
    Message::error(
        174,
        format!("The {name} function requires {n} argument(s)."),
    )
    .with_class(15)
}

fn invalid_operand(ty: SqlType, name: &str) -> Message {
    Message::error(
        8117,
        format!(
            "Operand data type {} is invalid for {name} operator.",
            types::name(ty)
        ),
    )
}

/// The word of a date part that was written as an argument.
pub(super) fn date_part(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(ident.value.to_lowercase()),
        Expr::Extract { field, .. } => Some(field_name(field)),
        _ => None,
    }
}
