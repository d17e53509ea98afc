//! `/proc/PID/fdinfo/FD`, see proc_pid_fdinfo(5).

/// What fdinfo says of one descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FdInfo {
    /// The file offset in bytes, of the open file description. Signed: a device may be at a negative
    /// position.
    pub pos: i64,
    /// O_* access mode and status flags of the open file description, and O_CLOEXEC, which is the
    /// descriptor's own.
    pub flags: u32,
    /// The mount that the file was opened through.
    pub mount: Option<u64>,
    /// The inode number.
    pub ino: Option<u64>,
    /// The lines that only this kind of file has, in order, as name and value.
    pub lines: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Parses the text. `None` when `pos` or `flags` is missing: every kernel prints them first, so the
/// text was not fdinfo.
pub fn parse(text: &[u8]) -> Option<FdInfo> {
    let mut info = FdInfo::default();
    let (mut has_pos, mut has_flags) = (false, false);
    for line in text.split(|&b| b == b'\n') {
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            continue;
        };
        let name = &line[..colon];
        let value = line[colon + 1..].trim_ascii();
        match name {
            // The first of each counts: a kind's own lines follow and may repeat a name, as the
            // watches of an epoll instance repeat `pos` and `ino` within theirs.
            b"pos" if !has_pos => {
                info.pos = number(value, 10)?;
                has_pos = true;
            }
            b"flags" if !has_flags => {
                info.flags = number(value, 8)?;
                has_flags = true;
            }
            b"mnt_id" if info.mount.is_none() => info.mount = number(value, 10),
            b"ino" if info.ino.is_none() => info.ino = number(value, 10),
            _ => info.lines.push((name.trim_ascii().to_vec(), value.to_vec())),
        }
    }
    (has_pos && has_flags).then_some(info)
}

fn number<T: TryFrom<i128>>(digits: &[u8], radix: u32) -> Option<T> {
    let text = std::str::from_utf8(digits).ok()?;
    T::try_from(i128::from_str_radix(text, radix).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_lines_of_an_epoll_instance() {
        let text = b"pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1039\n\
            tfd:        3 events:       19 data:                3  pos:0 ino:138b sdev:f\n";
        let info = parse(text).unwrap();
        assert_eq!(info.flags, 0o2_000_002);
        assert_eq!(info.mount, Some(17));
        assert_eq!(info.ino, Some(1039));
        assert_eq!(info.lines.len(), 1);
        assert_eq!(info.lines[0].0, b"tfd");
        assert!(info.lines[0].1.starts_with(b"3 events:"));
    }

    #[test]
    fn refuses_what_is_not_fdinfo() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"pos:\t0\n"), None);
        assert_eq!(parse(b"pos:\t0\nflags:\t9\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn gives_back_what_the_kernel_prints(
            pos in any::<i64>(), flags in any::<u32>(), mount in any::<u32>(), ino in any::<u64>(),
            lines in proptest::collection::vec(("[a-z][a-z-]{1,8}x", "[0-9a-f: ]{0,20}"), 0..5),
        ) {
            let mut text = format!("pos:\t{pos}\nflags:\t0{flags:o}\nmnt_id:\t{mount}\nino:\t{ino}\n");
            for (name, value) in &lines {
                text.extend([name.as_str(), ":\t", value, "\n"]);
            }
            let info = parse(text.as_bytes()).unwrap();
            prop_assert_eq!((info.pos, info.flags), (pos, flags));
            prop_assert_eq!((info.mount, info.ino), (Some(u64::from(mount)), Some(ino)));
            prop_assert_eq!(info.lines.len(), lines.len());
            for (got, (name, value)) in info.lines.iter().zip(&lines) {
                prop_assert_eq!(&got.0, name.as_bytes());
                prop_assert_eq!(&got.1[..], value.trim().as_bytes());
            }
        }
    }
}
