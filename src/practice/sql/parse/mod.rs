//! Text to [`Program`]: the statement level of T-SQL over sqlparser's tokens.
//!
//! The whole batch is parsed before anything runs, so a syntax error anywhere means that nothing ran.
//! Queries and expressions are handed to sqlparser, which consumes exactly its part of the token list;
//! everything that it has no or a wrong rule for is read here. Semicolons separate and are never required.

mod backup;
mod change;
mod database;
mod execute;
mod flow;
mod tables;

use super::dialect::{TsqlDialect, is_reserved};
use super::statement::{Action, ObjectPath, Operand, Program, Statement, Step, TypeName};
use crate::practice::reply::Message;
use sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, Query, SetExpr};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Blocks within blocks beyond which a batch is refused with 191.
const MAX_DEPTH: usize = 120;
/// Operators in one expression beyond which a batch is refused with 8631: the tree is as deep as the chain is long.
const MAX_OPERATORS: usize = 4_000;
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
    refuse_long_expressions(&tokens).map_err(|message| vec![message])?;
    let mut batch = BatchParser::over(text, tokens);
    for parameter in context.parameters {
        batch.declared.insert(parameter.to_lowercase(), 0);
    }
    batch.batch().map_err(|message| vec![message])?;
    Ok(batch.program)
}

/// Whether a batch holds anything but blanks and comments.
pub fn is_empty_program(program: &Program) -> bool {
    program.steps.is_empty()
}

/// Parses one expression kept as text: a default, a check, a computed column.
pub fn parse_expression(text: &str) -> Result<Expr, Message> {
    let tokens = tokenize(text).map_err(|mut all| {
        if all.is_empty() {
            syntax_error("", 1)
        } else {
            all.swap_remove(0)
        }
    })?;
    let mut parser = Parser::new(&DIALECT)
        .with_recursion_limit(MAX_NESTING)
        .with_tokens_with_locations(tokens);
    parser.parse_expr().map_err(|_source| syntax_error(text, 1))
}

/// 102, the syntax error near a piece of text.
fn syntax_error(near: &str, line: u32) -> Message {
    let mut message =
        Message::error(102, format!("Incorrect syntax near '{near}'.")).with_class(15);
    message.line = line;
    message
}

fn line_of(location: Location) -> u32 {
    u32::try_from(location.line).unwrap_or(u32::MAX).max(1)
}

/// Tokens without blanks and comments; 105 and 113 when a literal or a comment does not end.
fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, Vec<Message>> {
    let tokens = Tokenizer::new(&DIALECT, text)
        .tokenize_with_location()
        .map_err(|error| {
            let line = line_of(error.location);
            let rest: String = LineStarts::new(text)
                .rest(text, error.location)
                .trim_start_matches(['N', 'n'])
                .trim_start_matches('\'')
                .chars()
                .take(120)
                .collect();
            if error.message.contains("comment") {
                let mut message =
                    Message::error(113, "Missing end comment mark '*/'.").with_class(15);
                message.line = line;
                return vec![message];
            }
            let mut unclosed = Message::error(
                105,
                format!("Unclosed quotation mark after the character string '{rest}'."),
            )
            .with_class(15);
            unclosed.line = line;
            vec![unclosed, syntax_error(&rest, line)]
        })?;
    Ok(tokens
        .into_iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_)))
        .collect())
}

/// Counts operators between commas on each level of parentheses.
fn refuse_long_expressions(tokens: &[TokenWithSpan]) -> Result<(), Message> {
    let mut levels = vec![0_usize];
    let mut unions = 0_usize;
    for token in tokens {
        let operator = match &token.token {
            Token::LParen => {
                levels.push(0);
                false
            }
            Token::RParen => {
                if levels.len() > 1 {
                    levels.pop();
                }
                false
            }
            Token::Comma | Token::SemiColon => {
                if let Some(top) = levels.last_mut() {
                    *top = 0;
                }
                if token.token == Token::SemiColon {
                    unions = 0;
                }
                false
            }
            Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::Mod
            | Token::Ampersand
            | Token::Pipe
            | Token::Caret
            | Token::Tilde => true,
            Token::Word(word) if word.quote_style.is_none() => {
                let name = word.value.to_ascii_uppercase();
                match name.as_str() {
                    "UNION" | "EXCEPT" | "INTERSECT" => {
                        unions += 1;
                        false
                    }
                    "AND" | "OR" | "NOT" | "WHEN" | "JOIN" | "APPLY" | "COLLATE" => true,
                    "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "SET" | "IF" | "WHILE" | "EXEC"
                    | "EXECUTE" | "DECLARE" | "PRINT" => {
                        if let Some(top) = levels.last_mut() {
                            *top = 0;
                        }
                        false
                    }
                    _ => false,
                }
            }
            _ => false,
        };
        if operator && let Some(top) = levels.last_mut() {
            *top += 1;
        }
        if levels.last().is_some_and(|n| *n > MAX_OPERATORS) || unions > MAX_OPERATORS {
            let mut message = Message::error(
                8631,
                "Internal error: Server stack limit has been reached. \
                 Please look for potentially deep nesting in your query, and try to simplify it.",
            )
            .with_class(17);
            message.line = line_of(token.span.start);
            return Err(message);
        }
    }
    Ok(())
}

