//! Watches of files, mounts and whole filesystems (fanotify(7)).

use super::answers::{Pairs, list, some, word};
use super::inotify::{lines, name, named, paths, place};
use super::{Clue, Description, Kind, Question};
use crate::model::{Fact, Facts, KindName, bit_names, flag_names};

pub const KIND: Kind = Kind {
    name: KindName(&"fanotify"),
    recognises: |clue| clue.is_anonymous("fanotify"),
    describe: |clue| {
        let lines = lines(clue, "fanotify");
        let (heads, marks): (Vec<_>, Vec<_>) =
            lines.iter().map(|line| Pairs::of(line)).partition(|line| line.text("mask").is_none());
        let mut facts = Facts::new();
        for head in heads {
            let flags = head.hex("flags").map(|flags| ("flags", list(group_flags(flags))));
            let events = head.hex("event-flags").map(|flags| ("event-flags", list(flag_names(flags))));
            facts.extend(named([flags, events]));
        }
        let names: Vec<String> = marks.iter().filter_map(|mark| brief(clue, mark)).collect();
        let marks = marks.iter().map(|pairs| Fact::Group(mark(clue, pairs))).collect();
        facts.push(("fanotify".into(), Fact::List(marks)));
        Description { facts, brief: (!names.is_empty()).then(|| some(&names)), ..Description::default() }
    },
    asks: |clue| {
        let mounts = lines(clue, "fanotify");
        let mounts = mounts.iter().filter_map(|line| Pairs::of(line).hex("mnt_id")).map(Question::MountPoint);
        paths(clue, "fanotify").into_iter().chain(mounts).collect()
    },
    sample: Clue { link: Some(b"anon_inode:[fanotify]"), ..Clue::NONE },
    ..Kind::BASE
};

/// What a mark is on: `ino:… sdev:…` is an inode, `mnt_id:…` a mount, `sdev:…` alone a filesystem, `mnt_ns:…` a
/// namespace of mounts (`fs/notify/fdinfo.c`).
fn target(pairs: &Pairs<'_>) -> Option<&'static str> {
    let types =
        [("ino", "inode"), ("mnt_id", "mount"), ("mnt_ns", "mount namespace"), ("sdev", "filesystem")];
    types.into_iter().find(|(key, _)| pairs.text(key).is_some()).map(|(_, target)| target)
}

fn mount_point<'a>(clue: &'a Clue<'_>, pairs: &Pairs<'_>) -> Option<&'a [u8]> {
    clue.answer(&Question::MountPoint(pairs.hex("mnt_id")?))
}

fn mark(clue: &Clue<'_>, pairs: &Pairs<'_>) -> Facts {
    let mut facts = named([target(pairs).map(|target| ("type", Fact::text(target)))]);
    facts.extend(place(clue, pairs));
    let number = |key| pairs.hex(key).map(|number| (key, Fact::Number(number)));
    let names =
        |key, names: &[(u32, &str)]| pairs.hex(key).map(|bits: u32| (key, list(bit_names(bits, names))));
    facts.extend(named([
        number("mnt_id"),
        number("mnt_ns"),
        mount_point(clue, pairs).map(|path| ("path", Fact::Text(path.to_vec()))),
        names("mflags", &MARK_FLAGS),
        names("mask", &EVENTS),
        names("ignored_mask", &EVENTS),
    ]));
    facts
}

/// `/etc`, `mount /`, `filesystem 8:1`
fn brief(clue: &Clue<'_>, pairs: &Pairs<'_>) -> Option<String> {
    match target(pairs)? {
        "inode" => name(clue, pairs),
        "filesystem" => pairs.device().map(|(major, minor)| format!("filesystem {major}:{minor}")),
        target => match mount_point(clue, pairs) {
            Some(path) => Some(format!("{target} {}", word(path))),
            None => Some(format!("{target} {}", pairs.hex::<u64>("mnt_id").or(pairs.hex("mnt_ns"))?)),
        },
    }
}

/// The flags of fanotify_init(2), whose class is one of three.
fn group_flags(flags: u32) -> Vec<String> {
    let class = match flags & 0xc {
        0 => "FAN_CLASS_NOTIF",
        4 => "FAN_CLASS_CONTENT",
        8 => "FAN_CLASS_PRE_CONTENT",
        _ => return bit_names(flags, &GROUP_FLAGS),
    };
    let mut names = vec![class.to_owned()];
    names.extend(bit_names(flags & !0xc, &GROUP_FLAGS));
    names
}

