package org.trestle.engine.execute;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleDescriptor;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.RemoteGrpcPort;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.StateKey;
import org.apache.beam.model.pipeline.v1.RunnerApi.Coder;
import org.apache.beam.model.pipeline.v1.RunnerApi.Components;
import org.apache.beam.model.pipeline.v1.RunnerApi.PTransform;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.control.BundleRequest.Elements;
import org.trestle.fn.control.BundleRequest.Input;
import org.trestle.fn.control.BundleRequest.TimerEndpoint;
import org.trestle.fn.control.BundleRequest.Timers;
import org.trestle.fn.server.TestingBundle;
import org.trestle.fn.server.TestingHarness;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.Panes;
import org.trestle.fn.wire.TimerCursor;
import org.trestle.fn.wire.TimerWriter;
import org.trestle.fn.wire.Timestamps;
import org.trestle.fn.wire.WindowedValueCursor;
import org.trestle.fn.wire.WindowedValueWriter;
import org.trestle.fn.wire.WireCoders;
import org.trestle.proto.Urns.Coders;
import org.trestle.proto.Urns.Transforms;

/**
 * A small SDK: runs the user code of tests, by transform, as the bundle's descriptor wires it up.
 * Timers are in the global window; a transform has one output.
 */
final class TestingSdk implements TestingHarness.Script {
  private static final byte[] GLOBAL_WINDOW = {};
  private static final int CHUNK_BYTES = 64 << 10;

  /** What a transform does with an element. */
  interface DoFn {
    void process(Element element) throws Exception;
  }

  /** What a transform does with a timer; the element's value is the timer's key. */
  interface TimerFn {
    void fire(Element element, String family) throws Exception;
  }

  private final Map<String, DoFn> doFns = new HashMap<>();
  private final Map<String, TimerFn> timerFns = new HashMap<>();
  private Consumer<ProcessBundleResponse.Builder> response = unused -> {};

  /** Gives a transform its code. */
  TestingSdk on(String transform, DoFn doFn) {
    doFns.put(transform, doFn);
    return this;
  }

  /** Gives a transform the code of its timers. */
  TestingSdk onTimer(String transform, TimerFn timerFn) {
    timerFns.put(transform, timerFn);
    return this;
  }

  /** Changes the response of each bundle. */
  TestingSdk onResponse(Consumer<ProcessBundleResponse.Builder> change) {
    response = change;
    return this;
  }

  @Override
  public void run(TestingBundle bundle) throws Exception {
    new Run(bundle).run();
  }

  /** A bundle on its way. */
  private final class Run {
    private final TestingBundle bundle;
    private final ProcessBundleDescriptor descriptor;
    private final ProcessBundleResponse.Builder answer = ProcessBundleResponse.newBuilder();
    private final Map<String, ByteString.Output> written = new HashMap<>();

    Run(TestingBundle bundle) {
      this.bundle = bundle;
      this.descriptor = bundle.descriptor();
    }

    void run() throws Exception {
      for (Input input = bundle.next(); input != null; input = bundle.next()) {
        if (input instanceof Elements elements) {
          read(elements);
        } else if (input instanceof Timers timers) {
          fire(timers);
        }
      }
      written.keySet().forEach(this::flush);
      response.accept(answer);
      bundle.respond(answer.build());
    }

    private void read(Elements elements) throws Exception {
      PTransform source = descriptor.getTransformsOrThrow(elements.transformId());
      Coder coder =
          descriptor.getCodersOrThrow(
              RemoteGrpcPort.parseFrom(source.getSpec().getPayload()).getCoderId());
      WindowedValueCursor cursor =
          new WindowedValueCursor(
              WireCoders.window(coders(), coder.getComponentCoderIds(1)),
              WireCoders.of(coders(), coder.getComponentCoderIds(0)));
      cursor.reset(elements.data().toByteArray());
      String pcollection = source.getOutputsMap().values().iterator().next();
      while (cursor.next()) {
        deliver(
            pcollection,
            ByteString.copyFrom(
                cursor.buffer(),
                cursor.elementStart(),
                cursor.valueStart() - cursor.elementStart()),
            ByteString.copyFrom(
                cursor.buffer(), cursor.valueStart(), cursor.valueEnd() - cursor.valueStart()));
      }
    }

