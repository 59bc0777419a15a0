"""How long cicd-block-ip takes, beside a stand-in for the stock response (a shell and iptables twice) in the same run.

    sudo python benchmarks/block_ip.py [--rounds 60] [--sizes 0,10000,100000]

Runs in a network namespace of its own. A time is that of the whole process, from its start with the message on standard
input to its end, as execd waits for it; the address is blocked before that. Prints medians and 95th percentiles in
milliseconds, and ratios; it asserts nothing. The programs take turns, so that a busy machine slows all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests")]

from ar_kit import Home  # noqa: E402 - the path comes first
from wazuh_cicd.commands.drill import _leave_network  # noqa: E402
from wazuh_cicd.drill.messages import alert, message  # noqa: E402

STOCK = """#!/bin/sh
# What the stock firewall-drop does on Linux, without its start in C: one rule in INPUT, one in FORWARD.
read -r line
case $line in *'"command":"add"'*) verb=-I ;; *) verb=-D ;; esac
echo '{"version":1,"command":"check_keys","parameters":{"keys":["x"]}}'
read -r answer
iptables $verb INPUT -s "$1" -j DROP
iptables $verb FORWARD -s "$1" -j DROP
"""
# As an agent has one; without it the response looks for the manager among the host's connections, which takes 4 ms.
OSSEC_CONF = "<ossec_config><client><server><address>192.0.2.10</address></server></client></ossec_config>\n"
BARE = ["/usr/bin/python3", "-IS", "-c", "pass"]


def timed(words: list[str], text: bytes) -> float:
    """Return the milliseconds of a whole process."""
    started = time.perf_counter()
    subprocess.run(words, input=text, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - started) * 1000


def summary(values: list[float]) -> str:
    """Return median, 95th percentile and least."""
    ordered = sorted(values)
    middle, late = statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"median {middle:6.1f}   p95 {late:6.1f}   least {ordered[0]:6.1f} ms"


def spread(count: int) -> list[str]:
    """Return so many different addresses of 10.64.0.0/10."""
    return [f"10.{64 + (n >> 16)}.{n >> 8 & 255}.{n & 255}" for n in range(count)]


def line(command: str, address: str) -> bytes:
    """Return message and answer."""
    return message(command, alert({"srcip": address}), extra_args=["timeout=600"]) + b'{"command":"continue"}\n'


def fill_iptables(count: int) -> None:
    """Put ``count`` rules into INPUT and FORWARD, no others."""
    rules = [f"-A {chain} -s {address} -j DROP" for chain in ("INPUT", "FORWARD") for address in spread(count)]
    text = "\n".join(["*filter", ":INPUT ACCEPT", ":FORWARD ACCEPT", ":OUTPUT ACCEPT", *rules, "COMMIT", ""])
    subprocess.run(["iptables-restore"], input=text.encode(), check=True)


def latencies(home: Home, stock: Path, size: int, rounds: int, stock_limit: int) -> dict[str, list[float]]:
    """Measure adds and deletes with ``size`` entries there."""
    addresses = home.folder / "addresses"
    addresses.write_text("\n".join(spread(size)) + "\n")
    if size:
        home.admin("--block-from", str(addresses), "--timeout", "7200")
    with_stock = size <= stock_limit
    fill_iptables(size if with_stock else 0)
    found: dict[str, list[float]] = {}
    for number in range(rounds):
        address = f"198.51.{number >> 7 & 127}.{number & 127 | 1}"
        for command in ("add", "delete"):
            found.setdefault(f"ours {command}", []).append(timed([str(home.script)], line(command, address)))
            if with_stock and number % 3 == 0:  # it is slow with many rules
                found.setdefault(f"stock {command}", []).append(timed([str(stock), address], line(command, address)))
        found.setdefault("bare python3 -IS", []).append(timed(BARE, b""))
    wrong = [entry for entry in home.log() if entry.get("result") != "done"]
    if wrong:
        sys.stdout.write(f"  not done: {len(wrong)}, first {json.dumps(wrong[0])}\n")
    fill_iptables(0)
    if size:
        home.admin("--unblock", "all")
    return found


def batch(home: Home, count: int, rounds: int) -> None:
    """Measure one batch of ``count`` adds, and putting them in place again after a flush."""
    addresses = home.folder / "addresses"
    addresses.write_text("\n".join(spread(count)) + "\n")
    adds, kernel, repairs, nothing = [], [], [], []
    for _ in range(rounds):
        adds.append(timed([str(home.script), "--block-from", str(addresses), "--timeout", "7200"], b""))
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        repairs.append(timed([str(home.script), "--reconcile"], b""))
        nothing.append(timed([str(home.script), "--reconcile"], b""))
        home.admin("--unblock", "all")
        kernel.append(transaction(count))
    sys.stdout.write(f"\n{count} in one batch\n")
    sys.stdout.write(f"  one transaction of the kernel, over netlink   {summary(kernel)}\n")
    sys.stdout.write(f"  --block-from FILE, the whole command          {summary(adds)}\n")
    sys.stdout.write(f"  --reconcile after `nft flush ruleset`         {summary(repairs)}\n")
    sys.stdout.write(f"  --reconcile when all is well                  {summary(nothing)}\n")


def transaction(count: int) -> float:
    """Return the milliseconds of the netlink transaction alone, as `--block-from` sends it."""
    from ar_kit import load  # noqa: PLC0415

    block_ip = load("cicd-block-ip")
    firewall = block_ip.Netlink()
    firewall.build([])
    items = [(block_ip.parse_address(address), 7200000) for address in spread(count)]
    started = time.perf_counter()
    code = firewall.put(items)
    taken = (time.perf_counter() - started) * 1000
    if code:
        sys.stdout.write(f"  the kernel said {os.strerror(code)}\n")
    firewall.build([])
    return taken


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--sizes", default="0,10000,100000")
    parser.add_argument("--stock-limit", type=int, default=10000, help="the most rules that iptables is filled with")
    args = parser.parse_args()
    _leave_network()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "wazuh", "cicd-block-ip")
        home.configure("max_blocks = 130000\nmax_new_per_minute = 100000\n")
        (home.folder / "etc/ossec.conf").write_text(OSSEC_CONF)
        stock = Path(folder) / "stock"
        stock.write_text(STOCK)
        stock.chmod(0o755)
        timed([str(home.script)], line("add", "198.51.100.1"))
        medians = {}
        for size in map(int, args.sizes.split(",")):
            sys.stdout.write(f"\n{size} entries, {args.rounds} rounds\n")
            for name, values in sorted(latencies(home, stock, size, args.rounds, args.stock_limit).items()):
                medians[name, size] = statistics.median(values)
                sys.stdout.write(f"  {name:<18} {summary(values)}\n")
            sys.stdout.flush()
        sizes = sorted({size for _, size in medians})
        for name in ("ours add", "ours delete"):
            # What the interpreter's start took meanwhile tells how busy the machine was.
            ratios = [
                f"{size}: {medians[name, size] / medians[name, sizes[0]]:.2f}"
                f" (bare interpreter {medians['bare python3 -IS', size] / medians['bare python3 -IS', sizes[0]]:.2f})"
                for size in sizes
            ]
            sys.stdout.write(f"\n{name}, times that of {sizes[0]} entries: {', '.join(ratios)}\n")
        batch(home, 10000, 7)
    return 0


if __name__ == "__main__":
    sys.exit(main())
