//! A backup plan as guarded batches: one `BACKUP` each, and `RESTORE VERIFYONLY` behind it where that is wanted.
//!
//! Nothing is ever written over: a new file must not be there yet where the server lets stopat look, and `NOINIT`
//! leaves what is there where it does not.
//!
//! <https://learn.microsoft.com/sql/t-sql/statements/backup-transact-sql>

use super::{
    quote::{Words, identifier},
    restore::{Guard, device, guarded, server_guard, stats},
    script::{Batch, BatchKind, Purpose, Script},
};
use crate::domain::{
    BackupKind, BackupPlan, BackupStep, Compression, Device, EncryptionAlgorithm, Expiry,
    PROBE_FILE, PROBE_NAME, ServerPath,
};

/// What a backup script needs to know of the server besides the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupFacts {
    /// `@@SERVERNAME`; without it the batches carry no guard for the server.
    pub server_name: Option<String>,
    /// How a batch may look for a file.
    pub look: FileLook,
}

/// How a batch on this server asks whether a file is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileLook {
    /// `sys.dm_os_file_exists`, since 2017.
    View,
    /// `xp_fileexist`, on older servers.
    Procedure,
    /// The login may use neither.
    #[default]
    Blind,
}

/// The batches that carry out a plan, in the order of its steps.
pub fn backup_script(plan: &BackupPlan, facts: &BackupFacts) -> Script {
    let mut batches = Vec::new();
    for (idx, step) in plan.steps.iter().enumerate() {
        batches.push(back_up(idx, step, facts));
        if step.options.verify && !is_nul(step) {
            batches.push(verify(idx, step, facts));
        }
    }
    Script { batches }
}

fn is_nul(step: &BackupStep) -> bool {
    step.devices.iter().all(|device| device.name() == "NUL")
}

fn kind_words(step: &BackupStep) -> &'static str {
    match (step.kind, step.chain.copy_only()) {
        (BackupKind::Full, false) => "full",
        (BackupKind::Full, true) => "full, copy-only",
        (BackupKind::Differential, _) => "differential",
        (BackupKind::Log, false) => "log",
        (BackupKind::Log, true) => "log, copy-only",
    }
}

fn back_up(idx: usize, step: &BackupStep, facts: &BackupFacts) -> Batch {
    let mut words = Words::default();
    let mut before = String::new();
    let mut guards = guards_of_server(&mut words, facts);
    guards.push(online_guard(&mut words, &step.database));
    if !step.append && !is_nul(step) {
        for device in &step.devices {
            if let Device::Disk(path) = device {
                guards.extend(new_file_guard(&mut words, &mut before, path, facts.look));
            }
        }
    }
    let statement = statement(&mut words, step);
    let sql = guarded(words, &guards, &statement);
    Batch {
        kind: BatchKind::BackUp,
        purpose: Purpose::BackUp { step: idx },
        title: format!("Back up {}: {}", step.database, kind_words(step)),
        sql: before + &sql,
    }
}

fn guards_of_server(words: &mut Words, facts: &BackupFacts) -> Vec<Guard> {
    server_guard(
        words,
        &super::ServerFacts {
            server_name: facts.server_name.clone(),
            ..super::ServerFacts::default()
        },
    )
}

fn online_guard(words: &mut Words, database: &str) -> Guard {
    Guard {
        refuse_when: format!(
            "NOT EXISTS (SELECT * FROM sys.databases WHERE name = {} AND state = 0)",
            words.text(database)
        ),
        message: words.message(&format!(
            "The database {database} is not there or not online. Nothing was written."
        )),
    }
}

/// Refuses when the file is there. `before` takes what has to run ahead of the conditions.
fn new_file_guard(
    words: &mut Words,
    before: &mut String,
    path: &str,
    look: FileLook,
) -> Option<Guard> {
    let message = words.message(&format!(
        "There is a file {path} already. Nothing was written."
    ));
    let refuse_when = match look {
        FileLook::Blind => return None,
        FileLook::View => format!(
            "EXISTS (SELECT * FROM sys.dm_os_file_exists({}) WHERE file_exists = 1)",
            words.text(path)
        ),
        FileLook::Procedure => {
            let number = before.matches("DECLARE @there").count() + 1;
            // Runs ahead of the variables for pieced values, so it brings its own.
            let mut own = Words::named("p", number);
            let path = own.text(path);
            before.push_str(&own.finish(&format!(
                "DECLARE @there{number} int;\nEXEC master.sys.xp_fileexist {path}, @there{number} OUTPUT;\n"
            )));
            format!("@there{number} = 1")
        }
    };
    Some(Guard {
        refuse_when,
        message,
    })
}