    private void fire(Timers timers) throws Exception {
      String transform = timers.endpoint().transformId();
      // Keys of tests are strings and windows are global.
      Components components =
          Components.newBuilder()
              .putCoders("key", coder(Coders.STRING_UTF8))
              .putCoders("window", coder(Coders.GLOBAL_WINDOW))
              .build();
      TimerCursor cursor =
          new TimerCursor(WireCoders.of(components, "key"), WireCoders.window(components, "window"))
              .reset(timers.data().toByteArray());
      while (cursor.next()) {
        ByteSink header = new ByteSink();
        new WindowedValueWriter(header)
            .header(cursor.fireTimestamp(), GLOBAL_WINDOW, Panes.NO_FIRING);
        ByteString key =
            ByteString.copyFrom(
                cursor.buffer(), cursor.keyStart(), cursor.keyEnd() - cursor.keyStart());
        Objects.requireNonNull(timerFns.get(transform))
            .fire(
                new Element(this, transform, header.toByteString(), key),
                timers.endpoint().timerFamilyId());
      }
    }

    private static Coder coder(String urn) {
      Coder.Builder coder = Coder.newBuilder();
      coder.getSpecBuilder().setUrn(urn);
      return coder.build();
    }

    private Components coders() {
      return Components.newBuilder().putAllCoders(descriptor.getCodersMap()).build();
    }

    private void deliver(String pcollection, ByteString header, ByteString value) throws Exception {
      for (Map.Entry<String, PTransform> entry : descriptor.getTransformsMap().entrySet()) {
        for (Map.Entry<String, String> input : entry.getValue().getInputsMap().entrySet()) {
          if (input.getValue().equals(pcollection) && !input.getKey().startsWith("side")) {
            process(entry.getKey(), entry.getValue(), header, value);
          }
        }
      }
    }

    private void process(String id, PTransform transform, ByteString header, ByteString value)
        throws Exception {
      String urn = transform.getSpec().getUrn();
      if (urn.equals(Transforms.DATA_SINK)) {
        write(id, header, value);
      } else if (urn.equals(Transforms.FLATTEN)) {
        deliver(output(transform), header, value);
      } else {
        doFns
            .getOrDefault(id, element -> element.emit(element.value()))
            .process(new Element(this, id, header, value));
      }
    }

    private void write(String sink, ByteString header, ByteString value) throws Exception {
      ByteString.Output output =
          written.computeIfAbsent(sink, unused -> ByteString.newOutput(CHUNK_BYTES));
      header.writeTo(output);
      value.writeTo(output);
      if (output.size() >= CHUNK_BYTES) {
        flush(sink);
      }
    }

    private void flush(String sink) {
      ByteString.Output output = written.get(sink);
      if (output != null && output.size() > 0) {
        bundle.output(sink, output.toByteString());
        output.reset();
      }
    }

    private static String output(PTransform transform) {
      return transform.getOutputsMap().values().iterator().next();
    }
  }

  /** An element in the hands of user code. */
  static final class Element {
    private final Run run;
    private final String transform;
    private final ByteString header;
    private final ByteString value;

    private Element(Run run, String transform, ByteString header, ByteString value) {
      this.run = run;
      this.transform = transform;
      this.header = header;
      this.value = value;
    }

    /** The encoded value. */
    ByteString value() {
      return value;
    }

    TestingBundle bundle() {
      return run.bundle;
    }

    /** Writes a value to the transform's output, with the element's timestamp. */
    void emit(ByteString output) throws Exception {
      PTransform proto = run.descriptor.getTransformsOrThrow(transform);
      run.deliver(Run.output(proto), header, output);
    }

