//! Text to [`Program`]: the statement level of T-SQL over sqlparser's tokens.
//!
//! The whole batch is parsed before anything runs, so a syntax error anywhere means that nothing ran.
//! Queries and expressions are handed to sqlparser, which consumes exactly its part of the token list;
//! everything that it has no or a wrong rule for is read here. Semicolons separate and are never required.

mod backup;
mod change;
mod database;
mod declare;
mod execute;
mod flow;
mod keys;
mod pieces;
mod set;
mod tables;
mod tokens;

pub use pieces::{
    object_name, parse_expression, parse_object_path, parse_parameters, parse_query_text, path_of,
    quoted,
};

use super::dialect::{TsqlDialect, is_reserved};
use super::statement::{Action, ObjectPath, Operand, Program, Statement, Step, TypeName};
use crate::practice::reply::Message;
use pieces::take_into;
use sqlparser::ast::{Expr, Ident, Query, Setting, Value};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokens::{LineStarts, line_of, near, refuse_long_expressions, refuse_long_names, tokenize};

/// The hint that limits recursive common tables.
pub const MAXRECURSION: &str = "MAXRECURSION";

/// The largest limit that may be asked for.
const MOST_RECURSION: u32 = 32_767;

/// Blocks within blocks beyond which a batch is refused with 191.
const MAX_DEPTH: usize = 120;
/// Parentheses and subqueries within each other.
const MAX_NESTING: usize = 150;

static DIALECT: TsqlDialect = TsqlDialect;

/// What parsing a batch needs to know of its session.
pub struct BatchContext<'a> {
    /// `SET QUOTED_IDENTIFIER`: off, text in double quotes is a literal.
    pub quoted_identifier: bool,
    /// Parameters that the text may use without declaring them, with `@`.
    pub parameters: &'a [String],
}

/// Parses a batch; on failure the errors in the order in which they are sent.
///
/// Call it where the stack is large: nesting up to the limits above is followed by recursion.
pub fn parse_batch(text: &str, context: &BatchContext<'_>) -> Result<Program, Vec<Message>> {
    let mut tokens = tokenize(text)?;
    if !context.quoted_identifier {
        for token in &mut tokens {
            if let Token::Word(word) = &token.token
                && word.quote_style == Some('"')
            {
                token.token = Token::SingleQuotedString(word.value.clone());
            }
        }
    }
    refuse_long_names(&tokens).map_err(|message| vec![message])?;
    refuse_long_expressions(&tokens).map_err(|message| vec![message])?;
    let mut batch = BatchParser::over(text, tokens);
    for parameter in context.parameters {
        batch.declared.insert(parameter.to_lowercase(), 0);
    }
    batch.batch().map_err(|message| vec![message])?;
    Ok(batch.program)
}

/// A jump to a label that may come later.
struct LabelJump {
    step: usize,
    label: String,
    line: u32,
}

/// An open WHILE: where it begins, and its BREAKs.
struct Loop {
    begin: usize,
    breaks: Vec<usize>,
}

type Parsed<T> = Result<T, Message>;

struct BatchParser<'a> {
    text: &'a str,
    lines: LineStarts,
    last_line: u32,
    parser: Parser<'static>,
    depth: usize,
    program: Program,
    loops: Vec<Loop>,
    labels: BTreeMap<String, usize>,
    jumps: Vec<LabelJump>,
    /// Variables and table variables in lower case, with the token at which each is declared.
    declared: BTreeMap<String, usize>,
    /// Tokens that look like variables and are names of a procedure's parameters.
    argument_names: BTreeSet<usize>,
}

impl<'a> BatchParser<'a> {
    fn over(text: &'a str, tokens: Vec<TokenWithSpan>) -> Self {
        Self {
            lines: LineStarts::new(text),
            text,
            last_line: tokens.last().map_or(1, |t| line_of(t.span.start)),
            parser: Parser::new(&DIALECT)
                .with_recursion_limit(MAX_NESTING)
                .with_tokens_with_locations(tokens),
            depth: 0,
            program: Program::default(),
            loops: Vec::new(),
            labels: BTreeMap::new(),
            jumps: Vec::new(),
            declared: BTreeMap::new(),
            argument_names: BTreeSet::new(),
        }
    }
}

