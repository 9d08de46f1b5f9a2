//! SMB2 messages written by hand, as little of each as a reader needs.

const RESPONSE: u32 = 1;
/// STATUS_MORE_PROCESSING_REQUIRED
const MORE: u32 = 0xC000_0016;

/// A connection's point of view: message ids are counted, ids are as they are set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    pub message_id: u64,
    pub session_id: u64,
    pub tree_id: u32,
}

impl Messages {
    fn header(&self, command: u16, status: u32, flags: u32) -> Vec<u8> {
        let mut header = b"\xFESMB\x40\x00\x01\x00".to_vec();
        header.extend(status.to_le_bytes());
        header.extend(command.to_le_bytes());
        header.extend(1u16.to_le_bytes());
        header.extend(flags.to_le_bytes());
        header.extend(0u32.to_le_bytes());
        header.extend(self.message_id.to_le_bytes());
        header.extend(0u32.to_le_bytes());
        header.extend(self.tree_id.to_le_bytes());
        header.extend(self.session_id.to_le_bytes());
        header.extend([0; 16]);
        header
    }

    fn request(&self, command: u16, body: &[u8]) -> Vec<u8> {
        [self.header(command, 0, 0), body.to_vec()].concat()
    }

    fn response(&self, command: u16, status: u32, body: &[u8]) -> Vec<u8> {
        [self.header(command, status, RESPONSE), body.to_vec()].concat()
    }

    /// NEGOTIATE for 3.0.2 and its answer with this dialect.
    pub(crate) fn negotiate(&mut self, dialect: u16, server_guid: [u8; 16]) -> [Vec<u8>; 2] {
        let body = [&[36, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0][..], &[3; 16], &[0; 8], &[2, 3]].concat();
        let request = self.request(0, &body);
        let response = self.response(0, 0, &negotiate_response(dialect, server_guid));
        self.message_id += 1;
        [request, response]
    }

    /// SESSION_SETUP without a security buffer worth the name; the answer has the session id.
    pub(crate) fn session_setup(&mut self, binding: bool, more: bool, answered_id: u64) -> [Vec<u8>; 2] {
        let mut body = vec![25, 0, u8::from(binding), 1, 0, 0, 0, 0, 0, 0, 0, 0, 88, 0, 1, 0];
        body.extend([0; 9]);
        let request = self.request(1, &body);
        self.session_id = answered_id;
        let response = self.response(1, if more { MORE } else { 0 }, &[9, 0, 0, 0, 72, 0, 0, 0]);
        self.message_id += 1;
        [request, response]
    }

    /// TREE_CONNECT; the answer has the tree id.
    pub(crate) fn tree_connect(&mut self, share: &str, answered_id: u32) -> [Vec<u8>; 2] {
        let path: Vec<u8> = share.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut body = vec![9, 0, 0, 0, 72, 0];
        body.extend((path.len() as u16).to_le_bytes());
        body.extend(path);
        self.tree_id = 0;
        let request = self.request(3, &body);
        self.tree_id = answered_id;
        let response = self.response(3, 0, &[16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 1, 0x1F, 0]);
        self.message_id += 1;
        [request, response]
    }

    /// CREATE of a name, which is not there.
    pub(crate) fn failing_create(&mut self, name: &str) -> [Vec<u8>; 2] {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut body = vec![57, 0, 0, 0, 2, 0, 0, 0];
        body.extend([0; 16]);
        // DesiredAccess, FileAttributes, ShareAccess, CreateDisposition (open), CreateOptions.
        for number in [1u32, 0, 7, 1, 0] {
            body.extend(number.to_le_bytes());
        }
        body.extend(120u16.to_le_bytes());
        body.extend((name.len() as u16).to_le_bytes());
        body.extend([0; 8]);
        body.extend(name);
        let pair = [self.request(5, &body), self.response(5, 0xC000_0034, &[9, 0, 0, 0, 0, 0, 0, 0, 0])];
        self.message_id += 1;
        pair
    }

    /// ECHO and its answer.
    pub(crate) fn echo(&mut self) -> [Vec<u8>; 2] {
        let pair = [self.request(13, &[4, 0, 0, 0]), self.response(13, 0, &[4, 0, 0, 0])];
        self.message_id += 1;
        pair
    }
}

/// The body of a NEGOTIATE response.
pub(crate) fn negotiate_response(dialect: u16, server_guid: [u8; 16]) -> Vec<u8> {
    let mut body = vec![65, 0, 1, 0];
    body.extend(dialect.to_le_bytes());
    body.extend([0, 0]);
    body.extend(server_guid);
    body.extend([0; 4]);
    for size in [0x10_0000u32; 3] {
        body.extend(size.to_le_bytes());
    }
    body.extend([0; 16]);
    body.extend([128, 0, 0, 0, 0, 0, 0, 0, 0]);
    body
}

/// The answer to an SMB1 multi-protocol NEGOTIATE that leads on to SMB2, [MS-SMB2] 3.3.5.3.1.
pub(crate) fn wildcard_answer() -> Vec<u8> {
    Messages::default().response(0, 0, &negotiate_response(0x02FF, [9; 16]))
}

/// An SMB1 NEGOTIATE that offers SMB2 too.
pub(crate) fn smb1_negotiate() -> Vec<u8> {
    let dialects = b"\x02NT LM 0.12\0\x02SMB 2.002\0\x02SMB 2.???\0";
    let mut message = b"\xFFSMB\x72\0\0\0\0\x18\x53\xC8".to_vec();
    message.extend([0; 20]);
    message.push(0);
    message.extend((dialects.len() as u16).to_le_bytes());
    message.extend(dialects);
    message
}
