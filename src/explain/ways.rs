//! The buttons of the ways on, and what a run waits for, in words.

use crate::run::{ResumeHow, Waiting};

/// The button of a way on; `resume_offer` says what it does.
pub fn way_on(how: &ResumeHow) -> &'static str {
    match how {
        ResumeHow::Continue => "Continue from here",
        ResumeHow::TakeLogs { .. } => "Take the remaining logs",
        ResumeHow::RecoverNow => "Recover now",
        ResumeHow::StartOver => "Start over",
        ResumeHow::Abandon => "Abandon and tidy up…",
    }
}

/// What a run waits for, as a heading and what it means.
pub fn waiting(why: Waiting, target: &str) -> (String, String) {
    match why {
        Waiting::ByHand => (
            "This step is yours".to_owned(),
            "Do it, and say Done. Nothing is sent to the server meanwhile.".to_owned(),
        ),
        Waiting::Paused => (
            "Paused".to_owned(),
            "The step has ended, and the next one is not begun until you go on.".to_owned(),
        ),
        Waiting::Looking => (
            format!("{target} can be looked at"),
            "It is in standby: queries read it as it is after this log. Leave it before you go on; the next log needs it alone."
                .to_owned(),
        ),
        Waiting::HookFailed => (
            "The program did not do what it should".to_owned(),
            "Run it again, leave the step out, or stop here.".to_owned(),
        ),
        Waiting::NotVerified => (
            format!("{target} is online, and a check failed"),
            "Whether the application starts on it is yours to say.".to_owned(),
        ),
    }
}
