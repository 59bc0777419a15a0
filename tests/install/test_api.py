"""The server API: the client's manners, and installations through it (against the stand-in of ``fakeapi.py``)."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat
import time
from contextlib import suppress

import pytest
import requests

from install.fakeapi import LIST_LINE, NAME, PASSWORD, USER, FakeApi, make_certificates, serving
from install.trees import CONF, desired, make_root, rules_xml, snapshot
from wazuh_cicd.engine.load.cdb import CdbList
from wazuh_cicd.errors import UsageError
from wazuh_cicd.install.apply import apply, rollback
from wazuh_cicd.install.desired import EMPTY_LIST, desired_from, for_api, nothing
from wazuh_cicd.install.errors import HalfDone, InstallError
from wazuh_cicd.install.plan import make_plan
from wazuh_cicd.install.record import ADVICE as RECORD
from wazuh_cicd.install.record import Record, digest
from wazuh_cicd.install.remote import ApiTarget
from wazuh_cicd.install.target import RELOAD, RESTART
from wazuh_cicd.install.verify import verify
from wazuh_cicd.manager.api import Api, Credentials
from wazuh_cicd.manager.errors import Denied, ManagerError, Refused, Unreachable
from wazuh_cicd.manager.logtest import ApiEngine
from wazuh_cicd.render import render_package
from wazuh_cicd.report.install import plan_text
from wazuh_cicd.spec import load_specs

TOP = b"<ossec_config>\n  <command>\n    <name>cicd-x</name>\n  </command>\n</ossec_config>\n"
SECRET = USER
LOGIN = Credentials(user=USER, password=PASSWORD)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make a certificate")
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def fake(tmp_path, certificates):
    with serving(FakeApi(make_root(tmp_path / "ossec")), certificates) as api:
        yield api


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.time = 0.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds

    def now(self):
        return self.time


def client(fake, *, credentials=LOGIN, clock=None, **options):
    clock = clock or Clock()
    options.setdefault("timeout", 10.0)
    return Api(fake.url, credentials, fake.ca, sleep=clock.sleep, now=clock.now, **options)


def flat(goal):
    """The goal as the API can have it."""
    files = {path.replace("lists/cicd/", "lists/cicd_"): data or EMPTY_LIST for path, data in goal.files.items()}
    record = dataclasses.replace(goal.record, files={path: digest(data) for path, data in files.items()})
    lines = tuple(line.replace("cicd/", "cicd_") for line in goal.ruleset_lines)
    return dataclasses.replace(goal, files=files, record=record, ruleset_lines=lines)


def target(fake, tmp_path, *, clock=None, **options):
    clock = clock or Clock()
    return ApiTarget(client(fake, clock=clock, **options), state_folder=tmp_path / "state", wait=60.0, now=clock.now)


def once(at, what):
    return lambda number, *_: what if number == at else None


# The client


@pytest.mark.parametrize("url", ["http://127.0.0.1:55000", "https://", "ftp://x", "https://u:p@host:55000"])
def test_an_address_that_would_leak_the_token_is_refused(url):
    with pytest.raises(UsageError):
        Api(url, LOGIN)


def test_an_unknown_certificate_is_refused_and_nothing_was_sent(fake):
    with pytest.raises(Unreachable, match=r"not trusted.*--ca"):
        Api(fake.url, LOGIN).request("GET", "/rules")
    assert not fake.requests


def test_a_certificate_for_another_name_is_refused_unless_that_name_is_given(fake):
    url = fake.url.replace("localhost", "127.0.0.1")
    with pytest.raises(Unreachable, match="not trusted"):
        Api(url, LOGIN, fake.ca).request("GET", "/rules")
    assert Api(url, LOGIN, fake.ca, NAME).pages("/rules")
    with pytest.raises(Unreachable, match="not trusted"):
        Api(url, LOGIN, fake.ca, "other.example.com").request("GET", "/rules")


def test_a_ca_file_without_a_certificate_is_refused(tmp_path, fake):
    (tmp_path / "ca").write_text("no")
    with pytest.raises(UsageError, match="holds no certificate"):
        Api(fake.url, LOGIN, tmp_path / "ca")


def test_credentials_come_from_a_file_or_the_environment_only(tmp_path):
    secret = tmp_path / "token"
    secret.write_text(SECRET + "\n")
    assert Credentials.find({}, secret).token == SECRET
    assert Credentials.find({"WAZUH_API_TOKEN": SECRET}).token == SECRET
    assert Credentials.find({"WAZUH_API_USER": "u", "WAZUH_API_PASSWORD_FILE": str(secret)}).password == SECRET
    assert SECRET not in repr(Credentials.find({}, secret))
    with pytest.raises(UsageError, match="no credentials"):
        Credentials.find({"WAZUH_API_USER": "u"})
    secret.write_text("two\nlines")
    with pytest.raises(UsageError, match="one line"):
        Credentials.find({}, secret)
    with pytest.raises(UsageError, match="cannot be read"):
        Credentials.find({}, tmp_path / "missing")


def test_a_wrong_password_is_tried_once_only(fake):
    with pytest.raises(Denied, match="check the user, the password"):
        client(fake, credentials=Credentials(user=USER, password=USER)).request("GET", "/rules")
    assert fake.logins == 1, "the API locks an address out after a few"


def test_an_expired_token_is_renewed_and_a_given_one_is_not(fake):
    fake.token_uses = 2
    api = client(fake)
    for _ in range(7):
        api.request("GET", "/rules")
    assert fake.logins == 4
    with pytest.raises(Denied, match="token"):
        client(fake, credentials=Credentials(token=USER)).request("GET", "/rules")


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 504, "drop"])
def test_what_passes_is_tried_again_with_growing_pauses(fake, fault):
    clock = Clock()
    fake.faults = lambda number, *_: fault if 2 <= number <= 4 else None
    assert client(fake, clock=clock).pages("/rules")
    if fault != 429:
        assert clock.slept[0] < clock.slept[1] < clock.slept[2]
    else:
        assert clock.slept == [60.0] * 3, "429 is over when the minute is"


def test_an_api_that_does_not_answer_is_given_up_after_all_attempts(fake):
    fake.faults = lambda number, *_: "stall" if number > 1 else None
    with pytest.raises(Unreachable, match="no answer in time"):
        client(fake, timeout=0.2, attempts=2).request("GET", "/rules")


@pytest.mark.parametrize(("status", "error"), [(400, Refused), (403, Denied), (404, Refused), (409, Refused)])
def test_a_refusal_is_not_tried_again(fake, status, error):
    fake.faults = once(2, status)
    with pytest.raises(error, match=f"HTTP {status}, injected"):
        client(fake).request("GET", "/rules")
    assert len(fake.requests) == 2


def test_what_may_have_been_done_is_not_done_twice(fake):
    fake.faults = once(2, "lose")
    with pytest.raises(Unreachable):
        ApiEngine(client(fake)).open_session().process("x")
    assert fake.requests.count(("PUT", "/logtest")) == 1


def test_requests_stay_below_the_limit_of_a_minute(fake):
    clock = Clock()
    api = client(fake, clock=clock, per_minute=10)
    for _ in range(25):
        api.request("GET", "/rules")
    assert 120.0 <= clock.time <= 180.0


def test_failed_items_of_a_success_are_errors(fake):
    with pytest.raises(Refused, match="Empty files are not supported; Mend it") as caught:
        client(fake).items("PUT", "/rules/files/a.xml", body=b" ")
    assert caught.value.code == 1112


def test_listings_longer_than_a_page_are_complete(fake):
    (fake.root / "etc/rules/many.xml").write_bytes(rules_xml(*range(200001, 201205)))
    assert len({item["id"] for item in client(fake).pages("/rules")}) == 1207


# Installations


def test_a_whole_life_through_the_api(fake, tmp_path, said):
    before = snapshot(fake.root)
    goal = flat(desired())
    way = target(fake, tmp_path)
    plan = make_plan(way, goal)
    assert plan.activation == RELOAD
    assert snapshot(fake.root) == before
    outcome = apply(way, goal, say=said.append)
    assert outcome.activated == RELOAD
    assert fake.reloads == 1
    assert (fake.root / "etc/lists/cicd_networks").read_bytes() == EMPTY_LIST
    again = target(fake, tmp_path)
    assert not apply(again, goal, say=said.append).plan.changes
    assert fake.reloads == 1
    checked = verify(again, goal, thorough=True)
    assert not checked.failures
    assert len(checked.round_trips) == 2
    rollback(again, say=said.append)
    assert snapshot(fake.root) == before
    apply(again, goal, say=said.append)
    apply(target(fake, tmp_path), nothing(), say=said.append)
    assert snapshot(fake.root) == before


def test_another_machine_knows_what_is_installed(fake, tmp_path, said):
    apply(target(fake, tmp_path), flat(desired()), say=said.append)
    (fake.root / "etc/lists/cicd_trusted_actors").write_bytes(b"site:own\n")
    elsewhere = ApiTarget(client(fake), state_folder=tmp_path / "other", wait=60.0)
    plan = make_plan(elsewhere, flat(desired((111002,), version="2.0")))
    assert plan.record == Record.load((fake.root / "etc/lists/cicd_installed").read_bytes())
    assert plan.kept == ("etc/lists/cicd_trusted_actors",)


def test_a_local_installation_can_be_taken_over(fake, tmp_path, said):
    from wazuh_cicd.install.local import LocalTarget  # noqa: PLC0415 - here alone

    apply(LocalTarget(fake.root), desired(), say=said.append)
    (fake.root / "etc/lists/cicd/trusted_actors").write_bytes(b"site:own\n")
    apply(target(fake, tmp_path), flat(desired(version="2.0")), say=said.append)
    assert (fake.root / "etc/lists/cicd_trusted_actors").read_bytes() == b"site:own\n"
    assert not [place for place in (fake.root / "etc/lists/cicd").glob("*") if place.is_file()]


def test_what_this_machine_keeps_is_for_its_user_alone(fake, tmp_path, said):
    old_mask = os.umask(0)
    try:
        apply(target(fake, tmp_path), flat(desired()), say=said.append)
        apply(target(fake, tmp_path), flat(desired(version="2.0")), say=said.append)
    finally:
        os.umask(old_mask)
    state = tmp_path / "state"
    modes = {place: stat.S_IMODE(place.stat().st_mode) for place in [state, *state.rglob("*")]}
    assert any(b"<ossec_config>" in place.read_bytes() for place in modes if place.is_file()), "ossec.conf is kept"
    assert {mode for place, mode in modes.items() if place.is_file()} == {0o600}
    assert {mode for place, mode in modes.items() if place.is_dir()} == {0o700}


def test_folders_above_the_state_folder_are_ours_whatever_the_umask(fake, tmp_path):
    there = ApiTarget(client(fake), state_folder=tmp_path / "a/b/c")
    before = os.umask(0)
    try:
        with there.lock():
            pass
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_a_state_folder_that_is_a_link_is_not_used(fake, tmp_path, said):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InstallError, match="link"):
        apply(target(fake, tmp_path), flat(desired()), say=said.append)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "path", ["etc/rules/local_rules.xml", "etc/lists/audit-keys", "/nonexistent/passwd", "etc/lists/../x"]
)
def test_a_record_on_the_manager_names_no_file_that_is_not_ours(fake, tmp_path, said, path):
    apply(target(fake, tmp_path), flat(desired()), say=said.append)
    record = fake.root / RECORD
    record.write_text(record.read_text() + f"file={path}:{'0' * 64}\n")
    before = snapshot(fake.root)
    for goal in (flat(desired(version="2.0")), nothing()):
        with pytest.raises(InstallError, match="no file of wazuh-cicd"):
            apply(target(fake, tmp_path), goal, say=said.append)
    assert snapshot(fake.root) == before


def test_a_choice_that_somebody_else_wrote_is_told_from_our_own(fake, tmp_path, said):
    way = target(fake, tmp_path)
    apply(way, flat(desired()), say=said.append)
    record = Record.load((fake.root / RECORD).read_bytes())
    assert way.trusts(record)
    assert not way.trusts(dataclasses.replace(record, responses=("block-ip",)))
    assert not ApiTarget(client(fake), state_folder=tmp_path / "other").trusts(record)
    apply(target(fake, tmp_path), nothing(), say=said.append)
    assert not target(fake, tmp_path).trusts(record)


def test_an_edited_list_is_reloaded_once(fake, tmp_path, said):
    goal = flat(desired())
    apply(target(fake, tmp_path), goal, say=said.append)
    (fake.root / "etc/lists/cicd_trusted_actors").write_bytes(b"site:own\n")
    assert verify(target(fake, tmp_path), goal).code == 3
    # Any machine can tell: what was loaded stands in the record on the manager.
    elsewhere = ApiTarget(client(fake), state_folder=tmp_path / "other", wait=60.0)
    assert apply(elsewhere, goal, say=said.append).activated == RELOAD
    assert fake.reloads == 2
    assert verify(target(fake, tmp_path), goal).code == 0
    assert apply(target(fake, tmp_path), goal, say=said.append).activated == "nothing"


def test_programs_are_left_out_and_said(fake, tmp_path):
    plan = make_plan(target(fake, tmp_path), flat(desired(extra={"active-response/bin/cicd-x": b"#!/bin/sh\n"})))
    assert plan.left_out == ("active-response/bin/cicd-x",)
    assert not plan.left_behind
    assert "! active-response/bin/cicd-x (the server API carries no such file" in plan_text(plan)


def test_a_program_that_is_on_the_record_does_not_stop_an_upgrade(fake, tmp_path, said):
    with_program = flat(desired(extra={"wodles/cicd/cicd-x": b"#!/bin/sh\n"}))
    apply(target(fake, tmp_path), with_program, say=said.append)
    assert not apply(target(fake, tmp_path), with_program, say=said.append).plan.changes
    plan = apply(target(fake, tmp_path), flat(desired(version="2.0")), say=said.append).plan
    assert plan.left_behind == ("wodles/cicd/cicd-x",)
    assert "! wodles/cicd/cicd-x (the server API cannot remove it" in plan_text(plan)


def test_lists_are_written_as_the_api_takes_them(fake, tmp_path, said):
    written = b'plain:value\nan own key:with blanks\n"system:node":an account\n"https://example.com/x":left out\n'
    taken, lost = for_api(written)
    assert taken == b'plain:value\n"an own key":with blanks\n"system:node":an account\n'
    assert lost == ("https://example.com/x",)
    assert for_api(b"") == (EMPTY_LIST, ())
    assert CdbList.parse(taken).entries.items() < CdbList.parse(written).entries.items()
    place = "etc/lists/cicd_mixed"
    goal = dataclasses.replace(flat(desired(extra={place: taken})), unsayable={place: lost})
    outcome = apply(target(fake, tmp_path), goal, say=said.append)
    assert [(finding.code, finding.path) for finding in outcome.plan.problems] == [("I117", place)]
    assert (fake.root / place).read_bytes() == taken


def test_a_list_that_the_api_refuses_undoes_the_installation(fake, tmp_path, said):
    before = snapshot(fake.root)
    with pytest.raises(InstallError, match=r"Bad format in CDB list.*put back"):
        apply(target(fake, tmp_path), flat(desired(extra={"etc/lists/cicd_x": b"a b:c\n"})), say=said.append)
    assert snapshot(fake.root) == before


def test_every_list_of_the_package_is_taken_by_the_api():
    goal = desired_from(render_package(load_specs()), flat_lists=True)
    lists = [(path, data) for path, data in goal.files.items() if path.startswith("etc/lists/")]
    lists.append((RECORD, goal.record.dump()))
    assert len(lists) > 50
    for path, data in lists:
        assert all(map(LIST_LINE.match, data.decode().splitlines())), path
    assert Record.load(goal.record.dump()) == goal.record


def test_every_node_of_a_cluster_gets_its_lists_declared(tmp_path, certificates, said):
    root = make_root(tmp_path / "ossec")
    nodes = ("master", "worker-1")
    for node in nodes:
        (root / "nodes" / node / "etc").mkdir(parents=True)
        (root / "nodes" / node / "etc/ossec.conf").write_text(CONF.replace("debian", node))
    with serving(FakeApi(root, nodes), certificates) as fake:
        before = snapshot(root)
        apply(target(fake, tmp_path), flat(desired(top=TOP)), say=said.append)
        for node in nodes:
            assert "cicd_networks" in (root / "nodes" / node / "etc/ossec.conf").read_text()
        assert b"wazuh-cicd" not in (root / "etc/ossec.conf").read_bytes()
        assert fake.restarts == 1
        rollback(target(fake, tmp_path), say=said.append)
        assert snapshot(root) == before


def test_what_the_api_refuses_is_undone(fake, tmp_path, said):
    before = snapshot(fake.root)
    with pytest.raises(InstallError, match=r"Error loading the rules.*put back"):
        apply(target(fake, tmp_path), flat(desired(text="fatal")), say=said.append)
    assert snapshot(fake.root) == before


def test_a_rule_that_is_dropped_is_seen_in_logtest(fake, tmp_path, said):
    before = snapshot(fake.root)
    with pytest.raises(InstallError, match="7619"):
        apply(target(fake, tmp_path), flat(desired(text="dropped")), say=said.append)
    assert snapshot(fake.root) == before


def test_a_restart_is_waited_for(fake, tmp_path, said):
    class Slow(Clock):
        def sleep(self, seconds):
            super().sleep(seconds)
            time.sleep(0.02)

    fake.restart_takes = 0.1
    outcome = apply(target(fake, tmp_path, clock=Slow()), flat(desired(top=TOP)), say=said.append)
    assert outcome.activated == RESTART
    assert fake.restarts == 1


def test_a_manager_that_does_not_come_back_has_its_old_files_again(fake, tmp_path, said):
    before = snapshot(fake.root)
    fake.restart_takes = -1
    with pytest.raises(HalfDone, match="did not come back within 60 s"):
        apply(target(fake, tmp_path), flat(desired(top=TOP)), say=said.append)
    assert snapshot(fake.root) == before
    fake.restart_takes = 0.0
    rollback(target(fake, tmp_path), say=said.append)
    assert snapshot(fake.root) == before


def requests_of_an_apply(tmp_path, certificates, said):
    with serving(FakeApi(make_root(tmp_path / "measure")), certificates) as fake:
        apply(target(fake, tmp_path / "m"), flat(desired()), say=said.append)
        return len(fake.requests)


@pytest.mark.parametrize("fault", [429, 500, "drop", "lose"])
def test_one_fault_at_any_request_is_survived_or_undone(tmp_path, certificates, said, fault):
    count = requests_of_an_apply(tmp_path, certificates, said)
    assert count > 30
    for moment in range(1, count + 1, 3):
        root = make_root(tmp_path / f"at{moment}/ossec")
        before = snapshot(root)
        with serving(FakeApi(root, faults=once(moment, fault)), certificates) as fake:
            try:
                apply(target(fake, tmp_path / f"at{moment}"), flat(desired()), say=said.append)
            except (InstallError, ManagerError):
                # Only a logtest request may not be repeated: then everything was put back.
                assert fault in ("drop", "lose", 500)
                assert snapshot(root) == before, moment
            else:
                assert (root / "etc/rules/1110-cicd_github_rules.xml").exists()
            assert not (tmp_path / f"at{moment}" / "state/journal.json").exists()


@pytest.mark.parametrize("fault", [401, 403, 409, 429, 500, "drop"])
def test_an_api_that_fails_for_good_at_any_request_can_be_put_right_later(tmp_path, certificates, said, fault):
    count = requests_of_an_apply(tmp_path, certificates, said)
    for moment in range(1, count + 1, 5):
        root = make_root(tmp_path / f"from{moment}/ossec")
        before = snapshot(root)
        state = tmp_path / f"from{moment}"
        with serving(FakeApi(root), certificates) as fake:
            fake.faults = lambda number, *_, moment=moment: fault if number >= moment else None
            with pytest.raises((InstallError, ManagerError)):
                apply(target(fake, state, attempts=2), flat(desired()), say=said.append)
            fake.faults = lambda *_: None
            if (state / "state/journal.json").exists():
                rollback(target(fake, state), say=said.append)
        assert snapshot(root) == before, moment


# A manager that answers what it likes


DEEP = b"[" * 200_000


class Hostile(FakeApi):
    """Answers as a manager that somebody else has taken over."""

    odd: object = None
    place: str = ""

    def answer(self, method, path, query, body):
        if path.startswith(self.place):
            return 200, self.odd(query) if callable(self.odd) else self.odd
        return super().answer(method, path, query, body)


ODD = [
    DEEP,
    b"[]",
    {"data": [], "error": 0},
    {"data": {"affected_items": 1}},
    {"data": {"affected_items": [1, "x", None]}},
    {"data": {"affected_items": [{}]}, "error": "x"},
    {"data": {"affected_items": [{}], "failed_items": [1]}},
    {"data": {"affected_items": [], "failed_items": [{"error": {"code": "x", "message": ["m"]}}]}, "error": 2},
    {"data": {"affected_items": [{"id": "x", "filename": [], "relative_dirname": {}, "details": 1, "name": 1}]}},
    {"data": {"token": "../../security/users", "output": {"rule": {"id": []}}, "messages": 3}, "error": 0},
    {"data": {"enabled": "yes", "running": "yes"}},
]
PLACES = [
    "/cluster/status",
    "/manager/status",
    "/manager/configuration/validation",
    "/rules",
    "/lists/files",
    "/logtest",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_answer_of_a_manager_is_a_traceback(tmp_path, certificates, said, place):
    fake = Hostile(make_root(tmp_path / "ossec"))
    fake.place = place
    with serving(fake, certificates):
        for number, fake.odd in enumerate(ODD):
            there = target(fake, tmp_path / str(number))
            for work in (
                lambda there=there: make_plan(there, flat(desired())),
                lambda there=there: apply(there, flat(desired()), say=said.append),
            ):
                with suppress(InstallError, ManagerError):
                    work()
    assert not [path for _, path in fake.requests if "security/users" in path]


@pytest.mark.parametrize("name", ["../x", "a/b", "worker 1", "w\n", "", "w\x1b[2J"])
def test_a_node_whose_name_leads_elsewhere_is_refused(tmp_path, certificates, name):
    with (
        serving(FakeApi(make_root(tmp_path / "ossec"), (name,)), certificates) as fake,
        pytest.raises(InstallError, match="has a node named"),
    ):
        make_plan(target(fake, tmp_path), flat(desired()))


def test_a_listing_without_end_is_given_up(tmp_path, certificates, monkeypatch):
    monkeypatch.setattr("wazuh_cicd.manager.api._MOST_ITEMS", 2000)
    fake = Hostile(make_root(tmp_path / "ossec"))
    fake.place = "/lists/files"
    item = {"filename": "x", "relative_dirname": "etc/lists"}
    fake.odd = lambda query: {"data": {"affected_items": [item] * int(query["limit"])}, "error": 0}
    with serving(fake, certificates), pytest.raises(ManagerError, match="has no end"):
        client(fake).pages("/lists/files")
    fake.odd = lambda query: {"data": {"affected_items": [item] * 2 * int(query["limit"])}, "error": 0}
    with serving(fake, certificates), pytest.raises(ManagerError, match="has no end"):
        client(fake).pages("/lists/files")


def test_an_answer_without_end_is_given_up(tmp_path, certificates, monkeypatch):
    monkeypatch.setattr("wazuh_cicd.manager.api._LARGEST_ANSWER", 1 << 20)
    fake = Hostile(make_root(tmp_path / "ossec"))
    fake.place = "/lists/files"
    fake.odd = b"x" * (2 << 20)
    with serving(fake, certificates), pytest.raises(ManagerError, match="without end"):
        client(fake).request("GET", "/lists/files")


@pytest.mark.parametrize(("asked", "waited"), [("999999999", 300.0), ("\xb2", 60.0), ("-1", 60.0), ("7", 7.0)])
def test_a_manager_cannot_make_us_wait_for_ever(fake, monkeypatch, asked, waited):
    clock = Clock()
    api = client(fake, clock=clock, attempts=2, credentials=Credentials(token=SECRET))
    answers = [response(429, {"Retry-After": asked}), response(200, {})]
    monkeypatch.setattr(Api, "_exchange", lambda *_, **__: answers.pop(0))
    api.request("GET", "/manager/status")
    assert clock.slept == [waited]


def response(status, headers):
    answer = requests.Response()
    answer.status_code = status
    answer.headers.update(headers)
    answer._content = b"{}"
    return answer
