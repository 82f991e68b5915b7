//! `OctopusAI`: the tables of the application, its first rows, and what people and agents do all day.
//!
//! What happens at a moment depends on the seed and on the moments before it alone, so the same seed
//! gives the same rows. Times are UTC: the application stores `SYSUTCDATETIME()`.

use super::{
    change::{Change, Transaction},
    text,
};
use crate::{
    domain::UtcTime,
    practice::value::{SqlType, Value},
};
use chrono::{TimeDelta, Timelike as _};
use uuid::Uuid;

/// The database's name.
pub const DATABASE: &str = "OctopusAI";

/// The tables, as the application's own migrations made them.
pub const SCHEMA: &str = "
CREATE TABLE dbo.__EFMigrationsHistory (
    MigrationId nvarchar(150) NOT NULL PRIMARY KEY,
    ProductVersion nvarchar(32) NOT NULL);
CREATE TABLE dbo.Octopus_Areas (
    AreaId uniqueidentifier NOT NULL PRIMARY KEY,
    Name nvarchar(100) NOT NULL,
    RoutingRule nvarchar(400) NOT NULL);
CREATE TABLE dbo.Octopus_Agents (
    AgentId uniqueidentifier NOT NULL PRIMARY KEY,
    AreaId uniqueidentifier NOT NULL,
    Name nvarchar(100) NOT NULL,
    Model nvarchar(60) NOT NULL,
    SystemPrompt nvarchar(max) NOT NULL,
    IsEnabled bit NOT NULL,
    LastSeenAt datetime2(3) NOT NULL);
CREATE TABLE dbo.Octopus_AIFunctions (
    FunctionId uniqueidentifier NOT NULL PRIMARY KEY,
    Name nvarchar(100) NOT NULL,
    Body nvarchar(max) NOT NULL,
    Revision int NOT NULL);
CREATE TABLE dbo.Octopus_Procedures (
    ProcedureId uniqueidentifier NOT NULL PRIMARY KEY,
    AgentId uniqueidentifier NOT NULL,
    Name nvarchar(100) NOT NULL,
    Steps nvarchar(max) NOT NULL,
    Revision int NOT NULL,
    ChangedAt datetime2(3) NOT NULL);
CREATE TABLE dbo.Octopus_Episodes (
    EpisodeId bigint NOT NULL PRIMARY KEY,
    AgentId uniqueidentifier NOT NULL,
    Title nvarchar(200) NOT NULL,
    StartedAt datetime2(3) NOT NULL,
    MessageCount int NOT NULL);
CREATE TABLE dbo.Octopus_EpisodeMessages (
    MessageId bigint NOT NULL PRIMARY KEY,
    EpisodeId bigint NOT NULL,
    Role nvarchar(20) NOT NULL,
    Content nvarchar(max) NOT NULL,
    CreatedAt datetime2(3) NOT NULL);
CREATE TABLE dbo.Octopus_PromptDrafts (
    DraftId int NOT NULL PRIMARY KEY,
    Title nvarchar(200) NOT NULL,
    Body nvarchar(max) NOT NULL);
INSERT INTO dbo.Octopus_PromptDrafts (DraftId, Title, Body) VALUES
    (1, N'Greeting', N'Say hello in the language of the caller.'),
    (2, N'Escalation', N'Hand over to a person when the caller asks twice.'),
    (3, N'Summary', N'Sum up the episode in three sentences.');
CREATE INDEX IX_EpisodeMessages_EpisodeId ON dbo.Octopus_EpisodeMessages (EpisodeId);
";

/// The tables that the application's owners protect (design §6), and the one that the schema check reads.
pub const PROTECTED: [&str; 6] = [
    "Octopus_Agents",
    "Octopus_Episodes",
    "Octopus_EpisodeMessages",
    "Octopus_Procedures",
    "Octopus_AIFunctions",
    "Octopus_Areas",
];

