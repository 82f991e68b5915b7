//! A mark as the target: a record that must lie in the last log, on the branch on which it was written.

use super::{Crossing, FindingKind, Judge, Severity, State};
use crate::domain::{BackupSet, BackupType, MarkTarget};
use chrono::TimeDelta;

impl Judge<'_> {
    /// A mark is a record: it lies in the last log, and in nothing before.
    pub(super) fn judge_mark(
        &mut self,
        sets: &[&BackupSet],
        state: &State<'_>,
        target: MarkTarget,
    ) {
        let known = self.history.mark(target);
        let named = self
            .plan
            .stop_mark
            .as_ref()
            .zip(known)
            .is_some_and(|(stop, mark)| {
                stop.name == *mark.name
                    && stop.stop == target.stop
                    && stop.after == mark.at.server.datetime_tick()
            });
        if !named {
            self.find(Severity::Error, FindingKind::MarkUnknown, None);
        }
        let lsn = target.lsn;
        let started = self.plan.start.restoring();
        if started.is_some_and(|started| started.redo > lsn) {
            self.find(Severity::Error, FindingKind::MarkPassed, None);
        }
        let (earlier, last) = match (self.plan.tail, sets.split_last()) {
            (None, Some((last, earlier))) => (earlier, Some(*last)),
            _ => (sets, None),
        };
        for (n, _) in earlier
            .iter()
            .enumerate()
            .filter(|(_, set)| set.last_lsn > lsn)
        {
            self.error(FindingKind::MarkPassed, n);
        }
        let Some(last) = last else {
            if state.redo > lsn || self.plan.tail.is_none() {
                self.find(Severity::Error, FindingKind::TargetNotReached, None);
            }
            return;
        };
        let n = sets.len() - 1;
        let holds = last.kind() == BackupType::Log && last.first_lsn <= lsn && lsn < last.last_lsn;
        if !holds {
            self.error(FindingKind::TargetNotReached, n);
        }
        // msdb keeps whole seconds of a backup.
        let late = target.at.instant > last.finish().instant.plus(TimeDelta::seconds(1));
        let on_new = last.lineage.first_fork != last.lineage.last_fork
            && last.lineage.fork_point.is_none_or(|point| lsn >= point);
        let begun = self
            .history
            .restores()
            .iter()
            .rfind(|restore| restore.at.instant <= last.start().instant);
        let before_fork = on_new
            && begun.is_none_or(|restore| {
                restore.at.instant > target.at.instant.plus(TimeDelta::seconds(1))
            });
        // Before the fork point the mark is on the common past only if nothing else was restored in between.
        let n_restores = |crossing: Crossing| {
            let restores = self.history.restores().iter();
            restores
                .filter(|restore| {
                    crossing.held_before < restore.at.instant
                        && restore.at.instant <= last.start().instant
                })
                .count()
        };
        let uncertain = !on_new && state.crossed_from.is_some_and(|from| n_restores(from) != 1);
        let later = earlier
            .iter()
            .any(|set| set.start().instant > target.at.instant.plus(TimeDelta::seconds(1)));
        if late || later || before_fork || uncertain {
            self.error(FindingKind::AbandonedBranch, n);
        }
    }
}
