package org.trestle.fn.machine;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Finds the process on this machine at the other end of a connection. */
public final class SocketOwner {
  private static final Path PROC = Path.of("/proc");

  /** Words of a line of {@code /proc/net/tcp}. */
  private static final int LOCAL = 1;

  private static final int REMOTE = 2;
  private static final int INODE = 9;

  private SocketOwner() {}

  /**
   * Finds the process that holds the far end of a connection; reads the open files of all
   * processes, so takes milliseconds.
   *
   * @param far address of that end
   * @param near address of this end
   * @return the process; empty if it is on another machine or cannot be seen
   */
  public static Optional<ProcessHandle> find(InetSocketAddress far, InetSocketAddress near) {
    if (!isHere(far.getAddress())) {
      return Optional.empty();
    }
    String inode = inode(port(far), port(near));
    return inode == null ? Optional.empty() : holder("socket:[" + inode + "]");
  }

  private static boolean isHere(InetAddress address) {
    try {
      return address.isLoopbackAddress() || NetworkInterface.getByInetAddress(address) != null;
    } catch (IOException unknown) {
      return false;
    }
  }

  private static String port(InetSocketAddress address) {
    return String.format(Locale.ROOT, ":%04X", address.getPort());
  }

  private static @Nullable String inode(String farPort, String nearPort) {
    for (String table : new String[] {"net/tcp", "net/tcp6"}) {
      for (String line : ProcFiles.lines(PROC.resolve(table))) {
        String[] words = line.trim().split("\\s+");
        if (words.length > INODE
            && words[LOCAL].endsWith(farPort)
            && words[REMOTE].endsWith(nearPort)) {
          return words[INODE];
        }
      }
    }
    return null;
  }

  private static Optional<ProcessHandle> holder(String socket) {
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        if (holds(process, socket)) {
          return ProcessHandle.of(Long.parseLong(process.getFileName().toString()));
        }
      }
    } catch (IOException unreadable) {
      return Optional.empty();
    }
    return Optional.empty();
  }

  private static boolean holds(Path process, String socket) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path file : files) {
        if (Files.readSymbolicLink(file).toString().equals(socket)) {
          return true;
        }
      }
      return false;
    } catch (IOException gone) {
      return false; // ended meanwhile, or of another user
    }
  }
}