/// Migrations that were applied, oldest first.
const MIGRATIONS: [&str; 4] = [
    "20260112083015_InitialCreate",
    "20260304101502_AddProcedures",
    "20260709141120_AddAIFunctions",
    "20261101090344_AddAreas",
];

const N_AREAS: usize = 6;
const N_AGENTS: usize = 24;
const N_FUNCTIONS: usize = 40;
const N_PROCEDURES: usize = 60;
/// Episodes beyond this number are pruned, oldest first.
const KEPT_EPISODES: i64 = 2_000;
/// At most this many episodes are talked in at a time.
const OPEN_EPISODES: i64 = 40;
/// At most this many messages go in one pruning.
const PRUNED_AT_ONCE: i64 = 30;

const DATETIME2: SqlType = SqlType::DateTime2(3);

/// The application at work.
///
/// The keys come from the seed; the counters are read back from the rows when a world is found again.
#[derive(Clone, Debug)]
pub struct Octopus {
    rng: fastrand::Rng,
    areas: Vec<Uuid>,
    agents: Vec<Uuid>,
    functions: Vec<Uuid>,
    procedures: Vec<Uuid>,
    counters: Counters,
}

/// How far the application has come, as its rows show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// `MAX(EpisodeId)`.
    pub last_episode: i64,
    /// `MAX(MessageId)`.
    pub last_message: i64,
    /// Messages up to this id were pruned.
    pub pruned_message: i64,
}

