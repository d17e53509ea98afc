//! A socket between the reading of its table and that of the lists of sockets.

use crate::kernel::{FdInfo, FdRow, FileStat, Read};
use std::borrow::Cow;

/// A socket that is yet to be looked up. All sockets of the machine may wait at once, beside all lists, so of its row
/// it has no more than is the socket's own.
#[derive(Debug)]
pub struct Waiting {
    pub fd: i32,
    pub ino: u64,
    /// The kernel's name for its protocol, where it was asked.
    pub protocol: Option<Read<Cow<'static, str>>>,
    row: Row,
}

#[derive(Debug)]
enum Row {
    /// Of nearly every socket: it has no name in a filesystem, and so nothing that a name leads to.
    Nameless {
        link: Vec<u8>,
        link_mode: Option<u32>,
        mode: u32,
        dev: (u32, u32),
        info: Option<Box<Read<FdInfo>>>,
    },
    /// Of one that was opened by its name (O_PATH).
    Named(Box<FdRow>),
}

impl Waiting {
    /// A socket, by its row and what that says of the file.
    pub fn of(mut row: FdRow, stat: FileStat) -> Self {
        let (fd, protocol) = (row.fd, row.protocol.take());
        let FileStat { mode, dev, ino, .. } = stat;
        let row = match row {
            FdRow { link: Ok(link), link_mode, info, filesystem: None, at_name: None, .. }
                if stat == FileStat::nameless(mode, dev, ino) =>
            {
                Row::Nameless { link, link_mode, mode, dev, info: info.map(Box::new) }
            }
            row => Row::Named(Box::new(row)),
        };
        Self { fd, ino, protocol, row }
    }

    /// The whole row.
    pub fn into_row(self) -> FdRow {
        let Self { fd, ino, protocol, row } = self;
        match row {
            Row::Nameless { link, link_mode, mode, dev, info } => FdRow {
                fd,
                link: Ok(link),
                link_mode,
                stat: Ok(FileStat::nameless(mode, dev, ino)),
                info: info.map(|info| *info),
                protocol,
                filesystem: None,
                at_name: None,
            },
            Row::Named(row) => FdRow { protocol, ..*row },
        }
    }
}
