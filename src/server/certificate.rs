//! What a user needs to see of a certificate: its fingerprint and whom it names.

use sha2::{Digest as _, Sha256};

/// SHA-256 of the DER form, lower-case hex.
pub(super) fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The common name of the subject, else its organisation; empty when there is neither.
///
/// RFC 5280 §4.1: `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version?, serial, algorithm, issuer, validity, subject, … }, … }`.
pub(super) fn subject(der: &[u8]) -> String {
    name_of_subject(der).unwrap_or_default()
}

/// Object identifiers 2.5.4.3 (common name) and 2.5.4.10 (organisation).
const NAMES: [[u8; 3]; 2] = [[0x55, 0x04, 0x03], [0x55, 0x04, 0x0a]];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const OBJECT_IDENTIFIER: u8 = 0x06;

fn name_of_subject(der: &[u8]) -> Option<String> {
    let (_, certificate, _) = element(der, SEQUENCE)?;
    let (_, mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        (_, _, rest) = any_element(rest)?;
    }
    for _ in 0..4 {
        // serial, algorithm, issuer, validity
        (_, _, rest) = any_element(rest)?;
    }
    let (_, subject, _) = element(rest, SEQUENCE)?;
    NAMES.iter().find_map(|wanted| {
        let mut parts = subject;
        while !parts.is_empty() {
            let (_, set, after) = element(parts, SET)?;
            parts = after;
            let (_, pair, _) = element(set, SEQUENCE)?;
            let (_, oid, value) = element(pair, OBJECT_IDENTIFIER)?;
            if oid == wanted {
                let (tag, text, _) = any_element(value)?;
                return Some(decode_text(tag, text));
            }
        }
        None
    })
}

/// `BMPString` is UTF-16; the other text types are ASCII or UTF-8.
fn decode_text(tag: u8, bytes: &[u8]) -> String {
    const BMP_STRING: u8 = 0x1e;
    if tag == BMP_STRING {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .filter_map(|pair| <[u8; 2]>::try_from(pair).ok().map(u16::from_be_bytes))
            .collect();
        String::from_utf16_lossy(&units)
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// An element with this tag: its tag, its content and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(u8, &[u8], &[u8])> {
    any_element(der).filter(|(found, _, _)| *found == tag)
}

fn any_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if bytes.len() > 4 {
            return None;
        }
        let length = bytes
            .iter()
            .fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        (length, rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_for(common_name: &str) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut parameters =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a valid name");
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, common_name);
        parameters.self_signed(&key).expect("signed").der().to_vec()
    }

    #[test]
    fn reads_the_common_name() {
        assert_eq!(subject(&made_for("SQL Zürich")), "SQL Zürich");
    }

    #[test]
    fn cut_certificates_have_no_subject_and_no_panic() {
        let der = made_for("x");
        for end in 0..der.len() {
            subject(&der[..end]);
        }
        assert_eq!(subject(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), "");
    }

    #[test]
    fn fingerprint_is_lower_case_hex_of_sha_256() {
        assert_eq!(
            fingerprint(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
