//! A connection of tiberius behind the trait of ours.

use super::{
    connection::{Cell, Columns, Connection, Row, RowSink},
    error::{ServerError, SqlError},
    gateway::ConnectError,
    messages::{Collected, Listener},
};
use crate::{
    domain::ServerTime,
    tsql::{Batch, BatchKind},
};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use futures_util::{TryStreamExt as _, future::BoxFuture};
use std::{sync::Arc, time::Duration};
use tiberius::{Client, ColumnData, FromSql as _, QueryItem};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc::UnboundedSender,
};
use tokio_util::{
    compat::{Compat, TokioAsyncReadCompatExt as _},
    sync::CancellationToken,
};
use tracing::{Dispatch, instrument::WithSubscriber as _};

/// How long a server may take to acknowledge that it cancels; then the connection is closed, which cancels as well.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

pub(super) struct TdsConnection {
    client: Client<Compat<Box<dyn Transport>>>,
    collected: Collected,
    /// Makes `collected` hear what tiberius logs while this connection is polled.
    listener: Dispatch,
    session_id: i64,
    allowed: BatchKind,
    /// Set when an answer was left half read.
    spent: bool,
}

impl TdsConnection {
    pub(super) async fn sign_in(
        stream: Box<dyn Transport>,
        address: &str,
        allowed: BatchKind,
        configure: impl FnOnce(&mut tiberius::Config),
    ) -> Result<Self, ConnectError> {
        let mut config = tiberius::Config::new();
        configure(&mut config);
        let collected = Collected::default();
        let listener = Dispatch::new(Listener(collected.clone()));
        let client = Client::connect(config, stream.compat())
            .with_subscriber(listener.clone())
            .await
            .map_err(|error| sign_in_error(error, address, collected.end()))?;
        let mut connection = Self {
            client,
            collected,
            listener,
            session_id: 0,
            allowed,
            spent: false,
        };
        let who = Batch::look("Ask for the session", "SELECT @@SPID AS session_id;");
        let answer = super::connection::ask(&mut connection, &who).await?;
        connection.session_id = answer
            .first()
            .and_then(|row| row.int("session_id"))
            .unwrap_or_default();
        Ok(connection)
    }

    async fn answer(
        &mut self,
        sql: &str,
        sink: &mut dyn RowSink,
    ) -> Result<(), tiberius::error::Error> {
        let mut stream = self.client.simple_query(sql).await?;
        let mut columns = Arc::new(Columns::default());
        while let Some(item) = stream.try_next().await? {
            match item {
                QueryItem::Metadata(metadata) => {
                    let names = metadata
                        .columns()
                        .iter()
                        .map(|column| column.name().to_owned())
                        .collect();
                    columns = Arc::new(Columns::new(names));
                    sink.columns(&columns);
                }
                QueryItem::Row(row) => {
                    let cells = row
                        .into_token_row()
                        .into_iter()
                        .map(cell)
                        .collect::<Result<_, _>>()?;
                    sink.row(Row::new(Arc::clone(&columns), cells));
                }
            }
        }
        Ok(())
    }
}

impl Connection for TdsConnection {
    fn session_id(&self) -> i64 {
        self.session_id
    }

    fn allowed(&self) -> BatchKind {
        self.allowed
    }

    fn run<'a>(
        &'a mut self,
        batch: &'a Batch,
        sink: &'a mut dyn RowSink,
        messages: Option<UnboundedSender<String>>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move {
            if batch.kind > self.allowed {
                return Err(ServerError::NotAllowed {
                    allowed: self.allowed,
                    needed: batch.kind,
                });
            }
            if self.spent {
                return Err(ServerError::Lost {
                    reason: "the connection ended with the batch before".to_owned(),
                });
            }
            self.collected.begin(messages);
            // Should this future be dropped, the rest of the answer stays unread.
            self.spent = true;
            let listener = self.listener.clone();
            let outcome = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                outcome = self.answer(&batch.sql, sink).with_subscriber(listener) => Some(outcome),
            };
            let Some(outcome) = outcome else {
                // The server's own acknowledgement comes in a shape that tiberius takes for an error,
                // though the server did cancel. The outcome is read on another connection.
                tokio::time::timeout(CANCEL_TIMEOUT, self.client.cancel_query())
                    .await
                    .ok();
                self.collected.end();
                return Err(ServerError::Cancelled);
            };
            let errors = self.collected.end();
            match outcome {
                Ok(()) => {
                    self.spent = false;
                    Ok(())
                }
                Err(tiberius::error::Error::Server(first)) => {
                    self.spent = false;
                    Err(refused(&first, errors))
                }
                Err(other) => Err(ServerError::Lost {
                    reason: other.to_string(),
                }),
            }
        })
    }
}

