//! A server of a few lines behind the gateway's trait: it answers by the purpose of a batch and keeps one database's state.
//!
//! For what a run decides; what a real server does is asked from the practice server.

use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use stopat::{
    domain::RestorePlan,
    server::{
        Cell, Columns, ConnectFuture, Connection, Gateway, Row, RowSink, ServerError, SqlError,
    },
    tsql::{self, Batch, BatchKind, Purpose},
};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What a step of the plan does instead of its work.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// Succeeds, and the database stays `RESTORING`.
    StaysRestoring,
    /// Ends with this error; the database stays as it was.
    Error(i64),
    /// Runs until it is cancelled; the database is `RESTORING` then.
    Hangs,
    /// The connection dies while it works; the database is `RESTORING` then.
    ConnectionDies,
}

pub const ONLINE: i64 = 0;
pub const RESTORING: i64 = 1;
pub const COPY_GUID: Uuid = Uuid::from_u128(0xC0B1);

#[derive(Default)]
pub struct State {
    /// `sys.databases.state` of the target.
    pub target: Option<i64>,
    /// Somebody else has the application lock.
    pub locked: bool,
    pub turns: BTreeMap<usize, Turn>,
    /// The files in the backups are encrypted with a key that the server does not have.
    pub tde: bool,
    /// Devices whose header is another set's.
    pub overwritten: BTreeSet<String>,
    /// Every batch that could change something, as it came.
    pub sent: Vec<Purpose>,
    /// Rows of `dbo.T` in the copy; `None` is no such table.
    pub rows_in_copy: Option<i64>,
}

#[derive(Clone)]
pub struct Fake {
    pub state: Arc<Mutex<State>>,
    plan: Arc<RestorePlan>,
}

impl Fake {
    pub fn new(plan: &RestorePlan) -> Self {
        let state = State {
            rows_in_copy: Some(42),
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            plan: Arc::new(plan.clone()),
        }
    }

    pub fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state.lock().expect("nobody panicked"));
        self
    }

    pub fn sent(&self) -> Vec<Purpose> {
        self.state.lock().expect("nobody panicked").sent.clone()
    }

    pub fn target(&self) -> Option<i64> {
        self.state.lock().expect("nobody panicked").target
    }
}

impl Gateway for Fake {
    fn connect(&self) -> ConnectFuture<'_> {
        let connection: Box<dyn Connection> = Box::new(FakeConnection(self.clone()));
        Box::pin(async { Ok(connection) })
    }
}

struct FakeConnection(Fake);

fn refused(number: i64) -> ServerError {
    ServerError::Refused {
        errors: vec![SqlError {
            number,
            class: 16,
            state: 1,
            text: format!("message {number}"),
        }],
    }
}

