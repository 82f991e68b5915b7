//! DECLARE, cursors, and whether every variable is declared.

use super::{BatchParser, Parsed};
use crate::practice::reply::Message;
use crate::practice::sql::statement::{
    Declaration, DeclarationKind, FetchDirection, ObjectPath, Statement,
};
use sqlparser::tokenizer::Token;

impl BatchParser<'_> {
    pub(super) fn declare(&mut self) -> Parsed<Statement> {
        self.parser.advance_token();
        let mut all = Vec::new();
        if !self.is_variable() {
            let name = self.name()?;
            // ISO form: INSENSITIVE and SCROLL before CURSOR.
            while self.take_word("INSENSITIVE") || self.take_word("SCROLL") {}
            self.expect_word("CURSOR")?;
            let query = self.cursor_query()?;
            all.push(Declaration {
                name,
                kind: DeclarationKind::Cursor(query),
            });
            return Ok(Statement::Declare(all));
        }
        loop {
            let at = self.parser.index();
            let line = self.line();
            let name = self.variable()?;
            self.take_word("AS");
            let kind = if self.take_word("TABLE") {
                let path = ObjectPath {
                    database: None,
                    schema: None,
                    name: name.clone(),
                };
                DeclarationKind::Table(self.table_definition(path)?)
            } else if self.take_word("CURSOR") {
                DeclarationKind::CursorVariable
            } else {
                let ty = self.type_name()?;
                let initial = if self.take(&Token::Eq) {
                    Some(Box::new(self.expression()?))
                } else {
                    None
                };
                DeclarationKind::Scalar { ty, initial }
            };
            if self.declared.insert(name.to_lowercase(), at).is_some() {
                let mut message = Message::error(
                    134,
                    format!(
                        "The variable name '{name}' has already been declared. \
                         Variable names must be unique within a query batch or stored procedure."
                    ),
                )
                .with_class(15);
                message.line = line;
                return Err(message);
            }
            all.push(Declaration { name, kind });
            if !self.take(&Token::Comma) {
                break;
            }
        }
        Ok(Statement::Declare(all))
    }

    /// What follows CURSOR.
    pub(super) fn cursor_query(&mut self) -> Parsed<Box<sqlparser::ast::Query>> {
        while !self.is_word("FOR") {
            self.any_word()?;
        }
        self.parser.advance_token();
        let query = self.query()?;
        if self.take_word("FOR") {
            self.any_word()?;
            self.take_word("ONLY");
        }
        Ok(query)
    }

    pub(super) fn cursor(&mut self, word: &str) -> Parsed<Statement> {
        self.parser.advance_token();
        if word == "FETCH" {
            let direction = if self.take_word("NEXT") {
                FetchDirection::Next
            } else if self.take_word("PRIOR") {
                FetchDirection::Prior
            } else if self.take_word("FIRST") {
                FetchDirection::First
            } else if self.take_word("LAST") {
                FetchDirection::Last
            } else if self.take_word("ABSOLUTE") {
                FetchDirection::Absolute(self.operand()?)
            } else if self.take_word("RELATIVE") {
                FetchDirection::Relative(self.operand()?)
            } else {
                FetchDirection::Next
            };
            self.take_word("FROM");
            self.take_word("GLOBAL");
            let cursor = self.name()?;
            let mut into = Vec::new();
            if self.take_word("INTO") {
                into.push(self.variable()?);
                while self.take(&Token::Comma) {
                    into.push(self.variable()?);
                }
            }
            return Ok(Statement::Fetch {
                cursor,
                direction,
                into,
            });
        }
        self.take_word("GLOBAL");
        let name = self.name()?;
        Ok(match word {
            "OPEN" => Statement::OpenCursor(name),
            "CLOSE" => Statement::CloseCursor(name),
            _ => Statement::DeallocateCursor(name),
        })
    }

    /// 137 and 1087: a variable that no DECLARE before it names, found before anything runs.
    pub(super) fn check_variables(&self) -> Parsed<()> {
        let mut index = 0;
        loop {
            let token = self.parser.token_at(index);
            match &token.token {
                Token::EOF => return Ok(()),
                Token::Word(w)
                    if w.quote_style.is_none()
                        && w.value.starts_with('@')
                        && !w.value.starts_with("@@")
                        && !self.argument_names.contains(&index) =>
                {
                    let known = self
                        .declared
                        .get(&w.value.to_lowercase())
                        .is_some_and(|at| *at <= index);
                    if !known {
                        let before = index
                            .checked_sub(1)
                            .map(|before| &self.parser.token_at(before).token);
                        let table = matches!(before, Some(Token::Word(word)) if word.quote_style.is_none()
                            && ["FROM", "JOIN", "INTO", "UPDATE"].iter().any(|k| word.value.eq_ignore_ascii_case(k)));
                        let mut message = if table {
                            Message::error(
                                1087,
                                format!("Must declare the table variable \"{}\".", w.value),
                            )
                        } else {
                            Message::error(
                                137,
                                format!("Must declare the scalar variable \"{}\".", w.value),
                            )
                        }
                        .with_class(15)
                        .with_state(2);
                        message.line = super::tokens::line_of(token.span.start);
                        return Err(message);
                    }
                }
                _ => {}
            }
            index += 1;
        }
    }
}
