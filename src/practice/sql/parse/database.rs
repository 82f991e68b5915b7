//! CREATE, ALTER and DROP DATABASE, and DBCC.

use super::{BatchParser, Parsed};
use crate::practice::sql::statement::{
    AlterDatabase, CreateDatabase, DatabaseChange, FileSpecification, Operand, OptionOperand,
    OptionValue, Statement, Termination, ValueOperand, WithOption,
};
use sqlparser::tokenizer::Token;

impl BatchParser<'_> {
    /// After `CREATE DATABASE`.
    pub(super) fn create_database(&mut self) -> Parsed<Statement> {
        let name = self.name()?;
        let mut files = Vec::new();
        if self.take_words(&["CONTAINMENT"]) {
            self.expect(&Token::Eq)?;
            self.any_word()?;
        }
        if self.take_word("ON") {
            self.take_word("PRIMARY");
            if matches!(self.peek(0), Token::LParen) {
                self.files(false, &mut files)?;
            }
        }
        if self.take_words(&["LOG", "ON"]) {
            self.files(true, &mut files)?;
        }
        let collation = if self.take_word("COLLATE") {
            Some(self.name()?)
        } else {
            None
        };
        if self.take_word("WITH") {
            self.option()?;
            while self.take(&Token::Comma) {
                self.option()?;
            }
        }
        Ok(Statement::CreateDatabase(CreateDatabase {
            name,
            files,
            collation,
        }))
    }

    fn files(&mut self, log: bool, all: &mut Vec<FileSpecification>) -> Parsed<()> {
        loop {
            if self.take_word("FILEGROUP") {
                self.name()?;
            }
            all.push(self.file(log)?);
            if !self.take(&Token::Comma) {
                return Ok(());
            }
        }
    }

    fn file(&mut self, log: bool) -> Parsed<FileSpecification> {
        self.expect(&Token::LParen)?;
        let mut file = FileSpecification {
            logical_name: String::new(),
            path: None,
            log,
            size_kib: None,
        };
        loop {
            let option = self.any_word()?;
            self.expect(&Token::Eq)?;
            let value = self.operand()?;
            match (option.as_str(), value) {
                ("NAME", Operand::Word(text) | Operand::Text(text)) => file.logical_name = text,
                ("FILENAME", Operand::Text(text)) => file.path = Some(text),
                ("SIZE", Operand::Number(n)) => {
                    let unit = match self.upper_word().as_deref() {
                        Some("KB") => Some(1),
                        Some("MB") => Some(1024),
                        Some("GB") => Some(1024 * 1024),
                        _ => None,
                    };
                    if unit.is_some() {
                        self.parser.advance_token();
                    }
                    file.size_kib = n.checked_mul(unit.unwrap_or(1024));
                }
                ("MAXSIZE" | "FILEGROWTH", _) => {
                    if matches!(self.peek(0), Token::Word(_) | Token::Mod) {
                        self.parser.advance_token();
                    }
                }
                _ => return Err(self.unexpected()),
            }
            if !self.take(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::RParen)?;
        Ok(file)
    }

    /// After `DROP DATABASE`.
    pub(super) fn drop_database(&mut self) -> Parsed<Statement> {
        let if_exists = self.take_words(&["IF", "EXISTS"]);
        Ok(Statement::DropDatabase {
            names: self.names()?,
            if_exists,
        })
    }

    /// After `ALTER DATABASE`.
    pub(super) fn alter_database(&mut self) -> Parsed<Statement> {
        let database = if self.take_word("CURRENT") {
            None
        } else {
            Some(self.name()?)
        };
        let mut termination = Termination::Wait;
        let change = if self.take_word("MODIFY") {
            if self.take_word("NAME") {
                self.expect(&Token::Eq)?;
                DatabaseChange::Rename(self.name()?)
            } else {
                self.expect_word("FILE")?;
                self.expect(&Token::LParen)?;
                let mut all = vec![self.literal_option()?];
                while self.take(&Token::Comma) {
                    all.push(self.literal_option()?);
                }
                self.expect(&Token::RParen)?;
                DatabaseChange::ModifyFile(all)
            }
        } else if self.take_word("COLLATE") {
            DatabaseChange::Collate(self.name()?)
        } else {
            self.expect_word("SET")?;
            let mut all = vec![self.database_setting()?];
            while self.take(&Token::Comma) {
                all.push(self.database_setting()?);
            }
            if self.take_word("WITH") {
                termination = self.termination()?;
            }
            DatabaseChange::Set(all)
        };
        Ok(Statement::AlterDatabase(AlterDatabase {
            database,
            change,
            termination,
        }))
    }

    fn termination(&mut self) -> Parsed<Termination> {
        if self.take_word("NO_WAIT") {
            return Ok(Termination::NoWait);
        }
        self.expect_word("ROLLBACK")?;
        if self.take_word("IMMEDIATE") {
            return Ok(Termination::RollbackImmediate);
        }
        self.expect_word("AFTER")?;
        let Operand::Number(seconds) = self.operand()? else {
            return Err(self.unexpected());
        };
        self.take_word("SECONDS");
        self.take_word("SECOND");
        Ok(Termination::RollbackAfterSeconds(seconds))
    }

    /// `RECOVERY FULL`, `SINGLE_USER`, `COMPATIBILITY_LEVEL = 160`, `QUERY_STORE = OFF`, `QUERY_STORE (…)`.
    fn database_setting(&mut self) -> Parsed<WithOption> {
        let name = self.any_word()?;
        let value = if self.take(&Token::Eq) {
            let value = literal(&self.operand()?);
            if matches!(self.peek(0), Token::LParen) {
                self.skip_parentheses()?;
            }
            value
        } else if matches!(self.peek(0), Token::LParen) {
            self.skip_parentheses()?;
            OptionValue::None
        } else if matches!(self.peek(0), Token::Word(w) if w.quote_style.is_none())
            && !self.is_word("WITH")
            && takes_word(&name)
        {
            OptionValue::Word(self.any_word()?)
        } else {
            OptionValue::None
        };
        Ok(WithOption { name, value })
    }

    fn literal_option(&mut self) -> Parsed<WithOption> {
        let OptionOperand { name, value } = self.option()?;
        let value = match value {
            ValueOperand::One(operand) => literal(&operand),
            _ => OptionValue::None,
        };
        // SIZE = 10MB
        if matches!(self.peek(0), Token::Word(_) | Token::Mod) {
            self.parser.advance_token();
        }
        Ok(WithOption { name, value })
    }

    pub(super) fn dbcc(&mut self) -> Parsed<Statement> {
        self.parser.advance_token();
        let command = self.any_word()?;
        let mut arguments = Vec::new();
        if self.take(&Token::LParen) && !self.take(&Token::RParen) {
            arguments.push(self.operand()?);
            while self.take(&Token::Comma) {
                arguments.push(self.operand()?);
            }
            self.expect(&Token::RParen)?;
        }
        let mut options = Vec::new();
        if self.take_word("WITH") {
            options.push(self.any_word()?);
            while self.take(&Token::Comma) {
                options.push(self.any_word()?);
            }
        }
        Ok(Statement::Dbcc {
            command,
            arguments,
            options,
        })
    }
}

/// Settings that are followed by a word; the others stand alone (`SINGLE_USER`, `ONLINE`).
fn takes_word(name: &str) -> bool {
    !matches!(
        name,
        "SINGLE_USER"
            | "RESTRICTED_USER"
            | "MULTI_USER"
            | "ONLINE"
            | "OFFLINE"
            | "EMERGENCY"
            | "READ_ONLY"
            | "READ_WRITE"
            | "ENABLE_BROKER"
            | "DISABLE_BROKER"
            | "NEW_BROKER"
    )
}

fn literal(operand: &Operand) -> OptionValue {
    match operand {
        Operand::Word(text) => OptionValue::Word(text.clone()),
        Operand::Text(text) => OptionValue::Text(text.clone()),
        Operand::Number(n) => OptionValue::Number(*n),
        Operand::Variable(name) => OptionValue::Word(name.clone()),
    }
}
