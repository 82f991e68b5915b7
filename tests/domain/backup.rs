//! Names of backup files hold any database's name and give it back.

use proptest::prelude::*;
use stopat::domain::{
    BackupKind, FileTemplate, MAX_FILE_NAME, ServerTime, escape_file_name, unescape_file_name,
};

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        // Every character, most of them harmless.
        proptest::collection::vec(any::<char>(), 1..128)
            .prop_map(|chars| chars.into_iter().collect::<String>()),
        // Those that files cannot hold, and the escape sign itself.
        "[%\\\\/:*?\"<>|. 0-9A-F\r\n\t]{1,40}",
    ]
}

proptest! {
    #[test]
    fn a_name_comes_back_from_its_file_name(name in any_name()) {
        let escaped = escape_file_name(&name);
        prop_assert_eq!(unescape_file_name(&escaped), Some(name));
        prop_assert!(!escaped.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|', '\n', '\r', '\0']));
        prop_assert!(!escaped.ends_with(['.', ' ']) && !escaped.starts_with(['.', ' ']));
    }

    #[test]
    fn two_names_never_share_a_file(one in any_name(), other in any_name()) {
        prop_assume!(one != other);
        prop_assert_ne!(escape_file_name(&one), escape_file_name(&other));
    }

    #[test]
    fn what_was_not_escaped_by_us_is_no_name(text in any_name()) {
        if let Some(name) = unescape_file_name(&text) {
            prop_assert_eq!(escape_file_name(&name), text);
        }
    }

    #[test]
    fn usual_names_fit(name in "[A-Za-z0-9_ $-]{1,60}") {
        let at = ServerTime("2026-11-22T06:00:05".parse().expect("a time"));
        let file = FileTemplate::default().file_name(&name, BackupKind::Log, at, Some((12, 64)));
        prop_assert!(file.len() <= MAX_FILE_NAME);
    }
}
