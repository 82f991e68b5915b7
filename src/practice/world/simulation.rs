//! Lets time pass: rows change, due jobs run (on Azure the service's own backups), and what was planned for a moment happens then.
//!
//! Simulated time moves a frozen clock from event to event; live time waits for them on the machine's clock.

use super::{
    change::Transaction,
    neighbour::{NEIGHBOURS, Neighbour},
    octopus::{self, Counters, Octopus},
    plan::Kind,
    service,
};
use crate::{
    domain::UtcTime,
    practice::{
        agent::{self, AgentError, ScheduledJob},
        engine::{
            Clock, ClockMode, CommitTime, DatabaseId, DatabaseState, Engine, EngineHandle, SERVER,
            Simulating,
        },
        reply::Message,
        sql::codec,
    },
};
use chrono::{NaiveDateTime, TimeDelta, Timelike as _};
use rusqlite::params_from_iter;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long the quiet before and after the accident's second is.
const QUIET: TimeDelta = TimeDelta::seconds(2);

/// The live world looks at most this often.
const SHORTEST_WAIT: std::time::Duration = std::time::Duration::from_millis(200);

/// Who changes the rows of a database.
#[derive(Clone, Debug)]
enum Who {
    Octopus(Box<Octopus>),
    Neighbour(Box<Neighbour>),
}

/// One database and what happens in it next.
#[derive(Clone, Debug)]
pub struct Life {
    database: DatabaseId,
    who: Who,
    next: Transaction,
}

/// Everything that lives in the world.
#[derive(Clone, Debug)]
pub struct Simulation {
    lives: Vec<Life>,
    /// No transaction commits in the two seconds from here; see [`Simulation::keep_quiet`].
    quiet: Option<UtcTime>,
    /// Who hears how much of a past is made; see [`Simulation::tell`].
    listener: Option<Listener>,
}

/// Hears how much of the time between two instants has passed, in percent.
#[derive(Clone, Debug)]
struct Listener {
    begin: UtcTime,
    end: UtcTime,
    percent: watch::Sender<u8>,
}

impl Listener {
    fn hear(&self, at: UtcTime) {
        let whole = (self.end.seconds() - self.begin.seconds()).max(1.0);
        let part = (at.seconds() - self.begin.seconds()) / whole;
        let percent = (part.clamp(0.0, 1.0) * 100.0) as u8;
        self.percent
            .send_if_modified(|told| std::mem::replace(told, percent) != percent);
    }
}

/// What is due at an instant.
#[derive(Debug, Default)]
struct Due {
    jobs: Vec<ScheduledJob>,
    /// Backups that the service takes by itself.
    service: Vec<Kind>,
}

impl Due {
    async fn run(
        &self,
        engine: &EngineHandle,
        cancel: &CancellationToken,
    ) -> Result<(), AgentError> {
        for job in &self.jobs {
            agent::run_job(engine, job, cancel).await?;
        }
        if !self.service.is_empty() {
            service::back_up(engine, &self.service).await?;
        }
        Ok(())
    }
}

impl Life {
    fn new(clock: &Clock, database: DatabaseId, who: Who, after: UtcTime) -> Self {
        let mut life = Self {
            database,
            who,
            next: Transaction {
                at: after,
                changes: Vec::new(),
            },
        };
        life.advance(clock);
        life
    }

    fn advance(&mut self, clock: &Clock) {
        let after = self.next.at;
        self.next = match &mut self.who {
            Who::Octopus(octopus) => octopus.next(after, clock.local(after).0.hour()),
            Who::Neighbour(neighbour) => neighbour.next(after),
        };
    }
}

impl Simulation {
    /// The lives of a world that already has rows, going on after the clock's now.
    pub fn resume(engine: &mut Engine, seed: u64) -> Result<Self, Message> {
        let now = engine.clock.now();
        let mut lives = Vec::new();
        if let Some(database) = engine.store.find(octopus::DATABASE) {
            let counters = counters(engine, database)?;
            let salt = now.0.timestamp().unsigned_abs();
            let octopus = Octopus::resumed(seed, counters, salt);
            lives.push(Life::new(
                &engine.clock,
                database,
                Who::Octopus(Box::new(octopus)),
                now,
            ));
        }
        for (name, _) in NEIGHBOURS {
            if let Some(database) = engine.store.find(name) {
                let last = largest(engine, database, "dbo.Entries", "EntryId")?;
                let neighbour = Neighbour::new(seed, name, last);
                lives.push(Life::new(
                    &engine.clock,
                    database,
                    Who::Neighbour(Box::new(neighbour)),
                    now,
                ));
            }
        }
        Ok(Self {
            lives,
            quiet: None,
            listener: None,
        })
    }

