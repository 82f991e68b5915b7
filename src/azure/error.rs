//! Why a call of `az` did not do what it was asked, judged by its exit code and the code that Azure put into its answer.
//!
//! azure-cli has no other channel than its error output: `ERROR: (TooManyRequests) …`, or `Code: TooManyRequests`.
//! The code is what is judged; the sentence around it is shown.

use super::{
    answer::Unreadable,
    command::{Effect, ValueFault},
    program::AzVersion,
};
/// The oldest `az` that will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest(pub AzVersion);

/// Why a call failed. `said` is what `az` wrote, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AzError {
    /// There is no such program.
    #[error("az is not there")]
    NotInstalled { looked_for: String },
    /// It is there and cannot be started.
    #[error("az cannot be started")]
    NotStarted { program: String, reason: String },
    #[error("az {found} is older than {}", oldest.0)]
    TooOld { found: AzVersion, oldest: Oldest },
    /// Nobody is signed in.
    #[error("nobody is signed in at az")]
    SignedOut { said: String },
    /// Signing in again needs a person and a browser: a second factor, a password that changed, a rule of the tenant.
    #[error("the sign-in of az needs a browser")]
    NeedsBrowser { said: String },
    /// The signed-in user may not do this.
    #[error("Azure does not permit this")]
    Forbidden { said: String },
    /// The resource is not there.
    #[error("Azure knows no such resource")]
    Missing { said: String },
    /// Something else is being done with the resource.
    #[error("Azure is busy with the resource")]
    Conflict { said: String },
    /// Too many calls in a short time.
    #[error("Azure asks to wait")]
    Throttled { said: String },
    /// Azure was not reached.
    #[error("Azure cannot be reached")]
    NoNetwork { said: String },
    /// No answer within the time of one call.
    #[error("az took longer than {limit_secs} s")]
    TimedOut { limit_secs: u64 },
    /// The user cancelled, and the program was ended.
    #[error("cancelled")]
    Cancelled,
    /// The program ended without an exit code: something killed it.
    #[error("az was killed")]
    Killed { how: String },
    /// The program does not know the command line: it is too old, or we are wrong.
    #[error("az does not take the arguments")]
    Arguments { said: String },
    /// The answer is not what this version of `az` is known to answer.
    #[error("the answer of az cannot be read")]
    Answer(#[from] Unreadable),
    /// A value that must not be handed to `az`.
    #[error("a value cannot be handed to az")]
    Value(ValueFault),
    /// The profile says that stopat does not go this far here.
    #[error("the profile allows no more than {allowed:?}")]
    NotAllowed { allowed: Effect, needed: Effect },
    /// Azure refused, with this code where it gave one.
    #[error("Azure refused")]
    Refused { code: Option<String>, said: String },
}

impl AzError {
    /// Whether asking again later may help, without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. }
                | Self::Conflict { .. }
                | Self::NoNetwork { .. }
                | Self::TimedOut { .. }
                | Self::Killed { .. }
        )
    }

    /// Whether nobody knows if Azure took the order: the call ended before its answer came.
    pub fn leaves_doubt(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { .. }
                | Self::Killed { .. }
                | Self::Cancelled
                | Self::NoNetwork { .. }
                | Self::Answer(_)
        )
    }

    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// What `az` wrote, line by line.
    pub fn said(&self) -> &str {
        match self {
            Self::SignedOut { said }
            | Self::NeedsBrowser { said }
            | Self::Forbidden { said }
            | Self::Missing { said }
            | Self::Conflict { said }
            | Self::Throttled { said }
            | Self::NoNetwork { said }
            | Self::Arguments { said }
            | Self::Refused { said, .. } => said,
            _ => "",
        }
    }
}

/// The exit code for arguments that `az` does not know.
const BAD_ARGUMENTS: i32 = 2;
/// The exit code for a resource that is not there.
const NOT_THERE: i32 = 3;

/// Codes of Microsoft Entra for a sign-in that only a person can renew: a second factor, an expired or revoked
/// session, a rule of the tenant.
const INTERACTION: [&str; 13] = [
    "AADSTS16000",
    "AADSTS50055",
    "AADSTS50076",
    "AADSTS50078",
    "AADSTS50079",
    "AADSTS50158",
    "AADSTS50173",
    "AADSTS53000",
    "AADSTS53003",
    "AADSTS65001",
    "AADSTS70043",
    "AADSTS700082",
    "AADSTS700084",
];