/// All errors of a batch; the driver hands out class and state of the first only.
fn refused(first: &tiberius::error::TokenError, mut errors: Vec<SqlError>) -> ServerError {
    let known = SqlError {
        number: i64::from(first.code()),
        class: first.class(),
        state: first.state(),
        text: first.message().to_owned(),
    };
    match errors
        .iter_mut()
        .find(|error| error.number == known.number && error.text == known.text)
    {
        Some(same) => *same = known,
        None => errors.insert(0, known),
    }
    ServerError::Refused { errors }
}

fn sign_in_error(
    error: tiberius::error::Error,
    address: &str,
    errors: Vec<SqlError>,
) -> ConnectError {
    use tiberius::error::Error;
    let address = address.to_owned();
    match error {
        Error::Server(first) => refused(&first, errors).into(),
        Error::Routing { host, port } => ConnectError::Routed { host, port },
        Error::Tls(reason) => ServerError::Tls {
            address,
            reason: without_advice(&reason).to_owned(),
        }
        .into(),
        Error::Io { kind, message } => match kind {
            // A certificate that was refused arrives as an I/O error with the TLS library's words.
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
                ServerError::Tls {
                    address,
                    reason: without_advice(&message).to_owned(),
                }
                .into()
            }
            _ => ServerError::Unreachable {
                address,
                reason: message,
            }
            .into(),
        },
        // PRELOGIN is the only part of signing in where the driver itself objects to what the server answered.
        Error::Protocol(reason) if reason.contains("encryption") => ServerError::Tls {
            address,
            reason: "the server does not encrypt connections".to_owned(),
        }
        .into(),
        other => ServerError::Lost {
            reason: other.to_string(),
        }
        .into(),
    }
}

/// A value of tiberius as one of ours, without copying texts.
fn cell(value: ColumnData<'static>) -> Result<Cell, tiberius::error::Error> {
    let int = |value: Option<i64>| value.map_or(Cell::Null, Cell::Int);
    Ok(match value {
        ColumnData::U8(value) => int(value.map(i64::from)),
        ColumnData::I16(value) => int(value.map(i64::from)),
        ColumnData::I32(value) => int(value.map(i64::from)),
        ColumnData::I64(value) => int(value),
        ColumnData::F32(value) => value.map_or(Cell::Null, |value| Cell::Float(f64::from(value))),
        ColumnData::F64(value) => value.map_or(Cell::Null, Cell::Float),
        ColumnData::Bit(value) => value.map_or(Cell::Null, Cell::Bool),
        ColumnData::String(value) => value.map_or(Cell::Null, |text| Cell::Text(text.into_owned())),
        ColumnData::Guid(value) => value.map_or(Cell::Null, Cell::Guid),
        ColumnData::Binary(value) => {
            value.map_or(Cell::Null, |bytes| Cell::Bytes(bytes.into_owned()))
        }
        ColumnData::Numeric(value) => value.map_or(Cell::Null, |number| Cell::Decimal {
            value: number.value(),
            scale: number.scale(),
        }),
        ColumnData::Xml(value) => {
            value.map_or(Cell::Null, |xml| Cell::Text(xml.into_owned().into_string()))
        }
        value @ (ColumnData::DateTime(_)
        | ColumnData::SmallDateTime(_)
        | ColumnData::DateTime2(_)) => {
            NaiveDateTime::from_sql(&value)?.map_or(Cell::Null, |time| Cell::Time(ServerTime(time)))
        }
        value @ ColumnData::Date(_) => NaiveDate::from_sql(&value)?.map_or(Cell::Null, |date| {
            Cell::Time(ServerTime(date.and_time(NaiveTime::MIN)))
        }),
        value @ ColumnData::Time(_) => {
            NaiveTime::from_sql(&value)?.map_or(Cell::Null, |time| Cell::Text(time.to_string()))
        }
        value @ ColumnData::DateTimeOffset(_) => {
            DateTime::<FixedOffset>::from_sql(&value)?.map_or(Cell::Null, Cell::Instant)
        }
    })
}

/// tiberius goes on with what its own users could configure, up to trusting any certificate: nothing for ours.
fn without_advice(message: &str) -> &str {
    message
        .split_once(" To connect anyway")
        .map_or(message, |(reason, _advice)| reason)
}
