#!/usr/bin/python3
"""Python's grpcio against a coordinator with TLS and tokens, with the credentials that init made.

    python_security_test.py COORDINATOR PROTO_FOLDER PROTOC GRPC_PYTHON_PLUGIN VIZSLA

Exits 77 (skipped) when grpcio is not installed.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import grpc
except ImportError:
    print("skipped: python3-grpcio is not installed")
    sys.exit(77)

COORDINATOR, PROTO, PROTOC, PLUGIN, VIZSLA = sys.argv[1:6]


class PythonSecurityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="vizsla-python-")
        root = cls.root = pathlib.Path(cls.folder.name)
        protos = sorted(str(path) for path in pathlib.Path(PROTO).rglob("*.proto"))
        subprocess.run(
            [PROTOC, "-I", PROTO, "--python_out", root, "--grpc_out", root,
             f"--plugin=protoc-gen-grpc={PLUGIN}", *protos], check=True)
        sys.path.insert(0, str(root))
        subprocess.run([COORDINATOR, "init", root / "secrets"], check=True, stdout=subprocess.DEVNULL)
        cls.log = open(root / "log", "w")
        cls.coordinator = subprocess.Popen(
            [COORDINATOR, "--db", root / "s.db", "--listen", "0.0.0.0:0", "--credentials", root / "secrets"],
            stderr=cls.log)
        address = root / "s.db.address"
        for _ in range(1000):
            if address.exists():
                break
            time.sleep(0.02)
        cls.address = address.read_text().strip()

    @classmethod
    def tearDownClass(cls):
        cls.coordinator.terminate()
        status = cls.coordinator.wait(20)
        cls.log.close()
        cls.folder.cleanup()
        if status != 0:
            raise AssertionError(f"the coordinator ended with {status}")

    def channel(self, role):
        folder = self.root / "secrets" / role
        identity = (folder / "identity.pem").read_bytes()
        return grpc.secure_channel(self.address, grpc.composite_channel_credentials(
            grpc.ssl_channel_credentials((folder / "ca.crt").read_bytes(), identity, identity),
            grpc.access_token_call_credentials((folder / "token").read_text().strip())))

    def create_study(self, name):
        from vizsla.v1 import artifact_service_pb2 as artifacts, artifact_service_pb2_grpc as store
        from vizsla.v1 import study_service_pb2 as messages, study_service_pb2_grpc as service
        from vizsla.v1 import types_pb2 as types
        split = b"the split"
        split_hash = hashlib.sha256(split).hexdigest()
        spec = {"name": name, "budget": {"trials": 3, "epochs": 2}, "space": [
            {"name": "dropout", "domain": {"type": "float", "low": 0.1, "high": 0.5, "log": False},
             "conditions": []}]}
        with self.channel("admin") as channel:
            upload = artifacts.UploadArtifactRequest(sha256=split_hash, size=len(split), chunk=split)
            try:
                store.ArtifactServiceStub(channel).UploadArtifact(iter([upload]), timeout=20)
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.ALREADY_EXISTS)
            service.StudyServiceStub(channel).CreateStudy(messages.CreateStudyRequest(
                spec_json=json.dumps(spec),
                inputs=types.PinnedInputs(dataset_fingerprint="a" * 64, split_hash=split_hash)), timeout=20)

    def vizsla(self, *arguments, role=None, folder=None):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("VIZSLA_")}
        if role:
            environment["VIZSLA_CREDENTIALS"] = str(self.root / "secrets" / role)
        return subprocess.run([VIZSLA, *arguments], cwd=folder or self.root, env=environment, text=True,
                              capture_output=True, timeout=60)

    def test_the_commands(self):
        self.create_study("dogs")
        there = ("--coordinator", self.address)
        shown = self.vizsla("leaderboard", "dogs", *there, "--credentials", self.root / "secrets" / "viewer")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertTrue(shown.stdout.startswith("dogs  active"), shown.stdout)
        # By the database beside which the coordinator wrote its address, and by the variable.
        shown = self.vizsla("leaderboard", "dogs", "--db", "s.db", role="viewer")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        refused = self.vizsla("stop", "dogs", *there, role="viewer")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("StopStudy needs an admin's token, and 'viewer' is a viewer's", refused.stderr)
        refused = self.vizsla("leaderboard", *there)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("wants TLS and a token: name the folder with your credentials", refused.stderr)
        stopped = self.vizsla("stop", "dogs", *there, role="admin")
        self.assertEqual(stopped.returncode, 0, stopped.stderr)
        subprocess.run([COORDINATOR, "issue", self.root / "secrets", "eva", "--role", "viewer"], check=True,
                       stdout=subprocess.DEVNULL)
        for _ in range(100):  # the running coordinator reads the new token within seconds
            shown = self.vizsla("studies", *there, role="eva")
            if shown.returncode == 0:
                break
            time.sleep(0.1)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        (self.root / "secrets" / "eva" / "token").chmod(0o644)
        refused = self.vizsla("studies", *there, role="eva")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("can be read or written by others (mode 0644); close it: chmod 600", refused.stderr)

    def test_a_loopback_coordinator_of_this_folder_needs_no_credentials_that_are_set(self):
        folder = self.root / "plain"
        folder.mkdir()
        plain = subprocess.Popen([COORDINATOR, "--db", folder / "vizsla.db"], stderr=subprocess.DEVNULL)
        try:
            for _ in range(1000):
                if (folder / "vizsla.db.address").exists():
                    break
                time.sleep(0.02)
            shown = self.vizsla("studies", role="viewer", folder=folder)
            self.assertEqual(shown.returncode, 0, shown.stderr)
        finally:
            plain.terminate()
            plain.wait(20)

    def test_beyond_loopback_is_refused_or_loud(self):
        def run(*arguments):
            return subprocess.Popen([COORDINATOR, "--db", self.root / "open.db", "--listen", "0.0.0.0:0",
                                     *arguments], stderr=subprocess.PIPE, text=True)
        refused = run()
        self.assertIn("refusing to listen on 0.0.0.0:0: without credentials only loopback addresses are accepted",
                      refused.communicate(timeout=20)[1])
        self.assertEqual(refused.returncode, 1)
        both = run("--insecure", "--credentials", self.root / "secrets")
        self.assertIn("--insecure contradicts --credentials", both.communicate(timeout=20)[1])
        loud = run("--insecure")
        address = self.root / "open.db.address"
        for _ in range(1000):
            if address.exists():
                break
            time.sleep(0.02)
        from vizsla.v1 import study_service_pb2 as messages, study_service_pb2_grpc as service
        with grpc.insecure_channel(address.read_text().strip()) as channel:
            service.StudyServiceStub(channel).ListStudies(messages.ListStudiesRequest(), timeout=20)
        loud.terminate()
        errors = loud.communicate(timeout=20)[1]
        self.assertEqual(loud.returncode, 0)
        self.assertIn("INSECURE: 0.0.0.0:0 is open without TLS and tokens", errors)
        self.assertIn("delete every study", errors)

    def test_init_overwrites_nothing(self):
        before = (self.root / "secrets" / "ca" / "ca.key").read_bytes()
        again = subprocess.run([COORDINATOR, "init", self.root / "secrets"], capture_output=True, text=True)
        self.assertEqual(again.returncode, 1)
        self.assertIn("is there already and is not overwritten", again.stderr)
        self.assertEqual((self.root / "secrets" / "ca" / "ca.key").read_bytes(), before)
        wrong = subprocess.run([COORDINATOR, "init", self.root / "new", "--host", "a b"],
                               capture_output=True, text=True)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("host 'a b' is neither a name nor an IP address", wrong.stderr)
        self.assertFalse((self.root / "new").exists())

    def test_the_address_file_names_what_this_machine_can_reach(self):
        self.assertTrue(self.address.startswith("127.0.0.1:"), self.address)

    def test_roles(self):
        from vizsla.v1 import study_service_pb2 as messages, study_service_pb2_grpc as service
        with self.channel("viewer") as channel:
            stub = service.StudyServiceStub(channel)
            self.assertEqual(len(stub.ListStudies(messages.ListStudiesRequest(), timeout=20).studies), 0)
            with self.assertRaises(grpc.RpcError) as caught:
                stub.StopStudy(messages.StopStudyRequest(name="dogs"), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
        self.assertEqual(caught.exception.details(),
                         "StopStudy needs an admin's token, and 'viewer' is a viewer's")
        with self.channel("admin") as channel:
            stub = service.StudyServiceStub(channel)
            with self.assertRaises(grpc.RpcError) as caught:
                stub.StopStudy(messages.StopStudyRequest(name="dogs"), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_plain_text_and_a_certificate_without_a_token(self):
        from vizsla.v1 import study_service_pb2 as messages, study_service_pb2_grpc as service
        with grpc.insecure_channel(self.address) as channel:
            with self.assertRaises(grpc.RpcError) as caught:
                service.StudyServiceStub(channel).ListStudies(messages.ListStudiesRequest(), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        folder = self.root / "secrets" / "admin"
        identity = (folder / "identity.pem").read_bytes()
        with grpc.secure_channel(self.address, grpc.ssl_channel_credentials(
                (folder / "ca.crt").read_bytes(), identity, identity)) as channel:
            with self.assertRaises(grpc.RpcError) as caught:
                service.StudyServiceStub(channel).ListStudies(messages.ListStudiesRequest(), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
        self.assertIn("wants a token", caught.exception.details())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
