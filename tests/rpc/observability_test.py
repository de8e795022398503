#!/usr/bin/python3
"""The coordinator as operators see it: metrics, health, reflection, JSON logs.

    observability_test.py COORDINATOR PROTO_FOLDER PROTOC GRPC_PYTHON_PLUGIN

Metrics are read with Prometheus' own Python parser where python3-prometheus-client is installed, and by the text
format's rules otherwise. Exits 77 (skipped) when grpcio is not installed.
"""
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

try:
    import grpc
except ImportError:
    print("skipped: python3-grpcio is not installed")
    sys.exit(77)

COORDINATOR, PROTO, PROTOC, PLUGIN = sys.argv[1:5]

# The part of the reflection protocol that this test speaks; names and numbers are the protocol's.
REFLECTION = """
syntax = "proto3";
package grpc.reflection.v1alpha;
service ServerReflection {
  rpc ServerReflectionInfo(stream ServerReflectionRequest) returns (stream ServerReflectionResponse);
}
message ServerReflectionRequest {
  oneof message_request {
    string file_containing_symbol = 4;
    string list_services = 7;
  }
}
message ServerReflectionResponse {
  FileDescriptorResponse file_descriptor_response = 4;
  ListServiceResponse list_services_response = 6;
}
message FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
message ListServiceResponse { repeated ServiceResponse service = 1; }
message ServiceResponse { string name = 1; }
"""

SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')


