//! Values and conditions.

use super::cast::Failure;
use super::predicates::one_expression;
use super::query::Place;
use super::scope::Clause;
use super::term::{Origin, Term};
use super::{Binder, unsupported};
use crate::practice::reply::Message;
use crate::practice::sql::convert::{NO_STYLE, numbers, unhex};
use crate::practice::sql::types::{self, Arithmetic, Family, family};
use crate::practice::value::{Length, SqlType, Value};
use sqlparser::ast::{
    self, BinaryOperator, CaseWhen, CastKind, DateTimeField, Expr, Ident, TrimWhereField,
    UnaryOperator,
};

impl Binder<'_> {
    /// Translates an expression that has a value.
    pub(super) fn value(&mut self, expr: &Expr) -> Result<Term, Message> {
        if let Some(term) = self.grouped_expression(expr)? {
            return Ok(term);
        }
        self.deeper(|binder| binder.value_inner(expr))
    }

    /// An expression that `GROUP BY` names may show columns that it does not name by themselves.
    fn grouped_expression(&mut self, expr: &Expr) -> Result<Option<Term>, Message> {
        let Some(scope) = self.scopes.last_mut() else {
            return Ok(None);
        };
        let matches = !scope.inside_aggregate
            && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            && scope
                .grouping
                .as_ref()
                .is_some_and(|g| g.expressions.contains(expr));
        if !matches {
            return Ok(None);
        }
        scope.inside_aggregate = true;
        let term = self.deeper(|binder| binder.value_inner(expr));
        if let Some(scope) = self.scopes.last_mut() {
            scope.inside_aggregate = false;
        }
        term.map(Some)
    }

    fn value_inner(&mut self, expr: &Expr) -> Result<Term, Message> {
        match expr {
            Expr::Identifier(ident) => self.identifier(ident),
            Expr::CompoundIdentifier(parts) => self.column(parts),
            Expr::Nested(inner) => self.value(inner),
            Expr::Value(value) => self.literal_value(&value.value),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Cast {
                kind,
                expr,
                data_type,
                ..
            } => {
                let term = self.value(expr)?;
                let to = with_default_length(types::from_data_type(data_type)?, data_type);
                let failure = match kind {
                    CastKind::TryCast | CastKind::SafeCast => Failure::Null,
                    _ => Failure::Error,
                };
                Ok(self.cast(term, to, NO_STYLE, failure))
            }
            Expr::Convert {
                is_try,
                expr,
                data_type,
                styles,
                ..
            } => {
                let term = self.value(expr)?;
                let Some(data_type) = data_type else {
                    return Err(unsupported("CONVERT"));
                };
                let to = with_default_length(types::from_data_type(data_type)?, data_type);
                let failure = if *is_try {
                    Failure::Null
                } else {
                    Failure::Error
                };
                let style = match styles.first() {
                    None => return Ok(self.cast(term, to, NO_STYLE, failure)),
                    Some(style) => self.value(style)?,
                };
                match &style.constant {
                    Some(Value::Int(n)) => {
                        let style = i32::try_from(*n).unwrap_or(i32::MAX);
                        Ok(self.cast(term, to, style, failure))
                    }
                    Some(Value::Null) => Ok(self.constant(Value::Null, to, Origin::Literal)),
                    _ => Ok(self.cast_with(term, to, &style, failure)),
                }
            }
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            Expr::Function(function) => self.function(function),
            Expr::Subquery(query) => self.scalar_subquery(query),
            Expr::Collate { expr, collation } => {
                let mut term = self.value(expr)?;
                let name = collation
                    .0
                    .last()
                    .and_then(|p| p.as_ident())
                    .map(|i| i.value.to_lowercase())
                    .unwrap_or_default();
                term.collation = Some(if name.contains("_bin") {
                    "BINARY"
                } else if name.contains("_cs_") || name.ends_with("_cs") {
                    "tsql_cs"
                } else {
                    "tsql"
                });
                Ok(term)
            }
            Expr::Ceil { expr, .. } => self.call("ceiling", std::slice::from_ref(expr)),
            Expr::Floor { expr, .. } => self.call("floor", std::slice::from_ref(expr)),
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                let mut arguments = vec![expr.as_ref().clone()];
                arguments.extend(substring_from.as_deref().cloned());
                arguments.extend(substring_for.as_deref().cloned());
                self.call("substring", &arguments)
            }
            Expr::Trim {
                expr,
                trim_where,
                trim_what,
                ..
            } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                    _ => "trim",
                };
                let mut arguments = vec![expr.as_ref().clone()];
                arguments.extend(trim_what.as_deref().cloned());
                self.call(name, &arguments)
            }
            Expr::Extract { field, expr, .. } => {
                let part = Expr::Identifier(Ident::new(field_name(field)));
                self.call("datepart", &[part, expr.as_ref().clone()])
            }
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                let value = self.value(timestamp)?;
                let zone = self.value(time_zone)?;
                let value = if types::is_text(value.ty) {
                    self.implicit(value, SqlType::DateTime2(7))?
                } else {
                    value
                };
                let scale = match value.ty {
                    SqlType::DateTime2(n) | SqlType::DateTimeOffset(n) => n,
                    SqlType::DateTime => 3,
                    _ => 0,
                };
                Ok(Term::computed(
                    format!(
                        "tsql_at_zone({}, {}, {})",
                        value.sql,
                        types::code(value.ty),
                        zone.sql
                    ),
                    SqlType::DateTimeOffset(scale),
                ))
            }
            Expr::Prefixed { value, .. } => self.value(value),
            Expr::Exists { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_) => {
                Err(Message::error(156, "Incorrect syntax near the keyword 'IS'.").with_class(15))
            }
            _ => Err(unsupported("expression")),
        }
    }

    fn identifier(&mut self, ident: &Ident) -> Result<Term, Message> {
        if ident.quote_style.is_none() {
            if let Some(name) = ident.value.strip_prefix("@@") {
                return self.global(&name.to_lowercase());
            }
            if ident.value.starts_with('@') {
                let Some((ty, value)) = self.variables.find(&ident.value) else {
                    return Err(Message::error(
                        137,
                        format!("Must declare the scalar variable \"{}\".", ident.value),
                    )
                    .with_class(15)
                    .with_state(2));
                };
                let value = value.clone();
                let mut term = self.constant(value, ty, Origin::Variable);
                term.nullable = true;
                return Ok(term);
            }
            if matches!(
                ident.value.to_lowercase().as_str(),
                "current_timestamp" | "current_user" | "session_user" | "system_user" | "user"
            ) {
                return self.call(&ident.value.to_lowercase(), &[]);
            }
        }
        self.column(std::slice::from_ref(ident))
    }

    fn literal_value(&mut self, value: &ast::Value) -> Result<Term, Message> {
        let (value, ty) = match value {
            ast::Value::Null => return Ok(Term::null()),
            ast::Value::Number(text, _) => number_literal(text)?,
            ast::Value::Placeholder(text) if text.starts_with('$') => {
                let (n, scale) =
                    numbers::parse_decimal(text.trim_start_matches('$')).unwrap_or((0, 0));
                (
                    Value::Decimal(numbers::rescale(n, scale, 4).unwrap_or(0)),
                    SqlType::Money,
                )
            }
            ast::Value::SingleQuotedString(text) => (
                Value::Text(text.clone()),
                SqlType::VarChar(literal_length(text, 8000)),
            ),
            ast::Value::NationalStringLiteral(text) => (
                Value::Text(text.clone()),
                SqlType::NVarChar(literal_length(text, 4000)),
            ),
            ast::Value::DoubleQuotedString(text) => {
                if self.session.options.quoted_identifier {
                    return self.column(&[Ident::with_quote('"', text)]);
                }
                (
                    Value::Text(text.clone()),
                    SqlType::VarChar(literal_length(text, 8000)),
                )
            }
            ast::Value::HexStringLiteral(digits) => {
                let even = if digits.len().is_multiple_of(2) {
                    digits.clone()
                } else {
                    format!("0{digits}")
                };
                let bytes = unhex(&even).unwrap_or_default();
                let length = u16::try_from(bytes.len().max(1))
                    .ok()
                    .filter(|n| *n <= 8000)
                    .map_or(Length::Max, Length::Limited);
                (Value::Bytes(bytes), SqlType::VarBinary(length))
            }
            _ => return Err(unsupported("literal")),
        };
        Ok(self.constant(value, ty, Origin::Literal))
    }

    fn unary(&mut self, op: UnaryOperator, expr: &Expr) -> Result<Term, Message> {
        match op {
            UnaryOperator::Plus => self.value(expr),
            UnaryOperator::Minus => {
                let term = self.value(expr)?;
                if term.origin == Origin::Literal {
                    match term.constant {
                        Some(Value::Int(n)) => {
                            return Ok(self.constant(Value::Int(-n), term.ty, Origin::Literal));
                        }
                        Some(Value::Decimal(n)) => {
                            return Ok(self.constant(Value::Decimal(-n), term.ty, Origin::Literal));
                        }
                        Some(Value::Float(x)) => {
                            return Ok(self.constant(Value::Float(-x), term.ty, Origin::Literal));
                        }
                        _ => {}
                    }
                }
                match term.ty {
                    SqlType::Numeric { precision, .. } if precision > 18 => Ok(Term::computed(
                        format!(
                            "tsql_arithmetic({}, 0, {}, {}, {}, {})",
                            Arithmetic::Subtract as i32,
                            types::code(SqlType::Int),
                            term.sql,
                            types::code(term.ty),
                            types::code(term.ty)
                        ),
                        term.ty,
                    )),
                    _ if types::is_number(term.ty) => {
                        Ok(Term::computed(format!("(-{})", term.sql), term.ty)
                            .nullable_if(term.nullable))
                    }
                    _ => Err(Message::error(
                        8117,
                        format!(
                            "Operand data type {} is invalid for minus operator.",
                            types::name(term.ty)
                        ),
                    )),
                }
            }
            UnaryOperator::BitwiseNot => {
                let term = self.value(expr)?;
                if family(term.ty) != Family::Integer {
                    return Err(Message::error(
                        8117,
                        format!(
                            "Operand data type {} is invalid for '~' operator.",
                            types::name(term.ty)
                        ),
                    ));
                }
                let sql = match term.ty {
                    SqlType::Bit => format!("(1 - {})", term.sql),
                    SqlType::TinyInt => format!("(255 - {})", term.sql),
                    _ => format!("(~{})", term.sql),
                };
                Ok(Term::computed(sql, term.ty).nullable_if(term.nullable))
            }
            _ => Err(unsupported("operator")),
        }
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Term, Message> {
        let arithmetic = match op {
            BinaryOperator::Plus => Arithmetic::Add,
            BinaryOperator::Minus => Arithmetic::Subtract,
            BinaryOperator::Multiply => Arithmetic::Multiply,
            BinaryOperator::Divide => Arithmetic::Divide,
            BinaryOperator::Modulo => Arithmetic::Modulo,
            BinaryOperator::BitwiseAnd
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseXor
            | BinaryOperator::PGBitwiseXor => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                return self.bitwise(op, left, right);
            }
            _ => {
                return Err(
                    Message::error(102, format!("Incorrect syntax near '{op}'.")).with_class(15),
                );
            }
        };
        let left = self.value(left)?;
        let right = self.value(right)?;
        self.arithmetic(arithmetic, left, right)
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Term, Message> {
        let mut tests = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            tests.push(match operand {
                Some(operand) => {
                    let left = self.value(operand)?;
                    let right = self.value(&when.condition)?;
                    self.compare("=", left, right)?
                }
                None => self.predicate(&when.condition)?,
            });
            results.push(self.value(&when.result)?);
        }
        results.push(match otherwise {
            Some(expr) => self.value(expr)?,
            None => Term::null(),
        });
        if results.iter().all(Term::is_null) {
            return Err(Message::error(
                8133,
                "At least one of the result expressions in a CASE specification must be an expression other than the NULL constant.",
            ));
        }
        let nullable = results.iter().any(|r| r.nullable);
        let (mut results, ty) = self.unify(results)?;
        let last = results.pop().unwrap_or_else(Term::null);
        let mut sql = String::from("CASE");
        for (test, result) in tests.iter().zip(&results) {
            sql.push_str(&format!(" WHEN {test} THEN {}", result.sql));
        }
        sql.push_str(&format!(" ELSE {} END", last.sql));
        Ok(Term::computed(format!("({sql})"), ty).nullable_if(nullable))
    }

    fn scalar_subquery(&mut self, query: &ast::Query) -> Result<Term, Message> {
        let relation = self.query(query, Place::Subquery)?;
        let [column] = relation.columns.as_slice() else {
            return Err(one_expression());
        };
        Ok(Term::computed(format!("({})", relation.sql), column.ty))
    }

    /// Binds in another clause, whose errors have other numbers.
    pub(super) fn in_clause<T>(
        &mut self,
        clause: Clause,
        inner: impl FnOnce(&mut Self) -> Result<T, Message>,
    ) -> Result<T, Message> {
        let before = self.scopes.last().map(|s| s.clause).unwrap_or_default();
        if let Some(scope) = self.scopes.last_mut() {
            scope.clause = clause;
        }
        let result = inner(self);
        if let Some(scope) = self.scopes.last_mut() {
            scope.clause = before;
        }
        result
    }
}

