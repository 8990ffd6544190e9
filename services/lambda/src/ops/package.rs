//! Where code comes from: with the request, or from a bucket.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html>

use serde::Deserialize;
use service::objects::{self, Address};
use service::{Body, Cx};
use wire::Blob;

use super::configuration::images;
use crate::code::{CodeStore, Stored};
use crate::error::Error;
use crate::limits;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CodeInput {
    pub zip_file: Option<Blob>,
    pub s3_bucket: Option<String>,
    pub s3_key: Option<String>,
    pub s3_object_version: Option<String>,
    pub image_uri: Option<String>,
}

/// A package on its way.
pub enum Package {
    Sent(Blob),
    Kept(Address),
}

impl CodeInput {
    /// # Errors
    /// When it names no package, or more than one.
    pub fn package(self) -> Result<Package, Error> {
        let object = [&self.s3_bucket, &self.s3_key, &self.s3_object_version];
        match self {
            CodeInput { image_uri: Some(_), .. } => Err(images()),
            CodeInput { zip_file: Some(_), .. } if object.iter().any(|part| part.is_some()) => {
                Err(Error::invalid("Please do not provide other FunctionCode parameters when providing a ZipFile."))
            }
            CodeInput { zip_file: Some(zip), .. } if zip.0.is_empty() => {
                Err(Error::invalid("Uploaded file must be a non-empty zip"))
            }
            CodeInput { zip_file: Some(zip), .. } => Ok(Package::Sent(zip)),
            CodeInput { s3_bucket: Some(bucket), s3_key: Some(key), s3_object_version: version, .. } => {
                Ok(Package::Kept(Address { bucket, key, version }))
            }
            _ => Err(Error::invalid("Please provide a source for function code.")),
        }
    }
}

impl Package {
    /// Stores and unpacks it. `operation` is the one that an error names.
    ///
    /// # Errors
    /// When it is none that is taken, or the caller may not read the object.
    pub async fn store<'a>(self, code: &'a CodeStore, cx: &Cx, operation: &str) -> Result<Stored<'a>, Error> {
        match self {
            Package::Sent(zip) if zip.0.len() > limits::ZIP_BYTES_MAX => Err(Error::package_too_large(operation)),
            Package::Sent(zip) => code.store(Body::from(zip.0)).await,
            Package::Kept(address) => {
                let found = objects::get(cx, &address, None).await;
                let (object, body) = found.map_err(|error| unread(&address, error))?;
                if object.size > limits::UNPACKED_BYTES_MAX {
                    return Err(Error::unpacked_too_large(limits::UNPACKED_BYTES_MAX));
                }
                code.store(body).await
            }
        }
    }
}

/// What S3 said, as Lambda says it.
fn unread(address: &Address, error: service::Error) -> Error {
    let (code, message) = (&error.code, &error.message);
    if error.status == 403 {
        let reason = format!(
            "Your access has been denied by S3, please make sure your request credentials have permission to GetObject for {}/{}. S3 Error Code: {code}. S3 Error Message: {message}",
            address.bucket, address.key
        );
        return Error::Service(service::Error::new(403, "AccessDeniedException", reason));
    }
    if error.is_sender_fault() {
        return Error::invalid(format!(
            "Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
        ));
    }
    Error::Service(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comes_from_one_place() {
        let some = |text: &str| Some(text.to_owned());
        let refused = |code: CodeInput| code.package().err().map(|error| error.to_string());
        let zip = || Some(Blob(vec![1].into()));
        assert!(matches!(CodeInput { zip_file: zip(), ..CodeInput::default() }.package(), Ok(Package::Sent(_))));
        let object = CodeInput { s3_bucket: some("b"), s3_key: some("k"), ..CodeInput::default() };
        assert!(matches!(object.package(), Ok(Package::Kept(address)) if address == Address::new("b", "k")));
        let both = CodeInput { zip_file: zip(), s3_key: some("k"), ..CodeInput::default() };
        assert!(refused(both).unwrap().starts_with("Please do not provide other FunctionCode parameters"));
        let half = CodeInput { s3_bucket: some("b"), ..CodeInput::default() };
        assert_eq!(refused(half).unwrap(), "Please provide a source for function code.");
    }

    #[test]
    fn refusals_are_told_in_lambdas_words() {
        let told = |status, code: &'static str| {
            unread(&Address::new("b", "k"), service::Error::new(status, code, "so")).to_string()
        };
        assert_eq!(
            told(404, "NoSuchKey"),
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: so"
        );
        assert!(told(403, "AccessDenied").contains("permission to GetObject for b/k. S3 Error Code: AccessDenied."));
    }
}
