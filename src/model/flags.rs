//! Bits by name: the O_* flags of open(2), the events of epoll(7), and any other.

/// A flag's bits and its name, a flag that contains another before it.
const NAMES: [(u32, &str); 12] = [
    (0o2000, "O_APPEND"),
    (0o4000, "O_NONBLOCK"),
    (0o4_010_000, "O_SYNC"),
    (0o10_000, "O_DSYNC"),
    (0o20_000, "O_ASYNC"),
    (ARCH.0, "O_DIRECT"),
    (0o20_000_000 | ARCH.1, "O_TMPFILE"),
    (ARCH.1, "O_DIRECTORY"),
    (ARCH.2, "O_NOFOLLOW"),
    (0o1_000_000, "O_NOATIME"),
    (0o10_000_000, "O_PATH"),
    (ARCH.3, "O_LARGEFILE"),
];

/// O_DIRECT, O_DIRECTORY, O_NOFOLLOW and O_LARGEFILE differ between architectures
/// (`include/uapi/asm-generic/fcntl.h` and `arch/*/include/uapi/asm/fcntl.h`).
#[cfg(any(target_arch = "arm", target_arch = "aarch64"))]
const ARCH: (u32, u32, u32, u32) = (0o200_000, 0o40_000, 0o100_000, 0o400_000);
#[cfg(not(any(target_arch = "arm", target_arch = "aarch64")))]
const ARCH: (u32, u32, u32, u32) = (0o40_000, 0o200_000, 0o400_000, 0o100_000);

/// The names in `flags`, the access mode first; bits without a name as one octal number.
pub fn flag_names(flags: u32) -> Vec<String> {
    let mut names = vec![match flags & 3 {
        0 => "O_RDONLY".to_owned(),
        1 => "O_WRONLY".to_owned(),
        2 => "O_RDWR".to_owned(),
        _ => "O_ACCMODE".to_owned(),
    }];
    let mut rest = flags & !3;
    for (bits, name) in NAMES {
        if rest & bits == bits {
            names.push(name.to_owned());
            rest &= !bits;
        }
    }
    if rest != 0 {
        names.push(format!("0{rest:o}"));
    }
    names
}

/// The events of epoll_ctl(2), by `include/uapi/linux/eventpoll.h`.
const EVENTS: [(u32, &str); 13] = [
    (0x001, "EPOLLIN"),
    (0x002, "EPOLLPRI"),
    (0x004, "EPOLLOUT"),
    (0x040, "EPOLLRDNORM"),
    (0x080, "EPOLLRDBAND"),
    (0x100, "EPOLLWRNORM"),
    (0x200, "EPOLLWRBAND"),
    (0x400, "EPOLLMSG"),
    (0x2000, "EPOLLRDHUP"),
    (1 << 28, "EPOLLEXCLUSIVE"),
    (1 << 29, "EPOLLWAKEUP"),
    (1 << 30, "EPOLLONESHOT"),
    (1 << 31, "EPOLLET"),
];

/// The names in `events`; bits without a name as one hexadecimal number. EPOLLERR and EPOLLHUP are in all,
/// because the kernel adds them, and are left out.
pub fn event_names(events: u32) -> Vec<String> {
    bit_names(events & !0x018, &EVENTS)
}

/// The names of the bits that are set, in the order of `names`; those without a name as one hexadecimal
/// number.
pub fn bit_names(bits: u32, names: &[(u32, &str)]) -> Vec<String> {
    let mut rest = bits;
    let mut found = Vec::new();
    for (bit, name) in names {
        if rest & bit != 0 {
            found.push((*name).to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        found.push(format!("{rest:#x}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::flag_names;

    #[test]
    fn a_flag_that_contains_another_is_named_alone() {
        assert_eq!(flag_names(0o4_010_002), ["O_RDWR", "O_SYNC"]);
        assert_eq!(flag_names(0o10_001), ["O_WRONLY", "O_DSYNC"]);
    }

    #[test]
    fn bits_without_a_name_are_not_lost() {
        assert_eq!(flag_names(0o2000 | 1 << 30), ["O_RDONLY", "O_APPEND", "010000000000"]);
    }
}
