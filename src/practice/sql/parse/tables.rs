//! CREATE, ALTER and DROP of tables, indices and schemas.

use super::{BatchParser, Parsed};
use crate::practice::reply::Message;
use crate::practice::sql::statement::{
    ColumnDefinition, ConstraintDefinition, ConstraintKind, IndexDefinition, KeyColumn, ObjectPath,
    Operand, Referential, Statement, TableChange, TableDefinition,
};
use sqlparser::tokenizer::Token;

impl BatchParser<'_> {
    /// CREATE, ALTER or DROP of anything.
    pub(super) fn definition(&mut self, word: &str) -> Parsed<Statement> {
        self.parser.advance_token();
        let what = self.upper_word().unwrap_or_default();
        match (word, what.as_str()) {
            ("CREATE", "TABLE") => {
                self.parser.advance_token();
                let path = self.object_path()?;
                Ok(Statement::CreateTable(self.table_definition(path)?))
            }
            ("CREATE", "DATABASE") => {
                self.parser.advance_token();
                self.create_database()
            }
            ("CREATE", "SCHEMA") => {
                self.parser.advance_token();
                let name = self.name()?;
                if self.take_word("AUTHORIZATION") {
                    self.name()?;
                }
                Ok(Statement::CreateSchema(name))
            }
            ("CREATE", "UNIQUE" | "CLUSTERED" | "NONCLUSTERED" | "INDEX") => self.create_index(),
            ("CREATE", "MASTER") => self.create_master_key(),
            ("CREATE", "CERTIFICATE") => self.create_certificate(),
            ("DROP", "MASTER") => self.drop_master_key(),
            ("DROP", "CERTIFICATE") => self.drop_certificate(),
            ("ALTER", "DATABASE") => {
                self.parser.advance_token();
                self.alter_database()
            }
            ("ALTER", "TABLE") => {
                self.parser.advance_token();
                let table = self.object_path()?;
                let change = self.table_change()?;
                Ok(Statement::AlterTable { table, change })
            }
            ("DROP", "TABLE") => {
                self.parser.advance_token();
                let if_exists = self.take_words(&["IF", "EXISTS"]);
                let mut tables = vec![self.object_path()?];
                while self.take(&Token::Comma) {
                    tables.push(self.object_path()?);
                }
                Ok(Statement::DropTable { tables, if_exists })
            }
            ("DROP", "DATABASE") => {
                self.parser.advance_token();
                self.drop_database()
            }
            ("DROP", "SCHEMA") => {
                self.parser.advance_token();
                let if_exists = self.take_words(&["IF", "EXISTS"]);
                Ok(Statement::DropSchema {
                    name: self.name()?,
                    if_exists,
                })
            }
            ("DROP", "INDEX") => {
                self.parser.advance_token();
                let if_exists = self.take_words(&["IF", "EXISTS"]);
                let name = self.name()?;
                self.expect_word("ON")?;
                Ok(Statement::DropIndex {
                    table: self.object_path()?,
                    name,
                    if_exists,
                })
            }
            (
                "CREATE" | "ALTER",
                "PROC" | "PROCEDURE" | "FUNCTION" | "TRIGGER" | "VIEW" | "OR" | "LOGIN" | "USER"
                | "ROLE" | "TYPE" | "SEQUENCE" | "SYNONYM",
            ) => {
                let line = self.line();
                let mut message = Message::error(
                    40510,
                    format!(
                        "Statement '{word} {what}' is not supported in this version of SQL Server."
                    ),
                );
                message.line = line;
                Err(message)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// The parenthesised list of CREATE TABLE and `DECLARE @t TABLE`.
    pub(super) fn table_definition(&mut self, path: ObjectPath) -> Parsed<TableDefinition> {
        let mut table = TableDefinition {
            path,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
        };
        self.expect(&Token::LParen)?;
        loop {
            if matches!(self.peek(0), Token::RParen) && !table.columns.is_empty() {
                break;
            }
            if self.is_word("INDEX") {
                self.parser.advance_token();
                let name = self.name()?;
                let index = self.index_tail(name)?;
                table.indexes.push(index);
            } else if self.begins_constraint() {
                let constraint = self.table_constraint()?;
                table.constraints.push(constraint);
            } else {
                let column = self.column(&mut table.constraints)?;
                table.columns.push(column);
            }
            if !self.take(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::RParen)?;
        self.storage_clauses()?;
        Ok(table)
    }

    /// `ON filegroup`, `TEXTIMAGE_ON filegroup`, `WITH (…)`.
    fn storage_clauses(&mut self) -> Parsed<()> {
        loop {
            if self.is_word("ON") || self.is_word("TEXTIMAGE_ON") {
                self.parser.advance_token();
                self.any_name()?;
            } else if self.is_word("WITH") && matches!(self.peek(1), Token::LParen) {
                self.parser.advance_token();
                self.skip_parentheses()?;
            } else if self.is_words(&["WITH", "FILLFACTOR"]) {
                self.parser.advance_token();
                self.parser.advance_token();
                self.expect(&Token::Eq)?;
                self.operand()?;
            } else {
                return Ok(());
            }
        }
    }

    /// A name even if it is reserved: `ON PRIMARY` is written with and without brackets.
    fn any_name(&mut self) -> Parsed<String> {
        match self.peek(0) {
            Token::Word(w) => {
                let name = w.value.clone();
                self.parser.advance_token();
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn begins_constraint(&self) -> bool {
        ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]
            .iter()
            .any(|word| self.is_word(word))
    }

    fn table_constraint(&mut self) -> Parsed<ConstraintDefinition> {
        let name = if self.take_word("CONSTRAINT") {
            Some(self.name()?)
        } else {
            None
        };
        let kind = if self.is_word("PRIMARY") || self.is_word("UNIQUE") {
            let (primary, clustered) = self.key_words()?;
            let columns = self.key_columns()?;
            self.storage_clauses()?;
            ConstraintKind::Key {
                primary,
                clustered,
                columns,
            }
        } else if self.take_word("FOREIGN") {
            self.expect_word("KEY")?;
            let columns = self.column_list()?;
            self.references(columns)?
        } else if self.take_word("CHECK") {
            self.check()?
        } else if self.take_word("DEFAULT") {
            let definition = self.default_text()?;
            self.expect_word("FOR")?;
            ConstraintKind::Default {
                column: self.name()?,
                definition,
            }
        } else {
            return Err(self.unexpected());
        };
        Ok(ConstraintDefinition { name, kind })
    }

    fn key_words(&mut self) -> Parsed<(bool, Option<bool>)> {
        let primary = self.take_word("PRIMARY");
        if primary {
            self.expect_word("KEY")?;
        } else {
            self.expect_word("UNIQUE")?;
        }
        let clustered = if self.take_word("CLUSTERED") {
            Some(true)
        } else if self.take_word("NONCLUSTERED") {
            Some(false)
        } else {
            None
        };
        Ok((primary, clustered))
    }

    fn key_columns(&mut self) -> Parsed<Vec<KeyColumn>> {
        self.expect(&Token::LParen)?;
        let mut all = Vec::new();
        loop {
            let name = self.name()?;
            let descending = self.take_word("DESC");
            if !descending {
                self.take_word("ASC");
            }
            all.push(KeyColumn { name, descending });
            if !self.take(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::RParen)?;
        Ok(all)
    }

    fn references(&mut self, columns: Vec<String>) -> Parsed<ConstraintKind> {
        self.expect_word("REFERENCES")?;
        let table = self.object_path()?;
        let referenced = if matches!(self.peek(0), Token::LParen) {
            self.column_list()?
        } else {
            Vec::new()
        };
        let mut on_delete = Referential::NoAction;
        let mut on_update = Referential::NoAction;
        loop {
            if self.take_words(&["ON", "DELETE"]) {
                on_delete = self.referential()?;
            } else if self.take_words(&["ON", "UPDATE"]) {
                on_update = self.referential()?;
            } else {
                break;
            }
        }
        Ok(ConstraintKind::ForeignKey {
            columns,
            table,
            referenced,
            on_delete,
            on_update,
        })
    }

    fn referential(&mut self) -> Parsed<Referential> {
        if self.take_words(&["NO", "ACTION"]) {
            Ok(Referential::NoAction)
        } else if self.take_word("CASCADE") {
            Ok(Referential::Cascade)
        } else if self.take_words(&["SET", "NULL"]) {
            Ok(Referential::SetNull)
        } else if self.take_words(&["SET", "DEFAULT"]) {
            Ok(Referential::SetDefault)
        } else {
            Err(self.unexpected())
        }
    }

    fn check(&mut self) -> Parsed<ConstraintKind> {
        self.expect(&Token::LParen)?;
        let from = self.parser.index();
        self.expression()?;
        let text = self.source_since(from);
        self.expect(&Token::RParen)?;
        Ok(ConstraintKind::Check(text))
    }

    fn default_text(&mut self) -> Parsed<String> {
        let from = self.parser.index();
        self.simple_expression()?;
        Ok(self.source_since(from))
    }

    fn column(&mut self, constraints: &mut Vec<ConstraintDefinition>) -> Parsed<ColumnDefinition> {
        let name = self.name()?;
        let mut column = ColumnDefinition {
            name: name.clone(),
            ty: None,
            nullable: None,
            identity: None,
            default: None,
            computed: None,
        };
        if self.take_word("AS") {
            let from = self.parser.index();
            self.expression()?;
            column.computed = Some(self.source_since(from));
            self.take_word("PERSISTED");
        } else {
            column.ty = Some(self.type_name()?);
        }
        let own = || {
            vec![KeyColumn {
                name: name.clone(),
                descending: false,
            }]
        };
        loop {
            let constraint_name = if self.take_word("CONSTRAINT") {
                Some(self.name()?)
            } else {
                None
            };
            if self.take_word("NULL") {
                column.nullable = Some(true);
            } else if self.take_words(&["NOT", "NULL"]) {
                column.nullable = Some(false);
            } else if self.take_word("IDENTITY") {
                column.identity = Some(self.identity()?);
            } else if self.take_word("DEFAULT") {
                column.default = Some((constraint_name, self.default_text()?));
            } else if self.take_word("COLLATE") {
                self.name()?;
            } else if self.take_word("ROWGUIDCOL") || self.take_word("SPARSE") {
            } else if self.is_word("PRIMARY") || self.is_word("UNIQUE") {
                let (primary, clustered) = self.key_words()?;
                let columns = if matches!(self.peek(0), Token::LParen) {
                    self.key_columns()?
                } else {
                    own()
                };
                self.storage_clauses()?;
                constraints.push(ConstraintDefinition {
                    name: constraint_name,
                    kind: ConstraintKind::Key {
                        primary,
                        clustered,
                        columns,
                    },
                });
            } else if self.take_words(&["FOREIGN", "KEY"]) || self.is_word("REFERENCES") {
                let kind = self.references(vec![name.clone()])?;
                constraints.push(ConstraintDefinition {
                    name: constraint_name,
                    kind,
                });
            } else if self.take_word("CHECK") {
                let kind = self.check()?;
                constraints.push(ConstraintDefinition {
                    name: constraint_name,
                    kind,
                });
            } else if constraint_name.is_some() {
                return Err(self.unexpected());
            } else {
                return Ok(column);
            }
        }
    }

    fn identity(&mut self) -> Parsed<(i64, i64)> {
        if !self.take(&Token::LParen) {
            return Ok((1, 1));
        }
        let seed = self.operand()?;
        self.expect(&Token::Comma)?;
        let increment = self.operand()?;
        self.expect(&Token::RParen)?;
        match (seed, increment) {
            (Operand::Number(seed), Operand::Number(increment)) => Ok((seed, increment)),
            _ => Err(self.unexpected()),
        }
    }

    fn create_index(&mut self) -> Parsed<Statement> {
        let unique = self.take_word("UNIQUE");
        let clustered = self.take_word("CLUSTERED");
        if !clustered {
            self.take_word("NONCLUSTERED");
        }
        self.expect_word("INDEX")?;
        let name = self.name()?;
        self.expect_word("ON")?;
        let table = self.object_path()?;
        let columns = self.key_columns()?;
        if self.take_word("INCLUDE") {
            self.column_list()?;
        }
        if self.is_word("WHERE") {
            return Err(self.unexpected());
        }
        self.storage_clauses()?;
        Ok(Statement::CreateIndex {
            table,
            index: IndexDefinition {
                name,
                unique,
                clustered,
                columns,
            },
        })
    }

    /// After `INDEX name` inside CREATE TABLE.
    fn index_tail(&mut self, name: String) -> Parsed<IndexDefinition> {
        let unique = self.take_word("UNIQUE");
        let clustered = self.take_word("CLUSTERED");
        if !clustered {
            self.take_word("NONCLUSTERED");
        }
        let columns = self.key_columns()?;
        if self.take_word("INCLUDE") {
            self.column_list()?;
        }
        self.storage_clauses()?;
        Ok(IndexDefinition {
            name,
            unique,
            clustered,
            columns,
        })
    }

    fn table_change(&mut self) -> Parsed<TableChange> {
        if self.is_word("WITH") && (self.is_word_at(1, "CHECK") || self.is_word_at(1, "NOCHECK")) {
            self.parser.advance_token();
            self.parser.advance_token();
        }
        if self.take_word("ADD") {
            let mut columns = Vec::new();
            let mut constraints = Vec::new();
            loop {
                if self.begins_constraint() || self.is_word("DEFAULT") {
                    constraints.push(self.table_constraint()?);
                } else {
                    self.take_word("COLUMN");
                    let column = self.column(&mut constraints)?;
                    columns.push(column);
                }
                if !self.take(&Token::Comma) {
                    break;
                }
            }
            return Ok(TableChange::Add {
                columns,
                constraints,
            });
        }
        if self.take_word("DROP") {
            if self.take_word("COLUMN") {
                let if_exists = self.take_words(&["IF", "EXISTS"]);
                return Ok(TableChange::DropColumns {
                    names: self.names()?,
                    if_exists,
                });
            }
            self.take_word("CONSTRAINT");
            let if_exists = self.take_words(&["IF", "EXISTS"]);
            return Ok(TableChange::DropConstraints {
                names: self.names()?,
                if_exists,
            });
        }
        if self.take_words(&["ALTER", "COLUMN"]) {
            let name = self.name()?;
            let ty = self.type_name()?;
            if self.take_word("COLLATE") {
                self.name()?;
            }
            let nullable = if self.take_words(&["NOT", "NULL"]) {
                Some(false)
            } else if self.take_word("NULL") {
                Some(true)
            } else {
                None
            };
            return Ok(TableChange::AlterColumn { name, ty, nullable });
        }
        if self.take_word("CHECK") || self.take_word("NOCHECK") {
            self.expect_word("CONSTRAINT")?;
            if !self.take_word("ALL") {
                self.names()?;
            }
            return Ok(TableChange::Nothing);
        }
        Err(self.unexpected())
    }
}
