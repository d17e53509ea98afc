//! `/proc/PID/mountinfo`, see proc_pid_mountinfo(5): what is mounted where, as a process sees it.

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its number, which is unique on the whole machine while it is there.
    pub id: u64,
    /// The device of its filesystem, as the kernel has it for itself.
    pub dev: (u32, u32),
    /// Which directory of the filesystem it shows.
    pub root: Vec<u8>,
    /// Where it is, below the root of the process.
    pub point: Vec<u8>,
    /// The type of the filesystem.
    pub filesystem: Vec<u8>,
}

/// The filesystems that need no server, so that looking up a name in them ends. What another machine or a
/// process answers for (NFS, FUSE, …) may hang for ever, and so may an overlay of such.
const LOCAL: [&[u8]; 24] = [
    b"bcachefs",
    b"btrfs",
    b"cgroup",
    b"cgroup2",
    b"devtmpfs",
    b"erofs",
    b"exfat",
    b"ext2",
    b"ext3",
    b"ext4",
    b"f2fs",
    b"hugetlbfs",
    b"iso9660",
    b"jfs",
    b"nilfs2",
    b"ntfs3",
    b"ramfs",
    b"reiserfs",
    b"squashfs",
    b"sysfs",
    b"tmpfs",
    b"udf",
    b"vfat",
    b"xfs",
];

impl Mount {
    /// Whether nothing but this machine's own kernel answers for it.
    pub fn is_local(&self) -> bool {
        LOCAL.contains(&&self.filesystem[..])
    }
}

/// Parses the text; a line of another form is left out.
pub fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|&b| b == b'\n').filter_map(mount).collect()
}

/// `27 1 254:0 / /mnt rw,relatime shared:1 - ext4 /dev/root rw`: any number of words before the dash.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|&b| b == b' ');
    let mut number = || std::str::from_utf8(words.next()?).ok()?.parse().ok();
    let id = number()?;
    let _parent: u64 = number()?;
    let (major, minor) = std::str::from_utf8(words.next()?).ok()?.split_once(':')?;
    let dev = (major.parse().ok()?, minor.parse().ok()?);
    let (root, point) = (unescaped(words.next()?), unescaped(words.next()?));
    words.find(|word| *word == b"-")?;
    let filesystem = words.next()?.to_vec();
    Some(Mount { id, dev, root, point, filesystem })
}

/// Blanks, newlines and backslashes are `\040` and the like (`fs/proc_namespace.c`).
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let digits =
            tail.get(..3).filter(|_| byte == b'\\').and_then(|octal| std::str::from_utf8(octal).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &tail[3..] } else { tail };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_taken_apart() {
        let text = b"27 1 254:0 / / rw,relatime - ext4 /dev/root rw\n\
            31 27 0:27 /a\\040b /mnt/x\\134y rw shared:1 master:2 - fuse.sshfs me@there: rw\nnothing\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert!(mounts[0].is_local());
        assert!(!mounts[1].is_local());
        assert_eq!((mounts[1].id, mounts[1].dev), (31, (0, 27)));
        assert_eq!((&mounts[1].root[..], &mounts[1].point[..]), (&b"/a b"[..], &b"/mnt/x\\y"[..]));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn names_come_back(name in proptest::collection::vec(1_u8.., 0..20)) {
            let escape = |&b: &u8| match b {
                b' ' | b'\t' | b'\n' | b'\\' => format!("\\{b:03o}").into_bytes(),
                b => vec![b],
            };
            let escaped: Vec<u8> = name.iter().flat_map(escape).collect();
            prop_assert_eq!(unescaped(&escaped), name);
        }
    }
}
