//! How long Azure keeps its backups: short-term (any second within days) and long-term (single backups for years).
//!
//! <https://learn.microsoft.com/azure/azure-sql/database/automated-backups-overview#backup-retention>,
//! <https://learn.microsoft.com/azure/azure-sql/database/long-term-retention-overview>

use super::{
    answer::{Unreadable, text_of, value_of},
    command::{AzCommand, Effect},
    duration::{IsoDuration, IsoDurationError},
    home::{Home, HomeKind},
};
use crate::domain::UtcTime;
use chrono::TimeDelta;

/// How far back any second can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortTerm {
    pub days: u32,
    /// `None` where the service decides: Basic, Hyperscale and managed instances.
    pub differential: Option<Differential>,
}

/// How often a differential backup is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differential {
    Every12Hours,
    Every24Hours,
}

/// The service tier, as far as it bounds retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tier {
    Basic,
    Hyperscale,
    #[default]
    Other,
}

/// Which single backups are kept for how long; an interval that is off keeps none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LongTerm {
    pub weekly: IsoDuration,
    pub monthly: IsoDuration,
    pub yearly: IsoDuration,
    /// The week whose backup is the yearly one, 1 to 52; matters only while `yearly` is on.
    pub week_of_year: u32,
    /// Backups cannot be deleted before their time; such a policy is changed elsewhere, never from here.
    pub immutable: bool,
}

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interval {
    Weekly,
    Monthly,
    Yearly,
}

/// Why a retention cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetentionFault {
    #[error("short-term retention is {least} to {most} days here, not {days}")]
    Days { days: u32, least: u32, most: u32 },
    #[error("this tier has no differential interval to choose")]
    Differential,
    #[error("{interval:?} retention is {least} to {most}, or off; not {given}")]
    Range {
        interval: Interval,
        given: IsoDuration,
        least: IsoDuration,
        most: IsoDuration,
    },
    #[error("the week of the yearly backup is 1 to 52, not {0}")]
    Week(u32),
    #[error("the retention is not an ISO 8601 duration")]
    Text(#[from] IsoDurationError),
    #[error("the policy makes backups immutable")]
    Immutable,
}

impl Differential {
    pub fn hours(self) -> u32 {
        match self {
            Self::Every12Hours => 12,
            Self::Every24Hours => 24,
        }
    }

    fn from_hours(hours: i64) -> Option<Self> {
        match hours {
            12 => Some(Self::Every12Hours),
            24 => Some(Self::Every24Hours),
            _ => None,
        }
    }
}

impl Tier {
    /// From `edition` of an answer.
    pub fn from_edition(edition: &str) -> Self {
        if edition.eq_ignore_ascii_case("basic") {
            Self::Basic
        } else if edition.eq_ignore_ascii_case("hyperscale") {
            Self::Hyperscale
        } else {
            Self::Other
        }
    }

    /// The most days of short-term retention.
    pub fn most_days(self) -> u32 {
        match self {
            Self::Basic => 7,
            Self::Hyperscale | Self::Other => 35,
        }
    }

    /// Whether the differential interval can be chosen.
    pub fn has_differential_interval(self) -> bool {
        self == Self::Other
    }
}

impl ShortTerm {
    /// What keeps it from being set.
    pub fn fault(&self, tier: Tier) -> Option<RetentionFault> {
        let most = tier.most_days();
        if !(1..=most).contains(&self.days) {
            return Some(RetentionFault::Days {
                days: self.days,
                least: 1,
                most,
            });
        }
        (self.differential.is_some() && !tier.has_differential_interval())
            .then_some(RetentionFault::Differential)
    }

    /// The first moment that can be restored while it holds: an edge that moves with time.
    pub fn edge(&self, now: UtcTime) -> UtcTime {
        now.plus(-TimeDelta::days(i64::from(self.days)))
    }

    /// The moments that can be reached now and no longer after it is set; `None` when none are given up.
    pub fn gives_up(&self, earliest: UtcTime, now: UtcTime) -> Option<(UtcTime, UtcTime)> {
        let edge = self.edge(now);
        (edge > earliest).then_some((earliest, edge))
    }
}

