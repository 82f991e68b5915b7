//! Makes a world: databases, jobs, two weeks of simulated life, the accident and the neighbours' problems.
//!
//! On Azure the service backs up (see `service`): no jobs, and no neighbour has a problem of its own making.

use super::{
    neighbour::{self, NEIGHBOURS, Story},
    octopus, plan,
    service::RDS_ADMIN,
    simulation::{Simulation, simulate},
};
use crate::{
    domain::{ServerTime, UtcTime},
    practice::{
        agent::{self, AgentError, NewJob},
        engine::{Edition, EngineHandle, Simulating, Zone},
        reply::{Message, Reply},
        sql::session::{Login, Session},
        value::Value,
    },
};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Where the databases' files lie.
pub const DATA_FOLDER: &str = r"D:\Data";

/// Backups can be encrypted from the beginning; as on many a server, the key lies nowhere else.
const CERTIFICATE: &str = "CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'practice makes perfect';
CREATE CERTIFICATE BackupCertificate WITH SUBJECT = N'Backups of the practice server';";

/// What kind of world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldOptions {
    pub seed: u64,
    /// Days of history before now; at least one.
    pub days: u32,
    /// Where the simulated time ends.
    pub now: UtcTime,
}

impl WorldOptions {
    /// The first whole day of history, on the server's calendar.
    fn first_day(&self, zone: Zone) -> NaiveDate {
        let today = self.now.to_server(zone.offset_at(self.now)).0.date();
        today - TimeDelta::days(i64::from(self.days.max(1)))
    }

    /// When the simulated time of a new world begins: its engine must be opened with a clock frozen there.
    pub fn start(&self, zone: Zone) -> UtcTime {
        let first = self.first_day(zone).and_time(NaiveTime::MIN) - TimeDelta::minutes(20);
        ServerTime(first).to_utc(zone.offset_at(UtcTime(first.and_utc())))
    }
}

/// Why no world could be made.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error("message {}: {} (in: {statement})", .message.number, .message.text)]
    Statement { message: Message, statement: String },
}

impl From<crate::practice::engine::EngineStopped> for WorldError {
    fn from(stopped: crate::practice::engine::EngineStopped) -> Self {
        Self::Agent(stopped.into())
    }
}

impl From<Message> for WorldError {
    fn from(message: Message) -> Self {
        Self::Agent(message.into())
    }
}

/// Something that happens once, at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Fork,
    LogsStop,
    Accident,
}

/// Makes the engine's world, or finds it again: afterwards it can be advanced, or lives.
///
/// A new world is built on a frozen clock, which ends standing at `options.now`; `made` hears how much of it is there, in percent.
pub async fn open(
    engine: &EngineHandle,
    options: &WorldOptions,
    made: Option<watch::Sender<u8>>,
    cancel: &CancellationToken,
) -> Result<(), WorldError> {
    let seed = options.seed;
    let found = engine
        .run(|engine| engine.store.find(octopus::DATABASE).is_some())
        .await?;
    let simulation = if found {
        engine
            .run(move |engine| Simulation::resume(engine, seed))
            .await??
    } else {
        let edition = engine.run(|engine| engine.options.edition).await?;
        let (options, cancel) = (*options, cancel.clone());
        if edition == Edition::Express {
            let work = build_for_express(engine.clone(), options, made, cancel);
            engine.drive(work).await??
        } else {
            let work = build(engine.clone(), options, made, cancel);
            engine.drive(work).await??
        }
    };
    engine
        .run(move |engine| engine.world = Some(Box::new(simulation)))
        .await?;
    Ok(())
}

/// A past with Agent and compression, as before a move to Express; from here on there is neither.
async fn build_for_express(
    engine: EngineHandle,
    options: WorldOptions,
    made: Option<watch::Sender<u8>>,
    cancel: CancellationToken,
) -> Result<Simulation, WorldError> {
    engine
        .run(|engine| engine.options.edition = Edition::Developer)
        .await?;
    let simulation = build(engine.clone(), options, made, cancel).await;
    engine
        .run(|engine| {
            engine.options.edition = Edition::Express;
            agent::remove_all_jobs(engine)
        })
        .await??;
    simulation
}

