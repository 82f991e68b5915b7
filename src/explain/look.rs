//! Questions to a restored database: why one is not asked, and the values of its answer as text.

use super::{Problem, ProblemKind, figures, server_time};
use crate::{server::Cell, tsql::LookRefusal};

/// What a question may look like.
pub const QUESTION_HINT: &str = "SELECT TOP (20) * FROM dbo.…";

/// Why a text is not run as a question.
pub fn look_refusal(refusal: &LookRefusal) -> Problem {
    let sentence = match refusal {
        LookRefusal::Empty => "There is no question yet".to_owned(),
        LookRefusal::NotASelect(word) => format!("A question begins with SELECT, not with {word}"),
        LookRefusal::Several => "One question at a time".to_owned(),
        LookRefusal::Changes(word) => format!("{word} is no part of a question"),
    };
    Problem {
        kind: ProblemKind::Yours,
        sentence,
        hint: match refusal {
            LookRefusal::Empty => String::new(),
            _ => {
                "Here only SELECT is asked; a name that is also a word of T-SQL stands in brackets."
                    .to_owned()
            }
        },
        details: Vec::new(),
    }
}

/// A value as it is shown.
pub fn cell_text(cell: &Cell) -> String {
    /// More of a text or of bytes than a cell has room for.
    const MOST: usize = 200;
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Int(value) => value.to_string(),
        Cell::Bool(value) => u8::from(*value).to_string(),
        Cell::Decimal { value, scale } => decimal(*value, usize::from(*scale)),
        Cell::Float(value) => value.to_string(),
        Cell::Text(text) => {
            let mut shown: String = text.chars().take(MOST).collect();
            if text.chars().nth(MOST).is_some() {
                shown.push('…');
            }
            shown
        }
        Cell::Guid(value) => value.to_string(),
        Cell::Time(time) => server_time(*time),
        Cell::Instant(instant) => instant.format("%Y-%m-%d %H:%M:%S %:z").to_string(),
        Cell::Bytes(bytes) => {
            let shown: String = bytes
                .iter()
                .take(MOST / 10)
                .map(|byte| format!("{byte:02X}"))
                .collect();
            match bytes.len() > MOST / 10 {
                true => format!("0x{shown}… ({})", figures::size(bytes.len() as u64)),
                false => format!("0x{shown}"),
            }
        }
    }
}

fn decimal(value: i128, scale: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    if part.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn shown(cell: &Cell, expected: &str) {
        assert_eq!(cell_text(cell), expected);
    }

    #[test]
    fn values_are_shown_as_they_are() {
        shown(&Cell::Null, "NULL");
        shown(
            &Cell::Decimal {
                value: -5,
                scale: 2,
            },
            "-0.05",
        );
        shown(
            &Cell::Decimal {
                value: 1234,
                scale: 0,
            },
            "1234",
        );
        shown(&Cell::Bytes(vec![0xab, 1]), "0xAB01");
        shown(&Cell::Text("é".repeat(201)), &("é".repeat(200) + "…"));
    }
}
