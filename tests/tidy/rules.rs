//! The dependency table of the design, as data.

/// A folder of `src` in reading order, and the folders that it may use besides itself and `domain`.
pub struct Row {
    pub folder: &'static str,
    pub may_use: &'static [&'static str],
}

const fn row(folder: &'static str, may_use: &'static [&'static str]) -> Row {
    Row { folder, may_use }
}

pub const TABLE: &[Row] = &[
    row("domain", &[]),
    row("settings", &[]),
    row("tsql", &[]),
    row("bakfile", &[]),
    row("azure", &[]),
    row("practice", &[]),
    row("server", &["tsql", "settings"]),
    row("run", &["tsql", "azure", "settings", "server"]),
    row(
        "explain",
        &[
            "settings", "tsql", "bakfile", "azure", "practice", "server", "run",
        ],
    ),
    row("formats", &["bakfile", "run", "explain"]),
    row(
        "worker",
        &[
            "settings", "tsql", "bakfile", "azure", "practice", "server", "run", "explain",
            "formats",
        ],
    ),
    row(
        "state",
        &["explain", "tsql", "run", "azure", "settings", "worker"],
    ),
    row(
        "ui",
        &[
            "state", "explain", "tsql", "run", "azure", "settings", "worker",
        ],
    ),
    row("app", &["ui", "state", "worker", "settings"]),
    row(
        "cli",
        &[
            "settings", "tsql", "bakfile", "azure", "practice", "server", "run", "explain",
            "formats", "worker",
        ],
    ),
    row("main", &["app", "cli", "settings"]),
    row("lib", &[]),
];

/// Parts of a folder that one of its users may not touch: the row of the table names only the others.
pub struct Part {
    pub user: &'static str,
    pub folder: &'static str,
    pub items: Items,
    pub why: &'static str,
}

pub enum Items {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

pub const PARTS: &[Part] = &[
    Part {
        user: "practice",
        folder: "domain",
        items: Items::Only(&["Lsn", "LsnError", "ServerTime", "UtcTime", "UtcOffset"]),
        why: "the practice server uses only LSNs, times and ids of the domain, never the planner",
    },
    Part {
        user: "run",
        folder: "server",
        items: Items::AllBut(&["SqlServer"]),
        why: "runs meet the gateway through its trait",
    },
    Part {
        user: "state",
        folder: "worker",
        items: Items::AllBut(&["Worker", "WorkerHandle", "WorkerError"]),
        why: "the state knows the worker's messages, not the worker",
    },
    Part {
        user: "ui",
        folder: "worker",
        items: Items::AllBut(&["Worker", "WorkerHandle", "WorkerError"]),
        why: "views return actions and never reach the worker",
    },
];

/// Which folders may name a foreign crate; `None` is all of them. Every dependency has a line.
pub const CRATES: &[(&str, Option<&[&str]>)] = &[
    ("anyhow", Some(&["cli", "app", "main"])),
    ("aws-lc-rs", Some(&[])),
    (
        "atomic-write-file",
        Some(&["settings", "run", "practice", "cli"]),
    ),
    ("chrono", None),
    ("chrono-tz", Some(&["domain", "practice", "cli", "worker"])),
    ("clap", Some(&["cli", "main"])),
    ("crc32fast", Some(&["practice", "bakfile"])),
    ("directories", Some(&["settings"])),
    ("eframe", Some(&["app"])),
    ("egui", Some(&["ui", "app"])),
    ("egui_extras", Some(&["ui", "app"])),
    ("fastrand", Some(&["practice", "run", "worker", "cli"])),
    (
        "futures-util",
        Some(&["practice", "server", "run", "worker", "cli"]),
    ),
    ("getrandom", Some(&["practice", "run", "worker"])),
    ("keyring", Some(&["settings"])),
    ("lz4_flex", Some(&["practice", "bakfile"])),
    ("rcgen", Some(&["practice"])),
    ("rfd", Some(&["app", "ui"])),
    ("ron", Some(&["settings"])),
    ("rusqlite", Some(&["practice"])),
    (
        "secrecy",
        Some(&[
            "practice", "settings", "azure", "server", "run", "worker", "state", "app", "cli",
        ]),
    ),
    ("serde", None),
    (
        "serde_json",
        Some(&["practice", "run", "formats", "cli", "azure", "worker"]),
    ),
    ("sha2", Some(&["practice", "server", "run", "bakfile"])),
    ("socket2", Some(&["server"])),
    ("sqlparser", Some(&["practice"])),
    ("thiserror", None),
    ("tiberius", Some(&["server"])),
    (
        "tokio",
        Some(&["practice", "server", "run", "worker", "azure", "cli"]),
    ),
    ("tokio-rustls", Some(&["practice", "server"])),
    (
        "tokio-util",
        Some(&["practice", "server", "run", "worker", "azure", "cli"]),
    ),
    (
        "tracing",
        Some(&[
            "settings", "practice", "server", "run", "worker", "azure", "app", "cli", "main",
        ]),
    ),
    ("tracing-appender", Some(&["settings"])),
    ("tracing-subscriber", Some(&["settings"])),
    ("uuid", None),
];

/// Parts of the standard library that only some folders may name; `domain` is pure.
pub struct StandardRule {
    /// As `std::env`.
    pub path: &'static [&'static str],
    pub allowed: fn(folder: &str) -> bool,
    pub why: &'static str,
}

pub const STANDARD: &[StandardRule] = &[
    StandardRule {
        path: &["std", "env"],
        allowed: |folder| matches!(folder, "main" | "cli" | "app"),
        why: "only the front ends read the environment",
    },
    StandardRule {
        path: &["std", "fs"],
        allowed: |folder| !matches!(folder, "domain" | "tsql" | "state" | "ui" | "explain"),
        why: "no files here",
    },
    StandardRule {
        path: &["std", "net"],
        allowed: |folder| {
            matches!(
                folder,
                "practice" | "server" | "worker" | "cli" | "settings"
            )
        },
        why: "no network here",
    },
    StandardRule {
        path: &["std", "process"],
        allowed: |folder| !matches!(folder, "domain" | "tsql" | "state" | "ui" | "explain"),
        why: "no processes here",
    },
    StandardRule {
        path: &["std", "thread"],
        allowed: |folder| !matches!(folder, "domain" | "tsql" | "state" | "ui" | "explain"),
        why: "no threads here",
    },
];

/// Ends of paths that read a clock, and the folders that may: elsewhere now is an argument.
pub const CLOCKS: &[[&str; 2]] = &[
    ["Utc", "now"],
    ["Local", "now"],
    ["SystemTime", "now"],
    ["Instant", "now"],
];

/// See [`CLOCKS`].
pub fn may_read_clocks(folder: &str) -> bool {
    !matches!(
        folder,
        "domain" | "tsql" | "settings" | "explain" | "formats" | "state" | "ui"
    )
}

/// Arrows that are against the table today, each with what has to happen. The test fails when one is no longer needed.
pub const OWED: &[(&str, &str, &str)] = &[];
