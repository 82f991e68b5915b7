//! The tokens of a reply ([MS-TDS] 2.2.7).

use super::{
    bytes::{put_b_varchar, put_us_varchar, put_ushort_at},
    cell,
    codepage::COLLATION,
    type_info,
};
use crate::practice::{
    reply::{Done, Message},
    value::{Column, SqlType, Value},
};

const RETURN_STATUS: u8 = 0x79;
const COLUMNS: u8 = 0x81;
const ERROR: u8 = 0xaa;
const INFO: u8 = 0xab;
const RETURN_VALUE: u8 = 0xac;
const LOGIN_ACK: u8 = 0xad;
const FEATURE_ACK: u8 = 0xae;
const ROW: u8 = 0xd1;
const ENV_CHANGE: u8 = 0xe3;

/// `CurCmd` of `EXEC`, which ends a procedure.
const COMMAND_EXECUTE: u16 = 224;

/// Which of the three tokens ends a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum DoneToken {
    /// A statement of a batch.
    Done = 0xfd,
    /// A procedure.
    Procedure = 0xfe,
    /// A statement inside a procedure.
    InProcedure = 0xff,
}

/// What else the status of a `DONE` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoneStatus {
    /// More of the reply follows.
    pub more: bool,
    /// A transaction is open.
    pub in_transaction: bool,
    /// This acknowledges an attention.
    pub attention: bool,
}

/// `COLMETADATA`.
pub fn columns(into: &mut Vec<u8>, columns: &[Column]) {
    const NULLABLE: u16 = 0x0001;
    into.push(COLUMNS);
    into.extend((columns.len() as u16).to_le_bytes());
    for column in columns {
        // User type: none.
        into.extend(0_u32.to_le_bytes());
        let flags = if column.nullable { NULLABLE } else { 0 };
        into.extend(flags.to_le_bytes());
        type_info::encode(into, column.ty);
        put_b_varchar(into, &column.name);
    }
}

/// `ROW`; values beyond the columns are dropped, missing ones are `NULL`.
pub fn row(into: &mut Vec<u8>, columns: &[Column], values: &[Value]) {
    into.push(ROW);
    for (idx, column) in columns.iter().enumerate() {
        cell::encode(into, column.ty, values.get(idx).unwrap_or(&Value::Null));
    }
}

/// `ERROR` or `INFO`.
pub fn message(into: &mut Vec<u8>, message: &Message, server: &str) {
    let Message {
        number,
        class,
        state,
        text,
        procedure,
        line,
    } = message;
    into.push(if message.is_error() { ERROR } else { INFO });
    counted(into, |into| {
        into.extend(number.to_le_bytes());
        into.extend([*state, *class]);
        put_us_varchar(into, text);
        put_b_varchar(into, server);
        put_b_varchar(into, procedure);
        into.extend(line.to_le_bytes());
    });
}

/// `DONE` and its relatives.
pub fn done(into: &mut Vec<u8>, token: DoneToken, done: Done, status: DoneStatus) {
    let Done {
        command,
        rows,
        failed,
    } = done;
    let DoneStatus {
        more,
        in_transaction,
        attention,
    } = status;
    let bit = |on: bool, bit: u16| if on { bit } else { 0 };
    let bits = bit(more, 0x01)
        | bit(failed, 0x02)
        | bit(in_transaction, 0x04)
        | bit(rows.is_some(), 0x10)
        | bit(attention, 0x20);
    into.push(token as u8);
    into.extend(bits.to_le_bytes());
    into.extend(command.to_le_bytes());
    into.extend(rows.unwrap_or(0).to_le_bytes());
}

/// The end of a procedure.
pub fn end_of_procedure(failed: bool) -> Done {
    Done {
        command: COMMAND_EXECUTE,
        rows: None,
        failed,
    }
}

/// `RETURNSTATUS`.
pub fn return_status(into: &mut Vec<u8>, status: i32) {
    into.push(RETURN_STATUS);
    into.extend(status.to_le_bytes());
}

/// `RETURNVALUE` of the output parameter at `ordinal`, from 0.
pub fn return_value(into: &mut Vec<u8>, ordinal: u16, name: &str, ty: SqlType, value: &Value) {
    const OUTPUT_PARAMETER: u8 = 1;
    const NULLABLE: u16 = 0x0001;
    into.push(RETURN_VALUE);
    into.extend(ordinal.to_le_bytes());
    put_b_varchar(into, name);
    into.push(OUTPUT_PARAMETER);
    into.extend(0_u32.to_le_bytes());
    into.extend(NULLABLE.to_le_bytes());
    type_info::encode(into, ty);
    cell::encode(into, ty, value);
}

/// What `ENVCHANGE` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvChange<'a> {
    /// Another current database.
    Database {
        /// Now.
        new: &'a str,
        /// Before.
        old: &'a str,
    },
    /// The language, told once.
    Language(&'a str),
    /// The size of packets.
    PacketSize {
        /// Now.
        new: usize,
        /// Before.
        old: usize,
    },
    /// The server's collation, told once.
    Collation,
    /// A transaction began and has this descriptor.
    BeginTransaction(u64),
    /// The transaction with this descriptor was committed.
    CommitTransaction(u64),
    /// The transaction with this descriptor was rolled back.
    RollbackTransaction(u64),
    /// The session was reset as the client asked.
    Reset,
}

