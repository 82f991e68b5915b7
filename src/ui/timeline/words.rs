//! What lies under the pointer, in words.

use super::{CurveUnit, Layout, TimeScale, interact::Place, paint::value_words};
use crate::{
    domain::{BackupSet, BackupType, DatabaseEvent, EstimateBasis, SkipReason, UtcTime, role_of},
    explain::{backup_word, event_line, figures, set_role, skip_reason},
    state::{DatabaseView, SpanKind, State},
};
use egui::{Pos2, vec2};

/// What lies under the pointer, in words.
pub(super) fn words_at(
    at: Pos2,
    place: &Place<'_>,
    state: &State,
    database: &DatabaseView,
) -> Option<String> {
    let (layout, scale) = (place.layout, place.scale);
    if let Some(set) = lane_set_at(at, layout, scale, database) {
        return Some(set_words(set, state, database));
    }
    let time = scale.time_from_x(f64::from(at.x));
    let near = 3.0 * scale.seconds_per_point();
    if layout.band.expand2(vec2(0.0, 3.0)).contains(at) {
        let left = database
            .branches
            .iter()
            .any(|branch| branch.left <= time && time < branch.begins);
        let span = database
            .spans
            .iter()
            .filter(|span| span.begin - near <= time && time <= span.end + near)
            .min_by_key(|span| !matches!(span.kind, SpanKind::Gap(_)))?;
        return Some(match &span.kind {
            SpanKind::Restorable if left => {
                "On a branch that was left: the database was restored to an earlier point later on. \
                 Any second here can be restored all the same"
                    .to_owned()
            }
            SpanKind::Restorable => "Any second here can be restored".to_owned(),
            SpanKind::Gap(reason) => reason.clone(),
            SpanKind::Tail => {
                "Not backed up yet: a copy-only log backup is taken first, the database stays online"
                    .to_owned()
            }
        });
    }
    if layout.curve.contains(at) {
        let nearest = place
            .curve
            .pieces
            .iter()
            .flatten()
            .min_by(|a, b| (a.0 - time).abs().total_cmp(&(b.0 - time).abs()))
            .filter(|(found, _)| (found - time).abs() <= 2.0 * near)?;
        let words = value_words(place.curve.unit, nearest.1);
        return Some(match place.curve.unit {
            CurveUnit::Seconds(EstimateBasis::Measured) => {
                format!("Ready in about {words}, as restores here were measured")
            }
            CurveUnit::Seconds(EstimateBasis::BackupSpeed) => {
                format!("Ready in about {words}, at the speed at which the backups were written")
            }
            CurveUnit::Bytes => format!("{words} to read; nothing tells yet how long that takes"),
        });
    }
    let events = events_at(at, layout, scale, database);
    if !events.is_empty() {
        let mut lines: Vec<String> = events
            .iter()
            .take(8)
            .map(|event| event_line(event))
            .collect();
        if events.len() > lines.len() {
            lines.push(format!("and {} more", events.len() - lines.len()));
        }
        lines.push("A click puts the marker just before".to_owned());
        return Some(lines.join("\n"));
    }
    None
}

/// The events whose sign is under the pointer.
pub(super) fn events_at<'a>(
    at: Pos2,
    layout: &Layout,
    scale: &TimeScale,
    database: &'a DatabaseView,
) -> Vec<&'a DatabaseEvent> {
    if !layout.events.expand2(vec2(0.0, 3.0)).contains(at) {
        return Vec::new();
    }
    let time = scale.time_from_x(f64::from(at.x));
    let near = 5.0 * scale.seconds_per_point();
    let first = database
        .events
        .partition_point(|event| event.at.instant.seconds() < time - near);
    database
        .events
        .iter()
        .skip(first)
        .take_while(|event| event.at.instant.seconds() <= time + near)
        .collect()
}

/// The backup whose bar is under the pointer.
pub(super) fn lane_set_at<'a>(
    at: Pos2,
    layout: &Layout,
    scale: &TimeScale,
    database: &'a DatabaseView,
) -> Option<&'a BackupSet> {
    let kinds = [BackupType::Full, BackupType::Differential, BackupType::Log];
    let (_, kind) = layout
        .lanes
        .iter()
        .zip(kinds)
        .find(|(lane, _)| lane.contains(at))?;
    set_at(at, scale, database, kind)
}

pub(super) fn set_at<'a>(
    at: Pos2,
    scale: &TimeScale,
    database: &'a DatabaseView,
    kind: BackupType,
) -> Option<&'a BackupSet> {
    let lane = database.history.lane(kind)?;
    let time = scale.time_from_x(f64::from(at.x));
    let slack = 6.0 * scale.seconds_per_point();
    let end = lane.started_before(UtcTime::from_seconds(time + slack)?);
    lane.iter_from(end.saturating_sub(2))
        .take(2)
        .filter(|set| {
            let begin = set.start().instant.seconds();
            let finish = set.finish().instant.seconds();
            begin - slack <= time && time <= finish + slack
        })
        .min_by(|a, b| {
            let distance = |set: &BackupSet| (set.start().instant.seconds() - time).abs();
            distance(a).total_cmp(&distance(b))
        })
}

pub(super) fn set_words(set: &BackupSet, state: &State, database: &DatabaseView) -> String {
    let mut name = backup_word(set.kind()).to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let mut words = format!(
        "{name} · {} · {}",
        figures::date_time(set.finish().server),
        set.bytes()
            .map_or_else(|| "size unknown".to_owned(), figures::size),
    );
    if set.is_copy_only() {
        words.push_str(" · copy-only");
    }
    for device in set.device_names().take(4) {
        words.push('\n');
        words.push_str(device);
    }
    let trouble = || Some(skip_reason(SkipReason::Trouble(set.trouble()?)));
    if let Some(role) = role_words(state, database, set.uuid).or_else(trouble) {
        words.push('\n');
        words.push_str(&role);
    }
    words
}

/// Why the plan restores a backup, or why not; nothing without a plan.
pub fn role_words(state: &State, database: &DatabaseView, uuid: uuid::Uuid) -> Option<String> {
    let plan = state.plan.plan()?;
    let request = state.request()?;
    role_of(&database.history, &request, plan, uuid).map(set_role)
}
