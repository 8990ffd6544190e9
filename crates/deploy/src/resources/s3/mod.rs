//! `AWS::S3::Bucket` and `AWS::S3::BucketPolicy`, and the notifications of a bucket that is there already.

mod bucket;
mod existing;
mod notifications;
mod policy;
mod settings;

pub use bucket::Bucket;
pub use existing::ExistingBucket;
pub use policy::BucketPolicy;