/// `ENVCHANGE`.
pub fn env_change(into: &mut Vec<u8>, change: EnvChange<'_>) {
    into.push(ENV_CHANGE);
    counted(into, |into| match change {
        EnvChange::Database { new, old } => put_change(into, 1, new, old),
        EnvChange::Language(new) => put_change(into, 2, new, ""),
        EnvChange::PacketSize { new, old } => {
            put_change(into, 4, &new.to_string(), &old.to_string());
        }
        EnvChange::Collation => {
            into.extend([7, COLLATION.len() as u8]);
            into.extend(COLLATION);
            into.push(0);
        }
        EnvChange::BeginTransaction(descriptor) => {
            into.extend([8, 8]);
            into.extend(descriptor.to_le_bytes());
            into.push(0);
        }
        EnvChange::CommitTransaction(descriptor) => put_ended(into, 9, descriptor),
        EnvChange::RollbackTransaction(descriptor) => put_ended(into, 10, descriptor),
        EnvChange::Reset => into.extend([18, 0, 0]),
    });
}

fn put_change(into: &mut Vec<u8>, kind: u8, new: &str, old: &str) {
    into.push(kind);
    put_b_varchar(into, new);
    put_b_varchar(into, old);
}

fn put_ended(into: &mut Vec<u8>, kind: u8, descriptor: u64) {
    into.extend([kind, 0, 8]);
    into.extend(descriptor.to_le_bytes());
}

/// `LOGINACK`.
pub fn login_ack(into: &mut Vec<u8>, tds_version: u32, (major, minor, build): (u8, u8, u16)) {
    const T_SQL: u8 = 1;
    into.push(LOGIN_ACK);
    counted(into, |into| {
        into.push(T_SQL);
        into.extend(tds_version.to_be_bytes());
        put_b_varchar(into, "Microsoft SQL Server");
        into.extend([major, minor]);
        into.extend(build.to_be_bytes());
    });
}

/// `FEATUREEXTACK` that acknowledges none of the features.
pub fn no_features(into: &mut Vec<u8>) {
    into.extend([FEATURE_ACK, 0xff]);
}

/// `FEATUREEXTACK` that acknowledges a federated sign-in, without a nonce.
pub fn federated(into: &mut Vec<u8>) {
    into.extend([FEATURE_ACK, 0x02, 0, 0, 0, 0, 0xff]);
}

/// Writes two bytes with the length of what `write` appends.
fn counted(into: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = into.len();
    into.extend([0, 0]);
    write(into);
    let n_bytes = into.len() - at - 2;
    put_ushort_at(into, at, n_bytes as u16);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_done_is_thirteen_bytes() {
        let mut bytes = Vec::new();
        let end = Done {
            command: 193,
            rows: Some(2),
            failed: true,
        };
        let status = DoneStatus {
            more: true,
            ..DoneStatus::default()
        };
        done(&mut bytes, DoneToken::Done, end, status);
        assert_eq!(bytes, [0xfd, 0x13, 0, 193, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn an_error_has_its_number_first() {
        let mut bytes = Vec::new();
        let error = Message::error(50_000, "é").with_state(3);
        message(&mut bytes, &error, "S");
        assert_eq!(
            bytes,
            [
                0xaa, 18, 0, 0x50, 0xc3, 0, 0, 3, 16, 1, 0, 0xe9, 0, 1, b'S', 0, 0, 1, 0, 0, 0
            ]
        );
        let mut bytes = Vec::new();
        message(&mut bytes, &Message::info(0, "x"), "");
        assert_eq!(bytes[0], 0xab);
    }

    #[test]
    fn a_long_message_still_fits_its_length() {
        let mut bytes = Vec::new();
        message(&mut bytes, &Message::error(1, "x".repeat(100_000)), "S");
        let length = usize::from(u16::from_le_bytes([bytes[1], bytes[2]]));
        assert_eq!(length + 3, bytes.len());
    }

    #[test]
    fn rows_follow_their_columns() {
        let two = [
            Column {
                name: "a".to_owned(),
                ty: SqlType::Int,
                nullable: false,
            },
            Column {
                name: String::new(),
                ty: SqlType::NVarChar(crate::practice::value::Length::Limited(3)),
                nullable: true,
            },
        ];
        let mut bytes = Vec::new();
        columns(&mut bytes, &two);
        row(&mut bytes, &two, &[Value::Int(1), Value::Text("b".into())]);
        row(&mut bytes, &two, &[Value::Int(1)]);
        let expected: &[u8] = &[
            0x81, 2, 0, // two columns
            0, 0, 0, 0, 0, 0, 0x26, 4, 1, b'a', 0, // int, not null
            0, 0, 0, 0, 1, 0, 0xe7, 6, 0, 0x09, 0x04, 0xd0, 0x00, 0x34, 0, // nvarchar(3)
            0xd1, 4, 1, 0, 0, 0, 2, 0, b'b', 0, // 1, N'b'
            0xd1, 4, 1, 0, 0, 0, 0xff, 0xff, // 1, NULL
        ];
        assert_eq!(bytes, expected);
    }
}
