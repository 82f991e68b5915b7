//! Benchmarks of the planner: histories of one database with 1 000, 100 000 and 1 000 000 sets.
//!
//! Full daily, differential every six hours, a log every 15 seconds: `cargo bench --bench planning`.
//! Each is named for a promise; what a set takes in memory is told first.

use divan::{AllocProfiler, Bencher, black_box};
use std::sync::{Arc, LazyLock};
use stopat::domain::{
    BackupRecord, DatabaseHistory, History, HistoryBuilder, HistoryRecords, Limits, Lsn, MediaFile,
    Moment, RecordedServer, RestoreRequest, ServerTime, Target, alternatives, check, plan, price,
    prices,
};
use uuid::Uuid;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const SECONDS_BETWEEN_LOGS: i64 = 15;

fn main() {
    memory_of_a_set();
    divan::main();
}

/// Budget: under 400 bytes. Tells by how much the process grows with a million sets and their graph, where the system says it.
#[expect(clippy::print_stdout, reason = "its figure is what a benchmark is for")]
fn memory_of_a_set() {
    const SETS: usize = 1_000_000;
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    if wanted.is_some_and(|filter| !"memory_of_a_set".contains(&filter)) {
        return;
    }
    let resident = || -> Option<usize> {
        let text = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages: usize = text.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * 4096)
    };
    let Some(before) = resident() else {
        return;
    };
    let history = black_box(history_of(SETS));
    if let Some(after) = resident() {
        let bytes = after.saturating_sub(before) / history.n_sets().max(1);
        println!(
            "memory_of_a_set: {bytes} bytes at {} sets",
            history.n_sets()
        );
    }
}

/// Rows of a schedule that has run for ever, one at a time.
struct Schedule {
    n: u64,
    second: i64,
    lsn: u64,
    last_log_lsn: u64,
    full: Option<(Uuid, Lsn)>,
    /// Backups that are due at this second, in reverse.
    due: Vec<char>,
}

impl Schedule {
    fn new() -> Self {
        Self {
            n: 0,
            second: 0,
            lsn: 1_000_000,
            last_log_lsn: 1_000_000,
            full: None,
            due: vec!['D'],
        }
    }

    fn server() -> RecordedServer {
        RecordedServer {
            name: Some("SQL1".to_owned()),
            utc_offset_minutes: None,
            collation: None,
        }
    }

    fn lsn(n: u64) -> Lsn {
        Lsn::new(u128::from(n) * 100_000 + 1).unwrap_or_default()
    }
}

fn server_time(second: i64) -> ServerTime {
    let start = 1_735_689_600; // 1 January 2025
    let instant = chrono::DateTime::from_timestamp(start + second, 0).unwrap_or_default();
    ServerTime(instant.naive_utc())
}

impl Iterator for Schedule {
    type Item = BackupRecord;