/// Judges a call that ended with an error.
pub(super) fn judge(exit_code: i32, stderr: &str) -> AzError {
    let said = without_secrets(stderr);
    let code = code_in(&said);
    if INTERACTION.iter().any(|known| said.contains(known)) {
        return AzError::NeedsBrowser { said };
    }
    if exit_code == BAD_ARGUMENTS {
        return AzError::Arguments { said };
    }
    match code.as_deref() {
        Some("AuthorizationFailed" | "LinkedAuthorizationFailed" | "Forbidden") => {
            AzError::Forbidden { said }
        }
        Some(
            "ResourceNotFound"
            | "ResourceGroupNotFound"
            | "ParentResourceNotFound"
            | "NotFound"
            | "SubscriptionNotFound"
            | "InvalidResourceId",
        ) => AzError::Missing { said },
        Some(
            "Conflict"
            | "ConflictingDatabaseOperation"
            | "ConflictingServerOperation"
            | "OperationInProgress"
            | "ResourceBusy"
            | "ServerBusy"
            | "ConflictRequest"
            | "ExternalGovernanceIsUpdatingOtherPrincipals",
        ) => AzError::Conflict { said },
        Some(
            "TooManyRequests"
            | "SubscriptionRequestsThrottled"
            | "SubscriptionTooManyRequests"
            | "SubscriptionTooManyCreateUpdateRequests"
            | "ServerTooManyRequests"
            | "DatabaseOperationThrottled"
            | "429",
        ) => AzError::Throttled { said },
        Some(
            "InvalidAuthenticationTokenTenant"
            | "ExpiredAuthenticationToken"
            | "AuthenticationFailed",
        ) => AzError::SignedOut { said },
        Some(_) => AzError::Refused { code, said },
        // azure-cli's own failures have no code of Azure's.
        None if said.contains("az login") => AzError::SignedOut { said },
        None if exit_code == NOT_THERE => AzError::Missing { said },
        None if is_network(&said) => AzError::NoNetwork { said },
        None => AzError::Refused { code, said },
    }
}

/// The names that azure-cli's libraries give to a connection that did not come about.
fn is_network(said: &str) -> bool {
    [
        "Max retries exceeded",
        "NameResolutionError",
        "NewConnectionError",
        "ConnectTimeout",
        "ConnectionResetError",
        "Connection aborted",
        "ServiceRequestError",
        "SSLError",
    ]
    .iter()
    .any(|name| said.contains(name))
}

/// The code of an answer: `(Code) sentence`, or a line `Code: Code`.
fn code_in(said: &str) -> Option<String> {
    for line in said.lines() {
        let line = line.trim().trim_start_matches("ERROR:").trim_start();
        let parenthesis = line
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(code, _)| code);
        let labelled = line.strip_prefix("Code:").map(str::trim);
        if let Some(code) = parenthesis.or(labelled)
            && !code.is_empty()
            && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Some(code.to_owned());
        }
    }
    None
}

/// What `az` wrote, in lines, without tokens: a word that begins as a JSON web token does is cut.
pub(super) fn without_secrets(text: &str) -> String {
    const LONGEST: usize = 4000;
    let mut clean = String::new();
    for line in text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
    {
        if !clean.is_empty() {
            clean.push('\n');
        }
        let mut first = true;
        for word in line.split(' ') {
            if !first {
                clean.push(' ');
            }
            first = false;
            match word.find("eyJ") {
                Some(at) if word.len() > at + 20 => {
                    clean.push_str(word.get(..at).unwrap_or_default());
                    clean.push_str("(token)");
                }
                _ => clean.push_str(word),
            }
        }
        if clean.len() > LONGEST {
            clean.push_str("\n…");
            break;
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(exit_code: i32, stderr: &str, expected: fn(&AzError) -> bool) {
        let error = judge(exit_code, stderr);
        assert!(expected(&error), "{stderr}: {error:?}");
    }

    #[test]
    fn failures_are_told_apart_by_code() {
        use AzError as E;
        check(1, "ERROR: Please run 'az login' to setup account.", |e| {
            matches!(e, E::SignedOut { .. })
        });
        check(
            1,
            "ERROR: AADSTS700082: The refresh token has expired due to inactivity.\nInteractive authentication is needed. Please run:\naz login",
            |e| matches!(e, E::NeedsBrowser { .. }),
        );
        check(
            1,
            "ERROR: (TooManyRequests) Wait.\nCode: TooManyRequests\nMessage: Wait.",
            |e| matches!(e, E::Throttled { .. }),
        );
        check(
            1,
            "ERROR: (Conflict) Another operation is in progress.",
            |e| matches!(e, E::Conflict { .. }),
        );
        check(
            3,
            "ERROR: (ResourceNotFound) The Resource 'x' under resource group 'g' was not found.",
            |e| matches!(e, E::Missing { .. }),
        );
        check(
            1,
            "ERROR: (AuthorizationFailed) The client 'me' does not have authorization",
            |e| matches!(e, E::Forbidden { .. }),
        );
        check(
            2,
            "ERROR: unrecognized arguments: --database OctopusAI",
            |e| matches!(e, E::Arguments { .. }),
        );
        check(
            1,
            "ERROR: HTTPSConnectionPool(host='management.azure.com', port=443): Max retries exceeded",
            |e| matches!(e, E::NoNetwork { .. }),
        );
        check(
            1,
            "ERROR: (SourceDatabaseNotFound) no",
            |e| matches!(e, E::Refused { code: Some(code), .. } if code == "SourceDatabaseNotFound"),
        );
        check(1, "ERROR: something new", |e| {
            matches!(e, E::Refused { code: None, .. })
        });
    }

    #[test]
    fn tokens_are_cut_out_of_what_az_wrote() {
        let token = format!("eyJ{}", "x".repeat(400));
        let clean = without_secrets(&format!(
            "Authorization: Bearer {token} end\n\n\"accessToken\":\"{token}\""
        ));
        assert_eq!(
            clean,
            "Authorization: Bearer (token) end\n\"accessToken\":\"(token)"
        );
    }
}
