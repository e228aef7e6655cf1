package org.trestle.job.command;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import org.apache.beam.model.jobmanagement.v1.JobServiceGrpc;

/** A connection of a command to a running service. */
final class ServiceClient implements AutoCloseable {
  private static final int DEADLINE_SECONDS = 30;
  private static final int LARGEST_ANSWER = 512 << 20;

  private final ManagedChannel channel;

  private ServiceClient(ManagedChannel channel) {
    this.channel = channel;
  }

  static ServiceClient connect(String endpoint) {
    return new ServiceClient(
        NettyChannelBuilder.forTarget(endpoint)
            .usePlaintext()
            .maxInboundMessageSize(LARGEST_ANSWER)
            .build());
  }

  /** The service's job API. */
  JobServiceGrpc.JobServiceBlockingStub jobs() {
    return JobServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  Struct ask(MethodDescriptor<Struct, Struct> method, Struct request) {
    return ClientCalls.blockingUnaryCall(
        channel,
        method,
        CallOptions.DEFAULT.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS),
        request);
  }

  /** Reads a stream; without a deadline, as a job may go on for long. */
  Iterator<Struct> read(MethodDescriptor<Struct, Struct> method, Struct request) {
    return ClientCalls.blockingServerStreamingCall(channel, method, CallOptions.DEFAULT, request);
  }

  static Struct job(String job) {
    return Struct.newBuilder().putFields("job", text(job)).build();
  }

  static Value text(String text) {
    return Value.newBuilder().setStringValue(text).build();
  }

  static String string(Struct struct, String name) {
    return struct.getFieldsOrDefault(name, Value.getDefaultInstance()).getStringValue();
  }

  /** Says in one text why a command failed. */
  static String explain(Throwable failure) {
    if (!(failure instanceof StatusRuntimeException status)) {
      return String.valueOf(failure.getMessage());
    }
    String description = String.valueOf(status.getStatus().getDescription());
    if (status.getStatus().getCode() == Status.Code.UNAVAILABLE) {
      return "no service answers ("
          + description
          + "); start one with 'trestle serve', or name another with --endpoint";
    }
    return description;
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