/// `CAST(x AS varchar)` means 30 characters.
fn with_default_length(ty: SqlType, written: &ast::DataType) -> SqlType {
    let bare = match written {
        ast::DataType::Char(None)
        | ast::DataType::Character(None)
        | ast::DataType::Varchar(None)
        | ast::DataType::CharVarying(None)
        | ast::DataType::CharacterVarying(None)
        | ast::DataType::Nvarchar(None)
        | ast::DataType::Binary(None)
        | ast::DataType::Varbinary(None) => true,
        ast::DataType::Custom(_, arguments) => arguments.is_empty() && ty == SqlType::NChar(1),
        _ => false,
    };
    if !bare {
        return ty;
    }
    match ty {
        SqlType::Char(_) => SqlType::Char(30),
        SqlType::NChar(_) => SqlType::NChar(30),
        SqlType::VarChar(_) => SqlType::VarChar(Length::Limited(30)),
        SqlType::NVarChar(_) => SqlType::NVarChar(Length::Limited(30)),
        SqlType::Binary(_) => SqlType::Binary(30),
        SqlType::VarBinary(_) => SqlType::VarBinary(Length::Limited(30)),
        _ => ty,
    }
}

fn number_literal(text: &str) -> Result<(Value, SqlType), Message> {
    if text.contains(['e', 'E']) {
        let x = text.parse().unwrap_or(0.0);
        return Ok((Value::Float(x), SqlType::Float));
    }
    let too_long = || {
        Message::error(
            1007,
            format!("The number '{text}' is out of the range for numeric representation (maximum precision 38)."),
        )
        .with_class(15)
    };
    let (n, scale) = numbers::parse_decimal(text).ok_or_else(too_long)?;
    if !text.contains('.')
        && let Ok(n) = i32::try_from(n)
    {
        return Ok((Value::Int(i64::from(n)), SqlType::Int));
    }
    let digits = if n == 0 {
        1
    } else {
        n.unsigned_abs().ilog10() as u8 + 1
    };
    let precision = digits.max(scale).max(1);
    if precision > 38 {
        return Err(too_long());
    }
    Ok((Value::Decimal(n), SqlType::Numeric { precision, scale }))
}

fn literal_length(text: &str, limit: u16) -> Length {
    u16::try_from(text.chars().count().max(1))
        .ok()
        .filter(|n| *n <= limit)
        .map_or(Length::Max, Length::Limited)
}

/// The word of a date part as T-SQL writes it.
pub(super) fn field_name(field: &DateTimeField) -> String {
    match field {
        DateTimeField::Year => "year".to_owned(),
        DateTimeField::Month => "month".to_owned(),
        DateTimeField::Day => "day".to_owned(),
        DateTimeField::Hour => "hour".to_owned(),
        DateTimeField::Minute => "minute".to_owned(),
        DateTimeField::Second => "second".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
