# Opens what takes raw system calls, and says what it knows of each from its own calls.
import ctypes, fcntl, json, mmap, os, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
told, skipped, kept = [], [], []


def call(number, *arguments):
    as_long = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *as_long)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def tell(kind, fd, name=None, absent=(), **facts):
    told.append({"kind": kind, "fd": fd, "name": name, "absent": list(absent),
                 "facts": {"name" if key == "given" else key: value for key, value in facts.items()}})


def attempt(what):
    try:
        what()
    except OSError as error:
        skipped.append(f"{what.__name__}: {error}")


# System calls of x86_64 have numbers of their own; those since Linux 5.1 have one everywhere.
OWN = os.uname().machine == "x86_64"
BPF = 321 if OWN else 280
PERF_EVENT_OPEN = 298 if OWN else 241
SIGNALFD4 = 289 if OWN else 74
IO_URING_SETUP, IO_URING_REGISTER = 425, 427


def bpf(command, attr):
    buffer = ctypes.create_string_buffer(attr.ljust(128, b"\0"), 128)
    return call(BPF, command, buffer, 128)


def info(fd, length):
    buffer = ctypes.create_string_buffer(length)
    bpf(15, struct.pack("IIQ", fd, length, ctypes.addressof(buffer)))
    return buffer.raw


def program(kind, name):
    code = ctypes.create_string_buffer(struct.pack("<BBhi", 0xb7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0))
    license = ctypes.create_string_buffer(b"GPL")
    kept.extend([code, license])
    return bpf(5, struct.pack("IIQQIIQII", kind, 2, ctypes.addressof(code), ctypes.addressof(license),
                              0, 0, 0, 0, 0) + name)


def bpf_map():
    fd = bpf(0, struct.pack("IIIIIII", 1, 4, 8, 10, 0, 0, 0) + b"counts")
    kind, number, key, value, entries = struct.unpack_from("IIIII", info(fd, 40))
    tell("bpf_map", fd, "anon_inode:bpf-map", map_type="hash", map_id=number, key_size=key, value_size=value,
         max_entries=entries, frozen=False, given="counts")


def bpf_frozen_map():
    fd = bpf(0, struct.pack("IIIII", 2, 4, 16, 3, 0))
    bpf(22, struct.pack("I", fd))
    tell("bpf_map", fd, map_type="array", map_id=struct.unpack_from("II", info(fd, 40))[1], frozen=True,
         absent=["name"])


def bpf_prog():
    fd = program(6, b"drop_all")
    _, number, tag = struct.unpack_from("II8s", info(fd, 80))
    tell("bpf_prog", fd, "anon_inode:bpf-prog", prog_type="xdp", prog_id=number, prog_tag=tag.hex(),
         given="drop_all")


def bpf_link():
    prog = program(17, b"at_switch")
    tracepoint = ctypes.create_string_buffer(b"sched_switch")
    fd = bpf(17, struct.pack("QI", ctypes.addressof(tracepoint), prog))
    number = struct.unpack_from("II", info(prog, 80))[1]
    _, link, of = struct.unpack_from("III", info(fd, 16))
    assert of == number
    tell("bpf_link", fd, "anon_inode:bpf_link", link_type="raw_tracepoint", link_id=link, prog_id=number,
         prog_name="at_switch")


def io_uring():
    parameters = ctypes.create_string_buffer(120)
    fd = call(IO_URING_SETUP, 8, parameters)
    entries, completions = struct.unpack_from("II", parameters)
    null, fifo = os.open("/dev/null", os.O_RDONLY), os.open(sys.argv[1] + "/a file", os.O_RDONLY | os.O_CREAT)
    call(IO_URING_REGISTER, fd, 2, (ctypes.c_int * 3)(null, -1, fifo), 3)
    memory = mmap.mmap(-1, 8192)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    kept.append(memory)
    call(IO_URING_REGISTER, fd, 0, struct.pack("QQ", address, 8192), 1)
    tell("io_uring", fd, "anon_inode:[io_uring]", SqEntries=entries, CqEntries=completions, SqMask=entries - 1,
         CqMask=completions - 1, SqHead=0, SqTail=0, CqHead=0, CqTail=0, UserFiles=3, UserBufs=1,
         buffers=[{"index": 0, "address": hex(address), "length": 8192}], absent=["SqThread", "PollList"])
    told[-1]["registered"] = {0: "/dev/null", 2: os.path.realpath(sys.argv[1] + "/a file")}


def io_uring_with_a_thread():
    parameters = ctypes.create_string_buffer(120)
    struct.pack_into("I", parameters, 8, 2)
    fd = call(IO_URING_SETUP, 4, parameters)
    tell("io_uring", fd, SqEntries=4, UserFiles=0, UserBufs=0, absent=["files", "buffers"])


def userfaultfd():
    with open("/dev/userfaultfd", "rb") as device:
        fd = fcntl.ioctl(device, 0xAA00, os.O_CLOEXEC)
    # The version, and UFFD_FEATURE_THREAD_ID.
    fcntl.ioctl(fd, 0xC018AA3F, struct.pack("QQQ", 0xAA, 0x100, 0))
    tell("userfaultfd", fd, "anon_inode:[userfaultfd]", pending=0, total=0,
         features=["UFFD_FEATURE_THREAD_ID"])


def perf_event():
    attr = ctypes.create_string_buffer(struct.pack("II", 1, 112), 112)
    tell("perf_event", call(PERF_EVENT_OPEN, attr, 0, -1, -1, 0), "anon_inode:[perf_event]")


def kvm():
    device = os.open("/dev/kvm", os.O_RDWR)
    tell("char", device, "/dev/kvm", driver="kvm")
    machine = fcntl.ioctl(device, 0xAE01, 0)
    tell("anon", machine, "anon_inode:kvm-vm")
    tell("anon", fcntl.ioctl(machine, 0xAE41, 0), "anon_inode:kvm-vcpu:0")


def tun():
    device = os.open("/dev/net/tun", os.O_RDWR)
    tell("char", device, "/dev/net/tun", driver="tun", absent=["iff"])
    device = os.open("/dev/net/tun", os.O_RDWR)
    # A name of the kernel's choice, a TAP device, no header.
    answer = fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", b"zoo%d", 2 | 0x1000))
    tell("char", device, "/dev/net/tun", driver="tun", iff=answer[:16].rstrip(b"\0").decode())


def real_time_signals():
    mask = 1 << 9 | 1 << 33 | 1 << 36 | 1 << 63
    fd = call(SIGNALFD4, -1, struct.pack("Q", mask), 8, 0)
    tell("signalfd", fd, sigmask=["SIGUSR1", "SIGRTMIN", "SIGRTMIN+3", "SIGRTMIN+30"])


def lease():
    path = sys.argv[1] + "/leased"
    os.close(os.open(path, os.O_CREAT))
    fd = os.open(path, os.O_RDONLY)
    fcntl.fcntl(fd, 1024, fcntl.F_RDLCK)
    lock = {"type": "LEASE", "mode": "READ", "state": "ACTIVE", "pid": os.getpid(), "start": 0}
    tell("file", fd, locks=[lock])


for what in [bpf_map, bpf_frozen_map, bpf_prog, bpf_link, io_uring, io_uring_with_a_thread, userfaultfd,
             perf_event, kvm, tun, real_time_signals, lease]:
    attempt(what)
print(json.dumps({"descriptors": told, "skipped": skipped}), flush=True)
sys.stdin.read()
