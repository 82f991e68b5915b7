//! Every sample history through the whole program.

use crate::program::{Program, history};
use serde_json::Value;

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The details are judged in `tests/domain`; here it counts that they come out of the program.
#[test]
fn every_sample_is_answered_with_its_sets_or_its_reason() {
    let text = std::fs::read(history("expectations.json")).expect("readable");
    let cases: Vec<Value> = serde_json::from_slice(&text).expect("JSON");
    assert!(cases.len() > 40);
    let program = Program::new();
    for case in &cases {
        let word = |name: &str| case[name].as_str().expect("a text");
        let file = history(word("file"));
        let mut args = vec!["plan", "--history", &file, "--json"];
        args.extend(["--database", word("database")]);
        match word("target") {
            "latest" => args.push("--latest"),
            target => args.extend(["--to", target]),
        }
        for (option, argument) in [
            ("ignore_diffs", "--no-differentials"),
            ("ignore_logs", "--no-logs"),
        ] {
            if case["options"][option] == true {
                args.push(argument);
            }
        }
        let answer = program.run(&args);
        let id = word("id");
        let expect = &case["expect"];
        let reachable = expect["reachable"] == true;
        assert_eq!(
            answer.exit,
            if reachable { 0 } else { 3 },
            "{id}: {answer:?}"
        );
        let plan = answer.json();
        assert_eq!(plan["format"], "restore-plan/1");
        assert_eq!(plan["reachable"], reachable, "{id}");
        if reachable {
            let sets: Vec<&str> = plan["sets"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|set| set["backup_set_uuid"].as_str())
                .collect();
            let also_right = expect["acceptable"].as_array().into_iter().flatten();
            let right = std::iter::once(&expect["sets"]).chain(also_right);
            assert!(
                right.into_iter().any(|wanted| {
                    let wanted = wanted.get("sets").unwrap_or(wanted);
                    strings(wanted) == sets
                }),
                "{id}: {sets:?}"
            );
        } else {
            let reasons: Vec<&str> = expect["reason"]
                .as_str()
                .into_iter()
                .chain(strings(&expect["reason_also_ok"]))
                .collect();
            let kind = plan["reason"]["kind"].as_str().unwrap_or_default();
            assert!(reasons.contains(&kind), "{id}: {kind}, not {reasons:?}");
        }
    }
}
