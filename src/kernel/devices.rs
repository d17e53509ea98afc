//! Device numbers whose meaning is this kernel's alone.

use super::DeviceTables;
use super::nameless::Nameless;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{fstat, major, minor, stat};

/// Reads them all.
pub fn tables() -> DeviceTables {
    let devices = text("/proc/devices");
    let (char, block) = devices.split_once("Block devices:").unwrap_or((&devices, ""));
    DeviceTables {
        ttys: tty_drivers(),
        memfd: memfd_device(),
        nameless: Nameless::find(),
        nsfs: stat("/proc/self/ns/net").ok().and_then(|stat| device(stat.st_dev)),
        char: names(char),
        block: names(block),
        misc: names(&text("/proc/misc")),
    }
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Lines of a number and a name (proc_devices(5), `drivers/char/misc.c`). Drivers that share a major number
/// have some of its minor numbers each, which are not told: then none has it.
fn names(text: &str) -> Vec<(u32, String)> {
    let line = |line: &str| {
        let (number, name) = line.trim().split_once(' ')?;
        Some((number.parse::<u32>().ok()?, name.trim().to_owned()))
    };
    let all: Vec<_> = text.lines().filter_map(line).collect();
    let is_alone = |number: u32| all.iter().filter(|(other, _)| *other == number).count() == 1;
    all.iter().filter(|(number, _)| is_alone(*number)).cloned().collect()
}

/// The terminals' device numbers, from `/proc/tty/drivers`: driver, device, major, one minor or a
/// range of them, type. The alternate consoles and ptmx are in it too.
fn tty_drivers() -> Vec<(u32, u32, u32)> {
    text("/proc/tty/drivers")
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(2);
            let major = fields.next()?.parse().ok()?;
            let minors = fields.next()?;
            let (first, last) = minors.split_once('-').unwrap_or((minors, minors));
            Some((major, first.parse().ok()?, last.parse().ok()?))
        })
        .collect()
}

/// The device of the kernel's own tmpfs, asked of a memfd made for it.
fn memfd_device() -> Option<(u32, u32)> {
    let probe = memfd_create(c"ganariya-fd", MFdFlags::MFD_CLOEXEC).ok()?;
    device(fstat(&probe).ok()?.st_dev)
}

fn device(number: u64) -> Option<(u32, u32)> {
    Some((u32::try_from(major(number)).ok()?, u32::try_from(minor(number)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_of_several_drivers_is_nobodys() {
        let text = "Character devices:\n  1 mem\n  4 tty\n  4 ttyS\n 10 misc\n203 cpu/cpuid\n\n";
        let expected = [(1, "mem"), (10, "misc"), (203, "cpu/cpuid")];
        assert_eq!(names(text), expected.map(|(number, name)| (number, name.to_owned())));
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ 0-9a-z:\n]{0,80}") {
            let _ = names(&text);
        }
    }
}
