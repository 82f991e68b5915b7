//! Encrypted pieces of data: not to be read without the private key of the certificate.
//!
//! The stream is SHA-256 in counter mode, the same whatever `ALGORITHM` says: practice rows are nobody's secrets,
//! and that nothing can be read without the key is all that has to be shown.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Makes the pieces of one set unreadable, and readable again.
pub struct Cipher {
    head: Sha256,
}

impl Cipher {
    /// For the set with this id, by the private key of a certificate.
    pub fn new(secret: &[u8; 32], set: Uuid) -> Self {
        Self {
            head: Sha256::new()
                .chain_update(secret)
                .chain_update(set.as_bytes()),
        }
    }

    /// Turns the bytes of a piece into the other state.
    pub(super) fn apply(&self, piece: usize, bytes: &mut [u8]) {
        let head = self.head.clone().chain_update((piece as u64).to_le_bytes());
        for (chunk, counter) in bytes.chunks_mut(32).zip(0_u64..) {
            let stream = head.clone().chain_update(counter.to_le_bytes()).finalize();
            for (byte, other) in chunk.iter_mut().zip(stream) {
                *byte ^= other;
            }
        }
    }
}
