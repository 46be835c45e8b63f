# /// script
# dependencies = ["cryptography"]
# [tool.libraries]
# environment = "core"
# ///
import datetime

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

key = Fernet.generate_key()
assert Fernet(key).decrypt(Fernet(key).encrypt(b"secret")) == b"secret"
private = ec.generate_private_key(ec.SECP256R1())
signature = private.sign(b"text", ec.ECDSA(hashes.SHA256()))
private.public_key().verify(signature, b"text", ec.ECDSA(hashes.SHA256()))
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pack")])
now = datetime.datetime(2026, 1, 1)
certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
               .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(1))
               .sign(private, hashes.SHA256()))
assert b"BEGIN CERTIFICATE" in certificate.public_bytes(serialization.Encoding.PEM)
assert rsa.generate_private_key(65537, 2048).key_size == 2048