impl Octopus {
    /// The application of a world with this seed, before its first row.
    pub fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x6f63_746f);
        let mut keys = |n: usize| (0..n).map(|_| text::uuid(&mut rng)).collect::<Vec<_>>();
        let areas = keys(N_AREAS);
        let agents = keys(N_AGENTS);
        let functions = keys(N_FUNCTIONS);
        let procedures = keys(N_PROCEDURES);
        Self {
            rng,
            areas,
            agents,
            functions,
            procedures,
            counters: Counters::default(),
        }
    }

    /// The same application in a world that already runs: it goes on from what the rows show.
    ///
    /// `salt` keeps it from repeating what it did after an earlier start.
    pub fn resumed(seed: u64, counters: Counters, salt: u64) -> Self {
        let mut this = Self::new(seed);
        this.counters = counters;
        this.rng = fastrand::Rng::with_seed(seed ^ salt.rotate_left(17));
        this
    }

    /// The rows that were there from the start.
    pub fn first_rows(&mut self, at: UtcTime) -> Transaction {
        let mut changes = Vec::new();
        for migration in MIGRATIONS {
            changes.push(Change::insert(
                "dbo.__EFMigrationsHistory",
                [
                    ("MigrationId", text_value(migration)),
                    ("ProductVersion", text_value("9.0.4")),
                ],
            ));
        }
        for area in self.areas.clone() {
            changes.push(Change::insert(
                "dbo.Octopus_Areas",
                [
                    ("AreaId", guid(area)),
                    ("Name", text_value(text::title(&mut self.rng))),
                    (
                        "RoutingRule",
                        text_value(text::sentences(&mut self.rng, 12)),
                    ),
                ],
            ));
        }
        for (idx, agent) in self.agents.clone().into_iter().enumerate() {
            let area = self.areas[idx % self.areas.len()];
            changes.push(Change::insert(
                "dbo.Octopus_Agents",
                [
                    ("AgentId", guid(agent)),
                    ("AreaId", guid(area)),
                    (
                        "Name",
                        text_value(format!("{} {}", text::title(&mut self.rng), idx + 1)),
                    ),
                    ("Model", text_value(format!("octo-{}", self.rng.u8(3..6)))),
                    (
                        "SystemPrompt",
                        text_value(text::sentences(&mut self.rng, 120)),
                    ),
                    ("IsEnabled", (SqlType::Bit, Value::Int(1))),
                    ("LastSeenAt", datetime2(at)),
                ],
            ));
        }
        for function in self.functions.clone() {
            changes.push(Change::insert(
                "dbo.Octopus_AIFunctions",
                [
                    ("FunctionId", guid(function)),
                    ("Name", text_value(text::title(&mut self.rng))),
                    ("Body", text_value(text::sentences(&mut self.rng, 150))),
                    ("Revision", int(1)),
                ],
            ));
        }
        for procedure in self.procedures.clone() {
            let agent = self.agents[self.rng.usize(..self.agents.len())];
            changes.push(Change::insert(
                "dbo.Octopus_Procedures",
                [
                    ("ProcedureId", guid(procedure)),
                    ("AgentId", guid(agent)),
                    ("Name", text_value(text::title(&mut self.rng))),
                    ("Steps", text_value(text::sentences(&mut self.rng, 80))),
                    ("Revision", int(1)),
                    ("ChangedAt", datetime2(at)),
                ],
            ));
        }
        for _ in 0..10 {
            changes.extend(self.new_episode(at));
        }
        Transaction { at, changes }
    }

    /// The next transaction after `after`: by day every quarter of a minute or so, at night seldom.
    ///
    /// `server_hour` is the hour of the day where the server stands.
    pub fn next(&mut self, after: UtcTime, server_hour: u32) -> Transaction {
        let mean_millis = if (7..20).contains(&server_hour) {
            16_000
        } else {
            42_000
        };
        let gap = self.rng.i64(200..mean_millis * 2);
        let at = UtcTime(
            (after.0 + TimeDelta::milliseconds(gap))
                .with_nanosecond(0)
                .unwrap_or(after.0)
                + TimeDelta::milliseconds(self.rng.i64(0..990)),
        );
        let at = if at <= after {
            after.plus(TimeDelta::milliseconds(10))
        } else {
            at
        };
        let changes = match self.rng.u8(..100) {
            0..70 => self.message(at),
            70..80 => self.new_episode(at),
            80..94 => self.heartbeat(at),
            94..96 => self.rewrite_procedure(at),
            96..97 => self.rewrite_function(),
            _ => self.prune(),
        };
        Transaction { at, changes }
    }

    fn message(&mut self, at: UtcTime) -> Vec<Change> {
        let newest = self.counters.last_episode.max(1);
        let oldest = (newest - OPEN_EPISODES).max(1);
        let episode = self.rng.i64(oldest..=newest);
        self.counters.last_message += 1;
        let role = if self.rng.bool() { "user" } else { "assistant" };
        let n_words = self.rng.usize(8..48);
        vec![
            Change::insert(
                "dbo.Octopus_EpisodeMessages",
                [
                    ("MessageId", bigint(self.counters.last_message)),
                    ("EpisodeId", bigint(episode)),
                    ("Role", text_value(role)),
                    (
                        "Content",
                        text_value(text::sentences(&mut self.rng, n_words)),
                    ),
                    ("CreatedAt", datetime2(at)),
                ],
            ),
            Change::increment(
                "dbo.Octopus_Episodes",
                ("EpisodeId", bigint(episode)),
                "MessageCount",
            ),
        ]
    }

    fn new_episode(&mut self, at: UtcTime) -> Vec<Change> {
        self.counters.last_episode += 1;
        let agent = self.agents[self.rng.usize(..self.agents.len())];
        let mut changes = vec![Change::insert(
            "dbo.Octopus_Episodes",
            [
                ("EpisodeId", bigint(self.counters.last_episode)),
                ("AgentId", guid(agent)),
                ("Title", text_value(text::title(&mut self.rng))),
                ("StartedAt", datetime2(at)),
                ("MessageCount", int(0)),
            ],
        )];
        let forgotten = self.counters.last_episode - KEPT_EPISODES;
        if forgotten > 0 {
            changes.push(Change::delete(
                "dbo.Octopus_Episodes",
                ("EpisodeId", bigint(forgotten)),
            ));
        }
        changes
    }

    fn heartbeat(&mut self, at: UtcTime) -> Vec<Change> {
        let agent = self.agents[self.rng.usize(..self.agents.len())];
        vec![Change::update(
            "dbo.Octopus_Agents",
            ("AgentId", guid(agent)),
            [("LastSeenAt", datetime2(at))],
        )]
    }

    fn rewrite_procedure(&mut self, at: UtcTime) -> Vec<Change> {
        let procedure = self.procedures[self.rng.usize(..self.procedures.len())];
        let key = ("ProcedureId", guid(procedure));
        vec![
            Change::update(
                "dbo.Octopus_Procedures",
                key.clone(),
                [
                    ("Steps", text_value(text::sentences(&mut self.rng, 80))),
                    ("ChangedAt", datetime2(at)),
                ],
            ),
            Change::increment("dbo.Octopus_Procedures", key, "Revision"),
        ]
    }

    fn rewrite_function(&mut self) -> Vec<Change> {
        let function = self.functions[self.rng.usize(..self.functions.len())];
        let key = ("FunctionId", guid(function));
        vec![
            Change::update(
                "dbo.Octopus_AIFunctions",
                key.clone(),
                [("Body", text_value(text::sentences(&mut self.rng, 150)))],
            ),
            Change::increment("dbo.Octopus_AIFunctions", key, "Revision"),
        ]
    }

    /// Forgets the oldest messages once there are many, a few at a time.
    fn prune(&mut self) -> Vec<Change> {
        const KEPT_MESSAGES: i64 = 20_000;
        let last = (self.counters.last_message - KEPT_MESSAGES)
            .min(self.counters.pruned_message + PRUNED_AT_ONCE);
        let first = self.counters.pruned_message + 1;
        if last < first {
            return Vec::new();
        }
        self.counters.pruned_message = last;
        (first..=last)
            .map(|id| Change::delete("dbo.Octopus_EpisodeMessages", ("MessageId", bigint(id))))
            .collect()
    }
}

