"""A certificate authority of the sandbox's own, and a server certificate for localhost signed by it."""
import pathlib
import subprocess

from .process import SandboxError


def make(folder):
    """Writes ca.pem, server.pem and server.key (PKCS 8), once."""
    folder = pathlib.Path(folder)
    if (folder / "server.pem").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    extensions = folder / "server.ext"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    _openssl(folder, "req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=pgweave-sandbox-CA "
                     "-keyout ca.key -out ca.pem")
    _openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr")
    _openssl(folder, "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 "
                     "-extfile server.ext -out server.pem")
    return folder


def _openssl(folder, arguments):
    done = subprocess.run(["openssl", *arguments.split()], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise SandboxError(f"openssl {arguments} failed:\n{done.stdout}")
