# /// script
# dependencies = ["opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"]
# [tool.libraries]
# environment = "web"
# ///
import os

os.environ["OTEL_PROPAGATORS"] = "tracecontext,baggage"
os.environ["OTEL_TRACES_SAMPLER"] = "parentbased_always_on"
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
with trace.get_tracer("pack").start_as_current_span("work"):
    carrier = {}
    propagate.inject(carrier)
    assert "traceparent" in carrier
assert [span.name for span in exporter.get_finished_spans()] == ["work"]
from importlib.metadata import entry_points
exporters = {point.name: point for point in entry_points(group="opentelemetry_traces_exporter")}
assert exporters["otlp_proto_http"].load()().shutdown() is None
