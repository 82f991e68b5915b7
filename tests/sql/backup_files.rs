//! The reader of backup files against real ones: what their index and the format page say.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Cursor,
    path::{Path, PathBuf},
};
use stopat::{
    bakfile::{
        BackupFile, Container, Fact, PathHere, PathMapping, SetHeader, Writer, header_columns,
        history_of, read_folders, read_headers,
    },
    domain::{BackupType, History, RestoreRequest, ServerPath, Target, check, is_proved, plan},
};

/// Where the real files lie; without them the test says so and is done.
pub fn samples() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/testdata/backups");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no sample backup files at {}", folder.display());
    None
}

fn read(path: &Path) -> BackupFile {
    let file = File::open(path).expect("the sample is there");
    let read = read_headers(file, &|| false).expect("a real backup file");
    assert!(read.fault.is_none(), "{}: {:?}", path.display(), read.fault);
    read
}

/// The line of the index, from what the reader found.
fn described(file: &BackupFile) -> String {
    let first = &file.sets[0];
    let version = |set: &SetHeader| {
        (
            set.software_version_major.get().expect("known"),
            set.software_version_minor.get().expect("known"),
            set.software_version_build.get().expect("known"),
        )
    };
    let (major, minor, build) = version(first);
    let product = match major {
        10 => "SQL 2008/2008 R2",
        11 => "SQL 2012",
        13 => "SQL 2016",
        other => panic!("a sample of version {other} is new"),
    };
    let mut parts = vec![format!(
        "{product} ({major}.{minor}.{build}, db version {})",
        first.database_version.get().expect("known")
    )];
    for set in &file.sets {
        assert_eq!(version(set), version(first));
        let kind = match set.backup_type {
            Fact::Sure(BackupType::Full) => "database",
            Fact::Sure(BackupType::Differential) => "database differential",
            Fact::Sure(BackupType::Log) => "transaction log",
            other => panic!("{other:?}"),
        };
        parts.push(format!(
            "set {} {kind} of [{}]",
            set.position.expect("known"),
            set.database_name.as_deref().expect("known")
        ));
    }
    if file.label.family_count.get() != Some(1) {
        parts.push(format!(
            "stripe {} of {}",
            file.label.family_sequence_number.get().expect("known"),
            file.label.family_count.get().expect("known")
        ));
    }
    if file.container == Container::Compressed {
        parts.push("compressed".to_owned());
    }
    if file.label.media_block_size != 512 {
        parts.push(format!("media block {}", file.label.media_block_size));
    }
    parts.push(format!("{} files", first.files.len()));
    let model = first.recovery_model.get().expect("known");
    parts.push(format!("{} recovery", model.to_lowercase()));
    parts.join("; ")
}

#[test]
fn the_samples_are_what_their_index_says() {
    let Some(folder) = samples() else { return };
    let index = fs::read_to_string(folder.join("INDEX.md")).expect("an index");
    let mut n_samples = 0;
    for section in index.split("\n## ").skip(1) {
        let name = section.lines().next().expect("a name");
        let what = section
            .lines()
            .find_map(|line| line.strip_prefix("- what: "))
            .expect("what it is");
        let file = read(&folder.join(name));
        assert_eq!(file.label.writer, Writer::SqlServer);
        // That a database was restored before shows in its fork, below.
        let what = what.split("; database was restored before").next();
        assert_eq!(Some(described(&file).as_str()), what, "{name}");
        n_samples += 1;
    }
    assert_eq!(n_samples, 12);
}

#[test]
fn chains_among_the_samples_join() {
    let Some(folder) = samples() else { return };
    let one = |name: &str| {
        let mut file = read(&folder.join(name));
        assert_eq!(file.sets.len(), 1, "{name}");
        file.sets.remove(0)
    };
    let full = one("chain2008r2_full.bak");
    let logs = [
        one("chain2008r2_log1.trn"),
        one("chain2008r2_log2_empty.trn"),
        one("chain2008r2_log3.trn"),
    ];
    let diff = one("chain2008r2_diff.bak");
    assert_eq!(full.first_lsn, full.checkpoint_lsn);
    assert_eq!(
        diff.differential_base_lsn.get().flatten(),
        full.first_lsn.get()
    );
    assert_eq!(
        diff.differential_base_guid.get().flatten(),
        full.backup_set_guid
    );
    assert_eq!(diff.database_backup_lsn, full.checkpoint_lsn);
    for pair in logs.windows(2) {
        assert_eq!(pair[0].last_lsn, pair[1].first_lsn);
    }
    assert_eq!(logs[1].first_lsn, logs[1].last_lsn, "an idle log is empty");
    // The first log of a database never backed up before starts at the first full.
    assert_eq!(logs[0].first_lsn, full.first_lsn);
    assert_eq!(logs[0].begins_log_chain, Fact::Guess(true));
    assert_eq!(logs[1].begins_log_chain, Fact::Guess(false));
    for set in logs.iter().chain([&full, &diff]) {
        assert_eq!(set.family_guid, full.family_guid);
        assert_eq!(set.binding_id, full.binding_id);
        assert!(set.complete);
    }

    let full = one("chain2016_full.bak");
    let logs = [one("chain2016_log1.trn"), one("chain2016_log2.trn")];
    assert_eq!(logs[0].last_lsn, logs[1].first_lsn);
    assert!(logs[0].first_lsn.get() <= full.last_lsn.get());
    assert!(logs[0].last_lsn.get() >= full.last_lsn.get());
    // Restored once, and long before these logs: they begin on the fork that they end on.
    assert_eq!(logs[0].fork_point_lsn, Fact::Guess(None));
    assert_eq!(
        logs[0].first_recovery_fork_id.get(),
        logs[0].recovery_fork_id.get()
    );

    let stripes = [
        read(&folder.join("stripe2008r2_1of2.bak")),
        read(&folder.join("stripe2008r2_2of2.bak")),
    ];
    assert_eq!(stripes[0].label.media_set_id, stripes[1].label.media_set_id);
    assert_ne!(stripes[0].label.media_family, stripes[1].label.media_family);
    assert_eq!(
        stripes[0].sets[0].backup_set_guid,
        stripes[1].sets[0].backup_set_guid
    );
    assert_eq!(stripes[0].sets[0].last_lsn, stripes[1].sets[0].last_lsn);

    let many = read(&folder.join("multiset2012_6diffs.bak"));
    let positions: Vec<_> = many.sets.iter().filter_map(|set| set.position).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
    assert!(
        many.sets
            .iter()
            .all(|set| set.differential_base_guid.get().flatten().is_some())
    );
}

