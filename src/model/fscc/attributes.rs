//! `FileAttributes`, [MS-FSCC] 2.6.

/// FILE_ATTRIBUTE_DIRECTORY, [MS-FSCC] 2.6
pub const ATTRIBUTE_DIRECTORY: u32 = 0x0000_0010;
/// FILE_ATTRIBUTE_NORMAL, [MS-FSCC] 2.6: stands for "none of the others".
pub const ATTRIBUTE_NORMAL: u32 = 0x0000_0080;
