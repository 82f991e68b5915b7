//! Where a restore begins, stops and goes.

use crate::domain::{
    Destination, Lsn, MarkStop, MarkTarget, Moment, RestoringState, ServerTime, StopMark, Target,
    UtcTime,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredTarget {
    At {
        server: NaiveDateTime,
        instant: DateTime<Utc>,
    },
    Mark {
        /// Decimal, as text.
        lsn: String,
        server: NaiveDateTime,
        instant: DateTime<Utc>,
        /// `STOPBEFOREMARK`.
        before: bool,
    },
    Latest,
}

impl StoredTarget {
    pub(super) fn of(target: &Target) -> Self {
        match target {
            Target::At(moment) => Self::At {
                server: moment.server.0,
                instant: moment.instant.0,
            },
            Target::Mark(mark) => Self::Mark {
                lsn: mark.lsn.decimal().to_string(),
                server: mark.at.server.0,
                instant: mark.at.instant.0,
                before: mark.stop == MarkStop::Before,
            },
            Target::Latest => Self::Latest,
        }
    }

    pub(super) fn target(&self) -> Option<Target> {
        let moment = |server, instant| Moment {
            server: ServerTime(server),
            instant: UtcTime(instant),
        };
        Some(match self {
            Self::At { server, instant } => Target::At(moment(*server, *instant)),
            Self::Mark {
                lsn,
                server,
                instant,
                before,
            } => Target::Mark(MarkTarget {
                lsn: lsn_of(lsn)?,
                at: moment(*server, *instant),
                stop: stop_of(*before),
            }),
            Self::Latest => Target::Latest,
        })
    }
}

/// The clause that stops a log at a mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredStopMark {
    name: String,
    after: NaiveDateTime,
    before: bool,
}

impl StoredStopMark {
    pub(super) fn of(mark: &StopMark) -> Self {
        let StopMark { name, after, stop } = mark;
        Self {
            name: name.clone(),
            after: after.0,
            before: *stop == MarkStop::Before,
        }
    }

    pub(super) fn stop_mark(&self) -> StopMark {
        StopMark {
            name: self.name.clone(),
            after: ServerTime(self.after),
            stop: stop_of(self.before),
        }
    }
}

/// A database in `RESTORING` that a plan goes on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredStart {
    redo: String,
    fork: Option<Uuid>,
    family: Option<Uuid>,
    differential_base: Option<Uuid>,
    files: Vec<String>,
}

impl StoredStart {
    pub(super) fn of(state: &RestoringState) -> Self {
        Self {
            redo: state.redo.decimal().to_string(),
            fork: state.fork,
            family: state.family,
            differential_base: state.differential_base,
            files: state.files.clone(),
        }
    }

    pub(super) fn state(&self) -> Option<RestoringState> {
        Some(RestoringState {
            redo: lsn_of(&self.redo)?,
            fork: self.fork,
            family: self.family,
            differential_base: self.differential_base,
            files: self.files.clone(),
            stands_at: None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredDestination {
    Original,
    Copy {
        name: String,
        files_to: Option<String>,
    },
}

impl StoredDestination {
    pub(super) fn of(destination: &Destination) -> Self {
        match destination {
            Destination::Original => Self::Original,
            Destination::Copy { name, files_to } => Self::Copy {
                name: name.clone(),
                files_to: files_to.clone(),
            },
        }
    }

    pub(super) fn destination(&self) -> Destination {
        match self {
            Self::Original => Destination::Original,
            Self::Copy { name, files_to } => Destination::Copy {
                name: name.clone(),
                files_to: files_to.clone(),
            },
        }
    }
}

/// `None` for what is no LSN.
pub(super) fn lsn_of(text: &str) -> Option<Lsn> {
    text.parse().ok().and_then(Lsn::new)
}

fn stop_of(before: bool) -> MarkStop {
    if before {
        MarkStop::Before
    } else {
        MarkStop::At
    }
}
