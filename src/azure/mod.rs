//! Azure SQL through `az`: its command lines, the JSON that it answers, and running it.
//!
//! ```text
//! Home, database, options ─► AzCommand (argument vector) ─► az ─► JSON ─► AzureDatabase, ShortTerm, LongTerm…
//!                                 │                        └─► AzError
//!                                 └─► one line to be copied
//! ```
//!
//! The command on the screen is the command that runs: the line is made from the argument vector, and no shell ever sees it.
//! What `az` has to be told besides (answer in JSON, no colours, no questions) goes into its environment.
//!
//! Nothing here decides what to restore or when, and nothing keeps a token on disk.
//! References: <https://learn.microsoft.com/cli/azure/sql/db>, <https://learn.microsoft.com/cli/azure/sql/midb>.

mod answer;
mod command;
mod database;
mod duration;
mod error;
mod home;
mod program;
mod retention;
mod sign_in;

pub use answer::{
    AzureDatabase, DeletedDatabase, LogicalServer, LongTermBackup, Operation, Progress, Unreadable,
    parse_database, parse_databases, parse_deleted, parse_long_term_backups, parse_operations,
    parse_servers,
};
pub use command::{AzCommand, Effect, LONGEST_NAME, ValueFault, new_name_fault};
pub use database::{
    NewDatabase, Redundancy, RestoreFrom, delete, list, list_deleted, list_operations,
    long_term_backups, rename, restore, show, utc_second,
};
pub use duration::{IsoDuration, IsoDurationError};
pub use error::{AzError, Oldest};
pub use home::{Home, HomeKind};
pub use program::{Az, AzCaller, AzFuture, AzVersion, find};
pub use retention::{
    Differential, Interval, LongTerm, RetentionFault, ShortTerm, Tier, parse_long_term,
    parse_short_term, set_long_term, set_short_term, show_long_term, show_short_term,
};
pub use sign_in::{
    AccessToken, Account, access_token, account, list_instances, list_servers, parse_access_token,
    parse_account,
};