/// Where the lines of the batch begin, in bytes.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn new(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Self(starts)
    }

    /// Byte position of a location of the tokenizer (line and column count from 1, columns in characters).
    fn offset(&self, text: &str, location: Location) -> usize {
        let line = usize::try_from(location.line)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let start = self.0.get(line).copied().unwrap_or(text.len());
        let column = usize::try_from(location.column)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        text.get(start..)
            .and_then(|rest| rest.char_indices().nth(column))
            .map_or(text.len(), |(at, _)| start + at)
    }

    fn rest<'a>(&self, text: &'a str, location: Location) -> &'a str {
        text.get(self.offset(text, location)..).unwrap_or("")
    }
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
        let query = self
            .parser
            .parse_query()
            .map_err(|error| self.parser_error(&error))?;
        self.skip_query_options()?;
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

    /// `OPTION (…)`: hints change no answer.
    fn skip_query_options(&mut self) -> Parsed<()> {
        if self.take_word("OPTION") {
            self.skip_parentheses()?;
        }
        Ok(())
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

/// Takes INTO out of the first SELECT; `Some(None)` when it names no table.
fn take_into(body: &mut SetExpr) -> Option<Option<ObjectPath>> {
    match body {
        SetExpr::Select(select) => {
            let into = select.into.take()?;
            let parts: Vec<String> = match into.targets.as_slice() {
                [Expr::Identifier(ident)] => vec![ident.value.clone()],
                [Expr::CompoundIdentifier(idents)] => {
                    idents.iter().map(|i| i.value.clone()).collect()
                }
                _ => return Some(None),
            };
            Some(path_of(parts))
        }
        SetExpr::SetOperation { left, .. } => take_into(left),
        _ => None,
    }
}

/// A path of at most three parts, an empty part being left out.
pub fn path_of(mut parts: Vec<String>) -> Option<ObjectPath> {
    let some = |part: String| (!part.is_empty()).then_some(part);
    let name = parts.pop().and_then(some)?;
    let schema = parts.pop().and_then(some);
    let database = parts.pop().and_then(some);
    parts.is_empty().then_some(ObjectPath {
        database,
        schema,
        name,
    })
}

/// Parses a name as it stands in a text: `[a]]b].dbo.t`.
pub fn parse_object_path(text: &str) -> Option<ObjectPath> {
    let tokens = tokenize(text).ok()?;
    let mut parts = Vec::new();
    let mut expects_name = true;
    for token in tokens {
        match token.token {
            Token::Word(word) if expects_name => {
                parts.push(word.value);
                expects_name = false;
            }
            Token::Period if expects_name => parts.push(String::new()),
            Token::Period => expects_name = true,
            Token::EOF => break,
            _ => return None,
        }
    }
    path_of(parts)
}

/// Parses the declaration of parameters: `@a int, @b nvarchar(50) OUTPUT`.
pub fn parse_parameters(text: &str) -> Result<Vec<(String, TypeName, bool)>, Message> {
    let tokens = tokenize(text).map_err(|mut all| all.swap_remove(0))?;
    let mut parser = BatchParser::over(text, tokens);
    let mut all = Vec::new();
    if parser.at_end() {
        return Ok(all);
    }
    loop {
        let name = parser.variable()?;
        parser.take_word("AS");
        let ty = parser.type_name()?;
        if parser.take(&Token::Eq) {
            parser.simple_expression()?;
        }
        let output = parser.take_word("OUTPUT") || parser.take_word("OUT");
        parser.take_word("READONLY");
        all.push((name, ty, output));
        if !parser.take(&Token::Comma) {
            break;
        }
    }
    if parser.at_end() {
        Ok(all)
    } else {
        Err(parser.unexpected())
    }
}

/// Parses a query that the server writes itself.
pub fn parse_query_text(text: &str) -> Result<Box<Query>, Message> {
    let tokens = tokenize(text).map_err(|_source| syntax_error(text, 1))?;
    Parser::new(&DIALECT)
        .with_recursion_limit(MAX_NESTING)
        .with_tokens_with_locations(tokens)
        .parse_query()
        .map_err(|_source| syntax_error(text, 1))
}

/// 156 near a reserved word, 102 near anything else.
fn near(token: &Token, line: u32) -> Message {
    let text = match token {
        Token::Word(word) if word.quote_style.is_none() && is_reserved(&word.value) => {
            let mut message = Message::error(
                156,
                format!("Incorrect syntax near the keyword '{}'.", word.value),
            )
            .with_class(15);
            message.line = line;
            return message;
        }
        Token::Word(word) => word.value.clone(),
        Token::SingleQuotedString(text) | Token::NationalStringLiteral(text) => text.clone(),
        Token::Number(digits, _) => digits.clone(),
        Token::EOF => String::new(),
        other => other.to_string(),
    };
    syntax_error(&text, line)
}

/// A path as sqlparser's trees name objects; every part is quoted, so nothing is taken for a keyword.
pub fn object_name(path: &ObjectPath) -> ObjectName {
    let part = |text: &str| ObjectNamePart::Identifier(quoted(text));
    let mut parts = Vec::new();
    if let Some(database) = &path.database {
        parts.push(part(database));
    }
    if path.database.is_some() || path.schema.is_some() {
        parts.push(part(path.schema.as_deref().unwrap_or("")));
    }
    parts.push(part(&path.name));
    ObjectName(parts)
}

/// An identifier in brackets, except variables, which have none.
pub fn quoted(text: &str) -> Ident {
    if text.starts_with('@') {
        Ident::new(text)
    } else {
        Ident::with_quote('[', text)
    }
}
