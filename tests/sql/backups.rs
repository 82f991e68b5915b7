//! Scripts of backups: golden, and what Microsoft's parser reads in them.

use super::{
    oracle::{self, Statement},
    samples::{self, HOSTILE},
};
use stopat::{
    domain::{
        BackupEncryption, BackupKind, BackupNote, BackupOptions, BackupPlan, BackupStep,
        ChainReason, Compression, Device, EncryptionAlgorithm, ExpectedBackup, Expiry, ServerPath,
        TransferSettings,
    },
    tsql::{self, BackupFacts, FileLook, OnceJob, Script, backup_script, probe_script},
};

fn facts(look: FileLook) -> BackupFacts {
    BackupFacts {
        server_name: Some(r"SQL1\MAIN".to_owned()),
        look,
    }
}

fn step(database: &str, kind: BackupKind, chain: ChainReason, files: &[&str]) -> BackupStep {
    BackupStep {
        database: database.to_owned(),
        kind,
        chain,
        devices: files
            .iter()
            .map(|file| {
                if file.starts_with("https:") {
                    Device::Url((*file).to_owned())
                } else {
                    Device::Disk((*file).to_owned())
                }
            })
            .collect(),
        append: false,
        options: BackupOptions::default(),
        set_name: format!("{database}-{}", kind.word()),
        expected: ExpectedBackup {
            bytes: None,
            seconds: None,
        },
        notes: Vec::<BackupNote>::new(),
    }
}

fn plan(steps: Vec<BackupStep>) -> BackupPlan {
    BackupPlan {
        steps,
        refused: Vec::new(),
        faults: Vec::new(),
        at_once: 2,
    }
}

/// Every option that there is.
fn everything() -> BackupStep {
    let mut step = step(
        "OctopusAI",
        BackupKind::Full,
        ChainReason::NoPolicy,
        &[
            r"\\backup-server\octopus\full\OctopusAI_full_20261122_060005_1of2.bak",
            r"\\backup-server\octopus\full\OctopusAI_full_20261122_060005_2of2.bak",
        ],
    );
    step.options = BackupOptions {
        compression: Compression::On,
        checksum: true,
        verify: true,
        stripes: 2,
        description: "before the upgrade, it's safe".to_owned(),
        expiry: Expiry::On("2026-12-31".parse().expect("a day")),
        encryption: Some(BackupEncryption {
            algorithm: EncryptionAlgorithm::Aes256,
            certificate: "Backup]Certificate".to_owned(),
        }),
        transfer: TransferSettings {
            block_size: Some(65_536),
            max_transfer_size: Some(4_194_304),
            buffer_count: Some(50),
        },
    };
    step
}

fn appended() -> BackupStep {
    let mut step = step(
        "OctopusAI",
        BackupKind::Log,
        ChainReason::PlaceOfPolicy,
        &[r"D:\Backup\many.trn"],
    );
    step.append = true;
    step.options.compression = Compression::ServerDefault;
    step.options.expiry = Expiry::Days(14);
    step
}

fn to_url() -> BackupStep {
    let mut step = step(
        "OctopusAI",
        BackupKind::Differential,
        ChainReason::Differential,
        &["https://acct.blob.core.windows.net/c/OctopusAI_diff.bak"],
    );
    step.options.compression = Compression::Off;
    step.options.verify = false;
    step
}

/// Names, files, descriptions and certificates are all the hostile one.
fn hostile(name: &str) -> BackupStep {
    let mut step = step(
        name,
        BackupKind::Full,
        ChainReason::AskedPartOfChain,
        &[&format!(r"D:\Backup\{name}.bak")],
    );
    step.options.description = name.to_owned();
    step.options.encryption = Some(BackupEncryption {
        algorithm: EncryptionAlgorithm::Aes128,
        certificate: name.to_owned(),
    });
    step
}

#[test]
fn every_option() {
    insta::assert_snapshot!(
        backup_script(&plan(vec![everything()]), &facts(FileLook::View)).to_sql()
    );
}

#[test]
fn appended_and_to_a_url() {
    insta::assert_snapshot!(
        backup_script(&plan(vec![appended(), to_url()]), &facts(FileLook::View)).to_sql()
    );
}

#[test]
fn before_2017_and_without_looking() {
    let plain = || {
        step(
            "Pay",
            BackupKind::Log,
            ChainReason::NoPolicy,
            &[r"D:\Backup\Pay.trn"],
        )
    };
    insta::assert_snapshot!(
        [
            backup_script(&plan(vec![plain()]), &facts(FileLook::Procedure)),
            backup_script(&plan(vec![plain()]), &facts(FileLook::Blind)),
        ]
        .map(|script| script.to_sql())
        .join("\n==========\n")
    );
}

