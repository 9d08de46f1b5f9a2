//! QUERY_INFO answers, field by field. A class that is not known here is compared byte by byte.

use super::divergence::{Comparison, Fields, data};
use super::name_map::NameMap;
use super::outcome::{Class, Finding};
use crate::model::fscc::{
    AllInformation, AttributeInformation, AttributeTagInformation, BasicInformation, NetworkOpenInformation,
    SectorSizeInformation, SizeInformation, StandardInformation, file_class, fs_class, name_information,
    stream_entries,
};
use crate::model::message::{INFO_FILE, INFO_FILE_SYSTEM};
use crate::model::{Malformed, Utf16};

/// Compares two output buffers of one class. Names are on the target where `names` put them.
pub(super) fn compare_query_info(
    info_type: u8,
    class: u8,
    was: &[u8],
    is: &[u8],
    names: Option<&NameMap>,
) -> Comparison {
    let fields = match info_type {
        INFO_FILE => file(class, was, is, names),
        INFO_FILE_SYSTEM => file_system(class, was, is),
        _ => None,
    };
    match fields {
        Some(Ok(fields)) => fields.done(),
        Some(Err(malformed)) => match was == is {
            true => Comparison::matching(),
            false => Comparison::of(Class::Info, vec![Finding::new("buffer", "what its class has", malformed)]),
        },
        None => output(was, is),
    }
}

fn output(was: &[u8], is: &[u8]) -> Comparison {
    let mut comparison = data(was, is, 0);
    for finding in &mut comparison.findings {
        finding.subject = finding.subject.replace("of the file", "of the buffer");
    }
    // Not the content of a file: `data` is for that.
    if comparison.class == Class::Data {
        comparison.class = Class::Info;
    }
    comparison
}

type Compared = Option<Result<Fields, Malformed>>;

fn file(class: u8, was: &[u8], is: &[u8], map: Option<&NameMap>) -> Compared {
    Some(match class {
        file_class::BASIC => basic(was, is),
        file_class::STANDARD => standard(was, is),
        file_class::ALL => all(was, is, map),
        file_class::NETWORK_OPEN => network_open(was, is),
        file_class::ATTRIBUTE_TAG => attribute_tag(was, is),
        file_class::STREAM => streams(was, is),
        file_class::NAME | file_class::NORMALIZED_NAME => names(was, is, map),
        // Ids, and a short name that is made from them.
        file_class::INTERNAL | file_class::ID | file_class::OBJECT_ID | file_class::ALTERNATE_NAME => {
            Ok(Fields::default())
        }
        _ => return None,
    })
}

fn basic(was: &[u8], is: &[u8]) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let (was, is) = (BasicInformation::decode(was)?, BasicInformation::decode(is)?);
    fields.attributes(was.file_attributes, is.file_attributes);
    Ok(fields)
}

fn standard(was: &[u8], is: &[u8]) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    add_standard(&mut fields, &StandardInformation::decode(was)?, &StandardInformation::decode(is)?);
    Ok(fields)
}

fn add_standard(fields: &mut Fields, was: &StandardInformation, is: &StandardInformation) {
    fields.check("directory", was.directory, is.directory);
    fields.check("delete_pending", was.delete_pending, is.delete_pending);
    if !was.directory {
        fields.check("end_of_file", was.end_of_file, is.end_of_file);
        // Some file systems count a folder's subfolders as its links.
        fields.check("number_of_links", was.number_of_links, is.number_of_links);
    }
}

fn all(was: &[u8], is: &[u8], map: Option<&NameMap>) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let (was, is) = (AllInformation::decode(was)?, AllInformation::decode(is)?);
    fields.attributes(was.basic.file_attributes, is.basic.file_attributes);
    add_standard(&mut fields, &was.standard, &is.standard);
    fields.check("ea_size", was.ea_size, is.ea_size);
    fields.check("access_flags", was.access_flags, is.access_flags);
    fields.check("mode", was.mode, is.mode);
    add_name(&mut fields, was.name, is.name, map);
    Ok(fields)
}

fn network_open(was: &[u8], is: &[u8]) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let (was, is) = (NetworkOpenInformation::decode(was)?, NetworkOpenInformation::decode(is)?);
    fields.attributes(was.file_attributes, is.file_attributes);
    fields.size(was.file_attributes, was.end_of_file, is.end_of_file);
    Ok(fields)
}

