"""Look at the built site as its host shows it: `python docs/serve.py [FOLDER] [--port 8000]`

Below the folder that settings.ini names, and with the page for what is not there. Only this computer sees it.
"""
import argparse
import functools
import http.server
import threading
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
config = ConfigParser(delimiters=["="])
config.read(ROOT/"settings.ini", encoding="utf-8")
BASE = config["DEFAULT"]["doc_baseurl"]


class Host(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path): return super().translate_path(path.removeprefix(BASE.rstrip("/")))
    def log_message(self, *args): pass

    def send_error(self, code, *args):
        page = (Path(self.directory)/"404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


@contextmanager
def served(site, port=0):
    "The address of a built site, as long as it is asked for; `port` 0 takes any free one"
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Host, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try: yield f"http://127.0.0.1:{server.server_port}{BASE}"
        finally: server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", nargs="?", type=Path, default=ROOT/"docs"/"_build"/"site")
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    if not (args.site/"404.html").exists(): parser.error(f"{args.site} is no built site: python docs/build.py")
    try:
        with served(args.site, args.port) as address:
            print(f"{address}\nCtrl-C stops it")
            threading.Event().wait()
    except OSError as e: parser.error(f"port {args.port}: {e.strerror}")
    except KeyboardInterrupt: pass
