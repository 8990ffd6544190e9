//! The first byte of every stored key: one a service. A byte is never given to another service, not even when its
//! service is gone: old data must not be read as something new.

pub const SERVICE: u8 = 1;
pub const SQS: u8 = 2;
pub const DYNAMODB: u8 = 3;
pub const LAMBDA: u8 = 4;
pub const IAM: u8 = 5;
pub const STS: u8 = 6;
pub const LOGS: u8 = 7;
pub const APIGATEWAY: u8 = 8;
pub const DEPLOY: u8 = 9;
pub const AUTOSCALING: u8 = 10;
pub const SNS: u8 = 11;
pub const EVENTS: u8 = 12;
pub const KINESIS: u8 = 13;
pub const SCHEDULER: u8 = 14;
pub const PIPES: u8 = 15;
pub const SES: u8 = 16;
pub const MAIL: u8 = 17;
pub const S3: u8 = 20;
/// Its first table is the vault's.
pub const KMS: u8 = 21;
pub const SECRETSMANAGER: u8 = 22;
pub const SSM: u8 = 23;
pub const CLOUDFRONT: u8 = 24;
pub const COGNITO: u8 = 26;
pub const COGNITO_IDENTITY: u8 = 27;
pub const MIGRATE: u8 = 29;
