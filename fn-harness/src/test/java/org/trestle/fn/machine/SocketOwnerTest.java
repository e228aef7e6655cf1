package org.trestle.fn.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class SocketOwnerTest {
  private static InetSocketAddress far(Socket accepted) {
    return (InetSocketAddress) accepted.getRemoteSocketAddress();
  }

  private static InetSocketAddress near(Socket accepted) {
    return (InetSocketAddress) accepted.getLocalSocketAddress();
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void findsTheProcessAtTheOtherEnd() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket client = new Socket(server.getInetAddress(), server.getLocalPort());
        Socket accepted = server.accept()) {
      assertThat(client.isConnected()).isTrue();
      assertThat(SocketOwner.find(far(accepted), near(accepted))).contains(ProcessHandle.current());
    }
  }

  @Test
  void findsNobodyBehindAConnectionThatIsNotThere() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      InetSocketAddress address = (InetSocketAddress) server.getLocalSocketAddress();
      assertThat(SocketOwner.find(new InetSocketAddress(server.getInetAddress(), 1), address))
          .isEmpty();
    }
  }

  @Test
  void findsNobodyOnAnotherMachine() throws Exception {
    InetSocketAddress elsewhere =
        new InetSocketAddress(InetAddress.getByAddress(new byte[] {(byte) 192, 0, 2, 1}), 80);
    assertThat(SocketOwner.find(elsewhere, elsewhere)).isEmpty();
  }
}
