//! What the signature of an executable (Authenticode) says.

use crate::pe::bytes::{slice, u16_at, u32_at};
use crate::pe::is_pe;
use authenticode::AuthenticodeSignature;
use cms::cert::{CertificateChoices, x509::Certificate, x509::der};
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier};
use der::{Decode as _, SliceReader};
use payload::signature_fields;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;

/// Bytes of a certificate table's entry before the signature.
const HEAD: usize = 8;
/// The signature is a PKCS #7 structure.
const PKCS: u16 = 2;
/// Longer ones are made to hurt: nothing but certificates is in it.
const MAX_SIGNATURE: usize = 1 << 20;
/// An RFC 3161 time stamp, and the older kind.
const TIME_STAMPS: [&str; 2] = ["1.3.6.1.4.1.311.3.3.1", "1.2.840.113549.1.9.6"];

/// A signature whose hash is that of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Whom the certificate names.
    pub signer: String,
    /// Who vouches for them; the same for a certificate that nobody vouches for.
    pub issuer: String,
    /// How the file was hashed.
    pub algorithm: &'static str,
    /// Somebody vouches for the time: it holds when the certificate has run out.
    pub time_stamped: bool,
    /// Where in the file it begins: everything before is covered.
    pub offset: usize,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            signer,
            issuer,
            algorithm,
            ..
        } = self;
        write!(f, "signed by {signer} ({algorithm}, ")?;
        if signer == issuer {
            write!(f, "a certificate of their own making")?;
        } else {
            write!(f, "certificate by {issuer}")?;
        }
        f.write_str(if self.time_stamped {
            ", time stamp)"
        } else {
            ", no time stamp)"
        })
    }
}

/// Why a signature is worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It cannot be read.
    #[error("the signature is damaged: {0}")]
    Damaged(String),
    /// The file has changed since.
    #[error("the signature does not fit the file: something in it was changed after it was signed")]
    Changed,
    /// Something of the program lies behind the signature.
    #[error("the signature does not cover the payload")]
    NotCovered,
    /// It was made with a hash that is no longer safe.
    #[error("the signature uses {0}, which Windows no longer accepts")]
    Algorithm(String),
}

fn damaged(why: impl fmt::Display) -> SignatureError {
    SignatureError::Damaged(why.to_string())
}

/// The signature of `file`; `None` for one without, or what is no Windows executable. That the hash in it is the file's is
/// checked; whether the certificate is to be trusted is for the system to say that runs the program.
///
/// # Errors
/// When it does not fit.
pub fn read(file: &[u8]) -> Result<Option<Signature>, SignatureError> {
    let Some([sum, entry]) = signature_fields(file).filter(|_| is_pe(file)) else {
        return Ok(None);
    };
    let long = |at| u32_at(file, at).unwrap_or_default() as usize;
    let (offset, size) = (long(entry.start), long(entry.start + 4));
    if (offset, size) == (0, 0) {
        return Ok(None);
    }
    let end = offset.saturating_add(size);
    if offset <= entry.end || end > file.len() {
        return Err(damaged("it is outside of the file"));
    }
    if end < file.len() {
        return Err(damaged("there is something behind it"));
    }
    let encoded = encoded(&file[offset..])?;
    let parsed = AuthenticodeSignature::from_bytes(encoded).map_err(damaged)?;
    let pieces = [
        &file[..sum.start],
        &file[sum.end..entry.start],
        &file[entry.end..offset],
    ];
    let (algorithm, hash) = hash(&parsed.digest_algorithm().oid.to_string(), pieces)?;
    if hash != parsed.digest() {
        return Err(SignatureError::Changed);
    }
    let (signer, issuer) = names(encoded)?;
    let attributes = parsed.signer_info().unsigned_attrs.as_ref();
    let time_stamped = attributes.is_some_and(|attributes| {
        let mut kinds = attributes.iter().map(|attribute| attribute.oid.to_string());
        kinds.any(|kind| TIME_STAMPS.contains(&kind.as_str()))
    });
    Ok(Some(Signature {
        signer,
        issuer,
        algorithm,
        time_stamped,
        offset,
    }))
}

/// The signature in a certificate table's first entry.
fn encoded(table: &[u8]) -> Result<&[u8], SignatureError> {
    let length = u32_at(table, 0).unwrap_or_default() as usize;
    let kind = u16_at(table, 6).unwrap_or_default();
    if kind != PKCS {
        return Err(damaged(format!(
            "it is of kind {kind}, and {PKCS} is known"
        )));
    }
    length
        .checked_sub(HEAD)
        .filter(|length| *length <= MAX_SIGNATURE)
        .and_then(|length| slice(table, HEAD, length))
        .ok_or_else(|| damaged(format!("it says that it has {length} bytes")))
}

fn hash(oid: &str, pieces: [&[u8]; 3]) -> Result<(&'static str, Vec<u8>), SignatureError> {
    fn of<D: Digest>(pieces: [&[u8]; 3]) -> Vec<u8> {
        let mut digest = D::new();
        pieces.iter().for_each(|piece| digest.update(piece));
        digest.finalize().to_vec()
    }
    match oid {
        "2.16.840.1.101.3.4.2.1" => Ok(("SHA-256", of::<Sha256>(pieces))),
        "2.16.840.1.101.3.4.2.2" => Ok(("SHA-384", of::<Sha384>(pieces))),
        "2.16.840.1.101.3.4.2.3" => Ok(("SHA-512", of::<Sha512>(pieces))),
        "1.3.14.3.2.26" => Err(SignatureError::Algorithm("SHA-1".into())),
        other => Err(SignatureError::Algorithm(other.to_owned())),
    }
}

/// Whom the signer's certificate names, and who vouches for them.
fn names(encoded: &[u8]) -> Result<(String, String), SignatureError> {
    let mut reader = SliceReader::new(encoded).map_err(damaged)?;
    let content = ContentInfo::decode(&mut reader).map_err(damaged)?;
    let signed: SignedData = content.content.decode_as().map_err(damaged)?;
    let signer = signed.signer_infos.0.iter().next();
    let Some(SignerIdentifier::IssuerAndSerialNumber(id)) = signer.map(|signer| &signer.sid) else {
        return Err(damaged("it does not say by whose certificate it was made"));
    };
    let is_signers = |certificate: &&Certificate| {
        let of = &certificate.tbs_certificate;
        of.issuer == id.issuer && of.serial_number == id.serial_number
    };
    let certificates = signed.certificates.iter().flat_map(|set| set.0.iter());
    let mut certificates = certificates.filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    });
    let certificate = certificates.find(is_signers);
    let certificate =
        certificate.ok_or_else(|| damaged("the signer's certificate is not in it"))?;
    let of = &certificate.tbs_certificate;
    Ok((of.subject.to_string(), of.issuer.to_string()))
}

/// As [`read`] for a packed program, whose payload ends at `payload_end` and must be covered.
///
/// # Errors
/// As [`read`], or when it is not.
pub fn read_packed(file: &[u8], payload_end: u64) -> Result<Option<Signature>, SignatureError> {
    let signature = read(file)?;
    match &signature {
        Some(found) if (found.offset as u64) < payload_end => Err(SignatureError::NotCovered),
        _ => Ok(signature),
    }
}
