//! A world that outlives its process: one append-only file per database.
//!
//! A file is a list of frames, each with its length and CRC-32. Nothing is changed in place; a torn tail is cut
//! off at the next start. When the appended part has grown past the image, the file is written anew and renamed.
//!
//! | frame | holds |
//! |---|---|
//! | facts | [`DatabaseFacts`] as JSON; the newest counts |
//! | record | a log record; those after the image are replayed |
//! | image | the pages |
//! | base | the image of the restored full backup, while a restore sequence runs |
//! | hashes | one 64-bit hash per page of the differential base |

use super::{
    database::{DatabaseFacts, DatabaseId},
    log::LogRecord,
};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 8] = b"STOPATW1";
const FACTS: u8 = 1;
const RECORD: u8 = 2;
const IMAGE: u8 = 3;
const BASE: u8 = 4;
const HASHES: u8 = 5;

/// A file is written anew when this much was appended, and more than the image has.
const REWRITE_BYTES: u64 = 8 * 1024 * 1024;

/// What a file held.
#[derive(Debug)]
pub struct Stored {
    pub facts: DatabaseFacts,
    pub image: Vec<u8>,
    pub base: Option<Vec<u8>>,
    pub hashes: Option<Vec<u64>>,
    /// All records, and how many of them the image holds already.
    pub records: Vec<LogRecord>,
    pub in_image: usize,
}

/// The files of a world.
#[derive(Debug)]
pub struct Persistence {
    folder: PathBuf,
    files: BTreeMap<DatabaseId, Appending>,
}

#[derive(Debug)]
struct Appending {
    file: File,
    appended: u64,
    image: u64,
}

impl Persistence {
    /// Opens the folder, and reads what is there.
    pub fn open(folder: &Path) -> io::Result<(Self, Vec<Stored>)> {
        fs::create_dir_all(folder)?;
        let mut all = Vec::new();
        let mut files = BTreeMap::new();
        let mut names: Vec<PathBuf> = fs::read_dir(folder)?
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "world"))
            .collect();
        names.sort();
        for path in names {
            let mut bytes = Vec::new();
            File::open(&path)?.read_to_end(&mut bytes)?;
            let Some((stored, good)) = read(&bytes) else {
                // Not a single whole state: kept aside, so that nothing is lost that somebody could look at.
                tracing::warn!(path = %path.display(), "a database of the practice world cannot be read");
                fs::rename(&path, path.with_extension("unreadable"))?;
                continue;
            };
            let file = OpenOptions::new().append(true).open(&path)?;
            file.set_len(good)?;
            files.insert(
                stored.facts.id,
                Appending {
                    file,
                    appended: good.saturating_sub(stored.image.len() as u64),
                    image: stored.image.len() as u64,
                },
            );
            all.push(stored);
        }
        let folder = folder.to_owned();
        Ok((Self { folder, files }, all))
    }

    /// Adds the facts as they are now.
    pub fn facts(&mut self, facts: &DatabaseFacts) -> io::Result<()> {
        let text = serde_json::to_vec(facts)?;
        self.append(facts.id, FACTS, &text)
    }

    /// Adds the page hashes of a new differential base.
    pub fn hashes(&mut self, id: DatabaseId, hashes: &[u64]) -> io::Result<()> {
        self.append(id, HASHES, &hash_bytes(hashes))
    }

    /// Adds a log record.
    pub fn record(&mut self, id: DatabaseId, record: &LogRecord) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(record.payload.len() + LogRecord::HEAD);
        record.encode(&mut bytes);
        self.append(id, RECORD, &bytes)
    }

    /// Whether enough was appended to write the file anew.
    pub fn wants_rewrite(&self, id: DatabaseId) -> bool {
        self.files
            .get(&id)
            .is_some_and(|f| f.appended > REWRITE_BYTES.max(f.image))
    }

    /// Writes a file from its beginning; the old one stays until the new one is whole.
    pub fn rewrite(
        &mut self,
        facts: &DatabaseFacts,
        records: &[LogRecord],
        image: &[u8],
        base: Option<&[u8]>,
        hashes: Option<&[u64]>,
    ) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        frame(&mut bytes, FACTS, &serde_json::to_vec(facts)?);
        for record in records {
            let mut one = Vec::new();
            record.encode(&mut one);
            frame(&mut bytes, RECORD, &one);
        }
        frame(&mut bytes, IMAGE, image);
        if let Some(base) = base {
            frame(&mut bytes, BASE, base);
        }
        if let Some(hashes) = hashes {
            frame(&mut bytes, HASHES, &hash_bytes(hashes));
        }
        let path = self.path(facts.id);
        let fresh = path.with_extension("new");
        fs::write(&fresh, &bytes)?;
        // An open file cannot be replaced on Windows.
        self.files.remove(&facts.id);
        fs::rename(&fresh, &path)?;
        let file = OpenOptions::new().append(true).open(&path)?;
        self.files.insert(
            facts.id,
            Appending {
                file,
                appended: 0,
                image: bytes.len() as u64,
            },
        );
        Ok(())
    }

    /// Forgets a database.
    pub fn remove(&mut self, id: DatabaseId) -> io::Result<()> {
        self.files.remove(&id);
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn append(&mut self, id: DatabaseId, kind: u8, payload: &[u8]) -> io::Result<()> {
        let Some(to) = self.files.get_mut(&id) else {
            return Ok(());
        };
        let mut bytes = Vec::with_capacity(payload.len() + 9);
        frame(&mut bytes, kind, payload);
        to.file.write_all(&bytes)?;
        to.appended += bytes.len() as u64;
        Ok(())
    }

    fn path(&self, id: DatabaseId) -> PathBuf {
        self.folder.join(format!("db{id}.world"))
    }
}

fn hash_bytes(hashes: &[u64]) -> Vec<u8> {
    hashes.iter().flat_map(|h| h.to_le_bytes()).collect()
}

/// Kind, length, CRC-32 of kind and payload, payload.
fn frame(into: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    into.push(kind);
    into.extend(
        u32::try_from(payload.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    into.extend(checksum(kind, payload).to_le_bytes());
    into.extend_from_slice(payload);
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// Reads frames up to the first that is not whole; also says how many bytes were good.
fn read(bytes: &[u8]) -> Option<(Stored, u64)> {
    let mut rest = bytes.strip_prefix(MAGIC.as_slice())?;
    let (mut facts, mut image, mut base, mut hashes) = (None, None, None, None);
    let (mut records, mut in_image) = (Vec::new(), 0);
    while let Some((kind, payload, after)) = next_frame(rest) {
        match kind {
            FACTS => facts = Some(serde_json::from_slice::<DatabaseFacts>(payload).ok()?),
            RECORD => records.push(LogRecord::decode(payload)?.0),
            IMAGE => {
                image = Some(payload.to_vec());
                in_image = records.len();
            }
            BASE => base = Some(payload.to_vec()),
            HASHES => {
                hashes = Some(
                    payload
                        .chunks_exact(8)
                        .filter_map(|c| c.try_into().ok().map(u64::from_le_bytes))
                        .collect(),
                );
            }
            _ => return None,
        }
        rest = after;
    }
    let stored = Stored {
        facts: facts?,
        image: image?,
        base,
        hashes,
        records,
        in_image,
    };
    Some((stored, (bytes.len() - rest.len()) as u64))
}

fn next_frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<9>()?;
    let [kind, a, b, c, d, e, f, g, h] = *head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let payload = rest.get(..length)?;
    let whole = checksum(kind, payload) == u32::from_le_bytes([e, f, g, h]);
    whole.then(|| (kind, payload, rest.get(length..).unwrap_or_default()))
}
