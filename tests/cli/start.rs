//! How the program starts, what it refuses, and where it keeps things.

use crate::program::Program;

#[test]
fn help_and_version_go_to_standard_output() {
    let program = Program::new();
    let help = program.run(&["--help"]);
    help.exits(0);
    for command in ["demo", "history", "plan"] {
        assert!(help.stdout.contains(command), "{command}");
    }
    let version = program.run(&["--version"]);
    version.exits(0);
    assert_eq!(
        version.stdout.trim(),
        format!("stopat {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_usage_is_two_and_says_so_on_standard_error() {
    let program = Program::new();
    for args in [
        &["--nothing"][..],
        &["plan"],
        &["plan", "--database", "Sales", "--latest"],
        &[
            "--workspace",
            "a/b",
            "history",
            "--server",
            "x",
            "--database",
            "y",
        ],
    ] {
        let answer = program.run(args);
        answer.exits(2);
        assert_eq!(answer.stdout, "", "{args:?}");
        assert!(!answer.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_four() {
    // Port 1 of the own machine: nobody listens there, and the refusal comes at once.
    let answer = Program::new().run(&[
        "history",
        "--server",
        "127.0.0.1,1",
        "--user",
        "sa",
        "--database",
        "Sales",
    ]);
    answer.exits(4);
    assert_eq!(answer.stdout, "");
    assert!(!answer.stderr.contains("not-the-password"));
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_display_the_window_points_at_the_command_line() {
    let program = Program::new();
    let answer = program.run(&[]);
    answer.exits(1);
    assert!(answer.stderr.contains("stopat --help"), "{answer:?}");
}

#[test]
fn an_unreadable_profile_file_is_kept_aside_and_said() {
    let program = Program::new();
    let folder = program.data().join("workspaces").join("default");
    std::fs::create_dir_all(&folder).expect("writable");
    std::fs::write(folder.join("profiles.ron"), "((((").expect("writable");
    let answer = program.run(&[
        "history",
        "--server",
        "127.0.0.1,1",
        "--user",
        "sa",
        "--database",
        "Sales",
    ]);
    assert!(answer.stderr.contains("profiles.ron"), "{answer:?}");
    let kept = std::fs::read_to_string(folder.join("profiles.aside-1.ron"));
    assert_eq!(kept.expect("kept aside"), "((((");
}

#[test]
fn a_timer_that_is_only_shown_names_its_files_by_full_paths() {
    let program = Program::new();
    let shown = program.run(&[
        "drill",
        "--server",
        "practice",
        "--database",
        "Shop",
        "--timer",
        "03:00",
        "--os",
        "systemd",
    ]);
    assert_eq!(shown.exit, 0, "{}", shown.stderr);
    let link = shown
        .stdout
        .lines()
        .find(|line| line.starts_with("systemctl --user link"))
        .expect("how it is registered");
    let here = program.folder.path().display().to_string();
    assert!(link.contains(&here), "{link}");
    assert!(
        shown.stdout.contains("nothing is written yet"),
        "{}",
        shown.stdout
    );
}
