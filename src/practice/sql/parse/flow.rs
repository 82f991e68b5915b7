//! Control flow, variables, SET and transactions.

use super::{BatchParser, LabelJump, Loop, MAX_DEPTH, Parsed};
use crate::practice::reply::Message;
use crate::practice::sql::statement::{Action, Operand, RaiseError, Statement, TryRegion};
use sqlparser::tokenizer::Token;
use std::sync::Arc;

impl BatchParser<'_> {
    /// One statement, whatever it is.
    pub(super) fn statement(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        let result = self.any_statement();
        self.depth -= 1;
        result
    }

    fn any_statement(&mut self) -> Parsed<()> {
        let line = self.line();
        if matches!(self.peek(0), Token::LParen) {
            let statement = self.query_statement()?;
            self.run(line, statement);
            return Ok(());
        }
        let Some(word) = self.upper_word() else {
            return Err(self.unexpected());
        };
        if matches!(self.peek(1), Token::Colon) && !super::is_reserved(&word) {
            return self.label(&word);
        }
        match word.as_str() {
            "BEGIN" => return self.begin(line),
            "IF" => return self.if_statement(line),
            "WHILE" => return self.while_statement(line),
            "BREAK" | "CONTINUE" => return self.leave_loop(line, &word),
            "RETURN" => return self.return_statement(line),
            "GOTO" => {
                self.parser.advance_token();
                let label = self.name()?.to_lowercase();
                let step = self.emit(line, Action::Nothing);
                self.jumps.push(LabelJump { step, label, line });
                return Ok(());
            }
            _ => {}
        }
        let statement = match word.as_str() {
            "SELECT" => self.query_statement()?,
            "WITH" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "TRUNCATE" => self.change(&word)?,
            "DECLARE" => self.declare()?,
            "SET" => self.set_statement()?,
            "PRINT" => {
                self.parser.advance_token();
                Statement::Print(self.expression()?)
            }
            "RAISERROR" => self.raise_error()?,
            "THROW" => self.throw()?,
            "WAITFOR" => self.wait_for()?,
            "USE" => {
                self.parser.advance_token();
                Statement::Use(self.name()?)
            }
            "EXEC" | "EXECUTE" => {
                self.parser.advance_token();
                Statement::Execute(Box::new(self.execute()?))
            }
            "KILL" => {
                self.parser.advance_token();
                let target = self.operand()?;
                if self.take_word("WITH") {
                    self.expect_word("STATUSONLY")?;
                }
                Statement::Kill(target)
            }
            "CHECKPOINT" => {
                self.parser.advance_token();
                if matches!(self.peek(0), Token::Number(..)) {
                    self.parser.advance_token();
                }
                Statement::Checkpoint
            }
            "RECONFIGURE" => {
                self.parser.advance_token();
                if self.take_word("WITH") {
                    self.expect_word("OVERRIDE")?;
                }
                Statement::Reconfigure
            }
            "COMMIT" => {
                self.parser.advance_token();
                self.transaction_name()?;
                Statement::Commit
            }
            "ROLLBACK" => {
                self.parser.advance_token();
                Statement::Rollback {
                    name: self.transaction_name()?,
                }
            }
            "SAVE" => {
                self.parser.advance_token();
                if !self.take_word("TRAN") {
                    self.expect_word("TRANSACTION")?;
                }
                Statement::Save {
                    name: self.operand()?,
                }
            }
            "OPEN" | "FETCH" | "CLOSE" | "DEALLOCATE" => self.cursor(&word)?,
            "CREATE" | "ALTER" | "DROP" => self.definition(&word)?,
            "BACKUP" => self.backup()?,
            "RESTORE" => self.restore()?,
            "DBCC" => self.dbcc()?,
            _ => return Err(self.unexpected()),
        };
        self.run(line, statement);
        Ok(())
    }

    /// Statements up to END, at least one.
    fn block(&mut self) -> Parsed<()> {
        self.skip_semicolons();
        if self.is_word("END") {
            return Err(self.unexpected());
        }
        while !self.is_word("END") {
            if self.at_end() {
                return Err(self.unexpected());
            }
            self.statement()?;
            self.skip_semicolons();
        }
        self.parser.advance_token();
        Ok(())
    }

    fn begin(&mut self, line: u32) -> Parsed<()> {
        self.parser.advance_token();
        self.take_word("DISTRIBUTED");
        if self.is_word("TRAN") || self.is_word("TRANSACTION") {
            let name = self.transaction_name()?;
            let mut mark = None;
            if self.is_word("WITH") {
                // Only a named transaction can be marked.
                if name.is_none() {
                    return Err(self.unexpected());
                }
                self.parser.advance_token();
                self.expect_word("MARK")?;
                let described = matches!(
                    self.peek(0),
                    Token::SingleQuotedString(_) | Token::NationalStringLiteral(_)
                );
                mark = Some(described.then(|| self.operand()).transpose()?);
            }
            self.run(line, Statement::BeginTransaction { name, mark });
            return Ok(());
        }
        if self.is_word("TRY") {
            self.parser.advance_token();
            let begin = self.here();
            self.skip_semicolons();
            if self.is_word("END") {
                self.parser.advance_token();
            } else {
                self.block()?;
            }
            self.expect_word("TRY")?;
            let end = self.here();
            let over = self.emit(line, Action::Nothing);
            self.skip_semicolons();
            self.expect_word("BEGIN")?;
            self.expect_word("CATCH")?;
            let catch_begin = self.here();
            self.skip_semicolons();
            if self.is_word("END") {
                self.parser.advance_token();
            } else {
                self.block()?;
            }
            self.expect_word("CATCH")?;
            let catch_end = self.here();
            self.point(over, catch_end);
            self.program.regions.push(TryRegion {
                begin,
                end,
                catch_begin,
                catch_end,
            });
            return Ok(());
        }
        self.block()
    }

    /// Makes the step a jump to `target`.
    fn point(&mut self, step: usize, target: usize) {
        if let Some(step) = self.program.steps.get_mut(step) {
            match &mut step.action {
                Action::JumpUnless { target: held, .. } => *held = target,
                action => *action = Action::Jump(target),
            }
        }
    }

    fn condition(&mut self, line: u32) -> Parsed<usize> {
        let condition = Arc::new(self.expression()?);
        Ok(self.emit(
            line,
            Action::JumpUnless {
                condition,
                target: 0,
            },
        ))
    }

    fn if_statement(&mut self, line: u32) -> Parsed<()> {
        self.parser.advance_token();
        let unless = self.condition(line)?;
        self.statement()?;
        let mut ahead = 0;
        while matches!(self.peek(ahead), Token::SemiColon) {
            ahead += 1;
        }
        if ahead <= 1 && self.is_word_at(ahead, "ELSE") {
            self.skip_semicolons();
            self.parser.advance_token();
            let over = self.emit(line, Action::Nothing);
            let otherwise = self.here();
            self.point(unless, otherwise);
            self.statement()?;
            let end = self.here();
            self.point(over, end);
        } else {
            let end = self.here();
            self.point(unless, end);
        }
        Ok(())
    }

    fn while_statement(&mut self, line: u32) -> Parsed<()> {
        self.parser.advance_token();
        let begin = self.here();
        let unless = self.condition(line)?;
        self.loops.push(Loop {
            begin,
            breaks: Vec::new(),
        });
        let body = self.statement();
        let finished = self.loops.pop();
        body?;
        self.emit(line, Action::Jump(begin));
        let end = self.here();
        self.point(unless, end);
        for step in finished.map(|l| l.breaks).unwrap_or_default() {
            self.point(step, end);
        }
        Ok(())
    }

    fn leave_loop(&mut self, line: u32, word: &str) -> Parsed<()> {
        self.parser.advance_token();
        let Some(begin) = self.loops.last().map(|l| l.begin) else {
            let (number, text) = if word == "BREAK" {
                (
                    135,
                    "Cannot use a BREAK statement outside the scope of a WHILE statement.",
                )
            } else {
                (
                    136,
                    "Cannot use a CONTINUE statement outside the scope of a WHILE statement.",
                )
            };
            let mut message = Message::error(number, text).with_class(15);
            message.line = line;
            return Err(message);
        };
        if word == "CONTINUE" {
            self.emit(line, Action::Jump(begin));
        } else {
            let step = self.emit(line, Action::Nothing);
            if let Some(open) = self.loops.last_mut() {
                open.breaks.push(step);
            }
        }
        Ok(())
    }

    fn return_statement(&mut self, line: u32) -> Parsed<()> {
        self.parser.advance_token();
        let has_value = match self.peek(0) {
            Token::Number(..)
            | Token::Minus
            | Token::SingleQuotedString(_)
            | Token::NationalStringLiteral(_) => true,
            Token::Word(w) => w.quote_style.is_none() && w.value.starts_with('@'),
            _ => false,
        };
        if has_value {
            let mut message = Message::error(
                178,
                "A RETURN statement with a return value cannot be used in this context.",
            )
            .with_class(15);
            message.line = line;
            return Err(message);
        }
        self.emit(line, Action::Return);
        Ok(())
    }

    fn label(&mut self, word: &str) -> Parsed<()> {
        let line = self.line();
        self.parser.advance_token();
        self.parser.advance_token();
        let at = self.here();
        if self.labels.insert(word.to_lowercase(), at).is_some() {
            let mut message = Message::error(
                132,
                format!(
                    "The label '{word}' has already been declared. \
                     Label names must be unique within a query batch or stored procedure."
                ),
            )
            .with_class(15);
            message.line = line;
            return Err(message);
        }
        Ok(())
    }

    pub(super) fn resolve_jumps(&mut self) -> Parsed<()> {
        for LabelJump { step, label, line } in std::mem::take(&mut self.jumps) {
            let Some(target) = self.labels.get(&label).copied() else {
                let mut message = Message::error(
                    133,
                    format!(
                        "A GOTO statement references the label '{label}' but the label has not been declared."
                    ),
                )
                .with_class(15);
                message.line = line;
                return Err(message);
            };
            self.point(step, target);
        }
        Ok(())
    }

    fn transaction_name(&mut self) -> Parsed<Option<Operand>> {
        if self.take_word("WORK") {
            return Ok(None);
        }
        if !self.take_word("TRAN") && !self.take_word("TRANSACTION") {
            return Ok(None);
        }
        match self.peek(0) {
            Token::Word(w) if w.quote_style.is_some() || !super::is_reserved(&w.value) => {
                // A word at the beginning of the next statement is not a name.
                if w.quote_style.is_none()
                    && ["THROW", "BACKUP"]
                        .iter()
                        .any(|k| w.value.eq_ignore_ascii_case(k))
                {
                    return Ok(None);
                }
                Ok(Some(self.operand()?))
            }
            _ => Ok(None),
        }
    }

    fn raise_error(&mut self) -> Parsed<Statement> {
        self.parser.advance_token();
        self.expect(&Token::LParen)?;
        let mut arguments = vec![self.expression()?];
        while self.take(&Token::Comma) {
            arguments.push(self.expression()?);
        }
        if arguments.len() < 3 {
            return Err(self.unexpected());
        }
        self.expect(&Token::RParen)?;
        let mut options = Vec::new();
        if self.take_word("WITH") {
            options.push(self.any_word()?);
            while self.take(&Token::Comma) {
                options.push(self.any_word()?);
            }
        }
        let rest = arguments.split_off(3);
        let mut three = arguments.into_iter();
        match (three.next(), three.next(), three.next()) {
            (Some(message), Some(severity), Some(state)) => {
                Ok(Statement::RaiseError(Box::new(RaiseError {
                    message,
                    severity,
                    state,
                    arguments: rest,
                    options,
                })))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn throw(&mut self) -> Parsed<Statement> {
        self.parser.advance_token();
        if !self.is_variable()
            && !matches!(
                self.peek(0),
                Token::Number(..) | Token::SingleQuotedString(_) | Token::NationalStringLiteral(_)
            )
        {
            return Ok(Statement::Throw(None));
        }
        let number = self.simple_expression()?;
        self.expect(&Token::Comma)?;
        let message = self.simple_expression()?;
        self.expect(&Token::Comma)?;
        let state = self.simple_expression()?;
        Ok(Statement::Throw(Some(Box::new((number, message, state)))))
    }

    fn wait_for(&mut self) -> Parsed<Statement> {
        self.parser.advance_token();
        let until = if self.take_word("TIME") {
            true
        } else {
            self.expect_word("DELAY")?;
            false
        };
        let value = self.simple_expression()?;
        Ok(Statement::WaitFor { until, value })
    }
}