fn rows(sink: &mut dyn RowSink, names: &[&str], rows: Vec<Vec<Cell>>) {
    let columns = Arc::new(Columns::new(
        names.iter().map(|n| (*n).to_owned()).collect(),
    ));
    sink.columns(&columns);
    for cells in rows {
        sink.row(Row::new(Arc::clone(&columns), cells));
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// `state_desc` of a state.
fn state_word(number: i64) -> Cell {
    text(if number == ONLINE {
        "ONLINE"
    } else {
        "RESTORING"
    })
}

impl Connection for FakeConnection {
    fn session_id(&self) -> i64 {
        51
    }

    fn run<'a>(
        &'a mut self,
        batch: &'a Batch,
        sink: &'a mut dyn RowSink,
        messages: Option<UnboundedSender<String>>,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), ServerError>> {
        Box::pin(async move {
            let last = self.0.plan.steps.len() - 1;
            let turn = {
                let mut state = self.0.state.lock().expect("nobody panicked");
                if batch.kind > BatchKind::Look {
                    state.sent.push(batch.purpose.clone());
                }
                match &batch.purpose {
                    Purpose::RestoreSet { step } => state.turns.get(step).copied(),
                    _ => None,
                }
            };
            if let Some(messages) = messages {
                messages.send("a message".to_owned()).ok();
            }
            match turn {
                Some(Turn::Hangs) => {
                    self.0.state.lock().expect("nobody panicked").target = Some(RESTORING);
                    cancel.cancelled().await;
                    return Err(ServerError::Cancelled);
                }
                Some(Turn::ConnectionDies) => {
                    self.0.state.lock().expect("nobody panicked").target = Some(RESTORING);
                    return Err(ServerError::Lost {
                        reason: "broken pipe".to_owned(),
                    });
                }
                Some(Turn::Error(number)) => return Err(refused(number)),
                Some(Turn::StaysRestoring) => {
                    self.0.state.lock().expect("nobody panicked").target = Some(RESTORING);
                    return Ok(());
                }
                None => {}
            }
            let mut state = self.0.state.lock().expect("nobody panicked");
            match &batch.purpose {
                Purpose::RestoreSet { step } if *step == last => state.target = Some(ONLINE),
                Purpose::RestoreSet { .. } => state.target = Some(RESTORING),
                Purpose::Recover => state.target = Some(ONLINE),
                Purpose::DropCopy => state.target = None,
                Purpose::Ask => answer(&self.0.plan, &state, batch, sink)?,
                other => panic!("the fake has no {other:?}"),
            }
            Ok(())
        })
    }
}

/// Questions are told apart by their text, which is ours.
fn answer(
    plan: &RestorePlan,
    state: &State,
    batch: &Batch,
    sink: &mut dyn RowSink,
) -> Result<(), ServerError> {
    let target = tsql::target_database(plan);
    if *batch == tsql::take_lock(target) {
        let granted = if state.locked { -1 } else { 0 };
        rows(sink, &["granted"], vec![vec![Cell::Int(granted)]]);
    } else if *batch == tsql::database_state(target) {
        let created = chrono::NaiveDate::from_ymd_opt(2026, 11, 22)
            .and_then(|day| day.and_hms_opt(10, 0, 0))
            .expect("a time");
        let row = state.target.map(|number| {
            vec![
                Cell::Int(number),
                state_word(number),
                Cell::Time(stopat::domain::ServerTime(created)),
                Cell::Guid(COPY_GUID),
            ]
        });
        rows(
            sink,
            &["state", "state_desc", "create_date", "database_guid"],
            row.into_iter().collect(),
        );
    } else if *batch == tsql::target_facts(target) {
        let row = state.target.map(|number| {
            vec![
                Cell::Int(number),
                state_word(number),
                Cell::Int(0),
                text("FULL"),
                Cell::Guid(COPY_GUID),
            ]
        });
        rows(
            sink,
            &[
                "state",
                "state_desc",
                "user_access",
                "recovery_model_desc",
                "database_guid",
            ],
            row.into_iter().collect(),
        );
    } else if *batch == tsql::server_clock() {
        rows(
            sink,
            &["server_time"],
            vec![vec![text("2026-11-22T10:00:00")]],
        );
    } else if *batch == tsql::abilities(target, &plan.database) {
        let row = vec![Cell::Int(1), Cell::Int(957)];
        rows(sink, &["may_create", "database_version"], vec![row]);
    } else if *batch == tsql::orphaned_users(target) {
        rows(sink, &["name"], Vec::new());
    } else if *batch == tsql::master_files() || *batch == tsql::running_backups() {
        rows(sink, &["physical_name"], Vec::new());
    } else if *batch == tsql::volumes() {
        let row = vec![text("D:\\"), Cell::Int(1_000_000_000_000)];
        rows(sink, &["volume_mount_point", "available_bytes"], vec![row]);
    } else if *batch == tsql::progress(51) {
        let row = vec![text("RESTORE DATABASE"), Cell::Float(50.0), Cell::Int(1000)];
        rows(
            sink,
            &["command", "percent_complete", "estimated_completion_time"],
            vec![row],
        );
    } else if *batch == tsql::table_rows(&plan.database) {
        let row = vec![text("dbo"), text("T"), Cell::Int(40)];
        rows(sink, &["schema_name", "table_name", "row_count"], vec![row]);
    } else if *batch == tsql::count_rows(target, "dbo", "T") {
        let count = state.rows_in_copy.map_or(Cell::Null, Cell::Int);
        rows(sink, &["row_count"], vec![vec![count]]);
    } else if plan
        .steps
        .iter()
        .any(|step| *batch == tsql::file_list(&step.devices, step.position))
    {
        let thumbprint = state
            .tde
            .then(|| vec![0xA1, 0x0B])
            .map_or(Cell::Null, Cell::Bytes);
        rows(sink, &["TDEThumbprint"], vec![vec![thumbprint]]);
    } else if *batch == tsql::thumbprints() {
        rows(sink, &["thumbprint"], Vec::new());
    } else if let Some(step) = plan
        .steps
        .iter()
        .find(|step| *batch == tsql::header_only(&step.devices[0]))
    {
        let uuid = if state.overwritten.contains(step.devices[0].name()) {
            Uuid::from_u128(0xDEAD)
        } else {
            step.backup_set_uuid
        };
        let lsn = |lsn: stopat::domain::Lsn| Cell::Decimal {
            value: lsn.decimal() as i128,
            scale: 0,
        };
        rows(
            sink,
            &[
                "Position",
                "BackupSetGUID",
                "FirstLSN",
                "LastLSN",
                "DatabaseVersion",
            ],
            vec![vec![
                Cell::Int(i64::from(step.position)),
                Cell::Guid(uuid),
                lsn(step.first_lsn),
                lsn(step.last_lsn),
                Cell::Int(957),
            ]],
        );
    } else {
        panic!("the fake does not know this question: {}", batch.sql);
    }
    Ok(())
}
