//! The options of a backup, and which of them the server would refuse together.

use super::{BackupKind, BackupRequest, BackupServer, BackupTarget};
use crate::domain::ServerTime;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The most devices of one media set (message 3205).
pub const MOST_STRIPES: u8 = 64;
/// The longest `DESCRIPTION`.
pub const LONGEST_DESCRIPTION: usize = 255;

/// Whether the backup is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    /// As the server option `backup compression default` says.
    ServerDefault,
    /// `COMPRESSION`.
    #[default]
    On,
    /// `NO_COMPRESSION`.
    Off,
}

/// Until when `BACKUP` itself refuses to write over the set. Nothing is ever deleted by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiry {
    /// Neither `EXPIREDATE` nor `RETAINDAYS`.
    #[default]
    Never,
    /// `RETAINDAYS`.
    Days(u32),
    /// `EXPIREDATE`, the server's calendar.
    On(NaiveDate),
}

/// The ciphers of `WITH ENCRYPTION`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EncryptionAlgorithm {
    /// `AES_128`.
    Aes128,
    /// `AES_192`.
    Aes192,
    /// `AES_256`.
    #[default]
    Aes256,
    /// `TRIPLE_DES_3KEY`.
    TripleDes,
}

/// `WITH ENCRYPTION`: the certificate lies in `master`, and without it nobody restores the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupEncryption {
    /// The cipher.
    pub algorithm: EncryptionAlgorithm,
    /// `SERVER CERTIFICATE`, by its name in `master`.
    pub certificate: String,
}

/// How bytes move; `None` leaves a setting to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferSettings {
    /// `BLOCKSIZE` in bytes: a power of two from 512 to 65 536.
    pub block_size: Option<u32>,
    /// `MAXTRANSFERSIZE` in bytes: a multiple of 64 KB up to 4 MB; for S3 from 5 to 20 MB.
    pub max_transfer_size: Option<u32>,
    /// `BUFFERCOUNT`; so many times `MAXTRANSFERSIZE` of the server's memory is taken.
    pub buffer_count: Option<u32>,
}

/// The options of a backup that are the same for every database of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupOptions {
    /// Smaller and usually faster, for some processor time.
    pub compression: Compression,
    /// Verifies each page's checksum while it is read, and writes one over the whole backup.
    pub checksum: bool,
    /// `RESTORE VERIFYONLY` afterwards: the file is read back once.
    pub verify: bool,
    /// How many files share one backup; a restore needs all of them.
    pub stripes: u8,
    /// `DESCRIPTION`; empty for none.
    pub description: String,
    /// Until when nothing writes over the set.
    pub expiry: Expiry,
    /// Encrypted with a server certificate.
    pub encryption: Option<BackupEncryption>,
    /// For those who measured.
    pub transfer: TransferSettings,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            checksum: true,
            verify: true,
            stripes: 1,
            description: String::new(),
            expiry: Expiry::default(),
            encryption: None,
            transfer: TransferSettings::default(),
        }
    }
}

/// A part of a request that a reason may stand beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackupOption {
    /// `COPY_ONLY`.
    CopyOnly,
    /// Writing behind the sets of a file that is there.
    Append,
    /// `COMPRESSION`.
    Compression,
    /// The number of files.
    Stripes,
    /// `DESCRIPTION`.
    Description,
    /// `EXPIREDATE`, `RETAINDAYS`.
    Expiry,
    /// `ENCRYPTION`.
    Encryption,
    /// `BLOCKSIZE`.
    BlockSize,
    /// `MAXTRANSFERSIZE`.
    MaxTransferSize,
    /// `BUFFERCOUNT`.
    BufferCount,
}

