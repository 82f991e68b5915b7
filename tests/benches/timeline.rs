//! Benchmarks: one frame of the timeline, at a hundred thousand and at a million sets.
//!
//! What is measured is the code of the window; tessellation and upload are not in it.

#[path = "../window/made_up.rs"]
mod made_up;

use divan::Bencher;
use egui::{Context, Event, Pos2, RawInput, Rect, pos2, vec2};
use made_up::{MadeUp, OFFSET, now};
use std::sync::{Arc, OnceLock};
use stopat::{
    domain::{History, UtcOffset},
    state::{Action, OwnClock, State, TimeRange},
    ui::{WindowView, theme},
    worker::{self, DatabaseState, DatabaseSummary, ServerId, ServerInfo, ServerStatus},
};

fn main() {
    divan::main();
}

const SIZES: [i64; 2] = [100_000, 1_000_000];

/// A window that shows a database of so many sets.
struct Window {
    ctx: Context,
    view: WindowView,
    state: State,
    frame: u64,
}

/// So many sets, nearly all of them in one unbroken chain of logs.
fn large(sets: i64) -> MadeUp {
    MadeUp {
        database: "Large".to_owned(),
        days: 365,
        log_every: (365 * 86_400 / sets).max(1),
        without_log: None,
    }
}

fn history(sets: i64) -> History {
    static HUNDRED: OnceLock<History> = OnceLock::new();
    static MILLION: OnceLock<History> = OnceLock::new();
    let made = || History::from_records(large(sets).records()).0;
    match sets {
        100_000 => HUNDRED.get_or_init(made).clone(),
        _ => MILLION.get_or_init(made).clone(),
    }
}

impl Window {
    fn new(sets: i64) -> Self {
        let offset = UtcOffset::from_minutes(OFFSET).expect("a real offset");
        let own = OwnClock {
            now: now(),
            offset: UtcOffset::ZERO,
        };
        let mut state = State::new(own, "default".to_owned());
        let server = ServerId::Practice;
        let info = ServerInfo {
            name: "PRACTICE".to_owned(),
            version: "16.0".to_owned(),
            version_text: "SQL Server".to_owned(),
            edition: "Developer".to_owned(),
            login: "practice".to_owned(),
            clock_skew_millis: 0,
            utc_offset: offset,
            path_separator: '\\',
            default_data_path: None,
            default_log_path: None,
            default_backup_path: None,
        };
        let summary = DatabaseSummary {
            name: "Large".to_owned(),
            state: DatabaseState::Online,
            recovery_model: Some("FULL".to_owned()),
            size_bytes: Some(1),
            newest_backup: Some(now()),
            is_system: false,
        };
        for event in [
            worker::Event::Server {
                server,
                status: ServerStatus::Connected(Arc::new(info)),
            },
            worker::Event::Databases {
                server,
                databases: Arc::new(vec![summary]),
            },
            worker::Event::History {
                server,
                history: history(sets),
                notes: Arc::default(),
                read_at: now(),
            },
        ] {
            state.apply(event);
        }
        state.update(Action::SelectDatabase {
            server,
            database: "Large".to_owned(),
        });
        assert!(state.database.is_some(), "the history has the database");
        let ctx = Context::default();
        theme::install(&ctx);
        let mut window = Self {
            ctx,
            view: WindowView::default(),
            state,
            frame: 0,
        };
        let whole = window.whole();
        window.state.update(Action::ShowRange(whole));
        for _ in 0..3 {
            window.show(Vec::new());
        }
        window
    }

    fn whole(&self) -> TimeRange {
        self.state
            .database
            .as_ref()
            .map_or(TimeRange::new(0.0, 1.0), |database| database.whole())
    }

    fn show(&mut self, events: Vec<Event>) {
        self.frame += 1;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1440.0, 900.0))),
            time: Some(self.frame as f64 / 60.0),
            events,
            ..RawInput::default()
        };
        let Self {
            ctx, view, state, ..
        } = self;
        ctx.run_ui(input, |ui| {
            let (actions, _) = view.ui(ui, state);
            for action in actions {
                state.update(action);
            }
        })
        .drop_without_applying_deltas();
    }
}

/// Nothing changes: the mesh is kept.
#[divan::bench(args = SIZES)]
fn unchanged(bencher: Bencher<'_, '_>, sets: i64) {
    let mut window = Window::new(sets);
    bencher.bench_local(|| window.show(Vec::new()));
}

/// The marker moves: a plan, its sets and the flag in every frame.
#[divan::bench(args = SIZES)]
fn marker_moves(bencher: Bencher<'_, '_>, sets: i64) {
    let mut window = Window::new(sets);
    let whole = window.whole();
    let mut n = 0_u32;
    bencher.bench_local(|| {
        n = n.wrapping_add(1);
        let part = f64::from(n % 997) / 997.0;
        let time = whole.begin + whole.seconds() * part;
        window.state.update(Action::DragMarker(time));
        window.show(vec![Event::PointerMoved(pos2(700.0, 300.0))]);
    });
}

/// The lanes move along: everything is laid out again in every frame.
#[divan::bench(args = SIZES)]
fn panning(bencher: Bencher<'_, '_>, sets: i64) {
    let mut window = Window::new(sets);
    let whole = window.whole();
    let half = TimeRange::new(whole.begin, whole.begin + whole.seconds() / 2.0);
    let mut n = 0_u32;
    bencher.bench_local(|| {
        n = n.wrapping_add(1);
        let shift = whole.seconds() / 2.0 * f64::from(n % 499) / 499.0;
        window.state.update(Action::ShowRange(half.shifted(shift)));
        window.show(Vec::new());
    });
}
