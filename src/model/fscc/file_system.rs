//! Information about a file system, [MS-FSCC] 2.5.

use crate::model::layout::{Layout, Malformed, Utf16};

/// `FsInformationClass` values, [MS-FSCC] 2.5.
pub mod fs_class {
    pub const VOLUME: u8 = 1;
    pub const SIZE: u8 = 3;
    pub const DEVICE: u8 = 4;
    pub const ATTRIBUTE: u8 = 5;
    pub const CONTROL: u8 = 6;
    pub const FULL_SIZE: u8 = 7;
    pub const OBJECT_ID: u8 = 8;
    pub const SECTOR_SIZE: u8 = 11;
}

/// FileFsVolumeInformation, [MS-FSCC] 2.5.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeInformation<'a> {
    pub volume_creation_time: u64,
    pub volume_serial_number: u32,
    pub supports_objects: bool,
    pub volume_label: Utf16<'a>,
}

impl<'a> VolumeInformation<'a> {
    pub fn decode(buffer: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        let length = layout.u32("VolumeLabelLength", 12)? as usize;
        Ok(Self {
            volume_creation_time: layout.u64("VolumeCreationTime", 0)?,
            volume_serial_number: layout.u32("VolumeSerialNumber", 8)?,
            supports_objects: layout.u8("SupportsObjects", 16)? != 0,
            volume_label: Utf16(layout.bytes("VolumeLabel", 18, length)?),
        })
    }
}

/// FileFsSizeInformation and FileFsFullSizeInformation, [MS-FSCC] 2.5.8 and 2.5.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeInformation {
    pub total_allocation_units: u64,
    pub available_allocation_units: u64,
    pub sectors_per_allocation_unit: u32,
    pub bytes_per_sector: u32,
}

impl SizeInformation {
    /// Of class [`fs_class::SIZE`].
    pub fn decode(buffer: &[u8]) -> Result<Self, Malformed> {
        Self::decode_with_units_at(buffer, 16)
    }

    /// Of class [`fs_class::FULL_SIZE`]; available are those the caller may use.
    pub fn decode_full(buffer: &[u8]) -> Result<Self, Malformed> {
        Self::decode_with_units_at(buffer, 24)
    }

    fn decode_with_units_at(buffer: &[u8], at: usize) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        Ok(Self {
            total_allocation_units: layout.u64("TotalAllocationUnits", 0)?,
            available_allocation_units: layout.u64("AvailableAllocationUnits", 8)?,
            sectors_per_allocation_unit: layout.u32("SectorsPerAllocationUnit", at)?,
            bytes_per_sector: layout.u32("BytesPerSector", at + 4)?,
        })
    }
}

/// FileFsAttributeInformation, [MS-FSCC] 2.5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeInformation<'a> {
    pub file_system_attributes: u32,
    pub maximum_component_name_length: u32,
    pub file_system_name: Utf16<'a>,
}

impl<'a> AttributeInformation<'a> {
    pub fn decode(buffer: &'a [u8]) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        let length = layout.u32("FileSystemNameLength", 8)? as usize;
        Ok(Self {
            file_system_attributes: layout.u32("FileSystemAttributes", 0)?,
            maximum_component_name_length: layout.u32("MaximumComponentNameLength", 4)?,
            file_system_name: Utf16(layout.bytes("FileSystemName", 12, length)?),
        })
    }
}

/// FileFsSectorSizeInformation, [MS-FSCC] 2.5.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorSizeInformation {
    pub logical_bytes_per_sector: u32,
    pub physical_bytes_per_sector_for_atomicity: u32,
    pub flags: u32,
}

impl SectorSizeInformation {
    pub fn decode(buffer: &[u8]) -> Result<Self, Malformed> {
        let layout = Layout(buffer);
        Ok(Self {
            logical_bytes_per_sector: layout.u32("LogicalBytesPerSector", 0)?,
            physical_bytes_per_sector_for_atomicity: layout.u32("PhysicalBytesPerSectorForAtomicity", 4)?,
            flags: layout.u32("Flags", 16)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{notify_entries, stream_entries};
    use super::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(buffer in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = VolumeInformation::decode(&buffer);
            let _ = SizeInformation::decode(&buffer);
            let _ = SizeInformation::decode_full(&buffer);
            let _ = AttributeInformation::decode(&buffer);
            let _ = SectorSizeInformation::decode(&buffer);
            let _ = stream_entries(&buffer).count();
            let _ = notify_entries(&buffer).count();
        }
    }
}
