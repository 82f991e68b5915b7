//! The files: appended, replaced, striped, damaged, and no room for them.

use super::{
    chain, full, insert, keys, numbers, refused, refused_backup, request, restore, state, take,
};
use crate::practice::{
    backup::{BackupRequest, Ending, SetKind, backup_now, restore::verify},
    engine::DatabaseState,
    sql::statement::RestoreWhat,
};

#[test]
fn sets_are_appended_replaced_and_striped() {
    let (mut server, id) = chain();
    let engine = &mut server.engine;
    assert_eq!(take(engine, SetKind::Full, "S", "all.bak").position, 1);
    insert(engine, id, 70);
    assert_eq!(take(engine, SetKind::Full, "S", "all.bak").position, 2);
    // Without FILE the oldest comes back.
    let mut back = full("S", "all.bak");
    back.ending = Ending::Recovery;
    restore(engine, &back);
    assert!(!keys(engine, "Copy").contains(&70));
    back.position = Some(2);
    back.replace = true;
    restore(engine, &back);
    assert!(keys(engine, "Copy").contains(&70));
    back.position = Some(3);
    assert_eq!(refused(engine, &back), [3287]);
    let mut init = BackupRequest::new(SetKind::Full, "S", "all.bak");
    init.init = true;
    assert_eq!(backup_now(engine, &init).expect("taken").header.position, 1);

    let mut stripes = BackupRequest::new(SetKind::Full, "S", "s1.bak");
    stripes.devices = (1..=3).map(|n| format!("s{n}.bak")).collect();
    stripes.compression = Some(true);
    let header = backup_now(engine, &stripes).expect("taken").header;
    assert!(header.compressed_size < header.size);
    let mut back = full("S", "s1.bak");
    back.replace = true;
    back.ending = Ending::Recovery;
    assert_eq!(refused(engine, &back), [3132]);
    back.devices = vec!["s3.bak".into(), "s1.bak".into(), "s2.bak".into()];
    restore(engine, &back);
    assert_eq!(keys(engine, "Copy"), keys(engine, "S"));
    stripes.devices.truncate(2);
    assert_eq!(refused_backup(engine, &stripes), [3231]);
    back.devices = vec!["s1.bak".into(), "f.bak".into()];
    assert_eq!(refused(engine, &back), [3258]);
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let (mut server, _) = chain();
    let engine = &mut server.engine;
    for device in ["f.bak", "1.trn"] {
        let path = engine.paths.real(device).expect("a path");
        let whole = std::fs::read(&path).expect("written");
        for at in (0..whole.len()).step_by(whole.len() / 61 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).expect("written");
            let mut first = request(RestoreWhat::VerifyOnly, device);
            first.position = Some(1);
            let said = verify(engine, &first).expect_err("damaged");
            assert!(
                matches!(numbers(&said).as_slice(), [3183 | 3241]),
                "byte {at}: {said:?}"
            );
        }
        for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).expect("written");
            let said = verify(engine, &request(RestoreWhat::VerifyOnly, device)).expect_err("cut");
            assert!(
                matches!(
                    numbers(&said).as_slice(),
                    [3254 | 3241 | 3242 | 3256 | 3287]
                ),
                "{length}: {said:?}"
            );
        }
        std::fs::write(&path, b"this is a letter and not a backup").expect("written");
        let said = verify(engine, &request(RestoreWhat::VerifyOnly, device)).expect_err("foreign");
        assert_eq!(numbers(&said), [3242]);
        std::fs::write(&path, &whole).expect("written");
        verify(engine, &request(RestoreWhat::VerifyOnly, device)).expect("whole again");
    }
    // Damage stops a restore after the database was begun.
    let path = engine.paths.real("f.bak").expect("a path");
    let mut damaged = std::fs::read(&path).expect("written");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&path, damaged).expect("written");
    assert_eq!(refused(engine, &full("S", "f.bak")), [3183]);
    assert_eq!(state(engine, "Copy"), DatabaseState::Restoring);
    assert_eq!(refused(engine, &request(RestoreWhat::Log, "1.trn")), [4319]);
}

#[test]
fn a_full_device_is_said() {
    let (mut server, _) = chain();
    let engine = &mut server.engine;
    engine.options.device_space = Some(30_000);
    take(engine, SetKind::Full, "S", "fits.bak");
    let said =
        backup_now(engine, &BackupRequest::new(SetKind::Full, "S", "no.bak")).expect_err("full");
    assert_eq!(numbers(&said), [3202]);
    assert!(said[0].text.contains("112("), "{}", said[0].text);
    // What failed changed nothing: the next differential still has the base that fitted.
    engine.options.device_space = None;
    let differential = take(engine, SetKind::Differential, "S", "d.bak");
    assert!(differential.differential_base_guid.is_some());
}
