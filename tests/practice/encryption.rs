//! Backups encrypted with a certificate of `master`: written, shown, refused, and not to be restored without it.

use super::{
    asking::{Practice, planned, start, start_with},
    backups::{DATABASE, facts, numbers, plan, request, run},
};
use stopat::{
    domain::{
        BackupEncryption, BackupKind, BackupNote, BackupOption, BackupTarget, Destination,
        EncryptionAlgorithm, OptionRefusal, RestoreRequest, ServerPath, Target,
    },
    practice::engine::Edition,
    run::{BackupEnd, RunEnd},
};
use tokio_util::sync::CancellationToken;

const CERTIFICATE: &str = "BackupCertificate";

fn encrypted(certificate: &str) -> stopat::domain::BackupRequest {
    let mut request = request(BackupKind::Full, &[DATABASE]);
    request.options.encryption = Some(BackupEncryption {
        algorithm: EncryptionAlgorithm::Aes256,
        certificate: certificate.to_owned(),
    });
    request
}

async fn number(practice: &Practice, sql: &str) -> Option<i64> {
    practice.fails(sql).await.number()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_backup_is_restored_with_its_certificate_and_by_nobody_else() {
    let practice = start().await;
    let before = facts(&practice).await;
    let shown = before
        .server
        .certificates
        .first()
        .expect("the world has one");
    assert_eq!(
        (
            shown.name.as_str(),
            shown.has_private_key,
            shown.key_backed_up
        ),
        (CERTIFICATE, true, None)
    );
    let planned_backup = plan(&encrypted(CERTIFICATE), &before);
    assert!(
        planned_backup.steps[0]
            .notes
            .contains(&BackupNote::KeyNeverBackedUp {
                certificate: CERTIFICATE.to_owned()
            })
    );
    let ran = run(&practice, planned_backup, &before).await;
    assert_eq!(ran.report.end, BackupEnd::Done, "{:#?}", ran.report.steps);
    let file = ran.report.steps[0].devices[0].name().to_owned();

    // The header says by what, and msdb the same; nothing of the rows can be read in the file.
    let header = practice
        .run(&format!("RESTORE HEADERONLY FROM DISK = N'{file}';"))
        .await;
    let header = header.first().expect("one set");
    assert_eq!(header.text("keyalgorithm").as_deref(), Some("aes_256"));
    assert_eq!(header.text("encryptortype").as_deref(), Some("CERTIFICATE"));
    let history = practice.history().await;
    let octopus = history.database(DATABASE).expect("backed up");
    let set = octopus.sets().last().expect("the newest");
    assert_eq!(set.device_names().next(), Some(file.as_str()));
    let said = practice
        .run("SELECT TOP 1 CONVERT(varchar(64), encryptor_thumbprint, 2) AS t FROM msdb.dbo.backupset ORDER BY backup_set_id DESC;")
        .await;
    let there = practice
        .run("SELECT CONVERT(varchar(64), thumbprint, 2) AS t FROM master.sys.certificates;")
        .await;
    assert_eq!(
        said.first().and_then(|row| row.text("t")),
        there.first().and_then(|row| row.text("t"))
    );

    practice
        .run(
            r"BACKUP CERTIFICATE BackupCertificate TO FILE = N'D:\Backup\key.cer'
               WITH PRIVATE KEY (FILE = N'D:\Backup\key.pvk', ENCRYPTION BY PASSWORD = N'it''s safe');",
        )
        .await;
    let after = facts(&practice).await;
    assert!(after.server.certificates[0].key_backed_up.is_some());
    assert!(
        plan(&encrypted(CERTIFICATE), &after).steps[0]
            .notes
            .is_empty()
    );

    let mut wanted = RestoreRequest::to(Target::At(set.finish()));
    wanted.destination = Destination::Copy {
        name: "Sealed".to_owned(),
        files_to: Some(r"D:\Data".to_owned()),
    };
    let restore = planned(&octopus, &wanted);
    assert_eq!(restore.steps[0].devices[0].name(), file);
    let cancel = CancellationToken::new();
    let restored = || practice.run_plan(&history, restore.clone(), wanted.clone(), &cancel);

    // Without the certificate the header is all that is told.
    practice.run("DROP CERTIFICATE BackupCertificate;").await;
    let report = restored().await;
    assert_eq!(report.end, RunEnd::Untouched, "{:#?}", report.steps);
    assert!(
        format!("{report:?}").contains("CertificateMissing"),
        "{report:#?}"
    );
    practice
        .run(&format!("RESTORE HEADERONLY FROM DISK = N'{file}';"))
        .await;
    for sql in [
        format!("RESTORE FILELISTONLY FROM DISK = N'{file}';"),
        format!("RESTORE VERIFYONLY FROM DISK = N'{file}';"),
        format!(
            r"RESTORE DATABASE [Sealed] FROM DISK = N'{file}' WITH MOVE N'OctopusAI' TO N'D:\Data\s.mdf', MOVE N'OctopusAI_log' TO N'L:\Log\s.ldf';"
        ),
    ] {
        assert_eq!(number(&practice, &sql).await, Some(33_111), "{sql}");
    }
    let gone = practice.run("SELECT DB_ID(N'Sealed') AS id;").await;
    assert_eq!(gone.first().and_then(|row| row.int("id")), None);

    // From its files it is the same certificate again, whatever it is called.
    assert_eq!(
        number(
            &practice,
            r"CREATE CERTIFICATE Again FROM FILE = N'D:\Backup\key.cer'
               WITH PRIVATE KEY (FILE = N'D:\Backup\key.pvk', DECRYPTION BY PASSWORD = N'wrong');"
        )
        .await,
        Some(15_465)
    );
    practice
        .run(
            r"CREATE CERTIFICATE Again FROM FILE = N'D:\Backup\key.cer'
               WITH PRIVATE KEY (FILE = N'D:\Backup\key.pvk', DECRYPTION BY PASSWORD = N'it''s safe');",
        )
        .await;
    let report = restored().await;
    assert_eq!(report.end, RunEnd::Verified, "{:#?}", report.steps);
    assert!(!practice.contents("Sealed").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_certificate_cannot_do_is_refused_before_and_by_the_server() {
    let practice = start().await;
    practice
        .run(
            r"CREATE CERTIFICATE Expired WITH SUBJECT = N'old', START_DATE = '20200101', EXPIRY_DATE = '20210101';
              CREATE CERTIFICATE ByPassword ENCRYPTION BY PASSWORD = N'x' WITH SUBJECT = N'closed';
              CREATE CERTIFICATE Other WITH SUBJECT = N'other';
              BACKUP CERTIFICATE Other TO FILE = N'D:\Backup\other.cer';
              DROP CERTIFICATE Other;
              CREATE CERTIFICATE PublicOnly FROM FILE = N'D:\Backup\other.cer';",
        )
        .await;
    let known = facts(&practice).await;
    for (name, in_words, number_said) in [
        ("Expired", "CertificateExpired", 3096),
        ("PublicOnly", "CertificateWithoutKey", 33_101),
        ("Nobody", "UnknownCertificate", 15_151),
    ] {
        let judged = plan(&encrypted(name), &known);
        let [(BackupOption::Encryption, refusal)] = judged.faults.as_slice() else {
            panic!("{:?}", judged.faults);
        };
        assert!(format!("{refusal:?}").starts_with(in_words), "{refusal:?}");
        let sql = format!(
            r"BACKUP DATABASE [OctopusAI] TO DISK = N'D:\Backup\{name}.bak' WITH ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = [{name}]);"
        );
        assert_eq!(number(&practice, &sql).await, Some(number_said), "{sql}");
    }
    let sql = r"BACKUP DATABASE [OctopusAI] TO DISK = N'D:\Backup\p.bak' WITH ENCRYPTION (ALGORITHM = AES_128, SERVER CERTIFICATE = ByPassword);";
    assert_eq!(number(&practice, sql).await, Some(33_101));

    // An encrypted set stands alone in its file.
    let mut append = encrypted(CERTIFICATE);
    append.target = BackupTarget::Append(ServerPath::new(r"D:\Backup\many.bak"));
    assert!(plan(&append, &known).faults.contains(&(
        BackupOption::Encryption,
        OptionRefusal::EncryptedSetStandsAlone
    )));
    practice
        .run(r"BACKUP DATABASE [OctopusAI] TO DISK = N'D:\Backup\many.bak' WITH COPY_ONLY;")
        .await;
    let mut forced = plan(&encrypted(CERTIFICATE), &known);
    forced.steps[0].devices = vec![stopat::domain::Device::Disk(
        r"D:\Backup\many.bak".to_owned(),
    )];
    forced.steps[0].append = true;
    let ran = run(&practice, forced, &known).await;
    assert_eq!(numbers(&ran.report.steps[0].outcome).first(), Some(&3095));

    for (sql, expected) in [
        ("CREATE MASTER KEY;", 15_578),
        ("DROP MASTER KEY;", 15_580),
        ("DROP CERTIFICATE Nobody;", 15_151),
        (
            "CREATE CERTIFICATE expired WITH SUBJECT = N'again';",
            15_232,
        ),
        (
            r"CREATE CERTIFICATE z FROM FILE = N'D:\Backup\none.cer';",
            15_208,
        ),
        (
            r"BACKUP CERTIFICATE Expired TO FILE = N'D:\Backup\other.cer';",
            15_240,
        ),
        (
            "USE OctopusAI; CREATE CERTIFICATE z WITH SUBJECT = N'z';",
            15_581,
        ),
    ] {
        assert_eq!(number(&practice, sql).await, Some(expected), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express_writes_no_encrypted_backup() {
    let practice = start_with(|options| options.edition = Edition::Express).await;
    let known = facts(&practice).await;
    let judged = plan(&encrypted(CERTIFICATE), &known);
    assert!(
        matches!(
            judged.faults.as_slice(),
            [
                ..,
                (
                    BackupOption::Encryption,
                    OptionRefusal::EditionCannotEncrypt { .. }
                )
            ]
        ),
        "{:?}",
        judged.faults
    );
    let sql = r"BACKUP DATABASE [OctopusAI] TO DISK = N'D:\Backup\x.bak' WITH ENCRYPTION (ALGORITHM = AES_256, SERVER CERTIFICATE = BackupCertificate);";
    assert_eq!(number(&practice, sql).await, Some(1844));
}
