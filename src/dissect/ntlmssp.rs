//! NTLM messages, [MS-NLMP] 2.2.1: what they tell of who logs in. They come from the wire and may hold anything.

use crate::model::{Layout, LoginFacts, Malformed, Utf16};

const CHALLENGE: u32 = 2;
const AUTHENTICATE: u32 = 3;
/// NTLMSSP_NEGOTIATE_UNICODE
const FLAG_UNICODE: u32 = 1;

/// Where fields stand. A buffer's length stands at its place, its offset four bytes behind.
mod at {
    pub(super) const MESSAGE_TYPE: usize = 8;
    /// Of a CHALLENGE.
    pub(super) const TARGET_NAME: usize = 12;
    pub(super) const CHALLENGE_FLAGS: usize = 20;
    pub(super) const SERVER_CHALLENGE: usize = 24;
    /// Of an AUTHENTICATE.
    pub(super) const BUFFERS: [usize; 6] = [12, 20, DOMAIN, USER, WORKSTATION, 52];
    pub(super) const DOMAIN: usize = 28;
    pub(super) const USER: usize = 36;
    pub(super) const WORKSTATION: usize = 44;
    pub(super) const AUTHENTICATE_FLAGS: usize = 60;
}

/// What a message tells; an error when it is none. Fields that lie outside of it are not told.
pub(super) fn facts(message: &[u8]) -> Result<LoginFacts, Malformed> {
    let layout = Layout(message);
    let mut facts = LoginFacts { mechanism: Some("NTLM".to_owned()), ..LoginFacts::default() };
    match layout.u32("MessageType", at::MESSAGE_TYPE)? {
        CHALLENGE => {
            let unicode = layout.u32("NegotiateFlags", at::CHALLENGE_FLAGS)? & FLAG_UNICODE != 0;
            facts.target_name = text(layout, at::TARGET_NAME, Some(unicode));
            facts.server_challenge = layout.u64("ServerChallenge", at::SERVER_CHALLENGE).is_ok();
        }
        AUTHENTICATE => {
            let unicode = authenticate_flags(layout).map(|flags| flags & FLAG_UNICODE != 0);
            facts.user = text(layout, at::USER, unicode);
            facts.domain = text(layout, at::DOMAIN, unicode);
            facts.workstation = text(layout, at::WORKSTATION, unicode);
            facts.anonymous = facts.user.is_none();
        }
        _ => {}
    }
    Ok(facts)
}

/// The flags of an AUTHENTICATE. Clients of old leave them away: the first buffer then stands in their place.
fn authenticate_flags(layout: Layout<'_>) -> Option<u32> {
    let payload = at::BUFFERS.into_iter().filter_map(|at| buffer(layout, at)).map(|(offset, _)| offset).min();
    let room = payload.is_none_or(|payload| payload >= at::AUTHENTICATE_FLAGS + 4);
    layout.u32("NegotiateFlags", at::AUTHENTICATE_FLAGS).ok().filter(|_| room)
}

/// Offset and bytes of a buffer; None when it is empty or not in the message.
fn buffer(layout: Layout<'_>, at: usize) -> Option<(usize, &[u8])> {
    let length = usize::from(layout.u16("Len", at).ok()?);
    let offset = layout.u32("BufferOffset", at + 4).ok()? as usize;
    let bytes = layout.bytes("Buffer", offset, length).ok()?;
    (!bytes.is_empty()).then_some((offset, bytes))
}

