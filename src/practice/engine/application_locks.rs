//! Application locks (`sp_getapplock`): names that sessions hold, shared or alone.

use super::{DatabaseId, SessionId};
use std::collections::BTreeMap;

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationLockMode {
    Shared,
    Exclusive,
}

/// Until when a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationLockOwner {
    Session,
    Transaction,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    session: SessionId,
    mode: ApplicationLockMode,
    owner: ApplicationLockOwner,
}

/// All application locks, by database and name; names differ by case, as the server's do.
#[derive(Debug, Default)]
pub struct ApplicationLocks {
    held: BTreeMap<(DatabaseId, String), Vec<Holder>>,
}

impl ApplicationLocks {
    /// Takes the lock unless another session's hold is in the way.
    pub fn acquire(
        &mut self,
        session: SessionId,
        database: DatabaseId,
        resource: &str,
        mode: ApplicationLockMode,
        owner: ApplicationLockOwner,
    ) -> bool {
        let holders = self
            .held
            .entry((database, resource.to_owned()))
            .or_default();
        let free = holders.iter().all(|h| {
            h.session == session
                || h.mode == ApplicationLockMode::Shared && mode == ApplicationLockMode::Shared
        });
        if free {
            holders.push(Holder {
                session,
                mode,
                owner,
            });
        }
        free
    }

    /// Gives one hold back; `false` when the session has none.
    pub fn release(
        &mut self,
        session: SessionId,
        database: DatabaseId,
        resource: &str,
        owner: ApplicationLockOwner,
    ) -> bool {
        let key = (database, resource.to_owned());
        let Some(holders) = self.held.get_mut(&key) else {
            return false;
        };
        let Some(at) = holders
            .iter()
            .rposition(|h| h.session == session && h.owner == owner)
        else {
            return false;
        };
        holders.remove(at);
        if holders.is_empty() {
            self.held.remove(&key);
        }
        true
    }

    /// The end of a transaction.
    pub fn release_transaction(&mut self, session: SessionId) {
        self.retain(|h| h.session != session || h.owner != ApplicationLockOwner::Transaction);
    }

    /// The end of a session.
    pub fn release_session(&mut self, session: SessionId) {
        self.retain(|h| h.session != session);
    }

    fn retain(&mut self, keep: impl Fn(&Holder) -> bool) {
        self.held.retain(|_, holders| {
            holders.retain(|h| keep(h));
            !holders.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ApplicationLockMode::{Exclusive, Shared};
    use ApplicationLockOwner::{Session, Transaction};

    #[test]
    fn one_alone_or_many_shared() {
        let mut locks = ApplicationLocks::default();
        assert!(locks.acquire(51, 1, "a", Shared, Session));
        assert!(locks.acquire(52, 1, "a", Shared, Transaction));
        assert!(!locks.acquire(53, 1, "a", Exclusive, Session));
        assert!(locks.acquire(53, 2, "a", Exclusive, Session));
        locks.release_transaction(52);
        assert!(!locks.acquire(53, 1, "a", Exclusive, Session));
        assert!(locks.release(51, 1, "a", Session));
        assert!(!locks.release(51, 1, "a", Session));
        assert!(locks.acquire(53, 1, "a", Exclusive, Session));
        assert!(!locks.acquire(51, 1, "a", Shared, Session));
        locks.release_session(53);
        assert!(locks.acquire(51, 1, "a", Shared, Session));
    }
}
