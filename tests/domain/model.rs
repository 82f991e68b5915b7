//! A small model of SQL Server that executes backups and restores on toy content.
//!
//! Content is the id of the last commit; a commit's id names its whole past, so equal ids are equal databases.
//! The model knows what the live database showed at every moment, and what a sequence of restores really gives.
//! It shares no rule with the planner: a log fits a state when their pasts agree, not when their numbers do.

use chrono::{DateTime, NaiveDateTime};
use fastrand::Rng;
use std::collections::BTreeMap;
use stopat::domain::{
    BackupRecord, HistoryRecords, Lsn, MarkRecord, MarkStop, MediaFile, RecordedServer,
    RestorePlan, RestoreRecord, ServerTime, Target,
};
use uuid::Uuid;

/// One committed change.
#[derive(Clone, Copy, Debug)]
struct Commit {
    lsn: u64,
    at_millis: i64,
    content: u32,
    /// The name of the mark that it left.
    mark: Option<&'static str>,
}

/// What a backup set really holds.
#[derive(Clone, Debug)]
enum Content {
    Data {
        content: u32,
        redo: u64,
        base: Option<Uuid>,
        finish_millis: i64,
    },
    Log {
        /// Content before the first commit of the log.
        before: u32,
        commits: Vec<Commit>,
        first: u64,
        last: u64,
        bulk_logged: bool,
    },
}

/// The server with its one database.
pub struct Model {
    rng: Rng,
    now_millis: i64,
    next_lsn: u64,
    /// Commits of the live database since it was created, along its own past.
    past: Vec<Commit>,
    /// Forks along that past: where each began.
    forks: Vec<(u64, Uuid)>,
    family: Uuid,
    /// Where the next log backup begins; none without a chain.
    next_log: Option<u64>,
    simple: bool,
    last_full: Option<Uuid>,
    n_commits: u32,
    /// When the live database began to show what; `None` while it is being restored.
    live: Vec<(i64, Option<u32>)>,
    contents: BTreeMap<Uuid, Content>,
    pub rows: Vec<BackupRecord>,
    pub restores: Vec<RestoreRecord>,
    /// Rows of the marks, with what the database showed with and without the marked transaction.
    pub marks: Vec<MarkRecord>,
    pub marked: Vec<(u32, u32)>,
    keep_restore_history: bool,
}

/// Why the server refuses a sequence.
pub type Refused = String;

const EPOCH_MILLIS: i64 = 1_800_000_000_000;

pub fn server_time(millis: i64) -> ServerTime {
    let instant = DateTime::from_timestamp_millis(millis).expect("the model stays in this century");
    let naive: NaiveDateTime = instant.naive_utc();
    ServerTime(naive)
}

fn second(millis: i64) -> ServerTime {
    server_time(millis.div_euclid(1000) * 1000)
}

fn lsn(n: u64) -> Option<Lsn> {
    Lsn::new(u128::from(n) * 100_000 + 1)
}