    /// Writes the first rows of every database and goes on from there.
    pub fn begin(engine: &mut Engine, seed: u64) -> Result<Self, Message> {
        let now = engine.clock.now();
        let mut lives = Vec::new();
        if let Some(database) = engine.store.find(octopus::DATABASE) {
            let mut octopus = Octopus::new(seed);
            apply(engine, database, &octopus.first_rows(now))?;
            lives.push(Life::new(
                &engine.clock,
                database,
                Who::Octopus(Box::new(octopus)),
                now,
            ));
        }
        for (name, _) in NEIGHBOURS {
            if let Some(database) = engine.store.find(name) {
                let mut neighbour = Neighbour::new(seed, name, 0);
                apply(engine, database, &neighbour.first_rows(now))?;
                lives.push(Life::new(
                    &engine.clock,
                    database,
                    Who::Neighbour(Box::new(neighbour)),
                    now,
                ));
            }
        }
        Ok(Self {
            lives,
            quiet: None,
            listener: None,
        })
    }

    /// Keeps the second that begins at `second`, and the one before it, free of transactions, for the accident:
    /// then a stop at either second holds everything that the accident destroyed.
    pub fn keep_quiet(&mut self, second: UtcTime) {
        self.quiet = Some(second.plus(-TimeDelta::seconds(1)));
    }

    /// Tells how much of the time from `begin` to `end` has passed, until [`Simulation::fall_silent`].
    pub fn tell(&mut self, percent: watch::Sender<u8>, begin: UtcTime, end: UtcTime) {
        self.listener = Some(Listener {
            begin,
            end,
            percent,
        });
    }

    /// Tells nobody any more how far it is.
    pub fn fall_silent(&mut self) {
        self.listener = None;
    }

    /// When the next row changes by itself.
    fn next_change(&self) -> Option<UtcTime> {
        self.lives.iter().map(|life| life.next.at).min()
    }

    /// Commits every transaction before `until`.
    fn catch_up(&mut self, engine: &mut Engine, until: UtcTime) -> Result<(), Message> {
        for life in &mut self.lives {
            while life.next.at < until {
                let mut transaction = life.next.clone();
                if let Some(quiet) = self.quiet
                    && (quiet..quiet.plus(QUIET)).contains(&transaction.at)
                {
                    transaction.at = transaction.at.plus(QUIET);
                    life.next.at = transaction.at;
                    continue;
                }
                if apply(engine, life.database, &transaction)? == Applied::Later {
                    break;
                }
                life.advance(&engine.clock);
            }
        }
        if let Some(listener) = &self.listener {
            listener.hear(until);
        }
        Ok(())
    }
}

/// Moves a frozen clock to `until`, and lets everything happen on the way.
pub async fn simulate(
    engine: &EngineHandle,
    mut simulation: Simulation,
    until: UtcTime,
    cancel: &CancellationToken,
) -> Result<Simulation, AgentError> {
    loop {
        let (back, due) = engine
            .run(move |engine| -> Result<_, Message> {
                let due = next_due(engine)?.filter(|(at, _)| *at <= until);
                let at = due.as_ref().map_or(until, |(at, _)| *at);
                simulation.catch_up(engine, at)?;
                engine.clock.set(at);
                Ok((simulation, due))
            })
            .await??;
        simulation = back;
        match due {
            Some((_, due)) => due.run(engine, cancel).await?,
            None => return Ok(simulation),
        }
        if cancel.is_cancelled() {
            return Ok(simulation);
        }
    }
}

/// Moves a frozen clock on by some seconds: `EXEC master.dbo.practice_advance @seconds = N`.
pub async fn advance(
    engine: &EngineHandle,
    seconds: i64,
    cancel: &CancellationToken,
) -> Result<(), AgentError> {
    let work = move_on(engine.clone(), seconds, cancel.clone());
    engine.drive(work).await?
}

