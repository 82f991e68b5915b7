//! From replies to tokens: what one depends on of those before it.

use crate::practice::{
    reply::{Done, Reply},
    sql::convert,
    value::{Column, Length, SqlType, Value},
    wire::token::{self, DoneStatus, DoneToken, EnvChange},
};

/// What the tokens of a reply depend on.
pub(super) struct Answering {
    pub(super) server_name: String,
    /// Descriptor of the open transaction.
    pub(super) transaction: Option<u64>,
    pub(super) columns: Vec<Column>,
    /// Otherwise a `sql_variant` is sent as text.
    pub(super) knows_variants: bool,
    /// The end of a statement, kept until it is known whether more follows.
    pub(super) held: Option<Done>,
    /// `None` in a batch; in a call, whether a status was returned already.
    pub(super) call: Option<CallState>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct CallState {
    pub(super) status_returned: bool,
    pub(super) failed: bool,
    /// Ordinal of the next output parameter.
    pub(super) ordinal: u16,
}

/// What a client gets that cannot read `sql_variant`.
const VARIANT_AS_TEXT: SqlType = SqlType::NVarChar(Length::Limited(4000));

/// Replaces a variant by its text; what has none becomes `NULL`.
fn variant_to_text(value: &mut Value) {
    if let Value::Variant(held) = value {
        let (ty, held) = held.as_ref();
        *value = convert::convert(held.clone(), *ty, VARIANT_AS_TEXT, convert::NO_STYLE)
            .unwrap_or(Value::Null);
    }
}

impl Answering {
    /// Appends the tokens of one reply.
    pub(super) fn put(&mut self, into: &mut Vec<u8>, reply: Reply) {
        // The status of the statement before says that more follows.
        self.flush_held(into, self.call);
        match reply {
            Reply::Columns(mut columns) => {
                if !self.knows_variants {
                    for column in &mut columns {
                        if column.ty == SqlType::SqlVariant {
                            column.ty = VARIANT_AS_TEXT;
                        }
                    }
                }
                token::columns(into, &columns);
                self.columns = columns;
            }
            Reply::Rows(rows) => {
                for mut row in rows {
                    if !self.knows_variants {
                        row.iter_mut().for_each(variant_to_text);
                    }
                    token::row(into, &self.columns, &row);
                }
            }
            Reply::Message(message) => token::message(into, &message, &self.server_name),
            Reply::Done(done) => {
                if let Some(call) = &mut self.call {
                    call.failed |= done.failed;
                }
                self.held = Some(done);
            }
            Reply::ReturnStatus(status) => {
                if let Some(call) = &mut self.call {
                    call.status_returned = true;
                }
                token::return_status(into, status);
            }
            Reply::ReturnValue { name, ty, value } => {
                let ordinal = self.call.as_mut().map_or(0, |call| {
                    call.ordinal += 1;
                    call.ordinal - 1
                });
                token::return_value(into, ordinal, &name, ty, &value);
            }
            Reply::DatabaseChanged { from, to } => {
                token::env_change(
                    into,
                    EnvChange::Database {
                        new: &to,
                        old: &from,
                    },
                );
            }
            Reply::Transaction(now) => {
                match (self.transaction, now) {
                    (_, Some(descriptor)) => {
                        token::env_change(into, EnvChange::BeginTransaction(descriptor));
                    }
                    (Some(descriptor), None) => {
                        token::env_change(into, EnvChange::CommitTransaction(descriptor));
                    }
                    (None, None) => {}
                }
                self.transaction = now;
            }
        }
    }

    pub(super) fn flush_held(&mut self, into: &mut Vec<u8>, call: Option<CallState>) {
        if let Some(done) = self.held.take() {
            let kind = if call.is_some() {
                DoneToken::InProcedure
            } else {
                DoneToken::Done
            };
            let status = DoneStatus {
                more: true,
                in_transaction: self.transaction.is_some(),
                attention: false,
            };
            token::done(into, kind, done, status);
        }
    }
}
