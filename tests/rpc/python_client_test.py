#!/usr/bin/python3
"""An independent client of the wire protocol: Python's grpcio with stubs made from proto/.

    python_client_test.py COORDINATOR PROTO_FOLDER PROTOC GRPC_PYTHON_PLUGIN

Exits 77 (skipped) when grpcio is not installed.
"""
import hashlib
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

COORDINATOR, PROTO, PROTOC, PLUGIN = sys.argv[1:5]


class PythonClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="vizsla-python-")
        root = pathlib.Path(cls.folder.name)
        protos = sorted(str(path) for path in pathlib.Path(PROTO).rglob("*.proto"))
        subprocess.run(
            [PROTOC, "-I", PROTO, "--python_out", root, "--grpc_out", root,
             f"--plugin=protoc-gen-grpc={PLUGIN}", *protos], check=True)
        sys.path.insert(0, str(root))
        cls.log = open(root / "log", "w")
        cls.coordinator = subprocess.Popen([COORDINATOR, "--db", root / "s.db"], stderr=cls.log)
        address = root / "s.db.address"
        for _ in range(1000):
            if address.exists():
                break
            time.sleep(0.02)
        cls.channel = grpc.insecure_channel(address.read_text().strip())

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.coordinator.terminate()
        status = cls.coordinator.wait(20)
        cls.log.close()
        cls.folder.cleanup()
        if status != 0:
            raise AssertionError(f"the coordinator ended with {status}")

    def test_handshake(self):
        from vizsla.v1 import system_service_pb2 as messages, system_service_pb2_grpc as service
        stub = service.SystemServiceStub(self.channel)
        answer = stub.Handshake(messages.HandshakeRequest(protocol_version=1, client_version="python"),
                                timeout=20)
        self.assertEqual(answer.protocol_version, 1)
        self.assertEqual(answer.database, "s.db")
        with self.assertRaises(grpc.RpcError) as caught:
            stub.Handshake(messages.HandshakeRequest(protocol_version=99, client_version="9"), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertIn("is newer than the coordinator", caught.exception.details())

    def test_studies(self):
        from vizsla.v1 import study_service_pb2 as messages, study_service_pb2_grpc as service
        stub = service.StudyServiceStub(self.channel)
        self.assertEqual(len(stub.ListStudies(messages.ListStudiesRequest(), timeout=20).studies), 0)
        with self.assertRaises(grpc.RpcError) as caught:
            stub.GetLeaderboard(messages.GetLeaderboardRequest(study="cats"), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        self.assertIn("cats", caught.exception.details())

    def test_artifacts(self):
        from vizsla.v1 import artifact_service_pb2 as messages, artifact_service_pb2_grpc as service
        stub = service.ArtifactServiceStub(self.channel)
        data = os.urandom(2_500_000)
        name = hashlib.sha256(data).hexdigest()

        def pieces(promise):
            yield messages.UploadArtifactRequest(sha256=promise, size=len(data), chunk=data[:1 << 20])
            for start in range(1 << 20, len(data), 1 << 20):
                yield messages.UploadArtifactRequest(chunk=data[start:start + (1 << 20)])

        with self.assertRaises(grpc.RpcError) as caught:
            stub.UploadArtifact(pieces("0" * 64), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DATA_LOSS)
        self.assertEqual(stub.UploadArtifact(pieces(name), timeout=20).sha256, name)
        back = b"".join(part.chunk for part in
                        stub.DownloadArtifact(messages.DownloadArtifactRequest(sha256=name), timeout=20))
        self.assertEqual(back, data)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
