//! Devices of a backup or restore: opening them, and whether they are the media set that is wanted.

use super::{
    container::{self, ContainerError, FoundSet, Media, MediaHeader, Place},
    options::{BackupRequest, open_failed},
};
use crate::practice::{
    catalogue::same_name,
    engine::{Engine, paths::OsError},
    reply::Message,
};
use chrono::{NaiveDateTime, Timelike as _};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

/// A device that was opened for reading.
pub struct OpenMedia {
    /// As written in the statement.
    pub device: String,
    pub file: File,
    pub media: Media,
}

/// A set of which every family is at hand.
pub struct OpenSet {
    pub media: Vec<(String, MediaHeader)>,
    /// In family order.
    pub families: Vec<(File, FoundSet)>,
}

impl OpenSet {
    /// The header, the same in every family.
    pub fn header(&self) -> Option<&container::SetHeader> {
        self.families.first().map(|(_, set)| &set.header)
    }
}

/// Opens a device for reading: 3201 state 2, 3241, 3242, 3254.
pub fn open(engine: &Engine, device: &str) -> Result<OpenMedia, Message> {
    let failed = |error: &OsError| open_failed(device, error, 2);
    if is_nul(device) {
        return Err(failed(&OsError::FILE_NOT_FOUND));
    }
    let path = engine.paths.file(device).map_err(|e| failed(&e))?;
    if path.is_dir() {
        return Err(failed(&OsError::ACCESS_DENIED));
    }
    let mut file = File::open(path).map_err(|e| failed(&OsError::from_io(&e)))?;
    let media = container::scan(&mut file).map_err(|e| message(device, &e))?;
    Ok(OpenMedia {
        device: device.to_owned(),
        file,
        media,
    })
}

/// Whether a file on the disk is a backup that this server can read.
pub fn is_backup(path: &Path) -> bool {
    File::open(path).is_ok_and(|mut file| container::scan(&mut file).is_ok())
}

/// When the newest set of a backup file finished; `None` when it is none.
pub fn newest_set(path: &Path) -> Option<chrono::NaiveDateTime> {
    let media = container::scan(&mut File::open(path).ok()?).ok()?;
    media.sets.iter().map(|set| set.header.finish).max()
}

/// The message for what is wrong with a file.
pub fn message(device: &str, error: &ContainerError) -> Message {
    match error {
        ContainerError::Empty => {
            Message::error(3254, format!("The volume on device '{device}' is empty."))
        }
        ContainerError::Foreign => Message::error(
            3242,
            format!(
                "The file on device '{device}' is not a valid Microsoft Tape Format backup set."
            ),
        ),
        ContainerError::Malformed { .. } => Message::error(
            3241,
            format!(
                "The media family on device '{device}' is incorrectly formed. SQL Server cannot process this media family."
            ),
        ),
        ContainerError::Incomplete => Message::error(
            3256,
            format!(
                "The backup set on device '{device}' was terminated while it was being created and is incomplete. RESTORE sequence is terminated abnormally."
            ),
        ),
        ContainerError::Damaged { .. } => {
            Message::error(3189, "Damage to the backup set was detected.")
        }
        ContainerError::Io(error) => Message::error(
            3203,
            format!("Read on \"{device}\" failed: {}", OsError::from_io(error)),
        ),
    }
}

/// Opens the set with that position on all devices: 3132, 3258, 3287, 3256.
pub fn open_set(
    engine: &Engine,
    devices: &[String],
    position: i64,
) -> Result<OpenSet, Vec<Message>> {
    let mut opened = Vec::new();
    for device in devices {
        opened.push(open(engine, device).map_err(|m| vec![m])?);
    }
    let Some(first) = opened.first().map(|o| o.media.header.clone()) else {
        return Err(vec![Message::error(
            3207,
            "Backup or restore requires at least one backup device. Rerun your statement specifying a backup device.",
        )]);
    };
    if let Some(other) = opened
        .iter()
        .find(|o| o.media.header.media_set != first.media_set)
    {
        return Err(vec![Message::error(
            3258,
            format!(
                "The volume on the device \"{}\" is not part of the media set that is currently being processed. Ensure that the backup devices are loaded with the correct media.",
                other.device
            ),
        )]);
    }
    opened.sort_by_key(|o| o.media.header.family);
    opened.dedup_by_key(|o| o.media.header.family);
    if opened.len() != usize::from(first.family_count) {
        return Err(vec![Message::error(
            3132,
            format!(
                "The media set has {} media families but only {} are provided. All members must be provided.",
                first.family_count,
                opened.len()
            ),
        )]);
    }
    let mut set = OpenSet {
        media: Vec::new(),
        families: Vec::new(),
    };
    for one in opened {
        let found = usize::try_from(position - 1)
            .ok()
            .and_then(|at| one.media.sets.get(at))
            .cloned();
        let Some(found) = found else {
            return Err(vec![Message::error(
                3287,
                format!(
                    "The file ID {position} on device '{}' is incorrectly formed and can not be read.",
                    one.device
                ),
            )]);
        };
        if !found.complete {
            return Err(vec![message(&one.device, &ContainerError::Incomplete)]);
        }
        set.media.push((one.device, one.media.header));
        set.families.push((one.file, found));
    }
    let same = set
        .families
        .iter()
        .all(|(_, f)| Some(f.header.uuid) == set.header().map(|h| h.uuid));
    if same {
        Ok(set)
    } else {
        let device = set.media.first().map_or("", |(d, _)| d.as_str());
        Err(vec![message(device, &ContainerError::Malformed { at: 0 })])
    }
}

