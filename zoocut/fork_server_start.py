"""What the server of workers imports first, before it imports what is large."""

from zoocut.garbage import search_seldom

search_seldom()
