"""A hook command: sends its arguments to the unit's agent, and prints the answer.

This is the client of every hook command. It is started several times in each hook, so it imports
the little that starts fast: `socket` takes longer than all the rest, and `_socket` is enough.
"""

import _socket
import os
import sys

arguments = [*sys.argv[1:]]
# Whatever is piped in belongs to the file "-".
piped = sys.stdin.buffer.read() if "--file" in arguments else b""
host, _, port = os.environ["JUJU_AGENT_SOCKET_ADDRESS"].partition(":")
connection = _socket.socket(_socket.AF_INET)
connection.connect((host, int(port)))
connection.sendall(b"\0".join([*map(os.fsencode, arguments), piped]))
connection.shutdown(_socket.SHUT_WR)
answer = b""
while part := connection.recv(65536):
    answer += part
status, output, error = answer.split(b"\0")
sys.stdout.buffer.write(output)
sys.stderr.buffer.write(error)
sys.exit(int(status))
