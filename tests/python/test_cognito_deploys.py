"""User pools in a serverless.yml: made with all that they have, changed, removed, and the functions that they ask."""

import re

import pytest
from botocore.exceptions import ClientError
from cognito_users import PASSWORD, claims
from test_cognito import named

CONFIG = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
functions:
  welcome:
    handler: handler.welcome
    events:
      - cognitoUserPool: {{ pool: {name}, trigger: PreSignUp }}
  claims:
    handler: handler.claims
    events:
      - cognitoUserPool: {{ pool: {name}, trigger: PreTokenGeneration }}
resources:
  Resources:
    Other:
      Type: AWS::Cognito::UserPool
      Properties:
        AutoVerifiedAttributes: [email]
        Policies: {{ PasswordPolicy: {{ MinimumLength: {length} }} }}
        Schema: {schema}
        MfaConfiguration: OPTIONAL
        EnabledMfas: [SOFTWARE_TOKEN_MFA]
    Web:
      Type: AWS::Cognito::UserPoolClient
      Properties:
        UserPoolId: !Ref {pool}
        ExplicitAuthFlows: [ALLOW_USER_PASSWORD_AUTH]
    Readers:
      Type: AWS::Cognito::UserPoolGroup
      Properties: {{ UserPoolId: !Ref Other, GroupName: readers }}
    Ada:
      Type: AWS::Cognito::UserPoolUser
      Properties: {{ UserPoolId: !Ref Other, Username: ada, MessageAction: SUPPRESS }}
    AdaReads:
      Type: AWS::Cognito::UserPoolUserToGroupAttachment
      Properties: {{ UserPoolId: !Ref Other, Username: !Ref Ada, GroupName: !Ref Readers }}
  Outputs:
    Pool: {{ Value: !Ref {pool} }}
    Issuer: {{ Value: !GetAtt {pool}.ProviderURL }}
    Other: {{ Value: !Ref Other }}
    Client: {{ Value: !Ref Web }}
"""
HANDLER = """
def welcome(event, context):
    event["response"]["autoConfirmUser"] = True
    return event

def claims(event, context):
    event["response"]["claimsOverrideDetails"] = {"claimsToAddOrOverride": {"color": "red"}}
    return event
"""


def test_a_stack_has_pools_and_their_functions(server, cognito, tmp_path, unique):
    name = unique.replace("-", "")
    (tmp_path / "handler.py").write_text(HANDLER)

    def deploy(**more):
        settings = {"name": name, "length": 9, "schema": '[{ Name: plan, Mutable: true }]', "pool": f"CognitoUserPool{name.capitalize()}"} | more
        (tmp_path / "serverless.yml").write_text(CONFIG.format(**settings))
        done = server.run("deploy", tmp_path)
        return dict(re.findall(r"^  (Pool|Issuer|Other|Client): (\S+)$", done.stdout, re.M))

    outputs = deploy()
    pool, client, other = outputs["Pool"], outputs["Client"], outputs["Other"]
    assert outputs["Issuer"] == f"{server.endpoint}/{pool}"
    assert cognito.sign_up(ClientId=client, Username="bob", Password=PASSWORD)["UserConfirmed"]
    parameters = {"USERNAME": "bob", "PASSWORD": PASSWORD}
    tokens = cognito.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)["AuthenticationResult"]
    assert (claims(tokens["IdToken"])["color"], claims(tokens["IdToken"])["iss"]) == ("red", outputs["Issuer"])
    told = cognito.describe_user_pool(UserPoolId=other)["UserPool"]
    assert (told["Policies"]["PasswordPolicy"]["MinimumLength"], told["MfaConfiguration"]) == (9, "OPTIONAL")
    assert [user["Username"] for user in cognito.list_users_in_group(UserPoolId=other, GroupName="readers")["Users"]] == ["ada"]
    changed = deploy(length=12, schema="[{ Name: plan, Mutable: true }, { Name: born, AttributeDataType: Number }]")
    assert changed == outputs, "nothing is replaced"
    told = cognito.describe_user_pool(UserPoolId=other)["UserPool"]
    assert (told["Policies"]["PasswordPolicy"]["MinimumLength"], told["MfaConfiguration"]) == (12, "OPTIONAL")
    assert "custom:born" in {attribute["Name"] for attribute in told["SchemaAttributes"]}
    assert named(cognito.admin_get_user(UserPoolId=pool, Username="bob")["UserAttributes"])["sub"]
    server.run("remove", tmp_path)
    for id in (pool, other):
        with pytest.raises(ClientError) as caught:
            cognito.describe_user_pool(UserPoolId=id)
        assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
