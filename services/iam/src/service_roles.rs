//! The services that have service-linked roles on AWS, and what their roles are called.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html> and the pages of
//! the services that it names.

pub struct ServiceRole {
    pub service: &'static str,
    pub role: &'static str,
    /// Whether there may be several, with suffixes.
    pub suffix: bool,
}

/// In the order of their services.
const ROLES: &[ServiceRole] = &[
    single("access-analyzer.amazonaws.com", "AWSServiceRoleForAccessAnalyzer"),
    single("accountdiscovery.ssm.amazonaws.com", "AWSServiceRoleForAmazonSSM_AccountDiscovery"),
    single("acm.amazonaws.com", "AWSServiceRoleForCertificateManager"),
    single("apidestinations.events.amazonaws.com", "AWSServiceRoleForAmazonEventBridgeApiDestinations"),
    single("appmesh.amazonaws.com", "AWSServiceRoleForAppMesh"),
    single("autoscaling-plans.amazonaws.com", "AWSServiceRoleForAutoScalingPlans_EC2AutoScaling"),
    suffixed("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
    single("backup.amazonaws.com", "AWSServiceRoleForBackup"),
    single("batch.amazonaws.com", "AWSServiceRoleForBatch"),
    single("cassandra.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_CassandraTable"),
    single("cks.kms.amazonaws.com", "AWSServiceRoleForKeyManagementServiceCustomKeyStores"),
    single("cloudtrail.amazonaws.com", "AWSServiceRoleForCloudTrail"),
    single("codestar-notifications.amazonaws.com", "AWSServiceRoleForCodeStarNotifications"),
    single("config.amazonaws.com", "AWSServiceRoleForConfig"),
    suffixed("connect.amazonaws.com", "AWSServiceRoleForAmazonConnect"),
    single("dms-fleet-advisor.amazonaws.com", "AWSServiceRoleForDMSFleetAdvisor"),
    single("dms.amazonaws.com", "AWSServiceRoleForDMSServerless"),
    single("docdb-elastic.amazonaws.com", "AWSServiceRoleForDocDB-Elastic"),
    single("dynamodb.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"),
    single("ec2-instance-connect.amazonaws.com", "AWSServiceRoleForEc2InstanceConnect"),
    single("ec2.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_EC2SpotFleetRequest"),
    single("ecr.amazonaws.com", "AWSServiceRoleForECRTemplate"),
    single("ecs.amazonaws.com", "AWSServiceRoleForECS"),
    single("ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService"),
    single("eks-connector.amazonaws.com", "AWSServiceRoleForAmazonEKSConnector"),
    single("eks-fargate.amazonaws.com", "AWSServiceRoleForAmazonEKSForFargate"),
    single("eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"),
    single("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"),
    single("elasticache.amazonaws.com", "AWSServiceRoleForElastiCache"),
    single("elasticbeanstalk.amazonaws.com", "AWSServiceRoleForElasticBeanstalk"),
    single("elasticfilesystem.amazonaws.com", "AWSServiceRoleForAmazonElasticFileSystem"),
    single("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    single("email.cognito-idp.amazonaws.com", "AWSServiceRoleForAmazonCognitoIdpEmailService"),
    single("emr-containers.amazonaws.com", "AWSServiceRoleForAmazonEMRContainers"),
    single("emrwal.amazonaws.com", "AWSServiceRoleForEMRWAL"),
    single("es.amazonaws.com", "AWSServiceRoleForAmazonElasticsearchService"),
    single("fis.amazonaws.com", "AWSServiceRoleForFIS"),
    single("grafana.amazonaws.com", "AWSServiceRoleForAmazonGrafana"),
    single("guardduty.amazonaws.com", "AWSServiceRoleForAmazonGuardDuty"),
    single("imagebuilder.amazonaws.com", "AWSServiceRoleForImageBuilder"),
    single("iotmanagedintegrations.amazonaws.com", "AWSServiceRoleForIoTManagedIntegrations"),
    single("kafka.amazonaws.com", "AWSServiceRoleForKafka"),
    single("kafkaconnect.amazonaws.com", "AWSServiceRoleForKafkaConnect"),
    single("kinesisreplication.dynamodb.amazonaws.com", "AWSServiceRoleForDynamoDBKinesisDataStreamsReplication"),
    single("lakeformation.amazonaws.com", "AWSServiceRoleForLakeFormationDataAccess"),
    single("lambda.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency"),
    single("lex.amazonaws.com", "AWSServiceRoleForLexBots"),
    suffixed("lexv2.amazonaws.com", "AWSServiceRoleForLexV2Bots"),
    single("lightsail.amazonaws.com", "AWSServiceRoleForLightsail"),
    single("logger.cloudfront.amazonaws.com", "AWSServiceRoleForCloudFrontLogger"),
    single("m2.amazonaws.com", "AWSServiceRoleForAWSM2"),
    single("macie.amazonaws.com", "AWSServiceRoleForAmazonMacie"),
    single("memorydb.amazonaws.com", "AWSServiceRoleForMemoryDB"),
    single("mq.amazonaws.com", "AWSServiceRoleForAmazonMQ"),
    single("mrk.kms.amazonaws.com", "AWSServiceRoleForKeyManagementServiceMultiRegionKeys"),
    single("notifications.amazonaws.com", "AWSServiceRoleForAwsUserNotifications"),
    single("observability.aoss.amazonaws.com", "AWSServiceRoleForAmazonOpenSearchServerless"),
    single("opensearchservice.amazonaws.com", "AWSServiceRoleForAmazonOpenSearchService"),
    single("ops.apigateway.amazonaws.com", "AWSServiceRoleForAPIGateway"),
    single("ops.emr-serverless.amazonaws.com", "AWSServiceRoleForAmazonEMRServerless"),
    single("opsdatasync.ssm.amazonaws.com", "AWSServiceRoleForSystemsManagerOpsDataSync"),
    single("opsinsights.ssm.amazonaws.com", "AWSServiceRoleForAmazonSSM_OpsInsights"),
    single("organizations.amazonaws.com", "AWSServiceRoleForOrganizations"),
    single("pullthroughcache.ecr.amazonaws.com", "AWSServiceRoleForECRPullThroughCache"),
    single("ram.amazonaws.com", "AWSServiceRoleForResourceAccessManager"),
    single("rds.amazonaws.com", "AWSServiceRoleForRDS"),
    single("rds.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_RDSCluster"),
    single("redshift.amazonaws.com", "AWSServiceRoleForRedshift"),
    single("replication.cassandra.amazonaws.com", "AWSServiceRoleForKeyspacesReplication"),
    single("replication.dynamodb.amazonaws.com", "AWSServiceRoleForDynamoDBReplication"),
    single("replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication"),
    single("replicator.lambda.amazonaws.com", "AWSServiceRoleForLambdaReplicator"),
    single("repository.sync.codeconnections.amazonaws.com", "AWSServiceRoleForGitSync"),
    single("resource-explorer-2.amazonaws.com", "AWSServiceRoleForResourceExplorer"),
    single("rolesanywhere.amazonaws.com", "AWSServiceRoleForRolesAnywhere"),
    single("s3-outposts.amazonaws.com", "AWSServiceRoleForS3OnOutposts"),
    single("securityhub.amazonaws.com", "AWSServiceRoleForSecurityHub"),
    single("ses.amazonaws.com", "AWSServiceRoleForAmazonSES"),
    single("shield.amazonaws.com", "AWSServiceRoleForAWSShield"),
    single("spot.amazonaws.com", "AWSServiceRoleForEC2Spot"),
    single("spotfleet.amazonaws.com", "AWSServiceRoleForEC2SpotFleet"),
    single("ssm-incidents.amazonaws.com", "AWSServiceRoleForIncidentManager"),
    single("ssm-quicksetup.amazonaws.com", "AWSServiceRoleForSSMQuickSetup"),
    single("ssm.amazonaws.com", "AWSServiceRoleForAmazonSSM"),
    single("sso.amazonaws.com", "AWSServiceRoleForSSO"),
    single("vpcorigin.cloudfront.amazonaws.com", "AWSServiceRoleForCloudFrontVPCOrigin"),
    single("waf.amazonaws.com", "AWSServiceRoleForWAFLogging"),
    single("wafv2.amazonaws.com", "AWSServiceRoleForWAFV2Logging"),
];

const fn single(service: &'static str, role: &'static str) -> ServiceRole {
    ServiceRole { service, role, suffix: false }
}

const fn suffixed(service: &'static str, role: &'static str) -> ServiceRole {
    ServiceRole { service, role, suffix: true }
}

pub fn find(service: &str) -> Option<&'static ServiceRole> {
    let at = ROLES.binary_search_by(|row| row.service.cmp(service)).ok()?;
    ROLES.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_found() {
        for row in ROLES {
            assert_eq!(find(row.service).map(|found| found.role), Some(row.role), "{}", row.service);
            assert!(row.role.len() <= crate::limits::NAME_CHARACTERS_MAX);
        }
        assert!(find("nobody.amazonaws.com").is_none());
    }
}
