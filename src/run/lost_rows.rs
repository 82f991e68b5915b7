//! Losses counted in rows: how many rows of one table came in the stretches of time that would be lost.
//!
//! Rows are counted in the database as it is now. What was changed or deleted since is not among them, so of the past
//! the count is a lower bound; of a loss up to now it is what would be lost of new rows. Where an application forgets its
//! oldest rows nothing is left to count of a time before them, so there is no number.

use crate::{
    domain::{Exposed, ServerTime, UtcOffset, UtcTime},
    server::{Connection, ServerError, ask},
    settings::{CountedRows, RowClock},
    tsql,
};

/// What a loss is counted in, and how many came in each stretch.
#[derive(Clone, Debug, PartialEq)]
pub struct LostRows {
    pub counted: CountedRows,
    /// The schema of the table.
    pub schema: String,
    pub counts: Vec<(Exposed, u64)>,
}

impl LostRows {
    /// How many rows would be lost; `None` when that stretch was not counted.
    pub fn of(&self, exposed: Exposed) -> Option<u64> {
        /// Up to now a stretch grows while somebody looks; it is counted again before it has grown by more.
        const GROWN_SECS: f64 = 150.0;
        let near = |other: &Exposed| {
            other.since == exposed.since
                && (0.0..GROWN_SECS).contains(&(exposed.at.seconds() - other.at.seconds()))
        };
        self.counts
            .iter()
            .find(|(other, _)| *other == exposed)
            .or_else(|| self.counts.iter().rfind(|(other, _)| near(other)))
            .map(|(_, rows)| *rows)
    }
}

/// Counts the rows of all stretches in one look; `None` when the table is not there.
///
/// `offset` is that of the server's clock now: rows of before a change of its clocks are counted by it as well.
pub async fn count_lost_rows(
    connection: &mut dyn Connection,
    database: &str,
    schema: &str,
    counted: &CountedRows,
    offset: UtcOffset,
    stretches: &[Exposed],
) -> Result<Option<LostRows>, ServerError> {
    let clock = |at: UtcTime| -> ServerTime {
        at.to_server(match counted.clock {
            RowClock::Utc => UtcOffset::ZERO,
            RowClock::Server => offset,
        })
    };
    let times: Vec<(ServerTime, ServerTime)> = stretches
        .iter()
        .map(|exposed| (clock(exposed.since), clock(exposed.at)))
        .collect();
    if times.is_empty() {
        return Ok(None);
    }
    let question = tsql::rows_between(
        database,
        schema,
        &counted.table,
        &counted.time_column,
        &times,
    );
    let answer = ask(connection, &question).await?;
    Ok(answer.first().map(|row| LostRows {
        counted: counted.clone(),
        schema: schema.to_owned(),
        counts: stretches
            .iter()
            .zip(&times)
            .enumerate()
            .filter(|(_, (_, (since, _)))| {
                row.time("oldest").is_some_and(|oldest| oldest <= *since)
            })
            .filter_map(|(n, (exposed, _))| {
                let rows = u64::try_from(row.int(&format!("r{n}"))?).ok()?;
                Some((*exposed, rows))
            })
            .collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_that_grows_is_found_by_its_beginning() {
        let at = |second: f64| UtcTime::from_seconds(second).expect("a time");
        let exposed = |since: f64, until: f64| Exposed {
            since: at(since),
            at: at(until),
        };
        let lost = LostRows {
            counted: CountedRows {
                what: "orders".to_owned(),
                table: "Orders".to_owned(),
                time_column: "At".to_owned(),
                clock: RowClock::Utc,
            },
            schema: "dbo".to_owned(),
            counts: vec![(exposed(100.0, 1000.0), 7), (exposed(100.0, 5000.0), 9)],
        };
        assert_eq!(lost.of(exposed(100.0, 1000.0)), Some(7));
        assert_eq!(
            lost.of(exposed(100.0, 5060.0)),
            Some(9),
            "it has grown a little"
        );
        assert_eq!(lost.of(exposed(100.0, 9000.0)), None, "it has grown a lot");
        assert_eq!(lost.of(exposed(200.0, 5000.0)), None);
    }
}
