package org.trestle.engine.state;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.trestle.engine.core.port.ByteKey;
import org.trestle.fn.wire.ByteSink;
import org.trestle.fn.wire.KeyGroups;
import org.trestle.fn.wire.VarInts;

/** A cell as bytes: the number of its map, its key, and its entries with their values. */
final class CellRecord {
  private CellRecord() {}

  static long hash(ByteKey key) {
    return KeyGroups.hash(key.bytes(), 0, key.length());
  }

  /** The hash of the key of the record in {@code bytes[from, to)}. */
  static long hash(byte[] bytes, int from, int to) {
    Reader reader = new Reader(bytes, from + Integer.BYTES, to);
    int length = (int) reader.number();
    return KeyGroups.hash(bytes, reader.position, reader.position + length);
  }

  /** The number of the map of the record at a position. */
  static int mapId(byte[] bytes, int from) {
    return ByteBuffer.wrap(bytes).getInt(from);
  }

  static void encode(Cell cell, int mapId, ByteKey key, ByteSink sink) {
    sink.putInt(mapId);
    sink.putLengthPrefixed(key.bytes(), 0, key.length());
    sink.putVarInt(cell.entries().size());
    for (Map.Entry<ByteKey, ValueChunks> entry : cell.entries().entrySet()) {
      ValueChunks values = entry.getValue();
      sink.putLengthPrefixed(entry.getKey().bytes(), 0, entry.getKey().length());
      sink.putVarInt(values.appends());
      sink.putLengthPrefixed(values.chunk(0), 0, values.length(0));
    }
  }

  /** The cell of a record; null if that is of another key or map. */
  static @Nullable Cell decode(byte[] bytes, int mapId, ByteKey key) {
    Reader reader = new Reader(bytes, Integer.BYTES, bytes.length);
    int keyLength = (int) reader.number();
    int keyFrom = reader.position;
    reader.position += keyLength;
    if (mapId(bytes, 0) != mapId
        || !Arrays.equals(bytes, keyFrom, reader.position, key.bytes(), 0, key.length())) {
      return null;
    }
    Cell cell = new Cell();
    for (long left = reader.number(); left > 0; left--) {
      ByteKey entry = ByteKey.wrap(reader.bytes());
      long appends = reader.number();
      cell.add(entry, new ValueChunks(reader.bytes(), appends));
    }
    return cell;
  }

  private static final class Reader {
    private final byte[] bytes;
    private final int end;
    private int position;

    Reader(byte[] bytes, int from, int end) {
      this.bytes = bytes;
      this.position = from;
      this.end = end;
    }

    long number() {
      long number = VarInts.decode(bytes, position, end);
      position = VarInts.skip(bytes, position, end);
      return number;
    }

    byte[] bytes() {
      int length = (int) number();
      position += length;
      return Arrays.copyOfRange(bytes, position - length, position);
    }
  }
}