/// Why the server would refuse an option, or would not do what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionRefusal {
    /// The edition writes no compressed backups; every edition restores them.
    EditionCannotCompress {
        /// The edition, as the server names itself.
        edition: String,
    },
    /// The edition writes no encrypted backups.
    EditionCannotEncrypt {
        /// The edition, as the server names itself.
        edition: String,
    },
    /// Encryption came with SQL Server 2014.
    TooOldToEncrypt,
    /// `master` has no certificate that could encrypt.
    NoCertificate,
    /// No certificate of this name is there.
    UnknownCertificate {
        /// The name that was asked for.
        name: String,
    },
    /// Message 3096.
    CertificateExpired {
        /// Its name.
        name: String,
        /// When it did.
        expired: ServerTime,
    },
    /// Its private key is not on this server.
    CertificateWithoutKey {
        /// Its name.
        name: String,
    },
    /// A differential ignores it.
    DifferentialIsNeverCopyOnly,
    /// Blob and object storage take no second set (message 3296).
    UrlTakesNoSecondSet,
    /// An encrypted set cannot stand behind others (message 3095).
    EncryptedSetStandsAlone,
    /// The file has a number of stripes already (message 3231).
    AppendKeepsStripes,
    /// Several databases would wait for one file.
    AppendIsForOneDatabase,
    /// `EXPIREDATE` and `RETAINDAYS` are for disks.
    UrlHasNoExpiry,
    /// More than 64 devices (message 3205), or none.
    StripesOutOfRange,
    /// `NUL` is one device, and nothing is kept.
    NulHasNoStripes,
    /// Longer than 255 characters.
    DescriptionTooLong,
    /// Beyond 99 999 days.
    DaysOutOfRange,
    /// The day has passed.
    ExpiresInThePast,
    /// No power of two from 512 to 65 536 (message 3253).
    BlockSizeOutOfRange,
    /// S3 has blocks of its own.
    S3HasNoBlockSize,
    /// No multiple of 64 KB up to 4 MB.
    TransferSizeOutOfRange,
    /// S3 takes 5 to 20 MB.
    S3TransferSizeOutOfRange,
    /// S3 takes a transfer size of its own only with compression.
    S3TransferSizeNeedsCompression,
    /// Zero, or more memory than a server gives away.
    BufferCountOutOfRange,
}

/// Memory for buffers beyond which a value is a slip: the address space of `BACKUP` was never larger.
const MOST_BUFFER_BYTES: u64 = 16 << 30;

/// The transfer size that SQL Server takes on a disk when nothing is said.
pub const USUAL_TRANSFER_SIZE: u32 = 1 << 20;

impl TransferSettings {
    /// Bytes of the server's memory that these settings take; `None` while the number of buffers is the server's.
    pub fn buffer_bytes(&self) -> Option<u64> {
        let size = self.max_transfer_size.unwrap_or(USUAL_TRANSFER_SIZE);
        Some(u64::from(self.buffer_count?) * u64::from(size))
    }
}

/// Why an option cannot be chosen at all as the rest of the request stands; `None` when it can.
///
/// What a chosen value is worth is another question: see [`faults`].
pub fn unavailable(
    option: BackupOption,
    request: &BackupRequest,
    server: &BackupServer,
) -> Option<OptionRefusal> {
    let folder = request.target.place();
    match option {
        BackupOption::CopyOnly => (request.kind == BackupKind::Differential)
            .then_some(OptionRefusal::DifferentialIsNeverCopyOnly),
        BackupOption::Append => {
            if folder.is_url() {
                Some(OptionRefusal::UrlTakesNoSecondSet)
            } else if request.options.encryption.is_some() {
                Some(OptionRefusal::EncryptedSetStandsAlone)
            } else if request.options.stripes > 1 {
                Some(OptionRefusal::AppendKeepsStripes)
            } else if request.databases.len() > 1 {
                Some(OptionRefusal::AppendIsForOneDatabase)
            } else {
                None
            }
        }
        BackupOption::Compression => {
            (!server.edition.compresses()).then(|| OptionRefusal::EditionCannotCompress {
                edition: server.edition.to_string(),
            })
        }
        BackupOption::Encryption => {
            if !server.edition.encrypts() {
                Some(OptionRefusal::EditionCannotEncrypt {
                    edition: server.edition.to_string(),
                })
            } else if server.version_major.is_some_and(|major| major < 12) {
                Some(OptionRefusal::TooOldToEncrypt)
            } else if server.certificates.is_empty() {
                Some(OptionRefusal::NoCertificate)
            } else if request.target.appends() {
                Some(OptionRefusal::EncryptedSetStandsAlone)
            } else {
                None
            }
        }
        BackupOption::Stripes => {
            if request.target.appends() {
                Some(OptionRefusal::AppendKeepsStripes)
            } else {
                None
            }
        }
        BackupOption::Expiry => folder.is_url().then_some(OptionRefusal::UrlHasNoExpiry),
        BackupOption::BlockSize => folder.is_s3().then_some(OptionRefusal::S3HasNoBlockSize),
        BackupOption::MaxTransferSize => (folder.is_s3()
            && request.options.compression != Compression::On)
            .then_some(OptionRefusal::S3TransferSizeNeedsCompression),
        BackupOption::Description | BackupOption::BufferCount => None,
    }
}

