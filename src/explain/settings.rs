//! What is wrong with stored files, profiles and passwords, in words.

use super::{Problem, ProblemKind};
use crate::settings::{
    ApplicationError, ApplicationFault, Aside, CredentialError, ProfileFault, StoreError,
    WorkspaceNameError,
};

/// A file that could not be read and was kept under another name.
pub fn aside_problem(aside: &Aside) -> Problem {
    Problem {
        kind: ProblemKind::File,
        sentence: format!("{} cannot be read", aside.file.display()),
        hint: format!(
            "It was kept as {}, and stopat goes on as if it were new; repair it and give it its old name back, or use the newer stopat that wrote it.",
            aside.kept_as.display()
        ),
        details: vec![aside.reason.clone()],
    }
}

/// A stored file that could not be read or written.
pub fn store_problem(error: &StoreError) -> Problem {
    let file = error.file().display();
    let (kind, sentence, hint) = match error {
        StoreError::Read { .. } => (
            ProblemKind::File,
            format!("{file} cannot be opened"),
            "Check the permissions of the file and its folder.",
        ),
        StoreError::Write { .. } => (
            ProblemKind::File,
            format!("{file} cannot be written; what it held before is unchanged"),
            "Check the permissions of the folder and the space on its disk.",
        ),
        StoreError::KeepAside { .. } => (
            ProblemKind::File,
            format!("{file} cannot be read, and cannot be moved aside either; nothing was written"),
            "Check the permissions of the folder, or move the file away by hand.",
        ),
        StoreError::Encode { .. } => (
            ProblemKind::Ours,
            format!("{file} was not written, because its content does not fit its format"),
            "Please report this with the details.",
        ),
    };
    Problem {
        kind,
        sentence,
        hint: hint.to_owned(),
        details: causes(error),
    }
}

/// An application file that is not used.
pub fn application_problem(error: &ApplicationError) -> Problem {
    let (file, hint) = match error {
        ApplicationError::Read { file, .. } => {
            (file, "Check the permissions of the file and its folder.")
        }
        ApplicationError::Parse { file, .. } => (
            file,
            "Correct the file and open the workspace again; the other applications are in use.",
        ),
    };
    Problem {
        kind: ProblemKind::File,
        sentence: format!("The application file {} is not used", file.display()),
        hint: hint.to_owned(),
        details: match error {
            ApplicationError::Read { source, .. } => vec![source.to_string()],
            ApplicationError::Parse { reason, .. } => vec![reason.clone()],
        },
    }
}

/// What to change in an application, as one line beside its field.
pub fn application_fault(fault: &ApplicationFault) -> String {
    match fault {
        ApplicationFault::NoName => "Give the application a name",
        ApplicationFault::NameTaken => "Another application has this name; choose another",
        ApplicationFault::NoSchema => "Name the schema of its tables, as dbo",
        ApplicationFault::NoTable(_) => "Say what the data is, and name its tables",
        ApplicationFault::NoVersionColumn => "Name the table and the column of the version",
        ApplicationFault::NotCounted => "Name the rows, their table and their column of time",
        ApplicationFault::NoProgram(_) => "Name the program to run",
        ApplicationFault::NoTime(_) => "Give it a number of seconds above zero",
    }
    .to_owned()
}

/// A password that could not be read or kept.
pub fn credential_problem(error: &CredentialError) -> Problem {
    let (sentence, hint) = match error {
        CredentialError::NoStore => (
            "This system has no credential store, so the password is asked for in each session",
            "On Linux, start a secret service such as GNOME Keyring or KWallet to have it kept.",
        ),
        CredentialError::Locked(_) => (
            "The credential store did not open",
            "Unlock it and try again, or enter the password for this session.",
        ),
        CredentialError::NotText => (
            "The entry in the credential store is not one of stopat's",
            "Enter the password and save the profile again, which replaces the entry.",
        ),
        CredentialError::Failed(_) => (
            "The credential store failed",
            "Enter the password for this session.",
        ),
    };
    Problem {
        kind: ProblemKind::Yours,
        sentence: sentence.to_owned(),
        hint: hint.to_owned(),
        details: causes(error),
    }
}

