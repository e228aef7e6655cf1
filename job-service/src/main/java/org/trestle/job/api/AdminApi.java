package org.trestle.job.api;

import com.google.protobuf.Struct;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.protobuf.ProtoUtils;

/**
 * Trestle's own service beside Beam's job API: what the command line tells of jobs that the job API
 * has no messages for. All messages are {@link Struct}, with fields as the endpoint documents.
 */
public final class AdminApi {
  /** Name of the service. */
  public static final String SERVICE = "trestle.v1.Admin";

  /** No fields, to {@code jobs}: a list of job descriptions, the newest first. */
  public static final MethodDescriptor<Struct, Struct> LIST_JOBS =
      method("ListJobs", MethodType.UNARY);

  /** {@code job}, to {@code job}, {@code stages} and {@code now}. */
  public static final MethodDescriptor<Struct, Struct> SHOW_JOB =
      method("ShowJob", MethodType.UNARY);

  /**
   * {@code job}, {@code min} and {@code max}, the numbers of workers it may have in each
   * environment, to {@code job}.
   */
  public static final MethodDescriptor<Struct, Struct> SCALE_JOB =
      method("ScaleJob", MethodType.UNARY);

  /** {@code job}, to {@code text}: the fused graph. */
  public static final MethodDescriptor<Struct, Struct> EXPLAIN_JOB =
      method("ExplainJob", MethodType.UNARY);

  /**
   * {@code job}, {@code follow}, {@code worker}, {@code severity}, to one message an event: {@code
   * time}, {@code kind} and the event's own fields.
   */
  public static final MethodDescriptor<Struct, Struct> READ_LOGS =
      method("ReadLogs", MethodType.SERVER_STREAMING);

  private AdminApi() {}

  private static MethodDescriptor<Struct, Struct> method(String name, MethodType type) {
    return MethodDescriptor.<Struct, Struct>newBuilder()
        .setType(type)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, name))
        .setRequestMarshaller(ProtoUtils.marshaller(Struct.getDefaultInstance()))
        .setResponseMarshaller(ProtoUtils.marshaller(Struct.getDefaultInstance()))
        .build();
  }
}
