//! How a settings file is read and written: with its format version, whole or not at all.
//!
//! A file that cannot be read is never written over: it is kept aside under another name, and whoever loaded it is told.

use atomic_write_file::AtomicWriteFile;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

/// A value with a file of its own, as it is stored today and as it was stored before.
pub(super) trait Document: Sized {
    /// The first half of the format, as `profiles` of `profiles/1`.
    const FORMAT: &'static str;
    /// The version that `to_stored` makes.
    const VERSION: u32;
    /// The stored form of `VERSION`.
    type Stored: Serialize + DeserializeOwned;

    fn to_stored(&self) -> Self::Stored;

    /// Reads the text of a file of `version`; `None` when nothing is known of that version.
    ///
    /// The place of migrations: each older version keeps its stored form and gets an arm.
    fn from_version(version: u32, text: &str) -> Option<Result<Self, ron::error::SpannedError>>;
}

/// What a file held, and what had to be kept aside to say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<T> {
    pub value: T,
    /// Set when a file was there and could not be read; `value` is then what a new user has.
    pub aside: Option<Aside>,
}

/// A file that could not be read and was kept under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    pub file: PathBuf,
    pub kept_as: PathBuf,
    pub reason: String,
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot read {}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("cannot write {}", file.display())]
    Write { file: PathBuf, source: io::Error },
    /// The file cannot be understood, and cannot be moved aside either; so nothing may be written in its place.
    #[error("cannot keep the unreadable file aside: {}", file.display())]
    KeepAside { file: PathBuf, source: io::Error },
    /// The value does not fit its own format; a fault of ours.
    #[error("cannot put {} into its format", file.display())]
    Encode { file: PathBuf, source: ron::Error },
}

impl StoreError {
    /// The file it is about.
    pub fn file(&self) -> &Path {
        match self {
            Self::Read { file, .. }
            | Self::Write { file, .. }
            | Self::KeepAside { file, .. }
            | Self::Encode { file, .. } => file,
        }
    }
}

/// The one field that every version of every file has.
#[derive(Deserialize)]
struct Head {
    format: String,
}

/// What is written: the format, then the value.
#[derive(Serialize, Deserialize)]
pub(super) struct Envelope<T> {
    pub(super) format: String,
    pub(super) content: T,
}

/// Reads the content of an envelope of the wanted stored form.
pub(super) fn content<T: DeserializeOwned>(text: &str) -> Result<T, ron::error::SpannedError> {
    ron::from_str::<Envelope<T>>(text).map(|envelope| envelope.content)
}

/// Reads `file`; a missing one is `None`, one that cannot be understood is kept aside.
pub(super) fn load<D: Document>(file: &Path) -> Result<Loaded<Option<D>>, StoreError> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Loaded {
                value: None,
                aside: None,
            });
        }
        Err(source) => {
            return Err(StoreError::Read {
                file: file.to_owned(),
                source,
            });
        }
    };
    match understand::<D>(&bytes) {
        Ok(value) => Ok(Loaded {
            value: Some(value),
            aside: None,
        }),
        Err(reason) => Ok(Loaded {
            value: None,
            aside: Some(keep_aside(file, reason)?),
        }),
    }
}

/// Writes `file` as a whole. What is there and cannot be understood, perhaps from a newer stopat, is kept aside first.
pub(super) fn save<D: Document>(file: &Path, value: &D) -> Result<Option<Aside>, StoreError> {
    let aside = load::<D>(file)?.aside;
    let envelope = Envelope {
        format: format!("{}/{}", D::FORMAT, D::VERSION),
        content: value.to_stored(),
    };
    let text = to_text(file, &envelope)?;
    save_text(file, &text)?;
    Ok(aside)
}

/// The text of an envelope for `file`.
pub(super) fn to_text<T: Serialize>(
    file: &Path,
    envelope: &Envelope<T>,
) -> Result<String, StoreError> {
    let config = ron::ser::PrettyConfig::new().new_line("\n");
    let mut text =
        ron::ser::to_string_pretty(envelope, config).map_err(|source| StoreError::Encode {
            file: file.to_owned(),
            source,
        })?;
    text.push('\n');
    Ok(text)
}

/// Writes a text of the user's, such as a script, whole or not at all, over what is there.
pub fn save_text(file: &Path, text: &str) -> Result<(), StoreError> {
    write_atomically(file, text.as_bytes()).map_err(|source| StoreError::Write {
        file: file.to_owned(),
        source,
    })
}

fn write_atomically(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut writer = AtomicWriteFile::open(file)?;
    writer.write_all(bytes)?;
    writer.commit()
}

fn understand<D: Document>(bytes: &[u8]) -> Result<D, String> {
    read_versioned(bytes, D::FORMAT, D::VERSION, D::from_version)
}

/// Reads the format and hands the text to `from_version`; the error says in words what is wrong.
pub(super) fn read_versioned<T>(
    bytes: &[u8],
    wanted: &str,
    newest: u32,
    from_version: impl FnOnce(u32, &str) -> Option<Result<T, ron::error::SpannedError>>,
) -> Result<T, String> {
    // Editors on Windows put a byte-order mark in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let Head { format } = ron::from_str(text).map_err(|error| error.to_string())?;
    let version = format
        .strip_prefix(wanted)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|version| version.parse::<u32>().ok())
        .ok_or_else(|| format!("its format is {format}, not {wanted}"))?;
    match from_version(version, text) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(error.to_string()),
        None => Err(format!(
            "its format is {format}; this stopat knows {wanted}/{newest} and older"
        )),
    }
}

/// Renames the file to the first free name beside it, as `profiles.aside-1.ron`.
fn keep_aside(file: &Path, reason: String) -> Result<Aside, StoreError> {
    let failed = |source| StoreError::KeepAside {
        file: file.to_owned(),
        source,
    };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension = file.extension().unwrap_or_default().to_string_lossy();
    let mut number = 1u32;
    let kept_as = loop {
        let candidate = file.with_file_name(format!("{stem}.aside-{number}.{extension}"));
        if !candidate.try_exists().map_err(failed)? {
            break candidate;
        }
        number += 1;
    };
    fs::rename(file, &kept_as).map_err(failed)?;
    Ok(Aside {
        file: file.to_owned(),
        kept_as,
        reason,
    })
}
