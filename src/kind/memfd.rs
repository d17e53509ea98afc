//! A file in memory that memfd_create(2) made.

use super::{Clue, Description, FileType, Kind, file};
use crate::model::KindName;

/// The smallest page of hugetlbfs on any machine is 64 KiB; no other filesystem of memory has a
/// block of that size.
const SMALLEST_HUGE_PAGE: u32 = 64 << 10;

pub const KIND: Kind = Kind {
    name: KindName(&"memfd"),
    // The link reads `/memfd:NAME (deleted)`, and so does that of a file of that name in the root
    // directory that was removed. Only the device tells: the kernel's own tmpfs, or with MFD_HUGETLB
    // its own hugetlbfs.
    recognises: |clue| {
        clue.file_type == Some(FileType::Regular)
            && clue.nlink == 0
            && clue.link_starts_with(b"/memfd:")
            && (clue.on_memfd_device || clue.block_size >= SMALLEST_HUGE_PAGE)
    },
    describe: |clue| Description { facts: file::extent(clue), nameless: true, ..Description::default() },
    sample: Clue {
        link: Some(b"/memfd:wayland (deleted)"),
        file_type: Some(FileType::Regular),
        nlink: 0,
        on_memfd_device: true,
        ..Clue::NONE
    },
    ..Kind::BASE
};
