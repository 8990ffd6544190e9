//! SES as a target: its messages on their way to their recipients.

use std::sync::Arc;

use base::Arn;
use mail::Outgoing;
use service::{BoxFuture, Cx, Delivery, Error as ServiceError, Failure, Outcome, Target};

use crate::error::Error;
use crate::model::event::Bounce;
use crate::model::message::{self, End, Letter};
use crate::model::{notice, suppression};
use crate::types::Message;
use crate::{Ses, limits, simulator};

pub struct SesTarget(pub Arc<Ses>);

impl Target for SesTarget {
    fn is_layer(&self, _: &Arn) -> bool {
        false
    }

    fn in_flight_max(&self) -> usize {
        limits::IN_FLIGHT_MAX
    }

    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let ses = self.0.clone();
        Box::pin(async move {
            match bring(&ses, &cx, &delivery).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    let failure = Failure::from(&ServiceError::from(error));
                    Outcome::Failed(Failure { may_pass: true, ..failure })
                }
            }
        })
    }
}

/// Brings a letter to its recipient, and notes its end there.
async fn bring(ses: &Ses, cx: &Cx, delivery: &Delivery) -> Result<Outcome, Error> {
    let Some(letter) = message::letter(delivery)? else { return bring_own(ses, cx, delivery).await };
    let (message, held_back) = {
        let read = cx.db().read()?;
        // Its end was noted before a crash: it is not sent again.
        let Some(message) = message::waiting(&read, &letter)? else { return Ok(Outcome::Delivered) };
        let held_back = suppression::holds_back(&read, &message, &letter.recipient)?;
        (message, held_back)
    };
    let decided =
        if held_back { Some(End::Bounced(on_suppression_list())) } else { simulator::end_at(&letter.recipient) };
    if let Some(end) = decided {
        settle(cx, letter, end, false).await?;
        return Ok(Outcome::Delivered);
    }
    send(ses, cx, message, letter, delivery.attempts).await
}

/// Brings a mail of SES's own: a notice, or the link that verifies an address.
async fn bring_own(ses: &Ses, cx: &Cx, delivery: &Delivery) -> Result<Outcome, Error> {
    let sent = if let Some(notice) = notice::of(delivery)? {
        let outgoing = notice.outgoing(ses.mailer().sender("Mail Delivery Subsystem"))?;
        ses.mailer().send_source(cx.db(), outgoing).await.map(drop)
    } else {
        let mail = serde_json::from_slice(&delivery.event).map_err(ServiceError::internal)?;
        ses.mailer().send(cx.db(), mail).await
    };
    Ok(sent.map_or_else(|error| Outcome::Failed(failure_of(&error)), |()| Outcome::Delivered))
}

async fn send(ses: &Ses, cx: &Cx, message: Message, letter: Letter, attempts: u32) -> Result<Outcome, Error> {
    let source = message::source(&cx.db().read()?, &message)?;
    let outgoing = Outgoing {
        id: message.id.clone(),
        sent: message.accepted,
        sender: Some(message.return_path.clone()),
        recipient: letter.recipient.clone(),
        source,
    };
    let error = match ses.mailer().send_source(cx.db(), outgoing).await {
        Ok(answer) => {
            settle(cx, letter, End::Delivered(answer), true).await?;
            return Ok(Outcome::Delivered);
        }
        Err(error) => error,
    };
    let failure = failure_of(&error);
    if failure.may_pass && attempts == 0 {
        let (now, status, diagnostic) = (cx.renew(), status(&failure), failure.message.clone());
        cx.db().write(move |tx| message::delay(tx, &now, &letter, &status, &diagnostic)).await?;
    }
    Ok(Outcome::Failed(failure))
}

fn failure_of(error: &mail::Error) -> Failure {
    let code = error.status().map_or_else(|| "MailFailed".to_owned(), |status| status.to_string());
    Failure::new(code, error.answer().unwrap_or_else(|| error.to_string()), error.may_pass())
}

async fn settle(cx: &Cx, letter: Letter, end: End, lists: bool) -> Result<(), Error> {
    let now = cx.renew();
    cx.db().write(move |tx| message::settle(tx, &now, &letter, &end, lists)).await
}

fn on_suppression_list() -> Bounce {
    Bounce {
        permanent: true,
        subtype: "OnAccountSuppressionList",
        status: "5.1.1".into(),
        diagnostic: "Amazon SES did not send the message to this address because it is on the suppression list for your account. For more information about removing addresses from the suppression list, see the Amazon SES Developer Guide at https://docs.aws.amazon.com/ses/latest/DeveloperGuide/sending-email-suppression-list.html".into(),
    }
}

/// The enhanced status code in what a relay answered (RFC 3463), else the one that its plain code stands for.
pub fn status(failure: &Failure) -> String {
    let is_status = |word: &&str| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3
            && matches!(parts.first(), Some(&("4" | "5")))
            && parts
                .iter()
                .all(|part| !part.is_empty() && part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let words = failure.message.split([' ', ',', ':', '(', ')', '"']);
    words.into_iter().find(is_status).map_or_else(|| plain_status(&failure.code), str::to_owned)
}

/// Source: RFC 5321, section 4.2.3: by these a relay speaks about the mailbox.
fn plain_status(code: &str) -> String {
    match code {
        "550" | "551" | "553" => "5.1.1",
        "552" => "5.2.2",
        _ if code.starts_with('5') => "5.0.0",
        _ => "4.0.0",
    }
    .to_owned()
}

/// What a refusal is as a bounce. Only one that is about the address itself is permanent: a relay that lets nobody send, or does
/// not like a message, says nothing about whom it was for.
pub fn bounce_of(failure: &Failure) -> Bounce {
    let status = status(failure);
    let permanent = status.starts_with("5.1.") || status == "5.2.1" || status == "5.0.0";
    let subtype = match status.as_str() {
        "5.2.2" | "4.2.2" => "MailboxFull",
        "5.3.4" | "5.2.3" => "MessageTooLarge",
        "5.6.0" | "5.7.0" => "ContentRejected",
        _ => "General",
    };
    Bounce { permanent, subtype, diagnostic: format!("smtp; {}", failure.message), status }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: &str, message: &str) -> Failure {
        Failure::new(code, message, false)
    }

    #[test]
    fn a_refusal_says_whom_it_is_about() {
        for (code, message, status, permanent) in [
            ("550", "550 5.1.1 no such user", "5.1.1", true),
            ("550", "550 user unknown", "5.1.1", true),
            ("550", "550 5.7.1 relaying denied", "5.7.1", false),
            ("552", "552 mailbox full", "5.2.2", false),
            ("MailFailed", "connection refused by 10.0.0.1", "4.0.0", false),
        ] {
            let bounce = bounce_of(&failure(code, message));
            assert_eq!((bounce.status.as_str(), bounce.permanent), (status, permanent), "{message}");
        }
    }
}