impl Model {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let keep_restore_history = rng.u8(0..4) > 0;
        let mut model = Self {
            now_millis: EPOCH_MILLIS + rng.i64(0..5000),
            next_lsn: 1000,
            past: Vec::new(),
            forks: Vec::new(),
            family: Uuid::nil(),
            next_log: None,
            simple: false,
            last_full: None,
            n_commits: 0,
            live: Vec::new(),
            contents: BTreeMap::new(),
            rows: Vec::new(),
            restores: Vec::new(),
            marks: Vec::new(),
            marked: Vec::new(),
            keep_restore_history,
            rng,
        };
        model.create();
        model
    }

    /// A few hours of a database's life.
    pub fn live_on(&mut self, n_steps: usize) {
        for _ in 0..n_steps {
            match self.rng.u32(0..100) {
                0..=21 => self.work(),
                22..=24 => self.mark(),
                25..=59 => self.log_backup(false),
                60..=66 => self.log_backup(true),
                67..=76 => self.data_backup('D', false),
                77..=80 => self.data_backup('D', true),
                81..=90 => self.data_backup('I', false),
                91..=92 => self.switch_model(),
                93..=98 => self.restore_over(),
                _ => self.create(),
            }
        }
    }

    /// Things that happen to backups afterwards: lost rows, lost files, damage.
    pub fn lose_some(&mut self) {
        let mut rng = self.rng.fork();
        self.rows.retain(|_| rng.u8(0..40) > 0);
        for row in &mut self.rows {
            match rng.u8(0..40) {
                0 => row.is_damaged = Some(true),
                1 => {
                    if let Some(file) = row.media_files.first_mut() {
                        file.present = Some(false);
                    }
                }
                _ => {}
            }
        }
        rng.shuffle(&mut self.rows);
    }

    pub fn records(&self) -> HistoryRecords {
        HistoryRecords {
            server: RecordedServer {
                name: Some("SQL1".to_owned()),
                utc_offset_minutes: Some(0),
                collation: None,
            },
            backup_sets: self.rows.clone(),
            restore_history: self.restores.clone(),
            marks: self.marks.clone(),
            ..HistoryRecords::default()
        }
    }

    /// From the first moment of the database to the last one.
    pub fn span_millis(&self) -> (i64, i64) {
        (EPOCH_MILLIS - 2000, self.now_millis + 2000)
    }

    /// What the live database showed then.
    pub fn shown_at(&self, millis: i64) -> Option<u32> {
        let after = self.live.partition_point(|&(from, _)| from <= millis);
        self.live.get(after.checked_sub(1)?)?.1
    }

    /// What a database restored by this plan shows, or why the server refuses.
    pub fn restore(&self, plan: &RestorePlan) -> Result<u32, Refused> {
        let target_millis = match plan.target {
            Target::At(moment) => Some(moment.server.0.and_utc().timestamp_millis()),
            Target::Latest | Target::Mark(_) => None,
        };
        let mut state: Option<(u32, u64)> = None;
        let mut full: Option<Uuid> = None;
        let mut stopped_at_mark = false;
        for (n, step) in plan.steps.iter().enumerate() {
            let held = self.contents.get(&step.backup_set_uuid);
            match held.ok_or_else(|| format!("step {n}: no such backup"))? {
                Content::Data {
                    content,
                    redo,
                    base,
                    finish_millis,
                } => {
                    if base.is_some() && *base != full {
                        return Err(format!("3136: step {n} has another base"));
                    }
                    if base.is_none() {
                        full = Some(step.backup_set_uuid);
                    }
                    // The state of a backup is asked for by its recorded finish.
                    let alone = n + 1 == plan.steps.len();
                    if let Some(target) = target_millis
                        && !alone
                        && *finish_millis > target
                        && plan.steps.iter().any(|step| step.stop_at.is_some())
                    {
                        return Err(format!("4338: step {n} finished after the stop"));
                    }
                    state = Some((*content, *redo));
                }
                Content::Log {
                    before,
                    commits,
                    first,
                    last,
                    bulk_logged,
                } => {
                    let Some((content, redo)) = state else {
                        return Err(format!("3117: step {n} needs a data backup before it"));
                    };
                    if *first > redo {
                        return Err(format!("4305: step {n} is too recent"));
                    }
                    if *last < redo || (*last == redo && *first < redo) {
                        return Err(format!("4326: step {n} is too early"));
                    }
                    let content_at_redo = commits
                        .iter()
                        .rfind(|commit| commit.lsn < redo)
                        .map_or(*before, |commit| commit.content);
                    if content_at_redo != content {
                        return Err(format!("4330: step {n} is on another path"));
                    }
                    let stop = step.stop_at.map(|stop| stop.0.and_utc().timestamp_millis());
                    let mut now = (content, *last);
                    let stop_mark = plan.stop_mark.as_ref();
                    for commit in commits.iter().filter(|commit| commit.lsn >= redo) {
                        let here = stop_mark.filter(|mark| {
                            commit.mark == Some(&mark.name)
                                && server_time(commit.at_millis).datetime_tick() >= mark.after
                        });
                        if let Some(mark) = here {
                            stopped_at_mark = true;
                            if mark.stop == MarkStop::At {
                                now.0 = commit.content;
                            }
                            if n + 1 < plan.steps.len() {
                                return Err(format!("4335: step {n} stopped before the last"));
                            }
                            break;
                        }
                        if stop.is_some_and(|stop| commit.at_millis > stop) {
                            if *bulk_logged {
                                return Err(format!("4341: step {n} stops in bulk-logged work"));
                            }
                            now.1 = commit.lsn;
                            // Stopped: what comes after must not go on from here.
                            if n + 1 < plan.steps.len() {
                                let rest_empty = plan
                                    .steps
                                    .iter()
                                    .skip(n + 1)
                                    .all(|s| s.stop_at == step.stop_at);
                                if !rest_empty {
                                    return Err(format!("4335: step {n} stopped before the last"));
                                }
                            }
                            return Ok(now.0);
                        }
                        now.0 = commit.content;
                    }
                    state = Some(now);
                }
            }
        }
        if plan.stop_mark.is_some() && plan.tail.is_none() && !stopped_at_mark {
            return Err("4329: the mark is not in the last log".to_owned());
        }
        state
            .map(|(content, _)| content)
            .ok_or_else(|| "nothing was restored".to_owned())
    }

    /// Whether a log backup taken now would go on from where this plan leads to.
    ///
    /// `None` when the history cannot know better: the model changed, rows were lost, or the database was restored over without a trace.
    pub fn tail_fits(&self, plan: &RestorePlan) -> Option<Result<(), Refused>> {
        let next_log = self.next_log.filter(|_| !self.simple)?;
        if self.rows.len() < self.contents.len() {
            return None;
        }
        let last_row = self.rows.iter().max_by_key(|row| row.backup_set_id)?;
        let same_past = last_row.last_recovery_fork_guid == Some(self.fork())
            && last_row.family_guid == Some(self.family);
        if !same_past && (!self.keep_restore_history || last_row.family_guid != Some(self.family)) {
            return None;
        }
        Some(self.restore(plan).and_then(|content| {
            let redo = plan.steps.last().map(|step| step.last_lsn);
            let known = self.past.iter().any(|commit| commit.content == content) || content == 0;
            if redo < lsn(next_log) {
                Err("4305: the tail is too recent".to_owned())
            } else if !known {
                Err("4330: the tail is on another path".to_owned())
            } else {
                Ok(())
            }
        }))
    }

    fn pass(&mut self, millis: i64) {
        self.now_millis += millis.max(1);
    }

    fn content(&self) -> u32 {
        self.past.last().map_or(0, |commit| commit.content)
    }

    fn fork(&self) -> Uuid {
        self.forks.last().map_or(Uuid::nil(), |&(_, fork)| fork)
    }

    fn guid(&mut self) -> Uuid {
        Uuid::from_u128(self.rng.u128(..))
    }

    /// A database of this name, new or anew.
    fn create(&mut self) {
        let wait = self.rng.i64(1000..60_000);
        self.pass(wait);
        self.family = self.guid();
        self.forks = vec![(0, self.guid())];
        self.past.clear();
        self.next_log = None;
        self.last_full = None;
        self.simple = self.rng.u8(0..12) == 0;
        self.commit();
    }

    fn commit(&mut self) {
        let wait = self.rng.i64(1..4000);
        self.pass(wait);
        self.n_commits += 1;
        let commit = Commit {
            lsn: self.next_lsn,
            at_millis: self.now_millis,
            content: self.n_commits,
            mark: None,
        };
        self.next_lsn += self.rng.u64(1..20);
        self.past.push(commit);
        self.live.push((self.now_millis, Some(self.n_commits)));
        self.pass(1);
    }

    /// A transaction with a mark; names come again.
    fn mark(&mut self) {
        let before = self.content();
        self.commit();
        let name = *self
            .rng
            .choice(&["deploy", "month end", "o'clock"])
            .expect("one of them");
        let Some(commit) = self.past.last_mut() else {
            return;
        };
        commit.mark = Some(name);
        self.marked.push((commit.content, before));
        self.marks.push(MarkRecord {
            database_name: Some("Toy".to_owned()),
            mark_name: Some(name.to_owned()),
            description: None,
            user_name: Some("sa".to_owned()),
            lsn: lsn(commit.lsn),
            mark_time: Some(server_time(commit.at_millis).datetime_tick()),
        });
    }

    fn work(&mut self) {
        for _ in 0..self.rng.u32(0..6) {
            self.commit();
        }
        let wait = self.rng.i64(0..30_000);
        self.pass(wait);
    }

    fn row(&mut self, kind: char, start: i64) -> BackupRecord {
        let n = self.rows.len() as i64 + 1;
        BackupRecord {
            backup_set_id: Some(n),
            backup_set_uuid: Some(self.guid()),
            media_set_id: Some(n),
            position: Some(1),
            database_name: Some("Toy".to_owned()),
            server_name: Some("SQL1".to_owned()),
            backup_type: Some(kind.to_string()),
            backup_start_date: Some(second(start)),
            backup_finish_date: Some(second(self.now_millis)),
            time_zone: Some(0),
            last_recovery_fork_guid: Some(self.fork()),
            first_recovery_fork_guid: Some(self.fork()),
            family_guid: Some(self.family),
            recovery_model: Some(if self.simple { "SIMPLE" } else { "FULL" }.to_owned()),
            compressed_backup_size: Some(self.rng.u64(1..50) * 10_000_000),
            media_family_count: Some(1),
            media_files: vec![MediaFile {
                family_sequence_number: Some(1),
                mirror: Some(0),
                physical_device_name: Some(format!(r"D:\b\{n}.bak")),
                device_type: Some(2),
                present: None,
            }],
            ..BackupRecord::default()
        }
    }

    fn data_backup(&mut self, kind: char, copy_only: bool) {
        let base = match (kind, self.last_full) {
            ('I', None) => return,
            ('I', base) => base,
            _ => None,
        };
        let start = self.now_millis;
        let first = self.next_lsn;
        let fork = self.fork();
        self.pass(200);
        let begins_chain = !self.simple && self.next_log.is_none();
        // Work goes on while it runs, and so do log backups.
        for _ in 0..self.rng.u32(0..4) {
            match self.rng.u8(0..3) {
                0 if !begins_chain => self.log_backup(false),
                _ => self.commit(),
            }
        }
        if self.fork() != fork {
            return;
        }
        let wait = self.rng.i64(0..3000);
        self.pass(wait);
        let mut row = self.row(kind, start);
        row.first_lsn = lsn(first);
        row.checkpoint_lsn = lsn(first);
        row.last_lsn = lsn(self.next_lsn);
        row.is_copy_only = Some(copy_only);
        row.differential_base_guid = base;
        let uuid = row.backup_set_uuid.expect("every row of the model has one");
        self.contents.insert(
            uuid,
            Content::Data {
                content: self.content(),
                redo: self.next_lsn,
                base,
                finish_millis: self.now_millis,
            },
        );
        self.rows.push(row);
        if kind == 'D' && !copy_only {
            self.last_full = Some(uuid);
        }
        if begins_chain {
            self.next_log = Some(first);
        }
        self.pass(10);
    }

    fn log_backup(&mut self, copy_only: bool) {
        let (Some(first), false) = (self.next_log, self.simple) else {
            return;
        };
        let start = self.now_millis;
        if self.rng.bool() {
            self.commit();
        }
        let last = self.next_lsn;
        let commits: Vec<Commit> = self
            .past
            .iter()
            .copied()
            .filter(|commit| commit.lsn >= first)
            .collect();
        let before = self
            .past
            .iter()
            .rfind(|commit| commit.lsn < first)
            .map_or(0, |commit| commit.content);
        if self.rng.bool() {
            self.commit();
        }
        let wait = self.rng.i64(0..2000);
        self.pass(wait);
        let mut row = self.row('L', start);
        let bulk_logged = self.rng.u8(0..12) == 0;
        row.has_bulk_logged_data = Some(bulk_logged);
        row.is_copy_only = Some(copy_only);
        row.first_lsn = lsn(first);
        row.last_lsn = lsn(last);
        let first_fork = self
            .forks
            .iter()
            .rfind(|&&(from, _)| from <= first)
            .map(|&(_, fork)| fork);
        row.first_recovery_fork_guid = first_fork;
        if first_fork != row.last_recovery_fork_guid {
            row.fork_point_lsn = self.forks.last().and_then(|&(from, _)| lsn(from));
        }
        let uuid = row.backup_set_uuid.expect("every row of the model has one");
        self.contents.insert(
            uuid,
            Content::Log {
                before,
                commits,
                first,
                last,
                bulk_logged,
            },
        );
        self.rows.push(row);
        if !copy_only {
            self.next_log = Some(last);
        }
        let wait = self.rng.i64(1..20_000);
        self.pass(wait);
    }

    fn switch_model(&mut self) {
        self.simple = !self.simple;
        self.next_log = None;
        self.pass(500);
    }

    /// Restores the database over itself to an earlier moment: a new fork begins.
    fn restore_over(&mut self) {
        if self.rng.bool() {
            self.log_backup(false);
        }
        // The log that holds the moment decides where the next one begins.
        let candidates: Vec<(u64, Vec<Commit>)> = self
            .contents
            .values()
            .filter_map(|content| match content {
                Content::Log {
                    commits,
                    first,
                    bulk_logged: false,
                    ..
                } if !commits.is_empty() => Some((*first, commits.clone())),
                _ => None,
            })
            .filter(|(first, commits)| {
                let own_past = commits
                    .iter()
                    .all(|commit| self.past.iter().any(|own| own.content == commit.content));
                own_past && self.next_log.is_some_and(|next| *first < next)
            })
            .collect();
        if candidates.is_empty() {
            return;
        }
        let (first, commits) = candidates
            .get(self.rng.usize(0..candidates.len()))
            .cloned()
            .expect("one of them");
        let kept = commits
            .get(self.rng.usize(0..commits.len()))
            .copied()
            .expect("one of them");
        // A base that lies before: otherwise nobody could have restored this.
        let base = self.contents.iter().find(|(_, content)| {
            matches!(content, Content::Data { base: None, redo, content, .. }
                if *redo <= kept.lsn && self.past.iter().any(|own| own.content == *content))
        });
        let Some((&base, _)) = base else { return };
        let next = self.past.iter().find(|own| own.lsn > kept.lsn).copied();
        let latest_stop = next.map_or(self.now_millis, |next| next.at_millis - 1);
        let stop_millis = self
            .rng
            .i64(kept.at_millis..=latest_stop.max(kept.at_millis));
        self.live.push((self.now_millis, None));
        let wait = self.rng.i64(3000..40_000);
        self.pass(wait);
        self.past.retain(|own| own.lsn <= kept.lsn);
        let point = kept.lsn + 1;
        self.forks.retain(|&(from, _)| from <= kept.lsn);
        let fork = self.guid();
        self.forks.push((point, fork));
        self.next_lsn = point + self.rng.u64(0..3);
        self.next_log = Some(first);
        self.last_full = Some(base);
        self.live.push((self.now_millis, Some(kept.content)));
        if self.keep_restore_history {
            let stop_at = server_time(stop_millis);
            self.restores.push(RestoreRecord {
                restore_date: Some(second(self.now_millis)),
                destination_database_name: Some("Toy".to_owned()),
                restore_type: Some("L".to_owned()),
                recovery: Some(true),
                stop_at: Some(stop_at),
                ..RestoreRecord::default()
            });
        }
        self.pass(50);
    }
}
