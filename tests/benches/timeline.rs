//! Benchmarks: one frame of the timeline, at a hundred thousand and at a million sets.
//!
//! What is measured is the code of the window; tessellation and upload are not in it.

#[path = "../window/made_up.rs"]
mod made_up;

use divan::Bencher;
use egui::{Context, Event, Pos2, RawInput, Rect, pos2, vec2};
use made_up::{MadeUp, OFFSET, now};
use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use stopat::{
    app::{App, Backend},
    domain::{History, Target, UtcOffset},
    settings::Preferences,
    state::{Action, OwnClock, State, TimeRange},
    ui::{WindowView, theme},
    worker::{self, DatabaseState, DatabaseSummary, Request, ServerId, ServerInfo, ServerStatus},
};

fn main() {
    divan::main();
    drag_over_a_million();
}

/// Moves of the scripted drag.
const MOVES: usize = 300;

/// No worker: the window is told what it needs before the drag.
struct Silent;

impl Backend for Silent {
    fn send(&self, _request: Request) {}

    fn next_event(&self) -> Option<worker::Event> {
        None
    }
}

/// Drags the marker over a million sets and back, and tells the 95th percentile of what a frame costs: `App::logic` and `ui`.
#[expect(clippy::print_stdout, reason = "its figure is what a benchmark is for")]
fn drag_over_a_million() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    if wanted.is_some_and(|filter| !"drag_over_a_million".contains(&filter)) {
        return;
    }
    let ctx = Context::default();
    let clock = || OwnClock {
        now: now(),
        offset: UtcOffset::ZERO,
        offset_at: |_| UtcOffset::ZERO,
    };
    let mut app = App::new(
        &ctx,
        Box::new(Silent),
        Box::new(clock),
        Preferences::default(),
    );
    for event in connected(1_000_000) {
        app.state.apply(event);
    }
    app.state.update(Action::SelectDatabase {
        server: ServerId::Practice,
        database: "Large".to_owned(),
    });
    let whole = app
        .state
        .database
        .as_ref()
        .map_or(TimeRange::new(0.0, 1.0), |database| database.whole());
    app.state.update(Action::ShowRange(whole));
    let middle = whole.begin + whole.seconds() / 2.0;
    app.state.update(Action::PlaceMarker(middle));
    let mut host = eframe::Frame::_new_kittest();
    let mut n_frames = 0_u32;
    let mut frame = |app: &mut App, events: Vec<Event>| {
        n_frames += 1;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1440.0, 900.0))),
            time: Some(f64::from(n_frames) / 60.0),
            events,
            ..RawInput::default()
        };
        let begin = Instant::now();
        eframe::App::logic(app, &ctx, &mut host);
        ctx.run_ui(input, |ui| eframe::App::ui(app, ui, &mut host))
            .drop_without_applying_deltas();
        begin.elapsed()
    };
    // The plot lies between the two panels; the flag of the marker at its foot.
    let (left, right) = (353.0, 1074.0);
    let marker_x = |app: &App| -> f32 {
        let moment = app
            .state
            .choice
            .moment
            .map_or(middle, |m| m.instant.seconds());
        let part = (moment - app.state.visible.begin) / app.state.visible.seconds();
        left + (right - left) * part as f32
    };
    for _ in 0..4 {
        frame(&mut app, Vec::new());
    }
    let y = 300.0;
    let press = |x: f32, pressed: bool| Event::PointerButton {
        pos: pos2(x, y),
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: egui::Modifiers::NONE,
    };
    let begin = marker_x(&app);
    frame(&mut app, vec![Event::PointerMoved(pos2(begin, y))]);
    frame(&mut app, vec![press(begin, true)]);
    // How many frames showed the marker elsewhere than the one before, with the plan to where it is.
    let mut n_followed = 0_usize;
    let mut shown = app.state.choice.moment;
    let mut times: Vec<Duration> = (0..MOVES)
        .map(|n| {
            // There and back over nearly the whole plot, within what can be restored and never twice at one place.
            let part = (n as f32 / MOVES as f32 * std::f32::consts::TAU).sin();
            let x = f32::midpoint(left, right) + part * (right - left) * 0.45;
            let time = frame(&mut app, vec![Event::PointerMoved(pos2(x, y))]);
            let moment = app.state.choice.moment;
            let planned =
                app.state.plan.plan().is_some_and(|plan| {
                    moment.is_some_and(|moment| plan.target == Target::At(moment))
                });
            n_followed += usize::from(moment != shown && planned);
            shown = moment;
            time
        })
        .collect();
    frame(&mut app, vec![press(left + 40.0, false)]);
    assert!(
        n_followed * 20 >= MOVES * 19,
        "the marker followed {n_followed} of {MOVES} moves, each with its plan"
    );
    times.sort_unstable();
    let at = |part: f64| {
        times
            .get((part * MOVES as f64) as usize)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "drag_over_a_million: {MOVES} moves, {n_followed} followed and planned, frame p50 {:?}, p95 {:?}, most {:?}",
        at(0.5),
        at(0.95),
        times.last().copied().unwrap_or_default()
    );
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
        // A divisor of six hours, so that fulls and differentials fall due as well.
        log_every: if sets > 100_000 { 30 } else { 300 },
        without_log: None,
    }
}

fn history(sets: i64) -> History {
    static HUNDRED: OnceLock<History> = OnceLock::new();
    static MILLION: OnceLock<History> = OnceLock::new();
    let made = || {
        let history = History::from_records(large(sets).records()).0;
        let n_sets = history.n_sets();
        assert!(n_sets as i64 >= sets, "only {n_sets} sets were made up");
        history
    };
    match sets {
        100_000 => HUNDRED.get_or_init(made).clone(),
        _ => MILLION.get_or_init(made).clone(),
    }
}

/// What a worker tells of a server with one database of so many sets.
fn connected(sets: i64) -> [worker::Event; 3] {
    let server = ServerId::Practice;
    let info = ServerInfo {
        name: "PRACTICE".to_owned(),
        version: "16.0".to_owned(),
        version_text: "SQL Server".to_owned(),
        edition: "Developer".to_owned(),
        login: "practice".to_owned(),
        platform: stopat::worker::Platform::SqlServer,
        clock_skew_millis: 0,
        utc_offset: UtcOffset::from_minutes(OFFSET).expect("a real offset"),
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
    [
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
    ]
}

impl Window {
    fn new(sets: i64) -> Self {
        let own = OwnClock {
            now: now(),
            offset: UtcOffset::ZERO,
            offset_at: |_| stopat::domain::UtcOffset::ZERO,
        };
        let mut state = State::new(own, "default".to_owned());
        let server = ServerId::Practice;
        for event in connected(sets) {
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