fn statement(words: &mut Words, step: &BackupStep) -> String {
    let certificate = step
        .options
        .encryption
        .as_ref()
        .map(|e| e.certificate.as_str())
        .unwrap_or_default();
    if super::quote::must_be_pieced(certificate) {
        // The grammar takes the certificate's name only as it is, so the whole statement is run from a variable.
        let plain = compose(&mut Plain, step);
        return words.statement(&plain);
    }
    compose(words, step)
}

/// Writes the values of a statement: in place, or through variables.
trait Values {
    fn text(&mut self, value: &str) -> String;
    fn database(&mut self, name: &str) -> String;
    fn device(&mut self, device: &Device) -> String;
}

impl Values for Words {
    fn text(&mut self, value: &str) -> String {
        Self::text(self, value)
    }
    fn database(&mut self, name: &str) -> String {
        Self::database(self, name)
    }
    fn device(&mut self, to: &Device) -> String {
        device(self, to)
    }
}

/// Inside a text that is run from a variable nothing has to be hidden from `sqlcmd`.
struct Plain;

impl Values for Plain {
    fn text(&mut self, value: &str) -> String {
        super::quote::text(value)
    }
    fn database(&mut self, name: &str) -> String {
        identifier(name)
    }
    fn device(&mut self, device: &Device) -> String {
        let medium = match device {
            Device::Disk(_) => "DISK",
            Device::Url(_) => "URL",
            Device::Tape(_) => "TAPE",
        };
        format!("{medium} = {}", super::quote::text(device.name()))
    }
}

fn compose(values: &mut impl Values, step: &BackupStep) -> String {
    let verb = match step.kind {
        BackupKind::Full | BackupKind::Differential => "BACKUP DATABASE",
        BackupKind::Log => "BACKUP LOG",
    };
    let database = values.database(&step.database);
    let devices: Vec<String> = step.devices.iter().map(|d| values.device(d)).collect();
    format!(
        "{verb} {database}\nTO {}\nWITH {}",
        devices.join(",\n   "),
        options(values, step).join(",\n     ")
    )
}

fn options(values: &mut impl Values, step: &BackupStep) -> Vec<String> {
    let chosen = &step.options;
    let mut options = Vec::new();
    if step.kind == BackupKind::Differential {
        options.push("DIFFERENTIAL".to_owned());
    }
    if step.chain.copy_only() {
        options.push("COPY_ONLY".to_owned());
    }
    let on_disk = step.devices.iter().all(|d| matches!(d, Device::Disk(_)));
    if on_disk {
        options.push("NOINIT".to_owned());
    }
    match chosen.compression {
        Compression::ServerDefault => {}
        Compression::On => options.push("COMPRESSION".to_owned()),
        Compression::Off => options.push("NO_COMPRESSION".to_owned()),
    }
    options.push(if chosen.checksum {
        "CHECKSUM".to_owned()
    } else {
        "NO_CHECKSUM".to_owned()
    });
    options.push(format!("NAME = {}", values.text(&step.set_name)));
    if !chosen.description.is_empty() {
        options.push(format!(
            "DESCRIPTION = {}",
            values.text(&chosen.description)
        ));
    }
    match chosen.expiry {
        Expiry::Never => {}
        Expiry::Days(days) => options.push(format!("RETAINDAYS = {days}")),
        Expiry::On(day) => options.push(format!("EXPIREDATE = N'{}'", day.format("%Y%m%d"))),
    }
    if let Some(encryption) = &chosen.encryption {
        options.push(format!(
            "ENCRYPTION (ALGORITHM = {}, SERVER CERTIFICATE = {})",
            algorithm(encryption.algorithm),
            identifier(&encryption.certificate)
        ));
    }
    let transfer = &chosen.transfer;
    for (name, value) in [
        ("BLOCKSIZE", transfer.block_size),
        ("MAXTRANSFERSIZE", transfer.max_transfer_size),
        ("BUFFERCOUNT", transfer.buffer_count),
    ] {
        if let Some(value) = value {
            options.push(format!("{name} = {value}"));
        }
    }
    options.push(stats());
    options
}

