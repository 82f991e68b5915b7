//! EXECUTE and calls without the word.

use super::set::text_literal;
use super::{BatchParser, Parsed};
use crate::practice::sql::statement::{
    Argument, ArgumentValue, Execute, ExecuteTarget, Operand, Statement,
};
use sqlparser::tokenizer::Token;

/// Words that begin a statement: the first word of a batch is a procedure's name unless it is one of these.
const STATEMENT_WORDS: &[&str] = &["THROW"];

impl BatchParser<'_> {
    /// The first statement of a batch may be a procedure's name alone.
    pub(super) fn starts_bare_call(&self) -> bool {
        match self.peek(0) {
            Token::Word(w) => {
                (w.quote_style.is_some()
                    || !super::is_reserved(&w.value)
                        && !w.value.starts_with('@')
                        && !STATEMENT_WORDS
                            .iter()
                            .any(|k| w.value.eq_ignore_ascii_case(k)))
                    && !matches!(self.peek(1), Token::Colon)
            }
            _ => false,
        }
    }

    pub(super) fn bare_call(&mut self) -> Parsed<()> {
        let line = self.line();
        let path = self.object_path()?;
        let arguments = self.arguments()?;
        self.run(
            line,
            Statement::Execute(Box::new(Execute {
                result: None,
                target: ExecuteTarget::Procedure(path),
                arguments,
            })),
        );
        Ok(())
    }

    /// What follows EXEC.
    pub(super) fn execute(&mut self) -> Parsed<Execute> {
        if self.take(&Token::LParen) {
            let text = Box::new(self.expression()?);
            self.expect(&Token::RParen)?;
            if self.take_word("AS") {
                self.any_word()?;
                self.expect(&Token::Eq)?;
                self.operand()?;
            }
            return Ok(Execute {
                result: None,
                target: ExecuteTarget::Text(text),
                arguments: Vec::new(),
            });
        }
        let mut result = None;
        if self.is_variable() && matches!(self.peek(1), Token::Eq) {
            result = Some(self.variable()?);
            self.parser.advance_token();
        }
        let target = if self.is_variable() {
            ExecuteTarget::Variable(self.variable()?)
        } else {
            ExecuteTarget::Procedure(self.object_path()?)
        };
        let arguments = self.arguments()?;
        if self.is_words(&["WITH", "RECOMPILE"]) {
            self.parser.advance_token();
            self.parser.advance_token();
        }
        Ok(Execute {
            result,
            target,
            arguments,
        })
    }

    fn arguments(&mut self) -> Parsed<Vec<Argument>> {
        let mut all = Vec::new();
        if !self.begins_argument() {
            return Ok(all);
        }
        loop {
            let name = if self.is_variable() && matches!(self.peek(1), Token::Eq) {
                self.argument_names.insert(self.parser.index());
                let name = self.variable()?;
                self.parser.advance_token();
                Some(name)
            } else {
                None
            };
            let value = self.argument_value()?;
            let output = self.take_word("OUTPUT") || self.take_word("OUT");
            all.push(Argument {
                name,
                value,
                output,
            });
            if !self.take(&Token::Comma) {
                return Ok(all);
            }
        }
    }

    fn begins_argument(&self) -> bool {
        match self.peek(0) {
            Token::Number(..)
            | Token::Minus
            | Token::SingleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_) => true,
            Token::Word(w) => {
                w.quote_style.is_some()
                    || !super::is_reserved(&w.value)
                    || w.value.eq_ignore_ascii_case("NULL")
                    || w.value.eq_ignore_ascii_case("DEFAULT")
            }
            _ => false,
        }
    }

    fn argument_value(&mut self) -> Parsed<ArgumentValue> {
        if self.take_word("DEFAULT") {
            return Ok(ArgumentValue::Default);
        }
        if !self.begins_argument() {
            return Err(self.unexpected());
        }
        if let Token::Word(w) = self.peek(0)
            && !(w.quote_style.is_none()
                && (w.value.starts_with('@') || w.value.eq_ignore_ascii_case("NULL")))
        {
            // A bare word is a text: EXEC sp_helpdb master, sp_configure show.
            let Operand::Word(mut text) = self.operand()? else {
                return Err(self.unexpected());
            };
            while self.take(&Token::Period) {
                text.push('.');
                text.push_str(&self.name()?);
            }
            return Ok(ArgumentValue::Expression(Box::new(text_literal(text))));
        }
        Ok(ArgumentValue::Expression(Box::new(
            self.simple_expression()?,
        )))
    }
}