    fn next(&mut self) -> Option<BackupRecord> {
        let kind = loop {
            if let Some(kind) = self.due.pop() {
                break kind;
            }
            self.second += SECONDS_BETWEEN_LOGS;
            self.due.push('L');
            match self.second % 86_400 {
                0 => self.due.push('D'),
                s if s % 21_600 == 0 => self.due.push('I'),
                _ => {}
            }
        };
        self.n += 1;
        self.lsn += 40;
        let uuid = Uuid::from_u128(
            u128::from(self.n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        );
        let (first, last, seconds, bytes, folder) = match kind {
            'D' => (self.lsn, self.lsn + 20, 9, 11_400_000_000, "full"),
            'I' => (self.lsn, self.lsn + 20, 4, 900_000_000, "diff"),
            _ => (self.last_log_lsn, self.lsn, 1, 2_000_000, "log"),
        };
        if kind == 'L' {
            self.last_log_lsn = self.lsn;
        } else {
            self.lsn += 20;
        }
        let base = self.full;
        if kind == 'D' {
            self.full = Some((uuid, Self::lsn(first)));
        }
        let fork = Some(Uuid::from_u128(7));
        Some(BackupRecord {
            backup_set_id: i64::try_from(self.n).ok(),
            backup_set_uuid: Some(uuid),
            media_set_id: i64::try_from(self.n).ok(),
            position: Some(1),
            database_name: Some("OctopusAI".to_owned()),
            server_name: Some("SQL1".to_owned()),
            machine_name: Some("SQL1".to_owned()),
            backup_type: Some(kind.to_string()),
            backup_start_date: Some(server_time(self.second)),
            backup_finish_date: Some(server_time(self.second + seconds)),
            time_zone: Some(4),
            first_lsn: Some(Self::lsn(first)),
            last_lsn: Some(Self::lsn(last)),
            checkpoint_lsn: Some(Self::lsn(first)),
            differential_base_guid: base.filter(|_| kind == 'I').map(|(uuid, _)| uuid),
            differential_base_lsn: base.filter(|_| kind == 'I').map(|(_, lsn)| lsn),
            first_recovery_fork_guid: fork,
            last_recovery_fork_guid: fork,
            family_guid: Some(Uuid::from_u128(9)),
            recovery_model: Some("FULL".to_owned()),
            has_backup_checksums: Some(true),
            backup_size: Some(bytes * 4),
            compressed_backup_size: Some(bytes),
            media_family_count: Some(1),
            media_files: vec![MediaFile {
                family_sequence_number: Some(1),
                mirror: Some(0),
                physical_device_name: Some(format!(
                    r"\\backup-server\octopus\{folder}\OctopusAI_{:012}.bak",
                    self.n
                )),
                device_type: Some(2),
                present: None,
            }],
            ..BackupRecord::default()
        })
    }
}

fn history_of(n_sets: usize) -> History {
    let mut builder = HistoryBuilder::new(Schedule::server());
    for record in Schedule::new().take(n_sets) {
        builder.push(record);
    }
    builder.finish().0
}

static HISTORIES: [LazyLock<History>; 3] = [
    LazyLock::new(|| history_of(1_000)),
    LazyLock::new(|| history_of(100_000)),
    LazyLock::new(|| history_of(1_000_000)),
];

fn kept(n_sets: usize) -> &'static History {
    let [small, medium, large] = &HISTORIES;
    match n_sets {
        1_000 => small,
        100_000 => medium,
        _ => large,
    }
}

fn database(n_sets: usize) -> Arc<DatabaseHistory> {
    kept(n_sets)
        .database("OctopusAI")
        .unwrap_or_else(|| unreachable!("the schedule backs it up"))
}

/// Moments all over the history, always the same ones.
fn targets(history: &DatabaseHistory, n: usize) -> Vec<Moment> {
    let coverage = history.coverage(&Limits::default());
    let (Some(oldest), Some(newest)) = (coverage.oldest(), coverage.newest()) else {
        return Vec::new();
    };
    let span = newest.instant.0.timestamp() - oldest.instant.0.timestamp();
    let mut random = fastrand::Rng::with_seed(1);
    (0..n)
        .map(|_| {
            let second = random.i64(20..span.max(21));
            let instant = oldest.instant.plus(chrono::TimeDelta::seconds(second));
            history.clock().moment_at(instant)
        })
        .collect()
}

/// What it costs to make the rows and throw them away: to be taken off `building_history_and_graph`.
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn rows_thrown_away(n_sets: usize) {
    for record in Schedule::new().take(n_sets) {
        black_box(record);
    }
}

/// Budget: under a second for a million, without making the rows; what a set takes is told by [`memory_of_a_set`].
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn building_history_and_graph(n_sets: usize) -> History {
    history_of(n_sets)
}