async fn move_on(
    engine: EngineHandle,
    seconds: i64,
    cancel: CancellationToken,
) -> Result<(), AgentError> {
    let moving = engine
        .run(move |engine| -> Result<_, Message> {
            let ClockMode::Frozen { at } = engine.clock.mode() else {
                return Err(Message::error(
                    50_000,
                    "practice_advance needs a practice server whose clock is frozen (--clock frozen).",
                ));
            };
            let Some(seconds) = TimeDelta::try_seconds(seconds).filter(|s| *s >= TimeDelta::zero()) else {
                return Err(Message::error(50_000, "@seconds must be a number of seconds from 0 on."));
            };
            let Some(simulation) = engine.world.take() else {
                // A server without a world has nothing but its clock.
                engine.clock.set(at.plus(seconds));
                return Ok(None);
            };
            Ok(Some((simulation, at.plus(seconds))))
        })
        .await??;
    let Some((simulation, until)) = moving else {
        return Ok(());
    };
    engine
        .run(|engine| engine.clock.simulate(Simulating::Yes))
        .await?;
    // Kept for the case that the simulation fails on the way: the world goes on from where it stood.
    let kept = simulation.clone();
    let (simulation, outcome) = match simulate(&engine, *simulation, until, &cancel).await {
        Ok(simulation) => (Box::new(simulation), Ok(())),
        Err(error) => (kept, Err(error)),
    };
    engine
        .run(move |engine| {
            engine.world = Some(simulation);
            engine.clock.simulate(Simulating::No);
        })
        .await?;
    outcome
}

/// Lets the engine's world live on the machine's clock until it is cancelled.
pub async fn live(engine: &EngineHandle, cancel: &CancellationToken) -> Result<(), AgentError> {
    let Some(simulation) = engine.run(|engine| engine.world.take()).await? else {
        return Ok(());
    };
    let mut simulation = *simulation;
    loop {
        let changes = simulation.next_change();
        let (now, due) = engine
            .run(|engine| -> Result<_, Message> { Ok((engine.clock.now(), next_due(engine)?)) })
            .await??;
        let at = [changes, due.as_ref().map(|(at, _)| *at)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now.plus(TimeDelta::seconds(60)))
            // Jobs may be added or switched off meanwhile: look again every few seconds.
            .min(now.plus(TimeDelta::seconds(5)));
        // A transaction that has to wait for somebody else's is tried again soon.
        let wait = (at.0 - now.0)
            .to_std()
            .unwrap_or_default()
            .max(SHORTEST_WAIT);
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        simulation = engine
            .run(move |engine| -> Result<_, Message> {
                let now = engine.clock.now();
                simulation.catch_up(engine, now)?;
                Ok(simulation)
            })
            .await??;
        if let Some((due_at, due)) = due
            && due_at <= at
        {
            // A backup may take long with `--pace`; rows go on changing meanwhile.
            let (engine, cancel) = (engine.clone(), cancel.clone());
            tokio::spawn(async move {
                if let Err(error) = due.run(&engine, &cancel).await {
                    tracing::warn!("what was due could not be run: {error}");
                }
            });
        }
    }
}

/// The next instant at which something is due, after the clock's now.
fn next_due(engine: &mut Engine) -> Result<Option<(UtcTime, Due)>, Message> {
    let by_service = service::next(engine.options.edition, engine.clock.now());
    let by_agent = next_jobs(engine)?;
    let at = [
        by_service.as_ref().map(|(at, _)| *at),
        by_agent.as_ref().map(|(at, _)| *at),
    ]
    .into_iter()
    .flatten()
    .min();
    let Some(at) = at else {
        return Ok(None);
    };
    let mut due = Due::default();
    if let Some((_, kinds)) = by_service.filter(|(its, _)| *its == at) {
        due.service = kinds;
    }
    if let Some((_, jobs)) = by_agent.filter(|(its, _)| *its == at) {
        due.jobs = jobs;
    }
    Ok(Some((at, due)))
}