/// What is chosen and cannot be had, in the order of the dialog; empty when the server would take every option.
pub fn faults(
    request: &BackupRequest,
    server: &BackupServer,
) -> Vec<(BackupOption, OptionRefusal)> {
    let options = &request.options;
    let is_s3 = request.target.place().is_s3();
    let chosen = [
        (
            BackupOption::CopyOnly,
            request.chain == super::ChainChoice::CopyOnly,
        ),
        (BackupOption::Append, request.target.appends()),
        (
            BackupOption::Compression,
            options.compression == Compression::On,
        ),
        (BackupOption::Stripes, options.stripes > 1),
        (BackupOption::Description, !options.description.is_empty()),
        (BackupOption::Expiry, options.expiry != Expiry::Never),
        (BackupOption::Encryption, options.encryption.is_some()),
        (
            BackupOption::BlockSize,
            options.transfer.block_size.is_some(),
        ),
        (
            BackupOption::MaxTransferSize,
            options.transfer.max_transfer_size.is_some(),
        ),
        (
            BackupOption::BufferCount,
            options.transfer.buffer_count.is_some(),
        ),
    ];
    chosen
        .into_iter()
        .filter_map(|(option, chosen)| {
            let refusal = if chosen {
                unavailable(option, request, server)
            } else {
                None
            };
            refusal
                .or_else(|| out_of_range(option, request, server, is_s3))
                .map(|refusal| (option, refusal))
        })
        .collect()
}

/// What is wrong with the value of an option that could be chosen.
fn out_of_range(
    option: BackupOption,
    request: &BackupRequest,
    server: &BackupServer,
    is_s3: bool,
) -> Option<OptionRefusal> {
    let BackupOptions {
        compression: _,
        checksum: _,
        verify: _,
        stripes,
        description,
        expiry,
        encryption,
        transfer,
    } = &request.options;
    match option {
        BackupOption::Stripes => {
            if !(1..=MOST_STRIPES).contains(stripes) {
                Some(OptionRefusal::StripesOutOfRange)
            } else if *stripes > 1 && matches!(request.target, BackupTarget::Nothing) {
                Some(OptionRefusal::NulHasNoStripes)
            } else {
                None
            }
        }
        BackupOption::Description => (description.chars().count() > LONGEST_DESCRIPTION)
            .then_some(OptionRefusal::DescriptionTooLong),
        BackupOption::Expiry => match expiry {
            Expiry::Days(days) if *days > 99_999 => Some(OptionRefusal::DaysOutOfRange),
            Expiry::On(day) if *day <= server.now.0.date() => Some(OptionRefusal::ExpiresInThePast),
            Expiry::Never | Expiry::Days(_) | Expiry::On(_) => None,
        },
        BackupOption::Encryption => encryption
            .as_ref()
            .and_then(|encryption| certificate_fault(&encryption.certificate, server)),
        BackupOption::BlockSize => transfer
            .block_size
            .filter(|size| !(512..=65_536).contains(size) || !size.is_power_of_two())
            .map(|_| OptionRefusal::BlockSizeOutOfRange),
        BackupOption::MaxTransferSize => transfer.max_transfer_size.and_then(|size| {
            let whole = size.is_multiple_of(65_536);
            if is_s3 {
                (!(5_242_880..=20_971_520).contains(&size))
                    .then_some(OptionRefusal::S3TransferSizeOutOfRange)
            } else {
                (!whole || !(65_536..=4_194_304).contains(&size))
                    .then_some(OptionRefusal::TransferSizeOutOfRange)
            }
        }),
        BackupOption::BufferCount => transfer
            .buffer_bytes()
            .filter(|bytes| *bytes == 0 || *bytes > MOST_BUFFER_BYTES)
            .map(|_| OptionRefusal::BufferCountOutOfRange),
        BackupOption::CopyOnly | BackupOption::Append | BackupOption::Compression => None,
    }
}

