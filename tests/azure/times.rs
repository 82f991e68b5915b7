//! A marker is an instant; whatever zone it was typed in, Azure is told its UTC second.

use chrono_tz::Tz;
use stopat::{
    azure::{Home, NewDatabase, RestoreFrom, restore, utc_second},
    domain::UtcTime,
    state::{TypedTime, parse_time},
};

fn typed(text: &str) -> UtcTime {
    let near = stopat::domain::ServerTime("2026-11-22T00:00:00".parse().expect("a time"));
    match parse_time(text, near) {
        Ok(TypedTime::Instant(instant)) => instant,
        other => panic!("{text}: {other:?}"),
    }
}

fn sent(at: UtcTime) -> String {
    let home = Home::server("myRG", "myserver");
    let from = RestoreFrom::PointInTime {
        database: "OctopusAI".to_owned(),
        at,
    };
    let new = NewDatabase {
        name: "x".to_owned(),
        ..NewDatabase::default()
    };
    let command = restore(&home, &from, &new).expect("a server can");
    let args = command.args();
    let place = args
        .iter()
        .position(|arg| arg == "--time")
        .expect("a moment");
    args[place + 1].clone()
}

#[test]
fn a_marker_of_half_past_five_is_the_right_second() {
    assert_eq!(
        sent(typed("2026-11-22T08:28:12+05:30")),
        "2026-11-22T02:58:12Z"
    );
    // Over midnight, and in the half hour that other zones do not have.
    assert_eq!(
        sent(typed("2026-11-22T00:10:00+05:30")),
        "2026-11-21T18:40:00Z"
    );
}

#[test]
fn both_passes_of_the_repeated_hour_are_their_own_seconds() {
    // Berlin puts its clock back at 03:00 summer time on 25 October 2026.
    assert_eq!(
        sent(typed("2026-10-25T02:30:00+02:00")),
        "2026-10-25T00:30:00Z"
    );
    assert_eq!(
        sent(typed("2026-10-25T02:30:00+01:00")),
        "2026-10-25T01:30:00Z"
    );
}

#[test]
fn every_quarter_hour_over_a_change_keeps_its_second_in_every_zone() {
    let zones: [Tz; 4] = [
        chrono_tz::Asia::Kolkata,
        chrono_tz::Europe::Berlin,
        chrono_tz::Australia::Lord_Howe,
        chrono_tz::America::St_Johns,
    ];
    for begin in [
        "2026-03-28T20:00:00Z",
        "2026-10-24T20:00:00Z",
        "2026-04-04T10:00:00Z",
    ] {
        let begin: chrono::DateTime<chrono::Utc> = begin.parse().expect("a time");
        for quarter in 0..64 {
            let instant = begin + chrono::TimeDelta::minutes(15 * quarter);
            for zone in zones {
                let text = instant
                    .with_timezone(&zone)
                    .to_rfc3339_opts(chrono::SecondsFormat::Secs, false);
                assert_eq!(
                    sent(typed(&text)),
                    utc_second(UtcTime(instant)),
                    "{text} {zone}"
                );
            }
        }
    }
}
