package org.trestle.job.api;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.trestle.job.RefusedException;

/** Answers calls: the one place where exceptions become gRPC statuses. */
final class Calls {
  private static final Logger logger = LoggerFactory.getLogger(Calls.class);

  /** Texts travel in a header, whose size clients bound; some bytes are written as three. */
  private static final int LONGEST_TEXT = 4000;

  private Calls() {}

  static <T> void answer(StreamObserver<T> observer, Callable<T> call) {
    T response;
    try {
      response = call.call();
    } catch (Exception e) {
      observer.onError(toStatus(e));
      return;
    }
    observer.onNext(response);
    observer.onCompleted();
  }

  static StatusRuntimeException toStatus(Exception failure) {
    if (failure instanceof StatusRuntimeException status) {
      return status;
    }
    if (failure instanceof RefusedException refused) {
      Status status =
          switch (refused.reason()) {
            case NOT_FOUND -> Status.NOT_FOUND;
            case INVALID -> Status.INVALID_ARGUMENT;
            case NOT_NOW -> Status.FAILED_PRECONDITION;
            case TOO_LARGE -> Status.RESOURCE_EXHAUSTED;
            case STOPPING -> Status.UNAVAILABLE;
          };
      return describe(status, String.valueOf(refused.getMessage()));
    }
    logger.error("a request failed inside the service", failure);
    Status status = failure instanceof IOException ? Status.DATA_LOSS : Status.INTERNAL;
    return describe(status, failure.toString());
  }

  private static StatusRuntimeException describe(Status status, String text) {
    if (text.length() <= LONGEST_TEXT) {
      return status.withDescription(text).asRuntimeException();
    }
    logger.warn("a client was told the beginning of: {}", text);
    return status
        .withDescription(
            text.substring(0, LONGEST_TEXT)
                + "… ("
                + (text.length() - LONGEST_TEXT)
                + " more characters in the service's log)")
        .asRuntimeException();
  }
}
