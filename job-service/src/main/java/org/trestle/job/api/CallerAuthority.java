package org.trestle.job.api;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Remembers under which address a caller reached this server, so that it can be given the same
 * address for the next service: it works through port forwards and container networks as well.
 */
final class CallerAuthority implements ServerInterceptor {
  private static final Context.Key<String> AUTHORITY = Context.key("authority");
  private static final Pattern HOST_AND_PORT =
      Pattern.compile("([A-Za-z0-9._-]{1,253}|\\[[0-9A-Fa-f:.%]{2,64}]):[1-9][0-9]{0,4}");

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String authority = call.getAuthority();
    Context context =
        authority == null ? Context.current() : Context.current().withValue(AUTHORITY, authority);
    return Contexts.interceptCall(context, call, headers, next);
  }

  static String orElse(String address) {
    @Nullable String authority = AUTHORITY.get();
    return authority != null && HOST_AND_PORT.matcher(authority).matches() ? authority : address;
  }
}