    /** Writes a value in another window than the element's. */
    void emit(ByteString output, ByteKey window) throws Exception {
      ByteSink other = new ByteSink();
      new WindowedValueWriter(other).header(timestamp(), window.bytes(), Panes.NO_FIRING);
      PTransform proto = run.descriptor.getTransformsOrThrow(transform);
      run.deliver(Run.output(proto), other.toByteString(), output);
    }

    /** The element's timestamp. */
    long timestamp() {
      return Timestamps.decode(header.toByteArray(), 0, header.size());
    }

    /** Writes a value in the global window with this timestamp. */
    void emitAt(long timestamp, ByteString output) throws Exception {
      ByteSink sink = new ByteSink();
      new WindowedValueWriter(sink).header(timestamp, GLOBAL_WINDOW, Panes.NO_FIRING);
      PTransform proto = run.descriptor.getTransformsOrThrow(transform);
      run.deliver(Run.output(proto), sink.toByteString(), output);
    }

    /** Sends what was written so far. */
    void flush() {
      run.written.keySet().forEach(run::flush);
    }

    /** Reads a side input, all pages. */
    ByteString sideInput(String name) throws Exception {
      StateKey.Builder key = StateKey.newBuilder();
      key.getIterableSideInputBuilder().setTransformId(transform).setSideInputId(name);
      return run.bundle.get(key.build());
    }

    /** Reads the window of a side input, all pages. */
    ByteString sideInput(String name, ByteKey window) throws Exception {
      StateKey.Builder key = StateKey.newBuilder();
      key.getIterableSideInputBuilder()
          .setTransformId(transform)
          .setSideInputId(name)
          .setWindow(ByteString.copyFrom(window.bytes()));
      return run.bundle.get(key.build());
    }

    /** The bag state of a key. */
    StateKey bag(String name, ByteString key) {
      StateKey.Builder state = StateKey.newBuilder();
      state.getBagUserStateBuilder().setTransformId(transform).setUserStateId(name).setKey(key);
      return state.build();
    }

    /** Sets a timer of a key. */
    void setTimer(String family, ByteString key, long time) {
      ByteSink sink = new ByteSink();
      new TimerWriter(sink).set(key.toByteArray(), "", GLOBAL_WINDOW, time, time, Panes.NO_FIRING);
      run.bundle.timers(new TimerEndpoint(transform, family), sink.toByteString());
    }

    /** A value as an element of the stage's input, with this element's timestamp. */
    ByteString encoded(ByteString other) {
      return header.concat(other);
    }

    /** Leaves the stage's input element to a later bundle. */
    void defer(ByteString rest) {
      run.answer
          .addResidualRootsBuilder()
          .getApplicationBuilder()
          .setTransformId(transform)
          .setInputId("in")
          .setElement(encoded(rest));
    }
  }

  /** The encoding of a string, with its length. */
  static ByteString string(String text) {
    ByteString bytes = ByteString.copyFromUtf8(text);
    return new ByteSink().putVarInt(bytes.size()).toByteString().concat(bytes);
  }

  /** The encoding of a pair of a string and a number. */
  static ByteString pair(String key, long number) {
    return string(key).concat(new ByteSink().putVarInt(number).toByteString());
  }

  /** A decoded pair of a string and numbers. */
  record Numbers(String key, List<Long> numbers) {
    long sum() {
      return numbers.stream().mapToLong(Long::longValue).sum();
    }
  }

  /** Decodes a pair of a string and a number. */
  static Numbers numberOf(ByteString pair) throws Exception {
    var input = pair.newCodedInput();
    return new Numbers(input.readString(), List.of(input.readRawVarint64()));
  }

  /** Decodes a pair of a string and an iterable of numbers. */
  static Numbers numbersOf(ByteString group) throws Exception {
    var input = group.newCodedInput();
    String key = input.readString();
    int count = Integer.reverseBytes(input.readRawLittleEndian32());
    List<Long> numbers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      numbers.add(input.readRawVarint64());
    }
    return new Numbers(key, numbers);
  }
}
