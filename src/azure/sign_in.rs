//! Who is signed in at `az`, which servers there are, and a token for the database.

use super::{
    answer::{Unreadable, text_of, value_of},
    command::AzCommand,
};
use crate::domain::UtcTime;
use chrono::{DateTime, TimeDelta};
use secrecy::SecretString;

/// A token of Microsoft Entra for SQL. It is kept in memory and nowhere else, and never prints itself.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub token: SecretString,
    pub expires: UtcTime,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// As `me@example.org`, or the id of a service principal.
    pub user: String,
    pub subscription: String,
    pub subscription_name: String,
    pub tenant: Option<String>,
}

/// What a token for Azure SQL is asked for.
const RESOURCE: &str = "https://database.windows.net/";

/// A token that ends sooner is renewed first: a connection takes its time.
const RENEW_BEFORE_SECS: i64 = 300;

impl AccessToken {
    /// Whether it will do for a connection that is opened now.
    pub fn is_fresh(&self, now: UtcTime) -> bool {
        now.plus(TimeDelta::seconds(RENEW_BEFORE_SECS)) < self.expires
    }
}

/// Who is signed in, and which subscription is chosen.
pub fn account() -> AzCommand {
    AzCommand::new(&["account", "show"])
}

/// A token for the tenant of a subscription; of the chosen one when none is named.
pub fn access_token(subscription: Option<&str>) -> AzCommand {
    let mut command = AzCommand::new(&["account", "get-access-token"]);
    command.option("--resource", RESOURCE);
    if let Some(subscription) = subscription {
        command.option("--subscription", subscription);
    }
    command.secret = true;
    command
}

/// All logical servers of a subscription.
pub fn list_servers(subscription: Option<&str>) -> AzCommand {
    list(&["sql", "server", "list"], subscription)
}

/// All managed instances of a subscription.
pub fn list_instances(subscription: Option<&str>) -> AzCommand {
    list(&["sql", "mi", "list"], subscription)
}

fn list(words: &[&str], subscription: Option<&str>) -> AzCommand {
    let mut command = AzCommand::new(words);
    if let Some(subscription) = subscription {
        command.option("--subscription", subscription);
    }
    command
}

/// Reads `az account show`.
pub fn parse_account(json: &str) -> Result<Account, Unreadable> {
    let value = value_of(json)?;
    Ok(Account {
        user: value
            .get("user")
            .and_then(|user| text_of(user, "name"))
            .unwrap_or_default(),
        subscription: text_of(&value, "id").ok_or(Unreadable::Field("id"))?,
        subscription_name: text_of(&value, "name").unwrap_or_default(),
        tenant: text_of(&value, "tenantId"),
    })
}

/// Reads `az account get-access-token`.
///
/// `expires_on` is an instant; the older `expiresOn` is the wall clock of this machine, which says nothing in the hour that occurs twice.
pub fn parse_access_token(json: &str) -> Result<AccessToken, Unreadable> {
    // The text of the error would hold the token, so what is wrong with the JSON is not told.
    let value =
        value_of(json).map_err(|_told_nowhere| Unreadable::Json("it is not shown".to_owned()))?;
    let token = text_of(&value, "accessToken").ok_or(Unreadable::Field("accessToken"))?;
    let expires = value
        .get("expires_on")
        .and_then(|seconds| {
            seconds
                .as_i64()
                .or_else(|| seconds.as_str().and_then(|text| text.parse().ok()))
        })
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or(Unreadable::Field("expires_on"))?;
    Ok(AccessToken {
        token: token.into(),
        expires: UtcTime(expires),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_runs_out_and_never_printed() {
        let token = parse_access_token(
            r#"{"accessToken": "eyJ0.secret", "expiresOn": "2026-11-22 09:00:00.000000", "expires_on": 1795334400, "tokenType": "Bearer"}"#,
        )
        .expect("readable");
        let at = |before: i64| {
            UtcTime(DateTime::from_timestamp(1_795_334_400 - before, 0).expect("a real time"))
        };
        assert!(token.is_fresh(at(301)));
        assert!(!token.is_fresh(at(300)));
        assert!(!format!("{token:?}").contains("secret"));
    }

    #[test]
    fn an_unreadable_token_is_not_shown() {
        let error = parse_access_token(r#"{"accessToken": "eyJ0.secret""#).expect_err("no JSON");
        assert!(!error.to_string().contains("secret"));
        assert!(
            parse_access_token(r#"{"accessToken": "x", "expiresOn": "2026-11-22 09:00:00"}"#)
                .is_err()
        );
    }
}