#[test]
fn a_name_that_sqlcmd_would_read() {
    insta::assert_snapshot!(
        backup_script(
            &plan(vec![hostile("x$(y)\nGO\n]'%")]),
            &facts(FileLook::Procedure)
        )
        .to_sql()
    );
}

#[test]
fn a_probe_and_a_job() {
    let script = backup_script(
        &plan(vec![step(
            "OctopusAI",
            BackupKind::Log,
            ChainReason::NoPolicy,
            &[r"D:\Backup\OctopusAI_log.trn"],
        )]),
        &facts(FileLook::View),
    );
    let probe = probe_script(
        &ServerPath::new(r"\\nas\sql"),
        "20261122_060005_1f3a",
        &facts(FileLook::View),
    );
    let job = tsql::once_job_script(
        &OnceJob {
            name: "stopat once 20261122T060005Z-1f3a",
            description: "Backups that stopat was asked to run on the server, once.",
            server_name: Some(r"SQL1\MAIN"),
        },
        &script,
    );
    insta::assert_snapshot!(
        [
            probe.write.sql,
            probe.read.sql,
            tsql::delete_probe(&probe.file).sql,
            job.sql,
        ]
        .join("\n==========\n")
    );
}

#[test]
fn scripts_of_backups_say_what_the_plan_means() {
    let mut steps = vec![everything(), appended(), to_url()];
    steps.extend(HOSTILE.map(hostile));
    steps.push(hostile(&"ü".repeat(120)));
    let mut texts = Vec::new();
    let mut meant = Vec::new();
    for step in &steps {
        for look in [FileLook::View, FileLook::Procedure, FileLook::Blind] {
            let script = backup_script(&plan(vec![step.clone()]), &facts(look));
            texts.push(script.to_sql());
            meant.push((step, script));
        }
    }
    let Some(files) = oracle::parse(&texts) else {
        return;
    };
    for (file, (step, script)) in files.iter().zip(&meant) {
        assert_eq!(file["ok"], true, "{}\n{}", script.to_sql(), file["errors"]);
        let text = file.to_string();
        let kind = match step.kind {
            BackupKind::Log => "BackupTransactionLogStatement",
            BackupKind::Full | BackupKind::Differential => "BackupDatabaseStatement",
        };
        // A certificate's hostile name sends the whole statement through a variable.
        let through_variable = text.contains("ExecutableStringList");
        assert!(
            text.contains(kind) || through_variable,
            "{kind} in {}",
            script.to_sql()
        );
        assert_eq!(
            text.matches("\"CopyOnly\"").count(),
            usize::from(step.chain.copy_only()),
            "{}",
            script.to_sql()
        );
    }
}

/// What the statement for a step must say, worked out from the step alone.
fn meant(step: &BackupStep) -> Statement {
    let chosen = &step.options;
    let on_disk = step.devices.iter().all(|d| matches!(d, Device::Disk(_)));
    let mut options = Vec::new();
    let mut say = |when: bool, words: String| {
        if when {
            options.push(words);
        }
    };
    let differential = step.kind == BackupKind::Differential;
    say(differential, "Differential".to_owned());
    say(step.chain.copy_only(), "CopyOnly".to_owned());
    say(on_disk, "NoInit".to_owned());
    let compression = match chosen.compression {
        Compression::On => "Compression",
        Compression::Off => "NoCompression",
        Compression::ServerDefault => "",
    };
    say(!compression.is_empty(), compression.to_owned());
    let checksum = if chosen.checksum {
        "Checksum"
    } else {
        "NoChecksum"
    };
    say(true, checksum.to_owned());
    say(true, format!("Name {}", step.set_name));
    let description = &chosen.description;
    say(
        !description.is_empty(),
        format!("Description {description}"),
    );
    match chosen.expiry {
        Expiry::Never => {}
        Expiry::Days(days) => say(true, format!("RetainDays {days}")),
        Expiry::On(day) => say(true, format!("ExpireDate {}", day.format("%Y%m%d"))),
    }
    if let Some(encryption) = &chosen.encryption {
        let algorithm = match encryption.algorithm {
            EncryptionAlgorithm::Aes128 => "Aes128",
            EncryptionAlgorithm::Aes192 => "Aes192",
            EncryptionAlgorithm::Aes256 => "Aes256",
            EncryptionAlgorithm::TripleDes => "TripleDes3Key",
        };
        let certificate = &encryption.certificate;
        say(
            true,
            format!("Encryption {algorithm} Certificate {certificate}"),
        );
    }
    for (name, value) in [
        ("BlockSize", chosen.transfer.block_size),
        ("MaxTransferSize", chosen.transfer.max_transfer_size),
        ("BufferCount", chosen.transfer.buffer_count),
    ] {
        let digits = value.map(|value| value.to_string()).unwrap_or_default();
        say(value.is_some(), format!("{name} {digits}"));
    }
    say(true, "Stats 5".to_owned());
    let device = |device: &Device| match device {
        Device::Disk(name) => ("Disk".to_owned(), name.clone()),
        Device::Url(name) => ("Url".to_owned(), name.clone()),
        Device::Tape(name) => ("Tape".to_owned(), name.clone()),
    };
    Statement {
        class: match step.kind {
            BackupKind::Log => "BackupTransactionLogStatement",
            BackupKind::Full | BackupKind::Differential => "BackupDatabaseStatement",
        }
        .to_owned(),
        database: step.database.clone(),
        devices: step.devices.iter().map(device).collect(),
        options,
    }
}

