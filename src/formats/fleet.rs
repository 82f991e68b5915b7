//! `fleet/1`: the databases of all servers as CSV and as JSON.

use crate::run::FleetRow;
use serde_json::json;

/// The format that this program writes.
pub const FORMAT: &str = "fleet/1";

/// The rows as JSON.
pub fn to_json(rows: &[FleetRow]) -> String {
    format!("{:#}\n", json!({ "format": FORMAT, "rows": rows }))
}

/// The rows as CSV (RFC 4180), with a line of headings.
pub fn to_csv(rows: &[FleetRow]) -> String {
    let mut text = String::from(
        "server,database,state,recovery_model,size_bytes,newest,loss_seconds,status,problem\r\n",
    );
    for row in rows {
        let FleetRow {
            server,
            database,
            state,
            recovery_model,
            size_bytes,
            newest,
            loss_seconds,
            status,
            problem,
        } = row;
        let number = |value: Option<String>| value.unwrap_or_default();
        let cells = [
            quoted(server),
            quoted(database.as_deref().unwrap_or_default()),
            quoted(state.as_deref().unwrap_or_default()),
            quoted(recovery_model.as_deref().unwrap_or_default()),
            number(size_bytes.map(|bytes| bytes.to_string())),
            quoted(newest.as_deref().unwrap_or_default()),
            number(loss_seconds.map(|seconds| format!("{seconds:.0}"))),
            quoted(status),
            quoted(problem.as_deref().unwrap_or_default()),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// In quotes where the text needs them. What a spreadsheet would take for a formula is kept a text.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_in_their_cell() {
        let row = FleetRow {
            server: "a,\"b\"".to_owned(),
            database: Some("=cmd|' /C calc'!A0".to_owned()),
            status: "met",
            ..FleetRow::default()
        };
        let csv = to_csv(&[row]);
        let line = csv.lines().nth(1).expect("a row");
        assert_eq!(line, "\"a,\"\"b\"\"\",'=cmd|' /C calc'!A0,,,,,,met,");
    }
}
