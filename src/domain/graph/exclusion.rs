//! Which sets take no part, and why.

use super::{Graph, Strictness};
use crate::domain::{
    BackupSet, BackupType, Limits, Lost, Origin, Role, Start, Trouble, Usage, database::same_path,
};

/// Why a set takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    Trouble(Trouble),
    KindIgnored,
    OtherServer,
    Part,
    Probe,
    StartsOver,
}

impl Graph {
    /// Why a set takes no part; `None` when it does.
    pub fn exclusion(&self, set: &BackupSet) -> Option<Exclusion> {
        let Limits {
            differentials,
            logs,
            taken_by,
            without,
            costs: _,
            start,
        } = &self.limits;
        match set.kind() {
            BackupType::Full if *start != Start::Nothing => return Some(Exclusion::StartsOver),
            BackupType::Full => {}
            BackupType::Differential if *differentials == Usage::Use => {}
            BackupType::Log if *logs == Usage::Use => {}
            BackupType::Differential | BackupType::Log => return Some(Exclusion::KindIgnored),
            _ => return Some(Exclusion::Part),
        }
        if set.is_probe() {
            return Some(Exclusion::Probe);
        }
        if let Some(server) = taken_by
            && !taken_by_server(&set.origin, server)
        {
            return Some(Exclusion::OtherServer);
        }
        let trouble = if without.is_empty() {
            set.trouble()
        } else {
            trouble_without(set, without)
        };
        match (self.strictness, trouble) {
            (_, None) => None,
            (Strictness::Ideal, Some(Trouble::NoLsn)) => Some(Exclusion::Trouble(Trouble::NoLsn)),
            (Strictness::Ideal, Some(_)) => None,
            (Strictness::Real, Some(trouble)) => Some(Exclusion::Trouble(trouble)),
        }
    }

    /// Whether a set takes no part; keeps count of why.
    pub fn note_exclusion(&mut self, set: &BackupSet) -> bool {
        let exclusion = self.exclusion(set);
        match exclusion {
            Some(Exclusion::Trouble(_)) => self.has_trouble = true,
            Some(Exclusion::Part) => self.n_parts += 1,
            _ => {}
        }
        // An empty log need not be readable: its row alone says that nothing changed (rule 8).
        let tells = matches!(exclusion, Some(Exclusion::Trouble(trouble)) if trouble != Trouble::NoLsn)
            && matches!(set.role, Role::Log)
            && set.first_lsn == set.last_lsn;
        exclusion.is_some() && !tells
    }
}

fn taken_by_server(origin: &Origin, server: &str) -> bool {
    origin
        .server_name
        .as_deref()
        .is_some_and(|name| name.eq_ignore_ascii_case(server))
}

/// Why a set cannot be restored when these sets and files are lost as well.
fn trouble_without(set: &BackupSet, without: &[Lost]) -> Option<Trouble> {
    let set_lost = without
        .iter()
        .any(|lost| matches!(lost, Lost::Set(uuid) if *uuid == set.uuid));
    if set_lost {
        return Some(Trouble::TreatedAsLost);
    }
    let lost = |name: &str| {
        without
            .iter()
            .any(|lost| matches!(lost, Lost::File(path) if same_path(path, name)))
    };
    let trouble = set.trouble_without(&lost);
    match trouble {
        Some(Trouble::StripeMissing(_)) if set.trouble().is_none() => Some(Trouble::TreatedAsLost),
        other => other,
    }
}