impl BatchParser<'_> {
    fn batch(&mut self) -> Parsed<()> {
        self.skip_semicolons();
        if self.starts_bare_call() {
            self.bare_call()?;
        }
        self.skip_semicolons();
        while !self.at_end() {
            self.statement()?;
            self.skip_semicolons();
        }
        self.resolve_jumps()?;
        self.check_variables()
    }

    // Tokens ------------------------------------------------------------------------------------------------------

    fn at_end(&self) -> bool {
        self.parser.peek_token_ref().token == Token::EOF
    }

    fn line(&self) -> u32 {
        let token = self.parser.peek_token_ref();
        if token.token == Token::EOF {
            self.last_line
        } else {
            line_of(token.span.start)
        }
    }

    fn skip_semicolons(&mut self) {
        while self.parser.consume_token(&Token::SemiColon) {}
    }

    fn peek(&self, n: usize) -> &Token {
        &self.parser.peek_nth_token_ref(n).token
    }

    /// Whether the n-th token ahead is that word, without brackets, in any case.
    fn is_word_at(&self, n: usize, expected: &str) -> bool {
        matches!(self.peek(n), Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(expected))
    }

    fn is_word(&self, expected: &str) -> bool {
        self.is_word_at(0, expected)
    }

    fn is_words(&self, expected: &[&str]) -> bool {
        expected
            .iter()
            .enumerate()
            .all(|(n, word)| self.is_word_at(n, word))
    }

    fn take_word(&mut self, expected: &str) -> bool {
        let found = self.is_word(expected);
        if found {
            self.parser.advance_token();
        }
        found
    }

    fn take_words(&mut self, expected: &[&str]) -> bool {
        let found = self.is_words(expected);
        if found {
            for _ in expected {
                self.parser.advance_token();
            }
        }
        found
    }

    fn expect_word(&mut self, expected: &str) -> Parsed<()> {
        if self.take_word(expected) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn take(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    fn expect(&mut self, token: &Token) -> Parsed<()> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// The unquoted word ahead, in upper case.
    fn upper_word(&self) -> Option<String> {
        match self.peek(0) {
            Token::Word(w) if w.quote_style.is_none() => Some(w.value.to_uppercase()),
            _ => None,
        }
    }

    /// Any unquoted word, in upper case: for option names, where reserved words are common.
    fn any_word(&mut self) -> Parsed<String> {
        let word = self.upper_word().ok_or_else(|| self.unexpected())?;
        self.parser.advance_token();
        Ok(word)
    }

    /// 102 or 156 at the token ahead.
    fn unexpected(&self) -> Message {
        let token = self.parser.peek_token_ref();
        if token.token == Token::EOF {
            let last = self.parser.token_at(self.parser.index().saturating_sub(1));
            return near(&last.token, self.last_line);
        }
        near(&token.token, line_of(token.span.start))
    }

    /// Turns an error of sqlparser into 102, 156 or 191.
    fn parser_error(&self, error: &ParserError) -> Message {
        match error {
            ParserError::RecursionLimitExceeded => self.too_deep(),
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
                let place = text.rsplit_once(" at Line: ").and_then(|(_, place)| {
                    let (line, column) = place.split_once(", Column: ")?;
                    Some(Location {
                        line: line.trim().parse().ok()?,
                        column: column.trim().parse().ok()?,
                    })
                });
                let mut index = 0;
                if let Some(place) = place {
                    loop {
                        let token = self.parser.token_at(index);
                        if token.token == Token::EOF {
                            break;
                        }
                        if token.span.start == place {
                            return near(&token.token, line_of(place));
                        }
                        index += 1;
                    }
                }
                self.unexpected()
            }
        }
    }

    fn too_deep(&self) -> Message {
        let mut message = Message::error(
            191,
            "Some part of your SQL statement is nested too deeply. \
             Rewrite the query or break it up into smaller queries.",
        )
        .with_class(15);
        message.line = self.line();
        message
    }

    /// The text between two tokens: from the token `from` up to the token ahead.
    fn source_since(&self, from: usize) -> String {
        let begin = self
            .lines
            .offset(self.text, self.parser.token_at(from).span.start);
        let last = self.parser.token_at(self.parser.index().saturating_sub(1));
        let end = self.lines.offset(self.text, last.span.end);
        self.text.get(begin..end).unwrap_or("").trim().to_owned()
    }

    // Pieces that many statements have ------------------------------------------------------------------------------

    fn expression(&mut self) -> Parsed<Expr> {
        self.parser
            .parse_expr()
            .map_err(|error| self.parser_error(&error))
    }

    /// An expression without infix operators: where a keyword follows at once.
    fn simple_expression(&mut self) -> Parsed<Expr> {
        self.parser
            .parse_prefix()
            .map_err(|error| self.parser_error(&error))
    }

    fn query(&mut self) -> Parsed<Box<Query>> {
        let mut query = self
            .parser
            .parse_query()
            .map_err(|error| self.parser_error(&error))?;
        query.settings = self.query_options()?;
        Ok(query)
    }

    /// A query as a statement, where INTO may name a new table.
    fn query_statement(&mut self) -> Parsed<Statement> {
        let mut query = self.query()?;
        Ok(match take_into(&mut query.body) {
            Some(Some(table)) => Statement::SelectInto { table, query },
            Some(None) => return Err(self.unexpected()),
            None => Statement::Query(query),
        })
    }

    /// `OPTION (…)` of a statement that is no query: hints change no answer.
    fn skip_query_options(&mut self) -> Parsed<()> {
        self.query_options().map(|_| ())
    }

    /// `OPTION (…)`: of all hints only the limit of a recursion changes an answer.
    fn query_options(&mut self) -> Parsed<Option<Vec<Setting>>> {
        if !self.take_word("OPTION") {
            return Ok(None);
        }
        let levels = match (self.peek(1), self.peek(2)) {
            (Token::Word(word), Token::Number(levels, _))
                if word.value.eq_ignore_ascii_case(MAXRECURSION) =>
            {
                Some(levels.clone())
            }
            _ => None,
        };
        self.skip_parentheses()?;
        let Some(levels) = levels else {
            return Ok(None);
        };
        if levels.parse::<u32>().is_ok_and(|n| n <= MOST_RECURSION) {
            Ok(Some(vec![Setting {
                key: Ident::new(MAXRECURSION),
                value: Expr::value(Value::Number(levels, false)),
            }]))
        } else {
            Err(Message::error(
                310,
                format!(
                    "The value {levels} specified for the MAXRECURSION option exceeds the allowed maximum of {MOST_RECURSION}."
                ),
            )
            .with_class(15))
        }
    }

    fn skip_parentheses(&mut self) -> Parsed<()> {
        self.expect(&Token::LParen)?;
        let mut open = 1_usize;
        while open > 0 {
            match self.peek(0) {
                Token::EOF => return Err(self.unexpected()),
                Token::LParen => open += 1,
                Token::RParen => open -= 1,
                _ => {}
            }
            self.parser.advance_token();
        }
        Ok(())
    }

    /// A name: a word that is not reserved, or anything in brackets.
    fn name(&mut self) -> Parsed<String> {
        match self.peek(0) {
            Token::Word(w) if w.quote_style.is_some() || !is_reserved(&w.value) => {
                let name = w.value.clone();
                self.parser.advance_token();
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn names(&mut self) -> Parsed<Vec<String>> {
        let mut all = vec![self.name()?];
        while self.take(&Token::Comma) {
            all.push(self.name()?);
        }
        Ok(all)
    }

    /// `(a, b, c)`.
    fn column_list(&mut self) -> Parsed<Vec<String>> {
        self.expect(&Token::LParen)?;
        let names = self.names()?;
        self.expect(&Token::RParen)?;
        Ok(names)
    }

    fn is_variable(&self) -> bool {
        matches!(self.peek(0), Token::Word(w) if w.quote_style.is_none() && w.value.starts_with('@') && !w.value.starts_with("@@"))
    }

    fn variable(&mut self) -> Parsed<String> {
        if !self.is_variable() {
            return Err(self.unexpected());
        }
        self.name()
    }

    /// `server.database.schema.name` without the server.
    fn object_path(&mut self) -> Parsed<ObjectPath> {
        let mut parts = vec![Some(self.name()?)];
        while self.take(&Token::Period) {
            if matches!(self.peek(0), Token::Period) {
                parts.push(None);
            } else {
                parts.push(Some(self.name()?));
            }
        }
        let name = parts.pop().flatten().ok_or_else(|| self.unexpected())?;
        let schema = parts.pop().flatten();
        let database = parts.pop().flatten();
        if parts.pop().is_some() {
            return Err(self.unexpected());
        }
        Ok(ObjectPath {
            database,
            schema,
            name,
        })
    }

    /// A type: `int`, `numeric(25, 0)`, `nvarchar(max)`, `[sys].[sysname]`, `double precision`.
    fn type_name(&mut self) -> Parsed<TypeName> {
        let mut name = match self.upper_word().as_deref() {
            Some("NATIONAL") => {
                self.parser.advance_token();
                format!("n{}", self.name()?)
            }
            Some("DOUBLE") => {
                self.parser.advance_token();
                self.expect_word("PRECISION")?;
                "float".to_owned()
            }
            _ => self.name()?,
        };
        while self.take(&Token::Period) {
            name = self.name()?;
        }
        if self.take_word("VARYING") {
            name = format!(
                "{}varchar",
                if name.starts_with(['n', 'N']) {
                    "n"
                } else {
                    ""
                }
            );
        }
        let mut arguments = Vec::new();
        if self.take(&Token::LParen) {
            loop {
                match self.peek(0) {
                    Token::Number(n, _) => arguments.push(n.clone()),
                    Token::Word(w) if w.value.eq_ignore_ascii_case("max") => {
                        arguments.push("max".to_owned());
                    }
                    _ => return Err(self.unexpected()),
                }
                self.parser.advance_token();
                if !self.take(&Token::Comma) {
                    break;
                }
            }
            self.expect(&Token::RParen)?;
        }
        Ok(TypeName { name, arguments })
    }

    /// A literal, a bare word or a variable.
    fn operand(&mut self) -> Parsed<Operand> {
        let negative = self.take(&Token::Minus);
        let operand = match self.peek(0) {
            Token::Number(digits, _) => {
                let number: i64 = digits
                    .split('.')
                    .next()
                    .unwrap_or("")
                    .parse()
                    .map_err(|_source| self.unexpected())?;
                Operand::Number(if negative { -number } else { number })
            }
            _ if negative => return Err(self.unexpected()),
            Token::SingleQuotedString(text) | Token::NationalStringLiteral(text) => {
                Operand::Text(text.clone())
            }
            Token::Word(w)
                if w.quote_style.is_none()
                    && w.value.starts_with('@')
                    && !w.value.starts_with("@@") =>
            {
                Operand::Variable(w.value.clone())
            }
            Token::Word(w) => Operand::Word(w.value.clone()),
            _ => return Err(self.unexpected()),
        };
        self.parser.advance_token();
        Ok(operand)
    }

    // Emitting --------------------------------------------------------------------------------------------------------

    fn here(&self) -> usize {
        self.program.steps.len()
    }

    fn emit(&mut self, line: u32, action: Action) -> usize {
        self.program.steps.push(Step { line, action });
        self.program.steps.len() - 1
    }

    fn run(&mut self, line: u32, statement: Statement) {
        self.emit(line, Action::Run(Arc::new(statement)));
    }
}
