package org.trestle.engine.state;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.VarInts;
import org.trestle.fn.wire.WireFormatException;

/**
 * Says where the next page of an answer starts: at an entry, and at a place within it. On the wire
 * it begins with a number that depends on the request, to find tokens of other requests.
 */
record PageToken(ByteKey entry, int position) {
  private static final int CHECK_LENGTH = Integer.BYTES;

  /** Where the first page starts. */
  static final PageToken START = new PageToken(ByteKey.empty(), 0);

  /**
   * Reads a token that came back.
   *
   * @param check the number of the request
   * @throws StateRequestException if it is not one of ours for such a request
   */
  static PageToken parse(ByteString token, int check) {
    if (token.isEmpty()) {
      return START;
    }
    byte[] bytes = token.toByteArray();
    try {
      int end = VarInts.skip(bytes, CHECK_LENGTH, bytes.length);
      long position = VarInts.decode(bytes, CHECK_LENGTH, bytes.length);
      int found = ByteBuffer.wrap(bytes).getInt(0);
      if (found == check && position >= 0 && position <= Integer.MAX_VALUE) {
        return new PageToken(ByteKey.copyOf(bytes, end, bytes.length), (int) position);
      }
    } catch (WireFormatException | IndexOutOfBoundsException e) {
      throw malformed(token);
    }
    throw malformed(token);
  }

  static StateRequestException malformed(ByteString token) {
    return new StateRequestException(
        "continuation token of " + token.size() + " bytes does not belong to this state");
  }

  ByteString encode(int check) {
    return new ByteSink(CHECK_LENGTH + 5 + entry.length())
        .putInt(check)
        .putVarInt(position)
        .put(entry.bytes())
        .toByteString();
  }
}
