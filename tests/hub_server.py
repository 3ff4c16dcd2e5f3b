"""A small Hugging Face Hub on the loopback interface, for tests: it keeps repositories in memory and speaks
the part of the Hub's HTTP interface that huggingface_hub uses to look up, download and upload models.

    with HubServer() as hub:
        hub.add("owner/name", folder)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)

Users are known by token: "hf_owner" is the user `owner`, "hf_reader" the user `reader`; owners are whoever
the repository's name begins with. Status codes and X-Error-Code headers are those of the real Hub.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (
    ".safetensors",
    ".bin",
    ".model",
    ".h5",
    ".msgpack",
    ".ot",
    ".onnx",
)  # what .gitattributes gives to LFS


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Repository:
    """One model repository: commits by id (path -> content), branches and pull requests by name."""

    name: str
    private: bool = False
    gated: bool = False
    granted: set[str] = field(default_factory=set)  # users who may read a gated one
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes], title: str = "") -> str:
        """Sets the branch to these files; returns the commit's id."""
        text = json.dumps([self.name, len(self.commits), sorted((p, git_oid(d)) for p, d in files.items())])
        sha = hashlib.sha1(text.encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.titles[sha] = title
        self.branches[branch] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        if revision in self.commits:
            return revision
        return self.branches.get(revision)


class Refused(Exception):
    """An answer that is an error: status, the Hub's error code and its message."""

    def __init__(self, status: int, code: str | None, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


class HubServer:
    """The server; use it in a `with` block.

    Attributes:
        url: what HF_ENDPOINT should be.
        log: (method, path, Authorization header or None) of every request about repositories, in order.
        uploads: "regular" sends every file inside the commit; "lfs" sends weights by Git LFS.
        bytes_per_second: throttles file contents; None: as fast as they go.
        truncate: path -> number of bytes after which the connection is closed.
        sent: bytes of file contents sent so far.
        down: a status (such as 503) that every request is answered with; None: normal work.
        twist: changes an answer's headers in place, given (method, path, headers): for hostile answers.
        runs_on: path -> bytes that follow the file's own, without a Content-Length.
        listing: changes what is said of a repository, given the JSON's data; returns other data.
    """

    def __init__(self) -> None:
        self.users = {"hf_owner": "owner", "hf_reader": "reader"}
        self.repositories: dict[str, Repository] = {}
        self.log: list[tuple[str, str, str | None]] = []
        self.uploads = "regular"
        self.large: dict[str, bytes] = {}  # LFS objects by sha256
        self.bytes_per_second: float | None = None
        self.truncate: dict[str, int] = {}
        self.down: int | None = None
        self.twist: Callable[[str, str, dict[str, str]], None] | None = None
        self.runs_on: dict[str, int] = {}
        self.listing: Callable[[dict], object] | None = None
        self.sent = 0
        self.stopping = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": self}))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        # Another origin, as the real Hub's storage is: tokens must not be sent there.
        self.storage_url = f"http://localhost:{self.port}/storage"

    def __enter__(self) -> HubServer:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def add(
        self, name: str, folder: str | Path | dict[str, bytes], *, branch: str = "main", **how: object
    ) -> str:
        """Puts a folder's files (or path -> content) at a branch of a repository; returns the commit's id."""
        repository = self.repositories.setdefault(name, Repository(name))
        for key, value in how.items():
            setattr(repository, key, value)
        return repository.commit(branch, folder if isinstance(folder, dict) else read_folder(folder))

    def files(self, name: str, revision: str = "main") -> dict[str, bytes]:
        """What a repository holds at a revision."""
        repository = self.repositories[name]
        return repository.commits[repository.resolve(revision)]

    def paths(self, method: str | None = None) -> list[str]:
        """The paths of the requests so far."""
        return [path for made, path, _ in self.log if method in (None, made)]


def read_folder(folder: str | Path) -> dict[str, bytes]:
    """Relative path -> content of all files under a folder."""
    root = Path(folder)
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Tests read `hub.log`."""

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_GET

    # -- one request -------------------------------------------------------------------------------

    def _serve(self) -> None:
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        self.body = self._read_body()
        if url.path != _STATISTICS:
            self.hub.log.append((self.command, self.path, self.headers.get("Authorization")))
        try:
            if self.hub.down is not None:
                raise Refused(self.hub.down, None, "Service Unavailable")
            for pattern, action in _ROUTES:
                match = re.fullmatch(pattern, url.path)
                if match and self.command in action[0]:
                    action[1](self, **{key: unquote(value or "") for key, value in match.groupdict().items()})
                    return
            raise Refused(404, None, f"no such page: {url.path}")
        except Refused as error:
            headers = {"X-Error-Message": str(error), **error.headers}
            if error.code:
                headers["X-Error-Code"] = error.code
            self._json({"error": str(error)}, error.status, headers)

    def _read_body(self) -> bytes:
        if "chunked" not in (self.headers.get("Transfer-Encoding") or ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _json(self, data: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(data).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        self._head(status, headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        if self.hub.twist is not None:
            self.hub.twist(self.command, self.path, headers)
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    # -- who may do what ---------------------------------------------------------------------------

    def _user(self) -> str | None:
        header = self.headers.get("Authorization")
        if header is None:
            return None
        user = self.hub.users.get(header.removeprefix("Bearer "))
        if user is None:
            raise Refused(401, None, "Invalid credentials in Authorization header")
        return user

    def _repository(self, name: str, *, content: bool = False, write: bool = False) -> Repository:
        user = self._user()
        repository = self.hub.repositories.get(name)
        owner = name.split("/")[0]
        if repository is None or (repository.private and user != owner):
            # Who is not logged in cannot tell a private repository from none.
            raise Refused(404 if user else 401, "RepoNotFound", "Repository not found")
        if write and user != owner:
            raise Refused(
                403 if user else 401, None, "Forbidden: you must use a write token to upload to a repository."
            )
        if content and repository.gated and user != owner and user not in repository.granted:
            raise Refused(403 if user else 401, "GatedRepo", f"Access to model {name} is restricted.")
        return repository

    def _commit(self, repository: Repository, revision: str) -> str:
        sha = repository.resolve(revision)
        if sha is None:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return sha

    # -- reading -----------------------------------------------------------------------------------

    def resolve(self, name: str, revision: str, path: str) -> None:
        repository = self._repository(name, content=True)
        sha = self._commit(repository, revision)
        data = repository.commits[sha].get(path)
        if data is None:
            raise Refused(404, "EntryNotFound", "Entry not found", **{"X-Repo-Commit": sha})
        headers = {"X-Repo-Commit": sha}
        if path.endswith(LARGE):
            oid = hashlib.sha256(data).hexdigest()
            self.hub.large[oid] = data
            headers |= {"X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{oid}"'}
            headers |= {"Location": f"{self.hub.storage_url}/{oid}?path={path}", "Content-Length": "0"}
            self._head(302, headers)
            return
        self._content(data, {**headers, "ETag": f'"{git_oid(data)}"'}, path)

    def storage(self, oid: str) -> None:
        data = self.hub.large.get(oid)
        if data is None:
            raise Refused(404, None, "no such object")
        self._content(data, {"ETag": f'"{oid}"'}, self.query.get("path", [""])[0])

    def _content(self, data: bytes, headers: dict[str, str], path: str) -> None:
        status, total = 200, len(data)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted and int(wanted[1]) < total:
            first, last = int(wanted[1]), min(int(wanted[2] or total - 1), total - 1)
            data, status = data[first : last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{last}/{total}"
        more = self.hub.runs_on.get(path, 0)
        length = {} if more and self.command == "GET" else {"Content-Length": str(len(data))}
        self._head(status, {**headers, "Accept-Ranges": "bytes", **length})
        if self.command == "HEAD":
            return
        if more:
            data += bytes(more)
            self.close_connection = True
        end = self.hub.truncate.get(path, len(data))
        step = 1 << 16 if self.hub.bytes_per_second is None else max(1, int(self.hub.bytes_per_second / 20))
        for start in range(0, min(end, len(data)), step):
            if self.hub.stopping.is_set():
                break
            try:
                self.hub.sent += self.wfile.write(data[start : min(start + step, end)])
            except OSError:  # the reader has hung up
                break
            if self.hub.bytes_per_second is not None:
                time.sleep(0.05)
        if end < len(data):
            self.close_connection = True

    def model(self, name: str, revision: str = "main") -> None:
        repository = self._repository(name)
        sha = self._commit(repository, revision or "main")
        siblings = [{"rfilename": path} for path in sorted(repository.commits[sha])]
        if "blobs" in self.query:
            siblings = [
                {"rfilename": path, "blobId": git_oid(data), "size": len(data), **_lfs(path, data)}
                for path, data in sorted(repository.commits[sha].items())
            ]
        said = {
            "_id": sha[:24],
            "id": name,
            "modelId": name,
            "sha": sha,
            "private": repository.private,
            "gated": "manual" if repository.gated else False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "spaces": [],
            "siblings": siblings,
        }
        self._json(said if self.hub.listing is None else self.hub.listing(said))

    def tree(self, name: str, revision: str, path: str = "") -> None:
        repository = self._repository(name)
        files = repository.commits[self._commit(repository, revision)]
        inside = {p: d for p, d in files.items() if not path or p.startswith(path + "/")}
        if path and not inside:
            raise Refused(404, "EntryNotFound", f"{path} does not exist")
        self._json(
            [
                {"type": "file", "path": p, "size": len(d), "oid": git_oid(d), **_lfs(p, d, "oid")}
                for p, d in sorted(inside.items())
            ]
        )

    def refs(self, name: str) -> None:
        heads = [
            {"name": branch, "ref": f"refs/heads/{branch}", "targetCommit": sha}
            for branch, sha in self._repository(name).branches.items()
            if not branch.startswith("refs/")
        ]
        self._json({"branches": heads, "tags": [], "converts": []})

    def whoami(self) -> None:
        user = self._user()
        if user is None:
            raise Refused(401, None, "Invalid username or password.")
        self._json({"type": "user", "name": user, "orgs": [], "auth": {"type": "access_token"}})

    # -- writing -----------------------------------------------------------------------------------

    def create(self) -> None:
        user = self._user()
        data = json.loads(self.body)
        if user is None:
            raise Refused(401, None, "Invalid username or password.")
        owner = data.get("organization") or user
        if owner != user:
            raise Refused(403, None, f'You don\'t have the rights to create a model under "{owner}"')
        name = f"{owner}/{data['name']}"
        if name in self.hub.repositories:
            self._json({"error": "You already created this model repo", "url": f"{self.hub.url}/{name}"}, 409)
            return
        repository = Repository(
            name, private=data.get("visibility") == "private" or bool(data.get("private"))
        )
        repository.commit("main", {".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")
        self.hub.repositories[name] = repository
        self._json({"url": f"{self.hub.url}/{name}", "name": name, "id": name})

    def branch(self, name: str, revision: str) -> None:
        repository = self._repository(name, write=True)
        if revision in repository.branches:
            raise Refused(409, None, f"Reference already exists: refs/heads/{revision}")
        start = json.loads(self.body or b"{}").get("startingPoint", "main")
        repository.branches[revision] = self._commit(repository, start)
        self._json({})

    def preupload(self, name: str, revision: str) -> None:
        proposes = "create_pr" in self.query
        repository = self._repository(name, write=not proposes)
        files = repository.commits[self._commit(repository, revision)]
        answer = []
        for file in json.loads(self.body)["files"]:
            large = self.hub.uploads == "lfs" and file["path"].endswith(LARGE)
            old = files.get(file["path"])
            oid = None if old is None else hashlib.sha256(old).hexdigest() if large else git_oid(old)
            mode = "lfs" if large else "regular"
            answer.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._json({"files": answer})

    def commit(self, name: str, revision: str) -> None:
        proposes = "create_pr" in self.query
        repository = self._repository(name, write=not proposes)
        if self._user() is None:
            raise Refused(401, None, "Invalid username or password.")
        files = dict(repository.commits[self._commit(repository, revision)])
        title = ""
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                title = value["summary"]
            elif item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                if value["oid"] not in self.hub.large:
                    raise Refused(400, None, f"LFS object {value['oid']} was not uploaded")
                files[value["path"]] = self.hub.large[value["oid"]]
            elif item["key"] == "deletedFile":
                files.pop(value["path"])
        answer = {"success": True}
        target = revision
        if proposes:
            number = sum(key.startswith("refs/pr/") for key in repository.branches) + 1
            target = f"refs/pr/{number}"
            answer["pullRequestUrl"] = f"{self.hub.url}/{name}/discussions/{number}"
        sha = repository.commit(target, files, title)
        self._json({**answer, "commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha})

    def validate_yaml(self) -> None:
        text = json.loads(self.body)["content"]
        warnings = [] if text.startswith("---\n") else [{"message": "empty or missing yaml metadata"}]
        self._json({"errors": [], "warnings": warnings})

    def lfs_batch(self, name: str) -> None:
        self._repository(name)
        objects = []
        for item in json.loads(self.body)["objects"]:
            link = f"{self.hub.url}/lfs/{item['oid']}"
            actions = {"upload": {"href": link}, "verify": {"href": f"{link}/verify"}}
            known = item["oid"] in self.hub.large
            objects.append(item if known else {**item, "actions": actions})
        self._json({"transfer": "basic", "objects": objects})

    def lfs_upload(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refused(400, None, "the content does not have this sha256")
        self.hub.large[oid] = self.body
        self._head(200, {"Content-Length": "0"})

    def lfs_verify(self, oid: str) -> None:
        wanted = json.loads(self.body)
        if len(self.hub.large.get(oid, b"")) != wanted["size"]:
            raise Refused(422, None, "the object is not there")
        self._json({})


def _lfs(path: str, data: bytes, key: str = "sha256") -> dict[str, object]:
    if not path.endswith(LARGE):
        return {}
    return {
        "lfs": {key: hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 135},
    }


# What huggingface_hub asks once a day for its user agent: no part of what a test counts.
_STATISTICS = "/api/agent-harnesses"
_NAME = r"(?P<name>[^/]+(?:/[^/]+)?)"
_ROUTES = [
    (r"/api/whoami-v2", (("GET",), _Handler.whoami)),
    (r"/api/repos/create", (("POST",), _Handler.create)),
    (r"/api/validate-yaml", (("POST",), _Handler.validate_yaml)),
    (rf"/api/models/{_NAME}/revision/(?P<revision>[^/]+)", (("GET",), _Handler.model)),
    (rf"/api/models/{_NAME}/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", (("GET",), _Handler.tree)),
    (rf"/api/models/{_NAME}/refs", (("GET",), _Handler.refs)),
    (rf"/api/models/{_NAME}/preupload/(?P<revision>[^/]+)", (("POST",), _Handler.preupload)),
    (rf"/api/models/{_NAME}/commit/(?P<revision>[^/]+)", (("POST",), _Handler.commit)),
    (rf"/api/models/{_NAME}/branch/(?P<revision>[^/]+)", (("POST",), _Handler.branch)),
    (rf"/api/models/{_NAME}", (("GET",), _Handler.model)),
    (rf"/{_NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", (("GET", "HEAD"), _Handler.resolve)),
    (r"/storage/(?P<oid>[0-9a-f]{64})", (("GET", "HEAD"), _Handler.storage)),
    (rf"/{_NAME}\.git/info/lfs/objects/batch", (("POST",), _Handler.lfs_batch)),
    (r"/lfs/(?P<oid>[0-9a-f]{64})", (("PUT",), _Handler.lfs_upload)),
    (r"/lfs/(?P<oid>[0-9a-f]{64})/verify", (("POST",), _Handler.lfs_verify)),
]