fn text_value(text: impl Into<String>) -> (SqlType, Value) {
    use crate::practice::value::Length;
    (SqlType::NVarChar(Length::Max), Value::Text(text.into()))
}

fn guid(id: Uuid) -> (SqlType, Value) {
    (SqlType::UniqueIdentifier, Value::Guid(id))
}

fn int(number: i64) -> (SqlType, Value) {
    (SqlType::Int, Value::Int(number))
}

fn bigint(number: i64) -> (SqlType, Value) {
    (SqlType::BigInt, Value::Int(number))
}

/// `datetime2(3)`: 100 ns since 0001-01-01, cut to milliseconds.
pub(super) fn datetime2(at: UtcTime) -> (SqlType, Value) {
    /// Milliseconds from 0001-01-01 to 1970-01-01.
    const TO_1970: i64 = 62_135_596_800_000;
    let ticks = (at.0.timestamp_millis() + TO_1970) * 10_000;
    (DATETIME2, Value::Int(ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> UtcTime {
        UtcTime::from_seconds(1_795_000_000.0).expect("a date")
    }

    fn a_day(seed: u64) -> Vec<Transaction> {
        let mut octopus = Octopus::new(seed);
        let mut all = vec![octopus.first_rows(start())];
        let end = start().plus(TimeDelta::days(1));
        loop {
            let last = all.last().expect("the first rows").at;
            let next = octopus.next(last, last.0.hour());
            if next.at >= end {
                return all;
            }
            all.push(next);
        }
    }

    #[test]
    fn the_same_seed_does_the_same() {
        assert_eq!(a_day(1), a_day(1));
        assert_ne!(a_day(1), a_day(2));
    }

    #[test]
    fn time_goes_forward_and_a_day_has_thousands_of_transactions() {
        let day = a_day(7);
        assert!(day.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert!((2_000..8_000).contains(&day.len()), "{}", day.len());
    }
}
