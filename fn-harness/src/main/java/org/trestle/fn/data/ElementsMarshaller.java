package org.trestle.fn.data;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoUtils;
import java.io.IOException;
import java.io.InputStream;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.Elements;

/**
 * Reads messages of elements so that their data are parts of the received bytes: these are copied
 * out of the socket's buffers once, and not again into each block.
 */
final class ElementsMarshaller implements MethodDescriptor.Marshaller<Elements> {
  private static final MethodDescriptor.Marshaller<Elements> GENERATED =
      ProtoUtils.marshaller(Elements.getDefaultInstance());

  @Override
  public InputStream stream(Elements elements) {
    return GENERATED.stream(elements);
  }

  @Override
  public Elements parse(InputStream stream) {
    try {
      byte[] bytes = read(stream);
      CodedInputStream input = UnsafeByteOperations.unsafeWrap(bytes).newCodedInput();
      input.enableAliasing(true);
      Elements elements = Elements.parseFrom(input);
      input.checkLastTagWas(0);
      return elements;
    } catch (InvalidProtocolBufferException e) {
      throw Status.INTERNAL
          .withDescription("malformed message of elements")
          .withCause(e)
          .asRuntimeException();
    } catch (IOException e) {
      throw Status.INTERNAL
          .withDescription("cannot read a message of elements")
          .withCause(e)
          .asRuntimeException();
    }
  }

  private static byte[] read(InputStream stream) throws IOException {
    if (!(stream instanceof KnownLength)) {
      return stream.readAllBytes();
    }
    byte[] bytes = new byte[stream.available()];
    int read = stream.readNBytes(bytes, 0, bytes.length);
    if (read < bytes.length) {
      throw new IOException("ended after " + read + " of " + bytes.length + " bytes");
    }
    return bytes;
  }
}
