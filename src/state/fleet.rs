//! The fleet as the window shows it: lines of all servers, sorted.

use super::{Page, State};
use crate::{
    run::FleetRow,
    worker::{ObjectivesEvent, ObjectivesRequest, Request, SaveAs, ServerId},
};
use std::collections::BTreeMap;

/// What was read of the fleet.
#[derive(Clone, Debug, Default)]
pub struct FleetView {
    pub rows: BTreeMap<ServerId, Vec<FleetRow>>,
    /// How many servers are read, while they are.
    pub reading: Option<usize>,
    pub sort: FleetSort,
    pub descending: bool,
}

/// By what the lines are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FleetSort {
    Server,
    Database,
    Status,
    #[default]
    Loss,
    Size,
}

/// What is done on the page.
#[derive(Clone, Debug)]
pub enum FleetAction {
    Show,
    Read,
    /// The same column again turns the order round.
    Sort(FleetSort),
    Export(SaveAs),
    Open(ServerId, String),
}

impl FleetView {
    /// Whether the lines rise from top to bottom as they are sorted now: names do at first, losses and sizes fall.
    pub fn rises(&self) -> bool {
        let at_first = matches!(self.sort, FleetSort::Server | FleetSort::Database);
        at_first != self.descending
    }

    /// All lines in the chosen order; servers that do not answer come last whatever it is.
    pub fn sorted(&self) -> Vec<(ServerId, &FleetRow)> {
        let mut all: Vec<(ServerId, &FleetRow)> = self
            .rows
            .iter()
            .flat_map(|(server, rows)| rows.iter().map(|row| (*server, row)))
            .collect();
        all.sort_by(|(_, a), (_, b)| {
            let order = match self.sort {
                FleetSort::Server => a.server.cmp(&b.server),
                FleetSort::Database => a.database.cmp(&b.database),
                FleetSort::Status => rank(a.status).cmp(&rank(b.status)),
                // What cannot be brought back at all is the largest loss.
                FleetSort::Loss => {
                    let loss = |row: &FleetRow| row.loss_seconds.unwrap_or(f64::INFINITY);
                    loss(b).total_cmp(&loss(a))
                }
                FleetSort::Size => b.size_bytes.cmp(&a.size_bytes),
            };
            let order = if self.descending {
                order.reverse()
            } else {
                order
            };
            let answers = a.problem.is_some().cmp(&b.problem.is_some());
            answers
                .then(order)
                .then_with(|| (&a.server, &a.database).cmp(&(&b.server, &b.database)))
        });
        all
    }
}

/// The worst first.
fn rank(status: &str) -> u8 {
    match status {
        "missed" => 0,
        "at_risk" => 1,
        "met" => 2,
        _ => 3,
    }
}

impl State {
    pub(super) fn change_fleet(&mut self, action: FleetAction) -> Vec<Request> {
        match action {
            FleetAction::Show => {
                self.page = Page::Fleet;
                if self.fleet.rows.is_empty() {
                    return self.read_fleet();
                }
            }
            FleetAction::Read => return self.read_fleet(),
            FleetAction::Sort(sort) => {
                self.fleet.descending = self.fleet.sort == sort && !self.fleet.descending;
                self.fleet.sort = sort;
            }
            FleetAction::Export(how) => {
                let rows = self
                    .fleet
                    .sorted()
                    .into_iter()
                    .map(|(_, row)| row.clone())
                    .collect();
                return vec![Request::Objectives(ObjectivesRequest::ExportFleet {
                    rows,
                    how,
                })];
            }
            FleetAction::Open(server, database) => {
                let known = self
                    .servers
                    .get(&server)
                    .is_some_and(|view| view.info().is_some());
                let mut requests = Vec::new();
                if !known {
                    requests.extend(self.update(super::Action::SelectServer(server)));
                }
                requests.extend(self.update(super::Action::SelectDatabase { server, database }));
                self.page = Page::Objectives;
                requests.extend(self.objectives_shown());
                return requests;
            }
        }
        Vec::new()
    }

    fn read_fleet(&mut self) -> Vec<Request> {
        self.fleet.rows.clear();
        self.fleet.reading = Some(0);
        vec![Request::Objectives(ObjectivesRequest::ReadFleet)]
    }

    pub(super) fn take_fleet_event(&mut self, event: ObjectivesEvent) {
        match event {
            ObjectivesEvent::FleetBegan { servers } => self.fleet.reading = Some(servers),
            ObjectivesEvent::FleetServer { server, rows } => {
                self.fleet.rows.insert(server, rows);
            }
            ObjectivesEvent::FleetEnded => self.fleet.reading = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(database: &str, loss: Option<f64>, status: &'static str) -> FleetRow {
        FleetRow {
            server: "S".to_owned(),
            database: Some(database.to_owned()),
            loss_seconds: loss,
            status,
            ..FleetRow::default()
        }
    }

    #[test]
    fn the_largest_loss_comes_first_and_dead_servers_last() {
        let mut view = FleetView::default();
        view.rows.insert(
            ServerId::Practice,
            vec![
                row("fresh", Some(60.0), "met"),
                row("never", None, "missed"),
                row("stale", Some(9000.0), "missed"),
                FleetRow::failed("dead", "no answer".to_owned()),
            ],
        );
        let names = |view: &FleetView| -> Vec<String> {
            view.sorted()
                .into_iter()
                .map(|(_, row)| row.database.clone().unwrap_or_else(|| row.server.clone()))
                .collect()
        };
        assert_eq!(names(&view), ["never", "stale", "fresh", "dead"]);
        assert!(!view.rises());
        view.descending = true;
        assert_eq!(names(&view), ["fresh", "stale", "never", "dead"]);
        assert!(view.rises());
        (view.sort, view.descending) = (FleetSort::Database, false);
        assert_eq!(names(&view), ["fresh", "never", "stale", "dead"]);
        assert!(view.rises());
    }
}
