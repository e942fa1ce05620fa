"""Alert packets, however they are kept: one file, many in a file, an archive of files.

Catalogs read what packets say of a source, images read their stamps; both walk through a file the same way.
"""

from zoocut.packets.files import Broken, Packet, find_packet_files, read_packets
from zoocut.packets.kept import KeptPackets

__all__ = ["Broken", "KeptPackets", "Packet", "find_packet_files", "read_packets"]