async fn build(
    engine: EngineHandle,
    options: WorldOptions,
    made: Option<watch::Sender<u8>>,
    cancel: CancellationToken,
) -> Result<Simulation, WorldError> {
    let (engine, cancel) = (&engine, &cancel);
    let WorldOptions { seed, days, now } = options;
    let zone = engine.run(|engine| engine.clock.zone()).await?;
    let local = |at: UtcTime| at.to_server(zone.offset_at(at));
    let first_day = options.first_day(zone);
    let start = options.start(zone);
    engine
        .run(move |engine| {
            engine.clock.set(start);
            engine.clock.simulate(Simulating::Yes);
            plan::folders().iter().try_for_each(|folder| {
                engine.paths.create_folder(folder).map_err(|error| {
                    Message::error(3201, format!("Cannot make the folder '{folder}': {error}"))
                })
            })
        })
        .await??;

    let edition = engine.run(|engine| engine.options.edition).await?;
    let mut session = Connection::open(engine).await?;
    create_databases(&mut session, edition).await?;
    if edition == Edition::Rds {
        session
            .run(&format!(
                "CREATE DATABASE [{RDS_ADMIN}]; ALTER DATABASE [{RDS_ADMIN}] SET RECOVERY SIMPLE;"
            ))
            .await?;
    }
    session.run(super::record::TABLE).await?;
    let by_service = edition.is_managed();
    if !by_service {
        add_jobs(engine, first_day).await?;
    }
    let mut simulation = engine
        .run(move |engine| Simulation::begin(engine, seed))
        .await??;
    if let Some(made) = made {
        simulation.tell(made, start, now);
    }
    if !by_service {
        first_backups(&mut session, engine).await?;
    }
    let accident = accident_second(now, local(now).0);
    simulation.keep_quiet(accident);
    let mut happenings = [
        (fork_time(now, days), Happening::Fork),
        (now.plus(-logs_stopped_for(days)), Happening::LogsStop),
        (
            accident.plus(TimeDelta::milliseconds(412)),
            Happening::Accident,
        ),
    ];
    happenings.sort_unstable();
    let own_problems = |happening: &Happening| !by_service || *happening == Happening::Accident;
    for (at, happening) in happenings
        .into_iter()
        .filter(|(_, happening)| own_problems(happening))
    {
        simulation = simulate(engine, simulation, at, cancel).await?;
        match happening {
            Happening::Fork => super::fork::restore_earlier(&mut session, engine).await?,
            Happening::LogsStop => {
                engine
                    .run(|engine| {
                        let name = database_of(Story::LogsStopped);
                        let job = plan::job_name(name, plan::Kind::Log);
                        agent::set_job_enabled(engine, &job, false)
                    })
                    .await??;
            }
            Happening::Accident => {
                super::record::before_accident(
                    &mut session,
                    local(accident),
                    zone.offset_at(accident),
                )
                .await?;
                session
                    .run(
                        "DELETE FROM OctopusAI.dbo.Octopus_Agents;
DROP TABLE OctopusAI.dbo.Octopus_PromptDrafts;",
                    )
                    .await?;
            }
        }
    }
    // A job that is due at the very end would move the clock beyond it.
    let end = now.plus(-TimeDelta::milliseconds(1));
    simulation = simulate(engine, simulation, end, cancel).await?;
    simulation.fall_silent();
    if !by_service {
        super::fork::lose_a_log(&mut session, engine, database_of(Story::LogMissing)).await?;
        session.run(CERTIFICATE).await?;
    }
    session.close().await;
    engine
        .run(move |engine| {
            engine.clock.set(now);
            engine.clock.simulate(Simulating::No);
        })
        .await?;
    Ok(simulation)
}

/// The backup jobs of every database.
async fn add_jobs(engine: &EngineHandle, first_day: NaiveDate) -> Result<(), WorldError> {
    engine
        .run(move |engine| -> Result<(), Message> {
            let mut jobs = plan::octopus_jobs(first_day);
            for (name, story) in NEIGHBOURS {
                jobs.extend(plan::neighbour_jobs(name, story, first_day));
            }
            for job in &jobs {
                agent::add_job(
                    engine,
                    &NewJob {
                        name: &job.name,
                        description: &job.description,
                        step: "backup",
                        command: &job.command,
                        schedule_name: &job.schedule_name,
                        schedule: job.schedule,
                    },
                )?;
            }
            Ok(())
        })
        .await??;
    Ok(())
}

/// The databases of a world, each with what is wrong with it.
fn inhabitants(edition: Edition) -> Vec<(&'static str, Option<Story>)> {
    let octopus = std::iter::once((octopus::DATABASE, None));
    if edition.is_managed() {
        let sound = [Story::LogMissing, Story::LogsStopped].map(|story| (database_of(story), None));
        return octopus.chain(sound).collect();
    }
    octopus
        .chain(NEIGHBOURS.map(|(name, story)| (name, Some(story))))
        .collect()
}