/// What is known of files that this server wrote, so that appending does not read all their headers again.
///
/// Only for appending: whatever reads a backup reads the file.
#[derive(Debug, Default)]
pub struct KnownMedia(BTreeMap<PathBuf, KnownFile>);

#[derive(Clone, Debug)]
struct KnownFile {
    /// A file of another length was written by somebody else.
    length: u64,
    header: MediaHeader,
    sets: usize,
    /// The latest expiry of its sets.
    expires: Option<NaiveDateTime>,
    complete: bool,
}

impl KnownFile {
    fn new(length: u64, media: &Media) -> Self {
        Self {
            length,
            header: media.header.clone(),
            sets: media.sets.len(),
            expires: media.sets.iter().filter_map(|s| s.header.expires).max(),
            complete: media.sets.iter().all(|s| s.complete),
        }
    }
}

/// Notes a set that was written to a file.
pub fn note_written(
    engine: &mut Engine,
    path: &Path,
    header: &MediaHeader,
    set: &container::SetHeader,
) {
    let Ok(length) = fs::metadata(path).map(|m| m.len()) else {
        return;
    };
    let known = engine
        .known_media
        .0
        .entry(path.to_owned())
        .or_insert_with(|| KnownFile {
            length,
            header: header.clone(),
            sets: 0,
            expires: None,
            complete: true,
        });
    if set.position == 1 {
        known.expires = None;
        known.complete = true;
    }
    known.length = length;
    known.header = header.clone();
    known.sets = usize::try_from(set.position).unwrap_or(0);
    known.expires = known.expires.max(set.expires);
}

/// Where a backup will be written.
pub struct Target {
    pub paths: Vec<Option<PathBuf>>,
    /// Into new files, or behind the sets that are there.
    pub place: Place,
    /// The headers as they are or will be, one per family.
    pub media: Vec<MediaHeader>,
    /// Position of the new set.
    pub position: i32,
    pub compress: bool,
}

/// Looks at the devices of a backup before it begins: 3201 state 1, 3231, 3132, 4030, 4037, 3241…
pub fn prepare(engine: &mut Engine, request: &BackupRequest) -> Result<Target, Vec<Message>> {
    let mut paths = Vec::new();
    for device in &request.devices {
        if is_nul(device) {
            paths.push(None);
            continue;
        }
        let path = engine
            .paths
            .file(device)
            .map_err(|e| vec![open_failed(device, &e, 1)])?;
        if path.is_dir() {
            return Err(vec![open_failed(device, &OsError::ACCESS_DENIED, 1)]);
        }
        if paths.contains(&Some(path.clone())) {
            return Err(vec![Message::error(
                3251,
                format!("The media family on device '{device}' is specified more than once."),
            )]);
        }
        paths.push(Some(path));
    }
    let now = engine.clock.now_local().0;
    let existing = read_existing(engine, request, &paths, now)?;
    let count = u8::try_from(request.devices.len()).unwrap_or(u8::MAX);
    let fresh_media = request.format || existing.is_empty();
    let compress = request
        .compression
        .unwrap_or_else(|| match existing.first() {
            Some(media) if !request.format => media.header.compressed,
            _ => engine.options.compression_default,
        });
    let mut target = Target {
        paths,
        place: Place::NewFile,
        media: Vec::new(),
        position: 1,
        compress,
    };
    if fresh_media {
        let media_set = engine.store.new_guid();
        for family in 1..=count {
            let family_id = engine.store.new_guid();
            target.media.push(MediaHeader {
                media_set,
                family_count: count,
                family,
                mirror_count: 1,
                mirror: 0,
                family_id,
                name: request.media_name.clone(),
                description: request.media_description.clone(),
                created: now.with_nanosecond(0).unwrap_or(now),
                compressed: compress,
                encrypted: request.encryption.is_some(),
                block_size: 65_536,
            });
        }
    } else if request.encryption.is_some() {
        return Err(vec![Message::error(
            3095,
            "The backup cannot be performed because 'ENCRYPTION' was requested after the media was formatted with an incompatible structure. To append to this media set, either omit 'ENCRYPTION' or create a new media set by using WITH FORMAT in your BACKUP statement. If you use WITH FORMAT on an existing media set, all its backup sets will be overwritten.",
        )]);
    } else {
        target.media = existing.iter().map(|m| m.header.clone()).collect();
        if target.media.iter().any(|m| m.compressed != compress) && !request.init {
            let device = request.devices.first().map_or("", String::as_str);
            return Err(vec![Message::error(
                3098,
                format!(
                    "The backup cannot be performed because '{}' was requested after the media was formatted with an incompatible structure. To append to this media set, either omit '{}' or specify '{}'. Alternatively, you can create a new media set by using WITH FORMAT in your BACKUP statement. If you use WITH FORMAT on an existing media set, all its backup sets will be overwritten. ({device})",
                    if compress {
                        "COMPRESSION"
                    } else {
                        "NO_COMPRESSION"
                    },
                    if compress {
                        "COMPRESSION"
                    } else {
                        "NO_COMPRESSION"
                    },
                    if compress {
                        "NO_COMPRESSION"
                    } else {
                        "COMPRESSION"
                    }
                ),
            )]);
        }
        if request.init {
            for media in &mut target.media {
                media.compressed = compress;
            }
        } else {
            target.place = Place::BehindOthers;
            let sets = existing.iter().map(|m| m.sets).max().unwrap_or(0);
            target.position = i32::try_from(sets + 1).unwrap_or(i32::MAX);
        }
    }
    Ok(target)
}

