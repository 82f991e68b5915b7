//! SET: variables and options.

use super::{BatchParser, Parsed};
use crate::practice::reply::Message;
use crate::practice::sql::statement::{Declaration, DeclarationKind, SettingValue, Statement};
use sqlparser::ast::{BinaryOperator, Expr, Ident, Value};
use sqlparser::tokenizer::Token;

/// SET options that are on or off; those that change no answer here are accepted all the same, as drivers send them.
const SWITCHES: &[&str] = &[
    "ANSI_DEFAULTS",
    "ANSI_NULLS",
    "ANSI_NULL_DFLT_OFF",
    "ANSI_NULL_DFLT_ON",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "ARITHABORT",
    "ARITHIGNORE",
    "CONCAT_NULL_YIELDS_NULL",
    "CURSOR_CLOSE_ON_COMMIT",
    "FMTONLY",
    "FORCEPLAN",
    "IMPLICIT_TRANSACTIONS",
    "NOCOUNT",
    "NOEXEC",
    "NO_BROWSETABLE",
    "NUMERIC_ROUNDABORT",
    "PARSEONLY",
    "QUOTED_IDENTIFIER",
    "REMOTE_PROC_TRANSACTIONS",
    "SHOWPLAN_ALL",
    "SHOWPLAN_TEXT",
    "SHOWPLAN_XML",
    "XACT_ABORT",
];

/// SET options that take a value.
const VALUES: &[&str] = &[
    "CONTEXT_INFO",
    "DATEFIRST",
    "DATEFORMAT",
    "DEADLOCK_PRIORITY",
    "LANGUAGE",
    "LOCK_TIMEOUT",
    "QUERY_GOVERNOR_COST_LIMIT",
    "ROWCOUNT",
    "TEXTSIZE",
];

impl BatchParser<'_> {
    pub(super) fn set_statement(&mut self) -> Parsed<Statement> {
        self.parser.advance_token();
        if self.is_variable() {
            let name = self.variable()?;
            let operator = self.assignment_operator()?;
            if operator.is_none() && self.take_word("CURSOR") {
                let query = self.cursor_query()?;
                return Ok(Statement::Declare(vec![Declaration {
                    name,
                    kind: DeclarationKind::Cursor(query),
                }]));
            }
            let value = self.expression()?;
            let value = combined(operator, Expr::Identifier(Ident::new(name.clone())), value);
            return Ok(Statement::SetVariable { name, value });
        }
        if self.take_words(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
            let level = if self.take_words(&["READ", "UNCOMMITTED"]) {
                1
            } else if self.take_words(&["READ", "COMMITTED"]) {
                2
            } else if self.take_words(&["REPEATABLE", "READ"]) {
                3
            } else if self.take_word("SERIALIZABLE") {
                4
            } else if self.take_word("SNAPSHOT") {
                5
            } else {
                return Err(self.unexpected());
            };
            return Ok(Statement::SetIsolation(level));
        }
        if self.take_word("IDENTITY_INSERT") {
            let table = self.object_path()?;
            let on = self.on_or_off()?;
            return Ok(Statement::SetIdentityInsert { table, on });
        }
        if self.take_word("STATISTICS") {
            self.any_word()?;
            while self.take(&Token::Comma) {
                self.any_word()?;
            }
            let on = self.on_or_off()?;
            return Ok(Statement::SetSwitch {
                names: vec!["STATISTICS".to_owned()],
                on,
            });
        }
        let line = self.line();
        let name = self.any_word()?;
        if VALUES.contains(&name.as_str()) {
            let value = if let Token::HexStringLiteral(digits) = self.peek(0) {
                let bytes = bytes_of_hex(digits);
                self.parser.advance_token();
                SettingValue::Binary(bytes)
            } else {
                SettingValue::Operand(self.operand()?)
            };
            return Ok(Statement::SetValue { name, value });
        }
        let mut names = vec![name];
        while self.take(&Token::Comma) {
            names.push(self.any_word()?);
        }
        if let Some(unknown) = names.iter().find(|n| !SWITCHES.contains(&n.as_str())) {
            let mut message =
                Message::error(195, format!("'{unknown}' is not a recognized SET option."))
                    .with_class(15)
                    .with_state(5);
            message.line = line;
            return Err(message);
        }
        let on = self.on_or_off()?;
        Ok(Statement::SetSwitch { names, on })
    }

    fn on_or_off(&mut self) -> Parsed<bool> {
        if self.take_word("ON") {
            Ok(true)
        } else {
            self.expect_word("OFF")?;
            Ok(false)
        }
    }

    /// `=` (`None`) or a compound assignment; the tokenizer splits most of them in two.
    pub(super) fn assignment_operator(&mut self) -> Parsed<Option<BinaryOperator>> {
        if self.take(&Token::Eq) {
            return Ok(None);
        }
        let operator = match self.peek(0) {
            Token::Plus => BinaryOperator::Plus,
            Token::Minus => BinaryOperator::Minus,
            Token::Mul => BinaryOperator::Multiply,
            Token::Div => BinaryOperator::Divide,
            Token::Mod => BinaryOperator::Modulo,
            Token::Ampersand => BinaryOperator::BitwiseAnd,
            Token::Pipe => BinaryOperator::BitwiseOr,
            Token::Caret => BinaryOperator::BitwiseXor,
            _ => return Err(self.unexpected()),
        };
        self.parser.advance_token();
        self.expect(&Token::Eq)?;
        Ok(Some(operator))
    }
}

/// `target operator value`, or the value alone.
pub(super) fn combined(operator: Option<BinaryOperator>, target: Expr, value: Expr) -> Expr {
    match operator {
        None => value,
        Some(op) => Expr::BinaryOp {
            left: Box::new(target),
            op,
            right: Box::new(Expr::Nested(Box::new(value))),
        },
    }
}

/// A text literal for trees made here.
pub(super) fn text_literal(text: String) -> Expr {
    Expr::Value(Value::NationalStringLiteral(text).into())
}

fn bytes_of_hex(digits: &str) -> Vec<u8> {
    let padded = if digits.len().is_multiple_of(2) {
        digits.to_owned()
    } else {
        format!("0{digits}")
    };
    (0..padded.len() / 2)
        .filter_map(|n| padded.get(n * 2..n * 2 + 2))
        .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect()
}
