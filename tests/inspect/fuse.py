# A filesystem whose server answers at first, and then no more. Takes the mount point; run it in a mount namespace of
# its own.
import ctypes, os, select, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
point = sys.argv[1]
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
if libc.mount(b"zoo", point.encode(), b"fuse", 0, options.encode()):
    print("no mount", flush=True)
    sys.exit(1)

ROOT, FILES = 1, {b"x (deleted)": 2, b"y": 3}


def attributes(node):
    mode, links = (0o40755, 2) if node == ROOT else (0o100644, 2 if node == 3 else 1)
    return struct.pack("6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def answer(operation, node, body):
    # FUSE_INIT, LOOKUP, GETATTR, OPEN and OPENDIR, UNLINK and FLUSH of include/uapi/linux/fuse.h. Nothing is valid for
    # any time, so that each look-up by a path asks again.
    if operation == 26:
        return 0, struct.pack("IIIIHHIIHHI28x", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0)
    if operation == 1:
        child = FILES.get(body.rstrip(b"\0"))
        if child is None:
            return -2, b""
        return 0, struct.pack("4Q2I", child, 0, 0, 0, 0, 0) + attributes(child)
    if operation == 3:
        return 0, struct.pack("QII", 0, 0, 0) + attributes(node)
    if operation in (14, 27):
        return 0, struct.pack("QII", 0, 0, 0)
    if operation in (10, 25):
        return 0, b""
    return -38, b""


def serve(stop):
    while True:
        ready, _, _ = select.select([device, stop], [], [])
        if stop in ready:
            # The device stays open, and nobody answers, until whoever runs this lets go of standard input. Then the
            # kernel ends all that waits: so this is a process of its own, for the other waits at its own end.
            sys.stdin.read()
            os._exit(0)
        request = os.read(device, 1 << 16)
        _, operation, unique, node = struct.unpack_from("IIQQ", request)
        # FORGET wants no answer.
        if operation != 2:
            error, body = answer(operation, node, request[40:])
            os.write(device, struct.pack("IiQ", 16 + len(body), error, unique) + body)


stop, stopping = os.pipe()
if os.fork() == 0:
    os.close(stopping)
    serve(stop)
os.close(device)
os.close(stop)
called = os.open(point + "/x (deleted)", os.O_RDONLY)
lost = os.open(point + "/y", os.O_RDONLY)
watch = libc.inotify_init1(0)
assert libc.inotify_add_watch(watch, point.encode(), 0x100) == 1
os.unlink(point + "/y")
os.close(stopping)
print(called, lost, watch, flush=True)
sys.stdin.read()
os.wait()