/// The next instant at which jobs are due.
///
/// Agent follows the wall clock: in a repeated hour its jobs run twice, in a skipped hour not at all.
fn next_jobs(engine: &mut Engine) -> Result<Option<(UtcTime, Vec<ScheduledJob>)>, Message> {
    let now = engine.clock.now();
    let mut after = engine.clock.now_local().0;
    // A time in a skipped hour names no instant: look behind it.
    for _ in 0..200 {
        let Some((local, jobs)) = agent::next_due(engine, after)? else {
            return Ok(None);
        };
        if let Some(at) = instant_after(&engine.clock, local, now) {
            return Ok(Some((at, jobs)));
        }
        after = local;
    }
    Ok(None)
}

/// The first instant after `now` at which the server's clock shows `local`.
fn instant_after(clock: &Clock, local: NaiveDateTime, now: UtcTime) -> Option<UtcTime> {
    let as_utc = UtcTime(local.and_utc());
    let mut found = [-1, 0, 1]
        .map(|days| {
            let offset = clock.zone().offset_at(as_utc.plus(TimeDelta::days(days)));
            crate::domain::ServerTime(local).to_utc(offset)
        })
        .into_iter()
        .filter(|at| clock.local(*at).0 == local && *at > now)
        .collect::<Vec<_>>();
    found.sort_unstable();
    found.first().copied()
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applied {
    Yes,
    /// Another session's transaction is open: try again later.
    Later,
}

/// Commits one transaction at its own time.
fn apply(
    engine: &mut Engine,
    database: DatabaseId,
    transaction: &Transaction,
) -> Result<Applied, Message> {
    if transaction.changes.is_empty() || !is_online(engine, database) {
        // A database that is restored or offline just now misses what would have happened.
        return Ok(Applied::Yes);
    }
    if engine.store.begin_write(SERVER, database).is_err() {
        return Ok(Applied::Later);
    }
    let schema = engine.store.attach(database)?;
    for change in &transaction.changes {
        let values = change
            .values()
            .into_iter()
            .map(|(ty, value)| codec::encode(value, *ty));
        let done = engine
            .store
            .connection()
            .prepare_cached(&change.sql(&schema))
            .and_then(|mut statement| statement.execute(params_from_iter(values)));
        if let Err(error) = done {
            engine.store.rollback(SERVER);
            // Somebody who practises may have changed the tables: then life stands still here.
            tracing::debug!("the practice application could not write: {error}");
            return Ok(Applied::Yes);
        }
    }
    let offset = engine.clock.offset_minutes(transaction.at);
    engine
        .store
        .commit(SERVER, CommitTime::new(transaction.at, offset))?;
    Ok(Applied::Yes)
}

fn is_online(engine: &Engine, database: DatabaseId) -> bool {
    engine
        .store
        .database(database)
        .is_some_and(|database| database.state == DatabaseState::Online)
}

fn counters(engine: &mut Engine, database: DatabaseId) -> Result<Counters, Message> {
    let first_message = smallest(engine, database, "dbo.Octopus_EpisodeMessages", "MessageId")?;
    Ok(Counters {
        last_episode: largest(engine, database, "dbo.Octopus_Episodes", "EpisodeId")?,
        last_message: largest(engine, database, "dbo.Octopus_EpisodeMessages", "MessageId")?,
        pruned_message: (first_message - 1).max(0),
    })
}

fn largest(
    engine: &mut Engine,
    database: DatabaseId,
    table: &str,
    column: &str,
) -> Result<i64, Message> {
    extreme(engine, database, "max", table, column)
}

fn smallest(
    engine: &mut Engine,
    database: DatabaseId,
    table: &str,
    column: &str,
) -> Result<i64, Message> {
    extreme(engine, database, "min", table, column)
}

/// 0 where the table has no rows, or is not there any more.
fn extreme(
    engine: &mut Engine,
    database: DatabaseId,
    function: &str,
    table: &str,
    column: &str,
) -> Result<i64, Message> {
    if !is_online(engine, database) {
        return Ok(0);
    }
    let schema = engine.store.attach(database)?;
    let sql = format!("SELECT coalesce({function}(\"{column}\"), 0) FROM {schema}.\"{table}\"");
    Ok(engine
        .store
        .connection()
        .query_row(&sql, [], |row| row.get(0))
        .unwrap_or(0))
}
