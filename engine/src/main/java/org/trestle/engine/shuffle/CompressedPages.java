package org.trestle.engine.shuffle;

import java.util.Arrays;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4FastDecompressor;
import org.jspecify.annotations.Nullable;

/** Bytes compressed with LZ4 in pages, so that a part of them can be read alone. */
final class CompressedPages {
  /** How many bytes a page holds when it is not compressed; the last one may hold fewer. */
  static final int PAGE_BYTES = 64 << 10;

  /** Fewer bytes are not worth the trouble. */
  private static final int MIN_BYTES = 512;

  private final byte[] data;
  private final int length;
  private final int[] ends;

  private CompressedPages(byte[] data, int length, int[] ends) {
    this.data = data;
    this.length = length;
    this.ends = ends;
  }

  /** Loaded when something is spilled for the first time. */
  private static final class Lz4 {
    static final LZ4Compressor COMPRESSOR = LZ4Factory.fastestInstance().fastCompressor();
    static final LZ4FastDecompressor DECOMPRESSOR = LZ4Factory.fastestInstance().fastDecompressor();
  }

  /**
   * Compresses bytes.
   *
   * @return null if it does not pay, as far as the first page tells
   */
  static @Nullable CompressedPages of(byte[] source, int from, int to) {
    int size = to - from;
    if (size < MIN_BYTES) {
      return null;
    }
    int[] ends = new int[(size + PAGE_BYTES - 1) / PAGE_BYTES];
    byte[] data = new byte[Lz4.COMPRESSOR.maxCompressedLength(Math.min(size, PAGE_BYTES))];
    int bound = data.length;
    int used = 0;
    for (int page = 0; page < ends.length; page++) {
      int start = from + page * PAGE_BYTES;
      int length = Math.min(PAGE_BYTES, to - start);
      if (data.length - used < bound) {
        long likely = (long) used * ends.length / page + bound;
        data = Arrays.copyOf(data, (int) Math.max(likely, (long) used + bound));
      }
      int compressed = Lz4.COMPRESSOR.compress(source, start, length, data, used);
      if (compressed >= length) {
        System.arraycopy(source, start, data, used, length);
        compressed = length;
      }
      if (page == 0 && compressed > length - length / 8) {
        return null;
      }
      used += compressed;
      ends[page] = used;
    }
    return new CompressedPages(data, used, ends);
  }

  /** The pages, one after the other; one that does not shrink is kept as it is. */
  byte[] data() {
    return data;
  }

  /** How many bytes of {@link #data} count. */
  int length() {
    return length;
  }

  /** Where each page ends in {@link #data}. */
  int[] ends() {
    return ends;
  }

  /**
   * Decompresses a page, or copies one that was kept as it is.
   *
   * @param from where the page starts in {@code stored}
   * @param to where it ends there
   * @param size its length when it is not compressed
   */
  static void expand(byte[] stored, int from, int to, byte[] target, int at, int size) {
    if (to - from == size) {
      System.arraycopy(stored, from, target, at, size);
    } else {
      Lz4.DECOMPRESSOR.decompress(stored, from, target, at, size);
    }
  }
}
