package org.trestle.engine.state;

import org.trestle.engine.core.port.ByteKey;

/** Names a cell of user state: one state of a transform, for one key in one window. */
record StateAddress(String transform, String userState, ByteKey window, ByteKey key) {}
