"""impacket's smbserver, on 127.0.0.1: impacket_server.py PORT USER PASSWORD SHARE=FOLDER… Says "ready" once it listens."""

import sys

from impacket import smbserver
from impacket.ntlm import compute_lmhash, compute_nthash


def main() -> None:
    port, user, password, *shares = sys.argv[1:]
    server = smbserver.SimpleSMBServer(listenAddress="127.0.0.1", listenPort=int(port))
    for share in shares:
        name, _, folder = share.partition("=")
        server.addShare(name.upper(), folder, "", readOnly="no")
    server.addCredential(user, 0, compute_lmhash(password), compute_nthash(password))
    server.setSMB2Support(True)
    server.setLogFile("/dev/null")
    print("ready", flush=True)
    server.start()


if __name__ == "__main__":
    main()
