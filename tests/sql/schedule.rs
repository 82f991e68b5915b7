//! Scripts of schedules, made for reading; every one parses, whatever the database is called.

use super::{oracle::strictly_parsed, samples};
use std::collections::BTreeSet;
use stopat::{
    domain::{Policy, PolicyDatabases, PolicyKind, PolicyOptions},
    settings::load_applications,
    tsql::{SeenJob, apply_script, delete_file_script, job_definitions, remove_script},
};
use uuid::Uuid;

fn policy(databases: PolicyDatabases) -> Policy {
    let found = load_applications(std::path::Path::new("nowhere"));
    let octopus = found.applications.first().expect("shipped");
    octopus
        .schedule
        .as_ref()
        .expect("a preset")
        .policy(databases, r"\\backup-server\octopus", &octopus.objectives)
        .expect("a policy")
}

fn one(name: &str) -> PolicyDatabases {
    PolicyDatabases::One(name.to_owned())
}

fn all() -> PolicyDatabases {
    PolicyDatabases::AllUser {
        except: BTreeSet::from(["Scratch".to_owned(), "pay$(x)roll".to_owned()]),
    }
}

fn seen(name: &str) -> SeenJob {
    SeenJob {
        name: name.to_owned(),
        job_id: Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        version_number: 7,
    }
}

#[test]
fn the_octopus_preset() {
    let policy = policy(one("OctopusAI"));
    let jobs = job_definitions(&policy, policy.options, "{}");
    insta::assert_snapshot!(
        apply_script(&jobs, &[seen(&jobs[2].name)], &samples::facts()).to_sql()
    );
}

#[test]
fn a_job_step_for_all_user_databases() {
    let mut policy = policy(all());
    policy.notify.operator = Some("night shift".to_owned());
    let options = PolicyOptions {
        compression: false,
        checksum: true,
    };
    let jobs = job_definitions(&policy, options, "{}");
    let log = jobs.iter().find(|job| job.kind == PolicyKind::Log);
    insta::assert_snapshot!(log.expect("a log job").command);
}

#[test]
fn a_hostile_name_is_the_same_everywhere() {
    let policy = policy(one("a]b'; DROP TABLE x-- $(y)\r\nGO\r\n%"));
    let jobs = job_definitions(&policy, policy.options, r#"{"database":"$(y)"}"#);
    for job in &jobs {
        assert!(!job.command.contains("$("), "{}", job.command);
        assert!(!job.command.lines().any(|line| line.trim() == "GO"));
        assert!(!job.name.contains('%') && !job.name.contains("$("));
    }
    insta::assert_snapshot!(jobs[0].command);
}

#[test]
fn removing_and_deleting() {
    let script = remove_script(&[seen("stopat - OctopusAI - log")], &samples::facts());
    let delete = delete_file_script(r"\\backup-server\octopus\log\it's.trn", &samples::facts());
    insta::assert_snapshot!(format!("{}\n{}", script.to_sql(), delete.to_sql()));
}

#[test]
fn microsofts_parser_reads_every_script_and_every_step() {
    let mut scripts = Vec::new();
    let names = samples::HOSTILE
        .iter()
        .map(|name| one(name))
        .chain([one("OctopusAI"), all()]);
    for databases in names {
        let title = databases.title().to_owned();
        let mut policy = policy(databases);
        policy.notify.operator = Some(title.clone());
        policy.share = format!(r"\\server\{title}");
        for options in [
            policy.options,
            PolicyOptions {
                compression: false,
                checksum: false,
            },
        ] {
            let jobs = job_definitions(&policy, options, "{\"x\":\"$(y)\"}");
            let seen: Vec<SeenJob> = jobs.iter().map(|job| seen(&job.name)).collect();
            scripts.push(apply_script(&jobs, &seen, &samples::facts()).to_sql());
            scripts.push(remove_script(&seen, &samples::facts()).to_sql());
            scripts.push(delete_file_script(&policy.share, &samples::facts()).to_sql());
            scripts.extend(jobs.into_iter().map(|job| job.command));
        }
    }
    strictly_parsed(&scripts);
}