#[test]
fn headers_of_one_sample_in_full() {
    let Some(folder) = samples() else { return };
    let file = read(&folder.join("compressed2016_full.bak"));
    let [set] = &file.sets[..] else {
        panic!("one set")
    };
    assert_eq!(set.compressed, Fact::Sure(true));
    assert!(set.compressed_backup_size.get() < set.backup_size.get());
    assert!(set.compressed_backup_size.get() <= Some(file.length));
    let unknown: Vec<&str> = header_columns(set)
        .into_iter()
        .filter(|column| column.value == Fact::Unknown)
        .map(|column| column.name)
        .collect();
    assert_eq!(
        unknown,
        [
            "DeviceType",
            "CodePage",
            "Flags",
            "Collation",
            "HasBulkLoggedData",
            "IsSnapshot",
            "IsReadOnly",
            "IsSingleUser",
            "IsDamaged",
            "HasIncompleteMetaData",
            "IsForceOffline",
            "IsCopyOnly",
            "Containment",
            "KeyAlgorithm",
            "EncryptorThumbprint",
            "EncryptorType",
            "LastValidRestoreTime",
            "CompressionAlgorithm",
        ]
    );
    let names: Vec<_> = set
        .files
        .iter()
        .filter_map(|f| f.logical_name.as_deref())
        .collect();
    assert_eq!(names, ["TSQLV4", "TSQLV4_log"]);
    assert_eq!(
        set.files[0].file_group_name,
        Fact::Sure(Some("PRIMARY".to_owned()))
    );
    assert_eq!(set.files[1].file_group_name, Fact::Sure(None));
}

/// The short way from the end and the long way through all blocks say the same.
#[test]
fn both_ways_through_a_file_agree() {
    let Some(folder) = samples() else { return };
    for entry in fs::read_dir(&folder).expect("samples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|ext| ext == "md") {
            continue;
        }
        let short = read(&path);
        // One byte behind the end hides the end.
        let mut bytes = fs::read(&path).expect("readable");
        bytes.push(0);
        let long = read_headers(Cursor::new(bytes), &|| false).expect("still a backup file");
        assert!(long.fault.is_some());
        assert_eq!(long.sets, short.sets, "{}", path.display());
    }
}

#[test]
fn the_samples_make_a_history_that_can_be_planned_on() {
    let Some(folder) = samples() else { return };
    let report = read_folders(std::slice::from_ref(&folder), &|| false, &|_| ());
    assert_eq!(report.files.len(), 13);
    assert!(report.left_out.is_empty() && !report.cancelled);
    let foreign: Vec<_> = report
        .files
        .iter()
        .filter(|file| file.read.is_err())
        .collect();
    assert_eq!(foreign.len(), 1, "the index is no backup");
    let mut mapping = PathMapping::default();
    mapping.add(PathHere(folder), ServerPath::new(r"\\backup\client-42"));
    let found = history_of(&report.files, &mapping);
    assert_eq!(found.unmapped, 0);
    let (history, notes) = History::from_records(found.records);
    let by_kind: BTreeMap<_, _> = notes.iter().map(|note| (note.kind, note.rows)).collect();
    assert!(by_kind.is_empty(), "{by_kind:?}");

    let database = history.database("OlaMsFilterTest").expect("in the files");
    assert_eq!(database.len(), 5);
    let newest = database
        .coverage(&Default::default())
        .newest()
        .expect("something");
    let request = RestoreRequest::to(Target::At(newest));
    let made = plan(&database, &request).expect("reachable");
    assert!(is_proved(&check(&made, &database)));
    let files: Vec<_> = made
        .steps
        .iter()
        .flat_map(|step| &step.devices)
        .map(|d| d.name())
        .collect();
    assert!(
        files
            .iter()
            .all(|file| file.starts_with(r"\\backup\client-42\")),
        "{files:?}"
    );

    let stripes = history.database("RestoreTimeStripe").expect("in the files");
    let set = stripes.set(0).expect("one");
    assert_eq!(set.n_stripes(), 2);
    assert!(set.trouble().is_none(), "{:?}", set.trouble());
}
