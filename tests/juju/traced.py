"""Stop a dispatch at each system call that touches the file of StoredState. Linux only.

The kernel's ptrace says which calls a process makes: `man 2 ptrace`. A process that is stopped
before such a call has left its files as SIGKILL would at that moment.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hook_environment.unit import STATE_FILE

_TRACEME, _SYSCALL, _SET_OPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_MARK_SYSCALLS, _END_WITH_TRACER = 0x1, 0x100000
_ENTRY = 1
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class _Call(ctypes.Structure):
    """The kernel's ptrace_syscall_info, for the start of a call."""

    _fields_ = [
        ("op", ctypes.c_uint8),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    ]


class Traced(subprocess.Popen):
    """A process that stops at each call which touches the state file or SQLite's files beside it.

    Args:
        at_call: called with how many such calls there were before, while the process is stopped;
            whether to kill it there.
    """

    def __init__(self, *args: Any, at_call: Callable[[int], bool], **kwargs: Any):
        self._at_call = at_call
        super().__init__(*args, **kwargs, preexec_fn=lambda: _libc.ptrace(_TRACEME, 0, None, None))

    def wait(self, timeout: float | None = None) -> int:
        """Run the process to its end, with its stops, and return its exit status."""
        count = 0
        _, status = os.waitpid(self.pid, 0)
        options = ctypes.c_void_p(_MARK_SYSCALLS | _END_WITH_TRACER)
        _libc.ptrace(_SET_OPTIONS, self.pid, None, options)
        while os.WIFSTOPPED(status):
            stopped_by = os.WSTOPSIG(status)
            if stopped_by == signal.SIGTRAP | 0x80 and self._touches():
                if self._at_call(count):
                    os.kill(self.pid, signal.SIGKILL)
                count += 1
            # A trap is the kernel's word to this tracer; any other signal is for the process.
            deliver = 0 if stopped_by & 0x7F == signal.SIGTRAP else stopped_by
            _libc.ptrace(_SYSCALL, self.pid, None, ctypes.c_void_p(deliver))
            _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def _touches(self) -> bool:
        """Return whether the call at whose start the process has stopped is about the files."""
        call = _Call()
        size = ctypes.c_void_p(ctypes.sizeof(call))
        _libc.ptrace(_GET_SYSCALL_INFO, self.pid, size, ctypes.byref(call))
        if call.op != _ENTRY:
            return False
        first, second = call.arguments[:2]
        if first < 1024:
            try:
                if STATE_FILE in str(Path(f"/proc/{self.pid}/fd/{first}").readlink()):
                    return True
            except OSError:
                pass
        return any(STATE_FILE in self._path_at(address) for address in (first, second))

    def _path_at(self, address: int) -> str:
        """Return the path that stands at an address of the process, or nothing."""
        if not 4096 < address < 1 << 63:
            return ""
        try:
            with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
                memory.seek(address)
                text = memory.read(1024).partition(b"\0")[0]
        except OSError:
            return ""
        return os.fsdecode(text) if text.startswith(b"/") else ""
