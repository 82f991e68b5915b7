//! BACKUP and RESTORE, with names that may still be variables.

use super::{BatchParser, Parsed};
use crate::practice::sql::statement::{
    BackupCommand, BackupWhat, DeviceOperand, Medium, Operand, OptionOperand, RestoreCommand,
    RestoreWhat, Statement, ValueOperand,
};
use sqlparser::tokenizer::Token;

impl BatchParser<'_> {
    pub(super) fn backup(&mut self) -> Parsed<Statement> {
        self.parser.advance_token();
        if self.is_word("CERTIFICATE") {
            return self.back_up_certificate();
        }
        let what = if self.take_word("DATABASE") {
            BackupWhat::Database
        } else if self.take_word("LOG") || self.take_word("TRANSACTION") || self.take_word("TRAN") {
            BackupWhat::Log
        } else {
            return Err(self.unexpected());
        };
        let database = self.database_operand()?;
        let mut options = self.file_options("TO")?;
        self.expect_word("TO")?;
        let devices = self.devices()?;
        let mut mirrors = Vec::new();
        while self.take_words(&["MIRROR", "TO"]) {
            mirrors.push(self.devices()?);
        }
        options.extend(self.with_options()?);
        Ok(Statement::Backup(BackupCommand {
            what,
            database,
            devices,
            mirrors,
            options,
        }))
    }

    pub(super) fn restore(&mut self) -> Parsed<Statement> {
        self.parser.advance_token();
        let word = self.upper_word().unwrap_or_default();
        let what = match word.as_str() {
            "DATABASE" => RestoreWhat::Database,
            "LOG" | "TRANSACTION" | "TRAN" => RestoreWhat::Log,
            "HEADERONLY" => RestoreWhat::HeaderOnly,
            "FILELISTONLY" => RestoreWhat::FileListOnly,
            "LABELONLY" => RestoreWhat::LabelOnly,
            "VERIFYONLY" => RestoreWhat::VerifyOnly,
            _ => return Err(self.unexpected()),
        };
        self.parser.advance_token();
        let mut options = Vec::new();
        let database = if matches!(what, RestoreWhat::Database | RestoreWhat::Log) {
            let name = self.database_operand()?;
            options = self.file_options("FROM")?;
            Some(name)
        } else {
            None
        };
        let devices = if database.is_none() || self.is_word("FROM") {
            self.expect_word("FROM")?;
            self.devices()?
        } else {
            Vec::new()
        };
        options.extend(self.with_options()?);
        Ok(Statement::Restore(RestoreCommand {
            what,
            database,
            devices,
            options,
        }))
    }

    fn database_operand(&mut self) -> Parsed<Operand> {
        if self.is_variable() {
            return Ok(Operand::Variable(self.variable()?));
        }
        Ok(Operand::Word(self.name()?))
    }

    /// `FILE = …`, `FILEGROUP = …`, `PAGE = …`, `READ_WRITE_FILEGROUPS` between the name and TO or FROM.
    ///
    /// They go in front of the options; `LOGICAL FILE` keeps the first apart from `WITH FILE = n`.
    fn file_options(&mut self, until: &str) -> Parsed<Vec<OptionOperand>> {
        let mut all = Vec::new();
        while ["FILE", "FILEGROUP", "PAGE", "READ_WRITE_FILEGROUPS"]
            .iter()
            .any(|word| self.is_word(word))
        {
            let word = self.any_word()?;
            let value = if self.take(&Token::Eq) {
                ValueOperand::One(self.operand()?)
            } else {
                ValueOperand::None
            };
            let name = if word == "FILE" {
                "LOGICAL FILE".to_owned()
            } else {
                word
            };
            all.push(OptionOperand { name, value });
            if !self.take(&Token::Comma) {
                break;
            }
        }
        if !all.is_empty() && !self.is_word(until) && until == "TO" {
            return Err(self.unexpected());
        }
        Ok(all)
    }

    fn devices(&mut self) -> Parsed<Vec<DeviceOperand>> {
        let mut all = vec![self.device()?];
        while self.take(&Token::Comma) {
            all.push(self.device()?);
        }
        Ok(all)
    }

    fn device(&mut self) -> Parsed<DeviceOperand> {
        let medium = match self.upper_word().as_deref() {
            Some("DISK") => Medium::Disk,
            Some("URL") if matches!(self.peek(1), Token::Eq) => Medium::Url,
            Some("TAPE") if matches!(self.peek(1), Token::Eq) => Medium::Tape,
            _ => {
                return Ok(DeviceOperand {
                    medium: Medium::Logical,
                    name: self.database_operand()?,
                });
            }
        };
        self.parser.advance_token();
        self.expect(&Token::Eq)?;
        let name = self.operand()?;
        if matches!(name, Operand::Word(_) | Operand::Number(_)) {
            self.parser.prev_token();
            return Err(self.unexpected());
        }
        Ok(DeviceOperand { medium, name })
    }

    fn with_options(&mut self) -> Parsed<Vec<OptionOperand>> {
        let mut all = Vec::new();
        if !self.take_word("WITH") {
            return Ok(all);
        }
        loop {
            let first = self.option()?;
            all.push(first);
            // STOPATMARK = 'm' AFTER 'date'
            if self.take_word("AFTER") {
                all.push(OptionOperand {
                    name: "AFTER".to_owned(),
                    value: ValueOperand::One(self.operand()?),
                });
            }
            if !self.take(&Token::Comma) {
                return Ok(all);
            }
        }
    }

    /// `NAME`, `NAME = value`, `NAME (list)` or `MOVE 'a' TO 'b'`.
    pub(super) fn option(&mut self) -> Parsed<OptionOperand> {
        let mut name = self.any_word()?;
        if name == "MOVE" {
            let logical = self.operand()?;
            self.expect_word("TO")?;
            let to = self.operand()?;
            return Ok(OptionOperand {
                name,
                value: ValueOperand::Move { logical, to },
            });
        }
        // SERVER CERTIFICATE = c, SERVER ASYMMETRIC KEY = k
        while matches!(self.peek(0), Token::Word(_)) && name.starts_with("SERVER") {
            name.push(' ');
            name.push_str(&self.any_word()?);
        }
        let value = if self.take(&Token::Eq) {
            ValueOperand::One(self.operand()?)
        } else if self.take(&Token::LParen) {
            let mut list = vec![self.option()?];
            while self.take(&Token::Comma) {
                list.push(self.option()?);
            }
            self.expect(&Token::RParen)?;
            ValueOperand::List(list)
        } else {
            ValueOperand::None
        };
        Ok(OptionOperand { name, value })
    }
}