/// The text in a buffer. What is neither Unicode nor ASCII is in a code page that the message does not name; such characters
/// become U+FFFD. Where the flags are missing, a zero byte tells UTF-16.
fn text(layout: Layout<'_>, at: usize, unicode: Option<bool>) -> Option<String> {
    let (_, bytes) = buffer(layout, at)?;
    let unicode = unicode.unwrap_or_else(|| bytes.len().is_multiple_of(2) && bytes.contains(&0));
    let text = if unicode {
        Utf16(bytes).decode()
    } else {
        bytes.iter().map(|&byte| if byte.is_ascii() { byte.into() } else { char::REPLACEMENT_CHARACTER }).collect()
    };
    // Some end their names with a NUL, which is not part of them.
    let text = text.split('\0').next().unwrap_or_default();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An AUTHENTICATE whose payload begins at an offset, with the flags before it if there is room.
    fn authenticate(flags: u32, payload_at: usize, [domain, user, workstation]: [&[u8]; 3]) -> Vec<u8> {
        let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
        let mut offset = payload_at;
        let mut pointers = [[0; 8]; 6];
        for (at, bytes) in [(2, domain), (3, user), (4, workstation)] {
            pointers[at][..2].copy_from_slice(&(bytes.len() as u16).to_le_bytes());
            pointers[at][4..].copy_from_slice(&(offset as u32).to_le_bytes());
            offset += bytes.len();
        }
        message.extend(pointers.concat());
        message.extend(flags.to_le_bytes());
        message.resize(payload_at, 0);
        [&message, domain, user, workstation].concat()
    }

    fn named(user: &str, domain: &str, workstation: &str) -> LoginFacts {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        LoginFacts {
            user: some(user),
            domain: some(domain),
            workstation: some(workstation),
            mechanism: Some("NTLM".to_owned()),
            anonymous: user.is_empty(),
            ..LoginFacts::default()
        }
    }

    #[test]
    fn an_authenticate_message_names_the_user_in_unicode_and_in_ascii() {
        let unicode = ["LAB", "anä", "PC\0"].map(Utf16::encode);
        let message = authenticate(0xE288_8215, 72, [&unicode[0], &unicode[1], &unicode[2]]);
        assert_eq!(facts(&message), Ok(named("anä", "LAB", "PC")));
        let message = authenticate(0xE288_8214, 72, [b"LAB", b"an\xE4", b"PC"]);
        assert_eq!(facts(&message), Ok(named("an\u{FFFD}", "LAB", "PC")));
    }

    #[test]
    fn clients_of_old_leave_the_flags_away() {
        let unicode = ["LAB", "alice", "PC"].map(Utf16::encode);
        let message = authenticate(0, 60, [&unicode[0], &unicode[1], &unicode[2]]);
        assert_eq!(facts(&message), Ok(named("alice", "LAB", "PC")));
        assert_eq!(facts(&authenticate(0, 60, [b"LAB", b"alice", b"PC"])), Ok(named("alice", "LAB", "PC")));
    }

    #[test]
    fn a_login_without_a_name_is_anonymous() {
        assert_eq!(facts(&authenticate(0xE288_8215, 72, [b"", b"", b""])), Ok(named("", "", "")));
    }

    #[test]
    fn a_challenge_names_the_target() {
        let mut message = b"NTLMSSP\0\x02\0\0\0\x06\0\x06\0\x20\0\0\0\x01\0\0\0challeng".to_vec();
        message.extend(Utf16::encode("SRV"));
        let told = LoginFacts {
            mechanism: Some("NTLM".to_owned()),
            target_name: Some("SRV".to_owned()),
            server_challenge: true,
            ..LoginFacts::default()
        };
        assert_eq!(facts(&message), Ok(told.clone()));
        let cut = facts(&message[..28]);
        assert_eq!(cut, Ok(LoginFacts { target_name: None, server_challenge: false, ..told }));
        assert!(facts(&message[..11]).is_err());
    }

    #[test]
    fn a_name_that_lies_outside_of_the_message_is_not_told() {
        let mut message = authenticate(0xE288_8214, 72, [b"LAB", b"alice", b"PC"]);
        message[at::USER + 4..at::USER + 8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(facts(&message), Ok(named("", "LAB", "PC")));
    }

    proptest! {
        #[test]
        fn names_survive(user in "[a-zA-Zä-ü0-9 ._$-]{1,40}", domain in "\\PC{0,20}", flags: u32) {
            let domain = domain.replace('\0', "");
            let texts = [Utf16::encode(&domain), Utf16::encode(&user)];
            let message = authenticate(flags | FLAG_UNICODE, 88, [&texts[0], &texts[1], b""]);
            prop_assert_eq!(facts(&message), Ok(named(&user, &domain, "")));
        }

        #[test]
        fn arbitrary_messages_never_panic(
            kind in 0u8..5, rest in proptest::collection::vec(any::<u8>(), 0..120), small: bool,
        ) {
            // Small numbers make offsets that lie within.
            let rest = rest.into_iter().map(|byte| if small { byte & 0x3F } else { byte });
            let message: Vec<u8> = b"NTLMSSP\0".iter().copied().chain([kind, 0, 0, 0]).chain(rest).collect();
            let told = facts(&message);
            let texts = |told: LoginFacts| [told.user, told.domain, told.workstation, told.target_name];
            prop_assert!(told.is_ok_and(|told| texts(told).iter().flatten().all(|text| text.len() <= 3 * message.len())) || kind == 2);
        }
    }
}