/// What to change in a profile, as one line beside its field.
pub fn profile_fault(fault: &ProfileFault) -> String {
    match fault {
        ProfileFault::NoName => "Give the profile a name".to_owned(),
        ProfileFault::ReservedName => {
            "The name practice belongs to the practice server; choose another".to_owned()
        }
        ProfileFault::NameTaken => "Another profile has this name; choose another".to_owned(),
        ProfileFault::NoHost => "Name the host on which the server runs".to_owned(),
        ProfileFault::HostCharacter('\\') => {
            "Write what follows the backslash into the instance field".to_owned()
        }
        ProfileFault::HostCharacter(',') => {
            "Write what follows the comma into the port field".to_owned()
        }
        ProfileFault::HostCharacter(bad) => format!("A host name has no {}", character(*bad)),
        ProfileFault::InstanceCharacter(bad) => {
            format!("An instance name has no {}", character(*bad))
        }
        ProfileFault::PortZero => {
            "A port is a number from 1 to 65535; leave the field empty for the usual one".to_owned()
        }
        ProfileFault::NoUser => "Name the login to sign in with".to_owned(),
        ProfileFault::NoAuthorityFile => {
            "Choose the PEM file of the authority or of the server's certificate".to_owned()
        }
        ProfileFault::Fingerprint => {
            "A fingerprint is 64 hexadecimal digits; test the connection to see the server's"
                .to_owned()
        }
        ProfileFault::NeedsWindows => {
            "Windows sign-in works on Windows only; choose a SQL Server login".to_owned()
        }
    }
}

/// What to change in the name of a workspace.
pub fn workspace_name_fault(error: WorkspaceNameError) -> String {
    match error {
        WorkspaceNameError::Empty => "Give the workspace a name".to_owned(),
        WorkspaceNameError::TooLong => "Choose a name of at most 60 characters".to_owned(),
        WorkspaceNameError::Character(bad) => format!(
            "The name is a folder's name as well, so it has no {}",
            character(bad)
        ),
        WorkspaceNameError::Edge => "The name cannot begin or end with a dot or a blank".to_owned(),
        WorkspaceNameError::Device => {
            "Windows keeps this name for a device; choose another".to_owned()
        }
    }
}

fn character(bad: char) -> String {
    match bad {
        ' ' => "blank".to_owned(),
        '\'' => "apostrophe".to_owned(),
        '"' => "quotation mark".to_owned(),
        _ if bad.is_control() || bad.is_whitespace() => {
            "line break or control character".to_owned()
        }
        _ => bad.to_string(),
    }
}

/// The chain of causes, the error itself first.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        lines.push(cause.to_string());
        source = cause.source();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_host_with_instance_and_port_is_told_where_they_go() {
        assert_eq!(
            profile_fault(&ProfileFault::HostCharacter('\\')),
            "Write what follows the backslash into the instance field"
        );
        assert_eq!(
            profile_fault(&ProfileFault::HostCharacter(' ')),
            "A host name has no blank"
        );
    }

    #[test]
    fn what_was_kept_aside_is_named_with_both_names_and_the_reason() {
        let problem = aside_problem(&Aside {
            file: PathBuf::from("profiles.ron"),
            kept_as: PathBuf::from("profiles.aside-1.ron"),
            reason: "1:1: Expected opening `(`".to_owned(),
        });
        assert_eq!(problem.sentence, "profiles.ron cannot be read");
        assert!(problem.hint.contains("profiles.aside-1.ron"));
        assert_eq!(problem.details, ["1:1: Expected opening `(`"]);
    }

    #[test]
    fn causes_are_listed_to_the_last() {
        let problem = store_problem(&StoreError::Write {
            file: PathBuf::from("settings.ron"),
            source: std::io::Error::other("disk full"),
        });
        assert_eq!(problem.details, ["cannot write settings.ron", "disk full"]);
    }
}
