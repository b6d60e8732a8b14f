"""The command line: `sandbox COMMAND --dir DIR`."""
import argparse
import json
import shlex
import sys

from . import Sandbox, SandboxError


def start(sandbox):
    sandbox.start()
    status(sandbox)


def status(sandbox):
    servers = {name: {"running": server.running(), "pid": server.state["process"]["pid"],
                      "port": server.state["port"], "log": str(server.log)}
               for name, server in (("postgres", sandbox.postgres), ("neo4j", sandbox.neo4j))}
    print(json.dumps(servers, indent=1))
    return 0 if all(server["running"] for server in servers.values()) else 1


def env(sandbox):
    for name, value in sandbox.environment().items():
        print(f"export {name}={shlex.quote(value)}")


COMMANDS = {
    "start": (start, "start both servers; makes the directory on the first call"),
    "stop": (Sandbox.stop, "stop both; the data stays"),
    "destroy": (Sandbox.destroy, "stop both and remove the directory"),
    "status": (status, "say what runs, as JSON; exit code 0 when both do"),
    "env": (env, "print the variables for a shell: eval \"$(sandbox env --dir DIR)\""),
    "start-postgres": (Sandbox.start_postgres, "start PostgreSQL again: same port, same data"),
    "stop-postgres": (Sandbox.stop_postgres, "stop PostgreSQL"),
    "kill-postgres": (Sandbox.kill_postgres, "kill PostgreSQL with SIGKILL"),
    "start-neo4j": (Sandbox.start_neo4j, "start Neo4j again: same port, same data"),
    "stop-neo4j": (Sandbox.stop_neo4j, "stop Neo4j"),
    "kill-neo4j": (Sandbox.kill_neo4j, "kill Neo4j with SIGKILL"),
}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="sandbox", description="A private PostgreSQL and a private Neo4j.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--dir", required=True, help="the sandbox's directory")
        if name == "start":
            command.add_argument("--pg-version", type=int, default=15, help="15, or 16 to 18 from Maven Central")
            command.add_argument("--no-fsync", dest="fsync", action="store_false", help="for tests: PostgreSQL does not fsync, the JVM compiles in a hurry")
            command.add_argument("--pg-tls", action="store_true", help="PostgreSQL offers TLS")
            command.add_argument("--neo4j-heap", default="1g", help="the JVM's -Xmx (1g)")
            command.add_argument("--neo4j-page-cache", default="512m", help="Neo4j's page cache (512m)")
            command.add_argument("--neo4j-tls", action="store_true", help="Bolt offers TLS")
            command.add_argument("--no-apoc", dest="apoc", action="store_false", help="Neo4j without APOC")
    return vars(parser.parse_args(arguments))


def main(arguments=None):
    options = parse(arguments)
    command = options.pop("command")
    try:
        sandbox = Sandbox(options.pop("dir"), **options)
        if command != "start" and not sandbox.exists:
            raise SandboxError(f"{sandbox.directory} is not a sandbox: start one with `sandbox start --dir DIR`")
        return COMMANDS[command][0](sandbox) or 0
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
