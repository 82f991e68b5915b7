//! Batches and transaction requests ([MS-TDS] 2.2.6.7, 2.2.6.9), and the headers before them (2.2.5.3).

use super::{
    WireError,
    bytes::{Fields, utf16_text},
};

/// What a transaction manager request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionOrder {
    /// `BEGIN TRAN`.
    Begin {
        /// May be empty.
        name: String,
    },
    /// `COMMIT`, and a new transaction when asked.
    Commit {
        /// May be empty.
        name: String,
        /// Begin another one.
        begin: bool,
    },
    /// `ROLLBACK`, and a new transaction when asked.
    Rollback {
        /// A savepoint or transaction, or empty.
        name: String,
        /// Begin another one.
        begin: bool,
    },
    /// `SAVE TRAN`.
    Save {
        /// The savepoint.
        name: String,
    },
}

/// The text of a batch.
pub fn decode_batch(payload: &[u8]) -> Result<String, WireError> {
    let mut fields = Fields::new(payload);
    skip_headers(&mut fields)?;
    Ok(utf16_text(fields.rest()))
}

/// What a transaction manager request asks for.
pub fn decode_transaction(payload: &[u8]) -> Result<TransactionOrder, WireError> {
    let mut fields = Fields::new(payload);
    skip_headers(&mut fields)?;
    match fields.ushort()? {
        5 => {
            let _isolation_level = fields.byte()?;
            Ok(TransactionOrder::Begin {
                name: fields.b_varchar()?,
            })
        }
        7 => Ok(TransactionOrder::Commit {
            name: fields.b_varchar()?,
            begin: fields.byte()? & 1 != 0,
        }),
        8 => Ok(TransactionOrder::Rollback {
            name: fields.b_varchar()?,
            begin: fields.byte()? & 1 != 0,
        }),
        9 => Ok(TransactionOrder::Save {
            name: fields.b_varchar()?,
        }),
        0 | 1 | 6 => Err(WireError::Unsupported("a distributed transaction")),
        _ => Err(WireError::Invalid("transaction request")),
    }
}

/// Skips `ALL_HEADERS`: the transaction they name is always the session's own, as there is no MARS.
pub fn skip_headers(fields: &mut Fields<'_>) -> Result<(), WireError> {
    let total = fields.ulong()? as usize;
    let mut headers = Fields::new(fields.take(total.saturating_sub(4))?);
    while !headers.is_empty() {
        let length = headers.ulong()? as usize;
        if length < 6 {
            return Err(WireError::Invalid("header length"));
        }
        headers.take(length - 4)?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `ALL_HEADERS` with a transaction descriptor, as every client sends it.
    pub fn headers() -> Vec<u8> {
        let mut bytes = 22_u32.to_le_bytes().to_vec();
        bytes.extend(18_u32.to_le_bytes());
        bytes.extend(2_u16.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(1_u32.to_le_bytes());
        bytes
    }

    #[test]
    fn a_batch_is_what_follows_the_headers() {
        let mut bytes = headers();
        bytes.extend("SELECT 1".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decode_batch(&bytes), Ok("SELECT 1".to_owned()));
        assert_eq!(decode_batch(&bytes[..10]), Err(WireError::Truncated));
        assert_eq!(decode_batch(&headers()), Ok(String::new()));
    }

    #[test]
    fn transaction_requests() {
        let mut bytes = headers();
        bytes.extend([5, 0, 0, 0]);
        assert_eq!(
            decode_transaction(&bytes),
            Ok(TransactionOrder::Begin {
                name: String::new()
            })
        );
        let mut bytes = headers();
        bytes.extend([8, 0, 1, b's', 0, 1]);
        assert_eq!(
            decode_transaction(&bytes),
            Ok(TransactionOrder::Rollback {
                name: "s".to_owned(),
                begin: true
            })
        );
        let mut bytes = headers();
        bytes.extend([0, 0, 0, 0]);
        assert!(decode_transaction(&bytes).is_err());
    }
}