fn attribute_tag(was: &[u8], is: &[u8]) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let (was, is) = (AttributeTagInformation::decode(was)?, AttributeTagInformation::decode(is)?);
    fields.attributes(was.file_attributes, is.file_attributes);
    fields.check("reparse_tag", was.reparse_tag, is.reparse_tag);
    Ok(fields)
}

fn streams(was: &[u8], is: &[u8]) -> Result<Fields, Malformed> {
    let list = |buffer| -> Result<Vec<String>, Malformed> {
        let mut streams = stream_entries(buffer)
            .map(|entry| entry.map(|entry| format!("{} ({} bytes)", entry.name.decode(), entry.stream_size)))
            .collect::<Result<Vec<_>, _>>()?;
        streams.sort_unstable();
        Ok(streams)
    };
    let mut fields = Fields::default();
    fields.check("streams", list(was)?.join(", "), list(is)?.join(", "));
    Ok(fields)
}

fn names(was: &[u8], is: &[u8], map: Option<&NameMap>) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    add_name(&mut fields, name_information(was)?, name_information(is)?, map);
    Ok(fields)
}

/// Some servers name a file from the share's root, others by its last part alone: as captured, or where it was put.
fn add_name(fields: &mut Fields, was: Utf16<'_>, is: Utf16<'_>, map: Option<&NameMap>) {
    let (was, is) = (was.decode(), is.decode());
    let Some(map) = map else { return fields.check("file_name", was, is) };
    let (lead, relative) = was.strip_prefix('\\').map_or(("", was.as_str()), |relative| ("\\", relative));
    let expected = format!("{lead}{}", map.target_name(relative));
    let without_base = format!("{lead}{}", map.mapped(relative));
    // How a server writes names from the root does not show in the root's own.
    let is = if relative.is_empty() { is.trim_start_matches('\\').to_owned() } else { is };
    let expected = if relative.is_empty() { map.target_name("") } else { expected };
    if is != without_base {
        fields.check("file_name", expected, is);
    }
}

fn file_system(class: u8, was: &[u8], is: &[u8]) -> Compared {
    Some(match class {
        // Serial number, label and quota are the lab volume's own.
        fs_class::VOLUME | fs_class::OBJECT_ID | fs_class::CONTROL => Ok(Fields::default()),
        fs_class::SIZE => sizes(SizeInformation::decode(was), SizeInformation::decode(is)),
        fs_class::FULL_SIZE => sizes(SizeInformation::decode_full(was), SizeInformation::decode_full(is)),
        fs_class::ATTRIBUTE => attributes(was, is),
        fs_class::SECTOR_SIZE => sector_sizes(was, is),
        _ => return None,
    })
}

fn sizes(
    was: Result<SizeInformation, Malformed>,
    is: Result<SizeInformation, Malformed>,
) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let (was, is) = (was?, is?);
    fields.check("sectors_per_allocation_unit", was.sectors_per_allocation_unit, is.sectors_per_allocation_unit);
    fields.check("bytes_per_sector", was.bytes_per_sector, is.bytes_per_sector);
    Ok(fields)
}

fn attributes(was: &[u8], is: &[u8]) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let (was, is) = (AttributeInformation::decode(was)?, AttributeInformation::decode(is)?);
    let hex = |attributes: u32| format!("0x{attributes:08x}");
    fields.check("file_system_attributes", hex(was.file_system_attributes), hex(is.file_system_attributes));
    let longest = (was.maximum_component_name_length, is.maximum_component_name_length);
    fields.check("maximum_component_name_length", longest.0, longest.1);
    fields.check("file_system_name", was.file_system_name.decode(), is.file_system_name.decode());
    Ok(fields)
}

fn sector_sizes(was: &[u8], is: &[u8]) -> Result<Fields, Malformed> {
    let mut fields = Fields::default();
    let (was, is) = (SectorSizeInformation::decode(was)?, SectorSizeInformation::decode(is)?);
    fields.check("logical_bytes_per_sector", was.logical_bytes_per_sector, is.logical_bytes_per_sector);
    Ok(fields)
}
