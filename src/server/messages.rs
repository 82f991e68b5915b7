//! The server's informational messages, and every error of a batch rather than the first alone.
//!
//! tiberius hands out neither: it logs them as `tracing` events while it reads the answer.
//! A subscriber of ours stands in for the global one while a connection is polled, so each event finds its connection.
//! Text only: nothing is decided on an informational message (design §3.15).

use super::error::SqlError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

/// What one connection collects.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected(Arc<Mutex<Collecting>>);

#[derive(Debug, Default)]
struct Collecting {
    errors: Vec<SqlError>,
    messages: Option<UnboundedSender<String>>,
}

impl Collected {
    /// Forgets the batch before and sends the messages of the next one to `messages`.
    pub(super) fn begin(&self, messages: Option<UnboundedSender<String>>) {
        let mut collecting = self.lock();
        collecting.errors.clear();
        collecting.messages = messages;
    }

    /// Ends the batch and returns its errors in the order in which they came.
    pub(super) fn end(&self) -> Vec<SqlError> {
        let mut collecting = self.lock();
        collecting.messages = None;
        std::mem::take(&mut collecting.errors)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Collecting> {
        // The values stay whole whatever a panicking holder did: each change is one push.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives tiberius' events of one connection.
#[derive(Debug)]
pub(super) struct Listener(pub(super) Collected);

/// The module of tiberius that logs ERROR and INFO tokens.
const TARGET: &str = "tiberius::tds::stream::token";

/// How the events for ENVCHANGE and LOGINACK begin, which come from the same place as INFO.
const NOT_FROM_THE_SERVER: [&str; 12] = [
    "Database change from",
    "Packet size change",
    "SQL collation change",
    "Begin transaction",
    "Commit transaction",
    "Rollback transaction",
    "Defect transaction",
    "Server requested routing",
    "Fallback mirror server",
    "Ignored env change",
    "FeatureExtAck",
    "Microsoft SQL Server version",
];

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::DEBUG && metadata.target() == TARGET
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut collecting = self.0.lock();
        if *event.metadata().level() == Level::ERROR {
            collecting.errors.push(SqlError {
                number: fields.code,
                class: 0,
                state: 0,
                text: fields.message,
            });
        } else if let Some(messages) = &collecting.messages
            && !NOT_FROM_THE_SERVER
                .iter()
                .any(|begin| fields.message.starts_with(begin))
        {
            // A reader that has gone needs no messages.
            messages.send(fields.message).ok();
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Fields {
    message: String,
    code: i64,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "code" {
            self.code = i64::try_from(value).unwrap_or_default();
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == "code" {
            self.code = value;
        }
    }
}
