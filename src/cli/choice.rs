//! Which backups a plan may use: the arguments that `stopat plan` and `stopat restore` share.

use super::CliError;
use crate::domain::{DatabaseHistory, Lost, RestoreRequest, Usage};
use uuid::Uuid;

/// What a plan leaves out.
#[derive(Clone, Debug, clap::Args)]
pub struct ChoiceArgs {
    /// Treat this backup set (uuid) or file (path) as lost
    #[arg(long, value_name = "BACKUP")]
    without: Vec<String>,
    /// Plan without differential backups
    #[arg(long)]
    no_differentials: bool,
    /// Plan without log backups
    #[arg(long)]
    no_logs: bool,
    /// Use only backups that this server took
    #[arg(long, value_name = "SERVER")]
    taken_by: Option<String>,
}

impl ChoiceArgs {
    /// Puts the choice into a request. A backup that the history does not know is wrong usage: it would be used after all.
    pub fn choose(
        &self,
        request: &mut RestoreRequest,
        database: &DatabaseHistory,
    ) -> Result<(), CliError> {
        let usage = |ignore| if ignore { Usage::Ignore } else { Usage::Use };
        request.differentials = usage(self.no_differentials);
        request.logs = usage(self.no_logs);
        request.taken_by.clone_from(&self.taken_by);
        for text in &self.without {
            let lost = match Uuid::parse_str(text.trim()) {
                Ok(uuid) => Lost::Set(uuid),
                Err(_) => Lost::File(text.clone()),
            };
            if !database.knows(&lost) {
                return Err(CliError::usage(
                    format!("No backup of {} is {text}", database.name()),
                    "--without takes the uuid of a backup set or the path of one of its files.",
                ));
            }
            request.without.push(lost);
        }
        Ok(())
    }
}