/// Budget: under a millisecond at a million.
#[divan::bench(args = SIZES, sample_count = 200, sample_size = 1)]
fn one_plan_at_a_random_target(bencher: Bencher<'_, '_>, n_sets: usize) {
    let history = database(n_sets);
    let targets = targets(&history, 200);
    let mut next = targets.iter().cycle();
    bencher
        .with_inputs(|| {
            let moment = next.next().copied();
            RestoreRequest::to(moment.map_or(Target::Latest, Target::At))
        })
        .bench_local_refs(|request| plan(&history, request));
}

#[divan::bench(args = SIZES, sample_count = 200, sample_size = 1)]
fn one_check(bencher: Bencher<'_, '_>, n_sets: usize) {
    let history = database(n_sets);
    let plans: Vec<_> = targets(&history, 200)
        .into_iter()
        .filter_map(|moment| plan(&history, &RestoreRequest::to(Target::At(moment))).ok())
        .collect();
    let mut next = plans.iter().cycle();
    bencher
        .with_inputs(|| next.next())
        .bench_local_refs(|plan| plan.map(|plan| check(plan, &history)));
}

#[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
fn curve_of_2000_points(bencher: Bencher<'_, '_>, n_sets: usize) {
    let history = database(n_sets);
    let mut moments = targets(&history, 2_000);
    moments.sort();
    bencher.bench_local(|| {
        let prices = moments
            .iter()
            .filter_map(|&moment| price(&history, &RestoreRequest::to(Target::At(moment))));
        prices.map(|price| u64::from(price.sets)).sum::<u64>()
    });
}

/// The curve as the window asks for it: one graph for all points. Budget: under 20 ms at a million.
#[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
fn curve_of_2000_points_at_once(bencher: Bencher<'_, '_>, n_sets: usize) {
    let history = database(n_sets);
    let mut seconds: Vec<i64> = targets(&history, 2_000)
        .into_iter()
        .map(|moment| moment.instant.0.timestamp())
        .collect();
    seconds.sort_unstable();
    let limits = Limits::default();
    bencher.bench_local(|| prices(&history, &limits, &seconds));
}

/// On demand, when somebody opens the list.
#[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
fn three_best_plans(bencher: Bencher<'_, '_>, n_sets: usize) {
    let history = database(n_sets);
    let targets = targets(&history, 20);
    let mut next = targets.iter().cycle();
    bencher
        .with_inputs(|| {
            let moment = next.next().copied();
            RestoreRequest::to(moment.map_or(Target::Latest, Target::At))
        })
        .bench_local_refs(|request| alternatives(&history, request, 3));
}

/// On demand, and not in the window's thread.
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn what_hurts_most(bencher: Bencher<'_, '_>, n_sets: usize) {
    let history = database(n_sets);
    let limits = Limits::default();
    bencher.bench_local(|| history.losses(&limits, 12));
}

/// Budget: under 5 ms at a million.
#[divan::bench(args = SIZES, sample_count = 50, sample_size = 1)]
fn a_refresh_that_adds_ten_sets(bencher: Bencher<'_, '_>, n_sets: usize) {
    let history = kept(n_sets);
    bencher
        .with_inputs(|| HistoryRecords {
            server: Schedule::server(),
            backup_sets: Schedule::new().skip(n_sets).take(10).collect(),
            ..HistoryRecords::default()
        })
        .bench_local_values(|records| history.with_new_records(records));
}

#[divan::bench(args = SIZES, sample_count = 20, sample_size = 1)]
fn plan_without_a_file(bencher: Bencher<'_, '_>, n_sets: usize) {
    let history = database(n_sets);
    let targets = targets(&history, 20);
    let mut next = targets.iter().cycle();
    bencher
        .with_inputs(|| {
            let moment = next.next().copied();
            let mut request = RestoreRequest::to(moment.map_or(Target::Latest, Target::At));
            let lost = plan(&history, &request).ok().and_then(|plan| {
                Some(stopat::domain::Lost::Set(
                    plan.steps.last()?.backup_set_uuid,
                ))
            });
            request.without.extend(lost);
            request
        })
        .bench_local_refs(|request| plan(&history, request));
}
