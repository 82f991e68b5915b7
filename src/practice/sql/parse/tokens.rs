//! Tokens of a batch, where they stand, and the errors near them.

use super::DIALECT;
use crate::practice::reply::Message;
use crate::practice::sql::dialect::is_reserved;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// Operators in one expression beyond which a batch is refused with 8631: the tree is as deep as the chain is long.
const MAX_OPERATORS: usize = 4_000;

/// 102, the syntax error near a piece of text.
pub(super) fn syntax_error(near: &str, line: u32) -> Message {
    let mut message =
        Message::error(102, format!("Incorrect syntax near '{near}'.")).with_class(15);
    message.line = line;
    message
}

pub(super) fn line_of(location: Location) -> u32 {
    u32::try_from(location.line).unwrap_or(u32::MAX).max(1)
}

/// Tokens without blanks and comments; 105 and 113 when a literal or a comment does not end.
pub(super) fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, Vec<Message>> {
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

/// Characters that a name may have (`sysname`).
const MAX_NAME: usize = 128;

/// 103 for the first name that is too long.
pub(super) fn refuse_long_names(tokens: &[TokenWithSpan]) -> Result<(), Message> {
    for token in tokens {
        let Token::Word(word) = &token.token else {
            continue;
        };
        if word.value.encode_utf16().count() > MAX_NAME {
            let begin: String = word.value.chars().take(MAX_NAME).collect();
            let mut message = Message::error(
                103,
                format!(
                    "The identifier that starts with '{begin}' is too long. Maximum length is {MAX_NAME}."
                ),
            )
            .with_class(15);
            message.line = line_of(token.span.start);
            return Err(message);
        }
    }
    Ok(())
}

/// Counts operators between commas on each level of parentheses.
pub(super) fn refuse_long_expressions(tokens: &[TokenWithSpan]) -> Result<(), Message> {
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
pub(super) struct LineStarts(Vec<usize>);

impl LineStarts {
    pub(super) fn new(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Self(starts)
    }

    /// Byte position of a location of the tokenizer (line and column count from 1, columns in characters).
    pub(super) fn offset(&self, text: &str, location: Location) -> usize {
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

    pub(super) fn rest<'a>(&self, text: &'a str, location: Location) -> &'a str {
        text.get(self.offset(text, location)..).unwrap_or("")
    }
}

/// 156 near a reserved word, 102 near anything else.
pub(super) fn near(token: &Token, line: u32) -> Message {
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
