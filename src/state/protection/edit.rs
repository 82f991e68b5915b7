//! What a change on the page does to the policy that is wanted.

use super::ProtectionAction;
use crate::domain::{DayTimes, MinuteOfDay, Policy, PolicyBackup, PolicyKind, Times};
use std::num::NonZeroU32;

/// Does a change of the form to the policy.
pub(super) fn edit(policy: &mut Policy, change: ProtectionAction) {
    match change {
        ProtectionAction::Share(share) => policy.share = share,
        ProtectionAction::Times(kind, at) => set_times(policy, kind, at),
        ProtectionAction::Verify(kind, verify) => {
            if let Some(backup) = policy.backups.iter_mut().find(|backup| backup.kind == kind) {
                backup.verify = verify;
            }
        }
        ProtectionAction::Compression(on) => policy.options.compression = on,
        ProtectionAction::Checksum(on) => policy.options.checksum = on,
        ProtectionAction::Operator(name) => {
            policy.notify.operator = Some(name).filter(|name| !name.trim().is_empty());
        }
        ProtectionAction::WindowDays(days) => {
            if let Some(days) = NonZeroU32::new(days) {
                policy.retention.window_days = days;
            }
        }
        ProtectionAction::LeastFulls(fulls) => {
            if let Some(fulls) = NonZeroU32::new(fulls) {
                policy.retention.least_fulls = fulls;
            }
        }
        ProtectionAction::Deleting(deleting) => policy.retention.deleting = deleting,
        _ => {}
    }
}

fn set_times(policy: &mut Policy, kind: PolicyKind, at: Option<DayTimes>) {
    let Some(at) = at else {
        // Nothing else can be restored from without a full.
        if kind != PolicyKind::Full {
            policy.backups.retain(|backup| backup.kind != kind);
        }
        return;
    };
    match policy.backups.iter_mut().find(|backup| backup.kind == kind) {
        Some(backup) => backup.times.at = at,
        None => {
            policy.backups.push(PolicyBackup {
                kind,
                times: Times {
                    at,
                    ..Times::daily(MinuteOfDay::MIDNIGHT)
                },
                folder: kind.word().to_owned(),
                verify: false,
            });
            policy.backups.sort_by_key(|backup| backup.kind);
        }
    }
}
