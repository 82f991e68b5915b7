//! The parts of an expression, without those of its subqueries.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, WindowType};

/// The direct parts of an expression.
pub(super) fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(e)
        | Expr::IsNull(e)
        | Expr::IsNotNull(e)
        | Expr::UnaryOp { expr: e, .. }
        | Expr::Cast { expr: e, .. }
        | Expr::Collate { expr: e, .. }
        | Expr::Ceil { expr: e, .. }
        | Expr::Floor { expr: e, .. } => vec![e],
        Expr::BinaryOp { left, right, .. }
        | Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right) => vec![left, right],
        Expr::AtTimeZone {
            timestamp,
            time_zone,
        } => vec![timestamp, time_zone],
        Expr::Between {
            expr, low, high, ..
        } => vec![expr, low, high],
        Expr::InList { expr, list, .. } => {
            let mut all: Vec<&Expr> = vec![expr];
            all.extend(list);
            all
        }
        Expr::InSubquery { expr, .. } => vec![expr],
        Expr::Like {
            expr,
            pattern,
            escape_char,
            ..
        } => {
            let mut all: Vec<&Expr> = vec![expr, pattern];
            all.extend(escape_char.as_deref());
            all
        }
        Expr::Convert { expr, styles, .. } => {
            let mut all: Vec<&Expr> = vec![expr];
            all.extend(styles);
            all
        }
        Expr::Substring {
            expr,
            substring_from,
            substring_for,
            ..
        } => {
            let mut all: Vec<&Expr> = vec![expr];
            all.extend(substring_from.as_deref());
            all.extend(substring_for.as_deref());
            all
        }
        Expr::Trim {
            expr, trim_what, ..
        } => {
            let mut all: Vec<&Expr> = vec![expr];
            all.extend(trim_what.as_deref());
            all
        }
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            let mut all: Vec<&Expr> = operand.as_deref().into_iter().collect();
            for when in conditions {
                all.push(&when.condition);
                all.push(&when.result);
            }
            all.extend(else_result.as_deref());
            all
        }
        Expr::Function(function) => {
            let mut all = arguments(function);
            if let Some(WindowType::WindowSpec(spec)) = &function.over {
                all.extend(&spec.partition_by);
                all.extend(spec.order_by.iter().map(|o| &o.expr));
            }
            all
        }
        _ => Vec::new(),
    }
}

/// The arguments of a function that are expressions.
pub(super) fn arguments(function: &Function) -> Vec<&Expr> {
    match &function.args {
        FunctionArguments::List(list) => list
            .args
            .iter()
            .filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e))
                | FunctionArg::Named {
                    arg: FunctionArgExpr::Expr(e),
                    ..
                }
                | FunctionArg::ExprNamed {
                    arg: FunctionArgExpr::Expr(e),
                    ..
                } => Some(e),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The lower-case name of a function without schema.
pub(super) fn function_name(function: &Function) -> String {
    function
        .name
        .0
        .last()
        .and_then(|part| part.as_ident())
        .map(|ident| ident.value.to_lowercase())
        .unwrap_or_default()
}

/// Whether a name is that of an aggregate.
pub(super) fn is_aggregate(name: &str) -> bool {
    matches!(
        name,
        "count"
            | "count_big"
            | "sum"
            | "avg"
            | "min"
            | "max"
            | "string_agg"
            | "stdev"
            | "stdevp"
            | "var"
            | "varp"
            | "checksum_agg"
            | "grouping"
            | "approx_count_distinct"
    )
}

/// Whether an aggregate of this very query stands in the expression.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    if let Expr::Function(function) = expr
        && function.over.is_none()
        && is_aggregate(&function_name(function))
    {
        return true;
    }
    parts(expr).into_iter().any(has_aggregate)
}
