"""What people write instead: a view that clones, answers with the UID, and
leaves the sub-actions to a pool of three threads. It keeps nothing: what is in
the pool when the process ends is lost.

    BENCH_UPSTREAM=http://127.0.0.1:9001 BENCH_SUB_ACTIONS=6 gunicorn app:app
"""

import os
from concurrent.futures import ThreadPoolExecutor

import requests
from flask import Flask, jsonify, request

UPSTREAM = os.environ["BENCH_UPSTREAM"] + "/projects/"
SUB_ACTIONS = int(os.environ["BENCH_SUB_ACTIONS"])

app = Flask(__name__)
pool = ThreadPoolExecutor(max_workers=3)
# Connections are kept, as a careful author would.
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))


def sub_action(uid, number):
    session.post(f"{UPSTREAM}{uid}/s{number}", timeout=30).raise_for_status()


@app.post("/hooks/bench")
def hook():
    body = request.get_json()
    cloned = session.post(
        f"{UPSTREAM}{body['template']}/clone",
        json={"name": body["name"]},
        timeout=9,
    )
    cloned.raise_for_status()
    uid = cloned.json()["id"]
    for number in range(1, SUB_ACTIONS + 1):
        pool.submit(sub_action, uid, number)
    return jsonify(uid=uid)