/// Why a certificate cannot encrypt a backup; `None` when it can.
pub fn certificate_fault(name: &str, server: &BackupServer) -> Option<OptionRefusal> {
    let name = || name.to_owned();
    let Some(found) = server.certificates.iter().find(|c| c.name == name()) else {
        return Some(OptionRefusal::UnknownCertificate { name: name() });
    };
    match found.expires {
        Some(expired) if expired <= server.now => Some(OptionRefusal::CertificateExpired {
            name: name(),
            expired,
        }),
        _ if !found.has_private_key => Some(OptionRefusal::CertificateWithoutKey { name: name() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ServerPath, backup::tests::server};

    fn request() -> BackupRequest {
        BackupRequest::new(
            BackupKind::Full,
            ["Pay".to_owned()],
            ServerPath::new(r"D:\Backup"),
        )
    }

    #[track_caller]
    fn check(
        change: impl FnOnce(&mut BackupRequest, &mut BackupServer),
        expected: &[OptionRefusal],
    ) {
        let (mut request, mut server) = (request(), server());
        change(&mut request, &mut server);
        let found: Vec<_> = faults(&request, &server)
            .into_iter()
            .map(|(_, refusal)| refusal)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_goes_by_default_is_taken() {
        check(|_, _| {}, &[]);
        check(
            |request, _| {
                request.options.transfer = TransferSettings {
                    block_size: Some(65_536),
                    max_transfer_size: Some(4_194_304),
                    buffer_count: Some(50),
                };
                request.options.stripes = 64;
                request.options.expiry = Expiry::Days(14);
            },
            &[],
        );
    }

    #[test]
    fn values_out_of_range() {
        check(
            |request, _| {
                request.options.stripes = 0;
                request.options.expiry =
                    Expiry::On(NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day"));
                request.options.transfer = TransferSettings {
                    block_size: Some(1000),
                    max_transfer_size: Some(65_537),
                    buffer_count: Some(u32::MAX),
                };
            },
            &[
                OptionRefusal::StripesOutOfRange,
                OptionRefusal::ExpiresInThePast,
                OptionRefusal::BlockSizeOutOfRange,
                OptionRefusal::TransferSizeOutOfRange,
                OptionRefusal::BufferCountOutOfRange,
            ],
        );
    }

    #[test]
    fn combinations_that_a_server_refuses() {
        check(
            |request, _| {
                request.kind = BackupKind::Differential;
                request.chain = super::super::ChainChoice::CopyOnly;
            },
            &[OptionRefusal::DifferentialIsNeverCopyOnly],
        );
        check(
            |request, _| {
                request.target = BackupTarget::Append(ServerPath::new("https://a.b/c/x.bak"));
                request.options.stripes = 2;
                request.options.expiry = Expiry::Days(1);
            },
            &[
                OptionRefusal::UrlTakesNoSecondSet,
                OptionRefusal::AppendKeepsStripes,
                OptionRefusal::UrlHasNoExpiry,
            ],
        );
        check(
            |request, _| {
                request.target = BackupTarget::new_files(ServerPath::new("s3://h/b"));
                request.options.compression = Compression::Off;
                request.options.transfer.block_size = Some(512);
                request.options.transfer.max_transfer_size = Some(10_485_760);
            },
            &[
                OptionRefusal::S3HasNoBlockSize,
                OptionRefusal::S3TransferSizeNeedsCompression,
            ],
        );
    }

    #[test]
    fn editions_and_certificates() {
        let encrypted = |request: &mut BackupRequest, name: &str| {
            request.options.encryption = Some(BackupEncryption {
                algorithm: EncryptionAlgorithm::Aes256,
                certificate: name.to_owned(),
            });
        };
        check(|request, _| encrypted(request, "Backups"), &[]);
        check(
            |request, _| encrypted(request, "Other"),
            &[OptionRefusal::UnknownCertificate {
                name: "Other".to_owned(),
            }],
        );
        check(
            |request, server| {
                encrypted(request, "Backups");
                server.certificates[0].has_private_key = false;
            },
            &[OptionRefusal::CertificateWithoutKey {
                name: "Backups".to_owned(),
            }],
        );
        check(
            |request, server| {
                encrypted(request, "Backups");
                server.edition = super::super::ServerEdition::new("Express Edition", Some(4));
            },
            &[
                OptionRefusal::EditionCannotCompress {
                    edition: "Express Edition".to_owned(),
                },
                OptionRefusal::EditionCannotEncrypt {
                    edition: "Express Edition".to_owned(),
                },
            ],
        );
        check(
            |request, server| {
                encrypted(request, "Backups");
                server.certificates.clear();
            },
            &[OptionRefusal::NoCertificate],
        );
    }
}
