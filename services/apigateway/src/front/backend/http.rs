//! `HTTP` and `HTTP_PROXY`: endpoints that an API's owner names. What the server alone may reach is not reached.

use std::time::{Duration, Instant};

use outbound::Error;

use super::answer::Endpoint;
use super::outgoing::Outgoing;
use super::{Exchange, log};
use crate::front::problem::Problem;
use crate::limits;
use crate::types::rest::Integration;

impl Exchange<'_> {
    pub async fn http(&self, integration: &Integration, outgoing: Outgoing) -> Result<Endpoint, Problem> {
        let Outgoing { method, uri, query, headers, body, .. } = outgoing;
        let url = match (query.is_empty(), uri.contains('?')) {
            (true, _) => uri,
            (false, false) => format!("{uri}?{query}"),
            (false, true) => format!("{uri}&{query}"),
        };
        self.log(|| format!("Sending request to {url}"));
        let began = Instant::now();
        let timeout = Duration::from_millis(integration.timeout_millis);
        let request = outbound::Request { method, url: &url, headers, body, timeout };
        // One byte more tells that there are too many.
        let answered = self.state.outbound.fetch(request, limits::PAYLOAD_BYTES_MAX + 1).await;
        let (answer, body) = answered.map_err(|error| match error {
            Error::TimedOut => Problem::timed_out(),
            Error::Unreachable(_) => Problem::unreachable(error.to_string()),
            Error::Url(_) | Error::Forbidden(..) => {
                Problem::configuration(format!("Invalid endpoint address: {error}"))
            }
        })?;
        if body.len() > limits::PAYLOAD_BYTES_MAX {
            return Err(Problem::failed(format!(
                "The endpoint answered more than {} bytes",
                limits::PAYLOAD_BYTES_MAX
            )));
        }
        let (status, latency) = (answer.status, began.elapsed().as_millis());
        self.log(|| format!("Received response. Status: {}, Integration latency: {latency} ms", status.as_u16()));
        self.log(|| format!("Endpoint response headers: {}", log::headers(&answer.headers)));
        self.log(|| format!("Endpoint response body before transformations: {}", log::body(&body)));
        Ok(Endpoint::new(status, answer.headers, body))
    }
}
