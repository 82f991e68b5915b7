//! A database in an availability group cannot be restored over: the way out of the group, and back into it.
//!
//! It is shown and not run: the other replicas are other servers.
//!
//! <https://learn.microsoft.com/sql/database-engine/availability-groups/windows/remove-a-primary-database-from-an-availability-group-sql-server>,
//! <https://learn.microsoft.com/sql/database-engine/availability-groups/windows/availability-group-add-a-database>.

use super::{
    quote::{Words, comment, identifier},
    script::Batch,
};

/// A server that has a copy of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupReplica {
    /// `replica_server_name`.
    pub server: String,
    /// It fetches the database by itself when that is added (`SEEDING_MODE = AUTOMATIC`).
    pub seeds_itself: bool,
}

/// What is done by hand around the restore, as T-SQL with comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupWay {
    pub group: String,
    /// Before the tail is backed up.
    pub out: String,
    /// When the database is back.
    pub back: String,
}

/// The group of a database with its replicas; no row when it is in none.
pub fn group_facts(database: &str) -> Batch {
    let mut words = Words::default();
    let name = words.text(database);
    Batch::look(
        "Read the availability group",
        words.finish(&format!(
            "SELECT g.name AS group_name, r.replica_server_name, r.seeding_mode_desc
FROM sys.availability_databases_cluster AS d
JOIN sys.availability_groups AS g ON g.group_id = d.group_id
JOIN sys.availability_replicas AS r ON r.group_id = d.group_id
WHERE d.database_name = {name}
ORDER BY r.replica_server_name;"
        )),
    )
}

/// The way out and back; `server` is the one that restores.
pub fn group_way(database: &str, group: &str, server: &str, replicas: &[GroupReplica]) -> GroupWay {
    let (name, quoted) = (identifier(database), identifier(group));
    let others = || replicas.iter().filter(|replica| replica.server != server);
    let mut back = vec![comment(&format!(
        "{server}: a full backup and a log backup, with which the others begin again"
    ))];
    for replica in others() {
        back.push(comment(&format!(
            "{}: what it has is from before the restore",
            replica.server
        )));
        back.push(format!("DROP DATABASE {name};"));
    }
    back.push(comment(server));
    back.push(format!(
        "ALTER AVAILABILITY GROUP {quoted} ADD DATABASE {name};"
    ));
    for replica in others() {
        if replica.seeds_itself {
            back.push(comment(&format!(
                "{}: fetches the database by itself",
                replica.server
            )));
        } else {
            back.push(comment(&format!(
                "{}: restore the full and the log backup WITH NORECOVERY, then",
                replica.server
            )));
            back.push(format!(
                "ALTER DATABASE {name} SET HADR AVAILABILITY GROUP = {quoted};"
            ));
        }
    }
    GroupWay {
        group: group.to_owned(),
        out: format!(
            "{}\nALTER AVAILABILITY GROUP {quoted} REMOVE DATABASE {name};",
            comment(server)
        ),
        back: back.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_and_back_names_every_replica() {
        let replica = |server: &str, seeds_itself| GroupReplica {
            server: server.to_owned(),
            seeds_itself,
        };
        let way = group_way(
            "Octopus]AI",
            "AG1",
            "SQL01",
            &[
                replica("SQL01", true),
                replica("SQL02", true),
                replica("SQL03", false),
            ],
        );
        assert_eq!(
            way.out,
            "-- SQL01\nALTER AVAILABILITY GROUP [AG1] REMOVE DATABASE [Octopus]]AI];"
        );
        assert_eq!(
            way.back,
            "-- SQL01: a full backup and a log backup, with which the others begin again
-- SQL02: what it has is from before the restore
DROP DATABASE [Octopus]]AI];
-- SQL03: what it has is from before the restore
DROP DATABASE [Octopus]]AI];
-- SQL01
ALTER AVAILABILITY GROUP [AG1] ADD DATABASE [Octopus]]AI];
-- SQL02: fetches the database by itself
-- SQL03: restore the full and the log backup WITH NORECOVERY, then
ALTER DATABASE [Octopus]]AI] SET HADR AVAILABILITY GROUP = [AG1];"
        );
    }
}
