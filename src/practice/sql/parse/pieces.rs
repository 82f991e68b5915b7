//! Names, expressions and queries that stand alone or are made here.

use super::tokens::{syntax_error, tokenize};
use super::{BatchParser, DIALECT, MAX_NESTING};
use crate::practice::reply::Message;
use crate::practice::sql::statement::{ObjectPath, TypeName};
use sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, Query, SetExpr};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// Parses one expression kept as text: a default, a check, a computed column.
pub fn parse_expression(text: &str) -> Result<Expr, Message> {
    let tokens = tokenize(text).map_err(|mut all| {
        if all.is_empty() {
            syntax_error("", 1)
        } else {
            all.swap_remove(0)
        }
    })?;
    let mut parser = Parser::new(&DIALECT)
        .with_recursion_limit(MAX_NESTING)
        .with_tokens_with_locations(tokens);
    parser.parse_expr().map_err(|_source| syntax_error(text, 1))
}

/// A path of at most three parts, an empty part being left out.
pub fn path_of(mut parts: Vec<String>) -> Option<ObjectPath> {
    let some = |part: String| (!part.is_empty()).then_some(part);
    let name = parts.pop().and_then(some)?;
    let schema = parts.pop().and_then(some);
    let database = parts.pop().and_then(some);
    parts.is_empty().then_some(ObjectPath {
        database,
        schema,
        name,
    })
}

/// Parses a name as it stands in a text: `[a]]b].dbo.t`.
pub fn parse_object_path(text: &str) -> Option<ObjectPath> {
    let tokens = tokenize(text).ok()?;
    let mut parts = Vec::new();
    let mut expects_name = true;
    for token in tokens {
        match token.token {
            Token::Word(word) if expects_name => {
                parts.push(word.value);
                expects_name = false;
            }
            Token::Period if expects_name => parts.push(String::new()),
            Token::Period => expects_name = true,
            Token::EOF => break,
            _ => return None,
        }
    }
    path_of(parts)
}

/// Parses the declaration of parameters: `@a int, @b nvarchar(50) OUTPUT`.
pub fn parse_parameters(text: &str) -> Result<Vec<(String, TypeName, bool)>, Message> {
    let tokens = tokenize(text).map_err(|mut all| all.swap_remove(0))?;
    let mut parser = BatchParser::over(text, tokens);
    let mut all = Vec::new();
    if parser.at_end() {
        return Ok(all);
    }
    loop {
        let name = parser.variable()?;
        parser.take_word("AS");
        let ty = parser.type_name()?;
        if parser.take(&Token::Eq) {
            parser.simple_expression()?;
        }
        let output = parser.take_word("OUTPUT") || parser.take_word("OUT");
        parser.take_word("READONLY");
        all.push((name, ty, output));
        if !parser.take(&Token::Comma) {
            break;
        }
    }
    if parser.at_end() {
        Ok(all)
    } else {
        Err(parser.unexpected())
    }
}

/// Parses a query that the server writes itself.
pub fn parse_query_text(text: &str) -> Result<Box<Query>, Message> {
    let tokens = tokenize(text).map_err(|_source| syntax_error(text, 1))?;
    Parser::new(&DIALECT)
        .with_recursion_limit(MAX_NESTING)
        .with_tokens_with_locations(tokens)
        .parse_query()
        .map_err(|_source| syntax_error(text, 1))
}

/// A path as sqlparser's trees name objects; every part is quoted, so nothing is taken for a keyword.
pub fn object_name(path: &ObjectPath) -> ObjectName {
    let part = |text: &str| ObjectNamePart::Identifier(quoted(text));
    let mut parts = Vec::new();
    if let Some(database) = &path.database {
        parts.push(part(database));
    }
    if path.database.is_some() || path.schema.is_some() {
        parts.push(part(path.schema.as_deref().unwrap_or("")));
    }
    parts.push(part(&path.name));
    ObjectName(parts)
}

/// An identifier in brackets, except variables, which have none.
pub fn quoted(text: &str) -> Ident {
    if text.starts_with('@') {
        Ident::new(text)
    } else {
        Ident::with_quote('[', text)
    }
}

/// Takes INTO out of the first SELECT; `Some(None)` when it names no table.
pub(super) fn take_into(body: &mut SetExpr) -> Option<Option<ObjectPath>> {
    match body {
        SetExpr::Select(select) => {
            let into = select.into.take()?;
            let parts: Vec<String> = match into.targets.as_slice() {
                [Expr::Identifier(ident)] => vec![ident.value.clone()],
                [Expr::CompoundIdentifier(idents)] => {
                    idents.iter().map(|i| i.value.clone()).collect()
                }
                _ => return Some(None),
            };
            Some(path_of(parts))
        }
        SetExpr::SetOperation { left, .. } => take_into(left),
        _ => None,
    }
}