impl Interval {
    pub const ALL: [Self; 3] = [Self::Weekly, Self::Monthly, Self::Yearly];

    /// What the service takes, the zero apart.
    pub fn range(self) -> (IsoDuration, IsoDuration) {
        match self {
            Self::Weekly => (IsoDuration::weeks(1), IsoDuration::weeks(520)),
            Self::Monthly => (IsoDuration::months(1), IsoDuration::months(120)),
            Self::Yearly => (IsoDuration::years(1), IsoDuration::years(10)),
        }
    }

    fn check(self, given: IsoDuration) -> Result<(), RetentionFault> {
        let (least, most) = self.range();
        let IsoDuration {
            years,
            months,
            weeks,
            days,
        } = given;
        // Of one unit alone the service's own bound counts; a mixture is measured in days.
        let short_enough = match (years, months, weeks, days) {
            (years, 0, 0, 0) => years <= 10,
            (0, months, 0, 0) => months <= 120,
            (0, 0, weeks, 0) => weeks <= 520,
            _ => given.about_days() <= 3650,
        };
        let long_enough = given.about_days() >= least.about_days();
        if given.is_off() || (short_enough && long_enough) {
            Ok(())
        } else {
            Err(RetentionFault::Range {
                interval: self,
                given,
                least,
                most,
            })
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Weekly => "--weekly-retention",
            Self::Monthly => "--monthly-retention",
            Self::Yearly => "--yearly-retention",
        }
    }

    /// Zero, in the unit that the documentation uses for it.
    fn off(self) -> &'static str {
        match self {
            Self::Weekly => "P0W",
            Self::Monthly => "P0M",
            Self::Yearly => "P0Y",
        }
    }
}

impl LongTerm {
    /// What the owners of Octopus ask for: four weeks, twelve months, five years, the yearly one of week 1.
    pub const OCTOPUS: Self = Self {
        weekly: IsoDuration::weeks(4),
        monthly: IsoDuration::months(12),
        yearly: IsoDuration::years(5),
        week_of_year: 1,
        immutable: false,
    };

    pub fn of(&self, interval: Interval) -> IsoDuration {
        match interval {
            Interval::Weekly => self.weekly,
            Interval::Monthly => self.monthly,
            Interval::Yearly => self.yearly,
        }
    }

    pub fn is_off(&self) -> bool {
        Interval::ALL.iter().all(|i| self.of(*i).is_off())
    }

    /// What keeps it from being set.
    pub fn fault(&self) -> Option<RetentionFault> {
        if self.immutable {
            return Some(RetentionFault::Immutable);
        }
        let range = Interval::ALL
            .iter()
            .find_map(|interval| interval.check(self.of(*interval)).err());
        if range.is_some() {
            return range;
        }
        (!self.yearly.is_off() && !(1..=52).contains(&self.week_of_year))
            .then_some(RetentionFault::Week(self.week_of_year))
    }

    /// The intervals that keep less than in `before`: their backups go when they are older than the new retention.
    pub fn shortens(&self, before: &Self) -> Vec<Interval> {
        Interval::ALL
            .into_iter()
            .filter(|i| self.of(*i).about_days() < before.of(*i).about_days())
            .collect()
    }
}

fn group(home: &Home, short: bool) -> &'static str {
    match (home.kind, short) {
        (HomeKind::Server, true) => "str-policy",
        (HomeKind::ManagedInstance, true) => "short-term-retention-policy",
        (HomeKind::Server | HomeKind::ManagedInstance, false) => "ltr-policy",
    }
}

/// Reads the short-term retention.
pub fn show_short_term(home: &Home, database: &str) -> AzCommand {
    let mut command = home.command(&[group(home, true), "show"]);
    command.option("--name", database);
    home.finish(command)
}

/// Sets the short-term retention; whether the service's ranges hold is `ShortTerm::fault`'s to say, before.
pub fn set_short_term(home: &Home, database: &str, policy: &ShortTerm) -> AzCommand {
    let mut command = home
        .command(&[group(home, true), "set"])
        .with_effect(Effect::Retain);
    command.option("--name", database);
    command.option("--retention-days", &policy.days.to_string());
    if let (HomeKind::Server, Some(differential)) = (home.kind, policy.differential) {
        command.option("--diffbackup-hours", &differential.hours().to_string());
    }
    home.finish(command)
}

