package org.trestle.fn.server;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Knows the harnesses by their ids, and lets in only calls that carry one of these. */
final class WorkerDirectory implements ServerInterceptor {
  private static final Logger log = LoggerFactory.getLogger(WorkerDirectory.class);

  private static final Metadata.Key<String> WORKER_ID =
      Metadata.Key.of("worker_id", Metadata.ASCII_STRING_MARSHALLER);

  private static final Context.Key<WorkerSession> SESSION = Context.key("trestle-worker");

  private final Map<String, WorkerSession> sessions = new ConcurrentHashMap<>();
  private final Counters counters;

  WorkerDirectory(Counters counters) {
    this.counters = counters;
  }

  /** Returns the harness behind the current call. */
  static WorkerSession caller() {
    WorkerSession session = SESSION.get();
    if (session == null) {
      throw new IllegalStateException("called outside of a harness's call");
    }
    return session;
  }

  void add(WorkerSession session) {
    if (sessions.putIfAbsent(session.workerId(), session) != null) {
      throw new IllegalStateException("worker id is taken");
    }
  }

  void remove(WorkerSession session) {
    sessions.remove(session.workerId(), session);
  }

  Collection<WorkerSession> all() {
    return sessions.values();
  }

  @Override
  public <Q, R> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
    String id = headers.get(WORKER_ID);
    if (id == null) {
      return refuse(
          call,
          Status.UNAUTHENTICATED.withDescription(
              "metadata 'worker_id' is missing; only harnesses that this runner started may call"));
    }
    WorkerSession session = sessions.get(id);
    if (session == null) {
      return refuse(
          call,
          Status.PERMISSION_DENIED.withDescription(
              "metadata 'worker_id' names no worker that this runner expects; it may have been"
                  + " stopped"));
    }
    if (call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR) instanceof InetSocketAddress far
        && call.getAttributes().get(Grpc.TRANSPORT_ATTR_LOCAL_ADDR)
            instanceof InetSocketAddress near) {
      session.called(far, near);
    }
    return Contexts.interceptCall(
        Context.current().withValue(SESSION, session), call, headers, next);
  }

  private <Q, R> ServerCall.Listener<Q> refuse(ServerCall<Q, R> call, Status status) {
    counters.refusedCalls.increment();
    log.debug(
        "refused a call, method={}, reason={}",
        call.getMethodDescriptor().getFullMethodName(),
        status.getDescription());
    call.close(status, new Metadata());
    return new ServerCall.Listener<>() {};
  }
}
