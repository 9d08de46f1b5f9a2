//! The fields of tshark's EK output that are kept. Everything else, secrets of logins among it, is skipped as it is read.

/// A field that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum EkField {
    FrameNumber,
    FrameTimeEpoch,
    FrameLength,
    FrameCapturedLength,
    Ipv4Source,
    Ipv4Destination,
    Ipv6Source,
    Ipv6Destination,
    TcpSourcePort,
    TcpDestinationPort,
    TcpStream,
    /// Name of a layer that was left out.
    LayerLeftOut,
    SessionIsGuest,
    SessionIsNull,
    NtlmMessageType,
    NtlmUser,
    NtlmDomain,
    NtlmWorkstation,
    NtlmTargetName,
    NtlmServerChallenge,
    KerberosRealm,
    KerberosServerName,
    KerberosClientRealm,
    KerberosClientName,
    RpcInterface,
    RpcOperation,
}

/// Names in EK: protocol, `_`, field name with `_` for `.`.
const NAMES: [(&str, EkField); 26] = [
    ("frame_frame_number", EkField::FrameNumber),
    ("frame_frame_time_epoch", EkField::FrameTimeEpoch),
    ("frame_frame_len", EkField::FrameLength),
    ("frame_frame_cap_len", EkField::FrameCapturedLength),
    ("ip_ip_src", EkField::Ipv4Source),
    ("ip_ip_dst", EkField::Ipv4Destination),
    ("ipv6_ipv6_src", EkField::Ipv6Source),
    ("ipv6_ipv6_dst", EkField::Ipv6Destination),
    ("tcp_tcp_srcport", EkField::TcpSourcePort),
    ("tcp_tcp_dstport", EkField::TcpDestinationPort),
    ("tcp_tcp_stream", EkField::TcpStream),
    ("filtered", EkField::LayerLeftOut),
    ("smb2_smb2_ses_flags_guest", EkField::SessionIsGuest),
    ("smb2_smb2_ses_flags_null", EkField::SessionIsNull),
    ("ntlmssp_ntlmssp_messagetype", EkField::NtlmMessageType),
    ("ntlmssp_ntlmssp_auth_username", EkField::NtlmUser),
    ("ntlmssp_ntlmssp_auth_domain", EkField::NtlmDomain),
    ("ntlmssp_ntlmssp_auth_hostname", EkField::NtlmWorkstation),
    ("ntlmssp_ntlmssp_challenge_target_name", EkField::NtlmTargetName),
    ("ntlmssp_ntlmssp_ntlmserverchallenge", EkField::NtlmServerChallenge),
    ("kerberos_kerberos_realm", EkField::KerberosRealm),
    ("kerberos_kerberos_SNameString", EkField::KerberosServerName),
    ("kerberos_kerberos_crealm", EkField::KerberosClientRealm),
    ("kerberos_kerberos_CNameString", EkField::KerberosClientName),
    ("dcerpc_dcerpc_cn_bind_to_uuid", EkField::RpcInterface),
    ("dcerpc_dcerpc_opnum", EkField::RpcOperation),
];

impl EkField {
    /// The field of a key.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        NAMES.iter().find(|(name, _)| *name == key).map(|(_, field)| *field)
    }
}

/// Fields with their values, in the order they were printed; one that is printed twice is here twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EkFields(Vec<(EkField, Box<str>)>);

impl EkFields {
    pub(super) fn push(&mut self, field: EkField, value: &str) {
        self.0.push((field, value.into()));
    }

    /// All values of a field.
    pub fn all(&self, field: EkField) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| *name == field).map(|(_, value)| &**value)
    }

    /// The first value of a field.
    pub fn first(&self, field: EkField) -> Option<&str> {
        self.all(field).next()
    }

    /// The last value of a field: of nested IP headers, the inner one's.
    pub fn last(&self, field: EkField) -> Option<&str> {
        self.all(field).next_back()
    }

    /// The text of a field; None when it is empty, or `NULL` as tshark prints empty NTLM strings.
    pub fn text(&self, field: EkField) -> Option<&str> {
        self.first(field).filter(|text| !text.is_empty() && *text != "NULL")
    }

    /// Whether any value of a field is true: tshark prints `true`, `True` or `1`.
    pub fn is_true(&self, field: EkField) -> bool {
        self.all(field).any(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }
}