/// Reads the long-term retention.
pub fn show_long_term(home: &Home, database: &str) -> AzCommand {
    let mut command = home.command(&[group(home, false), "show"]);
    command.option("--name", database);
    home.finish(command)
}

/// Sets the long-term retention: always all three intervals, because what is left out would be switched off.
///
/// Octopus' own page and many others write `--database` here; azure-cli ends that with "unrecognized arguments".
pub fn set_long_term(home: &Home, database: &str, policy: &LongTerm) -> AzCommand {
    long_term_command(home, "--name", database, policy)
}

fn long_term_command(home: &Home, name: &str, database: &str, policy: &LongTerm) -> AzCommand {
    let mut command = home
        .command(&[group(home, false), "set"])
        .with_effect(Effect::Retain);
    command.option(name, database);
    for interval in Interval::ALL {
        let retention = policy.of(interval);
        if retention.is_off() {
            command.option(interval.option(), interval.off());
        } else {
            command.option(interval.option(), &retention.to_string());
        }
    }
    // azure-cli wants the week beside a yearly retention even when that is off.
    let week = if policy.yearly.is_off() {
        1
    } else {
        policy.week_of_year
    };
    command.option("--week-of-year", &week.to_string());
    home.finish(command)
}

/// Reads the answer of `show_short_term`.
pub fn parse_short_term(json: &str) -> Result<ShortTerm, Unreadable> {
    let value = value_of(json)?;
    let days = value
        .get("retentionDays")
        .and_then(serde_json::Value::as_u64)
        .and_then(|days| u32::try_from(days).ok())
        .ok_or(Unreadable::Field("retentionDays"))?;
    let differential = value
        .get("diffBackupIntervalInHours")
        .and_then(serde_json::Value::as_i64)
        .and_then(Differential::from_hours);
    Ok(ShortTerm { days, differential })
}

