//! Master keys and certificates: CREATE, BACKUP and DROP.

use super::{BatchParser, Parsed};
use crate::practice::{
    engine::certificates::KeyFile,
    sql::statement::{CertificateSource, KeyStatement, Operand, Statement},
};
use sqlparser::tokenizer::Token;

impl BatchParser<'_> {
    /// At `MASTER KEY` after CREATE.
    pub(super) fn create_master_key(&mut self) -> Parsed<Statement> {
        self.master_key()?;
        if self.take_words(&["ENCRYPTION", "BY", "PASSWORD"]) {
            self.text_after_equals()?;
        }
        Ok(Statement::Keys(KeyStatement::CreateMasterKey))
    }

    /// At `MASTER KEY` after DROP.
    pub(super) fn drop_master_key(&mut self) -> Parsed<Statement> {
        self.master_key()?;
        Ok(Statement::Keys(KeyStatement::DropMasterKey))
    }

    fn master_key(&mut self) -> Parsed<()> {
        self.expect_word("MASTER")?;
        self.expect_word("KEY")
    }

    /// At `CERTIFICATE` after CREATE.
    pub(super) fn create_certificate(&mut self) -> Parsed<Statement> {
        self.expect_word("CERTIFICATE")?;
        let name = self.name()?;
        if self.take_word("AUTHORIZATION") {
            self.name()?;
        }
        let source = if self.take_words(&["FROM", "FILE"]) {
            CertificateSource::File {
                path: self.text_after_equals()?,
                key: self.private_key("DECRYPTION")?,
            }
        } else {
            self.new_certificate()?
        };
        Ok(Statement::Keys(KeyStatement::CreateCertificate {
            name,
            source,
        }))
    }

    fn new_certificate(&mut self) -> Parsed<CertificateSource> {
        let needs_password = self.take_words(&["ENCRYPTION", "BY", "PASSWORD"]);
        if needs_password {
            self.text_after_equals()?;
        }
        self.expect_word("WITH")?;
        let (mut subject, mut start, mut expiry) = (None, None, None);
        loop {
            let option = self.any_word()?;
            let value = self.text_after_equals()?;
            match option.as_str() {
                "SUBJECT" => subject = Some(value),
                "START_DATE" => start = Some(value),
                "EXPIRY_DATE" => expiry = Some(value),
                _ => return Err(self.unexpected()),
            }
            if !self.take(&Token::Comma) {
                break;
            }
        }
        let subject = subject.ok_or_else(|| self.unexpected())?;
        Ok(CertificateSource::New {
            subject,
            start,
            expiry,
            needs_password,
        })
    }

    /// At `CERTIFICATE` after BACKUP.
    pub(super) fn back_up_certificate(&mut self) -> Parsed<Statement> {
        self.expect_word("CERTIFICATE")?;
        let name = self.name()?;
        self.expect_word("TO")?;
        self.expect_word("FILE")?;
        let file = self.text_after_equals()?;
        let key = self.private_key("ENCRYPTION")?;
        Ok(Statement::Keys(KeyStatement::BackUpCertificate {
            name,
            file,
            key,
        }))
    }

    /// At `CERTIFICATE` after DROP.
    pub(super) fn drop_certificate(&mut self) -> Parsed<Statement> {
        self.expect_word("CERTIFICATE")?;
        let name = self.name()?;
        Ok(Statement::Keys(KeyStatement::DropCertificate(name)))
    }

    /// `WITH PRIVATE KEY (FILE = …, DECRYPTION BY PASSWORD = …, ENCRYPTION BY PASSWORD = …)`: `seal` says which
    /// password is the file's; the other one is the server's.
    fn private_key(&mut self, seal: &str) -> Parsed<Option<KeyFile>> {
        if !self.take_words(&["WITH", "PRIVATE", "KEY"]) {
            return Ok(None);
        }
        self.expect(&Token::LParen)?;
        let (mut path, mut password) = (None, None);
        loop {
            let word = self.any_word()?;
            if word == "FILE" {
                path = Some(self.text_after_equals()?);
            } else {
                if !self.take_words(&["BY", "PASSWORD"]) {
                    return Err(self.unexpected());
                }
                let text = self.text_after_equals()?;
                if word == seal {
                    password = Some(text);
                }
            }
            if !self.take(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::RParen)?;
        match path.zip(password) {
            Some((path, password)) => Ok(Some(KeyFile { path, password })),
            None => Err(self.unexpected()),
        }
    }

    fn text_after_equals(&mut self) -> Parsed<String> {
        self.expect(&Token::Eq)?;
        match self.operand()? {
            Operand::Text(text) => Ok(text),
            _ => Err(self.unexpected()),
        }
    }
}
