"""Keys, secrets and parameters in templates, and references to them in `serverless.yml`."""

import json

from test_signatures import send_as

HANDLER = """
import os
def handler(event, context):
    return {name: os.environ[name] for name in ("PLAIN", "HOSTS", "PASSWORD", "LATE", "PARAMETER")}
"""

PROJECT = """
service: references
provider:
  name: aws
  runtime: python3.12
custom:
  database: ${ssm:/aws/reference/secretsmanager/references-db}
functions:
  f:
    handler: index.handler
    environment:
      PLAIN: ${ssm:/references/plain}
      HOSTS: ${ssm(raw):/references/hosts}
      PASSWORD: ${self:custom.database.password}
      LATE: '{{resolve:ssm-secure:/references/late}}-{{resolve:secretsmanager:references-db:SecretString:password}}'
      PARAMETER: !GetAtt Parameter.Value
resources:
  Resources:
    Key:
      Type: AWS::KMS::Key
      Properties: {Description: one, EnableKeyRotation: true, PendingWindowInDays: 7}
    Alias:
      Type: AWS::KMS::Alias
      Properties: {AliasName: alias/references, TargetKeyId: !Ref Key}
    Secret:
      Type: AWS::SecretsManager::Secret
      Properties:
        Name: references-made
        KmsKeyId: !GetAtt Key.Arn
        GenerateSecretString: {SecretStringTemplate: '{"user": "u"}', GenerateStringKey: password, PasswordLength: 40}
    SecretPolicy:
      Type: AWS::SecretsManager::ResourcePolicy
      Properties:
        SecretId: !Ref Secret
        ResourcePolicy:
          Version: '2012-10-17'
          Statement: [{Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}, Action: 'secretsmanager:GetSecretValue', Resource: '*'}]
    Parameter:
      Type: AWS::SSM::Parameter
      Properties: {Name: /references/made, Type: String, Value: made}
"""


def test_a_project_refers_to_secrets_and_parameters(server, kms, secretsmanager, ssm, lambda_, tmp_path):
    late = "a-value-that-no-template-may-have"
    ssm.put_parameter(Name="/references/plain", Type="SecureString", Value="plain ${self:service}")
    ssm.put_parameter(Name="/references/hosts", Type="StringList", Value="a,b")
    ssm.put_parameter(Name="/references/late", Type="SecureString", Value=late)
    secretsmanager.create_secret(Name="references-db", SecretString=json.dumps({"password": "p1"}))
    (tmp_path / "serverless.yml").write_text(PROJECT)
    (tmp_path / "index.py").write_text(HANDLER)
    told = server.run("deploy", tmp_path)
    assert late not in told.stdout + told.stderr
    answer = json.loads(lambda_.invoke(FunctionName="references-dev-f")["Payload"].read())
    assert answer == {"PLAIN": "plain ${self:service}", "HOSTS": "a,b", "PASSWORD": "p1", "LATE": f"{late}-p1", "PARAMETER": "made"}
    body = json.dumps({"Name": "references-dev"}).encode()
    status, stack = send_as(server, (server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"]), "cloudlet", "Cloudlet_20261101.GetStack", body)
    assert status == 200 and late not in json.dumps(stack) and "resolve:ssm-secure" in json.dumps(stack)

    made = secretsmanager.describe_secret(SecretId="references-made")
    value = json.loads(secretsmanager.get_secret_value(SecretId="references-made")["SecretString"])
    assert value["user"] == "u" and len(value["password"]) == 40
    assert "Policy" in str(secretsmanager.get_resource_policy(SecretId="references-made"))
    key = kms.describe_key(KeyId="alias/references")["KeyMetadata"]
    assert made["KmsKeyId"] == key["Arn"] and kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    assert ssm.get_parameter(Name="/references/made")["Parameter"]["Value"] == "made"

    # Another deployment leaves the secret's value, and changes what the template changes.
    (tmp_path / "serverless.yml").write_text(PROJECT.replace("Description: one, EnableKeyRotation: true", "Description: two").replace("Value: made", "Value: changed"))
    server.run("deploy", tmp_path)
    assert json.loads(secretsmanager.get_secret_value(SecretId="references-made")["SecretString"]) == value
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"] == "two"
    assert not kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    assert ssm.get_parameter(Name="/references/made")["Parameter"]["Value"] == "changed"

    server.run("remove", tmp_path)
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert not [secret for secret in secretsmanager.list_secrets(IncludePlannedDeletion=True)["SecretList"] if secret["Name"] == "references-made"]


def test_a_parameter_that_is_not_there_is_told_with_its_place(server, tmp_path):
    (tmp_path / "serverless.yml").write_text(PROJECT.replace("/references/plain", "/references/none"))
    (tmp_path / "index.py").write_text(HANDLER)
    told = server.run("deploy", tmp_path, check=False)
    assert told.returncode != 0 and "/references/none" in told.stderr and "serverless.yml" in told.stderr
