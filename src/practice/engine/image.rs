//! Page images: what a full backup holds, and what changed since.

use rusqlite::{Connection, backup::Backup};

/// SQLite's pages; SQL Server's have 8 KB, two of these.
pub const PAGE_BYTES: usize = 4096;

/// Why an image could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("the pages of a differential do not fit its base")]
    Misfit,
    #[error("a page image is not a database")]
    Database(#[from] rusqlite::Error),
}

/// The pages of a database as they are now; between transactions only.
pub fn take(keeper: &mut Connection) -> rusqlite::Result<Vec<u8>> {
    Ok(keeper.serialize("main")?.to_vec())
}

/// Puts an image in the place of everything in `keeper`.
pub fn put(keeper: &mut Connection, image: &[u8]) -> Result<(), ImageError> {
    let mut private = Connection::open_in_memory()?;
    private.deserialize_read_exact("main", image, image.len(), false)?;
    // A file of the right length may still be anything: reading the schema finds out.
    private.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    let backup = Backup::new(&private, keeper)?;
    backup.run_to_completion(i32::MAX, std::time::Duration::ZERO, None)?;
    Ok(())
}

/// One 64-bit hash per page.
pub fn hashes(image: &[u8]) -> Vec<u64> {
    image.chunks(PAGE_BYTES).map(hash).collect()
}

/// The pages that differ from those of the base: page count, then number and bytes of each.
pub fn difference(base: &[u64], image: &[u8]) -> Vec<u8> {
    let count = image.len().div_ceil(PAGE_BYTES);
    let mut bytes = u32::try_from(count)
        .unwrap_or(u32::MAX)
        .to_le_bytes()
        .to_vec();
    for (number, page) in image.chunks(PAGE_BYTES).enumerate() {
        // The first page counts changes; it is always there.
        if number == 0 || base.get(number) != Some(&hash(page)) {
            bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend_from_slice(page);
        }
    }
    bytes
}

/// Lays a difference over the image of its base.
pub fn lay_over(base: &[u8], difference: &[u8]) -> Result<Vec<u8>, ImageError> {
    let (count, mut rest) = number(difference)?;
    let length = count.checked_mul(PAGE_BYTES).ok_or(ImageError::Misfit)?;
    // No difference brings more pages than it holds, beyond those of the base.
    if length > base.len() + difference.len() {
        return Err(ImageError::Misfit);
    }
    let mut image = base.to_vec();
    image.resize(length, 0);
    while !rest.is_empty() {
        let (at, pages) = number(rest)?;
        let page = pages.get(..PAGE_BYTES).ok_or(ImageError::Misfit)?;
        let start = at.checked_mul(PAGE_BYTES).ok_or(ImageError::Misfit)?;
        image
            .get_mut(start..start + PAGE_BYTES)
            .ok_or(ImageError::Misfit)?
            .copy_from_slice(page);
        rest = pages.get(PAGE_BYTES..).ok_or(ImageError::Misfit)?;
    }
    Ok(image)
}

fn number(bytes: &[u8]) -> Result<(usize, &[u8]), ImageError> {
    let (head, rest) = bytes.split_first_chunk::<4>().ok_or(ImageError::Misfit)?;
    Ok((u32::from_le_bytes(*head) as usize, rest))
}

/// A quick hash of eight bytes at a time (FNV over words with a final mix); pages are compared only with
/// their own past, so nobody chooses collisions.
fn hash(page: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325u64;
    for word in page.chunks(8) {
        let mut bytes = [0; 8];
        for (to, from) in bytes.iter_mut().zip(word) {
            *to = *from;
        }
        state ^= u64::from_le_bytes(bytes);
        state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    state ^ (state >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_laid_over_its_base_is_the_image() {
        let mut db = Connection::open_in_memory().expect("memory");
        db.execute_batch(
            "CREATE TABLE t (_rid INTEGER PRIMARY KEY, x TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO t SELECT i, 'row ' || i FROM n",
        )
        .expect("valid");
        let base = take(&mut db).expect("image");
        db.execute_batch("UPDATE t SET x = 'changed' WHERE _rid BETWEEN 100 AND 120; DELETE FROM t WHERE _rid > 4990")
            .expect("valid");
        let now = take(&mut db).expect("image");
        let difference = difference(&hashes(&base), &now);
        assert!(difference.len() < now.len() / 2, "only what changed");
        assert_eq!(lay_over(&base, &difference).expect("fits"), now);
        for cut in (0..difference.len()).step_by(311) {
            lay_over(&base, difference.get(..cut).expect("shorter")).ok();
        }
        let mut other = Connection::open_in_memory().expect("memory");
        put(&mut other, &now).expect("a database");
        let rows: i64 = other
            .query_row("SELECT count(*) FROM t WHERE x = 'changed'", [], |r| {
                r.get(0)
            })
            .expect("a number");
        assert_eq!(rows, 21);
        assert!(put(&mut other, b"not a database at all").is_err());
    }
}
