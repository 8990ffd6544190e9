//! What is open to everybody: the links in verification mails.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use mail::Mail;
use service::{Body, BoxFuture, Cx, Delivery, Front};

use crate::Ses;
use crate::error::Error;
use crate::model::identity;

const VERIFY: &str = "/_aws/ses/verify/";
/// The beginning of the resource that stands for an address that is asked.
const REQUESTS: &str = "verification/";

/// Answers who follows a link: unsigned requests.
pub struct Links;

impl Front for Links {
    fn matches(&self, head: &Parts) -> bool {
        head.method == Method::GET && head.uri.path().starts_with(VERIFY)
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let token = request.uri().path().strip_prefix(VERIFY).unwrap_or_default().to_owned();
        Box::pin(async move {
            let now = cx.now();
            let (status, text) = match cx.db().write(move |tx| identity::follow_link(tx, now, &token)).await {
                Ok(Some(name)) => (StatusCode::OK, format!("Congratulations! Mail can be sent from {name} now.\n")),
                Ok(None) => {
                    (StatusCode::NOT_FOUND, "This link has been followed already, or has expired.\n".to_owned())
                }
                Err(error) => {
                    tracing::error!(%error, "an identity could not be verified");
                    (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong: try again.\n".to_owned())
                }
            };
            let mut response = Response::new(Body::from(Bytes::from(text)));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            response
        })
    }
}

/// The mail that asks whether somebody may send from an address, on its way there.
pub fn request(ses: &Ses, cx: &Cx, address: &str, token: &str) -> Result<Delivery, Error> {
    let region = cx.region();
    let mail = Mail {
        id: token.get(..32).unwrap_or(token).to_owned(),
        sent: cx.now(),
        from: ses.mailer().sender("Amazon Web Services"),
        to: vec![address.to_owned()],
        subject: format!("Amazon Web Services – Email Address Verification Request in region {region}"),
        text: format!(
            "Dear Amazon Web Services Customer,\n\n\
             We have received a request to authorize this email address for use with Amazon SES in region {region}. \
             If you requested this verification, please go to the following URL to confirm that you are authorized to use \
             this email address:\n\n{}{VERIFY}{token}\n\n\
             Your request will not be processed unless you confirm the address using this URL. This link expires 24 hours \
             after your original verification request.\n\n\
             If you did NOT request to verify this email address, do not click on the link.\n",
            ses.base()
        ),
        ..Mail::default()
    };
    let event = serde_json::to_vec(&mail).map_err(service::Error::internal)?;
    let to = cx.arn("ses", format!("{REQUESTS}{address}"));
    Ok(Delivery::new(cx, identity::arn(cx, address), to, event.into()))
}
