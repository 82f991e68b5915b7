//! The marker and the part of the history in sight.

use super::{
    Change, MarkerStep, PlanState, RangePreset, RestoreChoice, Selection, State, TimeRange,
    TypedTime, parse_time,
};
use crate::domain::{Moment, UtcTime};
use uuid::Uuid;

impl State {
    // ---- the marker

    pub(super) fn plan_again(&mut self) {
        self.plan = match (&self.database, self.database_name()) {
            (Some(view), Some(name)) => view.plan(view.request(&self.choice, name)),
            _ => PlanState::NoMarker,
        };
        if let PlanState::Planned(plan) = &mut self.plan {
            plan.send_files(&self.choice.destination.files);
        }
    }

    pub(super) fn set_choice(&mut self, choice: RestoreChoice) {
        self.choice = choice;
        self.time_text = None;
        self.time_problem = None;
        self.follow_choice();
        self.show_marker();
    }

    pub(super) fn change(&mut self, change: Change, edit: impl FnOnce(&mut RestoreChoice)) {
        let before = self.choice.clone();
        edit(&mut self.choice);
        if self.choice != before {
            self.undo.note(&before, change);
            self.follow_choice();
        }
    }

    pub(super) fn set_moment(&mut self, moment: Moment, change: Change) {
        self.time_text = None;
        self.time_problem = None;
        self.change(change, |choice| {
            if choice.moment != Some(moment) {
                choice.base = None;
            }
            choice.moment = Some(moment);
            choice.aim = None;
        });
    }

    /// Moves the marker as near to `time` as something can be restored.
    pub(super) fn move_marker(&mut self, time: f64, change: Change) {
        if let Some(moment) = self
            .database
            .as_ref()
            .and_then(|database| database.nearest_restorable(time))
        {
            self.set_moment(moment, change);
        }
    }

    pub(super) fn go_to(&mut self, time: f64) {
        if let (Some(database), Some(instant)) = (&self.database, UtcTime::from_seconds(time)) {
            let moment = database.history.clock().moment_at(instant);
            self.set_moment(moment, Change::Single);
        }
    }

    pub(super) fn step_marker(&mut self, step: MarkerStep) {
        let Some(database) = &self.database else {
            return;
        };
        let at = self
            .choice
            .moment
            .map_or(self.visible.end, |moment| moment.instant.seconds());
        let to = match step {
            MarkerStep::Seconds(seconds) => database.step(at, seconds),
            MarkerStep::PreviousBackup => database.previous_backup(at),
            MarkerStep::NextBackup => database.next_backup(at),
            MarkerStep::FirstMoment => database.first_moment(),
            MarkerStep::LastMoment => database.last_moment(),
        };
        if let Some(moment) = to {
            self.set_moment(moment, Change::Keys);
            self.show_marker();
        }
    }

    pub(super) fn go_to_typed_time(&mut self, text: String) {
        let Some(database) = &self.database else {
            return;
        };
        let near = self.choice.moment.map_or_else(
            || database.history.clock().server_time(database.now),
            |moment| moment.server,
        );
        let clock = database.history.clock();
        match parse_time(&text, near) {
            Ok(TypedTime::Server(time)) => {
                let moment = clock.moment(time);
                self.set_moment(moment, Change::Single);
                self.show_marker();
            }
            Ok(TypedTime::Instant(_)) if !clock.knows_zone() => {
                self.time_text = Some(text);
                self.time_problem = Some(
                    "the backups do not tell the zone of this server; type its local time"
                        .to_owned(),
                );
            }
            Ok(TypedTime::Instant(instant)) => {
                let moment = clock.moment_at(instant);
                self.set_moment(moment, Change::Single);
                self.show_marker();
            }
            Err(error) => {
                self.time_text = Some(text);
                self.time_problem = Some(error.to_string());
            }
        }
    }

    pub(super) fn take_suggestion(&mut self) {
        let Some(suggestion) = self.suggestion.clone() else {
            return;
        };
        self.select(Selection::Database {
            server: suggestion.server,
            database: suggestion.database,
        });
        // The state at the end of the second before is the last that was good.
        self.go_to(suggestion.accident.seconds().floor() - 1.0);
        self.show_marker();
    }

    // ---- what is visible

    pub(super) fn show(&mut self, range: TimeRange) {
        self.visible = match &self.database {
            Some(database) => range.inside(database.whole()),
            None => range,
        };
    }

    pub(super) fn show_preset(&mut self, preset: RangePreset) {
        let Some(database) = &self.database else {
            return;
        };
        let whole = database.whole();
        let range = match preset.seconds() {
            None => whole,
            Some(seconds) => {
                // Around the marker when it is in sight, so that zooming in does not lose it.
                let marker = self.choice.moment.map(|m| m.instant.seconds());
                match marker.filter(|marker| self.visible.contains(*marker)) {
                    Some(marker) => {
                        let part = (marker - self.visible.begin) / self.visible.seconds();
                        TimeRange::new(marker - seconds * part, marker + seconds * (1.0 - part))
                    }
                    None => TimeRange::new(self.visible.end - seconds, self.visible.end),
                }
            }
        };
        self.show(range);
    }

    pub(super) fn zoom(&mut self, factor: f64) {
        let around = self
            .choice
            .moment
            .map(|moment| moment.instant.seconds())
            .filter(|time| self.visible.contains(*time))
            .unwrap_or((self.visible.begin + self.visible.end) / 2.0);
        self.show(self.visible.zoomed(around, factor));
    }

    /// Moves the window until the marker is inside, a tenth away from its edge.
    pub(super) fn show_marker(&mut self) {
        let Some(moment) = self.choice.moment else {
            return;
        };
        let time = moment.instant.seconds();
        let margin = self.visible.seconds() / 10.0;
        let range = if time < self.visible.begin + margin / 4.0 {
            self.visible.shifted(time - margin - self.visible.begin)
        } else if time > self.visible.end - margin / 4.0 {
            self.visible.shifted(time + margin - self.visible.end)
        } else {
            return;
        };
        self.visible = match &self.database {
            Some(database) => {
                let whole = database.whole();
                // A typed time may lie outside everything that there is.
                let whole =
                    TimeRange::new(whole.begin.min(time - margin), whole.end.max(time + margin));
                range.inside(whole)
            }
            None => range,
        };
    }

    pub(super) fn show_set(&mut self, uuid: Uuid) {
        self.chosen_set = Some(uuid);
        let Some(database) = &self.database else {
            return;
        };
        let Some(set) = database.history.set_by_uuid(uuid) else {
            return;
        };
        let finish = set.finish().instant.seconds();
        if !self.visible.contains(finish) {
            let half = self.visible.seconds() / 2.0;
            self.show(TimeRange::new(finish - half, finish + half));
        }
    }
}
