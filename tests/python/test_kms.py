"""KMS: keys, what is done with them, who may, and what becomes of them. Signatures and ciphertexts are checked by another library."""

import hashlib
import hmac
import json
import os

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key


def refused(call, *codes, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] in codes, error
    return error["Message"]


def make(kms, **arguments):
    return kms.create_key(**arguments)["KeyMetadata"]["KeyId"]


def user(server, iam, name, *statements):
    """The client of a user with these statements, and the user's ARN."""
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client_as("kms", key["AccessKeyId"], key["SecretAccessKey"]), arn


def test_a_key_encrypts_in_its_context_and_is_described(kms):
    told = kms.create_key(Description="d", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    assert told["Arn"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{told['KeyId']}"
    assert (told["KeyState"], told["KeySpec"], told["KeyUsage"], told["Origin"]) == ("Enabled", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS")
    assert kms.describe_key(KeyId=told["Arn"])["KeyMetadata"] == told
    key, context = told["KeyId"], {"a": "1", "b": "2"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
    assert b"secret" not in blob
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"b": "2", "a": "1"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", told["Arn"])
    for wrong in [{}, {"a": "1"}, {"a": "12", "b": ""}, {"a": "1", "b": "2", "c": "3"}]:
        refused(kms.decrypt, "InvalidCiphertextException", CiphertextBlob=blob, EncryptionContext=wrong)
    for changed in [blob[:-1], blob + b"x", blob[:20] + bytes([blob[20] ^ 1]) + blob[21:], b"x"]:
        refused(kms.decrypt, "InvalidCiphertextException", CiphertextBlob=changed, EncryptionContext=context)
    refused(kms.decrypt, "IncorrectKeyException", CiphertextBlob=blob, KeyId=make(kms), EncryptionContext=context)
    other = make(kms)
    again = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=other)
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"], KeyId=other)["Plaintext"] == b"secret"
    assert key in {listed["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}) for listed in page["Keys"]}
    kms.update_key_description(KeyId=key, Description="e")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "e"


def test_data_keys(kms):
    key = make(kms)
    for spec, length in [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 100}, 100)]:
        made = kms.generate_data_key(KeyId=key, EncryptionContext={"k": "v"}, **spec)
        assert len(made["Plaintext"]) == length
        assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"k": "v"})["Plaintext"] == made["Plaintext"]
    made = kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    assert "Plaintext" not in made and len(kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]) == 32
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P384")
    private = load_der_private_key(pair["PrivateKeyPlaintext"], None)
    load_der_public_key(pair["PublicKey"]).verify(private.sign(b"m", ec.ECDSA(hashes.SHA384())), b"m", ec.ECDSA(hashes.SHA384()))
    assert kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"])["Plaintext"] == pair["PrivateKeyPlaintext"]
    pair = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec="RSA_2048")
    assert "PrivateKeyPlaintext" not in pair and isinstance(load_der_public_key(pair["PublicKey"]), rsa.RSAPublicKey)
    assert len(kms.generate_random(NumberOfBytes=1024)["Plaintext"]) == 1024
    refused(kms.generate_random, "ValidationException")
    refused(kms.generate_data_key, "ValidationException", KeyId=key)
    refused(kms.generate_data_key, "ValidationException", KeyId=key, KeySpec="AES_256", NumberOfBytes=32)
    refused(kms.generate_data_key, "DryRunOperationException", KeyId=key, KeySpec="AES_256", DryRun=True)


