//! The reader of histories on broken input: an answer or a clear error, never a panic.

use crate::support::fixture;
use fastrand::Rng;
use stopat::{
    domain::{History, Limits, RestoreRequest, Target, check, plan},
    formats::backup_history::{self, HistoryFileError},
};

const SAMPLES: [&str; 8] = [
    "histories/02_full_diff_log.json",
    "histories/08_copy_only_full_base.json",
    "histories/11_log_gap.json",
    "histories/12_log_gap_bridged_by_diff.json",
    "histories/16_restore_fork.json",
    "histories/25_stripe_missing.json",
    "histories/31_logs_during_long_full.json",
    "histories/36_bulk_logged.json",
];

/// Whatever can be read is planned on; every plan goes through the checker, whatever it says.
fn use_it(bytes: &[u8]) -> bool {
    match backup_history::parse(bytes) {
        Ok(file) => {
            let (history, _) = History::from_records(file.records);
            for database in history.iter() {
                let coverage = database.coverage(&Limits::default());
                let moments = coverage.windows.iter().flat_map(|w| [w.from, w.to]);
                let targets = moments.map(Target::At).chain([Target::Latest]);
                for target in targets {
                    if let Ok(plan) = plan(database, &RestoreRequest::to(target)) {
                        check(&plan, database);
                    }
                }
            }
            true
        }
        Err(error @ (HistoryFileError::Broken { .. } | HistoryFileError::NotText { .. })) => {
            let (HistoryFileError::Broken { line, column, .. }
            | HistoryFileError::NotText { line, column }) = error
            else {
                unreachable!("only these two come here");
            };
            let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            assert!(
                (1..=lines.len()).contains(&line),
                "line {line} of {}",
                lines.len()
            );
            let longest = lines.iter().map(|line| line.len()).max().unwrap_or(0);
            assert!(column <= longest + 1, "column {column} of {longest}");
            false
        }
        Err(HistoryFileError::OtherFormat { .. }) => false,
    }
}

#[test]
fn mutated_histories_give_an_answer_or_an_error() {
    let mut rng = Rng::with_seed(3);
    let (mut n_read, mut n_broken) = (0, 0);
    for name in SAMPLES {
        let good = fixture(name);
        for _ in 0..120 {
            let mut bytes = good.clone();
            for _ in 0..rng.usize(1..6) {
                let at = rng.usize(0..bytes.len());
                match rng.u8(0..4) {
                    // A digit for a digit keeps the file JSON and makes the rows odd.
                    0 | 1 => {
                        if let Some(byte) = bytes.iter_mut().skip(at).find(|b| b.is_ascii_digit()) {
                            *byte = b'0' + rng.u8(0..10);
                        }
                    }
                    2 => {
                        if let Some(byte) = bytes.get_mut(at) {
                            *byte = rng.u8(..);
                        }
                    }
                    _ => {
                        bytes.remove(at);
                    }
                }
            }
            if use_it(&bytes) {
                n_read += 1;
            } else {
                n_broken += 1;
            }
        }
    }
    assert!(
        n_read > 100 && n_broken > 100,
        "{n_read} read, {n_broken} broken"
    );
}

/// Bytes made from pieces of a history: brackets, members and values in any order.
#[test]
fn generated_bytes_give_an_answer_or_an_error_with_line_and_column() {
    let pieces: [&[u8]; 22] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\n",
        b"\"format\"",
        b"\"backup-history/1\"",
        b"\"backup_sets\"",
        b"\"restore_history\"",
        b"\"marks\"",
        b"\"server\"",
        b"\"type\"",
        b"\"D\"",
        b"\"first_lsn\"",
        b"\"99999\"",
        b"null",
        b"-1",
        b"1e9",
        b"\xff",
        b"\xe2\x82",
    ];
    let head = b"{\"format\": \"backup-history/1\", \"backup_sets\": [";
    let mut rng = Rng::with_seed(6);
    for n in 0..4000 {
        let mut bytes = if n % 2 == 0 {
            Vec::new()
        } else {
            head.to_vec()
        };
        for _ in 0..rng.usize(0..30) {
            bytes.extend_from_slice(rng.choice(&pieces).expect("one of them"));
        }
        use_it(&bytes);
    }
}

#[test]
fn random_bytes_give_an_error() {
    let mut rng = Rng::with_seed(4);
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..rng.usize(0..60)).map(|_| rng.u8(..)).collect();
        assert!(!use_it(&bytes));
    }
}

/// Members replaced by members of other types: the file is read, and what is odd is noted.
#[test]
fn values_of_other_types_count_as_unknown() {
    let text =
        String::from_utf8(fixture("histories/16_restore_fork.json")).expect("the sample is UTF-8");
    let mut rng = Rng::with_seed(5);
    let values = [
        "null",
        "[]",
        "{}",
        "true",
        "-1",
        "1e300",
        "\"\"",
        "\"x\"",
        "99999999999999999999999999",
    ];
    let members: Vec<usize> = text.match_indices("\": ").map(|(at, _)| at + 3).collect();
    for _ in 0..400 {
        let mut changed = text.clone();
        let at = members
            .get(rng.usize(1..members.len()))
            .copied()
            .expect("one of them");
        let rest = changed.get(at..).expect("within the text");
        if rest.starts_with(['[', '{']) {
            continue;
        }
        let end = rest
            .find([',', '}', '\n'])
            .map_or(changed.len(), |n| at + n);
        let value = values
            .get(rng.usize(0..values.len()))
            .copied()
            .expect("one of them");
        changed.replace_range(at..end, value);
        use_it(changed.as_bytes());
    }
}
