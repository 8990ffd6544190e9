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
        DeviceConfiguration: {{ ChallengeRequiredOnNewDevice: true }}
        WebAuthnRelyingPartyID: example.com
        WebAuthnUserVerification: required
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
        settings = {"name": name, "length": 9, "schema": '[{ Name: plan, AttributeDataType: String, Mutable: true }]', "pool": f"CognitoUserPool{name.capitalize()}"} | more
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
    assert told["DeviceConfiguration"] == {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False}
    passkeys = cognito.get_user_pool_mfa_config(UserPoolId=other)["WebAuthnConfiguration"]
    assert (passkeys["RelyingPartyId"], passkeys["UserVerification"]) == ("example.com", "required")
    assert [user["Username"] for user in cognito.list_users_in_group(UserPoolId=other, GroupName="readers")["Users"]] == ["ada"]
    changed = deploy(length=12, schema="[{ Name: plan, AttributeDataType: String, Mutable: true }, { Name: born, AttributeDataType: Number }]")
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


SIGN_IN = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
resources:
  Resources:
    Users:
      Type: AWS::Cognito::UserPool
      Properties: {{ UserPoolName: {name} }}
    Domain:
      Type: AWS::Cognito::UserPoolDomain
      Properties: {{ Domain: {name}, UserPoolId: !Ref Users }}
    Api:
      Type: AWS::Cognito::UserPoolResourceServer
      Properties: {{ UserPoolId: !Ref Users, Identifier: api, Name: {api}, Scopes: [{{ ScopeName: read, ScopeDescription: Reads }}] }}
    Elsewhere:
      Type: AWS::Cognito::UserPoolIdentityProvider
      Properties:
        UserPoolId: !Ref Users
        ProviderName: Elsewhere
        ProviderType: OIDC
        ProviderDetails: {{ client_id: c, client_secret: s, attributes_request_method: GET, oidc_issuer: "https://issuer.example", authorize_scopes: openid }}
        AttributeMapping: {{ email: {claim} }}
    Web:
      Type: AWS::Cognito::UserPoolClient
      DependsOn: [Elsewhere, Api]
      Properties:
        UserPoolId: !Ref Users
        AllowedOAuthFlowsUserPoolClient: true
        AllowedOAuthFlows: [code]
        AllowedOAuthScopes: [openid, api/read]
        CallbackURLs: ["http://localhost:8484/callback"]
        SupportedIdentityProviders: [COGNITO, Elsewhere]
    Issuer:
      Type: AWS::IAM::OIDCProvider
      Properties: {{ Url: "https://{name}.example", ClientIdList: [c] }}
    Identities:
      Type: AWS::Cognito::IdentityPool
      Properties:
        AllowUnauthenticatedIdentities: {guests}
        CognitoIdentityProviders: [{{ ClientId: !Ref Web, ProviderName: !GetAtt Users.ProviderName }}]
        OpenIdConnectProviderARNs: [!GetAtt Issuer.Arn]
        IdentityPoolTags: [{{ Key: team, Value: one }}]
    Role:
      Type: AWS::IAM::Role
      Properties:
        AssumeRolePolicyDocument:
          Version: "2012-10-17"
          Statement: {{ Effect: Allow, Principal: {{ Federated: cognito-identity.amazonaws.com }}, Action: "sts:AssumeRoleWithWebIdentity" }}
    Roles:
      Type: AWS::Cognito::IdentityPoolRoleAttachment
      Properties:
        IdentityPoolId: !Ref Identities
        Roles: {{ authenticated: !GetAtt Role.Arn, unauthenticated: !GetAtt Role.Arn }}
        RoleMappings:
          users: {{ IdentityProvider: !Sub "${{Users.ProviderName}}:${{Web}}", Type: Token, AmbiguousRoleResolution: Deny }}
  Outputs:
    Users: {{ Value: !Ref Users }}
    Web: {{ Value: !Ref Web }}
    Identities: {{ Value: !Ref Identities }}
    Issuer: {{ Value: !Ref Issuer }}
"""


def test_a_stack_has_pages_providers_and_identities(server, cognito, identities, iam, tmp_path, unique):
    name = unique.replace("-", "")

    def deploy(**more):
        (tmp_path / "serverless.yml").write_text(SIGN_IN.format(**{"name": name, "api": "one", "claim": "email", "guests": "true"} | more))
        done = server.run("deploy", tmp_path)
        return dict(re.findall(r"^  (Users|Web|Identities|Issuer): (\S+)$", done.stdout, re.M))

    outputs = deploy()
    users, identity_pool = outputs["Users"], outputs["Identities"]
    assert cognito.describe_user_pool_domain(Domain=name)["DomainDescription"]["UserPoolId"] == users
    assert cognito.describe_user_pool_client(UserPoolId=users, ClientId=outputs["Web"])["UserPoolClient"]["SupportedIdentityProviders"] == ["COGNITO", "Elsewhere"]
    told = identities.describe_identity_pool(IdentityPoolId=identity_pool)
    assert (told["OpenIdConnectProviderARNs"], told["IdentityPoolTags"]) == ([outputs["Issuer"]], {"team": "one"})
    assert list(identities.get_identity_pool_roles(IdentityPoolId=identity_pool)["RoleMappings"]) == [f"cognito-idp.us-east-1.amazonaws.com/{users}:{outputs['Web']}"]
    guest = identities.get_id(IdentityPoolId=identity_pool)["IdentityId"]
    assert identities.get_credentials_for_identity(IdentityId=guest)["Credentials"]["SessionToken"]
    assert deploy(api="two", claim="mail", guests="false") == outputs, "nothing is replaced"
    assert cognito.describe_resource_server(UserPoolId=users, Identifier="api")["ResourceServer"]["Name"] == "two"
    assert cognito.describe_identity_provider(UserPoolId=users, ProviderName="Elsewhere")["IdentityProvider"]["AttributeMapping"]["email"] == "mail"
    assert not identities.describe_identity_pool(IdentityPoolId=identity_pool)["AllowUnauthenticatedIdentities"]
    server.run("remove", tmp_path)
    for call, arguments in [
        (cognito.describe_user_pool, {"UserPoolId": users}),
        (identities.describe_identity_pool, {"IdentityPoolId": identity_pool}),
        (iam.get_open_id_connect_provider, {"OpenIDConnectProviderArn": outputs["Issuer"]}),
    ]:
        with pytest.raises(ClientError):
            call(**arguments)
