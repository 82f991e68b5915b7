//! Where an Azure database lives: a logical server or a managed instance.

use super::command::AzCommand;

/// What the databases belong to, as `az` names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Home {
    /// `None` for the one that `az account set` chose.
    pub subscription: Option<String>,
    pub resource_group: String,
    pub kind: HomeKind,
    /// The short name: `myserver`, not `myserver.database.windows.net`.
    pub name: String,
}

/// The two services that keep databases and their backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HomeKind {
    /// Azure SQL Database: `az sql db`.
    Server,
    /// Azure SQL Managed Instance: `az sql midb`.
    ManagedInstance,
}

impl Home {
    /// A logical server in the subscription that `az` has chosen.
    pub fn server(resource_group: &str, name: &str) -> Self {
        Self {
            subscription: None,
            resource_group: resource_group.to_owned(),
            kind: HomeKind::Server,
            name: name.to_owned(),
        }
    }

    /// A managed instance in the subscription that `az` has chosen.
    pub fn managed_instance(resource_group: &str, name: &str) -> Self {
        Self {
            kind: HomeKind::ManagedInstance,
            ..Self::server(resource_group, name)
        }
    }

    /// `sql db …` or `sql midb …` with the group and the server, the way every command of a database begins.
    pub(super) fn command(&self, words: &[&str]) -> AzCommand {
        let (group, option) = match self.kind {
            HomeKind::Server => ("db", "--server"),
            HomeKind::ManagedInstance => ("midb", "--managed-instance"),
        };
        let mut command = AzCommand::new(&["sql", group]);
        command.words(words);
        command.option("--resource-group", &self.resource_group);
        command.option(option, &self.name);
        command
    }

    /// Ends a command: in which subscription, where that was said.
    pub(super) fn finish(&self, mut command: AzCommand) -> AzCommand {
        if let Some(subscription) = &self.subscription {
            command.option("--subscription", subscription);
        }
        command
    }
}
