//! INSERT, UPDATE, DELETE, MERGE and TRUNCATE.

use super::set::combined;
use super::{BatchParser, Parsed, quoted};
use crate::practice::sql::statement::{
    Assignment, Delete, Insert, InsertSource, Matching, Merge, MergeAction, MergeClause, Output,
    Statement, Top, Update,
};
use sqlparser::ast::{Expr, TableWithJoins, With};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

impl BatchParser<'_> {
    /// A data change, or a query after `WITH name AS (…)`.
    pub(super) fn change(&mut self, word: &str) -> Parsed<Statement> {
        let mut with = None;
        let mut word = word.to_owned();
        if word == "WITH" {
            let with_token = self.parser.next_token();
            let cte_tables = self
                .parser
                .parse_comma_separated(Parser::parse_cte)
                .map_err(|error| self.parser_error(&error))?;
            with = Some(With {
                with_token: with_token.into(),
                recursive: false,
                cte_tables,
            });
            word = self.upper_word().unwrap_or_default();
        }
        match word.as_str() {
            "INSERT" => Ok(Statement::Insert(Box::new(self.insert(with)?))),
            "UPDATE" => Ok(Statement::Update(Box::new(self.update(with)?))),
            "DELETE" => Ok(Statement::Delete(Box::new(self.delete(with)?))),
            "MERGE" => Ok(Statement::Merge(Box::new(self.merge(with)?))),
            "TRUNCATE" => {
                self.parser.advance_token();
                self.expect_word("TABLE")?;
                Ok(Statement::Truncate(self.object_path()?))
            }
            "SELECT" => {
                let mut statement = self.query_statement()?;
                if let Statement::Query(query) | Statement::SelectInto { query, .. } =
                    &mut statement
                {
                    query.with = with;
                }
                Ok(statement)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn top(&mut self) -> Parsed<Option<Top>> {
        if !self.take_word("TOP") {
            return Ok(None);
        }
        let quantity = if self.take(&Token::LParen) {
            let quantity = self.expression()?;
            self.expect(&Token::RParen)?;
            quantity
        } else {
            self.simple_expression()?
        };
        let percent = self.take_word("PERCENT");
        Ok(Some(Top { quantity, percent }))
    }

    fn skip_table_hints(&mut self) -> Parsed<()> {
        if self.is_word("WITH") && matches!(self.peek(1), Token::LParen) {
            self.parser.advance_token();
            self.skip_parentheses()?;
        }
        Ok(())
    }

    fn output(&mut self) -> Parsed<Option<Output>> {
        if !self.take_word("OUTPUT") {
            return Ok(None);
        }
        let items = self
            .parser
            .parse_comma_separated(Parser::parse_select_item)
            .map_err(|error| self.parser_error(&error))?;
        let into = if self.take_word("INTO") {
            let table = self.object_path()?;
            let columns = if matches!(self.peek(0), Token::LParen) {
                self.column_list()?
            } else {
                Vec::new()
            };
            Some((table, columns))
        } else {
            None
        };
        Ok(Some(Output { items, into }))
    }

    /// `None` is DEFAULT.
    fn value_or_default(&mut self) -> Parsed<Option<Expr>> {
        if self.take_word("DEFAULT") {
            return Ok(None);
        }
        self.expression().map(Some)
    }

    fn values(&mut self) -> Parsed<Vec<Option<Expr>>> {
        self.expect(&Token::LParen)?;
        let mut row = vec![self.value_or_default()?];
        while self.take(&Token::Comma) {
            row.push(self.value_or_default()?);
        }
        self.expect(&Token::RParen)?;
        Ok(row)
    }

    fn insert(&mut self, with: Option<With>) -> Parsed<Insert> {
        self.parser.advance_token();
        let top = self.top()?;
        self.take_word("INTO");
        let table = self.object_path()?;
        self.skip_table_hints()?;
        let columns = if matches!(self.peek(0), Token::LParen) && !self.is_word_at(1, "SELECT") {
            self.column_list()?
        } else {
            Vec::new()
        };
        let output = self.output()?;
        let source = if self.take_words(&["DEFAULT", "VALUES"]) {
            InsertSource::DefaultValues
        } else if self.take_word("VALUES") {
            let mut rows = vec![self.values()?];
            while self.take(&Token::Comma) {
                rows.push(self.values()?);
            }
            InsertSource::Values(rows)
        } else if self.take_word("EXEC") || self.take_word("EXECUTE") {
            InsertSource::Execute(Box::new(self.execute()?))
        } else if self.is_word("SELECT") || self.is_word("WITH") || self.peek(0) == &Token::LParen {
            InsertSource::Query(self.query()?)
        } else {
            return Err(self.unexpected());
        };
        Ok(Insert {
            with,
            top,
            table,
            columns,
            output,
            source,
        })
    }

    fn tables_after_from(&mut self) -> Parsed<Vec<TableWithJoins>> {
        if !self.take_word("FROM") {
            return Ok(Vec::new());
        }
        self.parser
            .parse_comma_separated(Parser::parse_table_and_joins)
            .map_err(|error| self.parser_error(&error))
    }

    fn where_clause(&mut self) -> Parsed<Option<Expr>> {
        if self.take_word("WHERE") {
            return self.expression().map(Some);
        }
        Ok(None)
    }

    fn assignments(&mut self) -> Parsed<Vec<Assignment>> {
        let mut all = Vec::new();
        loop {
            let mut variable = None;
            let mut column = None;
            if self.is_variable() {
                variable = Some(self.variable()?);
            } else {
                column = Some(self.object_path()?.name);
            }
            let mut operator = self.assignment_operator()?;
            if variable.is_some()
                && operator.is_none()
                && matches!(self.peek(0), Token::Word(_))
                && matches!(self.peek(1), Token::Eq)
            {
                // SET @v = column = expression
                column = Some(self.name()?);
                operator = self.assignment_operator()?;
            }
            let target = match (&column, &variable) {
                (Some(name), _) => Expr::Identifier(quoted(name)),
                (None, Some(name)) => Expr::Identifier(quoted(name)),
                (None, None) => return Err(self.unexpected()),
            };
            let value = self
                .value_or_default()?
                .map(|value| combined(operator, target, value));
            all.push(Assignment {
                column,
                variable,
                value,
            });
            if !self.take(&Token::Comma) {
                return Ok(all);
            }
        }
    }

    fn update(&mut self, with: Option<With>) -> Parsed<Update> {
        self.parser.advance_token();
        let top = self.top()?;
        let target = self.object_path()?;
        self.skip_table_hints()?;
        self.expect_word("SET")?;
        let assignments = self.assignments()?;
        let output = self.output()?;
        let from = self.tables_after_from()?;
        let selection = self.where_clause()?;
        self.skip_query_options()?;
        Ok(Update {
            with,
            top,
            target,
            assignments,
            output,
            from,
            selection,
        })
    }

    fn delete(&mut self, with: Option<With>) -> Parsed<Delete> {
        self.parser.advance_token();
        let top = self.top()?;
        self.take_word("FROM");
        let target = self.object_path()?;
        self.skip_table_hints()?;
        let output = self.output()?;
        let from = self.tables_after_from()?;
        let selection = self.where_clause()?;
        self.skip_query_options()?;
        Ok(Delete {
            with,
            top,
            target,
            output,
            from,
            selection,
        })
    }

    fn merge(&mut self, with: Option<With>) -> Parsed<Merge> {
        self.parser.advance_token();
        let top = self.top()?;
        self.take_word("INTO");
        let target = self.object_path()?;
        self.skip_table_hints()?;
        let alias = if self.take_word("AS") || !self.is_word("USING") {
            Some(self.name()?)
        } else {
            None
        };
        self.expect_word("USING")?;
        let source = self
            .parser
            .parse_table_factor()
            .map_err(|error| self.parser_error(&error))?;
        self.expect_word("ON")?;
        let on = self.expression()?;
        let mut clauses = Vec::new();
        while self.take_word("WHEN") {
            clauses.push(self.merge_clause()?);
        }
        if clauses.is_empty() {
            return Err(self.unexpected());
        }
        let output = self.output()?;
        self.skip_query_options()?;
        Ok(Merge {
            with,
            top,
            target,
            alias,
            source,
            on,
            clauses,
            output,
        })
    }

    fn merge_clause(&mut self) -> Parsed<MergeClause> {
        let matching = if self.take_word("MATCHED") {
            Matching::Matched
        } else {
            self.expect_word("NOT")?;
            self.expect_word("MATCHED")?;
            if self.take_words(&["BY", "SOURCE"]) {
                Matching::NotMatchedBySource
            } else {
                self.take_words(&["BY", "TARGET"]);
                Matching::NotMatchedByTarget
            }
        };
        let condition = if self.take_word("AND") {
            Some(self.expression()?)
        } else {
            None
        };
        self.expect_word("THEN")?;
        let action = if self.take_word("DELETE") {
            MergeAction::Delete
        } else if self.take_word("UPDATE") {
            self.expect_word("SET")?;
            MergeAction::Update(self.assignments()?)
        } else {
            self.expect_word("INSERT")?;
            let columns = if matches!(self.peek(0), Token::LParen) {
                self.column_list()?
            } else {
                Vec::new()
            };
            self.expect_word("VALUES")?;
            MergeAction::Insert {
                columns,
                values: self.values()?,
            }
        };
        Ok(MergeClause {
            matching,
            condition,
            action,
        })
    }
}
