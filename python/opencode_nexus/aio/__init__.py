"""The same for asyncio: each class here is called as the one that waits, with ``Async`` before its name."""
