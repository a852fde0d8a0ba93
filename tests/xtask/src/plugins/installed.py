"""The installed plugins from Python: `installed.py URL`."""

import sys

from opencode_nexus import Nexus

url = sys.argv[1]
with Nexus.connect(url, plugins=True) as nexus:
    for plugin in nexus.plugins():
        assert plugin.state in ("idle", "ready"), plugin
        print(plugin.id, plugin.version, plugin.state)
    with nexus.conversation() as chat:
        print(chat.prompt("PYTHON what is in it", context=["git-show:HEAD"]).text())
print("none afterwards" if not nexus.plugins() else f"still there: {nexus.plugins()}")
with Nexus.connect(url) as nexus:
    print("none without them" if not nexus.plugins() else f"uninvited: {nexus.plugins()}")