/// The media that lie on the devices; none when the files do not exist or `FORMAT` does not care.
fn read_existing(
    engine: &mut Engine,
    request: &BackupRequest,
    paths: &[Option<PathBuf>],
    now: NaiveDateTime,
) -> Result<Vec<KnownFile>, Vec<Message>> {
    if request.format {
        return Ok(Vec::new());
    }
    let count = request.devices.len();
    let mut existing = Vec::new();
    for (device, path) in request.devices.iter().zip(paths) {
        let Some(path) = path else { continue };
        let length = fs::metadata(path).map_or(0, |m| m.len());
        if length == 0 {
            continue;
        }
        let known = match engine.known_media.0.get(path) {
            Some(known) if known.length == length => known.clone(),
            _ => {
                let opened = open(engine, device).map_err(|m| vec![m])?;
                let known = KnownFile::new(length, &opened.media);
                engine.known_media.0.insert(path.clone(), known.clone());
                known
            }
        };
        let header = &known.header;
        if usize::from(header.family_count) != count {
            return Err(vec![Message::error(
                3231,
                format!(
                    "The media loaded on \"{device}\" is formatted to support {} media families, but {count} media families are expected according to the backup device specification.",
                    header.family_count
                ),
            )]);
        }
        if let Some(wanted) = &request.media_name
            && !request.skip
            && !header.name.as_deref().is_some_and(|n| same_name(n, wanted))
        {
            return Err(vec![Message::error(
                4037,
                format!(
                    "The user-specified MEDIANAME \"{wanted}\" does not match the MEDIANAME \"{}\" of the device \"{device}\".",
                    header.name.as_deref().unwrap_or_default()
                ),
            )]);
        }
        if request.init
            && !request.skip
            && let Some(expires) = known.expires.filter(|expires| *expires > now)
        {
            return Err(vec![Message::info(
                4030,
                format!(
                    "The medium on device '{device}' expires on {} and cannot be overwritten.",
                    expires.format("%b %e %Y %l:%M:%S:000%p")
                ),
            )]);
        }
        if !request.init && !known.complete {
            return Err(vec![Message::error(
                3266,
                format!(
                    "The backup data at the end of \"{device}\" is incorrectly formatted. Backup sets on the media might be damaged and unusable. To determine the backup sets on the media, use RESTORE HEADERONLY. To determine the usability of the backup sets, run RESTORE VERIFYONLY. If all of the backup sets are incomplete, reformat the media using BACKUP WITH FORMAT, which destroys all the backup sets."
                ),
            )]);
        }
        existing.push(known);
    }
    if existing.is_empty() {
        return Ok(existing);
    }
    let media_set = existing.first().map(|m| m.header.media_set);
    let odd = existing
        .iter()
        .zip(1u8..)
        .any(|(m, family)| Some(m.header.media_set) != media_set || m.header.family != family);
    let stripes = paths.iter().flatten().count();
    if odd || existing.len() != stripes {
        return Err(vec![Message::error(
            3132,
            format!(
                "The media set has {count} media families but only {} are provided. All members must be provided.",
                existing.len()
            ),
        )]);
    }
    Ok(existing)
}

/// `DISK = 'NUL'`.
pub fn is_nul(device: &str) -> bool {
    device.eq_ignore_ascii_case("nul") || device.eq_ignore_ascii_case("nul:")
}
