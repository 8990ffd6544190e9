//! What a MOCK integration may say. Its templates are texts without Velocity's directives; that is all that
//! preflight answers need, and the rest is refused as it is put.

use crate::error::Error;
use crate::plain_template;
use crate::types::Texts;
use crate::types::rest::{IntegrationResponse, MethodResponse};

/// The status that a request template chooses: `{"statusCode": 200}`, also without quotes, as Serverless writes it.
pub fn status(templates: &Texts) -> Result<u16, Error> {
    let template = templates.get("application/json").or_else(|| templates.values().next());
    let template = template.ok_or_else(|| {
        Error::bad("A MOCK integration needs a request template for application/json: {\"statusCode\": 200}")
    })?;
    plain_template::status(template)
}

/// A response that can be answered: fixed headers, which the method declares, and a fixed body.
pub fn validate(response: &IntegrationResponse, declared: &MethodResponse) -> Result<(), Error> {
    if let Some(pattern) = &response.selection_pattern
        && !pattern.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err(Error::not_implemented("A selectionPattern other than a status"));
    }
    response.templates.values().try_for_each(|template| plain_template::check(template))?;
    for (parameter, value) in &response.parameters {
        if !declared.parameters.contains_key(parameter) {
            return Err(Error::bad(format!(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: {parameter}]"
            )));
        }
        let name =
            parameter.strip_prefix("method.response.header.").and_then(|name| name.parse::<http::HeaderName>().ok());
        if name.is_none() {
            return Err(Error::bad(format!("Invalid response parameter: {parameter}")));
        }
        let literal = literal(value).ok_or_else(|| {
            Error::not_implemented(format!("The mapping {value} of a response parameter; a text in single quotes is"))
        })?;
        if http::HeaderValue::from_str(literal).is_err() {
            return Err(Error::bad(format!("A header cannot carry {value}")));
        }
    }
    Ok(())
}

/// The text between single quotes.
pub fn literal(value: &str) -> Option<&str> {
    value.strip_prefix('\'')?.strip_suffix('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(template: &str) -> Result<u16, Error> {
        status(&Texts::from([("application/json".to_owned(), template.to_owned())]))
    }

    #[test]
    fn statuses_are_read_from_templates() {
        for template in
            ["{\"statusCode\": 204}", "{statusCode:204}", "{ 'statusCode' : 204 }", "{\"statusCode\":\"204\"}"]
        {
            assert_eq!(of(template).unwrap(), 204, "{template}");
        }
        for template in ["", "{}", "{\"statusCode\": }", "{\"statusCode\": 99}", "{\"statusCode\": \"ä\"}"] {
            assert!(matches!(of(template), Err(Error::BadRequest(_))), "{template}");
        }
        for template in ["#set($x = 1){statusCode:200}", "{\"statusCode\": $context.x}", "${x}"] {
            assert!(matches!(of(template), Err(Error::NotImplemented(_))), "{template}");
        }
    }
}