def parse(text):
    """{(name, ((label, value), ...)): number} of a page in the text format."""
    samples = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, f"no sample: {line!r}"
        labels = tuple(sorted(LABEL.findall(match.group(2) or "")))
        key = (match.group(1), labels)
        assert key not in samples, f"twice: {line!r}"
        samples[key] = float(match.group(3))
    return samples


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ObservabilityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="vizsla-observe-")
        cls.root = pathlib.Path(cls.folder.name)
        (cls.root / "reflection.proto").write_text(REFLECTION)
        protos = sorted(str(path) for path in pathlib.Path(PROTO).rglob("*.proto"))
        subprocess.run([PROTOC, "-I", PROTO, "-I", cls.root, "--python_out", cls.root, "--grpc_out", cls.root,
                        f"--plugin=protoc-gen-grpc={PLUGIN}", *protos, cls.root / "reflection.proto"], check=True)
        sys.path.insert(0, str(cls.root))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def start(self, name, *arguments):
        log = self.root / f"{name}.log"
        with open(log, "w") as stream:
            program = subprocess.Popen([COORDINATOR, "--db", self.root / f"{name}.db", *arguments], stderr=stream)
        self.addCleanup(program.wait, 30)
        self.addCleanup(program.kill)
        address = self.root / f"{name}.db.address"
        for _ in range(1500):
            if address.exists() or program.poll() is not None:
                break
            time.sleep(0.02)
        self.assertTrue(address.exists(), log.read_text())
        channel = grpc.insecure_channel(address.read_text().strip())
        self.addCleanup(channel.close)
        return program, channel, log

    def test_metrics(self):
        from vizsla.v1 import study_service_pb2 as studies, study_service_pb2_grpc as study_service
        port = free_port()
        _, channel, _ = self.start("metrics", "--metrics", f"127.0.0.1:{port}")
        url = f"http://127.0.0.1:{port}/metrics"
        stub = study_service.StudyServiceStub(channel)
        for _ in range(3):
            stub.ListStudies(studies.ListStudiesRequest(), timeout=20)
        with self.assertRaises(grpc.RpcError):
            stub.GetLeaderboard(studies.GetLeaderboardRequest(study="cats"), timeout=20)

        def rpc(name, method, **labels):
            labels.update(service="vizsla.v1.StudyService", method=method)
            return name, tuple(sorted(labels.items()))

        # A call ends on the server a moment after its client has the answer.
        for _ in range(200):
            with urllib.request.urlopen(url, timeout=20) as page:
                self.assertTrue(page.headers["Content-Type"].startswith("text/plain"))
                text = page.read().decode()
            samples = parse(text)
            if samples.get(rpc("vizsla_rpc_duration_seconds_count", "GetLeaderboard")) == 1:
                break
            time.sleep(0.02)
        self.assertEqual(samples[rpc("vizsla_rpc_calls_total", "ListStudies", code="OK")], 3)
        self.assertEqual(samples[rpc("vizsla_rpc_calls_total", "GetLeaderboard", code="NOT_FOUND")], 1)
        self.assertNotIn(rpc("vizsla_rpc_calls_total", "GetLeaderboard", code="OK"), samples)
        self.assertEqual(samples[rpc("vizsla_rpc_running_calls", "ListStudies")], 0)
        self.assertEqual(samples[rpc("vizsla_rpc_duration_seconds_count", "ListStudies")], 3)
        self.assertEqual(samples[rpc("vizsla_rpc_duration_seconds_bucket", "ListStudies", le="+Inf")], 3)
        self.assertEqual(samples[("vizsla_workers_alive", ())], 0)
        self.assertEqual(samples[("vizsla_leases_expired_total", ())], 0)
        self.assertEqual(samples[("vizsla_database_readable", ())], 1)
        self.assertGreater(samples[("vizsla_database_bytes", (("file", "database"),))], 0)
        self.assertGreater(samples[("process_resident_memory_bytes", ())], 1e6)
        self.assertLess(abs(samples[("process_start_time_seconds", ())] - time.time()), 300)
        versions = [dict(labels) for name, labels in samples if name == "vizsla_build_info"]
        self.assertEqual(len(versions), 1)
        self.assertRegex(versions[0]["version"], r"^\d+\.\d+\.\d+$")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20)
        self.assertEqual(caught.exception.code, 404)
        try:
            from prometheus_client.parser import text_string_to_metric_families
        except ImportError:
            return
        for family in text_string_to_metric_families(text):
            self.assertTrue(family.documentation, family.name)
            if family.name.startswith("exposer_"):
                continue  # the library's own
            self.assertIn(family.type, ("counter", "gauge", "histogram"), family.name)
            totals = [sample.name.endswith("_total") for sample in family.samples]
            self.assertEqual(family.type == "counter", any(totals), family.name)

    def refused(self, *arguments):
        result = subprocess.run([COORDINATOR, "--db", self.root / "refused.db", *arguments], capture_output=True,
                                text=True, timeout=60)
        self.assertEqual(result.returncode, 1, result.stderr)
        return result.stderr

    def test_a_taken_port_is_named(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            self.assertIn(f"--metrics: port {port} of 127.0.0.1 is in use",
                          self.refused("--metrics", f"127.0.0.1:{port}"))

    def test_only_loopback(self):
        self.assertIn("only loopback addresses are accepted", self.refused("--metrics", "0.0.0.0:9464"))

    def test_health(self):
        from grpc_health import health_service_pb2 as messages, health_service_pb2_grpc as service
        program, channel, _ = self.start("health")
        stub = service.HealthStub(channel)
        for name in ("", "vizsla.v1.WorkerService", "vizsla.v1.StudyService"):
            answer = stub.Check(messages.HealthCheckRequest(service=name), timeout=20)
            self.assertEqual(answer.status, messages.HealthCheckResponse.SERVING, name)
        with self.assertRaises(grpc.RpcError) as caught:
            stub.Check(messages.HealthCheckRequest(service="cats"), timeout=20)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        watch = stub.Watch(messages.HealthCheckRequest(), timeout=60)
        self.assertEqual(next(watch).status, messages.HealthCheckResponse.SERVING)
        program.terminate()
        self.assertEqual(next(watch).status, messages.HealthCheckResponse.NOT_SERVING)
        self.assertEqual(program.wait(30), 0)

    def test_reflection(self):
        import reflection_pb2 as messages
        import reflection_pb2_grpc as service
        from google.protobuf import descriptor_pb2
        _, channel, _ = self.start("reflection")
        stub = service.ServerReflectionStub(channel)

        def ask(**question):
            return next(stub.ServerReflectionInfo(iter([messages.ServerReflectionRequest(**question)]), timeout=20))

        names = {each.name for each in ask(list_services="").list_services_response.service}
        self.assertLessEqual({"vizsla.v1.SystemService", "vizsla.v1.StudyService", "vizsla.v1.WorkerService",
                              "vizsla.v1.ArtifactService", "grpc.health.v1.Health"}, names)
        files = ask(file_containing_symbol="vizsla.v1.WorkerService").file_descriptor_response.file_descriptor_proto
        first = descriptor_pb2.FileDescriptorProto.FromString(files[0])
        self.assertEqual(first.name, "vizsla/v1/worker_service.proto")
        self.assertIn("ReportEpoch", [method.name for method in first.service[0].method])

    def test_server_info(self):
        from vizsla.v1 import system_service_pb2 as messages, system_service_pb2_grpc as service
        _, channel, _ = self.start("info")
        info = service.SystemServiceStub(channel).GetServerInfo(messages.GetServerInfoRequest(), timeout=20)
        self.assertLess(abs(info.time_unix_ms - time.time() * 1000), 10_000)
        self.assertLessEqual(info.started_unix_ms, info.time_unix_ms)
        self.assertEqual(info.protocol_version, 1)

    def test_json_logs(self):
        program, _, log = self.start("json", "--log-format", "json")
        program.terminate()
        self.assertEqual(program.wait(30), 0)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertGreaterEqual(len(lines), 2)
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertEqual(line["level"], "info")
            self.assertEqual(line["program"], "coordinator")
            self.assertEqual(line["pid"], program.pid)
        self.assertIn("serves", lines[0]["message"])

    def test_json_also_for_the_last_words(self):
        error = self.refused("--log-format", "json", "--metrics", "0.0.0.0:1")
        last = json.loads(error.splitlines()[-1])
        self.assertEqual(last["level"], "error")
        self.assertIn("only loopback", last["message"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
