//! Notices: mails that tell a message's sender of a bounce or a complaint.
//!
//! Source: <https://docs.aws.amazon.com/ses/latest/dg/monitor-sending-activity-using-notifications-email.html>

use base::{Arn, Timestamp};
use kv::Tx;
use mail::{Field, Outgoing, Report, ReportKind};
use serde::{Deserialize, Serialize};
use service::{Cx, Delivery, outbox};

use super::event;
use super::message::{self, End};
use crate::error::Error;
use crate::keys::IDENTITIES;
use crate::types::Message;

/// The beginning of the resource that stands for a domain to whose addresses notices go.
const NOTICES: &str = "notices/";

/// What is told, to one address, of one recipient of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    id: String,
    at: Timestamp,
    to: String,
    recipient: String,
    accepted: Timestamp,
    /// The enhanced status code and the words of who refused it; of a complaint nothing.
    refusal: Option<(String, String)>,
    header: Vec<Field>,
}

/// Sends one for an end that calls for it: where the identity forwards feedback, and where `told` says that nobody else was told
/// of it, whatever the identity's setting, as on AWS.
pub fn send(tx: &mut Tx, cx: &Cx, message: &Message, recipient: &str, end: &End, told: bool) -> Result<(), Error> {
    let refusal = match end {
        End::Delivered(_) => return Ok(()),
        End::Bounced(bounce) => Some((bounce.status.clone(), bounce.diagnostic.clone())),
        End::Complained(_) => None,
    };
    let name = message.identity.resource.strip_prefix("identity/").unwrap_or_default();
    let identity = IDENTITIES.get(tx, (&*message.identity.region, name))?;
    if told && !identity.is_some_and(|identity| identity.forwards_feedback) {
        return Ok(());
    }
    // Events tell it by itself.
    let id = ("Message-ID".to_owned(), message::header_id(&message.identity.region, &message.id));
    let header = [id].into_iter().chain(message.headers.iter().cloned()).collect();
    let notice = Notice {
        id: event::feedback_id(message, recipient),
        at: cx.now(),
        to: message.return_path.clone(),
        recipient: recipient.to_owned(),
        accepted: message.accepted,
        refusal,
        header,
    };
    let to = Arn { resource: format!("{NOTICES}{}", message::domain(&notice.to)), ..message.identity.clone() };
    let event = serde_json::to_vec(&notice).map_err(service::Error::internal)?;
    Ok(outbox::send(tx, cx, Delivery::new(cx, message.identity.clone(), to, event.into()), None)?)
}

/// The notice that a delivery brings, if that is what it brings.
pub fn of(delivery: &Delivery) -> Result<Option<Notice>, Error> {
    if !delivery.to.resource.starts_with(NOTICES) {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&delivery.event).map_err(service::Error::internal)?))
}

impl Notice {
    /// As a mail `from` the server. Nobody is told of one that does not arrive, or two servers could send each other
    /// notices for ever.
    pub fn outgoing(self, from: String) -> Result<Outgoing, Error> {
        let field = |name: &str, value: String| (name.to_owned(), value);
        let arrival = field("Arrival-Date", self.accepted.utc().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
        let recipient = &self.recipient;
        let (kind, subject, text, fields) = match self.refusal {
            Some((status, diagnostic)) => (
                ReportKind::DeliveryStatus,
                "Delivery Status Notification (Failure)",
                format!(
                    "An error occurred while trying to deliver the mail to the following recipients:\n{recipient}\n\n{diagnostic}\n"
                ),
                vec![
                    vec![field("Reporting-MTA", "dns; localhost".into()), arrival],
                    vec![
                        field("Final-Recipient", format!("rfc822; {recipient}")),
                        field("Action", "failed".into()),
                        field("Status", status),
                        field("Diagnostic-Code", diagnostic),
                    ],
                ],
            ),
            None => (
                ReportKind::Feedback,
                "Complaint Notification",
                format!("The following recipient does not want your mail:\n{recipient}\n"),
                vec![vec![
                    field("Feedback-Type", "abuse".into()),
                    field("User-Agent", "Cloudlet".into()),
                    field("Version", "1".into()),
                    field("Original-Rcpt-To", recipient.clone()),
                    arrival,
                ]],
            ),
        };
        let (id, to, sent) = (self.id, self.to, self.at);
        let report = Report {
            id: id.clone(),
            from,
            to: to.clone(),
            subject: subject.into(),
            text,
            sent,
            kind,
            fields,
            about: self.header,
        };
        let source = report.compose().map_err(service::Error::internal)?.into();
        Ok(Outgoing { id, sent, sender: None, recipient: to, source })
    }
}