@pytest.mark.parametrize("spec, algorithm, digest", [
    ("ECC_NIST_P256", "ECDSA_SHA_256", hashes.SHA256()),
    ("ECC_NIST_P384", "ECDSA_SHA_384", hashes.SHA384()),
    ("ECC_NIST_P521", "ECDSA_SHA_512", hashes.SHA512()),
    ("ECC_SECG_P256K1", "ECDSA_SHA_256", hashes.SHA256()),
    ("RSA_2048", "RSASSA_PSS_SHA_256", hashes.SHA256()),
    ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_384", hashes.SHA384()),
    ("RSA_2048", "RSASSA_PSS_SHA_512", hashes.SHA512()),
])
def test_signatures_are_what_another_library_takes_and_makes(kms, spec, algorithm, digest):
    key = make(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")
    told = kms.get_public_key(KeyId=key)
    assert algorithm in told["SigningAlgorithms"] and told["KeySpec"] == spec
    public, message = load_der_public_key(told["PublicKey"]), os.urandom(100)
    hashed = hashlib.new(digest.name, message).digest()

    def check(signature, message):
        if spec.startswith("ECC"):
            public.verify(signature, message, ec.ECDSA(digest))
        elif "PSS" in algorithm:
            public.verify(signature, message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        else:
            public.verify(signature, message, padding.PKCS1v15(), digest)

    for kind, sent in [("RAW", message), ("DIGEST", hashed)]:
        signature = kms.sign(KeyId=key, Message=sent, MessageType=kind, SigningAlgorithm=algorithm)["Signature"]
        check(signature, message)
        with pytest.raises(InvalidSignature):
            check(signature, message + b"x")
        assert kms.verify(KeyId=key, Message=hashed, MessageType="DIGEST", SigningAlgorithm=algorithm, Signature=signature)["SignatureValid"]
        refused(kms.verify, "KMSInvalidSignatureException", KeyId=key, Message=b"other", SigningAlgorithm=algorithm, Signature=signature)
        refused(kms.verify, "KMSInvalidSignatureException", KeyId=key, Message=message, SigningAlgorithm=algorithm, Signature=b"x")
    refused(kms.sign, "ValidationException", KeyId=key, Message=b"short", MessageType="DIGEST", SigningAlgorithm=algorithm)
    refused(kms.encrypt, "InvalidKeyUsageException", KeyId=key, Plaintext=b"x")


def test_signatures_of_another_library_are_verified_in_both_their_forms(kms):
    """The group order less a valid `s` is valid, too: one library makes only the lower of the two."""
    private = ec.generate_private_key(ec.SECP256K1())
    key = imported(kms, private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    r, s = utils.decode_dss_signature(private.sign(b"m", ec.ECDSA(hashes.SHA256())))
    for form in (s, order - s):
        signature = utils.encode_dss_signature(r, form)
        assert kms.verify(KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256", Signature=signature)["SignatureValid"]


def test_rsa_encrypts_as_another_library_does(kms):
    key = make(kms, KeySpec="RSA_3072", KeyUsage="ENCRYPT_DECRYPT")
    public = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    for algorithm, digest, most in [("RSAES_OAEP_SHA_1", hashes.SHA1(), 342), ("RSAES_OAEP_SHA_256", hashes.SHA256(), 318)]:
        blob = public.encrypt(b"secret", padding.OAEP(padding.MGF1(digest), digest, None))
        assert kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)["Plaintext"] == b"secret"
        blob = kms.encrypt(KeyId=key, Plaintext=b"x" * most, EncryptionAlgorithm=algorithm)["CiphertextBlob"]
        assert kms.decrypt(KeyId=key, CiphertextBlob=blob, EncryptionAlgorithm=algorithm)["Plaintext"] == b"x" * most
        message = refused(kms.encrypt, "ValidationException", KeyId=key, Plaintext=b"x" * (most + 1), EncryptionAlgorithm=algorithm)
        assert message == f"Algorithm {algorithm} and key spec RSA_3072 cannot encrypt data larger than {most} bytes."
        refused(kms.decrypt, "InvalidCiphertextException", KeyId=key, CiphertextBlob=b"x" * 384, EncryptionAlgorithm=algorithm)


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_macs(kms, bits):
    secret = os.urandom(bits // 8)
    key = imported(kms, secret, KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")
    algorithm = f"HMAC_SHA_{bits}"
    mac = kms.generate_mac(KeyId=key, Message=b"m", MacAlgorithm=algorithm)["Mac"]
    assert mac == hmac.new(secret, b"m", f"sha{bits}").digest()
    assert kms.verify_mac(KeyId=key, Message=b"m", MacAlgorithm=algorithm, Mac=mac)["MacValid"]
    refused(kms.verify_mac, "KMSInvalidMacException", KeyId=key, Message=b"n", MacAlgorithm=algorithm, Mac=mac)
    refused(kms.generate_mac, "InvalidKeyUsageException", KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_224" if bits != 224 else "HMAC_SHA_256")


def test_two_parties_agree_on_a_secret(kms):
    key = make(kms, KeySpec="ECC_NIST_P384", KeyUsage="KEY_AGREEMENT")
    other = ec.generate_private_key(ec.SECP384R1())
    public = other.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    secret = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=public)["SharedSecret"]
    assert secret == other.exchange(ec.ECDH(), load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"]))
    wrong = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    refused(kms.derive_shared_secret, "ValidationException", KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=wrong)


def imported(kms, material, wrapping="RSAES_OAEP_SHA_256", **arguments):
    """A key whose material is this one."""
    key = make(kms, Origin="EXTERNAL", **arguments)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    give(kms, key, material, wrapping)
    return key


def give(kms, key, material, wrapping="RSAES_OAEP_SHA_256", **arguments):
    parameters = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=wrapping, WrappingKeySpec="RSA_2048")
    public, oaep = load_der_public_key(parameters["PublicKey"]), padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    if wrapping.startswith("RSA_AES"):
        secret = os.urandom(32)
        wrapped = public.encrypt(secret, oaep) + aes_key_wrap_with_padding(secret, material)
    else:
        wrapped = public.encrypt(material, oaep)
    arguments = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"} | arguments
    return kms.import_key_material(KeyId=key, ImportToken=parameters["ImportToken"], EncryptedKeyMaterial=wrapped, **arguments)


def test_material_comes_from_outside_goes_and_comes_again(kms):
    secret = os.urandom(32)
    key = imported(kms, secret)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    named = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    kms.delete_imported_key_material(KeyId=key)
    gone = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (gone["KeyState"], gone["CurrentKeyMaterialId"]) == ("PendingImport", named) and "ExpirationModel" not in gone
    assert "pending import" in refused(kms.decrypt, "KMSInvalidStateException", CiphertextBlob=blob)
    with pytest.raises(ClientError) as caught:
        give(kms, key, os.urandom(32))
    assert caught.value.response["Error"]["Code"] == "IncorrectKeyMaterialException"
    give(kms, key, secret)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with pytest.raises(ClientError):
        give(kms, key, b"short")
    # A private key of RSA is wrapped in two steps.
    private = rsa.generate_private_key(65537, 2048)
    der = private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = imported(kms, der, "RSA_AES_KEY_WRAP_SHA_256", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    signature = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")["Signature"]
    assert signature == private.sign(b"m", padding.PKCS1v15(), hashes.SHA256())
    refused(kms.get_parameters_for_import, "UnsupportedOperationException", KeyId=make(kms), WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")


def test_what_was_encrypted_before_a_rotation_still_decrypts(kms):
    key = make(kms)
    before = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["KeyRotationEnabled"] and status["RotationPeriodInDays"] == 90 and status["NextRotationDate"]
    kms.rotate_key_on_demand(KeyId=key)
    after = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert after != before
    opened = kms.decrypt(CiphertextBlob=blob)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"x", before)
    assert kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"y")["CiphertextBlob"])["KeyMaterialId"] == after
    [rotation] = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert (rotation["RotationType"], rotation["KeyMaterialId"]) == ("ON_DEMAND", after)
    assert len(kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]) == 2
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    refused(kms.enable_key_rotation, "ValidationException", KeyId=key, RotationPeriodInDays=1)
    refused(kms.rotate_key_on_demand, "UnsupportedOperationException", KeyId=make(kms, KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC"))


def test_a_key_that_is_disabled_or_about_to_go_is_of_no_use(kms):
    key = make(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    assert "is disabled." in refused(kms.decrypt, "DisabledException", CiphertextBlob=blob)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    told = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert told["KeyState"] == "PendingDeletion" and told["PendingWindowInDays"] == 7
    refused(kms.decrypt, "KMSInvalidStateException", CiphertextBlob=blob)
    refused(kms.enable_key, "KMSInvalidStateException", KeyId=key)
    refused(kms.schedule_key_deletion, "KMSInvalidStateException", KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    refused(kms.schedule_key_deletion, "ValidationException", KeyId=key, PendingWindowInDays=6)


def test_aliases(kms, unique):
    first, second = make(kms), make(kms)
    name = f"alias/{unique}"
    kms.create_alias(AliasName=name, TargetKeyId=first)
    refused(kms.create_alias, "AlreadyExistsException", AliasName=name, TargetKeyId=second)
    blob = kms.encrypt(KeyId=name, Plaintext=b"x")["CiphertextBlob"]
    kms.update_alias(AliasName=name, TargetKeyId=second)
    assert kms.decrypt(CiphertextBlob=blob)["KeyId"].endswith(first)
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyId"] == second
    [alias] = kms.list_aliases(KeyId=second)["Aliases"]
    assert (alias["AliasArn"], alias["TargetKeyId"]) == (arn, second)
    # What manages a key wants its id or ARN.
    manage = [kms.enable_key_rotation, kms.disable_key, kms.schedule_key_deletion, kms.get_key_policy, kms.list_grants, kms.list_resource_tags, kms.get_key_rotation_status]
    for call in manage:
        assert "id or ARN" in refused(call, "NotFoundException", KeyId=name)
    refused(kms.disable_key, "NotFoundException", KeyId=arn)
    kms.delete_alias(AliasName=name)
    refused(kms.describe_key, "NotFoundException", KeyId=name)
    for bad, code in [("x", "ValidationException"), ("alias/aws/x", "InvalidAliasNameException"), ("alias/a b", "ValidationException"), ("alias/a:b", "ValidationException")]:
        refused(kms.create_alias, code, AliasName=bad, TargetKeyId=first)
    # A service's own key is made when it is first asked for.
    told = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert told["KeyManager"] == "AWS" and kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"] == told
    refused(kms.disable_key, "UnsupportedOperationException", KeyId=told["KeyId"])
    refused(kms.describe_key, "NotFoundException", KeyId="alias/aws/nothing")


def test_tags_and_policies(kms):
    key = make(kms, Tags=[{"TagKey": "a", "TagValue": "1"}])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    assert refused(kms.tag_resource, "TagException", KeyId=key, Tags=[{"TagKey": "aws:x", "TagValue": ""}]) == "Tags beginning with aws: are reserved"
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    document = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert document["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    refused(kms.put_key_policy, "MalformedPolicyDocumentException", KeyId=key, Policy="{}")
    shut = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/x"}, "Action": "kms:*", "Resource": "*"}]})
    assert "in the future" in refused(kms.put_key_policy, "MalformedPolicyDocumentException", KeyId=key, Policy=shut)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=shut, BypassPolicyLockoutSafetyCheck=True)


def test_a_key_policy_decides_and_leaves_to_the_account_what_it_says(server, iam, kms, unique):
    everything = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    mighty, _ = user(server, iam, f"{unique}-mighty", everything)
    nobody, arn = user(server, iam, f"{unique}-nobody")
    key = make(kms)
    blob = mighty.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    refused(nobody.decrypt, "AccessDeniedException", CiphertextBlob=blob)
    only = [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringEquals": {"kms:EncryptionContext:app": "a"}}}]
    kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": only}), BypassPolicyLockoutSafetyCheck=True)
    message = refused(mighty.decrypt, "AccessDeniedException", CiphertextBlob=blob)
    assert "no resource-based policy allows" in message
    refused(nobody.decrypt, "AccessDeniedException", CiphertextBlob=blob)
    blob = kms.encrypt(KeyId=key, Plaintext=b"y", EncryptionContext={"app": "a"})["CiphertextBlob"]
    assert nobody.decrypt(CiphertextBlob=blob, EncryptionContext={"app": "a"})["Plaintext"] == b"y"
    # The context decides before it is known whether it is the right one.
    refused(nobody.decrypt, "AccessDeniedException", CiphertextBlob=blob, EncryptionContext={"app": "b"})


def test_grants_allow_until_they_are_revoked_and_no_policy_that_denies_gives_way(server, iam, kms, unique):
    grantee, arn = user(server, iam, f"{unique}-grantee")
    retiring, retiring_arn = user(server, iam, f"{unique}-retiring")
    key = make(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1", "b": "2"})["CiphertextBlob"]
    arguments = {"KeyId": key, "GranteePrincipal": arn, "RetiringPrincipal": retiring_arn, "Operations": ["Decrypt", "DescribeKey"], "Constraints": {"EncryptionContextSubset": {"a": "1"}}}
    grant = kms.create_grant(Name="g", **arguments)
    assert kms.create_grant(Name="g", **arguments)["GrantId"] == grant["GrantId"], "a repeated request makes no second one"
    assert grantee.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "1", "b": "2"})["Plaintext"] == b"x"
    refused(grantee.decrypt, "AccessDeniedException", CiphertextBlob=blob, EncryptionContext={"b": "2"})
    refused(grantee.encrypt, "AccessDeniedException", KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1"})
    [listed] = kms.list_grants(KeyId=key)["Grants"]
    assert (listed["GranteePrincipal"], listed["Constraints"]) == (arn, arguments["Constraints"])
    assert [found["GrantId"] for found in kms.list_retirable_grants(RetiringPrincipal=retiring_arn)["Grants"]] == [grant["GrantId"]]
    deny = {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}
    iam.put_user_policy(UserName=f"{unique}-grantee", PolicyName="deny", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    assert "explicit deny" in refused(grantee.decrypt, "AccessDeniedException", CiphertextBlob=blob, EncryptionContext={"a": "1", "b": "2"})
    iam.delete_user_policy(UserName=f"{unique}-grantee", PolicyName="deny")
    refused(grantee.retire_grant, "AccessDeniedException", GrantToken=grant["GrantToken"])
    retiring.retire_grant(GrantToken=grant["GrantToken"])
    refused(grantee.decrypt, "AccessDeniedException", CiphertextBlob=blob, EncryptionContext={"a": "1", "b": "2"})
    grant = kms.create_grant(**arguments)
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert kms.list_grants(KeyId=key)["Grants"] == []
    refused(kms.revoke_grant, "InvalidGrantIdException", KeyId=key, GrantId=grant["GrantId"])


@pytest.mark.parametrize("arguments, code", [
    ({"KeySpec": "HMAC_random"}, "ValidationException"),
    ({"KeySpec": "RSA_2048"}, "ValidationException"),
    ({"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"}, "ValidationException"),
    ({"Policy": "nonsense"}, "MalformedPolicyDocumentException"),
    ({"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]}, "TagException"),
    ({"MultiRegion": True, "Origin": "EXTERNAL"}, "NotImplemented"),
    ({"CustomKeyStoreId": "cks-1"}, "NotImplemented"),
    ({"KeySpec": "ML_DSA_44", "KeyUsage": "SIGN_VERIFY"}, "NotImplemented"),
])
def test_keys_that_cannot_be(kms, arguments, code):
    refused(kms.create_key, code, **arguments)


def elsewhere(server):
    root = server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"]
    return server.client_as("kms", *root, region="eu-west-1")


def test_a_key_in_two_regions_is_one(server, kms):
    primary = kms.create_key(MultiRegion=True, Description="d")["KeyMetadata"]
    key, there = primary["KeyId"], elsewhere(server)
    assert key.startswith("mrk-") and len(key) == 36 and primary["MultiRegionConfiguration"]["ReplicaKeys"] == []
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]
    refused(there.decrypt, "InvalidCiphertextException", CiphertextBlob=blob, EncryptionContext={"a": "b"})
    made = kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1", Tags=[{"TagKey": "t", "TagValue": "v"}])
    replica = made["ReplicaKeyMetadata"]
    arns = [f"arn:aws:kms:{region}:{ACCOUNT}:key/{key}" for region in (REGION, "eu-west-1")]
    assert (replica["Arn"], replica["Description"], made["ReplicaTags"]) == (arns[1], "", [{"TagKey": "t", "TagValue": "v"}])
    for client, kind in [(kms, "PRIMARY"), (there, "REPLICA")]:
        told = client.describe_key(KeyId=key)["KeyMetadata"]
        assert told["MultiRegionConfiguration"] == {"MultiRegionKeyType": kind, "PrimaryKey": {"Arn": arns[0], "Region": REGION}, "ReplicaKeys": [{"Arn": arns[1], "Region": "eu-west-1"}]}
        assert told["CurrentKeyMaterialId"] == primary["CurrentKeyMaterialId"]
    opened = there.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", arns[1])
    back = there.encrypt(KeyId=key, Plaintext=b"there")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=back, KeyId=key)["Plaintext"] == b"there"
    refused(kms.replicate_key, "AlreadyExistsException", KeyId=key, ReplicaRegion="eu-west-1")
    message = refused(there.replicate_key, "UnsupportedOperationException", KeyId=key, ReplicaRegion="us-west-2")
    assert message == f"{arns[1]} is not a multi-region primary key."
    refused(kms.replicate_key, "UnsupportedOperationException", KeyId=make(kms), ReplicaRegion="eu-west-1")
    refused(kms.replicate_key, "ValidationException", KeyId=key, ReplicaRegion="Elsewhere!")


def test_a_key_is_in_so_many_regions_and_no_more(kms):
    key = make(kms, MultiRegion=True)
    for number in range(50):
        kms.replicate_key(KeyId=key, ReplicaRegion=f"eu-north-{number + 1}")
    refused(kms.replicate_key, "LimitExceededException", KeyId=key, ReplicaRegion="eu-north-51")
    refused(kms.replicate_key, "AlreadyExistsException", KeyId=key, ReplicaRegion="eu-north-50")


def test_keys_in_two_regions_rotate_together_and_change_places(server, kms):
    key, there = make(kms, MultiRegion=True), elsewhere(server)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    assert there.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 100
    for call in (there.rotate_key_on_demand, there.enable_key_rotation, there.disable_key_rotation):
        refused(call, "UnsupportedOperationException", KeyId=key)
    kms.rotate_key_on_demand(KeyId=key)
    material = lambda client: client.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert material(kms) == material(there)
    refused(kms.update_primary_region, "NotFoundException", KeyId=key, PrimaryRegion="us-west-2")
    kms.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")
    configured = kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert (configured["MultiRegionKeyType"], configured["PrimaryKey"]["Region"], [replica["Region"] for replica in configured["ReplicaKeys"]]) == ("REPLICA", "eu-west-1", [REGION])
    before = material(kms)
    refused(kms.rotate_key_on_demand, "UnsupportedOperationException", KeyId=key)
    there.rotate_key_on_demand(KeyId=key)
    assert material(kms) == material(there) != before
    blob = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=blob)["Plaintext"] == b"new"


def test_a_primary_key_is_deleted_after_its_replicas(server, kms):
    key, there = make(kms, MultiRegion=True), elsewhere(server)
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    told = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=8)
    assert (told["KeyState"], told["PendingWindowInDays"]) == ("PendingReplicaDeletion", 8) and "DeletionDate" not in told
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["PendingDeletionWindowInDays"] == 8
    assert "pending replica deletion" in refused(kms.encrypt, "KMSInvalidStateException", KeyId=key, Plaintext=b"x")
    assert there.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


def test_who_replicates_a_key_may_make_keys_and_change_both(server, iam, kms, unique):
    key = make(kms, MultiRegion=True)
    client, arn = user(server, iam, unique, {"Effect": "Allow", "Action": "kms:ReplicateKey", "Resource": "*", "Condition": {"StringEquals": {"kms:ReplicaRegion": "eu-west-1", "kms:MultiRegionKeyType": "PRIMARY"}}})
    assert "kms:CreateKey" in refused(client.replicate_key, "AccessDeniedException", KeyId=key, ReplicaRegion="eu-west-1")
    more = [{"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"}, {"Effect": "Allow", "Action": "kms:UpdatePrimaryRegion", "Resource": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"}]
    iam.put_user_policy(UserName=unique, PolicyName="more", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": more}))
    assert "kms:ReplicateKey" in refused(client.replicate_key, "AccessDeniedException", KeyId=key, ReplicaRegion="us-west-2")
    client.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    assert f"key/{key}" in refused(client.update_primary_region, "AccessDeniedException", KeyId=key, PrimaryRegion="eu-west-1")


@pytest.mark.parametrize("named, message", [
    ("nonsense", "Invalid keyId 'nonsense'"),
    ("134f2428-cec1-4b25-a1ae-9048164dba47", f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/134f2428-cec1-4b25-a1ae-9048164dba47' does not exist"),
    ("arn:aws:kms:eu-west-1:000000000000:key/134f2428-cec1-4b25-a1ae-9048164dba47", "Invalid arn eu-west-1"),
])
def test_keys_that_are_not_there(kms, named, message):
    assert refused(kms.describe_key, "NotFoundException", KeyId=named) == message


def test_keys_survive_a_crash_and_no_secret_is_in_the_data_folder(tmp_path):
    server = Server(tmp_path / "data")
    try:
        kms, secret, plaintext = server.client("kms"), os.urandom(32), os.urandom(32)
        key = imported(kms, secret)
        blob = kms.encrypt(KeyId=key, Plaintext=plaintext)["CiphertextBlob"]
        secrets, parameters = server.client("secretsmanager"), server.client("ssm")
        marker = "a-value-that-nobody-may-see"
        secrets.create_secret(Name="s", SecretString=marker)
        parameters.put_parameter(Name="p", Type="SecureString", Value=marker)
        server.kill()
        for file in (path for path in server.data.rglob("*") if path.is_file()):
            content = file.read_bytes()
            assert secret not in content and plaintext not in content and marker.encode() not in content, file
        assert marker not in server.logged()
        server.start()
        assert server.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == plaintext
        assert server.client("secretsmanager").get_secret_value(SecretId="s")["SecretString"] == marker
        assert server.client("ssm").get_parameter(Name="p", WithDecryption=True)["Parameter"]["Value"] == marker
    finally:
        server.kill()