/// Reads the answer of `show_long_term`.
pub fn parse_long_term(json: &str) -> Result<LongTerm, Unreadable> {
    let value = value_of(json)?;
    let duration = |name: &'static str| match text_of(&value, name) {
        None => Ok(IsoDuration::OFF),
        Some(text) => text
            .parse()
            .map_err(|_why: IsoDurationError| Unreadable::Field(name)),
    };
    Ok(LongTerm {
        weekly: duration("weeklyRetention")?,
        monthly: duration("monthlyRetention")?,
        yearly: duration("yearlyRetention")?,
        week_of_year: value
            .get("weekOfYear")
            .and_then(serde_json::Value::as_u64)
            .and_then(|week| u32::try_from(week).ok())
            .unwrap_or_default(),
        immutable: text_of(&value, "timeBasedImmutability")
            .is_some_and(|state| state.eq_ignore_ascii_case("enabled"))
            || value
                .get("makeBackupsImmutable")
                .and_then(serde_json::Value::as_bool)
                == Some(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeZone as _, Utc};

    fn at(day: u32) -> UtcTime {
        UtcTime(
            Utc.with_ymd_and_hms(2026, 11, day, 12, 0, 0)
                .single()
                .expect("a real time"),
        )
    }

    #[test]
    fn the_octopus_preset_is_the_documented_line_in_a_spelling_that_az_takes() {
        let home = Home::server("myRG", "myserver");
        let rest = "--weekly-retention P4W --monthly-retention P12M --yearly-retention P5Y --week-of-year 1";
        let documented = long_term_command(&home, "--database", "OctopusAI", &LongTerm::OCTOPUS);
        assert_eq!(
            documented.line(),
            format!(
                "az sql db ltr-policy set --resource-group myRG --server myserver --database OctopusAI {rest}"
            )
        );
        // azure-cli 2.91 calls the same option by another name.
        assert_eq!(
            set_long_term(&home, "OctopusAI", &LongTerm::OCTOPUS).line(),
            format!(
                "az sql db ltr-policy set --resource-group myRG --server myserver --name OctopusAI {rest}"
            )
        );
    }

    #[test]
    fn ranges_are_the_services() {
        let with = |interval, given| {
            let mut policy = LongTerm::OCTOPUS;
            match interval {
                Interval::Weekly => policy.weekly = given,
                Interval::Monthly => policy.monthly = given,
                Interval::Yearly => policy.yearly = given,
            }
            policy.fault()
        };
        for interval in Interval::ALL {
            let (least, most) = interval.range();
            for good in [IsoDuration::OFF, least, most] {
                assert_eq!(with(interval, good), None, "{interval:?} {good}");
            }
        }
        for (interval, bad) in [
            (Interval::Weekly, IsoDuration::weeks(521)),
            (
                Interval::Weekly,
                IsoDuration {
                    days: 6,
                    ..IsoDuration::OFF
                },
            ),
            (Interval::Monthly, IsoDuration::months(121)),
            (Interval::Monthly, IsoDuration::weeks(1)),
            (Interval::Yearly, IsoDuration::years(11)),
            (Interval::Yearly, IsoDuration::months(6)),
        ] {
            assert!(
                matches!(with(interval, bad), Some(RetentionFault::Range { .. })),
                "{interval:?} {bad}"
            );
        }
        let week = |week_of_year| {
            LongTerm {
                week_of_year,
                ..LongTerm::OCTOPUS
            }
            .fault()
        };
        assert_eq!(week(0), Some(RetentionFault::Week(0)));
        assert_eq!(week(52), None);
        assert_eq!(week(53), Some(RetentionFault::Week(53)));
    }

    #[test]
    fn days_are_bounded_by_the_tier() {
        let days = |days, tier| {
            ShortTerm {
                days,
                differential: None,
            }
            .fault(tier)
        };
        assert_eq!(days(35, Tier::Other), None);
        assert!(days(36, Tier::Other).is_some());
        assert!(days(0, Tier::Other).is_some());
        assert_eq!(days(7, Tier::Basic), None);
        assert!(days(8, Tier::Basic).is_some());
        let twelve = ShortTerm {
            days: 7,
            differential: Some(Differential::Every12Hours),
        };
        assert_eq!(twelve.fault(Tier::Other), None);
        assert_eq!(
            twelve.fault(Tier::Hyperscale),
            Some(RetentionFault::Differential)
        );
    }

    #[test]
    fn a_shorter_retention_says_what_is_given_up() {
        let three = ShortTerm {
            days: 3,
            differential: None,
        };
        assert_eq!(three.gives_up(at(10), at(20)), Some((at(10), at(17))));
        // Nothing older than three days is there yet.
        assert_eq!(three.gives_up(at(18), at(20)), None);
        let less = LongTerm {
            monthly: IsoDuration::OFF,
            ..LongTerm::OCTOPUS
        };
        assert_eq!(less.shortens(&LongTerm::OCTOPUS), [Interval::Monthly]);
        assert!(LongTerm::OCTOPUS.shortens(&less).is_empty());
    }

    #[test]
    fn policies_as_azure_answers_them() {
        assert_eq!(
            parse_short_term(
                r#"{"retentionDays": 7, "diffBackupIntervalInHours": 12, "name": "default"}"#
            ),
            Ok(ShortTerm {
                days: 7,
                differential: Some(Differential::Every12Hours)
            })
        );
        assert_eq!(
            parse_long_term(
                r#"{"weeklyRetention": "P4W", "monthlyRetention": "P12M", "yearlyRetention": "P5Y", "weekOfYear": 1}"#
            ),
            Ok(LongTerm::OCTOPUS)
        );
        let off = parse_long_term(r#"{"weeklyRetention": "PT0S", "monthlyRetention": "PT0S", "yearlyRetention": "PT0S", "weekOfYear": 0, "timeBasedImmutability": "Disabled"}"#)
            .expect("readable");
        assert!(off.is_off() && !off.immutable);
        assert_eq!(off.fault(), None);
        assert!(parse_short_term("{}").is_err());
        assert!(parse_long_term(r#"{"weeklyRetention": "often"}"#).is_err());
    }
}
