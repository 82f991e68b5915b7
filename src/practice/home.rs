//! The folder of a server: what it holds besides the databases, and that only one process has it.

use super::{certificate::Certificate, engine::TRACE_KEPT, options::WorldFolder};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// What a kept world remembers of its server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Version of this file.
    pub format: u32,
    pub port: u16,
    pub password: String,
    pub seed: u64,
    pub days: u32,
    /// As [`super::engine::Zone::parse`] reads it.
    pub zone: String,
    /// Whether the two weeks were made to their end.
    pub whole: bool,
    /// Where a frozen clock stood last, in milliseconds since 1970.
    pub clock_millis: Option<i64>,
}

impl Kept {
    pub const FORMAT: u32 = 1;
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error("another practice server has its world in {0}")]
    InUse(PathBuf),
    #[error("the world in {0} was written by a newer version")]
    Newer(PathBuf),
    #[error("cannot use {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A folder that is ours; a temporary one goes with it.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    temporary: bool,
    /// Locked as long as it is open; the system unlocks it when the process dies.
    _lock: File,
}

impl Home {
    /// Makes or finds the folder, and locks it.
    pub fn open(world: &WorldFolder) -> Result<Self, HomeError> {
        let (folder, temporary) = match world {
            WorldFolder::Kept(folder) => (folder.clone(), false),
            WorldFolder::Temporary { within } => {
                let name = random_letters(8).map_err(|e| failed(within, e))?;
                (within.join(format!("stopat-practice-{name}")), true)
            }
        };
        fs::create_dir_all(&folder).map_err(|e| failed(&folder, e))?;
        let path = folder.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| failed(&path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                folder,
                temporary,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(HomeError::InUse(folder)),
            Err(TryLockError::Error(error)) => Err(failed(&path, error)),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn is_kept(&self) -> bool {
        !self.temporary
    }

    /// Where the certificate lies as PEM.
    pub fn certificate_path(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// What the server that was here before left; `None` when there was none, or it never came to serve.
    pub fn kept(&self) -> Result<Option<Kept>, HomeError> {
        let path = self.kept_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&path, error)),
        };
        let kept: Kept = serde_json::from_str(&text).map_err(|e| failed(&path, e.into()))?;
        if kept.format > Kept::FORMAT {
            return Err(HomeError::Newer(self.folder.clone()));
        }
        Ok(Some(kept))
    }

    /// Writes it so that a reader finds the old or the new, never half of one.
    pub fn keep(&self, kept: &Kept) -> Result<(), HomeError> {
        let text = serde_json::to_vec_pretty(kept).map_err(|e| failed(&self.folder, e.into()))?;
        self.write(&self.kept_path(), &text)
    }

    /// The certificate of a kept world, else a new one; written as PEM either way.
    pub fn certificate(&self) -> Result<Certificate, super::server::PracticeError> {
        let (certificate_path, key_path) = (self.certificate_path(), self.folder.join("key.pem"));
        if self.is_kept()
            && let (Ok(certificate_pem), Ok(key_pem)) = (
                fs::read_to_string(&certificate_path),
                fs::read_to_string(&key_path),
            )
        {
            let found = Certificate {
                certificate_pem,
                key_pem,
            };
            if found.acceptor().is_ok() {
                return Ok(found);
            }
        }
        let made = Certificate::make()?;
        if self.is_kept() {
            self.write(&key_path, made.key_pem.as_bytes())?;
        }
        self.write(&certificate_path, made.certificate_pem.as_bytes())?;
        Ok(made)
    }

    /// Removes databases and files of a world that was not made to its end.
    pub fn clear(&self) -> Result<(), HomeError> {
        for part in ["databases", "files"] {
            let path = self.folder.join(part);
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(&path, error));
                }
                _ => {}
            }
        }
        // It may not be there.
        fs::remove_file(self.folder.join(TRACE_KEPT)).ok();
        Ok(())
    }

    fn kept_path(&self) -> PathBuf {
        self.folder.join("practice.json")
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
        let written = options_of_secrets().open(path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.commit()
        });
        written.map_err(|e| failed(path, e))
    }
}

/// How files with passwords and keys are written: they are their owner's.
#[cfg(unix)]
fn options_of_secrets() -> atomic_write_file::OpenOptions {
    use atomic_write_file::unix::OpenOptionsExt as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = atomic_write_file::AtomicWriteFile::options();
    options.preserve_mode(false).mode(0o600);
    options
}

/// Elsewhere the folder of the user keeps others out.
#[cfg(not(unix))]
fn options_of_secrets() -> atomic_write_file::OpenOptions {
    atomic_write_file::AtomicWriteFile::options()
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.temporary {
            return;
        }
        // A backup that is being written may add a file while its folder goes.
        for _ in 0..3 {
            match fs::remove_dir_all(&self.folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::debug!(%error, "remove the temporary world");
                }
                _ => return,
            }
        }
    }
}

fn failed(path: &Path, source: io::Error) -> HomeError {
    HomeError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Lower-case letters and digits that nobody can guess; the few that look alike are left out.
pub fn random_letters(n: usize) -> io::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; n];
    getrandom::fill(&mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
    Ok(bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_goes_with_its_server() {
        let within = tempfile::tempdir().expect("a folder");
        let home = Home::open(&WorldFolder::Temporary {
            within: within.path().to_owned(),
        })
        .expect("a home");
        let folder = home.folder().to_owned();
        assert!(folder.is_dir());
        drop(home);
        assert!(!folder.exists());
    }

    #[test]
    fn a_kept_folder_has_one_server_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let world = WorldFolder::Kept(folder.path().to_owned());
        let home = Home::open(&world).expect("a home");
        assert!(matches!(Home::open(&world), Err(HomeError::InUse(_))));
        assert_eq!(home.kept().expect("readable"), None);
        let kept = Kept {
            format: Kept::FORMAT,
            port: 1433,
            password: random_letters(20).expect("random bytes"),
            seed: 1,
            days: 14,
            zone: "UTC".to_owned(),
            whole: true,
            clock_millis: None,
        };
        home.keep(&kept).expect("writable");
        let fingerprint = home.certificate().expect("made").fingerprint();
        drop(home);
        let home = Home::open(&world).expect("free again");
        assert_eq!(home.kept().expect("readable"), Some(kept));
        assert_eq!(
            home.certificate().expect("found").fingerprint().ok(),
            fingerprint.ok()
        );
    }
}
