//! What applying the wanted policy would meet and do, made anew with every change.

use super::{ProtectionSection, State};
use crate::{
    domain::retention,
    run::schedule::{KnownDatabase, outlook},
    tsql::ServerFacts,
    worker::{DatabaseState, ServerId},
};

impl State {
    /// The databases that the wanted policy means: the one of the page, or all user databases that are there.
    fn databases_of_policy(&self, server: ServerId, database: &str) -> Vec<KnownDatabase> {
        let Some(view) = self.servers.get(&server) else {
            return Vec::new();
        };
        let known = |name: &str, recovery_model: Option<&str>| KnownDatabase {
            name: name.to_owned(),
            history: view
                .history
                .as_ref()
                .and_then(|loaded| loaded.history.database(name)),
            is_simple: recovery_model == Some("SIMPLE"),
        };
        let policy = self.protection.policy.as_ref();
        match policy.filter(|_| self.protection.is_of_all()) {
            Some(policy) => view
                .databases
                .iter()
                .filter(|summary| {
                    !summary.is_system
                        && summary.state != DatabaseState::HistoryOnly
                        && policy.databases.includes(&summary.name)
                })
                .map(|summary| known(&summary.name, summary.recovery_model.as_deref()))
                .collect(),
            None => {
                let summary = view.summary(database);
                let model = summary.and_then(|summary| summary.recovery_model.as_deref());
                vec![known(database, model)]
            }
        }
    }

    /// Makes the outlook anew, and the list of retention when it is open.
    pub(in crate::state) fn look_ahead(&mut self) {
        let history = self.database_history();
        let Some((server, database)) = self.protection.of.clone() else {
            return;
        };
        let view = self.servers.get(&server);
        let known = self.databases_of_policy(server, &database);
        let facts = ServerFacts {
            server_name: view.and_then(|view| Some(view.info()?.name.clone())),
            tail_file: None,
        };
        let made = self
            .protection
            .policy
            .as_ref()
            .zip(self.protection.told())
            .map(|(policy, reading)| Box::new(outlook(policy, reading, &known, &facts)));
        self.protection.outlook = made;
        self.protection.retention = match (
            self.protection.open,
            history,
            self.protection.policy.as_ref(),
        ) {
            (ProtectionSection::Retention, Some(history), Some(policy)) => {
                let now = self.server_now(server);
                Some(Box::new(retention(&history, policy, now)))
            }
            _ => None,
        };
    }
}
