#!/usr/bin/python3
"""Python's grpcio against a coordinator with TLS and tokens, with the credentials that init made.

    python_security_test.py COORDINATOR PROTO_FOLDER PROTOC GRPC_PYTHON_PLUGIN

Exits 77 (skipped) when grpcio is not installed.
"""
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

COORDINATOR, PROTO, PROTOC, PLUGIN = sys.argv[1:5]


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