/// The first statement of a script for one step. One that is run from a variable is read in its own right.
fn first_statement(file: &serde_json::Value) -> Option<Statement> {
    let mut all = oracle::batches(file).into_iter().flat_map(|b| b.statements);
    let first = all.next().expect("a statement");
    if first.class != "Execute" {
        return Some(first);
    }
    let inner = oracle::parse(&[first.database])?.pop().expect("one file");
    let mut inner = oracle::batches(&inner).into_iter();
    inner.next().expect("a batch").statements.pop()
}

#[test]
fn devices_and_options_are_those_of_the_plan() {
    let mut steps = vec![everything(), appended(), to_url()];
    // A line `GO` inside a name ends a batch for the parser as for sqlcmd, where the text is run from a variable.
    let one_line = HOSTILE.into_iter().filter(|name| !name.contains('\n'));
    steps.extend(one_line.map(hostile));
    let script = |step: &BackupStep| {
        backup_script(&plan(vec![step.clone()]), &facts(FileLook::View)).to_sql()
    };
    let texts: Vec<String> = steps.iter().map(script).collect();
    let Some(files) = oracle::parse(&texts) else {
        return;
    };
    for ((step, file), text) in steps.iter().zip(&files).zip(&texts) {
        let found = first_statement(file).expect("the parser is there");
        assert_eq!(found, meant(step), "{text}");
    }
}

#[test]
fn every_script_of_backups_is_strictly_t_sql() {
    let mut steps = vec![everything(), appended(), to_url()];
    steps.extend(HOSTILE.map(hostile));
    let looks = [FileLook::View, FileLook::Procedure, FileLook::Blind];
    let mut texts = Vec::new();
    for step in &steps {
        for look in looks {
            let script = backup_script(&plan(vec![step.clone()]), &facts(look));
            let name = &step.database;
            let job = OnceJob {
                name,
                description: name,
                server_name: Some(name),
            };
            texts.push(tsql::once_job_script(&job, &script).sql);
            texts.push(script.to_sql());
            texts.push(tsql::once_script(&plan(vec![step.clone()]), &facts(look)).to_sql());
            let probe = probe_script(&ServerPath::new(name), "1", &facts(look));
            texts.extend([probe.write.sql, probe.read.sql]);
        }
    }
    oracle::strictly_parsed(&texts);
}

#[test]
fn jobs_probes_and_questions_parse_for_hostile_names() {
    let mut texts = Vec::new();
    for name in HOSTILE {
        let script: Script = backup_script(&plan(vec![hostile(name)]), &facts(FileLook::View));
        texts.push(
            tsql::once_job_script(
                &OnceJob {
                    name,
                    description: name,
                    server_name: Some(name),
                },
                &script,
            )
            .sql,
        );
        let path = ServerPath::new(name);
        let probe = probe_script(&path, "1", &facts(FileLook::Procedure));
        texts.extend([
            probe.write.sql,
            probe.read.sql,
            tsql::delete_probe(&path).sql,
            tsql::file_exists(&path).sql,
            tsql::file_exists_old(&path).sql,
            tsql::enumerate_folder(&path).sql,
            tsql::enumerate_folder_old(&path).sql,
            tsql::backup_result(name, name, 17).sql,
        ]);
    }
    for batch in [
        tsql::backup_server(),
        tsql::backup_default_folder(),
        tsql::backup_databases(),
        tsql::backup_roles(),
        tsql::backup_services(),
        tsql::backup_certificates(),
        tsql::fixed_drives(),
        tsql::fixed_drives_old(),
        tsql::newest_backup_set(),
        tsql::once_job_state(uuid::Uuid::from_u128(7)),
        tsql::once_job_progress(uuid::Uuid::from_u128(7)),
        tsql::remove_once_job(uuid::Uuid::from_u128(7)),
    ] {
        texts.push(batch.sql);
    }
    oracle::strictly_parsed(&texts);
    assert!(samples::HOSTILE.len() > 3);
}
