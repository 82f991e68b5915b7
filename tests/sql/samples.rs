//! Plans made by hand, from plain to hostile.

use stopat::{
    domain::{
        BackupType, Destination, Device, FileMove, Lsn, Moment, PlanStep, Price, RestorePlan,
        ServerTime, Start, Tail, Target, UtcOffset,
    },
    tsql::{Damage, OverOptions, RestoreOptions, ServerFacts, Tailing, UserAccess},
};
use uuid::Uuid;

/// Names that end literals, comments and batches, or that sqlcmd replaces.
pub const HOSTILE: [&str; 6] = [
    "a]b'; DROP TABLE x--",
    "pay$(x)roll",
    "line\nGO\nDROP DATABASE master\nGO\n",
    "100% [sure] /* not a comment */",
    "Ünïcödé 数据库 🐙",
    "--",
];

pub fn time(text: &str) -> ServerTime {
    ServerTime(text.parse().expect("an ISO time"))
}

fn step(n: u32, backup_type: BackupType, device: &str, finish: &str) -> PlanStep {
    PlanStep {
        backup_set_uuid: Uuid::from_u128(u128::from(n)),
        backup_set_id: Some(i64::from(n)),
        backup_type,
        position: 1,
        devices: vec![Device::Disk(device.to_owned())],
        stop_at: None,
        start: time(finish),
        finish: time(finish),
        bytes: Some(1_000_000),
        backup_size: Some(2_000_000),
        has_checksums: true,
        moves: Vec::new(),
        first_lsn: Lsn::from_parts(39, n, 1),
        last_lsn: Lsn::from_parts(39, n + 1, 1),
    }
}

/// Full, differential, two logs, into a copy.
pub fn copy_to_a_moment() -> RestorePlan {
    let stop = time("2026-11-22T08:28:12.004");
    let mut full = step(
        1,
        BackupType::Full,
        r"\\backup-server\octopus\full\OctopusAI_20261122T000000.bak",
        "2026-11-22T00:00:41",
    );
    full.moves = vec![0, 1];
    let differential = step(
        2,
        BackupType::Differential,
        r"\\backup-server\octopus\diff\OctopusAI_20261122T060000.bak",
        "2026-11-22T06:00:12",
    );
    let mut first_log = step(
        3,
        BackupType::Log,
        r"\\backup-server\octopus\log\OctopusAI_20261122T081500.trn",
        "2026-11-22T08:15:01",
    );
    first_log.stop_at = Some(stop);
    let mut last_log = step(
        4,
        BackupType::Log,
        r"\\backup-server\octopus\log\OctopusAI_20261122T083000.trn",
        "2026-11-22T08:30:01",
    );
    last_log.stop_at = Some(stop);
    RestorePlan {
        database: "OctopusAI".to_owned(),
        target: Target::At(Moment {
            server: stop,
            instant: stop.to_utc(UtcOffset::ZERO),
        }),
        destination: Destination::Copy {
            name: "OctopusAI_0828".to_owned(),
            files_to: Some(r"D:\Data".to_owned()),
        },
        steps: vec![full, differential, first_log, last_log],
        start: Start::Nothing,
        stop_at: Some(stop),
        stop_mark: None,
        reaches: Some(stop),
        bytes: Some(4_000_000),
        estimate: None,
        price: Price::default(),
        moves: vec![
            FileMove {
                logical_name: "OctopusAI".to_owned(),
                from: Some(r"D:\Data\OctopusAI.mdf".to_owned()),
                to: r"D:\Data\OctopusAI_0828.mdf".to_owned(),
                file_size: Some(8_000_000),
            },
            FileMove {
                logical_name: "OctopusAI_log".to_owned(),
                from: Some(r"D:\Data\OctopusAI_log.ldf".to_owned()),
                to: r"D:\Data\OctopusAI_0828_log.ldf".to_owned(),
                file_size: Some(8_000_000),
            },
        ],
        notes: Vec::new(),
        utc_offset: None,
        tail: None,
    }
}

pub fn base_only() -> RestorePlan {
    let mut plan = copy_to_a_moment();
    plan.steps.truncate(1);
    plan.steps[0].position = 7;
    plan.steps[0].has_checksums = false;
    plan.stop_at = None;
    plan.target = Target::Latest;
    plan
}

pub fn striped_over_the_original() -> RestorePlan {
    let mut plan = copy_to_a_moment();
    plan.destination = Destination::Original;
    plan.moves.clear();
    for step in &mut plan.steps {
        step.moves.clear();
        let second = format!("{}.2", step.devices[0].name());
        step.devices.push(Device::Disk(second));
    }
    plan.steps[1].devices = vec![Device::Url(
        "https://acct.blob.core.windows.net/backups/diff.bak".to_owned(),
    )];
    plan
}

/// A bulk-logged log at the end: the plan carries no `STOPAT` there (rule 7).
pub fn ends_with_a_bulk_logged_log() -> RestorePlan {
    let mut plan = copy_to_a_moment();
    plan.steps[3].stop_at = None;
    plan.stop_at = None;
    plan
}

pub fn with_a_tail() -> RestorePlan {
    let mut plan = copy_to_a_moment();
    plan.tail = Some(Tail::LogBackup);
    plan
}

/// The names of database, files and paths are all the hostile one.
pub fn hostile(name: &str) -> RestorePlan {
    let mut plan = with_a_tail();
    plan.database = name.to_owned();
    plan.destination = Destination::Copy {
        name: format!("{name} copy"),
        files_to: None,
    };
    for step in &mut plan.steps {
        step.devices = vec![Device::Disk(format!(r"D:\Backup\{name}\x.bak"))];
    }
    plan.moves[0].logical_name = name.to_owned();
    plan.moves[0].to = format!(r"D:\Data\{name}.mdf");
    plan
}

pub fn facts() -> ServerFacts {
    ServerFacts {
        server_name: Some(r"SQL1\MAIN".to_owned()),
        tail_file: Some(r"D:\Backup\OctopusAI_20261122T100000Z_tail.trn".to_owned()),
    }
}

/// Over a database that is online, with its tail in `file`.
pub fn over(file: &str) -> RestoreOptions {
    RestoreOptions {
        over: Some(OverOptions {
            stop_async_statistics: true,
            close_to_others: true,
            access: UserAccess::Multi,
            tail: Tailing::BackUp {
                file: file.to_owned(),
                damage: Damage::None,
            },
        }),
        ..RestoreOptions::default()
    }
}