/// By `include/uapi/linux/fanotify.h`, as all of these.
const GROUP_FLAGS: [(u32, &str); 13] = [
    (0x1, "FAN_CLOEXEC"),
    (0x2, "FAN_NONBLOCK"),
    (0x10, "FAN_UNLIMITED_QUEUE"),
    (0x20, "FAN_UNLIMITED_MARKS"),
    (0x40, "FAN_ENABLE_AUDIT"),
    (0x80, "FAN_REPORT_PIDFD"),
    (0x100, "FAN_REPORT_TID"),
    (0x200, "FAN_REPORT_FID"),
    (0x400, "FAN_REPORT_DIR_FID"),
    (0x800, "FAN_REPORT_NAME"),
    (0x1000, "FAN_REPORT_TARGET_FID"),
    (0x2000, "FAN_REPORT_FD_ERROR"),
    (0x4000, "FAN_REPORT_MNT"),
];

const MARK_FLAGS: [(u32, &str); 4] = [
    (0x20, "FAN_MARK_IGNORED_MASK"),
    (0x40, "FAN_MARK_IGNORED_SURV_MODIFY"),
    (0x200, "FAN_MARK_EVICTABLE"),
    (0x400, "FAN_MARK_IGNORE"),
];

const EVENTS: [(u32, &str); 24] = [
    (1, "FAN_ACCESS"),
    (1 << 1, "FAN_MODIFY"),
    (1 << 2, "FAN_ATTRIB"),
    (1 << 3, "FAN_CLOSE_WRITE"),
    (1 << 4, "FAN_CLOSE_NOWRITE"),
    (1 << 5, "FAN_OPEN"),
    (1 << 6, "FAN_MOVED_FROM"),
    (1 << 7, "FAN_MOVED_TO"),
    (1 << 8, "FAN_CREATE"),
    (1 << 9, "FAN_DELETE"),
    (1 << 10, "FAN_DELETE_SELF"),
    (1 << 11, "FAN_MOVE_SELF"),
    (1 << 12, "FAN_OPEN_EXEC"),
    (1 << 14, "FAN_Q_OVERFLOW"),
    (1 << 15, "FAN_FS_ERROR"),
    (1 << 16, "FAN_OPEN_PERM"),
    (1 << 17, "FAN_ACCESS_PERM"),
    (1 << 18, "FAN_OPEN_EXEC_PERM"),
    (1 << 20, "FAN_PRE_ACCESS"),
    (1 << 24, "FAN_MNT_ATTACH"),
    (1 << 25, "FAN_MNT_DETACH"),
    (1 << 27, "FAN_EVENT_ON_CHILD"),
    (1 << 28, "FAN_RENAME"),
    (1 << 30, "FAN_ONDIR"),
];

#[cfg(test)]
mod tests {
    use super::super::Answers;
    use super::*;

    #[test]
    fn marks_of_all_types_are_told() {
        let line = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let lines = [
            line("fanotify flags", "11 event-flags:8000"),
            line("fanotify ino", "3c4a7 sdev:fe00000 mflags:40 mask:0 ignored_mask:10"),
            line("fanotify sdev", "fe00000 mflags:0 mask:8 ignored_mask:0"),
            line("fanotify mnt_id", "1b mflags:0 mask:40000002 ignored_mask:0"),
        ];
        let clue = Clue { lines: &lines, ..KIND.sample };
        assert_eq!((KIND.asks)(&clue), [Question::MountPoint(27)]);
        let answers = Answers::from([(Question::MountPoint(27), b"/mnt".to_vec())]);
        let Description { facts, brief, .. } = (KIND.describe)(&Clue { answers: Some(&answers), ..clue });
        assert_eq!(brief.as_deref(), Some("ino 246951@254:0, filesystem 254:0, mount /mnt"));
        let flags = list(["FAN_CLASS_NOTIF", "FAN_CLOEXEC", "FAN_UNLIMITED_QUEUE"]);
        assert_eq!(facts[0], ("flags".into(), flags));
        assert_eq!(facts[1].0, "event-flags");
        let Fact::List(marks) = &facts[2].1 else { panic!("{facts:?}") };
        let expected = named([
            Some(("type", Fact::text("mount"))),
            Some(("mnt_id", Fact::Number(27))),
            Some(("path", Fact::text("/mnt"))),
            Some(("mflags", Fact::List(Vec::new()))),
            Some(("mask", list(["FAN_MODIFY", "FAN_ONDIR"]))),
            Some(("ignored_mask", Fact::List(Vec::new()))),
        ]);
        assert_eq!(marks[2], Fact::Group(expected));
    }
}