/// The neighbour with this problem.
pub fn database_of(story: Story) -> &'static str {
    NEIGHBOURS
        .iter()
        .find(|(_, its)| *its == story)
        .map_or("", |(name, _)| name)
}

/// The second in which somebody deletes every agent: some six hours ago, well between two log backups.
fn accident_second(now: UtcTime, local_now: NaiveDateTime) -> UtcTime {
    let about = now.plus(-TimeDelta::minutes(6 * 60 + 13));
    let minute = i64::from((local_now - TimeDelta::minutes(6 * 60 + 13)).minute()) % 15;
    let second = about.0.with_nanosecond(0).unwrap_or(about.0);
    UtcTime(second).plus(TimeDelta::minutes(9 - minute))
}

fn fork_time(now: UtcTime, days: u32) -> UtcTime {
    let hours = (i64::from(days.max(1)) * 24 / 4).min(74);
    now.plus(-TimeDelta::minutes(hours * 60 + 7))
}

fn logs_stopped_for(days: u32) -> TimeDelta {
    TimeDelta::hours((i64::from(days.max(1)) * 24 / 3).min(52))
}

async fn create_databases(session: &mut Connection, edition: Edition) -> Result<(), WorldError> {
    for (name, story) in inhabitants(edition) {
        session
            .run(&format!(
                "CREATE DATABASE [{name}]
                 ON (NAME = N'{name}', FILENAME = N'{DATA_FOLDER}\\{name}.mdf')
                 LOG ON (NAME = N'{name}_log', FILENAME = N'{DATA_FOLDER}\\{name}_log.ldf');"
            ))
            .await?;
        let model = if story == Some(Story::Simple) {
            "SIMPLE"
        } else {
            "FULL"
        };
        session
            .run(&format!("ALTER DATABASE [{name}] SET RECOVERY {model};"))
            .await?;
        let schema = if name == octopus::DATABASE {
            octopus::SCHEMA
        } else {
            neighbour::SCHEMA
        };
        session.run(&format!("USE [{name}];\n{schema}")).await?;
        session.run("USE master;").await?;
    }
    Ok(())
}

/// A first full backup of everything, so that the log backups before midnight have a chain to begin.
async fn first_backups(session: &mut Connection, engine: &EngineHandle) -> Result<(), WorldError> {
    for (name, story) in inhabitants(Edition::Developer) {
        let now = engine.run(|engine| engine.clock.now_local()).await?;
        let file = if story == Some(Story::SameFiles) {
            format!(r"{}\{name}_full.bak", plan::SHARE)
        } else {
            format!(
                r"{}\full\{name}_full_{}.bak",
                plan::SHARE,
                now.0.format("%Y%m%d_%H%M%S")
            )
        };
        session
            .run(&format!(
                "BACKUP DATABASE [{name}] TO DISK = N'{file}' WITH COMPRESSION, CHECKSUM, NAME = N'{name}-full';"
            ))
            .await?;
    }
    Ok(())
}

/// A session of the world's own.
pub(super) struct Connection {
    session: Session,
}

impl Connection {
    pub(super) async fn open(engine: &EngineHandle) -> Result<Self, WorldError> {
        let login = Login {
            login: "sa".to_owned(),
            host: "PRACTICE".to_owned(),
            program: "practice world".to_owned(),
            database: None,
            service: true,
            client_pid: 0,
            packet_size: 4096,
        };
        Ok(Self {
            session: Session::open(engine.clone(), login).await?,
        })
    }

    /// Runs a batch that must not fail, and answers the rows of its results.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Vec<Vec<Value>>, WorldError> {
        let (sender, mut replies) = tokio::sync::mpsc::channel(64);
        let mut rows = Vec::new();
        let mut failure = None;
        let read = async {
            while let Some(reply) = replies.recv().await {
                match reply {
                    Reply::Rows(more) => rows.extend(more),
                    Reply::Message(message) if message.is_error() && failure.is_none() => {
                        failure = Some(message);
                    }
                    _ => {}
                }
            }
        };
        let cancel = CancellationToken::new();
        let run = async {
            self.session.batch(sql.to_owned(), &sender, &cancel).await;
            drop(sender);
        };
        tokio::join!(run, read);
        match failure {
            None => Ok(rows),
            Some(message) => Err(WorldError::Statement {
                message,
                statement: sql.chars().take(300).collect(),
            }),
        }
    }

    pub(super) async fn close(self) {
        self.session.close().await;
    }
}
