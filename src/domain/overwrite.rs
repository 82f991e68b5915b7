//! Which backups a later one overwrote (rule 11): judged from devices, media sets and positions.

use super::{
    BackupSet, SharedVec,
    judge::is_url,
    set::{UNKNOWN_ID, flag},
};

/// Marks in each set the devices that a later set overwrote; returns the sorted hashes of all devices.
///
/// `sets` are in the order in which they started.
pub(super) fn mark(sets: &mut SharedVec<BackupSet>) -> Vec<u32> {
    // Half a hash and the place in one number: a million of them are sorted quickly, and few share their half.
    let mut places: Vec<u64> = Vec::with_capacity(sets.len());
    for (set, idx) in sets.iter().zip(0_u32..) {
        for name in set.device_names() {
            let hash = short(device_hash(set, name));
            places.push((u64::from(hash) << 32) | u64::from(idx));
        }
    }
    places.sort_unstable();
    let mut gone: Vec<(u32, u64)> = Vec::new();
    for group in places.chunk_by(|a, b| a >> 32 == b >> 32) {
        if group.len() > 1 {
            overwritten_among(sets, group, &mut gone);
        }
    }
    for (idx, hash) in gone {
        if let Some(set) = sets.get_mut(idx as usize) {
            set.flags |= flag::OVERWRITTEN;
            let machine = machine_of(set).to_owned();
            set.media
                .mark_overwritten(|name| device_hash_on(&machine, name) == hash);
        }
    }
    let mut hashes: Vec<u32> = places
        .into_iter()
        .map(|place| (place >> 32) as u32)
        .collect();
    hashes.dedup();
    hashes.shrink_to_fit();
    hashes
}

/// Of sets whose devices share half a hash, those that a later one removed.
fn overwritten_among(sets: &SharedVec<BackupSet>, group: &[u64], gone: &mut Vec<(u32, u64)>) {
    let Some(half) = group.first().map(|place| (place >> 32) as u32) else {
        return;
    };
    let mut places: Vec<(u64, u32)> = Vec::with_capacity(group.len());
    for &place in group {
        let idx = place as u32;
        if let Some(set) = sets.get(idx as usize) {
            let hashes = set.device_names().map(|name| device_hash(set, name));
            places.extend(
                hashes
                    .filter(|&hash| short(hash) == half)
                    .map(|hash| (hash, idx)),
            );
        }
    }
    places.sort_unstable();
    places.dedup();
    for same in places.chunk_by(|a, b| a.0 == b.0) {
        if same.len() > 1 {
            overwritten_in(sets, same, gone);
        }
    }
}

/// Whether new sets lie on a device of these hashes, or share one among themselves: then all must be judged again.
pub(super) fn touches(new: &[BackupSet], hashes: &[u32]) -> bool {
    let mut own: Vec<u64> = new
        .iter()
        .flat_map(|set| set.device_names().map(|name| device_hash(set, name)))
        .collect();
    own.sort_unstable();
    own.iter()
        .any(|&hash| hashes.binary_search(&short(hash)).is_ok())
        || own.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// The same against sets whose hashes are not collected yet.
pub(super) fn touches_tail<'a>(
    new: &[BackupSet],
    tail: impl Iterator<Item = &'a BackupSet>,
) -> bool {
    let mut hashes: Vec<u32> = tail
        .flat_map(|set| set.device_names().map(|name| short(device_hash(set, name))))
        .collect();
    hashes.sort_unstable();
    touches(new, &hashes)
}

/// Of the sets on one device, those that a later one removed: by another media set (`FORMAT`) or by a position not above theirs (`INIT`).
fn overwritten_in(sets: &SharedVec<BackupSet>, group: &[(u64, u32)], gone: &mut Vec<(u32, u64)>) {
    let mut lowest_position = i32::MAX;
    let mut later_media: Vec<i64> = Vec::new();
    for &(hash, idx) in group.iter().rev() {
        let Some(set) = sets.get(idx as usize) else {
            continue;
        };
        let formatted = set.media_set_id != UNKNOWN_ID
            && later_media
                .iter()
                .any(|&media| media != set.media_set_id && same_source(media, set.media_set_id));
        if formatted || lowest_position <= set.position {
            gone.push((idx, hash));
        }
        lowest_position = lowest_position.min(set.position);
        if set.media_set_id != UNKNOWN_ID && !later_media.contains(&set.media_set_id) {
            // Two suffice to tell whether there is another one than a given one.
            if later_media.len() < 2 {
                later_media.push(set.media_set_id);
            }
        }
    }
}

/// Media set ids of different msdbs say nothing about each other; see `HistoryRecords::merge`.
fn same_source(a: i64, b: i64) -> bool {
    a >> super::record::SOURCE_SHIFT == b >> super::record::SOURCE_SHIFT
}

fn machine_of(set: &BackupSet) -> &str {
    let origin = &set.origin;
    origin.machine_name.as_deref().unwrap_or_else(|| {
        let server = origin.server_name.as_deref().unwrap_or_default();
        server.split('\\').next().unwrap_or_default()
    })
}

fn device_hash(set: &BackupSet, name: &str) -> u64 {
    device_hash_on(machine_of(set), name)
}

/// Shares and URLs are the same everywhere; a path is that of one machine.
fn device_hash_on(machine: &str, name: &str) -> u64 {
    let shared = name.starts_with(r"\\") || name.starts_with("//") || is_url(name);
    let seed = if shared {
        0
    } else {
        hash_of(0, machine.as_bytes(), |byte| byte.to_ascii_lowercase())
    };
    let name_bytes = name.as_bytes();
    if name.starts_with('/') {
        hash_of(seed, name_bytes, |byte| byte)
    } else if shared {
        hash_of(seed, name_bytes, |byte| byte.to_ascii_lowercase())
    } else {
        hash_of(seed, name_bytes, |byte| match byte {
            b'/' => b'\\',
            other => other.to_ascii_lowercase(),
        })
    }
}

/// Hashes the folded bytes of a name, eight at a time.
pub(super) fn hash_of(seed: u64, bytes: &[u8], fold: impl Fn(u8) -> u8) -> u64 {
    const START: u64 = 0x243f_6a88_85a3_08d3;
    const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = seed ^ START ^ bytes.len() as u64;
    for word in bytes.chunks(8) {
        let mut folded = [0_u8; 8];
        for (to, from) in folded.iter_mut().zip(word) {
            *to = fold(*from);
        }
        let product = u128::from(hash ^ u64::from_le_bytes(folded)) * FACTOR;
        hash = (product >> 64) as u64 ^ product as u64;
    }
    hash
}

fn short(hash: u64) -> u32 {
    (hash >> 32) as u32 ^ hash as u32
}