fn algorithm(algorithm: EncryptionAlgorithm) -> &'static str {
    match algorithm {
        EncryptionAlgorithm::Aes128 => "AES_128",
        EncryptionAlgorithm::Aes192 => "AES_192",
        EncryptionAlgorithm::Aes256 => "AES_256",
        EncryptionAlgorithm::TripleDes => "TRIPLE_DES_3KEY",
    }
}

/// Reads the set back. Behind others its position is known only once it is written, so msdb is asked for it.
fn verify(idx: usize, step: &BackupStep, facts: &BackupFacts) -> Batch {
    let mut words = Words::default();
    let guards = guards_of_server(&mut words, facts);
    let devices: Vec<String> = step.devices.iter().map(|d| device(&mut words, d)).collect();
    let mut before = String::new();
    let position = if step.append {
        let path = words.text(step.devices.first().map_or("", Device::name));
        let database = words.text(&step.database);
        before = format!(
            "DECLARE @position int = (SELECT TOP (1) bs.position FROM msdb.dbo.backupset AS bs
    JOIN msdb.dbo.backupmediafamily AS mf ON mf.media_set_id = bs.media_set_id
    WHERE mf.physical_device_name = {path} AND bs.database_name = {database}
    ORDER BY bs.backup_set_id DESC);\n"
        );
        "@position"
    } else {
        "1"
    };
    let mut options = vec![format!("FILE = {position}")];
    if step.options.checksum {
        options.push("CHECKSUM".to_owned());
    }
    options.push(stats());
    let statement = format!(
        "RESTORE VERIFYONLY\nFROM {}\nWITH {}",
        devices.join(",\n     "),
        options.join(",\n     ")
    );
    Batch {
        kind: BatchKind::Look,
        purpose: Purpose::VerifyBackup { step: idx },
        title: format!("Read the backup of {} back", step.database),
        sql: guarded_after(words, &before, &guards, &statement),
    }
}

/// [`guarded`] with statements of its own ahead of the guards, which may use the pieced values too.
fn guarded_after(words: Words, before: &str, guards: &[Guard], statement: &str) -> String {
    let body = guarded(Words::default(), guards, statement);
    words.finish(&format!("{before}{body}"))
}

/// A small backup that shows whether the service account can write to a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The file that it writes, new.
    pub file: ServerPath,
    /// Writes it: `model`, the smallest database that is always there, copy-only.
    pub write: Batch,
    /// Reads its header back.
    pub read: Batch,
}

/// A probe of a folder. `stamp` makes the name new.
pub fn probe_script(folder: &ServerPath, stamp: &str, facts: &BackupFacts) -> Probe {
    let file = folder.join(&format!("{PROBE_FILE}{stamp}.bak"));
    let to = if file.is_url() {
        Device::Url(file.as_str().to_owned())
    } else {
        Device::Disk(file.as_str().to_owned())
    };
    let mut words = Words::default();
    let mut before = String::new();
    let mut guards = guards_of_server(&mut words, facts);
    if let Device::Disk(path) = &to {
        guards.extend(new_file_guard(&mut words, &mut before, path, facts.look));
    }
    let target = device(&mut words, &to);
    let statement = format!(
        "BACKUP DATABASE [model]\nTO {target}\nWITH COPY_ONLY,\n     CHECKSUM,\n     NAME = N'{PROBE_NAME}'"
    );
    let sql = before + &guarded(words, &guards, &statement);
    Probe {
        write: Batch {
            kind: BatchKind::BackUp,
            purpose: Purpose::Ask,
            title: "Write a small backup".to_owned(),
            sql,
        },
        read: super::header_only(&to),
        file,
    }
}

/// Removes the file of a probe, after its header was read back and is the probe's.
///
/// `xp_delete_file` deletes nothing but files that are backups; type 0 is those of databases.
pub fn delete_probe(file: &ServerPath) -> Batch {
    let mut words = Words::default();
    let path = words.text(file.as_str());
    Batch {
        kind: BatchKind::BackUp,
        purpose: Purpose::Ask,
        title: "Remove the small backup".to_owned(),
        sql: words.finish(&format!("EXEC master.sys.xp_delete_file 0, {path};")),
    }
}
