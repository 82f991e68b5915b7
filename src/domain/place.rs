//! Puts the local times of rows on the axis of instants.

use super::{BackupSet, HistoryNoteKind, ServerClock, UtcOffset, judge::Notes, set::UNKNOWN_ZONE};
use std::sync::Arc;

/// How the local times of rows become moments.
pub(super) struct Place<'a> {
    pub clock: &'a Arc<ServerClock>,
    pub fixed: Option<UtcOffset>,
    pub home: Option<&'a str>,
}

impl Place<'_> {
    pub fn zone(&self, set: &BackupSet) -> Option<i64> {
        if set.zone != UNKNOWN_ZONE {
            Some(i64::from(set.zone))
        } else {
            self.fixed.map(|offset| i64::from(offset.minutes()))
        }
    }

    fn offset_minutes(&self, second: i64) -> i16 {
        self.clock
            .offset_at_second(second)
            .and_then(|offset| i16::try_from(offset.minutes()).ok())
            .unwrap_or(0)
    }

    fn is_home(&self, set: &BackupSet) -> bool {
        let server = set.origin.server_name.as_deref();
        server
            .zip(self.home)
            .is_none_or(|(a, b)| a.eq_ignore_ascii_case(b))
    }

    /// Puts the local times of a set on the axis of instants.
    pub fn on_instants(&self, set: &mut BackupSet, notes: &mut Notes) {
        let zone = self.zone(set).unwrap_or(0);
        let finish_local = set.finish_second();
        set.start -= zone * 60;
        let mut finish = finish_local - zone * 60;
        set.start_offset = self.offset_minutes(set.start);
        // The zone is that of the start: a backup that ran over a clock change finished in another one.
        let there = i64::from(self.offset_minutes(finish));
        let moved = finish_local - there * 60;
        if there != zone && moved >= set.start && self.is_home(set) {
            finish = moved;
        }
        if finish < set.start {
            note_backwards(set, notes);
            finish = set.start;
        }
        set.length_secs = i32::try_from(finish - set.start).unwrap_or(i32::MAX);
        set.finish_offset = self.offset_minutes(finish);
    }
}

pub(super) fn note_backwards(set: &BackupSet, notes: &mut Notes) {
    notes.add(
        HistoryNoteKind::FinishBeforeStart,
        set.origin.database_name.as_deref(),
        || format!("backup_set_uuid {}", set.uuid),
    );
}
